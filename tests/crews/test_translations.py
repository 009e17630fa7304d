"""Every word that the rules can say is there in Chinese and in English, and in neither is the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crews.explain.evidence import gate_name
from crews.reasons import reasons
from crews.words import all_words, speaker
from sql.describe import gate_columns
from sql.reference import reference_names, reference_rows
from tests.sql.made_lake import MadeLake

ROOT = Path(__file__).resolve().parents[2]
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{3,}")


def in_both(zh: str, en: str) -> bool:
    """Say whether one is Chinese and the other is not."""
    return bool(_CHINESE.search(zh)) and not _LATIN.search(zh) and bool(en.strip()) and not _CHINESE.search(en)


def test_every_gate_has_a_name_in_both_languages() -> None:
    lake = MadeLake()
    lake.flags()
    columns = gate_columns(lake.connection)
    assert len(columns) > 18
    for column in columns:
        names = [gate_name(column, speaker(language)).partition(" ")[2] for language in ("zh", "en")]
        assert in_both(*names), (column, names)


def test_every_reason_is_said_in_both_languages() -> None:
    for code, said in reasons().items():
        zh, en = (re.sub(r"\{\w+\}|kPa", "", said[language]) for language in ("zh", "en"))
        assert in_both(zh, en), code


@pytest.mark.parametrize(
    "table",
    [
        "vegetations", "soil_textures", "national_grades", "agricultural_grades", "irrigation_methods",
        "finding_classes", "maintenance_grades", "campaigns",
    ],
)  # fmt: skip
def test_every_name_of_a_table_is_there_in_both_languages(table: str) -> None:
    for row in reference_rows(table):
        assert in_both(row["name_zh"], row["name_en"]), row


def test_every_table_with_a_chinese_name_has_an_english_one() -> None:
    for name in reference_names():
        columns = set(reference_rows(name)[0])
        for column in columns:
            if column.endswith("_zh"):
                assert column.replace("_zh", "_en") in columns or column.removesuffix("_zh") in columns, (name, column)


def documented_states() -> set[str]:
    """Return the states that the glossary tells."""
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    table = glossary.split("## States of a flag", 1)[1].split("## ", 1)[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ") and "---" not in line]
    return {state.strip() for cell in cells[1:] for state in cell.split(",")}


def test_every_state_is_said_in_both_languages() -> None:
    words = all_words()
    assert len(documented_states()) > 30
    for state in documented_states():
        said = words.get(f"finding_state.{state}")
        assert said is not None, state
        assert in_both(said["zh"], said["en"]), state


def test_every_state_that_the_models_write_is_in_the_glossary() -> None:
    written = set()
    case = re.compile(r"case\b(?:(?!\bcase\b).)*?end as state\b", re.DOTALL)
    models = [*(ROOT / "sql" / "plots").glob("*_findings.sql"), ROOT / "sql" / "plots" / "drought_outcomes.sql"]
    for text in (model.read_text(encoding="utf-8") for model in models):
        written |= set(re.findall(r"'([a-z_]+)' as state\b", text))
        for block in case.findall(text):
            written |= set(re.findall(r"(?:then|else) '([a-z_]+)'", block))
    assert len(written) > 10
    assert written <= documented_states(), written - documented_states()


def test_sources_that_people_read_are_published_or_ours_and_can_be_opened() -> None:
    read = [*(ROOT / "sql").rglob("*.csv"), *(ROOT / "sql").rglob("*.sql"), *(ROOT / "docs").rglob("*.md")]
    read += [*(ROOT / "schemas").rglob("*.*"), *(ROOT / "crews").rglob("*.toml"), *(ROOT / "crews").rglob("*.csv")]
    read += [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    assert len(read) > 100
    nowhere = re.compile(r"spec/|spec of the|soil specification|(?:soil|drone|people)\.md")
    for path in read:
        if path.suffix in {".csv", ".sql", ".md", ".toml", ".json", ".yaml"}:
            found = nowhere.search(path.read_text(encoding="utf-8"))
            assert found is None, f"{path}: {found[0] if found else ''}"


def test_every_decision_that_a_source_names_is_there() -> None:
    named = set()
    for name in reference_names():
        for row in reference_rows(name):
            named |= {int(one) for one in re.findall(r"decision (\d+)", row.get("source", ""))}
    pages = {int(page.name[:4]) for page in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    assert named
    assert named <= pages
