"""The lists on paper: what stands on them, and that a phone's camera reads the way to each stop."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import zxingcpp
from PIL import Image

from crews.ledger import Ledger
from crews.links import load_keys, make_token
from crews.lists import all_lists
from crews.sheet import draw_code, render_sheets
from greensward.cli import run
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.browser import Browser
from tests.crews.made import NOW, PLOTS
from tests.crews.preview import made_folder
from tests.crews.served import served

TRUCK_LITRES = 8000.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """Return the made district."""
    return made_folder(tmp_path_factory.mktemp("sheet") / "data")


def waiting(folder: DataFolder, crew: str | None = None) -> list[tuple[str, str | None]]:
    """Return issue and way of every stop that is not done, in the order of the lists."""
    with Ledger(folder.ledger, BEICHEN) as ledger:
        lists = all_lists(ledger, {plot["plot_id"]: plot for plot in PLOTS}, NOW, TRUCK_LITRES)
    return [
        (stop.issue.issue_id, stop.navigation.amap if stop.navigation else None)
        for listed in lists
        for stop in listed.stops
        if stop.group != "done" and crew in {None, listed.crew}
    ]


def test_a_camera_reads_the_way_to_every_stop_from_the_printed_sheet(folder: DataFolder, tmp_path: Path) -> None:
    with served(folder, NOW) as url, Browser(800) as desk:
        desk.open(f"{url}/c/{make_token(load_keys(folder), 'office', 'office', NOW)}")
        desk.open(f"{url}/list/print")
        desk.picture(tmp_path / "sheet.png")
        assert desk.measure("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    with Image.open(tmp_path / "sheet.png") as picture:
        read = sorted(zxingcpp.read_barcodes(picture), key=lambda code: code.position.top_left.y)
    assert [code.text for code in read] == [way for _, way in waiting(folder) if way]
    assert len(read) > 6


def test_the_longest_name_of_a_plot_leaves_the_squares_of_its_code_large_enough(folder: DataFolder) -> None:
    plots = {plot["plot_id"]: plot | {"name": "北" * 120} for plot in PLOTS}
    with Ledger(folder.ledger, BEICHEN) as ledger:
        page = render_sheets(all_lists(ledger, plots, NOW, TRUCK_LITRES), "zh")
    sides = [int(side) for side in re.findall(r'viewBox="0 0 (\d+) \d+" class="code"', page)]
    assert 28 / max(sides) > 0.35  # mm; a code of 28 mm


def test_a_crew_prints_its_own_stops_and_the_office_those_of_all(folder: DataFolder) -> None:
    keys = load_keys(folder)
    with served(folder, NOW) as url:
        for role, subject, crew in (("crew", "二队", "二队"), ("office", "office", None)):
            with httpx.Client(base_url=url, follow_redirects=True) as reader:
                reader.get(f"/c/{make_token(keys, role, subject, NOW)}")
                page = reader.get("/list/print?lang=en").text
            found = re.findall(r"BC-\d{8}-\d{4}", page)
            assert found == [issue_id for issue_id, _ in waiting(folder, crew)]
        assert httpx.get(f"{url}/list/print").status_code == 403


def test_who_opened_a_crews_link_before_still_gets_all_lists_from_the_offices_page(folder: DataFolder) -> None:
    keys = load_keys(folder)
    with served(folder, NOW) as url, httpx.Client(base_url=url, follow_redirects=True) as reader:
        for role, subject in (("office", "office"), ("crew", "二队")):
            reader.get(f"/c/{make_token(keys, role, subject, NOW)}")
        page = reader.get("/office?lang=en").text
        addresses = re.findall(r'href="(/office/list[^"]*)"', page)
        assert len(addresses) == 4
        for address in addresses:
            answer = reader.get(address)
            assert answer.status_code == 200
            if "xlsx" not in address:
                assert all(issue_id in answer.text for issue_id, _ in waiting(folder))


def test_sheets_that_are_asked_for_again_and_again_draw_each_code_once(folder: DataFolder) -> None:
    with Ledger(folder.ledger, BEICHEN) as ledger:
        lists = all_lists(ledger, {plot["plot_id"]: plot for plot in PLOTS}, NOW, TRUCK_LITRES)
    first = render_sheets(lists, "zh")
    drawn = draw_code.cache_info().misses
    assert render_sheets(lists, "zh") == first
    assert 0 < drawn == draw_code.cache_info().misses


def test_no_secret_is_on_paper(folder: DataFolder) -> None:
    with Ledger(folder.ledger, BEICHEN) as ledger:
        lists = all_lists(ledger, {plot["plot_id"]: plot for plot in PLOTS}, NOW, TRUCK_LITRES)
    page = render_sheets(lists, "zh")
    assert "form_token" not in page
    assert "/c/" not in page


def test_a_stop_without_a_place_says_so_instead_of_a_code(folder: DataFolder) -> None:
    with Ledger(folder.ledger, BEICHEN) as ledger:
        lists = all_lists(ledger, {}, NOW, TRUCK_LITRES)
    page = render_sheets(lists, "en")
    placed = [stop.navigation is not None for listed in lists for stop in listed.stops if stop.group != "done"]
    assert 0 < page.count("No position; go by the address") == placed.count(False)
    assert page.count('class="code"') == placed.count(True)


def test_a_sheet_of_an_evaluation_that_is_old_warns_in_bold(folder: DataFolder) -> None:
    with Ledger(folder.ledger, BEICHEN) as ledger:
        for hours, warned in ((0, False), (48, True)):
            lists = all_lists(ledger, {}, NOW + timedelta(hours=hours), TRUCK_LITRES)
            head = render_sheets(lists, "en").partition("</header>")[0]
            assert ("<b>" in head) is warned
            assert head.count("valuat") == 1


def test_the_command_writes_a_page_that_needs_no_server(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "二队.html"
    assert run(["list", "二队", "--print", "--out", str(target), "-C", str(folder.root)]) == 0
    page = target.read_text("utf-8")
    assert "@page sheet" in page
    assert not re.search(r'(?:href|src)="/', page)
    assert run(["list", "--print", "--csv", "-C", str(folder.root)]) == 2
    assert "Choose one of" in capsys.readouterr().err
