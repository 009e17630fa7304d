"""One stop as the words and links of a card: what the template shows, in one language, nothing left to reckon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from markupsafe import Markup

from crews.crew_list import CrewList, Stop
from crews.finding import Picture
from crews.navigation import Navigation
from crews.reasons import Reasons, render_reason
from crews.say_stop import say_action, say_arithmetic, say_result
from crews.sparkline import sparkline
from crews.words import Say, say_age, say_instant, say_number, say_value


@dataclass(frozen=True, slots=True)
class Form:
    """What a card's forms carry: proof that they were made for this reader, and the action's own id."""

    token: str
    action_id: str


@dataclass(frozen=True, slots=True)
class Link:
    """A named address; `href` is None where the source gave no address that a browser may open."""

    name: str
    href: str | None


@dataclass(frozen=True, slots=True)
class Card:
    """What one card shows. Texts are plain and are escaped by the template; only `trend` is markup of ours."""

    seq: int
    issue_id: str
    kind: str
    group: str
    severity: int
    severity_word: str
    cause: str
    action: str
    why: str
    arithmetic: str | None
    check_parameters: bool
    newest: str | None
    age: str
    low_confidence: bool
    value: str | None
    trend: Markup
    trend_ends: tuple[str, str] | None
    line: str | None
    devices: tuple[str, ...]
    pictures: tuple[Link, ...]
    name: str
    place: str
    registered: bool
    address: str | None
    access: str | None
    water_source: str | None
    way: Navigation | None
    leg: str | None
    unit: str | None
    person: str | None
    phone: str | None
    due: str
    due_iso: str
    look_back: str | None
    repeat: int
    status: str
    result: str | None
    water_used: str | None
    photos: tuple[Link, ...]
    form: Form | None


def make_card(
    listed: CrewList, stop: Stop, say: Say, language: str, form: Callable[[str], Form] | None, known: Reasons | None
) -> Card:
    """Return the card of `stop`; `form` makes the fields of its forms by issue id, None for a list to read only."""
    issue, finding, plot = stop.issue, stop.finding, stop.plot
    can_act = form is not None and issue.state in {"opened", "assigned", "in_work", "deferred"}
    measured = [value for _, value in finding.trend_7d if value is not None]
    ends = (say_value(measured[0], finding.unit, say), say_value(measured[-1], finding.unit, say)) if measured else None
    said = say("card.trend_said", first=ends[0], last=ends[1]) if ends else ""
    return Card(
        seq=stop.seq,
        issue_id=issue.issue_id,
        kind=finding.cause,
        group=stop.group,
        severity=min(max(issue.severity, 0), 4),
        severity_word=say(f"severity.{min(max(issue.severity, 0), 4)}"),
        cause=say(f"cause.{finding.cause}", otherwise=finding.cause),
        action=say_action(stop, say),
        why=render_reason(finding.reason_code, finding.reason_params, language, known),
        arithmetic=say_arithmetic(stop, say),
        check_parameters=finding.check_parameters,
        newest=_newest(stop, say),
        age=say_age(stop.data_age_min, say),
        low_confidence=finding.confidence == "low",
        value=None if finding.value is None else say_value(finding.value, finding.unit, say),
        trend=sparkline([value for _, value in finding.trend_7d], finding.line, said),
        trend_ends=ends,
        line=None if finding.line is None else say("card.line", value=say_value(finding.line, finding.unit, say)),
        devices=finding.device_ids,
        pictures=tuple(_picture(picture, say) for picture in finding.pictures),
        name=stop.name,
        place=_place(stop, say),
        registered=bool(plot),
        address=plot.get("address_hint"),
        access=plot.get("access_note"),
        water_source=plot.get("water_source"),
        way=stop.navigation,
        leg=None if stop.leg_km is None else say("card.leg", km=say_number(stop.leg_km)),
        unit=plot.get("responsible_unit"),
        person=plot.get("responsible_person"),
        phone=plot.get("phone"),
        due=say_instant(issue.due_at, listed.generated_at, listed.site.timezone, say),
        due_iso=issue.due_at.isoformat(),
        look_back=None if issue.look_back_on is None else issue.look_back_on.isoformat(),
        repeat=issue.repeat_count,
        status=say(f"state.{issue.state}", otherwise=issue.state),
        result=say_result(stop, say),
        water_used=None
        if issue.water_used_litres is None
        else say("card.water_used", litres=say_number(issue.water_used_litres, 0)),
        photos=tuple(
            Link(say(f"form.{photo.role}", otherwise=photo.role), f"/photos/{photo.sha256}") for photo in issue.photos
        ),
        form=form(issue.issue_id) if can_act and form is not None else None,
    )


def _newest(stop: Stop, say: Say) -> str | None:
    if stop.newest_state is None:
        return None
    state = say(f"finding_state.{stop.newest_state}", otherwise=stop.newest_state)
    return say("card.newest", state=state)


def _place(stop: Stop, say: Say) -> str:
    plot = stop.plot
    parts = []
    if plot.get("plot_type"):
        parts.append(say(f"plot_type.{plot['plot_type']}", otherwise=plot["plot_type"]))
    if plot.get("maintenance_grade"):
        grade = plot["maintenance_grade"]
        parts.append(say(f"grade.{grade}", otherwise=str(grade)))
    if plot.get("grid_id"):
        parts.append(say("card.grid", grid=plot["grid_id"]))
    if plot.get("plants"):
        parts.append(plot["plants"])
    return " · ".join(parts)


def _picture(picture: Picture, say: Say) -> Link:
    name = picture.image_id
    if picture.confidence is not None:
        name += " · " + say("card.confidence", value=say_number(picture.confidence * 100, 0))
    return Link(name, web_address(picture.uri))


def web_address(uri: str | None) -> str | None:
    """Return `uri` when a browser may be sent there (http or https with a host), else None."""
    if not uri:
        return None
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    return uri if parts.scheme in {"http", "https"} and parts.netloc else None
