"""Where things lie: the one module that knows path names.

data/
  lake/{table}/date=YYYY-MM-DD/part-….parquet   the truth; any tool reads it
  lake/plots/plots-….parquet, lake/devices/…    registers, one file a version
  lake/retention/…                              from when on tables are kept, where old days were deleted by rule
  lake/stream_units/…, lake/sparkplug_births/…  what senders said before, also one file a version
  lake/analyst/greensward.duckdb, …/init.sql    views over all of that, for tools that open a database; made anew
  lake/datapackage.json                         what each table is and each of its columns, as a Data Package
  damaged/                                      files set aside because their bytes changed
  staging/  trash/                              beside the lake, same file system; never globbed
  inbox/inbox.sqlite   ledger/ledger.sqlite     journal in, journal of work
  ledger/photos/
  ledger/plot-stories.parquet                   what the newest evaluation saw of plots with work or an issue
  carried/                                      what an evaluation leaves to the next; may be deleted at any time
  settled/                                      old days of tables, copied into a file each; may be deleted at any time
  restoring/                                    a backup on its way back
  VERSION                                       of this layout
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

LAYOUT_VERSION = 2
"""1: runs of packets in the inbox as they came, which version 2 still reads. 2: they are compressed."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Names of everything under one data folder; touches no disk."""

    root: Path

    @property
    def lake(self) -> Path:
        """Root of the Parquet tables."""
        return self.root / "lake"

    @property
    def analyst_database(self) -> Path:
        """DuckDB file of views, and nothing else, over the tables."""
        return self.lake / "analyst" / "greensward.duckdb"

    @property
    def analyst_start(self) -> Path:
        """Statements that a session over that file begins with."""
        return self.lake / "analyst" / "init.sql"

    @property
    def data_package(self) -> Path:
        """What the tables are and their columns; beside them, as a Data Package may only name what lies below it."""
        return self.lake / "datapackage.json"

    @property
    def staging(self) -> Path:
        """Where files are written before they are renamed into the lake."""
        return self.root / "staging"

    @property
    def trash(self) -> Path:
        """Where replaced partitions go before they are removed."""
        return self.root / "trash"

    @property
    def damaged(self) -> Path:
        """Where files go whose bytes are not those that were written."""
        return self.root / "damaged"

    @property
    def replay_request(self) -> Path:
        """Left for a running ingest that is to judge refused messages again; holds the first day, or nothing."""
        return self.root / "replay-request"

    @property
    def status_file(self) -> Path:
        """What the running ingest last said of itself, JSON."""
        return self.root / "ingest-status.json"

    @property
    def inbox(self) -> Path:
        """The journal between the network and the lake."""
        return self.root / "inbox" / "inbox.sqlite"

    @property
    def ledger(self) -> Path:
        """The journal of issues and what people did about them."""
        return self.root / "ledger" / "ledger.sqlite"

    @property
    def exported_events(self) -> Path:
        """Number of the ledger's newest event that is in issue_events."""
        return self.root / "ledger" / "exported-events"

    @property
    def plot_stories(self) -> Path:
        """What the newest evaluation saw of the month of plots with work or an issue; made anew by the next."""
        return self.root / "ledger" / "plot-stories.parquet"

    @property
    def flight_lists(self) -> Path:
        """What the newest evaluation has of drones for the office to look at or to pass on; made anew by the next."""
        return self.root / "ledger" / "flight-lists.json"

    @property
    def link_keys(self) -> Path:
        """Keys that the links of crews and office are signed with."""
        return self.secrets / "crew-links.json"

    @property
    def sender_lock(self) -> Path:
        """Held by whoever sends what crews are told."""
        return self.root / "ledger" / "sender.lock"

    @property
    def photos(self) -> Path:
        """Photos that crews sent."""
        return self.root / "ledger" / "photos"

    @property
    def carried(self) -> Path:
        """What the newest evaluation leaves to the next, so that it need not judge all readings again."""
        return self.root / "carried"

    @property
    def settled(self) -> Path:
        """Copies of the old days of what evaluations read far back; made anew by the next."""
        return self.root / "settled"

    @property
    def restoring(self) -> Path:
        """Where a backup is put together before its parts get their places."""
        return self.root / "restoring"

    @property
    def secrets(self) -> Path:
        """Keys made by Greensward itself, mode 0700."""
        return self.root / "secrets"

    @property
    def writer_lock(self) -> Path:
        """Held by the one process that writes to the lake."""
        return self.root / "writer.lock"

    @property
    def up_lock(self) -> Path:
        """Held by the one `greensward up` that runs everything on this data folder."""
        return self.root / "up.lock"

    @property
    def lake_lock(self) -> Path:
        """Held shared while files are added, alone while folders are swapped."""
        return self.root / "lake.lock"

    @property
    def evaluation_lock(self) -> Path:
        """Held from comparing flags or issue_events with the lake until what is new of them is written."""
        return self.root / "evaluation.lock"

    @property
    def version_file(self) -> Path:
        """Holds the layout version."""
        return self.root / "VERSION"

    def is_ours(self, entry: Path) -> bool:
        """Say whether `entry` of the root may lie in a data folder.

        What is made here, also half-made by a run that was killed ("VERSION.1f3a.part"); settings; what systems put.
        """
        known = (
            self.lake,
            self.staging,
            self.trash,
            self.damaged,
            self.replay_request,
            self.status_file,
            self.inbox,
            self.ledger,
            self.carried,
            self.settled,
            self.restoring,
            self.secrets,
            self.writer_lock,
            self.up_lock,
            self.lake_lock,
            self.evaluation_lock,
            self.version_file,
        )
        stems = {path.relative_to(self.root).parts[0].partition(".")[0] for path in known}
        return entry.name.partition(".")[0] in {"", "greensward", "broker", "lost+found", *stems}

    def table(self, name: str) -> Path:
        """Folder of one table."""
        return self.lake / name

    def partition(self, name: str, day: date) -> Path:
        """Folder of one local day of one table."""
        return self.table(name) / f"date={day.isoformat()}"

    def glob(self, name: str) -> str:
        """Glob that a plain `read_parquet` of the table takes."""
        return str(self.table(name) / "*" / "*.parquet")
