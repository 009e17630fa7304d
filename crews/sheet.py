"""The lists on paper: A4, a code per stop that a phone's camera turns into the way there, and room to write. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import segno
from markupsafe import Markup

from crews.card import Card, make_card
from crews.crew_list import GROUPS, CrewList
from crews.drive import Position
from crews.navigation import navigate_to
from crews.page import render_template, say_evaluation
from crews.reports import CANNOT_DO_REASONS, INSPECTIONS
from crews.say_campaign import say_progress
from crews.say_stop import say_total
from crews.stop_map import make_stop_map
from crews.words import Say, say_instant, speaker

_QUIET_MODULES = 2
"""White around a code; the standard asks for 4, of which the paper beside it gives the rest."""

_LONGEST_NAME = 20
"""Characters of a plot's name in its code: each Chinese one takes nine, and small modules are hard to read."""


@functools.lru_cache(maxsize=1000)
def draw_code(address: str) -> Markup:
    """Return a QR code (ISO/IEC 18004, error correction M or better) of a web address as SVG by attributes only.

    One takes 18 ms of CPU and some 10 kB, and tomorrow's sheets go to the same plots: the last thousand are kept.
    """
    code = segno.make(address, error="m", micro=False)
    drawn = code.svg_inline(border=_QUIET_MODULES, omitsize=True, svgclass="code", lineclass=None)
    return Markup(drawn)  # noqa: S704  modules as numbers; nothing of the address is in it


def render_sheets(
    lists: Sequence[CrewList],
    language: str,
    *,
    probes: Mapping[str, Sequence[Position]] | None = None,
    office_phone: str = "",
    is_alone: bool = False,
) -> str:
    """Return the lists as a page to print: a crew begins on paper of its own, and what is done is not on it.

    probes: by plot, where its probes stand, WGS 84
    office_phone: whom the crew can call; "" shows none
    is_alone: carry the looks inside, for a file that is opened without a server
    """
    say = speaker(language)
    return render_template(
        "sheet.html",
        language,
        "",
        style=own_style() if is_alone else None,
        sheets=[_sheet(listed, probes, say, language) for listed in lists],
        cannot_do_reasons=CANNOT_DO_REASONS,
        inspections=INSPECTIONS,
        office_phone=office_phone,
    )


def _sheet(
    listed: CrewList, probes: Mapping[str, Sequence[Position]] | None, say: Say, language: str
) -> Mapping[str, Any]:
    groups = [
        (name, [(card, _code(card)) for card in _cards(listed, name, say, language)])
        for name in GROUPS
        if name != "done"
    ]
    evaluated, is_old = say_evaluation(listed.evaluated_at, listed.generated_at, language)
    return {
        "crew": listed.crew or say("unassigned"),
        "total": say_total(listed, say),
        "made": say(
            "page.made", clock=say_instant(listed.generated_at, listed.generated_at, listed.site.timezone, say)
        ),
        "date": listed.site.local_date(listed.generated_at).isoformat(),
        "evaluated": evaluated,
        "is_old": is_old,
        "campaigns": [say_progress(one, say) for one in listed.campaigns],
        "rechecked": [say("page.rechecked", plot=name) for name in listed.rechecked],
        "map": make_stop_map(listed, say, probes=probes, is_paper=True),
        "groups": [(name, cards) for name, cards in groups if cards],
        "empty": None if listed.to_do else say("page.empty_unknown" if is_old else "page.empty"),
    }


def _cards(listed: CrewList, group: str, say: Say, language: str) -> list[Card]:
    return [make_card(listed, stop, say, language, None, None) for stop in listed.group(group)]


def _code(card: Card) -> Markup | None:
    if card.way is None:
        return None
    return draw_code(navigate_to(card.way.lon_wgs84, card.way.lat_wgs84, card.name[:_LONGEST_NAME]).amap)


def own_style() -> Markup:
    """Return the looks of every page, for one that is opened without a server."""
    return Markup((resources.files("crews") / "static" / "greensward.css").read_text("utf-8"))  # noqa: S704  ours
