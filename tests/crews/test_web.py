"""The pages over real HTTP: who gets in, what changes the ledger, what is refused."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from crews import guard as guard_module
from crews import photos as photos_module
from crews.action import Action
from crews.apply import apply_flags
from crews.exposure import check_exposure
from crews.guard import LARGEST_BODY_BYTES, Guard, is_same_origin
from crews.issue import ActionRefusedError
from crews.ledger import Ledger
from crews.links import Keys, link_generation, load_keys, make_token, read_token, revoke
from crews.perform import perform
from crews.photos import keep_photos, media_type
from crews.policy import most_photo_bytes_a_day
from crews.refusals import Refusals
from crews.report_form import read_water
from crews.web import create_app
from ingest.errors import ConfigError, StoreError
from ingest.lake.durable import write_new_file
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import replace_register, to_arrow
from ingest.site import BEICHEN
from tests.crews.made import DAY, NOW, PLOTS, flag, plot, well
from tests.crews.preview import made_folder
from tests.crews.served import served

JPEG = b"\xff\xd8\xff\xe0" + b"made of bytes, not of light" * 100


@dataclass(frozen=True)
class Place:
    """A running server, its data and its keys."""

    url: str
    folder: DataFolder
    keys: Keys

    def version(self) -> int:
        """Return the ledger's version."""
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            return ledger.version()

    def link(self, role: str = "crew", subject: str = "一队") -> str:
        """Return a link made now."""
        return f"{self.url}/c/{make_token(self.keys, role, subject, NOW)}"

    @contextmanager
    def reader(self, role: str = "crew", subject: str = "一队") -> Iterator[httpx.Client]:
        """Yield a browser that has opened the link."""
        with httpx.Client(base_url=self.url, headers={"origin": self.url}, follow_redirects=True) as client:
            assert client.get(self.link(role, subject)).status_code == 200
            yield client


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return a server over the made district."""
    folder = made_folder(tmp_path_factory.mktemp("web") / "data")
    with served(folder, NOW, office_phone="022-2600 0001") as url:
        yield Place(url, folder, load_keys(folder))


@contextmanager
def own_district(tmp_path: Path, now: datetime = NOW) -> Iterator[tuple[Place, httpx.Client, str]]:
    """Yield a server over a district of its own, a crew's browser that has opened the link, and the list in it."""
    folder = made_folder(tmp_path / "data")
    keys = load_keys(folder)
    with (
        served(folder, now) as url,
        httpx.Client(base_url=url, headers={"origin": url}, follow_redirects=True) as reader,
    ):
        page = reader.get(f"/c/{make_token(keys, 'crew', '一队', now)}").text
        yield Place(url, folder, keys), reader, page


def issue_of(page: str, name: str) -> str:
    """Return the issue id of the first card with a plot's name."""
    card = next(part for part in page.split("<article ")[1:] if name in part)
    return re.search(r'id="(BC-[0-9-]+)"', card)[1]  # type: ignore[index]


def fields(page: str, issue_id: str, kind: str) -> dict[str, str]:
    """Return the hidden fields of one form of one card."""
    card = page.split(f'id="{issue_id}"')[1].split("</article>", maxsplit=1)[0]
    form = next(part for part in card.split("<form ")[1:] if f'name="kind" value="{kind}"' in part)
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def test_the_first_opening_sets_a_cookie_and_takes_the_token_out_of_the_address(place: Place) -> None:
    answer = httpx.get(place.link())
    assert (answer.status_code, answer.headers["location"]) == (303, "/list")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("greensward-crew=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie


def test_looking_changes_nothing(place: Place) -> None:
    before = place.version()
    for method in ("GET", "HEAD"):
        httpx.request(method, place.link())
    with place.reader() as reader:
        page = reader.get("/list").text
        for path in (f"/issues/{issue_of(page, '12 段')}/actions", "/list?received=done&issue=BC-1", "/list.csv"):
            reader.get(path)
    assert place.version() == before


def test_without_a_cookie_nothing_is_shown(place: Place) -> None:
    for path in ("/list", "/list.csv", "/list.geojson", "/office", "/photos/" + "a" * 64):
        answer = httpx.get(place.url + path)
        assert answer.status_code == 403
        assert "京津路" not in answer.text
        assert "请用绿化所最近发来的链接打开" in answer.text
    assert "newest link that the office sent" in httpx.get(f"{place.url}/list?lang=en").text


def test_a_crew_sees_its_own_list_only_and_not_the_office(place: Place) -> None:
    with place.reader() as reader:
        page = reader.get("/list").text
        assert "京津路绿带 12 段" in page
        assert "双环路分车带 2 段" not in page
        assert "北运河滨河 5 号" not in page
        assert reader.get("/office").status_code == 403
        assert "双环路" not in reader.get("/list.csv").text
    with place.reader("office", "值班") as office:
        assert "双环路分车带 2 段" in office.get("/office").text
        assert "双环路分车带 2 段" in office.get("/list.csv").text


def test_the_office_filters_by_unit_grade_and_state(place: Place) -> None:
    with place.reader("office", "值班") as office:
        assert office.get("/office?unit=北辰区园林养护二所").text.count('scope="row"') == 1
        assert office.get("/office?state=deferred").text.count('scope="row"') == 1
        assert office.get("/office?grade=3&state=deferred&unit=").text.count('scope="row"') == 1
        assert office.get("/office?grade=x&state=%00").text.count('scope="row"') == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"),
        lambda t: t[:-5],
        lambda t: "0" + t,
        lambda t: t.replace(".", "", 1),
        lambda t: ".".join([t.split(".")[0], "eyJyIjoib2ZmaWNlIn0", t.split(".")[2]]),
        lambda t: t.split(".")[0] + "..",
        lambda t: t[:1] * 5000,
        lambda t: t + "é",
    ],
)  # fmt: skip
def test_a_token_that_was_touched_opens_nothing(place: Place, spoil: Callable[[str], str]) -> None:
    token = make_token(place.keys, "crew", "一队", NOW)
    answer = httpx.get(f"{place.url}/c/{spoil(token)}")
    assert answer.status_code in {403, 400}
    assert "set-cookie" not in answer.headers


def test_a_link_ends_after_seven_days_and_cannot_be_made_for_longer(place: Place) -> None:
    week_old = make_token(place.keys, "crew", "一队", NOW - 7 * DAY)
    assert "已过期" in httpx.get(f"{place.url}/c/{week_old}").text
    fresh = make_token(place.keys, "crew", "一队", NOW - 7 * DAY + timedelta(seconds=1))
    assert httpx.get(f"{place.url}/c/{fresh}").status_code == 303
    with pytest.raises(ValueError, match="no token"):
        make_token(place.keys, "crew", "一队", NOW, timedelta(days=8))
    with pytest.raises(ValueError, match="no token"):
        make_token(place.keys, "king", "一队", NOW)


def test_a_withdrawn_link_opens_nothing_and_its_cookie_neither_but_a_new_one_does(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    keys = load_keys(folder)
    with served(folder, NOW) as url, httpx.Client(base_url=url, follow_redirects=True) as reader:
        token = make_token(keys, "crew", "一队", NOW - DAY)
        assert reader.get(f"/c/{token}").status_code == 200
        with Ledger(folder.ledger, BEICHEN) as ledger:
            revoke(ledger, "crew", "一队")
            assert read_token(keys, ledger, make_token(keys, "crew", "二队", NOW - DAY), NOW).subject == "二队"
            generation = link_generation(ledger, "crew", "一队")
        assert reader.get("/list").status_code == 403
        assert "收回" in reader.get(f"/c/{token}").text
        # A clock that runs backwards, as the demo's does with every command, decides nothing.
        fresh = make_token(keys, "crew", "一队", NOW - 2 * DAY, generation=generation)
        assert reader.get(f"/c/{fresh}").status_code == 200
        with Ledger(folder.ledger, BEICHEN) as ledger:
            revoke(ledger, "crew", "一队")
        assert reader.get(f"/c/{fresh}").status_code == 403


def test_keys_are_made_once_for_the_owner_only_and_refused_when_open_to_others(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    keys = load_keys(folder)
    path = folder.secrets / "crew-links.json"
    assert load_keys(folder) == keys
    assert (path.stat().st_mode & 0o777, folder.secrets.stat().st_mode & 0o777) == (0o600, 0o700)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_keys(folder)
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(ConfigError, match="holds no keys"):
        load_keys(folder)


def test_over_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    app = create_app(folder, BEICHEN, public_url="https://lists.example.org", clock=lambda: NOW)
    token = make_token(load_keys(folder), "crew", "一队", NOW)

    async def open_link() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://lists.example.org") as client:
            return await client.get(f"/c/{token}")

    answer = asyncio.run(open_link())
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-greensward-crew=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert "strict-transport-security" in answer.headers


def test_a_report_from_the_page_reaches_the_ledger_once(place: Place) -> None:
    with place.reader() as reader:
        page = reader.get("/list").text
        issue_id = issue_of(page, "京津路绿带 12 段")
        sent = fields(page, issue_id, "done") | {"water": "１１,２００升", "note": "已浇透"}
        files = {"photo_after": ("IMG.jpg", JPEG, "image/jpeg"), "photo_before": ("", b"", "application/octet-stream")}
        before = place.version()
        for _ in range(3):
            answer = reader.post(f"/issues/{issue_id}/actions", data=sent, files=files)
            assert answer.status_code == 200
            assert f"已收到：完成。京津路绿带 12 段，现在是“待核查”。{issue_id}" in answer.text
        assert place.version() == before + 1
        with Ledger(place.folder.ledger, BEICHEN) as ledger:
            issue = ledger.issue(issue_id)
        assert (issue.state, issue.done_by, issue.water_used_litres) == ("done_unchecked", "crew:一队", 11_200.0)
        assert issue.note == "已浇透"
        sha256 = hashlib.sha256(JPEG).hexdigest()
        assert [(photo.role, photo.sha256) for photo in issue.photos] == [("after", sha256)]
        photo = reader.get(f"/photos/{sha256}")
        assert (photo.content, photo.headers["content-type"]) == (JPEG, "image/jpeg")
        assert reader.get(f"/photos/{'0' * 64}").status_code == 404
        assert reader.get("/photos/..%2f..%2fledger.sqlite").status_code == 404
    with place.reader("crew", "二队") as stranger:
        assert stranger.get(f"/photos/{sha256}").status_code == 404
        stranger.get(place.link("office", "值班"))
        assert stranger.get(f"/photos/{sha256}").status_code == 200, "the office may have looked at a crew's link"
    with place.reader("office", "值班") as office:
        assert office.get(f"/photos/{sha256}").status_code == 200


def test_cannot_do_and_false_alarm_work_as_plain_forms(place: Place) -> None:
    with place.reader() as reader:
        page = reader.get("/list?lang=en").text
        issue_id = issue_of(page, "京津路绿带 15 段")
        sent = fields(page, issue_id, "cannot_do")
        assert f'action="/issues/{issue_id}/actions?lang=en"' in page
        answer = reader.post(f"/issues/{issue_id}/actions?lang=en", data=sent)
        assert (answer.status_code, "Please choose a reason" in answer.text) == (400, True)
        answer = reader.post(f"/issues/{issue_id}/actions?lang=en", data=sent | {"reason": "no_access"})
        assert "Received: cannot be done. 京津路绿带 15 段 is now “Put off”." in answer.text
        assert "Could not do: no access" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"referer": "http://evil.example/list", "origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_sent_from_elsewhere_is_refused(place: Place, headers: dict[str, str]) -> None:
    with place.reader() as reader:
        page = reader.get("/list").text
        issue_id = issue_of(page, "北运河滨河 3 号")
        sent = fields(page, issue_id, "false_alarm") | {"reason": "wet"}
        before = place.version()
        assert reader.post(f"/issues/{issue_id}/actions", data=sent, headers=headers).status_code == 403
        assert place.version() == before


def test_proof_of_origin_is_asked_for_in_this_order() -> None:
    ours = "http://lists.example.org"
    host = {"host": "lists.example.org"}
    assert is_same_origin(Headers(host | {"origin": ours}), ours)
    assert is_same_origin(Headers(host | {"referer": ours + "/list"}), ours)
    assert is_same_origin(Headers(host | {"sec-fetch-site": "same-origin"}), ours)
    assert not is_same_origin(Headers(host), ours)
    assert not is_same_origin(Headers(host | {"origin": "http://[", "referer": ours}), ours)
    assert not is_same_origin(Headers(host | {"origin": "https://evil", "sec-fetch-site": "same-origin"}), ours)


def test_a_form_made_for_somebody_else_or_another_issue_is_refused(place: Place) -> None:
    with place.reader() as reader, place.reader("crew", "二队") as other:
        mine, theirs = reader.get("/list").text, other.get("/list").text
        issue_id, their_id = issue_of(mine, "北运河滨河 3 号"), issue_of(theirs, "双环路")
        before = place.version()
        stolen = fields(theirs, their_id, "done")
        assert reader.post(f"/issues/{their_id}/actions", data=stolen).status_code == 403
        assert reader.post(f"/issues/{issue_id}/actions", data=stolen).status_code == 403
        own = fields(mine, issue_id, "done")
        assert reader.post(f"/issues/{their_id}/actions", data=own).status_code == 403
        assert reader.post(f"/issues/{issue_id}/actions", data={**own, "form_token": ""}).status_code == 403
        assert place.version() == before


@pytest.mark.parametrize(
    "water", ["abc", "-1", "1e400", "nan", "2000 吨", "1_0", "六吨", "9,4", "9.4x", "0x10", "吨", "1.2.3", "9" * 400]
)
def test_water_that_is_no_amount_is_refused(place: Place, water: str) -> None:
    with place.reader() as reader:
        page = reader.get("/list").text
        issue_id = issue_of(page, "北运河滨河 3 号")
        sent = fields(page, issue_id, "done") | {"water": water, "inspection": "unsure"}
        answer = reader.post(f"/issues/{issue_id}/actions", data=sent)
        assert (answer.status_code, "用水量看不懂" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("text", "unit", "litres"),
    [
        (None, "t", None), ("10.6", "t", 10_600.0), ("10.6", "L", 10.6), ("１０．６吨", "L", 10_600.0),
        ("1200 L", "t", 1200.0), ("12 00 升", "t", 1200.0), ("1,200", "L", 1200.0), ("2车", "t", 16_000.0),
        ("2 truck loads", "t", 16_000.0), ("2", "loads", 16_000.0), ("3方", "L", 3000.0),
        (".5", "t", 500.0), ("0", "t", 0.0), ("6T", "L", 6000.0),
    ],
)  # fmt: skip
def test_water_is_understood_as_people_write_it(text: str | None, unit: str, litres: float | None) -> None:
    assert read_water(text, unit, 8000.0) == litres


def test_what_is_no_photo_is_refused_and_not_kept(place: Place) -> None:
    kept = len(list(place.folder.photos.glob("*")))
    with place.reader() as reader:
        page = reader.get("/list").text
        issue_id = issue_of(page, "北运河滨河 3 号")
        sent = fields(page, issue_id, "done") | {"inspection": "unsure"}
        for content in (b"<svg onload=alert(1)>", b"MZ\x90\x00", b"GIF89a", b"%PDF-1.7"):
            answer = reader.post(
                f"/issues/{issue_id}/actions", data=sent, files={"photo_after": ("a.jpg", content, "image/jpeg")}
            )
            assert answer.status_code == 400
            assert "只收 JPEG" in answer.text
        large = {"photo_after": ("a.jpg", b"\xff\xd8\xff" + bytes(10_000_000), "image/jpeg")}
        answer = reader.post(f"/issues/{issue_id}/actions", data=sent, files=large)
        assert answer.status_code == 413
    assert len(list(place.folder.photos.glob("*"))) == kept


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\xff\xd8\xff\xe1", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"\0\0\0\x18ftypheic", "image/heic"), (b"\0\0\0\x18ftypmp42", None), (b"RIFF\0\0\0\0WAVE", None), (b"", None),
    ],
)  # fmt: skip
def test_photos_are_known_by_their_first_bytes(start: bytes, kind: str | None) -> None:
    assert media_type(start) == kind


@pytest.mark.parametrize(("size", "is_taken"), [(3, False), (999, False), (1000, True)])
def test_the_first_bytes_of_a_photo_alone_are_no_photo(tmp_path: Path, size: int, *, is_taken: bool) -> None:
    with own_district(tmp_path) as (place, reader, page):
        issue_id = issue_of(page, "京津路绿带 15 段")
        answer = reader.post(
            f"/issues/{issue_id}/actions",
            data=fields(page, issue_id, "done"),
            files={"photo_after": ("a.jpg", jpeg(1, 2000)[:size], "image/jpeg")},
        )
        assert (answer.status_code, "这张照片是空的，或者不完整" in answer.text) == (
            (200, False) if is_taken else (400, True)
        )
        assert photos_on_disk(place.folder) == is_taken


def test_a_body_that_is_too_large_is_refused_before_it_is_read(place: Place) -> None:
    host, port = place.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(
            b"POST /issues/x/actions HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 999999999\r\n\r\n"
        )
        assert b" 413 " in line.recv(4096)


@pytest.mark.parametrize("told", ["21000001", "9" * 5000, "0" * 5000, "-1", "1e3", ""])
def test_a_told_length_that_is_too_large_or_no_number_is_refused(told: str) -> None:
    said: list[Message] = []

    async def nothing() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def keep(message: Message) -> None:
        said.append(message)

    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        pytest.fail("the request was served")

    headers = [(b"content-length", told.encode())]
    scope = {"type": "http", "path": "/issues/x/actions", "headers": headers, "method": "POST", "query_string": b""}
    asyncio.run(Guard(never, refusal=Refusals().early, is_https=False)(scope, nothing, keep))
    assert said[0]["status"] == 413


def test_a_body_of_untold_length_is_refused_when_it_grows_too_large() -> None:
    taken = []

    async def chunk() -> Message:
        return {"type": "http.request", "body": bytes(1_000_000), "more_body": True}

    async def drop(_message: Message) -> None:
        pass

    async def read_all(_scope: Scope, receive: Receive, _send: Send) -> None:
        while True:
            taken.append(len((await receive())["body"]))

    guard = Guard(read_all, refusal=Refusals().early, is_https=False)
    scope = {"type": "http", "path": "/issues/x/actions", "headers": [], "method": "POST"}
    with pytest.raises(ActionRefusedError, match="more than"):
        asyncio.run(guard(scope, chunk, drop))
    assert sum(taken) == LARGEST_BODY_BYTES


@pytest.mark.parametrize("size", [3_000_000, 20_000_000])
def test_who_may_not_send_is_told_so_however_large_the_photos_are(place: Place, size: int) -> None:
    files = {"photo_after": ("a.jpg", bytes(size), "image/jpeg")}
    with place.reader("office", "office") as reader:
        for path, code in (("/issues/BC-1/actions", "no_pass"), ("/office/issues/BC-1/actions", "read_only")):
            answer = reader.post(path, data={"kind": "done"}, files=files)
            assert (answer.status_code, answer.headers["greensward-refused"]) == (403, code)
            assert "connection" not in answer.headers


def test_a_connection_whose_body_is_given_up_ends_with_the_answer() -> None:
    said: list[Message] = []

    async def chunk() -> Message:
        return {"type": "http.request", "body": bytes(1_000_000), "more_body": True}

    async def keep(message: Message) -> None:
        said.append(message)

    scope = {"type": "http", "path": "/issues/x/actions", "headers": [], "method": "POST", "query_string": b""}
    unread = PlainTextResponse("no", 403)
    asyncio.run(Guard(unread, refusal=Refusals().early, is_https=False)(scope, chunk, keep))
    assert (said[0]["status"], (b"connection", b"close") in said[0]["headers"]) == (403, True)


def test_a_body_that_never_comes_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "BODY_IDLE_S", 0.05)

    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def drop(_message: Message) -> None:
        pass

    async def read(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()

    guard = Guard(read, refusal=Refusals().early, is_https=False)
    with pytest.raises(ActionRefusedError, match="too slowly"):
        asyncio.run(guard({"type": "http", "path": "/list", "headers": [], "method": "POST"}, never, drop))


def test_a_crews_token_in_the_offices_cookie_opens_no_office(place: Place) -> None:
    token = make_token(place.keys, "crew", "一队", NOW)
    answer = httpx.get(f"{place.url}/office", headers={"cookie": f"greensward-office={token}"})
    assert answer.status_code == 403
    answer = httpx.get(f"{place.url}/list", headers={"cookie": f"greensward-office={token}"})
    assert answer.status_code == 403


def test_three_hundred_slow_connections_do_not_stop_a_normal_request(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    with served(folder, NOW, idle_s=1.0) as url:
        host, port = url.removeprefix("http://").split(":")
        lines = [socket.create_connection((host, int(port)), timeout=20) for _ in range(300)]
        try:
            for number, line in enumerate(lines):
                head = b"GET /list HTTP/1.1\r\nHost: x\r\nX-Slow: "
                body = b"POST /issues/x/actions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nab"
                line.sendall(head if number % 2 else body)
            assert httpx.get(f"{url}/healthz", timeout=3).text == "alive\n"
            lines[1].settimeout(3)
            assert lines[1].recv(1024) == b""
        finally:
            for line in lines:
                line.close()


def test_every_answer_carries_the_headers_that_keep_it_safe(place: Place) -> None:
    with place.reader() as reader:
        for path in ("/list", "/list.csv", "/nowhere", "/healthz", "/static/greensward.css"):
            headers = reader.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "script-src 'self'; worker-src 'self'; connect-src 'self';" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert "server" not in headers
        assert reader.get("/list").headers["cache-control"] == "no-store"


def test_the_page_has_no_script_and_no_style_inside(place: Place) -> None:
    with place.reader() as reader:
        page = reader.get("/list").text
        scripts = re.findall(r"<script[^>]*>[^<]*", page)
        assert len(scripts) == 1
        address = re.fullmatch(r'<script src="(/static/outbox\.js\?v=[0-9a-f]+)" defer>', scripts[0])
        assert address is not None
        assert "immutable" in reader.get(address[1]).headers["cache-control"]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)


def test_what_a_phone_may_keep_of_a_list_carries_no_token_and_ends_with_the_link(place: Place) -> None:
    for at, most in ((NOW, 86_400), (NOW - 7 * DAY + timedelta(hours=2), 7200)):
        token = make_token(place.keys, "crew", "一队", at)
        with httpx.Client(base_url=place.url, headers=WECHAT, follow_redirects=True) as reader:
            list_at_link = reader.get(f"/c/{token}")
        assert list_at_link.headers["greensward-keep-s"] == str(most)
        assert list_at_link.headers["greensward-link"] == hashlib.sha256(token.encode()).hexdigest()
        assert token.rsplit(".", 1)[1] not in list_at_link.text
    worker = httpx.get(f"{place.url}/worker.js")
    assert (worker.headers["content-type"], worker.headers["cache-control"]) == (
        "text/javascript; charset=utf-8", "no-cache",
    )  # fmt: skip
    with place.reader("office", "值班") as office:
        assert "greensward-keep-s" not in office.get("/office").headers


def test_the_outbox_gets_a_receipt_of_what_is_kept_and_reasons_in_both_languages(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    with (
        served(folder, NOW) as url,
        httpx.Client(base_url=url, headers={"origin": url, "accept": "application/json"}) as phone,
    ):
        page = phone.get(f"/c/{make_token(load_keys(folder), 'crew', '一队', NOW)}", follow_redirects=True).text
        issue_id = issue_of(page, "京津路绿带 15 段")
        address, sent = f"/issues/{issue_id}/actions", fields(page, issue_id, "done")
        refused = phone.post(address, data=sent | {"water": "六吨"})
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_litres")
        assert "用水量看不懂" in refused.json()["sentence"]["zh"]
        assert "write a number" in refused.json()["sentence"]["en"]
        kept = [{"role": "after", "sha256": hashlib.sha256(jpeg(1)).hexdigest(), "bytes": len(jpeg(1))}]
        for number in (1, 2):  # The second time the same action brings another photo, which is not taken.
            files = {"photo_after": ("a.jpg", jpeg(number), "image/jpeg")}
            receipt = phone.post(address, data=sent, files=files)
            assert (receipt.status_code, receipt.json()) == (
                200, {"action_id": sent["action_id"], "kind": "done", "photos": kept},
            )  # fmt: skip
        phone.cookies.clear()
        assert phone.post(address, data=sent).json()["code"] == "no_pass"


def test_addresses_that_do_not_exist_get_a_page_that_a_person_understands(place: Place) -> None:
    answer = httpx.get(f"{place.url}/nowhere?lang=en")
    assert (answer.status_code, "There is no such page" in answer.text) == (404, True)
    assert httpx.post(f"{place.url}/list").status_code == 405
    assert "evil" not in httpx.get(f"{place.url}//evil.example/list").text, "no way out to whom the address names"
    for answer in (httpx.get(f"{place.url}/%ff%fe"), httpx.get(f"{place.url}/static/../web.py")):
        assert answer.status_code == 404
        assert "Traceback" not in answer.text


WECHAT = {"user-agent": "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 MicroMessenger/8.0.40"}


def test_wechat_stays_at_the_link_so_that_a_browser_can_be_given_it(place: Place) -> None:
    with place.reader() as reader:
        assert "在浏览器打开" not in reader.get("/list").text
    before = place.version()
    with httpx.Client(base_url=place.url, headers={"origin": place.url, **WECHAT}, follow_redirects=True) as wechat:
        link = place.link()
        answer = wechat.get(link, follow_redirects=False)
        assert (answer.status_code, answer.headers["referrer-policy"]) == (200, "same-origin")
        assert "set-cookie" in answer.headers
        page = answer.text
        assert "在浏览器打开" in page
        card = page.split('id="' + issue_of(page, "北运河滨河 3 号") + '"')[1].partition('class="more"')[0]
        assert "京津路东侧，龙门东道口往北 200 米" in card
        assert "GCJ-02" in card
        assert f"{place.url}/c/" in str(wechat.get("/list?lang=en").url)
        assert '<h1>一队 <span class="what">Work list' in wechat.get("/list?lang=en").text
        assert place.version() == before
    # The browser that gets the address has no cookie, and needs none.
    assert httpx.get(link).status_code == 303


def test_a_report_in_wechat_leads_back_to_the_link(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    with (
        served(folder, NOW) as url,
        httpx.Client(base_url=url, headers={"origin": url, **WECHAT}, follow_redirects=True) as wechat,
    ):
        page = wechat.get(f"/c/{make_token(load_keys(folder), 'crew', '一队', NOW)}").text
        issue_id = issue_of(page, "京津路绿带 15 段")
        answer = wechat.post(f"/issues/{issue_id}/actions", data=fields(page, issue_id, "done"))
        assert answer.url.path.startswith("/c/")
        assert "已收到：完成" in answer.text


def jpeg(number: int, size: int = 2000) -> bytes:
    """Return a made photo like no other."""
    return b"\xff\xd8\xff\xe0" + number.to_bytes(4, "big") * (size // 4)


def photos_on_disk(folder: DataFolder) -> int:
    """Return how many photos are kept."""
    return len(list(folder.photos.glob("photo-*")))


def test_a_refused_report_leaves_no_photo_behind(tmp_path: Path) -> None:
    with own_district(tmp_path) as (place, reader, page):
        issue_id, inspected = issue_of(page, "京津路绿带 15 段"), issue_of(page, "北运河滨河 3 号")
        sent = fields(page, issue_id, "done")

        def post(number: int, to: str = issue_id, **more: str) -> int:
            files = {"photo_after": ("a.jpg", jpeg(number), "image/jpeg")}
            return reader.post(f"/issues/{to}/actions", data=sent | more, files=files).status_code

        assert post(1, action_id="short") == 409
        assert post(2, water="-5") == 400
        assert post(3, form_token=sent["action_id"]) == 403
        assert post(4, to=inspected, **fields(page, inspected, "done")) == 400
        assert photos_on_disk(place.folder) == 0
        assert post(5) == 200
        assert photos_on_disk(place.folder) == 1
        assert post(5) == 200  # the same report again: answered, not kept
        assert post(7, action_id="another-0001") == 409  # it is reported already
        assert photos_on_disk(place.folder) == 1


def test_what_is_sent_again_from_a_used_page_is_one_report_or_a_correction_with_a_receipt_of_its_own(
    tmp_path: Path,
) -> None:
    with own_district(tmp_path) as (place, reader, page):
        issue_id = issue_of(page, "京津路绿带 15 段")
        address, sent = f"/issues/{issue_id}/actions", fields(page, issue_id, "done")

        def post(number: int, **typed: str) -> httpx.Response:
            files = {"photo_after": ("a.jpg", jpeg(number), "image/jpeg")}
            return reader.post(address, data=sent | typed, files=files)

        for _ in range(2):
            assert "已收到：完成。京津路绿带 15 段" in post(1, water="6").text
        for number in (1, 2, 2):  # the photo that is there already, a new one, and that once more
            answer = post(number, water="6.4", note="又浇了一点")
            assert (answer.status_code, "已收到：补充。京津路绿带 15 段" in answer.text) == (200, True)
        with Ledger(place.folder.ledger, BEICHEN) as ledger:
            issue, kinds = ledger.issue(issue_id), [event.kind for event in ledger.history(issue_id)]
        assert kinds[-3:] == ["done", "amended", "amended"]
        assert (issue.water_used_litres, issue.note, len(issue.photos)) == (6400.0, "又浇了一点", 2)
        could_not = fields(page, issue_id, "cannot_do") | {"reason": "no_access"}
        for language, words in (("zh", ("补照片或更正", "打电话给绿化所")), ("en", ("Add a photo or correct", "call"))):
            answer = reader.post(f"{address}?lang={language}", data=could_not)
            assert (answer.status_code, all(word in answer.text for word in words)) == (409, True)
        with Ledger(place.folder.ledger, BEICHEN) as ledger:
            assert ledger.issue(issue_id) == issue


def _refuse(*_: Any, **__: Any) -> None:
    raise OSError(errno.EDQUOT, "Disk quota exceeded")


@pytest.mark.parametrize("is_removable", [True, False])
def test_a_photo_that_cannot_be_stored_leaves_neither_report_nor_as_far_as_the_disk_allows_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_removable: bool
) -> None:
    with own_district(tmp_path) as (place, reader, page):
        issue_id = issue_of(page, "京津路绿带 15 段")
        times: list[int] = []

        def fail_second(*arguments: Any) -> Path:
            times.append(1)
            if len(times) == 2:
                if not is_removable:
                    monkeypatch.setattr(Path, "unlink", _refuse)
                raise StoreError("the disk is full")
            return write_new_file(*arguments)

        monkeypatch.setattr(photos_module, "write_new_file", fail_second)
        files = {f"photo_{role}": ("a.jpg", jpeg(n), "image/jpeg") for n, role in enumerate(("before", "after"))}
        answer = reader.post(f"/issues/{issue_id}/actions", data=fields(page, issue_id, "done"), files=files)
        assert (answer.status_code, len(times), photos_on_disk(place.folder)) == (503, 2, 0 if is_removable else 1)
        with Ledger(place.folder.ledger, BEICHEN) as ledger:
            assert ledger.issue(issue_id).state == "assigned"


def test_a_report_found_kept_after_a_crash_that_was_said_to_have_failed_has_its_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fsync of SQLite's log fails, and then the process dies: whoever opens it next finds the log whole."""
    transaction = Ledger.transaction

    @contextmanager
    def fail_late(ledger: Ledger) -> Iterator[None]:
        with transaction(ledger):
            yield
        raise StoreError("the fsync failed")

    with own_district(tmp_path) as (_, reader, page):
        issue_id = issue_of(page, "京津路绿带 15 段")
        files = {f"photo_{role}": ("a.jpg", jpeg(n), "image/jpeg") for n, role in enumerate(("before", "after"))}

        def post() -> int:
            sent = fields(page, issue_id, "done")
            return reader.post(f"/issues/{issue_id}/actions", data=sent, files=files).status_code

        with monkeypatch.context() as failing:
            failing.setattr(Ledger, "transaction", fail_late)
            assert post() == 503
        assert post() == 200
        for number in range(2):
            assert reader.get(f"/photos/{hashlib.sha256(jpeg(number)).hexdigest()}").content == jpeg(number)


def test_a_crew_can_send_so_many_photos_a_day_and_another_crew_as_many(ledger: Ledger, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    most = most_photo_bytes_a_day()

    def keep(crew: str, number: int, at: datetime) -> None:
        with ledger.transaction():
            keep_photos(ledger, folder, [jpeg(number)], crew, at)

    with ledger.transaction():
        ledger.run("insert into photo_bytes values ('一队', '2026-07-02', ?)", (most - 3999,))
    keep("一队", 1, NOW)
    with pytest.raises(ActionRefusedError, match="500 MB"):
        keep("一队", 2, NOW)
    keep("二队", 3, NOW)
    keep("一队", 4, NOW + DAY)
    assert photos_on_disk(folder) == 3


def test_odd_water_is_asked_back_on_the_page_and_either_answer_holds(tmp_path: Path) -> None:
    with own_district(tmp_path) as (place, reader, before):
        issue_id = issue_of(before, "京津路绿带 15 段")
        address = f"/issues/{issue_id}/actions"
        page = reader.post(address, data=fields(before, issue_id, "done") | {"water": "6.4", "water_unit": "L"}).text
        assert "你填的是 6.4 升，这次要浇 6.4 吨。是 6.4 吨吗？" in page
        assert "没有作业后的照片" in page
        files = {"photo_after": ("a.jpg", jpeg(1), "image/jpeg")}
        page = reader.post(address, data=fields(page, issue_id, "amended"), files=files).text
        assert "已收到：补充" in page
        with Ledger(place.folder.ledger, BEICHEN) as ledger:
            issue = ledger.issue(issue_id)
            assert (issue.water_used_litres, issue.water_doubt_litres, len(issue.photos)) == (None, 6.4, 1)
        answer = re.search(r'name="water" value="([0-9.]+)">是 6.4 吨<', page)
        assert answer is not None
        page = reader.post(
            address, data=fields(page, issue_id, "amended") | {"water": answer[1], "water_unit": "L"}
        ).text
        with Ledger(place.folder.ledger, BEICHEN) as ledger:
            assert ledger.issue(issue_id).water_used_litres == 6400.0
        assert "用水 6.4 吨" in page


def test_a_receipt_is_of_the_newest_report_of_that_issue_only(tmp_path: Path) -> None:
    with own_district(tmp_path) as (place, reader, page):
        issue_id, other = issue_of(page, "京津路绿带 15 段"), issue_of(page, "京津路绿带 12 段")
        sent = fields(page, issue_id, "done")
        reader.post(f"/issues/{issue_id}/actions", data=sent)
        answer = reader.post(f"/issues/{issue_id}/actions", data=sent | {"kind": "false_alarm", "reason": "wet"})
        assert (answer.status_code, "已收到" in answer.text) == (409, False)
        for kind, issue in (("false_alarm", issue_id), ("done", other), ("x", issue_id), ("done", "BC-1")):
            assert "已收到" not in reader.get(f"/list?received={kind}&issue={issue}").text
        assert "已收到：完成" in reader.get(f"/list?received=done&issue={issue_id}").text
        with Ledger(place.folder.ledger, BEICHEN) as ledger:
            perform(ledger, Action("office-0001", issue_id, "reopened", "王工", reason="x"), NOW)
        assert "已收到" not in reader.get(f"/list?received=done&issue={issue_id}").text


def test_the_receipt_of_a_visit_says_how_many_are_left(tmp_path: Path) -> None:
    with own_district(tmp_path) as (_, reader, page):
        issue_id = issue_of(page, "京津路绿带 12 段")
        sent = fields(page, issue_id, "done")
        answer = reader.post(f"/issues/{issue_id}/actions", data=sent).text
        assert f"已收到：京津路绿带 12 段第 1 次（共 2 次），还要浇 1 次。{issue_id}" in answer
        again = reader.get("/list").text
        answer = reader.post(f"/issues/{issue_id}/actions", data=fields(again, issue_id, "done")).text
        assert "已收到：完成。京津路绿带 12 段，" in answer


def test_the_office_looks_at_photos_notes_water_and_reasons(tmp_path: Path) -> None:
    with own_district(tmp_path) as (place, reader, page):
        issue_id = issue_of(page, "京津路绿带 15 段")
        files = {
            "photo_after": ("a.jpg", jpeg(1), "image/jpeg"),
            "photo_before": ("b.heic", b"\0\0\0\x18ftypheic" + bytes(999), "image/heic"),
        }
        sent = fields(page, issue_id, "done") | {"water": "6", "note": "<b>浇透了</b>"}
        assert reader.post(f"/issues/{issue_id}/actions", data=sent, files=files).status_code == 200
        assert reader.get(f"/office/issues/{issue_id}").status_code == 403
        reader.get(f"/c/{make_token(place.keys, 'office', 'office', NOW)}")
        table = reader.get("/office").text
        assert f'href="/office/issues/{issue_id}?lang=zh"' in table
        shown = reader.get(f"/office/issues/{issue_id}").text
        assert "&lt;b&gt;浇透了&lt;/b&gt;" in shown
        assert "用水 6 吨" in shown
        photos = re.findall(r'<img src="(/photos/[0-9a-f]+)"', shown)
        assert [reader.get(photo).content for photo in photos] == [jpeg(1)]
        assert "浏览器看不了这种照片" in shown
        assert f"greensward issue close {issue_id}" in shown
        assert reader.get("/office/issues/BC-1").status_code == 404
        put_off = reader.get(f"/office/issues/{issue_of(page, '龙门东道行道树')}?lang=en").text
        assert "No water" in put_off


@pytest.mark.parametrize(
    ("now", "waited_s", "said"),
    [
        (NOW, "7200", "手机上 今天 06:30 上报，后来才收到"),
        (NOW + 5 * DAY, "259200", "手机上 7月4日 08:30 上报，后来才收到"),
        (NOW + 5 * DAY, "259201", ""),
        (NOW, "259200", ""),  # before the issue was opened
        (NOW, "299", ""), (NOW, "-7200", ""), (NOW, "7e3", ""), (NOW, "٧٢٠٠", ""), (NOW, "9" * 400, ""), (NOW, "", ""),
    ],
)  # fmt: skip
def test_how_long_a_report_waited_on_the_phone_is_told_to_the_office_and_dates_nothing(
    tmp_path: Path, now: datetime, waited_s: str, said: str
) -> None:
    with own_district(tmp_path, now) as (place, reader, page):
        issue_id = issue_of(page, "京津路绿带 15 段")
        sent = fields(page, issue_id, "done") | {"waited_s": waited_s}
        assert reader.post(f"/issues/{issue_id}/actions", data=sent).status_code == 200
        with Ledger(place.folder.ledger, BEICHEN) as ledger:
            assert ledger.issue(issue_id).done_at == now
        reader.get(f"/c/{make_token(place.keys, 'office', 'office', now)}")
        shown = reader.get(f"/office/issues/{issue_id}").text
        assert ("手机上" in shown) == bool(said)
        assert said in shown


@pytest.mark.parametrize(
    ("language", "received", "heading"),
    [
        ("zh", "此前已结束：上报内容和照片附在单上", "结束后才收到的上报"),
        ("en", "had ended before: your report and photos are kept", "Report that came after the end"),
    ],
)
def test_work_reported_after_its_issue_had_ended_is_received_and_shown_to_the_office(
    tmp_path: Path, language: str, received: str, heading: str
) -> None:
    with own_district(tmp_path) as (place, reader, page):
        issue_id = issue_of(page, "京津路绿带 15 段")
        sent = fields(page, issue_id, "done") | {"water": "6", "note": "浇透了"}
        with Ledger(place.folder.ledger, BEICHEN) as ledger:
            perform(ledger, Action("office-0001", issue_id, "void", "王工", reason="x"), NOW - 30 * DAY)
        files = {"photo_after": ("a.jpg", jpeg(1), "image/jpeg")}
        answer = reader.post(
            f"/issues/{issue_id}/actions", data=sent, files=files, headers={"accept": "application/json"}
        )
        assert answer.status_code == 200
        assert [photo["sha256"] for photo in answer.json()["photos"]] == [hashlib.sha256(jpeg(1)).hexdigest()]
        mine = reader.get(f"/list?lang={language}&received=done&issue={issue_id}").text
        assert received in mine
        assert f'id="{issue_id}"' not in mine, "it ended long ago: no card tells of it"
        reader.get(f"/c/{make_token(place.keys, 'office', 'office', NOW)}")
        shown = reader.get(f"/office/issues/{issue_id}?lang={language}").text
        report = shown[shown.index(f"<b>{heading}</b>") :]
        for words in ("浇透了", "一队", f"/photos/{hashlib.sha256(jpeg(1)).hexdigest()}"):
            assert words in report, words
        assert "不能用来结案" not in report
        assert "closes nothing" not in report


def test_what_opens_no_list_leads_to_none(place: Place) -> None:
    for path in ("/c/nonsense", "/list", f"/c/{make_token(place.keys, 'crew', '一队', NOW - 8 * DAY)}"):
        answer = httpx.get(place.url + path)
        assert (answer.status_code, "回到清单" in answer.text, "管理员" in answer.text) == (403, False, False)
    assert "回到清单" in httpx.get(f"{place.url}/nowhere").text


@pytest.mark.parametrize(
    ("language", "heading", "next_step"),
    [("zh", "打不开清单", "找绿化所最近发来的那个链接"), ("en", "The list does not open", "the newest one")],
)
def test_who_comes_with_a_link_that_has_ended_reads_what_to_do_and_whom_to_call(
    place: Place, language: str, heading: str, next_step: str
) -> None:
    path = f"/c/{make_token(place.keys, 'crew', '一队', NOW - 8 * DAY)}"
    page = httpx.get(f"{place.url}{path}?lang={language}").text
    for words in (f"<h1>{heading}</h1>", next_step, 'href="?lang=', 'href="tel:022-26000001"'):
        assert words in page, words


def test_a_report_that_comes_after_the_link_has_ended_is_said_to_be_lost(tmp_path: Path) -> None:
    """The page lay open over the night in which its link ended."""
    folder = made_folder(tmp_path / "data")
    token = make_token(load_keys(folder), "crew", "一队", NOW - 7 * DAY)
    with served(folder, NOW) as url:
        path, sent = f"{url}/issues/BC-20260630-0002/actions", {"kind": "started"}
        answer = httpx.post(path, data=sent, headers={"origin": url, "cookie": f"greensward-crew={token}"})
    assert answer.status_code == 403
    assert "刚才填的没有收下" in answer.text
    assert "/actions" not in answer.text


def test_an_empty_form_is_answered_as_such(place: Place) -> None:
    with place.reader() as reader:
        issue_id = issue_of(reader.get("/list").text, "北运河滨河 3 号")
        answer = reader.post(f"/issues/{issue_id}/actions", data={})
        assert (answer.status_code, "没有收到内容，请重填" in answer.text) == (400, True)


def test_pages_travel_compressed_and_static_files_are_kept_until_they_change(place: Place) -> None:
    with place.reader() as reader:
        answer = reader.get("/list")
        assert answer.headers["content-encoding"] == "gzip"
        address = re.search(r'href="(/static/greensward.css\?v=[0-9a-f]+)"', answer.text)
        assert address is not None
        assert reader.get(address[1]).headers["cache-control"] == "public, max-age=31536000, immutable"
        for old in ("/static/greensward.css", "/static/greensward.css?v=0123"):
            kept = reader.get(old)
            assert (kept.status_code, kept.headers["cache-control"]) == (200, "no-cache")
            assert reader.get(old, headers={"if-none-match": kept.headers["etag"]}).status_code == 304


def test_the_table_is_named_after_crew_and_day(place: Place) -> None:
    with place.reader() as reader:
        name = reader.get("/list.csv").headers["content-disposition"]
        book = reader.get("/list.xlsx")
    assert name == ("attachment; filename=\"list-2026-07-02.csv\"; filename*=UTF-8''%E4%B8%80%E9%98%9F-2026-07-02.csv")
    assert book.headers["content-disposition"] == name.replace(".csv", ".xlsx")
    assert (book.content[:4], book.headers["cache-control"]) == (b"PK\x03\x04", "no-store")
    assert httpx.get(f"{place.url}/list.xlsx").status_code == 403


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_list_without_stops_and_without_a_fresh_evaluation_does_not_say_that_all_is_done(
    tmp_path: Path, language: str
) -> None:
    folder = DataFolder(tmp_path / "data")
    replace_register(folder, "plots", to_arrow(table("plots"), PLOTS))
    said = {"zh": ("今天没有待办", "现在不知道有没有待办"), "en": ("Nothing to do today", "is unknown")}[language]
    with served(folder, NOW) as url, httpx.Client(base_url=url, follow_redirects=True) as reader:
        link = f"/c/{make_token(load_keys(folder), 'crew', '一队', NOW)}?lang={language}"
        for as_of, (no, yes) in ((None, said), (NOW - 3 * DAY, said), (NOW, said[::-1])):
            if as_of is not None:
                with Ledger(folder.ledger, BEICHEN) as ledger:
                    apply_flags(ledger, [well("JJ-012", "drought", as_of)], PLOTS, as_of)
            page = reader.get(link).text
            assert (no in page, yes in page) == (False, True)


def test_a_long_list_begins_with_an_overview(place: Place, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    plots = [plot(f"P{n:02}", f"绿带 {n} 段", 117.1 + n / 1000, 39.2) for n in range(7)]
    with Ledger(folder.ledger, BEICHEN) as ledger:
        apply_flags(ledger, [flag(row["plot_id"], "drought", NOW) for row in plots], plots, NOW)
    with served(folder, NOW) as url, httpx.Client(base_url=url, follow_redirects=True) as reader:
        page = reader.get(f"/c/{make_token(load_keys(folder), 'crew', '一队', NOW)}").text
    overview = page.split('class="overview"')[1].split("</details>")[0]
    assert set(re.findall(r'href="#(BC-[0-9-]+)"', overview)) == set(
        re.findall(r'<article [^>]*id="(BC-[0-9-]+)"', page)
    )
    with place.reader("crew", "二队") as short:
        assert 'class="overview"' not in short.get("/list").text


def test_a_plots_name_can_neither_bring_markup_into_the_page_nor_turn_its_lines_around(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    evil = "<img src=x onerror=alert(1)>\"'{{7*7}}\u202e\x1b"
    with Ledger(folder.ledger, BEICHEN) as ledger:
        row = plot("P1", evil, 117.1, 39.2, phone=evil, plants=evil)
        apply_flags(ledger, [flag("P1", "drought", NOW, reason_code=evil)], [row], NOW)
    with served(folder, NOW) as url, httpx.Client(base_url=url, follow_redirects=True) as reader:
        page = reader.get("/c/" + make_token(load_keys(folder), "crew", "一队", NOW)).text
        tables = reader.get("/list.csv").text + reader.get("/list.geojson").text
    assert not {"\u202e", "\x1b"} & {*page, *tables}
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "{{7*7}}" in page


def test_readiness_says_when_the_ledger_is_gone(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    with served(folder, NOW) as url:
        assert httpx.get(f"{url}/readyz").status_code == 200
        for leftover in folder.ledger.parent.glob("ledger.sqlite*"):
            leftover.unlink()
        folder.ledger.write_bytes(b"damaged" * 1000)
        assert httpx.get(f"{url}/readyz").status_code == 503
        answer = httpx.get(f"{url}/list", cookies={"greensward-crew": "x"})
        assert (answer.status_code, "暂时存不了" in answer.text) == (503, True)


EVERYWHERE = "0.0.0.0"  # noqa: S104  what is being refused


@pytest.mark.parametrize(
    ("host", "cert", "options"),
    [
        ("127.0.0.1", "", {"allow_insecure": False}), ("::1", "", {"allow_insecure": False}),
        ("localhost", "", {"allow_insecure": False}), (EVERYWHERE, "", {"allow_insecure": True}),
        (EVERYWHERE, "cert.pem", {"allow_insecure": False}),
    ],
)  # fmt: skip
def test_lists_are_served_to_this_machine_through_tls_or_where_it_is_meant(
    host: str, cert: str, options: dict[str, bool]
) -> None:
    check_exposure(host, cert, **options)


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.168.1.5", "lists.example.org", ""])
def test_lists_do_not_cross_a_network_in_plain_text_by_mistake(host: str) -> None:
    with pytest.raises(ConfigError, match="plain HTTP"):
        check_exposure(host, "", allow_insecure=False)
