"""A disk that fails under crews and office at work: some calls return EIO, ENOSPC or EDQUOT.

    python -m tests.faults.crews_failing_calls --trials 400

In each trial the server of the crews' pages, or the office's desk, is started anew and one of its calls on the data
folder or the shelf of backups fails, or four in a row: an fsync (two trials of three) or another call that makes data
last; which, follows from the trial's number. In one trial of three it is killed a few calls later. Whoever was not told
that it was kept says it again; afterwards all that was told must be there, once and whole
(`tests.faults.crews_told`). No fsync that failed may be tried again on the same descriptor, but by SQLite where it
closes a connection. Exit 1 when a crew and the office once worked again later than `--within` (10 s).
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.faults.crews_at_work import CrewsAtWork
from tests.faults.failing_calls import ERRORS, FSYNC, OTHERS, SQLITES, is_met
from tests.faults.frame import preloaded_again
from tests.waiting import wait_until

_FSYNCS, _OTHER_CALLS = 30, 12
"""Number of a call since the start up to which one is chosen: a report with photos, an export, a backup have come."""
_IN_A_ROW = (1, 4)
_ENOUGH = 40
"""Told without meeting the call: it does not come any more, since fewer of its kind are made."""


def main() -> None:
    """Do the trials and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--step", type=int, default=1, help="of the trials' numbers: fewer trials, spread as wide")
    parser.add_argument("--within", type=float, default=10.0, help="most seconds until crews and office work again")
    options = parser.parse_args()
    trials = range(0, options.trials * options.step, options.step)
    with preloaded_again("tests.faults.crews_failing_calls"), tempfile.TemporaryDirectory() as workdir:
        figures, slowest_s = fail_calls(trials, Path(workdir))
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.exit(slowest_s > options.within)


def fail_calls(trials: Sequence[int], workdir: Path) -> tuple[dict[str, object], float]:
    """Do the trials and return the figures, and the most seconds until all worked again.

    Raises: AssertionError when anything is lost, doubled or half there.
    """
    began = time.monotonic()
    met: Counter[str] = Counter()
    recovered_s: list[float] = []
    disk = workdir / "disk"
    disk.mkdir()
    crews = CrewsAtWork(disk, workdir)
    try:
        crews.start("server", "desk", "phone")
        crews.wait_until_at_work()
        for trial in trials:
            recovered_s += _fail_one(crews, disk, trial, met)
            crews.end("server", "desk")
            crews.check()
    except AssertionError as error:
        raise AssertionError(f"{error}; they said: {crews.said()}") from error
    finally:
        crews.end("server", "desk", "phone")
    slowest_s = max(recovered_s)
    figures: dict[str, object] = {
        "trials": len(trials),
        "met": met["fsync"] + met["other"],
        "of which fsync": met["fsync"],
        "and killed": met["killed"],
        **crews.figures(),
        "lost": 0,
        "half there": 0,
        "median until at work, s": round(statistics.median(recovered_s), 1),
        "longest, s": round(slowest_s, 1),
        "seconds": round(time.monotonic() - began, 1),
    }
    return figures, slowest_s


def chosen(trial: int) -> tuple[str, int, int, int, int, int]:
    """Return who meets it, kind and number of the first call that fails, how many do, the errno, and when it is killed.

    When: so many calls later, 0 for not at all.
    """
    who, number = ("server", "desk")[trial % 2], trial // 2
    error, number = ERRORS[number % 3], number // 3
    times, killed_after = _IN_A_ROW[number % 2], (0, 0, 0, 0, 1, 3, 0, 2, 0)[number % 9]
    if number % 3 < 2:
        return who, FSYNC, 1 + (number // 3 * 2 + number % 3) % _FSYNCS, times, error, killed_after
    return who, OTHERS[number // 3 % len(OTHERS)], 1 + number * 7 // 3 % _OTHER_CALLS, times, error, killed_after


def _fail_one(crews: CrewsAtWork, disk: Path, trial: int, met: Counter[str]) -> list[float]:
    """Run with the failing calls; return the seconds until all work again, none where they were not met.

    Raises: AssertionError when they do not, or an fsync that failed was tried again.
    """
    who, kind, number, times, error, killed_after = chosen(trial)
    report_reader, report_writer = os.pipe()

    def arm() -> None:
        library = ctypes.CDLL(None)
        library.crash_points_fail(os.fsencode(disk), kind, number, times, error, report_writer)
        library.crash_points_then_kill(killed_after)

    try:
        crews.start({"server": "desk", "desk": "server"}[who])
        crews.start(who, first=arm)
        enough = crews.phone.count() + _ENOUGH, crews.desk.count() + _ENOUGH
        what = f"{who}: {errno.errorcode[error]} of {times} of kind {kind} from {number} on"

        def is_over() -> bool:
            return is_met(report_reader) or (crews.phone.count() > enough[0] and crews.desk.count() > enough[1])

        wait_until(is_over, what)
        if not is_met(report_reader):
            return []
        met["fsync" if kind == FSYNC else "other"] += 1
        if killed_after:
            wait_until(lambda: crews.has_ended(who), f"{who} is killed after {what}")
            met["killed"] += 1
            crews.start(who)
        took_s = crews.wait_until_at_work()
        os.set_blocking(report_reader, False)
        told = os.read(report_reader, 4096).decode()
        again = [line for line in told.splitlines() if line.startswith("again")]
        assert all(SQLITES in line for line in again), f"an fsync that failed was tried again: {what}: {told}"
        return [took_s]
    finally:
        os.close(report_reader)
        os.close(report_writer)


if __name__ == "__main__":
    main()
