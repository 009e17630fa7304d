"""The seal: every message has one outcome, and doing the same messages again changes nothing."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.decode.context import DecodeContext
from ingest.decode.route import decode
from ingest.drone.rows import posed_pictures
from ingest.errors import StoreError
from ingest.lake import durable
from ingest.lake.files import partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import table
from ingest.lake.write import write_rows
from ingest.observation import Decoded, Message
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal import judged as judged_module
from ingest.seal import pictures as pictures_module
from ingest.seal import plain as plain_module
from ingest.seal import sealer as sealer_module
from ingest.seal.housekeeping import keep_house
from ingest.seal.pace import Pace
from ingest.seal.replay import replay
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from tests.decode.lorawan import CHIRPSTACK, chirpstack
from tests.decode.test_native_image import message_with

NOON = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)
NO_REGISTERS = RegisterSnapshot({}, frozenset(), ())


def message(seq: int, *readings: dict[str, Any], minute: int = 0, **extra: Any) -> Message:
    body = {
        "schema": "greening.soil_reading/1",
        "measured_at": (NOON + timedelta(minutes=minute)).isoformat(),
        "readings": list(readings) or [water(0.2)],
    } | extra
    return Message(seq, NOON + timedelta(hours=1), "greensward/v1/beichen/gs-01/soil", json.dumps(body).encode())


def closely(seq: int, *readings: dict[str, Any], **extra: Any) -> Message:
    """Return a message that must be looked at closely: its sender waits for an answer."""
    return message(seq, *readings, ack=1, **extra)


def water(value: float, depth_cm: int = 10) -> dict[str, Any]:
    return {"quantity": "volumetric_water_content", "depth_cm": depth_cm, "value": value, "unit": "m3/m3"}


@pytest.fixture
def sealer(folder: DataFolder) -> Sealer:
    return Sealer(folder, BEICHEN, "test")


def test_refused_messages_cost_their_number_and_not_its_square() -> None:
    """A seal may hold tens of thousands; one that takes longer than the watchdog waits would come again for ever."""

    def cpu_s(count: int) -> float:
        poison = [Message(seq, NOON, "greensward/v1/beichen/gs-01/soil", b"{}") for seq in range(count)]
        began = time.process_time()
        batch = judged_module.judge(poison, DecodeContext(BEICHEN, {}), "test")
        took = time.process_time() - began
        assert len(batch.rows["rejected"]) == len(batch.judged) == count
        return took

    cpu_s(10)
    assert cpu_s(10_000) < 30 * max(cpu_s(1_000) for _ in range(3)), "ten times the cost, and not a hundred times"


def ask(folder: DataFolder, query: str) -> list[tuple[Any, ...]]:
    with open_lake(folder, BEICHEN) as lake:
        return lake.execute(query).fetchall()


def test_each_message_has_exactly_one_outcome(folder: DataFolder, sealer: Sealer) -> None:
    bad = Message(4, NOON, "greensward/v1/beichen/gs-01/soil", b"{")
    join = Message(5, NOON, "application/a/device/24e124136b502217/event/join", b"{}")
    sealed = sealer.seal([message(1), message(2), message(3, minute=20), bad, join], NO_REGISTERS)
    assert dict(sealed.outcomes) == {"stored": 2, "duplicate": 1, "rejected": 1, "ignored": 1}
    raw = ask(folder, "select message_seq, outcome from raw_messages order by message_seq")
    assert raw == [(1, "stored"), (2, "duplicate"), (3, "stored"), (4, "rejected"), (5, "ignored")]
    reasons = ask(folder, "select reason from raw_messages where message_seq <= 3 order by message_seq")
    assert reasons == [(None,), ("same_reading",), (None,)]


def test_what_the_broker_sent_again_is_told_from_what_a_sender_repeats(sealer: Sealer) -> None:
    again = dataclasses.replace(message(3), redelivered=True)
    first = dataclasses.replace(message(4, minute=1), redelivered=True)
    sealed = sealer.seal([message(1), message(2), again, first], NO_REGISTERS)
    assert (dict(sealed.outcomes), sealed.redelivered) == ({"stored": 2, "duplicate": 2}, 1)


def test_one_bad_reading_does_not_cost_its_neighbours(folder: DataFolder, sealer: Sealer) -> None:
    sealed = sealer.seal([message(1, water(0.2), water(7.0, 30), water(0.25, 50))], NO_REGISTERS)
    assert dict(sealed.outcomes) == {"stored": 1}
    assert ask(folder, "select depth_cm from soil_readings order by 1") == [(10.0,), (50.0,)]
    assert ask(folder, "select scope, pointer from rejected") == [("part", "/readings/1")]
    assert ask(folder, "select reason, rows_stored, rows_rejected from raw_messages") == [("partly_rejected", 2, 1)]


def test_a_message_that_our_own_code_fails_on_stops_nobody_and_is_judged_again_after_the_repair(
    folder: DataFolder, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(judged_module, "decode", failing_on(decode, lambda message, _: message))
        sealed = sealer.seal([closely(1), closely(2, minute=20), closely(3, minute=40)], NO_REGISTERS)
    assert dict(sealed.outcomes) == {"stored": 2, "rejected": 1}
    assert ask(folder, "select message_seq, code, scope from rejected") == [(2, "decoder_failed", "message")]
    assert dict(replay(folder, sealer, NO_REGISTERS, NOON).outcomes) == {"stored": 1}
    assert ask(folder, "select count(*) from soil_readings") == [(3,)]
    assert ask(folder, "select count(*) from rejected") == [(0,)]


def test_when_reading_by_columns_fails_every_message_is_looked_at_closely(
    folder: DataFolder, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(plain_module, "read_plain_soil", fails)
    sealed = sealer.seal([message(1), message(2, water(7.0))], NO_REGISTERS)
    assert dict(sealed.outcomes) == {"stored": 1, "rejected": 1}
    assert ask(folder, "select message_seq from soil_readings") == [(1,)]


def test_a_message_with_a_number_that_no_table_holds_stops_nobody(
    folder: DataFolder, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lets_through(message: Message, context: DecodeContext) -> Decoded:
        said = decode(message, context)
        large = 2**63 if message.message_seq == 2 else 2**63 - 1
        return msgspec.structs.replace(
            said, soil=tuple(msgspec.structs.replace(row, device_seq=large) for row in said.soil)
        )

    with monkeypatch.context() as broken:
        broken.setattr(judged_module, "decode", lets_through)
        two_depths = closely(2, water(0.2), water(0.21, 30), minute=20)
        sealed = sealer.seal([closely(1), two_depths, closely(3, minute=40)], NO_REGISTERS)
    assert dict(sealed.outcomes) == {"stored": 2, "rejected": 1}
    assert ask(folder, "select message_seq, code, scope from rejected") == [(2, "decoder_failed", "message")]
    assert dict(replay(folder, sealer, NO_REGISTERS, NOON).outcomes) == {"stored": 1}
    assert ask(folder, "select count(*) from soil_readings") == [(4,)]


def test_a_picture_that_the_geometry_fails_on_does_not_cost_the_others(
    folder: DataFolder, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(pictures_module, "posed_pictures", failing_on(posed_pictures, lambda images, *_: images[-1][1]))
        sealed = sealer.seal([picture(1), picture(3), message(4), picture(2)], NO_REGISTERS)
    assert dict(sealed.outcomes) == {"stored": 3, "rejected": 1}
    assert ask(folder, "select message_seq, code from rejected") == [(2, "decoder_failed")]
    assert dict(replay(folder, sealer, NO_REGISTERS, NOON).outcomes) == {"stored": 1}
    assert ask(folder, "select message_seq from drone_images order by 1") == [(1,), (2,), (3,)]


def failing_on(real: Any, message_of: Any) -> Any:
    """Return `real`, failing like a bug of ours on message 2."""

    def call(*values: Any) -> Any:
        if message_of(*values).message_seq == 2:
            raise ZeroDivisionError("a bug of ours")
        return real(*values)

    return call


def picture(seq: int) -> Message:
    body = message_with(image_id=f"p-{seq}", drone_id="m3e-1", captured_at=NOON.isoformat())
    return Message(seq, NOON + timedelta(hours=1), "greensward/v1/beichen/m3e-1/image", json.dumps(body).encode())


def test_after_an_interruption_the_same_messages_are_stored_and_not_duplicates(
    folder: DataFolder, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = write_rows

    def full_disk(folder: DataFolder, spec: Any, *rest: Any) -> Any:
        if spec.name == "raw_messages":
            raise StoreError("no space left on device")
        return real(folder, spec, *rest)

    batch = [message(1, battery_v=3.6), message(2, minute=20), Message(3, NOON, "nowhere", b"?")]
    monkeypatch.setattr(sealer_module, "write_rows", full_disk)
    with pytest.raises(StoreError):
        sealer.seal(batch, NO_REGISTERS)
    monkeypatch.setattr(sealer_module, "write_rows", real)
    sealed = sealer.seal(batch, NO_REGISTERS)
    assert dict(sealed.outcomes) == {"stored": 2, "rejected": 1}
    assert ask(folder, "select count(*) from soil_readings") == [(2,)]
    assert ask(folder, "select count(*) from rejected") == [(1,)]
    assert ask(folder, "select count(*) from device_status") == [(1,)]


def test_refused_bytes_sent_again_are_kept_once(folder: DataFolder, sealer: Sealer) -> None:
    topic = "greensward/v1/beichen/gs-01/soil"
    sealer.seal([Message(1, NOON, topic, b"{")], NO_REGISTERS)
    sealed = sealer.seal([Message(2, NOON + timedelta(minutes=3), topic, b"{")], NO_REGISTERS)
    assert dict(sealed.outcomes) == {"duplicate": 1}
    assert ask(folder, "select count(*) from rejected") == [(1,)]


def test_a_damaged_file_is_set_aside_and_sealing_goes_on(folder: DataFolder, sealer: Sealer) -> None:
    sealer.seal([message(1)], NO_REGISTERS)
    (bad,) = partition_files(folder, table("soil_readings"), NOON.date())
    bad.write_bytes(b"PAR1" + b"\0" * 50)
    sealed = sealer.seal([message(2, minute=20)], NO_REGISTERS)
    assert sealed.damaged == [str(bad.relative_to(folder.lake))]
    assert ask(folder, "select message_seq from soil_readings") == [(2,)]
    assert list(folder.damaged.rglob("*.parquet"))


@pytest.mark.parametrize("unlike", [pa.timestamp("us"), pa.timestamp("ns"), pa.string()])
def test_a_file_whose_instants_say_no_zone_is_set_aside_and_sealing_goes_on(
    folder: DataFolder, sealer: Sealer, unlike: pa.DataType
) -> None:
    """As somebody with pandas may have put beside the others: which instant it means is anybody's guess."""
    sealer.seal([message(1)], NO_REGISTERS)
    (whole,) = partition_files(folder, table("soil_readings"), NOON.date())
    rows = pq.read_table(whole, partitioning=None)
    place = rows.column_names.index("measured_at")
    theirs = whole.with_name("mine.parquet")
    pq.write_table(rows.set_column(place, "measured_at", rows["measured_at"].cast(unlike)), theirs)
    sealed = sealer.seal([message(2)], NO_REGISTERS)
    assert sealed.damaged == [str(theirs.relative_to(folder.lake))]
    assert dict(sealed.outcomes) == {"duplicate": 1}
    assert partition_files(folder, table("soil_readings"), NOON.date()) == [whole]


def test_a_sender_who_asked_hears_back_also_for_a_duplicate_and_a_refusal(sealer: Sealer) -> None:
    broken = Message(3, NOON, "greensward/v1/beichen/gs-01/soil", b"{")
    sealed = sealer.seal([message(1, ack=1), message(2, ack=1), broken], NO_REGISTERS)
    replies = [json.loads(reply.payload)["accepted"] for reply in sealed.replies]
    assert replies == [True, True, False]


def received(seq: int, days: int) -> Message:
    one = message(seq, minute=days)
    return Message(seq, NOON + timedelta(days=days), one.topic, one.payload)


def test_raw_messages_go_after_their_days_and_nothing_else_does(folder: DataFolder, sealer: Sealer) -> None:
    sealer.seal([received(n, n) for n in range(4)], NO_REGISTERS)
    keep_house(folder, BEICHEN, NOON + timedelta(days=2), Pace(compact_files=24, raw_days=2))
    assert ask(folder, "select count(*) from raw_messages") == [(4,)]
    keep_house(folder, BEICHEN, NOON + timedelta(days=3), Pace(compact_files=24, raw_days=2))
    assert ask(folder, "select message_seq from raw_messages order by 1") == [(1,), (2,), (3,)]
    assert ask(folder, "select count(*) from soil_readings") == [(4,)]


def test_a_clock_that_jumped_ahead_does_not_remove_what_was_kept_for_replay(folder: DataFolder, sealer: Sealer) -> None:
    sealer.seal([received(n, n) for n in range(4)], NO_REGISTERS)
    keep_house(folder, BEICHEN, NOON + timedelta(days=400), Pace(compact_files=24, raw_days=30))
    assert ask(folder, "select count(*) from raw_messages") == [(4,)]


def test_a_folder_put_into_the_lake_by_hand_stops_nothing(folder: DataFolder, sealer: Sealer) -> None:
    sealer.seal([message(1)], NO_REGISTERS)
    (folder.table("soil_readings") / "date=2026-07-02.bak").mkdir()
    keep_house(folder, BEICHEN, NOON, Pace(compact_files=24, raw_days=30))
    assert ask(folder, "select count(*) from soil_readings") == [(1,)]


def test_a_name_that_was_not_synced_is_written_again_before_the_message_leaves_the_inbox(
    folder: DataFolder, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = durable.fsync_folder
    failed: list[Path] = []

    def fail_once(path: Path) -> None:
        if path.name.startswith("date=") and not failed:
            failed.append(path)
            raise OSError(5, "Input/output error")
        real(path)

    monkeypatch.setattr(durable, "fsync_folder", fail_once)
    with pytest.raises(StoreError, match="Input/output error"):
        sealer.seal([message(1)], NO_REGISTERS)
    assert list(failed[0].iterdir()) == [], "what may not last must not be found and taken for stored"
    assert dict(sealer.seal([message(1)], NO_REGISTERS).outcomes) == {"stored": 1}
    assert ask(folder, "select count(*) from soil_readings") == [(1,)]


@pytest.mark.parametrize("later", [timedelta(seconds=5), timedelta(hours=5), timedelta(hours=-20)])
def test_a_picture_sent_again_with_another_time_is_one_picture(
    folder: DataFolder, sealer: Sealer, later: timedelta
) -> None:
    def picture(seq: int, captured_at: datetime) -> Message:
        body = {
            "schema": "greening.image_metadata/1",
            "image_id": "d/1",
            "drone_id": "d",
            "flight_id": "f",
            "captured_at": captured_at.isoformat(),
            "image": {"width_px": 4000, "height_px": 3000, "intrinsics": {"focal_px": 3000}},
            "position": {"lon": 117.1, "lat": 39.2, "height_takeoff_m": 40},
            "attitude": {"yaw_deg": 0, "pitch_deg": -90, "roll_deg": 0, "source": "exif_xmp"},
            "sensor": {"kind": "rgb"},
            "detections": [{"class": "unhealthy_tree", "confidence": 0.9, "bbox_px": [10, 10, 50, 50]}],
        }
        payload = json.dumps(body).encode()
        return Message(seq, NOON + timedelta(days=1), "greensward/v1/beichen/d/image", payload)

    sealer.seal([picture(1, NOON)], NO_REGISTERS)
    assert dict(sealer.seal([picture(2, NOON + later)], NO_REGISTERS).outcomes) == {"duplicate": 1}
    assert ask(folder, "select count(*) from drone_images") == [(1,)]
    assert ask(folder, "select count(*) from image_detections") == [(1,)]


def test_refused_bytes_that_come_again_after_midnight_are_kept_once(folder: DataFolder, sealer: Sealer) -> None:
    before_midnight = datetime(2026, 7, 2, 15, 59, 59, tzinfo=UTC)
    topic = "greensward/v1/beichen/gs-01/soil"
    sealer.seal([Message(1, before_midnight, topic, b"{")], NO_REGISTERS)
    again = Message(2, before_midnight + timedelta(seconds=2), topic, b"{", redelivered=True)
    assert dict(sealer.seal([again], NO_REGISTERS).outcomes) == {"duplicate": 1}
    assert ask(folder, "select count(*) from rejected") == [(1,)]


def test_every_record_of_a_history_is_a_row_and_the_same_uplink_again_none(folder: DataFolder, sealer: Sealer) -> None:
    fields = {
        "moisture": 21.0,
        "history": [{"timestamp": int(NOON.timestamp()) - 3600 * n, "moisture": 20.0 + n} for n in range(1, 7)],
    }
    event = chirpstack(fields, profile="Milesight EM500-SMTC", time=NOON.isoformat())
    twice = [Message(seq, NOON, CHIRPSTACK, json.dumps(event).encode()) for seq in (1, 2)]
    assert dict(sealer.seal(twice, NO_REGISTERS).outcomes) == {"stored": 1, "duplicate": 1}
    assert ask(folder, "select count(*), count(distinct measured_at) from soil_readings") == [(7, 7)]


def test_a_reading_refused_because_our_own_clock_was_behind_comes_back_by_a_replay(
    folder: DataFolder, sealer: Sealer
) -> None:
    early = Message(1, NOON - timedelta(hours=1), "greensward/v1/beichen/gs-01/soil", message(1).payload)
    assert dict(sealer.seal([early], NO_REGISTERS).outcomes) == {"rejected": 1}
    now = NOON + timedelta(hours=1)
    assert dict(replay(folder, sealer, NO_REGISTERS, now).outcomes) == {"stored": 1}
    assert ask(folder, "select received_at = measured_at - interval 1 hour from soil_readings") == [(True,)]


def test_a_replay_says_that_it_lives_after_every_file_also_where_nothing_is_to_be_done(
    folder: DataFolder, sealer: Sealer
) -> None:
    sealer.seal([received(n, n) for n in range(4)], NO_REGISTERS)
    turns: list[int] = []
    replay(folder, sealer, NO_REGISTERS, NOON, turned=lambda: turns.append(1))
    assert len(turns) == 4
