"""What the robots are sent is what their vendors ask for, and what they answer is read in the body."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from crews.notices.answer import secrets_of_url, without_secrets
from crews.notices.pace import Bucket
from crews.notices.robots import MANNERS, robot_answer, robot_request, sign_dingtalk, sign_feishu
from crews.notices.webhook import webhook_answer, webhook_headers
from greensward.sending.outlets import address_of
from tests.robots import SECRET, openssl_hmac

NOW = datetime(2026, 7, 2, 0, 30, tzinfo=UTC)


def test_signatures_are_what_openssl_makes_of_the_vendors_recipes() -> None:
    stamp = "1782952200000"
    by_recipe = base64.b64encode(openssl_hmac(SECRET.encode(), f"{stamp}\n{SECRET}".encode())).decode()
    assert sign_dingtalk(stamp, SECRET) == by_recipe
    seconds = stamp[:10]
    assert sign_feishu(seconds, SECRET) == base64.b64encode(openssl_hmac(f"{seconds}\n{SECRET}".encode(), b"")).decode()
    body = '{"crew":"一队"}'.encode()
    signed = webhook_headers(SECRET, "digest:x", seconds, body)["greensward-signature"]
    assert signed == "v1=" + openssl_hmac(SECRET.encode(), f"{seconds}.".encode() + body).hex()


def test_the_signature_of_dingtalk_stands_in_the_address_and_that_of_feishu_in_the_body() -> None:
    of_dingtalk = robot_request("dingtalk", "markdown", SECRET, "一队", "a\nb", NOW)
    assert of_dingtalk.parameters["timestamp"] == str(int(NOW.timestamp() * 1000))
    assert json.loads(of_dingtalk.body) == {"msgtype": "markdown", "markdown": {"title": "一队", "text": "a  \nb"}}
    of_feishu = json.loads(robot_request("feishu", "text", SECRET, "一队", "a", NOW).body)
    assert of_feishu["timestamp"] == str(int(NOW.timestamp()))
    assert of_feishu["sign"] == sign_feishu(of_feishu["timestamp"], SECRET)
    assert "sign" not in robot_request("dingtalk", "text", "", "一队", "a", NOW).parameters


@pytest.mark.parametrize(
    ("kind", "status", "body", "outcome"),
    [
        ("wecom", 200, '{"errcode":0,"errmsg":"ok"}', "sent"),
        ("wecom", 200, '{"errcode":93000,"errmsg":"invalid webhook url"}', "refused"),
        ("wecom", 200, '{"errcode":40058,"errmsg":"content exceed max length 2048"}', "refused"),
        ("wecom", 200, '{"errcode":45009,"errmsg":"api freq out of limit"}', "later"),
        ("wecom", 200, "<html>portal</html>", "unknown"),
        ("wecom", 200, "[]", "unknown"),
        ("wecom", 200, '{"errmsg":"ok"}', "unknown"),
        ("wecom", 200, '{"errcode":false}', "unknown"),
        ("wecom", 200, '{"errcode":"0"}', "unknown"),
        ("wecom", 404, "nothing here", "refused"),
        ("wecom", 301, "", "later"),
        ("wecom", 503, '{"errcode":0}', "later"),
        ("dingtalk", 200, '{"errcode":310000,"errmsg":"sign not match"}', "refused"),
        ("dingtalk", 200, '{"errcode":310000,"errmsg":"keywords not in content"}', "refused"),
        ("dingtalk", 200, '{"errcode":130101,"errmsg":"send too fast"}', "later"),
        ("dingtalk", 200, '{"errcode":-1,"errmsg":"系统繁忙"}', "later"),
        ("feishu", 200, '{"code":0,"msg":"success"}', "sent"),
        ("feishu", 200, '{"StatusCode":0,"StatusMessage":"success"}', "sent"),
        ("feishu", 200, '{"code":19021,"msg":"sign match fail"}', "refused"),
        ("feishu", 400, '{"code":11232,"msg":"frequency limited"}', "later"),
        ("feishu", 200, '{"code":9499,"msg":"Bad Request"}', "refused"),
        ("feishu", 200, '{"code":9499,"msg":"too many request"}', "later"),
        ("feishu", 429, "", "later"),
    ],
)
def test_a_refusal_inside_a_200_is_a_refusal_and_only_limits_and_the_way_are_tried_again(
    kind: str, status: int, body: str, outcome: str
) -> None:
    assert robot_answer(kind, status, body.encode()).outcome == outcome


def test_dingtalk_is_left_alone_for_as_long_as_it_mutes() -> None:
    assert robot_answer("dingtalk", 200, b'{"errcode":130101}').wait_s > 600


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "sent"), (202, "sent"), (302, "refused"), (307, "refused"), (400, "refused"), (401, "refused"),
     (408, "later"), (425, "later"), (429, "later"), (500, "later"), (503, "later")],
)  # fmt: skip
def test_a_webhook_says_by_its_status(status: int, outcome: str) -> None:
    assert webhook_answer(status, b"").outcome == outcome


@pytest.mark.parametrize(("kind", "allowed"), [("wecom", 20), ("dingtalk", 20), ("feishu", 100)])
def test_no_minute_has_more_messages_than_the_vendor_takes_whenever_it_begins(kind: str, allowed: int) -> None:
    manner = MANNERS[kind]
    bucket, sent, second = Bucket(manner.burst, manner.per_minute, 0.0), [], 0.0
    while second < 600:
        # Rests between, so that the bucket fills up.
        if not 200 < second < 300 and bucket.take(second):
            sent.append(second)
        second += 0.05
    most = max(sum(start <= one < start + 60 for one in sent) for start in sent)
    assert allowed // 2 < most < allowed
    if kind == "feishu":
        assert max(sum(start <= one < start + 1 for one in sent) for start in sent) <= 5


@pytest.mark.parametrize("said", ["Cannot POST /in/T0pSecretTokenAbc/notify", "no hook T0pSecretTokenAbc"])
def test_a_secret_in_the_middle_of_a_path_is_taken_out_too(said: str) -> None:
    kept = without_secrets(said, secrets_of_url("https://hooks.example.org/in/T0pSecretTokenAbc/notify"))
    assert "T0pSecret" not in kept


def test_an_address_is_the_same_however_it_is_written() -> None:
    first, *others = map(address_of, (
        "https://example.org/hook?a=1&b=", "https://EXAMPLE.org:443/hook?b=&a=1", "https://example.org/%68ook?a=%31&b=",
    ))  # fmt: skip
    assert others == [first, first]
    assert address_of("https://example.org/hook?a=2&b=") != first
    assert address_of("https://example.org:8443/hook?a=1&b=") != first


def test_what_comes_back_is_written_down_without_the_secrets_in_it() -> None:
    url = "https://oapi.dingtalk.com/robot/send?access_token=canary-token"
    said = f"no such robot: {url} canary-token canary%2Dsecret canary-secret cana\u200ery-secret \x1b[31m" + "x" * 500
    kept = without_secrets(said, {*secrets_of_url(url), "canary-secret"})
    assert "canary-token" not in kept
    assert "canary-secret" not in kept
    assert "\x1b" not in kept
    assert len(kept) <= 200
