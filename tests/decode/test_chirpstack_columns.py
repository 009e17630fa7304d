"""ChirpStack events by columns: the rows are those of the careful way, and nothing odd is taken for plain."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from ingest.decode import growing_shape
from ingest.decode.chirpstack_columns import CHIRPSTACK as SERVER
from ingest.decode.json_columns import read_objects
from ingest.decode.uplink_columns import UplinkColumns
from ingest.observation import Message
from tests.decode.both_ways import read_both_ways
from tests.decode.lorawan import CHIRPSTACK, EUI, chirpstack

RECEIVED_AT = datetime(2026, 7, 2, 4, 0, 0, 123_457, tzinfo=UTC)
WET = {"water_SOIL": "19.57", "temp_SOIL": "24.59", "conduct_SOIL": 282, "Bat": 3.6}


def sent(body: object, seq: int = 1, topic: str = CHIRPSTACK) -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(seq, RECEIVED_AT, topic, payload)


def event(said: Any = None, **further: Any) -> dict[str, Any]:
    return chirpstack(dict(WET) if said is None else said, fCnt=20) | further


def read(
    messages: list[Message], columns: UplinkColumns | None = None, model_of: dict[str, str] | None = None
) -> list[bool]:
    return read_both_ways(messages, columns or UplinkColumns(SERVER, fewest=1), model_of or {})


def text(**further: Any) -> bytes:
    return json.dumps(event(**further)).encode()


PLAIN = {
    "the example": event(),
    "names in Chinese": json.dumps(
        event(
            deviceInfo={
                "devEui": EUI,
                "deviceProfileName": "LSE01 \u571f\u58e4",
                "deviceName": "\u7eff\u5730\U0001f333",
            }
        ),
        ensure_ascii=False,
    ).encode(),
    "an address of 256 characters": json.dumps(event(devAddr="\u5730" * 256), ensure_ascii=False).encode(),
    "spaces": json.dumps(event(), indent=3).encode(),
    "no counter": {name: value for name, value in event().items() if name != "fCnt"},
    "capitals in the id": event(deviceInfo={"devEui": EUI.upper(), "deviceProfileName": "LSE01"}),
    "a model that is told by its fields": event(deviceInfo={"devEui": EUI}),
    "a model in the tags": event(deviceInfo={"devEui": EUI, "tags": {"model": "dragino/lse01"}}),
    "numbers for texts": event({"water_SOIL": 19.57, "temp_SOIL": 24, "conduct_SOIL": "282"}),
    "units with the numbers": event({"water_SOIL": "19.57 %", "temp_SOIL": "24.59", "conduct_SOIL": "282 uS/cm"}),
    "one value of two is a mark for none": event({"water_SOIL": "19.57", "temp_SOIL": "NULL", "conduct_SOIL": 282}),
    "a field that nobody keeps": event(WET | {"Mod": 0, "i_flag": 1, "colour": "green", "at": "2026-07-01"}),
    "keys that nobody knows": event(regionConfigId="cn470", txInfo={"modulation": {"lora": {"bandwidth": 125_000}}}),
    "no gateway": event(rxInfo=[]),
    "gateways, the loudest in the middle": event(
        rxInfo=[{"rssi": -99, "snr": 1}, {"rssi": -40.5, "snr": -7.5, "gatewayId": "x"}, {"rssi": -40.5, "snr": 3}]
    ),
    "a gateway whose signal cannot be": event(rxInfo=[{"rssi": 51, "snr": 1}, {"rssi": -80, "snr": 51}, {"snr": 2}]),
    "a signal of minus zero": text(rxInfo=[{"rssi": 0, "snr": 0}, {"rssi": -3}]).replace(b": 0", b": -0"),
    "a signal of minus zero with a point": event(rxInfo=[{"rssi": -0.0, "snr": -0.0}]),
    "no bytes": event(data=""),
    "the edge of water": event(WET | {"water_SOIL": "100"}),
}


@pytest.mark.parametrize("plain", PLAIN)
def test_what_is_plain_has_the_rows_of_the_careful_way(plain: str) -> None:
    assert read([sent(PLAIN[plain])]) == [True]


ODD = {
    "a key twice": text()[:-1] + b',"fPort":2,"fPort":2}',
    "a key twice where nobody reads it": text()[:-1] + b',"x":{"y":1,"y":1}}',
    "NaN where nobody reads it": text()[:-1] + b',"x":NaN}',
    "infinity in a list": text()[:-1] + b',"x":[ -Infinity]}',
    "a number beyond a double where nobody reads it": text()[:-1] + b',"x":1e400}',
    "a whole number beyond a double": text()[:-1] + b',"x":' + b"9" * 400 + b"}",
    "nothing": text()[:-1] + b',"x":null}',
    "an escape": text()[:-1] + b',"x":"\\u0061"}',
    "UTF-16 within": text()[:-1] + b',"x":"\xe9"}',
    "half a character": text()[:-1] + b',"x":"\xed\xa0\x80"}',
    "a byte order mark": b"\xef\xbb\xbf" + text(),
    "an id in full-width letters": event(
        deviceInfo={"devEui": EUI.replace("a", "\uff21"), "deviceProfileName": "LSE01"}
    ),
    "an address of 257 characters": json.dumps(event(devAddr="\u5730" * 257), ensure_ascii=False).encode(),
    "nesting": text()[:-1] + b',"x":' + b"[" * 17 + b"]" * 17 + b"}",
    "much nesting": text()[:-1] + b',"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "many bytes": text() + b" " * 65_536,
    "half an event": text()[:-20],
    "two events": text() * 2,
    "a list": b"[]",
    "another device": event(deviceInfo={"devEui": "0000000000000001", "deviceProfileName": "LSE01"}),
    "no device": event(deviceInfo={"deviceProfileName": "LSE01"}),
    "no time": {name: value for name, value in event().items() if name != "time"},
    "a time without offset": event(time="2026-07-02T03:50:00"),
    "10 minutes and a microsecond ahead": event(time="2026-07-02T04:10:00.123458Z"),
    "2014": event(time="2014-12-31T23:59:59Z"),
    "no deduplication id": {name: value for name, value in event().items() if name != "deduplicationId"},
    "an empty deduplication id": event(deduplicationId=""),
    "a long deduplication id": event(deduplicationId="x" * 257),
    "a long address": event(devAddr="x" * 257),
    "a counter as text": event(fCnt="20"),
    "a counter beyond 32 bits": event(fCnt=2**32),
    "a port beyond 255": event(fPort=256),
    "bytes that are no base64": event(data="x"),
    "base64 with one sign too few": event(data="AAA"),
    "an object that is none": event("wet"),
    "an empty object": event({}),
    "no model": event({"moisture": 12}, deviceInfo={"devEui": EUI}),
    "water beyond its range": event(WET | {"water_SOIL": "101"}),
    "a value that is no number": event(WET | {"temp_SOIL": "warm"}),
    "true for a number": event(WET | {"temp_SOIL": True}),
    "a value with its unit in an object": event(WET | {"temp_SOIL": {"value": 24, "unit": "Cel"}}),
    "a field in other capitals": event({"WATER_SOIL": "19.57", "temp_SOIL": "24.59", "conduct_SOIL": 282}),
    "fields in a wrapper": event({"data": dict(WET)}),
    "only marks for none": event({"water_SOIL": "NULL", "temp_SOIL": "NULL"}),
    "as version 3 wrote the signal": event(rxInfo=[{"rssi": -80, "loRaSNR": 5}]),
    "a simulated uplink": event(simulated=True),
    "as version 3 wrote the device": event(deviceInfo={}, devEUI=EUI),
    "as version 3 wrote the profile": event(deviceProfileName="LSE01"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_left_to_the_careful_way(odd: str) -> None:
    assert read([sent(event(), 1), sent(ODD[odd], 2), sent(event(fCnt=21), 3)])[1] is False


def test_minus_zero_stays_minus_zero_beside_zero() -> None:
    numbers = (0.0, -0.0, 5, -0.0, 0)
    said = [event({"water_SOIL": 20, "temp_SOIL": number, "conduct_SOIL": 3}) for number in numbers]
    assert read([sent(one, n) for n, one in enumerate(said)]) == [True] * 5


def test_true_is_no_number_where_one_was_a_number_before() -> None:
    def read_alone(number: object) -> list[bool]:
        return read([sent(event(WET | {"conduct_SOIL": number}))])

    assert [read_alone(number) for number in (1, True)] == [[True], [False]]


def test_of_two_fields_that_say_the_same_quantity_the_careful_way_takes_one() -> None:
    twice = event(WET | {"BatV": 3.3})
    assert read([sent(twice)]) == [False]


def test_another_event_and_another_id_are_left_to_the_careful_way() -> None:
    topics = (CHIRPSTACK.replace("/up", "/join"), CHIRPSTACK.replace(EUI, "gs-01"), "greensward/v1/beichen/gs-01/soil")
    assert read([sent(event(), topic=topic) for topic in topics]) == [False] * 3


def test_the_register_outranks_what_the_network_server_calls_the_model() -> None:
    said = event(deviceInfo={"devEui": EUI, "deviceProfileName": "Milesight EM500-SMTC"})
    assert read([sent(said)], model_of={EUI: "dragino/lse01"}) == [True]


def test_an_event_whose_keys_have_other_types_than_its_neighbours_costs_only_these() -> None:
    said = [event(WET | {"water_SOIL": 20 + n / 10} if n == 500 else None, fCnt=n) for n in range(1_000)]
    plain = read([sent(one, n) for n, one in enumerate(said)])
    assert sum(plain) >= 1_000 - 16


def test_a_profile_that_sends_ever_new_keys_is_read_all_the_same() -> None:
    columns = UplinkColumns(SERVER, fewest=1)
    for n in range(6):
        said = event(**{f"key{n}_{k}": k for k in range(200)})
        assert read([sent(said, n)], columns) == [True]


@pytest.mark.parametrize(
    "odd",
    [
        text()[:-1] + b',"x":' + b'{"y":' * 30 + b"1" + b"}" * 31,
        json.dumps(event({f"key{k}": k for k in range(60)})).encode(),
    ],
    ids=["nesting", "sixty fields"],
)
def test_one_odd_event_does_not_send_its_profile_the_careful_way_for_good(odd: bytes) -> None:
    columns = UplinkColumns(SERVER, fewest=1)
    read([sent(odd)], columns)
    for _ in range(2):
        assert read([sent(event(fCnt=n), n) for n in range(3)], columns) == [True] * 3


def test_the_shape_is_learned_of_few_texts_at_a_time_and_none_of_a_text_with_very_many_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learned: list[pa.BinaryArray] = []

    def watched(texts: pa.BinaryArray, shape: pa.StructType, *, infers: bool = False) -> pa.StructArray | None:
        if infers:
            learned.append(texts)
        return read_objects(texts, shape, infers=infers)

    monkeypatch.setattr(growing_shape, "read_objects", watched)
    said = [event(**{f"key{n}_{k}": k for k in range(1_000)}) if n % 20 == 7 else event(fCnt=n) for n in range(400)]
    plain = read([sent(one, n) for n, one in enumerate(said)])
    assert sum(plain) > 50
    assert learned
    assert all(len(texts) <= 16 and max(map(len, texts.to_pylist())) < 10_000 for texts in learned)


def test_events_made_at_random_and_spoilt_at_random_have_the_same_rows_both_ways() -> None:
    chance = random.Random(20260702)
    columns = UplinkColumns(SERVER, fewest=1)
    plain: list[bool] = []
    for batch in range(24):
        plain += read([sent(payload, batch * 1_000 + n) for n, payload in enumerate(_strange(chance, 50))], columns)
    assert 200 < sum(plain) < 1_000, "both ways are walked"


def _strange(chance: random.Random, count: int) -> list[bytes]:
    models: list[tuple[str, dict[str, Any]]] = [
        ("dragino/lse01", WET),
        ("Dragino LSE01", WET | {"Sensor_flag": 1, "Mod": 1}),
        ("milesight em500-smtc", {"moisture": 33.5, "temperature": 21.3, "ec": 120, "battery": 97}),
        ("milesight em500-smtc", {"moisture": 33.5, "temperature": -0.1}),
        ("unheard of", {"moisture": 33.5}),
    ]
    payloads = []
    for _ in range(count):
        profile, fields = chance.choice(models)
        said = {name: value for name, value in fields.items() if chance.random() < 0.9}
        if chance.random() < 0.02:
            said[chance.choice([*fields])] = chance.choice((0, -0.0, 1e9, "", "NULL", "7 %", True, [1], {"a": 1}, "-1"))
        body = event(said, deviceInfo={"devEui": EUI, "deviceProfileName": profile}, fCnt=chance.randrange(9_999))
        body["rxInfo"] = [
            {"rssi": chance.randrange(-120, 0), "snr": chance.randrange(-60, 60)} for _ in range(chance.randrange(3))
        ]
        if chance.random() < 0.02:
            body[chance.choice([*body])] = chance.choice((1, "x", {}, [], True, 1.5))
        payload = bytearray(json.dumps(body).encode())
        if chance.random() < 0.02:
            at = chance.randrange(len(payload))
            payload[at : at + chance.randrange(3)] = bytes([chance.randrange(256)])
        payloads.append(bytes(payload))
    return payloads
