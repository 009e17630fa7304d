"""The day's drive in Amap's app: every stop of today, in the order of the cards, in the datum that Amap expects."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from crews.action import Action
from crews.apply import apply_flags, valid_plots
from crews.crew_list import CrewList
from crews.ledger import Ledger
from crews.links import load_keys, make_token
from crews.lists import list_of
from crews.navigation import MOST_ROUTED, navigate_to
from crews.perform import perform
from crews.route import RouteLink, make_route
from crews.words import speaker
from ingest.lake.layout import DataFolder
from tests.crews.made import HOUR, NOW, flag, plot, silent
from tests.crews.served import served

ZH, EN = speaker("zh"), speaker("en")


def listed(ledger: Ledger, plots: list[dict[str, Any]], flags: list[dict[str, Any]]) -> CrewList:
    apply_flags(ledger, flags, plots, NOW - HOUR)
    return list_of(ledger, "一队", valid_plots(plots, NOW), NOW, 8000.0)


def at_once(*plots: dict[str, Any]) -> list[dict[str, Any]]:
    return [flag(row["plot_id"], "drought", NOW - HOUR, severity=4) for row in plots]


def row_of(count: int, name: str = "京津路绿带 {n} 段") -> list[dict[str, Any]]:
    return [plot(f"P{n:02}", name.format(n=n), 117.13 + n / 500, 39.22) for n in range(count)]


def places(route: RouteLink | None) -> list[tuple[float, float, str]]:
    """Return what the app reads: lon, lat and name of each place, the last one last."""
    assert route is not None
    asked = {key: value for key, (value,) in parse_qs(urlsplit(route.href).query, keep_blank_values=True).items()}
    assert (asked["dev"], asked["t"], asked["sourceApplication"]) == ("0", "0", "greensward")
    between = [asked[key].split("|") for key in ("vialons", "vialats", "vianames")]
    assert int(asked["vian"]) == len(between[0]) == len(between[1]) == len(between[2])
    assert not {"slat", "slon"} & set(asked), "the way begins where the phone is"
    found = [*zip(*between, strict=True), (asked["dlon"], asked["dlat"], asked["dname"])]
    return [(float(lon), float(lat), name) for lon, lat, name in found]


def test_the_route_has_every_stop_of_today_in_the_order_of_the_cards_and_in_gcj02(ledger: Ledger) -> None:
    plots = row_of(5)
    flags = [*at_once(*plots[:4]), flag("P04", "drought", NOW - HOUR, severity=1)]
    of = listed(ledger, plots, flags)
    assert [stop.group for stop in of.stops] == ["today"] * 4 + ["later"]
    route = make_route(of, ZH, is_ios=False)
    assert route is not None
    assert (route.said, route.more) == ("导航今天的 4 站（高德地图）", None)
    ways = [navigate_to(stop.plot["lon"], stop.plot["lat"], "") for stop in of.stops[:4]]
    assert places(route) == [
        (way.lon_gcj02, way.lat_gcj02, f"{stop.seq} {stop.name}") for way, stop in zip(ways, of.stops[:4], strict=True)
    ]
    assert abs(places(route)[0][0] - plots[0]["lon"]) > 0.005, "500 m off in WGS 84"


def test_android_and_ios_have_an_address_each_as_amap_documents_it(ledger: Ledger) -> None:
    of = listed(ledger, row_of(3), at_once(*row_of(3)))
    android, ios = (make_route(of, EN, is_ios=is_ios) for is_ios in (False, True))
    assert android is not None
    assert ios is not None
    assert android.href.startswith("amapuri://route/plan/?")
    assert ios.href.startswith("iosamap://path?")
    assert places(android) == places(ios)


def test_a_day_longer_than_a_route_says_so_and_goes_on_with_the_next_when_the_first_are_reported(
    ledger: Ledger,
) -> None:
    plots = row_of(MOST_ROUTED + 2)
    of = listed(ledger, plots, at_once(*plots))
    route = make_route(of, ZH, is_ios=False)
    assert route is not None
    assert [name.split()[0] for *_, name in places(route)] == [str(n) for n in range(1, MOST_ROUTED + 1)]
    assert route.said == f"导航今天的前 {MOST_ROUTED} 站（高德地图）"
    assert route.more is not None
    assert f"今天还有 {MOST_ROUTED + 2} 站" in route.more
    last = [stop.issue.plot_id for stop in of.stops[MOST_ROUTED - 1 :]]
    for stop in of.stops[: MOST_ROUTED - 1]:
        perform(ledger, Action(stop.issue.issue_id, stop.issue.issue_id, "done", "crew:一队", as_crew="一队"), NOW)
    rest = list_of(ledger, "一队", valid_plots(plots, NOW), NOW, 8000.0)
    after = make_route(rest, ZH, is_ios=False)
    assert after is not None
    assert (len(places(after)), after.more) == (len(last), None)
    assert [stop.issue.plot_id for stop in rest.stops if stop.group == "today"] == last


def test_two_stops_of_one_plot_are_one_place_and_one_place_needs_no_route(ledger: Ledger) -> None:
    plots = row_of(2)
    both = [*at_once(plots[0]), silent("P00", "BC-S-1", NOW - HOUR, severity=4)]
    assert make_route(listed(ledger, plots, both), ZH, is_ios=False) is None
    of = listed(ledger, plots, [*both, *at_once(plots[1])])
    route = make_route(of, ZH, is_ios=False)
    assert route is not None
    assert "3 站" in route.said
    assert [name for *_, name in places(route)] == ["1/2 京津路绿带 0 段", "3 京津路绿带 1 段"]


@pytest.mark.parametrize("name", ["A|B|C", "a&vian=9#x?y=+%7C", "\u202e\x07'\"<>", "北" * 120])
def test_no_name_adds_a_place_or_changes_the_address(ledger: Ledger, name: str) -> None:
    plots = row_of(3, name.replace("{", "{{"))
    route = make_route(listed(ledger, plots, at_once(*plots)), ZH, is_ios=False)
    found = places(route)
    assert len(found) == 3
    assert all(1 < len(said) <= 20 and "|" not in said for *_, said in found)
    assert route is not None
    assert re.fullmatch(r"[!-~]+", route.href)
    assert not {"\u202e", "\x07"} & set(unquote(route.href))


def test_sixteen_long_names_still_make_an_address_of_four_kilobytes(ledger: Ledger) -> None:
    plots = row_of(MOST_ROUTED, "北" * 120)
    route = make_route(listed(ledger, plots, at_once(*plots)), ZH, is_ios=False)
    assert route is not None
    assert len(route.href) < 4096


AGENTS = {
    "android": "Mozilla/5.0 (Linux; Android 14; V2309A) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
    "ios": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari",
    "wechat": "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 MicroMessenger/8.0.40",
}


@pytest.mark.parametrize(
    ("agent", "scheme", "said"),
    [
        ("android", "amapuri", "要装高德地图 App"),
        ("ios", "iosamap", "要装高德地图 App"),
        ("wechat", "amapuri", "先在浏览器打开"),
    ],
)
def test_the_list_has_the_address_of_the_phone_that_asks_and_wechat_is_told_to_open_a_browser(
    made: DataFolder, agent: str, scheme: str, said: str
) -> None:
    headers = {"user-agent": AGENTS[agent]}
    with served(made, NOW) as url, httpx.Client(base_url=url, headers=headers, follow_redirects=True) as phone:
        page = phone.get(f"/c/{make_token(load_keys(made), 'crew', '一队', NOW)}").text
    section = page.partition('<section class="route">')[2].partition("</section>")[0]
    href = re.search(r'href="([^"]+)"', section)
    assert href is not None
    assert urlsplit(unescape(href[1])).scheme == scheme
    assert said in section
    assert [name for *_, name in places(RouteLink(unescape(href[1]), "", None))] == [
        "1 京津路绿带 12 段", "2 京津路绿带 15 段",
    ]  # fmt: skip
