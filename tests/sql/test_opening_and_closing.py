"""When an issue of dryness opens and closes: finished days, hours in a row, severity 4, rain (spec/soil.md 3 and 5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.sql.made_lake import AS_OF, MadeLake, local_midnight

YESTERDAY = date(2026, 6, 9)
TODAY = local_midnight(YESTERDAY + timedelta(days=1))
"""Before July, when hours open too."""
HOUR = timedelta(hours=1)
MAY = datetime(2026, 5, 10, 0, 0, tzinfo=UTC)


def hourly_plot(lake: MadeLake, water_contents: list[float], *, days_before: float = 0.25) -> None:
    """Add a plot with moist days up to yesterday, and today's hours from midnight on."""
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([days_before] * 3, last_day=YESTERDAY)
    lake.hours(water_contents, TODAY + (len(water_contents) - 1) * HOUR)


def at_hour(lake: MadeLake, hour: float) -> tuple[str, bool, int]:
    flag = lake.flag("drought", as_of=TODAY + hour * HOUR)
    return flag["state"], flag["needs_work"], flag["severity"]


def test_half_of_today_is_no_daily_evaluation(lake: MadeLake) -> None:
    """Every 8 h: yesterday is dry, and so is today so far; only tomorrow it will have been a second day."""
    lake.laboratory_plot()
    lake.device(report_interval_s=28800.0)
    lake.soil_days([0.25, 0.20], last_day=YESTERDAY, every_hours=8, wiggle=0.0)
    lake.soil_days([0.20], last_day=YESTERDAY + timedelta(days=1), every_hours=8, wiggle=0.0)
    assert at_hour(lake, 23.9) == ("dry", False, 1)
    assert at_hour(lake, 24.0) == ("dry", True, 1)


def test_an_issue_that_hours_opened_is_not_closed_by_a_moister_afternoon(lake: MadeLake) -> None:
    """Dry until noon, then just on the moist side of the line: nothing has recovered."""
    hourly_plot(lake, [0.205] * 12 + [0.222] * 12)
    assert at_hour(lake, 8)[1]
    assert all(at_hour(lake, hour)[1] for hour in (12, 18, 23))


@pytest.mark.parametrize(("hours", "needs_work"), [(7, True), (6, False)])
def test_dry_hours_in_a_row_open_when_they_span_six_hours(lake: MadeLake, hours: int, *, needs_work: bool) -> None:
    hourly_plot(lake, [0.25, 0.25, 0.22] + [0.19] * hours)
    flag = lake.flag("drought", as_of=TODAY + (2 + hours) * HOUR)
    assert flag["needs_work"] is needs_work
    if needs_work:
        assert (flag["state"], flag["since"], flag["data_at"]) == ("dry", TODAY + 3 * HOUR, TODAY + 9 * HOUR)
        assert flag["zh"] == "30 cm 含水率 19.0 %，低于一级养护线 21.0 %，已 6 小时"


@pytest.mark.parametrize(("readings_at", "needs_work"), [((0, 3, 6), True), ((0, 6), False), ((0, 7, 14), False)])
def test_three_hourly_evaluations_are_needed_and_none_may_be_missing_for_more_than_six_hours(
    lake: MadeLake, readings_at: tuple[int, ...], *, needs_work: bool
) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.25] * 3, last_day=YESTERDAY - timedelta(days=1))
    lake.hours([0.25] * 8, TODAY - 16 * HOUR)
    for hour in readings_at:
        lake.soil(TODAY + hour * HOUR, volumetric_water_content=0.19)
    assert lake.flag("drought", as_of=TODAY + readings_at[-1] * HOUR)["needs_work"] is needs_work


def test_one_moist_hour_among_dry_ones_begins_the_count_again(lake: MadeLake) -> None:
    hourly_plot(lake, [0.19] * 5 + [0.212] + [0.19] * 5)
    assert at_hour(lake, 10)[1] is False


@pytest.mark.parametrize(("water_content", "expected"), [(0.157, ("dry", True, 4)), (0.158, ("ok", False, 0))])
def test_one_hour_of_severity_four_opens_at_once(
    lake: MadeLake, water_content: float, expected: tuple[str, bool, int]
) -> None:
    hourly_plot(lake, [0.25, 0.2101, water_content])
    assert at_hour(lake, 2) == expected


def test_an_open_issue_becomes_worse_by_the_hour(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.20] * 3, last_day=YESTERDAY)
    lake.hours([0.20] * 7 + [0.1959, 0.14], TODAY + 8 * HOUR)
    assert at_hour(lake, 7) == ("dry", True, 1)
    assert at_hour(lake, 8) == ("dry", True, 4)


def test_hours_that_lack_a_depth_of_the_plot_are_not_judged(lake: MadeLake) -> None:
    """The deep probe is moist and silent since midnight: the shallow one alone must not speak for the plot."""
    lake.laboratory_plot()
    for device_id, depth_cm in (("A", 20.0), ("B", 50.0)):
        lake.device(device_id, depths_cm=[depth_cm])
        lake.soil_days([0.25] * 3, device_id, last_day=YESTERDAY)
    lake.hours([0.13] * 9, TODAY + 8 * HOUR, "A")
    assert at_hour(lake, 8)[:2] == ("ok", False)


def test_an_issue_that_hours_opened_is_remembered_for_a_week(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.25] * 2, last_day=date(2026, 5, 31))
    opened = local_midnight(date(2026, 6, 1))
    lake.hours([0.19] * 9 + [0.22] * (24 * 8), opened + (24 * 8 + 8) * HOUR)
    assert lake.flag("drought", as_of=opened + timedelta(days=6, hours=23))["needs_work"]
    assert not lake.flag("drought", as_of=opened + timedelta(days=7, hours=1))["needs_work"]


def test_an_issue_closes_after_24_hours_below_the_closing_line_and_not_after_23(lake: MadeLake) -> None:
    """The closing line is 0.231; the water comes at 10:00, too slowly to be a watering."""
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.20] * 3, last_day=date(2026, 7, 8))
    slowly = [0.20 + 0.002 * step for step in range(20)]
    lake.hours([0.20] * 4 + slowly + [0.25] * 40, local_midnight(date(2026, 7, 9)) + 63 * HOUR)
    below_since = local_midnight(date(2026, 7, 9)) + (4 + 16) * HOUR
    assert lake.flag("drought", as_of=below_since + 22.9 * HOUR)["state"] == "dry"
    assert lake.flag("drought", as_of=below_since + 24.1 * HOUR)["state"] == "watch"


def test_a_morning_of_moist_soil_closes_nothing(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.215] * 2 + [0.205] * 2 + [0.212], last_day=YESTERDAY)
    lake.hours([0.233] * 14, TODAY + 13 * HOUR)
    assert all(at_hour(lake, hour)[1] for hour in (8, 11, 12, 13))


@pytest.mark.parametrize(("lowest", "state"), [(0.2312, "ok"), (0.2308, "dry")])
def test_a_day_closes_only_when_all_of_it_was_below_the_closing_line(lake: MadeLake, lowest: float, state: str) -> None:
    """It rises by less than three points from report to report, which would be a watering."""
    lake.dry_down("P1", [0.205, 0.205], every_hours=8)
    lake.rows["soil_readings"] = [
        {**row, "measured_at": row["measured_at"] - timedelta(days=1)} for row in lake.rows["soil_readings"]
    ]
    for hour, water_content in ((0, lowest), (8, 0.26), (16, 0.26)):
        lake.soil(local_midnight(date(2026, 7, 9)) + hour * HOUR, "D-P1", volumetric_water_content=water_content)
    assert lake.flag("drought")["state"] == state


def test_a_probe_that_reports_every_second_day_opens_too(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device(report_interval_s=2 * 86400.0)
    for days in range(1, 20, 2):
        lake.soil(AS_OF - timedelta(days=days), volumetric_water_content=0.19)
    assert (lake.flag("drought")["state"], lake.flag("drought")["needs_work"]) == ("dry", True)


def test_days_below_the_line_are_counted_in_a_row(lake: MadeLake) -> None:
    """A lone dry day three weeks ago is not the beginning of this drought."""
    lake.dry_down("P1", [0.20] + [0.2155] * 18 + [0.20, 0.20], every_hours=8)
    flag = lake.flag("drought")
    assert flag["params"]["days"] == 2
    assert flag["since"] == local_midnight(date(2026, 7, 8))


def test_an_issue_counts_from_its_opening_while_it_holds(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.20, 0.20, 0.2155, 0.20], every_hours=8)
    flag = lake.flag("drought")
    assert flag["since"] == local_midnight(date(2026, 7, 6))
    assert flag["params"]["days"] == 1


def test_a_plot_that_stood_between_the_lines_for_all_we_look_at_says_so(lake: MadeLake) -> None:
    between = [0.2155, 0.2150] * 18
    lake.dry_down("all of it", between, every_hours=8)
    lake.dry_down("moist once", [*between[:20], 0.25, *between[:15]], every_hours=8)
    lake.dry_down("new", between[:20], every_hours=8)
    codes = {plot: flag["reason_code"] for plot, flag in lake.verdicts().items()}
    assert codes == {
        "all of it": "drought_watch_long",
        "moist once": "drought_watch",
        "new": "drought_watch",
    }


def rained(lake: MadeLake, millimetres: float, on: date) -> None:
    """Add a station that reports at noon, without rain but on one day."""
    for days in range(-3, 4):
        day = on + timedelta(days=days)
        lake.add(
            "weather_readings",
            device_id="W1",
            measured_at=local_midnight(day) + 12 * HOUR,
            air_temperature_c=25.0,
            rain_depth_mm=0.0 if days else millimetres,
        )


@pytest.mark.parametrize(
    ("millimetres", "day", "needs_work"), [(9.9, 9, True), (10.0, 9, False), (10.0, 8, False), (10.0, 7, True)]
)
def test_in_july_ten_millimetres_of_rain_in_two_days_hold_an_issue_back(
    lake: MadeLake, millimetres: float, day: int, *, needs_work: bool
) -> None:
    """The days of 8 and 9 July are the last two that are over."""
    lake.dry_down("P1", [0.25, 0.20, 0.20], every_hours=8)
    rained(lake, millimetres, date(2026, 7, day))
    flag = lake.flag("drought")
    assert flag["needs_work"] is needs_work
    if not needs_work:
        assert flag["reason_code"] == "drought_dry_rained"
        assert flag["params"]["rain_mm"] == 10.0


def test_rain_holds_back_no_plot_at_its_wilting_point_and_none_in_may(lake: MadeLake) -> None:
    lake.dry_down("wilting", [0.25, 0.14], every_hours=8)
    rained(lake, 30.0, date(2026, 7, 9))
    assert lake.flag("drought", "wilting")["needs_work"]
    lake.laboratory_plot("may")
    lake.device("M", "may", report_interval_s=28800.0)
    lake.soil_days([0.25, 0.20, 0.20], "M", last_day=date(2026, 5, 9), every_hours=8)
    rained(lake, 30.0, date(2026, 5, 9))
    assert lake.flag("drought", "may", as_of=MAY)["needs_work"]


def test_in_july_hours_alone_open_nothing_whether_rain_is_measured_or_not(lake: MadeLake) -> None:
    """Two days do, and severity 4 does at once: the plot is told as dry, and nobody is sent yet."""
    for plot_id, water_content in (("dry", 0.19), ("wilting", 0.157)):
        lake.laboratory_plot(plot_id)
        lake.device(plot_id, plot_id)
        lake.soil_days([0.25] * 3, plot_id)
        lake.hours([water_content] * 9, AS_OF, plot_id)
    assert {plot_id: flag["needs_work"] for plot_id, flag in lake.verdicts().items()} == {"dry": False, "wilting": True}
    rained(lake, 0.0, date(2026, 7, 9))
    assert not lake.flag("drought", "dry")["needs_work"]
