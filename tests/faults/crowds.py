"""Many writers, merging without pause, and readers at once: no failed and no wrong answer through our reader.

    python -m tests.faults.crowds --writers 8 --commits 200

Each writer is a process of its own that adds files of readings to one local day, one commit after the other; another
merges that day over and over; two ask through our reader and two by a plain glob. A commit has rows of five depths of
one instant, so that an answer with a part of a commit is known. A plain glob may fail when a file was merged away
between listing and opening (I4): such failures are counted; it must not be wrong.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from ingest.lake.compact import compact_partition
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.tables import table
from ingest.lake.write import write_rows
from tests.end_to_end.running import NOON, asked, assert_each_reading_once, assert_files_are_whole, plain
from tests.faults.frame import Figures, parser_of, tell
from tests.faults.stream import Forked
from tests.lake.rows import soil, soil_row
from tests.waiting import wait_until

_DEPTHS_CM = (10, 20, 30, 40, 50)
_READERS = 2
_COUNTS = "select count(*), count(distinct (device_id, depth_cm, measured_at)) from "
_PATIENCE_S = 3_600.0
"""For a thousand and more commits that wait for each other and for the disk."""


def main() -> None:
    """Let them, and print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--commits", type=int, default=200)
    options = parser.parse_args()
    tell(lambda workdir: crowd(options.writers, options.commits, workdir))


def crowd(writers: int, commits: int, workdir: Path) -> Figures:
    """Return the figures. Raises: AssertionError when an answer was wrong, ours failed, or a row is missing."""
    folder = DataFolder(workdir / "data")
    ensure_layout(folder)
    began = time.monotonic()
    log = workdir / "crowd.log"
    writing = [Forked(_writer(folder, number, commits), log) for number in range(writers)]
    others = {
        f"{name}-{number}": Forked(_until_told(folder, action, workdir / f"{name}-{number}"), log)
        for name, action, count in (("merges", _merge, 1), ("ours", _ask, _READERS), ("globs", _glob, _READERS))
        for number in range(count)
    }
    try:
        wait_until(lambda: all(one.has_ended() for one in writing), "all is written", _PATIENCE_S)
        codes = [one.end() for one in writing]
        assert codes == [0] * writers, f"{codes}: {log.read_text()[-2_000:]}"
        ended = {name: one.end(signal.SIGTERM) for name, one in others.items()}
        assert set(ended.values()) == {0}, f"{ended}: {log.read_text()[-2_000:]}"
    finally:
        for one in (*writing, *others.values()):
            one.end()
    assert_each_reading_once(folder, writers * commits * len(_DEPTHS_CM))
    assert_files_are_whole(folder)
    told = {name: [int(word) for word in (workdir / name).read_text().split()] for name in others}

    def total(kind: str, which: int) -> int:
        return sum(numbers[which] for name, numbers in told.items() if name.startswith(kind))

    return {
        "writers": writers,
        "commits": writers * commits,
        "merges": total("merges", 0),
        "answers of our reader": total("ours", 0),
        "of which failed": total("ours", 1),
        "answers of a plain glob": total("globs", 0),
        "globs that failed": total("globs", 1),
        "wrong answers": 0,
        "seconds": round(time.monotonic() - began, 1),
    }


def _writer(folder: DataFolder, writer: int, commits: int) -> Callable[[], int]:
    spec = table("soil_readings")

    def write() -> int:
        for number in range(commits):
            rows = [
                soil_row(number, device_id=f"gs-{writer:02}", depth_cm=depth, message_seq=writer << 32 | number)
                for depth in _DEPTHS_CM
            ]
            write_rows(folder, spec, NOON.date(), soil(*rows), f"part-{writer}-{number}")
        return 0

    return write


def _until_told(folder: DataFolder, act: Callable[[DataFolder, int], int], told: Path) -> Callable[[], int]:
    """Return what does `act` until SIGTERM and leaves how often it did and how often it failed; 1 when it was wrong."""

    def run() -> int:
        is_over = False

        def end(*_: object) -> None:
            nonlocal is_over
            is_over = True

        signal.signal(signal.SIGTERM, end)
        done = failed = most = 0
        while not is_over or not done:
            try:
                most = act(folder, most)
                done += 1
            except duckdb.IOException:
                failed += 1
        told.write_text(f"{done} {failed}")
        return 0

    return run


def _merge(folder: DataFolder, most: int) -> int:
    time.sleep(0.05)
    return most + compact_partition(folder, table("soil_readings"), NOON.date(), more_than=1)


def _ask(folder: DataFolder, most: int) -> int:
    return _sound(asked(folder, _COUNTS + "soil_readings"), most)


def _glob(folder: DataFolder, most: int) -> int:
    if not any(folder.table("soil_readings").glob("*/*.parquet")):
        return 0
    return _sound(plain(folder, _COUNTS + "lake"), most)


def _sound(answer: list[tuple[int, int]], most: int) -> int:
    """Return how many rows there are. Raises: AssertionError when that cannot be."""
    ((rows, distinct),) = answer
    assert rows == distinct, f"{rows} rows, {distinct} of them different"
    assert rows % len(_DEPTHS_CM) == 0, f"{rows} rows: a part of a commit"
    assert rows >= most, f"{rows} rows after {most}"
    return rows


if __name__ == "__main__":
    main()
