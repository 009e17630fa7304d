"""Power cuts under a stream of readings: what ingest acknowledged is there when the power is back.

    python -m tests.faults.power_cuts ext4 --cuts 1000

The data folder lies on a file system in a loop device, the broker's on the machine's own disk. At each cut ingest is
killed and the file system forgets everything that was not made durable (FS_IOC_SHUTDOWN without flushing the log). In
the end every published reading must be there once, read through the view and through a plain glob, and no file may
have other bytes than its name says.

Killed at the very moment of the cut, as by a power cut: to a process that lives on, Linux 6.18 says that an fsync in
flight succeeded although its log was thrown away (a plain loop of write and fdatasync: 1 of 60 shutdowns on ext4, 5 of
40 on xfs; none when killed with it). Disks that fail under a living ingest are in tests.faults.failing_calls.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from ingest.lake.damage import scrub
from ingest.lake.layout import DataFolder
from tests.end_to_end.running import assert_each_reading_once
from tests.faults.disks import FILE_SYSTEMS, loop_disk
from tests.faults.stream import Ingest, Publisher, wait_until_all_there
from tests.mosquitto import Mosquitto

RATE_PER_S = 200
_DURING_WORK_S = 0.5
_DURING_RECOVERY_S = 0.4


def main() -> None:
    """Cut, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=FILE_SYSTEMS)
    parser.add_argument("--cuts", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as workdir:
        sys.stdout.write(json.dumps(cut_power(options.kind, options.cuts, options.seed, Path(workdir))) + "\n")


def cut_power(kind: str, cuts: int, seed: int, workdir: Path) -> dict[str, object]:
    """Cut the power `cuts` times at random moments, a third of them while ingest recovers; return the figures.

    Raises: AssertionError when a reading is missing or doubled, a file damaged, or anything was set aside.
    """
    chance = random.Random(seed)
    began = time.monotonic()
    mosquitto = Mosquitto(workdir / "mosquitto")
    mosquitto.start()
    with loop_disk(kind, workdir) as disk:
        folder = DataFolder(disk.place / "data")
        ingest = Ingest(folder, mosquitto.port, workdir / "ingest.log", INGEST__COMPACT_FILES="6")
        try:
            ingest.start()
            ingest.wait_until_listening()
            publisher = Publisher(mosquitto.port, RATE_PER_S, workdir)
            for _ in range(cuts):
                if chance.random() < 1 / 3:
                    time.sleep(chance.uniform(0, _DURING_RECOVERY_S))
                else:
                    ingest.wait_until_listening()
                    time.sleep(chance.uniform(0, _DURING_WORK_S))
                os.kill(ingest.pid, signal.SIGKILL)
                disk.cut_power()
                ingest.end()
                disk.unmount()
                disk.mount()
                ingest.start()
            published = publisher.stop()
            wait_until_all_there(folder, published)
            assert_each_reading_once(folder, published)
            assert scrub(folder) == [], "files with other bytes than their names say"
            assert not folder.damaged.exists(), f"set aside: {list(folder.damaged.rglob('*'))}"
        except AssertionError as error:
            raise AssertionError(f"{error}; ingest said: {ingest.said()}") from error
        finally:
            ingest.end()
            mosquitto.stop()
    took_s = round(time.monotonic() - began, 1)
    return {"file system": kind, "cuts": cuts, "readings": published, "lost": 0, "doubled": 0, "seconds": took_s}


if __name__ == "__main__":
    main()
