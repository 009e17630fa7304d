"""Forty-two invented plots in six grids on both banks: belts, pocket parks, lawns, tree rows and beds."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from greensward.simulate.ground import LocalPoint, to_lon_lat
from greensward.simulate.soil import SoilFacts

SECTION_M = 285.0
"""Length of bank that one grid covers, with the side street at its end."""
SECTIONS = 3
_LABORATORY_SHARE = 0.5
_ORDINALS = "一二三四五六"
_BANKS = (("L", "左岸", 1.0), ("R", "右岸", -1.0))

CLAY_LOAM = SoilFacts("clay_loam", field_capacity=0.345, wilting_point=0.200, saturation=0.465)
SILTY_CLAY = SoilFacts("silty_clay", field_capacity=0.395, wilting_point=0.255, saturation=0.515)
LOAM = SoilFacts("loam", field_capacity=0.285, wilting_point=0.140, saturation=0.455)
"""Near the values of Saxton and Rawls 2006, table 3, for these textures."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of plot: where across the bank it lies and what grows there.

    key: names the place inside a grid; along, across: from, to in metres of the section and from the canal
    """

    key: str
    name: str
    plot_type: str
    vegetation: str
    plants: str
    along: tuple[float, float]
    across: tuple[float, float]
    outline: str
    irrigation: str
    wetted_fraction: float


_SHAPES = (
    Shape(
        "belt",
        "滨河林带",
        "riverside",
        "trees",
        "国槐、绒毛白蜡、旱柳",
        (0, 255),
        (22, 38),
        "winding",
        "basin",
        0.12,
    ),
    Shape(
        "hedge1",
        "路侧绿篱东段",
        "road_green_belt",
        "shrubs",
        "大叶黄杨、金叶女贞",
        (0, 122),
        (48, 60),
        "straight",
        "drip",
        0.2,
    ),
    Shape(
        "hedge2",
        "路侧绿篱西段",
        "road_green_belt",
        "shrubs",
        "大叶黄杨、紫叶小檗",
        (132, 255),
        (48, 59),
        "straight",
        "drip",
        0.2,
    ),
    Shape(
        "row",
        "行道树",
        "street_trees",
        "trees",
        "国槐",
        (0, 255),
        (66, 70),
        "straight",
        "basin",
        0.08,
    ),
    Shape(
        "pocket",
        "口袋公园",
        "pocket_park",
        "cool_turf",
        "早熟禾、碧桃",
        (8, 62),
        (80, 124),
        "octagon",
        "sprinkler",
        0.7,
    ),
    Shape(
        "lawn",
        "游园草坪",
        "park",
        "cool_turf",
        "高羊茅、早熟禾",
        (78, 182),
        (80, 146),
        "round",
        "sprinkler",
        0.7,
    ),
)
_BEDS = (
    Shape(
        "bed",
        "桧柏林",
        "park",
        "conifers",
        "桧柏、油松",
        (196, 246),
        (82, 132),
        "octagon",
        "basin",
        0.25,
    ),
    Shape(
        "bed",
        "新栽海棠园",
        "park",
        "new_planting",
        "西府海棠、榆叶梅",
        (200, 226),
        (84, 100),
        "straight",
        "drip",
        0.35,
    ),
    Shape(
        "bed",
        "结缕草缓坡",
        "park",
        "warm_turf",
        "结缕草",
        (196, 240),
        (82, 116),
        "round",
        "sprinkler",
        0.5,
    ),
)


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot of the invented district; `ring` is closed, in local metres, `centre` lies inside."""

    plot_id: str
    grid_id: str
    crew: str
    shape: Shape
    name: str
    grade: int
    soil: SoilFacts
    has_laboratory: bool
    ring: tuple[LocalPoint, ...]
    centre: LocalPoint


def invent_plots(rng: random.Random) -> list[Plot]:
    """Return the plots, grid by grid; no two overlap."""
    plots: list[Plot] = []
    for section in range(SECTIONS):
        for number, (bank, bank_name, side) in enumerate(_BANKS):
            grid = section * len(_BANKS) + number
            place = f"北运河{bank_name}{_ORDINALS[section]}段"
            for shape in (*_SHAPES, _BEDS[(section + number) % len(_BEDS)]):
                ring = _outline(shape, section * SECTION_M, side, rng)
                plots.append(
                    Plot(
                        plot_id=f"BC-{bank}{section + 1}-{len(plots) % (len(_SHAPES) + 1) + 1:02d}",
                        grid_id=f"BY-{grid + 1:02d}",
                        crew="一队" if bank == "L" else "二队",
                        shape=shape,
                        name=f"{place}{shape.name}",
                        grade={
                            "pocket": 1,
                            "lawn": 1,
                            "hedge1": 2,
                            "hedge2": 2,
                            "bed": 2,
                        }.get(shape.key, 3),
                        soil=rng.choice((CLAY_LOAM, CLAY_LOAM, SILTY_CLAY, LOAM)),
                        has_laboratory=shape.key in {"hedge1", "hedge2", "row", "bed"}
                        or rng.random() < _LABORATORY_SHARE,
                        ring=ring,
                        centre=_centre(ring),
                    )
                )
    return plots


def plots_geojson(plots: Sequence[Plot]) -> dict[str, object]:
    """Return the plots as the GeoJSON that `greensward plots import` takes."""
    return {"type": "FeatureCollection", "features": [_feature(plot) for plot in plots]}


def _feature(plot: Plot) -> dict[str, object]:
    shape, soil = plot.shape, plot.soil
    bank = "左岸" if plot.crew == "一队" else "右岸"
    laboratory = {
        "field_capacity": soil.field_capacity,
        "wilting_point": soil.wilting_point,
        "saturation": soil.saturation,
    }
    planted = {"planted_on": "2025-04-08"} if shape.vegetation == "new_planting" else {}
    return {
        "type": "Feature",
        "properties": {
            "plot_id": plot.plot_id,
            "name": plot.name,
            "plot_type": shape.plot_type,
            "maintenance_grade": f"{_ORDINALS[plot.grade - 1]}级",
            "vegetation": shape.vegetation,
            "soil_texture": soil.texture,
            **(laboratory if plot.has_laboratory else {}),
            **planted,
            "irrigation": shape.irrigation,
            "wetted_fraction": shape.wetted_fraction,
            "plants": shape.plants,
            "grid_id": plot.grid_id,
            "responsible_unit": "园林养护一公司（示例）" if plot.crew == "一队" else "园林养护二公司（示例）",
            "responsible_person": "王工" if plot.crew == "一队" else "张师傅",
            "phone": "000-0000-0001" if plot.crew == "一队" else "000-0000-0002",
            "crew": plot.crew,
            "address_hint": f"{bank}，{'河堤步道旁' if shape.key == 'belt' else '运河路旁'}",
            "access_note": "路边可停车" if shape.key in {"hedge1", "hedge2", "row"} else "从步道口进",
            "water_source": "运河路取水栓" if shape.irrigation == "basin" else "园内水管",
        },
        "geometry": {
            "type": "Polygon",
            "coordinates": [_counterclockwise([to_lon_lat(point) for point in plot.ring])],
        },
    }


def _outline(shape: Shape, offset: float, side: float, rng: random.Random) -> tuple[LocalPoint, ...]:
    """Return a closed ring inside the shape's box, in local metres."""
    (a0, a1), (c0, c1) = shape.along, shape.across
    if shape.outline == "winding":
        steps = [a0 + (a1 - a0) * n / 12 for n in range(13)]
        phase, swing = rng.uniform(0, 2 * math.pi), rng.uniform(1.0, 2.0)
        bend = [swing * math.sin(phase + along / 45.0) for along in steps]
        near = [(along, c0 + 2 + b) for along, b in zip(steps, bend, strict=True)]
        far = [(along, c1 - 2 + b) for along, b in zip(steps, bend, strict=True)]
        corners = near + far[::-1]
    elif shape.outline == "straight":
        skew = rng.uniform(-0.4, 0.4)
        corners = [
            (a0, c0 + 0.5),
            (a1, c0 + 0.5 + skew),
            (a1, c1 - 0.5 + skew),
            (a0, c1 - 0.5),
        ]
    else:
        count = 8 if shape.outline == "octagon" else 24
        turn = math.pi / count
        # |cos|^power keeps the ring inside its box; a small power makes it nearly a rectangle.
        power = 0.45 if shape.outline == "octagon" else 0.7
        corners = [
            (
                (a0 + a1) / 2 + (a1 - a0) / 2 * _bulge(math.cos(turn + 2 * math.pi * n / count), power),
                (c0 + c1) / 2 + (c1 - c0) / 2 * _bulge(math.sin(turn + 2 * math.pi * n / count), power),
            )
            for n in range(count)
        ]
    ring = [(offset + along, side * across) for along, across in corners]
    return (*ring, ring[0])


def _bulge(value: float, power: float) -> float:
    return math.copysign(abs(value) ** power, value)


def _centre(ring: Sequence[LocalPoint]) -> LocalPoint:
    corners = ring[:-1]
    return sum(p[0] for p in corners) / len(corners), sum(p[1] for p in corners) / len(corners)


def _counterclockwise(ring: list[tuple[float, float]]) -> list[list[float]]:
    twice_area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
    ordered = ring if twice_area > 0 else ring[::-1]
    return [[lon, lat] for lon, lat in ordered]
