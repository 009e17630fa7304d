"""Robots of WeCom, DingTalk and Feishu on a loopback port that take, refuse and mute as their vendors document."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "canary-693a91f6-7aaa-4bc4-97a0-0ec2dddda5aa"
SECRET = "SECcanary1b2c3d4e5f"  # noqa: S105 - of a robot that is not there


def openssl_hmac(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256 as OpenSSL reckons it, which is none of our code."""
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary"]
    return subprocess.run(command, input=message, capture_output=True, check=True).stdout


class Vendors:
    """What each robot was sent, and what it says to it. limit: messages that it takes before it has had enough."""

    def __init__(self) -> None:
        """Begin with robots that have heard nothing."""
        self.heard: list[tuple[str, Any]] = []
        self.tries = 0
        self.limit = 20
        self.keyword = ""
        self.echo = False
        self.instead: Callable[[], tuple[int, bytes, dict[str, str]] | None] = lambda: None
        self.url = ""

    def texts(self, kind: str = "") -> list[str]:
        """Return what was taken, as people read it."""
        found = []
        for heard, body in self.heard:
            if heard == kind or not kind:
                said = body.get("text") or body.get("markdown") or body.get("content")
                found.append(said.get("content") or said.get("text"))
        return found

    def answer(self, path: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers of the answer."""
        self.tries += 1
        instead = self.instead()
        if instead is not None:
            return instead
        parts = urlsplit(path)
        kind = parts.path.split("/")[1]
        said = {"wecom": self._wecom, "dingtalk": self._dingtalk, "feishu": self._feishu}[kind](
            parse_qs(parts.query), json.loads(body), parts.path, body
        )
        code = said.get("errcode", said.get("code"))
        if code == 0:
            self.heard.append((kind, json.loads(body)))
        if self.echo:
            said |= {"errmsg": f"{path} {body.decode()}"}
        return 200, json.dumps(said, ensure_ascii=False).encode(), {}

    def _is_too_often(self) -> bool:
        return len(self.heard) >= self.limit

    def _wecom(self, query: dict[str, list[str]], said: Any, _path: str, _body: bytes) -> dict[str, Any]:
        if query.get("key") != [KEY]:
            return {"errcode": 93000, "errmsg": "invalid webhook url, hint: [1755605200], from ip: 192.0.2.1"}
        if self._is_too_often():
            return {"errcode": 45009, "errmsg": "api freq out of limit, hint: [1755605200]"}
        most = {"text": 2048, "markdown": 4096}[said["msgtype"]]
        if len(said[said["msgtype"]]["content"].encode()) > most:
            return {"errcode": 40058, "errmsg": f"content exceed max length {most}"}
        return {"errcode": 0, "errmsg": "ok"}

    def _dingtalk(self, query: dict[str, list[str]], said: Any, _path: str, _body: bytes) -> dict[str, Any]:
        stamp = query.get("timestamp", ["0"])[0]
        right = b64encode(openssl_hmac(SECRET.encode(), f"{stamp}\n{SECRET}".encode())).decode()
        if query.get("sign") != [right]:
            return {"errcode": 310000, "errmsg": "sign not match, more: [https://ding-doc.dingtalk.com]"}
        if abs(time.time() * 1000 - int(stamp)) > 3_600_000:
            return {"errcode": 310000, "errmsg": "invalid timestamp"}
        if self.keyword and self.keyword not in json.dumps(said, ensure_ascii=False):
            return {"errcode": 310000, "errmsg": "keywords not in content"}
        if self._is_too_often():
            return {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}
        return {"errcode": 0, "errmsg": "ok"}

    def _feishu(self, _query: dict[str, list[str]], said: Any, _path: str, body: bytes) -> dict[str, Any]:
        if len(body) > 20 * 1024:
            return {"code": 9499, "msg": "Bad Request", "data": {}}
        stamp = said.get("timestamp", "0")
        right = b64encode(openssl_hmac(f"{stamp}\n{SECRET}".encode(), b"")).decode()
        if said.get("sign") != right or abs(time.time() - int(stamp)) > 3600:
            return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}
        if self._is_too_often():
            return {"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"}
        return {"code": 0, "msg": "success", "data": {}, "StatusCode": 0, "StatusMessage": "success"}


@contextmanager
def vendors() -> Iterator[Vendors]:
    """Serve the robots; `url` is where."""
    robots = Vendors()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer, headers = robots.answer(self.path, body)
            self.send_response(status)
            for name, value in ({"content-length": str(len(answer))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        robots.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield robots
        finally:
            server.shutdown()
            thread.join()
