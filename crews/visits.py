"""A watering of several visits: more than the soil takes at once is brought in steps, each reported by itself."""

from __future__ import annotations

from crews.finding import Finding
from crews.issue import Issue


def planned_visits(issue: Issue, finding: Finding) -> int:
    """Return over how many visits the issue's water is spread, those already reported among them; at least 1.

    finding: the newest that asks for water. One that is younger than the last visit knows what that brought, and says
    how many more are wanted; until then the plan of the first visit holds.
    """
    left = finding.visits or 1
    if issue.visit == 0 or issue.done_at is None or finding.as_of > issue.done_at:
        return issue.visit + left
    return max(issue.visits, issue.visit + 1)


def shown_visit(issue: Issue, finding: Finding) -> tuple[int, int]:
    """Return which visit a card speaks of, from 1, and of how many: the next, or the last where all are reported.

    finding: as of planned_visits
    """
    if issue.visit and issue.visit == issue.visits:
        return issue.visit, issue.visits
    return issue.visit + 1, planned_visits(issue, finding)


def visits_brought(finding: Finding, litres: float | None) -> int:
    """Return of how many visits a report of `litres` is: a crew that brought all of it at once comes no second time."""
    if not litres or not finding.visit_litres:
        return 1
    return max(1, round(litres / finding.visit_litres))
