"""When a plot is dry, how badly, and when a crew is sent (spec/soil.md section 3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.sql.made_lake import AS_OF, MadeLake, local_midnight


def test_a_plot_is_judged_by_the_depletion_of_its_root_zone(lake: MadeLake) -> None:
    """FC 0.28, WP 0.14, p 0.5: depletion share 0.4 (watch) at 0.224 and 0.5 (dry) at 0.21."""
    expected = {0.26: "ok", 0.2241: "ok", 0.224: "watch", 0.2101: "watch", 0.21: "dry", 0.19: "dry"}
    for water_content in expected:
        lake.dry_down(str(water_content), [water_content] * 3)
    verdicts = lake.verdicts()
    assert {float(plot): flag["state"] for plot, flag in verdicts.items()} == expected
    assert verdicts["0.21"]["depletion_mm"] == pytest.approx(42.0)
    assert verdicts["0.21"]["total_available_water_mm"] == pytest.approx(84.0)
    assert verdicts["0.21"]["value"] == pytest.approx(21.0)
    assert verdicts["0.21"]["line"] == pytest.approx(21.0)


def test_severity_follows_the_stress_of_the_plants(lake: MadeLake) -> None:
    """Ks = 2 (1 - share): 0.75 at 0.1925, 0.50 at 0.175, 0.25 at 0.1575; at the wilting point 4 in any case."""
    expected = {0.1925: 1, 0.1924: 2, 0.175: 2, 0.1749: 3, 0.1575: 3, 0.1574: 4, 0.14: 4, 0.12: 4}
    for water_content in expected:
        lake.dry_down(str(water_content), [water_content] * 3)
    assert {float(plot): flag["severity"] for plot, flag in lake.verdicts().items()} == expected


def test_one_dry_day_is_too_little_to_send_a_crew_and_two_are_enough(lake: MadeLake) -> None:
    """Readings every 8 h: the hours are too far apart to be in a row."""
    lake.dry_down("one", [0.25, 0.25, 0.20], every_hours=8)
    lake.dry_down("two", [0.25, 0.20, 0.20], every_hours=8)
    lake.dry_down("wilting", [0.25, 0.25, 0.14], every_hours=8)
    verdicts = lake.verdicts()
    assert (verdicts["one"]["state"], verdicts["one"]["needs_work"]) == ("dry", False)
    assert verdicts["one"]["reason_code"] == "drought_dry_one_day"
    assert (verdicts["two"]["state"], verdicts["two"]["needs_work"]) == ("dry", True)
    assert verdicts["two"]["since"] == local_midnight(date(2026, 7, 8))
    assert verdicts["two"]["params"]["days"] == 2
    assert (verdicts["wilting"]["severity"], verdicts["wilting"]["needs_work"]) == (4, True)


def test_an_open_drought_closes_only_well_below_the_line(lake: MadeLake) -> None:
    """It closes below p - 0.15 = 0.35, which is 0.231."""
    lake.dry_down("held", [0.20, 0.20, 0.215, 0.231], every_hours=8)
    lake.dry_down("closed", [0.20, 0.20, 0.2155, 0.2312], every_hours=8)
    lake.dry_down("again", [0.20, 0.20, 0.2312, 0.20], every_hours=8)
    verdicts = lake.verdicts()
    assert (verdicts["held"]["state"], verdicts["held"]["needs_work"], verdicts["held"]["severity"]) == ("dry", True, 1)
    assert verdicts["held"]["reason_code"] == "drought_not_recovered"
    assert (verdicts["closed"]["state"], verdicts["closed"]["needs_work"]) == ("ok", False)
    assert (verdicts["again"]["state"], verdicts["again"]["needs_work"]) == ("dry", False)


def test_dry_days_with_a_gap_between_them_are_not_in_a_row(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device(report_interval_s=28800.0)
    lake.soil_days([0.20], last_day=date(2026, 7, 7), every_hours=8)
    lake.soil_days([0.20], every_hours=8)
    assert lake.flag("drought")["needs_work"] is False


def test_uncertain_soil_makes_likely_of_dry(lake: MadeLake) -> None:
    """Loam by texture: line 0.2083, sigma (1 - 0.5) 0.043, so 70 % probability is at 0.1970 and 30 % at 0.2196."""
    expected = {0.226: "ok", 0.2205: "watch", 0.2187: "likely", 0.2083: "likely", 0.1979: "likely", 0.1961: "dry"}
    for water_content in expected:
        lake.dry_down(str(water_content), [water_content] * 3, field_capacity=None, wilting_point=None, saturation=None)
    verdicts = lake.verdicts()
    assert {float(plot): flag["state"] for plot, flag in verdicts.items()} == expected
    assert verdicts["0.2083"]["inputs"]["dry_probability"] == pytest.approx(0.5, abs=0.002)
    assert verdicts["0.1979"]["needs_work"] is False


def test_the_national_grade_stands_beside_with_inclusive_upper_edges(lake: MadeLake) -> None:
    shares = {
        60.1: "none",
        60.0: "light",
        50.1: "light",
        50.0: "moderate",
        40.0: "severe",
        30.1: "severe",
        30.0: "extreme",
    }
    for share in shares:
        lake.dry_down(str(share), [0.28 * share / 100 - 1e-12] * 2)
    assert {float(plot): flag["national_grade"] for plot, flag in lake.verdicts().items()} == shares


def test_one_shallow_probe_alone_gives_watch_and_no_crew(lake: MadeLake) -> None:
    """The root zone of shrubs is 0.6 m: a probe above 0.18 m is shallow."""
    lake.dry_down("shallow", [0.15] * 3, depth_cm=17.9)
    lake.dry_down("deep enough", [0.15] * 3, depth_cm=18.0)
    verdicts = lake.verdicts()
    assert (verdicts["shallow"]["state"], verdicts["shallow"]["needs_work"]) == ("watch", False)
    assert verdicts["shallow"]["reason_code"] == "drought_watch_shallow"
    assert verdicts["shallow"]["confidence"] == "low"
    assert (verdicts["deep enough"]["state"], verdicts["deep enough"]["confidence"]) == ("dry", "high")


def test_layers_meet_midway_and_end_with_the_root_zone(lake: MadeLake) -> None:
    lake.laboratory_plot()
    for depth_cm, water_content in ((10.0, 0.15), (30.0, 0.20), (50.0, 0.25)):
        lake.device(f"D{depth_cm}", depths_cm=[depth_cm])
        lake.soil_until_now([water_content], f"D{depth_cm}")
    flag = lake.flag("drought")
    layers = lake.connection.execute(
        "select depth_cm, round(top_m, 6), round(bottom_m, 6) from root_zone_layers where span = 'day' "
        "order by date, depth_cm"
    ).fetchall()
    assert layers == [(10.0, 0.0, 0.2), (30.0, 0.2, 0.4), (50.0, 0.4, 0.6)]
    assert flag["depletion_mm"] == pytest.approx(1000 * 0.2 * (0.13 + 0.08 + 0.03))
    assert flag["params"]["depths_cm"] == "10/30/50"


def test_roots_wilt_with_the_thickest_layer_and_not_with_the_deepest(lake: MadeLake) -> None:
    """10, 40 and 60 cm stand for 0.25, 0.25 and 0.10 m: wet at 10 cm, which is the main one, dry below."""
    for plot_id, water_contents in (("top dry", (0.14, 0.20, 0.20)), ("bottom dry", (0.24, 0.16, 0.14))):
        lake.laboratory_plot(plot_id)
        lake.device(plot_id, plot_id, depths_cm=[10.0, 40.0, 60.0])
        for channel, water_content in enumerate(water_contents, start=1):
            lake.soil_until_now([water_content] * 2, plot_id, channel=channel, wiggle=0.0)
    verdicts = lake.verdicts()
    assert {plot: (flag["state"], flag["severity"]) for plot, flag in verdicts.items()} == {
        "top dry": ("dry", 4),
        "bottom dry": ("dry", 2),
    }


def test_the_deepest_probe_reaches_ten_centimetres_at_least_and_never_below_the_roots(lake: MadeLake) -> None:
    lake.dry_down("ten", [0.2] * 2, depth_cm=10.0)
    lake.dry_down("fifty", [0.2] * 2, depth_cm=50.0)
    lake.laboratory_plot("pair")
    for depth_cm in (5.0, 10.0):
        lake.device(f"E{depth_cm}", "pair", depths_cm=[depth_cm])
        lake.soil_until_now([0.2] * 2, f"E{depth_cm}")
    verdicts = lake.verdicts()
    assert verdicts["ten"]["inputs"]["covered_m"] == pytest.approx(0.2)
    assert verdicts["fifty"]["inputs"]["covered_m"] == pytest.approx(0.6)
    assert verdicts["pair"]["inputs"]["covered_m"] == pytest.approx(0.2)
    assert (verdicts["pair"]["confidence"], verdicts["pair"]["state"]) == ("low", "dry")


def test_several_probes_at_one_depth_count_by_their_median(lake: MadeLake) -> None:
    lake.laboratory_plot()
    for number, water_content in enumerate((0.20, 0.22, 0.45)):
        lake.device(f"D{number}")
        lake.soil_until_now([water_content] * 2, f"D{number}")
    assert lake.flag("drought")["value"] == pytest.approx(22.0)


@pytest.mark.parametrize(("hours", "state"), [(12, "dry"), (11, "no_data")])
def test_half_of_the_expected_readings_make_a_day(lake: MadeLake, hours: int, state: str) -> None:
    lake.laboratory_plot()
    lake.device()
    for hour in range(24 - hours, 24):
        lake.soil(local_midnight(date(2026, 7, 9)) + timedelta(hours=hour), volumetric_water_content=0.14)
    assert lake.flag("drought")["state"] == state


def test_without_an_interval_in_the_register_the_observed_one_counts(lake: MadeLake) -> None:
    """Every 2 h, 6 of the 12 expected readings."""
    lake.laboratory_plot()
    lake.device(report_interval_s=None)
    for hour in range(0, 12, 2):
        lake.soil(local_midnight(date(2026, 7, 9)) + timedelta(hours=hour), volumetric_water_content=0.14)
    assert lake.flag("drought")["state"] == "dry"


def test_days_are_days_of_the_site(lake: MadeLake) -> None:
    """22:00 UTC on 7 July is 06:00 on 8 July in Beichen."""
    lake.laboratory_plot()
    lake.device()
    lake.soil(datetime(2026, 7, 7, 22, 0, tzinfo=UTC), volumetric_water_content=0.2)
    lake.flags()
    assert lake.connection.execute("select date from readings_daily").fetchall() == [(date(2026, 7, 8),)]


def test_new_plantings_have_short_roots_and_go_first(lake: MadeLake) -> None:
    lake.dry_down("old", [0.19] * 3, vegetation="trees", maintenance_grade=2)
    lake.dry_down("new", [0.19] * 3, vegetation="trees", maintenance_grade=2, planted_on=date(2023, 7, 11))
    lake.dry_down("three years", [0.19] * 3, vegetation="trees", maintenance_grade=2, planted_on=date(2023, 7, 10))
    verdicts = lake.verdicts()
    assert (verdicts["old"]["root_zone_m"], verdicts["old"]["inputs"]["p"]) == (1.0, 0.5)
    assert (verdicts["new"]["root_zone_m"], verdicts["new"]["inputs"]["p"]) == (0.6, 0.4)
    assert verdicts["three years"]["root_zone_m"] == 1.0
    assert verdicts["old"]["priority"] == pytest.approx(verdicts["old"]["severity"] * 2)
    assert verdicts["new"]["priority"] == pytest.approx(verdicts["new"]["severity"] * 2 * 1.5)


def test_probes_of_potential_only_know_dry_but_no_litres(lake: MadeLake) -> None:
    planted = {
        "first year": date(2025, 7, 11),
        "second year": date(2025, 7, 10),
        "second year's last day": date(2024, 7, 11),
        "older": date(2024, 7, 10),
        "unknown": None,
    }
    lines = {age: -81.0 if "second" in age else -80.0 for age in planted} | {"first year": -33.0}
    for age, planted_on in planted.items():
        for offset in (0.0, 1.0):
            plot_id = f"{age} {offset}"
            lake.laboratory_plot(plot_id, planted_on=planted_on)
            lake.device(f"D-{plot_id}", plot_id)
            for day in (8, 9):
                for hour in range(24):
                    lake.soil(
                        local_midnight(date(2026, 7, day)) + timedelta(hours=hour),
                        f"D-{plot_id}",
                        matric_potential_kpa=lines[age] + offset,
                    )
    verdicts = lake.verdicts()
    for age in planted:
        dry, moist = verdicts[f"{age} 0.0"], verdicts[f"{age} 1.0"]
        assert (dry["state"], dry["needs_work"], dry["confidence"]) == ("dry", True, "potential_only")
        assert (dry["line"], dry["unit"], dry["litres"]) == (lines[age], "kPa", None)
        assert moist["state"] == "watch"


def test_the_same_instant_gives_the_same_verdict_after_more_data_came(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.22, 0.20, 0.20])
    before = lake.flags()
    for hour in range(1, 48):
        lake.soil(AS_OF + timedelta(hours=hour), "D-P1", volumetric_water_content=0.30)
    assert lake.flags() == before


def test_late_readings_count_when_their_day_is_judged_again(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device(report_interval_s=28800.0)
    lake.soil_days([0.20], last_day=date(2026, 7, 7), every_hours=8)
    lake.soil_days([0.20], every_hours=8)
    assert lake.flag("drought")["needs_work"] is False
    for hour in range(0, 24, 8):
        measured_at = local_midnight(date(2026, 7, 8)) + timedelta(hours=hour)
        lake.soil(measured_at, volumetric_water_content=0.20, received_at=AS_OF + timedelta(days=9))
    assert lake.flag("drought")["needs_work"] is True


def test_a_flag_carries_the_curve_of_its_last_days(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.28, 0.21, 0.14])
    assert lake.flag("drought")["inputs"]["trend_7d"] == [
        ["2026-07-07", 28.0],
        ["2026-07-08", 21.0],
        ["2026-07-09", 14.0],
    ]
    assert [probe["device_id"] for probe in lake.flag("drought")["inputs"]["probes"]] == ["D-P1"]


def test_a_gardener_reads_why(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.19] * 3)
    flag = lake.flag("drought")
    assert flag["zh"] == "30 cm 含水率 19.0 %，低于一级养护线 21.0 %，已连续 3 天"
    assert flag["en"] == "30 cm: water content 19.0 %, below the grade 1 line of 21.0 %, for 3 d in a row"
