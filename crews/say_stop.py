"""What a stop says: the action, the arithmetic and the status of one issue as sentences."""

from __future__ import annotations

import math
from datetime import datetime

from crews.crew_list import LITRES_PER_TONNE, CrewList, Stop, is_dryness_known
from crews.finding import FAR_DAYS, Finding
from crews.issue import Issue
from crews.reasons import Reasons, render_reason
from crews.say_campaign import say_cause
from crews.visits import shown_visit
from crews.words import Say, say_age, say_number, speaker

_BEFORE_DRY = frozenset({"ok", "watch", "likely", "just_watered", "wet"})
"""States in which a plot may become dry; one that is, needs no such word."""

_LESS_SURE = frozenset({"low", "estimated"})
"""Confidences that a crew is told of."""

_COARSE_FROM_TONNES = 0.1
"""From here one decimal is enough; below, a tree's 65 litres would read as 0.1 t."""

_MINUTES_A_DAY = 24 * 60
_DAYS_FROM_MINUTES = 2 * _MINUTES_A_DAY


def say_action(stop: Stop, say: Say) -> str:
    """Return what is to be done, in one line: 返青水：浇水 6.4 吨 ≈ 1 车, or 先不浇 with the reason."""
    if stop.campaign is None or stop.hold:
        return _say_work(stop, say)
    name = say_cause(stop.campaign.cause, stop.campaign.reason_params, say)
    return name if stop.action == "campaign" else say("campaign.named", name=name, action=_say_work(stop, say))


def _say_work(stop: Stop, say: Say) -> str:
    if stop.action == "wait":
        return _say_wait(stop, say)
    if stop.action != "water":
        return say(f"action.{stop.action}", otherwise=stop.finding.cause)
    assert stop.tonnes is not None
    tonnes, loads = say_tonnes(stop.tonnes), say_loads(stop.whole_loads or 0, say)
    visit, visits = shown_visit(stop.issue, stop.finding)
    if visits == 1:
        return say("action.water", tonnes=tonnes, loads=loads)
    if visit > 1:
        return say("action.water_next_visit", tonnes=tonnes, loads=loads, k=visit, n=visits)
    whole = say_tonnes((stop.finding.litres or 0.0) / LITRES_PER_TONNE)
    return say("action.water_visit", tonnes=tonnes, loads=loads, whole=whole, n=visits)


def _say_wait(stop: Stop, say: Say) -> str:
    newest = stop.spoken
    hours = newest.reason_params.get("hours")
    if newest.state == "just_watered" and isinstance(hours, int):
        return say("action.wait_watered", hours=hours)
    state = newest.state if newest.state in {"just_watered", "frozen", "suspended", "wet"} else "ok"
    return say(f"action.wait_{state}")


def say_loads(whole_loads: int, say: Say) -> str:
    """Return a number of truck loads: 1 车, 2 truck loads."""
    return say("load" if whole_loads == 1 else "loads", n=whole_loads)


def say_arithmetic(stop: Stop, say: Say) -> str | None:
    """Return how litres and loads were reckoned, None where there is no water to bring."""
    finding = stop.finding
    visit_litres = finding.visit_litres
    if finding.litres is None or visit_litres is None:
        return None
    litres = say_number(finding.litres, 0)
    parts = []
    if stop.watered_area_m2 is not None and finding.gross_mm is not None:
        parts.append(
            say("sum.depth", mm=say_number(finding.gross_mm), area=say_number(stop.watered_area_m2, 0), litres=litres)
        )
    if (finding.visits or 1) > 1:
        parts.append(say("sum.visits", litres=litres, n=finding.visits, each=say_number(visit_litres, 0)))
    if not stop.hold:
        parts.append(
            say(
                "sum.loads",
                litres=say_number(visit_litres, 0),
                truck=say_number(stop.truck_litres, 0),
                loads=say_number(visit_litres / stop.truck_litres, 2),
                whole=say_loads(stop.whole_loads or 0, say),
            )
        )
    return say("sum.join").join(parts) if parts else say("sum.litres", litres=litres)


def say_total(listed: CrewList, say: Say) -> str:
    """Return the list in one line: 今天 1 处 · 以后 3 处（24.2 吨 ≈ 4 车）."""
    parts = []
    for group in ("overdue", "today", "later"):
        stops = listed.group(group)
        if stops:
            parts.append(say(f"total.{group}", n=len(stops)) + _say_water(listed, group, say))
    return " · ".join(parts) or say("total.none")


def _say_water(listed: CrewList, group: str, say: Say) -> str:
    litres = listed.litres_of(group)
    if litres <= 0:
        return ""
    loads = say_loads(listed.loads_of(litres), say)
    return say("total.water", tonnes=say_tonnes(litres / LITRES_PER_TONNE), loads=loads)


def say_result(issue: Issue, say: Say) -> str | None:
    """Return what became of the issue: reported, checked, closed, put off, sent back; None while nothing was."""
    if issue.closed_reason is not None:
        return say(f"closed.{issue.closed_reason}", otherwise=issue.closed_reason)
    if issue.result_code is not None:
        result = say(f"result.{issue.result_code}", otherwise=issue.result_code)
        found = "" if issue.inspection is None else say(f"inspection.{issue.inspection}", otherwise=issue.inspection)
        return f"{result} · {found}" if found else result
    if issue.recheck_not_by:
        return say("again.recheck" if issue.crew else "again.recheck_unassigned", who=issue.recheck_not_by[0])
    if issue.reopen_reason is not None:
        key = "look_back" if issue.look_back_result == "reopened" else "sent_back"
        return say(f"again.{key}", reason=issue.reopen_reason)
    if issue.note is not None:
        return say(f"note.{issue.note}", otherwise=issue.note)
    return None


def say_water_used(issue: Issue, say: Say) -> str | None:
    """Return the water that was reported, with a question where it looks like a slip; None when none was."""
    if issue.water_doubt_litres is not None:
        return say("card.water_doubt", litres=say_number(issue.water_doubt_litres))
    if issue.water_used_litres is None:
        return None
    return say("card.water_used", tonnes=say_tonnes(issue.water_used_litres / LITRES_PER_TONNE))


def say_reason(stop: Stop, language: str, known: Reasons | None = None) -> str:
    """Return why, as the newest evaluation has it; of what has ended, as the one had it by which it was judged."""
    why = render_reason(stop.spoken.reason_code, stop.spoken.reason_params, language, known)
    return why if stop.issue.ended_on is None else speaker(language)("card.when_ended", why=why)


def say_dry_in(finding: Finding | None, say: Say) -> str | None:
    """Return when the plot will want water if it gets none (约 3 天后缺水); None when it does or nobody knows."""
    if finding is None or finding.cause != "drought" or finding.state not in _BEFORE_DRY:
        return None
    days, low, high = finding.days_until_dry, finding.days_until_dry_low, finding.days_until_dry_high
    if days is None or low is None or high is None:
        return None
    if low >= FAR_DAYS:
        return say("dry_in.far", days=FAR_DAYS)
    first, last = math.floor(low), math.ceil(high)
    if round(days) == 0:
        return say("dry_in.today", last=last)
    if days >= FAR_DAYS:
        return say("dry_in.late", first=first, days=FAR_DAYS)
    key = "dry_in.open" if high >= FAR_DAYS else "dry_in.days"
    return say(key, days=round(days), first=first, last=min(last, FAR_DAYS))


def say_earlier(stop: Stop, now: datetime, say: Say, language: str, known: Reasons | None = None) -> list[str]:
    """Return the reason and the water for which the work was asked, each with its age at `now`.

    Empty unless the newest evaluation says otherwise.
    """
    if stop.newest is None:
        return []
    age = say_age(int((now - stop.finding.as_of).total_seconds() // 60), say)
    why = render_reason(stop.finding.reason_code, stop.finding.reason_params, language, known)
    said = [say("card.earlier", age=age, why=why)]
    arithmetic = say_arithmetic(stop, say)
    return [*said, say("card.earlier_amount", age=age, sum=arithmetic)] if stop.hold and arithmetic else said


def say_not_knowing(stop: Stop, say: Say) -> str | None:
    """Return what a sensor out of order leaves unknown of its plot; None where the card is of no sensor."""
    if stop.issue.cause != "sensor" or stop.group == "done":
        return None
    if not is_dryness_known(stop):
        return say("card.not_knowing")
    assert stop.drought is not None
    others = set(stop.drought.device_ids) - set(stop.finding.device_ids)
    return say("card.other_probes" if others else "card.judged_before")


def say_confidence(stop: Stop, say: Say) -> str | None:
    """Return why the verdict is less sure than others: low confidence, an estimate; None where it is not."""
    confidence = stop.spoken.confidence
    return say(f"confidence.{confidence}") if confidence in _LESS_SURE else None


def say_saline(stop: Stop, say: Say) -> str | None:
    """Return that water content reads high in saline soil: 含水率可能偏高：土壤盐分高; None where it is not saline."""
    ec = (stop.drought or stop.spoken).saline_ec_ds_m
    return None if ec is None else say("card.saline", ec=say_number(ec))


def say_overdue(stop: Stop, say: Say) -> str:
    """Return how long the deadline has passed, and to whom it was raised: 已超 3 小时，升级到责任单位."""
    since = _say_since(stop.overdue_min, say)
    level = stop.issue.escalated_to
    return say("overdue.raised", since=since, to=say(f"escalation.{level}", otherwise=str(level))) if level else since


def _say_since(minutes: int, say: Say) -> str:
    if minutes == 0:
        return say("overdue.now")
    if minutes >= _DAYS_FROM_MINUTES:
        return say("overdue.days", n=minutes // _MINUTES_A_DAY)
    return say("overdue.hours", n=minutes // 60) if minutes >= 60 else say("overdue.minutes", n=minutes)  # noqa: PLR2004


def say_tonnes(tonnes: float) -> str:
    """Return a number of tonnes, finer where it is small."""
    return say_number(tonnes) if tonnes >= _COARSE_FROM_TONNES else say_number(tonnes, 3)
