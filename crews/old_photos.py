"""Photos that need not be kept any longer: of issues that ended long ago, and files that no report ever named.

A photo that goes leaves its hash in the ledger: it was sent before, and proves no later work.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from crews.issue import Issue
from crews.ledger import Ledger, from_us
from ingest.lake.durable import fsync_folder, store_errors
from ingest.lake.layout import DataFolder

_UNNAMED_S = 86_400.0
"""A report is written and committed in seconds; what no report names after a day was left by one that failed."""


@dataclass(frozen=True, slots=True)
class OldPhoto:
    """A file that is to go.

    ended_on: local day on which the last of its issues ended; None where no report names it
    """

    path: Path
    size_bytes: int
    ended_on: date | None


def find_old_photos(ledger: Ledger, folder: DataFolder, kept_from: date | None) -> Iterator[OldPhoto]:
    """Yield the photos all of whose issues ended before the local day `kept_from`; none where that is None.

    A photo of an issue that is open, or drawn for a look-back that nobody has made, is kept. Raises: StoreError.
    """
    if kept_from is None:
        return
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
        if any(not _is_over(issues[issue_id]) for issue_id in of):
            continue
        ended = [ledger.site.local_date(at) for at in (from_us(row["received_at"]), *(last_event[one] for one in of))]
        size = _size(path)
        if size is not None and max(ended) < kept_from:
            yield OldPhoto(path, size, max(ended))


def _is_over(issue: Issue) -> bool:
    return not issue.is_open and not (issue.state == "closed" and issue.look_back_on is not None)


def find_unnamed_photos(ledger: Ledger, folder: DataFolder) -> Iterator[OldPhoto]:
    """Yield the files of photos that no report has named for a day, half-written ones too. Raises: StoreError."""
    known = {row["file_name"] for row in ledger.run("select file_name from photos", ())}
    with store_errors(f"looking through {folder.photos}"):
        paths = [*folder.photos.glob("photo-*"), *(folder.photos / ".staging").glob("*.part")]
    for path in sorted(paths):
        size = _size(path, older_than_s=_UNNAMED_S)
        if size is not None and path.name not in known:
            yield OldPhoto(path, size, None)


def _size(path: Path, older_than_s: float = 0.0) -> int | None:
    """Return the size of a file; None where it is none, or got its name less than `older_than_s` ago."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size if path.is_file() and time.time() - found.st_ctime >= older_than_s else None


def delete_old_photos(ledger: Ledger, folder: DataFolder, kept_from: date | None) -> list[OldPhoto]:
    """Delete what both questions find at this moment, and return it.

    Nobody can report meanwhile: a report writes its photos and names them in one transaction. Raises: StoreError.
    """
    with ledger.transaction():
        found = [*find_old_photos(ledger, folder, kept_from), *find_unnamed_photos(ledger, folder)]
        with store_errors(f"removing photos from {folder.photos}"):
            _unlink(one.path for one in found)
    return found


def _unlink(paths: Iterable[Path]) -> None:
    parents = set()
    for path in paths:
        path.unlink(missing_ok=True)
        parents.add(path.parent)
    for parent in parents:
        fsync_folder(parent)
