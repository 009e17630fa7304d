"""Uplinks of The Things Stack by columns: the rows are those of the careful way, and nothing odd is taken for plain."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.decode.things_stack_columns import THINGS_STACK as SERVER
from ingest.decode.uplink_columns import UplinkColumns
from ingest.observation import Message
from tests.decode.both_ways import read_both_ways
from tests.decode.lorawan import EUI, THINGS_STACK, things_stack

RECEIVED_AT = datetime(2026, 7, 2, 4, 0, 0, 123_457, tzinfo=UTC)
WET = {"water_SOIL": "19.57 %", "temp_SOIL": "24.59 °C", "conduct_SOIL": "282 uS/cm", "Bat": 3.6}
LSE01 = ("dragino", "lse01")


def sent(body: object, seq: int = 1, topic: str = THINGS_STACK) -> Message:
    return Message(seq, RECEIVED_AT, topic, body if isinstance(body, bytes) else written(body))


def written(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def uplink(said: Any = None, **others: Any) -> dict[str, Any]:
    further: dict[str, Any] = {"f_cnt": 20, "model": LSE01} | others
    return things_stack(dict(WET) if said is None else said, **further)


def around(**further: Any) -> dict[str, Any]:
    """Return an uplink with other fields beside `uplink_message`."""
    return uplink() | further


def without(*names: str) -> dict[str, Any]:
    said: dict[str, Any] = uplink()
    for name in names:
        del said["uplink_message"][name]
    return said


def ids(**further: Any) -> dict[str, Any]:
    return around(end_device_ids={"device_id": "probe-1", "dev_eui": EUI.upper()} | further)


def read(
    messages: list[Message], columns: UplinkColumns | None = None, model_of: dict[str, str] | None = None
) -> list[bool]:
    return read_both_ways(messages, columns or UplinkColumns(SERVER, fewest=1), model_of or {})


PLAIN: dict[str, Any] = {
    "the example": uplink(),
    "bytes beside the fields": uplink(data=b"\x0d\x25\x00\x00"),
    "bytes as hex": uplink(frm_payload="0d25000000000b1900150000"),
    "a frame of the same bytes in the alphabet for addresses": uplink(frm_payload="-_8="),
    "no frame": without("frm_payload"),
    "no counter": without("f_cnt"),
    "no session": without("session_key_id"),
    "an empty session": uplink(session_key_id=""),
    "neither session nor address": around(
        end_device_ids={"device_id": "probe-1", "dev_eui": EUI},
        uplink_message=without("session_key_id")["uplink_message"],
    ),
    "no DevEUI": around(end_device_ids={"device_id": "probe-1"}),
    "a model that is told by its fields": uplink(model=None),
    "a model without brand": uplink(version_ids={"model_id": "lse01"}),
    "a brand without model": uplink(version_ids={"brand_id": "dragino", "model_id": "", "firmware_version": ""}),
    "the time of the server around it": without("received_at"),
    "no gateway": uplink(rx_metadata=[]),
    "gateways, the loudest last": uplink(
        rx_metadata=[{"rssi": -90, "snr": 1}, {"rssi": -40, "snr": -3, "uplink_token": "x"}]
    ),
    "keys that nobody knows": around(
        correlation_ids=["a", "b"], settings={"data_rate": {"lora": {"bandwidth": 125_000}}}
    ),
}


@pytest.mark.parametrize("plain", PLAIN)
def test_what_is_plain_has_the_rows_of_the_careful_way(plain: str) -> None:
    assert read([sent(PLAIN[plain])]) == [True]


ODD: dict[str, Any] = {
    "an escape": json.dumps(uplink()).encode(),
    "a key twice": written(uplink())[:-1] + b',"x":{"y":1,"y":1}}',
    "simulated": around(simulated=True),
    "simulated, within": uplink(simulated=True),
    "not simulated, said in a text": around(simulated="false"),
    "no end device": {"uplink_message": uplink()["uplink_message"]},
    "no message": {name: said for name, said in uplink().items() if name != "uplink_message"},
    "another device than the topic's": ids(device_id="probe-2"),
    "a DevEUI with 15 digits": ids(dev_eui=EUI[:15]),
    "an empty DevEUI": ids(dev_eui=""),
    "no time": {name: said for name, said in without("received_at").items() if name != "received_at"},
    "an empty time": uplink(received_at=""),
    "11 minutes ahead": uplink(received_at="2026-07-02T04:11:00Z"),
    "a counter beyond 32 bits": uplink(f_cnt=2**32),
    "a counter as text": uplink(f_cnt="20"),
    "a port beyond 255": uplink(f_port=256),
    "a long session": uplink(session_key_id="x" * 257),
    "a long address": ids(dev_addr="x" * 257),
    "a long firmware": uplink(version_ids={"model_id": "lse01", "firmware_version": "x" * 257}),
    "bytes that are no frame": uplink(frm_payload="?"),
    "fields that are none": uplink("wet"),
    "no fields": uplink({}),
    "no model": uplink({"moisture": 12}, model=None),
    "water beyond its range": uplink(WET | {"water_SOIL": "101 %"}),
    "a signal that is no number": uplink(rx_metadata=[{"rssi": "-40"}]),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_left_to_the_careful_way(odd: str) -> None:
    assert read([sent(uplink(), 1), sent(ODD[odd], 2), sent(uplink(f_cnt=21), 3)])[1] is False


def test_another_event_and_a_device_that_is_no_id_are_left_to_the_careful_way() -> None:
    topics = (THINGS_STACK.replace("/up", "/join"), THINGS_STACK.replace("probe-1", "+"))
    assert read([sent(uplink(), topic=topic) for topic in topics]) == [False] * 2


def test_the_register_outranks_what_the_network_server_calls_the_model() -> None:
    assert read([sent(uplink(model=("milesight", "em500-smtc")))], model_of={EUI: "dragino/lse01"}) == [True]


def test_uplinks_of_different_sessions_counters_and_bytes_are_told_apart() -> None:
    different = [uplink(), uplink(f_cnt=21), uplink(session_key_id="x"), uplink(frm_payload="qg==")]
    messages = [sent(one, seq) for seq, one in enumerate(different)]
    assert read(messages) == [True] * len(different)


def test_uplinks_made_at_random_and_spoilt_at_random_have_the_same_rows_both_ways() -> None:
    chance = random.Random(20260703)
    columns = UplinkColumns(SERVER, fewest=1)
    plain: list[bool] = []
    for batch in range(16):
        payloads = [_strange(chance) for _ in range(50)]
        plain += read([sent(payload, batch * 1_000 + n) for n, payload in enumerate(payloads)], columns)
    assert 150 < sum(plain) < 750, "both ways are walked"


def _strange(chance: random.Random) -> bytes:
    models: list[tuple[tuple[str, str], dict[str, Any]]] = [
        (LSE01, WET),
        (LSE01, WET | {"Mod": 1}),
        (("milesight", "em500-smtc"), {"moisture": 33.5, "battery": 97}),
    ]
    model, fields = chance.choice(models)
    said = {name: value for name, value in fields.items() if chance.random() < 0.9}
    body = uplink(said, model=model, f_cnt=chance.randrange(9_999), data=chance.randbytes(chance.randrange(3)))
    holder = chance.choice([body, body["uplink_message"], body["end_device_ids"]])
    if chance.random() < 0.1:
        holder[chance.choice([*holder])] = chance.choice((1, "x", "", {}, [], True, 1.5))
    if chance.random() < 0.05:
        del holder[chance.choice([*holder])]
    payload = bytearray(written(body))
    if chance.random() < 0.02:
        at = chance.randrange(len(payload))
        payload[at : at + chance.randrange(3)] = bytes([chance.randrange(256)])
    return bytes(payload)
