"""No bytes make a decoder raise anything but PayloadError."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.decode.context import DecodeContext
from ingest.decode.device_models import Model, all_models
from ingest.decode.payload_fields import read_fields
from ingest.decode.quantities import QUANTITIES, units_of
from ingest.decode.route import decode, refusal_reply
from ingest.decode.schema_faults import schema_faults
from ingest.decode.soil_message import read_without_fault
from ingest.decode.sparkplug import read_life_event
from ingest.decode.sparkplug_births import Births
from ingest.errors import PayloadError
from ingest.observation import Decoded, Message, PartFault
from ingest.site import BEICHEN
from ingest.stream_units import StreamReader
from tests.decode.conftest import NOON
from tests.decode.lorawan import (
    CHIRPSTACK,
    EUI,
    THINGS_STACK,
    UPLINK,
    chirpstack,
    everynet,
    loriot,
    thingpark,
    things_stack,
)
from tests.decode.sparkplug import DBIRTH, DDATA, GROUP, NBIRTH, NDEATH_7

SOIL = "greensward/v1/beichen/probe-1/soil"
STATE = "greensward/v1/beichen/probe-1/state"
SENML = "greensward/v1/beichen/probe-1/senml"
ALINK = "/sys/a1/probe-1/thing/event/property/post"
IOTDA = "$oc/devices/probe-1/sys/properties/report"
SPARKPLUG = f"{GROUP}/DDATA/gw-1/probe-7"
BORN = Births()
TOPICS = (
    SOIL,
    STATE,
    "greensward/v1/beichen/drone-1/image",
    CHIRPSTACK,
    THINGS_STACK,
    UPLINK,
    "thing/product/4TADL1/events",
    "thing/product/4TADL1/osd",
    "thing/product/4TADL1/drc/up",
    SENML,
    ALINK,
    "/sys/a1/probe-1/thing/event/property/pack/post",
    "/sys/a1/probe-1/thing/event/property/history/post",
    IOTDA,
    "$oc/devices/gateway-1/sys/gateway/sub_devices/properties/report",
    f"{GROUP}/NBIRTH/gw-1",
    f"{GROUP}/NDEATH/gw-1",
    SPARKPLUG,
)
_BIRTH = read_life_event(Message(0, NOON, f"{GROUP}/DBIRTH/gw-1/probe-7", DBIRTH))
assert _BIRTH is not None
BORN.learn(_BIRTH)
FEW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def attempt(topic: str, payload: bytes, model: str | None = None) -> Decoded | None:
    """Decode; what is kept must be writable as JSON, and what is refused must be answerable."""
    message = Message(1, NOON, topic, payload)
    try:
        decoded = decode(message, DecodeContext(BEICHEN, {EUI: model} if model else {}, births=BORN))
    except PayloadError as error:
        _check_refusal(message, error)
        return None
    assert msgspec.json.encode([*decoded.soil, *decoded.weather, *decoded.status, *decoded.parts_refused])
    for part in decoded.parts_refused:
        assert part.faults
    return decoded


def _check_refusal(message: Message, error: PayloadError) -> None:
    assert error.faults
    assert all(fault.code and fault.expected for fault in error.faults)
    reply = refusal_reply(message, error)
    if reply is None:
        return
    if message.topic.startswith(("/sys/", "$sys/")):
        assert json.loads(reply.payload)["code"] == 460
    elif message.topic.startswith(GROUP):
        assert reply.topic == f"{GROUP}/NCMD/gw-1"
    else:
        assert json.loads(reply.payload)["accepted"] is False


@pytest.mark.parametrize("topic", TOPICS)
@FEW
@given(payload=st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(topic: str, payload: bytes) -> None:
    attempt(topic, payload)


@pytest.mark.parametrize("topic", TOPICS)
@FEW
@given(value=json_values)
def test_any_json_is_decoded_or_refused(topic: str, value: object) -> None:
    attempt(topic, json.dumps(value).encode())


cbor_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4) | st.integers(-8, 9), inner, max_size=5)
        | st.builds(cbor2.CBORTag, st.integers(0, 300), inner)
    ),
    max_leaves=12,
)


@FEW
@given(value=st.lists(cbor_values, max_size=4), further=st.binary(max_size=3))
def test_any_cbor_is_decoded_or_refused(value: list[object], further: bytes) -> None:
    attempt(SENML, cbor2.dumps(value) + further)


@FEW
@given(
    records=st.lists(
        st.dictionaries(st.integers(-6, 8), st.just("10cm/soil_moisture") | st.just("%") | cbor_values, max_size=6),
        max_size=4,
    )
)
def test_any_records_in_cbor_are_decoded_or_refused(records: list[dict[int, object]]) -> None:
    attempt(SENML, cbor2.dumps(records))


@FEW
@given(
    topic=st.text(max_size=60)
    | st.lists(st.sampled_from(["greensward", "v1", "beichen", "soil", "v3", "up", "", "+", "a@b"]), max_size=8).map(
        "/".join
    )
)
def test_any_topic_is_decoded_or_refused(topic: str) -> None:
    attempt(topic, b"{}")


@st.composite
def damaged(draw: st.DrawFn, documents: list[Any]) -> bytes:
    """Return a good document with one to three parts replaced, removed or doubled, or some bytes changed."""
    document = json.loads(json.dumps(draw(st.sampled_from(documents))))
    for _ in range(draw(st.integers(1, 3))):
        part, key = document, None
        while isinstance(part, dict | list) and part and (key is None or draw(st.booleans())):
            holder, key = part, draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
            part = holder[key]
        if key is None:
            continue
        if draw(st.booleans()):
            holder[key] = draw(json_values)
        elif isinstance(holder, dict):
            del holder[key]
    sent = json.dumps(document).encode()
    if draw(st.booleans()):
        place = draw(st.integers(0, len(sent)))
        sent = sent[:place] + draw(st.binary(max_size=3)) + sent[place + draw(st.integers(0, 2)) :]
    return sent


GOOD_SOIL = [
    {
        "schema": "greening.soil_reading/1",
        "device_id": "probe-1",
        "seq": 1,
        "measured_at": "2026-07-02T05:10:00+08:00",
        "readings": [
            {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.183, "unit": "m3/m3"},
            {"quantity": "soil_temperature", "channel": 1, "value": 21.4, "unit": "Cel"},
        ],
        "battery_v": 3.6,
        "ack": 1,
    },
    {
        "schema": "greening.soil_reading/1",
        "samples": [
            {
                "measured_at": "2026-07-02T05:10:00+08:00",
                "readings": [{"quantity": "rain_depth", "value": 0.4, "unit": "mm"}],
            }
        ],
    },
]
GOOD_STATE = [{"schema": "greening.device_state/1", "state": "online", "reported_at": "2026-07-02T05:10:00+08:00"}]
GOOD_SENML = [
    [
        {"bn": "probe-1/", "bt": 1_782_950_400, "bu": "%", "bv": 0, "bver": 10},
        {"n": "10cm/soil_moisture", "v": 18.3, "t": -60},
        {"n": "ch2/soil_temperature", "u": "Cel", "v": 21.4},
    ]
]
GOOD_ALINK: list[dict[str, Any]] = [
    {
        "id": "1",
        "version": "1.0",
        "sys": {"ack": 1},
        "params": {"soil_moisture": {"value": 20.5, "time": 1_782_950_400_000}, "soil_temperature": 20},
    },
    {"id": 2, "params": {"properties": {"vwc": [{"value": 20.5, "time": 1_782_950_400_000}]}}},
]
GOOD_IOTDA: list[dict[str, Any]] = [
    {
        "services": [
            {"service_id": "soil_10cm", "properties": {"moisture": 20.5}, "event_time": "20260702T020000Z"},
            {"service_id": "soil", "properties": {"soil_temperature": "20 °C"}},
        ]
    }
]
FIELDS: list[dict[str, Any]] = [
    {"water_SOIL": "19.57", "conduct_SOIL": "0 uS/cm", "temp_SOIL": {"value": 1, "unit": "°C"}},
    {"moisture": 1, "history": [{"timestamp": 1782788400, "moisture": 30.0}]},
    {"messages": [[{"measurementId": 4103, "measurementValue": 45.5}]]},
    {"soil_moisture": 20, "soil_moisture_2": 0.2, "soil_temperature": 2},
]


@FEW
@given(payload=damaged(GOOD_SOIL))
def test_a_damaged_soil_message_is_decoded_or_refused(payload: bytes) -> None:
    attempt(SOIL, payload)


@FEW
@given(payload=damaged(GOOD_STATE))
def test_a_damaged_state_is_decoded_or_refused(payload: bytes) -> None:
    attempt(STATE, payload)


@FEW
@given(payload=damaged(GOOD_SENML))
def test_a_damaged_senml_pack_is_decoded_or_refused(payload: bytes) -> None:
    attempt(SENML, payload)


@FEW
@given(payload=damaged([loriot(b"\x02\x02"), thingpark(FIELDS[0], b"\x02"), everynet(b"\x02")]))
def test_a_damaged_uplink_of_another_server_is_decoded_or_refused(payload: bytes) -> None:
    attempt(UPLINK, payload, "dragino/lse01")


@FEW
@given(payload=damaged(GOOD_ALINK), form=st.sampled_from(["", "pack/", "batch/", "history/"]))
def test_a_damaged_alink_report_is_decoded_or_refused(payload: bytes, form: str) -> None:
    attempt(f"/sys/a1/probe-1/thing/event/property/{form}post", payload)
    attempt("$sys/a1/probe-1/thing/property/post", payload)


@FEW
@given(payload=damaged(GOOD_IOTDA))
def test_a_damaged_iotda_report_is_decoded_or_refused(payload: bytes) -> None:
    attempt(IOTDA, payload)


@settings(FEW, max_examples=600)
@given(
    good=st.sampled_from([DBIRTH, DDATA, NBIRTH, NDEATH_7]),
    places=st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=3), st.integers(0, 3)), max_size=4),
    kind=st.sampled_from(["DBIRTH", "DDATA", "DDEATH"]),
)
def test_a_damaged_sparkplug_payload_is_decoded_or_refused(
    good: bytes, places: list[tuple[int, bytes, int]], kind: str
) -> None:
    for place, put, gone in places:
        good = good[:place] + put + good[place + gone :]
    message = Message(1, NOON, f"{GROUP}/{kind}/gw-1/probe-7", good)
    read_life_event(message)
    attempt(message.topic, good)


@FEW
@given(
    payload=damaged([chirpstack(fields, b"\x02\x02") for fields in FIELDS]),
    model=st.sampled_from([None, *all_models()]),
)
def test_a_damaged_chirpstack_event_is_decoded_or_refused(payload: bytes, model: str | None) -> None:
    attempt(CHIRPSTACK, payload, model)


@FEW
@given(
    payload=damaged([things_stack(fields, b"\x02\x02") for fields in FIELDS]),
    model=st.sampled_from([None, *all_models()]),
)
def test_a_damaged_uplink_of_the_things_stack_is_decoded_or_refused(payload: bytes, model: str | None) -> None:
    attempt(THINGS_STACK, payload, model)


HOSTILE: tuple[Any, ...] = (
    *(0, 0.2, 45.5, -33, 1390, 65535, -9999, 1e308, True, None, [], {}, [45.5], "", "45.5", "45.5 %", "0.00 %"),
    *("0 uS/cm", "45.5 kHz", "-33 kPa", "12 counts", "NoSensor", "1e999", "٣", "0+45.5+1+2", {"value": {"value": 1}}),
    *({"value": 45.5}, {"value": 45.5, "unit": "kHz"}, {"value": "4", "unit": "kPa"}, {"value": 4, "unit": ["%"]}),
)
LEAST = QUANTITIES["volumetric_water_content"].lowest
"""Below 0 water content is kept, and gated in SQL (C01)."""
NO_WATER = ("kHz", "kPa", "counts", "uS/cm")


@pytest.mark.parametrize("model", all_models().values(), ids=lambda model: model.model_id)
def test_only_a_field_of_water_content_gives_water_content_and_only_in_its_units(model: Model) -> None:
    for name in (*model.fields, *model.sdi12, *model.ignored):
        for value in HOSTILE:
            measured, _ = read_fields({name: value}, model, "", StreamReader({}, 0))
            rows = measured.soil_rows("probe-1", NOON, "network", model=model.model_id)
            water = [row.volumetric_water_content for row in rows if row.volumetric_water_content is not None]
            field = model.fields.get(name)
            if field is not None and field.quantity != "volumetric_water_content":
                assert water == [], (name, value)
            if any(unit in str(value) for unit in NO_WATER):
                assert water == [], (name, value)
            assert all(LEAST <= content <= 1 for content in water), (name, value)


@FEW
@given(
    data=st.data(),
    model=st.sampled_from(list(all_models().values())),
    further=st.dictionaries(st.text(max_size=9), json_values),
)
def test_any_values_in_the_fields_of_any_model_are_decoded_or_refused(
    data: st.DataObject, model: Model, further: dict[str, object]
) -> None:
    names = st.sampled_from([*model.fields, *model.sdi12, *model.ignored, "history", "messages", "timestamp"])
    fields = data.draw(st.dictionaries(names, json_values | st.sampled_from(HOSTILE), max_size=6))
    attempt(CHIRPSTACK, json.dumps(chirpstack(further | fields)).encode(), model.model_id)


GOOD_FRAMES = [
    bytes.fromhex(start)
    for start in (
        "02023b0003003702710c60",
        "0175640367f6ff04ca831620ce70ff426af00019017616",
        "0d4e000007a5099b006410",
        "0d4e000008" + "07a5099b0064" * 4,
        "07a5ff7e0064406a1cb180",
        "0e1032" + "00c8" * 4 + "0096" * 2,
        "01580a240bb8ff39000005",
        "0104056e0202035c05040258",
        "01011098530000010210a87a0000af51",
        "0b3f07d0006408340019" + "07d000c80898001e",
        "37bc00fa38c000f00b6700d2",
        "083422a8640a2f00cb172a" + "00" * 19,
        "0c28ff9c043f",
        "01091024" + "0bb8ff39000005",
        "157d42d421f59b5e5fc1000001c1f91bec",
        "b006b800013009079800005457a800959900000013084118000009410c2773",
        "08db02" + "612b312e362b302b32352e370d0a" + "00" * 22,
        "0d4e01" + "302b313834362e31362b32322e332b31",
        "06765ff2960a4b4504d2fb2e",
    )
]


@st.composite
def damaged_frame(draw: st.DrawFn) -> bytes:
    """Return a good frame of some maker with up to four bytes changed, then cut or lengthened."""
    data = bytearray(draw(st.sampled_from(GOOD_FRAMES)))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(1, len(data)))]) + draw(st.just(b"") | st.binary(max_size=12))


@settings(FEW, max_examples=900)
@given(
    data=st.binary(max_size=60) | damaged_frame(),
    model=st.sampled_from(list(all_models())),
    port=st.sampled_from([None, 1, 2, 3, 5, 6, 7, 10, 85, 100, 152]),
)
def test_any_frame_of_any_model_is_decoded_or_refused(data: bytes, model: str, port: int | None) -> None:
    attempt(CHIRPSTACK, json.dumps(chirpstack(data=data, fPort=port)).encode(), model)


readings = st.fixed_dictionaries(
    {
        "quantity": st.sampled_from([*QUANTITIES, "soil_moisture"]),
        "value": st.floats(-2000, 2000) | st.integers() | st.booleans() | st.text(max_size=3),
        "unit": st.sampled_from([*{unit for name in QUANTITIES for unit in units_of(name)}, "?"]),
    },
    optional={"depth_cm": st.floats(-10, 1100) | st.none(), "channel": st.integers(-1, 66) | st.just(1.0)},
)


@settings(FEW, max_examples=400)
@given(
    messages=st.fixed_dictionaries(
        {"schema": st.just("greening.soil_reading/1")},
        optional={
            "measured_at": st.just("2026-07-02T05:10:00+08:00") | st.integers(),
            "readings": st.lists(readings, max_size=3),
            "samples": st.lists(
                st.fixed_dictionaries({"measured_at": st.text(max_size=4), "readings": st.lists(readings, max_size=2)}),
                max_size=2,
            ),
            "seq": st.integers() | st.just(2.0),
            "battery_v": st.floats(-1, 101) | st.none(),
            "rssi_dbm": st.integers(-210, 60),
            "ack": st.sampled_from([0, 1, 2, True, 1.0]),
        },
    )
)
def test_both_ways_of_reading_agree_with_the_schema(messages: dict[str, Any]) -> None:
    said = read_without_fault(json.dumps(messages).encode())
    faults = [
        fault
        for fault in schema_faults("soil_reading", messages)
        if fault.code not in ("unknown_quantity", "unit_not_allowed")
    ]
    if said is not None:
        assert faults == []
    message = Message(1, NOON, SOIL, json.dumps(messages).encode())
    try:
        found = decode(message, DecodeContext(BEICHEN, {})).parts_refused
    except PayloadError as error:
        found = (PartFault("", error.faults),)
    assert "against_schema" not in {fault.code for part in found for fault in part.faults}
