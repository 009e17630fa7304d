"""Layers of soil in a plots file: as a list, as text from a table, and everything that can be wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingest.registers.texture_class import texture_class
from sql.reference import reference_rows

Make = Callable[..., Any]

LAYERS = [
    {"to_cm": 40, "texture": "壤土"},
    {"to_cm": 100, "field_capacity": 0.26, "wilting_point": 0.12, "saturation": 0.45},
    {"to_cm": 150, "sand_pct": 25, "clay_pct": 50, "organic_matter_pct": 1},
]
AS_JSON = (
    '[{"to_cm": 40, "texture": "loam"}, {"to_cm": "100", "fc": 0.26, "wp": 0.12, "sat": 0.45}, '
    '{"from_cm": 100, "to_cm": 150, "sand_pct": 25, "clay_pct": 50, "om": 1}]'
)


@pytest.fixture
def layered(plot: Make, square: Make, checked: Make) -> Callable[..., Any]:
    """Return a function that checks one plot of no texture with the given soil_layers."""
    return lambda layers: checked(plot("P-1", square(), soil_texture=None, soil_layers=layers))


@pytest.mark.parametrize(
    "written",
    [
        LAYERS,
        "0-40 loam; 40-100 0.26/0.12/0.45; 100-150 sand=25 clay=50 om=1",
        "40:壤土；100: fc=0.26 wp=0.12 sat=0.45；150 cm 砂粒=25 黏粒=50 有机质=1",
        AS_JSON,
    ],
    ids=["list", "text", "Chinese text", "JSON in a text"],
)
def test_the_same_layers_may_be_written_in_several_ways(layered: Make, written: object) -> None:
    check = layered(written)
    assert check.findings == ()
    nothing = dict.fromkeys(("field_capacity", "wilting_point", "saturation"))
    no_grains = dict.fromkeys(("sand_pct", "clay_pct", "organic_matter_pct"))
    measured = {"field_capacity": 0.26, "wilting_point": 0.12, "saturation": 0.45}
    assert check.plots[0].facts["soil_layers"] == [
        {"to_cm": 40.0, "soil_texture": "loam"} | nothing | no_grains,
        {"to_cm": 100.0, "soil_texture": None} | measured | no_grains,
        {"to_cm": 150.0, "soil_texture": "clay", "sand_pct": 25.0, "clay_pct": 50.0, "organic_matter_pct": 1.0}
        | nothing,
    ]


@pytest.mark.parametrize(
    ("written", "code", "where"),
    [
        ("100 loam; 40 clay", "layers_wrong_order", "/1/to_cm"),
        ("40 loam; 40 clay", "layers_wrong_order", "/1/to_cm"),
        ("0-40 loam; 50-100 clay", "layers_gap", "/1/from_cm"),
        ("10-40 loam", "layers_gap", "/0/from_cm"),
        ("0-40 loam; 30-100 clay", "layers_overlap", "/1/from_cm"),
        ("0 loam", "out_of_range", "/0/to_cm"),
        ("1001 loam", "out_of_range", "/0/to_cm"),
        ("40 0.12/0.26", "wrong_order", "/0/field_capacity"),
        ("40 0.26/0.26", "wrong_order", "/0/field_capacity"),
        ("40 0.26/0.12/0.2", "wrong_order", "/0/saturation"),
        ("40 26/12", "percent_not_fraction", "/0/field_capacity"),
        ("40 fc=26% wp=0.12", "percent_not_fraction", "/0/fc"),
        ("40 fc=1.5 wp=0.12", "percent_not_fraction", "/0/fc"),
        ("40 fc=-0.2 wp=0.12", "out_of_range", "/0/fc"),
        ("40 moss", "unknown_soil_texture", "/0/texture"),
        ("40 重壤土", "unknown_soil_texture", "/0/texture"),
        ("40 fc=0.26", "no_soil_facts", "/0"),
        ("40 sand=40", "missing_property", "/0/clay_pct"),
        ("40 sand=70 clay=31", "wrong_sum", "/0/clay"),
        ("40 sand=101 clay=0", "out_of_range", "/0/sand"),
        ("40 color=brown", "unknown_property", "/0"),
        ("40 fc=0.2 fc=0.3 wp=0.1", "property_twice", "/0"),
        ("loam", "not_soil_layers", ""),
        ([{"texture": "loam"}], "missing_property", "/0/to_cm"),
        ([{"to_cm": 40, "texture": "loam", "fc": 0.2, "field_capacity": 0.3}], "property_twice", "/0"),
        ([{"to_cm": True, "texture": "loam"}], "not_a_number", "/0/to_cm"),
        ([40, 100], "not_soil_layers", "/0"),
        ('[{"to_cm": 40, "texture": ["loam"]}]', "not_soil_layers", ""),
        ([], "not_soil_layers", ""),
        (40, "not_soil_layers", ""),
        ("; ".join(f"{number} loam" for number in range(1, 22)), "not_soil_layers", ""),
    ],
)
def test_layers_that_do_not_fit_are_named_with_their_place(
    layered: Make, written: object, code: str, where: str
) -> None:
    check = layered(written)
    faults = [found for found in check.findings if found.severity == "fault"]
    fault = next(found for found in faults if found.code == code)
    assert fault.pointer == f"/features/0/properties/soil_layers{where}"
    assert fault.expected
    assert fault.advice
    assert check.plots == ()


def test_layers_are_enough_to_know_a_soil(layered: Make) -> None:
    assert layered("40 loam").findings == ()
    assert [found.code for found in layered(None).findings] == ["no_soil_facts"]


def test_grains_give_the_texture_class_that_nobody_wrote(plot: Make, square: Make, checked: Make) -> None:
    def facts(**soil: object) -> tuple[Any, list[str]]:
        check = checked(plot("P-1", square(), **{"soil_texture": None, "sand_pct": 25, "clay_pct": "50 %"} | soil))
        return check.plots[0].facts["soil_texture"], [found.code for found in check.findings]

    assert facts() == ("clay", [])
    assert facts(soil_texture="clay") == ("clay", [])
    assert facts(soil_texture="sand") == ("sand", ["texture_unlike_grains"])
    assert facts(clay_pct=60, organic_matter_pct=8) == ("clay", [])
    assert facts(clay_pct=60.5, organic_matter_pct=8.5) == ("clay", ["unusual_value", "unusual_value"])


@pytest.mark.parametrize("row", reference_rows("soil_textures"), ids=lambda row: row["texture_key"])
def test_the_grains_of_each_texture_lie_in_their_class(row: dict[str, str]) -> None:
    assert texture_class(float(row["sand_pct"]), float(row["clay_pct"])) == row["texture_key"]


@pytest.mark.parametrize(
    ("sand_pct", "clay_pct", "wanted"),
    [
        (86, 10, "loamy_sand"),
        (85, 10, "loamy_sand"),
        (70, 15, "sandy_loam"),
        (71, 15, "sandy_loam"),
        (52, 7, "loam"),
        (52.5, 7, "sandy_loam"),
        (45, 27, "clay_loam"),
        (45.5, 27, "sandy_clay_loam"),
        (20, 27, "silty_clay_loam"),
        (20, 40, "silty_clay"),
        (20.5, 40, "clay"),
        (46, 35, "sandy_clay"),
        (46, 34.5, "sandy_clay_loam"),
        (8, 12, "silt_loam"),
        (8, 11.5, "silt"),
        (0, 100, "clay"),
        (100, 0, "sand"),
        (0, 0, "silt"),
    ],
)
def test_lines_of_the_triangle_belong_to_the_right_side(sand_pct: float, clay_pct: float, wanted: str) -> None:
    """Soil Survey Manual, chapter 3: the class definitions with their inclusive bounds."""
    assert texture_class(sand_pct, clay_pct) == wanted
