"""A disk that takes two seconds for every fsync costs neither the connection nor memory nor a reading."""

from __future__ import annotations

from tests.faults.frame import run_command


def test_twenty_seconds_of_a_slow_disk_cost_neither_the_connection_nor_a_reading() -> None:
    figures = run_command("tests.faults.slow_disks", "--minutes", "0.33")
    assert figures["connections"] == 1
    assert 0 < figures["taken meanwhile"] <= figures["readings"]
    assert (figures["lost"], figures["doubled"]) == (0, 0)
