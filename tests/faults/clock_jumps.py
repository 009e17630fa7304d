"""The machine's clock jumps under ingest: an hour back, 400 days ahead, to 1970, and home again.

    python -m tests.faults.clock_jumps --jumps 100

By libfaketime; the monotonic clock goes on, as it does when somebody sets a clock. After each jump new readings and one
that came before are published. Each message must end in exactly one place, whatever the clock; ingest must not end or
get stuck. A clock that is behind makes true readings look like the future: they are refused and kept. Once the clock is
right a replay must bring them, and in the end every reading is there once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from greensward.cli import run
from ingest.lake.layout import DataFolder
from ingest.status import read_status
from tests.end_to_end.running import asked, assert_each_reading_once, publish, rows_in_lake
from tests.faults.needs import needed
from tests.faults.stream import Forked, Ingest, message
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until

_DAY_S = 86_400
_LIBRARIES = ("/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime", "/usr/lib/faketime")
_NEW_AFTER_A_JUMP = 5


def main() -> None:
    """Start again with the library, jump, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jumps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if "FAKETIME_TIMESTAMP_FILE" not in os.environ:
        with tempfile.TemporaryDirectory() as workdir:
            clock = Path(workdir) / "clock"
            clock.write_text("+0")
            environment = os.environ | {
                "LD_PRELOAD": str(_library()),
                "FAKETIME_TIMESTAMP_FILE": str(clock),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
            command = [sys.executable, "-m", "tests.faults.clock_jumps", *sys.argv[1:]]
            sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    del os.environ["LD_PRELOAD"]  # the broker's clock stays right
    # Under libfaketime clock_nanosleep fails with EINVAL; waiting for an event does not.
    time.sleep = threading.Event().wait  # type: ignore[assignment]
    place = Path(os.environ["FAKETIME_TIMESTAMP_FILE"]).parent
    sys.stdout.write(json.dumps(jump(options.jumps, options.seed, place)) + "\n")


def _library() -> Path:
    needed("faketime", "faketime")
    for folder in _LIBRARIES:
        if (library := Path(folder) / "libfaketimeMT.so.1").exists():
            return library
    return pytest.fail("libfaketimeMT.so.1 is missing; ./run test installs it, or: apt-get install libfaketime")


def jump(jumps: int, seed: int, workdir: Path) -> dict[str, object]:
    """Return the figures.

    Raises: AssertionError when a message has no outcome, ingest ends, a reading is missing, or the clock did not jump.
    """
    chance = random.Random(seed)
    folder = DataFolder(workdir / "data")
    mosquitto = Mosquitto(workdir / "mosquitto")
    mosquitto.start()
    ingest = Ingest(folder, mosquitto.port, workdir / "ingest.log")
    total = readings = 0
    try:
        ingest.start()
        ingest.wait_until_listening()
        for number in range(jumps + 1):
            if number:
                _set_clock(workdir, (400 * _DAY_S, -3_600, _seconds_to_1970(), 0)[number % 4])
            new = [message(n) for n in range(readings, readings + _NEW_AFTER_A_JUMP)]
            readings += len(new)
            again = [message(chance.randrange(readings))]
            publish(mosquitto, new + again)
            total += len(new) + len(again)
            wait_until(lambda: rows_in_lake(folder, "raw_messages") >= total, f"jump {number}: all are sealed")  # noqa: B023
            assert not ingest.has_ended(), "ingest ended"
        _set_clock(workdir, 0)
        refused = rows_in_lake(folder, "rejected")
        replayed = Forked(lambda: _replay(folder), workdir / "replay.log")
        wait_until(replayed.has_ended, "the replay is asked for")
        wait_until(lambda: rows_in_lake(folder) >= readings, "the replay has brought what was refused")
        assert_each_reading_once(folder, readings)
        years = {at.year for (at,) in asked(folder, "select received_at from raw_messages")}
        assert min(years) == 1970, years
        assert max(years) > datetime.fromtimestamp(time.time(), UTC).year, years
        assert rows_in_lake(folder, "raw_messages") == total, "a message has another number of outcomes than one"
        status = read_status(folder)
        assert status is not None
        assert status.seal_problem == ""
    except AssertionError as error:
        raise AssertionError(f"{error}; ingest said: {ingest.said()}") from error
    finally:
        ingest.end()
        mosquitto.stop()
    return {"jumps": jumps, "messages": total, "readings": readings, "refused until the replay": refused, "missing": 0}


def _set_clock(workdir: Path, offset_s: int) -> None:
    (workdir / "clock.new").write_text(f"{offset_s:+d}")
    (workdir / "clock.new").rename(workdir / "clock")


def _seconds_to_1970() -> int:
    """Return the offset that makes the clock say some minutes past 1970, whatever it says now."""
    return 600 - int(time.clock_gettime(time.CLOCK_BOOTTIME)) - _BOOTED_AT


_BOOTED_AT = int(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))


def _replay(folder: DataFolder) -> int:
    os.environ["GREENSWARD__DATA__FOLDER"] = str(folder.root)
    return run(["replay"])


if __name__ == "__main__":
    main()
