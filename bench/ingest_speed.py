"""What ingest costs and how fast it is, beside subscribers that throw all away: `python -m bench.ingest_speed`.

Each run starts a Mosquitto of its own, a subscriber, and `bench.flood` as the load; all share the machine, load and
broker included. Prints medians: messages a second until the subscriber has the last one (ours: until the last is on
disk and so acknowledged; and until the last is in Parquet, which waits for the next seal), and CPU seconds of the
subscriber's process per 100,000 messages, start-up left out, sealing included. After each run of ours the distinct rows
of the lake are counted through a plain glob; exit 1 when they are not as many as were published.

`--backlog` publishes first, to sessions whose subscribers are away, and measures how fast these catch up. `--runs N`,
`--messages N`, `--rate PER_SECOND` and `--envelope chirpstack|things_stack` change what is measured; `--mq-bridge
PYTHON` adds a peer that fsyncs Parquet before it acknowledges (bench/mq_bridge_route.py).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bench.commit_clock import CommitClock
from bench.flood import ENVELOPES
from ingest.inbox import GROUP_INTERVAL_S
from ingest.lake.layout import DataFolder
from ingest.status import read_status
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until

_SUBSCRIBED_S = 5.0
"""What mq-bridge is given to subscribe; it tells nobody when it has."""
_TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE_S = 900.0
_BROKER = "log_dest none\nmax_packet_size 300000\nautosave_interval 15\nmax_queued_messages 0\n"
"""Saves as seldom as our template's broker: once a second it would write a waiting million again and again. Its queues
have no limit, or the last of a million would be dropped."""


@dataclass(frozen=True)
class Load:
    """What is published."""

    messages: int
    rate: float | None
    envelope: str
    backlog: bool

    def command(self, port: int) -> list[str]:
        """Return the command that publishes it."""
        rate = [] if self.rate is None else ["--rate", str(self.rate)]
        return [sys.executable, "-m", "bench.flood", str(port), str(self.messages), "--envelope", self.envelope, *rate]


@dataclass(frozen=True)
class Figure:
    """Of one run: messages a second, CPU seconds per 100,000 messages, most memory in MB, rows lost or doubled.

    per_s: until the broker had the last acknowledgement
    in_sql_per_s: until the last row was in the lake; None for subscribers that keep nothing
    """

    per_s: float
    cpu_s: float
    rss_mb: float
    in_sql_per_s: float | None = None
    wrong_rows: int = 0


def main() -> int:
    """Measure in turn, so that a busy moment of the machine hits both alike; print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--envelope", choices=tuple(ENVELOPES), default="native")
    parser.add_argument("--backlog", action="store_true")
    parser.add_argument("--without-paho", action="store_true", help="leave out stock paho, the slowest of the three")
    parser.add_argument("--mq-bridge", metavar="PYTHON", help="a Python that has mq-bridge, to measure it too (live)")
    options = parser.parse_args()
    load = Load(options.messages, options.rate, options.envelope, options.backlog)
    subjects: dict[str, Callable[[Mosquitto, Path, Load], Figure]] = {
        "mosquitto_sub to /dev/null": _null,
        "stock paho, nothing kept": _stock_paho,
        "greensward ingest": of_ingest,
    }
    if options.without_paho:
        del subjects["stock paho, nothing kept"]
    if options.mq_bridge:
        subjects["mq-bridge to fsynced Parquet"] = lambda mosquitto, folder, load: _mq_bridge(
            options.mq_bridge, mosquitto, folder, load
        )
    figures: dict[str, list[Figure]] = {name: [] for name in subjects}
    for _ in range(options.runs):
        for name, measure in subjects.items():
            figures[name].append(measured(measure, load))
    print(f"{load.messages:,} messages, {load.envelope}, {'backlog' if load.backlog else 'live'}, {options.runs} runs")
    for name, runs in figures.items():
        per_s, cpu_s, rss_mb = (
            statistics.median(getattr(run, field) for run in runs) for field in ("per_s", "cpu_s", "rss_mb")
        )
        in_sql = [run.in_sql_per_s for run in runs if run.in_sql_per_s is not None]
        more = f", in SQL {statistics.median(in_sql):,.0f} /s" if in_sql else ""
        print(f"{name:<28} {per_s:>9,.0f} /s {cpu_s:>7.2f} CPU s per 100,000 {rss_mb:>6,.0f} MB{more}")
    ours = figures["greensward ingest"]
    for name, runs in figures.items():
        if runs is not ours:
            rate = statistics.median(mine.per_s / other.per_s for mine, other in zip(ours, runs, strict=True))
            cpu = statistics.median(mine.cpu_s / other.cpu_s for mine, other in zip(ours, runs, strict=True))
            print(f"ours / {name}: {rate:.2f} of the rate, {cpu:.2f} of the CPU (medians of the runs' own ratios)")
    wrong = sum(run.wrong_rows for runs in figures.values() for run in runs)
    print(f"rows lost or doubled: {wrong}")
    return 1 if wrong else 0


def measured(measure: Callable[[Mosquitto, Path, Load], Figure], load: Load) -> Figure:
    """Return what it measures at a broker of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        mosquitto = Mosquitto(Path(temporary) / "mosquitto", _BROKER)
        mosquitto.start()
        try:
            return measure(mosquitto, Path(temporary), load)
        finally:
            mosquitto.stop()


def _null(mosquitto: Mosquitto, folder: Path, load: Load) -> Figure:
    del folder
    known = ["mosquitto_sub", "-p", str(mosquitto.port), "-i", "null", "-c", "-q", "1", "-t", "#"]
    return _thrown_away(mosquitto, load, [*known, "-E"], [*known, "-C", str(load.messages)])


def _stock_paho(mosquitto: Mosquitto, folder: Path, load: Load) -> Figure:
    del folder
    known = [sys.executable, "-m", "bench.paho_subscriber", str(mosquitto.port)]
    return _thrown_away(mosquitto, load, [*known, "0"], [*known, str(load.messages)])


def _thrown_away(mosquitto: Mosquitto, load: Load, subscribe: list[str], receive: list[str]) -> Figure:
    """Measure a subscriber that keeps nothing; subscribe: makes its session; receive: ends after the last message."""
    subprocess.run(subscribe, check=True)
    if load.backlog:
        subprocess.run(load.command(mosquitto.port), check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    subscriber = subprocess.Popen(receive, stdout=subprocess.DEVNULL)
    if not load.backlog:
        flood = subprocess.Popen(load.command(mosquitto.port), stdout=subprocess.PIPE, text=True)
        flood.communicate()
    _, _, used = os.wait4(subscriber.pid, 0)
    took = time.monotonic() - began
    return Figure(load.messages / took, _per_100k(used.ru_utime + used.ru_stime, load), used.ru_maxrss / 1024)


def _mq_bridge(python: str, mosquitto: Mosquitto, folder: Path, load: Load) -> Figure:
    """Measure mq-bridge, which writes payloads as rows and knows no duplicates; until all of them are there."""
    data = folder / "data"
    data.mkdir()
    route = Path(__file__).with_name("mq_bridge_route.py")
    with (folder / "mq_bridge.log").open("w", encoding="ascii") as log:
        bridge = subprocess.Popen([python, route, str(mosquitto.port), str(data)], stdout=log, stderr=log)
        try:
            time.sleep(_SUBSCRIBED_S)
            began, before = time.monotonic(), _cpu_s(bridge.pid)
            subprocess.run(load.command(mosquitto.port), check=True, stdout=subprocess.DEVNULL)
            wait_until(lambda: _rows(data) >= load.messages, "mq-bridge has written everything", _PATIENCE_S)
            took, cpu_s, rss_mb = time.monotonic() - began, _cpu_s(bridge.pid) - before, _peak_mb(bridge.pid)
        finally:
            bridge.terminate()
            bridge.wait()
    return Figure(load.messages / took, _per_100k(cpu_s, load), rss_mb, None, abs(_rows(data) - load.messages))


def _rows(data: Path) -> int:
    with contextlib.suppress(pa.ArrowException, OSError):
        return sum(pq.read_metadata(path).num_rows for path in data.rglob("*.parquet"))
    return 0


def of_ingest(mosquitto: Mosquitto, folder: Path, load: Load) -> Figure:
    """Measure `greensward ingest`."""
    data = DataFolder(folder / "data")
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GREENSWARD")} | {
        "GREENSWARD__BROKER__HOST": "127.0.0.1",
        "GREENSWARD__BROKER__PORT": str(mosquitto.port),
        "GREENSWARD__DATA__FOLDER": str(data.root),
    }
    command = [sys.executable, "-m", "greensward", "ingest"]
    before = 0.0
    if load.backlog:
        ingest = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        _wait_until_listening(data, ingest)
        before = _cpu_s(ingest.pid)
        ingest.terminate()
        ingest.wait()
        subprocess.run(load.command(mosquitto.port), check=True, stdout=subprocess.DEVNULL)
    with Path(os.devnull).open("w", encoding="ascii") as nowhere, CommitClock(data) as clock:
        ingest = subprocess.Popen(command, env=environment, stderr=nowhere)
        try:
            _wait_until_listening(data, ingest)
            began = time.monotonic()
            if not load.backlog:
                before = _cpu_s(ingest.pid)
                subprocess.run(load.command(mosquitto.port), check=True, stdout=subprocess.DEVNULL)
            wait_until(lambda: _sealed(data) >= load.messages, "everything is sealed", _PATIENCE_S)
            ended, cpu_s = time.monotonic(), _cpu_s(ingest.pid) - before
            rss_mb = _peak_mb(ingest.pid)
        finally:
            ingest.terminate()
            ingest.wait()
    if load.backlog:  # it comes as soon as the session is there
        began = clock.first_commit - GROUP_INTERVAL_S
    acknowledged, in_sql = clock.last_commit - began, ended - began
    with duckdb.connect(":memory:") as db:
        rows = f"read_parquet('{data.lake}/soil_readings/*/*.parquet')"
        counts = db.execute(f"select count(*), count(distinct (device_id, measured_at)) from {rows}").fetchone()
    wrong = sum(abs(count - load.messages) for count in counts or (0, 0))
    return Figure(load.messages / acknowledged, _per_100k(cpu_s, load), rss_mb, load.messages / in_sql, wrong)


def _wait_until_listening(data: DataFolder, ingest: subprocess.Popen[bytes]) -> None:
    def is_listening() -> bool:
        status = read_status(data)
        return status is not None and status.pid == ingest.pid and status.connected

    wait_until(is_listening, "ingest listens")


def _sealed(data: DataFolder) -> int:
    status = read_status(data)
    return sum(status.outcomes.values()) if status else 0


def _per_100k(cpu_s: float, load: Load) -> float:
    return cpu_s * 100_000 / load.messages


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
