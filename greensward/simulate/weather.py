"""Three weeks of invented early-spring weather beside the canal: a cold snap, two light rains, then drying wind.

The season is the weeks before 28 March, when the turf greens up (返青): the nights still freeze, it hardly rains
and the plants start to drink. So frozen ground, drying plots and a sick evergreen hedge are all believable in one
story. Temperatures and rain are near the March normals of Tianjin (daily mean 1 °C at the start of the month to 10 °C
at its end, 8 mm of rain in the month).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STEP_S = 1200
"""Time step of the weather and of the soil, seconds."""
STEPS_PER_DAY = 86_400 // STEP_S
_LATITUDE_DEG = 39.22

Series = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weather:
    """One value per step, the first at local midnight of the first day.

    hour: local hour of day; air_c: °C; rain_mm, et0_mm: mm in the step; humidity_pct: %
    """

    hour: Series
    air_c: Series
    daily_mean_c: Series
    rain_mm: Series
    et0_mm: Series
    humidity_pct: Series


def invent_weather(rng: np.random.Generator, days: int, first_day_of_year: float) -> Weather:
    """Return the weather of `days` whole days."""
    day = np.arange(days)
    warming = 1.5 + 9.5 * day / max(days - 1, 1)
    wobble = np.convolve(rng.normal(0.0, 1.6, days + 2), [0.25, 0.5, 0.25], mode="valid")
    snap = -6.5 * np.exp(-(((day - 0.12 * days) / 1.4) ** 2))
    mean_c = warming + wobble + snap
    range_c = rng.uniform(8.5, 12.5, days)
    rain_days = {int(0.29 * days): 3.6, int(0.62 * days): 6.2}
    hour = np.tile(np.arange(STEPS_PER_DAY) * STEP_S / 3600.0, days)
    which = np.repeat(day, STEPS_PER_DAY)
    # Coldest at about 05:00, warmest at about 15:00.
    swing = np.cos(2 * math.pi * (hour - 15.0) / 24.0)
    smooth_mean = np.interp(np.arange(days * STEPS_PER_DAY) / STEPS_PER_DAY, day + 0.5, mean_c)
    air = smooth_mean + swing * range_c[which] / 2 + rng.normal(0, 0.15, which.size)
    rain = np.zeros(which.size)
    for wet_day, total in rain_days.items():
        start = wet_day * STEPS_PER_DAY + int(rng.integers(9, 30))
        length = int(rng.integers(9, 18))
        shape = np.sin(np.linspace(0.2, math.pi - 0.2, length))
        rain[start : start + length] += total * float(rng.uniform(0.85, 1.15)) * shape / shape.sum()
    daylight = np.clip(np.sin(math.pi * (hour - 6.0) / 12.0), 0.0, None)
    daily_et0 = np.array(
        [_hargreaves(m, r, first_day_of_year + float(d)) for d, m, r in zip(day, mean_c, range_c, strict=True)]
    )
    et0 = daily_et0[which] * daylight / daylight[:STEPS_PER_DAY].sum() * np.where(rain > 0, 0.2, 1.0)
    humidity = np.clip(
        48.0 - 14.0 * swing + 30.0 * (rain > 0) + rng.normal(0, 2.0, which.size),
        12.0,
        98.0,
    )
    return Weather(hour, air, smooth_mean, rain, et0, humidity)


def _hargreaves(mean_c: float, range_c: float, day_of_year: float) -> float:
    """Return reference evapotranspiration, mm a day (Hargreaves and Samani 1985; FAO-56 eq. 52 and 21-25)."""
    latitude = math.radians(_LATITUDE_DEG)
    distance = 1 + 0.033 * math.cos(2 * math.pi * day_of_year / 365)
    declination = 0.409 * math.sin(2 * math.pi * day_of_year / 365 - 1.39)
    sunset = math.acos(-math.tan(latitude) * math.tan(declination))
    radiation = (
        24 * 60 / math.pi * 0.0820 * distance
        * (
            sunset * math.sin(latitude) * math.sin(declination)
            + math.cos(latitude) * math.cos(declination) * math.sin(sunset)
        )
    )  # fmt: skip
    return max(0.2, 0.0023 * (mean_c + 17.8) * math.sqrt(range_c) * 0.408 * radiation)
