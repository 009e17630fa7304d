"""A disk that fills to its last byte or its last inode, and is freed, again and again under a stream.

    python -m tests.faults.full_disks --cycles 20

Ingest may wait or end (its supervisor, here this program, starts it again), and must seal again once there is space.
In the end every published reading is in the lake once, and no file of it is half there. Exit 1 when sealing again once
took longer than `--within` (10 s).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from ingest.lake.layout import DataFolder
from tests.end_to_end.running import assert_each_reading_once, assert_files_are_whole
from tests.faults.disks import memory_disk, without_inodes, without_space
from tests.faults.stream import Ingest, Publisher, sealed_files, wait_until_all_there
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until

_RATE_PER_S = 100
_FULL_S = (0.3, 2.0)


def main() -> None:
    """Fill and free, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--within", type=float, default=10.0, help="most seconds until ingest seals again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as workdir:
        figures, slowest_s = fill_and_free(options.cycles, options.seed, Path(workdir))
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.exit(slowest_s > options.within)


def fill_and_free(cycles: int, seed: int, workdir: Path) -> tuple[dict[str, object], float]:
    """Return the figures, space and inodes in turn, and the most seconds that a recovery took.

    Raises: AssertionError when anything is lost, doubled or half there.
    """
    chance = random.Random(seed)
    mosquitto = Mosquitto(workdir / "mosquitto")
    mosquitto.start()
    ends = 0
    recovered_s: list[float] = []
    with memory_disk(workdir / "disk", "size=96m", "nr_inodes=4000") as disk:
        folder = DataFolder(disk / "data")
        ingest = Ingest(folder, mosquitto.port, workdir / "ingest.log", INGEST__COMPACT_FILES="6")
        try:
            ingest.start()
            ingest.wait_until_listening()
            publisher = Publisher(mosquitto.port, _RATE_PER_S, workdir)
            for cycle in range(cycles):
                with (without_inodes if cycle % 2 else without_space)(disk):
                    time.sleep(chance.uniform(*_FULL_S))
                began, before = time.monotonic(), sealed_files(folder)

                def seals_again(before: set[str] = before) -> bool:
                    nonlocal ends
                    if ingest.has_ended():
                        ends += 1
                        ingest.start_plain()
                    return bool(sealed_files(folder) - before)

                wait_until(seals_again, f"cycle {cycle}: ingest seals again")
                recovered_s.append(time.monotonic() - began)
            published = publisher.stop()
            wait_until_all_there(folder, published)
            assert_each_reading_once(folder, published)
            assert_files_are_whole(folder)
        except AssertionError as error:
            raise AssertionError(f"{error}; ingest said: {ingest.said()}") from error
        finally:
            ingest.end()
            mosquitto.stop()
    slowest_s = max(recovered_s)
    figures: dict[str, object] = {
        "cycles": cycles,
        "times ingest ended and was started again": ends,
        "longest until it sealed again, s": round(slowest_s, 1),
        "readings": published,
        "lost": 0,
        "doubled": 0,
    }
    return figures, slowest_s


if __name__ == "__main__":
    main()
