"""What the lake needs now and then: small files merged, raw messages past their days removed."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from ingest.heap import give_back
from ingest.lake.compact import MERGE_BYTES, compact_lake
from ingest.lake.durable import ExchangeUnsupportedError, make_folder, store_errors
from ingest.lake.layout import DataFolder
from ingest.lake.locks import clear_trash
from ingest.lake.read import partition_days
from ingest.lake.tables import table
from ingest.site import Site

_SETTLED_S = 600.0
"""A closed day's files are merged when nothing has come for it for so long."""


def keep_house(
    folder: DataFolder,
    site: Site,
    now: datetime,
    compact_files: int,
    raw_days: int,
    turned: Callable[[], None] = lambda: None,
    merge_bytes: int = MERGE_BYTES,
) -> None:
    """Compact the lake, and remove old raw messages and what was replaced a while ago. Raises: StoreError.

    raw_days: raw messages of older local days go, but never the newest so many days that there are: a clock that
    jumped ahead must not remove everything
    turned: called again and again while files are merged, where no lock is held; what it raises ends that
    merge_bytes: as in `compact_partition`
    Where the file system cannot swap folders nothing is compacted; everything else goes on.
    """
    today = site.local_date(now)
    with contextlib.suppress(ExchangeUnsupportedError):
        for _ in compact_lake(folder, today, compact_files, _SETTLED_S, merge_bytes, turned):
            give_back()
    clear_trash(folder)
    _remove_raw_messages(folder, site, now, raw_days)


def _remove_raw_messages(folder: DataFolder, site: Site, now: datetime, raw_days: int) -> None:
    spec = table("raw_messages")
    oldest = site.local_date(now) - timedelta(days=raw_days)
    for day in partition_days(folder, spec)[:-raw_days]:
        if day < oldest:
            with store_errors(f"removing {spec.name} of {day}"):
                make_folder(folder.trash)
                folder.partition(spec.name, day).rename(folder.trash / uuid.uuid4().hex)
