"""Every sentence that people read, in Chinese and English, from crews/locale/*.toml; and numbers in words."""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

LANGUAGES = ("zh", "en")

Say = Callable[..., str]

_MINUTES_UNTIL = 2 * 60
_HOURS_UNTIL = 2 * 24 * 60


@functools.cache
def all_words() -> dict[str, dict[str, str]]:
    """Return key → language → sentence, keys joined by dots."""
    found: dict[str, dict[str, str]] = {}
    for entry in sorted((resources.files("crews") / "locale").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            found |= _flatten("", tomllib.loads(entry.read_text(encoding="utf-8")))
    return found


def _flatten(prefix: str, node: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    found = []
    for key, value in node.items():
        if set(value) == set(LANGUAGES):
            found.append((prefix + key, value))
        else:
            found.extend(_flatten(f"{prefix}{key}.", value))
    return found


def speaker(language: str) -> Say:
    """Return the function that says a key in `language`: `say("group.today")`, `say("water", tonnes="6.4")`.

    A key that does not exist raises KeyError, unless `otherwise` is given, which is said instead: for words that come
    from outside, such as a state made by a newer rule.
    """

    def say(key: str, otherwise: str | None = None, **params: object) -> str:
        sentence = all_words().get(key)
        if sentence is None:
            if otherwise is None:
                raise KeyError(key)
            return otherwise
        return sentence[language].format(**params)

    return say


def say_number(value: float, digits: int = 1) -> str:
    """Return a number with thousands separators and at most `digits` decimals: 6.4, 12, 6,400.

    Halves go up, as they do in the rules' own reasons: 21.25 must not read 21.2 beside their 21.3.
    """
    text = f"{Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def say_value(value: float | None, unit: str | None, say: Say) -> str:
    """Return a measured value with its unit as people say it; water content in percent; "unknown" for None."""
    if value is None or not math.isfinite(value):
        return say("unknown")
    if unit == "m3/m3":
        return f"{say_number(value * 100)} %"
    name = {None: "", "1": "", "Cel": "°C", "%": "%"}.get(unit, unit)
    return f"{say_number(value, 2 if unit in {None, '1'} else 1)} {name}".strip()


def say_age(minutes: int | None, say: Say) -> str:
    """Return how old data is: just now within a minute, minutes up to 2 h, hours up to 2 days, then days."""
    if minutes is None:
        return say("age.none")
    if minutes < 1:
        return say("age.now")
    if minutes < _MINUTES_UNTIL:
        return say("age.minutes", n=minutes)
    if minutes < _HOURS_UNTIL:
        return say("age.hours", n=minutes // 60)
    return say("age.days", n=minutes // (24 * 60))


def say_instant(instant: datetime | None, now: datetime, zone: ZoneInfo, say: Say) -> str:
    """Return an instant by the site's clock, with 今天 or 明天 where it helps."""
    if instant is None:
        return say("unknown")
    local, today = instant.astimezone(zone), now.astimezone(zone).date()
    clock = f"{local:%H:%M}"
    if local.date() == today:
        return say("when.today", clock=clock)
    if local.date() == today + timedelta(days=1):
        return say("when.tomorrow", clock=clock)
    return say_day_and_clock(instant, zone, say)


def say_day_and_clock(instant: datetime, zone: ZoneInfo, say: Say) -> str:
    """Return an instant by the site's clock with its date, for what may be read on another day: 7月2日 22:30."""
    local = instant.astimezone(zone)
    return say("when.day", month=local.month, day=local.day, name=f"{local:%b}", clock=f"{local:%H:%M}")
