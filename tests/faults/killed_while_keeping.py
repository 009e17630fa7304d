"""Kills evaluations before each call that makes what they carry last, and judges from what each kill left.

    python -m tests.faults.killed_while_keeping WORKDIR

The evaluation stands once, in one thread; each kill hits a child forked from it, which keeps for the next. Preloaded
with crash_points.c. Prints one JSON line.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from greensward.carried import keep_for_next, load_past, soil_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.site import BEICHEN
from sql.carry import Carry, Past
from sql.evaluate import evaluate
from tests.faults.crashing import in_child
from tests.sql.made_lake import AS_OF, MadeLake
from tests.sql.stored_lake import store
from tests.sql.test_carry import add, judge

_NEWS_AT = AS_OF + timedelta(minutes=5)
_LATER = AS_OF + timedelta(minutes=10)
_CLEARED_EVERY = 7
"""Every so many kills the next evaluation is let through, to see that it clears what the killed one left."""

_library = ctypes.CDLL(None)


class Keeping:
    """An evaluation of four plots, one of them with a new reading, that is about to leave its own to the next."""

    def __init__(self, workdir: Path) -> None:
        self.folder = DataFolder(workdir / "data")
        self._before = workdir / "before"
        self._errors = workdir / "errors"
        self._count_file = workdir / "count"
        store(_four_plots(), self.folder)
        judge(self.folder, AS_OF)
        add(self.folder, "D1", _NEWS_AT, 0.17)
        shutil.copytree(self.folder.carried, self._before)
        self._carry = Carry(load_past(self.folder), soil_files(self.folder), BEICHEN, _NEWS_AT)
        self._lake = open_lake(self.folder, BEICHEN)
        evaluate(self._lake, as_of=_NEWS_AT, site=BEICHEN, carry=self._carry)
        ((threads,),) = self._lake.execute("select current_setting('threads')").fetchall()
        if threads != 1:
            raise RuntimeError("a process with threads cannot be forked in the middle of its work")

    def begin_again(self) -> None:
        """Put back what was there before anything was kept."""
        shutil.rmtree(self.folder.carried)
        shutil.copytree(self._before, self.folder.carried)

    def killed_before(self, call: int) -> bool:
        """Keep in a child that is killed before the call of that number (0: none); say whether it was."""

        def keep() -> None:
            _library.crash_points_arm(os.fsencode(self.folder.root), call)
            keep_for_next(self.folder, self._lake, self._carry)
            self._count_file.write_text(str(_library.crash_points_count()))

        status = in_child(keep, self._errors)
        if self._errors.exists():
            raise RuntimeError(self._errors.read_text())
        return os.WIFSIGNALED(status)

    def calls(self) -> int:
        """Return how many calls the last child made that was not killed."""
        return int(self._count_file.read_text())


def _four_plots() -> MadeLake:
    made = MadeLake()
    for number in range(4):
        made.laboratory_plot(f"P{number}")
        made.device(f"D{number}", f"P{number}")
        made.soil_until_now([0.26, 0.24, 0.21, 0.19 + number / 100], f"D{number}")
    return made


def _leftovers(folder: DataFolder, past: Past) -> set[str]:
    named = {past.device_days, past.groups, *(path for files in past.generations for path in files.values())}
    return {path.name for path in set(folder.carried.iterdir()) - named} - {"newest.json"}


def _judged_from_what_is_left(folder: DataFolder) -> tuple[int, pa.Table]:
    """Return how many plots a later evaluation judges anew, and what it says."""
    carry = Carry(load_past(folder), soil_files(folder), BEICHEN, _LATER)
    with open_lake(folder, BEICHEN) as lake:
        flags = evaluate(lake, as_of=_LATER, site=BEICHEN, carry=carry)
    return carry.groups_judged, flags


def main(workdir: Path) -> dict[str, object]:
    """Return how many kills there were, what they left, and what failed."""
    keeping = Keeping(workdir)
    folder = keeping.folder
    keeping.killed_before(0)
    calls = keeping.calls()
    left: Counter[bytes] = Counter()
    judged: dict[bytes, tuple[int, pa.Table]] = {}
    failures = []
    for call in range(1, calls + 1):
        keeping.begin_again()
        if not keeping.killed_before(call):
            failures.append(f"call {call}: not killed")
        listed = (folder.carried / "newest.json").read_bytes()
        left[listed] += 1
        if load_past(folder) is None:
            failures.append(f"kill before call {call}: newest.json names what is not there, or is damaged")
        elif listed not in judged:
            judged[listed] = _judged_from_what_is_left(folder)
        if call % _CLEARED_EVERY:
            continue
        keeping.killed_before(0)
        past = load_past(folder)
        if past is None or _leftovers(folder, past):
            failures.append(f"kill before call {call}: the next evaluation leaves {past and _leftovers(folder, past)}")
    with open_lake(folder, BEICHEN) as lake:
        whole = evaluate(lake, as_of=_LATER, site=BEICHEN)
    return {
        "calls": calls,
        "left": [
            {"kills": left[listed], "judged": plots, "is_right": flags.equals(whole)}
            for listed, (plots, flags) in judged.items()
        ],
        "failures": failures,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))) + "\n")
