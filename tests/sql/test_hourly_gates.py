"""The gates that look at the hours around a reading: ISMN's D04 and D06 to D10, and S1, S3 (spec/soil.md section 2).

The shapes are those of Dorigo et al. 2013; every expectation at an edge was worked out by hand from its equations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.site import BEICHEN
from sql.campaigns import TABLES
from sql.evaluate import set_variables
from sql.quality import gate_models
from sql.reference import create_reference
from tests.sql.made_lake import AS_OF, MadeLake

BEGIN = datetime(2026, 7, 5, 16, 0, tzinfo=UTC)
CALM = (20.0, 20.1, 20.0, 19.9)
"""Percent of the volume, hour by hour, of soil in which nothing happens."""


def calm(hours: int) -> list[float]:
    """Return quiet hours, in percent."""
    return [CALM[hour % 4] for hour in range(hours)]


def put(lake: MadeLake, percents: Sequence[float | None], device_id: str = "D1", **values: Any) -> None:
    """Add hourly readings from BEGIN on; None is an hour without one."""
    for hour, pct in enumerate(percents):
        if pct is not None:
            at = BEGIN + timedelta(hours=hour)
            lake.soil(at, device_id, volumetric_water_content=pct / 100, **{"soil_temperature_c": 20.0} | values)


def hours_of(lake: MadeLake, gate: str, device_id: str = "D1") -> list[int]:
    """Return the hours since BEGIN whose readings a gate flags."""
    connection = lake.connect()
    set_variables(connection, as_of=AS_OF, site=BEICHEN)
    # what an evaluation makes otherwise must not hide it from one of its connections
    create_reference(connection, "temp table", without=TABLES)
    for model in gate_models():
        connection.execute(
            f"create or replace temp {'table' if model.is_table else 'view'} {model.name} as {model.select}"
        )
    rows = connection.execute(
        f"select distinct measured_at from readings where {gate} and device_id = ?", [device_id]
    ).to_arrow_table()
    return sorted({int((row["measured_at"] - BEGIN) / timedelta(hours=1)) for row in rows.to_pylist()})


@pytest.fixture
def loam(lake: MadeLake) -> MadeLake:
    """Return a lake with one probe at 30 cm in measured loam, field capacity 0.28, saturation 0.46."""
    lake.laboratory_plot()
    lake.device()
    return lake


@pytest.mark.parametrize(("peak_pct", "is_spike"), [(23.03, True), (22.97, False), (16.97, True), (17.03, False)])
def test_an_hour_that_leaps_by_more_than_fifteen_percent_and_back_is_a_spike(
    loam: MadeLake, peak_pct: float, *, is_spike: bool
) -> None:
    put(loam, [20.0] * 20 + [peak_pct] + [20.0] * 20)
    assert hours_of(loam, "is_d06_spike") == ([20] if is_spike else [])
    assert hours_of(loam, "not is_usable") == ([20] if is_spike else [])


def test_two_equal_hours_may_form_a_spike(loam: MadeLake) -> None:
    put(loam, [20.0] * 20 + [26.0, 26.0] + [20.0] * 20)
    assert hours_of(loam, "is_d06_spike") == [20, 21]


def test_a_leap_beside_a_missing_hour_cannot_be_told_from_weather(loam: MadeLake) -> None:
    put(loam, [*([20.0] * 10), None, *([20.0] * 9), 26.0, *([20.0] * 20)])
    assert hours_of(loam, "is_d06_spike") == []


def test_a_watering_that_soaks_away_within_hours_is_no_spike(loam: MadeLake) -> None:
    put(loam, [*calm(20), 26.0, 24.5, 23.6, 23.0, 22.6, 22.3, 22.1, *calm(20)])
    assert hours_of(loam, "not is_usable") == []


@pytest.mark.parametrize(("after_pct", "is_drop"), [(18.18, True), (18.19, False)])
def test_a_step_down_by_more_than_a_tenth_is_a_drop(loam: MadeLake, after_pct: float, *, is_drop: bool) -> None:
    put(loam, [20.0] * 20 + [after_pct] * 14)
    assert hours_of(loam, "is_d07_drop") == ([20] if is_drop else [])


def test_a_step_up_is_said_and_still_counts(loam: MadeLake) -> None:
    put(loam, [20.0] * 20 + [26.0] * 14)
    assert hours_of(loam, "is_d08_jump") == [20]
    assert 20 not in hours_of(loam, "not is_usable")


@pytest.mark.parametrize(("before_pct", "is_drop"), [(5.1, True), (5.0, False)])
def test_a_fall_to_nothing_is_a_drop(loam: MadeLake, before_pct: float, *, is_drop: bool) -> None:
    put(loam, [before_pct, 0.0, before_pct, before_pct])
    assert hours_of(loam, "is_d07_drop") == ([1] if is_drop else [])


def test_what_stands_still_after_a_drop_does_not_count_until_it_moves(loam: MadeLake) -> None:
    put(loam, [20.0] * 20 + [9.0] * 30 + [20.0, 20.3, 20.1, 19.7] * 5)
    flagged = hours_of(loam, "is_d09_low_plateau")
    assert flagged == list(range(20, 50))
    assert set(flagged) <= set(hours_of(loam, "not is_usable"))


def test_what_goes_on_drying_after_a_drop_is_no_plateau(loam: MadeLake) -> None:
    put(loam, [20.0] * 20 + [9.0 - 0.1 * hour for hour in range(30)])
    assert hours_of(loam, "is_d07_drop") == [20]
    assert hours_of(loam, "is_d09_low_plateau") == []


def plateau(top_pct: float = 40.0, rise_pct: float = 10.0) -> list[float]:
    """Return a series that rises, stands still at the top for 30 h and falls away."""
    return (
        [30.0] * 5
        + [top_pct - rise_pct] * 20
        + [top_pct] * 30
        + [top_pct - 1.5 * hour for hour in range(1, 6)]
        + [30.0] * 30
    )


def test_the_top_of_a_saturated_plateau_is_flagged(loam: MadeLake) -> None:
    put(loam, plateau())
    assert hours_of(loam, "is_d10_high_plateau") == list(range(25, 55))


@pytest.mark.parametrize(("other_pct", "is_plateau"), [(42.0, True), (42.2, False)])
def test_only_a_plateau_near_the_highest_value_is_saturated(
    loam: MadeLake, other_pct: float, *, is_plateau: bool
) -> None:
    put(loam, [other_pct, 35.0, *plateau()])
    assert bool(hours_of(loam, "is_d10_high_plateau")) is is_plateau


def test_a_plateau_at_the_top_still_says_that_the_plot_was_watered(loam: MadeLake) -> None:
    loam.soil_days([0.20, 0.19, 0.18], last_day=(AS_OF - timedelta(days=4)).date())
    put(
        loam,
        [18.0] * 10 + [18.0, 23.0, 27.0, 28.0] + [28.0 - 0.01 * (hour % 3) for hour in range(85)] + [27.9, 27.8, 27.9],
    )
    assert hours_of(loam, "is_d10_high_plateau")
    assert not set(hours_of(loam, "is_usable")) & set(hours_of(loam, "is_d10_high_plateau"))
    assert loam.flag("drought")["state"] in {"ok", "wet", "just_watered"}
    assert loam.flag("sensor")["state"] == "ok"


def test_a_probe_that_fell_off_and_stands_still_is_a_fault(loam: MadeLake) -> None:
    put(loam, calm(30) + [4.0] * 76)
    verdict = loam.flag("sensor")
    assert (verdict["state"], verdict["reason_code"]) == ("sensor_fault", "sensor_low_plateau")
    assert loam.flag("drought")["state"] == "sensor_fault"


@pytest.mark.parametrize(("depth_cm", "rain_mm", "is_watering"), [
    (5.0, 1.2, True),
    (5.0, 1.3, False),
    (9.9, 2.4, True),
    (10.0, 0.0, False),
    (0.0, 0.1, True),
    (0.0, 0.2, False),
])  # fmt: skip
def test_a_rise_near_the_surface_without_rain_is_watering(
    lake: MadeLake, depth_cm: float, rain_mm: float, *, is_watering: bool
) -> None:
    lake.laboratory_plot()
    lake.device(depths_cm=[depth_cm])
    put(lake, [20.0] * 30 + [26.0] * 3)
    lake.add("weather_readings", device_id="W1", measured_at=BEGIN + timedelta(hours=20), rain_depth_mm=rain_mm)
    assert hours_of(lake, "is_d04_watering") == ([30] if is_watering else [])
    assert hours_of(lake, "not is_usable") == []


def test_without_a_gauge_nobody_knows_that_it_did_not_rain(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device(depths_cm=[5.0])
    put(lake, [20.0] * 30 + [26.0] * 3)
    assert hours_of(lake, "is_d04_watering") == []


@pytest.mark.parametrize(
    ("before_pct", "after_pct", "is_suspect", "is_fall"),
    [
        (25.0, 23.61, False, False),
        (25.0, 23.6, True, False),
        (25.0, 19.41, True, False),
        (25.0, 19.4, True, True),
        (28.0, 22.4, True, True),
        (28.1, 22.4, False, False),
    ],
)
def test_relative_moisture_does_not_fall_by_much_within_an_hour(
    loam: MadeLake, before_pct: float, after_pct: float, *, is_suspect: bool, is_fall: bool
) -> None:
    put(loam, [before_pct] * 3 + [after_pct, after_pct - 0.3, after_pct - 0.1])
    assert hours_of(loam, "is_s1_suspect") == ([3] if is_suspect else [])
    assert hours_of(loam, "is_s1_fall") == ([3] if is_fall else [])
    assert (3 in hours_of(loam, "is_usable")) is not is_fall


@pytest.mark.parametrize(
    ("percents", "is_outlier"),
    [((20.0, 20.0, 20.0, 28.1), True), ((20.0, 20.0, 20.0, 28.0), False), ((20.0, 20.0, 29.0), False)],
)
def test_a_probe_far_off_three_others_at_its_depth_is_said(
    lake: MadeLake, percents: tuple[float, ...], *, is_outlier: bool
) -> None:
    lake.laboratory_plot()
    for number, pct in enumerate(percents):
        lake.device(f"D{number}")
        put(lake, [pct] * 2, f"D{number}")
    last = f"D{len(percents) - 1}"
    assert hours_of(lake, "is_s3_outlier", last) == ([0, 1] if is_outlier else [])
    assert hours_of(lake, "is_usable", last) == [0, 1]


def test_where_probes_differ_widely_being_off_is_nothing_special(lake: MadeLake) -> None:
    lake.laboratory_plot()
    for number, pct in enumerate((14.0, 17.0, 20.0, 23.0, 30.0)):  # median deviation 3: four of them are 12
        lake.device(f"D{number}")
        put(lake, [pct], f"D{number}")
    assert hours_of(lake, "is_s3_outlier", "D4") == []


def test_all_readings_of_a_flagged_hour_carry_its_flag(loam: MadeLake) -> None:
    for minute in (0, 10, 20, 30, 40, 50):
        for hour in range(41):
            loam.soil(
                BEGIN + timedelta(hours=hour, minutes=minute),
                volumetric_water_content=0.26 if hour == 20 else 0.20,
                soil_temperature_c=20.0,
            )
    assert hours_of(loam, "is_d06_spike") == [20]
    count = loam.connection.execute("select count(*) from readings where is_d06_spike").fetchall()
    assert count == [(6,)]


def test_one_wild_reading_among_six_of_an_hour_is_no_spike(loam: MadeLake) -> None:
    put(loam, [20.0] * 41)
    for minute in (10, 20, 30, 40, 50):
        loam.soil(
            BEGIN + timedelta(hours=20, minutes=minute),
            volumetric_water_content=0.35 if minute == 30 else 0.20,
            soil_temperature_c=20.0,
        )
    assert hours_of(loam, "is_d06_spike") == []


def test_a_device_that_reports_every_three_hours_never_meets_the_hourly_gates(loam: MadeLake) -> None:
    series = [20.0] * 24 + [26.0] * 3 + [20.0] * 24 + [9.0] * 40
    put(loam, [pct if hour % 3 == 0 else None for hour, pct in enumerate(series)])
    gates = "is_d06_spike or is_d07_drop or is_d08_jump or is_d09_low_plateau or is_d10_high_plateau or is_s1_suspect"
    assert hours_of(loam, gates) == []


def test_the_step_between_two_plots_is_no_jump(lake: MadeLake) -> None:
    moved_at = BEGIN + timedelta(hours=20)
    lake.laboratory_plot("P1")
    lake.laboratory_plot("P2")
    lake.device(plot_id="P1", valid_to=moved_at)
    lake.device(plot_id="P2", valid_from=moved_at)
    put(lake, [20.0] * 20 + [10.0] * 20)
    assert hours_of(lake, "is_d07_drop or is_d09_low_plateau or is_s1_suspect") == []


def test_readings_in_quarantine_are_no_neighbours(loam: MadeLake) -> None:
    put(loam, [20.0] * 20 + [None] + [20.0] * 20)
    loam.soil(BEGIN + timedelta(hours=20), volumetric_water_content=0.30, quarantine="clock_ahead")
    assert hours_of(loam, "is_d06_spike or is_d08_jump or is_d07_drop") == []


def test_late_readings_make_the_same_flags_as_punctual_ones(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    series = [20 + 2 * math.sin(hour / 4) + (6 if hour == 30 else 0) for hour in range(60)]
    order = sorted(range(60), key=lambda hour: (hour * 37) % 60)
    for hour in order:
        lake.soil(BEGIN + timedelta(hours=hour), volumetric_water_content=series[hour] / 100, soil_temperature_c=20.0)
    assert hours_of(lake, "is_d06_spike") == [30]
