"""Water that was reported, held against what probes saw of it: closes the issue, or has somebody look again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crews.applied import Applied
from crews.campaign import brings_water, is_of_campaign
from crews.finding import Finding
from crews.issue import REPORT_KINDS, ActionRefusedError, Event, Issue
from crews.ledger import GREENSWARD, Ledger
from crews.persons import person
from crews.policy import due_at, interval, look_back_on

WATER_UNKNOWN = "water_unknown"
"""Why an issue is opened again whose water was reported and whose probes then said too little of it."""

CHECKED_STATES = frozenset({"verified", "partial", "ineffective", "reported_late"})
"""States of a check by which an issue is closed or looked at again."""


def check_watering(ledger: Ledger, finding: Finding, plot: Mapping[str, Any], now: datetime, applied: Applied) -> None:
    """Close an issue whose reported water is seen at the roots; where it is not, or in part, it is looked at again.

    Whoever reported that water may not close the issue by word: a probe does, or somebody else (crews/decisions.py).
    Where nothing arrived the issue leaves its crew: another one, or the office, goes and looks. Where the probes fell
    silent before the water had sunk, or saw water rise before the report came, nobody knows: it stays with its crew.
    Data that come late and show the water end a recheck on which nobody has gone yet. Water that was brought with other
    work proves nothing of that work.
    """
    issue_id, reported_at = finding.reason_params.get("issue_id"), finding.reason_params.get("reported_at")
    if not issue_id or not reported_at or finding.state not in CHECKED_STATES:
        return
    try:
        issue = ledger.issue(issue_id)
    except ActionRefusedError:
        return  # the lake remembers an issue that this ledger does not
    if not brings_water(issue.cause, issue.finding["reason_params"]):
        return
    report = datetime.fromisoformat(reported_at)
    is_unchecked = issue.state == "done_unchecked" and issue.done_at == report
    if finding.state == "verified":
        if is_unchecked or _waits_to_look_after(ledger, issue, report):
            day = look_back_on(issue.issue_id, issue.repeat_count, now, ledger.site)
            detail: dict[str, Any] = {"check": finding.reason_params, "reason": "watering_verified"}
            detail |= {"state": finding.state} | ({} if day is None else {"look_back_on": day.isoformat()})
            ledger.append(issue, "closed", now, GREENSWARD, detail)
            applied.closed.append(issue.issue_id)
    elif is_unchecked and _is_final(finding, report):
        deadline = due_at(issue.severity, plot.get("maintenance_grade"), now, ledger.site)
        detail = {"check": finding.reason_params, "due_at": deadline.isoformat(), "recheck": True}
        ledger.append(issue, "reopened", now, GREENSWARD, detail | _what_was_seen(finding, issue, report))
        applied.reopened.append(issue.issue_id)


def look_after_unheard_water(
    ledger: Ledger, finding: Finding, plot: Mapping[str, Any], now: datetime, applied: Applied
) -> None:
    """Send the crew to look where nothing can be checked: its water was reported, and the plot's probes say nothing.

    Once for each time that the water stayed unknown: what the crew reports of its look is for the office to check. A
    campaign's only where the probes were heard after the report; elsewhere its closing ends the issue, as it does in a
    plot without a probe.
    """
    for issue in ledger.open_issues_of(finding.plot_id):
        report = issue.done_at
        is_reported = (issue.state, issue.result_code) == ("done_unchecked", "done")
        if report is None or not is_reported or not brings_water(issue.cause, issue.finding["reason_params"]):
            continue
        if is_of_campaign(issue.cause) and (finding.data_at is None or finding.data_at < report):
            continue
        silent_since = finding.data_at if finding.data_at is not None and _has_sunk(finding, report) else report
        notes = [event.detail.get("note") for event in ledger.history(issue.issue_id) if event.kind == "reopened"]
        if finding.as_of - silent_since < interval("recheck_without_data_after") or notes[-1:] == [WATER_UNKNOWN]:
            continue
        deadline = due_at(issue.severity, plot.get("maintenance_grade"), now, ledger.site)
        detail = {
            "check": {"issue_id": issue.issue_id, "reported_at": report.isoformat()},
            "due_at": deadline.isoformat(),
            "recheck": True,
            "note": WATER_UNKNOWN,
        }
        ledger.append(issue, "reopened", now, GREENSWARD, detail)
        applied.reopened.append(issue.issue_id)


def _what_was_seen(finding: Finding, issue: Issue, report: datetime) -> dict[str, Any]:
    """Return why the watering is looked at again, and who is not to look."""
    if not _has_sunk(finding, report):
        return {"note": WATER_UNKNOWN}
    if finding.state == "partial":
        return {"note": "water_came_in_part"}
    if finding.state == "reported_late":
        return {"note": "water_came_before"}
    names = {person(one): one.removeprefix("crew:") for one in (issue.done_by, issue.crew) if one}
    return {"note": "water_did_not_arrive", "not_by": list(names.values())[::-1]}  # the crew first: pages name it


def _waits_to_look_after(ledger: Ledger, issue: Issue, report: datetime) -> bool:
    """Say whether Greensward had the water of that very report looked after, and nobody has said a word of it yet."""
    if issue.state not in {"opened", "assigned", "deferred"}:
        return False
    since: list[Event] = []
    for event in reversed(ledger.history(issue.issue_id)):
        if event.kind == "reopened":
            is_own = event.actor == GREENSWARD and event.detail.get("recheck") and "check" in event.detail
            is_looked_at = any(one.kind in REPORT_KINDS or one.detail.get("seen") for one in since)
            return bool(
                is_own and not is_looked_at and datetime.fromisoformat(event.detail["check"]["reported_at"]) == report
            )
        since.append(event)
    return False


def _is_final(finding: Finding, report: datetime) -> bool:
    """Say whether little or nothing was seen for long enough: water goes on sinking to deeper probes for a day.

    A probe that fell silent meanwhile is waited for until no more data could change what was seen.
    """
    return _has_sunk(finding, report) or finding.as_of - report >= interval("recheck_without_data_after")


def _has_sunk(finding: Finding, report: datetime) -> bool:
    """Say whether the probes were heard for so long after the report that its water had sunk to them."""
    return finding.data_at is not None and finding.data_at - report >= interval("recheck_sunk_after")
