"""A crew's list: what is open, grouped by 已超期 / 今日 / later / put off / 已完成, in the order of the drive. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from crews.campaign import Progress, Standing, brings_water, due_campaign, is_of_campaign, progress_of
from crews.decisions import is_barred
from crews.drive import Position, distance_km, drive_order
from crews.finding import JUDGED_STATES, Finding, counted_to, from_json
from crews.issue import WAITING_STATES, Issue
from crews.navigation import Navigation, navigate_to
from ingest.site import Site

GROUPS = ("overdue", "today", "later", "put_off", "done")
TO_DO = frozenset({"overdue", "today", "later"})
LITRES_PER_TONNE = 1000.0

_AT_ONCE = 4
"""Severity at which the card says "now"."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One issue as a crew sees it; free of any language.

    seq: number on the list, from 1
    finding: what speaks for the work
    newest: the newest evaluation when it says otherwise or does not know; its reason comes first then. Of an issue that
        has ended both are what they were when it ended, for ever
    drought: the newest verdict on the plot's dryness, for cause sensor
    campaign: the finding of the campaign that the work belongs to: its own, or for drought that of a watering that runs
    plot: the register's row, {} when the plot is no longer registered
    position: where to go, WGS 84; None when nobody knows
    leg_km: straight line from the stop before; None for the first and for unknown positions
    litres, tonnes, truck_loads, whole_loads: water to bring on this visit; None when none is asked for, when it cannot
        be known, or when the newest evaluation says not to water (`hold`)
    watered_area_m2: area that the litres are for, where depth and litres tell it
    data_age_min: age of the newest data behind what is said; None when there is none
    days: days that the state has lasted, as the reason says
    overdue_min: minutes since the deadline, 0 before it
    """

    seq: int
    group: str
    issue: Issue
    finding: Finding
    newest: Finding | None
    drought: Finding | None
    campaign: Finding | None
    plot: Mapping[str, Any]
    name: str
    position: Position | None
    navigation: Navigation | None
    leg_km: float | None
    truck_litres: float
    data_age_min: int | None
    days: int | None
    overdue_min: int

    @property
    def spoken(self) -> Finding:
        """The finding whose reason is said first."""
        return self.newest or self.finding

    @property
    def newest_state(self) -> str | None:
        """What the newest evaluation says, where it says otherwise."""
        return None if self.newest is None else self.newest.state

    @property
    def hold(self) -> str | None:
        """Why not to water as was asked: "wait" (moist, or dryness rests), "look" (nobody knows), None: water."""
        if self.newest is None or self.issue.cause != "drought" or self.group == "done":
            return None
        return "wait" if self.newest.may_wait else "look"

    @property
    def litres(self) -> float | None:
        """Water to bring on this visit."""
        return None if self.hold else self.finding.visit_litres

    @property
    def tonnes(self) -> float | None:
        """Water in tonnes."""
        return None if self.litres is None else self.litres / LITRES_PER_TONNE

    @property
    def truck_loads(self) -> float | None:
        """Truck loads, not rounded."""
        return None if self.litres is None else self.litres / self.truck_litres

    @property
    def whole_loads(self) -> int | None:
        """Truck loads to drive."""
        return None if self.truck_loads is None else _whole(self.truck_loads)

    @property
    def watered_area_m2(self) -> float | None:
        """Area that the litres are for: litres of all visits over gross depth."""
        if not self.finding.litres or not self.finding.gross_mm:
            return None
        return self.finding.litres / self.finding.gross_mm

    @property
    def action(self) -> str:
        """What is to be done, as a code."""
        match self.finding.cause:
            case "drought":
                if self.hold:
                    return self.hold
                return "water" if self.litres is not None else "water_unknown"
            case cause if is_of_campaign(cause):
                return self._campaign_action
            case "disease" | "vigour" | "sensor" | "coverage":
                return self.finding.cause
        return "other"

    @property
    def _campaign_action(self) -> str:
        if not self.brings_water:
            return "campaign"
        if self.litres is not None:
            return "water"
        return {"campaign_due_frozen": "wait_frozen", "campaign_due_wet": "look", "campaign_due_rain": "wait_rain"}.get(
            self.finding.reason_code, "water_unknown"
        )

    @property
    def brings_water(self) -> bool:
        """Say whether the crew comes with water: for a dry plot, or for a watering campaign."""
        return brings_water(self.issue.cause, self.finding.reason_params)


@dataclass(frozen=True, slots=True)
class CrewList:
    """The list of one crew at one moment.

    crew: None for the list of issues that no crew is assigned to
    campaigns: how far the crew has come with each campaign that runs
    rechecked: names of the plots where somebody else looks after this crew's water, because the probes saw none of it
    version: number of the ledger's newest event; evaluated_at: newest evaluation behind the list, None before any
    """

    crew: str | None
    site: Site
    generated_at: datetime
    expires_at: datetime
    version: int
    evaluated_at: datetime | None
    truck_litres: float
    stops: tuple[Stop, ...]
    campaigns: tuple[Progress, ...] = ()
    rechecked: tuple[str, ...] = ()

    def group(self, name: str) -> tuple[Stop, ...]:
        """Return the stops of one group, in order."""
        return tuple(stop for stop in self.stops if stop.group == name)

    @property
    def to_do(self) -> tuple[Stop, ...]:
        """Stops that wait for the crew."""
        return tuple(stop for stop in self.stops if stop.group in TO_DO)

    @property
    def litres(self) -> float:
        """Water for this visit to all stops that wait and whose need is known."""
        return self.litres_of(*TO_DO)

    def litres_of(self, *groups: str) -> float:
        """Return the water for this visit to the stops of `groups`."""
        return sum(stop.litres or 0.0 for stop in self.stops if stop.group in groups)

    def loads_of(self, litres: float) -> int:
        """Return the truck loads that `litres` take, filled up between plots."""
        return _whole(litres / self.truck_litres)

    @property
    def whole_loads(self) -> int:
        """Truck loads for `litres`, filled up between plots."""
        return self.loads_of(self.litres)


def _whole(loads: float) -> int:
    return math.ceil(round(loads, 6))


def make_crew_list(
    crew: str | None,
    issues: Iterable[Issue],
    latest: Mapping[tuple[str, str], Finding],
    plots: Mapping[str, Mapping[str, Any]],
    now: datetime,
    site: Site,
    *,
    version: int = 0,
    truck_litres: float = 8000.0,
    standings: Sequence[Standing] = (),
) -> CrewList:
    """Return the list of `crew` out of `issues`: open ones of any crew, and ended ones that are still to be shown.

    latest: newest finding by plot and cause; plots: register rows by plot id; truck_litres: what a truck holds
    standings: where campaigns stood at the newest evaluation
    """
    every_issue = list(issues)
    issues = [issue for issue in every_issue if issue.crew == crew]
    stops = [make_stop(issue, latest, plots, now, site, truck_litres, standings) for issue in issues]
    its_plots = [plot_id for plot_id, plot in plots.items() if (plot.get("crew") or None) == crew]
    tomorrow = site.local_date(now) + timedelta(days=1)
    return CrewList(
        crew=crew,
        site=site,
        generated_at=now,
        expires_at=datetime.combine(tomorrow, time(), tzinfo=site.timezone).astimezone(now.tzinfo),
        version=version,
        evaluated_at=max((finding.as_of for finding in latest.values()), default=None),
        truck_litres=truck_litres,
        stops=_in_order(stops),
        campaigns=progress_of(standings, latest, its_plots, issues),
        rechecked=tuple(
            plots.get(issue.plot_id, {}).get("name") or issue.plot_name or issue.plot_id
            for issue in every_issue
            if crew is not None and issue.is_open and is_barred(issue, crew)
        ),
    )


def group_of(issue: Issue, now: datetime, site: Site) -> str:
    """Return the group that an issue belongs to at `now`; what cannot wait is for today, whenever it is due."""
    if issue.state == "deferred":
        return "put_off"
    if issue.state not in WAITING_STATES:
        return "done"
    if issue.due_at < now:
        return "overdue"
    is_for_today = issue.severity >= _AT_ONCE or site.local_date(issue.due_at) == site.local_date(now)
    return "today" if is_for_today else "later"


def is_dryness_known(stop: Stop) -> bool:
    """Say whether the plot of a sensor's stop is judged all the same."""
    return stop.drought is not None and stop.drought.state in JUDGED_STATES


def make_stop(
    issue: Issue,
    latest: Mapping[tuple[str, str], Finding],
    plots: Mapping[str, Mapping[str, Any]],
    now: datetime,
    site: Site,
    truck_litres: float,
    standings: Sequence[Standing] = (),
) -> Stop:
    """Return one issue as people see it at `now`, not yet numbered; arguments as for `make_crew_list`."""
    known = latest.get((issue.plot_id, issue.cause))
    finding, newest = _evidence(issue, known, now, site) if issue.is_open else _ended_on(issue, site)
    plot = plots.get(issue.plot_id, {})
    name = plot.get("name") or issue.plot_name or issue.plot_id
    lon, lat = (finding.lon, finding.lat) if finding.lon is not None else (plot.get("lon"), plot.get("lat"))
    position = (lon, lat) if lon is not None and lat is not None else None
    data_at = (newest or finding).data_at
    group = group_of(issue, now, site)
    if group in {"overdue", "today"} and issue.cause == "drought" and newest is not None and newest.may_wait:
        group = "later"
    return Stop(
        seq=0,
        group=group,
        issue=issue,
        finding=finding,
        newest=newest,
        drought=latest.get((issue.plot_id, "drought")) if issue.cause == "sensor" and issue.is_open else None,
        campaign=_campaign(issue, finding, latest, standings),
        plot=plot,
        name=name,
        position=position,
        navigation=navigate_to(*position, name) if position else None,
        leg_km=None,
        truck_litres=truck_litres,
        data_age_min=None if data_at is None else int((now - data_at).total_seconds() // 60),
        days=_days(newest or finding, now if issue.closed_at is None else issue.closed_at),
        overdue_min=max(int((now - issue.due_at).total_seconds() // 60), 0) if group == "overdue" else 0,
    )


def _campaign(
    issue: Issue, finding: Finding, latest: Mapping[tuple[str, str], Finding], standings: Sequence[Standing]
) -> Finding | None:
    if is_of_campaign(issue.cause):
        return finding
    return due_campaign(issue.plot_id, latest, standings) if issue.cause == "drought" and issue.is_open else None


def _evidence(issue: Issue, known: Finding | None, now: datetime, site: Site) -> tuple[Finding, Finding | None]:
    """Return what speaks for the work of an open issue, and the newest evaluation where that says otherwise."""
    kept = from_json(issue.finding)
    if known is None:
        return counted_to(kept, now, site), None
    known = counted_to(known, now, site)
    return (known, None) if known.needs_work else (kept, known)


def _ended_on(issue: Issue, site: Site) -> tuple[Finding, Finding | None]:
    """Return the same of an issue that has ended, as it was when it ended: what came after is no part of it."""
    kept = from_json(issue.finding)
    if issue.ended_on is None or issue.closed_at is None:
        return kept, None
    last = counted_to(from_json(issue.ended_on), issue.closed_at, site)
    return (last, None) if last.needs_work else (kept, last)


def _days(finding: Finding, now: datetime) -> int | None:
    days = finding.reason_params.get("days")
    if isinstance(days, int):
        return days
    return None if finding.since is None else (now - finding.since).days


def _in_order(stops: list[Stop]) -> tuple[Stop, ...]:
    """Number the stops: groups in turn, each begun where the one before ended; unknown positions last."""
    ordered: list[Stop] = []
    here: Position | None = None
    for name in GROUPS:
        group = sorted(
            (stop for stop in stops if stop.group == name), key=lambda stop: (stop.issue.due_at, stop.issue.issue_id)
        )
        for tier in _tiers(group):
            placed = [stop for stop in tier if stop.position is not None]
            for index in drive_order([stop.position for stop in placed if stop.position is not None], here):
                stop = placed[index]
                leg = None if here is None or stop.position is None else round(distance_km(here, stop.position), 2)
                ordered.append(replace(stop, seq=len(ordered) + 1, leg_km=leg))
                here = stop.position
            for stop in tier:
                if stop.position is None:
                    ordered.append(replace(stop, seq=len(ordered) + 1))
    return tuple(ordered)


def _tiers(group: list[Stop]) -> list[list[Stop]]:
    """Return what the drive may mix: all that no campaign asks for, then a campaign's plots, the higher priority first.

    A campaign's plots share one deadline, so that only severity, grade and age tell which of them cannot wait.
    """
    tiers: dict[tuple[bool, float], list[Stop]] = {}
    for stop in group:
        is_campaign = is_of_campaign(stop.issue.cause)
        rank = -(stop.finding.priority or 0.0) if is_campaign else 0.0
        tiers.setdefault((is_campaign, rank), []).append(stop)
    return [tiers[key] for key in sorted(tiers)]
