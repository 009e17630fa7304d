"""In how many days a plot is dry if nobody waters it (spec/soil.md section 4)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.drydowns import read_events, score
from tests.sql.made_lake import AS_OF, MadeLake, local_midnight

LINE = 0.21
"""Shrubs on the made soil, FC 0.28, WP 0.14, p 0.5."""

ELAPSED = 20 / 24
"""From noon of 9 July, where its mean stands, to 08:00 of the 10th."""


def told(lake: MadeLake, plot_id: str = "P1") -> dict[str, Any]:
    """Return the days of the flag, with method and reason."""
    flag = lake.flag("drought", plot_id)
    said = flag["inputs"]["days_until_dry"]
    return {
        "days": flag["days_until_dry"],
        "low": flag["days_until_dry_low"],
        "high": flag["days_until_dry_high"],
        "method": said["method"],
        "reason": said["reason"],
    } | {name: said[name] for name in ("line_days", "exponential_days", "long_exponential_days")}


def test_a_straight_fall_goes_on_straight_and_an_exponential_one_slows(lake: MadeLake) -> None:
    """Five days since the rise, 0.01 a day to 0.23: the line needs 2 days; 0.09 over the asymptote falls to 0.07."""
    lake.dry_down("P1", [0.26, 0.27, 0.26, 0.25, 0.24, 0.23], every_hours=12)
    said = told(lake)
    assert said["method"] == "drydown"
    assert said["line_days"] == pytest.approx(2.0)
    # The logarithms of 0.11, 0.10, 0.09 above 0.14 fall by ln(0.11 / 0.09) in two days.
    assert said["exponential_days"] == pytest.approx(2.5046, abs=0.001)
    assert said["long_exponential_days"] is None
    assert said["days"] == pytest.approx((2.0 + 2.5046) / 2 - ELAPSED, abs=0.01)
    assert said["low"] == pytest.approx(0.5 * 2.0 - ELAPSED, abs=0.01)
    assert said["high"] == pytest.approx(1.75 * 2.5046 - ELAPSED, abs=0.01)


@pytest.mark.parametrize(
    ("means", "reason"),
    [
        ([0.27, 0.26, 0.25, 0.24], "too_short"),
        ([0.27, 0.265, 0.26, 0.255, 0.25, 0.26], "rising"),
        ([0.25, 0.27, 0.26, 0.25], "too_short"),
    ],
)
def test_without_enough_days_since_the_last_rise_nobody_can_say(
    lake: MadeLake, means: list[float], reason: str
) -> None:
    lake.dry_down("P1", means, every_hours=12)
    said = told(lake)
    assert (said["days"], said["low"], said["high"], said["reason"]) == (None, None, None, reason)


def test_days_that_tick_up_by_a_little_end_no_drydown(lake: MadeLake) -> None:
    lake.dry_down("little", [0.27, 0.26, 0.25, 0.252, 0.24, 0.23], every_hours=12)
    lake.dry_down("enough", [0.27, 0.26, 0.25, 0.2521, 0.24, 0.23], every_hours=12)
    assert told(lake, "little")["reason"] is None
    assert told(lake, "enough")["reason"] == "too_short"


def test_a_plot_at_its_line_has_no_days_left(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.25, 0.24, 0.23, 0.22, LINE], every_hours=12)
    said = told(lake)
    assert (said["days"], said["low"], said["high"], said["method"]) == (0.0, 0.0, 0.0, "at_line")


def test_two_weeks_stand_for_two_weeks_or_more(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.27, 0.2695, 0.269, 0.2685, 0.268], every_hours=12)
    said = told(lake)
    assert (said["days"], said["high"]) == (14.0, 14.0)


def test_frozen_soil_and_unknown_soil_tell_no_days(lake: MadeLake) -> None:
    lake.laboratory_plot("frozen")
    lake.device("F", "frozen")
    for back in range(24 * 8):
        at = AS_OF - timedelta(hours=back)
        lake.soil(at, "F", volumetric_water_content=0.25, soil_temperature_c=-0.5 if back < 40 else 5.0)
    lake.laboratory_plot("bare")
    assert told(lake, "bare")["reason"] == "no_water_content"
    assert told(lake, "frozen")["days"] is None


def weather(lake: MadeLake, days: int, **values: float) -> None:
    """Add a station's hours of so many days up to AS_OF: 18 to 30 degrees, and `values`."""
    lake.device("W", None, depths_cm=None)
    for back in range(24 * days):
        at = AS_OF - timedelta(hours=back)
        hour = (at - local_midnight(date(2026, 7, 1))) / timedelta(hours=1) % 24
        lake.add(
            "weather_readings",
            device_id="W",
            measured_at=at,
            **{"air_temperature_c": 24.0 + 6.0 * (1 - abs(hour - 14) / 7), "relative_humidity_pct": 60.0} | values,
        )


def test_with_weather_the_plants_use_decides(lake: MadeLake) -> None:
    """Depletion 18 of 84 mm at 0.25, line p x 84 with p = 0.5 + 0.04 (5 - ETc): shrubs use 0.6 ET0 a day."""
    lake.dry_down("P1", [0.255, 0.25], every_hours=12, area_m2=100.0)
    lake.rows["devices"][-1]["depths_cm"] = [40.0]
    weather(lake, 5)
    said = told(lake)
    (et0,) = lake.connection.execute("select avg(et0_mm) from reference_et0").fetchone()  # type: ignore[misc]
    assert 4 < et0 < 8
    days = (84.0 * (0.5 + 0.04 * (5 - 0.6 * et0)) - 18.0) / (0.6 * et0)
    assert said["method"] == "weather"
    assert said["days"] == pytest.approx(days - ELAPSED, abs=0.2)
    assert said["low"] == pytest.approx(days / 1.25 - ELAPSED, abs=0.2)
    assert said["high"] == pytest.approx(days / 0.75 - ELAPSED, abs=0.3)


def test_rain_to_come_puts_the_day_off_and_only_from_a_forecast_that_was_there(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.255, 0.25], every_hours=12)
    weather(lake, 5)
    dry = told(lake)["days"]
    for hours, rain in ((2, 10.0), (-1, 60.0)):
        lake.add(
            "weather_forecasts", source="cma", issued_at=AS_OF - timedelta(hours=hours),
            forecast_date=date(2026, 7, 11), rain_mm=rain, rain_probability_pct=50.0,
        )  # fmt: skip
    (et0,) = lake.connection.execute("select avg(et0_mm) from reference_et0").fetchone()  # type: ignore[misc]
    assert told(lake)["days"] - dry == pytest.approx(5.0 / (0.6 * et0), abs=0.1)


def test_rain_after_the_line_was_reached_makes_no_plot_dry_earlier(lake: MadeLake) -> None:
    """A plot that is dry in two days is so too where rain of later days takes nearly all of a day's use, not today."""
    lake.dry_down("P1", [0.217, 0.214], every_hours=12)
    weather(lake, 5)
    dry = told(lake)
    assert 0.5 < dry["days"] < 3
    for day in range(14, 19):
        lake.add(
            "weather_forecasts", source="cma", issued_at=AS_OF - timedelta(hours=2),
            forecast_date=date(2026, 7, day), rain_mm=3.3, rain_probability_pct=100.0,
        )  # fmt: skip
    assert told(lake)["days"] == pytest.approx(dry["days"])


def test_days_short_of_two_weeks_are_not_said_to_be_two_weeks(lake: MadeLake) -> None:
    """Two weeks from now are 14 days and ELAPSED from noon of yesterday, and there the exponential is held."""
    step = (0.255 - LINE) / 14.5
    lake.dry_down("P1", [0.26, *(0.255 + step * back for back in (4, 3, 2, 1, 0))], every_hours=12)
    said = told(lake)
    assert said["line_days"] == pytest.approx(14.5, abs=0.01)
    assert said["exponential_days"] == pytest.approx(14 + ELAPSED, abs=0.001)
    assert said["days"] == pytest.approx((14.5 + 14 - ELAPSED) / 2, abs=0.01)
    assert said["low"] == pytest.approx(14.5 / 2 - ELAPSED, abs=0.02)


def test_real_drydowns_are_told_within_a_day_or_two(shared: Path) -> None:
    result = score(read_events(shared / "data" / "soil" / "drydown_hindcast_events.csv"))
    assert result.told == result.events == 281
    assert result.median_error_days <= 1.5
    assert result.within_two_days >= 0.60
    assert result.covered >= 0.75
