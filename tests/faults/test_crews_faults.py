"""What crews and office were told to be kept is kept: through power cuts, and on a disk that fails under them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.running import PROJECT
from tests.faults.crews_failing_calls import chosen
from tests.faults.crews_told import Told
from tests.faults.disks import FILE_SYSTEMS
from tests.faults.failing_calls import ERRORS, FSYNC
from tests.faults.frame import BUSY_S, run_command

_CUTS = 6
_TRIALS = 8
_STEP = 11
_TIMEOUT_S = 900


@pytest.mark.timeout(_TIMEOUT_S)
def test_power_cuts_take_no_report_no_photo_and_no_decision_from_anybody() -> None:
    command = [sys.executable, "-m", "tests.faults.crews_power_cuts", "--cuts", str(_CUTS), "--within", str(BUSY_S)]
    cutting = {
        kind: subprocess.Popen([*command, kind], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for kind in FILE_SYSTEMS
    }
    said = {kind: cut.communicate(timeout=_TIMEOUT_S) for kind, cut in cutting.items()}
    for kind, cut in cutting.items():
        assert cut.returncode == 0, f"{kind}: {said[kind][1][-3_000:]}"
        figures = json.loads(said[kind][0])
        assert min(figures["reports with a receipt"], figures["photos"], figures["exports"]) >= _CUTS // 2


@pytest.mark.timeout(_TIMEOUT_S)
def test_calls_that_fail_under_crews_and_office_cost_nothing() -> None:
    options = ("--trials", str(_TRIALS), "--step", str(_STEP), "--within", str(BUSY_S))
    figures = run_command("tests.faults.crews_failing_calls", *options)
    assert figures["met"] > figures["of which fsync"] >= _TRIALS // 2
    assert figures["and killed"]


def test_the_long_version_meets_thirty_fsyncs_of_server_and_desk_with_each_error() -> None:
    trials = [chosen(trial) for trial in range(400)]
    met = {(who, number, error) for who, kind, number, _, error, _ in trials if kind == FSYNC}
    assert met == {(who, number, error) for who in ("server", "desk") for number in range(1, 31) for error in ERRORS}


_NO_FSYNC_SUCCEEDS = """
import ctypes, errno, sys
from pathlib import Path
from crews.apply import apply_flags
from crews.ledger import Ledger
from ingest.errors import StoreError
from ingest.site import BEICHEN
from tests.crews.made import HOUR, NOW, PLOTS, flag
from tests.faults.failing_calls import FSYNC

with Ledger(Path(sys.argv[1]) / "ledger.sqlite", BEICHEN) as ledger:
    apply_flags(ledger, [flag("JJ-012", "drought", NOW - HOUR)], PLOTS, NOW - HOUR)
    ctypes.CDLL(None).crash_points_fail(sys.argv[1].encode(), FSYNC, 1, 1_000, errno.EIO, sys.stderr.fileno())
    try:
        apply_flags(ledger, [flag("JJ-021", "drought", NOW)], PLOTS, NOW)
    except StoreError:
        print("said")
"""


def test_a_change_of_the_ledger_that_cannot_be_fsynced_is_never_told_to_be_done(
    crash_library: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _NO_FSYNC_SUCCEEDS, tmp_path],
        env=os.environ | {"LD_PRELOAD": str(crash_library), "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "said\n"


def test_a_line_that_a_kill_cut_off_is_not_noted_and_takes_no_other_with_it(tmp_path: Path) -> None:
    told = Told(tmp_path / "phone")
    told.note(opened=["BC-1"])
    with told.path.open("ab") as cut_off:
        cut_off.write(b'\n{"opened": ["BC-')
    told.note(opened=["BC-2"])
    assert told.all("opened") == [["BC-1"], ["BC-2"]]
    assert told.count() == 2
