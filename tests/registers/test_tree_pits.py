"""Tree pits in a plots file: a number and a radius, or a radius for each."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ingest.registers.findings import Findings
from ingest.registers.property_values import Given
from ingest.registers.tree_pits import read_tree_pits


def read(**properties: Any) -> tuple[dict[str, Any], list[str]]:
    findings = Findings()
    given = Given({name: (name, value) for name, value in properties.items()})
    facts = read_tree_pits(given, findings.at(0))
    return facts, [finding.code for finding in findings.all]


@pytest.mark.parametrize(
    ("properties", "pits", "area"),
    [
        ({"tree_pits": 12, "tree_pit_radius_m": 0.6}, 12, 12 * math.pi * 0.36),
        ({"tree_pits": "12", "tree_pit_radius_m": "0.6 m"}, 12, 12 * math.pi * 0.36),
        ({"tree_pit_radius_m": "0.6、0.6，0.8"}, 3, math.pi * (0.36 + 0.36 + 0.64)),
        ({"tree_pits": 2, "tree_pit_radius_m": [0.5, 1.0]}, 2, math.pi * 1.25),
        ({}, None, None),
    ],
)
def test_pits_are_counted_and_measured(properties: dict[str, Any], pits: int | None, area: float | None) -> None:
    facts, codes = read(**properties)
    assert not codes
    assert facts["tree_pits"] == pits
    assert facts["tree_pit_area_m2"] == (None if area is None else pytest.approx(area))


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"tree_pits": 12}, "missing_property"),
        ({"tree_pit_radius_m": 0.6}, "missing_property"),
        ({"tree_pits": 3, "tree_pit_radius_m": [0.6, 0.6]}, "wrong_order"),
        ({"tree_pits": 12, "tree_pit_radius_m": 60}, "out_of_range"),
        ({"tree_pits": 1.5, "tree_pit_radius_m": 0.6}, "out_of_range"),
        ({"tree_pits": 0, "tree_pit_radius_m": 0.6}, "out_of_range"),
        ({"tree_pits": 2, "tree_pit_radius_m": "wide"}, "out_of_range"),
    ],
)
def test_half_a_statement_or_an_absurd_one_is_a_fault(properties: dict[str, Any], code: str) -> None:
    facts, codes = read(**properties)
    assert codes == [code]
    assert facts == {"tree_pits": None, "tree_pit_area_m2": None}
