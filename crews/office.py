"""The office's view: every open issue, with filters, counts, look-backs due and the share done on time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from crews.campaign import Standing, progress_of
from crews.crew_list import Stop, make_stop
from crews.desk import awaits_check, in_turn
from crews.finding import Finding, counted_to
from crews.issue import Issue
from crews.reports import CANNOT_DO_REASONS
from ingest.site import Site

SOON_DAYS = 7.0
"""Plots that will be dry within a week are named to the office."""

_MOST_SOON = 30


@dataclass(frozen=True, slots=True)
class Filters:
    """What to show; None shows all."""

    unit: str | None = None
    grade: int | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class OfficeView:
    """What the office sees; counts are over all open issues, `rows` are those that the filters let through.

    waiting: open issues that wait for the office, whatever the filters: "unchecked", those first that somebody can end
        now; "unassigned"; "returned", which a crew could not do
    rows: open issues as their crews see them, the first deadline first, and of one deadline the highest priority
    campaigns: those that may be started, run, or ended lately, with the plots done up to now
    soon_dry: (name, verdict on dryness) of plots that will be dry within SOON_DAYS and have no open issue of it
    waterings: (name, finding) of plots where water did not arrive or nobody ordered it, by the newest evaluation
    on_time: (issues done by their deadline, all that were done) among those closed in the window
    """

    generated_at: datetime
    evaluated_at: datetime | None
    filters: Filters
    rows: tuple[Stop, ...]
    counts: Mapping[str, int]
    on_time: tuple[int, int]
    look_backs: tuple[Issue, ...]
    units: tuple[str, ...]
    soon_dry: tuple[tuple[str, Finding], ...]
    waterings: tuple[tuple[str, Finding], ...]
    waiting: Mapping[str, tuple[Issue, ...]]
    campaigns: tuple[Standing, ...] = ()


def make_office_view(
    issues: Iterable[Issue],
    ended: Iterable[Issue],
    latest: Mapping[tuple[str, str], Finding],
    plots: Mapping[str, Mapping[str, Any]],
    now: datetime,
    site: Site,
    filters: Filters,
    truck_litres: float,
    standings: Iterable[Standing] = (),
) -> OfficeView:
    """Return the view of open `issues` and of those that `ended` in the window of the on-time rate."""
    ended, issues, standings = tuple(ended), tuple(issues), tuple(standings)
    rows = [make_stop(issue, latest, plots, now, site, truck_litres, standings) for issue in issues]
    rows.sort(key=lambda row: (row.issue.due_at, -(row.finding.priority or 0.0), row.issue.issue_id))
    running = {one.standing.campaign_id: one for one in progress_of(standings, latest, plots, [*issues, *ended])}
    today = site.local_date(now)
    return OfficeView(
        generated_at=now,
        evaluated_at=max((finding.as_of for finding in latest.values()), default=None),
        filters=filters,
        rows=tuple(row for row in rows if _passes(row, filters)),
        counts={
            "open": len(rows),
            "overdue": sum(row.group == "overdue" for row in rows),
            "unchecked": sum(row.issue.state == "done_unchecked" for row in rows),
            "silent": sum(row.issue.cause == "sensor" for row in rows),
            "unassigned": sum(row.issue.crew is None for row in rows),
        },
        on_time=on_time(ended),
        waiting=_waiting([row.issue for row in rows]),
        look_backs=tuple(issue for issue in ended if _look_back_is_due(issue, today)),
        campaigns=tuple(
            msgspec.structs.replace(one, plots=running[one.campaign_id].plots, done=running[one.campaign_id].done)
            if one.campaign_id in running
            else one
            for one in standings
            if one.state != "not_started"
        ),
        waterings=_waterings(latest, plots),
        soon_dry=_soon_dry(rows, latest, plots, now, site),
        units=tuple(sorted({unit for plot in plots.values() if (unit := plot.get("responsible_unit"))})),
    )


def _waiting(issues: list[Issue]) -> dict[str, tuple[Issue, ...]]:
    """Return the issues that wait for the office; `issues` come with the first deadline first."""
    unchecked = in_turn(issue for issue in issues if issue.state == "done_unchecked")
    return {
        "unchecked": tuple(sorted(unchecked, key=lambda issue: not awaits_check(issue))),
        "unassigned": tuple(issue for issue in issues if issue.crew is None and issue.state == "opened"),
        "returned": tuple(
            issue for issue in issues if issue.state == "deferred" and issue.result_code in CANNOT_DO_REASONS
        ),
    }


def _waterings(
    latest: Mapping[tuple[str, str], Finding], plots: Mapping[str, Mapping[str, Any]]
) -> tuple[tuple[str, Finding], ...]:
    """Return what the office is told of water, by plot; what an older evaluation said is gone."""
    newest = max((finding.as_of for finding in latest.values()), default=None)
    told = [
        (plots[finding.plot_id].get("name") or finding.plot_id, finding)
        for (_, cause), finding in latest.items()
        if cause == "watering"
        and finding.as_of == newest
        and finding.state in {"unplanned", "partial", "ineffective", "reported_late"}
        and finding.plot_id in plots
    ]
    return tuple(sorted(told, key=lambda one: one[0])[:_MOST_SOON])


def _soon_dry(
    rows: Iterable[Stop],
    latest: Mapping[tuple[str, str], Finding],
    plots: Mapping[str, Mapping[str, Any]],
    now: datetime,
    site: Site,
) -> tuple[tuple[str, Finding], ...]:
    """Return the plots that will want water soon, the first of them first."""
    asked = {row.issue.plot_id for row in rows if row.issue.cause == "drought"}
    known = (counted_to(finding, now, site) for (_, cause), finding in latest.items() if cause == "drought")
    soon = [
        (finding.days_until_dry, plots[finding.plot_id].get("name") or finding.plot_id, finding)
        for finding in known
        if finding.plot_id in plots
        and finding.plot_id not in asked
        and finding.state in {"ok", "watch", "likely"}
        and finding.days_until_dry is not None
        and finding.days_until_dry <= SOON_DAYS
    ]
    soon.sort(key=lambda one: one[:2])
    return tuple((name, finding) for _, name, finding in soon[:_MOST_SOON])


def on_time(ended: Iterable[Issue]) -> tuple[int, int]:
    """Return how many closed issues were done by their deadline, of how many that somebody worked on.

    An extension that was approved moves the deadline; what recovered without work, and false alarms, do not count.
    """
    worked = [issue for issue in ended if issue.done_at is not None and issue.state in {"closed", "looked_back"}]
    return sum(issue.done_at <= issue.due_at for issue in worked if issue.done_at is not None), len(worked)


def _passes(row: Stop, filters: Filters) -> bool:
    return (
        (filters.unit is None or row.plot.get("responsible_unit") == filters.unit)
        and (filters.grade is None or row.plot.get("maintenance_grade") == filters.grade)
        and (filters.state is None or row.issue.state == filters.state)
    )


def _look_back_is_due(issue: Issue, today: date) -> bool:
    return issue.state == "closed" and issue.look_back_on is not None and issue.look_back_on <= today
