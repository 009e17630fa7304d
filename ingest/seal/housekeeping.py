"""What the lake needs now and then: raw messages past their days removed, small files merged."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import date, datetime, timedelta

from ingest.heap import give_back
from ingest.lake.compact import compact_lake
from ingest.lake.durable import ExchangeUnsupportedError
from ingest.lake.files import partition_days
from ingest.lake.layout import DataFolder
from ingest.lake.locks import clear_trash
from ingest.lake.tables import table
from ingest.lake.write import remove_partition
from ingest.seal.pace import Pace
from ingest.site import Site

_SETTLED_S = 600.0
"""A closed day's files are merged when nothing has come for it for so long."""


def keep_house(
    folder: DataFolder,
    site: Site,
    now: datetime,
    pace: Pace,
    turned: Callable[[], None] = lambda: None,
    set_aside: Callable[[list[str]], None] = lambda _: None,
) -> None:
    """Give back what the disk no longer need hold, then compact the lake. Raises: StoreError, when all else is done.

    turned: called again and again while files are merged, where no lock is held; a MergeLeftError of it ends that
    set_aside: called with the names of files that were found damaged, which a merge looks for in each it takes
    Where the file system cannot swap folders nothing is compacted; everything else goes on.
    """
    try:
        free_space(folder, site, now, pace.raw_days)
    finally:
        _merge(folder, site.local_date(now), pace, turned, set_aside)


def free_space(folder: DataFolder, site: Site, now: datetime, raw_days: int) -> None:
    """Remove what was replaced a while ago, and old raw messages. Raises: StoreError.

    Needs no room on the disk, and nothing to be sealed before: a full disk may be waiting for just this.

    raw_days: raw messages of older local days go, but never the newest so many days that there are: a clock that
    jumped ahead must not remove everything
    """
    try:
        _remove_raw_messages(folder, site, now, raw_days)
    finally:
        clear_trash(folder)


def _merge(
    folder: DataFolder,
    today: date,
    pace: Pace,
    turned: Callable[[], None],
    set_aside: Callable[[list[str]], None],
) -> None:
    with contextlib.suppress(ExchangeUnsupportedError):
        for _ in compact_lake(
            folder, today, pace.compact_files, _SETTLED_S, pace.merge_bytes, turned, pace.min_free_bytes, set_aside
        ):
            # A round may merge a whole lake, after a restore: without this it would lie in the trash once more.
            clear_trash(folder)
            give_back()


def _remove_raw_messages(folder: DataFolder, site: Site, now: datetime, raw_days: int) -> None:
    spec = table("raw_messages")
    oldest = site.local_date(now) - timedelta(days=raw_days)
    for day in partition_days(folder, spec)[:-raw_days]:
        if day < oldest:
            remove_partition(folder, spec, day)
