"""Aliyun Alink: the documented forms, and the answer that a device of theirs expects."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.decode.context import DecodeContext
from ingest.decode.route import decode, refusal_reply
from ingest.errors import PayloadError
from ingest.observation import Decoded, Message
from ingest.site import BEICHEN
from tests.decode.conftest import NOON, Publish

PROBE = "/sys/a1ILGykZVhP/probe-7/thing/event/property"
POST = f"{PROBE}/post"
HOUR_MS = 3_600_000
TEN_MS = int(datetime(2026, 7, 2, 2, 0, tzinfo=UTC).timestamp() * 1000)
"""10:00 in Beichen, two hours before the message comes."""


def said(params: object, **further: Any) -> dict[str, Any]:
    return {"id": "123", "version": "1.0", "params": params, "method": "thing.event.property.post"} | further


def answer(decoded: Decoded) -> dict[str, Any]:
    assert decoded.reply is not None
    body: dict[str, Any] = json.loads(decoded.reply.payload)
    return body


def test_values_with_a_time_are_rows_of_that_time(publish: Publish) -> None:
    moisture = {"value": 23.6, "time": TEN_MS}
    decoded = publish(POST, said({"soil_moisture": moisture, "soil_temperature": {"value": 20.5, "time": TEN_MS}}))
    (row,) = decoded.soil
    assert (row.device_id, row.measured_at) == ("a1ILGykZVhP.probe-7", NOON - timedelta(hours=2))
    assert (row.volumetric_water_content, row.soil_temperature_c, row.unit_received) == (0.236, 20.5, "%")
    assert (row.time_source, row.uplink_key) == ("device", None)


def test_plain_values_are_of_the_time_that_they_came(publish: Publish) -> None:
    (row,) = publish(POST, said({"SoilMoisture": 23.6, "Power": "on"})).soil
    assert (row.measured_at, row.time_source, row.volumetric_water_content) == (NOON, "arrival", 0.236)
    assert row.uplink_key is not None
    assert "/123/" in row.uplink_key


def test_a_registered_model_says_what_the_properties_mean(publish: Publish) -> None:
    models = {"a1ILGykZVhP.probe-7": "milesight-iot/em500-smtc"}
    decoded = publish(POST, said({"humidity": 31.5, "conductivity": 420, "battery": 88}), models=models)
    (row,) = decoded.soil
    assert (row.volumetric_water_content, row.bulk_ec_ds_m, row.model) == (0.315, 0.42, "milesight-iot/em500-smtc")
    assert [status.battery_pct for status in decoded.status] == [88]


def test_the_answer_has_the_id_and_says_success(publish: Publish) -> None:
    decoded = publish(POST, said({"soil_moisture": 23.6}))
    assert decoded.reply is not None
    assert decoded.reply.topic == f"{POST}_reply"
    assert answer(decoded) == {
        "code": 200,
        "data": {},
        "id": "123",
        "message": "success",
        "method": "thing.event.property.post",
        "version": "1.0",
    }


ONENET = "$sys/l4JQEioAnm/probe-7/thing/property/post"


def test_onenets_report_is_alinks_and_has_a_shorter_answer(publish: Publish) -> None:
    moisture = {"value": 23.6, "time": TEN_MS}
    decoded = publish(ONENET, {"id": "123", "version": "1.0", "params": {"SoilMoisture": moisture, "soilTemp": 21}})
    timed, untimed = sorted(decoded.soil, key=lambda row: row.measured_at)
    assert (timed.device_id, timed.measured_at) == ("l4JQEioAnm.probe-7", NOON - timedelta(hours=2))
    assert (timed.volumetric_water_content, untimed.soil_temperature_c) == (0.236, 21)
    assert untimed.uplink_key is not None
    assert untimed.uplink_key.startswith("onenet/l4JQEioAnm.probe-7/123/")
    assert decoded.reply is not None
    assert decoded.reply.topic == f"{ONENET}/reply"
    assert answer(decoded) == {"id": "123", "code": 200, "msg": "success"}


def test_a_refused_report_of_onenet_is_answered_as_well() -> None:
    message = Message(1, NOON, ONENET, b'{"id":"7","params":{"soil_moisture":101}}')
    with pytest.raises(PayloadError) as caught:
        decode(message, DecodeContext(BEICHEN, {}))
    reply = refusal_reply(message, caught.value)
    assert reply is not None
    body = json.loads(reply.payload)
    assert (reply.topic, body["id"], body["code"]) == (f"{ONENET}/reply", "7", 460)
    assert "unit_not_known" in body["msg"]


@pytest.mark.parametrize("topic", ["$sys/a/b/thing/event/property/post", "$sys/a/b/thing/property/set", "$sys/a/post"])
def test_other_topics_of_onenet_are_not_read(publish: Publish, topic: str) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(topic, said({"soil_moisture": 20}))
    assert caught.value.faults[0].code == "unknown_topic"


@pytest.mark.parametrize(("system", "is_answered"), [({"ack": 0}, False), ({"ack": 1}, True), ({}, True), (None, True)])
def test_who_wants_no_answer_gets_none(publish: Publish, system: object, is_answered: bool) -> None:  # noqa: FBT001
    assert (publish(POST, said({"soil_moisture": 23.6}, sys=system)).reply is not None) is is_answered


def test_a_property_that_is_refused_is_named_in_the_answer(publish: Publish) -> None:
    decoded = publish(POST, said({"soil_moisture": 23.6, "soil_ec": 420}))
    assert [part.pointer for part in decoded.parts_refused] == ["/params/soil_ec"]
    assert (answer(decoded)["code"], answer(decoded)["data"]) == (200, {"/params/soil_ec": "unit_not_known"})


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Power": "on"}, "no_known_field"),
        ([1], "wrong_type"),
        ({"soil_moisture": {"value": 20, "time": "10:00"}}, "bad_instant"),
        ({"soil_moisture": {"value": 20, "time": TEN_MS // 1000 // 1000}}, "before_2015"),
        ({"soil_moisture": {"value": 20, "time": TEN_MS + 50 * HOUR_MS}}, "in_the_future"),
        ({"soil_moisture": 101}, "unit_not_known"),
    ],
)
def test_a_refused_report_is_answered_with_code_460(params: object, code: str) -> None:
    message = Message(1, NOON, POST, json.dumps(said(params)).encode())
    with pytest.raises(PayloadError) as caught:
        decode(message, DecodeContext(BEICHEN, {}))
    assert caught.value.faults[0].code == code
    assert caught.value.device_id == "a1ILGykZVhP.probe-7"
    reply = refusal_reply(message, caught.value)
    assert reply is not None
    body = json.loads(reply.payload)
    assert (body["code"], body["id"], reply.topic) == (460, "123", f"{POST}_reply")
    assert code in body["message"]


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b'{"params":{}}', b'{"id":"1","sys":{"ack":0},"params":1}'])
def test_nobody_is_answered_without_an_id_or_a_wish(payload: bytes) -> None:
    message = Message(1, NOON, POST, payload)
    with pytest.raises(PayloadError) as caught:
        decode(message, DecodeContext(BEICHEN, {}))
    assert refusal_reply(message, caught.value) is None


def test_a_batch_has_many_values_of_each_property(publish: Publish) -> None:
    values = [{"value": 20.0 + hour, "time": TEN_MS - hour * HOUR_MS} for hour in range(3)]
    decoded = publish(f"{PROBE}/batch/post", said({"properties": {"soil_moisture": values}}))
    assert [(row.measured_at.hour, row.volumetric_water_content) for row in decoded.soil] == [
        (2, 0.2),
        (1, 0.21),
        (0, 0.22),
    ]
    assert answer(decoded)["method"] == "thing.event.property.batch.post"


def test_a_gateway_speaks_for_its_sub_devices(publish: Publish) -> None:
    sub_device = {
        "identity": {"productKey": "a1Sub", "deviceName": "soil-1"},
        "properties": {
            "soil_moisture": {"value": 30.5, "time": TEN_MS},
            "soil_temperature": {"value": 20, "time": "noon"},
        },
    }
    nameless = {"properties": {"soil_moisture": 30.5}}
    params = {"properties": {"Power": "on"}, "subDevices": [sub_device, nameless, 5]}
    decoded = publish(f"{PROBE}/pack/post", said(params))
    assert [(row.device_id, row.volumetric_water_content) for row in decoded.soil] == [("a1Sub.soil-1", 0.305)]
    assert {(part.faults[0].code, part.device_id) for part in decoded.parts_refused} == {
        ("bad_instant", "a1Sub.soil-1"),
        ("bad_device_id", None),
        ("wrong_type", None),
    }


def test_history_is_taken_with_its_own_times_however_old(publish: Publish) -> None:
    month_ms = 30 * 24 * HOUR_MS
    records = [
        {"soil_moisture": {"value": 25.0, "time": TEN_MS - month_ms}},
        {"soil_moisture": {"value": 26.0, "time": TEN_MS}},
    ]
    identity = {"productKey": "a1Sub", "deviceName": "soil-1"}
    decoded = publish(f"{PROBE}/history/post", said([{"identity": identity, "properties": records}]))
    assert [row.measured_at for row in decoded.soil] == [NOON - timedelta(days=30, hours=2), NOON - timedelta(hours=2)]
    assert {(row.device_id, row.quarantine) for row in decoded.soil} == {("a1Sub.soil-1", None)}


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("/sys/a1/探头/thing/event/property/post", "bad_device_id"),
        ("/sys/a.1/probe/thing/event/property/post", "bad_device_id"),
        ("/sys/a1/probe@1/thing/event/property/post", "bad_device_id"),
        ("/sys/a1/probe/thing/event/property/post_reply", "unknown_topic"),
        ("/sys/a1/probe/thing/event/property/other/post", "unknown_topic"),
    ],
)
def test_names_and_topics_of_another_form_are_refused(topic: str, code: str) -> None:
    with pytest.raises(PayloadError) as caught:
        decode(Message(1, NOON, topic, b"{}"), DecodeContext(BEICHEN, {}))
    assert caught.value.faults[0].code == code


def test_nobody_is_answered_on_a_topic_that_is_too_long_to_be_answered_on() -> None:
    message = Message(1, NOON, f"/sys/{'a' * 65_490}/d/thing/event/property/post", b'{"id": "1", "params": {}}')
    with pytest.raises(PayloadError) as caught:
        decode(message, DecodeContext(BEICHEN, {}))
    assert refusal_reply(message, caught.value) is None


@pytest.mark.parametrize("written", ["23.6 %", "23.6％", "23.6 %vol"])
def test_percent_is_percent_however_it_is_written(publish: Publish, written: str) -> None:
    (row,) = publish(POST, said({"soil_moisture": written})).soil
    assert (row.volumetric_water_content, row.unit_received) == (0.236, "%")


def test_a_structure_of_the_thing_model_is_read_like_its_values(publish: Publish) -> None:
    soil = {"moisture": 23.6, "temperature": 20.5, "ec": {"value": 240, "unit": "µS/cm"}}
    for given in (soil, {"value": soil, "time": TEN_MS}):
        (row,) = publish(POST, said({"soil": given})).soil
        assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0.236, 20.5, 0.24)
        assert row.time_source == ("device" if "time" in given else "arrival")
    (deep,) = publish(POST, said({"soil_30cm": {"moisture": {"value": 23.6, "time": TEN_MS}}})).soil
    assert (deep.depth_cm, deep.measured_at) == (30, NOON - timedelta(hours=2))


def test_a_structure_that_does_not_say_soil_is_not_taken_for_it(publish: Publish) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(POST, said({"environment": {"temperature": 20.5, "ec": 3}, "soilless": {"temperature": 3}}))
    assert caught.value.faults[0].code == "no_known_field"


def test_an_array_of_the_thing_model_is_one_element_after_the_other(publish: Publish) -> None:
    rows = publish(
        POST, said({"soil_moisture": [18.3, 22.9], "soil_temperature": {"value": [20, 19], "time": TEN_MS}})
    ).soil
    water = {row.channel: row.volumetric_water_content for row in rows if row.volumetric_water_content is not None}
    warmth = {row.channel: row.soil_temperature_c for row in rows if row.soil_temperature_c is not None}
    assert (water, warmth) == ({1: 0.183, 2: 0.229}, {1: 20, 2: 19})


def test_structures_in_an_array_are_told_apart_by_their_depth_or_their_place(publish: Publish) -> None:
    by_depth = [{"depth": 10, "moisture": 18.3, "temperature": 20}, {"depth": 30, "moisture": 22.9}]
    assert [
        (row.depth_cm, row.volumetric_water_content, row.soil_temperature_c)
        for row in publish(POST, said({"layers": by_depth})).soil
    ] == [(10, 0.183, 20), (30, 0.229, None)]
    by_place = [{"moisture": 18.3}, {"moisture": 22.9}]
    assert [(row.channel, row.volumetric_water_content) for row in publish(POST, said({"layers": by_place})).soil] == [
        (1, 0.183),
        (2, 0.229),
    ]


def test_a_wrong_value_in_a_structure_is_refused_alone(publish: Publish) -> None:
    decoded = publish(POST, said({"soil": {"moisture": "wet", "temperature": 20.5}}))
    assert [row.soil_temperature_c for row in decoded.soil] == [20.5]
    assert [part.pointer for part in decoded.parts_refused] == ["/params/soil/moisture"]


def test_a_structure_that_holds_records_with_their_own_times_is_refused_whole(publish: Publish) -> None:
    records = {"soil_moisture": 21, "log": [{"time": 1, "moisture": 20}, {"time": 2, "moisture": 21}]}
    decoded = publish(POST, said({"probe": records, "soil_temperature": 20.5}))
    assert [(row.volumetric_water_content, row.soil_temperature_c) for row in decoded.soil] == [(None, 20.5)]
    assert [part.pointer.split("/")[2] for part in decoded.parts_refused] == ["probe"]


@pytest.mark.parametrize("time", [str(TEN_MS), "2026-07-02T10:00:00+08:00", "2026-07-02T02:00:00.000Z"])
def test_a_time_written_as_text_is_that_time(publish: Publish, time: str) -> None:
    (row,) = publish(POST, said({"soil_moisture": {"value": 23.6, "time": time}})).soil
    assert row.measured_at == NOON - timedelta(hours=2)


@pytest.mark.parametrize("time", ["", "ten", "2026-07-02 10:00:00", "-5", "9" * 60, "1" * 500])
def test_a_text_that_is_no_instant_is_refused_and_not_guessed(publish: Publish, time: str) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(POST, said({"soil_moisture": {"value": 23.6, "time": time}}))
    assert caught.value.faults[0].code == "bad_instant"
