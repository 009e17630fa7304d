"""I1 and I4: a disk that fails under ingest gets no acknowledgement out of it, and nothing half-written is seen."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.faults.failing_calls import ERRORS, chosen_call
from tests.faults.frame import BUSY_S

_TIMEOUT_S = 900
_TRIALS = 6
_STEP = 25


@pytest.mark.timeout(_TIMEOUT_S)
def test_a_call_that_fails_costs_nothing_and_no_fsync_is_tried_again() -> None:
    command = [sys.executable, "-m", "tests.faults.failing_calls", "--trials", str(_TRIALS), "--step", str(_STEP)]
    command += ["--within", str(BUSY_S)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    assert done.returncode == 0, done.stderr[-3_000:]
    figures = json.loads(done.stdout)
    assert figures["of which fsync"] >= _TRIALS // 2
    assert figures["failed calls"] > figures["of which fsync"]


def test_the_long_version_meets_every_one_of_forty_fsyncs_with_each_error() -> None:
    met = {(number, error) for kind, number, error in map(chosen_call, range(400)) if kind == 2}
    assert met == {(number, error) for number in range(1, 41) for error in ERRORS}
