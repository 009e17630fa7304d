"""Kills before every call that makes data last: opening, writing, fsync, rename, link, removal, truncation, folders.

    python -m tests.faults.crash_points                                  before every call, of every scenario
    python -m tests.faults.crash_points --again-every 1 --killed-every 1 also while recovering, and by real kills
    python -m tests.faults.crash_points --only crews

Prints one JSON line a scenario; exit 1 when anything was lost, doubled or half there. How a kill is played:
tests/faults/crashes.py.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ingest.lake.layout import DataFolder
from tests.end_to_end import replay_scenario
from tests.faults.crashes import WATCHED, Crashes, Judged, Scenario
from tests.faults.day_of_crews import DAY_OF_CREWS
from tests.faults.day_of_expiry import DAY_OF_EXPIRY
from tests.faults.day_of_ingest import DAY_OF_INGEST, check_what_a_reader_meets
from tests.faults.kept_evaluation import kept_evaluation
from tests.faults.needs import preloaded


def _replay(place: Path) -> None:
    replay_scenario.run_replay(DataFolder(place / WATCHED))


REPLAY = Scenario(
    "replay: refused messages judged again",
    prepare=lambda place: replay_scenario.prepare(DataFolder(place / WATCHED)),
    work=_replay,
    met=(Judged((f"{WATCHED}/lake",), check_what_a_reader_meets),),
    settled=Judged((f"{WATCHED}/lake",), lambda place: replay_scenario.check(DataFolder(place / WATCHED))),
)
"""A device was registered late, and everything of it that nobody could read is judged again."""

SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "ingest": lambda: DAY_OF_INGEST,
    "replay": lambda: REPLAY,
    "crews": lambda: DAY_OF_CREWS,
    "evaluation": kept_evaluation,
    "expiry": lambda: DAY_OF_EXPIRY,
}


def main() -> int:
    """Play the kills, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=tuple(SCENARIOS), action="append")
    parser.add_argument(
        "--inside-every", type=int, default=1, help="of states that differ in bytes alone: 1 of so many"
    )
    parser.add_argument("--again-every", type=int, default=0, help="recover with kills from so many states apart")
    parser.add_argument("--killed-every", type=int, default=0, help="real kills before calls so many apart")
    options = parser.parse_args()
    in_memory = Path("/dev/shm")  # noqa: S108 - see Crashes
    with tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as workdir:
        if not hasattr(ctypes.CDLL(None), "crash_points_watch"):
            os.environ["LD_PRELOAD"] = str(preloaded("crash_points.c", Path(workdir)))
            command = [sys.executable, "-m", "tests.faults.crash_points", *sys.argv[1:]]
            return subprocess.run(command, check=False).returncode
        failed = False
        for name in options.only or SCENARIOS:
            began = time.monotonic()
            crashes = Crashes(SCENARIOS[name](), Path(workdir) / name)
            figures = crashes.play(options.inside_every, options.again_every, options.killed_every)
            failed = failed or bool(figures.failures)
            told = {"scenario": name} | dataclasses.asdict(figures) | {"seconds": round(time.monotonic() - began, 1)}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
