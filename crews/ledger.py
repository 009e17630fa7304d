"""The ledger: an append-only journal of what happened to issues (SQLite, WAL, synchronous=FULL).

Each process opens its own; several at once are fine. A change is one transaction that appends events and keeps the
table of current issues in step; a crash leaves all of it or nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import pyarrow as pa

from crews import finding as findings
from crews.finding import Finding
from crews.issue import JUDGED_KINDS, ActionRefusedError, Event, Issue
from crews.transitions import advance, check_allowed, opened, rebuild
from ingest.disk_words import said_of_database
from ingest.errors import StoreError
from ingest.lake.durable import make_folder, store_errors
from ingest.lake.locks import file_lock
from ingest.lake.tables import table
from ingest.site import Site

GREENSWARD = "greensward"
"""The actor of what the program does by itself."""

_LAYOUT = 4
_BUSY_S = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(instant: datetime) -> int:
    """Return microseconds since 1970-01-01 UTC of an aware instant."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """Return the instant, UTC, that `to_us` gave."""
    return _EPOCH + timedelta(microseconds=microseconds)


def issue_prefix(district: str) -> str:
    """Return the letters that the district's issue ids begin with: its first two consonants (beichen: BC)."""
    letters = [letter for letter in district.upper() if "A" <= letter <= "Z"]
    consonants = [letter for letter in letters if letter not in "AEIOU"]
    return "".join((consonants + letters)[:2]).ljust(2, "X")


def _sql(name: str) -> str:
    return (resources.files("crews") / "tables" / name).read_text(encoding="utf-8")


def _statements(script: str) -> Iterator[str]:
    """Return the statements of a script one by one; executescript would end the transaction around them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


class Ledger:
    """An open ledger; use as a context manager, in one thread."""

    def __init__(self, path: Path, site: Site) -> None:
        """Open the ledger at `path`, making it on first use.

        Before the first change what others wrote is copied from the write-ahead log into the file and fsynced, as far
        as nobody reads an older state of it: no change is to lie behind a page that an earlier failed fsync left in
        memory only. Not before reading, for which a full disk has room.

        Raises: StoreError when it cannot be opened, is damaged, or was made by a newer Greensward.
        """
        self.site = site
        self._path = path
        self._is_log_copied = False
        with store_errors(f"opening the ledger {path}"):
            make_folder(path.parent)
        # SQLite does not wait when two processes switch a new file to WAL at once.
        with file_lock(path.with_suffix(".lock")), self._sqlite_errors("opening"):
            self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            layout = self._db.execute("pragma user_version").fetchone()[0]
            if layout > _LAYOUT:
                self._db.close()
                raise StoreError(f"{path} has layout {layout}; this Greensward knows up to {_LAYOUT}. Update it.")
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = full")
            if layout == 0:
                self._db.executescript(
                    f"begin immediate;\n{_sql('ledger.sql')}\npragma user_version = {_LAYOUT};\ncommit;"
                )
            elif layout < _LAYOUT:
                self._bring_up_to_date(layout)

    def _bring_up_to_date(self, layout: int) -> None:
        with self.transaction():
            for older in range(layout, _LAYOUT):
                for statement in _statements(_sql(f"ledger_{older}_to_{older + 1}.sql")):
                    self._db.execute(statement)
            self._rebuild()
            self._db.execute(f"pragma user_version = {_LAYOUT}")

    def __enter__(self) -> Self:
        """Return the ledger itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the ledger."""
        self.close()

    def close(self) -> None:
        """Close the connection; a transaction that is still open is undone."""
        self._db.close()

    @contextmanager
    def _sqlite_errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # its words may hold bytes of a damaged file
            raise StoreError(
                f"ledger, {doing}: {said_of_database(error, self._path)}. Nothing was changed; try again, or run: "
                "greensward doctor"
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Say of what cannot be read that it is damaged: another letter in it, and it is no JSON, or no instant."""
        with self._sqlite_errors("reading"):
            try:
                yield
            except (msgspec.MsgspecError, ValueError, LookupError, TypeError, OverflowError) as error:
                raise StoreError(
                    f"ledger, reading: {error}. Something in it is not what was written; nothing was changed. "
                    "See: greensward doctor, or restore it from a backup"
                ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside the block one durable change, or none. Raises: StoreError."""
        with self._sqlite_errors("writing"):
            if not self._is_log_copied:
                self._db.execute("pragma wal_checkpoint(truncate)")
                self._is_log_copied = True
            self._db.execute("begin immediate")
            try:
                yield
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise

    def open_issue(self, plot_id: str, cause: str, now: datetime, actor: str, detail: dict[str, Any]) -> Issue:
        """Append `opened` and return the new issue; inside a transaction.

        Raises: ActionRefusedError when the plot has an open issue of that cause already.
        """
        day = self.site.local_date(now)
        stem = f"{issue_prefix(self.site.district)}-{day:%Y%m%d}-"
        taken = self._db.execute(
            "select count(*) from issues where issue_id >= ? and issue_id < ?", (stem, stem + "~")
        ).fetchone()[0]
        issue_id = f"{stem}{taken + 1:04d}"
        self._refuse_second(plot_id, cause, issue_id)
        event = Event(f"{issue_id}.1", issue_id, now, "opened", plot_id, cause, actor, detail)
        return self._store(opened(event), event)

    def append(self, issue: Issue, kind: str, now: datetime, actor: str, detail: dict[str, Any]) -> Issue:
        """Append an event to `issue` as it was just read, and return the issue after it; inside a transaction.

        One that judges keeps what the newest evaluation says now, so that it can be read again on what it stood.

        Raises: ActionRefusedError when the issue's state does not allow it.
        """
        self.check_append(issue, kind)
        newest = self.latest_finding(issue.plot_id, issue.cause) if kind in JUDGED_KINDS else None
        if newest is not None:
            detail = detail | {"finding": newest.as_json()}
        event_id = f"{issue.issue_id}.{issue.events + 1}"
        event = Event(event_id, issue.issue_id, now, kind, issue.plot_id, issue.cause, actor, detail)
        return self._store(advance(issue, event), event)

    def check_append(self, issue: Issue, kind: str) -> None:
        """Raise ActionRefusedError when no event of `kind` can be appended to `issue` now."""
        check_allowed(issue, kind)
        if kind == "reopened":
            self._refuse_second(issue.plot_id, issue.cause, issue.issue_id)

    def _refuse_second(self, plot_id: str, cause: str, issue_id: str) -> None:
        other = self.open_issue_of(plot_id, cause)
        if other is not None and other.issue_id != issue_id:
            raise ActionRefusedError("already_open", f"{plot_id} has an open issue of {cause}: {other.issue_id}.")

    def _store(self, issue: Issue, event: Event) -> Issue:
        self._db.execute(
            "insert into events (event_id, issue_id, happened_at, kind, plot_id, cause, actor, detail_json)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                event.event_id,
                event.issue_id,
                to_us(event.happened_at),
                event.kind,
                event.plot_id,
                event.cause,
                event.actor,
                json.dumps(event.detail, ensure_ascii=False, allow_nan=False),
            ),
        )
        self._keep(issue)
        return issue

    def _keep(self, issue: Issue) -> None:
        self._db.execute(
            "insert or replace into issues (issue_id, plot_id, cause, state, is_open, crew, opened_at, closed_at,"
            " issue_json) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                issue.issue_id,
                issue.plot_id,
                issue.cause,
                issue.state,
                int(issue.is_open),
                issue.crew,
                to_us(issue.opened_at),
                to_us(issue.closed_at) if issue.closed_at else None,
                msgspec.json.encode(issue).decode(),
            ),
        )

    def rebuild(self) -> int:
        """Make the table of current issues again from the events, and return how many there are."""
        with self.transaction():
            return self._rebuild()

    def _rebuild(self) -> int:
        by_issue: dict[str, list[Event]] = {}
        for event in self.all_events():
            by_issue.setdefault(event.issue_id, []).append(event)
        self._db.execute("delete from issues")
        for events in by_issue.values():
            self._keep(rebuild(events))
        return len(by_issue)

    def issue(self, issue_id: str) -> Issue:
        """Return an issue. Raises: ActionRefusedError (code unknown_issue), StoreError."""
        found = self._issues("where issue_id = ?", (issue_id,))
        if not found:
            raise ActionRefusedError("unknown_issue", f"There is no issue {issue_id!r}. See: greensward list")
        return found[0]

    def open_issue_of(self, plot_id: str, cause: str) -> Issue | None:
        """Return the open issue of a plot and cause."""
        return next(iter(self._issues("where plot_id = ? and cause = ? and is_open = 1", (plot_id, cause))), None)

    def past_issues(self, plot_id: str, cause: str, since: datetime) -> list[Issue]:
        """Return the issues of a plot and cause that ended at or after `since`, newest first."""
        return self._issues(
            "where plot_id = ? and cause = ? and is_open = 0 and closed_at >= ? order by closed_at desc, issue_id desc",
            (plot_id, cause, to_us(since)),
        )

    def open_issues(self) -> list[Issue]:
        """Return every issue that is open, by id."""
        return self._issues("where is_open = 1 order by issue_id", ())

    def open_issues_of(self, plot_id: str) -> list[Issue]:
        """Return every open issue of a plot, by id."""
        return self._issues("where plot_id = ? and is_open = 1 order by issue_id", (plot_id,))

    def ended_issues(self, since: datetime) -> list[Issue]:
        """Return the issues closed, looked back at or void at or after `since`, by id."""
        return self._issues("where is_open = 0 and closed_at >= ? order by issue_id", (to_us(since),))

    def _issues(self, condition: str, values: tuple[object, ...]) -> list[Issue]:
        with self._reading():
            rows = self._db.execute(f"select issue_json from issues {condition}", values).fetchall()
            return [msgspec.json.decode(row["issue_json"], type=Issue) for row in rows]

    def _events(self, condition: str, values: tuple[object, ...] = ()) -> list[Event]:
        with self._reading():
            rows = self._db.execute(f"select * from events {condition}", values).fetchall()
            return [
                Event(
                    row["event_id"],
                    row["issue_id"],
                    from_us(row["happened_at"]),
                    row["kind"],
                    row["plot_id"],
                    row["cause"],
                    row["actor"],
                    json.loads(row["detail_json"]),
                )
                for row in rows
            ]

    def all_issues(self) -> list[Issue]:
        """Return every issue that ever was, by id."""
        return self._issues("order by issue_id", ())

    def all_events(self) -> list[Event]:
        """Return every event, oldest first."""
        return self._events("order by n")

    def history(self, issue_id: str) -> list[Event]:
        """Return the events of an issue, oldest first."""
        return self._events("where issue_id = ? order by n", (issue_id,))

    def crews(self) -> set[str]:
        """Return every crew that any issue was ever given to."""
        with self._sqlite_errors("reading"):
            rows = self._db.execute(
                "select distinct detail_json ->> 'crew' as crew from events where kind = 'assigned'"
            ).fetchall()
        return {row["crew"] for row in rows if row["crew"]}

    def version(self) -> int:
        """Return the number of the newest event, 0 when there is none: it grows with every change."""
        with self._sqlite_errors("reading"):
            return int(self._db.execute("select coalesce(max(n), 0) from events").fetchone()[0])

    def events_since(self, n: int) -> pa.Table:
        """Return the events after number `n`, in order, as rows of the lake's table issue_events."""
        rows = [
            {**msgspec.structs.asdict(event), "detail_json": json.dumps(event.detail, ensure_ascii=False)}
            for event in self._events("where n > ? order by n", (n,))
        ]
        schema = table("issue_events").schema
        columns = [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema]
        return pa.Table.from_arrays(columns, schema=schema)

    def remember_finding(self, found: Finding) -> None:
        """Keep the newest finding of its plot and cause; inside a transaction."""
        self._db.execute(
            "insert or replace into latest_findings (plot_id, cause, as_of, finding_json) values (?, ?, ?, ?)",
            (found.plot_id, found.cause, to_us(found.as_of), msgspec.json.encode(found).decode()),
        )

    def latest_finding(self, plot_id: str, cause: str) -> Finding | None:
        """Return the newest finding of one plot and cause."""
        with self._reading():
            row = self._db.execute(
                "select finding_json from latest_findings where plot_id = ? and cause = ?", (plot_id, cause)
            ).fetchone()
            return None if row is None else findings.from_json(json.loads(row["finding_json"]))

    def latest_findings(self) -> dict[tuple[str, str], Finding]:
        """Return the newest finding of each (plot, cause)."""
        with self._reading():
            rows = self._db.execute("select plot_id, cause, finding_json from latest_findings").fetchall()
            return {(row["plot_id"], row["cause"]): findings.from_json(json.loads(row["finding_json"])) for row in rows}

    def run(self, sql: str, values: tuple[object, ...]) -> list[sqlite3.Row]:
        """Run one statement for modules with tables of their own here: audit, photos, links. Raises: StoreError."""
        with self._sqlite_errors("working"):
            return self._db.execute(sql, values).fetchall()
