"""The generic webhook: a document whose signature its receiver can prove, under one id however often it comes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec

from crews.notices.notice import Content
from crews.notices.outbox import Notice, untold
from greensward.sending.channels import outlets_of
from greensward.sending.outlets import Link
from ingest.site import BEICHEN
from tests.crews.made import DAY, HOUR, NOW
from tests.notices.sending import Sending, secret_file
from tests.robots import openssl_hmac

AT = NOW - timedelta(hours=1, minutes=17)
SECRET = "canary-0123456789abcdef"  # noqa: S105 - of a receiver that is not there
Make = Callable[..., Sending]


@contextmanager
def receiver(statuses: list[int]) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Serve a receiver that answers with each status in turn; yields its address and what it heard."""
    heard: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(statuses.pop(0) if statuses else 200)
            self.send_header("location", "http://169.254.169.254/")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook/canary-path", heard
        finally:
            server.shutdown()
            thread.join()


def section(url: str, root: Path, crews: str = '["一队"]') -> str:
    where, secret = secret_file(root / "hook.url", url), secret_file(root / "hook.secret", SECRET)
    return (
        f'[send.hook]\nkind = "webhook"\ncrews = {crews}\nallow_private = true\n'
        f'url_file = "{where}"\nsecret_file = "{secret}"\n'
    )


def test_the_document_is_signed_has_the_crews_link_and_the_same_id_when_it_comes_again(
    tmp_path: Path, sending: Make
) -> None:
    with receiver([503, 200]) as (url, heard):
        made = sending(section(url, tmp_path))
        made.turn(AT, times=4)
        assert len(heard) == 2
        for headers, body in heard:
            stamp = headers["greensward-timestamp"]
            right = openssl_hmac(SECRET.encode(), f"{stamp}.".encode() + body).hex()
            assert headers["greensward-signature"] == f"v1={right}"
        assert heard[0][0]["greensward-message-id"] == heard[1][0]["greensward-message-id"]
        said = json.loads(heard[1][1])
    schema = resources.files("schemas") / "messages" / "crew_message.schema.json"
    jsonschema_rs.validator_for(json.loads(schema.read_text(encoding="utf-8"))).validate(said)
    assert (said["kind"], said["crew"], said["day"]) == ("digest", "一队", "2026-07-02")
    assert said["list_version"] > 0
    assert said["link"].startswith("https://lists.example.org/c/")
    assert said["cards"][0]["issue_id"].startswith("BC-")
    assert [one["code"] for one in made.receipts()] == ["HTTP 503", "HTTP 200"]


def test_another_districts_message_is_no_double_though_its_channel_is_called_so(tmp_path: Path, sending: Make) -> None:
    mail = '[send.mail]\nkind = "email"\ncrews = ["*"]\nhost = "localhost"\ntls = "none"\nsender = "a@b.cn"\n'
    made = sending(section("https://example.org/hook", tmp_path) + mail + 'to = ["c@d.cn"]\n')
    content = msgspec.json.encode(Content("x"))
    for name, outlet in outlets_of(made.settings).items():
        notice = Notice(f"digest:{name}:2026-07-02", name, "", "digest", "2026-07-02", 1, AT, AT, AT, content)
        sites = (BEICHEN, BEICHEN, replace(BEICHEN, district="wuqing"))
        parts = (next(iter(outlet.parts(notice, Link(), site).values())) for site in sites)
        one, again, other = (part[1]["Message-ID"] if name == "mail" else part[0] for part in parts)
        assert (one == again, one == other) == (True, False), name


def test_a_redirect_is_a_refusal(tmp_path: Path, sending: Make) -> None:
    with receiver([307]) as (url, heard):
        made = sending(section(url, tmp_path))
        made.turn(AT, times=3)
        made.turn(AT + HOUR)
        assert len(heard) == 1
    assert [one.code for one in untold(made.ledger, AT - DAY, AT)] == ["HTTP 307"]


def test_a_receiver_of_all_crews_gets_no_link(tmp_path: Path, sending: Make) -> None:
    with receiver([]) as (url, heard):
        sending(section(url, tmp_path, '["*"]')).turn(AT)
        said = json.loads(heard[0][1])
    assert (said["crew"], said["link"]) == (None, None)
