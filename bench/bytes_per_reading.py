"""What a soil reading weighs in the compacted lake, and what sealing costs: `python -m bench.bytes_per_reading`.

`--devices 2000` makes 576,000 readings, 34,722 make ten million. Bars: 9 bytes a reading; sealing and compacting a day
of ten million within 10 % of one core, which are 8,640 CPU seconds.

A day of probes that measure two depths every ten minutes: water to 0.1 %, temperature to 0.1 °C, EC to 0.01 dS/m, with
noise of a few such steps; each probe by a clock that wanders some seconds, messages that take half a second to five and
come in any order. Messages of 20 minutes are sealed together, and a round of merging follows each seal; then the day is
closed.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec

from ingest.lake.compact import compact_lake
from ingest.lake.files import partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.observation import Message
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN

_DAY = datetime(2026, 7, 1, 16, tzinfo=UTC)
_EVERY = timedelta(minutes=10)
_ROUNDS = 144
_TOGETHER = 2
_DEPTHS_CM = (10, 30)
_BAR_BYTES = 9.0
_BAR_SHARE = 0.1
_MANY = 10_000_000
_DAY_S = 86_400
_COMPACT_FILES = 24


def main() -> int:
    """Seal and compact the day, and weigh its files; exit 1 above the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=2_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = DataFolder(Path(temporary))
        sealer = Sealer(data, BEICHEN, "bench")
        sealed_s = 0.0
        merged_s = 0.0
        most_files = 0
        today = BEICHEN.local_date(_DAY)
        for begin in range(0, _ROUNDS, _TOGETHER):
            messages = list(_messages(options.devices, range(begin, begin + _TOGETHER)))
            began = time.process_time()
            sealer.seal(messages, RegisterSnapshot({}, frozenset(), ()))
            sealed_s += time.process_time() - began
            del messages
            most_files = max(most_files, len(partition_files(data, table("soil_readings"), today)))
            merged_s += _merge(data, today, _COMPACT_FILES)
            print(f"\r{(begin + _TOGETHER) / _ROUNDS:.0%}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        while closed_s := _merge(data, today + timedelta(days=9), 1):  # round after round, as ingest does
            merged_s += closed_s
        files = list((data.lake / "soil_readings").glob("*/*.parquet"))
        size = sum(path.stat().st_size for path in files)
        with duckdb.connect(":memory:") as db:
            counted = db.execute(f"select count(*) from read_parquet('{data.glob('soil_readings')}')").fetchall()
    ((rows,),) = counted
    expected = options.devices * _ROUNDS * len(_DEPTHS_CM)
    print(f"{rows:,} readings in {len(files)} files, {size:,} bytes: {size / rows:.2f} bytes a reading")
    share = (sealed_s + merged_s) / rows * _MANY / _DAY_S
    print(
        f"sealing {sealed_s:,.1f} and compacting {merged_s:,.1f} CPU s, at most {most_files} files of the day and "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB (the messages in it); "
        f"a day of ten million: {share:.2%} of one core"
    )
    return 0 if rows == expected and size / rows <= _BAR_BYTES and share <= _BAR_SHARE else 1


def _merge(data: DataFolder, today: date, more_than: int) -> float:
    """Merge what one round of housekeeping merges; return its CPU seconds, 0 when it found nothing to do."""
    began = time.process_time()
    merged = list(compact_lake(data, today, more_than))
    return time.process_time() - began if merged else 0.0


def _messages(devices: int, rounds: range) -> Iterator[Message]:
    seq = rounds.start * devices
    for at_round in rounds:
        for device in random.Random(at_round).sample(range(devices), devices):
            seq += 1
            chance = random.Random(seq)
            at = _DAY + at_round * _EVERY + timedelta(seconds=device % 600 + chance.randrange(-5, 6))
            day = math.sin(2 * math.pi * at_round / _ROUNDS)
            readings = []
            for depth in _DEPTHS_CM:
                water = 0.18 + device % 90 / 1_000 - at_round / 20_000 + chance.gauss(0, 0.002)
                warmth = 22 + day * 60 / (depth + 10) + chance.gauss(0, 0.15)
                for quantity, value, unit in (
                    ("volumetric_water_content", round(water, 3), "m3/m3"),
                    ("soil_temperature", round(warmth, 1), "Cel"),
                    ("bulk_ec", round(0.2 + water / 2 + chance.gauss(0, 0.01), 2), "dS/m"),
                ):
                    readings.append({"quantity": quantity, "depth_cm": depth, "value": value, "unit": unit})
            body = {"schema": "greening.soil_reading/1", "measured_at": at.isoformat(), "readings": readings}
            topic = f"greensward/v1/beichen/gs-{device:05d}/soil"
            yield Message(seq, at + timedelta(seconds=chance.uniform(0.5, 5)), topic, msgspec.json.encode(body))


if __name__ == "__main__":
    sys.exit(main())
