"""A crew's list: what is open, grouped by 已超期 / 今日 / later / put off / 已完成, in the order of the drive. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from crews.drive import Position, distance_km, drive_order
from crews.finding import Finding, from_json
from crews.issue import Issue
from crews.navigation import Navigation, navigate_to
from ingest.site import Site

GROUPS = ("overdue", "today", "later", "put_off", "done")
TO_DO = frozenset({"overdue", "today", "later"})
LITRES_PER_TONNE = 1000.0


@dataclass(frozen=True, slots=True)
class Stop:
    """One issue as a crew sees it; free of any language.

    seq: number on the list, from 1
    finding: what speaks for the issue; `newest_state` when the newest evaluation says otherwise or does not know
    plot: the register's row, {} when the plot is no longer registered
    position: where to go, WGS 84; None when nobody knows
    leg_km: straight line from the stop before; None for the first and for unknown positions
    litres, tonnes, truck_loads, whole_loads: water to bring; None when none is asked for or it cannot be known
    watered_area_m2: area that the litres are for, where depth and litres tell it
    data_age_min: age of the newest data behind the finding, for an ended issue behind its end; None when there is none
    days: whole days since the state began
    """

    seq: int
    group: str
    issue: Issue
    finding: Finding
    newest_state: str | None
    plot: Mapping[str, Any]
    name: str
    position: Position | None
    navigation: Navigation | None
    leg_km: float | None
    litres: float | None
    truck_litres: float
    data_age_min: int | None
    days: int | None

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
        """Area that the litres are for: litres over gross depth."""
        if not self.litres or not self.finding.gross_mm:
            return None
        return self.litres / self.finding.gross_mm

    @property
    def action(self) -> str:
        """What is to be done, as a code."""
        match self.finding.cause:
            case "drought":
                return "water" if self.litres is not None else "water_unknown"
            case "disease" | "vigour" | "sensor" | "coverage":
                return self.finding.cause
        return "other"


@dataclass(frozen=True, slots=True)
class CrewList:
    """The list of one crew at one moment.

    crew: None for the list of issues that no crew is assigned to
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

    def group(self, name: str) -> tuple[Stop, ...]:
        """Return the stops of one group, in order."""
        return tuple(stop for stop in self.stops if stop.group == name)

    @property
    def to_do(self) -> tuple[Stop, ...]:
        """Stops that wait for the crew."""
        return tuple(stop for stop in self.stops if stop.group in TO_DO)

    @property
    def litres(self) -> float:
        """Water for all stops that wait and whose need is known."""
        return sum(stop.litres or 0.0 for stop in self.to_do)

    @property
    def whole_loads(self) -> int:
        """Truck loads for `litres`, filled up between plots."""
        return _whole(self.litres / self.truck_litres)


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
) -> CrewList:
    """Return the list of `crew` out of `issues` (open ones, and ended ones that are still to be shown).

    latest: newest finding by plot and cause; plots: register rows by plot id; truck_litres: what a truck holds
    """
    stops = [_stop(issue, latest, plots, now, site, truck_litres) for issue in issues if issue.crew == crew]
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
    )


def group_of(issue: Issue, now: datetime, site: Site) -> str:
    """Return the group that an issue belongs to at `now`."""
    if issue.state == "deferred":
        return "put_off"
    if issue.state not in {"opened", "assigned", "in_work"}:
        return "done"
    if issue.due_at < now:
        return "overdue"
    return "today" if site.local_date(issue.due_at) == site.local_date(now) else "later"


def _stop(
    issue: Issue,
    latest: Mapping[tuple[str, str], Finding],
    plots: Mapping[str, Mapping[str, Any]],
    now: datetime,
    site: Site,
    truck_litres: float,
) -> Stop:
    newest = latest.get((issue.plot_id, issue.cause))
    finding = newest if newest is not None and newest.needs_work else from_json(issue.finding)
    plot = plots.get(issue.plot_id, {})
    name = plot.get("name") or issue.plot_name or issue.plot_id
    lon, lat = (finding.lon, finding.lat) if finding.lon is not None else (plot.get("lon"), plot.get("lat"))
    position = (lon, lat) if lon is not None and lat is not None else None
    data_at = newest.data_at if newest is not None and not issue.is_open else finding.data_at
    return Stop(
        seq=0,
        group=group_of(issue, now, site),
        issue=issue,
        finding=finding,
        newest_state=newest.state if newest is not None and newest.state != finding.state else None,
        plot=plot,
        name=name,
        position=position,
        navigation=navigate_to(*position, name) if position else None,
        leg_km=None,
        litres=finding.litres,
        truck_litres=truck_litres,
        data_age_min=None if data_at is None else int((now - data_at).total_seconds() // 60),
        days=None if finding.since is None else (now - finding.since).days,
    )


def _in_order(stops: list[Stop]) -> tuple[Stop, ...]:
    """Number the stops: groups in turn, each begun where the one before ended; unknown positions last."""
    ordered: list[Stop] = []
    here: Position | None = None
    for name in GROUPS:
        group = sorted(
            (stop for stop in stops if stop.group == name), key=lambda stop: (stop.issue.due_at, stop.issue.issue_id)
        )
        placed = [stop for stop in group if stop.position is not None]
        for index in drive_order([stop.position for stop in placed if stop.position is not None], here):
            stop = placed[index]
            leg = None if here is None or stop.position is None else round(distance_km(here, stop.position), 2)
            ordered.append(replace(stop, seq=len(ordered) + 1, leg_km=leg))
            here = stop.position
        for stop in group:
            if stop.position is None:
                ordered.append(replace(stop, seq=len(ordered) + 1))
    return tuple(ordered)
