"""A page in Chinese says what the English one says: the same examples, the same tables, a section for each section."""

from __future__ import annotations

import re

import pytest

from tests.docs.code_blocks import ROOT

_BLOCK = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+(?= )", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\d+(?:,\d{3})*(?:\.\d+)?")
_MADE = re.compile(r"<!-- made: .*?<!-- end -->", re.DOTALL)
_TRANSLATED = ("device-makers", "plots")


def _read(name: str) -> list[str]:
    return [(ROOT / "docs" / f"{name}{suffix}.md").read_text(encoding="utf-8") for suffix in ("", ".zh")]


@pytest.mark.parametrize("name", _TRANSLATED)
def test_a_page_in_chinese_has_the_examples_of_the_english_one(name: str) -> None:
    english, chinese = _read(name)
    assert _BLOCK.findall(chinese) == _BLOCK.findall(english)


@pytest.mark.parametrize("name", _TRANSLATED)
def test_a_page_in_chinese_has_the_sections_tables_and_lists_of_the_english_one(name: str) -> None:
    english, chinese = (_MADE.sub("", _BLOCK.sub("", text)) for text in _read(name))
    assert _HEADING.findall(chinese) == _HEADING.findall(english)
    for start in ("| ", "- "):
        rows = [sum(line.startswith(start) for line in text.splitlines()) for text in (english, chinese)]
        assert rows[0] == rows[1], f"lines that start with {start!r}"


@pytest.mark.parametrize("name", _TRANSLATED)
@pytest.mark.parametrize("what", [_CODE, _NUMBER], ids=["code", "numbers"])
def test_a_page_in_chinese_names_the_fields_codes_and_numbers_of_the_english_one(
    name: str, what: re.Pattern[str]
) -> None:
    english, chinese = ({*what.findall(_MADE.sub("", _BLOCK.sub("", text)))} for text in _read(name))
    assert (english - chinese, chinese - english) == (set(), set())
