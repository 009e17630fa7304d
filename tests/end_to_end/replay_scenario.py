"""A day of bytes that nobody could read, a device registered late, and a replay that a test can kill anywhere."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

from greensward.commands.device import app as device_command
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import own
from ingest.observation import Message
from ingest.registers.snapshot import Registers
from ingest.seal.replay import Replayed, replay
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from tests.end_to_end.running import asked, assert_each_reading_once

UPLINKS = 12
NEVER = 3
_EUI = "a84041000181f0c{}"
_ARRIVED = datetime(2026, 7, 2, 4, tzinfo=UTC)


def uplink(number: int) -> tuple[str, bytes]:
    """Return an LSE01's bytes without a decoded payload, from one of two devices."""
    eui = _EUI.format(number % 2)
    event = {
        "deduplicationId": f"3ac7e3c4-4401-4b8d-9386-{number:012}",
        "time": (_ARRIVED + timedelta(minutes=20 * number)).isoformat(),
        "deviceInfo": {"devEui": eui, "deviceProfileName": "x"},
        "fCnt": number,
        "fPort": 2,
        "data": base64.b64encode(bytes.fromhex("0d3800000a2d0bc3001010")).decode(),
    }
    return f"application/parks/device/{eui}/event/up", json.dumps(event).encode()


def register(folder: DataFolder) -> None:
    """Say of both devices what they are, as `greensward device add` does."""
    for number in range(2):
        words = ["add", _EUI.format(number), "--model", "dragino/lse01", "--depth", "10", "--from", "2026-01-01"]
        assert device_command([*words, "-C", str(folder.root)], result_action="return_value") == 0


def prepare(folder: DataFolder) -> None:
    """Seal the uplinks, in two files, among messages that will never be readable; then register the devices."""
    messages = [uplink(n) for n in range(UPLINKS)]
    messages += [("greensward/v1/beichen/gs-01/soil", b"{" * (n + 1)) for n in range(NEVER)]
    with own(folder):
        sealer = Sealer(folder, BEICHEN, "test")
        for start in (0, len(messages) // 2):
            part = messages[start : start + len(messages) // 2 + 1] if start else messages[: len(messages) // 2]
            sealer.seal(
                [Message(1 + start + n, _ARRIVED + timedelta(days=1), *message) for n, message in enumerate(part)],
                Registers(folder).current(),
            )
    assert asked(folder, "select count(*) from rejected") == [(UPLINKS + NEVER,)]
    register(folder)


def run_replay(folder: DataFolder) -> Replayed:
    with own(folder):
        sealer = Sealer(folder, BEICHEN, "test")
        return replay(folder, sealer, Registers(folder).current(), datetime.now(UTC))


def check(folder: DataFolder) -> None:
    """Assert that every uplink is one reading and out of `rejected`, and that the unreadable ones stay."""
    assert_each_reading_once(folder, UPLINKS)
    assert asked(folder, "select count(*), count(distinct message_seq) from rejected") == [(NEVER, NEVER)]
    outcomes = asked(folder, "select outcome, count(*) from raw_messages group by all order by all")
    assert outcomes == [("rejected", NEVER), ("stored", UPLINKS)], outcomes
