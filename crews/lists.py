"""From an open ledger and the plots to lists and the office's view: the reads that page and command line share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from crews.action import Action
from crews.campaign_journal import standings_of
from crews.crew_list import CrewList, make_crew_list
from crews.issue import Issue
from crews.ledger import Ledger
from crews.office import Filters, OfficeView, make_office_view
from crews.policy import interval

Plots = Mapping[str, Mapping[str, Any]]

GRADED_KINDS = frozenset({"assigned", "reopened"})
"""Actions that may give a new deadline, which hangs on the plot's grade."""


def list_of(ledger: Ledger, crew: str | None, plots: Plots, now: datetime, truck_litres: float) -> CrewList:
    """Return the list of one crew; of what nobody is assigned to when `crew` is None. Raises: StoreError."""
    return _lists(ledger, [crew], plots, now, truck_litres)[0]


def _lists(
    ledger: Ledger, crews: Sequence[str | None], plots: Plots, now: datetime, truck_litres: float
) -> list[CrewList]:
    latest, version, standings = ledger.latest_findings(), ledger.version(), standings_of(ledger)
    issues = [*ledger.open_issues(), *ledger.ended_issues(now - interval("shown_when_done"))]
    by_crew: dict[str | None, list[Issue]] = {crew: [] for crew in crews}
    rechecks = [issue for issue in issues if issue.recheck_not_by]
    for issue in issues:
        if issue.crew in by_crew:
            by_crew[issue.crew].append(issue)
    return [
        make_crew_list(
            crew,
            [*its_issues, *(issue for issue in rechecks if issue.crew != crew)],
            latest,
            plots,
            now,
            ledger.site,
            version=version,
            truck_litres=truck_litres,
            standings=standings,
        )
        for crew, its_issues in by_crew.items()
    ]


def crews_of(ledger: Ledger, plots: Plots) -> list[str]:
    """Return the crews of the register and of open issues, in alphabetical order. Raises: StoreError."""
    named = {plot.get("crew") for plot in plots.values()} | {issue.crew for issue in ledger.open_issues()}
    return sorted(crew for crew in named if crew)


def graded(ledger: Ledger, action: Action, plots: Plots) -> Action:
    """Return the action with the grade of its issue's plot. Raises: ActionRefusedError, code unknown_issue."""
    plot = plots.get(ledger.issue(action.issue_id).plot_id, {})
    return msgspec.structs.replace(action, maintenance_grade=plot.get("maintenance_grade"))


def all_lists(ledger: Ledger, plots: Plots, now: datetime, truck_litres: float) -> list[CrewList]:
    """Return the list of every crew, and last that of unassigned issues where there are any. Raises: StoreError."""
    *lists, unassigned = _lists(ledger, [*crews_of(ledger, plots), None], plots, now, truck_litres)
    return [*lists, unassigned] if unassigned.stops else lists


def list_of_one(ledger: Ledger, issue_id: str, plots: Plots, now: datetime, truck_litres: float) -> CrewList:
    """Return a list of one issue as its crew sees it. Raises: ActionRefusedError (code unknown_issue), StoreError."""
    issue, latest, version = ledger.issue(issue_id), ledger.latest_findings(), ledger.version()
    return make_crew_list(
        issue.crew,
        [issue],
        latest,
        plots,
        now,
        ledger.site,
        version=version,
        truck_litres=truck_litres,
        standings=standings_of(ledger),
    )


def office_view(ledger: Ledger, plots: Plots, now: datetime, filters: Filters, truck_litres: float) -> OfficeView:
    """Return what the office sees. Raises: StoreError."""
    ended = ledger.ended_issues(now - interval("on_time_window"))
    return make_office_view(
        ledger.open_issues(),
        ended,
        ledger.latest_findings(),
        plots,
        now,
        ledger.site,
        filters,
        truck_litres,
        standings_of(ledger),
    )
