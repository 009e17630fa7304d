"""What a stop says: the action, the arithmetic and the status of one issue as sentences."""

from __future__ import annotations

from crews.crew_list import CrewList, Stop
from crews.words import Say, say_number

_COARSE_FROM_TONNES = 0.1
"""From here one decimal is enough; below, a tree's 65 litres would read as 0.1 t."""


def say_action(stop: Stop, say: Say) -> str:
    """Return what is to be done, in one line: 浇水 6.4 吨 ≈ 1 车."""
    if stop.action != "water":
        return say(f"action.{stop.action}", otherwise=stop.finding.cause)
    assert stop.tonnes is not None
    sentence = say("action.water", tonnes=_tonnes(stop.tonnes), loads=say_loads(stop.whole_loads or 0, say))
    visits = stop.finding.visits
    return sentence + (say("action.visits", n=visits) if visits and visits > 1 else "")


def say_loads(whole_loads: int, say: Say) -> str:
    """Return a number of truck loads: 1 车, 2 truck loads."""
    return say("load" if whole_loads == 1 else "loads", n=whole_loads)


def say_arithmetic(stop: Stop, say: Say) -> str | None:
    """Return how litres and loads were reckoned, None where there is no water to bring."""
    if stop.litres is None or stop.truck_loads is None:
        return None
    litres, loads = say_number(stop.litres, 0), say_loads(stop.whole_loads or 0, say)
    parts = []
    if stop.watered_area_m2 is not None and stop.finding.gross_mm is not None:
        parts.append(
            say(
                "sum.depth",
                mm=say_number(stop.finding.gross_mm),
                area=say_number(stop.watered_area_m2, 0),
                litres=litres,
            )
        )
    parts.append(
        say(
            "sum.loads",
            litres=litres,
            truck=say_number(stop.truck_litres, 0),
            loads=say_number(stop.truck_loads, 2),
            whole=loads,
        )
    )
    return say("sum.join").join(parts)


def say_total(listed: CrewList, say: Say) -> str:
    """Return the list in one line: 3 处 · 14.2 吨水 ≈ 2 车."""
    stops = say("total.stop" if len(listed.to_do) == 1 else "total.stops", n=len(listed.to_do))
    if listed.litres <= 0:
        return stops
    return stops + say("total.water", tonnes=_tonnes(listed.litres / 1000.0), loads=say_loads(listed.whole_loads, say))


def say_result(stop: Stop, say: Say) -> str | None:
    """Return what became of the issue: reported, checked, closed, put off; None while nothing was reported."""
    issue = stop.issue
    if issue.closed_reason is not None:
        return say(f"closed.{issue.closed_reason}", otherwise=issue.closed_reason)
    if issue.result_code is not None:
        return say(f"result.{issue.result_code}", otherwise=issue.result_code)
    if issue.note is not None:
        return say(f"note.{issue.note}", otherwise=issue.note)
    return None


def _tonnes(tonnes: float) -> str:
    return say_number(tonnes) if tonnes >= _COARSE_FROM_TONNES else say_number(tonnes, 3)
