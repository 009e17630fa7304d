"""What the running ingest says of itself, for health checks and `doctor`: one small JSON file, replaced whole."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ingest.errors import StoreError
from ingest.lake.durable import store_errors
from ingest.lake.layout import DataFolder


class IngestStatus(msgspec.Struct, kw_only=True):
    """State of one ingest process.

    written_at: when this was said; a file older than a minute means that nobody says anything any more
    connected: what is published now reaches us: connected to the broker, every topic subscribed
    messages, outcomes: since this process started
    paused: why nothing is taken from the broker, or ""
    certificate_ends_at: when the certificate ends that the broker showed last, UTC; None without TLS
    seal_problem: why the last attempt to write to the lake failed, "" when it did not
    """

    pid: int
    started_at: datetime
    written_at: datetime
    broker: str
    connected: bool
    sessions_lost: int
    stale_acks_dropped: int
    messages: int
    outcomes: dict[str, int]
    waiting_messages: int
    waiting_bytes: int
    last_message_at: datetime | None
    last_seal_at: datetime | None
    paused: str
    last_problem: str
    seal_problem: str
    damaged_files: list[str]
    certificate_ends_at: datetime | None = None


def write_status(folder: DataFolder, status: IngestStatus) -> None:
    """Replace the status file. Not fsynced: it is worth nothing after a crash. Raises: StoreError."""
    temporary = folder.status_file.with_suffix(".part")
    with store_errors(f"writing {folder.status_file}"):
        temporary.write_bytes(msgspec.json.encode(status))
        temporary.replace(folder.status_file)


def read_status(folder: DataFolder) -> IngestStatus | None:
    """Return what ingest last said, or None when it said nothing here: it never ran, or not since a power cut.

    Raises: StoreError for an unreadable file.
    """
    try:
        said = folder.status_file.read_bytes()
        # What a power cut leaves of a file that was not fsynced: its name, and no bytes or zeros.
        return msgspec.json.decode(said, type=IngestStatus) if said.strip(b"\0") else None
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(f"{folder.status_file}: {error}") from error
