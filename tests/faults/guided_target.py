"""What the guided fuzzer plays: a byte for topic and whether columns are compared, one for the model, the payload.

Each goes the way of a message: as a packet, through the form that the inbox keeps, decoded, into the columns of tables.
What the lake has, and pictures' geometry, are beyond it: `tests.faults.fuzz` takes its mutants there too.
"""

from __future__ import annotations

import random
import struct
from functools import cache
from pathlib import Path

from ingest.decode.chirpstack_columns import CHIRPSTACK
from ingest.decode.context import DecodeContext
from ingest.decode.device_models import all_models
from ingest.decode.sparkplug import read_life_event
from ingest.decode.sparkplug_births import Births, LifeEvent
from ingest.decode.things_stack_columns import THINGS_STACK
from ingest.decode.uplink_columns import UplinkColumns
from ingest.frames import Frames, cut_frames
from ingest.lake.tables import table
from ingest.lake.write import to_arrow
from ingest.messages import Messages
from ingest.observation import Message
from ingest.seal.judged import judge
from ingest.site import BEICHEN
from tests.decode.both_ways import read_both_ways
from tests.decode.conftest import NOON
from tests.decode.lorawan import EUI
from tests.decode.sparkplug import DBIRTH, GROUP
from tests.decode.test_any_bytes import SOIL, TOPICS
from tests.decode.test_soil_columns import assert_same_rows
from tests.faults.fuzz import CHANGES, good_messages

_UPLINKS = {"application/": CHIRPSTACK, "v3/": THINGS_STACK}
_COMPARED = 128
"""Added to the number of the topic where plain messages are also read by columns, which takes many times as long."""


@cache
def _topics() -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(topic for topic, _ in good_messages()), *TOPICS]))


@cache
def _models() -> tuple[str, ...]:
    return ("", *sorted(all_models()))


def split(data: bytes) -> tuple[str, bytes]:
    """Return topic and payload of an input."""
    topics = _topics()
    return topics[(data[0] if data else 0) % _COMPARED % len(topics)], data[2:]


def fill(corpus: Path) -> None:
    """Write a good message of every kind into the folder that the fuzzer begins with."""
    topics = _topics()
    for number, (topic, payload) in enumerate(good_messages_once()):
        (corpus / f"good-{number}").write_bytes(bytes((topics.index(topic), number % 256)) + payload)


def change(data: bytes, chance: random.Random) -> bytes:
    """Return an input with a part of its JSON replaced, removed or doubled, or another model or topic."""
    head = bytearray(data[:2].ljust(2, b"\0"))
    if chance.random() < 0.2:
        head[1] = chance.randrange(256)
    if chance.random() < 0.05:
        head[0] = chance.randrange(_COMPARED)
    if chance.random() < 0.05:
        head[0] ^= _COMPARED
    payload = data[2:]
    for _ in range(chance.choice((1, 1, 2))):
        payload = chance.choice(CHANGES)(payload, chance, good_messages_once())
    return bytes(head) + payload


@cache
def born() -> LifeEvent:
    """Return the birth that data of the good messages belongs to."""
    event = read_life_event(Message(0, NOON, f"{GROUP}/DBIRTH/gw-1/probe-7", DBIRTH))
    assert event is not None
    return event


@cache
def good_messages_once() -> list[tuple[str, bytes]]:
    """Return good messages of every kind, made once."""
    return good_messages()


def _through_the_inbox(topic: str, payload: bytes) -> Messages:
    """Return the message as it comes out of a packet that was kept. Raises: AssertionError when it is another."""
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name + b"\x00\x01" + payload
    length, digits = len(body), b""
    while not digits or length:
        length, digit = divmod(length, 128)
        digits += bytes([digit | (0x80 if length else 0)])
    frames, rest, _ = cut_frames(b"\x32" + digits + body, int(NOON.timestamp() * 1e6), is_five=False)
    assert frames is not None
    assert rest == b""
    messages = Frames.unpacked(frames.packed()).messages(1)
    assert (messages[0].topic, messages[0].payload) == (topic, payload)
    return messages


def play(data: bytes) -> None:
    """Read one input in every way in which a message is read. Raises: whatever our own code wrongly raises."""
    topic, payload = split(data)
    (message,) = _through_the_inbox(topic, payload)
    models = _models()
    model = models[(data[1] if len(data) > 1 else 0) % len(models)]
    births = Births()
    births.learn(born())
    model_of = {EUI: model} if model else {}
    batch = judge([message], DecodeContext(BEICHEN, model_of, births=births), "fuzz")
    for judged in batch.judged:
        judged.reply()
    for name, rows in batch.rows.items():
        to_arrow(table(name), rows)
    for row in batch.rows["rejected"]:
        assert row["code"] != "decoder_failed", row["faults_json"]
    if not data or data[0] < _COMPARED:
        return
    if topic == SOIL:
        assert_same_rows([message])
    for start, server in _UPLINKS.items():
        if topic.startswith(start):
            read_both_ways([message], UplinkColumns(server, fewest=1), model_of)
