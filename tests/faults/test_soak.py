"""A fault every twenty seconds costs no reading, and the flags are those of a day without any."""

from __future__ import annotations

import os

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
    few, many = figures["descriptors, least and most"]
    assert many - few <= 8


def test_of_several_processes_the_one_that_lived_longest_is_judged_once_it_is_warm() -> None:
    """It grows fast for two minutes, then by a megabyte in ten: 6 MB/h."""
    short = [Sample(1, float(second), 10**9, 10**9, 99, 99) for second in range(100)]
    old = [
        Sample(2, 1_000.0 + second, 170_000_000 + second * 99_000, own, 20, 8)
        for second in range(721)
        for own in [50_000_000 + min(second, 120) * 100_000 + second * 1_000_000 // 600]
    ]
    figures = of_the_oldest(short + old)
    assert figures["oldest process, min"] == 12
    assert abs(figures["slope of its own memory, MB/h"] - 6) < 0.1
    assert figures["descriptors, least and most"] == [20, 20]
