"""How long a message takes at a steady pace: `python -m bench.ingest_latency [--rate 1000] [--messages 30000]`.

Prints median and 99th percentile of publish → on disk and so acknowledged (bar 150 ms), and of publish → visible in SQL
(bar 15 s). A message is published when `bench.flood` hands it to the socket; on disk when another process sees the
commit (5 ms late at most); visible when its Parquet file got its name. Exit 1 when a row is lost or doubled.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np

from bench.commit_clock import CommitClock
from bench.flood import DEVICES, START
from ingest.lake.layout import DataFolder
from ingest.status import read_status
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until

_GROUP_BITS = 16
_PATIENCE_S = 900.0


def main() -> int:
    """Publish at a pace, and hold against it when each message was committed and when it could be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=1_000.0)
    parser.add_argument("--messages", type=int, default=30_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        mosquitto = Mosquitto(Path(temporary) / "mosquitto", "log_dest none\n")
        mosquitto.start()
        try:
            return _measure(mosquitto, Path(temporary), options.messages, options.rate)
        finally:
            mosquitto.stop()


def _measure(mosquitto: Mosquitto, folder: Path, messages: int, rate: float) -> int:
    data, times = DataFolder(folder / "data"), folder / "times"
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GREENSWARD")} | {
        "GREENSWARD__BROKER__HOST": "127.0.0.1",
        "GREENSWARD__BROKER__PORT": str(mosquitto.port),
        "GREENSWARD__DATA__FOLDER": str(data.root),
        "GREENSWARD__INGEST__COMPACT_FILES": "100000",
    }
    with CommitClock(data) as clock:
        ingest = subprocess.Popen(
            [sys.executable, "-m", "greensward", "ingest"], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: (status := read_status(data)) is not None and status.connected, "ingest listens")
            flood = [sys.executable, "-m", "bench.flood", str(mosquitto.port), str(messages)]
            subprocess.run([*flood, "--rate", str(rate), "--times", str(times)], check=True, stdout=subprocess.DEVNULL)

            def is_sealed() -> bool:
                status = read_status(data)
                return status is not None and sum(status.outcomes.values()) >= messages

            wait_until(is_sealed, "everything is sealed", _PATIENCE_S)
        finally:
            ingest.terminate()
            ingest.wait()
    published = np.frombuffer(times.read_bytes(), np.float64)
    with duckdb.connect(":memory:") as db:
        found = db.execute(
            "select message_seq, date_diff('minute', cast(? as timestamptz), measured_at) * ? "
            "+ cast(right(device_id, 4) as int) as number, filename "
            f"from read_parquet('{data.lake}/soil_readings/*/*.parquet', filename = true)",
            [START, DEVICES],
        ).fetchnumpy()
    numbers = found["number"].astype(np.int64)
    named = {name: Path(name).stat().st_ctime for name in set(found["filename"])}
    groups = np.array([group for group, _ in clock.commits])
    seen = np.array([at for _, at in clock.commits])
    committed = seen[np.minimum(np.searchsorted(groups, found["message_seq"] >> _GROUP_BITS), len(groups) - 1)]
    visible = np.array([named[name] for name in found["filename"]])
    for what, at, unit, factor in (("acknowledged", committed, "ms", 1_000), ("visible in SQL", visible, "s", 1)):
        middle, high = np.percentile((at - published[numbers]) * factor, (50, 99))
        print(f"publish -> {what:<15} median {middle:>8.1f} {unit}, 99 % within {high:>8.1f} {unit}")
    wrong = abs(len(numbers) - messages) + abs(len(np.unique(numbers)) - messages)
    print(f"{messages:,} messages at {rate:,.0f} /s, rows lost or doubled: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
