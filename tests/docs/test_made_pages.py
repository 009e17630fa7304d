"""Pages that are made from the code are up to date, and prose agrees with the tables it speaks of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crews.finding import WELL_STATES
from crews.page import OLD_EVALUATION
from crews.photos import LARGEST_BYTES
from crews.policy import interval
from crews.reports import CANNOT_DO_REASONS, FALSE_ALARM_REASONS
from crews.words import all_words
from greensward.commands.sql import open_for_questions
from greensward.given_settings import load
from greensward.settings import Settings
from ingest.decode.fault_codes import FAULT_CODES
from ingest.decode.route import subscriptions
from ingest.lake.tables import all_tables
from sql.models import analyst_views
from sql.reference import limit, reference_rows
from tests.docs.made_pages import DOCS, made_pages, with_made_parts

_AGAIN = "write it again: python -m tests.docs.made_pages"


@pytest.mark.parametrize("name", sorted(made_pages()))
def test_a_made_page_is_what_the_code_makes_now(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == made_pages()[name], _AGAIN


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_made_part_is_what_the_code_makes_now(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert with_made_parts(text) == text, _AGAIN


def test_every_column_of_every_table_is_in_the_dictionary() -> None:
    text = (DOCS / "dictionary.md").read_text(encoding="utf-8")
    for spec in all_tables().values():
        part = text.partition(f"\n## {spec.name}\n")[2].partition("\n## ")[0]
        assert [name for name in spec.schema.names if f"`{name}`" not in part] == []


def test_every_view_of_analysts_is_on_their_page() -> None:
    page = (DOCS / "analysts.md").read_text(encoding="utf-8")
    table = page.partition("<!-- made: views -->")[2].partition("<!-- end -->")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == analyst_views()


def test_every_fault_has_a_sentence_in_both_languages() -> None:
    text = (DOCS / "faults.md").read_text(encoding="utf-8")
    for code, meaning in FAULT_CODES.items():
        assert f"| `{code}` | {meaning.en} | {meaning.zh} |" in text


def test_the_crews_page_says_the_numbers_of_the_tables() -> None:
    text = (DOCS / "crews.zh.md").read_text(encoding="utf-8")
    web = Settings().web
    said = (
        f"默认 {web.truck_litres:,.0f} 升",
        f"链接最多用 {web.link_days} 天",
        f"超过 {OLD_EVALUATION.total_seconds() / 3600:g} 小时没有评估",
        f"每张最多 {LARGEST_BYTES // 1_000_000} MB",
        f"报完成 {interval('recheck_after').total_seconds() / 3600:g} 小时以后",
        f"所有 {interval('repeat_within').days} 天内复发的，{interval('look_back_after').days} 天后再看",
        f"每 {interval('tell_again').total_seconds() / 3600:g} 小时在台账里再记一次",
        f"| {limit('silent_hours'):g} 小时没有数据 |",
        f"超过 {limit('stale_intervals'):g} 个上报间隔、至少 {limit('stale_hours'):g} 小时没有数据",
        f"{limit('just_watered_hours'):g} 小时内含水率升了 {100 * limit('wetting_rise'):g} 个百分点以上",
        f"没有航拍，或 {limit('not_flown_days'):g} 天没有",
        f"恢复到 p − {limit('close_margin'):g} 以下",
        f"占地块 {100 * limit('disease_share'):g} % 以上",
    )
    assert [sentence for sentence in said if sentence not in text] == []


def test_the_crews_page_says_when_dryness_rests() -> None:
    text = (DOCS / "crews.zh.md").read_text(encoding="utf-8")
    rests = [row for row in reference_rows("seasons") if row["rule"] == "suspended"]
    first, last = rests[0]["month_day_from"], rests[-1]["month_day_to"]
    start, end = ((int(part) for part in day.split("-")) for day in (first, last))
    assert "{} 月 {} 日到次年 {} 月 {} 日不判旱".format(*start, *end) in text


@pytest.mark.parametrize(("language", "page"), [("zh", "crews.zh.md"), ("en", "crews.md")])
def test_the_crews_page_names_every_button_and_reason_as_the_page_does(language: str, page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8").lower()
    words = all_words()
    keys = [f"button.{name}" for name in ("navigate", "done", "cannot_do", "false_alarm")]
    keys += [f"reason.{name}" for name in (*CANNOT_DO_REASONS, *FALSE_ALARM_REASONS)]
    keys += [f"group.{name}" for name in ("overdue", "today", "later", "put_off", "done")]
    assert [words[key][language] for key in keys if words[key][language].lower() not in text] == []


def test_the_list_of_decisions_names_every_one_by_its_title() -> None:
    pages = {page.name: page for page in (DOCS / "decisions").glob("0*.md")}
    titles = {name: page.read_text(encoding="utf-8").splitlines()[0].lstrip("# 0") for name, page in pages.items()}
    listed = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^- \[(\d+)\. (.+)\]\((.+)\)$", listed, re.MULTILINE)
    assert lines == [
        (number, title, name)
        for name, said in sorted(titles.items())
        for number, title in re.findall(r"^(\d+)\.? (.+)", said)
    ]


def test_the_makers_pages_name_every_topic_that_is_read() -> None:
    pages = ("device-makers.md", "other-formats.md", "drone-makers.md")
    text = "".join((DOCS / name).read_text(encoding="utf-8") for name in pages)
    shown = {
        re.sub(r"\{[^}]*\}", "+", topic)
        for topic in re.findall(r"`((?:greensward/v1|application|v3|thing|/sys|\$sys|\$oc|spBv1\.0)/[^`]+)`", text)
    }
    unread = {"v3/+/devices/+/join"}
    for topic, _ in subscriptions("beichen"):
        plain = topic.replace("/beichen/", "/+/").replace("/event/+", "/event/up")
        plain = plain.replace("v3/+/", "v3/+@+/")
        assert topic in unread or plain in shown, f"{topic} is read and no page says so"


def test_the_glossary_defines_every_state_of_a_flag(demo_folder: Path) -> None:
    part = (
        (DOCS / "glossary.md").read_text(encoding="utf-8").partition("\n## States of a flag")[2].partition("\n## ")[0]
    )
    rows = re.findall(r"^\| ([a-z_, ]+) \|", part, re.MULTILINE)
    defined = {state for row in rows for state in row.split(", ")}
    with open_for_questions(load(None, demo_folder)) as lake:
        seen = {str(row[0]) for row in lake.execute("select distinct state from flags").fetchall()}
    said = {key.removeprefix("finding_state.") for key in all_words() if key.startswith("finding_state.")}
    assert (seen | said) - defined == set()


def test_the_glossary_calls_well_what_closes_an_issue() -> None:
    part = (
        (DOCS / "glossary.md").read_text(encoding="utf-8").partition("\n## States of a flag")[2].partition("\n## ")[0]
    )
    well = re.findall(r"^\| ([a-z_, ]+) \|.*\| well \|$", part, re.MULTILINE)
    assert {state for row in well for state in row.split(", ")} == WELL_STATES
