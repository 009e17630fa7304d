"""The picture of a plot's month on the pages: whose it is to see, and that a page without one is still a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import pyarrow as pa
import pytest

from crews.ledger import Ledger
from crews.links import load_keys, make_token
from crews.picture.stored import keep_stories
from crews.picture.story import IndexFlight
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.browser import Browser
from tests.crews.made import NOW
from tests.crews.preview import made_folder
from tests.crews.served import served
from tests.crews.test_picture import EVERYTHING


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """Return the made district, each of its plots with a story."""
    folder = made_folder(tmp_path_factory.mktemp("pictures") / "data")
    with Ledger(folder.ledger, BEICHEN) as ledger:
        plots = sorted({issue.plot_id for issue in ledger.open_issues()})
    stories = [msgspec.structs.replace(EVERYTHING, plot_id=plot_id, plot_name=f"绿地 {plot_id}") for plot_id in plots]
    table = pa.table({"plot_id": plots, "story_json": [msgspec.json.encode(one).decode() for one in stories]})
    keep_stories(folder, table, NOW)
    return folder


@pytest.fixture(scope="module")
def url(made: DataFolder) -> Iterator[str]:
    with served(made, NOW) as address:
        yield address


@contextmanager
def reader(url: str, made: DataFolder, role: str, subject: str) -> Iterator[httpx.Client]:
    """Yield a browser that has opened its link."""
    with httpx.Client(base_url=url, follow_redirects=True) as client:
        assert client.get(f"{url}/c/{make_token(load_keys(made), role, subject, NOW)}").status_code == 200
        yield client


def issue_of_crew(made: DataFolder, crew: str) -> str:
    with Ledger(made.ledger, BEICHEN) as ledger:
        return next(one.issue_id for one in ledger.open_issues() if one.crew == crew and one.cause == "drought")


def test_a_crew_sees_the_month_of_its_own_plots_only(url: str, made: DataFolder) -> None:
    mine, others = issue_of_crew(made, "一队"), issue_of_crew(made, "二队")
    with reader(url, made, "crew", "一队") as crew:
        picture = crew.get(f"/issues/{mine}/picture.svg?lang=en")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
        assert "refill line 21 %" in picture.text
        assert "default-src 'none'" in picture.headers["content-security-policy"]
        assert crew.get(f"/issues/{others}/picture.svg").status_code == 403
        assert crew.get("/issues/BC-19990101-0001/picture.svg").status_code == 404
    with reader(url, made, "office", "值班") as office:
        assert office.get(f"/issues/{others}/picture.svg").status_code == 200
        assert office.get(f"/c/{make_token(load_keys(made), 'crew', '一队', NOW)}").status_code in {200, 303}
        assert office.get(f"/issues/{others}/picture.svg").status_code == 200, "whoever has both links sees both"
    assert httpx.get(f"{url}/issues/{mine}/picture.svg").status_code == 403


def test_every_card_of_soil_and_the_offices_page_carry_the_picture_with_its_words(url: str, made: DataFolder) -> None:
    mine = issue_of_crew(made, "一队")
    with reader(url, made, "crew", "一队") as crew:
        page = crew.get("/list").text
    shown = re.findall(r'<img src="(/issues/[^"]+/picture\.svg\?lang=zh)" alt="([^"]+)"', page)
    assert f"/issues/{mine}/picture.svg?lang=zh" in {href for href, _ in shown}
    assert all("养护线 21 %" in said for _, said in shown)
    with reader(url, made, "office", "值班") as office:
        page = office.get(f"/office/issues/{mine}?lang=en").text
    assert f'<img src="/issues/{mine}/picture.svg?lang=en"' in page
    assert 'class="spark"' not in page


def test_an_issue_from_the_air_carries_it_where_flights_had_an_index(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    with Ledger(folder.ledger, BEICHEN) as ledger:
        issue = next(one for one in ledger.open_issues() if one.cause == "disease")
    flown = (IndexFlight(NOW.date() - timedelta(days=1), "NDVI", 0.41, -4.1, "alert"),)
    shown = []
    for number, indices in enumerate(((), flown)):
        told = msgspec.structs.replace(EVERYTHING, plot_id=issue.plot_id, indices=indices)
        table = pa.table({"plot_id": [issue.plot_id], "story_json": [msgspec.json.encode(told).decode()]})
        keep_stories(folder, table, NOW + timedelta(minutes=number))
        with served(folder, NOW) as address, reader(address, folder, "office", "值班") as office:
            page = office.get(f"/office/issues/{issue.issue_id}").text
        shown.append(re.findall(r'<img src="/issues/[^"]+/picture\.svg[^"]*" alt="([^"]+)"', page))
    assert shown[0] == []
    assert "NDVI，最近 0.41" in shown[1][0]


def test_without_an_evaluation_of_today_a_page_shows_the_week_instead(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    mine = issue_of_crew(folder, "一队")
    with served(folder, NOW) as address, reader(address, folder, "office", "值班") as office:
        assert office.get(f"/issues/{mine}/picture.svg").status_code == 404
        assert "picture.svg" not in office.get(f"/office/issues/{mine}").text
    with served(folder, NOW) as address, reader(address, folder, "crew", "一队") as crew:
        page = crew.get("/list").text
    assert "picture.svg" not in page
    assert 'class="spark"' in page


def test_the_picture_fills_a_phone_and_is_not_cut_off(url: str, made: DataFolder) -> None:
    with Browser(390) as phone:
        phone.open(f"{url}/c/{make_token(load_keys(made), 'crew', '一队', NOW)}")
        phone.measure("(document.querySelectorAll('details').forEach(d => d.open = true), true)")
        sizes = phone.measure(
            "[...document.querySelectorAll('.month img')].map(e => [e.getBoundingClientRect().width, "
            "e.getBoundingClientRect().right])"
        )
    assert sizes
    assert all(280 <= width <= 390 and right <= 390 for width, right in sizes)
