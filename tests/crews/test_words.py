"""Words, reasons, the palette: what people read, complete in both languages and legible in the sun."""

from __future__ import annotations

import re
import string
from importlib import resources

import pytest

from crews.card import web_address
from crews.crew_list import GROUPS
from crews.desk import ORDER
from crews.issue import LATE_REPORT, REPORT_KINDS, STATES
from crews.reasons import reasons, render_reason
from crews.reports import CANNOT_DO_REASONS, FALSE_ALARM_REASONS, INSPECTIONS
from crews.sparkline import sparkline
from crews.transitions import EVENT_KINDS
from crews.words import all_words, say_age, say_number, say_value, speaker

CREWS = resources.files("crews")


def fields(sentence: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_sentence_is_there_in_both_languages_with_the_same_parameters() -> None:
    assert len(all_words()) > 150
    for key, sentences in all_words().items():
        assert set(sentences) == {"zh", "en"}, key
        assert all(sentence.strip() for sentence in sentences.values()), key
        # a month is a number in Chinese and a name in English; a campaign has a name of its own in each
        if key not in {"when.day", "campaign.name"}:
            assert fields(sentences["zh"]) == fields(sentences["en"]), key


PLAIN = {"language", "page.datum", "sum.depth", "sum.litres", "picture.heading", "picture.gain", "backtest.other"}
"""What is neither Chinese nor English."""


def test_english_sentences_are_english_and_chinese_ones_chinese() -> None:
    for key, sentences in all_words().items():
        if key not in PLAIN:
            assert not re.search(r"[\u4e00-\u9fff]", sentences["en"]), key
    plain = {key for key, said in all_words().items() if not re.search(r"[\u4e00-\u9fff]", said["zh"])}
    assert plain <= {
        *PLAIN,
        "sum.join",
        "office.on_time_value",
        "office.untold_one",
        "card.and",
        "campaign.and",
        "campaign.name",
        "campaign.named",
        "explain.plot.layer",
        "explain.plot.join",
        "flights.and",
        "flights.of",
        "flights.perhaps",
        "map.of_stop",
        "notice.stop",
        "notice.crew",
        "notice.of_crew",
        "notice.basis_unknown",
    }


def test_the_templates_and_the_code_say_only_what_exists() -> None:
    pattern = re.compile(r"""say\(\s*["']([a-z_.0-9]+)["']\s*[,)]""")
    used = set()
    for folder, ending in (("templates", ".html"), ("picture", ".py"), ("explain", ".py"), ("", ".py")):
        for entry in (CREWS / folder if folder else CREWS).iterdir():
            if entry.name.endswith(ending):
                used |= set(pattern.findall(entry.read_text(encoding="utf-8")))
    used -= {"group.today", "water"}
    assert len(used) > 60
    assert used <= set(all_words())


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("inspection", INSPECTIONS), ("event", EVENT_KINDS), ("received", (*REPORT_KINDS, LATE_REPORT)),
        ("group", GROUPS), ("state", STATES), ("severity", "01234"),
        ("reason", CANNOT_DO_REASONS + FALSE_ALARM_REASONS),
        ("result", (*CANNOT_DO_REASONS, *FALSE_ALARM_REASONS, "done", "frozen", "suspended")),
        ("desk", ORDER), ("waiting", ("unchecked", "unassigned", "returned", "look_backs")),
        ("cause", ("drought", "disease", "vigour", "sensor", "coverage")),
    ],
)  # fmt: skip
def test_every_code_has_its_words(prefix: str, names: tuple[str, ...]) -> None:
    assert {f"{prefix}.{name}" for name in names} <= set(all_words())


def test_the_rules_reasons_are_there_in_both_languages() -> None:
    assert len(reasons()) > 30
    for code, sentences in reasons().items():
        assert sentences["zh"].strip(), code
        assert sentences["en"].strip(), code


MADE = {
    "dry": {"zh": "{depth} cm 含水率 {value} %，已 {days} 天", "en": "{depth} cm: {value} %, for {days} d"},
    "sly": {"zh": "{value.__class__}", "en": "{value:.1f} {value[0]}"},
}


def test_a_reason_is_rendered_per_language() -> None:
    params = {"depth": 10, "value": 11.0, "days": 3}
    assert render_reason("dry", params, "zh", MADE) == "10 cm 含水率 11 %，已 3 天"
    assert render_reason("dry", params, "en", MADE) == "10 cm: 11 %, for 3 d"


def test_a_reason_begins_with_a_capital_letter_also_where_a_name_comes_first() -> None:
    params = {"class_zh": "长势异常的树", "class_en": "unhealthy tree", "images": 3, "flights": 1, "confidence_pct": 80}
    assert render_reason("disease_probable", params, "en").startswith("Unhealthy tree seen in 3 pictures")


def test_a_missing_parameter_shows_as_a_question_mark_and_an_unknown_code_as_itself() -> None:
    assert render_reason("dry", {"depth": 10, "value": None}, "en", MADE) == "10 cm: ? %, for ? d"
    assert render_reason("made_tomorrow", {"a": 1}, "zh", MADE) == "made_tomorrow (a = 1)"


def test_a_parameter_can_neither_reach_attributes_nor_be_a_template() -> None:
    assert render_reason("sly", {"value": 1.25}, "zh", MADE) == "?"
    assert render_reason("dry", {"depth": "{value}", "value": 1, "days": 1}, "en", MADE).startswith("{value} cm")


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(None, "没有数据"), (-3, "刚刚"), (0, "刚刚"), (1, "1 分钟前"), (119, "119 分钟前"), (120, "2 小时前"),
     (2879, "47 小时前"), (2880, "2 天前")],
)  # fmt: skip
def test_ages_are_said_in_the_unit_that_fits(minutes: int | None, said: str) -> None:
    assert say_age(minutes, speaker("zh")) == said


def test_values_are_said_with_their_unit() -> None:
    say = speaker("en")
    assert say_value(0.142, "m3/m3", say) == "14.2 %"
    assert say_value(-45.0, "kPa", say) == "-45 kPa"
    assert say_value(22.68, "%", say) == "22.7 %"
    assert say_value(21.25, "%", say) == "21.3 %"
    assert (say_number(6400), say_number(0.05), say_number(12.0), say_number(-0.5, 0)) == ("6,400", "0.1", "12", "-1")
    assert say_value(0.91, "1", say) == "0.91"
    assert say_value(None, "kPa", say) == say_value(float("nan"), "kPa", say) == "unknown"


def test_a_week_without_values_draws_nothing_and_gaps_are_gaps() -> None:
    said = {"line_word": "养护线 10 %", "dry_word": "干"}
    for nothing in ([None, None], [0.2, None, 0.1], []):
        assert sparkline(nothing, 0.1, "", **said) == ""
    assert sparkline([0.2, 0.1, 0.1], None, "", **said) == ""
    drawn = sparkline([0.2, 0.1, None, 0.1, 0.2], 0.15, "", **said)
    assert (drawn.count("<polyline"), "养护线 10 %" in drawn, "干" in drawn) == (2, True, True)
    evil = sparkline([0.2, 0.2, 0.2], 0.2, '"><script>', line_word="<script>", dry_word="<script>")
    assert "nan" not in evil
    assert "<script>" not in evil


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "data:text/html,x", "//evil", "patrol/1.jpg", "http:", "http://[", ""]
)
def test_only_addresses_of_the_web_become_links(uri: str) -> None:
    assert web_address(uri) is None
    assert web_address("https://images.example.org/1.jpg") is not None


def _colours() -> dict[str, tuple[int, int, int]]:
    css = (CREWS / "static" / "greensward.css").read_text(encoding="utf-8")
    found = re.findall(r"--([a-z0-9-]+):\s*#([0-9a-f]{6});", css)
    return {name: (int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)) for name, code in found}


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Return the contrast ratio of WCAG 2.2, 1 to 21."""

    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_reckoned_as_wcag_does() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21.0)
    assert contrast((0x76, 0x76, 0x76), (255, 255, 255)) == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        *[(ink, "card") for ink in ("ink", "soft", "green", "line-ink", "s1", "s2", "s3", "s4", "sensor", "done")],
        *[(ink, "paper") for ink in ("ink", "soft", "green", "s4")],
        *[(ink, "hold-paper") for ink in ("ink", "soft", "green", "hold")],
        ("warn-ink", "warn-paper"), ("warn-ink", "card"), ("green", "pale-green"), ("ink", "pale-green"),
        ("on-dark", "green"), ("on-dark", "ink"),
    ],
)  # fmt: skip
def test_every_ink_stands_out_seven_to_one_from_its_paper(ink: str, paper: str) -> None:
    colours = _colours()
    assert contrast(colours[ink], colours[paper]) >= 7.0
