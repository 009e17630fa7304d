"""How water and warmth move in the invented soil: a bucket for each of three layers, and heat damped with depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from greensward.simulate.weather import STEP_S, STEPS_PER_DAY, Series, Weather

LAYER_TOPS_M = (0.0, 0.20, 0.45)
LAYER_THICKNESS_M = np.array([0.20, 0.25, 0.55])
LOWEST = 2
_DRAINAGE_S = 6 * 3600.0
_WATERING_STEPS = 6
_WATERING_HOUR = 6


@dataclass(frozen=True, slots=True)
class SoilFacts:
    """Texture (USDA code) and its water contents, m³/m³."""

    texture: str
    field_capacity: float
    wilting_point: float
    saturation: float


@dataclass(frozen=True, slots=True)
class Vegetation:
    """What grows and how it drinks.

    zr_m: root depth; p: fraction that may be used before stress (soil.md, section 3)
    kc: crop coefficient in March; roots: share of the water taken from each layer
    """

    zr_m: float
    p: float
    kc: float
    roots: tuple[float, float, float]


VEGETATION = {
    "cool_turf": Vegetation(0.30, 0.40, 0.75, (0.85, 0.15, 0.0)),
    "warm_turf": Vegetation(0.40, 0.50, 0.45, (0.75, 0.25, 0.0)),
    "shrubs": Vegetation(0.60, 0.50, 0.75, (0.45, 0.40, 0.15)),
    "trees": Vegetation(1.00, 0.50, 0.60, (0.30, 0.35, 0.35)),
    "conifers": Vegetation(1.00, 0.70, 0.75, (0.30, 0.35, 0.35)),
    "new_planting": Vegetation(0.60, 0.40, 0.70, (0.45, 0.40, 0.15)),
}


@dataclass(frozen=True, slots=True)
class SoilState:
    """Water content, m³/m³, [step, plot, layer]; `watered` holds (step, plot) of each watering."""

    water: npt.NDArray[np.float64]
    watered: tuple[tuple[int, int], ...]


def simulate_water(
    weather: Weather,
    soils: Sequence[SoilFacts],
    plants: Sequence[Vegetation],
    depletion: Series,
    watered_at: Series,
) -> SoilState:
    """Return the water content of every plot at every step.

    depletion: share of the available water gone at the start, per plot
    watered_at: depletion of the root zone at which a crew waters the plot at 06:00; 2.0 for never
    """
    fc = np.array([[soil.field_capacity] * 3 for soil in soils])
    wp = np.array([[soil.wilting_point] * 3 for soil in soils])
    sat = np.array([[soil.saturation] * 3 for soil in soils])
    roots = np.array([plant.roots for plant in plants])
    kc = np.array([plant.kc for plant in plants])
    p = np.array([plant.p for plant in plants])
    zone = np.array([_thickness_within(plant.zr_m) for plant in plants])
    taw = ((fc - wp) * zone).sum(axis=1)
    theta = fc - depletion[:, None] * (fc - wp)
    water = np.empty((weather.rain_mm.size, len(soils), 3))
    watered: list[tuple[int, int]] = []
    remaining = np.zeros(len(soils))
    for step in range(water.shape[0]):
        gone = ((fc - theta).clip(0) * zone).sum(axis=1) / taw
        if step % STEPS_PER_DAY == _WATERING_HOUR * 3600 // STEP_S:
            due = np.flatnonzero(gone >= watered_at)
            watered += [(step, int(plot)) for plot in due]
            # What a crew brings: the root zone back to a tenth below full.
            remaining[due] = ((gone - 0.1) * taw)[due] / _WATERING_STEPS
        elif step % STEPS_PER_DAY >= _WATERING_HOUR * 3600 // STEP_S + _WATERING_STEPS:
            remaining[:] = 0.0
        stress = ((1 - gone) / (1 - p)).clip(0.0, 1.0)
        taken_m = (kc * stress * weather.et0_mm[step] / 1000.0)[:, None] * roots
        theta = np.maximum(theta - taken_m / LAYER_THICKNESS_M, wp - 0.02)
        theta[:, 0] += (weather.rain_mm[step] / 1000.0 + remaining) / LAYER_THICKNESS_M[0]
        for layer in range(3):
            over = (theta[:, layer] - fc[:, layer]).clip(0.0)
            flow = over * min(1.0, STEP_S / _DRAINAGE_S) + (theta[:, layer] - over - sat[:, layer]).clip(0.0)
            theta[:, layer] -= flow
            if layer < LOWEST:
                theta[:, layer + 1] += flow * LAYER_THICKNESS_M[layer] / LAYER_THICKNESS_M[layer + 1]
        theta = np.minimum(theta, sat)
        water[step] = theta
    return SoilState(water, tuple(watered))


def layer_at(depth_m: float) -> int:
    """Return the layer that a probe at `depth_m` feels."""
    return max(layer for layer, top in enumerate(LAYER_TOPS_M) if depth_m >= top)


def soil_temperature(weather: Weather, depth_m: float, offset_c: float) -> Series:
    """Return °C at a depth: the daily mean, slow and late, and a daily wave that dies away (damping depth 0.10 m).

    offset_c: how much colder or warmer the place is than the open site
    """
    lag_s = 86_400.0 * (0.4 + (depth_m / 0.10) ** 2 * 0.5)
    mean = np.empty_like(weather.daily_mean_c)
    held = 1.0 + 1.5 * min(1.0, depth_m / 0.3)
    for step, air in enumerate(weather.daily_mean_c):
        held += (air - held) * STEP_S / lag_s
        mean[step] = held
    wave = 5.0 * math.exp(-depth_m / 0.10) * np.cos(2 * math.pi * (weather.hour - 15.0) / 24.0 - depth_m / 0.10)
    return np.asarray(mean + wave + offset_c)


def read_frozen(theta: Series, temperature_c: Series) -> Series:
    """Return what a capacitance probe reads: ice is nearly invisible to it, so frozen soil reads as dry."""
    liquid = 0.40 + 0.60 * np.exp(np.minimum(temperature_c, 0.0) / 0.7)
    return np.asarray(np.where(temperature_c < 0.0, theta * liquid, theta))


def depletion_seen(
    depths_m: Sequence[float],
    theta: Sequence[float],
    soil: SoilFacts,
    plant: Vegetation,
) -> float:
    """Return fDr as the root-zone rule of soil.md, section 3, sees it from probes at `depths_m` (FAO-56 eq. 82)."""
    borders = [
        0.0,
        *((a + b) / 2 for a, b in pairwise(depths_m)),
    ]
    last = min(plant.zr_m, depths_m[-1] + max(0.10, depths_m[-1] - borders[-1]))
    thickness = [b - a for a, b in zip(borders, [*borders[1:], last], strict=True)]
    total = sum(thickness) * (soil.field_capacity - soil.wilting_point)
    gone = sum((soil.field_capacity - value) * d for value, d in zip(theta, thickness, strict=True))
    return min(1.0, max(0.0, gone / total))


def _thickness_within(zr_m: float) -> list[float]:
    return [max(0.0, min(zr_m, top + d) - top) for top, d in zip(LAYER_TOPS_M, LAYER_THICKNESS_M, strict=True)]
