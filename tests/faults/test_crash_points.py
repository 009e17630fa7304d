"""I1 to I4: killed before every call that makes data last, ingest loses nothing and doubles nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.lake.layout import DataFolder
from tests.faults.scenario import check, work

_AT_ONCE = 2
_TIMEOUT_S = 900


@pytest.fixture(scope="session")
def crash_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or pytest.fail("no C compiler; ./run test installs it, or: apt-get install gcc")
    library = tmp_path_factory.mktemp("crash") / "crash_points.so"
    source = Path(__file__).with_name("crash_points.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", library, source, "-ldl"], check=True)
    return library


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
