"""Probes that report at their own pace, and places with another clock and other seasons than Beichen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingest.site import BEICHEN, Site
from tests.sql.made_lake import AS_OF, MadeLake, local_midnight

_HOUR = timedelta(hours=1)
_DRY, _MOIST = 0.19, 0.26


@pytest.fixture
def lake() -> MadeLake:
    """Return a lake with a plot of measured loam, whose probe's interval nobody has registered."""
    made = MadeLake()
    made.laboratory_plot()
    made.device(depths_cm=[30.0, 10.0], report_interval_s=None)
    return made


def dry(lake: MadeLake, at: datetime, channel: int = 1) -> None:
    """Add a reading below the line that moves as soil does."""
    lake.soil(at, "D1", channel, volumetric_water_content=_DRY + at.minute % 7 / 1e4 + at.hour % 3 / 1e4)


def test_channels_that_report_one_after_the_other_make_no_shorter_interval(lake: MadeLake) -> None:
    lake.rows["devices"][0]["depths_cm"] = [30.0, 10.0, 50.0]
    for hours in range(24 * 4):
        for channel in (1, 2, 3):
            dry(lake, AS_OF - hours * _HOUR - timedelta(minutes=2 * channel), channel)
    assert lake.flag("drought")["needs_work"]


def test_a_temperature_that_follows_the_water_content_makes_no_shorter_interval(lake: MadeLake) -> None:
    for hours in range(24 * 4):
        dry(lake, AS_OF - hours * _HOUR - timedelta(seconds=5))
        lake.soil(AS_OF - hours * _HOUR, "D1", soil_temperature_c=20.0 + hours % 5)
    assert lake.flag("drought")["needs_work"]


def test_a_burst_of_readings_does_not_make_calm_days_look_like_silence(lake: MadeLake) -> None:
    for quarter in range(4 * 6):
        dry(lake, AS_OF - 6 * quarter * _HOUR - _HOUR)
    for minutes in range(0, 300, 5):
        at = AS_OF - timedelta(days=8, minutes=minutes)
        lake.soil(at, "D1", volumetric_water_content=_MOIST + minutes / 1e5)
    assert lake.flag("drought")["needs_work"]


def test_bursts_on_every_other_day_open_an_issue_as_two_days_in_a_row_do(lake: MadeLake) -> None:
    for days in range(0, 8, 2):
        for minutes in range(10):
            dry(lake, AS_OF - timedelta(days=days + 1, minutes=minutes))
    assert lake.flag("drought")["needs_work"]


def test_a_depth_named_once_is_no_element_of_a_probe_that_sends_a_burst_a_day(lake: MadeLake) -> None:
    lake.rows["devices"][0]["depths_cm"] = None
    for days in range(8):
        for minutes in range(10):
            at = AS_OF - timedelta(days=days, hours=1, minutes=minutes)
            lake.soil(at, "D1", depth_cm=30.0, volumetric_water_content=_MOIST + minutes / 1e4)
    lake.soil(AS_OF - timedelta(days=6), "D1", 2, depth_cm=50.0, volumetric_water_content=_MOIST)
    assert lake.verdicts("sensor")["D1"]["state"] == "ok"


def test_half_of_the_readings_of_a_usual_day_make_a_day_though_the_probe_sleeps_most_of_it(lake: MadeLake) -> None:
    """Forty readings in ten hours; of the last finished day a third."""
    for days in range(2, 5):
        for quarters in range(40):
            dry(lake, local_midnight(date(2026, 7, 10)) - timedelta(days=days) + timedelta(minutes=15 * quarters))
    for quarters in range(13):
        dry(lake, local_midnight(date(2026, 7, 9)) + timedelta(minutes=15 * quarters))
    lake.flags()
    found = lake.connection.execute("select date, is_complete from readings_daily order by date").fetchall()
    assert [is_complete for _, is_complete in found] == [True, True, True, False]


def test_a_probe_that_sleeps_for_more_than_half_of_the_day_has_whole_days(lake: MadeLake) -> None:
    for days in range(4):
        for quarters in range(4 * 10):
            dry(lake, AS_OF - timedelta(days=days, minutes=15 * quarters))
    assert lake.flag("drought")["needs_work"]


def test_a_long_silence_does_not_become_the_interval(lake: MadeLake) -> None:
    for hours in range(24 * 5):
        dry(lake, AS_OF - timedelta(days=20) - hours * _HOUR)
    for hours in range(30, 24 * 2):
        dry(lake, AS_OF - hours * _HOUR)
    assert lake.verdicts("sensor")["D1"]["state"] == "stale"


@pytest.mark.parametrize(
    ("reports", "state"),
    [
        pytest.param([*range(30, 40), *range(110, 120)], "stale", id="a day of two, and a silence between them"),
        pytest.param([30, *range(100, 110)], "stale", id="one report after a silence"),
        pytest.param([30, 150], "stale", id="two reports tell no interval"),
        pytest.param([26 + 48 * day + hour for day in range(10) for hour in range(6)], "ok", id="six hours of 48"),
        pytest.param([122 + 48 * day + hour for day in range(8) for hour in range(6)], "silent", id="six of 48, once"),
        pytest.param([25 + 24 * day + at / 60 for day in range(9) for at in range(10)], "ok", id="a burst a day"),
        pytest.param([47 + 48 * day + at / 60 for day in range(9) for at in range(10)], "ok", id="one every other day"),
        pytest.param([35 + 12 * half + at / 60 for half in range(9) for at in range(10)], "ok", id="two bursts a day"),
        pytest.param([37 + 12 * half + at / 60 for half in range(9) for at in range(10)], "stale", id="two, and none"),
        pytest.param([26 + hour for hour in range(120) if hour % 4], "stale", id="hourly, a quarter is lost"),
        pytest.param([*range(47, 35 * 24, 48)], "ok", id="every second day"),
        pytest.param([*range(71, 35 * 24, 72)], "ok", id="every third day"),
        pytest.param([*range(71, 23 * 24, 24), *range(25 * 24, 35 * 24)], "ok", id="hourly once, daily since"),
        pytest.param([*range(73, 23 * 24, 24), *range(25 * 24, 35 * 24)], "silent", id="daily, and silent"),
    ],
)
def test_an_interval_that_nobody_registered_is_that_of_usual_days_and_no_silence(
    lake: MadeLake, reports: list[float], state: str
) -> None:
    """Reports so many hours ago; stale from three intervals on, of a day at least."""
    lake.rows["devices"][0]["depths_cm"] = [30.0]
    for hours in reports:
        lake.soil(AS_OF - hours * _HOUR, "D1", volumetric_water_content=_DRY + hours % 7 / 1e4)
    assert lake.verdicts("sensor")["D1"]["state"] == state


@pytest.mark.parametrize("every_hours", [6, 8, 24])
@pytest.mark.parametrize("rain_mm", [0.0, 12.0])
def test_water_between_two_reports_of_a_rare_probe_is_seen_and_its_rain_too(every_hours: int, rain_mm: float) -> None:
    lake = MadeLake()
    lake.laboratory_plot()
    lake.device(report_interval_s=3600.0 * every_hours)
    reports = [AS_OF - every_hours * number * _HOUR for number in range(24 * 9 // every_hours)]
    wetted_at = reports[24 // every_hours]
    for at in reports:
        lake.soil(at, "D1", volumetric_water_content=_DRY + 0.0002 * (at.day % 3) + (0.07 if at >= wetted_at else 0))
    for hours in range(24 * 9):
        at = AS_OF - hours * _HOUR
        is_rain = at == wetted_at - (every_hours - 1) * _HOUR
        lake.add("weather_readings", device_id="W", measured_at=at, rain_depth_mm=rain_mm if is_rain else 0.0)
    flag = lake.flag("drought")
    assert (flag["state"], flag["needs_work"]) == ("just_watered", False)
    kinds = lake.connection.execute("select kind, source from wetting_events").fetchall()
    assert kinds == [("rain", "gauge") if rain_mm else ("unplanned", "nobody")]


@pytest.mark.parametrize(("every_hours", "state"), [(6, "dry"), (8, "just_watered"), (12, "just_watered")])
def test_soil_that_drains_between_two_reports_was_watered_and_a_spike_between_near_ones_is_none(
    every_hours: int, state: str
) -> None:
    """From 0.20 to 0.26 and, with the next report, to 0.225: off the line of 0.21, less than half of the rise left."""
    lake = MadeLake()
    lake.laboratory_plot()
    lake.device(report_interval_s=3600.0 * every_hours)
    for number in range(24 * 9 // every_hours):
        water_content = {0: 0.225, 1: 0.26}.get(number, 0.20 + 0.0002 * (number % 3))
        lake.soil(AS_OF - every_hours * number * _HOUR, "D1", volumetric_water_content=water_content)
    assert lake.flag("drought", as_of=AS_OF - every_hours * _HOUR)["state"] == "just_watered"
    assert lake.flag("drought")["state"] == state


def at_place(zone: str, latitude: float = 39.2) -> Site:
    """Return a district in another time zone."""
    return replace(BEICHEN, timezone=ZoneInfo(zone), south=latitude - 0.1, north=latitude + 0.1)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
def test_no_hour_lies_in_two_days_where_midnight_falls_into_an_hour_of_utc(zone: str) -> None:
    lake = MadeLake(at_place(zone))
    lake.laboratory_plot()
    lake.device(report_interval_s=900.0)
    for quarters in range(4 * 24 * 3):
        dry(lake, AS_OF - quarters * timedelta(minutes=15))
    assert lake.flag("drought")["needs_work"]
    ((hours, different, most_depths),) = lake.connection.execute(
        "select count(*), count(distinct starts_at), max(depths) from root_zone where span = 'hour'"
    ).fetchall()
    assert (different, most_depths) == (hours, 1)
    ((judged,),) = lake.connection.execute("select count(*) from drought_evaluations where span = 'hour'").fetchall()
    assert judged == hours >= 24 * 3


def test_rain_of_an_hour_of_the_sites_clock_explains_a_rise_in_it() -> None:
    lake = MadeLake(at_place("Asia/Kolkata"))
    lake.laboratory_plot()
    lake.device()
    for hours in range(24 * 4):
        at = AS_OF - hours * _HOUR + timedelta(minutes=10)
        lake.soil(at - _HOUR, "D1", volumetric_water_content=_DRY + (0.07 if hours < 20 else 0))
        lake.add("weather_readings", device_id="W", measured_at=at - _HOUR, rain_depth_mm=9.0 if hours == 20 else 0.0)
    assert lake.flag("drought")["state"] == "just_watered"
    found = lake.connection.execute(
        "select source, strftime(timezone('Asia/Kolkata', starts_at), '%M') from wetting_events"
    ).fetchall()
    assert found == [("gauge", "00")]


@pytest.mark.parametrize(("month", "state"), [(1, "dry"), (7, "suspended")])
def test_winter_rest_comes_half_a_year_later_south_of_the_equator(month: int, state: str) -> None:
    lake = MadeLake(at_place("Australia/Melbourne", -37.8))
    lake.laboratory_plot()
    lake.device()
    now = datetime(2026, month, 15, 3, tzinfo=UTC)
    for hours in range(24 * 4):
        dry(lake, now - hours * _HOUR)
    assert lake.flag("drought", as_of=now)["state"] == state


def test_a_probe_at_the_surface_alone_gives_watch_only(lake: MadeLake) -> None:
    lake.rows["devices"][0] |= {"depths_cm": [0.0], "report_interval_s": 3600.0}
    for hours in range(24 * 4):
        dry(lake, AS_OF - hours * _HOUR)
    flag = lake.flag("drought")
    assert (flag["state"], flag["reason_code"]) == ("watch", "drought_watch_shallow")
