"""How long QC and flags take for 10,000 sensors hourly over 35 days: `uv run python -m bench.ten_thousand_sensors`.

Makes a lake of that size (with the writer of the real one), judges it, and prints the seconds of each model and the
peak memory. Then it judges again, as `greensward flag --every` does: when nothing came, when an hour's readings of one
sensor in a hundred came, and when those of all came. `--sensors N` and `--days N` change the size; `--keep DIR` leaves
the lake there, or uses the one there.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from greensward.carried import keep_for_next, load_past, soil_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import table
from ingest.lake.write import by_local_day, replace_register, write_rows
from ingest.site import BEICHEN
from sql.carry import Carry
from sql.evaluate import evaluate

_AS_OF = datetime(2026, 7, 10, 0, 30, tzinfo=UTC)

_READINGS = """
select
    printf('gs-%05d', sensor) as device_id, cast(1 as smallint) as channel,
    to_timestamp(hour * 3600 + sensor % 60) as measured_at,
    -- a dry-down of its own pace between waterings, some of them sharp, the day's swing, and now and then a fault
    round(case
        when hash(sensor, hour) % 4001 = 0 then 0.0
        when hash(sensor, hour) % 4003 = 0 then 0.55
        else 0.16 + 0.14 * exp(-((hour + sensor * 7) % (120 + sensor % 150)) / (60.0 + sensor % 90))
            + 0.002 * sin(hour * 0.2618) + (hash(sensor, hour, 1) % 5) * 0.0004
    end, 3) as volumetric_water_content,
    round(20 + 6 * sin(hour * 0.2618), 1) as soil_temperature_c,
    round(0.4 + (hash(sensor, hour, 2) % 7) * 0.01, 2) as bulk_ec_ds_m,
    to_timestamp(hour * 3600 + sensor % 60 + 2) as received_at, 'device' as time_source, 'm3/m3' as unit_received,
    cast(hour * 20000 + sensor as bigint) as message_seq
from range({sensors}) as sensors(sensor), range({first}, {last}) as hours(hour)
where hash(sensor, hour, 3) % 200 > 0
"""

_WEATHER = """
select 'ws-1' as device_id, to_timestamp(hour * 3600) as measured_at, to_timestamp(hour * 3600) as received_at,
    round(24 + 6 * sin(hour * 0.2618), 1) as air_temperature_c,
    case when hash(hour) % 97 = 0 then 4.0 else 0.0 end as rain_depth_mm, 'device' as time_source, hour as message_seq
from range({first}, {last}) as hours(hour)
"""


def make_lake(folder: DataFolder, sensors: int, days: int) -> None:
    """Fill `folder` with `days` days before the bench's instant."""
    last = int(_AS_OF.timestamp() // 3600) + 1
    first = int(datetime(2026, 7, 10, tzinfo=BEICHEN.timezone).timestamp() // 3600) - 24 * days
    with duckdb.connect(":memory:") as connection:
        connection.execute("set timezone = 'UTC'")
        for begin in range(first, last, 24):
            for name, select in (("soil_readings", _READINGS), ("weather_readings", _WEATHER)):
                hours = {"sensors": sensors, "first": begin, "last": min(begin + 24, last)}
                rows = typed(name, connection.execute(select.format(**hours)).to_arrow_table())
                for day, of_day in by_local_day(table(name), rows, BEICHEN):
                    write_rows(folder, table(name), day, of_day, f"made-{begin}")
    registers(folder, sensors)


def registers(folder: DataFolder, sensors: int) -> None:
    """Register two sensors for each of half as many plots, at 5 and at 20 cm."""
    since = datetime(2020, 1, 1, tzinfo=UTC)
    textures = ("loam", "clay_loam", "sandy_loam", "silty_clay")
    plots = [
        {
            "plot_id": f"P{number:05d}", "name": "", "plot_type": "park", "maintenance_grade": number % 3 + 1,
            "vegetation": ("shrubs", "cool_turf", "trees")[number % 3], "soil_texture": textures[number % 4],
            "irrigation": "sprinkler", "wetted_fraction": 1.0, "area_m2": 500.0, "lon": 117.1, "lat": 39.2,
            "valid_from": since, "register_version": "1", "geometry": b"",
        }
        for number in range(sensors // 2)
    ]  # fmt: skip
    devices = [
        {
            "device_id": f"gs-{number:05d}", "plot_id": f"P{number // 2:05d}", "report_interval_s": 3600.0,
            "depths_cm": [5.0 if number % 2 else 20.0], "valid_from": since, "register_version": "1",
        }
        for number in range(sensors)
    ]  # fmt: skip
    for name, made in (("plots", plots), ("devices", devices)):
        replace_register(folder, name, pa.Table.from_pylist(made, schema=table(name).schema))


def typed(name: str, rows: pa.Table) -> pa.Table:
    """Return `rows` with every column of the table `name`, null where there is none."""
    return pa.Table.from_arrays(
        [
            rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)
            for field in table(name).schema
        ],
        schema=table(name).schema,
    )


def main() -> None:
    """Make, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sensors", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=35)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--models", type=float, default=0.1, help="name the models that take so many CPU seconds")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = DataFolder(given.keep or Path(temporary))
        if not folder.lake.exists():
            make_lake(folder, given.sensors, given.days)
        _judge(folder, _AS_OF, given.models)
        _judge(folder, _AS_OF + timedelta(minutes=10), given.models, "nothing new")
        for hours, share in ((1, 0.01), (2, 1.0)):
            sensors = round(share * given.sensors)
            _add_hour(folder, sensors, hours)
            _judge(folder, _AS_OF + timedelta(hours=hours), given.models, f"an hour of {sensors:,} sensors is new")


def _add_hour(folder: DataFolder, sensors: int, hours: int) -> None:
    hour = int(_AS_OF.timestamp() // 3600) + hours
    with duckdb.connect(":memory:") as connection:
        connection.execute("set timezone = 'UTC'")
        select = _READINGS.format(sensors=sensors, first=hour, last=hour + 1)
        rows = typed("soil_readings", connection.execute(select).to_arrow_table())
    for day, of_day in by_local_day(table("soil_readings"), rows, BEICHEN):
        write_rows(folder, table("soil_readings"), day, of_day, f"more-{hour}")


def _judge(folder: DataFolder, as_of: datetime, told_from: float, what: str = "everything is new") -> None:
    times: list[tuple[str, float, float]] = []

    def tell(name: str, _number: int, _total: int) -> None:
        times.append((name, time.monotonic(), time.process_time()))

    began, began_cpu = time.monotonic(), time.process_time()
    past = None if what.startswith("everything") else load_past(folder)
    carry = Carry(past, soil_files(folder), BEICHEN, as_of)
    with open_lake(folder, BEICHEN) as lake:
        flags = evaluate(lake, as_of=as_of, site=BEICHEN, progress=tell, carry=carry)
        tell("keeping for the next", 0, 0)
        keep_for_next(folder, lake, carry)
        tell("", 0, 0)
    spent = [(name, end[1] - at, end[2] - cpu) for (name, at, cpu), end in itertools.pairwise(times)]
    for name, seconds, cpu_seconds in sorted(spent, key=lambda row: -row[2]):
        if cpu_seconds >= told_from:
            print(f"{name:28s}{seconds:7.1f} s{cpu_seconds:7.1f} s of CPU")
    _, ended, ended_cpu = times[-1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{what}: {carry.groups_judged:,} groups judged whole, {flags.num_rows:,} flags: {ended - began:.1f} s, "
        f"{ended_cpu - began_cpu:.1f} s of CPU, {peak:.1f} GB at most"
    )


if __name__ == "__main__":
    main()
