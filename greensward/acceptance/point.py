"""One point of an acceptance test: passed, failed or not seen, what was expected and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["passed", "failed", "not_seen"]


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence by its name in crews/locale/acceptance.toml, and what stands in it.

    params: numbers, texts, and what has a text in each language under `zh` and `en`
    """

    key: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """One point; its name and what is expected are told by `key`, with the numbers in `expected`.

    needs: what to do so that it is seen, where no device is accepted without it
    """

    key: str
    state: State
    expected: dict[str, Any]
    found: tuple[Said, ...]
    needs: tuple[Said, ...] = ()


def said(key: str, **params: object) -> Said:
    """Return a sentence."""
    return Said(key, params)


def point(key: str, state: State, *found: Said, **expected: object) -> Point:
    """Return a point."""
    return Point(key, state, expected, found)


def lacking(key: str, needs: Sequence[Said], *found: Said, **expected: object) -> Point:
    """Return a point that was not seen, and what it needs."""
    return Point(key, "not_seen", expected, found, tuple(needs))


def passes(condition: bool) -> State:  # noqa: FBT001 - the one thing it is about
    """Return passed where the condition holds, failed where not."""
    return "passed" if condition else "failed"


def seconds(value: float) -> str:
    """Return a number of seconds as people say it: 45 s, 10 min, 2.5 h."""
    size, unit = next(((size, unit) for size, unit in ((3600, "h"), (60, "min")) if abs(value) >= 2 * size), (1, "s"))
    return f"{value / size:.1f}".removesuffix(".0") + f" {unit}"
