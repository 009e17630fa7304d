"""Everything that a sender can get wrong, among good neighbours: each is refused with every fault, no neighbour is."""

from __future__ import annotations

import json
from typing import Any

from ingest.decode.route import subscriptions
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.end_to_end.running import ROOT, asked, assert_each_reading_once, publish, reading, soil_topic, working
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

_BAD = soil_topic("gs-bad")


def native(**changed: object) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(reading(0))
    return said | changed


def at(measured_at: object) -> bytes:
    return json.dumps(native(measured_at=measured_at)).encode()


def value(text: str) -> bytes:
    """Return a message whose value is written as `text`."""
    return reading(0).replace(b'"value": 0.2', b'"value": ' + text.encode())


_INSTANTS = (
    "2026-07-02",
    "2026-07-02T12:00:00",
    "2026-07-02 12:00:00+08:00",
    "2026-W27-4T12:00:00+08:00",
    "20260702T120000Z",
    "2026-07-02T12:00+08:00",
    "2026-07-02T12:00:00+0800",
    "2026-07-02T24:00:00Z",
    "2026-02-30T12:00:00Z",
    "2026-07-02T12:00:60Z",
    "2026-07-02T12:00:00,5Z",
    " 2026-07-02T12:00:00Z",
    "２０２６-07-02T12:00:00Z",
    "",
    1_782_000_000,
    None,
)
_ERAS = {
    "1970-01-01T00:00:00Z": "before_2015",
    "2000-01-01T00:00:00Z": "before_2015",
    "1980-01-06T00:00:00Z": "before_2015",
    "1999-08-22T00:00:00Z": "before_2015",
    "2006-11-16T00:00:00Z": "before_2015",
    "2014-12-31T23:59:59Z": "before_2015",
    "2038-11-21T00:00:00Z": "in_the_future",
    "2100-01-01T00:00:00Z": "in_the_future",
    "9999-12-31T23:59:59-23:59": "bad_instant",
}
_NUMBERS = {
    "NaN": "not_a_number",
    "-Infinity": "not_a_number",
    "1e400": "number_too_large",
    "1" + 400 * "0": "number_too_large",
    "true": "wrong_type",
    '"0.2"': "wrong_type",
    "null": "wrong_type",
    "[0.2]": "wrong_type",
    "1.5": "out_of_range",
    "-99": "out_of_range",
    "-9999": "out_of_range",
}
_TWICE = reading(0).replace(b'"value": 0.2', b'"value": 0.2, "value": 0.3')
_LONE = reading(0)[:-1] + b', "note": "\\ud800"}'
_TRAILING_COMMA = reading(0)[:-1] + b",}"
_BYTES = {
    "duplicate key": (_TWICE, "duplicate_key"),
    "UTF-16": (reading(0).decode().encode("utf-16"), "not_utf8"),
    "byte order mark": (b"\xef\xbb\xbf" + reading(0), "byte_order_mark"),
    "lone surrogate": (_LONE, "lone_surrogate"),
    "a surrogate in bytes": (reading(0)[:-1] + b', "note": "\xed\xa0\x80"}', "not_utf8"),
    "invalid UTF-8": (b"\xff\xfe\x00garbage", "not_utf8"),
    "107 kB of nesting": (107_000 * b"[", "too_large"),
    "60 kB of nesting": (60_000 * b"[", "too_deep"),
    "objects in objects": (17 * b'{"a":' + b"1" + 17 * b"}", "too_deep"),
    "256 KiB": (reading(0)[:-1] + b', "note": "' + 262_144 * b"x" + b'"}', "too_large"),
    "empty": (b"", "malformed_json"),
    "white space": (b" \n", "malformed_json"),
    "half a message": (reading(0)[:40], "malformed_json"),
    "trailing comma": (_TRAILING_COMMA, "malformed_json"),
    "two messages": (reading(0) + reading(0), "malformed_json"),
    "a list": (b"[" + reading(0) + b"]", "wrong_type"),
    "a number": (b"5", "wrong_type"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "not_utf8"),
    "Parquet": (b"PAR1\x15\x04\x15\x00PAR1", "malformed_json"),
    "another device's id": (json.dumps(native(device_id="gs-77")).encode(), "identity_mismatch"),
    "another schema": (json.dumps(native(schema="greening.soil_reading/2")).encode(), "*"),
}
_TOPICS = {
    f"{ROOT}/-gs/soil": "bad_device_id",
    f"{ROOT}/gs 1/soil": "bad_device_id",
    f"{ROOT}/gs'; drop table soil_readings;--/soil": "bad_device_id",
    f"{ROOT}/../soil": "bad_device_id",
    f"{ROOT}/{'g' * 65}/soil": "bad_device_id",
    f"{ROOT}/北辰一号/soil": "bad_device_id",
    f"{ROOT}/-gs/image": "bad_device_id",
    f"{ROOT}/-gs/state": "bad_device_id",
    "thing/product/../osd": "bad_device_id",
}
_NOT_READ = (
    "greensward/v1/wuqing/gs-01/soil",
    f"{ROOT}/gs-01/soils",
    f"{ROOT}/gs-01",
    f"{ROOT}/gs-01/soil/extra",
    "greensward/v2/beichen/gs-01/soil",
    "somewhere/else",
)


def bad_messages() -> list[tuple[str, str, bytes, str]]:
    """Return what it is, topic, payload and the first fault's code ("*": any)."""
    return [
        *((f"instant {text!r}", _BAD, at(text), "*") for text in _INSTANTS),
        *((f"era {text}", _BAD, at(text), code) for text, code in _ERAS.items()),
        *((f"value {text[:12]}", _BAD, value(text), code) for text, code in _NUMBERS.items()),
        *((what, _BAD, payload, code) for what, (payload, code) in _BYTES.items()),
        *((f"topic {topic}", topic, reading(0), code) for topic, code in _TOPICS.items()),
        ("picture of 257 KiB", f"{ROOT}/uav-1/image", 263_168 * b"x", "too_large"),
        ("dock message of 130 kB nesting", "thing/product/7CTDM/osd", 26_000 * b'{"a":', "too_deep"),
        ("uplink of nothing", "v3/app@tenant/devices/d/up", b"{}", "*"),
        ("uplink of nothing, ChirpStack", "application/a/device/0101010101010101/event/up", b"{}", "*"),
    ]


def test_every_bad_message_is_kept_with_its_faults_and_no_neighbour_is_lost(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    bad = bad_messages()
    with working(mosquitto, folder) as worker:
        for number, (_, topic, payload, _) in enumerate(bad):
            publish(mosquitto, [(soil_topic("gs-01"), reading(number)), (topic, payload)])
        worker.wait_until_idle(2 * len(bad), PATIENCE_S)
    assert_each_reading_once(folder, len(bad))
    refused = {
        (topic, payload): (code, faults)
        for topic, payload, code, faults in asked(
            folder, "select topic, payload, code, from_json(faults_json, '[\"json\"]') from rejected"
        )
    }
    found = {what: refused.get((topic, payload), ("stored!", []))[0] for what, topic, payload, _ in bad}
    expected = {what: found[what] if code == "*" else code for what, _, _, code in bad}
    assert found == expected
    assert "stored!" not in found.values()
    assert all(json.loads(fault)["code"] for _, faults in refused.values() for fault in faults)


def test_a_message_wrong_in_three_ways_is_told_all_three(mosquitto: Mosquitto, folder: DataFolder) -> None:
    said = native(device_id="gs-77", measured_at="yesterday", seq=-1)
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [(_BAD, json.dumps(said).encode())])
        worker.wait_until_idle(1, PATIENCE_S)
    faults = json.loads(asked(folder, "select faults_json from rejected")[0][0])
    assert {fault["pointer"] for fault in faults} >= {"/device_id", "/measured_at", "/seq"}


def test_one_bad_row_never_costs_its_batch(mosquitto: Mosquitto, folder: DataFolder) -> None:
    samples = [{name: json.loads(reading(n))[name] for name in ("measured_at", "readings")} for n in range(40)]
    samples[7]["measured_at"] = "1970-01-01T00:00:00Z"
    samples[9]["readings"][0]["value"] = "NoSensor"
    samples[11]["readings"][0]["value"] = -9999
    payload = json.dumps({"schema": "greening.soil_reading/1", "samples": samples}).encode()
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [(_BAD, payload)])
        worker.wait_until_idle(1, PATIENCE_S)
    assert_each_reading_once(folder, 37)
    parts = asked(folder, "select pointer, scope, code from rejected order by message_seq, pointer")
    assert [(pointer.rpartition("/readings")[0] or pointer, scope) for pointer, scope, _ in parts] == [
        ("/samples/11", "part"),
        ("/samples/7", "part"),
        ("/samples/9", "part"),
    ]
    kept = asked(folder, "select payload from rejected where octet_length(payload) > 0")
    assert kept == [(payload,)], "the bytes once, not once a row"


def test_other_districts_and_unknown_topics_are_never_taken(mosquitto: Mosquitto, folder: DataFolder) -> None:
    assert not any(topic.endswith("#") for topic, _ in subscriptions(BEICHEN.district))
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [(topic, reading(0)) for topic in _NOT_READ])
        publish(mosquitto, [(soil_topic("gs-01"), reading(1))])
        worker.wait_until_idle(1, PATIENCE_S)
        wait_until(lambda: worker.status().waiting_messages == 0, "all is sealed")
        assert worker.status().messages == 1
    assert_each_reading_once(folder, 1)


def test_a_thousand_refused_rows_in_each_of_many_messages_do_not_stop_the_others(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    samples = [{"measured_at": json.loads(reading(n))["measured_at"], "readings": [0]} for n in range(900)]
    poison = [
        json.dumps({"schema": "greening.soil_reading/1", "seq": seq, "samples": samples + good}).encode()
        for seq, good in ((seq, [{k: native()[k] for k in ("measured_at", "readings")}]) for seq in range(20))
    ]
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [(_BAD, payload) for payload in poison])
        publish(mosquitto, [(soil_topic("gs-01"), reading(1))])
        worker.wait_until_idle(21, PATIENCE_S)
        worker.check()
    assert_each_reading_once(folder, 2)
    assert asked(folder, "select count(*) from rejected") == [(20 * 900,)]
