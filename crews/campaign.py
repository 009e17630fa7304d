"""A campaign of the year as people see it: where it stands, and how many of a crew's plots are done. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from crews.finding import Finding
from crews.issue import Issue
from sql.campaigns import CAUSE_PREFIX

TO_DO_STATES = frozenset({"opened", "assigned", "in_work", "deferred"})
"""States of an issue in which the work is still to come."""


class Condition(msgspec.Struct, frozen=True):
    """One condition of a start, as it stands; units are those of the quantity's name, depths in cm."""

    rule_number: int
    quantity: str
    operator: str
    threshold: float
    days_running: int
    days_held: int
    is_complete: bool
    is_measured: bool
    depth_from_cm: float | None = None
    depth_to_cm: float | None = None
    measured_on: str | None = None
    value: float | None = None


class Standing(msgspec.Struct, frozen=True):
    """A row of model campaign_progress.

    day: the local day that it is of
    state: not_started, ready, running or over; basis: measured, part_measured, not_measured or calendar
    season: year in which the window begins; starts_on, ends_on: its first and last local day
    plots, done: on the list of the whole district, and reported done of them
    """

    campaign_id: str
    name_zh: str
    name_en: str
    work: str
    day: date
    season: int
    starts_on: date
    ends_on: date
    state: str
    basis: str
    ready_since: date | None = None
    started_at: datetime | None = None
    closed_at: datetime | None = None
    last_actor: str | None = None
    conditions: tuple[Condition, ...] = ()
    plots: int = 0
    done: int = 0

    @property
    def cause(self) -> str:
        """Cause of the campaign's flags and issues."""
        return CAUSE_PREFIX + self.campaign_id


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a crew, or the whole district, has come with a campaign that runs."""

    standing: Standing
    plots: int
    done: int


def standing_from_row(row: Mapping[str, Any]) -> Standing:
    """Return the standing that a row of campaign_progress holds."""
    conditions = sorted(json.loads(row["conditions_json"]), key=lambda one: int(one["rule_number"]))
    return msgspec.convert({**row, "day": row["date"], "conditions": conditions}, Standing)


def is_of_campaign(cause: str) -> bool:
    """Say whether an issue or finding of `cause` is a campaign's."""
    return cause.startswith(CAUSE_PREFIX)


def brings_water(cause: str, params: Mapping[str, Any]) -> bool:
    """Say whether the work of a finding with the parameters of its reason is watering."""
    return cause == "drought" or (is_of_campaign(cause) and params.get("work") == "water")


def due_campaign(
    plot_id: str, latest: Mapping[tuple[str, str], Finding], standings: Iterable[Standing]
) -> Finding | None:
    """Return the finding of the first watering campaign that runs and waits for the plot, None where none does."""
    for standing in standings:
        found = latest.get((plot_id, standing.cause))
        if standing.state == "running" and standing.work == "water" and found is not None and found.needs_work:
            return found
    return None


def progress_of(
    standings: Iterable[Standing],
    latest: Mapping[tuple[str, str], Finding],
    plot_ids: Iterable[str],
    issues: Iterable[Issue],
) -> tuple[Progress, ...]:
    """Return the progress of each campaign that runs over `plot_ids`; none where no plot of them is on its list.

    What `issues` say was reported since the evaluation counts at once.
    """
    plot_ids, issues = tuple(plot_ids), tuple(issues)
    found = []
    for standing in standings:
        if standing.state != "running":
            continue
        states = {
            plot_id: finding.state
            for plot_id in plot_ids
            if (finding := latest.get((plot_id, standing.cause))) is not None and finding.state in {"due", "done"}
        }
        reported = {issue.plot_id for issue in issues if _is_reported(issue, standing)}
        done = sum(state == "done" or plot_id in reported for plot_id, state in states.items())
        if states:
            found.append(Progress(standing, len(states), done))
    return tuple(found)


def _is_reported(issue: Issue, standing: Standing) -> bool:
    is_its_work = issue.cause == standing.cause or (issue.cause == "drought" and standing.work == "water")
    since = standing.started_at
    is_since = issue.done_at is not None and since is not None and issue.done_at >= since
    return is_its_work and issue.result_code == "done" and is_since
