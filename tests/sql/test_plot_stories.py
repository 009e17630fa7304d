"""What a plot's picture shows is what the models found, day by day."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from crews.card import INDEXED_CAUSES, PICTURED_CAUSES
from sql.models import all_models
from tests.sql.made_lake import AS_OF, MadeLake, local_midnight
from tests.sql.test_where_water_came_from import happened, rain, rise

YESTERDAY = date(2026, 7, 9)


@pytest.fixture(scope="module")
def judged() -> Iterator[MadeLake]:
    """Return a lake judged once: a drying plot, one of every kind of day, one that begins, potential, none."""
    lake = MadeLake()
    lake.dry_down("drying", [0.25] * 28 + [0.24, 0.225, 0.21, 0.2, 0.19])
    lake.laboratory_plot("mixed")
    lake.device("D-mixed", "mixed")
    lake.soil_days([0.25], "D-mixed", last_day=YESTERDAY - timedelta(days=6))
    lake.soil_days([0.12], "D-mixed", last_day=YESTERDAY - timedelta(days=5), soil_temperature_c=-2.0)
    lake.soil_days([0.75], "D-mixed", last_day=YESTERDAY - timedelta(days=1))
    lake.laboratory_plot("half")
    lake.device("D-half", "half")
    for back, readings, value in ((4, 11, 0.75), (3, 12, 0.75), (2, 12, 0.25), (1, 11, 0.25)):
        for hour in range(readings):
            at = local_midnight(YESTERDAY - timedelta(days=back)) + timedelta(hours=hour)
            lake.soil(at, "D-half", volumetric_water_content=value + hour / 1e4, soil_temperature_c=20.0 + hour / 10)
    lake.plot("potential")
    lake.device("D-potential", "potential")
    lake.soil_days([0.0, 0.0, 0.0], "D-potential", matric_potential_kpa=-50.0, volumetric_water_content=None)
    lake.plot("bare")
    lake.device("W1", None, depths_cm=None)
    for back, mm in ((3, 6.5), (2, 0.0)):
        at = local_midnight(YESTERDAY - timedelta(days=back)) + timedelta(hours=6)
        lake.add("weather_readings", device_id="W1", measured_at=at, rain_depth_mm=mm)
    lake.flags()
    yield lake
    lake.connection.close()


def story(lake: MadeLake, plot_id: str) -> dict[str, Any]:
    (row,) = lake.connection.execute("select story_json from plot_stories where plot_id = ?", [plot_id]).fetchall()
    told: dict[str, Any] = json.loads(row[0])
    return told


def test_the_days_of_a_picture_are_those_of_the_root_zone(judged: MadeLake) -> None:
    told = story(judged, "drying")
    rows = judged.connection.execute(
        "select cast(date as varchar), volumetric_water_content, field_capacity, refill_point, wilting_point, state "
        "from root_zone_daily where plot_id = 'drying' and date >= date '2026-06-10' order by date"
    ).fetchall()
    assert [told["days"][0][0], told["days"][-1][0], len(told["days"])] == ["2026-06-10", "2026-07-09", 30]
    for shown, (day, value, capacity, refill, wilting, state) in zip(told["days"], rows, strict=True):
        assert shown[:2] == [day, "judged"]
        assert shown[2] == pytest.approx(value, abs=5e-6)
        assert (shown[3], shown[5], shown[6]) == pytest.approx((capacity, refill, wilting), abs=5e-6)
        assert shown[4] == pytest.approx(capacity - 0.8 * 0.5 * (capacity - wilting), abs=5e-6)
        assert shown[7] == state
    assert [len(told["hours"]), told["hours"][-1]] == [8, ["2026-07-10T00:00:00Z", 0.19]]
    assert told["as_of"] == AS_OF.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_picture_says_what_the_flag_says(judged: MadeLake) -> None:
    told = story(judged, "drying")
    ((state, code, params, since),) = judged.connection.execute(
        "select state, reason_code, reason_params_json, epoch(since) from evaluated_flags "
        "where plot_id = 'drying' and cause = 'drought'"
    ).fetchall()
    assert (told["state"], told["reason_code"], told["reason_params"]) == (state, code, json.loads(params))
    assert told["issue_since"] == "2026-07-06T16:00:00Z"  # 7 July by the site's clock: the first day at 21 %
    assert since == local_midnight(date(2026, 7, 7)).timestamp()


def test_a_day_of_frost_is_frozen_one_of_faulty_readings_gated_and_one_of_none_is_missing(judged: MadeLake) -> None:
    assert [shown[:2] for shown in story(judged, "mixed")["days"]] == [
        ["2026-07-03", "judged"], ["2026-07-04", "frozen"], ["2026-07-08", "gated"],
    ]  # fmt: skip


def test_half_of_the_readings_make_a_day_and_one_fewer_does_not(judged: MadeLake) -> None:
    assert [shown[1] for shown in story(judged, "half")["days"]] == ["sparse", "gated", "judged", "sparse"]


def test_rain_that_was_measured_is_told_also_where_it_was_none(judged: MadeLake) -> None:
    assert story(judged, "drying")["rain"] == [["2026-07-06", 6.5], ["2026-07-07", 0.0]]


def test_a_plot_known_by_potential_tells_kpa(judged: MadeLake) -> None:
    told = story(judged, "potential")
    assert told["quantity"] == "matric_potential"
    assert [shown[2:] for shown in told["days"]] == [[-50.0, None, -64.0, -80.0, None, "ok"]] * 3


def test_a_plot_without_a_reading_has_no_story(judged: MadeLake) -> None:
    plots = judged.connection.execute("select plot_id from plot_stories order by plot_id").fetchall()
    assert plots == [("drying",), ("half",), ("mixed",), ("potential",)]


def test_water_that_came_is_told_with_its_begin_its_kind_and_what_the_roots_gained(lake: MadeLake) -> None:
    """0.05 at 30 cm is 30 mm in the 0.6 m of a shrub's root zone."""
    for plot_id, hours_ago in (("brought", 30), ("rained", 60), ("found", 100)):
        rise(lake, plot_id, hours_ago)
    happened(lake, "done", 28, "brought", litres=3000.0)
    rain(lake, 101, 0.0)
    rain(lake, 60, 12.0)
    lake.flags()
    told = {plot_id: story(lake, plot_id)["wettings"] for plot_id in ("brought", "rained", "found")}
    assert told == {
        "brought": [["2026-07-08T18:00:00Z", "watering", 30.0]],
        "rained": [["2026-07-07T12:00:00Z", "rain", 30.0]],
        "found": [["2026-07-05T20:00:00Z", "unplanned", 30.0]],
    }


def test_water_of_the_first_day_of_the_picture_is_told_and_that_of_the_day_before_is_not(lake: MadeLake) -> None:
    lake.laboratory_plot("P1")
    lake.device("D1", "P1")
    first = local_midnight(date(2026, 6, 10))
    for hours in range(24 * 34):
        at = local_midnight(date(2026, 6, 6)) + timedelta(hours=hours)
        content = 0.18 + 0.05 * (at >= first - timedelta(hours=1)) + 0.05 * (at >= first + timedelta(hours=14))
        lake.soil(at, "D1", volumetric_water_content=content)
    lake.flags()
    assert lake.connection.execute("select count(*) from wetting_events").fetchall() == [(2,)]
    assert [one[0] for one in story(lake, "P1")["wettings"]] == ["2026-06-10T06:00:00Z"]
    assert story(lake, "P1")["days"][0][0] == "2026-06-10"


def test_flights_are_told_by_the_most_trusted_index_on_the_local_day(lake: MadeLake) -> None:
    late = AS_OF - timedelta(days=3, hours=9)  # 23:00 of 6 July by the site's clock
    for number in range(9):
        lake.plot(f"P{number}")
        for index_name in ("NDVI", "NDRE"):
            lake.add(
                "index_stats", image_id=f"q{number}", flight_id="F1", captured_at=late, plot_id=f"P{number}",
                index_name=index_name, median=0.5 if number == 0 else 0.7, sensor_kind="multispectral",
            )  # fmt: skip
    lake.device("D-P0", "P0")
    lake.soil_until_now([0.2] * 3, "D-P0")
    lake.flags()
    ((day, name, median, robust_z, state),) = story(lake, "P0")["indices"]
    assert (day, name, median, state) == ("2026-07-06", "NDVI", 0.5, "alert")
    assert robust_z == pytest.approx(-0.2 / (1.4826 * 0.01), abs=0.001)


def test_pictures_are_kept_of_plots_with_work_or_an_issue_that_is_open_or_ended_of_late(lake: MadeLake) -> None:
    lake.dry_down("dry", [0.2] * 4)
    for plot_id in ("well", "open", "closed lately", "closed long ago", "opened again", "campaign"):
        lake.dry_down(plot_id, [0.27] * 4)
    for plot_id, cause, events in (
        ("open", "disease", {"opened": 60}),
        ("closed lately", "drought", {"opened": 60, "closed": 30}),
        ("closed long ago", "drought", {"opened": 60, "void": 31}),
        ("opened again", "drought", {"opened": 60, "closed": 40, "reopened": 39, "assigned": 38}),
        ("campaign", "campaign.summer_water", {"opened": 1}),
    ):
        for kind, days_ago in events.items():
            happened(lake, kind, 24 * days_ago, plot_id, cause=cause)
    lake.flags()
    pictured = [plot for (plot,) in lake.connection.execute("from pictured_plots order by plot_id").fetchall()]
    assert pictured == ["closed lately", "dry", "open", "opened again"]
    lake.connection.execute("set variable pictured_plots = ['open', 'nowhere']")
    assert lake.connection.execute("select plot_id from plot_stories").fetchall() == [("open",)]
    lake.connection.execute("set variable pictured_plots = []")
    assert lake.connection.execute("select plot_id from plot_stories").fetchall() == []


def test_pictures_are_kept_for_the_causes_of_which_cards_show_them() -> None:
    (select,) = [model.select for model in all_models() if model.name == "pictured_plots"]
    listed = [set(re.findall(r"'(\w+)'", causes)) for causes in re.findall(r"cause in \(([^)]*)\)", select)]
    assert listed == [INDEXED_CAUSES | PICTURED_CAUSES] * 2
