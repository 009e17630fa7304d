"""One stop as the words and links of a card: what the template shows, in one language, nothing left to reckon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from markupsafe import Markup

from crews.crew_list import CrewList, Stop
from crews.finding import Finding
from crews.navigation import Navigation
from crews.picture.indices import describe_indices
from crews.picture.key import describe
from crews.picture.story import Story
from crews.reasons import Reasons
from crews.reports import INSPECTED_CAUSES, false_alarm_reasons, is_odd
from crews.say_campaign import say_cause, say_severity
from crews.say_stop import (
    say_action,
    say_arithmetic,
    say_confidence,
    say_dry_in,
    say_earlier,
    say_not_knowing,
    say_overdue,
    say_reason,
    say_result,
    say_saline,
    say_tonnes,
    say_water_used,
)
from crews.sparkline import sparkline
from crews.words import Say, say_age, say_instant, say_number, say_value

PICTURED_CAUSES = frozenset({"drought", "sensor"})
"""Causes whose cards show the month of the plot."""

INDEXED_CAUSES = frozenset({"vigour", "disease"})
"""Causes whose cards show it where flights had a vegetation index: how it stood, beside the water in the soil."""

_MISTAKEN_BY = (1000.0, 0.001)
"""Tonnes written as litres, and litres as tonnes."""

_LITRES_SAID_IN_TONNES = 100.0


@dataclass(frozen=True, slots=True)
class Form:
    """What a card's forms carry: proof that they were made for this reader, and the action's own id."""

    token: str
    action_id: str


@dataclass(frozen=True, slots=True)
class Link:
    """A named address."""

    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Month:
    """The picture of the plot's month: its address, and what it shows in words."""

    href: str
    said: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """An amount of water that looks like a slip: the question, and each answer as (litres, words)."""

    question: str
    answers: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Card:
    """What one card shows. Texts are plain and are escaped by the template; only `trend` is markup of ours.

    kind: what the card is about, for its looks and fields: the cause, or drought for any watering
    hold: "wait" or "look" where the card asks not to water as before
    earlier: what was said before the newest evaluation
    due: the deadline in words; overdue: by how much it has passed
    lacks_proof: reported as done, and no photo shows it
    confidence: why the verdict is less sure than others; saline: that water content reads high
    """

    seq: int
    issue_id: str
    kind: str
    group: str
    severity: int
    severity_word: str
    cause: str
    action: str
    hold: str | None
    why: str
    earlier: tuple[str, ...]
    arithmetic: str | None
    check_parameters: bool
    not_knowing: str | None
    dry_in: str | None
    age: str
    confidence: str | None
    saline: str | None
    trend: Markup
    trend_ends: tuple[str, str] | None
    month: Month | None
    devices: tuple[str, ...]
    pictures: tuple[Link, ...]
    name: str
    place: str
    plants: str | None
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
    overdue: str | None
    look_back: str | None
    repeat: int
    status: str
    result: str | None
    water_used: str | None
    doubt: Doubt | None
    lacks_proof: bool
    photos: tuple[Link, ...]
    form: Form | None
    can_report: bool
    is_inspected: bool
    false_alarms: tuple[str, ...]


def make_card(
    listed: CrewList,
    stop: Stop,
    say: Say,
    language: str,
    form: Callable[[str], Form] | None,
    known: Reasons | None,
    stories: Mapping[str, Story] | None = None,
) -> Card:
    """Return the card of `stop`.

    form: makes the fields of its forms by issue id, None for a list to read only
    stories: by plot, what the pictures of the plots tell; a plot without one has no picture
    """
    issue, finding, plot = stop.issue, stop.finding, stop.plot
    level = min(max(issue.severity, 0), 4)
    is_unchecked = issue.state == "done_unchecked"
    ends = _trend_ends(finding, say)
    return Card(
        seq=stop.seq,
        issue_id=issue.issue_id,
        kind="drought" if stop.brings_water else issue.cause.partition(".")[0],
        group=stop.group,
        severity=level,
        severity_word=say_severity(issue.cause, level, finding.reason_code, say),
        cause=say_cause(issue.cause, finding.reason_params, say),
        action=say_action(stop, say),
        hold=stop.hold,
        why=say_reason(stop, language, known),
        earlier=tuple(say_earlier(stop, listed.generated_at, say, language, known)),
        arithmetic=None if stop.hold else say_arithmetic(stop, say),
        check_parameters=finding.check_parameters and not stop.hold,
        not_knowing=say_not_knowing(stop, say),
        dry_in=None if stop.group == "done" else say_dry_in(stop.drought or stop.spoken, say),
        age=say_age(stop.data_age_min, say),
        confidence=say_confidence(stop, say),
        saline=say_saline(stop, say),
        trend=Markup("") if stop.hold else _trend(finding, ends, say),
        trend_ends=ends,
        month=_month(stop, (stories or {}).get(issue.plot_id), say, language),
        devices=_devices(stop.spoken if stop.spoken.device_ids else finding, say),
        pictures=_pictures(finding, say),
        name=stop.name,
        place=_place(stop, say),
        plants=plot.get("plants"),
        registered=bool(plot),
        address=plot.get("address_hint"),
        access=plot.get("access_note"),
        water_source=plot.get("water_source"),
        way=stop.navigation,
        leg=None if stop.leg_km is None else say("card.leg", km=say_number(stop.leg_km)),
        unit=plot.get("responsible_unit"),
        person=plot.get("responsible_person"),
        phone=plot.get("phone"),
        due=say("card.wait")
        if stop.hold == "wait"
        else say_instant(issue.due_at, listed.generated_at, listed.site.timezone, say),
        due_iso=issue.due_at.isoformat(),
        overdue=say_overdue(stop, say) if stop.group == "overdue" else None,
        look_back=None if issue.look_back_on is None else issue.look_back_on.isoformat(),
        repeat=issue.repeat_count,
        status=say(f"state.{issue.state}", otherwise=issue.state),
        result=say_result(issue, say),
        water_used=say_water_used(issue, say),
        doubt=_doubt(stop, say) if is_unchecked else None,
        lacks_proof=is_unchecked and issue.result_code == "done" and all(one.role != "after" for one in issue.photos),
        photos=tuple(
            Link(say(f"form.{photo.role}", otherwise=photo.role), f"/photos/{photo.sha256}") for photo in issue.photos
        ),
        form=form(issue.issue_id) if form is not None and issue.is_open else None,
        can_report=not is_unchecked,
        is_inspected=issue.cause in INSPECTED_CAUSES,
        false_alarms=false_alarm_reasons(issue.cause),
    )


def _month(stop: Stop, story: Story | None, say: Say, language: str) -> Month | None:
    cause = stop.issue.cause
    if story is None or not (cause in PICTURED_CAUSES or (cause in INDEXED_CAUSES and story.indices)):
        return None
    said = describe(story, say) + describe_indices(story, say)
    return Month(f"/issues/{stop.issue.issue_id}/picture.svg?lang={language}", said)


def _trend_ends(finding: Finding, say: Say) -> tuple[str, str] | None:
    measured = [value for _, value in finding.trend_7d if value is not None]
    if not measured:
        return None
    return say_value(measured[0], finding.unit, say), say_value(measured[-1], finding.unit, say)


def _trend(finding: Finding, ends: tuple[str, str] | None, say: Say) -> Markup:
    if ends is None or finding.line is None:
        return Markup("")
    name = "card.line_potential" if finding.unit == "kPa" else "card.line"
    return sparkline(
        [value for _, value in finding.trend_7d],
        finding.line,
        say("card.trend_said", first=ends[0], last=ends[1]),
        line_word=say(name, value=say_value(finding.line, finding.unit, say)),
        dry_word=say("card.dry"),
    )


def _devices(finding: Finding, say: Say) -> tuple[str, ...]:
    """Return the devices, each with its depths where the register has them."""
    depths = {device: "/".join(say_number(depth) for depth in of) for device, of in finding.depths_cm if of}
    return tuple(
        say("card.depth", device=device, depths=depths[device]) if device in depths else device
        for device in finding.device_ids
    )


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
    return " · ".join(parts)


def _pictures(finding: Finding, say: Say) -> tuple[Link, ...]:
    """Return the drone pictures that a browser can open; a name without an address helps nobody on site."""
    addresses = [address for picture in finding.pictures if (address := web_address(picture.uri))]
    return tuple(Link(say("card.picture_n", n=n), address) for n, address in enumerate(addresses, 1))


def _doubt(stop: Stop, say: Say) -> Doubt | None:
    said, asked = stop.issue.water_doubt_litres, stop.finding.visit_litres
    if said is None or asked is None:
        return None
    likely = next((said * factor for factor in _MISTAKEN_BY if said and not is_odd(said * factor, asked)), None)
    question = say("form.doubt", said=say_amount(said, say), asked=say_amount(asked, say))
    if likely is None:
        return Doubt(question, ((said, say("form.as_said", amount=say_amount(said, say))),))
    return Doubt(
        question + say("form.is_it", amount=say_amount(likely, say)),
        (
            (likely, say("form.yes", amount=say_amount(likely, say))),
            (said, say("form.as_said", amount=say_amount(said, say))),
        ),
    )


def say_amount(litres: float, say: Say) -> str:
    """Return water as people speak of it: 10.6 吨, and 升 for little."""
    if litres >= _LITRES_SAID_IN_TONNES:
        return say("form.amount_t", n=say_tonnes(litres / 1000.0))
    return say("form.amount_l", n=say_number(litres))


def web_address(uri: str | None) -> str | None:
    """Return `uri` when a browser may be sent there (http or https with a host), else None."""
    if not uri:
        return None
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    return uri if parts.scheme in {"http", "https"} and parts.netloc else None
