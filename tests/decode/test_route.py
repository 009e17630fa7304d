"""Which decoder reads which topic."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from greensward.broker import MAX_IN_FLIGHT
from ingest.decode.context import DecodeContext
from ingest.decode.route import decode, refusal_reply, subscriptions
from ingest.decode.schema_faults import schema
from ingest.errors import PayloadError
from ingest.observation import Message
from ingest.site import BEICHEN
from tests.decode.conftest import NOON


def refused(topic: str, payload: bytes = b"{}") -> tuple[Message, PayloadError]:
    message = Message(1, NOON, topic, payload)
    with pytest.raises(PayloadError) as caught:
        decode(message, DecodeContext(BEICHEN, {}))
    return message, caught.value


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("", "unknown_topic"),
        ("weather", "unknown_topic"),
        ("greensward/v1/beichen/probe-1", "unknown_topic"),
        ("greensward/v1/beichen/probe-1/reply", "unknown_topic"),
        ("greensward/v1/beichen/crews/one/soil", "unknown_topic"),
        ("greensward/v2/beichen/probe-1/soil", "unknown_topic"),
        ("greensward/v1/hexi/probe-1/soil", "wrong_district"),
        ("greensward/v1//probe-1/soil", "wrong_district"),
        ("greensward/v1/beichen//soil", "bad_device_id"),
        ("greensward/v1/beichen/-probe/soil", "bad_device_id"),
        ("greensward/v1/beichen/probe\n/soil", "bad_device_id"),
        ("greensward/v1/beichen/..%2F/soil", "bad_device_id"),
        (f"greensward/v1/beichen/{'x' * 65}/soil", "bad_device_id"),
        ("greensward/v1/beichen/探头/soil", "bad_device_id"),
        ("application/a/device/0101010101010101/event/unheard", "unknown_topic"),
        ("application/a/device/0101010101010101/command/down", "unknown_topic"),
        ("v3/app@ttn/devices/one/unheard", "unknown_topic"),
    ],
)
def test_a_topic_that_nobody_reads_is_refused_by_name(topic: str, code: str) -> None:
    _, error = refused(topic)
    assert [fault.code for fault in error.faults] == [code]


def test_whoever_misspells_a_topic_is_told_one_that_is_read() -> None:
    _, error = refused("greensward/v1/beichen/probe-1/sol")
    (fault,) = error.faults
    example = fault.expected.rpartition(" ")[2].replace("DISTRICT", "beichen").replace("DEVICE", "probe-1")
    assert example.startswith("greensward/")
    assert "unknown_topic" not in {other.code for other in refused(example)[1].faults}


def test_an_id_may_be_64_characters_long() -> None:
    _, error = refused(f"greensward/v1/beichen/{'x' * 64}/soil")
    assert error.device_id == "x" * 64


def test_a_refused_native_sender_hears_every_fault() -> None:
    message, error = refused("greensward/v1/beichen/probe-1/soil", b'{"schema":"greening.soil_reading/1"}')
    reply = refusal_reply(message, error)
    assert reply is not None
    assert reply.topic == "greensward/v1/beichen/probe-1/reply"
    said = json.loads(reply.payload)
    assert jsonschema_rs.is_valid(schema("device_reply"), said)
    assert (said["accepted"], said["rows"]) == (False, 0)
    assert [fault["pointer"] for fault in said["faults"]] == ["/measured_at", "/readings"]


def test_a_thousand_faults_are_counted_but_not_all_sent() -> None:
    readings: list[object] = [{}] * 256
    body = {"schema": "greening.soil_reading/1", "measured_at": "2026-07-02T11:10:00+08:00", "readings": readings}
    message, error = refused("greensward/v1/beichen/probe-1/soil", json.dumps(body).encode())
    reply = refusal_reply(message, error)
    assert reply is not None
    said = json.loads(reply.payload)
    assert (len(said["faults"]), said["faults_left_out"]) == (100, 3 * 256 - 100)


@pytest.mark.parametrize(
    "topic",
    [
        "greensward/v1/hexi/probe-1/soil",
        "greensward/v1/beichen/-/soil",
        "greensward/v1/beichen/a/b/soil",
        "greensward/v1/beichen/+/soil",
        "application/a/device/0101010101010101/event/up",
        "v3/app@ttn/devices/one/up",
        "nowhere",
    ],
)
def test_nobody_is_answered_who_does_not_listen(topic: str) -> None:
    message, error = refused(topic)
    assert refusal_reply(message, error) is None


def test_everything_is_subscribed_at_least_once_and_only_for_this_district() -> None:
    filters = subscriptions("beichen")
    assert {qos for _, qos in filters} == {1}
    assert ("greensward/v1/beichen/+/soil", 1) in filters
    assert not any(topic.startswith("greensward/v1/+") for topic, _ in filters)
    assert not any(topic.endswith("/reply") for topic, _ in filters)


def test_the_built_in_broker_has_room_for_every_filter() -> None:
    # NATS refuses a session's further filters, which would end `up`; one that ends in # counts twice.
    counted = sum(1 + topic.endswith("#") for topic, _ in subscriptions(BEICHEN.district))
    assert counted * MAX_IN_FLIGHT <= 65_535
