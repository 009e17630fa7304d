"""What an issue is: its states, the events that it is made of, and why an action is refused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from ingest.errors import GreenswardError

WAITING_STATES = frozenset({"opened", "assigned", "in_work"})
"""States in which the work waits for somebody, and its deadline runs."""

OPEN_STATES = WAITING_STATES | {"done_unchecked", "deferred"}
ENDED_STATES = frozenset({"closed", "looked_back", "void"})
STATES = ("opened", "assigned", "in_work", "done_unchecked", "deferred", "closed", "looked_back", "void")

LATE_REPORT = "late_report"
"""A crew's word of its work that came when the issue had ended: kept with it as evidence, and changes nothing."""

REPORT_KINDS = frozenset({"started", "done", "cannot_do", "false_alarm", "amended"})
"""Kinds of events that are a crew's report on an open issue."""

JUDGED_KINDS = frozenset({"done", "cannot_do", "false_alarm", "deferred", "reopened", "closed", "void", "looked_back"})
"""Events by which somebody, or Greensward, says how it stands: each keeps the newest finding of its time."""


class ActionRefusedError(GreenswardError):
    """What somebody asked for is not allowed now; nothing was changed but the audit.

    code: stable snake_case word; the sentence per language stands in crews/locale under `refused.{code}`
    """

    def __init__(self, code: str, message: str) -> None:
        """Raise with the `code` for the page and an English `message` for the command line."""
        super().__init__(message)
        self.code = code


class Photo(msgspec.Struct, frozen=True):
    """A photo that came with a report; `sha256` in hex, `role` is before or after."""

    sha256: str
    role: str


class Event(msgspec.Struct, frozen=True):
    """One thing that happened to an issue; never changed afterwards.

    detail: particulars by kind, JSON values only; instants and days in it are ISO 8601 text. `finding`: what the newest
        evaluation said then, for opened, evidence and JUDGED_KINDS; a finding in JSON form
    """

    event_id: str
    issue_id: str
    happened_at: datetime
    kind: str
    plot_id: str
    cause: str
    actor: str
    detail: dict[str, Any]


class Issue(msgspec.Struct, frozen=True):
    """One plot and one cause, from finding to look-back.

    due_at: when the work is to be done; `first_due_at` before any extension
    told_at: when the crew was last told of it: at opening, when it got worse, or after the repeat interval
    done_by: who reported the work; only somebody else may check it
    result_code: what the crew reported: done, or a reason from the lists in crews/reports.py
    water_doubt_litres: litres that were reported but look like a slip; the crew has not said yet whether they hold
    inspection: what was found on site, from INSPECTIONS in crews/reports.py
    photos: those of the newest report only; what came with earlier ones proves nothing and stays in the events
    reopen_reason: why it was opened again, in the words of whoever did
    recheck_not_by: whose reported water the probes did not see: they may not look after it themselves
    visit, visits: visits of one watering reported so far, of so many; the issue is not done before the last
    escalated_to: the level of crews/tables/escalation.csv to which overdue work was raised; 0 again once the deadline
        moves on
    repeat_count: how often this plot had the same trouble before
    look_back_on: local day on which somebody is to look again; None when it was not drawn
    finding: what speaks for the work, as crews.finding.Finding in JSON form: that of the newest event that had one
    ended_on: the finding on which it was closed or made void, for work or against; None while it is open, and where
        that was not kept
    events: how many events made it
    """

    issue_id: str
    plot_id: str
    cause: str
    state: str
    severity: int
    opened_at: datetime
    due_at: datetime
    first_due_at: datetime
    told_at: datetime
    last_event_at: datetime
    finding: dict[str, Any]
    events: int
    plot_name: str = ""
    crew: str | None = None
    started_at: datetime | None = None
    done_at: datetime | None = None
    done_by: str | None = None
    result_code: str | None = None
    note: str | None = None
    water_used_litres: float | None = None
    water_doubt_litres: float | None = None
    inspection: str | None = None
    photos: tuple[Photo, ...] = ()
    closed_at: datetime | None = None
    closed_reason: str | None = None
    checker: str | None = None
    repeat_count: int = 0
    look_back_on: date | None = None
    look_back_result: str | None = None
    reopen_reason: str | None = None
    recheck_not_by: tuple[str, ...] = ()
    visit: int = 0
    visits: int = 1
    escalated_to: int = 0
    ended_on: dict[str, Any] | None = None

    @property
    def is_open(self) -> bool:
        """Say whether work or a check is still to come."""
        return self.state in OPEN_STATES


def newest_report(events: Iterable[Event]) -> Event | None:
    """Return the newest report of a crew among events, oldest first; None where the issue was opened again since."""
    newest = None
    for event in events:
        if event.kind in REPORT_KINDS or event.kind == LATE_REPORT:
            newest = event
        elif event.kind == "reopened":
            newest = None
    return newest
