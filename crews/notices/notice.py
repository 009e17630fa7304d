"""What is told: a title, a summary and a card a stop, as sentences of one language, before any channel's form."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from crews.crew_list import CrewList, Stop
from crews.page import say_evaluation
from crews.readable import readable
from crews.say_campaign import say_progress, say_severity
from crews.say_stop import say_action, say_overdue, say_reason, say_total
from crews.words import say_age, say_day_and_clock, speaker

MOST_CARDS = 20
"""Stops that a message names; the rest stands on the list."""

_LONGEST_NAME = 60
"""Characters of a plot's or crew's name in a message: a name is no novel, and a message has a limit."""


class Card(msgspec.Struct, frozen=True):
    """One line on one issue; `issue_id` is "" for a line on a whole list."""

    text: str
    issue_id: str = ""


class Content(msgspec.Struct, frozen=True):
    """What is said, without any link: links are made when a message is sent, and are written down nowhere.

    summary: lines above the cards; more: the line below them, "" for none
    """

    title: str
    summary: tuple[str, ...] = ()
    cards: tuple[Card, ...] = ()
    more: str = ""


def digest_of(listed: CrewList, language: str) -> Content:
    """Return the digest of one crew's list: counts, water, and the first stops in the order of the drive."""
    say = speaker(language)
    crew = short(listed.crew or say("unassigned"))
    stops = [stop for stop in listed.stops if stop.group in {"overdue", "today"}] or list(listed.to_do)
    left = len(listed.to_do) - len(stops[:MOST_CARDS])
    return Content(
        say("notice.digest", crew=crew, date=_day(listed)),
        (
            *_evaluation_of(listed, language),
            say_counts(listed, language),
            *(say_progress(one, say) for one in listed.campaigns),
        ),
        tuple(_card(stop, language) for stop in stops[:MOST_CARDS]),
        say("notice.more", n=left) if left else "",
    )


def digest_of_nobody(listed: CrewList, language: str) -> Content:
    """Return what stands in the place of a digest where no crew of that name is known: it is no crew without work."""
    say = speaker(language)
    return Content(
        say("notice.digest", crew=short(listed.crew or ""), date=_day(listed)), (say_nobody(listed, language),)
    )


def digest_of_all(lists: Sequence[CrewList], language: str, known: Callable[[str | None], bool]) -> Content:
    """Return the digest for whoever looks after several crews: a line a crew, and no stop by name.

    known: says whether there is a crew of that name
    """
    say = speaker(language)

    def line(listed: CrewList) -> str:
        if not known(listed.crew):
            return say_nobody(listed, language)
        crew = short(listed.crew or say("unassigned"))
        return say("notice.crew", crew=crew, total=say_counts(listed, language))

    return Content(
        say("notice.digest_all", date=_day(lists[0])),
        _evaluation_of(lists[0], language),
        tuple(Card(line(listed)) for listed in lists),
    )


def say_nobody(listed: CrewList, language: str) -> str:
    """Return what is said of a list whose crew nobody knows."""
    return speaker(language)("notice.no_crew", crew=short(listed.crew or ""))


def say_counts(listed: CrewList, language: str) -> str:
    """Return a list in one line; that nothing is to do only where the evaluation is new enough to know."""
    say = speaker(language)
    is_unknown = not listed.to_do and _evaluation_of(listed, language)
    return say("page.empty_unknown") if is_unknown else say_total(listed, say)


def urgent_of(
    listed: CrewList, raised: Sequence[Stop], new: Sequence[Stop], language: str, *, of_all: bool = False
) -> Content:
    """Return what cannot wait for the digest: overdue stops that were raised, then new ones.

    of_all: for a reader of several crews' lists: each card then says whose it is
    """
    say = speaker(language)
    title = say("notice.urgent_all") if of_all else say("notice.urgent", crew=short(listed.crew or say("unassigned")))
    told = [
        *((stop, say("notice.raised", overdue=say_overdue(stop, say), **_named(stop, language))) for stop in raised),
        *((stop, _say_new(listed, stop, language)) for stop in new),
    ]
    cards = [Card(_of_crew(stop, text, language, of_all), stop.issue.issue_id) for stop, text in told[:MOST_CARDS]]
    left = len(told) - len(cards)
    return Content(title, (), tuple(cards), say("notice.more", n=left) if left else "")


def _of_crew(stop: Stop, text: str, language: str, of_all: bool) -> str:  # noqa: FBT001 - of urgent_of
    say = speaker(language)
    return say("notice.of_crew", crew=short(stop.issue.crew or say("unassigned")), text=text) if of_all else text


def _say_new(listed: CrewList, stop: Stop, language: str) -> str:
    say = speaker(language)
    severity = say_severity(stop.issue.cause, stop.issue.severity, stop.finding.reason_code, say)
    due = say_day_and_clock(stop.issue.due_at, listed.site.timezone, say)
    return say("notice.new", severity=severity, due=due, **_named(stop, language))


def _named(stop: Stop, language: str) -> dict[str, str]:
    say = speaker(language)
    key = "notice.basis" if stop.data_age_min is not None else "notice.basis_unknown"
    basis = say(key, why=say_reason(stop, language), age=say_age(stop.data_age_min, say))
    return {"name": short(stop.name), "action": say_action(stop, say), "basis": basis}


def _card(stop: Stop, language: str) -> Card:
    say = speaker(language)
    overdue = f" · {say_overdue(stop, say)}" if stop.group == "overdue" else ""
    return Card(say("notice.stop", seq=stop.seq, overdue=overdue, **_named(stop, language)), stop.issue.issue_id)


def _evaluation_of(listed: CrewList, language: str) -> tuple[str, ...]:
    sentence, is_old = say_evaluation(listed.evaluated_at, listed.generated_at, language)
    return (sentence,) if is_old else ()


def _day(listed: CrewList) -> str:
    return listed.site.local_date(listed.generated_at).isoformat()


def short(name: str) -> str:
    """Return a name in one line without control characters, cut where it is very long."""
    name = " ".join(readable(name).split())
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
