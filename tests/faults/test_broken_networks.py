"""A network that falls silent or loses packets costs time and no reading."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.faults.broken_networks import BACK_S, NOTICED_S
from tests.faults.frame import BUSY_S


def test_a_silent_network_is_noticed_and_loss_of_a_fifth_costs_nothing() -> None:
    options = ["--silences", "1", "--longest", "1", "--loss-seconds", "4", "--turn", str(BUSY_S)]
    command = [sys.executable, "-m", "tests.faults.broken_networks", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    figures = json.loads(done.stdout)
    assert 0 < figures["longest until noticed, s"] <= NOTICED_S + BUSY_S
    assert 0 < figures["longest until back, s"] <= BACK_S + BUSY_S
    assert figures["readings"] > 100
