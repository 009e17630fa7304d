"""The explanation of a verdict: its sums are the rules' own, and true when a reader reckons them again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from crews.explain.arithmetic import holds, number, value_of
from crews.explain.explanation import Explanation, explain
from crews.explain.page import COLUMNS, as_text, columns_of
from crews.explain.steps import Step, as_line, reckoned
from ingest.site import BEICHEN
from sql.describe import describe_plot
from tests.sql.made_lake import MadeLake
from tests.sql.test_soils import layer

TRUCK = 8000.0
PLOTS = ("layered", "texture", "wet", "shallow", "potential", "silent", "bare", "beyond", "horizons", "faulty", "hours")

ENGLISH = {
    *(
        "FAO",
        "Saxton",
        "Rawls",
        "Dorigo",
        "Abramowitz",
        "Stegun",
        "TAW",
        "fDr",
        "FCd",
        "min",
        "max",
        "ceil",
        "kPa",
        "json",
    ),
    *("greensward", "sql", "docs", "glossary", "decisions", "json", "soil", "root", "zone"),
    *("depletion", "matric", "potential", "lines", "irrigation", "methods", "seasons", "register"),
}
"""What also a Chinese page has in Latin letters: names of authors and standards, signs, files, tables, ids of rules."""


@pytest.fixture(scope="module")
def rows() -> Iterator[dict[str, Mapping[str, Any]]]:
    """Return the described rows of a plot of every kind, judged once."""
    lake = MadeLake()
    lake.laboratory_plot("layered", vegetation="trees", irrigation="sprinkler", name="桃花园")
    lake.device("D-layered", "layered", depths_cm=[10.0, 30.0])
    for channel, values in ((1, [0.21, 0.19, 0.17, 0.15]), (2, [0.2, 0.19, 0.18, 0.175])):
        lake.soil_days(values, "D-layered", channel=channel, every_hours=1)
    lake.plot("texture")
    lake.device("D-texture", "texture")
    lake.soil_until_now([0.22, 0.21, 0.2], "D-texture")
    lake.soil_days([0.9], "D-texture", last_day=date(2026, 7, 3))
    lake.laboratory_plot("wet")
    lake.device("D-wet", "wet")
    lake.soil_until_now([0.3, 0.31, 0.32], "D-wet")
    lake.dry_down("shallow", [0.25, 0.2, 0.17], depth_cm=10.0)
    lake.plot("potential", planted_on=date(2010, 1, 1))
    lake.device("D-potential", "potential")
    lake.soil_days([0.0, 0.0, 0.0], "D-potential", matric_potential_kpa=-95.0, volumetric_water_content=None)
    lake.laboratory_plot("silent")
    lake.device("D-silent", "silent")
    lake.soil_days([0.2, 0.2], "D-silent", last_day=date(2026, 7, 1))
    lake.plot("bare")
    lake.dry_down("beyond", [0.15, 0.13, 0.12])
    lake.plot(
        "horizons",
        soil_texture=None,
        soil_layers=[
            layer(20, soil_texture="sandy_loam"),
            layer(40, sand_pct=30.0, clay_pct=30.0),
            layer(60, field_capacity=0.3, wilting_point=0.15),
        ],
    )
    lake.device("D-horizons", "horizons", depths_cm=[10.0, 30.0, 50.0])
    for channel in (1, 2, 3):
        lake.soil_until_now([0.2, 0.19], "D-horizons", channel=channel)
    lake.plot("faulty", soil_texture="silty_clay_loam")
    lake.device("D-faulty", "faulty")
    lake.soil_until_now([0.9, 0.9, 0.9], "D-faulty")
    lake.laboratory_plot("hours")
    lake.device("D-hours", "hours")
    lake.soil_days([0.25] * 3, "D-hours")
    lake.hours([0.19] * 9, device_id="D-hours")
    lake.flags()
    yield {plot: describe_plot(lake.connection, plot) for plot in PLOTS}
    lake.connection.close()


def told(rows: Mapping[str, Any], plot: str, language: str = "zh") -> Explanation:
    return explain(rows[plot], language, BEICHEN, TRUCK)


def step(explanation: Explanation, key: str) -> Step:
    (found,) = [one for one in explanation.steps if one.key == key]
    return found


def by_hand(line: str) -> tuple[float, float, int] | None:
    """Return what a printed line comes to, what it says it comes to, and with how many decimals."""
    found = re.search(r"= ([^=≠]+) [=≠] (−?[\d.]+)(?: (?:mm|L|%))?(?: →.*)?$", line)
    if found is None:
        return None
    python = found[1]
    for sign, meant in (("×", "*"), ("÷", "/"), ("−", "-"), ("[", "("), ("]", ")")):
        python = python.replace(sign, meant)
    scope = {"__builtins__": {}, "min": min, "max": max, "ceil": lambda value: -(-value // 1)}
    decimals = len(found[2].partition(".")[2])
    return float(eval(python, scope)), float(found[2].replace("−", "-")), decimals  # noqa: S307  our own lines


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_printed_sum_is_true_when_reckoned_by_hand(rows: dict[str, Any], plot: str, language: str) -> None:
    explanation = told(rows, plot, language)
    sums = [one for one in explanation.steps if one.numbers]
    for one in sums:
        reckoning = by_hand(as_line(one))
        assert reckoning is not None, as_line(one)
        value, printed, decimals = reckoning
        assert value == pytest.approx(printed, abs=1.001 * 10**-decimals), as_line(one)
        assert one.holds, as_line(one)
    assert bool(sums) == (plot not in {"potential", "silent", "bare", "faulty"})


def test_the_results_are_those_of_the_models(rows: dict[str, Any]) -> None:
    explanation = told(rows, "layered")
    zone, watering = rows["layered"]["zone"][0], rows["layered"]["watering"][0]
    for key, column in (
        ("taw", "total_available_water_mm"), ("depletion", "depletion_mm"), ("depletion_share", "depletion_share"),
        ("relative_moisture", "relative_moisture_pct"), ("ks", "ks"),
    ):  # fmt: skip
        assert step(explanation, key).result == zone[column], key
    for key in ("net", "gross", "litres", "visits"):
        column = {"net": "net_mm", "gross": "gross_mm"}.get(key, key)
        assert step(explanation, key).result == watering[column], key


def test_a_plot_by_hand(rows: dict[str, Any]) -> None:
    """Trees, FC 0.28, WP 0.14: probes at 10 and 30 cm stand for 0–0.2 and 0.2–0.4 m of a root zone of 1 m."""
    explanation = told(rows, "layered")
    taw = 1000 * 0.14 * 0.4
    depletion = 1000 * ((0.28 - 0.15) * 0.2 + (0.28 - 0.175) * 0.2)
    net = (depletion - 0.1 * taw) * 1.0 / 0.4
    assert step(explanation, "taw").result == pytest.approx(taw)
    assert step(explanation, "depletion").result == pytest.approx(depletion)
    assert step(explanation, "net").result == pytest.approx(net)
    assert step(explanation, "gross").result == pytest.approx(net / 0.75)
    assert step(explanation, "litres").result == pytest.approx(net / 0.75 * 100)
    assert step(explanation, "visits").result == 5  # 138.3 mm by sprinkler, 30 mm at a time
    assert step(explanation, "loads").result == 1
    assert step(explanation, "taw").source == "FAO-56 式 82"
    assert step(told(rows, "layered", "en"), "depletion").source == "FAO-56 eq. 87"


def test_a_depletion_beyond_its_bounds_is_shown_as_held(rows: dict[str, Any]) -> None:
    for plot, share in (("wet", 0.0), ("beyond", 1.0)):
        explanation = told(rows, plot)
        one = step(explanation, "depletion")
        assert "min(max(" in (one.numbers or "")
        assert one.then == "限制在 0 与 TAW 之间"
        assert step(explanation, "depletion_share").result == share


def test_in_the_rainy_season_no_hours_are_promised_to_open_an_issue_and_before_it_they_are(
    rows: dict[str, Any],
) -> None:
    """Dry for eight hours on 10 July, and nobody is sent. The season is that of the table, whichever it is."""
    assert not rows["hours"]["flag"][0]["needs_work"]
    assert step(told(rows, "hours"), "issue").said == (
        "未立案：连续 8 次评估缺水；雨季（07-01 至 08-31）只按整天，连续 2 天才立案（4 级立即立案）"
    )
    july = rows["hours"]["season"]
    longer = [row | {"month_day_from": "06-15"} for row in july]
    june = [row for row in july if row["rule"] == "growing"]
    told_longer = told({"hours": {**rows["hours"], "season": longer}}, "hours")
    assert "雨季（06-15 至 08-31）只按整天" in step(told_longer, "issue").said
    assert "雨季（06-15 至 08-31），有雨先等" in step(told_longer, "season").said
    assert len(june) == 1
    assert step(told({"hours": {**rows["hours"], "season": june}}, "hours"), "issue").said == (
        "未立案：连续 8 次评估缺水；连续 2 天，或连续 3 次小时评估且跨满 6 小时才立案（4 级立即立案）"
    )


@pytest.mark.parametrize(("mm", "is_held"), [(9.9, False), (10.0, True), (None, False)])
def test_rain_that_holds_an_issue_back_is_told_instead_of_days_that_have_passed(
    rows: dict[str, Any], mm: float | None, *, is_held: bool
) -> None:
    """Dry for two days, of which the rule asks: the days alone would have opened the issue."""
    described = rows["hours"]
    held = {
        **described,
        "memory": [described["memory"][0] | {"span": "day", "holding_rain_mm": mm}],
        "evaluation": [described["evaluation"][0] | {"dry_evaluations": 2}],
    }
    said = {language: step(told({"hours": held}, "hours", language), "issue").said for language in ("zh", "en")}
    assert ("下过雨，雨季里先等" in said["zh"], "it rained" in said["en"]) == (is_held, is_held)
    assert ("连续 2 天才立案" in said["zh"], "2 in a row" in said["en"]) == (not is_held, not is_held)


@pytest.mark.parametrize("verified_at", [None, datetime(2026, 7, 9, 4, tzinfo=UTC)])
def test_dryness_that_verified_water_answered_is_not_said_to_wait_for_days_that_have_passed(
    rows: dict[str, Any], verified_at: datetime | None
) -> None:
    described = rows["hours"]
    answered = {
        **described,
        "memory": [described["memory"][0] | {"span": "day", "verified_at": verified_at}],
        "evaluation": [described["evaluation"][0] | {"dry_evaluations": 2}],
    }
    said = {language: step(told({"hours": answered}, "hours", language), "issue").said for language in ("zh", "en")}
    is_answered = verified_at is not None
    answers = ("已核实到位（2026-07-09 12:00）" in said["zh"], "was verified (2026-07-09 12:00)" in said["en"])
    assert answers == (is_answered, is_answered)
    assert ("连续 2 天才立案" in said["zh"], "2 in a row" in said["en"]) == (not is_answered,) * 2


def test_uncertain_soil_says_its_probability_and_measured_soil_that_it_is_measured(rows: dict[str, Any]) -> None:
    assert "Φ" in step(told(rows, "texture"), "probability").said
    assert "实测" in step(told(rows, "layered"), "probability").said
    assert "Saxton–Rawls" in step(told(rows, "texture", "en"), "layer").said


def test_gates_that_spoke_are_counted_by_name(rows: dict[str, Any]) -> None:
    assert "C02 高于 60 % 24" in step(told(rows, "texture"), "gates").said
    assert "C02 above 60 % 24" in step(told(rows, "texture", "en"), "gates").said
    assert step(told(rows, "wet"), "gates").said == "没有触发任何质控项"


def test_where_nothing_is_known_nothing_is_reckoned_and_the_reason_stands(rows: dict[str, Any]) -> None:
    for plot, state in (("silent", "silent"), ("bare", "no_sensor")):
        explanation = told(rows, plot)
        assert explanation.state == state
        assert not [one for one in explanation.steps if one.result is not None]
        assert step(explanation, "unknown").said == "不知道要不要浇，先去现场看"


def test_without_readings_frost_is_unknown_and_never_absent(rows: dict[str, Any]) -> None:
    assert step(told(rows, "bare"), "frost").said == "没有读数，冻没冻不知道"
    assert step(told(rows, "texture"), "frost").said == "读数里没有冻土"


def test_litres_of_a_plot_that_asks_for_none_say_so_first(rows: dict[str, Any]) -> None:
    for plot, first in (("shallow", "not_now"), ("wet", "not_now"), ("layered", "net")):
        assert next(one.key for one in told(rows, plot).steps if one.section == "water") == first


def test_potential_is_held_against_its_line_and_gives_no_litres(rows: dict[str, Any]) -> None:
    explanation = told(rows, "potential", "en")
    assert step(explanation, "potential").said == "30 cm: potential -95.0 kPa ≤ line -80 kPa"
    assert "no litres without a retention curve" in step(explanation, "no_curve").said


def test_a_shallow_probe_is_said_to_give_watch_at_most(rows: dict[str, Any]) -> None:
    assert step(told(rows, "shallow"), "shallow").said == "只有一个浅层探头：只给“关注”"


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_fits_one_screen(rows: dict[str, Any], plot: str, language: str) -> None:
    lines = as_text(told(rows, plot, language), language, BEICHEN).splitlines()
    assert len(lines) <= 50
    assert max(columns_of(line) for line in lines) <= COLUMNS
    text = "\n".join(lines)
    assert "None" not in text
    assert "≠" not in text
    if language == "en":
        assert not re.search(r"[\u4e00-\u9fff]", text.replace("桃花园", ""))


def test_an_hour_that_speaks_for_the_plot_shows_its_own_medians(rows: dict[str, Any]) -> None:
    explanation = told(rows, "beyond")
    assert step(explanation, "span").said == "2026-07-10 08:00 起这一小时的中位数（比昨天更说明问题）"
    assert step(explanation, "mean").said == "D-beyond 30 cm：0.1200 m³/m³（1/1 条）"
    assert step(explanation, "state").said.startswith("这一小时判为")


def test_rule_and_version_stand_at_the_end_and_below_them_where_the_sources_are(rows: dict[str, Any]) -> None:
    text = as_text(told(rows, "layered", "en"), "en", BEICHEN)
    rule = text.index("\nRule          soil.root_zone_depletion version")
    assert text[rule:].index("FAO-56 equations 82 to 84") < text[rule:].index("docs/glossary.md")


def test_layers_of_unlike_soil_are_shown_each_with_where_it_comes_from(rows: dict[str, Any]) -> None:
    assert "土质 分 3 层" in step(told(rows, "horizons"), "plot").said
    assert step(told(rows, "horizons"), "layers").said == (
        "土层：0–20 cm 砂质壤土（按土质，Saxton–Rawls），20–40 cm（按颗粒，Saxton–Rawls），40 cm 以下（化验）"
    )
    assert step(told(rows, "horizons", "en"), "layers").said.startswith(
        "soil layers: 0–20 cm sandy loam (texture, Saxton–Rawls), 20–40 cm"
    )
    assert not [one for one in told(rows, "texture").steps if one.key == "layers"]


def test_a_texture_is_said_in_the_readers_language(rows: dict[str, Any]) -> None:
    assert "土质 粉砂质黏壤土，" in step(told(rows, "faulty"), "plot").said
    assert "soil silty clay loam," in step(told(rows, "faulty", "en"), "plot").said


def test_a_broken_probe_is_no_old_data(rows: dict[str, Any]) -> None:
    assert step(told(rows, "faulty"), "forecast").said == "说不准：传感器故障"
    assert step(told(rows, "faulty", "en"), "forecast").said == "nobody can say: sensor fault"
    assert step(told(rows, "silent"), "forecast").said == "说不准：传感器失联"
    assert step(told(rows, "bare"), "forecast").said == "说不准：没有传感器"
    assert step(told(rows, "potential"), "forecast").said == "说不准：没有含水率"


@pytest.mark.parametrize("plot", PLOTS)
def test_a_chinese_explanation_has_no_english_words(rows: dict[str, Any], plot: str) -> None:
    text = as_text(told(rows, plot), "zh", BEICHEN)
    for known in (f"D-{plot}", f"({plot}", f"（{plot}）", plot):
        text = text.replace(known, "")
    foreign = set(re.findall(r"[A-Za-z]{3,}", text)) - ENGLISH
    assert not foreign, text


def test_nobody_is_sent_to_a_paper_that_only_the_makers_have(rows: dict[str, Any]) -> None:
    for plot in PLOTS:
        for language in ("zh", "en"):
            sources = [one.source for one in told(rows, plot, language).steps]
            assert not [one for one in sources if "spec" in one or ".csv" in one], sources


def test_a_sum_that_does_not_come_to_what_the_rules_found_is_printed_as_such() -> None:
    wrong = reckoned("soil", "taw", "TAW", "1000 × 0.14 × 0.4", 57.0, "mm")
    assert wrong.holds is False
    assert as_line(wrong) == "TAW = 1000 × 0.14 × 0.4 ≠ 57.0 mm"


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("1 − 0.25 × 2", 0.5),
        ("min(max(−3, 0), 2)", 0.0),
        ("[1 + 2] × 3", 9.0),
        ("ceil(1.2)", 2.0),
    ],
)
def test_a_printed_sum_is_read_as_a_person_would(printed: str, value: float) -> None:
    assert value_of(printed) == value


@pytest.mark.parametrize("printed", ["", "1 ÷ 0", "open(1)", "a + 1", "'x'", "1 if 2 else 3", "(1).real"])
def test_what_is_no_sum_is_refused(printed: str) -> None:
    with pytest.raises(ValueError, match="no sum"):
        value_of(printed)


def test_a_sum_holds_up_to_its_last_digit_and_not_beyond() -> None:
    assert holds("1 ÷ 3", 0.34, 2)
    assert not holds("1 ÷ 3", 0.35, 2)


def test_numbers_have_the_digits_that_carry_them() -> None:
    assert [number(0.28, 5, 3), number(0.1234567, 5), number(-0.5, 2), number(-0.001, 1), number(80, 2)] == [
        "0.280", "0.12346", "−0.5", "0", "80",
    ]  # fmt: skip
