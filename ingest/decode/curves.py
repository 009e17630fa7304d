"""From what an element gives (millivolts, hertz) to what it measures: curves of the maker, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True, slots=True)
class Curve:
    """One of three forms, with its numbers.

    log: (a, b): a·ln(x) + b · polynomial: coefficients, constant first · table: (x, y) pairs, x rising: straight
    lines between them, the end values beyond them
    """

    log: tuple[float, float] | None = None
    polynomial: tuple[float, ...] = ()
    table: tuple[tuple[float, float], ...] = ()

    def apply(self, x: float) -> float:
        """Return the measured value. Raises: ValueError where the curve has none (a logarithm of nothing)."""
        if self.log is not None:
            if x <= 0:
                raise ValueError("a value above 0, as the curve is logarithmic")
            return self.log[0] * math.log(x) + self.log[1]
        if self.table:
            return _between(self.table, x)
        return evaluate_polynomial(self.polynomial, x)


def read_curve(given: Mapping[str, Any]) -> Curve:
    """Return the curve that a table of schemas/devices describes. Raises: ValueError when it is not exactly one."""
    if len(given) != 1 or next(iter(given)) not in ("log", "polynomial", "table"):
        raise ValueError(f"schemas/devices: a curve is one of log, polynomial and table, not {', '.join(given)}")
    if "log" in given:
        a, b = given["log"]
        return Curve(log=(float(a), float(b)))
    if "table" in given:
        table = tuple((float(x), float(y)) for x, y in given["table"])
        if len(table) < 2 or any(first[0] >= second[0] for first, second in pairwise(table)):  # noqa: PLR2004
            raise ValueError("schemas/devices: a curve's table needs two points or more, with x rising")
        return Curve(table=table)
    return Curve(polynomial=tuple(float(coefficient) for coefficient in given["polynomial"]))


def evaluate_polynomial(coefficients: Sequence[float], x: float) -> float:
    """Return the polynomial at x; the constant comes first."""
    result = 0.0
    for coefficient in reversed(coefficients):
        result = result * x + coefficient
    return result


def _between(table: Sequence[tuple[float, float]], x: float) -> float:
    if x <= table[0][0]:
        return table[0][1]
    for (left, low), (right, high) in pairwise(table):
        if x <= right:
            return low + (high - low) * (x - left) / (right - left)
    return table[-1][1]
