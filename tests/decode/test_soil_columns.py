"""Native soil messages by columns: the rows are those of the careful way, and nothing odd is taken for plain."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from ingest.decode.context import DecodeContext
from ingest.decode.quantities import CONVERSIONS
from ingest.decode.soil_columns import read_plain_soil
from ingest.lake.tables import table
from ingest.lake.write import to_arrow
from ingest.messages import Messages
from ingest.observation import Message
from ingest.seal.judged import judge
from ingest.seal.plain import plain_tables
from ingest.site import BEICHEN

RECEIVED_AT = datetime(2026, 7, 2, 4, 0, 0, 123_457, tzinfo=UTC)
TOPIC = "greensward/v1/beichen/gs-01/soil"
TABLES = ("soil_readings", "device_status")


def sent(body: object, topic: str = TOPIC, seq: int = 1, judged_at: datetime | None = None) -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(seq, RECEIVED_AT, topic, payload, judged_at=judged_at)


def said(*readings: object, **further: object) -> dict[str, object]:
    return {
        "schema": "greening.soil_reading/1",
        "measured_at": "2026-07-02T11:10:00+08:00",
        "readings": list(readings) or [water()],
        **further,
    }


def water(value: object = 0.183, **further: object) -> dict[str, object]:
    return {"quantity": "volumetric_water_content", "depth_cm": 10, "value": value, "unit": "m3/m3"} | further


def is_plain(message: Message) -> bool:
    (plain,) = read_plain_soil(Messages.of([message]), BEICHEN).is_plain.tolist()
    return bool(plain)


def assert_same_rows(messages: list[Message]) -> int:
    """Compare both ways for the messages that are plain; return how many are."""
    some = Messages.of(messages)
    plain = read_plain_soil(some, BEICHEN)
    chosen = [message for message, one in zip(messages, plain.is_plain.tolist(), strict=True) if one]
    batch = judge(chosen, DecodeContext(BEICHEN, {}), "test")
    for judged in batch.judged:
        assert judged.error is None, judged.message.payload
        assert judged.reply() is None, judged.message.payload
        assert judged.decoded is not None
        assert judged.decoded.parts_refused == (), judged.message.payload
        assert judged.decoded.soil, judged.message.payload
    found = plain_tables(plain, some)
    assert set(batch.rows) - {"rejected"} <= set(TABLES)
    for name in TABLES:
        careful = to_arrow(table(name), batch.rows.get(name, []))
        fast = found.get(name, table(name).schema.empty_table())
        assert told(fast) == told(careful)
    return len(chosen)


def told(rows: pa.Table) -> list[str]:
    """Return the rows as text, which tells 0.0 from -0.0 and one double from the next, in any order."""
    return sorted(repr(row) for row in rows.to_pylist())


ODD = {
    "a key twice": json.dumps(said()).encode()[:-1] + b',"seq":1,"seq":2}',
    "a key of a reading twice": json.dumps(said()).encode().replace(b'"unit"', b'"value": 0.9, "unit"'),
    "a key nobody knows": said(colour="green"),
    "a key nobody knows in a reading": said(water(colour="green")),
    "an escape in a key": json.dumps(said()).encode().replace(b'"value"', b'"v\\u0061lue"'),
    "an escaped colon that makes room for a second key": json.dumps(said(seq=1))
    .encode()
    .replace(b"T11:", b"T11\\u003a")
    .replace(b'"seq"', b'"seq":2,"seq"'),
    "NaN": said(water(float("nan"))),
    "infinity": said(water(float("inf"))),
    "a number beyond a double": json.dumps(said()).encode().replace(b"0.183", b"1e400"),
    "text for a number": said(water("0.183")),
    "true for a number": said(water(value=True)),
    "nothing for a number": said(water(None)),
    "nothing for a battery": said(battery_v=None),
    "nothing for a counter": said(seq=None),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(said()).encode(),
    "UTF-16": json.dumps(said()).encode("utf-16"),
    "a lone surrogate": json.dumps(said(device_id="\ud800")).encode(),
    "bytes that are no text": json.dumps(said()).encode().replace(b"m3/m3", b"m\xff/m3"),
    "two messages": json.dumps(said()).encode() * 2,
    "half a message": json.dumps(said()).encode()[:-20],
    "nothing": b"",
    "no readings": said() | {"readings": []},
    "samples beside readings": said(samples=[{"measured_at": "2026-07-02T03:00:00Z", "readings": [water()]}]),
    "no time": {key: value for key, value in said().items() if key != "measured_at"},
    "another schema": said(schema="greening.soil_reading/2"),
    "another device": said(device_id="gs-02"),
    "a wish for an answer": said(ack=1),
    "water beyond its range": said(water(1.01)),
    "percent in a fraction": said(water(18.3)),
    "one reading of two beyond its range": said(water(), water(1.01, depth_cm=30)),
    "an unknown unit": said(water(unit="vol%")),
    "an unknown quantity": said(water(quantity="wetness")),
    "weather": said({"quantity": "air_temperature", "value": 21, "unit": "Cel"}),
    "a battery among the readings": said(water(), {"quantity": "battery_voltage", "value": 3, "unit": "V"}),
    "depth and channel": said(water(channel=1)),
    "a depth above the ground": said(water(depth_cm=-0.1)),
    "a channel of none": said({"quantity": "raw_counts", "value": 3, "unit": "1", "channel": 0}),
    "half a channel": said({"quantity": "raw_counts", "value": 3, "unit": "1", "channel": 1.5}),
    "one thing measured twice": said(water(0.1), water(0.2)),
    "one thing said twice": said(water(0.1), water(0.1)),
    "a battery beyond its range": said(battery_v=101),
    "a counter below zero": said(seq=-1),
    "a counter beyond a double": said(seq=2**53),
    "a time without offset": said(measured_at="2026-07-02T11:10:00"),
    "a day of the week": said(measured_at="2026-W27-4T11:10:00+08:00"),
    "a time of 2014": said(measured_at="2014-12-31T23:59:59.999999Z"),
    "1970": said(measured_at="1970-01-01T00:00:00Z"),
    "a time 10 minutes and a microsecond ahead": said(measured_at="2026-07-02T04:10:00.123458Z"),
    "the second 60 on a day that has none": said(measured_at="2026-07-01T23:59:60Z"),
    "nesting": b'{"readings":' + b"[" * 40 + b"]" * 40 + b"}",
    "nesting in a key nobody knows": json.dumps(said()).encode()[:-1] + b',"x":' + b'{"x":' * 20 + b"1" + b"}" * 21,
    "many bytes": json.dumps(said()).encode() + b" " * 65_536,
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_left_to_the_careful_way(odd: str) -> None:
    assert not is_plain(sent(ODD[odd]))


@pytest.mark.parametrize(
    "topic",
    [
        "greensward/v1/nankai/gs-01/soil",
        "greensward/v1/beichen/gs 01/soil",
        "greensward/v1/beichen/gs-01/state",
        "greensward/v1/beichen/gs-01/extra/soil",
        "greensward/v1/beichen//soil",
        "greensward/v2/beichen/gs-01/soil",
        "soil",
    ],
)
def test_a_topic_that_is_no_soil_topic_of_the_district_is_left_to_the_careful_way(topic: str) -> None:
    assert not is_plain(sent(said(), topic))


PLAIN = {
    "the example": said(),
    "spaces": json.dumps(said(), indent=3).encode(),
    "a name on the topic and in the message": said(device_id="gs-01"),
    "no wish for an answer": said(ack=0),
    "2015 to the second": said(measured_at="2015-01-01T00:00:00Z"),
    "10 minutes ahead": said(measured_at="2026-07-02T04:10:00.123457Z"),
    "a leap second": said(measured_at="2016-12-31T23:59:60Z"),
    "small letters": said(measured_at="2026-07-02t03:10:00.5z"),
    "nanoseconds": said(measured_at="2026-07-02T03:10:00.123456789Z"),
    "the edges of water": said(water(-0.2), water(1, depth_cm=20)),
    "no depth and no channel": said({"quantity": "raw_counts", "value": 3, "unit": "1"}),
    "minus zero": said(water(-0.0, depth_cm=-0.0)),
    "the largest counter": said(seq=2**53 - 1),
    "battery and signal": said(battery_v=3.61, battery_pct=88, rssi_dbm=-91.5, seq=0),
    "a profile of twenty depths": said(*(water(depth_cm=depth) for depth in range(20))),
    "depths and channels in any order": said(
        water(0.3, depth_cm=30),
        {"quantity": "soil_temperature", "value": 70, "unit": "[degF]", "channel": 2},
        water(0.1, depth_cm=10),
        {"quantity": "soil_temperature", "value": 294.55, "unit": "K", "depth_cm": 30},
        {"quantity": "volumetric_water_content", "value": 18.3, "unit": "%", "channel": 2},
    ),
}


@pytest.mark.parametrize("plain", PLAIN)
def test_what_is_plain_has_the_rows_of_the_careful_way(plain: str) -> None:
    assert assert_same_rows([sent(PLAIN[plain])]) == 1


def test_a_message_judged_again_later_may_be_ahead_of_the_clock_that_was_wrong() -> None:
    ahead = said(measured_at="2026-07-02T08:00:00Z")
    assert not is_plain(sent(ahead))
    assert assert_same_rows([sent(ahead, judged_at=RECEIVED_AT + timedelta(hours=4))]) == 1


def test_a_radio_id_has_one_spelling_however_it_is_sent() -> None:
    message = sent(said(device_id="24e124136b502217"), "greensward/v1/beichen/24E124136B502217/soil")
    assert assert_same_rows([message]) == 1
    rows = plain_tables(read_plain_soil(Messages.of([message]), BEICHEN), Messages.of([message]))
    assert rows["soil_readings"]["device_id"].to_pylist() == ["24e124136b502217"]


def test_many_messages_made_at_random_and_spoilt_at_random_have_the_same_rows_both_ways() -> None:
    chance = random.Random(20260702)
    messages = [sent(payload, topic, seq) for seq, (topic, payload) in enumerate(strange_messages(chance, 3_000))]
    plain = assert_same_rows(messages)
    assert 600 < plain < 2_400, "both ways are walked"


def strange_messages(chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield messages of every quantity and unit, each with a chance of something odd, and of a spoilt byte."""
    for _ in range(count):
        readings = []
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8, 18))):
            quantity, unit = chance.choice([*CONVERSIONS] if chance.random() < 0.03 else _soil_pairs())
            known = CONVERSIONS[quantity, unit]
            low, high = known.quantity.lowest, known.quantity.highest
            value = chance.choice((low, high, 0, 0.1, chance.uniform(low, high), round(chance.uniform(low, high), 2)))
            value = (value - known.add) * known.divide / known.multiply
            one: dict[str, object] = {"quantity": quantity, "unit": unit, "value": value}
            place = chance.choice(("depth_cm", "channel", ""))
            if place:
                one[place] = chance.choice((1, 10, 30, 64) if place == "channel" else (0, 5, 10.5, 1000))
            if chance.random() < 0.02:
                one[chance.choice(("value", "unit", "depth_cm", "channel", "x"))] = odd_value(chance)
            pairs = list(one.items())
            chance.shuffle(pairs)
            readings.append(dict(pairs))
        at = RECEIVED_AT - timedelta(seconds=chance.randrange(-700, 10**6))
        body = said(*readings, measured_at=at.isoformat(timespec=chance.choice(("seconds", "milliseconds"))))
        for name in ("battery_v", "battery_pct", "rssi_dbm", "seq", "device_id", "ack", "samples"):
            if chance.random() < 0.2:
                fit = {"device_id": "gs-01", "ack": 0, "rssi_dbm": -91, "samples": None}.get(name, 7)
                body[name] = odd_value(chance) if chance.random() < 0.05 or fit is None else fit
        payload = bytearray(json.dumps(body, separators=chance.choice(((",", ":"), (", ", ": ")))).encode())
        if chance.random() < 0.2:
            at_byte = chance.randrange(len(payload))
            payload[at_byte : at_byte + chance.randrange(3)] = bytes([chance.randrange(256)])
        yield chance.choice((TOPIC, TOPIC, "greensward/v1/beichen/A1B2c3d4e5f60718/soil")), bytes(payload)


def _soil_pairs() -> list[tuple[str, str]]:
    return [pair for pair, conversion in CONVERSIONS.items() if conversion.quantity.kind == "soil"]


def odd_value(chance: random.Random) -> object:
    return chance.choice((None, True, "7", -1, 1e300, 2**64, 2.0, "gs-01", [1], {"a": 1}, "m3/m3", "\ud83d", "µ"))


def test_a_message_without_readings_does_not_part_the_readings_of_the_next() -> None:
    both = said(water(), {"quantity": "soil_temperature", "depth_cm": 10, "value": 21.5, "unit": "Cel"})
    assert assert_same_rows([sent(said() | {"readings": []}, seq=1), sent(both, seq=2)]) == 1
