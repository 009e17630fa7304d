"""Device states and last wills."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ingest.errors import PayloadError
from tests.decode.conftest import NOON, Publish

TOPIC = "greensward/v1/beichen/probe-0117/state"


@pytest.mark.parametrize("word", ["online", "offline"])
def test_a_last_will_may_be_one_word_and_counts_from_its_arrival(publish: Publish, word: str) -> None:
    (row,) = publish(TOPIC, word.encode()).status
    assert (row.device_id, row.state, row.reported_at) == ("probe-0117", word, NOON)


def test_a_state_says_when_it_was_so(publish: Publish) -> None:
    said = {
        "schema": "greening.device_state/1",
        "state": "online",
        "reported_at": "2026-07-02T11:00:00+08:00",
        "battery_v": 3.6,
        "rssi_dbm": -80,
        "seq": 9,
        "firmware": "1.4.2",
    }
    (row,) = publish(TOPIC, said, retained=True).status
    assert row.reported_at == datetime(2026, 7, 2, 3, 0, tzinfo=UTC)
    assert (row.battery_v, row.rssi_dbm, row.device_seq, row.firmware) == (3.6, -80, 9, "1.4.2")


def test_a_retained_repeat_without_a_time_does_not_make_a_silent_device_look_alive(publish: Publish) -> None:
    decoded = publish(TOPIC, b"online", retained=True)
    assert decoded.status == ()
    assert decoded.ignored == "retained_without_time"


def test_who_asks_for_an_answer_gets_one(publish: Publish) -> None:
    reply = publish(TOPIC, {"schema": "greening.device_state/1", "state": "online", "ack": 1}).reply
    assert reply is not None
    assert json.loads(reply.payload)["rows"] == 1


def test_taking_back_a_retained_state_says_nothing(publish: Publish) -> None:
    decoded = publish(TOPIC, b"")
    assert (decoded.status, decoded.ignored, decoded.reply) == ((), "state_cleared", None)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b" ", {("", "malformed_json")}),
        (b"asleep", {("", "malformed_json")}),
        (b'"online"', {("", "wrong_type")}),
        ({"schema": "greening.device_state/1", "state": "asleep"}, {("/state", "value_not_allowed")}),
        ({"state": "online"}, {("/schema", "missing")}),
        (
            {
                "schema": "greening.device_state/1",
                "state": "online",
                "device_id": "x",
                "reported_at": "now",
                "seq": "1",
            },
            {("/device_id", "identity_mismatch"), ("/reported_at", "bad_instant"), ("/seq", "wrong_type")},
        ),
        (
            {"schema": "greening.device_state/1", "state": "online", "reported_at": "2026-07-04T00:00:00Z"},
            {("/reported_at", "in_the_future")},
        ),
    ],
)
def test_a_state_that_says_nothing_is_refused(
    publish: Publish, payload: object, expected: set[tuple[str, str]]
) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(TOPIC, payload)
    assert {(fault.pointer, fault.code) for fault in caught.value.faults} == expected
    assert caught.value.device_id == "probe-0117"


def test_a_dev_eui_in_capitals_is_the_device_of_the_register_and_hears_its_answer(publish: Publish) -> None:
    said = {"schema": "greening.device_state/1", "device_id": "a84041FFFF123456", "state": "online", "ack": 1}
    decoded = publish(TOPIC.replace("probe-0117", "A84041FFFF123456"), said)
    assert [row.device_id for row in decoded.status] == ["a84041ffff123456"]
    assert decoded.reply is not None
    assert decoded.reply.topic == "greensward/v1/beichen/A84041FFFF123456/reply"
