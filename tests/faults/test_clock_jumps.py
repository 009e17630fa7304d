"""A machine whose clock jumps loses nothing and stores nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys


def test_a_clock_that_jumps_ahead_back_and_to_1970_costs_no_reading() -> None:
    command = [sys.executable, "-m", "tests.faults.clock_jumps", "--jumps", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    figures = json.loads(done.stdout)
    assert figures["refused until the replay"] > 0, "in 1970 every true reading is from the future"
    assert figures["messages"] > figures["readings"] > 20
