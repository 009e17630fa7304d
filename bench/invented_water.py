"""Districts with weather, forecasts, waterings and reports, made up for `bench.second_reading_of_water`."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from bench import plain_water as plain
from ingest.site import BEICHEN, Site
from sql.reference import reference_rows
from tests.sql.made_lake import MadeLake, local_midnight

ZONE = BEICHEN.timezone
_DAYS = 16
_PLOTS = 16
_HOUR = timedelta(hours=1)
_QUANTITIES = ("relative_humidity_pct", "wind_speed_m_s", "solar_radiation_w_m2", "air_pressure_kpa")


@dataclass(frozen=True, slots=True)
class Station:
    """An invented station: its device, heights, and what it measured as instant and values."""

    wind_height_m: float
    elevation_m: float
    readings: list[tuple[datetime, dict[str, float]]]


@dataclass(slots=True)
class District:
    """All that was invented."""

    now: datetime
    site: Site
    lake: MadeLake = field(default_factory=MadeLake)
    stations: list[Station] = field(default_factory=list)
    forecasts: list[plain.Forecast] = field(default_factory=list)


def invent(seed: int) -> District:
    """Return a district of a random day."""
    random = Random(seed)
    now = datetime(random.choice([2024, 2026, 2028]), random.randint(4, 9), random.randint(1, 28), tzinfo=UTC)
    now += timedelta(hours=random.randint(0, 23), minutes=random.choice([0, 7, 30]))
    site = replace(
        BEICHEN,
        forecast_rain=random.choice(["reduce", "cancel", "proceed"]),
        water_ec_ds_m=random.choice([None, 0.8, 2.5]),
        soil_ece_ds_m=random.choice([None, 1.0, 3.0, 6.0]),
    )
    district = District(now, site)
    for number in range(random.choice([0, 1, 1, 2, 3])):
        _station(district, f"W{number}", random)
    if random.random() < 0.7:
        _forecasts(district, random)
    for number in range(_PLOTS):
        _plot(district, f"P{number}", random)
    return district


def _start(district: District) -> datetime:
    return local_midnight(district.now.astimezone(ZONE).date() - timedelta(days=_DAYS))


def _station(district: District, device_id: str, random: Random) -> None:
    measured = [name for name in _QUANTITIES if random.random() < 0.7]
    rains = random.random() < 0.7
    height, elevation = random.choice([2.0, 3.0, 10.0]), random.choice([0.0, 5.0, 1200.0])
    station = Station(height, elevation, [])
    district.lake.device(device_id, None, depths_cm=None, wind_height_m=height, elevation_m=elevation)
    every = timedelta(minutes=random.choice([15, 60, 60, 180]))
    warm, at = random.uniform(8, 28), _start(district)
    dropped = random.choice([None, random.randint(1, _DAYS - 1)])
    while at <= district.now:
        hour = at.astimezone(ZONE).hour
        day = (at - _start(district)).days
        values = {"air_temperature_c": warm + 7 * math.sin((hour - 8) * math.pi / 12) + random.uniform(-1, 1)}
        made = {
            "relative_humidity_pct": random.uniform(30, 95),
            "wind_speed_m_s": random.uniform(0, 6),
            "solar_radiation_w_m2": max(0.0, random.uniform(300, 900) * math.sin((hour - 6) * math.pi / 12)),
            "air_pressure_kpa": plain.pressure_kpa(elevation) + random.choice([0.5, -0.5, 0.3]),
        }
        values |= {name: made[name] for name in measured}
        if rains:
            values["rain_depth_mm"] = random.choice([0.0] * 60 + [0.5, 2.0, 9.0])
        if day != dropped or random.random() < 0.5:
            district.lake.add("weather_readings", device_id=device_id, measured_at=at, **values)
            station.readings.append((at, values))
        at += every
    district.stations.append(station)


def _forecasts(district: District, random: Random) -> None:
    today = district.now.astimezone(ZONE).date()
    for source in ("cma", "other"):
        for hours in (random.uniform(-2, 20), random.uniform(20, 60), random.choice([71.9, 72.1, 90])):
            issued_at = district.now - timedelta(hours=hours)
            for number in range(random.choice([2, 3, 8])):
                least = random.choice([None, random.uniform(5, 20)])
                one = plain.Forecast(
                    source, issued_at, today + timedelta(days=number),
                    random.choice([None, 0.0, 3.0, 5.0, 5.1, 12.0, 40.0]),
                    random.choice([None, 0.0, 40.0, 60.0, 80.0, 100.0]),
                    least, None if least is None else least + random.uniform(4, 15),
                )  # fmt: skip
                district.forecasts.append(one)
                district.lake.add(
                    "weather_forecasts", source=source, issued_at=issued_at, forecast_date=one.day,
                    rain_mm=one.rain_mm, rain_probability_pct=one.rain_pct,
                    temperature_min_c=one.least_c, temperature_max_c=one.most_c,
                )  # fmt: skip


def _plot(district: District, plot_id: str, random: Random) -> None:
    lake = district.lake
    vegetation = random.choice([row["vegetation"] for row in reference_rows("vegetations")])
    given: dict[str, Any] = {"field_capacity": 0.31, "wilting_point": 0.12, "saturation": 0.5}
    if random.random() < 0.3:
        given = {"soil_texture": random.choice(["loam", "sand", "clay"])}
    if random.random() < 0.3:
        given |= {"tree_pits": random.randint(1, 40), "tree_pit_area_m2": random.uniform(0.5, 90)}
    if random.random() < 0.3:
        given |= {"water_ec_ds_m": random.choice([0.5, 3.0]), "soil_ece_ds_m": random.choice([0.5, 1.2, 4.0])}
    lake.plot(
        plot_id,
        vegetation=vegetation,
        irrigation=random.choice(["basin", "sprinkler", "drip", None]),
        area_m2=random.uniform(20, 4000),
        wetted_fraction=random.choice([None, 1.0, 0.4]),
        planted_on=random.choice([None, None, district.now.date() - timedelta(days=400)]),
        **given,
    )
    depths = sorted(random.sample([10, 20, 30, 45, 60], random.choice([1, 2, 3])))
    start = _start(district)
    hours = int((district.now - start) / _HOUR)
    watered = {hour for hour in range(48, hours) if random.random() < 0.006}
    _reports(district, plot_id, watered, random)
    slope = random.choice([0.0001, 0.0003, 0.0006])
    is_curved = random.random() < 0.3
    for depth in depths:
        lake.device(f"{plot_id}-{depth}", plot_id, depths_cm=[float(depth)], report_interval_s=3600.0)
        water = random.uniform(0.2, 0.3)
        for hour in range(hours + 1):
            water -= slope * (4 * (water - 0.12) if is_curved else 1) * (0.5 if depth > 30 else 1)
            if any(hour - past in (0, 1) for past in watered):
                water += random.choice([0.0, 0.02, 0.035])
            water = min(max(water, 0.02), 0.42)
            lake.soil(start + hour * _HOUR, f"{plot_id}-{depth}", volumetric_water_content=round(water, 5),
                      soil_temperature_c=18 + 4 * math.sin(hour / 4) + random.random())  # fmt: skip


def _reports(district: District, plot_id: str, watered: set[int], random: Random) -> None:
    """Let crews report what came, at once or days later, and sometimes what never came."""
    start = _start(district)
    hours = int((district.now - start) / _HOUR)
    said = {
        hour + random.choice([random.randint(0, 5), random.randint(0, 5), random.randint(6, 80)])
        for hour in watered
        if random.random() < 0.7
    }
    said |= {hour for hour in range(24, hours) if random.random() < 0.003}
    issue = 0
    for number, hour in enumerate(sorted(said)):
        litres = random.choice([None, random.uniform(200, 60_000), random.uniform(200, 3_000)])
        told = [("done", hour, {} if litres is None else {"water_used_litres": litres})]
        if random.random() < 0.8:
            issue = number
            told.insert(0, ("opened", hour - random.randint(1, 100), {}))
        for kind, at, detail in told:
            district.lake.add(
                "issue_events", event_id=f"{plot_id}-{number}-{kind}", issue_id=f"{plot_id}-{issue}", plot_id=plot_id,
                happened_at=start + at * _HOUR + timedelta(minutes=5), kind=kind, cause="drought", actor="crew",
                detail_json=json.dumps(detail),
            )  # fmt: skip
