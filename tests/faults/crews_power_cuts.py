"""Power cuts while crews and office are at work: what they were told to be kept is there when the power is back.

    python -m tests.faults.crews_power_cuts ext4 --cuts 400

The data folder and the shelf of its backups lie on a file system in a loop device. At each cut the server of the crews'
pages and the office's processes are killed and the file system forgets everything that was not made durable. After two
cuts of three all that anybody was told is looked for (`tests.faults.crews_told`); the third comes while the server
starts. Exit 1 when a crew and the office once worked again later than `--within` (10 s).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.crews_at_work import CrewsAtWork
from tests.faults.disks import FILE_SYSTEMS, loop_disk

_DURING_WORK_S = 0.5
_DURING_RECOVERY_S = 0.3


def main() -> None:
    """Cut, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=FILE_SYSTEMS)
    parser.add_argument("--cuts", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--within", type=float, default=10.0, help="most seconds until crews and office work again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as workdir:
        figures, slowest_s = cut_power(options.kind, options.cuts, options.seed, Path(workdir))
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.exit(slowest_s > options.within)


def cut_power(kind: str, cuts: int, seed: int, workdir: Path) -> tuple[dict[str, object], float]:
    """Cut the power `cuts` times at random moments; return the figures, and the most seconds that a recovery took.

    Raises: AssertionError when anything is lost, doubled or half there.
    """
    chance = random.Random(seed)
    began = time.monotonic()
    recovered_s: list[float] = []
    with loop_disk(kind, workdir) as disk:
        crews = CrewsAtWork(disk.place, workdir)
        try:
            crews.start("server", "desk", "phone")
            for cut in range(cuts):
                if cut % 3 == 2:
                    time.sleep(chance.uniform(0, _DURING_RECOVERY_S))
                else:
                    recovered_s.append(crews.wait_until_at_work())
                    time.sleep(chance.uniform(0, _DURING_WORK_S))
                crews.kill("server", "desk")
                disk.cut_power()
                crews.end("server", "desk")
                disk.unmount()
                disk.mount()
                if cut % 3 != 1:
                    crews.check()
                crews.start("server", "desk")
            recovered_s.append(crews.wait_until_at_work())
            crews.end("server", "desk", "phone")
            crews.check()
        except AssertionError as error:
            raise AssertionError(f"{error}; they said: {crews.said()}") from error
        finally:
            crews.end("server", "desk", "phone")
        figures: dict[str, object] = (
            {"file system": kind, "cuts": cuts}
            | crews.figures()
            | {
                "lost": 0,
                "half there": 0,
                "median until at work, s": round(statistics.median(recovered_s), 1),
                "longest, s": round(max(recovered_s), 1),
                "seconds": round(time.monotonic() - began, 1),
            }
        )
    return figures, max(recovered_s)


if __name__ == "__main__":
    main()
