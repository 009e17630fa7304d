"""Planned gimbal angles on a topic of their own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.decode.context import DecodeContext
from ingest.decode.route import decode
from ingest.errors import PayloadError
from ingest.observation import Decoded, Message
from ingest.site import BEICHEN

POSE = {"posed_at": "2026-06-15T10:30:12+08:00", "pitch_deg": -90, "roll_deg": 0.5}


def told(document: Any) -> Decoded:
    payload = json.dumps(document).encode()
    message = Message(1, datetime(2026, 6, 15, 3, tzinfo=UTC), "greensward/v1/beichen/DOCK/plan", payload)
    return decode(message, DecodeContext(site=BEICHEN, model_of={}))


def test_planned_poses_are_poses_of_the_topics_drone_or_dock() -> None:
    (pose,) = told({"gateway_id": "DOCK", "poses": [POSE]}).poses
    assert (pose.drone_id, pose.gateway_id, pose.source) == ("DOCK", "DOCK", "flight_plan")
    assert (pose.posed_at, pose.gimbal_pitch_deg, pose.gimbal_roll_deg, pose.gimbal_yaw_deg) == (
        datetime(2026, 6, 15, 2, 30, 12, tzinfo=UTC), -90.0, 0.5, None,
    )  # fmt: skip


def test_a_pose_that_cannot_be_read_costs_no_other() -> None:
    found = told({"poses": [POSE, POSE | {"pitch_deg": "down"}, 5, {"posed_at": POSE["posed_at"]}]})
    assert (len(found.poses), [part.pointer for part in found.parts_refused]) == (
        1, ["/poses/1", "/poses/2", "/poses/3"],
    )  # fmt: skip


def test_a_pose_without_a_pitch_takes_back_what_an_earlier_plan_said() -> None:
    (pose,) = told({"planned_at": "2026-06-15T10:50:00+08:00", "poses": [POSE | {"pitch_deg": None}]}).poses
    assert (pose.gimbal_pitch_deg, pose.planned_at) == (None, datetime(2026, 6, 15, 2, 50, tzinfo=UTC))


def test_a_plan_may_be_told_by_a_clock_that_is_ten_minutes_ahead() -> None:
    (pose,) = told({"planned_at": "2026-06-15T03:10:00Z", "poses": [POSE]}).poses
    assert pose.planned_at == datetime(2026, 6, 15, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ([], "wrong_type"),
        ({}, "missing"),
        ({"poses": {}}, "wrong_type"),
        ({"poses": []}, "wrong_length"),
        ({"poses": [POSE] * 2001}, "wrong_length"),
        ({"poses": [POSE | {"pitch_deg": 91}]}, "out_of_range"),
        ({"poses": [POSE | {"pitch_deg": -180.5}]}, "out_of_range"),
        ({"poses": [POSE | {"roll_deg": 181}]}, "out_of_range"),
        ({"poses": [POSE | {"posed_at": None}]}, "missing"),
        ({"poses": [POSE | {"posed_at": 1781490612}]}, "wrong_type"),
        ({"poses": [POSE | {"posed_at": "2026-06-15T10:30:12"}]}, "bad_instant"),
        ({"poses": [POSE | {"posed_at": "1999-06-15T10:30:12Z"}]}, "before_2015"),
        ({"poses": [POSE], "gateway_id": True}, "wrong_type"),
        ({"poses": [POSE], "planned_at": 5}, "wrong_type"),
        ({"poses": [POSE], "planned_at": "today"}, "bad_instant"),
        ({"poses": [POSE], "planned_at": "2014-12-31T23:59:59Z"}, "before_2015"),
        ({"poses": [POSE], "planned_at": "2026-06-15T03:10:00.000001Z"}, "in_the_future"),
        ({"poses": [POSE], "planned_at": "2098-01-01T00:00:00Z"}, "in_the_future"),
        ({"poses": [POSE], "gateway_id": "ANOTHER DOCK"}, "identity_mismatch"),
    ],
)
def test_a_message_without_a_pose_says_what_is_wrong(document: Any, code: str) -> None:
    with pytest.raises(PayloadError) as caught:
        told(document)
    assert [fault.code for fault in caught.value.faults] == [code]
    assert caught.value.device_id == "DOCK"
