"""Photos that crews send: checked by their first bytes, kept under the hash of their content."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from crews.issue import ActionRefusedError
from crews.ledger import Ledger, to_us
from ingest.lake.durable import write_new_file
from ingest.lake.layout import DataFolder

LARGEST_BYTES = 10_000_000

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


def keep_photo(ledger: Ledger, folder: DataFolder, data: bytes, now: datetime) -> str:
    """Keep a photo durably and return the SHA-256 of its bytes in hex; the same photo again is kept once.

    Raises: ActionRefusedError for what is no photo or too large; StoreError, and nothing is kept then.
    """
    if len(data) > LARGEST_BYTES:
        raise ActionRefusedError("photo_too_large", f"A photo has at most {LARGEST_BYTES // 1_000_000} MB.")
    kind = media_type(data)
    if kind is None:
        raise ActionRefusedError("no_photo", "Only JPEG, PNG, WebP and HEIC photos are taken.")
    sha256 = hashlib.sha256(data).hexdigest()
    path = write_new_file(
        folder.photos / ".staging", folder.photos, "photo", _SUFFIX[kind], lambda sink: _write(sink.write, data)
    )
    with ledger.transaction():
        ledger.run(
            "insert or ignore into photos (sha256, file_name, media_type, bytes, received_at) values (?, ?, ?, ?, ?)",
            (sha256, path.name, kind, len(data), to_us(now)),
        )
    return sha256


def _write(write: object, data: bytes) -> None:
    assert callable(write)
    write(data)


def find_photo(ledger: Ledger, folder: DataFolder, sha256: str, crew: str | None = None) -> tuple[Path, str] | None:
    """Return path and media type of a photo; None when there is none, or none in an issue of `crew` (None: any)."""
    rows = ledger.run("select file_name, media_type from photos where sha256 = ?", (sha256,))
    if not rows:
        return None
    if crew is not None and not ledger.run(
        "select 1 from issues, json_each(issue_json, '$.photos') as photo"
        " where crew = ? and photo.value ->> 'sha256' = ? limit 1",
        (crew, sha256),
    ):
        return None
    return folder.photos / rows[0]["file_name"], rows[0]["media_type"]
