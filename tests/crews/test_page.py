"""The pages in a real browser of a phone's width, with scripts off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crews.apply import apply_flags
from crews.ledger import Ledger
from crews.links import load_keys, make_token
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import replace_register, to_arrow
from ingest.site import BEICHEN
from tests.crews.browser import Browser
from tests.crews.made import DAY, HOUR, NOW, PLOTS, flag, report, watered
from tests.crews.served import served

# A number on the map stands in a larger link to the same card: tests/crews/test_stop_map.py.
TARGETS = """[...document.querySelectorAll('a, button, summary, input:not([type=hidden]), select, label.choice')]
  .filter(e => e.checkVisibility() && !e.matches('.skip, .stop-map .at') && !['radio', 'checkbox'].includes(e.type))
  .map(e => { const r = e.getBoundingClientRect(); return [e.outerHTML.slice(0, 90), r.width, r.height]; })
  .filter(([_, w, h]) => w < 47.5 || h < 47.5)"""

CUT_OFF = """[...document.querySelectorAll('body *')].filter(e => e.checkVisibility()
  && !e.closest('svg, .table, .skip')
  && !e.classList.contains('skip') && (e.getBoundingClientRect().right > innerWidth + 0.5
  || e.getBoundingClientRect().left < -0.5)).map(e => e.outerHTML.slice(0, 90))"""

PALE = """(() => {
  const rgb = t => (t.match(/[0-9.]+/g) || []).map(Number);
  const lum = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    if (!e.checkVisibility() || e.closest('svg') ||
      ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
      continue;
    const [a, b] = [lum(rgb(getComputedStyle(e).color)), lum(paper(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 7) found.push([e.outerHTML.slice(0, 90), (a + 0.05) / (b + 0.05)]);
  }
  return found;
})()"""

OPEN_ALL = "(document.querySelectorAll('details').forEach(d => d.open = true), true)"


@pytest.fixture(scope="module")
def links(made: DataFolder) -> Iterator[dict[str, str]]:
    """Return a link per role to a server over the made district."""
    keys = load_keys(made)
    with served(made, NOW, office_phone="022-2600 0001") as url:
        crew, office = make_token(keys, "crew", "一队", NOW), make_token(keys, "office", "值班", NOW)
        officer = make_token(keys, "officer", "王工", NOW)
        ended = make_token(keys, "crew", "一队", NOW - 7 * DAY)
        yield {"crew": f"{url}/c/{crew}", "office": f"{url}/c/{office}", "ended": f"{url}/c/{ended}",
               "officer": f"{url}/c/{officer}"}  # fmt: skip


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return a link per role to a server over plots that changed after their issues were opened, and more of them."""
    folder = DataFolder(tmp_path_factory.mktemp("held") / "data")
    replace_register(folder, "plots", to_arrow(table("plots"), PLOTS))
    early, unknown = NOW - 2 * DAY, {"needs_work": False, "severity": 0, "litres": None}
    with Ledger(folder.ledger, BEICHEN) as ledger:
        names = ("JJ-012", "JJ-015", "GY-01", "BYH-03", "LM-07", "JJ-021", "JJ-022")
        apply_flags(ledger, [flag(name, "drought", early) for name in names], PLOTS, early)
        issues = {issue.plot_id: issue.issue_id for issue in ledger.open_issues()}
        newest = [
            watered("JJ-012", NOW - HOUR),
            flag("JJ-015", "drought", NOW - HOUR, state="stale", reason_code="drought_stale", **unknown),
            flag("GY-01", "drought", NOW - HOUR, state="sensor_fault", reason_code="drought_sensor_fault", **unknown),
            flag("BYH-03", "drought", NOW - HOUR, state="frozen", reason_code="drought_frozen", **unknown),
        ]
        apply_flags(ledger, newest, PLOTS, NOW - HOUR)
        report(ledger, issues["LM-07"], "done", NOW - HOUR, litres=6.4)
    keys = load_keys(folder)
    with served(folder, NOW) as url:
        tokens = {
            "crew": make_token(keys, "crew", "一队", NOW),
            "office": make_token(keys, "office", "值班", NOW),
            "officer": make_token(keys, "officer", "王工", NOW),
        }
        yield {role: f"{url}/c/{token}" for role, token in tokens.items()} | {
            "issue": f"{url}/office/issues/{issues['LM-07']}",
            "desk": f"{url}/office/issues/{issues['JJ-021']}",
            "check": f"{url}/office/issues/{issues['LM-07']}",
        }


@pytest.fixture(scope="module")
def phone() -> Iterator[Browser]:
    """Return a browser 360 px wide."""
    with Browser(360) as browser:
        yield browser


@pytest.mark.parametrize("role", ["crew", "office", "officer", "ended"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_on_a_phone_nothing_is_cut_off_pale_or_too_small_to_touch(
    phone: Browser, links: dict[str, str], role: str, language: str
) -> None:
    phone.open(f"{links[role]}?lang={language}")
    for opened in (False, True):
        if opened:
            phone.measure(OPEN_ALL)
        assert phone.measure("document.documentElement.scrollWidth") == 360
        assert phone.measure(CUT_OFF) == []
        assert phone.measure(TARGETS) == []
        assert phone.measure(PALE) == []
    assert phone.measure("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[language]


@pytest.mark.parametrize("page", ["crew", "office", "issue", "desk", "check"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_same_holds_for_cards_that_wait_questions_and_the_offices_page_of_an_issue(
    phone: Browser, held: dict[str, str], page: str, language: str
) -> None:
    opened_with = {"issue": "office", "desk": "officer", "check": "officer"}
    if page in opened_with:
        phone.open(held[opened_with[page]])
    phone.open(f"{held[page]}?lang={language}")
    for opened in (False, True):
        if opened:
            phone.measure(OPEN_ALL)
        assert phone.measure("document.documentElement.scrollWidth") == 360
        assert phone.measure(CUT_OFF) == []
        assert phone.measure(TARGETS) == []
        assert phone.measure(PALE) == []


_LONG_NAMES = """[...document.querySelectorAll('.table td')].map((cell, n) =>
  (cell.querySelector('span') ?? cell).append(n % 2 ? 'W'.repeat(180) : '北运河左岸'.repeat(40))).length"""


@pytest.mark.parametrize("width", [360, 1200])
def test_long_names_hide_no_column_of_the_offices_page(links: dict[str, str], width: int) -> None:
    with Browser(width) as browser:
        browser.open(links["office"])
        assert browser.measure(_LONG_NAMES) > 0
        assert browser.measure("document.documentElement.scrollWidth") <= width
        assert (
            browser.measure("(table => table.scrollWidth - table.clientWidth)(document.querySelector('.table'))") <= 0
        )


_BROKEN_WORDS = """[...document.querySelectorAll('.table td:not(.wide)')].flatMap(cell => {
  const found = [], texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode()); )
    for (const word of text.data.matchAll(/[A-Za-z]+/g)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (range.getClientRects().length > 1) found.push(word[0]);
    }
  return found;
})"""


@pytest.mark.parametrize("shown", ["links", "held"])
def test_no_word_of_the_offices_table_is_broken(request: pytest.FixtureRequest, shown: str) -> None:
    with Browser(1200) as browser:
        browser.open(request.getfixturevalue(shown)["office"] + "?lang=en")
        assert browser.measure("document.querySelectorAll('.table td').length") > 0
        assert browser.measure(_BROKEN_WORDS) == []


_LINES_OF_AGES = """(age => [...document.querySelectorAll('.table td[data-name="%s"]')].map(cell => {
  (cell.querySelector('span') ?? cell).textContent = age;
  const range = document.createRange();
  range.selectNodeContents(cell);
  return new Set([...range.getClientRects()].map(line => line.bottom)).size;
}))('%s')"""


@pytest.mark.parametrize(("language", "column", "age"), [("zh", "数据", "95 分钟前"), ("en", "Data", "95 min old")])
def test_the_age_of_the_data_stands_in_one_line_of_the_offices_table(
    links: dict[str, str], language: str, column: str, age: str
) -> None:
    with Browser(1200) as browser:
        browser.open(f"{links['office']}?lang={language}")
        lines = browser.measure(_LINES_OF_AGES % (column, age))
        assert len(lines) > 0
        assert max(lines) <= 2, "of text, and the box around it"


def test_nothing_on_the_offices_page_touches_what_stands_above_it(phone: Browser, held: dict[str, str]) -> None:
    phone.open(held["office"])
    gaps = phone.measure(
        "[...document.querySelectorAll('main > *')].map(e => e.getBoundingClientRect()).filter(r => r.height)"
        ".map((r, i, all) => i ? Math.round(r.top - all[i - 1].bottom) : 99)"
    )
    assert len(gaps) > 3
    assert min(gaps) >= 8, gaps


def test_a_card_that_is_not_to_be_watered_is_another_colour_and_shape_and_names_no_tonnes(
    phone: Browser, held: dict[str, str]
) -> None:
    phone.open(held["crew"])
    cards = phone.measure(
        "[...document.querySelectorAll('.today .card, .later .card, .overdue .card, .put_off .card')].map(c =>"
        " [c.classList.contains('wait'), c.classList.contains('look'), getComputedStyle(c).backgroundColor,"
        " c.querySelectorAll('.first svg').length, c.innerText])"
    )
    assert len(cards) == 6
    plain = {colour for wait, look, colour, _, _ in cards if not wait and not look}
    for wait, look, colour, shapes, text in cards:
        assert (shapes == 1, colour not in plain) == (wait or look, wait or look)
        assert ("吨" in text) == (not wait and not look)
        assert ("先不浇" in text, "先到现场看土" in text) == (wait, look)
    assert phone.measure("document.querySelector('.total').innerText").count("吨") == 1


def test_what_to_do_comes_first_on_a_card_and_the_place_right_under_it(phone: Browser, links: dict[str, str]) -> None:
    phone.open(links["crew"])
    lines = phone.measure(
        "[...document.querySelectorAll('.overdue .card, .today .card')].map(c =>"
        " c.innerText.split('\\n').filter(t => t.trim()).slice(0, 4))"
    )
    assert lines[0] == [
        "1", "第 1 次/共 2 次：浇 5.6 吨 ≈ 1 车（共 11.2 吨）", "京津路绿带 12 段",
        "京津路东侧，龙门东道口往北 200 米",
    ]  # fmt: skip


def test_the_list_is_chinese_first_and_english_is_one_tap_away(phone: Browser, links: dict[str, str]) -> None:
    phone.open(links["crew"])
    assert phone.measure("document.querySelector('h1').innerText") == "一队 养护清单"
    phone.open(phone.measure("document.querySelector('.language').href"))
    assert phone.measure("document.querySelector('h1').innerText") == "一队 Work list"


def test_every_card_says_how_old_its_data_is_and_severity_in_word_and_shape(
    phone: Browser, links: dict[str, str]
) -> None:
    phone.open(f"{links['crew']}?lang=en")
    cards = phone.measure(
        "[...document.querySelectorAll('.card')].map(c => [c.className, c.querySelector('dl').innerText,"
        " c.querySelector('.severity').innerText, c.querySelectorAll('.severity svg').length])"
    )
    assert len(cards) == 9
    for name, facts, severity, shapes in cards:
        assert " old" in facts or "no data" in facts, name
        assert severity.strip(), name
        assert shapes == 1, name


def test_a_silent_sensor_has_a_card_of_its_own_kind(phone: Browser, links: dict[str, str]) -> None:
    phone.open(links["crew"])
    text = phone.measure("document.querySelector('.card.sensor').innerText")
    assert "检查传感器" in text
    assert "没有数据不等于正常" in text
    assert "BC-S-0231" in text
    assert "吨" not in text


def test_a_thumb_finds_the_same_four_answers_on_every_open_card(phone: Browser, links: dict[str, str]) -> None:
    phone.open(links["crew"])
    answers = phone.measure(
        "[...document.querySelectorAll('.overdue .card, .today .card, .later .card')].map(c =>"
        " [...c.querySelectorAll('.answers > a, .answers > details > summary')].map(e => e.innerText))"
    )
    assert answers == [["导航", "拍照完成", "做不了", "误报"]] * 6


def test_the_printed_list_has_no_buttons_and_every_stop(phone: Browser, links: dict[str, str], tmp_path: Path) -> None:
    phone.open(links["crew"])
    phone.pdf(tmp_path / "list.pdf")
    assert (tmp_path / "list.pdf").read_bytes().startswith(b"%PDF")
    phone.call("Emulation.setEmulatedMedia", media="print")
    assert (
        phone.measure("[...document.querySelectorAll('.answers, .language')].filter(e => e.checkVisibility()).length")
        == 0
    )
    assert phone.measure("[...document.querySelectorAll('.card h3')].filter(e => e.checkVisibility()).length") == 9
    phone.call("Emulation.setEmulatedMedia", media="")
