"""Photos that need not be kept any longer: of issues that ended long ago, and files that no report names.

Where the ledger was lost, or an older one put back, the lake's copy of its events still says what is named. A photo
that goes leaves its hash in the ledger: it was sent before, and proves no later work.
"""

from __future__ import annotations

import itertools
import json
import os
import stat
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from crews.issue import Issue
from crews.ledger import Ledger, from_us
from ingest.errors import StoreError
from ingest.lake.durable import fsync_folder, store_errors
from ingest.lake.files import is_gone, list_files, read_files, retrying_while
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table

_HALF_WRITTEN_S = 86_400.0
"""A photo is written in seconds; what is half there after a day was left by a report that failed."""

_AT_ONCE = 200
"""Files deleted in a transaction: a crew's report waits for it, for 10 s at most."""


@dataclass(frozen=True, slots=True)
class OldPhoto:
    """A file that is to go.

    ended_on: local day on which the last of its issues ended; None where no report names it
    """

    path: Path
    size_bytes: int
    ended_on: date | None


def find_old_photos(ledger: Ledger, folder: DataFolder, kept_from: date | None) -> list[OldPhoto]:
    """Return the photos all of whose issues ended before the local day `kept_from`, and what no report names.

    kept_from: None where all are kept, but for half-written ones
    A photo of an issue that is open, or drawn for a look-back that nobody has made, is kept. What neither the ledger
    nor the lake names counts from when it was put there. Raises: StoreError.
    """
    named = _named_in_lake(folder) if kept_from is not None else frozenset()
    ledger.run("begin", ())  # one state of the ledger, whatever crews report meanwhile
    try:
        return list(_found(ledger, folder, kept_from, named))
    finally:
        ledger.run("rollback", ())


def _named_in_lake(folder: DataFolder) -> frozenset[str]:
    """Return the hashes of photos that events in the lake name, as file names have them."""
    spec = table("issue_events")
    try:
        rows = retrying_while(
            is_gone, folder, lambda: read_files(spec, [Path(file) for file in list_files(folder, spec)])
        )
        details = [json.loads(text) for text in rows["detail_json"].to_pylist() if '"photos"' in text]
        return frozenset(_as_named(photo["sha256"]) for detail in details for photo in detail["photos"])
    except (pa.ArrowException, ValueError, LookupError, TypeError) as error:
        raise StoreError(
            f"{folder.table(spec.name)} cannot be read: {error}. It says which photos are of issues, so none was "
            "deleted. Run: greensward lake check"
        ) from error


def _as_named(sha256: str) -> str:
    return f"photo-{sha256[:32]}"


def _found(ledger: Ledger, folder: DataFolder, kept_from: date | None, named: frozenset[str]) -> Iterator[OldPhoto]:
    yield from _half_written(folder)
    if kept_from is not None:
        yield from _of_ended_issues(ledger, folder, kept_from, named)
        yield from _unnamed(ledger, folder, kept_from, named)


def _of_ended_issues(
    ledger: Ledger, folder: DataFolder, kept_from: date, elsewhere: frozenset[str]
) -> Iterator[OldPhoto]:
    last_event = {
        row["issue_id"]: from_us(row["at"])
        for row in ledger.run("select issue_id, max(happened_at) as at from events group by issue_id", ())
    }
    issues = {issue.issue_id: issue for issue in ledger.all_issues()}
    named: defaultdict[str, set[str]] = defaultdict(set)
    for row in ledger.run(
        "select distinct events.issue_id, photo.value ->> 'sha256' as sha256"
        " from events, json_each(events.detail_json, '$.photos') as photo",
        (),
    ):
        named[row["sha256"]].add(row["issue_id"])
    for row in ledger.run("select sha256, file_name, received_at from photos order by sha256", ()):
        path = folder.photos / row["file_name"]
        of = named[row["sha256"]]
        if any(not _is_over(issues[issue_id]) for issue_id in of) or (not of and path.stem in elsewhere):
            continue
        ended = [ledger.site.local_date(at) for at in (from_us(row["received_at"]), *(last_event[one] for one in of))]
        if max(ended) < kept_from and (found := _file(path)) is not None:
            yield OldPhoto(path, found.st_size, max(ended))


def _is_over(issue: Issue) -> bool:
    return not issue.is_open and not (issue.state == "closed" and issue.look_back_on is not None)


def _half_written(folder: DataFolder) -> Iterator[OldPhoto]:
    for path in _sorted(folder.photos / ".staging", "*.part"):
        found = _file(path)
        if found is not None and time.time() - found.st_ctime >= _HALF_WRITTEN_S:
            yield OldPhoto(path, found.st_size, None)


def _unnamed(ledger: Ledger, folder: DataFolder, kept_from: date, elsewhere: frozenset[str]) -> Iterator[OldPhoto]:
    known = {row["file_name"] for row in ledger.run("select file_name from photos", ())}
    for path in _sorted(folder.photos, "photo-*"):
        if path.name in known or path.stem in elsewhere:
            continue
        found = _file(path)
        if found is not None and ledger.site.local_date(datetime.fromtimestamp(found.st_ctime, UTC)) < kept_from:
            yield OldPhoto(path, found.st_size, None)


def _sorted(folder: Path, pattern: str) -> list[Path]:
    with store_errors(f"looking through {folder}"):
        return sorted(folder.glob(pattern))


def _file(path: Path) -> os.stat_result | None:
    """Return what the system says of a file; None where it is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def delete_old_photos(ledger: Ledger, folder: DataFolder, kept_from: date | None) -> list[OldPhoto]:
    """Delete what `find_old_photos` finds, some at a time, and return it.

    Nobody can report meanwhile: a report writes its photos and names them in one transaction. Raises: StoreError.
    """
    named = _named_in_lake(folder) if kept_from is not None else frozenset()
    deleted = list[OldPhoto]()
    while True:
        with ledger.transaction():
            found = list(itertools.islice(_found(ledger, folder, kept_from, named), _AT_ONCE))
            with store_errors(f"removing photos from {folder.photos}"):
                _unlink(one.path for one in found)
        deleted += found
        if len(found) < _AT_ONCE:
            return deleted


def _unlink(paths: Iterable[Path]) -> None:
    parents = set()
    for path in paths:
        path.unlink(missing_ok=True)
        parents.add(path.parent)
    for parent in parents:
        fsync_folder(parent)
