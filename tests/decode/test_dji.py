"""DJI Cloud API: the reference cases, every documented message, forms that changed, hostile input."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode.context import DecodeContext
from ingest.decode.dji import decode_dji
from ingest.decode.route import refusal_reply
from ingest.errors import PayloadError
from ingest.observation import Decoded, DroneImage, Message
from ingest.site import BEICHEN

RECEIVED = datetime(2026, 6, 15, 2, 32, tzinfo=UTC)
DOCK, PLANE = "7CTDM5900B3X1B", "1581F6Q8D245P00E"
EVENTS, OSD, DRC = f"thing/product/{DOCK}/events", f"thing/product/{PLANE}/osd", f"thing/product/{DOCK}/drc/up"
CONTEXT = DecodeContext(site=BEICHEN, model_of={})
SENT_MS = 1_781_490_712_000
"""2026-06-15T02:31:52Z."""
NEEDS_REPLY: dict[str, Any] = {"need_reply": 1, "tid": "t-1", "bid": 7}


def decode(topic: str, message: object, received_at: datetime = RECEIVED) -> Decoded:
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    return decode_dji(Message(1, received_at, topic, payload), CONTEXT)


def callback(metadata: dict[str, object] | None = None, **file: object) -> dict[str, Any]:
    """Return a callback of the newest form, with fields of file and metadata changed or, where None, left out."""
    facts: dict[str, Any] = {
        "absolute_altitude": 56.311,
        "create_time": "2026-06-15 10:30:12",
        "gimbal_yaw_degree": "-91.40",
        "relative_altitude": 41.124,
        "shoot_position": {"lat": 39.2, "lng": 117.1},
    } | (metadata or {})
    named: dict[str, Any] = {
        "ext": {"flight_id": "F1", "is_original": True, "payload_model_key": "1-80-0"},
        "metadata": {name: value for name, value in facts.items() if value is not None},
        "name": "DJI_20260615103012_0042_W.jpeg",
        "object_key": "prefix/F1/DJI_20260615103012_0042_W.jpeg",
        "path": "F1",
    } | file
    return {
        "bid": "b-1",
        "tid": "t-1",
        "timestamp": SENT_MS,
        "gateway": DOCK,
        "method": "file_upload_callback",
        "need_reply": 1,
        "data": {"file": {name: value for name, value in named.items() if value is not None}},
    }


def image_of(message: dict[str, Any]) -> DroneImage:
    return decode(EVENTS, message).images[0]


def codes_of(topic: str, message: object) -> set[tuple[str, str]]:
    with pytest.raises(PayloadError) as refused:
        decode(topic, message)
    return {(fault.pointer, fault.code) for fault in refused.value.faults}


def test_every_reference_case_gives_exactly_the_expected_row_and_reply(shared: Path) -> None:
    lines = (shared / "data/drone/dji_adapter_cases_give.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    assert len(cases) == 10
    for case in cases:
        found, expected = decode(case["topic"], case["message"]), case["expected"]
        assert found.reply is not None
        assert {"topic": found.reply.topic, **json.loads(found.reply.payload)} == expected["reply"]
        if expected["status"] == "upload_failed":
            assert (found.images, (found.ignored or "")[:13]) == ((), "upload_failed")
            continue
        image = found.images[0]
        for name in ("image_id", "gateway_id", "flight_id", "lon", "lat", "height_takeoff_m", "yaw_deg", "pitch_deg"):
            assert getattr(image, name) == expected[name], f"{case['case']} {name}"
        assert (image.alt_unknown_datum_m, image.is_original) == (expected["alt_unknown_datum_m"], True)
        assert image.captured_at == datetime.fromisoformat(expected["captured_at"])
        assert image.quarantine == expected.get("reason"), case["case"]


def test_every_documented_and_captured_message_is_stored_ignored_or_rejected(shared: Path) -> None:
    lines = (shared / "data/drone/dji_cloud_api_examples.jsonl").read_text(encoding="utf-8").splitlines()
    lines += (shared / "data/drone/dji_adapter_cases_give.jsonl").read_text(encoding="utf-8").splitlines()
    counted: Counter[str] = Counter()
    for line in lines:
        example = json.loads(line)
        topic = example["topic"].replace("{", "").replace("}", "").replace("_gateway_sn_", DOCK)
        try:
            found = decode(topic, example["message"], received_at=datetime(2026, 12, 1, tzinfo=UTC))
        except PayloadError:
            counted["rejected"] += 1
        else:
            assert bool(found.images or found.poses or found.flights) is (found.ignored is None)
            kinds = {"ignored": found.ignored, "image": found.images, "pose": found.poses, "flight": found.flights}
            counted[next(kind for kind, said in kinds.items() if said)] += 1
    assert counted.total() == len(lines) == 558
    assert counted["image"] == 15
    # Three pushes over the DRC link, one of them without a method; captured OSD messages have no time to be joined by.
    assert counted["pose"] == 3
    assert counted["flight"] == 2


@pytest.mark.parametrize(
    "metadata",
    [
        {"shoot_position": {"lat": 39.2, "lng": 117.1}},
        {"shoot_position": {"latitude": 39.2, "longitude": 117.1}},
        {"shoot_position": {"lat": "39.2", "lng": "117.1\x00"}},
        {"shoot_position": None, "lat": 39.2, "lng": 117.1},
        {"shoot_position": None, "latitude": 39.2, "longitude": "117.1"},
    ],
)
def test_the_position_is_found_under_each_of_its_names(metadata: dict[str, object]) -> None:
    image = image_of(callback(metadata))
    assert (image.lon, image.lat, image.quarantine) == (117.1, 39.2, None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("create_time", "2026-06-15 10:30:12"),
        ("created_time", "2026-06-15 10:30:12"),
        ("create_time", "2026-06-15 10:30:12\x00\x00"),
        ("create_time", "2026:06:15 10:30:12"),
        ("create_time", "2026-06-15T10:30:12"),
        ("create_time", "2026-06-15T02:30:12Z"),
        ("created_time", "2026-06-15T02:30:12.000Z"),
        ("created_time", "2026-06-15 10:30:12+08:00"),
        ("created_time", "2026-06-15T10:30:12+0800"),
        ("create_time", 1_781_490_612_000),
        ("create_time", "1781490612000"),
        ("create_time", 1_781_490_612),
        ("create_time", "1781490612\x00"),
    ],
)
def test_the_capture_time_is_read_in_each_of_its_forms(name: str, text: object) -> None:
    image = image_of(callback({"create_time": None, name: text}))
    assert image.captured_at == datetime(2026, 6, 15, 2, 30, 12, tzinfo=UTC)
    assert image.time_source == "camera_clock"


def test_without_a_capture_time_the_upload_time_stands_in_and_says_so() -> None:
    image = image_of(callback({"create_time": None}))
    assert (image.captured_at, image.time_source) == (datetime(2026, 6, 15, 2, 31, 52, tzinfo=UTC), "upload")


@pytest.mark.parametrize(("yaw", "yaw_deg"), [("-91.40", -91.4), (-91.4, -91.4), ("0", 0.0), (None, None), ("", None)])
def test_the_yaw_may_be_text_a_number_or_absent(yaw: object, yaw_deg: float | None) -> None:
    assert image_of(callback({"gimbal_yaw_degree": yaw})).yaw_deg == yaw_deg


def test_a_callback_never_has_a_pitch() -> None:
    image = image_of(callback())
    assert (image.pitch_deg, image.roll_deg, image.intrinsics, image.attitude_source) == (None, None, None, None)


@pytest.mark.parametrize(
    ("asked", "is_answered"), [(1, True), (True, True), ("1", True), (0, False), (False, False), (None, False)]
)
def test_a_reply_goes_out_where_one_is_asked_for(asked: object, *, is_answered: bool) -> None:
    reply = decode(EVENTS, callback() | {"need_reply": asked}).reply
    assert (reply is not None) is is_answered


def test_the_same_callback_twice_is_answered_twice_with_the_same_bytes() -> None:
    later = decode(EVENTS, callback(), RECEIVED + timedelta(hours=1))
    assert decode(EVENTS, callback()).reply == later.reply


def test_the_reply_goes_to_the_gateway_of_the_topic_whatever_the_body_says() -> None:
    found = decode(EVENTS, callback() | {"gateway": "thing/product/+"})
    assert found.reply is not None
    assert (found.reply.topic, found.images[0].gateway_id) == (f"thing/product/{DOCK}/events_reply", DOCK)


@pytest.mark.parametrize(
    ("name", "media_kind"),
    [
        ("a.jpeg", "image"),
        ("A.JPG", "image"),
        ("a.tiff", "image"),
        ("a.MP4", "video"),
        ("a.dat", "other"),
        ("a", "other"),
    ],
)
def test_videos_and_data_files_are_recorded_as_what_they_are(name: str, media_kind: str) -> None:
    assert image_of(callback(name=name, object_key=name)).media_kind == media_kind


def test_a_name_without_an_ending_is_what_its_key_is() -> None:
    assert image_of(callback(name="Waypoint4", object_key="F1/DJI_0001_W.JPG")).media_kind == "image"
    assert image_of(callback(name="Waypoint4", object_key="F1/DJI_0001_W.MP4")).media_kind == "video"


@pytest.mark.parametrize(
    ("said", "is_original"),
    [(True, True), (0, False), ("false", False), ("True", True), ("0", False), (None, None), (2, None), ([], None)],
)
def test_a_copy_is_told_by_a_truth_value_however_it_is_written(said: object, *, is_original: bool | None) -> None:
    assert image_of(callback(ext={"flight_id": "F1", "is_original": said})).is_original is is_original


def test_a_flight_may_be_a_number() -> None:
    assert image_of(callback(ext={"flight_id": 4711})).flight_id == "4711"


@pytest.mark.parametrize(
    ("file", "pointer"),
    [
        ({"ext": {"flight_id": {}}}, "/data/file/ext/flight_id"),
        ({"ext": {"payload_model_key": 53}}, "/data/file/ext/payload_model_key"),
        ({"ext": []}, "/data/file/ext"),
        ({"metadata": "none"}, "/data/file/metadata"),
    ],
)
def test_what_a_picture_can_do_without_is_refused_alone(file: dict[str, object], pointer: str) -> None:
    message = callback()
    message["data"]["file"] |= file
    decoded = decode(EVENTS, message)
    assert (len(decoded.images), [part.pointer for part in decoded.parts_refused]) == (1, [pointer])


@pytest.mark.parametrize(
    ("name", "sensor_kind"),
    [
        ("DJI_1_0042_W.jpeg", "rgb"),
        ("DJI_1_T.JPG", "thermal"),
        ("DJI_1_Z.jpg", "zoom"),
        ("DJI_1_MS_NIR.TIF", "multispectral"),
        ("dog.jpeg", None),
    ],
)
def test_the_lens_is_read_from_the_file_name(name: str, sensor_kind: str | None) -> None:
    assert image_of(callback(name=name)).sensor_kind == sensor_kind


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"shoot_position": {"lat": 0, "lng": 0}}, "no_fix"),
        ({"shoot_position": {"lat": 48.85, "lng": 2.35}}, "out_of_area"),
        ({"shoot_position": {"lat": 250, "lng": 325}}, "invalid_position"),
        ({"shoot_position": None}, "no_position"),
        ({"relative_altitude": 9000.0}, "impossible_height"),
        ({"create_time": "2026-06-15 10:36:52"}, None),
        ({"create_time": "2026-06-15 10:36:53"}, "captured_after_upload"),
    ],
)
def test_a_picture_that_cannot_be_placed_is_stored_with_the_reason(
    metadata: dict[str, object], reason: str | None
) -> None:
    assert image_of(callback(metadata)).quarantine == reason


@pytest.mark.parametrize(
    ("metadata", "pointer", "code"),
    [
        ({"create_time": "yesterday"}, "create_time", "bad_instant"),
        ({"create_time": "2026-02-30 10:30:12"}, "create_time", "bad_instant"),
        ({"create_time": "1970-01-01 00:00:00"}, "create_time", "before_2015"),
    ],
)
def test_a_time_that_cannot_be_read_refuses_the_callback(metadata: dict[str, object], pointer: str, code: str) -> None:
    assert codes_of(EVENTS, callback(metadata)) == {(f"/data/file/metadata/{pointer}", code)}


@pytest.mark.parametrize(
    ("metadata", "pointer", "code", "quarantine"),
    [
        ({"gimbal_yaw_degree": "north"}, "gimbal_yaw_degree", "wrong_type", None),
        ({"gimbal_yaw_degree": 4000}, "gimbal_yaw_degree", "out_of_range", None),
        ({"gimbal_yaw_degree": True}, "gimbal_yaw_degree", "wrong_type", None),
        ({"relative_altitude": 10**300}, "relative_altitude", "out_of_range", None),
        ({"shoot_position": {"lat": "39,2", "lng": 117.1}}, "shoot_position/lat", "wrong_type", "no_position"),
    ],
)
def test_a_number_that_cannot_be_read_does_not_cost_the_picture(
    metadata: dict[str, object], pointer: str, code: str, quarantine: str | None
) -> None:
    decoded = decode(EVENTS, callback(metadata))
    assert [(part.pointer, part.faults[0].code) for part in decoded.parts_refused] == [
        (f"/data/file/metadata/{pointer}", code)
    ]
    assert decoded.images[0].quarantine == quarantine


def test_a_dock_whose_callback_is_refused_hears_that_it_is_kept() -> None:
    wrong = Message(1, RECEIVED, EVENTS, json.dumps(callback({"create_time": "yesterday"}) | NEEDS_REPLY).encode())
    with pytest.raises(PayloadError) as caught:
        decode_dji(wrong, CONTEXT)
    reply = refusal_reply(wrong, caught.value)
    assert reply is not None
    assert json.loads(reply.payload) == {
        "tid": "t-1",
        "bid": 7,
        "method": "file_upload_callback",
        "data": {"result": 0},
    }
    assert refusal_reply(Message(1, RECEIVED, EVENTS, b"{"), caught.value) is None


def test_an_upload_that_failed_is_no_picture_whatever_else_it_says() -> None:
    failed = callback({"create_time": "yesterday"}) | NEEDS_REPLY
    failed["data"]["result"] = 1
    decoded = decode(EVENTS, failed)
    assert (decoded.ignored, decoded.images) == ("upload_failed: result 1", ())
    assert decoded.reply is not None


def test_every_fault_of_a_callback_is_named() -> None:
    wrong = callback({"create_time": "x", "gimbal_yaw_degree": "x"}, object_key=7)
    assert {code for _, code in codes_of(EVENTS, wrong)} == {"bad_instant", "wrong_type"}
    assert len(codes_of(EVENTS, wrong)) == 3


def test_a_callback_without_a_name_for_its_file_is_refused() -> None:
    assert codes_of(EVENTS, callback(object_key=None, name=None)) == {("/data/file/object_key", "missing")}


def osd(**changed: object) -> dict[str, Any]:
    data: dict[str, object] = {
        "80-0-0": {"gimbal_pitch": -60.5, "gimbal_roll": 0, "gimbal_yaw": "105.8"},
        "attitude_head": 138.0,
        "elevation": 41.5,
        "height": 1086.0,
        "latitude": 39.2,
        "longitude": 117.1,
    } | changed
    return {"tid": "t", "bid": "b", "timestamp": SENT_MS, "gateway": DOCK, "data": data}


def test_an_aircrafts_osd_says_how_its_gimbal_looked_and_which_dock_it_flies_with() -> None:
    pose = decode(OSD, osd()).poses[0]
    assert (pose.drone_id, pose.gateway_id, pose.source, pose.payload_index) == (PLANE, DOCK, "osd", "80-0-0")
    assert (pose.gimbal_yaw_deg, pose.gimbal_pitch_deg, pose.gimbal_roll_deg) == (105.8, -60.5, 0.0)
    assert pose.posed_at == datetime(2026, 6, 15, 2, 31, 52, tzinfo=UTC)


def test_only_the_height_above_take_off_is_a_height() -> None:
    assert decode(OSD, osd()).poses[0].height_takeoff_m == 41.5
    assert decode(OSD, osd(elevation=None)).poses[0].height_takeoff_m is None


def test_each_gimbal_of_an_aircraft_has_a_pose() -> None:
    found = decode(OSD, osd(**{"53-0-1": {"gimbal_pitch": -90, "gimbal_roll": 0, "gimbal_yaw": 0}}))
    assert [pose.payload_index for pose in found.poses] == ["80-0-0", "53-0-1"]


def test_a_position_without_a_fix_is_none() -> None:
    pose = decode(OSD, osd(latitude=0, longitude=0)).poses[0]
    assert (pose.lon, pose.lat, pose.gimbal_pitch_deg) == (None, None, -60.5)


def test_an_osd_that_would_keep_nothing_is_not_asked_for_its_time() -> None:
    found = decode(f"thing/product/{DOCK}/osd", {"data": {"capacity_percent": 78}})
    assert (found.poses, found.ignored) == ((), "osd without gimbal angles")


def test_a_gimbal_that_cannot_be_read_does_not_cost_the_other() -> None:
    found = decode(OSD, osd(**{"53-0-1": {"gimbal_pitch": "down", "gimbal_roll": 0, "gimbal_yaw": 0}}, longitude=181))
    assert [pose.payload_index for pose in found.poses] == ["80-0-0"]
    assert [(part.pointer, part.faults[0].pointer) for part in found.parts_refused] == [
        ("/data/53-0-1", "/data/53-0-1/gimbal_pitch")
    ]
    assert found.poses[0].lon is None
    broken = {"gimbal_pitch": "down"}
    assert codes_of(OSD, osd(**{"80-0-0": broken})) == {("/data/80-0-0/gimbal_pitch", "wrong_type")}


def test_a_docks_osd_is_no_pose() -> None:
    found = decode(f"thing/product/{DOCK}/osd", {"timestamp": SENT_MS, "data": {"latitude": 39.2, "humidity": 62}})
    assert (found.poses, found.ignored) == ((), "osd without gimbal angles")


def test_a_push_over_the_drc_link_is_a_pose_of_its_gateway() -> None:
    data = {
        "attitude_head": 138.0,
        "attitude_pitch": -3.0,
        "attitude_roll": 2.0,
        "gimbal_pitch": -45,
        "gimbal_roll": 0,
        "gimbal_yaw": 60,
        "height": 100.2,
        "latitude": 39.2,
        "longitude": 117.1,
    }
    pose = decode(DRC, {"method": "osd_info_push", "timestamp": SENT_MS, "seq": 1, "data": data}).poses[0]
    assert (pose.source, pose.drone_id, pose.gateway_id, pose.payload_index) == ("drc_osd", DOCK, DOCK, None)
    assert (pose.gimbal_yaw_deg, pose.gimbal_pitch_deg, pose.gimbal_roll_deg) == (60.0, -45.0, 0.0)
    assert pose.height_takeoff_m is None


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (None, "missing"),
        ("soon", "bad_instant"),
        (0, "before_2015"),
        (SENT_MS + 3_600_000, "in_the_future"),
        (10**300, "bad_instant"),
    ],
)
def test_a_pose_without_a_usable_time_is_refused(sent: object, code: str) -> None:
    message = osd() | {"timestamp": sent}
    assert codes_of(OSD, {name: value for name, value in message.items() if value is not None}) == {
        ("/timestamp", code)
    }


def test_the_time_may_stand_under_the_misspelt_key_as_text() -> None:
    message = osd()
    message["timestamp:"] = str(message.pop("timestamp"))
    assert decode(OSD, message).poses[0].posed_at == datetime(2026, 6, 15, 2, 31, 52, tzinfo=UTC)


def progress(**changed: object) -> dict[str, Any]:
    """Return a flighttask_progress as in the documentation, wayline management, with fields of ext changed."""
    ext: dict[str, object] = {"flight_id": "F1", "media_count": 6, "current_waypoint_index": 3} | changed
    output = {"ext": ext, "progress": {"current_step": 19, "percent": 100}, "status": "ok"}
    data = {"output": output, "result": 0}
    return {"tid": "t", "bid": "b", "timestamp": SENT_MS, "method": "flighttask_progress", "data": data}


def test_a_docks_progress_says_how_many_files_its_flight_made() -> None:
    found = decode(EVENTS, progress())
    (report,) = found.flights
    assert (report.flight_id, report.gateway_id, report.status, report.media_count) == ("F1", DOCK, "ok", 6)
    assert report.reported_at == datetime(2026, 6, 15, 2, 31, 52, tzinfo=UTC)
    assert found.reply is None
    asked = decode(EVENTS, progress() | {"need_reply": 1}).reply
    assert asked is not None
    assert json.loads(asked.payload)["method"] == "flighttask_progress"
    nameless = {name: value for name, value in progress().items() if name != "method"}
    assert decode(EVENTS, nameless).flights == found.flights


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"flight_id": None}, "missing"), ({"media_count": "many"}, "wrong_type"), ({"media_count": -1}, "out_of_range")],
)
def test_a_progress_whose_count_says_nothing_is_refused(changed: dict[str, object], code: str) -> None:
    assert {found for _, found in codes_of(EVENTS, progress(**changed))} == {code}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"result": 0, "output": {"status": "sent", "flight_id": "F1"}}, [("F1", "sent", None)]),
        ({"result": 314001, "output": {"status": "failed", "ext": None}, "flight_id": "F1"}, [("F1", "failed", None)]),
        (
            {"result": 0, "output": {"status": "ok", "ext": {"flight_id": "F1"}, "flight_id": "F2"}},
            [("F1", "ok", None)],
        ),
        ({"result": 0, "output": {"status": "rejected", "progress": {"percent": 0}}}, []),
        ({"result": 314001, "output": None}, []),
    ],
)
def test_a_progress_without_ext_keeps_what_it_says(data: dict[str, Any], told: list[tuple[object, ...]]) -> None:
    found = decode(EVENTS, progress() | {"data": data, "need_reply": 1})
    assert [(one.flight_id, one.status, one.media_count) for one in found.flights] == told
    assert found.reply is not None
    assert found.ignored == (None if told else "flighttask_progress of no flight")


def test_the_count_beside_an_uploaded_file_is_kept_and_a_wrong_one_does_not_cost_the_picture() -> None:
    message = callback()
    message["data"]["flight_task"] = {"expected_file_count": 14, "flight_type": 0, "uploaded_file_count": 12}
    found = decode(EVENTS, message)
    assert [(one.flight_id, one.media_count, one.source) for one in found.flights] == [
        ("F1", 14, "file_upload_callback")
    ]
    message["data"]["flight_task"] = {"expected_file_count": "fourteen"}
    wrong = decode(EVENTS, message)
    assert (len(wrong.images), wrong.flights, len(wrong.parts_refused)) == (1, (), 1)


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        (EVENTS, {"method": "hms", "data": {}}),
        (EVENTS, {"method": "flighttask_ready", "data": {"flight_ids": ["F1"]}}),
        (f"thing/product/{DOCK}/services_reply", {"method": "camera_photo_take"}),
        (f"thing/product/{DOCK}/events_reply", {"method": "file_upload_callback", "data": {"result": 0}}),
        (f"sys/product/{DOCK}/status", {"method": "update_topo"}),
        (DRC, {"method": "heart_beat", "data": {}}),
    ],
)
def test_other_messages_are_ignored_with_the_reason(topic: str, message: object) -> None:
    found = decode(topic, message)
    assert found.ignored
    assert found.reply is None


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{", b'{"data": NaN}', b'{"method": 5}', b'{"method": "a", "method": "b"}']
)
def test_what_is_no_json_object_with_a_method_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadError) as refused:
        decode(EVENTS, payload)
    assert refused.value.device_id == DOCK


def test_a_topic_with_a_wildcard_for_a_serial_number_is_refused() -> None:
    assert codes_of("thing/product/a+b/events", callback()) == {("", "bad_device_id")}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    in_metadata=st.sampled_from(
        ["create_time", "gimbal_yaw_degree", "shoot_position", "relative_altitude", "created_time"]
    ),
    in_file=st.sampled_from(["ext", "metadata", "name", "object_key", "path"]),
    value=JSON,
    deep=st.booleans(),
)
def test_whatever_stands_in_a_callback_is_read_or_refused(
    in_metadata: str, in_file: str, value: object, *, deep: bool
) -> None:
    message = callback({in_metadata: value}) if deep else callback()
    if not deep:
        message["data"]["file"][in_file] = value
    try:
        decode(EVENTS, message)
    except PayloadError:
        return


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["80-0-0", "latitude", "elevation"]), JSON)
def test_whatever_stands_in_an_osd_is_read_or_refused(name: str, value: object) -> None:
    try:
        decode(OSD, osd(**{name: value}))
    except PayloadError:
        return
