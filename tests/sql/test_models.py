"""The SQL files keep to their own headers."""

from __future__ import annotations

import csv
import re
import string
from pathlib import Path

import duckdb
import pytest

from ingest.errors import ConfigError
from ingest.lake.tables import all_tables
from sql.analysts import all_questions
from sql.models import Model, all_models, analyst_models, in_order, parse_model
from sql.reference import limit, reference_names, reference_rows

HEADER = "-- One.\n--\n-- Grain: plot\n-- As of: now\n-- Reads: {reads}\n-- Feeds: x\nselect 1"
EVERY_MODEL = sorted({model.name: model for model in (*all_models(), *analyst_models())}.values(), key=lambda m: m.name)


@pytest.mark.parametrize("model", EVERY_MODEL, ids=lambda model: model.name)
def test_a_model_reads_what_its_header_says(model: Model) -> None:
    parsed = re.sub(
        r"range between .*?(?:preceding|following)( and .*)?$",
        "rows between 1 preceding and current row",
        model.select,
        flags=re.MULTILINE,
    )
    assert duckdb.get_table_names(parsed) == set(model.reads)


def test_a_model_reads_only_what_there_is() -> None:
    made_by_the_runner = {"earlier_runs"}
    known = {*all_tables(), *reference_names(), *made_by_the_runner, *(model.name for model in EVERY_MODEL)}
    assert {name for model in EVERY_MODEL for name in model.reads} <= known


def test_a_model_feeds_those_that_read_it() -> None:
    for model in all_models():
        readers = {reader.name for reader in all_models() if model.name in reader.reads}
        if model.feeds[0].startswith("every model"):
            continue
        assert set(model.feeds) - {*all_tables(), "pages", "pictures", "backtests", "later evaluations"} == readers, (
            model.name
        )


def test_no_model_asks_what_other_engines_do_not_know_or_read_otherwise() -> None:
    only_here = re.compile(r"\basof\b|\barg_m(?:ax|in)\(|\bdate_sub\(|\bmad\(|\blist\([^()]*order by", re.IGNORECASE)
    assert not [model.name for model in EVERY_MODEL if only_here.search(model.select)]


def test_a_model_stands_after_all_that_it_reads() -> None:
    seen: set[str] = set()
    names = {model.name for model in all_models()}
    for model in all_models():
        assert set(model.reads) & names <= seen
        seen.add(model.name)


def test_models_that_read_in_a_circle_are_refused() -> None:
    one = parse_model("one", HEADER.format(reads="two"))
    two = parse_model("two", HEADER.format(reads="one"))
    with pytest.raises(ConfigError, match="circle"):
        in_order([one, two])


@pytest.mark.parametrize(
    "text", ["select 1", "-- One.\nselect 1", HEADER.format(reads="x").replace("-- Grain: plot\n", "")]
)
def test_a_model_without_its_header_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="header lacks"):
        parse_model("one", text)


def test_nothing_asks_for_the_time_of_day() -> None:
    selects = [model.select for model in EVERY_MODEL] + [question.select for question in all_questions()]
    for forbidden in ("now()", "current_timestamp", "current_date", "today()"):
        assert not [select for select in selects if forbidden in select.lower()]


def test_every_threshold_is_used_and_has_a_source() -> None:
    text = "".join(model.select for model in all_models())
    read_by_the_runner = {"soil_window_days", "drone_window_days", "backtest_rise", "backtest_reopen_hours"}
    for row in reference_rows("limits"):
        assert row["source"]
        assert row["name"] in text or row["name"] in read_by_the_runner, row["name"]


@pytest.mark.parametrize("name", sorted(set(reference_names()) - {"reason_codes"}))
def test_every_reference_row_has_a_source(name: str) -> None:
    assert all(row["source"] for row in reference_rows(name))


def test_an_answer_is_remembered_as_long_as_a_flight_that_it_may_answer() -> None:
    assert limit("answer_days") >= limit("drone_window_days") + limit("flight_before_days")


def test_the_window_holds_the_longest_gate() -> None:
    assert limit("soil_window_days") > limit("stuck_days")


def test_a_reason_asks_for_the_same_parameters_in_both_languages_but_for_words() -> None:
    for row in reference_rows("reason_codes"):
        zh, en = (
            {field for _, field, _, _ in string.Formatter().parse(row[language]) if field} for language in ("zh", "en")
        )
        assert {name.removesuffix("_zh") for name in zh} >= {name.removesuffix("_en") for name in en} - {"grade"}, row


def test_textures_agree_with_the_published_equations(shared: Path) -> None:
    with (shared / "data" / "soil" / "saxton_rawls_2006_computed_OM2.5.csv").open(encoding="utf-8") as file:
        published = {row["texture"]: row for row in csv.DictReader(file)}
    ours = {row["texture"]: row for row in reference_rows("soil_textures")}
    assert set(ours) == set(published)
    for texture, row in published.items():
        assert float(ours[texture]["field_capacity"]) == pytest.approx(float(row["theta_33"]), abs=0.001)
        assert float(ours[texture]["wilting_point"]) == pytest.approx(float(row["theta_1500"]), abs=0.001)
        assert float(ours[texture]["saturation"]) == pytest.approx(float(row["theta_S"]), abs=0.001)
