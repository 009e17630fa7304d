"""The office's page of flights: the map of one, its plots, what is to be looked at, what goes to others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from crews.finding import Finding
from crews.flights.flight import Below, Flight, FlightView, class_facts
from crews.flights.lists import Doubtful, FlightLists, Routed
from crews.flights.map import describe
from crews.page import render_template
from crews.reasons import render_reason
from crews.words import Say, speaker
from ingest.site import Site
from sql.reference import limit

_MOST_ROWS = 300
_MOST_OTHERS = 40
_MOST_PLOTS = 3
_WATCHED = frozenset({"suspected", "watch", "unconfirmed", "likely"})
_AERIAL = ("disease", "vigour")

Latest = Mapping[tuple[str, str], Finding]


def states_of(latest: Latest) -> dict[str, str]:
    """Return plot → work, watch, well or unknown: the worst that the newest evaluation says of it.

    Well needs that the pictures were looked at and nothing was found; that no probe complains is not enough.
    """
    states: dict[str, str] = {}
    for (plot_id, cause), finding in latest.items():
        if finding.needs_work:
            states[plot_id] = "work"
        elif states.get(plot_id) != "work" and finding.state in _WATCHED:
            states[plot_id] = "watch"
        elif plot_id not in states and cause == "disease" and finding.state == "ok":
            states[plot_id] = "well"
    return states


def render_flights(
    flights: Iterable[Flight],
    view: FlightView | None,
    lists: FlightLists | None,
    latest: Latest,
    plots: Mapping[str, Mapping[str, Any]],
    language: str,
    site: Site,
) -> str:
    """Return the page; `view` is the flight whose map is shown, None where there is none."""
    say = speaker(language)
    states = states_of(latest)
    told, quiet = ([], []) if view is None else _in_order(view, states)
    others = [one for one in flights if view is None or one.flight_id != view.flight.flight_id][:_MOST_OTHERS]
    return render_template(
        "flights.html",
        language,
        "/office/flights",
        no_flight=say("flights.none", days=int(limit("drone_window_days"))),
        flight=None if view is None else _heading(view.flight, language, say, site),
        said="" if view is None else describe(view, say),
        map_href=None if view is None or view.is_empty else f"/office/flights/map.svg?{_query(view.flight, language)}",
        rows=[_row(one, view, states, say, language) for one in told],
        quiet=[_row(one, view, states, say, language) for one in quiet],
        others=[_heading(one, language, say, site) for one in others],
        doubtful=[say_doubtful(one, plots, say, language, site) for one in (lists.doubtful if lists else ())][
            :_MOST_ROWS
        ],
        routed=[say_routed(one, say, language, site) for one in (lists.routed if lists else ())][:_MOST_ROWS],
        reflights=_reflights(latest, plots, language),
    )


def _query(flight: Flight, language: str) -> str:
    return urlencode({"flight": flight.flight_id, "lang": language})


def _clock(instant: datetime, site: Site) -> tuple[str, str]:
    local = instant.astimezone(site.timezone)
    return local.date().isoformat(), f"{local:%H:%M}"


def say_flight(flight: Flight, say: Say, site: Site) -> tuple[str, str]:
    """Return a flight's name with the clock of its begin, and the counts of its pictures, in words."""
    day, clock = _clock(flight.first_at, site)
    counts = {"pictures": flight.pictures, "on_ground": flight.on_ground, "analysed": flight.analysed}
    return say("flights.of", day=day, clock=clock, flight=flight.flight_id), say("flights.counts", **counts)


def _heading(flight: Flight, language: str, say: Say, site: Site) -> dict[str, str]:
    name, counts = say_flight(flight, say, site)
    return {"name": name, "counts": counts, "href": f"/office/flights?{_query(flight, language)}"}


def _name(finding_class: str, language: str) -> str:
    return class_facts(finding_class)[1 if language == "zh" else 2]


def _in_order(view: FlightView, states: Mapping[str, str]) -> tuple[list[Below], list[Below]]:
    """Return the plots below in which something was found or is to be done, and those that are quiet or unknown."""
    found = {one.plot_id for one in view.findings}
    ranks = {"work": 0, "watch": 1, "unknown": 2, "well": 3}
    ordered = sorted(
        view.plots, key=lambda one: (one.plot_id not in found, ranks[states.get(one.plot_id, "unknown")], one.name)
    )[:_MOST_ROWS]
    is_told = [one.plot_id in found or states.get(one.plot_id) in {"work", "watch"} for one in ordered]
    told = [one for one, is_one in zip(ordered, is_told, strict=True) if is_one]
    return told, [one for one, is_one in zip(ordered, is_told, strict=True) if not is_one]


def _row(plot: Below, view: FlightView | None, states: Mapping[str, str], say: Say, language: str) -> dict[str, str]:
    """Return a plot's row; findings that are too unsure to count for its state are said apart."""
    least = limit("disease_confidence")
    counted = Counter(
        (one.confidence < least, one.finding_class)
        for one in (view.findings if view else ())
        if one.plot_id == plot.plot_id
    )
    found = say("flights.and").join(
        say("flights.unsure_times" if unsure else "flights.times", name=_name(name, language), n=n)
        for (unsure, name), n in sorted(counted.items())
    )
    nothing = say("flights.nothing_found") if plot.analysed >= limit("clear_covered_fraction") else None
    return {
        "name": plot.name,
        "covered": f"{round(100 * plot.covered)} %",
        "analysed": f"{round(100 * plot.analysed)} %",
        "found": found or nothing or say("flights.not_analysed"),
        "state": say(f"flights.key_state_{states.get(plot.plot_id, 'unknown')}"),
    }


def say_doubtful(
    one: Doubtful, plots: Mapping[str, Mapping[str, Any]], say: Say, language: str, site: Site
) -> dict[str, str]:
    """Return what was seen and the plots it may be in, when, and where, in words."""
    perhaps = [
        say("flights.perhaps", plot=plots.get(plot_id, {}).get("name") or plot_id, pct=round(100 * probability))
        for plot_id, probability in list(one.plots.items())[:_MOST_PLOTS]
    ]
    day, clock = _clock(one.captured_at, site)
    return {
        "said": say(
            "flights.doubtful_said",
            name=one.class_zh if language == "zh" else one.class_en,
            confidence=round(100 * one.confidence),
            images=one.images,
            plots=say("flights.and").join(perhaps),
        ),
        "when": say("flights.when", day=day, clock=clock),
        "place": f"{one.centre_lon:.6f}, {one.centre_lat:.6f} · {one.best_image_id}",
    }


def say_routed(one: Routed, say: Say, language: str, site: Site) -> dict[str, str]:
    """Return what was seen and who answers for it, when, and where, in words."""
    day, clock = _clock(one.last_found_at, site)
    answers = one.answers_zh if language == "zh" else one.answers_en
    return {
        "said": say(
            "flights.routed_said",
            plot=one.plot_name,
            name=one.class_zh if language == "zh" else one.class_en,
            objects=one.objects,
            confidence=round(100 * one.confidence),
            unit=f"{one.responsible_unit} · {answers}" if one.responsible_unit else answers,
        ),
        "when": say("flights.when", day=day, clock=clock),
        "place": f"{one.centre_lon:.6f}, {one.centre_lat:.6f} · {one.best_image_id}",
    }


def _reflights(latest: Latest, plots: Mapping[str, Mapping[str, Any]], language: str) -> list[tuple[str, str]]:
    """Return (plot, why) of plots that are to be flown again, by the newest evaluation."""
    newest = max((finding.as_of for finding in latest.values()), default=None)
    return sorted(
        (
            plots[plot_id].get("name") or plot_id,
            render_reason(finding.reason_code, finding.reason_params, language),
        )
        for (plot_id, cause), finding in latest.items()
        if cause == "coverage" and finding.state == "reflight" and finding.as_of == newest and plot_id in plots
    )[:_MOST_ROWS]
