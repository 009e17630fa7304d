"""Photos that crews send: checked by their first bytes, kept under the hash of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from crews.issue import ActionRefusedError
from crews.ledger import Ledger, to_us
from crews.policy import most_photo_bytes_a_day
from ingest.lake.durable import write_new_file
from ingest.lake.layout import DataFolder

LARGEST_BYTES = 10_000_000
SMALLEST_BYTES = 1_000
"""No camera writes less; a file that was cut off, or a first few bytes alone, shows nothing of any work."""

MOST_PHOTOS = 2
"""Photos in one report: before and after."""

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_SUFFIX = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/heic": ".heic"}


def media_type(data: bytes) -> str | None:
    """Return image/jpeg, image/png, image/webp or image/heic by the first bytes; None for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return "image/heic"
    return None


def photo_hash(data: bytes) -> str:
    """Return the SHA-256 of a photo's bytes in hex. Raises: ActionRefusedError for no photo, or of wrong size."""
    if len(data) > LARGEST_BYTES:
        raise ActionRefusedError("photo_too_large", f"A photo has at most {LARGEST_BYTES // 1_000_000} MB.")
    if media_type(data) is None:
        raise ActionRefusedError("no_photo", "Only JPEG, PNG, WebP and HEIC photos are taken.")
    if len(data) < SMALLEST_BYTES:
        raise ActionRefusedError("photo_too_small", f"A photo has at least {SMALLEST_BYTES:,} bytes, got {len(data)}.")
    return hashlib.sha256(data).hexdigest()


def keep_photos(ledger: Ledger, folder: DataFolder, photos: Sequence[bytes], crew: str, now: datetime) -> None:
    """Keep photos of `crew` durably, each content once, or none of them; inside a transaction.

    They stay should the transaction fail to commit: where the fsync of its log failed and the process then died, SQLite
    takes it for done, and its event names them. Whoever sends them again finds them by their content.

    Raises: ActionRefusedError when the crew has sent too much today or something is no photo; StoreError.
    """
    day = ledger.site.local_date(now).isoformat()
    sent = ledger.run("select bytes from photo_bytes where crew = ? and day = ?", (crew, day))
    total = (int(sent[0]["bytes"]) if sent else 0) + sum(len(data) for data in photos)
    if photos and total > most_photo_bytes_a_day():
        raise ActionRefusedError(
            "photo_quota", f"Crew {crew} has sent {most_photo_bytes_a_day() / 1e6:.0f} MB of photos today; no more fit."
        )
    with _all_or_none() as written:
        for data in photos:
            sha256 = photo_hash(data)
            if find_photo(ledger, folder, sha256) is not None:
                continue
            path = _write(folder, data)
            written.append(path)
            ledger.run(
                "insert or ignore into photos (sha256, file_name, media_type, bytes, received_at)"
                " values (?, ?, ?, ?, ?)",
                (sha256, path.name, media_type(data), len(data), to_us(now)),
            )
        if photos:
            ledger.run("insert or replace into photo_bytes (crew, day, bytes) values (?, ?, ?)", (crew, day, total))


@contextmanager
def _all_or_none() -> Iterator[list[Path]]:
    """Yield a list for the paths of new files, which are removed again when the block fails."""
    written: list[Path] = []
    try:
        yield written
    except BaseException:
        for path in written:
            with suppress(OSError):  # the first failure is the one to tell
                path.unlink()
        raise


def _write(folder: DataFolder, data: bytes) -> Path:
    def fill(sink: Any) -> None:
        sink.write(data)

    return write_new_file(folder.photos / ".staging", folder.photos, "photo", _SUFFIX[media_type(data) or ""], fill)


def photo_types(ledger: Ledger, folder: DataFolder, hashes: Iterable[str]) -> dict[str, str]:
    """Return the media type of each photo that is kept, by its hash. Raises: StoreError."""
    found = ((sha256, find_photo(ledger, folder, sha256)) for sha256 in hashes)
    return {sha256: photo[1] for sha256, photo in found if photo is not None}


def photos_of_action(ledger: Ledger, action_id: str) -> list[dict[str, Any]]:
    """Return role, SHA-256 and bytes of each photo that is kept of an action. Raises: StoreError."""
    rows = ledger.run(
        "select photo.value ->> 'role' as role, photos.sha256, photos.bytes from actions"
        " inner join events on actions.event_id = events.event_id,"
        " json_each(events.detail_json, '$.photos') as photo"
        " inner join photos on photos.sha256 = photo.value ->> 'sha256'"
        " where actions.action_id = ? order by photo.key",
        (action_id,),
    )
    return [dict(row) for row in rows]


def find_photo(ledger: Ledger, folder: DataFolder, sha256: str, crew: str | None = None) -> tuple[Path, str] | None:
    """Return path and media type of a photo; None when none is kept, or it is of no issue of `crew` (None: any)."""
    rows = ledger.run("select file_name, media_type from photos where sha256 = ?", (sha256,))
    if not rows:
        return None
    if crew is not None and not ledger.run(
        "select 1 from issues inner join events on issues.issue_id = events.issue_id,"
        " json_each(events.detail_json, '$.photos') as photo"
        " where issues.crew = ? and photo.value ->> 'sha256' = ? limit 1",
        (crew, sha256),
    ):
        return None
    path = folder.photos / rows[0]["file_name"]
    return (path, rows[0]["media_type"]) if path.is_file() else None
