"""How much water a plot needs (spec/soil.md section 4)."""

from __future__ import annotations

import math

import pytest

from tests.sql.made_lake import MadeLake

LOAM_AT_THE_LINE = (0.2796 + 0.1370) / 2
"""Water content at p = 0.5 of a loam by Saxton and Rawls 2006."""


def test_the_worked_example_of_the_specification(lake: MadeLake) -> None:
    """Loam, 0.6 m, p 0.5, at the trigger: TAW 86, Dr 43, I 34, gross 57 mm; a pit of 0.6 m radius takes 65 L."""
    lake.plot(area_m2=math.pi * 0.6**2)
    lake.device()
    lake.soil_until_now([LOAM_AT_THE_LINE] * 3)
    flag = lake.flag("drought")
    assert round(flag["total_available_water_mm"]) == 86
    assert round(flag["depletion_mm"]) == 43
    assert round(flag["net_mm"]) == 34
    assert round(flag["gross_mm"]) == 57
    assert flag["litres"] == pytest.approx(65, abs=0.6)
    assert (
        flag["inputs"]["watering"]["sum"] == "(42.8 - 0.10 x 85.6) mm = 34.2 mm; / 0.60 = 57.0 mm; x 1 m2 x 1.00 = 65 L"
    )


def test_litres_follow_the_wetted_area_and_the_way_of_watering(lake: MadeLake) -> None:
    """Depletion 54 of 84 mm: net 45.6 mm."""
    for irrigation in ("basin", "sprinkler", "drip", None):
        lake.dry_down(str(irrigation), [0.19] * 3, irrigation=irrigation, wetted_fraction=0.5, area_m2=200.0)
    litres = {plot: flag["litres"] for plot, flag in lake.verdicts().items()}
    assert litres == pytest.approx(
        {"basin": 100 * 45.6 / 0.6, "sprinkler": 100 * 45.6 / 0.75, "drip": 100 * 45.6 / 0.9, "None": 100 * 45.6 / 0.6},
        abs=0.1,
    )


def test_more_than_a_visit_can_bring_is_several_visits(lake: MadeLake) -> None:
    """Sprinkler 30 mm, basin 70 mm a visit; gross = (1000 x 0.6 (0.28 - theta) - 8.4) / Ea."""
    at_30_mm = 0.28 - (30 * 0.75 + 8.4) / 600
    at_70_mm = 0.28 - (70 * 0.60 + 8.4) / 600
    lake.dry_down("sprinkler once", [0.2] * 2 + [at_30_mm], irrigation="sprinkler")
    lake.dry_down("sprinkler twice", [0.2] * 2 + [at_30_mm - 0.0002], irrigation="sprinkler")
    lake.dry_down("basin once", [at_70_mm] * 3)
    lake.dry_down("basin twice", [at_70_mm - 0.0002] * 3)
    lake.dry_down("drip", [0.15] * 3, irrigation="drip")
    verdicts = lake.verdicts()
    assert {plot: flag["visits"] for plot, flag in verdicts.items()} == {
        "sprinkler once": 1,
        "sprinkler twice": 2,
        "basin once": 1,
        "basin twice": 2,
        "drip": 1,
    }


def test_a_root_zone_known_in_part_is_watered_as_a_whole(lake: MadeLake) -> None:
    """A probe at 20 cm covers 0.4 of 0.6 m: what is missing there is missing below too."""
    lake.dry_down("P1", [0.19] * 3, depth_cm=20.0)
    flag = lake.flag("drought")
    assert flag["depletion_mm"] == pytest.approx(36.0)
    assert flag["net_mm"] == pytest.approx((36.0 - 5.6) * 0.6 / 0.4)


def test_an_unusual_amount_asks_to_check_the_parameters(lake: MadeLake) -> None:
    """Shrubs usually take 20 to 30 L/m2: above 60 is unusual."""
    at_60_mm = 0.28 - (60 * 0.6 + 8.4) / 600
    lake.dry_down("usual", [at_60_mm + 0.0001] * 3)
    lake.dry_down("unusual", [at_60_mm - 0.0001] * 3)
    verdicts = lake.verdicts()
    assert verdicts["usual"]["params"]["check_parameters"] is False
    assert verdicts["unusual"]["params"]["check_parameters"] is True


def test_a_plot_that_is_not_dry_asks_for_no_water(lake: MadeLake) -> None:
    lake.dry_down("ok", [0.25] * 3)
    lake.dry_down("watch", [0.215] * 3)
    verdicts = lake.verdicts()
    assert all(flag["litres"] is None and flag["visits"] is None for flag in verdicts.values())
