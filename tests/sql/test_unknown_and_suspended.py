"""Not knowing is said, and what stands before dryness (spec/soil.md sections 2 and 5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from operator import itemgetter

import pytest

from tests.sql.made_lake import AS_OF, MadeLake, local_midnight


def test_every_plot_has_a_row_for_every_cause_and_every_device(lake: MadeLake) -> None:
    lake.plot("bare")
    lake.dry_down("watched", [0.25] * 3)
    rows = {(row["plot_id"], row["cause"], row["device_id"]) for row in lake.flags()}
    assert rows == {
        *(
            (plot, cause, None)
            for plot in ("bare", "watched")
            for cause in ("drought", "disease", "vigour", "coverage")
        ),
        ("watched", "sensor", "D-watched"),
    }


def test_an_empty_lake_has_no_verdicts(lake: MadeLake) -> None:
    assert lake.flags() == []


def test_what_is_not_known_is_never_ok(lake: MadeLake) -> None:
    for plot_id in ("no sensor", "no data", "stale", "silent", "no depth", "no soil", "too little"):
        lake.laboratory_plot(
            plot_id, **({"field_capacity": None, "soil_texture": "peat"} if plot_id == "no soil" else {})
        )
        if plot_id != "no sensor":
            lake.device(plot_id, plot_id, depths_cm=None if plot_id == "no depth" else [30.0])
    lake.soil(AS_OF - timedelta(hours=24), "stale", volumetric_water_content=0.2)
    lake.soil(AS_OF - timedelta(hours=72), "silent", volumetric_water_content=0.2)
    lake.soil_until_now([0.2] * 3, "no depth")
    lake.soil_until_now([0.2] * 3, "no soil")
    lake.soil(AS_OF - timedelta(hours=23), "too little", volumetric_water_content=0.2)
    verdicts = lake.verdicts()
    assert {plot: (flag["state"], flag["reason_code"]) for plot, flag in verdicts.items()} == {
        "no sensor": ("no_sensor", "drought_no_sensor"),
        "no data": ("no_data", "drought_no_data"),
        "stale": ("stale", "drought_stale"),
        "silent": ("silent", "drought_silent"),
        "no depth": ("no_data", "drought_no_depth"),
        "no soil": ("no_data", "drought_no_soil"),
        "too little": ("no_data", "drought_too_little_data"),
    }
    assert not any(flag["needs_work"] or flag["litres"] is not None for flag in verdicts.values())


def test_a_device_is_stale_then_silent_at_its_hours(lake: MadeLake) -> None:
    ages = {"fresh": 23.9, "stale": 24.0, "still stale": 71.9, "silent": 72.0}
    lake.laboratory_plot()
    for device_id, hours in ages.items():
        lake.device(device_id)
        lake.soil(AS_OF - timedelta(hours=hours), device_id, volumetric_water_content=0.2)
    lake.device("slow", report_interval_s=43200.0)
    lake.soil(AS_OF - timedelta(hours=35), "slow", volumetric_water_content=0.2)
    lake.device("never")
    states = {device: (flag["state"], flag["needs_work"]) for device, flag in lake.verdicts("sensor").items()}
    assert states == {
        "fresh": ("ok", False),
        "stale": ("stale", False),
        "still stale": ("stale", False),
        "silent": ("silent", True),
        "slow": ("ok", False),
        "never": ("no_data", True),
    }


@pytest.mark.parametrize(
    ("hours", "code", "severity"),
    [
        (23.9, "sensor_new", 0), (24.0, "sensor_never_heard", 2), (35 * 24 - 1, "sensor_never_heard", 2),
        (35 * 24, "sensor_no_data", 2),
    ],
)  # fmt: skip
def test_a_probe_just_registered_gets_a_day_to_be_heard(lake: MadeLake, hours: float, code: str, severity: int) -> None:
    lake.laboratory_plot()
    lake.device("new", valid_from=AS_OF - timedelta(hours=hours))
    flag = lake.flag("sensor")
    assert (flag["state"], flag["reason_code"], flag["severity"]) == ("no_data", code, severity)
    assert flag["needs_work"] == (severity > 0)
    assert (
        str(round(hours) if code == "sensor_new" else 35 if code == "sensor_no_data" else int(hours / 24)) in flag["zh"]
    )


def test_a_probe_that_moved_an_hour_ago_and_was_silent_before_is_still_silent(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.laboratory_plot("P0")
    lake.device("moved", "P0", valid_to=AS_OF - timedelta(hours=1))
    lake.device("moved", valid_from=AS_OF - timedelta(hours=1))
    lake.soil(AS_OF - timedelta(hours=80), "moved", volumetric_water_content=0.2)
    assert lake.flag("sensor")["reason_code"] == "sensor_silent"


def test_one_working_probe_is_enough_to_judge_a_plot(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.19] * 3)
    lake.device("dead", "P1")
    assert lake.flag("drought")["state"] == "dry"
    assert lake.verdicts("sensor")["dead"]["state"] == "no_data"


def test_a_pulled_out_probe_is_a_fault_and_its_plot_is_not_dry(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.25] * 3)
    for hour in range(8):
        lake.soil(AS_OF - timedelta(hours=7 - hour), volumetric_water_content=0.01, bulk_ec_ds_m=0.0)
    sensor, drought = lake.flag("sensor"), lake.flag("drought")
    assert (sensor["state"], sensor["reason_code"], sensor["needs_work"]) == ("sensor_fault", "sensor_in_air", True)
    assert drought["state"] == "sensor_fault"


def test_readings_that_cannot_be_true_are_a_fault(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_until_now([0.9] * 3)
    assert (lake.flag("sensor")["state"], lake.flag("drought")["state"]) == ("sensor_fault", "sensor_fault")


def test_a_potential_above_zero_is_a_fault_too(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil(AS_OF - timedelta(hours=1), matric_potential_kpa=12.0)
    assert (lake.flag("sensor")["reason_code"], lake.flag("drought")["state"]) == ("sensor_unusable", "sensor_fault")


def test_a_device_whose_readings_are_all_in_quarantine_is_a_fault(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil(AS_OF - timedelta(hours=1), volumetric_water_content=0.2, quarantine="clock_ahead")
    assert lake.flag("sensor")["reason_code"] == "sensor_quarantined"
    assert lake.flag("drought")["state"] == "sensor_fault"


def test_frozen_soil_is_never_dry(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    as_of = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
    for hours in range(24 * 5):
        lake.soil(as_of - timedelta(hours=hours), volumetric_water_content=0.08, soil_temperature_c=-2.0)
    assert lake.flag("drought", as_of=as_of)["state"] == "frozen"
    assert lake.flag("sensor", as_of=as_of)["state"] == "frozen"


def test_dry_days_before_the_frost_do_not_send_a_crew_into_frozen_ground(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    as_of = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
    for hours in range(24 * 6):
        temperature_c = -1.0 if hours < 12 else 5.0
        lake.soil(as_of - timedelta(hours=hours), volumetric_water_content=0.16, soil_temperature_c=temperature_c)
    assert lake.flag("drought", as_of=as_of)["state"] == "frozen"


def test_one_cold_reading_in_july_freezes_neither_probe_nor_plot(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.19] * 3)
    soon = AS_OF + timedelta(minutes=30)
    lake.soil(soon, "D-P1", volumetric_water_content=0.19, soil_temperature_c=-0.1)
    flags = {row["cause"]: row for row in lake.flags(soon)}
    assert (flags["sensor"]["state"], flags["drought"]["state"], flags["drought"]["needs_work"]) == ("ok", "dry", True)


@pytest.mark.parametrize(
    ("cold_hours", "warm_last", "state"), [(5, 0, "ok"), (6, 0, "frozen"), (24, 0, "frozen"), (12, 1, "ok")]
)
def test_a_probe_is_frozen_while_a_quarter_of_its_last_24_hours_is(
    lake: MadeLake, cold_hours: int, warm_last: int, state: str
) -> None:
    lake.laboratory_plot()
    lake.device()
    for hours in range(48):
        is_cold = warm_last <= hours < cold_hours
        lake.soil(
            AS_OF - timedelta(hours=hours), volumetric_water_content=0.19, soil_temperature_c=-1.0 if is_cold else 9.0
        )
    assert lake.flag("sensor")["state"] == state


def test_a_probe_that_reports_once_a_day_is_frozen_by_its_newest_reading(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device(report_interval_s=86400.0)
    for days in range(3):
        at = AS_OF - timedelta(hours=30 + 24 * days)
        lake.soil(at, volumetric_water_content=0.19, soil_temperature_c=-1.0)
    assert lake.flag("sensor")["state"] == "frozen"


def test_frost_at_one_of_many_depths_freezes_the_probe(lake: MadeLake) -> None:
    depths = (5.0, 15.0, 25.0, 35.0, 45.0)
    lake.laboratory_plot()
    lake.device(depths_cm=list(depths))
    for hours in range(24):
        for channel, depth_cm in enumerate(depths, start=1):
            lake.soil(
                AS_OF - timedelta(hours=hours), "D1", channel, depth_cm=depth_cm, volumetric_water_content=0.19,
                soil_temperature_c=-1.0 if channel == 1 else 3.0,
            )  # fmt: skip
    assert (lake.flag("sensor")["state"], lake.flag("drought")["state"]) == ("frozen", "frozen")


def test_a_plot_is_frozen_only_when_no_probe_of_it_is_well(lake: MadeLake) -> None:
    probes = {"one of two": {"cold": -1.0, "mild": 9.0}, "all": {"cold 1": -1.0, "cold 2": -1.0}}
    for plot_id, temperatures_c in probes.items():
        lake.laboratory_plot(plot_id)
        for name, temperature_c in temperatures_c.items():
            device_id = f"{plot_id}: {name}"
            lake.device(device_id, plot_id)
            for hours in range(72):
                at = AS_OF - timedelta(hours=hours)
                lake.soil(at, device_id, volumetric_water_content=0.25, soil_temperature_c=temperature_c)
        lake.device(f"{plot_id}: silent", plot_id)
        lake.soil(AS_OF - timedelta(hours=80), f"{plot_id}: silent", volumetric_water_content=0.25)
    assert {plot: flag["state"] for plot, flag in lake.verdicts().items()} == {"one of two": "ok", "all": "frozen"}


@pytest.mark.parametrize(("frozen_hours", "needs_work"), [(5, True), (6, False)])
def test_a_quarter_of_frozen_readings_freezes_a_day(lake: MadeLake, frozen_hours: int, *, needs_work: bool) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.19], last_day=date(2026, 7, 8))
    for hour in range(24):
        temperature_c = -1.0 if hour < frozen_hours else 9.0
        measured_at = local_midnight(date(2026, 7, 9)) + timedelta(hours=hour)
        lake.soil(measured_at, volumetric_water_content=0.19, soil_temperature_c=temperature_c)
    assert lake.flag("drought")["needs_work"] is needs_work


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (date(2026, 12, 4), "dry"),
        (date(2026, 12, 5), "suspended"),
        (date(2027, 3, 5), "suspended"),
        (date(2027, 3, 6), "dry"),
    ],
)
def test_in_winter_rest_dryness_is_not_judged(lake: MadeLake, day: date, state: str) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.19] * 3, last_day=day - timedelta(days=1))
    assert lake.flag("drought", as_of=local_midnight(day))["state"] == state


def test_a_plot_above_field_capacity_for_a_day_is_wet(lake: MadeLake) -> None:
    lake.dry_down("wet", [0.281] * 2)
    lake.dry_down("full", [0.28] * 2)
    verdicts = lake.verdicts()
    assert (verdicts["wet"]["state"], verdicts["full"]["state"]) == ("wet", "ok")


@pytest.mark.parametrize(("driest_hour", "state"), [(0.2801, "wet"), (0.28, "ok")])
def test_a_plot_is_wet_only_when_all_of_the_day_was_above_field_capacity(
    lake: MadeLake, driest_hour: float, state: str
) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.29] * 3, wiggle=0.0)
    newest = max(lake.rows["soil_readings"], key=itemgetter("measured_at"))
    newest["volumetric_water_content"] = driest_hour
    assert lake.flag("drought")["state"] == state


def test_a_weather_station_in_a_plot_is_no_soil_probe(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device("W1", depths_cm=None)
    lake.add("weather_readings", device_id="W1", measured_at=AS_OF, air_temperature_c=25.0)
    assert lake.flag("drought")["state"] == "no_sensor"
    assert lake.verdicts("sensor")["W1"]["state"] == "ok"


def test_a_plot_that_is_no_longer_in_the_register_is_left_out(lake: MadeLake) -> None:
    lake.plot("gone", valid_to=AS_OF)
    lake.plot("to come", valid_from=AS_OF + timedelta(seconds=1))
    lake.plot("there")
    assert {row["plot_id"] for row in lake.flags()} == {"there"}
