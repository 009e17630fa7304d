"""What a year of history costs beside a week of it: `uv run python -m bench.a_year_of_history --sensors 10000`.

Makes a year of readings every ten minutes (closed days as compaction leaves them, one sorted file each), a file a day
of every other table, and lakes that hold only the last days of it. Four lines are held against their bars: what an
evaluation with nothing new takes beside the year and beside the week, that it takes no longer than three seconds, and
two questions over the year, each from opening the lake to the last row. Times are medians of `--runs`, in turn; those
of the wall count on a machine that does nothing else. Exit 0: all bars are met; 1: one is not.

`--sensors N` (each 52,560 readings, about 0.5 MB), `--keep DIR` leaves the lakes there, goes on with those that a run
before did not finish, or uses the ones there; `--anew` also tells what judging everything takes, `--questions` asks
questions alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as dt_time
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.ten_thousand_sensors import registers, typed
from greensward.commands.sql import open_for_questions
from greensward.evaluation import judge_to_keep
from greensward.settings import DataSettings, Settings, SiteSettings
from ingest.lake.layout import DataFolder
from ingest.lake.tables import all_tables, table
from ingest.lake.write import write_rows
from ingest.site import BEICHEN
from sql.analysts import all_questions
from sql.rows import answer

AS_OF = datetime(2026, 7, 10, 0, 35, tzinfo=UTC)
_DAYS = {"a week": 7, "five weeks": 36, "a year": 365}
"""Spans of lakes; five weeks are what an evaluation looks at."""
_SLOT_S = 600

_DEVICE_ROWS = 86_400 // _SLOT_S
"""Readings of a sensor a day."""

_SOMETHING = {
    "string": "nobody",
    "binary": b"{}",
    "bool": False,
    "int16": 0,
    "int32": 0,
    "int64": 0,
    "double": 0.0,
    "date32[day]": AS_OF.date(),
    "timestamp[us, tz=UTC]": AS_OF,
    "list<element: double>": [],
}

_LOST = 0.005
"""Share of messages that never came."""


def _day_of_readings(sensors: int, midnight: datetime, slots: int) -> pa.Table:
    """Return the first `slots` readings of a day of each sensor, in the order of the lake's files.

    Noise as in bench.bytes_per_reading: clocks that wander some seconds, messages that take half a second to five, some
    steps of the resolution; a dry-down of its own pace between waterings.
    """
    chance = np.random.default_rng(midnight.toordinal())
    sensor = np.repeat(np.arange(sensors), slots)
    slot = np.tile(np.arange(slots), sensors) + int(midnight.timestamp()) // _SLOT_S
    count = sensors * slots
    measured_s = slot * _SLOT_S + 6 + sensor % (_SLOT_S - 12) + chance.integers(-5, 6, count)
    received_us = measured_s * 1_000_000 + chance.integers(500_000, 5_000_000, count)
    message_seq = np.empty(count, dtype=np.int64)
    message_seq[np.argsort(received_us)] = np.arange(count) + midnight.toordinal() * 10 * count
    since_water_h = (slot / 6.0 + sensor * 7) % (120 + sensor % 150)
    water = 0.16 + 0.14 * np.exp(-since_water_h / (60.0 + sensor % 90)) + chance.normal(0, 0.002, count)
    swing = np.sin(slot * (2 * np.pi / _DEVICE_ROWS))
    columns = {
        "device_id": pa.DictionaryArray.from_arrays(
            sensor.astype(np.int32), [f"gs-{number:05d}" for number in range(sensors)]
        ).cast(pa.string()),
        "channel": np.ones(count, dtype=np.int16),
        "measured_at": (measured_s * 1_000_000).astype("datetime64[us]"),
        "received_at": received_us.astype("datetime64[us]"),
        "volumetric_water_content": np.where(chance.random(count) < 1 / 24_000, 0.0, np.round(water, 3)),
        "soil_temperature_c": np.round(15 + 6 * swing + chance.normal(0, 0.15, count), 1),
        "bulk_ec_ds_m": np.round(0.2 + water / 2 + chance.normal(0, 0.01, count), 2),
        "time_source": pa.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int32), ["device"]).cast(pa.string()),
        "unit_received": pa.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int32), ["m3/m3"]).cast(pa.string()),
        "message_seq": message_seq,
    }
    came = pa.array(chance.random(count) >= _LOST)
    return typed("soil_readings", pa.table(columns).filter(came))


def make_lakes(root: Path, sensors: int) -> None:
    """Fill `root` with a lake per span, the shorter ones hard links of the year's last days."""
    year = DataFolder(root / "a year")
    spec = table("soil_readings")
    today = BEICHEN.local_date(AS_OF)
    for back in range(_DAYS["a year"], -1, -1):
        day = today - timedelta(days=back)
        midnight = datetime.combine(day, dt_time(), tzinfo=BEICHEN.timezone)
        if any(year.partition(spec.name, day).glob("*.parquet")):
            continue  # goes on where a run before was ended
        slots = _DEVICE_ROWS if back else int((AS_OF - midnight).total_seconds()) // _SLOT_S
        write_rows(year, spec, day, _day_of_readings(sensors, midnight, slots), f"made-{day:%Y%m%d}")
        print(f"\r{day}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    _file_a_day_of_each_other_table(year, today)
    for name, days in _DAYS.items():
        registers(DataFolder(root / name), sensors)
        since = today - timedelta(days=days)
        for path in sorted(year.lake.glob("*/date=*/*.parquet")):
            if name != "a year" and path.parent.name >= f"date={since}":
                beside = DataFolder(root / name).lake / path.relative_to(year.lake)
                beside.parent.mkdir(parents=True, exist_ok=True)
                if not beside.exists():
                    os.link(path, beside)


def _file_a_day_of_each_other_table(year: DataFolder, today: date) -> None:
    """Put into every other table a row of nobody's a day: what a lake of a year has are files of all tables."""
    for spec in all_tables().values():
        if spec.partition_by is None or year.table(spec.name).exists():
            continue
        row = {column.name: _SOMETHING[str(column.type)] for column in spec.columns if column.required}
        path = write_rows(year, spec, today, pa.Table.from_pylist([row], schema=spec.schema), "made-1")
        for back in range(1, _DAYS["a year"] + 1):
            beside = year.partition(spec.name, today - timedelta(days=back))
            beside.mkdir(parents=True)
            os.link(path, beside / path.name)


def main() -> int:
    """Make, judge, ask, print, compare with the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sensors", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--anew", action="store_true")
    parser.add_argument("--questions", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = given.keep or Path(temporary)
        make_lakes(root, given.sensors)
        folders = {name: DataFolder(root / name) for name in _DAYS}
        if given.anew:
            for name, (wall, cpu) in _in_turn(folders, given.runs, _judged_anew).items():
                print(f"flag, all judged, {name:12s}{wall:7.2f} s {cpu:7.2f} s of CPU")
        reached = {} if given.questions else _judged(folders, given.runs)
        year = {"a year": folders["a year"]}
        asked = {
            what: _in_turn(year, given.runs, partial(_ask, question))["a year"] for what, question in _QUESTIONS.items()
        }
    for what, (wall, cpu) in asked.items():
        print(f"{what:30s}{wall:7.2f} s {cpu:7.2f} s of CPU")
    reached |= {
        "one sensor's year": (asked["one sensor's year"][0], 0.3, "s"),
        "latest of each sensor": (asked["latest of each sensor"][0], 0.2, "s"),
    }
    for what, (value, bar, unit) in reached.items():
        print(f"{'met   ' if value <= bar else 'MISSED'} {what:36s}{value:6.2f} {unit}, bar {bar} {unit}")
    return 0 if all(value <= bar for value, bar, _ in reached.values()) else 1


_QUESTIONS = {
    "one sensor's year": (
        "select date, avg(volumetric_water_content), count(*) from soil_readings "
        "where device_id = 'gs-00123' group by date"
    ),
    "all columns of it": "select * from soil_readings where device_id = 'gs-00123'",
    "latest of each sensor": next(one.select for one in all_questions() if one.name == "last_reading_by_device"),
    "how many readings": "select count(*) from soil_readings",
}


def _judged(folders: dict[str, DataFolder], runs: int) -> dict[str, tuple[float, float, str]]:
    """Print what evaluations with nothing new take; return what was reached, by what it is called, with its bar."""
    for folder in folders.values():
        _judge_again(folder)  # leaves to those that are measured what an evaluation leaves to the next
    again = _in_turn(folders, runs, _judge_again)
    for name, (wall, cpu) in again.items():
        print(f"flag, nothing new, {name:12s}{wall:7.2f} s {cpu:7.2f} s of CPU")
    window = again["a year"][1] / again["five weeks"][1]
    print(f"beside a year / beside the window that an evaluation reads {window:6.2f} x")
    # CPU seconds, since lakes are compared and a machine that does something else tells its own time.
    return {
        "flag beside a year / beside a week": (again["a year"][1] / again["a week"][1], 1.1, "x"),
        "flag beside a year": (again["a year"][0], 3.0, "s"),
    }


def _judge_again(folder: DataFolder) -> None:
    judge_to_keep(folder, BEICHEN, AS_OF)


def _judged_anew(folder: DataFolder) -> None:
    (folder.carried / "newest.json").unlink(missing_ok=True)
    _judge_again(folder)


def _ask(question: str, folder: DataFolder) -> None:
    """Open what `greensward sql` opens for the question, and ask it as that does."""
    settings = Settings(data=DataSettings(str(folder.root)), site=SiteSettings(clock=AS_OF.isoformat()))
    with open_for_questions(settings, query=question) as lake:
        answer(lake, question)


def _in_turn(
    folders: dict[str, DataFolder], runs: int, measured: Callable[[DataFolder], object]
) -> dict[str, tuple[float, float]]:
    """Return the medians of seconds and CPU seconds per folder; each round takes every folder once."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in folders}
    for _ in range(runs):
        for name, folder in folders.items():
            began, began_cpu = time.monotonic(), time.process_time()
            measured(folder)
            times[name].append((time.monotonic() - began, time.process_time() - began_cpu))
    return {
        name: (statistics.median(one[0] for one in taken), statistics.median(one[1] for one in taken))
        for name, taken in times.items()
    }


if __name__ == "__main__":
    sys.exit(main())
