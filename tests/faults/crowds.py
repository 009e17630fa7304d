"""Many writers, merging without pause, and readers at once: no failed and no wrong answer through our reader.

    python -m tests.faults.crowds --writers 8 --commits 200

Each writer is a process of its own that adds files of readings to one local day, one commit after the other; another
merges that day over and over; two ask through our reader and two by a plain glob. A commit has rows of five depths of
one instant, so that an answer with a part of a commit is known. A plain glob may fail when a file was merged away
between listing and opening (I4), and may miss files, whole ones, for the moment of a swap (decision 4): both are
counted. Asked again it must be right.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ingest.lake.compact import compact_partition
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.tables import table
from ingest.lake.write import write_rows
from tests.end_to_end.readers import Reader, our_reader, plain_glob
from tests.end_to_end.running import NOON, assert_each_reading_once, assert_files_are_whole
from tests.faults.frame import Figures, parser_of, tell
from tests.faults.stream import Forked
from tests.lake.rows import soil, soil_row
from tests.waiting import wait_until

_DEPTHS_CM = (10, 20, 30, 40, 50)
_READERS = 2
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
    others = {"merges": Forked(_merging(folder, workdir / "merges"), log)}
    for kind, reader_of in (("ours", our_reader), ("globs", plain_glob)):
        for name in [f"{kind}-{number}" for number in range(_READERS)]:
            others[name] = Forked(_reading(folder, reader_of(folder, len(_DEPTHS_CM)), workdir / name), log)
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
    told = {name: json.loads((workdir / name).read_text()) for name in others}

    def total(kind: str, what: str) -> int:
        return sum(counts[what] for name, counts in told.items() if name.startswith(kind))

    return {
        "writers": writers,
        "commits": writers * commits,
        "merged files": total("merges", "merged"),
        "answers of our reader": total("ours", "answers"),
        "of which failed": total("ours", "failed"),
        "answers of a plain glob": total("globs", "answers"),
        "globs that failed": total("globs", "failed"),
        "globs that missed a swap": total("globs", "missed"),
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


def _merging(folder: DataFolder, told: Path) -> Callable[[], int]:
    """Return what merges until SIGTERM and leaves how many files it merged."""

    def run() -> int:
        merged = 0
        for _ in _until_told():
            time.sleep(0.05)
            merged += compact_partition(folder, table("soil_readings"), NOON.date(), more_than=1)
        told.write_text(json.dumps({"merged": merged}))
        return 0

    return run


def _reading(folder: DataFolder, reader: Reader, told: Path) -> Callable[[], int]:
    """Return what reads until SIGTERM and leaves what it saw; 1 when an answer was wrong, at once."""

    def run() -> int:
        wait_until(lambda: any(folder.table("soil_readings").glob("*/*.parquet")), "there is something to read")
        for _ in _until_told():
            reader.look()
            assert reader.wrong == [], reader.wrong
        told.write_text(json.dumps({"answers": reader.answers, "failed": reader.failed, "missed": reader.missed}))
        return 0

    return run


def _until_told() -> Iterator[None]:
    """Yield once, and until SIGTERM."""
    is_over = False

    def end(*_: object) -> None:
        nonlocal is_over
        is_over = True

    signal.signal(signal.SIGTERM, end)
    yield
    while not is_over:
        yield


if __name__ == "__main__":
    main()
