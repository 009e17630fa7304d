"""The picture of a plot: what an agronomist reads off it is what the rules found."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from crews.picture import marks
from crews.picture.draw import draw_picture
from crews.picture.scale import LEFT, scale_of
from crews.picture.stored import find_stories, keep_stories
from crews.picture.story import Day, Forecast, Hour, IndexFlight, Rain, Story, Wetting, runs_of
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN

TODAY = date(2026, 7, 10)
AS_OF = datetime(2026, 7, 10, 0, 0, tzinfo=UTC)  # 08:00 by the site's clock
SVG = "{http://www.w3.org/2000/svg}"


def day(back: int, value: float | None = 0.2, condition: str = "judged", state: str | None = "ok") -> Day:
    """Return a day so many days before today, on a soil of FC 0.28, WP 0.14, p 0.5."""
    return Day(TODAY - timedelta(days=back), condition, value, 0.28, 0.224, 0.21, 0.14, state)


def story(*days: Day, **changes: Any) -> Story:
    told = Story(
        plot_id="P1", plot_name="<公园> & 1", as_of=AS_OF, window_to=TODAY, picture_days=30, quantity="water_content",
        state="dry", needs_work=True, severity=2, root_zone_m=0.6, reason_code="drought_dry",
        reason_params={"depths_cm": "30", "value_pct": 18.0, "grade_zh": "一级", "grade_en": "grade 1",
                       "line_pct": 21.0, "days": 3},
        days=tuple(sorted(days, key=lambda one: one.date)), hours=(Hour(AS_OF - timedelta(hours=1), 0.178),),
    )  # fmt: skip
    return msgspec.structs.replace(told, **changes)


def parsed(told: Story, language: str = "zh") -> ET.Element:
    return ET.fromstring(draw_picture(told, language, BEICHEN))  # noqa: S314  drawn here


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def polylines(root: ET.Element, ink: str, width: str) -> list[list[float]]:
    """Return the x of the points of every line of that ink and width in the field, key left out."""
    found = [
        [float(pair.split(",")[0]) for pair in element.attrib["points"].split()]
        for element in root.iter(f"{SVG}polyline")
        if element.attrib["stroke"] == ink and element.attrib["stroke-width"] == width
    ]
    return [one for one in found if one[0] >= LEFT]


EVERYTHING = story(
    *(day(back, 0.25 - 0.002 * (30 - back)) for back in range(30, 22, -1)),
    *(day(back, 0.17, "frozen") for back in range(20, 17, -1)),
    *(day(back, None, "gated", None) for back in range(17, 14, -1)),
    *(day(back, 0.2 - 0.002 * (14 - back), state="dry" if back < 4 else "watch") for back in range(14, 0, -1)),
    issue_since=AS_OF - timedelta(days=3),
    rain=(Rain(TODAY - timedelta(days=25), 12.4), Rain(TODAY - timedelta(days=2), 0.0)),
    wettings=(
        Wetting(AS_OF - timedelta(days=24, hours=12), "rain", 5.2),
        Wetting(AS_OF - timedelta(days=9), "watering", 18.2),
        Wetting(AS_OF - timedelta(days=6), "unplanned", 7.0),
    ),
    forecast=Forecast(5.0, 3.0, 8.0),
)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_picture_is_well_formed_and_says_in_words_what_it_shows(language: str) -> None:
    root = parsed(EVERYTHING, language)
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert "<公园> & 1" in (title.text or "")
    assert root.attrib["aria-labelledby"] == f"{title.attrib['id']} {desc.attrib['id']}"
    said = desc.text or ""
    for number in ("12.4", "21 %", "17.8 %"):
        assert number in said, said
    assert bool(re.search(r"[\u4e00-\u9fff]", said)) == (language == "zh")
    assert root.attrib["viewBox"].startswith("0 0 390 ")


def test_a_strict_content_policy_lets_every_mark_through() -> None:
    text = draw_picture(EVERYTHING, "zh", BEICHEN)
    assert "style=" not in text
    assert "<style" not in text
    assert "<script" not in text
    assert "href" not in text


def test_the_line_never_crosses_days_of_which_nothing_is_known() -> None:
    told = story(*(day(back) for back in (30, 29, 28, 20, 19, 5, 4, 3, 2, 1)))
    strokes = polylines(parsed(told), marks.INK, "2.6")
    step = scale_of(told, 0).x(1) - scale_of(told, 0).x(0)
    assert [len(one) for one in strokes] == [3, 2, 5]
    for stroke in strokes:
        assert all(right - left <= step + 0.11 for left, right in itertools.pairwise(stroke)), stroke
    gaps = runs_of(told, frozenset({None}))
    assert gaps == [(3, 10), (12, 25)]


def test_the_measured_line_has_one_stretch_between_gaps() -> None:
    told = story(day(10), day(9), day(8), day(5), day(4), hours=())
    strokes = polylines(parsed(told), marks.INK, "2.6")
    assert sorted(len(one) for one in strokes) == [2, 3]


def test_a_lone_day_between_gaps_is_a_point() -> None:
    told = story(day(10), day(8), day(6), hours=())
    root = parsed(told)
    assert len([c for c in root.iter(f"{SVG}circle") if c.attrib.get("r") == "2"]) == 3


def test_frozen_days_are_dotted_and_not_joined_to_the_judged_line() -> None:
    told = story(day(6), day(5), day(4, 0.15, "frozen"), day(3, 0.15, "frozen"), day(2), day(1), hours=())
    root = parsed(told)
    strokes = polylines(root, marks.INK, "2.6")
    assert sorted(len(one) for one in strokes) == [2, 2]
    assert [r for r in root.iter(f"{SVG}rect") if r.attrib["fill"] == "url(#frozen)"]
    assert not [r for r in root.iter(f"{SVG}rect") if r.attrib["fill"] == "url(#gated)"]


def test_days_without_a_usable_reading_are_hatched_and_named() -> None:
    root = parsed(story(day(9), *(day(back, None, "gated", None) for back in range(8, 2, -1)), day(2), day(1)))
    hatched = [r for r in root.iter(f"{SVG}rect") if r.attrib["fill"] == "url(#gated)"]
    scale = scale_of(EVERYTHING, 0)
    assert float(hatched[0].attrib["width"]) == pytest.approx(scale.x(6) - scale.x(0), abs=0.2)
    assert "不可信" in texts(root)


def test_every_line_stands_at_its_value_and_names_it() -> None:
    root = parsed(EVERYTHING)
    said = " ".join(texts(root))
    for words in ("田间持水量 28 %", "关注线 22.4 %", "养护线 21 %", "凋萎点 14 %", "17.8 %"):
        assert words in said, words
    scale = scale_of(EVERYTHING, 100)
    between = (scale.y(0.28) + scale.y(0.14)) / 2
    assert scale.y(0.21) == pytest.approx(between)


def test_the_story_in_one_sentence_each_forecast_issue_water_and_rain() -> None:
    said = texts(parsed(EVERYTHING))
    assert "再过约 5 天（3–8）到养护线" in said
    assert "3 天前起缺水" in said
    assert "+18 mm" in said
    assert "12.4" in said
    assert "?" in said


def test_rain_watering_and_water_that_nobody_ordered_are_told_apart_by_shape_and_by_word() -> None:
    root = parsed(EVERYTHING)
    drops = [p for p in root.iter(f"{SVG}path") if "A5 5" in p.attrib.get("d", "")]
    assert [one.attrib["fill"] for one in drops] == 2 * [marks.PAPER, marks.WATER_INK, marks.WATER_INK]  # field, key
    assert texts(root).count("?") == 2
    assert {"雨水入土", "浇水", "不明来水"} <= set(texts(root))
    assert {"rain soaked in", "watered", "unplanned water"} <= set(texts(parsed(EVERYTHING, "en")))
    (desc,) = root.iter(f"{SVG}desc")
    assert "雨水渗到根区 1 次。浇水 1 次。不明来水 1 次。" in (desc.text or "")


def test_a_picture_without_water_has_no_drop_and_no_word_of_it_and_a_trickle_no_number() -> None:
    dry = parsed(msgspec.structs.replace(EVERYTHING, wettings=()))
    assert not [p for p in dry.iter(f"{SVG}path") if "A5 5" in p.attrib.get("d", "")]
    assert not {"雨水入土", "浇水", "不明来水"} & set(texts(dry))
    trickle = msgspec.structs.replace(EVERYTHING, wettings=(Wetting(AS_OF - timedelta(days=9), "watering", 0.4),))
    assert not [said for said in texts(parsed(trickle)) if said.startswith("+")]


def test_gains_of_waters_close_together_do_not_overprint_each_other_nor_the_drops() -> None:
    told = msgspec.structs.replace(
        EVERYTHING,
        wettings=tuple(Wetting(AS_OF - timedelta(hours=18 * back), "watering", 10.0 + back) for back in range(9)),
    )
    spans = []
    for element in parsed(told).iter(f"{SVG}text"):
        if (element.text or "").startswith("+"):
            left = float(element.attrib["x"])
            spans.append((left, left + marks.text_width(element.text or "", 11)))
    spans.sort()
    assert 1 <= len(spans) < 9
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))
    drops = [one.attrib["d"] for one in parsed(told).iter(f"{SVG}path") if "A5 5" in one.attrib.get("d", "")]
    places = sorted(float(d[1:].split(" ", 1)[0]) for d in drops)[1:]  # the leftmost is the key's
    assert len(places) == 9
    assert not [x for x in places for begin, end in spans if begin < x + 5 and end > x - 5]


def test_the_fan_reaches_the_line_between_its_low_and_high_day() -> None:
    told = msgspec.structs.replace(EVERYTHING, days=(*EVERYTHING.days[:-1], day(1, 0.25)), hours=())
    root = parsed(told)
    (fan,) = root.iter(f"{SVG}polygon")
    points = [tuple(map(float, pair.split(","))) for pair in fan.attrib["points"].split()]
    scale = scale_of(told, 0)
    now = told.day_of(AS_OF, BEICHEN)
    assert [x for x, _ in points] == pytest.approx([scale.x(now), scale.x(now + 3), scale.x(now + 8)], abs=0.1)
    assert points[1][1] == points[2][1]


def test_fourteen_days_or_more_is_no_day_on_which_the_line_is_reached() -> None:
    told = msgspec.structs.replace(EVERYTHING, forecast=Forecast(14.0, 9.0, 14.0))
    root = parsed(told)
    assert "14 天以内不会到养护线" in texts(root)
    (fan,) = root.iter(f"{SVG}polygon")
    assert max(float(pair.split(",")[0]) for pair in fan.attrib["points"].split()) <= 390
    assert len(polylines(root, marks.FORECAST_INK, "1.8")) == 1  # the key's
    far = parsed(msgspec.structs.replace(EVERYTHING, forecast=Forecast(14.0, 14.0, 14.0)))
    assert not list(far.iter(f"{SVG}polygon"))
    assert "预测范围" not in texts(far)


def test_a_plot_that_is_at_its_line_has_no_forecast_to_draw() -> None:
    root = parsed(msgspec.structs.replace(EVERYTHING, forecast=Forecast(0.0, 0.0, 0.0)))
    assert not list(root.iter(f"{SVG}polygon"))
    assert "预测范围" not in texts(root)


def test_nobody_who_measures_rain_is_not_a_month_without_rain() -> None:
    assert "没有雨量数据" in texts(parsed(story(day(1), rain=())))
    assert "没有雨量数据" not in texts(parsed(story(day(1), rain=(Rain(TODAY, 0.0),))))


def test_a_plot_known_by_potential_has_its_line_in_kpa() -> None:
    days = tuple(
        Day(TODAY - timedelta(days=back), "judged", -40.0 - back, None, -64.0, -80.0, None, "ok") for back in (3, 2, 1)
    )
    root = parsed(story(*days, quantity="matric_potential", hours=()))
    assert "浇水线 -80 kPa" in texts(root)
    assert not [said for said in texts(root) if "%" in said and "kPa" in said]


@pytest.mark.parametrize("newest", [0.19, 0.202, 0.206, 0.21, 0.222, 0.226, 0.24])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_newest_value_never_stands_under_the_name_of_a_line(newest: float, language: str) -> None:
    told = story(*(day(back, newest + 0.008 * back) for back in range(1, 5)), hours=(Hour(AS_OF, newest),))
    written = list(parsed(told, language).iter(f"{SVG}text"))
    (value,) = (one for one in written if one.attrib["font-size"] == "13" and (one.text or "").endswith("%"))
    names = [one for one in written if one.attrib["text-anchor"] == "end" and one.attrib["font-size"] == "12"]
    assert len(names) == 4
    left, right = _reach(value)
    for name in names:
        apart = abs(float(name.attrib["y"]) - float(value.attrib["y"]))
        assert apart >= 12 or _reach(name)[0] >= right or _reach(name)[1] <= left, (name.text, value.text)


def _reach(written: ET.Element) -> tuple[float, float]:
    """Return where words begin and end, across."""
    width = marks.text_width(written.text or "", float(written.attrib["font-size"]))
    x = float(written.attrib["x"])
    left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[written.attrib["text-anchor"]] * width
    return left, left + width


def test_all_words_lie_inside_the_picture() -> None:
    for language in ("zh", "en"):
        for element in parsed(EVERYTHING, language).iter(f"{SVG}text"):
            left, right = _reach(element)
            assert left >= -1, element.text
            assert right <= 391, element.text


def test_words_break_into_lines_of_about_one_length() -> None:
    lines = marks.wrap("10/40 cm 含水率 22.7 %，低于二级养护线 28.7 %，已 14 天", 13.5, 374)
    assert len(lines) == 2
    assert min(len(line) for line in lines) > 10
    assert not any(line.startswith(("，", "。", "）", "%")) for line in lines)
    assert marks.wrap("", 12, 100) == []


def table_of(*stories: Story) -> pa.Table:
    return pa.table(
        {
            "plot_id": [one.plot_id for one in stories],
            "story_json": [msgspec.json.encode(one).decode() for one in stories],
        }
    )


def test_what_an_evaluation_saw_is_kept_and_an_older_one_does_not_replace_it(folder: DataFolder) -> None:
    assert find_stories(folder, ["P1"]) == {}
    keep_stories(folder, table_of(EVERYTHING), AS_OF)
    assert find_stories(folder, ["P1", "P2"]) == {"P1": EVERYTHING}
    older = msgspec.structs.replace(EVERYTHING, state="ok")
    keep_stories(folder, table_of(older), AS_OF - timedelta(hours=1))
    assert find_stories(folder, ["P1"])["P1"].state == "dry"
    keep_stories(folder, table_of(older), AS_OF + timedelta(hours=1))
    assert find_stories(folder, ["P1"])["P1"].state == "ok"


def test_which_evaluation_is_newer_does_not_hang_on_the_clock_it_is_written_by(folder: DataFolder) -> None:
    keep_stories(folder, table_of(EVERYTHING), AS_OF.astimezone(BEICHEN.timezone))
    newer = msgspec.structs.replace(EVERYTHING, state="ok")
    keep_stories(folder, table_of(newer), AS_OF + timedelta(minutes=1))
    assert find_stories(folder, ["P1"])["P1"].state == "ok"
    keep_stories(folder, table_of(EVERYTHING), AS_OF.astimezone(BEICHEN.timezone))
    assert find_stories(folder, ["P1"])["P1"].state == "ok"


def test_a_damaged_file_of_pictures_withholds_no_list(folder: DataFolder) -> None:
    keep_stories(folder, table_of(EVERYTHING), AS_OF)
    folder.plot_stories.write_bytes(b"PAR1 and then nothing")
    assert find_stories(folder, ["P1"]) == {}


FLOWN = (
    IndexFlight(TODAY - timedelta(days=22), "NDVI", 0.71, 0.2, "ok"),
    IndexFlight(TODAY - timedelta(days=15), "NDVI", 0.60, -2.4, "watch"),
    IndexFlight(TODAY - timedelta(days=8), "NDVI", 0.55, None, "no_peer_group"),
    IndexFlight(TODAY - timedelta(days=1), "NDVI", 0.41, -4.1, "alert"),
)


def test_flights_stand_below_the_days_on_which_they_were_flown(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[tuple[float, float]] = []
    drawn = marks.diamond

    def diamond(x: float, y: float, radius: float, fill: str) -> str:
        places.append((x, y))
        return drawn(x, y, radius, fill)

    monkeypatch.setattr(marks, "diamond", diamond)
    told = story(day(3), indices=FLOWN)
    root = parsed(told, "en")
    scale = scale_of(told, 0)
    assert [x for x, y in places if y > scale.bottom] == [pytest.approx(scale.x(29.5))]
    assert {"NDVI", "0.41", "?"} <= set(texts(root))
    assert "NDVI in 4 flights, newest 0.41; below its peers in 2." in (root.findtext(f"{SVG}desc") or "")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_bare_ground_that_is_not_believed_has_a_mark_and_a_word_of_its_own(language: str) -> None:
    doubted = (*FLOWN[:-1], IndexFlight(TODAY - timedelta(days=1), "NDVI", 0.12, None, "unconfirmed"))
    told, plain = (parsed(story(day(3), indices=flown), language) for flown in (doubted, FLOWN))
    word, sentence = {"zh": ("像裸地，待复飞确认", "1 次像裸地"), "en": ("looks bare, fly again", "Looked bare in 1")}[
        language
    ]
    assert (word in texts(told), word in texts(plain)) == (True, False)
    said, said_of_plain = (root.findtext(f"{SVG}desc") or "" for root in (told, plain))
    assert (sentence in said, sentence in said_of_plain) == (True, False)
    hollow, before = (sum(one.get("fill") == marks.PAPER for one in root.iter(f"{SVG}path")) for root in (told, plain))
    assert hollow == before + 2  # in the strip and in the key


def test_a_worse_flight_is_drawn_lower_and_a_plot_without_flights_has_no_strip() -> None:
    drawn = parsed(story(day(3), indices=FLOWN))
    bare = parsed(story(day(3)))
    assert float(drawn.attrib["height"]) > float(bare.attrib["height"])
    assert "NDVI" not in texts(bare)
    line = next(
        one.attrib["points"]
        for one in drawn.iter(f"{SVG}polyline")
        if (one.attrib["stroke"], one.attrib["stroke-width"]) == (marks.INK, "1.2")
        and len(one.attrib["points"].split()) == 3
    )
    heights = [float(pair.split(",")[1]) for pair in line.split()]
    assert heights == sorted(heights)
