"""What a campaign says: its name, its progress, why it may be started, and its conditions with their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crews.campaign import Condition, Progress, Standing, is_of_campaign
from crews.words import Say, say_number

_OPERATORS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}


def say_cause(cause: str, params: Mapping[str, Any], say: Say) -> str:
    """Return the cause of an issue in words, a campaign's by its name; params: those of its finding's reason."""
    if is_of_campaign(cause):
        return say("campaign.name", zh=params.get("campaign_zh", cause), en=params.get("campaign_en", cause))
    return say(f"cause.{cause}", otherwise=cause)


def say_severity(cause: str, severity: int, reason_code: str, say: Say) -> str:
    """Return the severity in words; a plot that a campaign asks for and that is not dry is planned work."""
    if is_of_campaign(cause) and reason_code != "campaign_due_dry":
        return say("campaign.planned")
    return say(f"severity.{severity}", otherwise=str(severity))


def say_name(standing: Standing, say: Say) -> str:
    """Return the campaign's name."""
    return say("campaign.name", zh=standing.name_zh, en=standing.name_en)


def say_progress(progress: Progress, say: Say) -> str:
    """Return the progress in one line: 返青水 · 已完成 12/40 处."""
    return say("campaign.progress", name=say_name(progress.standing, say), done=progress.done, plots=progress.plots)


def say_standing(standing: Standing, say: Say) -> str:
    """Return where the campaign stands, and what is asked of the office, in one sentence."""
    name = say_name(standing, say)
    key = f"campaign.{standing.state}"
    if standing.state == "ready":
        key = f"campaign.ready_{standing.basis}"
    elif standing.state == "over" and standing.closed_at is not None:
        key = "campaign.closed"
    elif standing.state == "over" and standing.started_at is None:
        key = "campaign.missed"
    elif standing.state == "not_started" and standing.day >= standing.starts_on:
        key = "campaign.waiting"
    missing = [say_condition(one, say) for one in standing.conditions if not one.is_measured]
    return say(
        key,
        name=name,
        since=f"{standing.ready_since or standing.starts_on:%m-%d}",
        starts=f"{standing.starts_on:%m-%d}",
        ends=f"{standing.ends_on:%m-%d}",
        actor=standing.last_actor or say("unknown"),
        done=standing.done,
        plots=standing.plots,
        missing=say("campaign.and").join(missing),
    )


def say_condition(condition: Condition, say: Say) -> str:
    """Return what a condition asks: 10–20 cm 日平均地温 > 0 °C."""
    quantity = say(f"quantity.{condition.quantity}")
    unit = "mm" if condition.quantity.endswith("_mm") else "°C"
    asked = f"{quantity} {_OPERATORS[condition.operator]} {say_number(condition.threshold)} {unit}"
    if condition.depth_from_cm is not None and condition.depth_to_cm is not None:
        asked = f"{say_number(condition.depth_from_cm)}–{say_number(condition.depth_to_cm)} cm {asked}"
    return asked if condition.days_running == 1 else say("campaign.days", asked=asked, n=condition.days_running)


def say_measured(condition: Condition, say: Say) -> str:
    """Return what was measured of a condition last, and for how many days running it has held."""
    if condition.value is None or not condition.is_measured:
        return say("campaign.not_measured")
    unit = "mm" if condition.quantity.endswith("_mm") else "°C"
    return say(
        "campaign.measured",
        day=(condition.measured_on or "")[5:],
        value=say_number(condition.value, 2),
        unit=unit,
        held=condition.days_held,
    )
