"""Over real Parquet files: only the days that are needed are read."""

from __future__ import annotations

import re
import shutil
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import all_tables
from ingest.site import BEICHEN
from sql.analysts import all_questions, create_views
from sql.evaluate import TABLES_OF_THE_DRONE_WINDOW, TABLES_OF_THE_WINDOW, days_read, evaluate
from sql.models import all_models
from sql.reference import limit
from tests.sql.made_lake import AS_OF, MadeLake


def write_files(made: MadeLake, folder: DataFolder) -> None:
    """Write the rows of a made lake as files, one per table and local day."""
    for name, spec in all_tables().items():
        by_day: dict[date | None, list[dict[str, object]]] = {}
        for row in made.rows[name]:
            day = BEICHEN.local_date(row[spec.partition_by]) if spec.partition_by else None
            by_day.setdefault(day, []).append(row)
        for day, rows in by_day.items():
            target = folder.partition(name, day) if day else folder.table(name)
            target.mkdir(parents=True)
            pq.write_table(pa.Table.from_pylist(rows, schema=spec.schema), target / "part-1.parquet")


def test_files_give_the_verdicts_of_the_same_rows_in_memory(lake: MadeLake, tmp_path: Path) -> None:
    lake.dry_down("dry", [0.22, 0.20, 0.19])
    lake.dry_down("ok", [0.25] * 3)
    lake.plot("bare")
    lake.flight("F1", AS_OF - timedelta(days=2), ["dry"])
    write_files(lake, DataFolder(tmp_path))
    with open_lake(DataFolder(tmp_path), BEICHEN) as connection:
        from_files = evaluate(connection, as_of=AS_OF, site=BEICHEN)
    assert from_files.to_pylist() == evaluate(lake.connect(), as_of=AS_OF, site=BEICHEN).to_pylist()
    assert from_files.schema == all_tables()["flags"].schema


@pytest.mark.parametrize("table_name", ["soil_readings", "weather_readings"])
def test_a_year_of_history_is_not_opened(lake: MadeLake, tmp_path: Path, table_name: str) -> None:
    lake.laboratory_plot()
    lake.device()
    for back in range(400):
        lake.soil(AS_OF - timedelta(days=back), volumetric_water_content=0.2)
        lake.add("weather_readings", device_id="W1", measured_at=AS_OF - timedelta(days=back), air_temperature_c=20.0)
    write_files(lake, DataFolder(tmp_path))
    model = {"soil_readings": "staged_soil_readings", "weather_readings": "staged_weather_readings"}[table_name]
    with open_lake(DataFolder(tmp_path), BEICHEN) as connection:
        whole = evaluate(connection, as_of=AS_OF, site=BEICHEN)
        select = next(found.select for found in all_models() if found.name == model)
        ((_, plan),) = connection.execute(f"explain analyze {select}").fetchall()
    days = int(limit("soil_window_days")) + 1
    read = [line for line in plan.splitlines() if "Total Files Read" in line]
    assert [line.split(":")[1].strip(" │") for line in read] == [str(days)]
    with open_lake(DataFolder(tmp_path), BEICHEN, days_read(AS_OF, BEICHEN)) as connection:
        assert evaluate(connection, as_of=AS_OF, site=BEICHEN) == whole
        ((view,),) = connection.execute(f"select sql from duckdb_views() where view_name = '{table_name}'").fetchall()
    assert view.count("part-1.parquet") == days, "files of other days are not even named"


def test_history_is_looked_through_for_devices_that_are_silent_alone(lake: MadeLake, tmp_path: Path) -> None:
    lake.plot()
    lake.device()
    lake.device("W1", depths_cm=None)
    for back in range(100):
        lake.soil(AS_OF - timedelta(days=back), volumetric_water_content=0.2)
        lake.add("weather_readings", device_id="W1", measured_at=AS_OF - timedelta(days=back), air_temperature_c=20.0)
    for seconds in range(2000):  # as always, far more rows of soil than of weather
        lake.soil(AS_OF - timedelta(seconds=seconds), volumetric_water_content=0.2)
    write_files(lake, DataFolder(tmp_path))
    assert max(files_read(DataFolder(tmp_path), "last_reading_by_device")) < 10
    lake.rows = {name: [] for name in lake.rows} | {"devices": lake.rows["devices"]}
    lake.device("silent")
    shutil.rmtree(DataFolder(tmp_path).table("devices"))
    write_files(lake, DataFolder(tmp_path))
    assert max(files_read(DataFolder(tmp_path), "last_reading_by_device")) == 100


def files_read(folder: DataFolder, question: str) -> list[int]:
    """Return how many files each scan opens that a ready question makes of the lake at AS_OF."""
    select = next(one.select for one in all_questions() if one.name == question)
    with open_lake(folder, BEICHEN) as connection:
        connection.execute(f"set variable now = timestamptz '{AS_OF.isoformat()}'")
        create_views(connection)
        ((_, plan),) = connection.execute(f"explain (analyze, format json) {select}").fetchall()
    return [int(count) for count in re.findall(r'"Total Files Read": "(\d+)"', plan)]


_BETWEEN = (
    "{table}.date between coalesce(getvariable('{since}'), date '0001-01-01') "
    "and coalesce(getvariable('window_to'), date '9999-12-31')"
)
_FORECASTS = (
    "weather_forecasts.date >= cast(getvariable('window_to') as date) "
    "- cast(ceil(limits.forecast_max_age_hours / 24) as integer) "
    "and weather_forecasts.date <= cast(getvariable('window_to') as date)"
)
_READ_DAYS = (
    {name: _BETWEEN.format(table=name, since="window_from") for name in TABLES_OF_THE_WINDOW}
    | {name: _BETWEEN.format(table=name, since="drone_window_from") for name in TABLES_OF_THE_DRONE_WINDOW}
    | {"weather_forecasts": _FORECASTS}
)


@pytest.mark.parametrize(("table_name", "days"), _READ_DAYS.items())
def test_who_reads_a_table_of_the_window_reads_its_days_alone(table_name: str, days: str) -> None:
    readers = [model.select for model in all_models() if table_name in model.reads]
    assert readers
    for select in readers:
        assert days in " ".join(select.split())


def test_an_evaluation_looks_at_the_ends_of_no_more_files_than_it_may_read(tmp_path: Path) -> None:
    back = {"today": 0, "last day of the window": 35, "before the window": 36, "flown then": 60, "long ago": 400} | {
        "as old as a forecast may be": 3,
        "older than any forecast": 4,
    }
    seen_for_days = {
        "rejected": 35,
        "flags": 35,
        "drone_poses": 35,
        "soil_readings": 35,
        "image_detections": 60,
        "index_stats": 400,
        "weather_forecasts": 3,
        "flight_reports": 400,
        "drone_images": 400,
        "plot_coverage": 400,
        "soil_plateaus": 400,
        "issue_events": 400,
    }
    for name in seen_for_days:
        for days in back.values():
            target = DataFolder(tmp_path).partition(name, BEICHEN.local_date(AS_OF) - timedelta(days=days))
            target.mkdir(parents=True)
            pq.write_table(all_tables()[name].schema.empty_table(), target / "part-1.parquet")
    with open_lake(DataFolder(tmp_path), BEICHEN, days_read(AS_OF, BEICHEN)) as connection:
        views = connection.execute("select view_name, sql from duckdb_views() where not internal").fetchall()
    for name, view in views:
        if name in seen_for_days:
            assert view.count("part-1.parquet") == sum(days <= seen_for_days[name] for days in back.values()), name
