"""What uplinks cost that are read by columns: never much more than one by one, whatever is sent.

Counted is what Arrow is asked for, since that is what each kind of message costs anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from ingest.decode import field_columns, growing_shape, uplink_columns
from ingest.decode.chirpstack_columns import CHIRPSTACK as SERVER
from ingest.decode.json_columns import read_objects
from ingest.decode.uplink_columns import UplinkColumns
from ingest.observation import Message
from tests.decode.both_ways import read_both_ways
from tests.decode.lorawan import CHIRPSTACK, EUI, chirpstack

RECEIVED_AT = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)
WET = {"water_SOIL": "19.57", "temp_SOIL": "24.59", "conduct_SOIL": 282, "Bat": 3.6}


class Asked:
    """What Arrow was asked for: the texts that were read, and those of them from which a shape was learned."""

    def __init__(self) -> None:
        self.read: list[list[bytes]] = []
        self.learned: list[list[bytes]] = []

    def __call__(self, texts: pa.BinaryArray, shape: pa.StructType, *, infers: bool = False) -> pa.StructArray | None:
        (self.learned if infers else self.read).append(texts.to_pylist())
        return read_objects(texts, shape, infers=infers)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    monkeypatch.setattr(growing_shape, "read_objects", asked)
    return asked


def probe(profile: str, device: int = 1, **further: Any) -> tuple[str, bytes]:
    """Return topic and payload."""
    eui = f"{device:016x}"
    info = {"devEui": eui, "deviceProfileName": profile, "tags": {"model": "dragino/lse01"}}
    body = chirpstack(dict(WET), fCnt=20, deviceInfo=info) | further
    return CHIRPSTACK.replace(EUI, eui), json.dumps(body).encode()


def read(sent: Sequence[tuple[str, bytes]], columns: UplinkColumns | None = None) -> list[bool]:
    messages = [Message(seq, RECEIVED_AT, topic, payload) for seq, (topic, payload) in enumerate(sent)]
    return read_both_ways(messages, columns or UplinkColumns(SERVER), {})


def test_a_profile_of_its_own_in_each_message_costs_nothing_here_and_hinders_no_probe(asked: Asked) -> None:
    strange = [(CHIRPSTACK, b'{"deviceProfileName":"%d"}' % n) for n in range(20_000)]
    assert read(strange + [probe("LSE01")] * 20) == [False] * 20_000 + [True] * 20
    assert all(b"LSE01" in text for texts in asked.read + asked.learned for text in texts)
    assert len(asked.read + asked.learned) < 10


def test_so_few_of_a_profile_as_columns_do_not_pay_for_are_read_one_by_one(asked: Asked) -> None:
    assert read([probe("LSE01")] * 15) == [False] * 15
    assert asked.read == []
    assert read([probe("LSE01")] * 16) == [True] * 16


def test_of_too_many_profiles_those_with_the_most_messages_are_read_by_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink_columns, "_MOST_KINDS", 4)
    columns = UplinkColumns(SERVER)
    for _ in range(2):
        found = read([probe(f"LSE01 {n}", n) for n in range(6) for _ in range(16 + n % 3)], columns)
        assert found == [n not in (0, 3) for n in range(6) for _ in range(16 + n % 3)]


@pytest.mark.parametrize(("profiles", "most"), [(1, 4), (16, 20)])
def test_ever_new_keys_are_learned_a_few_times_in_a_batch_and_no_more(
    profiles: int, most: int, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink_columns, "_MOST_LESSONS", 20)
    columns = UplinkColumns(SERVER)
    for batch in range(2):
        asked.learned.clear()
        read([probe(f"LSE01 {n % profiles}", n % profiles, **{f"key{batch}_{n}": n}) for n in range(512)], columns)
        assert len(asked.learned) == most


def test_nothing_is_learned_of_texts_that_have_very_many_keys_together(asked: Asked) -> None:
    read([probe("LSE01", x={f"key{n}_{k}": k for k in range(100)}) for n in range(16)])
    assert asked.read
    assert asked.learned == []


def test_a_profile_that_goes_on_sending_is_not_forgotten_for_many_that_come_and_go(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink_columns, "_MOST_SHAPES", 8)
    columns = UplinkColumns(SERVER)
    for batch in range(4):
        asked.learned.clear()
        others = [probe(f"other {batch} {n}", 2 + n) for n in range(5) for _ in range(16)]
        assert all(read([probe("LSE01")] * 20 + others, columns))
        assert len(columns._shapes) <= 8
    assert asked.learned
    assert not any(b"LSE01" in text for texts in asked.learned for text in texts)


def test_a_model_of_its_own_in_each_message_is_worked_out_for_few_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out: list[object] = []

    def watched(*asked: Any) -> Any:
        worked_out.append(asked)
        return plan(*asked)

    plan = field_columns._plan
    monkeypatch.setattr(field_columns, "_plan", watched)
    monkeypatch.setattr(field_columns, "_MOST_GROUPS", 4)
    info = {"devEui": f"{1:016x}", "deviceProfileName": "LSE01"}
    sent = [probe("LSE01", deviceInfo=info | {"tags": {"model": f"lse01 {n}"}}) for n in range(40)]
    columns = UplinkColumns(SERVER)
    for _ in range(2):
        worked_out.clear()
        found = read([probe("LSE01")] * 20 + sent, columns)
        assert found[:20] == [True] * 20
    assert len(worked_out) == 4
