"""Views that judge readings, made part by part over all history: their rows, and what questions make of them."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest

from ingest.site import BEICHEN
from sql.analysts import all_questions, create_views, daily_views_named
from sql.fingerprints import READ_OF_WINDOW
from sql.history import has_rows_of_days, judges_readings, make_tables
from sql.models import analyst_views
from tests.sql.made_lake import AS_OF, MadeLake

DAILY = sorted(name for name in analyst_views() if judges_readings(name) and has_rows_of_days(name))


@pytest.fixture
def asked(lake: MadeLake) -> duckdb.DuckDBPyConnection:
    """Return a lake with views: dry, frozen, wet and moved probes, one of potential, one that no register knows."""
    for number, values in enumerate(([0.26, 0.24, 0.20, 0.18], [0.25] * 4, [0.30] * 4, [0.26, 0.24, 0.23, 0.22])):
        lake.laboratory_plot(f"P{number}")
        lake.device(f"D{number}", f"P{number}")
        lake.soil_until_now(values, f"D{number}", soil_temperature_c=-1.5 if number == 1 else 18.0)
    lake.device("D0", "P3", valid_from=AS_OF - timedelta(days=2))  # moved: P0 and P3 are one group
    lake.device("D9", "P2", depths_cm=[10.0])
    lake.soil_until_now([0.3] * 4, "D9", matric_potential_kpa=-60.0)
    lake.soil_until_now([0.26, 0.24], "D8", depth_cm=20.0)
    lake.soil(AS_OF - timedelta(hours=30, minutes=20), "D3", volumetric_water_content=0.7)
    lake.soil(AS_OF - timedelta(hours=31, minutes=20), "D2", volumetric_water_content=0.0)
    connection = lake.connect()
    connection.execute(f"set variable timezone = '{BEICHEN.timezone.key}'")
    connection.execute(f"set variable now = timestamptz '{AS_OF.isoformat()}'")
    create_views(connection)
    return connection


def test_the_rows_are_those_of_judging_all_at_once(asked: duckdb.DuckDBPyConnection) -> None:
    questions = [one for one in all_questions() if daily_views_named(one.select)]
    assert {one.name for one in questions} == {
        "blocked_readings_by_gate", "completeness_by_device", "dry_days_by_plot", "frozen_days_by_plot",
        "moisture_by_vegetation",
    }  # fmt: skip
    assert DAILY == ["gates_daily", "potential_daily", "readings_daily", "root_zone_daily", "root_zone_layers"]

    def answers() -> dict[str, object]:
        found: dict[str, object] = {}
        for name in DAILY:
            columns = "* exclude (element_id)" if name == "readings_daily" else "*"
            found[name] = asked.execute(f"select {columns} from {name} order by all").fetchall()
            found[f"columns of {name}"] = asked.execute(f"describe {name}").fetchall()
        return found | {one.name: asked.execute(one.select).fetchall() for one in questions}

    expected, begun = answers(), []
    make_tables(asked, DAILY, at_once=60, progress=lambda number, parts: begun.append((number, parts)))
    assert begun == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert answers() == expected
    assert all(expected.values())
    tables = asked.execute("select table_name from duckdb_tables() where table_name = any(?)", [DAILY]).fetchall()
    assert sorted(tables) == [(name,) for name in DAILY]
    elements = "device_id, channel, depth_cm, plot_id"
    ((numbers, named, both),) = asked.execute(
        f"select count(distinct element_id), count(distinct ({elements})), count(distinct (element_id, {elements})) "
        "from readings_daily"
    ).fetchall()
    assert numbers == named == both


def test_days_that_are_not_asked_for_are_not_judged_and_few_readings_stay_a_view(
    asked: duckdb.DuckDBPyConnection,
) -> None:
    asked.execute("set variable window_from = date '2026-07-08'")
    asked.execute("set variable window_to = date '2026-07-09'")
    ((readings,),) = asked.execute(f"select count(*) from ({READ_OF_WINDOW.format(devices='true')})").fetchall()
    make_tables(asked, ["gates_daily"], at_once=readings)
    query = "select sum(readings), min(date)::varchar, max(date)::varchar from gates_daily"
    is_table = "select count(*) from duckdb_tables() where table_name = 'gates_daily'"
    assert asked.execute(is_table).fetchall() == [(0,)]
    make_tables(asked, ["gates_daily"], at_once=readings - 1)
    assert asked.execute(is_table).fetchall() == [(1,)]
    assert asked.execute(query).fetchall() == [(readings, "2026-07-08", "2026-07-09")]


@pytest.mark.parametrize(
    ("query", "views"),
    [
        ("select * from readings_daily, Root_Zone_Daily", {"readings_daily", "root_zone_daily"}),
        ("select * from readings_daily join readings using (element_id)", set()),
        ("select * from readings_daily, plots_now", {"readings_daily"}),
        ("select * from soil_readings, plots_now", set()),
        ("show tables", set()),
        ("describe readings_daily", set()),
        ("select plot_id from readings_daily order by plot_id desc", {"readings_daily"}),
    ],
)
def test_views_with_rows_of_days_are_made_unless_one_of_readings_is_asked_beside_them(
    query: str, views: set[str]
) -> None:
    assert daily_views_named(query) == views
