"""Hours of a stream with a fault every twenty seconds: memory, descriptors and threads stay, and the flags are right.

    python -m tests.faults.soak --minutes 90

In turn, in the first third: ingest is killed with -9 and started again, the broker is ended and started again, the
broker stops answering for longer than two keepalives, the disk is filled to its last byte and freed, for which ingest
may end. From then on only what it lives through, so that one process grows old, an hour of 90 minutes: the two of the
broker, the disk filled into what ingest leaves free, and refused messages with readings that came before. In the end
every reading is there once, and the flags are those of a lake that was filled from the same messages with no fault.

The process that lived longest is told from ten minutes after its start (the later half of a shorter life), and the last
half of its life apart. Memory is RssAnon, of each half minute the median, so that the second that a merge takes does
not count; its slope is by least squares, with its standard error as if the medians differed by chance alone. Of
descriptors the fewest of each half minute must stay, since a merge or a comparison has a few dozen files open.
"""

from __future__ import annotations

import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from greensward.evaluation import judge_lake
from ingest.lake.layout import DataFolder
from ingest.observation import Message
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from tests.end_to_end.running import NOON, publish, rows_in_lake
from tests.faults.disks import memory_disk, with_little_space, without_space
from tests.faults.frame import Figures, Running, parser_of, start_sparingly, tell, under_a_stream
from tests.faults.stream import DEVICES, message
from tests.sql.made_lake import MadeLake
from tests.sql.stored_lake import store
from tests.waiting import wait_until

SLOPE_MB_PER_H = 1.0
_EVERY_S = 20.0
_RATE_PER_S = 20
_SILENT_S = 12.0
"""Longer than two keepalives of 5 s."""
_FULL_S = 2.0
_RESERVE_BYTES = 50_000_000
"""What ingest leaves free: large enough to fill a part of it in one go."""
_LEFT_BYTES = _RESERVE_BYTES // 2
_SAMPLE_S = 1.0
_HALF_MINUTE = 30
"""Samples."""
WARM_S = 600.0
"""What a process takes to have met everything once, and to merge its first closed day, which waits for so long; before
that its memory grows as it should."""
_AGAIN = 100
_REFUSED = 20
_BATCH = 5_000
_SETTLED_S = 60.0


class Sample(NamedTuple):
    """How much one process held at one moment; `own_bytes` without the pages of programs, which only ever add up."""

    pid: int
    at_s: float
    rss_bytes: int
    own_bytes: int
    descriptors: int
    threads: int


def main() -> None:
    """Soak, and print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--minutes", type=float, default=90)
    options = parser.parse_args()
    start_sparingly("tests.faults.soak")
    tell(lambda workdir: soak(options.minutes * 60, workdir))


def soak(seconds: float, workdir: Path) -> Figures:
    """Return the figures. Raises: AssertionError when a reading is lost or doubled, or the flags are others."""
    samples: list[Sample] = []
    met: Counter[str] = Counter()
    with memory_disk(workdir / "disk", "size=2g") as disk:
        root = disk / "data"
        store(_plots(), DataFolder(root))
        with under_a_stream(
            workdir, _RATE_PER_S, root=root, INGEST__SEAL_EVERY_S="2", INGEST__MIN_FREE_BYTES=str(_RESERVE_BYTES)
        ) as running:
            began = time.monotonic()
            while (passed_s := time.monotonic() - began) < seconds:
                faults = _LIVED_THROUGH if passed_s > seconds / 3 else _ALL
                fault = faults[met.total() % len(faults)]
                fault(running, disk)
                met[fault.__name__.strip("_").replace("_", " ")] += 1
                _watch(running, _EVERY_S, samples)
            readings = running.end_stream()
            figures = running.figures
            kept = running.folder
        as_of = NOON + timedelta(minutes=readings // DEVICES)
        clean = DataFolder(disk / "clean")
        store(_plots(), clean)
        _fill(clean, readings)
        flags, right = judge_lake(kept, BEICHEN, as_of), judge_lake(clean, BEICHEN, as_of)
        assert flags.num_rows > 0
        assert flags.equals(right), "the flags differ from those of a clean run"
    return figures | {"faults": dict(met), "flags equal to a clean run": flags.num_rows} | of_the_oldest(samples)


def of_the_oldest(samples: list[Sample], warm_s: float = WARM_S, pace: float = 1.0) -> Figures:
    """Return how memory, open files and threads went in the process that lived longest, once it was warm.

    warm_s: after its start, or half its life where that is less
    pace: as so many hours each hour counts
    Slopes are told with their standard error.
    """
    pid, _ = Counter(sample.pid for sample in samples).most_common(1)[0]
    own = [sample for sample in samples if sample.pid == pid]
    began_s, life_s = own[0].at_s, own[-1].at_s - own[0].at_s
    warm = [one for one in own if one.at_s - began_s >= min(warm_s, life_s / 2)]
    usual = [_usual(part) for part in _half_minutes(warm)]
    at_rest = [min(one.descriptors for one in part) for part in _half_minutes(warm)]
    late = [one for one in usual if one.at_s - began_s >= life_s / 2]
    return {
        "oldest process, min": round(life_s / 60, 1),
        "RSS at its end, MB": round(warm[-1].rss_bytes / 1e6, 1),
        "its own memory, MB": [round(one.own_bytes / 1e6, 1) for one in usual],
        "slope of its own memory, MB/h": _slope_mb_per_h(usual, pace),
        "of the last half, MB/h": _slope_mb_per_h(late, pace),
        "descriptors at rest, least and most": [min(at_rest), max(at_rest)],
        "descriptors, most": max(one.descriptors for one in warm),
        "threads, least and most": [min(one.threads for one in warm), max(one.threads for one in warm)],
    }


def _half_minutes(samples: list[Sample]) -> list[list[Sample]]:
    return [samples[at : at + _HALF_MINUTE] for at in range(0, len(samples), _HALF_MINUTE)]


def _usual(samples: list[Sample]) -> Sample:
    """Return the sample with the median of own memory, as of the middle of their time."""
    median = sorted(samples, key=lambda one: one.own_bytes)[len(samples) // 2]
    return median._replace(at_s=(samples[0].at_s + samples[-1].at_s) / 2)


def _slope_mb_per_h(samples: list[Sample], pace: float) -> tuple[float, float]:
    """Return the slope of own memory and its standard error, both 0 of fewer than three samples."""
    if len(samples) < 3:
        return 0.0, 0.0
    hours, own = [one.at_s * pace / 3_600 for one in samples], [one.own_bytes / 1e6 for one in samples]
    slope, start = statistics.linear_regression(hours, own)
    rest = sum((mb - start - slope * hour) ** 2 for hour, mb in zip(hours, own, strict=True))
    error = (rest / (len(own) - 2) / sum((hour - statistics.fmean(hours)) ** 2 for hour in hours)) ** 0.5
    return round(slope, 2), round(error, 2)


def _plots() -> MadeLake:
    made = MadeLake()
    for number in range(DEVICES):
        made.laboratory_plot(f"P{number}")
        made.device(f"gs-{number:02}", f"P{number}")
    return made


def _fill(folder: DataFolder, readings: int) -> None:
    sealer = Sealer(folder, BEICHEN, "clean")
    arrived = NOON + timedelta(days=400)
    for start in range(0, readings, _BATCH):
        numbers = range(start, min(start + _BATCH, readings))
        sealer.seal([Message(n + 1, arrived, *message(n)) for n in numbers], RegisterSnapshot({}, frozenset(), ()))


def _watch(running: Running, seconds: float, samples: list[Sample]) -> None:
    """Note what ingest holds until `seconds` are over; it must have stored something more by then."""
    before, began = rows_in_lake(running.folder), time.monotonic()
    while time.monotonic() - began < seconds:
        samples.append(sample_of(running.ingest.pid))
        time.sleep(_SAMPLE_S)
    wait_until(lambda: rows_in_lake(running.folder) > before, "it stores again after the fault", _SETTLED_S)


def sample_of(pid: int) -> Sample:
    """Return what a process holds now."""
    said = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    rss, own, threads = (int(said.partition(f"{name}:")[2].split()[0]) for name in ("VmRSS", "RssAnon", "Threads"))
    return Sample(pid, time.monotonic(), rss * 1024, own * 1024, len(list(Path(f"/proc/{pid}/fd").iterdir())), threads)


def _kill_ingest(running: Running, _: Path) -> None:
    running.ingest.end()
    running.ingest.start()
    running.ingest.wait_until_listening()


def restart_broker(running: Running, _: object = None) -> None:
    """Let the broker go away and come back."""
    running.mosquitto.stop()
    running.mosquitto.start()


def _stop_broker(running: Running, _: Path) -> None:
    running.mosquitto.send(signal.SIGSTOP)
    time.sleep(_SILENT_S)
    running.mosquitto.send(signal.SIGCONT)


def _fill_disk(running: Running, disk: Path) -> None:
    with without_space(disk):
        time.sleep(_FULL_S)
    if running.ingest.has_ended():
        running.ingest.start_plain()


def _nearly_fill_disk(_: Running, disk: Path) -> None:
    with with_little_space(disk, _LEFT_BYTES):
        time.sleep(_FULL_S)


def send_nonsense_and_again(running: Running, _: object = None) -> None:
    """Send messages that are refused, and the last readings again: as many as are stored have been published."""
    stored = rows_in_lake(running.folder)
    again = [message(number) for number in range(max(stored - _AGAIN, 0), stored)]
    publish(running.mosquitto, [*again, *[(message(stored)[0], b"{") for _ in range(_REFUSED)]])


_ALL: list[Callable[[Running, Path], None]] = [_kill_ingest, restart_broker, _stop_broker, _fill_disk]
_LIVED_THROUGH: list[Callable[[Running, Path], None]] = [
    restart_broker,
    _nearly_fill_disk,
    _stop_broker,
    send_nonsense_and_again,
]


if __name__ == "__main__":
    main()
