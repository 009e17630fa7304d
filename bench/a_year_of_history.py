"""What a year of history costs beside five weeks and a week of it: `uv run python -m bench.a_year_of_history`.

Makes a year of readings every ten minutes (closed days as compaction leaves them, one sorted file each), and lakes that
hold only its last days. Prints for each lake what the first evaluation takes and what one with nothing new takes, and
over the year what it takes to read one sensor's year and the latest reading of each sensor: medians of `--runs`, in
turn. `--sensors N` (each 52,560 readings, about 0.5 MB), `--keep DIR` leaves the lakes there, or uses the ones there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb

from bench.ten_thousand_sensors import registers, typed
from greensward.evaluation import judge_to_keep
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import table
from ingest.lake.write import by_local_day, write_rows
from ingest.site import BEICHEN

_AS_OF = datetime(2026, 7, 10, 0, 35, tzinfo=UTC)
_DAYS = {"a week": 7, "five weeks": 35, "a year": 365}
_SLOT_S = 600

_READINGS = """
select
    printf('gs-%05d', sensor) as device_id, cast(1 as smallint) as channel,
    to_timestamp(slot * {slot_s} + sensor % 60) as measured_at,
    round(case
        when hash(sensor, slot) % 24001 = 0 then 0.0
        else 0.16 + 0.14 * exp(-((slot / 6.0 + sensor * 7) % (120 + sensor % 150)) / (60.0 + sensor % 90))
            + 0.002 * sin(slot * 0.0436) + (hash(sensor, slot, 1) % 3) * 0.001
    end, 3) as volumetric_water_content,
    round(15 + 6 * sin(slot * 0.0436), 1) as soil_temperature_c,
    round(0.4 + (hash(sensor, slot, 2) % 7) * 0.01, 2) as bulk_ec_ds_m,
    to_timestamp(slot * {slot_s} + sensor % 60 + 2) as received_at, 'device' as time_source,
    'm3/m3' as unit_received, cast(slot * 20000 + sensor as bigint) as message_seq
from range({sensors}) as sensors(sensor), range({first}, {last}) as slots(slot)
where hash(sensor, slot, 3) % 200 > 0
order by device_id, measured_at
"""


def make_lakes(root: Path, sensors: int) -> None:
    """Fill `root` with a lake per span, the shorter ones hard links of the year's last days."""
    year = DataFolder(root / "a year")
    last = int(_AS_OF.timestamp() // _SLOT_S) + 1
    midnight = int(datetime(2026, 7, 10, tzinfo=BEICHEN.timezone).timestamp() // _SLOT_S)
    a_day = 86400 // _SLOT_S
    with duckdb.connect(":memory:") as connection:
        connection.execute("set timezone = 'UTC'")
        for begin in range(midnight - _DAYS["a year"] * a_day, last, a_day):
            asked = {"sensors": sensors, "first": begin, "last": min(begin + a_day, last), "slot_s": _SLOT_S}
            rows = typed("soil_readings", connection.execute(_READINGS.format(**asked)).to_arrow_table())
            for day, of_day in by_local_day(table("soil_readings"), rows, BEICHEN):
                write_rows(year, table("soil_readings"), day, of_day, f"made-{begin}")
    for name, days in _DAYS.items():
        registers(DataFolder(root / name), sensors)
        since = BEICHEN.local_date(_AS_OF) - timedelta(days=days)
        for path in sorted(year.table("soil_readings").glob("date=*/*.parquet")):
            if name != "a year" and path.parent.name >= f"date={since}":
                beside = DataFolder(root / name).table("soil_readings") / path.parent.name
                beside.mkdir(parents=True, exist_ok=True)
                os.link(path, beside / path.name)


def main() -> None:
    """Make, judge, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sensors", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = given.keep or Path(temporary)
        if not (root / "a year").exists():
            make_lakes(root, given.sensors)
        folders = {name: DataFolder(root / name) for name in _DAYS}
        first = _in_turn(folders, given.runs, _judged_anew)
        again = _in_turn(folders, given.runs, lambda folder: judge_to_keep(folder, BEICHEN, _AS_OF))
        for what, times in (("all judged", first), ("nothing new", again)):
            week, _ = times["a week"]
            for name, (seconds, cpu_seconds) in times.items():
                print(f"flag, {what}, {name:12s}{seconds:7.2f} s {cpu_seconds:7.2f} s of CPU, {seconds / week:.2f} x")
        year = {"a year": folders["a year"]}
        for what, question in _QUESTIONS.items():
            ((seconds, cpu_seconds),) = _in_turn(year, given.runs, partial(_ask, question)).values()
            print(f"{what:30s}{seconds:7.2f} s {cpu_seconds:7.2f} s of CPU")


_QUESTIONS = {
    "one sensor's year": (
        "select date, avg(volumetric_water_content), count(*) from soil_readings "
        "where device_id = 'gs-00123' group by date"
    ),
    "latest of each sensor": (
        "select device_id, max(measured_at), max_by(volumetric_water_content, measured_at) from soil_readings "
        "where date >= (select max(date) from soil_readings) - 1 group by device_id"
    ),
}


def _judged_anew(folder: DataFolder) -> None:
    (folder.carried / "newest.json").unlink(missing_ok=True)
    judge_to_keep(folder, BEICHEN, _AS_OF)


def _ask(question: str, folder: DataFolder) -> None:
    with open_lake(folder, BEICHEN) as lake:
        lake.execute(question).fetchall()


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
    main()
