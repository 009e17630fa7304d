"""The group robots of WeCom, DingTalk and Feishu: what they are sent, what they refuse, and how much they take. Pure.

Each refuses inside an answer of HTTP 200, so only the body tells. Sources: 企业微信 群机器人配置说明 (document 91770);
钉钉 自定义机器人接入 and 安全设置; 飞书 自定义机器人使用指南; codes that these leave out as their users report them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

import msgspec

from crews.notices.answer import Answer
from crews.notices.split import utf8_bytes

_MUTED_S = 11 * 60.0
"""DingTalk mutes for ten minutes; one more, as its clock is not ours."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a kind of robot wants to be spoken to.

    size, most: what a text counts for, and the most that one message may count
    burst, per_minute: together less than the vendor allows within any minute
    code_key: where in the answer the code stands; 0 is success
    limit_codes: codes of a limit, after which the same message may be sent again, with the seconds to wait
    """

    size: Callable[[str], int]
    most: Mapping[str, int]
    burst: int
    per_minute: float
    code_key: str
    said_key: str
    limit_codes: Mapping[int, float]


def _json_bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))


MANNERS = {
    # 20 a minute; text 2,048 bytes, markdown 4,096. 45009: too often; 45033: too many at once; -1: busy.
    "wecom": Manner(
        utf8_bytes, {"text": 2048, "markdown": 4096}, 3, 15, "errcode", "errmsg", {45009: 61, 45033: 5, -1: 5}
    ),
    # 20 a minute, else muted for ten. 130101: too fast; 410100: the same, older; -1: busy. 20,000 bytes in all.
    "dingtalk": Manner(
        _json_bytes, {"text": 15_000, "markdown": 15_000}, 3, 15, "errcode", "errmsg",
        {130101: _MUTED_S, 410100: _MUTED_S, -1: 5},
    ),
    # 100 a minute and 5 a second; the request at most 20 KB. 11232: too often.
    "feishu": Manner(
        _json_bytes, {"text": 19_000}, 4, 80, "code", "msg", {11232: 61, 99991400: 61, 230020: 61}
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RobotRequest:
    """What is posted: parameters to be added to the robot's address, and the body."""

    parameters: Mapping[str, str]
    body: bytes


def robot_request(kind: str, form: str, secret: str, title: str, text: str, now: datetime) -> RobotRequest:
    """Return the request that makes the robot say `text`.

    kind: of MANNERS; form: "text" or "markdown"; secret: what it is signed with, "" where the robot asks for none
    """
    if kind == "wecom":
        return RobotRequest({}, _encoded({"msgtype": form, form: {"content": text}}))
    if kind == "dingtalk":
        said = {"title": title, "text": text.replace("\n", "  \n")} if form == "markdown" else {"content": text}
        body = _encoded({"msgtype": form, form: said})
        if not secret:
            return RobotRequest({}, body)
        stamp = str(int(now.timestamp() * 1000))
        return RobotRequest({"timestamp": stamp, "sign": sign_dingtalk(stamp, secret)}, body)
    stamped: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
    if not secret:
        return RobotRequest({}, _encoded(stamped))
    stamp = str(int(now.timestamp()))
    return RobotRequest({}, _encoded({"timestamp": stamp, "sign": sign_feishu(stamp, secret), **stamped}))


def sign_dingtalk(stamp_ms: str, secret: str) -> str:
    """Return DingTalk's signature: HMAC-SHA256 of "stamp, line feed, secret" under the secret, in base64."""
    return _base64_hmac(secret.encode(), f"{stamp_ms}\n{secret}".encode())


def sign_feishu(stamp_s: str, secret: str) -> str:
    """Return Feishu's signature: HMAC-SHA256 of nothing under "stamp, line feed, secret", in base64."""
    return _base64_hmac(f"{stamp_s}\n{secret}".encode(), b"")


def _base64_hmac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def robot_answer(kind: str, status: int, body: bytes) -> Answer:
    """Return what the robot made of a message.

    An answer that is none of a robot's is a fault of the way there; below 300 it may be one's all the same.
    """
    manner = MANNERS[kind]
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = None
    code = said.get(manner.code_key, said.get("StatusCode")) if isinstance(said, dict) else None
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Answer("later", f"HTTP {status}", wait_s=61)
    if not isinstance(said, dict) or not isinstance(code, int) or isinstance(code, bool):
        return Answer(_of_no_robot(status), f"HTTP {status}", "not an answer of this kind of robot")
    words = str(said.get(manner.said_key, ""))
    if code == 0:
        return Answer("sent", "0", words)
    if code in manner.limit_codes:
        return Answer("later", str(code), words, manner.limit_codes[code])
    if kind == "feishu" and "too many request" in words.lower():  # under a code that also means a bad request
        return Answer("later", str(code), words, 61)
    return Answer("refused", str(code), words)


def _of_no_robot(status: int) -> Literal["unknown", "later", "refused"]:
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return "unknown"
    return "later" if status < HTTPStatus.BAD_REQUEST else "refused"


_FULL_WIDTH = str.maketrans({"<": "＜", ">": "＞"})
_NO_MARKS = _FULL_WIDTH | str.maketrans({"*": "＊", "_": "＿", "[": "［", "]": "］", "`": "'", "#": "＃", "~": "～"})


def plain(text: str, form: str) -> str:
    """Return `text` so that the robot takes nothing in it for an order: `<@all>` and `<at …>` call people."""
    return text.translate(_NO_MARKS if form == "markdown" else _FULL_WIDTH)
