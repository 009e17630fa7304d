"""The office's page of flights: what its map shows lies where it lies, and not knowing is said."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pyarrow as pa
import pytest
import shapely

from crews.finding import Finding
from crews.flights.flight import Below, Flight, FlightView, Seen, class_facts, covered_shares, flight_name
from crews.flights.lists import find_lists, keep_lists, make_lists
from crews.flights.map import MOST_FINDINGS, draw_map
from crews.flights.page import render_flights, states_of
from crews.links import load_keys, make_token
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import to_arrow, write_rows
from ingest.site import BEICHEN
from sql.models import models_behind
from sql.reference import create_reference
from tests.crews.browser import Browser
from tests.crews.made import NOW, PLOTS
from tests.crews.preview import made_folder
from tests.crews.served import served

SVG = "{http://www.w3.org/2000/svg}"
LON, LAT = 117.1, 39.2
METRE_OF_LAT = 1 / 111_320
METRE_OF_LON = METRE_OF_LAT / math.cos(math.radians(LAT))
FLIGHT = Flight("F1", date(2026, 7, 1), NOW, NOW, 1, 1, 1)


def ground(west_m: float, south_m: float, east_m: float, north_m: float) -> bytes:
    ends = (LON + west_m * METRE_OF_LON, LAT + south_m * METRE_OF_LAT)
    return bytes(shapely.to_wkb(shapely.box(*ends, LON + east_m * METRE_OF_LON, LAT + north_m * METRE_OF_LAT)))


def seen(east_m: float, north_m: float, **changes: Any) -> Seen:
    facts: dict[str, Any] = {
        "finding_class": "powdery_mildew", "confidence": 0.9, "status": "assigned", "plot_id": "P1",
        "lon": LON + east_m * METRE_OF_LON, "lat": LAT + north_m * METRE_OF_LAT, "sigma_radial_m": 4.0,
        "sigma_tangential_m": 2.0, "sigma_azimuth_deg": 90.0,
    }  # fmt: skip
    return Seen(**facts | changes)


def view(*findings: Seen, footprints: tuple[bytes, ...] = (ground(-50, -50, 50, 50),)) -> FlightView:
    return FlightView(FLIGHT, footprints, findings, (Below("P1", "中心公园", ground(-40, -40, 0, 40), 0.97, 0.97),))


def parsed(told: FlightView, states: dict[str, str] | None = None, language: str = "zh") -> ET.Element:
    return ET.fromstring(draw_map(told, states or {}, language))  # noqa: S314  drawn here


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def ellipses(root: ET.Element) -> list[dict[str, str]]:
    return [one.attrib for one in root.iter(f"{SVG}ellipse") if "transform" in one.attrib]


def test_north_is_up_east_is_right_and_metres_are_the_same_both_ways() -> None:
    found = ellipses(parsed(view(seen(0, 0), seen(30, 0, confidence=0.8), seen(0, 30, confidence=0.7))))
    (here_x, here_y), (east_x, east_y), (top_x, top_y) = ((float(one["cx"]), float(one["cy"])) for one in found)
    # 100 m fill 370 px.
    assert east_x - here_x == pytest.approx(111, abs=0.2)
    assert here_y - top_y == pytest.approx(111, abs=0.4)
    assert (top_x, east_y) == (here_x, here_y)


def test_the_ellipse_holds_ninety_five_per_cent_and_lies_along_the_line_of_sight() -> None:
    (one,) = ellipses(parsed(view(seen(0, 0, sigma_azimuth_deg=30.0))))
    # SVG turns clockwise, as azimuths do; before it is turned the long axis points north.
    assert float(one["ry"]) == pytest.approx(4.0 * math.sqrt(-2 * math.log(0.05)) * 3.7, abs=0.1)
    assert float(one["rx"]) == pytest.approx(2.0 * math.sqrt(-2 * math.log(0.05)) * 3.7, abs=0.1)
    assert one["transform"].startswith("rotate(30 ")


def test_a_plot_that_nobody_judged_is_not_drawn_as_well() -> None:
    assert "情况不明" in texts(parsed(view()))
    assert "正常" not in texts(parsed(view()))
    assert "正常" in texts(parsed(view(), {"P1": "well"}))


def test_the_key_names_only_what_is_there() -> None:
    bare, full = texts(parsed(view(footprints=()))), texts(
        parsed(view(seen(0, 0), seen(5, 0, status="ambiguous"), seen(9, 9, status="outside"),
                    seen(1, 1, finding_class="rubble")))
    )  # fmt: skip
    marks = ["病虫害", "其他发现", "说不清在哪个地块", "地块外", "95 % 位置范围"]
    assert not set(marks) & set(bare)
    assert set(marks) <= set(full)
    assert any("没有可用的姿态" in text for text in bare)


def test_too_many_findings_are_cut_to_the_surest_and_the_map_says_so() -> None:
    many = [seen(i % 40, i // 40, confidence=i / 5000) for i in range(MOST_FINDINGS + 5)]
    assert any(f"共 {MOST_FINDINGS + 5} 处" in text for text in texts(parsed(view(*many))))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_map_says_in_words_what_it_shows(language: str) -> None:
    root = parsed(view(seen(0, 0), seen(5, 0, status="ambiguous")), language=language)
    said = root.find(f"{SVG}desc")
    assert said is not None
    assert said.text is not None
    assert ("1 处说不清" in said.text) if language == "zh" else ("1 between plots" in said.text)


def test_pictures_of_one_flight_that_show_a_plot_add_up_as_the_verdicts_do() -> None:
    rows = [{"plot_id": "P1", "covered_fraction": 0.5, "is_analysed": analysed} for analysed in (True, False)]
    assert covered_shares(rows) == {"P1": (0.75, 0.5)}


def test_a_picture_without_a_flight_belongs_to_its_drones_day() -> None:
    assert flight_name({"flight_id": None, "drone_id": "D1"}, date(2026, 7, 1)) == "D1/2026-07-01"
    assert flight_name({"flight_id": None, "drone_id": None}, date(2026, 7, 1)) == "2026-07-01"


def test_classes_are_called_on_the_page_what_the_rules_call_them() -> None:
    names = [
        "powdery_mildew",
        "Leaf_Rust",
        "rubble_heap",
        "person_1",
        "car",
        "scar",
        "bare_gap",
        "渣土堆",
        "strange_thing",
    ]
    images = pa.table({"class": names, "date": pa.array([date(2026, 7, 1)] * len(names))})
    with duckdb.connect() as connection:
        connection.register("image_detections", images)
        create_reference(connection)
        (model,) = [one for one in models_behind("finding_kinds") if one.name == "finding_kinds"]
        rows = connection.execute(f"select finding_class, kind, class_zh, class_en from ({model.select})").fetchall()
    assert {row[0]: row[1:] for row in rows} == {name: class_facts(name) for name in names}


def finding(cause: str, state: str, *, needs_work: bool = False) -> dict[tuple[str, str], Finding]:
    told = Finding("P1", cause, NOW, state, needs_work, 0, "disease_ok", {}, "r", "1")
    return {("P1", cause): told}


def test_a_plot_is_well_only_when_somebody_looked() -> None:
    assert states_of(finding("disease", "ok")) == {"P1": "well"}
    assert states_of(finding("drought", "ok")) == {}
    assert states_of(finding("disease", "not_analysed")) == {}
    for state in ("watch", "unconfirmed"):
        assert states_of(finding("disease", "ok") | finding("vigour", state)) == {"P1": "watch"}
    assert states_of(finding("drought", "dry", needs_work=True) | finding("disease", "ok")) == {"P1": "work"}


DOUBTFUL = {
    "flight_id": "F1", "finding_class": "rust", "kind": "disease", "class_zh": "锈病", "class_en": "rust", "images": 2,
    "confidence": 0.83, "captured_at": NOW, "centre_lon": LON, "centre_lat": LAT, "best_image_id": "I1",
    "plot_candidates_json": '{"BC-0107-014": 0.46, "X9": 0.4}',
}  # fmt: skip
ROUTED = {
    "plot_id": "BC-0107-014", "plot_name": "龙门东道", "finding_class": "rubble", "route": "enforcement",
    "class_zh": "渣土", "class_en": "dumped rubble", "answers_zh": "城市管理执法部门", "answers_en": "city enforcement",
    "flight_id": "F1", "objects": 2, "images": 3, "confidence": 0.9, "first_found_at": NOW, "last_found_at": NOW,
    "centre_lon": LON, "centre_lat": LAT, "best_image_id": "I2",
}  # fmt: skip


def page_of(told: FlightView, states: dict[tuple[str, str], Finding], language: str = "zh") -> str:
    return render_flights([told.flight], told, None, states, {}, language, BEICHEN)


def test_a_flight_without_any_ground_says_so_instead_of_an_empty_map() -> None:
    page = page_of(FlightView(FLIGHT, (), (), ()), {})
    assert "map.svg" not in page
    assert "算不出地面范围" in page
    assert "map.svg" in page_of(view(), {})


@pytest.mark.parametrize(("confidence", "said"), [(0.6, "白粉病 1 处<"), (0.59, "白粉病 1 处（可信度低，不计）<")])
def test_a_finding_too_unsure_to_count_is_said_to_be_so(confidence: float, said: str) -> None:
    assert said in page_of(view(seen(0, 0, confidence=confidence)), finding("disease", "ok"))


def test_plots_in_which_nothing_is_to_be_seen_are_folded_behind_those_in_which_something_is() -> None:
    plots = tuple(Below(f"P{number}", f"{number}号", ground(0, 0, 1, 1), 1.0, 1.0) for number in range(1, 13))
    told = FlightView(FLIGHT, (ground(0, 0, 9, 9),), (seen(0, 0, plot_id="P2"),), plots)
    shown, _, folded = page_of(told, finding("drought", "dry", needs_work=True)).partition("<details")
    assert ['<th scope="row">1号' in part for part in (shown, folded)] == [True, False]
    assert ['<th scope="row">2号' in part for part in (shown, folded)] == [True, False]
    assert ['<th scope="row">3号' in part for part in (shown, folded)] == [False, True]
    assert "没拍到异常或没识别的 10 个地块" in folded


def test_lists_of_an_older_evaluation_do_not_replace_newer_ones(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    keep_lists(folder, make_lists([DOUBTFUL], [ROUTED], NOW))
    keep_lists(folder, make_lists([], [], NOW - timedelta(hours=1)))
    kept = find_lists(folder)
    assert kept is not None
    assert (len(kept.doubtful), len(kept.routed)) == (1, 1)
    folder.flight_lists.write_bytes(b"{")
    assert find_lists(folder) is None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """Return the made district with one flight over its first plot, and lists of what no crew is sent for."""
    folder = made_folder(tmp_path_factory.mktemp("flights") / "data")
    plot, at = PLOTS[0], datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
    common = {
        "picture_id": "D1/I1", "image_id": "I1", "drone_id": "D1", "flight_id": "F<1>", "captured_at": at,
        "received_at": at, "message_seq": 1,
    }  # fmt: skip
    rows: dict[str, dict[str, Any]] = {
        "drone_images": {
            "media_kind": "image", "footprint_status": "ok", "is_analysed": True, "software_version": "1",
            "footprint": plot["geometry"],
        },
        "image_detections": {
            "detection_id": "1", "class": "powdery_mildew", "confidence": 0.9, "status": "assigned",
            "plot_id": plot["plot_id"], "plot_probability": 0.9, "centre_lon": plot["lon"], "centre_lat": plot["lat"],
            "sigma_radial_m": 4.0, "sigma_tangential_m": 3.0, "sigma_azimuth_deg": 10.0,
        },
        "plot_coverage": {"plot_id": plot["plot_id"], "covered_fraction": 0.9, "is_analysed": True},
    }  # fmt: skip
    for name, row in rows.items():
        write_rows(folder, table(name), BEICHEN.local_date(at), to_arrow(table(name), [common | row]), "part-1-1")
    keep_lists(folder, make_lists([DOUBTFUL], [ROUTED], NOW))
    return folder


@pytest.fixture(scope="module")
def url(made: DataFolder) -> Iterator[str]:
    with served(made, NOW) as address:
        yield address


@contextmanager
def reader(url: str, made: DataFolder, role: str, subject: str, now: datetime = NOW) -> Iterator[httpx.Client]:
    """Yield a browser that has opened its link."""
    with httpx.Client(base_url=url, follow_redirects=True) as client:
        assert client.get(f"/c/{make_token(load_keys(made), role, subject, now)}").status_code == 200
        yield client


def test_only_the_office_sees_flights(url: str, made: DataFolder) -> None:
    with reader(url, made, "crew", "一队") as crew:
        assert crew.get("/office/flights").status_code == 403
        assert crew.get("/office/flights/map.svg?flight=F%3C1%3E").status_code == 403
    assert httpx.get(f"{url}/office/flights").status_code == 403


def test_the_office_sees_the_flight_its_map_and_what_no_crew_is_sent_for(url: str, made: DataFolder) -> None:
    with reader(url, made, "office", "值班") as office:
        assert "/office/flights" in office.get("/office").text
        page = office.get("/office/flights").text
        assert "F&lt;1&gt;" in page
        assert "白粉病 1 处" in page
        assert "锈病，可信度 83 %，2 张照片" in page
        assert "渣土 2 处，可信度 90 %，交城市管理执法部门" in page
        assert "X9（40 %）" in page
        address = re.findall(r'src="(/office/flights/map[^"]+)"', page)[0].replace("&amp;", "&")
        drawn = office.get(address)
        assert drawn.headers["content-type"] == "image/svg+xml"
        assert len(ellipses(ET.fromstring(drawn.text))) == 1  # noqa: S314  our own
        assert office.get("/office/flights?flight=nope").status_code == 404
        assert office.get("/office/flights/map.svg?flight=nope").status_code == 404
        assert "dumped rubble × 2" in office.get("/office/flights?lang=en").text


def test_no_flight_is_said_and_not_taken_for_well(made: DataFolder) -> None:
    later = NOW + timedelta(days=100)
    with served(made, later) as url, reader(url, made, "office", "值班", later) as office:
        assert "没飞过不等于没问题" in office.get("/office/flights").text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_of_flights_fits_a_phone(url: str, made: DataFolder, language: str) -> None:
    with Browser(360) as phone:
        phone.open(f"{url}/c/{make_token(load_keys(made), 'office', '值班', NOW)}")
        phone.open(f"{url}/office/flights?lang={language}")
        assert phone.measure("document.documentElement.scrollWidth") <= 360
        assert phone.measure("document.querySelector('.flight-map img').naturalWidth") > 0
