"""When a watering or rain holds a plot back from the list, and when it does not (spec/soil.md sections 2 and 4)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.sql.made_lake import AS_OF, MadeLake, local_midnight


def watered(
    lake: MadeLake, plot_id: str, hours_ago: int, rise: float, *, before: float = 0.19, is_spike: bool = False
) -> None:
    """Add a plot, dry for days, whose water content rose by `rise` some hours ago, for good or for one hour."""
    lake.laboratory_plot(plot_id)
    lake.device(plot_id, plot_id)
    for hours in range(24 * 5):
        has_risen = hours == hours_ago if is_spike else hours <= hours_ago
        lake.soil(AS_OF - timedelta(hours=hours), plot_id, volumetric_water_content=before + rise * has_risen)


def test_two_days_after_watering_nobody_is_sent_again(lake: MadeLake) -> None:
    watered(lake, "just now", 1, 0.03)
    watered(lake, "yesterday", 47, 0.03)
    watered(lake, "long ago", 48, 0.03)
    watered(lake, "a drop", 5, 0.029)
    watered(lake, "a spike", 5, 0.05, is_spike=True)
    verdicts = lake.verdicts()
    assert {plot: (flag["state"], flag["needs_work"]) for plot, flag in verdicts.items()} == {
        "just now": ("just_watered", False),
        "yesterday": ("just_watered", False),
        "long ago": ("dry", True),
        "a drop": ("dry", True),
        "a spike": ("dry", True),
    }
    assert verdicts["just now"]["data_at"] == AS_OF


@pytest.mark.parametrize(("rise", "state"), [(0.0301, "just_watered"), (0.03, "dry")])
def test_a_plot_that_is_still_at_its_line_after_the_rise_was_not_watered_enough(
    lake: MadeLake, rise: float, state: str
) -> None:
    """The line is 0.21."""
    watered(lake, "P1", 5, rise, before=0.18)
    assert lake.flag("drought")["state"] == state


@pytest.mark.parametrize(("rise", "state"), [(0.0576, "just_watered"), (0.0575, "dry")])
def test_the_water_of_the_root_zone_must_rise_by_a_fifth_of_what_was_missing(
    lake: MadeLake, rise: float, state: str
) -> None:
    """50.4 mm are missing at 0.196; 5 cm stands for 0.175 m, so that 0.0576 there are 10.08 mm, a fifth."""
    lake.laboratory_plot()
    lake.device(depths_cm=[5.0, 30.0, 50.0])
    for hours in range(24 * 5):
        for channel, water_content in ((1, 0.196 + rise * (hours <= 5)), (2, 0.196), (3, 0.196)):
            lake.soil(AS_OF - timedelta(hours=hours), "D1", channel, volumetric_water_content=water_content)
    flag = lake.flag("drought")
    assert (flag["state"], flag["needs_work"]) == (state, state == "dry")


def test_a_sprinkled_surface_hides_no_wilting_roots(lake: MadeLake) -> None:
    """5 cm is sprinkled every day at five; 30 and 50 cm have been at the wilting point for days."""
    lake.laboratory_plot()
    for device_id, depth_cm in (("S", 5.0), ("M", 30.0), ("L", 50.0)):
        lake.device(device_id, depths_cm=[depth_cm])
    for hours in range(24 * 8):
        at = AS_OF - timedelta(hours=hours)
        since_five = (at - local_midnight(date(2026, 7, 10)) - timedelta(hours=5)) / timedelta(hours=1) % 24
        lake.soil(at, "S", volumetric_water_content=0.175 - 0.002 * since_five)
        lake.soil(at, "M", volumetric_water_content=0.138)
        lake.soil(at, "L", volumetric_water_content=0.138)
    flag = lake.flag("drought")
    assert (flag["state"], flag["needs_work"], flag["severity"]) == ("dry", True, 4)


def test_main_roots_at_the_wilting_point_are_never_just_watered(lake: MadeLake) -> None:
    """5 cm is drenched; the thickest layer, of 50 cm, stays at 0.14: little is missing, all of it there."""
    lake.laboratory_plot()
    lake.device(depths_cm=[5.0, 50.0])
    for hours in range(24 * 5):
        lake.soil(AS_OF - timedelta(hours=hours), "D1", 1, volumetric_water_content=0.15 if hours > 5 else 0.44)
        lake.soil(AS_OF - timedelta(hours=hours), "D1", 2, volumetric_water_content=0.14)
    flag = lake.flag("drought")
    assert (flag["state"], flag["needs_work"]) == ("dry", True)
