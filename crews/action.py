"""What somebody asks to do to an issue, and what came of it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from crews.issue import REPORT_KINDS, Issue, Photo

CREW_KINDS = REPORT_KINDS
OFFICE_KINDS = frozenset({"assigned", "closed", "void", "extended", "deferred", "looked_back", "reopened"})
LONGEST_NOTE = 500


class Action(msgspec.Struct, frozen=True):
    """What somebody asks for.

    action_id: made by whoever asks, 8 to 64 characters; the same id counts once for ever, and for one kind only
    actor: who asks, for example "crew:一队" or a person's name
    kind: one of CREW_KINDS or OFFICE_KINDS
    as_crew: set when the one who asks may touch only this crew's issues
    reason: why, for a crew from the lists of crews/reports.py, for the office in its own words; for assigned: what a
        recheck saw on site
    water_is_sure: the amount of water holds, however odd; otherwise a crew is asked back and anybody else refused
    inspection: for done where the cause is inspected, one of INSPECTIONS
    due_at: for extended and reopened; crew: for assigned
    maintenance_grade: of the plot, for the new deadline that assigned and reopened may give; None counts as 2
    said_at: when a crew said it, where it waited on the phone; by the phone's word, and shown as such
    approved_by: for extended, who approves it where that is not the actor
    seen_events: how many events the issue had when the actor looked at it; None where that is not known
    form_id: the form of one page that it was sent with, where that can be sent again with something else in it; the
        ids of all that was sent with it begin with `{form_id}.`
    """

    action_id: str
    issue_id: str
    kind: str
    actor: str
    as_crew: str | None = None
    reason: str | None = None
    note: str | None = None
    water_used_litres: float | None = None
    water_is_sure: bool = False
    inspection: str | None = None
    photos: tuple[Photo, ...] = ()
    crew: str | None = None
    due_at: datetime | None = None
    maintenance_grade: int | None = None
    said_at: datetime | None = None
    approved_by: str | None = None
    seen_events: int | None = None
    form_id: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """The issue as it stands now, and what the action led to.

    event_kind: kind of the event that it made, now or when the same action first arrived
    is_new: whether this try changed the issue
    """

    issue: Issue
    event_kind: str
    is_new: bool
