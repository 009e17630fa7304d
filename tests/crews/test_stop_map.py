"""The map of a crew's stops: it lies where they lie, reads without colour, and is there without script or signal."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import shapely

from crews.apply import apply_flags, valid_plots
from crews.crew_list import CrewList
from crews.drive import distance_km
from crews.ledger import Ledger
from crews.links import load_keys, make_token
from crews.lists import list_of
from crews.picture.ground import bar_m
from crews.probes import probe_places
from crews.sheet import render_sheets
from crews.stop_map import MOST_MARKS, SHAPES, make_stop_map
from crews.words import speaker
from greensward.cli import run
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import replace_register, to_arrow
from ingest.site import BEICHEN
from tests.crews.browser import Browser
from tests.crews.made import DAY, HOUR, NOW, PLOTS, flag, plot, silent
from tests.crews.served import served

ZH = speaker("zh")
LON, LAT = 117.13, 39.22
M_OF_LAT = 1 / 111_320
M_OF_LON = M_OF_LAT / math.cos(math.radians(LAT))

Place = tuple[float, float]


def at(plot_id: str, east_m: float, north_m: float, **changes: Any) -> dict[str, Any]:
    """Return a plot so far from the middle of the map."""
    return plot(plot_id, changes.pop("name", plot_id), LON + east_m * M_OF_LON, LAT + north_m * M_OF_LAT, **changes)


def listed(ledger: Ledger, plots: list[dict[str, Any]], flags: list[dict[str, Any]] | None = None) -> CrewList:
    """Return 一队's list where each plot is dry, and at once, or as `flags` say."""
    rows = flags or [flag(row["plot_id"], "drought", NOW - HOUR, severity=4) for row in plots]
    apply_flags(ledger, rows, plots, NOW - HOUR)
    return list_of(ledger, "一队", valid_plots(plots, NOW), NOW, 8000.0)


def drawn(of: CrewList, *, is_paper: bool = False) -> ET.Element:
    found = make_stop_map(of, ZH, is_paper=is_paper)
    assert found is not None
    return ET.fromstring(found.svg)  # noqa: S314  drawn here


def marks(root: ET.Element) -> dict[int, Place]:
    """Return number → where its mark stands."""
    found = {}
    for mark in root:
        if "at" in mark.get("class", "").split():
            x, y = re.fullmatch(r"translate\((\S+) (\S+)\)", mark.attrib["transform"]).groups()  # type: ignore[union-attr]
            found[int(mark.findtext("text") or "")] = (float(x), float(y))
    return found


def lines(root: ET.Element, width: str) -> list[list[Place]]:
    """Return the lines of one width: 1.8 is the drive, 1.2 leads from a moved mark to where it belongs."""
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.attrib["points"].split())]
        for line in root.iter("polyline")
        if line.get("stroke-width") == width
    ]


def bar(root: ET.Element) -> float:
    """Return pixels of a metre, by the scale bar."""
    said = next(text for text in root.iter("text") if re.fullmatch(r"[\d,]+ k?m", text.text or "")).text or ""
    number, unit = said.replace(",", "").split()
    (_, start, end, _) = lines(root, "1.6")[0]
    return (end[0] - start[0]) / (float(number) * {"m": 1, "km": 1000}[unit])


@pytest.mark.parametrize("span_m", [300.0, 3_000.0, 30_000.0])
def test_north_is_up_and_the_scale_bar_is_true_from_a_street_to_thirty_kilometres(
    ledger: Ledger, span_m: float
) -> None:
    plots = [at("P1", 0, 0), at("P2", span_m, 0), at("P3", 0, span_m)]
    of = listed(ledger, plots)
    root, number = drawn(of), {stop.issue.plot_id: stop.seq for stop in of.stops}
    here, east, north = (marks(root)[number[name]] for name in ("P1", "P2", "P3"))
    assert (east[1], north[0]) == pytest.approx((here[1], here[0]), abs=0.2)
    for far, name in ((east, "P2"), (north, "P3")):
        metres = 1000 * distance_km(*(stop.position for stop in of.stops if stop.issue.plot_id in {"P1", name}))  # type: ignore[arg-type]
        assert math.dist(here, far) / bar(root) == pytest.approx(metres, rel=0.006)
    assert east[0] > here[0] + 50
    assert north[1] < here[1] - 50


@pytest.mark.parametrize(("longest", "bar"), [(999, 500), (1000, 1000), (2100, 2000), (50_001, 50_000), (1.5, 1)])
def test_a_scale_bar_has_a_round_length(longest: float, bar: float) -> None:
    assert bar_m(longest) == bar


def test_the_line_goes_from_number_to_number_and_is_broken_to_what_is_for_later(ledger: Ledger) -> None:
    plots = [at(f"P{n}", n * 900, (n % 2) * 700) for n in range(4)]
    severities = {"P0": 1, "P1": 4, "P2": 4, "P3": 1}
    of = listed(ledger, plots, [flag(name, "drought", NOW - HOUR, severity=n) for name, n in severities.items()])
    assert [stop.group for stop in of.stops] == ["today", "today", "later", "later"]
    root = drawn(of)
    places = [place for _, place in sorted(marks(root).items())]
    today, later = lines(root, "1.8")
    assert (today, later) == (places[:2], places[1:])
    dashed = [line.get("stroke-dasharray") for line in root.iter("polyline") if line.get("stroke-width") == "1.8"]
    assert dashed == [None, "2 6"]
    assert ["later" in mark.get("class", "") for mark in root if "at" in mark.get("class", "")] == [
        False, False, True, True,
    ]  # fmt: skip


def test_severity_is_a_shape_of_its_own_and_its_word_stands_in_the_key(ledger: Ledger) -> None:
    plots = [at(f"P{n}", n * 900, 0) for n in range(6)]
    flags = [flag(f"P{n}", "drought", NOW - HOUR, severity=n) for n in range(1, 5)]
    of = listed(ledger, plots, [*flags, silent("P5", "BC-S-1", NOW - HOUR)])
    shapes = {
        int(mark.findtext("text") or ""): mark.find("path").attrib["d"]  # type: ignore[union-attr]
        for mark in drawn(of)
        if "at" in mark.get("class", "").split()
    }
    assert len(set(shapes.values())) == len(SHAPES)
    found = make_stop_map(of, ZH)
    assert found is not None
    words = {sign.shape: sign.words for sign in found.signs if "later" not in sign.looks}
    assert list(words.values()) == ["特重", "重", "中", "轻", "传感器"]
    for stop in of.stops:
        expected = "传感器" if stop.issue.cause == "sensor" else ZH(f"severity.{stop.issue.severity}")
        assert words[shapes[stop.seq]] == expected


@pytest.mark.parametrize("is_paper", [False, True])
def test_sixty_stops_of_one_street_and_one_thirty_kilometres_off_cover_none_of_each_other(
    ledger: Ledger, *, is_paper: bool
) -> None:
    plots = [at(f"P{n:02}", n * 3, n * 2) for n in range(MOST_MARKS - 1)] + [at("FAR", 21_000, 21_000)]
    root = drawn(listed(ledger, plots), is_paper=is_paper)
    places = marks(root)
    assert sorted(places) == list(range(1, MOST_MARKS + 1))
    assert min(math.dist(*pair) for pair in itertools.combinations(places.values(), 2)) > 30
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert all(17 <= x <= width - 17 and 17 <= y <= height - 17 for x, y in places.values())
    led = {line[1]: line[0] for line in lines(root, "1.2")}
    (drive, _) = (*lines(root, "1.8"), None)
    assert drive == [led.get(place, place) for _, place in sorted(places.items())]


def test_more_stops_than_have_room_are_said_and_so_are_those_without_a_position(ledger: Ledger) -> None:
    plots = [at(f"P{n:02}", n * 50, 0) for n in range(MOST_MARKS + 3)]
    of = listed(ledger, plots)
    found = make_stop_map(of, ZH)
    assert found is not None
    assert f"图上只画前 {MOST_MARKS} 站，其余 3 站看清单。" in found.notes
    assert len(marks(ET.fromstring(found.svg))) == MOST_MARKS  # noqa: S314  drawn here
    lost = list_of(ledger, "一队", {row["plot_id"]: row for row in plots[5:]}, NOW, 8000.0)
    told = make_stop_map(lost, ZH)
    assert told is not None
    unplaced = [str(stop.seq) for stop in lost.to_do if stop.position is None]
    assert len(unplaced) == 5
    assert told.notes[-1] == f"没有位置、图上没画的：{', '.join(unplaced)}"


def test_a_list_of_which_nobody_knows_a_place_has_no_map(ledger: Ledger) -> None:
    listed(ledger, [at("P1", 0, 0)])
    assert make_stop_map(list_of(ledger, "一队", {}, NOW, 8000.0), ZH) is None


def outlines(root: ET.Element) -> list[shapely.Polygon]:
    found = []
    for path in root.iter("path"):
        if path.get("class") == "plot":
            rings = [
                [tuple(map(float, point.split())) for point in ring.strip("Z").split("L")]
                for ring in path.attrib["d"].split("M")[1:]
            ]
            found.append(shapely.Polygon(rings[0], rings[1:]))
    return found


def test_a_plot_is_drawn_once_as_it_lies_with_its_hole_and_one_without_outline_has_its_number(
    ledger: Ledger,
) -> None:
    ring = shapely.box(LON - 200 * M_OF_LON, LAT - 100 * M_OF_LAT, LON + 200 * M_OF_LON, LAT + 100 * M_OF_LAT)
    hole = shapely.box(LON - 150 * M_OF_LON, LAT - 50 * M_OF_LAT, LON - 50 * M_OF_LON, LAT + 50 * M_OF_LAT)
    plots: list[dict[str, Any]] = [at("P1", 0, 0, geometry=shapely.to_wkb(ring - hole)), at("P2", 0, 400)]
    listed(
        ledger,
        plots,
        [flag("P1", "drought", NOW - HOUR), silent("P1", "BC-S-1", NOW - HOUR), flag("P2", "drought", NOW - HOUR)],
    )
    bare: Mapping[str, dict[str, Any]] = {"P1": plots[0], "P2": {**plots[1], "geometry": None}}
    root = drawn(list_of(ledger, "一队", bare, NOW, 8000.0))
    (area,) = outlines(root)
    assert len(marks(root)) == 3
    metre = bar(root)
    west, north, east, south = area.bounds
    assert ((east - west) / metre, (south - north) / metre) == pytest.approx((400, 200), rel=0.01)
    assert area.area / metre**2 == pytest.approx(400 * 200 - 100 * 100, rel=0.02)
    (inner,) = area.interiors
    assert inner.centroid.x < area.envelope.centroid.x


def rings(root: ET.Element) -> list[Place]:
    return [
        (float(one.attrib["cx"]), float(one.attrib["cy"])) for one in root.iter("circle") if one.get("class") == "probe"
    ]


def test_a_probe_stands_where_it_is_in_a_plot_that_shows_it_and_not_under_a_number(ledger: Ledger) -> None:
    wide = shapely.box(LON - 200 * M_OF_LON, LAT - 100 * M_OF_LAT, LON + 200 * M_OF_LON, LAT + 100 * M_OF_LAT)
    of = listed(ledger, [at("P1", 0, 0, geometry=shapely.to_wkb(wide)), at("P2", 0, 900)])
    east = (LON + 150 * M_OF_LON, LAT)
    found = make_stop_map(of, ZH, probes={"P1": [east, (LON, LAT)], "P2": [(LON, LAT + 900 * M_OF_LAT)], "P9": [east]})
    assert found is not None
    root = ET.fromstring(found.svg)  # noqa: S314  drawn here
    ((x, y),) = rings(root)
    middle = marks(root)[next(stop.seq for stop in of.stops if stop.issue.plot_id == "P1")]
    assert ((x - middle[0]) / bar(root), y - middle[1]) == pytest.approx((150, 0), abs=1)
    assert found.signs[-1].words == "探头"
    for probes in ({"P1": [(LON, LAT)]}, {"P1": [(0.0, 0.0)]}, {}, None):
        none = make_stop_map(of, ZH, probes=probes)
        assert none is not None
        assert 'class="probe"' not in none.svg
        assert none.signs[-1].words != "探头"


DEVICES: list[dict[str, Any]] = [
    {"device_id": "HERE", "plot_id": "JJ-012", "lon": 117.1324, "lat": 39.2241, "valid_from": NOW - DAY},
    {"device_id": "GONE", "plot_id": "JJ-012", "lon": 117.0, "lat": 39.0, "valid_from": NOW - 2 * DAY, "valid_to": NOW},
    {"device_id": "TO-COME", "plot_id": "JJ-012", "lon": 117.0, "lat": 39.0, "valid_from": NOW + HOUR},
    {"device_id": "NOWHERE", "plot_id": "JJ-012", "valid_from": NOW - DAY},
    {"device_id": "ELSEWHERE", "plot_id": "JJ-021", "lon": 117.0, "lat": 39.0, "valid_from": NOW - DAY},
    {"device_id": "STATION", "lon": 117.0, "lat": 39.0, "valid_from": NOW - DAY},
]


def test_page_and_sheet_have_the_probes_of_today_and_a_list_needs_no_register_of_devices(tmp_path: Path) -> None:
    folder, probe = DataFolder(tmp_path / "data"), 'class="probe"'
    rows = to_arrow(table("devices"), [device | {"register_version": "1"} for device in DEVICES])
    assert probe_places(rows, {"JJ-012", "JJ-015"}, NOW) == {"JJ-012": [(117.1324, 39.2241)]}
    replace_register(folder, "plots", to_arrow(table("plots"), PLOTS))
    replace_register(folder, "devices", rows)
    with Ledger(folder.ledger, BEICHEN) as ledger:
        listed(ledger, PLOTS[:1])
    with served(folder, NOW) as url, httpx.Client(base_url=url, follow_redirects=True) as reader:
        link = f"/c/{make_token(load_keys(folder), 'crew', '一队', NOW)}"
        assert (reader.get(link).text.count(probe), reader.get("/list/print").text.count(probe)) == (1, 1)
        assert run(["list", "--print", "--out", str(tmp_path / "sheet.html"), "-C", str(folder.root)]) == 0
        assert probe in (tmp_path / "sheet.html").read_text("utf-8")
        for register in folder.table("devices").iterdir():
            register.chmod(0o644)
            register.write_bytes(b"damaged")
        for address in (link, "/list/print"):
            page = reader.get(address)
            assert (page.status_code, "京津路绿带 12 段" in page.text, probe in page.text) == (200, True, False)


def test_an_outline_takes_no_more_points_than_are_seen(ledger: Ledger) -> None:
    round_one = shapely.Point(0, 0).buffer(1.0, quad_segs=2000)
    scaled = shapely.transform(round_one, lambda xy: xy * [150 * M_OF_LON, 150 * M_OF_LAT] + [LON, LAT])
    (area,) = outlines(drawn(listed(ledger, [at("P1", 0, 0, geometry=shapely.to_wkb(scaled))])))
    assert 12 < len(area.exterior.coords) < 100  # of 8,000


def test_a_plot_of_a_thousand_tree_pits_takes_no_more_points_than_are_seen(ledger: Ledger) -> None:
    def pits(north_of_east: float) -> bytes:
        corners = [(6 * n, 6 * n * north_of_east) for n in range(1000)]
        boxes = shapely.MultiPolygon([shapely.box(x, y, x + 1.5, y + 1.5) for x, y in corners])
        return shapely.to_wkb(shapely.transform(boxes, lambda xy: xy * [M_OF_LON, M_OF_LAT] + [LON, LAT]))

    plots = [at(f"P{n}", 0, 0, geometry=pits(slope)) for n, slope in enumerate((0.0, 0.5, -0.8))]
    root = drawn(listed(ledger, plots))
    streets = outlines(root)
    assert len(streets) == 3
    for street, slope in zip(streets, (0.0, 0.5, -0.8), strict=True):
        assert len(shapely.get_coordinates(street)) < 120  # of 5,000
        west, north, east, south = street.bounds
        assert east - west == pytest.approx(300, abs=3)
        assert south - north == pytest.approx(abs(slope) * 300, abs=3)
        assert street.area < 3 * street.length, "a line of pits, and no field"


def test_trees_in_a_square_take_no_more_points_than_are_seen_and_a_pond_is_left_out(ledger: Ledger) -> None:
    ring = shapely.box(0, 0, 1200, 1200).exterior
    holes = [shapely.box(x, y, x + 1, y + 1).exterior for x in range(20, 600, 20) for y in range(20, 1200, 20)]
    pond = shapely.box(800, 300, 1000, 900).exterior
    square = shapely.transform(shapely.Polygon(ring, [*holes, pond]), lambda xy: xy * [M_OF_LON, M_OF_LAT] + [LON, LAT])
    (area,) = outlines(drawn(listed(ledger, [at("P1", 0, 0, geometry=shapely.to_wkb(square))])))
    assert [len(hole.coords) for hole in area.interiors] == [5]
    assert len(area.exterior.coords) == 5


def test_names_bring_no_markup_into_the_map_and_turn_nothing_around(ledger: Ledger) -> None:
    evil = "\"><script>alert(1)</script>&\u202e\x07'"
    root = drawn(listed(ledger, [at("P1", 0, 0, name=evil), at("P2", 900, 0)]))
    titles = [title.text for title in root.iter("title")]
    assert "\"><script>alert(1)</script>&'" in " ".join(filter(None, titles))
    assert not list(root.iter("script"))
    assert not {"\u202e", "\x07"} & set(ET.tostring(root, "unicode"))


def test_each_number_leads_to_its_card_and_so_does_what_a_thumb_hits_beside_it(ledger: Ledger) -> None:
    of = listed(ledger, [at(f"P{n}", n * 400, n % 3 * 500) for n in range(5)])
    root, expected = drawn(of), {f"#{stop.issue.issue_id}": stop.seq for stop in of.stops}
    numbers = {one.attrib["href"]: int(one.findtext("text") or "") for one in root if "at" in one.get("class", "")}
    assert numbers == expected
    hits = {one.attrib["href"]: one[0].attrib for one in root if one.get("class") == "hit"}
    assert {href: (float(of["cx"]), float(of["cy"])) for href, of in hits.items()} == {
        href: marks(root)[seq] for href, seq in expected.items()
    }
    order = [one.get("class", "").partition(" ")[0] for one in root]
    assert order.index("at") > max(place for place, name in enumerate(order) if name == "hit")


def test_a_sheet_has_the_map_of_its_crew_and_no_links(made: DataFolder) -> None:
    with Ledger(made.ledger, BEICHEN) as ledger:
        lists = [list_of(ledger, crew, valid_plots(PLOTS, NOW), NOW, 8000.0) for crew in ("一队", "二队")]
    page = render_sheets(lists, "zh", is_alone=True)
    maps = re.findall(r'<svg class="stop-map".*?</svg>', page, re.DOTALL)
    assert [sorted(marks(ET.fromstring(one))) for one in maps] == [  # noqa: S314  drawn here
        [stop.seq for stop in one.to_do] for one in lists
    ]
    assert "href" not in "".join(maps)


FAINT = """(() => {
  const rgb = t => (t.match(/[0-9.]+/g) || []).map(Number);
  const lum = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  return [...document.querySelectorAll('.stop-map .at')].map(mark => ['text', 'path'].map(part =>
    lum(rgb(getComputedStyle(mark.querySelector(part)).fill))).sort((a, b) => b - a))
    .map(([light, dark]) => (light + 0.05) / (dark + 0.05));
})()"""

OPEN_MAP = "(document.querySelector('#map').open = true)"


@pytest.mark.parametrize("width", [360, 1200])
def test_on_a_phone_and_a_desk_a_tap_on_a_number_shows_its_card_without_scripts(
    made: DataFolder, tmp_path: Path, width: int
) -> None:
    with served(made, NOW) as url, Browser(width) as browser:
        browser.open(f"{url}/c/{make_token(load_keys(made), 'crew', '一队', NOW)}")
        assert not browser.measure("document.querySelector('.stop-map').checkVisibility()")
        browser.measure(OPEN_MAP)
        contrasts = browser.measure(FAINT)
        assert len(contrasts) == 6
        assert min(contrasts) >= 7
        assert browser.measure(
            "[...document.querySelectorAll('.stop-map .hit')].every(e => e.getBoundingClientRect().width >= 48)"
        )
        href, x, y = browser.measure(
            "(m => { m.scrollIntoView({block: 'center', behavior: 'instant'}); const r = m.getBoundingClientRect();"
            " return [m.getAttribute('href'), r.x + r.width / 2, r.y + r.height / 2]; })"
            "([...document.querySelectorAll('.stop-map .at')].at(-1))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        browser.wait_for(f"location.hash === '{href}'")
        browser.wait_for(
            f"(t => t > -5 && t < innerHeight / 2)(document.querySelector('{href}').getBoundingClientRect().top)"
        )
