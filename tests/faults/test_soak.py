"""A fault every twenty seconds costs no reading, and the flags are those of a day without any."""

from __future__ import annotations

import os

import numpy as np
import pytest

from tests.faults.frame import run_command
from tests.faults.soak import Sample, of_the_oldest

MINUTES = float(os.environ.get("SOAK_MINUTES", "1.5"))
"""How long; `SOAK_MINUTES=90 ./run test tests/faults/test_soak.py` is the long version."""


def test_with_faults_all_the_time_every_reading_is_there_once_and_the_flags_are_right() -> None:
    figures = run_command("tests.faults.soak", "--minutes", str(MINUTES))
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    assert sum(figures["faults"].values()) >= 3
    assert figures["flags equal to a clean run"] > 0
    few, many = figures["threads, least and most"]
    assert many - few <= 3
    few, many = figures["descriptors at rest, least and most"]
    assert many - few <= 8


@pytest.mark.parametrize(("grows_until_s", "slope"), [(2_400, 6), (1_200, 0)])
def test_of_several_processes_the_one_that_lived_longest_is_judged_once_it_is_warm(
    grows_until_s: int, slope: float
) -> None:
    """Of 40 minutes it grows fast for ten, then by a megabyte in ten, 6 MB/h, to the end or to the middle."""
    short = [Sample(1, float(second), 10**9, 10**9, 99, 99) for second in range(100)]
    old = [
        Sample(2, 1_000.0 + second, 170_000_000 + second * 99_000, own, 20, 8)
        for second in range(2_401)
        for own in [50_000_000 + min(second, 600) * 100_000 + min(second, grows_until_s) * 1_000_000 // 600]
    ]
    for moment in range(7, len(old), 30):
        old[moment] = old[moment]._replace(own_bytes=10**9, descriptors=40)
    figures = of_the_oldest(short + old)
    assert figures["oldest process, min"] == 40
    assert figures["of the last half, MB/h"] == pytest.approx((slope, 0), abs=0.1)
    assert (figures["slope of its own memory, MB/h"] == pytest.approx((6, 0), abs=0.1)) == (slope == 6)
    assert figures["descriptors at rest, least and most"] == [20, 20]
    assert figures["descriptors, most"] == 40


def test_the_error_of_a_slope_is_that_of_least_squares() -> None:
    """Medians of 2 and 4 MB in turn, eight minutes long: by hand, with Sxx of 16 points half a minute apart."""
    samples = [
        Sample(1, float(second), 0, 2_000_000 if second // 30 % 2 else 4_000_000, 20, 8) for second in range(960)
    ]
    slope, error = of_the_oldest(samples)["of the last half, MB/h"]
    times = np.arange(16) / 120
    own = np.where(np.arange(16) % 2, 2.0, 4.0)
    (expected, _), covariance = np.polyfit(times, own, 1, cov=True)
    assert (slope, error) == pytest.approx((expected, covariance[0, 0] ** 0.5), abs=0.01)
