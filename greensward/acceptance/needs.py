"""What a test lacks so that its device can be accepted, in words. Pure."""

from __future__ import annotations

import math

from greensward.acceptance.evidence import Evidence
from greensward.acceptance.point import Said, said

FEWEST = 5
"""Instants, or different values, from which it can be said that a value stands still, or in which steps it moves."""

INTERVALS = FEWEST + 1
"""Between the reports of a test of so many intervals lie five instants, wherever it begins."""


def least_minutes(interval_s: float) -> int:
    """Return how long a test must last."""
    return math.ceil(INTERVALS * interval_s / 60)


def longer(evidence: Evidence) -> Said:
    """Return for how long to run it."""
    interval_s, lasted_s = evidence.trial.interval_s, evidence.lasted_s
    if interval_s is None:
        return said("intervals", n=INTERVALS)
    if lasted_s < INTERVALS * interval_s:
        return said("longer", minutes=least_minutes(interval_s), n=INTERVALS)
    return said("twice", minutes=math.ceil(2 * lasted_s / 60))
