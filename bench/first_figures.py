"""How fresh rows are and how long an evaluation takes, on a demo made for it: `uv run python -m bench.first_figures`.

Prints medians of five runs. Needs Mosquitto. Figures of one run may be compared with each other; the machine counts.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from greensward.evaluation import judge_lake, judge_to_keep
from greensward.given_settings import load
from greensward.simulate.publish import plain, publish
from greensward.simulate.readings import TimedMessage
from greensward.wiring import SOFTWARE_VERSION
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake, retrying
from ingest.mqtt.broker import Broker
from ingest.seal.pace import Pace
from ingest.site import BEICHEN
from ingest.worker import Worker
from tests.mosquitto import Mosquitto

_RUNS = 5


def main() -> None:
    """Make a demo, measure, print a table."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        began = time.monotonic()
        demo = [sys.executable, "-m", "greensward", "demo", "--dir", str(root / "demo"), "--no-serve"]
        subprocess.run(demo, check=True, stdout=subprocess.DEVNULL)
        print(f"demo, start to lists                           {time.monotonic() - began:6.1f} s (one run)")
        settings = load(data=root / "demo")
        for what, judge in (("", judge_lake), (", nothing new", judge_to_keep)):
            _print_flags(what, partial(judge, settings.data_folder(), settings.place(), settings.now()))
        fresh = _freshness(root)
        print(
            f"publish to visible in SQL, default settings    {statistics.median(fresh):6.2f} s (median of {_RUNS}), "
            f"slowest {max(fresh):.2f} s"
        )


def _print_flags(what: str, judge: Callable[[], object]) -> None:
    times = []
    for _ in range(_RUNS):
        began, began_cpu = time.monotonic(), time.process_time()
        judge()
        times.append((time.monotonic() - began, time.process_time() - began_cpu))
    seconds, cpu_seconds = (statistics.median(column) for column in zip(*times, strict=True))
    label = f"flags over the demo's three weeks{what}"
    print(f"{label:47s}{seconds:6.2f} s (median of {_RUNS}; {cpu_seconds:.2f} s of CPU)")


def _freshness(root: Path) -> list[float]:
    mosquitto = Mosquitto(root / "mosquitto")
    mosquitto.start()
    folder = DataFolder(root / "fresh")
    times = []
    try:
        broker = Broker("127.0.0.1", mosquitto.port, "bench")
        with Worker(folder, BEICHEN, broker, Pace(), SOFTWARE_VERSION) as worker:
            worker.wait_until_subscribed(10)
            for number in range(_RUNS):
                at = datetime.now(UTC)
                reading = {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.2, "unit": "m3/m3"}
                body = {"schema": "greening.soil_reading/1", "measured_at": at.isoformat(), "readings": [reading]}
                message = TimedMessage(at, "greensward/v1/beichen/gs-01/soil", json.dumps(body).encode())
                publish([message], plain("127.0.0.1", mosquitto.port))
                began = time.monotonic()
                while retrying(folder, lambda: _rows(folder)) <= number:
                    time.sleep(0.05)
                times.append(time.monotonic() - began)
    finally:
        mosquitto.stop()
    return times


def _rows(folder: DataFolder) -> int:
    with open_lake(folder, BEICHEN) as lake:
        return int(lake.execute("select count(*) from soil_readings").fetchall()[0][0])


if __name__ == "__main__":
    main()
