"""How much water, by when, and whether it arrived, said once more in plain Python.

Written from the specification (section 4), FAO-56 and ASCE 2005 alone, without a look at the SQL that
`bench.second_reading_of_water` holds against it. Millimetres, degrees Celsius, MJ/m² and kPa.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import product
from statistics import fmean, median

from bench.plain_reading import CLOSE

DAY = timedelta(days=1)
_STEFAN_BOLTZMANN = 4.901e-9
_KELVIN = 273.16


def saturation_kpa(temperature_c: float) -> float:
    """Return the pressure of saturated vapour (FAO-56 equation 11)."""
    return 0.6108 * math.exp(17.27 * temperature_c / (temperature_c + 237.3))


def sun_mj(day: date, latitude_deg: float) -> float:
    """Return the radiation above the air (FAO-56 equations 21 to 25)."""
    number = day.timetuple().tm_yday
    latitude = math.radians(latitude_deg)
    nearness = 1 + 0.033 * math.cos(2 * math.pi * number / 365)
    declination = 0.409 * math.sin(2 * math.pi * number / 365 - 1.39)
    sunset = math.acos(-math.tan(latitude) * math.tan(declination))
    height = sunset * math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.sin(sunset)
    return 24 / math.pi * 4.92 * nearness * height


@dataclass(frozen=True, slots=True)
class Air:
    """A day of weather; None is what nobody measured. Wind at 2 m; pressure of the air or of the elevation."""

    day: date
    most_c: float
    least_c: float
    vapour_kpa: float | None
    wind_m_s: float | None
    radiation_mj: float | None
    pressure_kpa: float
    elevation_m: float


def pressure_kpa(elevation_m: float) -> float:
    """Return the usual pressure of an elevation (FAO-56 equation 7)."""
    return 101.3 * math.pow((293 - 0.0065 * elevation_m) / 293, 5.26)


def wind_at_2_m(wind_m_s: float, height_m: float) -> float:
    """Return the wind at 2 m (FAO-56 equation 47)."""
    return wind_m_s * 4.87 / math.log(67.8 * height_m - 5.42)


def reference_et0_mm(air: Air, latitude_deg: float) -> float:
    """Return the ET0 of a short grass on a day (FAO-56 equation 6; equations 48 and 50 for what is missing)."""
    above = sun_mj(air.day, latitude_deg)
    clear = (0.75 + 2e-5 * air.elevation_m) * above
    sun = air.radiation_mj
    if sun is None:
        sun = min(0.16 * math.sqrt(max(air.most_c - air.least_c, 0.0)) * above, clear)
    vapour = saturation_kpa(air.least_c) if air.vapour_kpa is None else air.vapour_kpa
    wind = 2.0 if air.wind_m_s is None else air.wind_m_s
    cloud = 1.35 * min(max(sun / clear, 0.3), 1.0) - 0.35
    fourth = fmean((degrees + _KELVIN) ** 4 for degrees in (air.most_c, air.least_c))
    net = 0.77 * sun - _STEFAN_BOLTZMANN * fourth * (0.34 - 0.14 * math.sqrt(vapour)) * cloud
    mean_c = (air.most_c + air.least_c) / 2
    saturated = (saturation_kpa(air.most_c) + saturation_kpa(air.least_c)) / 2
    slope = 4098 * saturation_kpa(mean_c) / (mean_c + 237.3) ** 2
    gamma = 0.000665 * air.pressure_kpa
    dryness = gamma * 900 / (mean_c + 273) * wind * (saturated - vapour)
    return max((0.408 * slope * net + dryness) / (slope + gamma * (1 + 0.34 * wind)), 0.0)


def hargreaves_et0_mm(day: date, least_c: float, most_c: float, latitude_deg: float) -> float:
    """Return ET0 of forecast temperatures (FAO-56 equation 52)."""
    above_mm = 0.408 * sun_mj(day, latitude_deg)
    return 0.0023 * ((least_c + most_c) / 2 + 17.8) * math.sqrt(max(most_c - least_c, 0.0)) * above_mm


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a source issued for a local day."""

    source: str
    issued_at: datetime
    day: date
    rain_mm: float | None
    rain_pct: float | None
    least_c: float | None
    most_c: float | None


def newest_by_day(forecasts: Iterable[Forecast], now: datetime) -> dict[date, Forecast]:
    """Return for each day what was issued last, up to 72 h ago; of two at one instant the first by name of source."""
    found: dict[date, Forecast] = {}
    by_source = sorted(forecasts, key=lambda one: one.source, reverse=True)
    for one in sorted(by_source, key=lambda one: one.issued_at):
        if now - 72 * timedelta(hours=1) <= one.issued_at <= now:
            found[one.day] = one
    return found


def rain_to_come(forecasts: Mapping[date, Forecast], now: datetime) -> tuple[float, float]:
    """Return the rain promised for 48 h in mm and the chance in percent of 5 mm or more; `now` by the site's clock."""
    end = now + 2 * DAY
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    outcomes: list[tuple[float, float]] = []
    for number in range(3):
        begins = midnight + number * DAY
        share = max((min(begins + DAY, end) - max(begins, now)) / DAY, 0.0)
        one = forecasts.get(begins.date())
        if one is not None and one.rain_mm is not None and one.rain_pct is not None:
            outcomes.append((one.rain_mm * share, one.rain_pct / 100))
    chance = 0.0
    for falls in product((True, False), repeat=len(outcomes)):
        rain = sum(amount for (amount, _), it_rains in zip(outcomes, falls, strict=True) if it_rains)
        if outcomes and rain >= 5 - CLOSE:
            chance += math.prod(p if it_rains else 1 - p for (_, p), it_rains in zip(outcomes, falls, strict=True))
    return sum(amount for amount, _ in outcomes), 100 * chance


@dataclass(frozen=True, slots=True)
class Need:
    """The water of a plot: mm over what is watered, litres, visits, and whether the sum looks odd."""

    net_mm: float
    gross_mm: float
    litres: float
    visits: int
    is_unusual: bool
    is_put_off: bool


_EFFICIENCY = {"basin": 0.60, "sprinkler": 0.75, "drip": 0.90}
_VISIT_MAX_MM = {"basin": 70.0, "sprinkler": 30.0}


def need(
    depletion_mm: float, available_mm: float, irrigation: str, watered_m2: float, *, pits: int | None,
    vegetation: str, leaching: float, leaching_is_held: bool, rain_mm: float, rain_is_likely: bool, setting: str,
    is_severest: bool,
) -> Need:  # fmt: skip
    """Return the water for a whole root zone, after forecast rain; setting: cancel, reduce or proceed."""
    wanted = max(0.0, depletion_mm - 0.10 * available_mm)
    is_rain_counted = rain_is_likely and not is_severest  # a plot at its wilting point does not wait for rain
    counted = rain_mm if is_rain_counted and setting == "reduce" else 0.0
    net = 0.0 if is_rain_counted and setting == "cancel" else max(0.0, wanted - counted)
    waits = is_rain_counted and setting != "proceed" and wanted > 0 and net == 0
    gross = net / (_EFFICIENCY[irrigation] * (1 - leaching))
    litres = gross * watered_m2
    visits = math.ceil(gross / _VISIT_MAX_MM[irrigation] - CLOSE) if irrigation in _VISIT_MAX_MM else 1
    each, usual = (litres / pits, (50.0, 80.0)) if pits else (gross, (20.0, 30.0) if vegetation == "shrubs" else None)
    odd = usual is not None and not counted and not usual[0] / 2 - CLOSE <= each <= usual[1] * 2 + CLOSE
    return Need(net, gross, litres, max(visits, 1), (odd and not waits) or leaching_is_held, waits)


def leaching_requirement(water_ec: float | None, soil_ece: float | None) -> tuple[float, bool]:
    """Return LR = ECw / (5 ECe - ECw), 0 where one is unknown, and whether it is held at a half."""
    if water_ec is None or soil_ece is None:
        return 0.0, False
    below = 5 * soil_ece - water_ec
    share = math.inf if below <= 0 else water_ec / below
    return min(share, 0.5), share > 0.5 + CLOSE


def days_until(
    now: datetime, noon: datetime, depletion_mm: float, line_mm: float, use_mm: Mapping[date, float]
) -> float:
    """Return in how many days from `now` the depletion reaches the line; 14 is so many or more.

    noon: of the day whose mean `depletion_mm` is; each day brings its use from the noon before it to its own
    """
    depletion, number = depletion_mm, 0
    while (day := noon.date() + (number + 1) * DAY) in use_mm:
        if depletion + use_mm[day] >= line_mm:
            into = (line_mm - depletion) / use_mm[day]
            return min(max((noon + (number + into) * DAY - now) / DAY, 0.0), 14.0)
        depletion = max(depletion + use_mm[day], 0.0)
        number += 1
    return 14.0


def curve_days(
    days: Mapping[date, float], line: float, wilting_point: float, driest: float, most: float
) -> tuple[float, float, float | None]:
    """Return how long after the newest noon a line and two exponentials reach the line; `most` where they never do.

    days: daily root-zone means since the last rise, the first two left out; driest: the first percentile of the window
    """
    newest = max(days)
    floor = max(wilting_point, driest - 0.005)
    floor = floor if floor < line else wilting_point

    def row(number: int) -> list[tuple[float, float]]:
        return [((day - newest) / DAY, days[day]) for day in sorted(days)[-number:]]

    def slope(points: list[tuple[float, float]]) -> float:
        t, y = fmean(point[0] for point in points), fmean(point[1] for point in points)
        return sum((a - t) * (b - y) for a, b in points) / sum((a - t) ** 2 for a, _ in points)

    straight = slope(row(3))
    line_days = min((line - days[newest]) / straight, most) if straight < 0 else most

    def exponential(number: int) -> float | None:
        points = row(number)
        if len(points) < number:
            return None
        if any(value <= floor for _, value in points):
            return most if number == 3 else None
        rate = slope([(t, math.log(value - floor)) for t, value in points])
        return min(math.log((line - floor) / (days[newest] - floor)) / rate, most) if rate < 0 else most

    return line_days, exponential(3) or most, exponential(5)


def balance(
    start_mm: float, available_mm: float, p: float, coefficient: float,
    days: Sequence[tuple[float, float, float]],
) -> list[tuple[float, float, float]]:  # fmt: skip
    """Return Ks, actual ET and the depletion at the end of days of ET0, rain and watering (FAO-56 equations 84, 85)."""
    rows, depletion = [], start_mm
    for et0, rain, water in days:
        wanted = coefficient * et0
        moved = min(max(p + 0.04 * (5 - wanted), 0.1), 0.8)
        ks = min(max((available_mm - depletion) / ((1 - moved) * available_mm), 0.0), 1.0)
        depletion = min(max(depletion - rain - water + ks * wanted, 0.0), available_mm)
        rows.append((ks, ks * wanted, depletion))
    return rows


def arrived(
    brought_mm: float, lacking_mm: float, used_mm: float, before_mm: Sequence[float], after_mm: Sequence[float],
    *, rain_mm: float, may_be_late: bool,
) -> tuple[float, float, str | None]:  # fmt: skip
    """Return expected and observed rise in mm, and what became of the water; hours of water in mm before and after.

    rain_mm: that fell meanwhile; may_be_late: the water may have come long before, as `came_before` tells
    """
    expected = min(brought_mm, lacking_mm) - used_mm
    observed = median(after_mm) - min(before_mm)
    if expected <= 0:
        return expected, observed, None
    ratio = observed / expected
    if ratio >= 0.2 - CLOSE and rain_mm >= 1 - CLOSE:
        return expected, observed, "rained"
    if ratio >= 0.5 - CLOSE:
        return expected, observed, "verified"
    return expected, observed, "reported_late" if may_be_late else "partial" if ratio >= 0.2 - CLOSE else "ineffective"


def came_before(brought_mm: float, lacking_mm: float, hours_mm: Sequence[float], rain_mm: float) -> tuple[float, float]:
    """Return by how many mm a rise exceeds what a late report asks of it, and half of the rise the rain.

    lacking_mm: just before the report; hours_mm: water of the hours, in order, in which it may have come
    """
    rise = max((after - min(hours_mm[: number + 1]) for number, after in enumerate(hours_mm)), default=0.0)
    return rise - max(3.0, 0.2 * min(brought_mm, lacking_mm + rise)), 0.5 * rise - rain_mm
