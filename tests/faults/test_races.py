"""One writer per lake and one worker per client id, also when all start at the same moment."""

from __future__ import annotations

import json
import subprocess
import sys


def test_one_of_those_that_race_for_a_lake_or_a_client_id_wins_and_the_others_say_so() -> None:
    command = [sys.executable, "-m", "tests.faults.races", "--lakes", "30", "--clients", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    figures = json.loads(done.stdout)
    assert (figures["races for a lake"], figures["races for a client id"]) == (30, 1)
