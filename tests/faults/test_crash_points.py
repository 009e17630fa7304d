"""I1 to I4: killed before every call that makes data last, nothing is lost, doubled, or half there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.running import PROJECT
from tests.faults.day_of_ingest import check, work

_TIMEOUT_S = 900


def test_the_days_work_is_right_when_nothing_goes_wrong(tmp_path: Path) -> None:
    work(tmp_path)
    check(tmp_path)


def played(*options: str) -> dict[str, Any]:
    """Return the figures of one scenario."""
    command = [sys.executable, "-m", "tests.faults.crash_points", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3_000:]
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


@pytest.mark.timeout(_TIMEOUT_S)
@pytest.mark.parametrize(
    ("scenario", "inside_every", "killed_every", "least_calls", "least_judged"),
    [
        ("ingest", 8, 48, 250, 80),
        ("crews", 24, 200, 350, 50),
        ("replay", 8, 50, 100, 35),
        ("evaluation", 4, 50, 90, 20),
        ("expiry", 4, 30, 80, 20),
    ],
)
def test_killed_before_any_lasting_call_the_work_goes_on_and_nothing_is_lost_doubled_or_half_there(
    scenario: str, inside_every: int, killed_every: int, least_calls: int, least_judged: int
) -> None:
    """All states in which names came or went; the command without options judges all."""
    figures = played(
        "--only", scenario, "--inside-every", str(inside_every), "--killed-every", str(killed_every)
    )  # fmt: skip
    assert figures["failures"] == []
    assert figures["calls"] >= least_calls
    assert figures["judged"] >= least_judged
    assert figures["killed"] >= 2


_A_SCENARIO_OF_ITS_OWN = """
import json, os, sys
from pathlib import Path
from tests.faults.crashes import Crashes, Judged, Scenario

def work(place):
    kept, sent = place / "data" / "kept", place / "sent"
    kept.parent.mkdir(exist_ok=True)
    if sent.exists() and sys.argv[2] == "early":
        return
    if sys.argv[2] == "early":
        sent.touch()
    kept.write_bytes(b"whole")
    sent.touch()

def check(place):
    assert (place / "data" / "kept").read_bytes() == b"whole"

settled = Judged(("data",), check)
crashes = Crashes(Scenario("made", lambda _: None, work, (), settled), Path(sys.argv[1]))
figures = crashes.play(killed_every=1)
print(json.dumps([figures.calls, figures.killed, len(figures.failures)]))
"""


@pytest.mark.parametrize(("order", "failures"), [("late", 0), ("early", 4)])
def test_work_that_says_done_before_it_is_done_is_found_out_by_copies_and_by_real_kills_alike(
    order: str, failures: int, crash_library: Path, tmp_path: Path
) -> None:
    """Three calls: making the folder, making the file, writing it; said too early, the last two lose it."""
    done = subprocess.run(
        [sys.executable, "-c", _A_SCENARIO_OF_ITS_OWN, tmp_path / "crashes", order],
        env=os.environ | {"LD_PRELOAD": str(crash_library), "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [3, 3, failures], done.stdout
