"""The list itself: groups, order, water, ages, and what it is written out as."""

from __future__ import annotations

import csv
import io
import itertools
import json
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import shapely

from crews.action import Action
from crews.apply import apply_flags, valid_plots
from crews.card import make_card
from crews.crew_list import CrewList, Stop
from crews.drive import distance_km, drive_order
from crews.export import COLUMNS, defuse, stop_values, to_csv, to_geojson, to_xlsx
from crews.issue import Photo
from crews.ledger import Ledger
from crews.lists import all_lists, list_of, office_view
from crews.navigation import navigate_to
from crews.office import Filters, on_time
from crews.perform import perform
from crews.say_stop import (
    say_action,
    say_arithmetic,
    say_earlier,
    say_not_knowing,
    say_overdue,
    say_reason,
    say_result,
    say_total,
)
from crews.words import speaker
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.made import DAY, HOUR, NOW, PLOTS, flag, plot, report, silent, watered

ZH, EN = speaker("zh"), speaker("en")


@pytest.fixture
def listed(made: DataFolder) -> CrewList:
    """Return 一队's list in the made district."""
    with Ledger(made.ledger, BEICHEN) as ledger:
        return list_of(ledger, "一队", valid_plots(PLOTS, NOW), NOW, 8000.0)


def small_list(ledger: Ledger, rows: list[dict[str, object]], plots: list[dict[str, object]]) -> CrewList:
    """Return 一队's list after an evaluation an hour before NOW."""
    apply_flags(ledger, rows, plots, NOW - HOUR)
    return list_of(ledger, "一队", valid_plots(plots, NOW), NOW, 8000.0)


def test_stops_are_grouped_and_numbered_through(listed: CrewList) -> None:
    groups = [(stop.group, stop.name) for stop in listed.stops]
    assert [group for group, _ in itertools.groupby(groups, key=lambda pair: pair[0])] == [
        "overdue", "today", "later", "put_off", "done",
    ]  # fmt: skip
    assert [stop.seq for stop in listed.stops] == list(range(1, 10))
    assert ("overdue", "京津路绿带 12 段") in groups
    assert ("today", "京津路绿带 15 段") in groups
    assert ("put_off", "龙门东道行道树") in groups
    assert {name for group, name in groups if group == "done"} == {"京津路绿带 21 段", "京津路绿带 22 段"}


def test_another_crews_stops_and_unassigned_ones_are_on_lists_of_their_own(made: DataFolder) -> None:
    with Ledger(made.ledger, BEICHEN) as ledger:
        lists = all_lists(ledger, valid_plots(PLOTS, NOW), NOW, 8000.0)
    assert [(one.crew, len(one.stops)) for one in lists] == [("一队", 9), ("二队", 1), (None, 1)]


@pytest.mark.parametrize(
    ("due_in", "group"),
    [(-1, "overdue"), (0, "today"), (15 * 3600, "today"), (15 * 3600 + 1800, "later")],
)
def test_today_ends_at_midnight_by_the_sites_clock(ledger: Ledger, due_in: int, group: str) -> None:
    apply_flags(ledger, [flag("JJ-012", "drought", NOW - 4 * DAY)], PLOTS, NOW - 4 * DAY)
    issue = ledger.open_issues()[0]
    perform(
        ledger,
        Action("office-01", issue.issue_id, "extended", "王工", reason="x", due_at=NOW + timedelta(seconds=due_in)),
        NOW - DAY,
    )
    (stop,) = list_of(ledger, "一队", {}, NOW, 8000.0).stops
    assert stop.group == group


def test_what_is_to_be_done_at_once_is_for_today_also_when_it_is_due_tomorrow(ledger: Ledger) -> None:
    for severity, group in ((3, "later"), (4, "today")):
        at = NOW - (5 - severity) * HOUR
        apply_flags(ledger, [flag("JJ-012", "drought", at, severity=severity)], PLOTS, at)
        issue = ledger.open_issues()[0]
        later = Action(
            f"office-{severity}", issue.issue_id, "extended", "王工", reason="x", due_at=NOW + severity * DAY
        )
        perform(ledger, later, NOW)
        (stop,) = list_of(ledger, "一队", {}, NOW, 8000.0).stops
        assert (stop.issue.severity, stop.group) == (severity, group)


def test_water_is_shown_in_tonnes_and_loads_with_the_arithmetic(ledger: Ledger) -> None:
    listed = small_list(ledger, [flag("JJ-012", "drought", NOW - HOUR)], PLOTS)
    (stop,) = listed.stops
    assert say_action(stop, ZH) == "浇水 6.4 吨 ≈ 1 车"
    assert say_action(stop, EN) == "Water 6.4 t ≈ 1 truck load"
    assert say_arithmetic(stop, ZH) == "17.1 mm × 374 m² = 6,400 L；6,400 L ÷ 8,000 L/车 = 0.8 → 1 车"
    assert say_total(listed, ZH) == "以后 1 处（6.4 吨 ≈ 1 车）"
    assert say_total(listed, EN) == "1 later (6.4 t ≈ 1 truck load)"


def test_of_several_visits_the_list_counts_this_one_and_says_the_whole(ledger: Ledger) -> None:
    row = flag("JJ-012", "drought", NOW - HOUR, litres=10_600.0, gross_mm=90.0, visits=3)
    listed = small_list(ledger, [row], PLOTS)
    (stop,) = listed.stops
    assert say_action(stop, ZH) == "第 1 次/共 3 次：浇 3.5 吨 ≈ 1 车（共 10.6 吨）"
    assert say_action(stop, EN) == "Visit 1 of 3: water 3.5 t ≈ 1 truck load (10.6 t in all)"
    assert say_arithmetic(stop, ZH) == (
        "90 mm × 118 m² = 10,600 L；10,600 L ÷ 3 次 = 3,533 L；3,533 L ÷ 8,000 L/车 = 0.44 → 1 车"
    )
    assert (round(listed.litres), listed.whole_loads) == (3533, 1)
    values = stop_values(listed, stop, "zh")
    assert (values["water_t"], values["trucks"], values["water_all_visits_t"], values["visits"]) == (3.53, 1, 10.6, 3)


def after(ledger: Ledger, newest: dict[str, object], hours: int = 0) -> tuple[CrewList, Stop]:
    """Return 一队's list, with its only stop, of a plot that was dry two days ago and is as `newest` says now."""
    apply_flags(ledger, [flag("JJ-012", "drought", NOW - 2 * DAY)], PLOTS, NOW - 2 * DAY)
    apply_flags(ledger, [newest], PLOTS, NOW - HOUR)
    listed = list_of(ledger, "一队", valid_plots(PLOTS, NOW), NOW + hours * HOUR, 8000.0)
    (stop,) = listed.stops
    return listed, stop


@pytest.mark.parametrize(("hours", "said"), [(0, 6), (3, 9)])
def test_a_plot_that_was_just_watered_is_not_to_be_watered(ledger: Ledger, hours: int, said: int) -> None:
    listed, stop = after(ledger, watered("JJ-012", NOW - HOUR, hours=5), hours)
    assert say_action(stop, ZH) == f"先不浇：{said} 小时前刚浇过或下过雨"
    assert say_reason(stop, "zh").startswith(f"{said} 小时前刚浇过或下过雨")
    assert (stop.hold, stop.litres, stop.group, listed.litres, listed.whole_loads) == ("wait", None, "later", 0.0, 0)
    assert "吨" not in say_total(listed, ZH)
    values = stop_values(listed, stop, "zh")
    assert (values["water_t"], values["trucks"], values["water_all_visits_t"]) == (None, None, None)
    assert values["reason_zh"] == say_reason(stop, "zh")


@pytest.mark.parametrize("state", ["stale", "silent", "sensor_fault", "no_data", "no_sensor", "made_tomorrow"])
def test_where_nobody_knows_the_crew_looks_before_it_waters(ledger: Ledger, state: str) -> None:
    newest = flag("JJ-012", "drought", NOW - HOUR, state=state, needs_work=False, severity=0, litres=None,
                  reason_code="drought_silent", reason_params_json='{"hours": 80}', data_at=NOW - 81 * HOUR,
                  since=NOW - 81 * HOUR)  # fmt: skip
    listed, stop = after(ledger, newest)
    assert say_action(stop, ZH) == "先到现场看土，再决定浇不浇"
    assert (stop.hold, stop.litres, listed.litres) == ("look", None, 0.0)
    assert say_reason(stop, "zh") == "探头已 81 小时没有可用数据，干不干不知道"
    earlier = say_earlier(stop, NOW, ZH, "zh")
    assert earlier[0].startswith("2 天前判的：10 cm 含水率 14.2 %")
    assert earlier[1] == "2 天前算的水量，现在不作数：17.1 mm × 374 m² = 6,400 L"


@pytest.mark.parametrize(("state", "said"), [("frozen", "先不浇：土冻着"), ("suspended", "先不浇：冬季停灌")])
def test_frozen_soil_and_winter_rest_are_not_watered(ledger: Ledger, state: str, said: str) -> None:
    newest = flag("JJ-012", "drought", NOW - HOUR, state=state, needs_work=False, severity=0, litres=None,
                  reason_code=f"drought_{state}")  # fmt: skip
    _, stop = after(ledger, newest)
    assert (say_action(stop, ZH), stop.group) == (said, "put_off")


def test_a_plot_that_is_dry_again_is_watered_as_the_newest_evaluation_says(ledger: Ledger) -> None:
    _, stop = after(ledger, flag("JJ-012", "drought", NOW - HOUR, litres=9000.0))
    assert (stop.hold, stop.litres, say_earlier(stop, NOW, ZH, "zh")) == (None, 9000.0, [])


def test_the_days_of_a_reason_and_of_the_table_are_those_of_now(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("JJ-012", "drought", NOW - 3 * DAY)], PLOTS, NOW - 3 * DAY)
    listed = list_of(ledger, "一队", valid_plots(PLOTS, NOW), NOW, 8000.0)
    (stop,) = listed.stops
    assert say_reason(stop, "zh").endswith("已连续 6 天")
    assert stop_values(listed, stop, "zh")["evidence_days"] == 6


def test_the_office_sees_the_same_holds(ledger: Ledger) -> None:
    after(ledger, watered("JJ-012", NOW - HOUR))
    view = office_view(ledger, valid_plots(PLOTS, NOW), NOW, Filters(), 8000.0)
    assert [(row.hold, row.litres) for row in view.rows] == [("wait", None)]
    assert view.counts["overdue"] == 0


@pytest.mark.parametrize(
    ("drought", "said"),
    [
        (None, "土壤情况现在未知"),
        ({"state": "silent", "needs_work": False}, "土壤情况现在未知"),
        ({"state": "stale", "needs_work": False}, "土壤情况现在未知"),
        ({"state": "dry"}, "同一地块其他探头正常"),
        ({"state": "ok", "needs_work": False}, "同一地块其他探头正常"),
        ({"state": "ok", "needs_work": False, "inputs_json": '{"probes": [{"device_id": "S1"}]}'}, "坏之前的数据"),
    ],
)
def test_a_broken_probe_leaves_the_soil_unknown_only_where_nothing_else_judges_it(
    ledger: Ledger, drought: dict[str, object] | None, said: str
) -> None:
    rows = [silent("JJ-012", "S1", NOW - HOUR)]
    if drought is not None:
        rows.append(flag("JJ-012", "drought", NOW - HOUR) | drought)
    stop = next(one for one in small_list(ledger, rows, PLOTS).stops if one.issue.cause == "sensor")
    assert said in str(say_not_knowing(stop, ZH))


def test_a_healed_probe_says_that_it_is_well_and_sends_nobody_any_more(ledger: Ledger) -> None:
    apply_flags(ledger, [silent("JJ-012", "D-JJ-012", NOW - 3 * HOUR)], PLOTS, NOW - 3 * HOUR)
    well = flag("JJ-012", "sensor", NOW - HOUR, state="ok", needs_work=False, severity=0, reason_code="sensor_ok",
                reason_params_json='{"hours": 0}', device_id="D-JJ-012", data_at=NOW - HOUR)  # fmt: skip
    apply_flags(ledger, [well], PLOTS, NOW - HOUR)
    (stop,) = list_of(ledger, "一队", valid_plots(PLOTS, NOW), NOW, 8000.0).stops
    assert (stop.group, stop.issue.closed_reason) == ("done", "recovered")
    assert say_reason(stop, "zh") == "办结时：探头正常，0 小时前有数据"
    (before,) = say_earlier(stop, NOW, ZH, "zh")
    assert "没有数据" in before
    apply_flags(ledger, [silent("JJ-012", "D-JJ-012", NOW)], PLOTS, NOW)
    ended = [one for one in list_of(ledger, "一队", valid_plots(PLOTS, NOW), NOW, 8000.0).stops if one.group == "done"]
    assert [say_reason(one, "zh") for one in ended] == [say_reason(stop, "zh")], "what came after is another issue's"
    assert (ended[0].days, ended[0].data_age_min) == (stop.days, 60)


def test_why_it_was_opened_again_is_said(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("JJ-012", "drought", NOW - DAY)], PLOTS, NOW - DAY)
    issue_id = ledger.open_issues()[0].issue_id
    report(ledger, issue_id, "done", NOW - DAY)
    perform(ledger, Action("office-01", issue_id, "reopened", "王工", reason="照片看不清"), NOW)
    assert say_result(ledger.issue(issue_id), ZH) == "退回重做：照片看不清"
    perform(ledger, Action("phone-002", issue_id, "done", "crew:一队", photos=(Photo("ab" * 32, "after"),)), NOW)
    perform(ledger, Action("office-02", issue_id, "closed", "王工"), NOW)
    perform(ledger, Action("office-03", issue_id, "reopened", "赵工", reason="树穴没浇透，返工"), NOW)
    assert say_result(ledger.issue(issue_id), ZH) == "回头看：树穴没浇透，返工"


@pytest.mark.parametrize(
    ("late", "said"), [(0, "刚到期"), (59, "已超 59 分钟"), (180, "已超 3 小时"), (2880, "已超 2 天")]
)
def test_an_overdue_stop_says_by_how_much(ledger: Ledger, late: int, said: str) -> None:
    apply_flags(ledger, [flag("JJ-012", "drought", NOW - DAY)], PLOTS, NOW - DAY)
    due = ledger.open_issues()[0].due_at
    now = due + timedelta(minutes=late, seconds=1)
    (stop,) = list_of(ledger, "一队", {}, now, 8000.0).stops
    assert (stop.group, say_overdue(stop, ZH)) == ("overdue", said)


@pytest.mark.parametrize(("litres", "loads"), [(1.0, 1), (8000.0, 1), (8000.1, 2), (16_000.0, 2), (0.0, 0)])
def test_a_load_begun_is_a_load_to_drive(ledger: Ledger, litres: float, loads: int) -> None:
    (stop,) = small_list(ledger, [flag("JJ-012", "drought", NOW - HOUR, litres=litres)], PLOTS).stops
    assert stop.whole_loads == loads


def test_the_truck_is_filled_for_all_stops_together_not_for_each(ledger: Ledger) -> None:
    rows = [flag(f"T{n}", "drought", NOW - HOUR, litres=2000.0) for n in range(4)]
    plots = [plot(f"T{n}", f"树 {n}", 117.1 + n / 1000, 39.2) for n in range(4)]
    listed = small_list(ledger, rows, plots)
    assert (listed.litres, listed.whole_loads) == (8000.0, 1)


def test_water_that_cannot_be_known_is_said_not_guessed(ledger: Ledger) -> None:
    (stop,) = small_list(ledger, [flag("JJ-012", "drought", NOW - HOUR, litres=None)], PLOTS).stops
    assert (stop.action, stop.tonnes, stop.whole_loads, say_arithmetic(stop, ZH)) == ("water_unknown", None, None, None)


def test_a_plot_that_went_silent_keeps_its_issue_and_its_data_grows_old(listed: CrewList) -> None:
    stop = next(one for one in listed.stops if one.name == "果园街口袋公园" and one.issue.cause == "drought")
    assert (stop.newest_state, stop.hold) == ("silent", "look")
    assert stop.data_age_min == 91 * 60


def test_a_finding_without_data_has_no_age_rather_than_age_zero(ledger: Ledger) -> None:
    (stop,) = small_list(ledger, [flag("JJ-012", "drought", NOW - HOUR, data_at=None)], PLOTS).stops
    assert stop.data_age_min is None


def test_a_plot_of_no_register_is_listed_without_a_position(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("JJ-012", "drought", NOW - HOUR)], PLOTS, NOW - HOUR)
    (stop,) = list_of(ledger, "一队", {}, NOW, 8000.0).stops
    assert (stop.position, stop.navigation, stop.name) == (None, None, "京津路绿带 12 段")


def test_the_drive_is_as_short_as_the_best_of_all_orders_of_seven_stops() -> None:
    places = [(117.10, 39.20), (117.14, 39.26), (117.11, 39.21), (117.15, 39.22), (117.12, 39.25), (117.13, 39.20),
              (117.16, 39.25)]  # fmt: skip

    def length_km(order: Sequence[int]) -> float:
        return sum(distance_km(places[a], places[b]) for a, b in itertools.pairwise(order))

    order = drive_order(places)
    best = min(length_km((0, *rest)) for rest in itertools.permutations(range(1, 7)))
    assert sorted(order) == list(range(7))
    assert order[0] == 0
    assert length_km(order) <= 1.05 * best


def test_the_drive_goes_on_from_where_the_truck_stands() -> None:
    places = [(117.10, 39.20), (117.20, 39.20)]
    assert drive_order(places, start=(117.21, 39.20)) == [1, 0]
    assert drive_order([]) == []
    assert drive_order([(117.1, 39.2)]) == [0]
    assert sorted(drive_order([(117.1, 39.2)] * 5)) == [0, 1, 2, 3, 4]


def test_a_degree_of_latitude_is_111_km() -> None:
    assert distance_km((117.0, 39.0), (117.0, 40.0)) == pytest.approx(111.195, abs=0.01)
    assert distance_km((117.0, 39.0), (117.0, 39.0)) == 0


def test_every_map_gets_the_shifted_position_and_the_name_in_the_form_it_documents() -> None:
    way = navigate_to(117.1320, 39.2240, "京津路 12&13 段,东")
    assert 500 < 1000 * distance_km((way.lon_wgs84, way.lat_wgs84), (way.lon_gcj02, way.lat_gcj02)) < 600
    amap = urlsplit(way.amap)
    assert (amap.netloc, amap.path) == ("uri.amap.com", "/navigation")
    east, north, name = amap.query.split("&")[0].removeprefix("to=").split(",")
    assert (float(east), float(north)) == (way.lon_gcj02, way.lat_gcj02)
    assert unquote(name) == "京津路 12&13 段,东"
    assert parse_qs(amap.query)["callnative"] == ["1"]
    tencent = parse_qs(urlsplit(way.tencent).query)
    assert tencent["tocoord"] == [f"{way.lat_gcj02:.6f},{way.lon_gcj02:.6f}"]
    assert (tencent["coord_type"], tencent["to"]) == (["2"], ["京津路 12&13 段,东"])
    baidu = parse_qs(urlsplit(way.baidu).query)
    assert baidu["destination"] == [f"name:京津路 12&13 段,东|latlng:{way.lat_gcj02:.6f},{way.lon_gcj02:.6f}"]
    assert baidu["coord_type"] == ["gcj02"]


def test_the_table_has_a_byte_order_mark_and_a_column_for_every_value(listed: CrewList) -> None:
    text = to_csv([listed], "zh")
    assert text.startswith("\ufeffseq,group,issue_id,")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == len(listed.stops)
    assert tuple(rows[0]) == COLUMNS == tuple(stop_values(listed, listed.stops[0], "zh"))
    first = rows[0]
    assert (first["plot_name"], first["water_t"], first["trucks"]) == ("京津路绿带 12 段", "5.6", "1")
    assert (first["lon_wgs84"], first["data_age_min"]) == ("117.132", "95")
    assert first["due_at"].endswith("+08:00")
    assert first["reason_en"].startswith("10 cm: water content 14.2 %")


def test_an_empty_list_is_a_table_with_a_head() -> None:
    assert to_csv([], "zh") == "\ufeff" + ",".join(COLUMNS) + "\r\n"
    assert sheet(to_xlsx([], "zh")) == [list(COLUMNS)]


def sheet(book: bytes) -> list[list[str | float | None]]:
    """Return the cells of the first sheet of a workbook by its own XML; a formula or a link fails."""
    name = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        assert not [part for part in parts.namelist() if "externalLink" in part or "/_rels/sheet" in part]
        texts = ["".join(one.itertext()) for one in ET.fromstring(parts.read("xl/sharedStrings.xml"))]  # noqa: S314  our own
        rows = ET.fromstring(parts.read("xl/worksheets/sheet1.xml")).findall(  # noqa: S314
            f"{name}sheetData/{name}row"
        )
    table = []
    for row in rows:
        line: list[str | float | None] = [None] * len(COLUMNS)
        for cell in row:
            assert cell.find(f"{name}f") is None
            value = cell.findtext(f"{name}v")
            assert value is not None
            letters = cell.attrib["r"].rstrip("0123456789")
            column = sum((ord(letter) - 64) * 26**place for place, letter in enumerate(reversed(letters))) - 1
            line[column] = texts[int(value)] if cell.get("t") == "s" else float(value)
        table.append(line)
    return table


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_workbook_holds_what_the_csv_holds_and_numbers_as_numbers(listed: CrewList, language: str) -> None:
    book = to_xlsx([listed], language)
    assert book == to_xlsx([listed], language), "the same list is the same file"
    head, *rows = sheet(book)
    assert head == list(COLUMNS)
    values = [stop_values(listed, stop, language) for stop in listed.stops]
    assert [dict(zip(COLUMNS, row, strict=True)) for row in rows] == [
        {name: defuse(value) if isinstance(value, str) else value for name, value in one.items()} for one in values
    ]
    assert isinstance(rows[0][COLUMNS.index("water_t")], float)


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+86 22",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "＋1",
        "－1",
        "＠1",
        " =1",
        "\u3000=1",
        "\ufeff=1",
    ],
)
def test_no_cell_of_a_table_is_taken_for_a_formula(cell: str) -> None:
    assert defuse(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "京津路", "12-13 段", "a=b", "?"])
def test_a_plain_cell_stays_as_it_is(cell: str) -> None:
    assert defuse(cell) == cell


def test_a_plots_name_that_is_a_formula_reaches_no_spreadsheet(ledger: Ledger) -> None:
    plots = [plot("P1", '=HYPERLINK("http://evil")', 117.1, 39.2)]
    listed = small_list(ledger, [flag("P1", "drought", NOW - HOUR)], plots)
    (row,) = csv.DictReader(io.StringIO(to_csv([listed], "zh")))
    assert row["plot_name"] == '\'=HYPERLINK("http://evil")'
    assert sheet(to_xlsx([listed], "zh"))[1][COLUMNS.index("plot_name")] == row["plot_name"]


def test_geojson_has_outlines_counter_clockwise_and_unknown_places_as_null(ledger: Ledger, listed: CrewList) -> None:
    collection = json.loads(to_geojson([listed], "zh"))
    assert (collection["type"], "crs" in collection) == ("FeatureCollection", False)
    first = collection["features"][0]
    assert first["id"] == first["properties"]["issue_id"]
    ring = shapely.LinearRing(first["geometry"]["coordinates"][0])
    assert ring.is_ccw
    assert ring.bounds == pytest.approx((117.1315, 39.2237, 117.1325, 39.2243))
    apply_flags(ledger, [flag("JJ-012", "drought", NOW)], PLOTS, NOW)
    nowhere = json.loads(to_geojson([list_of(ledger, "一队", {}, NOW, 8000.0)], "en"))
    assert nowhere["features"][0]["geometry"] is None


def test_on_time_counts_only_what_somebody_worked_on(made: DataFolder) -> None:
    with Ledger(made.ledger, BEICHEN) as ledger:
        assert on_time(ledger.ended_issues(NOW - 30 * DAY)) == (1, 1)
    assert on_time([]) == (0, 0)


def test_a_card_and_the_table_say_that_water_content_reads_high_in_saline_soil(ledger: Ledger) -> None:
    """Gate E1: said in both languages, and the water is asked for as before."""
    inputs = {"probes": [{"device_id": "BC-S-0107"}], "saline_ec_ds_m": 4.63}
    listed = small_list(ledger, [flag("JJ-012", "drought", NOW - HOUR, inputs_json=json.dumps(inputs))], PLOTS)
    (stop,) = listed.stops
    assert stop.tonnes is not None
    assert make_card(listed, stop, ZH, "zh", None, None).saline == "含水率可能偏高：土壤盐分高（EC 4.6 dS/m）"
    assert (
        make_card(listed, stop, EN, "en", None, None).saline == "Water content may read high: saline soil (EC 4.6 dS/m)"
    )
    (row,) = csv.DictReader(io.StringIO(to_csv([listed], "zh").removeprefix("\ufeff")))
    assert (row["confidence"], row["caveat"]) == ("high", "含水率可能偏高：土壤盐分高（EC 4.6 dS/m）")


@pytest.mark.parametrize(
    ("confidence", "zh", "en"),
    [
        ("high", None, None),
        ("low", "可信度低", "low confidence"),
        ("estimated", "估计值：按同类地块", "an estimate, by plots of its kind"),
    ],
)
def test_a_card_says_why_a_verdict_is_less_sure(
    ledger: Ledger, confidence: str, zh: str | None, en: str | None
) -> None:
    listed = small_list(ledger, [flag("JJ-012", "drought", NOW - HOUR, confidence=confidence)], PLOTS)
    (stop,) = listed.stops
    cards = (make_card(listed, stop, ZH, "zh", None, None), make_card(listed, stop, EN, "en", None, None))
    assert [card.confidence for card in cards] == [zh, en]
    assert all(card.saline is None for card in cards)
