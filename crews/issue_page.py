"""One issue as the office sees it: what is to be done, what the crew reported, every photo, all that happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crews.card import make_card
from crews.crew_list import LITRES_PER_TONNE, CrewList
from crews.desk_page import Desk, make_desk_view
from crews.finding import counted_to, from_json
from crews.issue import LATE_REPORT, Event
from crews.page import render_template
from crews.picture.story import Story
from crews.reasons import render_reason
from crews.reports import CANNOT_DO_REASONS, INSPECTIONS
from crews.say_stop import say_tonnes
from crews.words import Say, say_day_and_clock, say_instant, say_number, speaker
from ingest.site import Site

_SHOWN_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
"""What every browser shows in a page; HEIC is opened by itself."""

_REPORTS = frozenset({"done", "cannot_do", "false_alarm", "amended", LATE_REPORT})


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """A photo of the issue; `is_earlier` when it came before the newest report and proves nothing of it.

    is_shown: whether browsers show it in a page; is_kept: False where it was deleted by rule
    """

    href: str
    name: str
    is_shown: bool
    is_kept: bool
    is_earlier: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """One event in words; judged_on: what the newest evaluation said then, None where the event judges nothing."""

    at: str
    kind: str
    actor: str
    words: str
    judged_on: str | None
    photos: tuple[ShownPhoto, ...]
    is_report: bool


def render_issue(
    listed: CrewList,
    history: Iterable[Event],
    photo_types: Mapping[str, str],
    language: str,
    stories: Mapping[str, Story] | None = None,
    *,
    desk: Desk | None = None,
    receipt: str | None = None,
) -> str:
    """Return the office's page of the only issue of `listed`.

    photo_types: media type of each photo that is kept, by its hash
    stories: what the picture of the plot tells, by plot
    desk: what the person of the office who reads it can do; None for a link that only reads
    receipt: of what was just done
    """
    say = speaker(language)
    (stop,) = listed.stops
    counting = {photo.sha256 for photo in stop.issue.photos}
    happenings = [_happening(event, counting, photo_types, listed, say, language) for event in history]
    return render_template(
        "office_issue.html",
        language,
        f"/office/issues/{stop.issue.issue_id}",
        card=make_card(listed, stop, say, language, None, None, stories),
        issue=stop.issue,
        crew=stop.issue.crew or say("unassigned"),
        reports=[one for one in happenings if one.is_report][::-1],
        history=happenings[::-1],
        desk=None if desk is None else make_desk_view(desk, stop.issue, listed, say),
        receipt=receipt,
        cannot_do_reasons=CANNOT_DO_REASONS,
        inspections=INSPECTIONS,
    )


def _happening(
    event: Event, counting: set[str], photo_types: Mapping[str, str], listed: CrewList, say: Say, language: str
) -> Happening:
    return Happening(
        at=say_instant(event.happened_at, listed.generated_at, listed.site.timezone, say),
        kind=say(f"event.{event.kind}", otherwise=event.kind),
        actor=say_actor(event),
        words=" · ".join(event_words(event, listed.site, listed.generated_at, say)),
        judged_on=say_judged_on(event, listed.site, say, language),
        photos=tuple(
            ShownPhoto(
                href=f"/photos/{photo['sha256']}",
                name=say(f"form.{photo['role']}", otherwise=photo["role"]),
                is_shown=photo_types.get(photo["sha256"]) in _SHOWN_TYPES,
                is_kept=photo["sha256"] in photo_types,
                is_earlier=photo["sha256"] not in counting and event.kind != LATE_REPORT,
            )
            for photo in event.detail.get("photos", ())
        ),
        is_report=event.kind in _REPORTS,
    )


def say_actor(event: Event) -> str:
    """Return who did it; a crew by its name."""
    return event.actor.removeprefix("crew:")


def say_judged_on(event: Event, site: Site, say: Say, language: str) -> str | None:
    """Return the finding that an event was made on, and of when its data were; None where it kept none."""
    kept = event.detail.get("finding")
    if kept is None:
        return None
    finding = counted_to(from_json(kept), event.happened_at, site)
    return say(
        "office.judged_on",
        why=render_reason(finding.reason_code, finding.reason_params, language),
        at=say_day_and_clock(finding.data_at or finding.as_of, site.timezone, say),
    )


def event_words(event: Event, site: Site, now: datetime, say: Say) -> list[str]:
    """Return the particulars of an event that a person wants to read: reason, crew, water, finding, deadline, note."""
    detail: dict[str, Any] = event.detail
    said = [detail.get("crew") or ""]
    if code := detail.get("result_code"):
        said.append(say(f"reason.{code}", otherwise="" if code == "done" else code))
    said += [say(f"again.{name}", what=detail[name]) for name in ("seen", "approved_by") if detail.get(name)]
    if detail.get("by_closer"):
        said.append(say("again.by_closer"))
    if detail.get("inspection"):
        said.append(say(f"inspection.{detail['inspection']}", otherwise=detail["inspection"]))
    if reason := detail.get("reason"):
        said.append(say(f"closed.{reason}", otherwise=say(f"result.{reason}", otherwise=reason)))
    if detail.get("water_used_litres") is not None:
        said.append(say("card.water_used", tonnes=say_tonnes(detail["water_used_litres"] / LITRES_PER_TONNE)))
    if detail.get("water_doubt_litres") is not None:
        said.append(say("card.water_doubt", litres=say_number(detail["water_doubt_litres"])))
    due, said_at = (
        say_instant(datetime.fromisoformat(at), now, site.timezone, say) if at else ""
        for at in (detail.get("due_at"), detail.get("said_at"))
    )
    said.append(f"{say('card.due')} {due}" if due else "")
    said.append(say("office.said_at", at=said_at) if said_at else "")
    if level := detail.get("level"):
        said.append(say(f"escalation.{level}", otherwise=str(level)))
    if note := detail.get("note"):
        said.append(say(f"note.{note}", otherwise=note))
    return [words for words in said if words]
