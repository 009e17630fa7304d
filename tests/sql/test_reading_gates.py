"""Which readings count, each gate on both sides of its edge (spec/soil.md section 2)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake, local_midnight

NOON = datetime(2026, 7, 9, 4, 0, tzinfo=UTC)


def gates(lake: MadeLake, measured_at: datetime = NOON, device_id: str = "D1") -> dict[str, Any]:
    """Return the row of `readings` of a device at an instant, without making what comes after them."""
    make_models(lake.connect(), models_behind("readings"), as_of=AS_OF, site=BEICHEN)
    rows = lake.connection.execute(
        "select * from readings where device_id = ? and measured_at = ?", [device_id, measured_at]
    ).to_arrow_table()
    (row,) = rows.to_pylist()
    return dict(row)


def gate_rows(lake: MadeLake, measured_at: datetime = NOON) -> dict[float, dict[str, Any]]:
    """Return the rows of `readings` at an instant by depth, without making what comes after them."""
    make_models(lake.connect(), models_behind("readings"), as_of=AS_OF, site=BEICHEN)
    rows = lake.connection.execute("select * from readings where measured_at = ?", [measured_at]).to_arrow_table()
    return {row["depth_cm"]: row for row in rows.to_pylist()}


def one_reading(lake: MadeLake, **values: Any) -> dict[str, Any]:
    """Return the gates of one reading at noon in a plot of loam."""
    lake.laboratory_plot()
    lake.device()
    lake.soil(NOON, **values)
    return gates(lake)


@pytest.mark.parametrize(
    ("water_content", "gate"),
    [
        (-0.001, "is_c01_negative"),
        (0.601, "is_c02_too_high"),
        (0.0, "is_z0_zero"),
        (0.481, "is_c03_above_saturation"),
    ],
)
def test_a_reading_outside_of_what_soil_can_hold_does_not_count(
    lake: MadeLake, water_content: float, gate: str
) -> None:
    row = one_reading(lake, volumetric_water_content=water_content, soil_temperature_c=20.0)
    assert row[gate]
    assert not row["is_usable"]


@pytest.mark.parametrize("water_content", [0.001, 0.30, 0.48])
def test_a_reading_at_the_edge_of_what_soil_can_hold_counts(lake: MadeLake, water_content: float) -> None:
    assert one_reading(lake, volumetric_water_content=water_content, soil_temperature_c=20.0)["is_usable"]


def test_sixty_percent_of_water_is_not_too_high_where_the_soil_can_hold_it(lake: MadeLake) -> None:
    lake.laboratory_plot(saturation=0.60)
    lake.device()
    lake.soil(NOON, volumetric_water_content=0.60)
    assert gates(lake)["is_usable"]


def test_a_reading_in_quarantine_never_counts(lake: MadeLake) -> None:
    row = one_reading(lake, volumetric_water_content=0.2, quarantine="clock_ahead")
    assert row["is_quarantined"]
    assert not row["is_usable"]


@pytest.mark.parametrize(("temperature_c", "is_frozen"), [(-0.1, True), (0.0, False), (0.5, False)])
def test_soil_below_zero_is_frozen(lake: MadeLake, temperature_c: float, *, is_frozen: bool) -> None:
    row = one_reading(lake, volumetric_water_content=0.2, soil_temperature_c=temperature_c)
    assert row["is_d01_frozen"] is is_frozen
    assert row["is_usable"] is not is_frozen


@pytest.mark.parametrize("hours", [-24, 24])
def test_soil_just_above_zero_within_a_day_of_frost_is_still_frozen(lake: MadeLake, hours: int) -> None:
    lake.laboratory_plot()
    lake.device()
    frost_at = NOON - timedelta(days=3)
    lake.soil(frost_at, volumetric_water_content=0.1, soil_temperature_c=-1.0)
    lake.soil(frost_at + timedelta(hours=hours), volumetric_water_content=0.1, soil_temperature_c=1.0)
    assert gates(lake, frost_at + timedelta(hours=hours))["is_d01_frozen"]


@pytest.mark.parametrize(("hours", "temperature_c"), [(-25, 1.0), (25, 1.0), (24, 1.1)])
def test_soil_above_zero_far_from_frost_has_thawed(lake: MadeLake, hours: int, temperature_c: float) -> None:
    lake.laboratory_plot()
    lake.device()
    frost_at = NOON - timedelta(days=3)
    lake.soil(frost_at, volumetric_water_content=0.1, soil_temperature_c=-1.0)
    lake.soil(frost_at + timedelta(hours=hours), volumetric_water_content=0.1, soil_temperature_c=temperature_c)
    assert not gates(lake, frost_at + timedelta(hours=hours))["is_d01_frozen"]


def test_frost_in_quarantine_freezes_nothing_beside_it(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil(
        NOON - timedelta(hours=1), volumetric_water_content=0.2, soil_temperature_c=-3.0, quarantine="clock_ahead"
    )
    lake.soil(NOON, volumetric_water_content=0.2, soil_temperature_c=0.5)
    assert not gate_rows(lake)[30.0]["is_d01_frozen"]


@pytest.mark.parametrize(("means_c", "is_frozen"), [((-1.0, -1.0), True), ((1.0, -1.0), False), ((-1.0, 0.0), False)])
def test_without_soil_temperature_two_days_of_frost_in_the_air_freeze_the_soil(
    lake: MadeLake, means_c: tuple[float, float], *, is_frozen: bool
) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil(NOON, volumetric_water_content=0.1)
    for back, mean_c in enumerate(reversed(means_c)):
        lake.add("weather_readings", device_id="W1", measured_at=NOON - timedelta(days=back), air_temperature_c=mean_c)
    assert gates(lake)["is_d01_frozen"] is is_frozen


def test_warm_soil_goes_before_cold_air(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil(NOON, volumetric_water_content=0.1, soil_temperature_c=4.0)
    for back in range(3):
        lake.add("weather_readings", device_id="W1", measured_at=NOON - timedelta(days=back), air_temperature_c=-5.0)
    assert not gates(lake)["is_d01_frozen"]


@pytest.mark.parametrize(
    ("water_content", "ec_ds_m", "is_in_air"), [(0.02, 0.01, True), (0.021, 0.01, False), (0.02, 0.011, False)]
)
def test_a_dry_reading_without_conductivity_lies_in_the_air(
    lake: MadeLake, water_content: float, ec_ds_m: float, *, is_in_air: bool
) -> None:
    row = one_reading(lake, volumetric_water_content=water_content, bulk_ec_ds_m=ec_ds_m, soil_temperature_c=20.0)
    assert row["is_a1_in_air"] is is_in_air


@pytest.mark.parametrize(("swing_c", "is_in_air"), [(10.0, True), (9.9, False)])
def test_without_conductivity_the_daily_swing_tells_air_from_soil(
    lake: MadeLake, swing_c: float, *, is_in_air: bool
) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil(NOON - timedelta(hours=9), volumetric_water_content=0.01, soil_temperature_c=15.0)
    lake.soil(NOON, volumetric_water_content=0.01, soil_temperature_c=15.0 + swing_c)
    assert gates(lake)["is_a1_in_air"] is is_in_air


@pytest.mark.parametrize(("days", "is_stuck"), [(30, True), (29, False)])
def test_a_value_that_has_not_moved_for_thirty_days_does_not_count(
    lake: MadeLake, days: int, *, is_stuck: bool
) -> None:
    lake.laboratory_plot()
    lake.device()
    for back in range(days + 1):
        lake.soil(NOON - timedelta(days=back), volumetric_water_content=0.2, soil_temperature_c=20.0 + back / 10)
    row = gates(lake)
    assert row["is_s2_stuck"] is is_stuck
    assert row["is_usable"] is not is_stuck


@pytest.mark.parametrize(("temperature_step_c", "is_suspect"), [(0.0, True), (0.2, False)])
def test_a_flat_value_is_suspect_only_when_the_other_channels_are_flat_too(
    lake: MadeLake, temperature_step_c: float, *, is_suspect: bool
) -> None:
    lake.laboratory_plot()
    lake.device()
    for back in range(3):
        lake.soil(
            NOON - timedelta(days=back),
            volumetric_water_content=0.2,
            soil_temperature_c=20.0 + back * temperature_step_c,
        )
    row = gates(lake)
    assert row["is_s2_suspect"] is is_suspect
    assert row["is_usable"]


@pytest.mark.parametrize(("step", "is_suspect"), [(0.0, True), (0.0003, False)])
def test_a_flat_depth_is_suspect_only_when_the_other_depths_of_its_device_are_flat_too(
    lake: MadeLake, step: float, *, is_suspect: bool
) -> None:
    lake.laboratory_plot()
    lake.device(depths_cm=[10.0, 30.0])
    for back in range(3):
        lake.soil(NOON - timedelta(days=back), channel=1, volumetric_water_content=0.2)
        lake.soil(NOON - timedelta(days=back), channel=2, volumetric_water_content=0.25 + back * step)
    flat = gate_rows(lake)[10.0]
    assert flat["is_s2_suspect"] is is_suspect
    assert flat["is_usable"]


@pytest.mark.parametrize(
    ("first_hour", "range_", "temperature_c", "is_suspect"),
    [(0, 0.00027, 20.0, True), (0, 0.00028, 20.0, False), (0, 0.00027, 20.1, False), (1, 0.00027, 20.0, False)],
    ids=["still for a day", "a thousandth of field capacity", "its temperature moved", "not for a whole day"],
)
def test_one_day_without_any_movement_is_enough(
    lake: MadeLake, first_hour: int, range_: float, temperature_c: float, *, is_suspect: bool
) -> None:
    """Field capacity is 0.28; the day before was a day like any other."""
    lake.laboratory_plot()
    lake.device()
    midnight = local_midnight(date(2026, 7, 9))
    lake.soil(midnight - timedelta(hours=6), volumetric_water_content=0.25, soil_temperature_c=17.0)
    for hour in range(first_hour, 24):
        lake.soil(
            midnight + timedelta(hours=hour),
            volumetric_water_content=0.2 + (range_ if hour == 12 else 0),
            soil_temperature_c=temperature_c if hour == 14 else 20.0,
        )
    assert gates(lake, midnight + timedelta(hours=23))["is_s2_suspect"] is is_suspect


def test_a_device_that_measures_one_thing_only_is_not_suspected_for_a_quiet_day(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    for back in range(3):
        lake.soil(NOON - timedelta(days=back), volumetric_water_content=0.2)
    assert not gates(lake)["is_s2_suspect"]


@pytest.mark.parametrize(
    ("battery_v", "water_content", "blocks"), [(2.9, 0.02, True), (3.0, 0.02, False), (2.9, 0.2, False)]
)
def test_a_fall_to_zero_with_a_low_battery_does_not_count(
    lake: MadeLake, battery_v: float, water_content: float, *, blocks: bool
) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.add("device_status", device_id="D1", reported_at=NOON, battery_v=battery_v)
    lake.soil(NOON, volumetric_water_content=water_content, soil_temperature_c=20.0, bulk_ec_ds_m=0.3)
    assert gates(lake)["is_usable"] is not blocks


@pytest.mark.parametrize(
    ("told", "is_usable"),
    [
        ({7: 2.9}, False),
        ({8: 2.9}, True),
        ({7: 2.9, 1: 3.6}, True),
        ({7: 3.6, 1: 2.9}, False),
        ({-1: 2.9}, True),
        ({3: 2.9, 0: 3.6}, True),
    ],
)
def test_a_battery_that_is_told_once_a_week_counts_until_it_is_told_again(
    lake: MadeLake, told: dict[int, float], *, is_usable: bool
) -> None:
    lake.laboratory_plot()
    lake.device()
    for days_ago, battery_v in told.items():
        lake.add("device_status", device_id="D1", reported_at=NOON - timedelta(days=days_ago), battery_v=battery_v)
    lake.soil(NOON, volumetric_water_content=0.02, soil_temperature_c=20.0, bulk_ec_ds_m=0.3)
    assert gates(lake)["is_usable"] is is_usable


@pytest.mark.parametrize(("ec_ds_m", "is_saline"), [(4.01, True), (4.0, False)])
def test_saline_soil_is_said_and_still_counts(lake: MadeLake, ec_ds_m: float, *, is_saline: bool) -> None:
    row = one_reading(lake, volumetric_water_content=0.2, bulk_ec_ds_m=ec_ds_m, soil_temperature_c=20.0)
    assert row["is_e1_saline"] is is_saline
    assert row["is_usable"]


@pytest.mark.parametrize(("hours", "is_settling"), [(47, True), (48, False)])
def test_a_probe_settles_for_two_days_after_it_was_put_in(lake: MadeLake, hours: int, *, is_settling: bool) -> None:
    lake.laboratory_plot()
    put_in_at = NOON - timedelta(hours=hours)
    lake.device(valid_from=put_in_at)
    lake.soil(put_in_at, volumetric_water_content=0.2, soil_temperature_c=20.0)
    lake.soil(NOON, volumetric_water_content=0.2, soil_temperature_c=20.0)
    assert gates(lake)["is_a2_settling"] is is_settling


@pytest.mark.parametrize(("ec_ds_m", "is_settling"), [(0.02, True), (0.01, False)])
def test_a_probe_in_dry_sand_that_conducts_is_in_the_soil_and_settles(
    lake: MadeLake, ec_ds_m: float, *, is_settling: bool
) -> None:
    """At most 0.02 m3/m3 is air only where nothing conducts: gate A1, which settling follows."""
    lake.laboratory_plot()
    lake.device(valid_from=NOON - timedelta(hours=2))
    lake.soil(NOON, volumetric_water_content=0.02, soil_temperature_c=20.0, bulk_ec_ds_m=ec_ds_m)
    row = gate_rows(lake)[30.0]
    assert row["is_a2_settling"] is is_settling
    assert row["is_a1_in_air"] is not is_settling


def test_parts_of_one_reading_that_came_apart_are_judged_as_one(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil(NOON, volumetric_water_content=0.1)
    lake.soil(NOON, soil_temperature_c=-2.0)
    assert gates(lake)["is_d01_frozen"]


def test_a_probe_that_moved_belongs_to_the_plot_it_stood_in(lake: MadeLake) -> None:
    moved_at = local_midnight(date(2026, 7, 8))
    lake.plot("P1")
    lake.plot("P2")
    lake.device(plot_id="P1", valid_to=moved_at)
    lake.device(plot_id="P2", depths_cm=[50.0], valid_from=moved_at)
    before, after = moved_at - timedelta(hours=1), moved_at
    lake.soil(before, volumetric_water_content=0.2)
    lake.soil(after, volumetric_water_content=0.2)
    assert (gates(lake, before)["plot_id"], gates(lake, before)["depth_cm"]) == ("P1", 30.0)
    assert (gates(lake, after)["plot_id"], gates(lake, after)["depth_cm"]) == ("P2", 50.0)


def test_a_depth_in_the_message_goes_before_the_register(lake: MadeLake) -> None:
    lake.plot()
    lake.device(depths_cm=[30.0])
    lake.soil(NOON, channel=None, depth_cm=15.0, volumetric_water_content=0.2)
    assert gates(lake)["depth_cm"] == 15.0


def test_what_was_measured_after_the_instant_is_not_seen(lake: MadeLake) -> None:
    lake.plot()
    lake.device()
    lake.soil(AS_OF, volumetric_water_content=0.2)
    lake.soil(AS_OF + timedelta(seconds=1), volumetric_water_content=0.2)
    lake.flags()
    assert lake.connection.execute("select count(*) from readings").fetchall() == [(1,)]
