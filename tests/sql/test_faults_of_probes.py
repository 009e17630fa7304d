"""What is wrong with a probe, and why a plot cannot be judged (spec/soil.md section 2)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.sql.made_lake import AS_OF, MadeLake, local_midnight

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("days", [30, 37])
def test_a_probe_whose_water_content_died_stays_a_fault_when_its_last_good_day_is_out_of_sight(
    lake: MadeLake, days: int
) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.25] * 3, last_day=date(2026, 7, 9) - timedelta(days=days))
    for hours in range(0, 24 * days, 6):
        lake.soil(AS_OF - hours * HOUR, soil_temperature_c=20.0)
    sensor, drought = lake.flag("sensor"), lake.flag("drought")
    assert (sensor["state"], sensor["needs_work"]) == ("sensor_fault", True)
    assert drought["state"] == "sensor_fault"


def test_only_a_weather_station_is_well_without_water_readings(lake: MadeLake) -> None:
    lake.plot()
    lake.device("station", depths_cm=None)
    lake.device("with depths", depths_cm=[30.0])
    lake.device("sends soil rows", depths_cm=None)
    for device_id in ("station", "with depths", "sends soil rows"):
        lake.add("weather_readings", device_id=device_id, measured_at=AS_OF, air_temperature_c=25.0)
    lake.soil(AS_OF, "sends soil rows", soil_temperature_c=20.0)
    states = {device: flag["state"] for device, flag in lake.verdicts("sensor").items()}
    assert states == {"station": "ok", "with depths": "sensor_fault", "sends soil rows": "sensor_fault"}


def elements(lake: MadeLake, *, bad_channels: tuple[int, ...], bad_since_hours: int) -> None:
    lake.laboratory_plot()
    lake.device(depths_cm=[10.0, 30.0, 50.0])
    for hours in range(24 * 5):
        for channel in (1, 2, 3):
            is_bad = channel in bad_channels and hours <= bad_since_hours
            lake.soil(AS_OF - hours * HOUR, "D1", channel, volumetric_water_content=0.9 if is_bad else 0.25)


@pytest.mark.parametrize(("bad_since_hours", "state"), [(22, "ok"), (23, "sensor_fault")])
def test_a_depth_that_gives_nothing_usable_for_a_day_is_a_fault_and_the_others_still_judge(
    lake: MadeLake, bad_since_hours: int, state: str
) -> None:
    """Bad since 23 h ago is 24 h without a good reading."""
    elements(lake, bad_channels=(2, 3), bad_since_hours=bad_since_hours)
    sensor = lake.flag("sensor")
    assert (sensor["state"], sensor["needs_work"]) == (state, state != "ok")
    assert lake.flag("drought")["state"] == "ok"
    if state != "ok":
        assert sensor["zh"] == "30/50 cm 处的读数不可信，其余深度正常，去现场查"
        assert sensor["severity"] == 1


def test_a_depth_that_was_named_once_by_mistake_is_no_fault(lake: MadeLake) -> None:
    elements(lake, bad_channels=(), bad_since_hours=0)
    lake.soil(AS_OF - 50 * HOUR, "D1", None, depth_cm=15.0, volumetric_water_content=0.2)
    assert lake.flag("sensor")["state"] == "ok"


def test_why_a_plot_cannot_be_judged_is_said(lake: MadeLake) -> None:
    """Half a day old; a register that promises a reading every ten minutes; a channel beyond the depths; depth 0."""
    for plot_id in ("new", "too slow", "beyond"):
        lake.laboratory_plot(plot_id)
    lake.device("new", "new")
    lake.device("too slow", "too slow", report_interval_s=600.0)
    lake.device("beyond", "beyond", depths_cm=[10.0])
    for hours in range(24 * 5):
        at = AS_OF - hours * HOUR
        if hours <= 12:
            lake.soil(at, "new", volumetric_water_content=0.25)
        lake.soil(at, "too slow", volumetric_water_content=0.25)
        lake.soil(at, "beyond", 2, volumetric_water_content=0.25)
    verdicts = lake.verdicts()
    assert {plot: (flag["state"], flag["reason_code"]) for plot, flag in verdicts.items()} == {
        "new": ("no_data", "drought_too_little_data"),
        "too slow": ("no_data", "drought_incomplete"),
        "beyond": ("no_data", "drought_no_depth"),
    }
    assert verdicts["too slow"]["zh"] == (
        "昨天只收到应收数据的 16.7 %（满 50 % 才能判旱），请查探头信号和登记的上报间隔"
    )


@pytest.mark.parametrize(("hours", "code"), [(47, "drought_too_little_data"), (48, "drought_incomplete")])
def test_after_two_days_too_little_data_is_called_incomplete(lake: MadeLake, hours: int, code: str) -> None:
    lake.laboratory_plot()
    lake.device(report_interval_s=600.0)
    for back in range(hours + 1):
        lake.soil(AS_OF - back * HOUR, volumetric_water_content=0.25)
    assert lake.flag("drought")["reason_code"] == code


def test_the_age_of_a_verdict_is_that_of_the_data_behind_it(lake: MadeLake) -> None:
    """Judged by the 8th, the last whole day, although single readings came since."""
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.25, 0.20, 0.20], last_day=date(2026, 7, 8))
    lake.soil(local_midnight(date(2026, 7, 9)) + 3 * HOUR, volumetric_water_content=0.2)
    lake.soil(AS_OF - HOUR, volumetric_water_content=0.2)
    flag = lake.flag("drought")
    assert (flag["state"], flag["inputs"]["date"]) == ("dry", "2026-07-08")
    assert flag["data_at"] == local_midnight(date(2026, 7, 8)) + 23 * HOUR
