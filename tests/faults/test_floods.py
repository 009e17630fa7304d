"""One device that floods does not hold up the others."""

from __future__ import annotations

from tests.faults.frame import BUSY_S, run_command


def test_five_thousand_readings_of_one_device_at_once_make_no_other_late() -> None:
    figures = run_command("tests.faults.floods", "--messages", "5000", "--within", str(BUSY_S))
    usually, meanwhile = (figures[f"the other {when} in the lake within, s"] for when in ("usually", "meanwhile"))
    assert meanwhile <= usually + BUSY_S
