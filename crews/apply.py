"""From findings to issues: opens, adds evidence, tells again, raises what is overdue, closes what is proven well.

Nothing is closed on a crew's word alone: work that was reported needs a finding made of data younger than the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias, cast

import pyarrow as pa

from crews.applied import Applied
from crews.campaign import TO_DO_STATES, brings_water, is_of_campaign
from crews.finding import PAUSED_STATES, UNHEARD_STATES, Finding, merge_flags
from crews.issue import WAITING_STATES, Issue
from crews.ledger import GREENSWARD, Ledger
from crews.policy import due_at, escalation_level, interval, look_back_on
from crews.reported_water import check_watering, look_after_unheard_water
from crews.reports import FALSE_ALARM_REASONS

RECHECKED_CAUSES = frozenset({"drought", "sensor"})
"""Causes whose cure a sensor shows by itself; a picture's cure shows only at the next flight or to the eye."""

WATERING = "watering"
"""Cause of findings on the water that came: they open nothing, they check what was reported."""

PLOT_CLOSED = "plot_closed"
"""Why an issue is void whose plot has left the register."""

Rows: TypeAlias = pa.Table | Iterable[Mapping[str, Any]]


def as_rows(rows: Rows) -> Iterable[Mapping[str, Any]]:
    """Return the rows of an Arrow table or of plain dicts as dicts."""
    return cast("Iterable[Mapping[str, Any]]", rows.to_pylist() if isinstance(rows, pa.Table) else rows)


def valid_plots(plots: Rows, now: datetime) -> dict[str, Mapping[str, Any]]:
    """Return the register's row of each plot that holds at `now`, by plot id."""
    return {
        row["plot_id"]: row
        for row in as_rows(plots)
        if (row.get("valid_from") is None or row["valid_from"] <= now)
        and (row.get("valid_to") is None or row["valid_to"] > now)
    }


def apply_flags(ledger: Ledger, flags: Rows, plots: Rows, now: datetime) -> Applied:
    """Bring the ledger up to an evaluation's flags, in one transaction; the same flags again change nothing.

    Open issues of plots that have left the register, and are in no flag, become void.

    flags, plots: rows as in schemas/tables/flags.toml and plots.toml
    Raises: StoreError; nothing has changed then.
    """
    rows = list(as_rows(plots))
    registered = valid_plots(rows, now)
    found = merge_flags(as_rows(flags))
    ended = {row["plot_id"] for row in rows if row.get("valid_to") is not None and row["valid_to"] <= now}
    gone = ended - set(registered) - {finding.plot_id for finding in found}
    applied = Applied()
    with ledger.transaction():
        known = ledger.latest_findings()
        unheard = []
        for finding in found:
            before = known.get((finding.plot_id, finding.cause))
            if before is None or _is_newer(finding, before, now):
                ledger.remember_finding(finding)  # first: events keep the newest finding
                _apply(ledger, finding, before, registered.get(finding.plot_id, {}), now, applied)
                if finding.cause == "drought" and finding.state in UNHEARD_STATES:
                    unheard.append(finding)
        for finding in unheard:  # after what the probes did see of the same water
            look_after_unheard_water(ledger, finding, registered.get(finding.plot_id, {}), now, applied)
        _void_closed_plots(ledger, gone, now, applied)
        _escalate(ledger, now, applied)
    return applied


def _is_newer(finding: Finding, before: Finding, now: datetime) -> bool:
    """Say whether `finding` comes after `before`; what a clock ahead of its time wrote is no measure."""
    return before.as_of < finding.as_of or finding.as_of <= now < before.as_of


def _void_closed_plots(ledger: Ledger, plot_ids: set[str], now: datetime, applied: Applied) -> None:
    for issue in ledger.open_issues():
        if issue.plot_id in plot_ids:
            ledger.append(issue, "void", now, GREENSWARD, {"reason": PLOT_CLOSED})
            applied.closed.append(issue.issue_id)


def _escalate(ledger: Ledger, now: datetime, applied: Applied) -> None:
    """Raise overdue work to the next level, once to each; dryness that may wait is not late."""
    for issue in ledger.open_issues():
        level = escalation_level(issue.due_at, now)
        if issue.state not in WAITING_STATES or level <= issue.escalated_to:
            continue
        newest = ledger.latest_finding(issue.plot_id, issue.cause) if issue.cause == "drought" else None
        if newest is not None and newest.may_wait:
            continue
        ledger.append(issue, "escalated", now, GREENSWARD, {"level": level})
        applied.escalated.append(issue.issue_id)


def _apply(
    ledger: Ledger, finding: Finding, before: Finding | None, plot: Mapping[str, Any], now: datetime, applied: Applied
) -> None:
    if finding.cause == WATERING:
        check_watering(ledger, finding, plot, now, applied)
        return
    issue = ledger.open_issue_of(finding.plot_id, finding.cause)
    if issue is None:
        if (
            finding.needs_work
            and not _was_just_voided(ledger, finding, before, now)
            and not _has_water_coming(ledger, finding)
        ):
            applied.opened.append(_open(ledger, finding, plot, now).issue_id)
    elif finding.needs_work:
        _persist(ledger, issue, finding, plot, now, applied)
    elif is_of_campaign(finding.cause):
        _end_campaign_work(ledger, issue, finding, now, applied)
    elif finding.is_well:
        _recover(ledger, issue, finding, now, applied)
    elif finding.state in PAUSED_STATES and issue.state in {"opened", "assigned"}:
        ledger.append(issue, "deferred", now, GREENSWARD, {"reason": finding.state})
        applied.deferred.append(issue.issue_id)


def _has_water_coming(ledger: Ledger, finding: Finding) -> bool:
    """Say whether another open issue already sends a crew with water: dryness and a campaign share one card."""
    return brings_water(finding.cause, finding.reason_params) and any(
        issue.state in TO_DO_STATES and brings_water(issue.cause, issue.finding["reason_params"])
        for issue in ledger.open_issues_of(finding.plot_id)
        if is_of_campaign(issue.cause) != is_of_campaign(finding.cause)
    )


def _end_campaign_work(ledger: Ledger, issue: Issue, finding: Finding, now: datetime, applied: Applied) -> None:
    """End the issue of a plot that is no longer due.

    What was reported done closes when water is seen in the soil after it, or when a person of the office has closed the
    campaign; a window that has merely passed checks nothing.
    """
    is_reported = issue.state == "done_unchecked" and issue.result_code == "done"
    if finding.state == "done" and issue.state in TO_DO_STATES:
        kind, reason = "closed", "with_drought"
    elif is_reported and finding.reason_params.get("is_closed"):
        kind, reason = "closed", "campaign_over"
    elif is_reported and finding.data_at is not None and issue.done_at is not None and finding.data_at > issue.done_at:
        kind, reason = "closed", "recovered_after_work"
    elif finding.state in {"over", "not_listed"} and not is_reported:
        kind, reason = "void", "campaign_over" if finding.state == "over" else "not_listed"
    else:
        return
    ledger.append(issue, kind, now, GREENSWARD, {"reason": reason, "state": finding.state})
    applied.closed.append(issue.issue_id)


def _deadline(ledger: Ledger, finding: Finding, plot: Mapping[str, Any], now: datetime) -> datetime:
    """Return by when the work is due: a campaign's by the end of its window, dry plots of it as any dry plot."""
    usual = due_at(finding.severity, plot.get("maintenance_grade"), now, ledger.site)
    if not is_of_campaign(finding.cause):
        return usual
    last_day = date.fromisoformat(finding.reason_params["ends_on"])
    end = datetime.combine(last_day + timedelta(days=1), time(), tzinfo=ledger.site.timezone).astimezone(now.tzinfo)
    return min(usual, end) if finding.reason_code == "campaign_due_dry" else end


def _was_just_voided(ledger: Ledger, finding: Finding, before: Finding | None, now: datetime) -> bool:
    """Say whether this very trouble was called a false alarm lately, has not gone since, and is no worse."""
    past = ledger.past_issues(finding.plot_id, finding.cause, now - interval("tell_again"))
    persists = before is not None and before.needs_work
    is_void = bool(past) and past[0].state == "void" and past[0].closed_reason != PLOT_CLOSED
    return is_void and persists and finding.severity <= past[0].severity


def _open(ledger: Ledger, finding: Finding, plot: Mapping[str, Any], now: datetime) -> Issue:
    past = ledger.past_issues(finding.plot_id, finding.cause, now - interval("repeat_within"))
    deadline = _deadline(ledger, finding, plot, now)
    issue = ledger.open_issue(
        finding.plot_id,
        finding.cause,
        now,
        GREENSWARD,
        {
            "severity": finding.severity,
            "due_at": deadline.isoformat(),
            "plot_name": plot.get("name") or "",
            "repeat_count": sum(1 for one in past if one.state != "void"),
            "finding": finding.as_json(),
        },
    )
    if plot.get("crew"):
        issue = ledger.append(issue, "assigned", now, GREENSWARD, {"crew": plot["crew"]})
    return issue


def _persist(
    ledger: Ledger, issue: Issue, finding: Finding, plot: Mapping[str, Any], now: datetime, applied: Applied
) -> None:
    deadline = _deadline(ledger, finding, plot, now)
    if issue.state == "deferred" and issue.result_code in PAUSED_STATES:
        ledger.append(
            issue,
            "evidence",
            now,
            GREENSWARD,
            {
                "finding": finding.as_json(),
                "severity": finding.severity,
                "told": True,
                "resumed": True,
                "due_at": deadline.isoformat(),
            },
        )
        applied.resumed.append(issue.issue_id)
        return
    if _work_did_not_help(issue, finding):
        ledger.append(issue, "reopened", now, GREENSWARD, {"note": "work_did_not_help", "due_at": deadline.isoformat()})
        applied.reopened.append(issue.issue_id)
        return
    worse = finding.severity > issue.severity and finding.severity > _told_severity(ledger, issue)
    again = now - issue.told_at >= interval("tell_again")
    changed = (finding.severity, finding.state, finding.reason_code) != (
        issue.severity,
        issue.finding["state"],
        issue.finding["reason_code"],
    )
    if not (worse or again or changed):
        return
    detail: dict[str, Any] = {"finding": finding.as_json(), "severity": finding.severity, "told": worse or again}
    if worse:
        detail["due_at"] = min(issue.due_at, deadline).isoformat()
    ledger.append(issue, "evidence", now, GREENSWARD, detail)
    if worse or again:
        applied.told_again.append(issue.issue_id)


def _told_severity(ledger: Ledger, issue: Issue) -> int:
    """Return the severity that the crew was last told of: what eased and came back is no news."""
    severity = told = 0
    for event in ledger.history(issue.issue_id):
        severity = event.detail.get("severity", severity)
        if event.kind in {"opened", "reopened"} or event.detail.get("told"):
            told = severity
    return told


def _reopened_at(ledger: Ledger, issue: Issue) -> datetime | None:
    """Return when the issue was last opened again; None where it never was."""
    instants = (event.happened_at for event in ledger.history(issue.issue_id) if event.kind == "reopened")
    return max(instants, default=None)


def _work_did_not_help(issue: Issue, finding: Finding) -> bool:
    return (
        issue.state == "done_unchecked"
        and issue.result_code == "done"
        and issue.cause in RECHECKED_CAUSES
        and issue.done_at is not None
        and finding.data_at is not None
        and finding.data_at >= issue.done_at + interval("recheck_after")
    )


def _recover(ledger: Ledger, issue: Issue, finding: Finding, now: datetime, applied: Applied) -> None:
    """Close what is proven to be well by data younger than the work, or than the look that opened the issue again."""
    looked_at = issue.done_at or _reopened_at(ledger, issue)
    if looked_at is not None and (finding.data_at is None or finding.data_at <= looked_at):
        return
    reason = "recovered" if issue.done_at is None else "recovered_after_work"
    detail: dict[str, Any] = {"reason": reason, "state": finding.state}
    day = look_back_on(issue.issue_id, issue.repeat_count, now, ledger.site)
    if day is not None and reason == "recovered_after_work":
        detail["look_back_on"] = day.isoformat()
    if issue.state == "done_unchecked" and issue.result_code in FALSE_ALARM_REASONS:
        ledger.append(issue, "void", now, GREENSWARD, {"reason": "recovered_after_false_alarm", "state": finding.state})
    else:
        ledger.append(issue, "closed", now, GREENSWARD, detail)
    applied.closed.append(issue.issue_id)
