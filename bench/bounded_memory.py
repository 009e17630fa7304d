"""What commands that judge many readings take of memory: `uv run python -m bench.bounded_memory --sensors 1000`.

Makes the lakes of bench.a_year_of_history (`--keep DIR` uses those that lie there) and runs the commands over
the year, each in a process of its own: all of the window judged, one plot explained beside an evaluation and without
one, and the ready questions that judge every reading of the year. Prints seconds, CPU seconds and the peak of resident
memory of each, and exits 1 where one takes more memory than `--bar` (MB).

`--at-once N` sets [flags] readings_at_once; `--only WORD` runs the cases that have the word in their name.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

from bench.a_year_of_history import AS_OF, make_lakes
from greensward.evaluation import judge_to_keep
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from sql.analysts import all_questions, daily_views_named
from sql.models import READINGS_AT_ONCE

_EXPLAIN = ("flag", "--explain", "P00061")


def _cases() -> dict[str, tuple[str, ...]]:
    """Return the commands by what they are called here; the order is that in which they run."""
    yesterday = (AS_OF - timedelta(days=1)).isoformat()
    asked = [one.name for one in all_questions() if daily_views_named(one.select)]
    return {
        "flag --dry-run": ("flag", "--dry-run"),
        "flag --explain": _EXPLAIN,
        "flag --explain --as-of": (*_EXPLAIN, "--as-of", yesterday),
        **{f"sql --question {name}": ("sql", "--question", name, "--csv") for name in asked},
    }


def _run(folder: DataFolder, command: Sequence[str], at_once: int) -> tuple[float, float, float]:
    """Run a command of greensward; return its seconds, CPU seconds and most memory (MB)."""
    environment = os.environ | {
        "GREENSWARD__SITE__CLOCK": AS_OF.isoformat(),
        "GREENSWARD__FLAGS__READINGS_AT_ONCE": str(at_once),
    }
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "greensward", *command, "-C", str(folder.root)],
        stdout=subprocess.DEVNULL,
        env=environment,
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _make(root: Path, folder: DataFolder, sensors: int) -> None:
    make_lakes(root, sensors)
    judge_to_keep(folder, BEICHEN, AS_OF)  # what `up` would have left to whoever asks


def main() -> int:
    """Make, run, print, compare with the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sensors", type=int, default=1_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--at-once", type=int, default=READINGS_AT_ONCE)
    parser.add_argument("--bar", type=float, default=2_000.0)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    most = 0.0
    with tempfile.TemporaryDirectory() as temporary:
        root = given.keep or Path(temporary)
        folder = DataFolder(root / "a year")
        # In a process of its own: the peak of a process counts for those that it starts too.
        made = get_context("fork").Process(target=_make, args=(root, folder, given.sensors))
        made.start()
        made.join()
        if made.exitcode != 0:
            raise RuntimeError("the lakes could not be made and judged")
        for name, command in _cases().items():
            if given.only in name:
                wall, cpu, memory = _run(folder, command, given.at_once)
                most = max(most, memory)
                print(f"{name:44s}{wall:8.1f} s {cpu:8.1f} s of CPU {memory:8,.0f} MB", flush=True)
    print(f"{'met   ' if most <= given.bar else 'MISSED'} at most {most:,.0f} MB, bar {given.bar:,.0f} MB")
    return 0 if most <= given.bar else 1


if __name__ == "__main__":
    sys.exit(main())
