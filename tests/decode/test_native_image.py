"""Native picture messages: the reference cases, local faults, hostile input."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode.context import DecodeContext
from ingest.decode.native_image import decode_native_image
from ingest.errors import PayloadError
from ingest.observation import Decoded, Message
from ingest.site import BEICHEN

RECEIVED = datetime(2026, 6, 15, 2, 40, tzinfo=UTC)
DRONE = "1581F6Q8D245P00E"
TOPIC = f"greensward/v1/beichen/{DRONE}/image"
CONTEXT = DecodeContext(site=BEICHEN, model_of={})

FULL: dict[str, Any] = {
    "schema": "greening.image_metadata/1",
    "image_id": f"{DRONE}/DJI_20260615103012_0042_W.JPG",
    "drone_id": DRONE,
    "gateway_id": "7CTDM5900B3X1B",
    "flight_id": "aee739dc",
    "seq": 42,
    "captured_at": "2026-06-15T10:30:12.998+08:00",
    "time_source": "camera_clock",
    "object_uri": "oss://greening/0042_W.JPG",
    "is_original": True,
    "sensor": {"kind": "rgb", "model": "M3D wide", "payload_index": "80-0-0", "bands": ["R", "G", "B"]},
    "image": {"width_px": 5280, "height_px": 3956, "intrinsics": {"focal_px": 3713.29}},
    "position": {"lon": 117.1003, "lat": 39.2001, "height_takeoff_m": 60.12, "fix": "rtk_fixed", "h_sigma_m": 0.02},
    "attitude": {"yaw_deg": -91.4, "pitch_deg": -90.0, "roll_deg": 0.0, "source": "exif_xmp"},
    "model": {"name": "edge-tree-health", "version": "2.3.1"},
    "detections": [{"class": "unhealthy_tree", "confidence": 0.87, "bbox_px": [2210, 1402, 388, 402]}],
    "index_stats": [{"index": "NDVI", "scope": "image", "n_pixels": 1000, "median": 0.6, "calibrated": True}],
}


def message_with(**changes: object) -> dict[str, Any]:
    """Return the full message with values at double-underscored paths changed, or left out where None."""
    message = deepcopy(FULL)
    for path, value in changes.items():
        *outer, last = path.split("__")
        place = message
        for name in outer:
            place = place[name]
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return message


def decode(message: object, topic: str = TOPIC, received_at: datetime = RECEIVED) -> Decoded:
    payload = message if isinstance(message, bytes) else json.dumps(message, separators=(",", ":")).encode()
    return decode_native_image(Message(1, received_at, topic, payload), CONTEXT)


def codes_of(message: object, topic: str = TOPIC) -> set[tuple[str, str]]:
    with pytest.raises(PayloadError) as refused:
        decode(message, topic)
    return {(fault.pointer, fault.code) for fault in refused.value.faults}


def refused_parts(decoded: Decoded) -> dict[str, set[str]]:
    return {part.pointer: {fault.code for fault in part.faults} for part in decoded.parts_refused}


def verdict(payload: bytes) -> str:
    """Return how the reference cases call what became of a message."""
    try:
        found = decode(payload)
    except PayloadError:
        return "invalid"
    codes = set().union(*refused_parts(found).values()) if found.parts_refused else set()
    if found.images[0].quarantine is not None or codes == {"index_out_of_range"}:
        return "semantic_invalid"
    return "invalid" if codes else "valid"


def test_every_reference_case_ends_as_the_reference_says(shared: Path) -> None:
    lines = (shared / "data/drone/native_message_cases_give.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    assert len(cases) == 23
    for case in cases:
        if "raw" in case:
            # "must be refused by the parser", says the reference.
            assert verdict(case["raw"].encode()) == "invalid"
        else:
            assert verdict(json.dumps(case["message"]).encode()) == case["expect"], f"{case['case']}: {case['why']}"


def test_a_full_message_keeps_everything_it_says() -> None:
    found = decode(FULL)
    image = found.images[0]
    assert (found.parts_refused, found.reply, found.device_id) == ((), None, DRONE)
    assert image.captured_at == datetime(2026, 6, 15, 2, 30, 12, 998_000, tzinfo=UTC)
    assert (image.image_width_px, image.image_height_px, image.intrinsics) == (5280, 3956, {"focal_px": 3713.29})
    assert image.yaw_deg == pytest.approx(268.6)
    assert (image.pitch_deg, image.roll_deg) == (-90.0, 0.0)
    assert (image.position_fix, image.position_sigma_m, image.payload_index) == ("rtk_fixed", 0.02, "80-0-0")
    assert image.vendor == {"seq": 42, "bands": ["R", "G", "B"]}
    assert image.detections is not None
    assert (image.detections[0].class_name, image.detections[0].bbox_px) == ("unhealthy_tree", (2210, 1402, 388, 402))
    assert (image.index_stats[0].index_name, image.index_stats[0].n_pixels) == ("NDVI", 1000)


def test_the_two_heights_and_the_mark_of_a_copy_keep_their_places() -> None:
    image = decode(message_with(position__height_ground_m=31.5, is_original=False)).images[0]
    assert (image.height_takeoff_m, image.height_ground_m) == (60.12, 31.5)
    assert image.is_original is False


@pytest.mark.parametrize(
    ("part", "parts", "part_count"),
    [
        (None, {"all": 0}, None),
        (2, {"2": 0}, None),
        ({"index": 0, "of": 3}, {"0": 0}, 3),
        ({"index": 1, "count": 3}, {"1": 0}, 3),
        ({"index": 1, "of": True}, {"1": 0}, None),
        ({"index": 1, "of": 0}, {"1": 0}, None),
    ],
)
def test_a_part_says_which_it_is_and_of_how_many(part: object, parts: dict[str, int], part_count: int | None) -> None:
    image = decode(message_with(part=part)).images[0]
    assert (image.parts, image.part_count) == (parts, part_count)
    assert decode(message_with(part=part, detections=None)).images[0].said_parts == {}


def test_nothing_found_and_not_looked_at_are_different() -> None:
    assert decode(message_with(detections=[])).images[0].detections == ()
    assert decode(message_with(detections=None)).images[0].detections is None


@pytest.mark.parametrize("changes", [{"attitude__pitch_deg": None}, {"attitude__source": "assumed"}])
def test_a_pitch_that_nobody_measured_stays_unknown(changes: dict[str, object]) -> None:
    assert decode(message_with(**changes)).images[0].pitch_deg is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"position__lon": 0.0, "position__lat": 0.0}, "no_fix"),
        ({"position__fix": "none"}, "no_fix"),
        ({"position__lon": 2.3522, "position__lat": 48.8566}, "out_of_area"),
        ({"attitude__pitch_deg": 30.0}, "gimbal_up"),
        ({"attitude__pitch_deg": -180.0 - -10.0}, None),
        ({"attitude__pitch_deg": 0.9}, None),
        ({"captured_at": "2026-06-15T10:45:00+08:00"}, None),
        ({"captured_at": "2026-06-15T10:45:00.001+08:00"}, "captured_after_upload"),
    ],
)
def test_a_picture_that_cannot_be_placed_is_stored_with_the_reason(
    changes: dict[str, object], reason: str | None
) -> None:
    assert decode(message_with(**changes)).images[0].quarantine == reason


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"captured_at": "2026-W25-1T10:30:12+08:00"}, ("/captured_at", "bad_instant")),
        ({"captured_at": "2026-06-15T10:30:12"}, ("/captured_at", "bad_instant")),
        ({"captured_at": "1970-01-01T00:00:00Z"}, ("/captured_at", "before_2015")),
        ({"captured_at": "2000-01-01T00:00:00Z"}, ("/captured_at", "before_2015")),
        ({"captured_at": "2100-01-01T00:00:00Z"}, ("/captured_at", "after_2099")),
        ({"position__lat": True}, ("/position/lat", "wrong_type")),
        ({"position__lat": "39.2"}, ("/position/lat", "wrong_type")),
        ({"drone_id": "another"}, ("/drone_id", "identity_mismatch")),
        ({"image_id": "../../etc\n"}, ("/image_id", "wrong_form")),
        ({"part": "two"}, ("/part", "wrong_type")),
        ({"image__width_px": 10**300}, ("/image/width_px", "out_of_range")),
        ({"detections": [FULL["detections"][0]] * 5001}, ("", "too_large")),
        ({"detections": [{"class": "x", "confidence": 1, "whole_image": True}] * 5001}, ("/detections", "too_many")),
    ],
)
def test_a_fault_of_the_picture_itself_refuses_the_message(changes: dict[str, object], fault: tuple[str, str]) -> None:
    assert fault in codes_of(message_with(**changes))


def test_every_fault_of_a_refused_message_is_named() -> None:
    wrong = message_with(image_id=None, captured_at="yesterday", position__lon=325, drone_id="another")
    wrong["detections"][0]["confidence"] = 87
    assert codes_of(wrong) == {
        ("/image_id", "missing"),
        ("/captured_at", "bad_instant"),
        ("/position/lon", "out_of_range"),
        ("/drone_id", "identity_mismatch"),
        ("/detections/0/confidence", "out_of_range"),
    }


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"class": "x", "confidence": 87, "bbox_px": [1, 1, 9, 9]}, "out_of_range"),
        ({"class": "x", "confidence": True, "bbox_px": [1, 1, 9, 9]}, "wrong_type"),
        ({"class": "x", "confidence": 0.5}, "no_form_fits"),
        ({"class": "x", "confidence": 0.5, "bbox_px": [1, 1, 0, 9]}, "no_area"),
        ({"class": "x", "confidence": 0.5, "bbox_px": [300, 300, -99, 9]}, "no_area"),
        ({"class": "x", "confidence": 0.5, "bbox_px": [5280, 1, 9, 9]}, "outside_image"),
        ({"class": "x", "confidence": 0.5, "bbox_px": [1, 1, 1e300, 9]}, "outside_image"),
        ({"class": "x", "confidence": 0.5, "bbox_px": [1, 1, 10**300, 9]}, "outside_image"),
        ({"class": "x", "confidence": 0.5, "polygon_px": [[-9, -9], [-5, -9], [-5, -5]]}, "outside_image"),
        ({"class": "x", "confidence": 0.5, "polygon_px": [[-9, 5], [-9, -9], [5, -9]]}, "outside_image"),
        ({"class": "x", "confidence": 0.5, "bbox_px": [0.4, 0.4, 0.1, 0.1]}, "normalised_coordinates"),
        ({"class": "x", "confidence": 0.5, "bbox_px": [0, 0, 1, 1]}, "normalised_coordinates"),
        (
            {"class": "x", "confidence": 0.5, "polygon_px": [[0.1, 0.1], [0.2, 0.1], [0.2, 0.9]]},
            "normalised_coordinates",
        ),
        ({"id": "1", "class": "x", "confidence": 0.5, "bbox_px": [1, 1, 9, 9]}, "duplicate_id"),
    ],
)
def test_a_wrong_finding_does_not_cost_its_neighbour_or_the_picture(entry: dict[str, object], code: str) -> None:
    good = {"id": "1", "class": "y", "confidence": 0.9, "bbox_px": [10, 10, 20, 20]}
    found = decode(message_with(detections=[good, entry]))
    assert refused_parts(found) == {"/detections/1": {code}}
    assert [finding.class_name for finding in found.images[0].detections or ()] == ["y"]
    assert found.reply is not None


def test_a_form_that_is_missing_is_told_by_the_keys_it_could_have() -> None:
    with pytest.raises(PayloadError) as caught:
        decode(message_with(position__height_takeoff_m=None, image__intrinsics={"focal_mm": 12}))
    told = {(fault.pointer, fault.got, fault.expected) for fault in caught.value.faults}
    assert told == {
        ("/position", "none of them", "at least one of: height_takeoff_m, height_ground_m"),
        (
            "/image/intrinsics",
            "none of them",
            "exactly one of: focal_px, hfov_deg, focal_mm with sensor_width_mm, focal_35mm_mm",
        ),
    }
    two = {"class": "x", "confidence": 0.5, "bbox_px": [1, 1, 9, 9], "whole_image": True}
    (part,) = decode(message_with(detections=[two, FULL["detections"][0]])).parts_refused
    assert part.faults[0].got == "bbox_px and whole_image"


def test_findings_are_looked_at_also_when_the_picture_is_refused() -> None:
    wrong = message_with(drone_id="other", index_stats=[FULL["index_stats"][0] | {"median": 1.7}])
    assert codes_of(wrong) == {("/drone_id", "identity_mismatch"), ("/index_stats/0/median", "index_out_of_range")}


def test_who_asks_for_an_answer_to_a_picture_gets_one() -> None:
    assert decode(FULL).reply is None
    reply = decode(FULL | {"ack": 1}).reply
    assert reply is not None
    assert json.loads(reply.payload)["accepted"] is True


def test_a_picture_whose_findings_were_all_refused_does_not_count_as_clean() -> None:
    found = decode(message_with(detections=[{"class": "x", "confidence": 0.5}]))
    assert found.images[0].detections is None
    assert (found.images[0].parts, found.images[0].is_analysed) == ({"all": 1}, False)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"index": "NDVI", "scope": "image", "n_pixels": 10, "median": 1.7}, "index_out_of_range"),
        ({"index": "NDVI", "scope": "image", "n_pixels": 10, "median": 0.4, "p10": 0.5}, "not_in_order"),
        ({"index": "NDVI", "scope": "plot", "n_pixels": 10, "median": 0.4}, "missing"),
        ({"index": "HEALTH", "scope": "image", "n_pixels": 10, "median": 0.4}, "value_not_allowed"),
        ({"index": "LST_C", "scope": "image", "n_pixels": 10**30, "median": 31.0}, "out_of_range"),
    ],
)
def test_a_wrong_statistic_does_not_cost_the_picture(entry: dict[str, object], code: str) -> None:
    found = decode(message_with(index_stats=[entry, *FULL["index_stats"]]))
    assert refused_parts(found) == {"/index_stats/0": {code}}
    assert [stat.index_name for stat in found.images[0].index_stats] == ["NDVI"]


def test_findings_of_two_parts_of_one_picture_never_share_an_id() -> None:
    parts = [decode(message_with(part=part)).images[0] for part in (1, 2, {"index": 3, "of": 3})]
    ids = [finding.detection_id for image in parts for finding in image.detections or ()]
    assert len(set(ids)) == 3
    assert len({image.image_id for image in parts}) == 1


def ids_of(*said: str | None, part: object = None) -> list[str]:
    shape = {"class": "x", "confidence": 0.5, "bbox_px": [1, 1, 9, 9]}
    entries = [shape if one is None else shape | {"id": one} for one in said]
    return [
        finding.detection_id
        for finding in decode(message_with(detections=entries, part=part)).images[0].detections or ()
    ]


def test_no_id_that_a_sender_chooses_hides_another_finding() -> None:
    hostile = ["0", "#0", "##0", "#1#0", "#1:0", "1.0", "1:0", ""]
    every = [
        *ids_of(*hostile, None, None),
        *ids_of(*hostile, None, part=0),
        *ids_of(*hostile, None, part=1),
        *ids_of(*hostile, None, part=11),
    ]
    assert len(every) == 4 * len(hostile) + 5
    assert len(set(every)) == len(every)
    assert ids_of("tree-7") == ["tree-7"]


def test_a_box_of_two_pixels_is_small_and_not_normalised() -> None:
    found = decode(message_with(detections=[{"class": "x", "confidence": 0.5, "bbox_px": [0, 0, 1, 1.1]}]))
    assert found.parts_refused == ()


def test_the_same_message_twice_gives_the_same_ids() -> None:
    assert decode(FULL) == decode(FULL)


@pytest.mark.parametrize(
    "topic", ["greensward/v1/elsewhere/D1/image", "greensward/v1/beichen//image", "greensward/v1/beichen/a b/image"]
)
def test_a_topic_of_another_district_or_without_a_drone_is_refused(topic: str) -> None:
    with pytest.raises(PayloadError):
        decode(FULL, topic)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'{"schema": "greening.image_metadata/1", "position": {"lon": NaN}}',
        json.dumps(FULL).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(FULL).encode(),
        json.dumps(FULL)[:-1].encode() + b', "seq": 1}',
        b'{"position": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a": 1e400}',
    ],
)
def test_what_is_not_strict_json_or_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadError) as refused:
        decode(payload)
    assert refused.value.device_id == DRONE


def test_a_whole_number_written_with_a_point_is_one() -> None:
    assert decode(message_with(image__width_px=5280.0)).images[0].image_width_px == 5280


def test_four_thousand_findings_in_one_message_are_read() -> None:
    entry = {"class": "x", "confidence": 1, "bbox_px": [1, 2, 3, 4]}
    found = decode(message_with(detections=[entry] * 4000))
    assert len(found.images[0].detections or ()) == 4000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
PATHS = [
    "image_id", "captured_at", "sensor", "image", "image__intrinsics", "image__width_px", "position",
    "position__lon", "attitude", "attitude__pitch_deg", "detections", "index_stats", "model", "part", "vendor_raw",
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PATHS), JSON)
def test_whatever_stands_in_a_field_is_read_or_refused(path: str, value: object) -> None:
    try:
        decode(message_with(**{path: value if value is not None else 0}))
    except PayloadError:
        return


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_read_or_refused(payload: bytes) -> None:
    with pytest.raises(PayloadError):
        decode(payload)


def test_a_late_picture_is_not_quarantined_for_its_age() -> None:
    assert decode(FULL, received_at=RECEIVED + timedelta(days=30)).images[0].quarantine is None
