"""What comes late for a day that was deleted by rule is refused, said, kept, and never stands alone on its day."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.errors import StoreError
from ingest.lake.expire import READINGS, Expiring, delete_expiring
from ingest.lake.files import partition_days
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import table
from ingest.observation import Message
from ingest.registers.snapshot import Registers
from ingest.seal.replay import replay
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from sql.analysts import all_questions
from tests.decode.test_native_image import message_with
from tests.seal.test_pictures import YAW_ONLY, Lake, native, osd
from tests.seal.test_sealer import NO_REGISTERS, NOON, ask, closely, message

AGE = 30
OLD_MINUTE = -AGE * 1440
FIRST_KEPT = BEICHEN.local_date(NOON) - timedelta(days=AGE - 5)


@pytest.fixture
def lake(folder: DataFolder) -> DataFolder:
    """Return a lake of which the old days were deleted by rule."""
    seal(folder, counted(1, OLD_MINUTE, 9), message(2))
    expire(folder, *READINGS)
    return folder


def expire(folder: DataFolder, *names: str) -> None:
    """Delete the old days of tables."""
    old = {name: tuple(day for day in partition_days(folder, table(name)) if day < FIRST_KEPT) for name in names}
    going = [Expiring(name, days, FIRST_KEPT, AGE - 5, 0, 0, 0) for name, days in old.items() if days]
    delete_expiring(folder, going, NOON)


def seal(folder: DataFolder, *messages: Message) -> dict[str, int]:
    return dict(Sealer(folder, BEICHEN, "test").seal(messages, Registers(folder).current()).outcomes)


def samples(seq: int, *minutes: int) -> Message:
    one = {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.2, "unit": "m3/m3"}
    body = {"schema": "greening.soil_reading/1", "samples": [
        {"measured_at": (NOON + timedelta(minutes=minute)).isoformat(), "readings": [one]} for minute in minutes
    ]}  # fmt: skip
    return Message(seq, NOON, "greensward/v1/beichen/gs-02/soil", json.dumps(body).encode())


def counted(seq: int, minute: int, number: int) -> Message:
    """Return a message that the device has numbered."""
    told = message(seq, minute=minute)
    return Message(seq, told.received_at, told.topic, json.dumps(json.loads(told.payload) | {"seq": number}).encode())


@pytest.mark.parametrize("late", [message, closely])
def test_a_reading_of_a_deleted_day_is_refused_and_kept_as_it_came(lake: DataFolder, late: Any) -> None:
    assert seal(lake, late(3, minute=OLD_MINUTE), message(4, minute=1)) == {"rejected": 1, "stored": 1}
    assert ask(lake, "select outcome, reason, rows_rejected from raw_messages where message_seq = 3") == [
        ("rejected", "day_expired", 1)
    ]
    ((code, scope, device_id, payload, faults),) = ask(
        lake, "select code, scope, device_id, payload, faults_json from rejected"
    )
    assert (code, scope, device_id, payload) == ("day_expired", "message", "gs-01", late(3, minute=OLD_MINUTE).payload)
    assert f"an instant from {FIRST_KEPT} on" in faults
    assert partition_days(lake, table("soil_readings")) == [NOON.date()]
    assert seal(lake, late(5, minute=OLD_MINUTE)) == {"duplicate": 1}, "sent again, it is still refused"


@pytest.mark.parametrize("told", [message, closely])
def test_the_first_instant_of_the_first_kept_day_is_taken_and_the_last_before_it_is_not(
    lake: DataFolder, told: Any
) -> None:
    begins = datetime.combine(FIRST_KEPT, datetime.min.time(), BEICHEN.timezone).astimezone(UTC)
    minute = int((begins - NOON).total_seconds() // 60)
    assert seal(lake, told(3, minute=minute)) == {"stored": 1}
    assert ask(lake, "select reason from raw_messages where message_seq = 3") == [(None,)]
    assert seal(lake, told(4, minute=minute - 1)) == {"rejected": 1}


def test_of_a_message_that_reaches_over_both_what_is_kept_is_stored_and_the_rest_told(lake: DataFolder) -> None:
    assert seal(lake, samples(3, OLD_MINUTE, 1), samples(4, OLD_MINUTE, OLD_MINUTE + 1)) == {"stored": 1, "rejected": 1}
    assert ask(lake, "select outcome, reason, rows_stored from raw_messages where message_seq = 3") == [
        ("stored", "partly_rejected", 1)
    ]
    told = ask(
        lake, "select message_seq, scope, pointer, code, octet_length(payload) > 0 from rejected order by message_seq"
    )
    assert told == [(3, "part", "", "day_expired", True), (4, "message", "", "day_expired", True)]


@pytest.mark.parametrize("late", [message, closely])
def test_a_seal_that_knew_nothing_yet_of_the_deletion_brings_no_piece_of_the_day_back(
    lake: DataFolder, late: Any
) -> None:
    told = [late(3, minute=OLD_MINUTE), message(4, minute=1)]
    with pytest.raises(StoreError, match="a moment ago"):
        Sealer(lake, BEICHEN, "test").seal(told, NO_REGISTERS)
    assert partition_days(lake, table("soil_readings")) == [NOON.date()]
    assert seal(lake, *told) == {"rejected": 1, "stored": 1}


def test_its_sender_hears_why(lake: DataFolder) -> None:
    sealer = Sealer(lake, BEICHEN, "test")
    (reply,) = sealer.seal([closely(3, minute=OLD_MINUTE)], Registers(lake).current()).replies
    said = json.loads(reply.payload)
    assert (said["accepted"], said["faults"][0]["code"]) == (False, "day_expired")


def test_a_picture_of_a_deleted_day_is_refused_too(folder: DataFolder) -> None:
    def picture(seq: int, days_ago: int) -> Message:
        at = NOON - timedelta(days=days_ago)
        body = message_with(image_id=f"p-{seq}", drone_id="m3e-1", captured_at=at.isoformat())
        topic = "greensward/v1/beichen/m3e-1/image"
        return Message(seq, at + timedelta(hours=1), topic, json.dumps(body).encode())

    assert seal(folder, picture(1, AGE), message(2)) == {"stored": 2}
    expire(folder, "drone_images")
    assert seal(folder, picture(3, AGE), picture(4, 1)) == {"rejected": 1, "stored": 1}
    assert ask(folder, "select count(*), min(date) from drone_images") == [(1, NOON.date() - timedelta(days=1))]


@pytest.mark.parametrize(("first", "outcome"), [(0, "stored"), (1, "rejected")])
def test_a_late_pose_leaves_alone_what_a_run_that_was_cut_short_left_of_its_day(
    folder: DataFolder, first: int, outcome: str
) -> None:
    """Written anew, a day that was told and is still there would stop this seal and every later one."""
    lake = Lake(folder)
    lake.seal(native(attitude=YAW_ONLY, gateway_id="DOCK"))
    told = BEICHEN.local_date(NOON) + timedelta(days=first)
    delete_expiring(folder, [Expiring("drone_images", (), told, AGE, 0, 0, 0)], NOON)
    before = lake.contents()
    assert seal(folder, *(lake.message(one) for one in (osd(-1), osd(1)))) == {outcome: 2}
    assert (lake.contents() == before) is (outcome == "rejected")


def test_replay_judges_it_again_and_refuses_it_again(lake: DataFolder) -> None:
    seal(lake, message(3, minute=OLD_MINUTE))
    replayed = replay(lake, Sealer(lake, BEICHEN, "test"), Registers(lake).current(), NOON)
    assert replayed.messages == 1
    assert ask(lake, "select count(*) from rejected") == [(1,)]
    assert ask(lake, "select outcome from raw_messages order by message_seq") == [
        ("stored",),
        ("stored",),
        ("rejected",),
    ]


def test_what_was_published_is_still_accounted_for(lake: DataFolder) -> None:
    """Two readings with a number each, one of them of a deleted day, and one that never came."""
    seal(lake, counted(3, 1, 10), counted(4, OLD_MINUTE, 11), counted(5, 2, 13))
    (question,) = [one for one in all_questions() if one.name == "messages_by_device"]
    with open_lake(lake, BEICHEN) as opened:
        rows = opened.execute(question.select).to_arrow_table().to_pylist()
    (account,) = [row for row in rows if row["refused"]]
    assert account["published"] == sum(account[name] for name in ("stored", "doubled", "refused", "left_aside", "lost"))
    assert (account["refused"], account["lost"]) == (1, 1)
