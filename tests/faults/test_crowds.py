"""Many writers, one that merges, and readers: nobody is told anything wrong."""

from __future__ import annotations

from tests.faults.frame import run_command


def test_four_writers_one_that_merges_and_four_readers_get_along() -> None:
    figures = run_command("tests.faults.crowds", "--writers", "4", "--commits", "8")
    assert figures["commits"] == 32
    assert figures["merged files"] > 0
    assert figures["of which failed"] == 0
    assert figures["answers of our reader"] > 0
