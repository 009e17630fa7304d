"""I1 to I4: killed before every call that makes data last, ingest loses nothing and doubles nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.lake.layout import DataFolder
from tests.faults.scenario import check, work

_AT_ONCE = 2
_TIMEOUT_S = 900


def test_the_days_work_is_right_when_nothing_goes_wrong(folder: DataFolder, tmp_path: Path) -> None:
    work(folder, tmp_path / "acknowledged")
    check(folder)


@pytest.mark.timeout(_TIMEOUT_S)
def test_killed_before_every_lasting_call_nothing_is_lost_or_doubled(crash_library: Path, tmp_path: Path) -> None:
    environment = dict(os.environ, LD_PRELOAD=str(crash_library))
    runs = []
    for offset in range(1, _AT_ONCE + 1):
        workdir = tmp_path / str(offset)
        workdir.mkdir()
        command = [sys.executable, "-m", "tests.faults.crashing", str(workdir), str(offset), "1000000", str(_AT_ONCE)]
        runs.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    results = [json.loads(run.communicate(timeout=_TIMEOUT_S)[0]) for run in runs]
    assert [failure for result in results for failure in result["failures"]] == []
    assert sum(result["killed"] for result in results) >= 200, results


@pytest.mark.timeout(_TIMEOUT_S)
def test_an_evaluation_killed_while_it_keeps_leaves_the_old_or_the_new_whole(
    crash_library: Path, tmp_path: Path
) -> None:
    """Four plots, one with news: from the old the next judges that one anew, from the new none; each says the same."""
    environment = dict(os.environ, LD_PRELOAD=str(crash_library))
    command = [sys.executable, "-m", "tests.faults.killed_while_keeping", str(tmp_path)]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=_TIMEOUT_S)
    result = json.loads(run.stdout)
    assert result["failures"] == []
    assert [(left["judged"], left["is_right"]) for left in result["left"]] == [(1, True), (0, True)], result
    assert sum(left["kills"] for left in result["left"]) == result["calls"] >= 100, result
