"""A broker that is killed costs what it had not saved, and nothing that ingest acknowledged."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.faults.frame import BUSY_S
from tests.faults.stream import spans


def test_a_broker_killed_four_times_is_found_again_and_nothing_is_doubled() -> None:
    command = [sys.executable, "-m", "tests.faults.broker_kills", "--kills", "4", "--within", str(BUSY_S)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    figures = json.loads(done.stdout)
    assert figures["kills"] == 4
    assert figures["longest until back, s"] <= BUSY_S


def test_missing_numbers_are_said_in_short() -> None:
    assert [spans(numbers) for numbers in ([], [4], [3, 4, 5, 9])] == ["", "4", "3 to 5, 9"]
