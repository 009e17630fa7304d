"""Answers that wait on the phone, in a real browser with scripts on, with a server that comes and goes."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from starlette.responses import RedirectResponse

from crews.action import Action
from crews.issue import Issue
from crews.ledger import Ledger
from crews.links import load_keys, make_token, revoke
from crews.perform import perform
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.browser import Browser
from tests.crews.made import NOW
from tests.crews.preview import made_folder
from tests.crews.served import served
from tests.crews.test_page import CUT_OFF, OPEN_ALL, PALE, TARGETS
from tests.mosquitto import free_port

PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20_000
"""5.1 MB."""

SETTLED = "document.getElementById('outbox') && !document.querySelector('[data-when=sending]').checkVisibility()"
WAITING = "document.querySelector('#outbox .count').textContent"


@dataclass
class Field:
    """A crew's phone, the office's data, and the address at which the server stands when there is a signal."""

    folder: DataFolder
    port: int
    profile: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def link(self, crew: str = "一队", at: timedelta = timedelta()) -> str:
        return f"{self.url}/c/{make_token(load_keys(self.folder), 'crew', crew, NOW + at)}"

    def phone(self) -> Browser:
        return Browser(360, scripts=True, profile=self.profile)

    def issue(self, plot_id: str) -> Issue:
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            return next(one for one in ledger.open_issues() if (one.plot_id, one.cause) == (plot_id, "drought"))

    def kinds(self, plot_id: str) -> list[str]:
        issue_id = self.issue(plot_id).issue_id
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            return [event.kind for event in ledger.history(issue_id)]


@pytest.fixture
def field(tmp_path: Path) -> Field:
    return Field(made_folder(tmp_path / "data"), free_port(), tmp_path / "profile")


def open_list(phone: Browser, address: str) -> None:
    """Open a list and wait until its worker has kept it, script and all."""
    phone.open(address)
    for kept in ("/list", "/static/outbox.js"):
        phone.wait_for(
            f"navigator.serviceWorker.ready.then(() => caches.match('{kept}', {{ignoreSearch: true}})).then(Boolean)"
        )


def answer(phone: Browser, issue_id: str, kind: str, **fields: str) -> None:
    """Fill in a form of a card and press its button."""
    form = f"document.querySelector('#{issue_id} input[name=kind][value={kind}]').form"
    phone.measure(f"({form}.closest('details').open = true)")
    for name, value in fields.items():
        field = f"{form}.querySelector('[name={name}]:not([type=radio]), [name={name}][value={json.dumps(value)}]')"
        phone.measure(f"(f => f.type === 'radio' ? f.checked = true : f.value = {json.dumps(value)})({field})")
    phone.measure(f"({form}.querySelector('button[type=submit]').click(), true)")


def test_an_answer_without_a_signal_waits_over_a_restart_and_goes_out_once_from_a_full_phone_with_its_photo(
    field: Field, tmp_path: Path
) -> None:
    photo = tmp_path / "IMG_1.jpg"
    photo.write_bytes(PHOTO)
    issue_id = field.issue("JJ-015").issue_id
    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
            phone.choose_file(f"#{issue_id} details.yes [name=photo_after]", photo)
        answer(phone, issue_id, "done", water="6.4")
        phone.wait_for(f"{WAITING} === '1' && {SETTLED}")
        phone.call("Network.clearBrowserCache")
    assert field.kinds("JJ-015") == ["opened", "assigned"]
    with field.phone() as phone:
        phone.call("Storage.overrideQuotaForOrigin", origin=field.url, quotaSize=1000)
        phone.open(f"{field.url}/list")
        phone.wait_for(f"{WAITING} === '1' && {SETTLED}")
        assert "离线 · 数据 刚刚" in phone.measure("document.getElementById('offline').innerText")
        said = phone.measure("document.getElementById('outbox').innerText")
        assert "京津路绿带 15 段" in said
        assert "拍照完成 · 照片 1 张" in said
        with served(field.folder, NOW, port=field.port):
            phone.open(f"{field.url}/list")
            phone.wait_for("document.body.innerText.includes('已收到：完成。京津路绿带 15 段')")
            phone.wait_for("document.getElementById('outbox').hidden && document.styleSheets[0].cssRules.length")
    issue = field.issue("JJ-015")
    assert (issue.state, issue.water_used_litres) == ("done_unchecked", 6400.0)
    assert [photo.sha256 for photo in issue.photos] == [hashlib.sha256(PHOTO).hexdigest()]
    assert field.kinds("JJ-015").count("done") == 1


def wait_shown(phone: Browser, count: int) -> None:
    """Wait until the page shows so many answers that wait, and none is on its way."""
    phone.wait_for(f"{WAITING} === '{count}' && {SETTLED}")


def said(phone: Browser) -> str:
    """Return what the outbox says."""
    text: str = phone.measure("document.getElementById('outbox').innerText")
    return text


def press(phone: Browser, what: str) -> None:
    """Press a button of the outbox."""
    phone.measure(f"(document.querySelector('#outbox [data-do={what}]').click(), true)")


def test_an_answer_outlives_its_link_and_goes_out_with_a_fresh_one_of_the_same_crew(field: Field) -> None:
    later = timedelta(days=8)
    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
        answer(phone, field.issue("JJ-015").issue_id, "cannot_do", reason="no_water")
        wait_shown(phone, 1)
        answer(phone, field.issue("JJ-012").issue_id, "false_alarm", reason="wet")
        wait_shown(phone, 2)
        with served(field.folder, NOW + later, port=field.port, office_phone="022-2600 0001"):
            phone.open(f"{field.url}/list")
            wait_shown(phone, 2)
            assert "打不开清单" in phone.measure("document.body.innerText")
            assert "用绿化所最近发来的链接打开清单" in said(phone)
            assert "一队的 2 条" in said(phone)
            phone.wait_for("caches.match('/list').then(copy => !copy)")
            phone.open(field.link("二队", later))
            wait_shown(phone, 2)
            assert "用一队的链接打开清单，才会上传" in said(phone)
            assert "京津路" not in said(phone)
            two_hours_on = "(real => Date.now = () => real() + 7200000)(Date.now)"
            phone.call("Page.addScriptToEvaluateOnNewDocument", source=two_hours_on)
            phone.open(f"{field.link(at=later)}?lang=en")
            phone.wait_for("document.body.innerText.includes('Received: false alarm')")
            phone.wait_for("document.getElementById('outbox').hidden")
    assert field.issue("JJ-015").state == "deferred"
    assert field.issue("JJ-012").state == "done_unchecked"
    with Ledger(field.folder.ledger, BEICHEN) as ledger:
        report = ledger.history(field.issue("JJ-012").issue_id)[-1]
    waited = report.happened_at - datetime.fromisoformat(report.detail["said_at"])
    assert timedelta(hours=2) <= waited < timedelta(hours=2, minutes=5), "since it was said, not since it was tried"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_the_server_refuses_is_said_and_can_be_mended_or_dropped(
    field: Field, tmp_path: Path, language: str
) -> None:
    photo = tmp_path / "IMG_1.jpg"
    photo.write_bytes(PHOTO)
    first, second = field.issue("JJ-015").issue_id, field.issue("JJ-012").issue_id
    reason = {"zh": "没有收下：用水量看不懂", "en": "Not taken: Water used: write a number"}[language]
    with field.phone() as phone, served(field.folder, NOW, port=field.port):
        phone.open(f"{field.link()}?lang={language}")
        phone.choose_file(f"#{first} details.yes [name=photo_after]", photo)
        answer(phone, first, "done", water="六吨", note="浇透了")
        phone.wait_for(f"document.getElementById('outbox').innerText.includes('{reason}')")
        with Ledger(field.folder.ledger, BEICHEN) as ledger:
            perform(ledger, Action("by-telephone", second, "cannot_do", "王工", reason="weather"), NOW)
        answer(phone, second, "cannot_do", reason="no_water")
        phone.wait_for("document.querySelectorAll('#outbox .refusal:not([hidden])').length === 2")
        for opened in (False, True):
            if opened:
                phone.measure(OPEN_ALL)
            assert [phone.measure(fault) for fault in (CUT_OFF, TARGETS, PALE)] == [[], [], []]
        press(phone, "mend")
        assert reason.partition("：" if language == "zh" else ": ")[2] in phone.measure(
            f"document.querySelector('#{first} details.yes .notice').innerText"
        )
        phone.measure("(document.querySelectorAll('details.answer:not(.yes)').forEach(d => d.open = false), true)")
        answer(phone, first, "done", water="6.4")
        phone.wait_for(f"{WAITING} === '1' && {SETTLED} && document.querySelectorAll('#outbox ol li').length === 1")
        press(phone, "drop")
        phone.wait_for("document.querySelectorAll('#outbox ol li').length === 0")
    issue = field.issue("JJ-015")
    assert (issue.water_used_litres, issue.note) == (6400.0, "浇透了")
    assert [one.sha256 for one in issue.photos] == [hashlib.sha256(PHOTO).hexdigest()]
    assert field.kinds("JJ-012").count("cannot_do") == 1


def test_a_photo_that_the_receipt_does_not_name_is_not_deleted_but_added(field: Field, tmp_path: Path) -> None:
    """The same action had reached the server before, without its photo."""
    photo = tmp_path / "IMG_1.jpg"
    photo.write_bytes(PHOTO)
    issue_id = field.issue("JJ-015").issue_id
    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
        phone.choose_file(f"#{issue_id} details.yes [name=photo_after]", photo)
        answer(phone, issue_id, "done", water="6.4")
        wait_shown(phone, 1)
        phone.measure(
            "(indexedDB.open('greensward').onsuccess = e => e.target.result.transaction('answers')"
            ".objectStore('answers').getAllKeys().onsuccess = e => document.body.dataset.key = e.target.result[0], 1)"
        )
        phone.wait_for("document.body.dataset.key")
        key = phone.measure("document.body.dataset.key")
        proof = phone.measure("document.getElementById('outbox').dataset.proof")
        with served(field.folder, NOW, port=field.port) as url:
            with httpx.Client(base_url=url, headers={"origin": url}) as other:
                other.cookies.set("greensward-crew", field.link().rpartition("/")[2])
                sent = {"form_token": proof, "action_id": key, "kind": "done", "water": "6.4"}
                assert other.post(f"/issues/{issue_id}/actions", data=sent).status_code == 303
            assert field.issue("JJ-015").photos == ()
            press(phone, "send")
            phone.wait_for("document.body.innerText.includes('已收到：补充')")
            phone.wait_for("document.getElementById('outbox').hidden")
    assert field.kinds("JJ-015").count("done") == 1
    assert [one.sha256 for one in field.issue("JJ-015").photos] == [hashlib.sha256(PHOTO).hexdigest()]


@pytest.mark.parametrize("fault", ["private mode", "storage full"])
def test_what_the_phone_cannot_keep_waits_in_the_open_page_which_says_so(
    field: Field, tmp_path: Path, fault: str
) -> None:
    photo = tmp_path / "IMG_1.jpg"
    photo.write_bytes(PHOTO)
    issue_id = field.issue("JJ-015").issue_id
    with field.phone() as phone:
        if fault == "private mode":
            hide = "Object.defineProperty(window, 'indexedDB', {value: undefined})"
            phone.call("Page.addScriptToEvaluateOnNewDocument", source=hide)
        with served(field.folder, NOW, port=field.port):
            phone.open(field.link())
            if fault == "storage full":
                phone.call("Storage.overrideQuotaForOrigin", origin=field.url, quotaSize=1_000_000)
        phone.choose_file(f"#{issue_id} details.yes [name=photo_after]", photo)
        answer(phone, issue_id, "done", water="六吨")
        wait_shown(phone, 1)
        assert "这台手机存不下" in said(phone)
        assert "别关这个页面" in said(phone)
        answer(phone, field.issue("JJ-012").issue_id, "cannot_do", reason="no_water")
        wait_shown(phone, 2)
        with served(field.folder, NOW, port=field.port):
            press(phone, "send")
            # The page is not left for its receipt while the refused answer is in it alone.
            phone.wait_for(f"{WAITING} === '1' && {SETTLED}")
            assert "已上传 1 条" in said(phone)
            assert "没有收下：用水量看不懂" in said(phone)
            press(phone, "mend")
            answer(phone, issue_id, "done", water="6.4")
            phone.wait_for("document.body.innerText.includes('已收到：完成')")
    assert [one.sha256 for one in field.issue("JJ-015").photos] == [hashlib.sha256(PHOTO).hexdigest()]


def test_a_photo_that_is_too_large_or_empty_is_said_to_be_before_there_is_a_signal(
    field: Field, tmp_path: Path
) -> None:
    photo = tmp_path / "IMG_1.jpg"
    photo.write_bytes(b"\xff\xd8\xff" + bytes(10_000_000))
    issue_id = field.issue("JJ-015").issue_id
    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port):
            phone.open(field.link())
        empty = tmp_path / "IMG_0.jpg"
        empty.write_bytes(b"")
        phone.choose_file(f"#{issue_id} details.yes [name=photo_after]", empty)
        answer(phone, issue_id, "done", water="6.4")
        phone.wait_for(f"document.querySelector('#{issue_id} .notice')?.innerText.includes('照片读不出来')")
        phone.choose_file(f"#{issue_id} details.yes [name=photo_after]", photo)
        answer(phone, issue_id, "done", water="6.4")
        phone.wait_for(f"document.querySelector('#{issue_id} .notice')?.innerText.includes('每张最多 10 MB')")
        assert phone.measure("document.getElementById('outbox').hidden")
        assert phone.measure(f"document.querySelector('#{issue_id} details.yes [name=water]').value") == "6.4"


def test_the_kept_list_opens_by_its_own_link_only_for_its_time_and_not_once_it_is_withdrawn(field: Field) -> None:
    token = field.link().rpartition("/")[2]
    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
        kept = "caches.match('/list').then(c => c.text()).then(t => document.body.dataset.kept = t)"
        phone.wait_for(kept)
        page = phone.measure("document.body.dataset.kept")
        assert "京津路绿带 15 段" in page
        assert token.rsplit(".", 1)[1] not in page
        for address, opens in ((field.link(), True), (f"{field.url}/list", True), (field.link("二队"), False)):
            phone.open(address)
            assert phone.measure("document.documentElement.dataset.kept !== undefined") == opens
        phone.open(f"{field.url}/list")
        phone.wait_for(
            "caches.open('greensward-list').then(async list => { const copy = await list.match('/list');"
            " const headers = new Headers(copy.headers); headers.set('greensward-until', Date.now() - 1);"
            " await list.put('/list', new Response(await copy.text(), {headers})); return true; })"
        )
        phone.open(f"{field.url}/list")
        assert phone.measure("document.documentElement.dataset.kept === undefined")
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
            with Ledger(field.folder.ledger, BEICHEN) as ledger:
                revoke(ledger, "crew", "一队")
            phone.open(f"{field.url}/list")
            phone.wait_for("caches.match('/list').then(copy => !copy)")
        phone.open(f"{field.url}/list")
        assert phone.measure("document.documentElement.dataset.kept === undefined")


class Login(BaseHTTPRequestHandler):
    """The page of a wireless network that wants a name and a password first."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>Free Wi-Fi</h1>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def login() -> Iterator[str]:
    """Return the address of another site's login page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Login) as portal:
        threading.Thread(target=portal.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{portal.server_port}/"
        portal.shutdown()


def test_a_portal_that_redirects_everything_neither_hides_nor_removes_the_kept_list(field: Field, login: str) -> None:
    newer = field.link(at=timedelta(hours=1))
    is_kept = "document.documentElement.dataset.kept !== undefined"
    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
        with served(field.folder, NOW, port=field.port, fault=lambda _method, _path: RedirectResponse(login, 302)):
            for address in (f"{field.url}/list", field.link()):
                phone.open(address)
                assert phone.measure(is_kept), address
                assert "京津路绿带 15 段" in phone.measure("document.body.innerText")
                assert phone.measure("document.querySelectorAll('.stop-map .at').length") == 6
            phone.open(newer)
            assert phone.measure("document.body.innerText") == "Free Wi-Fi", "nothing of ours is kept for this link"
        phone.open(f"{field.url}/list")
        assert phone.measure(is_kept)
        with served(field.folder, NOW + timedelta(hours=1), port=field.port):
            open_list(phone, f"{newer}?lang=en")
            assert phone.measure("location.pathname + location.search") == "/list?lang=en"
            assert not phone.measure(is_kept)


def test_with_scripts_off_the_form_is_sent_as_ever_and_nothing_of_the_outbox_shows(field: Field) -> None:
    issue_id = field.issue("JJ-015").issue_id
    with Browser(360) as phone, served(field.folder, NOW, port=field.port):
        phone.open(field.link())
        assert phone.measure("[...document.querySelectorAll('#outbox, #offline')].map(e => e.checkVisibility())") == [
            False, False,
        ]  # fmt: skip
        answer(phone, issue_id, "cannot_do", reason="no_water")
        phone.wait_for("document.body?.innerText.includes('已收到：做不了')")
    assert field.issue("JJ-015").state == "deferred"


def test_the_kept_list_is_ended_by_the_server_alone_and_shown_under_no_other_crews_link(field: Field) -> None:
    def gateway(status: int) -> Callable[[str, str], int | None]:
        return lambda _method, path: status if path == "/list" else None

    is_kept = "document.documentElement.dataset.kept !== undefined"
    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
            phone.open(field.link()[:-6])
            assert "打不开清单" in phone.measure("document.body.innerText")
        for portal in (200, 403, 511):
            with served(field.folder, NOW, port=field.port, fault=gateway(portal)):
                phone.open(f"{field.url}/list")
                assert phone.measure(is_kept)
        with served(field.folder, NOW, port=field.port, fault=gateway(502)):
            phone.open(field.link("二队"))
            assert "一队" not in phone.measure("document.body.innerText")
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
    for broken in field.profile.rglob("CacheStorage"):
        shutil.rmtree(broken)
        broken.write_text("no folder")
    with field.phone() as phone, served(field.folder, NOW, port=field.port):
        phone.open(f"{field.url}/list")
        assert "一队" in phone.measure("document.querySelector('h1').innerText")


AWAKE = "(Array.from({length: 5}, () => document.dispatchEvent(new Event('visibilitychange'))), true)"


def test_one_answer_that_does_not_get_through_holds_no_other_back_and_is_not_sent_over_and_over(
    field: Field, tmp_path: Path
) -> None:
    photo = tmp_path / "IMG_1.jpg"
    photo.write_bytes(PHOTO)
    first, second = field.issue("JJ-015").issue_id, field.issue("JJ-012").issue_id
    tries: list[str] = []

    def gateway(method: str, path: str) -> int | None:
        tries.extend([path] if method == "POST" else [])
        return 502 if method == "POST" and first in path else None

    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
        answer(phone, first, "cannot_do", reason="no_water")
        wait_shown(phone, 1)
        phone.choose_file(f"#{second} details.yes [name=photo_after]", photo)
        answer(phone, second, "done", water="6.4")
        wait_shown(phone, 2)
    for blob in field.profile.rglob("*.indexeddb.blob/**/*"):
        if blob.is_file():
            blob.unlink()
    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port, fault=gateway):
            phone.open(f"{field.url}/list")
            phone.wait_for("document.getElementById('outbox').innerText.includes('照片读不出来')")
            wait_shown(phone, 2)
            phone.measure(AWAKE)
            phone.wait_for("fetch('/healthz').then(answer => answer.ok)")
            assert len(tries) == 1
        with served(field.folder, NOW, port=field.port):
            press(phone, "send")
            phone.wait_for("document.body.innerText.includes('已收到：做不了')")


def test_a_link_that_does_not_hold_is_tried_once_and_what_is_on_its_way_is_left_alone(field: Field) -> None:
    tries: list[str] = []

    def count(method: str, path: str) -> int | None:
        tries.extend([path] if method == "POST" else [])
        return None

    hold = (
        "(window.real = fetch, window.fetch = (...a) => a[1] && a[1].method === 'POST' ?"
        " new Promise(done => { window.go = () => done(real(...a)) }) : real(...a), 1)"
    )
    with field.phone() as phone, served(field.folder, NOW, port=field.port, fault=count):
        open_list(phone, field.link())
        newer = field.link(at=timedelta(minutes=-5)).rpartition("/")[2]
        phone.call("Network.setCookie", name="greensward-crew", value=newer, url=field.url, httpOnly=True)
        phone.measure(hold)
        answer(phone, field.issue("JJ-015").issue_id, "cannot_do", reason="no_water")
        phone.wait_for("Boolean(window.go)")
        assert not phone.measure(
            "document.querySelector('#outbox [data-do=drop]').closest('.answers').checkVisibility()"
        )
        phone.measure("(window.go(), 1)")
        wait_shown(phone, 1)
        assert "用绿化所最近发来的链接打开清单" in said(phone)
        phone.measure(AWAKE)
        phone.wait_for("real('/healthz').then(answer => answer.ok)")
        assert len(tries) == 1
        phone.open(f"{field.url}/list")
        phone.wait_for("document.body.innerText.includes('已收到：做不了')")


def test_a_photo_too_many_follows_its_answer_another_day(
    field: Field, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "IMG_1.jpg"
    photo.write_bytes(PHOTO)
    issue_id = field.issue("JJ-015").issue_id
    monkeypatch.setattr("crews.photos.most_photo_bytes_a_day", lambda: 1000)
    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
            phone.choose_file(f"#{issue_id} details.yes [name=photo_after]", photo)
            answer(phone, issue_id, "done", water="6.4")
            phone.wait_for("document.getElementById('outbox').innerText.includes('今天的照片太多')")
            assert field.issue("JJ-015").water_used_litres == 6400.0
        monkeypatch.undo()
        with served(field.folder, NOW + timedelta(days=1), port=field.port):
            phone.open(f"{field.url}/list")
            phone.wait_for("document.body.innerText.includes('已收到：补充')")
    assert [one.sha256 for one in field.issue("JJ-015").photos] == [hashlib.sha256(PHOTO).hexdigest()]


def test_a_correction_of_what_the_office_has_adds_to_it_and_the_kept_list_tells_that_it_was_sent(
    field: Field,
) -> None:
    issue_id = field.issue("JJ-015").issue_id
    is_down = False

    def fails(method: str, path: str) -> int | None:
        nonlocal is_down
        is_down = is_down or method == "POST"
        return 502 if is_down and path == "/list" else None

    with field.phone() as phone:
        with served(field.folder, NOW, port=field.port):
            open_list(phone, field.link())
        answer(phone, issue_id, "done", water="5.4")
        wait_shown(phone, 1)
        with Ledger(field.folder.ledger, BEICHEN) as ledger:
            second = Action("second-phone", issue_id, "done", "crew:一队", as_crew="一队", water_used_litres=6400.0)
            perform(ledger, second, NOW)
        with served(field.folder, NOW, port=field.port):
            press(phone, "send")
            phone.wait_for("document.getElementById('outbox').innerText.includes('没有收下')")
            phone.open(f"{field.url}/list")
            wait_shown(phone, 1)
        with served(field.folder, NOW, port=field.port, fault=fails):
            press(phone, "mend")
            answer(phone, issue_id, "amended", water="5.4")
            phone.wait_for(f"document.querySelector('#{issue_id} p.received')?.innerText.startsWith('已上传')")
            assert phone.measure("document.documentElement.dataset.kept !== undefined")
            assert not phone.measure(f"document.querySelector('#{issue_id} details.answer').checkVisibility()")
    assert field.issue("JJ-015").water_used_litres == 5400.0


def test_a_card_that_was_reported_asks_nothing_more_on_a_page_that_stays_for_another_form(field: Field) -> None:
    reported, other = field.issue("JJ-015").issue_id, field.issue("JJ-012").issue_id
    with field.phone() as phone, served(field.folder, NOW, port=field.port):
        open_list(phone, field.link())
        phone.measure(f"(document.querySelector('#{other} details.answer').open = true)")
        answer(phone, reported, "done", water="6.4")
        phone.wait_for(f"document.querySelector('#{reported} p.received')?.innerText.startsWith('已上传')")
        assert not phone.measure(f"document.querySelector('#{reported} details.answer').checkVisibility()")
        assert phone.measure(f"document.querySelector('#{other} details.answer').open"), (
            "nobody's half-filled form goes"
        )
    assert field.issue("JJ-015").state == "done_unchecked"
