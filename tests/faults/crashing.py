"""Runs the scenario in forked children, killed before the n-th call that makes data last, and then once more.

    python -m tests.faults.crashing WORKDIR [first] [last] [step]

Forked from a process that has everything loaded, because a fresh interpreter for each of hundreds of kills would take
minutes; preloaded with crash_points.c. Prints one JSON line at the end.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pyproj  # noqa: F401 - loaded before forking
import shapely  # noqa: F401 - loaded before forking

from ingest.lake.layout import DataFolder
from tests.faults.scenario import check, work

_SECOND_KILL_EVERY = 4
_library = ctypes.CDLL(None)


def in_child(action: Callable[[], None], errors: Path) -> int:
    """Run `action` in a forked child and return its wait status; a traceback goes to `errors`."""
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            action()
        except BaseException:  # noqa: BLE001 - the parent sees the code and the file
            errors.write_text(traceback.format_exc())
            code = 1
        os._exit(code)
    return os.waitpid(pid, 0)[1]


class Trial:
    """One working folder in which the scenario is run, killed, and run again."""

    def __init__(self, workdir: Path) -> None:
        self.folder = DataFolder(workdir / "data")
        self._acknowledged = workdir / "acknowledged"
        self._count_file = workdir / "count"
        self._errors = workdir / "errors"

    def clear(self) -> None:
        """Begin with nothing."""
        shutil.rmtree(self.folder.root, ignore_errors=True)
        for file in (self._acknowledged, self._errors):
            file.unlink(missing_ok=True)

    def run_killed_before(self, call: int) -> bool:
        """Run the scenario with a kill before the call of that number (0: none); say whether it was killed."""

        def armed() -> None:
            _library.crash_points_arm(os.fsencode(self.folder.root), call)
            work(self.folder, self._acknowledged)
            self._count_file.write_text(str(_library.crash_points_count()))

        return os.WIFSIGNALED(in_child(armed, self._errors))

    def calls(self) -> int:
        """Return how many calls the last complete run made."""
        return int(self._count_file.read_text())

    def failure_after_recovery(self) -> str:
        """Run the scenario to its end and check; return the traceback, or "" when all is right."""

        def recover() -> None:
            work(self.folder, self._acknowledged)
            check(self.folder)

        self._errors.unlink(missing_ok=True)
        return self._errors.read_text()[-800:] if in_child(recover, self._errors) else ""


def main(workdir: Path, first: int, last: int, step: int) -> dict[str, object]:
    """Return how many kills were tried, how many calls the scenario makes, and what failed."""
    trial = Trial(workdir)
    trial.clear()
    trial.run_killed_before(0)
    total = min(last, trial.calls())
    failures: list[str] = []
    killed = 0
    chosen = range(first, total + 1, step)
    for number, call in enumerate(chosen, start=1):
        trial.clear()
        killed += trial.run_killed_before(call)
        if number % _SECOND_KILL_EVERY == 0:
            # Killed again while recovering, at a place that moves with the first.
            trial.run_killed_before(1 + call * 7 % total)
        if failure := trial.failure_after_recovery():
            failures.append(f"kill before call {call}: {failure}")
    return {"calls": total, "tried": len(chosen), "killed": killed, "failures": failures}


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[2:]]
    defaults = [1, 1_000_000, 1]
    chosen = [*numbers, *defaults[len(numbers) :]]
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), *chosen)) + "\n")
