"""A file whose bytes went bad is named and set aside; ingest goes on, and replay does too."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from ingest.inbox import Arrival, Inbox
from ingest.lake.files import partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import to_arrow, write_rows
from ingest.site import BEICHEN
from tests.end_to_end.replay_scenario import check, prepare, run_replay
from tests.end_to_end.running import (
    NOON,
    asked,
    assert_each_reading_once,
    publish,
    reading,
    soil_topic,
    working,
)
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

_TAKEN_AT = datetime(2026, 6, 15, 2, 30, 12, tzinfo=UTC)


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30] + bytes(30))


def uploaded_picture() -> tuple[str, bytes]:
    """Return a dock's message of one picture, which says no pitch: stored poses are looked for."""
    metadata = {
        "absolute_altitude": 56.3,
        "relative_altitude": 41.1,
        "create_time": "2026-06-15 10:30:12",
        "gimbal_yaw_degree": "-91.40",
        "shoot_position": {"lat": 39.2, "lng": 117.1},
    }
    file = {"name": "DJI_0042_W.jpeg", "object_key": "F1/DJI_0042_W.jpeg", "path": "F1", "metadata": metadata}
    file["ext"] = {"flight_id": "F1", "is_original": True}
    said = {"bid": "b", "tid": "t", "timestamp": 1_781_490_712_000, "gateway": "7CTDM5900B3X1B", "need_reply": 0}
    said |= {"method": "file_upload_callback", "data": {"file": file}}
    return "thing/product/7CTDM5900B3X1B/events", json.dumps(said).encode()


def test_a_damaged_file_of_poses_does_not_stop_pictures_or_anything_else(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    spec = table("drone_poses")
    row = {"drone_id": "uav-1", "posed_at": _TAKEN_AT, "source": "osd", "received_at": _TAKEN_AT, "message_seq": 1}
    spoil(write_rows(folder, spec, BEICHEN.local_date(_TAKEN_AT), to_arrow(spec, [row]), "part-1-1"))
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [uploaded_picture(), (soil_topic("gs-01"), reading(0))])
        worker.wait_until_idle(2, PATIENCE_S)
        assert worker.status().damaged_files == ["drone_poses/date=2026-06-15/" + name for name in _names(folder)]
    assert asked(folder, "select count(*) from drone_images") == [(1,)]
    assert asked(folder, "select count(*) from soil_readings") == [(1,)]


def _names(folder: DataFolder) -> list[str]:
    return [path.name for path in (folder.damaged / "drone_poses" / "date=2026-06-15").iterdir()]


def test_a_damaged_file_of_readings_is_set_aside_and_its_day_goes_on(mosquitto: Mosquitto, folder: DataFolder) -> None:
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [(soil_topic("gs-01"), reading(0))])
        worker.wait_until_idle(1, PATIENCE_S)
        spoil(partition_files(folder, table("soil_readings"), NOON.date())[0])
        publish(mosquitto, [(soil_topic("gs-01"), reading(n)) for n in range(1, 4)])
        worker.wait_until_idle(4, PATIENCE_S)
        assert len(worker.status().damaged_files) == 1
    assert asked(folder, "select count(*) from soil_readings") == [(3,)]
    for _ in range(2):
        assert run_replay(folder).messages == 1, "of the damaged file, and nobody else's"
        assert_each_reading_once(folder, 4)
    assert asked(folder, "select outcome, count(*) from raw_messages group by all") == [("stored", 4)]


def test_a_damaged_inbox_is_named_and_set_aside_and_ingest_goes_on(mosquitto: Mosquitto, folder: DataFolder) -> None:
    with Inbox(folder.inbox) as inbox:
        for n in range(120):
            topic, payload = soil_topic("gs-01"), reading(n)
            at_us = int(NOON.timestamp() * 1e6) + 86_400_000_000 + n
            inbox.append([Arrival(at_us, topic, payload + b" " * 900, redelivered=False, retained=False)])
    whole = bytearray(folder.inbox.read_bytes())
    broken, flipped = whole.index(b"{", len(whole) // 2), whole.index(b"gs-01")
    whole[flipped : flipped + 5] = b"gs-09"
    start = broken // 16_384 * 16_384
    whole[start : start + 16_384] = bytes(16_384)
    folder.inbox.write_bytes(whole)
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [(soil_topic("gs-02"), reading(200))])
        fresh = "select count(*) from soil_readings where device_id = 'gs-02'"
        wait_until(lambda: asked(folder, fresh) == [(1,)], "it goes on")
        damaged = worker.status().damaged_files
    assert [name.rpartition("/")[2].partition("-")[0] for name in damaged] == ["inbox", "group"]
    assert all((folder.damaged / name).exists() for name in damaged)
    kept = dict(asked(folder, "select device_id, count(*) from soil_readings group by all"))
    assert set(kept) == {"gs-01", "gs-02"}, "never the device of the flipped bit"
    assert 100 <= kept["gs-01"] < 120


def test_a_damaged_file_of_raw_messages_is_set_aside_by_a_replay_and_the_others_are_judged(folder: DataFolder) -> None:
    prepare(folder)
    raw = table("raw_messages")
    day = asked(folder, "select distinct date from raw_messages")[0][0]
    rows = asked(folder, "select message_seq + 100, received_at, topic, payload from raw_messages limit 1")
    names = ("message_seq", "received_at", "topic", "payload")
    more = dict(zip(names, rows[0], strict=True)) | {"redelivered": False, "retained": False, "outcome": "rejected"}
    more |= {"rows_stored": 0, "rows_duplicate": 0, "rows_rejected": 1}
    spoil(write_rows(folder, raw, day, to_arrow(raw, [more]), "part-101-101"))
    run_replay(folder)
    check(folder)
    assert len(list(folder.damaged.rglob("*.parquet"))) == 1
