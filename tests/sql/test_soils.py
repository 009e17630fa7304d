"""What a soil holds, layer by layer, and what its verdict makes of it."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from bench.maricopa import compare
from ingest.lake.layout import DataFolder
from sql.reference import reference_rows
from tests.sql.made_lake import MadeLake


def layer(to_cm: float, **soil: Any) -> dict[str, Any]:
    return {"to_cm": to_cm} | soil


def soils(lake: MadeLake) -> dict[str, tuple[float, ...]]:
    lake.flags()
    rows = lake.connection.execute(
        "select plot_id, wilting_point, field_capacity, saturation, sigma_field_capacity from staged_plots"
    ).fetchall()
    return {plot_id: tuple(values) for plot_id, *values in rows}


def test_the_texture_table_is_the_published_one_and_so_are_its_equations(lake: MadeLake, shared: Path) -> None:
    """Saxton and Rawls (2006) at 2.5 % organic matter, computed by others: ±0.001 m³/m³ for all 12 classes."""
    with (shared / "data" / "soil" / "saxton_rawls_2006_computed_OM2.5.csv").open(newline="") as lines:
        published = {row["texture"]: row for row in csv.DictReader(lines)}
    assert len(published) == 12
    for row in reference_rows("soil_textures"):
        lake.plot(f"by word {row['texture']}", soil_texture=row["texture_key"])
        sand_pct, clay_pct = float(row["sand_pct"]), float(row["clay_pct"])
        lake.plot(f"by grains {row['texture']}", soil_texture=None, sand_pct=sand_pct, clay_pct=clay_pct)
    found = soils(lake)
    for texture, row in published.items():
        wanted = [float(row[name]) for name in ("theta_1500", "theta_33", "theta_S")]
        for way in ("by word", "by grains"):
            assert found[f"{way} {texture}"][:3] == pytest.approx(wanted, abs=0.001)
            assert found[f"{way} {texture}"][3] == 0.043


def test_organic_matter_makes_a_loam_hold_more(lake: MadeLake) -> None:
    """By hand, sand 40 %, clay 20 %, organic matter 5 %: at 33 kPa 0.34195 from the first solution 0.32515."""
    lake.plot(soil_texture=None, sand_pct=40.0, clay_pct=20.0, organic_matter_pct=5.0)
    first = -0.251 * 0.4 + 0.195 * 0.2 + 0.011 * 5 + 0.006 * 0.4 * 5 - 0.027 * 0.2 * 5 + 0.452 * 0.4 * 0.2 + 0.299
    wanted = first + 1.283 * first**2 - 0.374 * first - 0.015
    assert soils(lake)["P1"][1] == pytest.approx(wanted)
    assert wanted > 0.2796 + 0.02


def test_depletion_is_summed_over_the_soil_of_each_layer(lake: MadeLake) -> None:
    """Probes at 10, 30, 50 cm stand for 20 cm each; the soil changes at 30 cm, in the middle of the second one."""
    lake.plot(
        soil_texture=None,
        soil_layers=[
            layer(30, field_capacity=0.30, wilting_point=0.15),
            layer(60, field_capacity=0.20, wilting_point=0.10),
        ],
    )
    lake.device(depths_cm=[10.0, 30.0, 50.0])
    for channel, water_content in enumerate((0.20, 0.18, 0.16), start=1):
        lake.soil_until_now([water_content] * 3, channel=channel, wiggle=0.0)
    flag = lake.flag("drought")
    assert flag["total_available_water_mm"] == pytest.approx(200 * 0.15 + 200 * 0.125 + 200 * 0.10)
    assert flag["depletion_mm"] == pytest.approx(200 * 0.10 + 200 * 0.07 + 200 * 0.04)
    assert flag["relative_moisture_pct"] == pytest.approx(100 * (0.20 + 0.18 + 0.16) / (0.30 + 0.25 + 0.20), abs=1e-3)
    assert flag["inputs"]["field_capacity"] == pytest.approx(0.25)
    assert (flag["state"], flag["line"]) == ("dry", pytest.approx(100 * (0.75 - 0.375 / 2) / 3, abs=0.01))


def test_one_soil_written_as_layers_gives_the_verdict_of_one_soil(lake: MadeLake) -> None:
    for plot_id, soil_layers in (
        ("one", None),
        ("three", [layer(to_cm, soil_texture="loam") for to_cm in (17, 40, 90)]),
    ):
        lake.plot(plot_id, soil_layers=soil_layers)
        lake.device(plot_id, plot_id, depths_cm=[10.0, 40.0])
        for channel, water_content in enumerate((0.20, 0.22), start=1):
            lake.soil_until_now([water_content] * 3, plot_id, channel=channel)
    verdicts = lake.verdicts()
    for name in ("depletion_mm", "total_available_water_mm", "state", "relative_moisture_pct", "litres", "severity"):
        assert verdicts["three"][name] == pytest.approx(verdicts["one"][name])
    assert verdicts["three"]["inputs"]["dry_probability"] == pytest.approx(verdicts["one"]["inputs"]["dry_probability"])


def test_the_last_layer_goes_on_below_its_end(lake: MadeLake) -> None:
    lake.plot(soil_texture=None, soil_layers=[layer(20, field_capacity=0.30, wilting_point=0.10)])
    lake.device(depths_cm=[30.0])
    lake.soil_until_now([0.25] * 2)
    assert lake.flag("drought")["total_available_water_mm"] == pytest.approx(600 * 0.20)


def test_roots_wilt_by_the_wilting_point_of_the_main_layer(lake: MadeLake) -> None:
    """The upper, thicker layer wilts at 0.15 of its own, not at the 0.10 of the soil below."""
    for plot_id, water_content in (("at", 0.15), ("above", 0.1501)):
        lake.plot(
            plot_id,
            soil_texture=None,
            soil_layers=[
                layer(40, field_capacity=0.30, wilting_point=0.15),
                layer(60, field_capacity=0.20, wilting_point=0.10),
            ],
        )
        lake.device(plot_id, plot_id, depths_cm=[20.0, 55.0])
        for channel, value in enumerate((water_content, 0.16), start=1):
            lake.soil_until_now([value] * 3, plot_id, channel=channel, wiggle=0.0)
    assert {plot_id: flag["severity"] for plot_id, flag in lake.verdicts().items()} == {"at": 4, "above": 3}


def test_only_what_a_texture_tells_is_uncertain(lake: MadeLake) -> None:
    """0.2 m measured above 0.2 m of loam: sigma of the line is (1-p) 0.043 over half of the depth."""
    lake.plot(
        vegetation="warm_turf",
        soil_texture=None,
        soil_layers=[layer(20, field_capacity=0.28, wilting_point=0.14), layer(40, soil_texture="loam")],
    )
    lake.device(depths_cm=[10.0, 30.0])
    for channel in (1, 2):
        lake.soil_until_now([0.20] * 3, channel=channel, wiggle=0.0)
    line = (0.21 + (0.2796 + 0.1370) / 2) / 2
    sigma = 0.5 * 0.043 / 2
    wanted = 0.5 * math.erfc(-(line - 0.20) / sigma / math.sqrt(2))
    assert lake.flag("drought")["inputs"]["dry_probability"] == pytest.approx(wanted, abs=1e-5)


def test_a_reading_is_held_against_the_saturation_at_its_own_depth(lake: MadeLake) -> None:
    lake.plot(
        soil_texture=None,
        soil_layers=[
            layer(40, field_capacity=0.35, wilting_point=0.15, saturation=0.50),
            layer(80, field_capacity=0.20, wilting_point=0.10, saturation=0.40),
        ],
    )
    for depth_cm in (10.0, 39.9, 40.0):
        lake.device(f"D{depth_cm}", depths_cm=[depth_cm])
        lake.soil_until_now([0.43] * 2, f"D{depth_cm}")
    lake.flags()
    rows = lake.connection.execute("select distinct depth_cm, is_c03_above_saturation from readings").fetchall()
    assert sorted(rows) == [(10.0, False), (39.9, False), (40.0, True)]


def test_a_clay_at_65_percent_is_dry_whatever_its_relative_moisture_says(lake: MadeLake) -> None:
    """Its wilting point is at R = 71 %; a rule by R > 60 % would see no drought."""
    lake.plot(soil_texture="clay")
    lake.device()
    lake.soil_until_now([0.65 * 0.4206] * 3, wiggle=0.0)
    flag = lake.flag("drought")
    assert flag["relative_moisture_pct"] == pytest.approx(65)
    assert (flag["state"], flag["severity"], flag["needs_work"]) == ("dry", 4, True)
    assert flag["national_grade"] == "none"


def test_grades_of_both_standards_change_at_their_bounds(lake: MadeLake) -> None:
    """R = 60 % is still light drought by the one standard, and none any more on loam by the other (from 60 %)."""
    wanted = {
        ("loam", 60.0): ("light", "none"),
        ("loam", 60.1): ("none", "none"),
        ("loam", 59.9): ("light", "light"),
        ("loam", 50.0): ("moderate", "light"),
        ("loam", 40.0): ("severe", "moderate"),
        ("loam", 30.0): ("extreme", "severe"),
        ("sand", 55.0): ("light", "none"),
        ("sand", 54.9): ("light", "light"),
        ("sand", 24.9): ("extreme", "extreme"),
        ("clay", 64.9): ("none", "light"),
        ("clay", 65.0): ("none", "none"),
        ("clay", 34.9): ("severe", "extreme"),
    }
    for texture, percent in wanted:
        plot_id = f"{texture} {percent}"
        lake.plot(plot_id, soil_texture=texture, field_capacity=0.40, wilting_point=0.05)
        lake.device(plot_id, plot_id)
        lake.soil_until_now([percent / 100 * 0.40] * 2, plot_id, wiggle=0.0)
    verdicts = lake.verdicts()
    flags = {key: verdicts[f"{key[0]} {key[1]}"] for key in wanted}
    found = {key: (flag["national_grade"], flag["inputs"]["agricultural_grade"]) for key, flag in flags.items()}
    assert found == wanted


def test_relative_moisture_means_another_depletion_in_each_texture(lake: MadeLake, shared: Path) -> None:
    """Depletion at R = 60, 50, 40 and 30 %, beyond 1 below the wilting point, and R at the wilting point."""
    with (shared / "data" / "soil" / "texture_R_vs_depletion.csv").open(newline="") as lines:
        published = list(csv.DictReader(lines))
    for row in published:
        texture = row["texture"].lower().replace(" ", "_")
        for percent in (60, 50, 40, 30):
            plot_id = f"{texture} {percent}"
            lake.plot(plot_id, soil_texture=texture)
            lake.device(plot_id, plot_id)
            (soil,) = [one for one in reference_rows("soil_textures") if one["texture_key"] == texture]
            lake.soil_until_now([percent / 100 * float(soil["field_capacity"])] * 2, plot_id, wiggle=0.0)
    verdicts = lake.verdicts()
    for row in published:
        texture = row["texture"].lower().replace(" ", "_")
        for percent in (60, 50, 40, 30):
            share = verdicts[f"{texture} {percent}"]["inputs"]["depletion_share"]
            assert share == pytest.approx(min(float(row[f"fDr_at_R{percent}"]), 1), abs=0.006)
        (soil,) = [one for one in reference_rows("soil_textures") if one["texture_key"] == texture]
        wilted_pct = 100 * float(soil["wilting_point"]) / float(soil["field_capacity"])
        assert wilted_pct == pytest.approx(float(row["R_pct_at_wp"]), abs=0.5)


def test_the_depletion_of_the_maricopa_plots_is_the_published_one(shared: Path, tmp_path: Path) -> None:
    """669 plot-dates with water limits per layer: within 0.01 mm, and dry on the same days."""
    result = compare(shared / "data" / "soil", DataFolder(tmp_path / "data"))
    assert (result.plot_dates, result.missing, result.unlike_verdicts) == (669, 0, 0)
    assert result.worst_depletion_mm <= 0.01
    assert result.worst_available_mm <= 0.051
