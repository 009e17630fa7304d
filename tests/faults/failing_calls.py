"""A disk that fails under a living ingest: one call at a time returns EIO, ENOSPC or EDQUOT.

    python -m tests.faults.failing_calls --trials 400

A stream of readings runs all the time. In each trial ingest is started anew and one of its calls on the data folder
fails once: an fsync (two trials of three) or another call that makes data last; which one follows from the trial's
number. Ingest either goes on or ends and is started again, as its supervisor would, and must seal again. No fsync that
failed may be tried again on the same descriptor, but by SQLite: of a database file, where it first writes again all
that it had copied into it from its log; of its log, in a process that ends over it. In the end every
published reading must be there once and every file of the lake whole. Exit 1 when sealing again once took longer than
`--within` (10 s).
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ingest.lake.layout import DataFolder
from ingest.status import read_status
from tests.end_to_end.running import assert_each_reading_once, assert_files_are_whole
from tests.faults.needs import preloaded
from tests.faults.stream import Ingest, Publisher, sealed_files, wait_until_all_there
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until

ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT)
_RATE_PER_S = 200
FSYNC = 2
OTHERS = (1, 4, 8, 16, 32)
"""Kinds of calls in crash_points.c: write, truncate, name, remove, make."""
_FSYNCS = 40
"""Number of an fsync since the start up to which one is chosen: opening, sealing and merging have come by then."""
_OTHER_CALLS = 8
SQLITES = ".sqlite"
"""In the names of its files, and at the end of that of a database. A copy of the log that could not be made durable
counts for nothing (walCheckpoint in wal.c): the next one writes all of it again, before the file is fsynced again, and
what is durable stands in the log until then. Who closes the last connection makes SQLite do that, and fsync the log
once more, too: so may a process that ends over a failed fsync. Nothing is acknowledged any more by then."""

_ENOUGH_MESSAGES = 1_200
"""Taken by one process without meeting the call: it does not come any more, since fewer of its kind are made."""


def main() -> None:
    """Preload the library into this process by starting it again, then do the trials and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--step", type=int, default=1, help="of the trials' numbers: fewer trials, spread as wide")
    parser.add_argument("--within", type=float, default=10.0, help="most seconds until ingest seals again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as workdir:
        if not hasattr(ctypes.CDLL(None), "crash_points_fail"):
            os.environ["LD_PRELOAD"] = str(preloaded("crash_points.c", Path(workdir)))
            command = [sys.executable, "-m", "tests.faults.failing_calls", *sys.argv[1:]]
            sys.exit(subprocess.run(command, check=False).returncode)
        figures, slowest_s = fail_calls(range(0, options.trials * options.step, options.step), Path(workdir))
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.exit(slowest_s > options.within)


def chosen_call(trial: int) -> tuple[int, int, int]:
    """Return which kind of call fails in a trial, which of its kind since the start (from 1), and with which errno."""
    error = ERRORS[trial % len(ERRORS)]
    number = trial // len(ERRORS)
    if number % 3 < 2:
        return FSYNC, 1 + (number // 3 * 2 + number % 3) % _FSYNCS, error
    kind = OTHERS[number // 3 % len(OTHERS)]
    return kind, 1 + number // 3 // len(OTHERS) % _OTHER_CALLS, error


def fail_calls(trials: Sequence[int], workdir: Path) -> tuple[dict[str, object], float]:
    """Do the trials and return the figures, and the most seconds that a recovery took.

    Raises: AssertionError when anything is lost, doubled or half there.
    """
    mosquitto = Mosquitto(workdir / "mosquitto")
    mosquitto.start()
    folder = DataFolder(workdir / "data")
    log = workdir / "ingest.log"
    met: Counter[str] = Counter()
    recoveries: list[tuple[float, str]] = []
    began = time.monotonic()
    ingest = Ingest(folder, mosquitto.port, log, INGEST__COMPACT_FILES="6")
    try:
        ingest.start()
        ingest.wait_until_listening()
        publisher = Publisher(mosquitto.port, _RATE_PER_S, workdir)
        ingest.end()
        for trial in trials:
            recoveries += _fail_one(folder, mosquitto.port, log, trial, met)
        ingest.start()
        published = publisher.stop()
        wait_until_all_there(folder, published)
        assert_each_reading_once(folder, published)
        assert_files_are_whole(folder)
    except AssertionError as error:
        raise AssertionError(f"{error}; ingest said: {ingest.said()}") from error
    finally:
        ingest.end()
        mosquitto.stop()
    slowest_s, slowest = max(recoveries)
    figures: dict[str, object] = {
        "trials": len(trials),
        "failed calls": sum(met.values()),
        "of which fsync": met["fsync"],
        "readings": published,
        "lost": 0,
        "doubled": 0,
        "median recovery, s": round(statistics.median(took_s for took_s, _ in recoveries), 1),
        "slowest recovery, s": round(slowest_s, 1),
        "slowest after": slowest,
        "seconds": round(time.monotonic() - began, 1),
    }
    return figures, slowest_s


def _fail_one(folder: DataFolder, port: int, log: Path, trial: int, met: Counter[str]) -> list[tuple[float, str]]:
    """Run ingest with one failing call; return the seconds until it seals again and which it was, none when not met.

    Raises: AssertionError when it does not, or tried a failed fsync again.
    """
    kind, number, error = chosen_call(trial)
    report_reader, report_writer = os.pipe()

    def arm() -> None:
        ctypes.CDLL(None).crash_points_fail(os.fsencode(folder.root), kind, number, 1, error, report_writer)

    ingest = Ingest(folder, port, log, first=arm, INGEST__COMPACT_FILES="6")
    ingest.start()
    try:
        what = f"{errno.errorcode[error]} of call {number} of kind {kind}"
        wait_until(lambda: is_met(report_reader) or _is_past(folder, ingest), what)
        if not is_met(report_reader):
            return []
        met["fsync" if kind == FSYNC else "other"] += 1
        failed_at = time.monotonic()
        before = sealed_files(folder)

        has_ended = False

        def goes_on() -> bool:
            nonlocal has_ended
            if ingest.has_ended():
                has_ended = True
                ingest.start_plain()
            return bool(sealed_files(folder) - before)

        wait_until(goes_on, f"ingest seals again after {what}")
        os.set_blocking(report_reader, False)
        told = os.read(report_reader, 4096).decode()
        again = [line for line in told.splitlines() if line.startswith("again")]
        tried = f"an fsync that failed was tried again: {what}: {told}"
        assert all(SQLITES in line for line in again), tried
        took_s = time.monotonic() - failed_at
        if any(not line.endswith(SQLITES) for line in again) and not has_ended:
            wait_until(ingest.has_ended, f"ingest ends ({tried})")
        return [(took_s, what)]
    finally:
        ingest.end()
        os.close(report_reader)
        os.close(report_writer)


def is_met(report_reader: int) -> bool:
    """Say whether the call has failed, by the pipe that it is reported to."""
    return bool(select.select([report_reader], [], [], 0)[0])


def _is_past(folder: DataFolder, ingest: Ingest) -> bool:
    status = read_status(folder)
    return status is not None and status.pid == ingest.pid and status.messages >= _ENOUGH_MESSAGES


if __name__ == "__main__":
    main()
