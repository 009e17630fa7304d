"""MAVLink's CAMERA_IMAGE_CAPTURED as JSON, in the spelling of each bridge."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode.context import DecodeContext
from ingest.decode.route import decode
from ingest.drone.footprint import compute_footprints
from ingest.errors import PayloadError
from ingest.observation import Decoded, DroneImage, Message
from ingest.site import BEICHEN

RECEIVED = datetime(2026, 6, 15, 2, 32, tzinfo=UTC)
URL = "http://camera.local/DCIM/IMG_0042.jpg"
DOWN = [0.7071067811865476, 0.0, -0.7071067811865476, 0.0]
"""Half a right angle about the camera's right axis, backwards: from the horizon straight down, the top to the north."""

# Message 263 of common.xml: 1e-7 degrees, millimetres, microseconds.
FIELDS: dict[str, Any] = {
    "time_boot_ms": 81_230,
    "time_utc": 1_781_490_612_000_000,
    "camera_id": 0,
    "lat": 392_000_000,
    "lon": 1_171_000_000,
    "alt": 46_300,
    "relative_alt": 41_120,
    "q": DOWN,
    "image_index": 41,
    "capture_result": 1,
    "file_url": URL,
}


def camel(name: str, *, first_is_small: bool) -> str:
    words = [part.capitalize() for part in name.split("_")]
    return (words[0].lower() if first_is_small else words[0]) + "".join(words[1:])


BRIDGES: dict[str, dict[str, Any]] = {
    "mavlink2rest": {
        "header": {"system_id": 1, "component_id": 100, "sequence": 12},
        "message": {"type": "CAMERA_IMAGE_CAPTURED", **FIELDS, "file_url": [*URL, *("\0" * (205 - len(URL)))]},
    },
    "rust-mavlink bytes": {"type": "CAMERA_IMAGE_CAPTURED", **FIELDS, "file_url": [*map(ord, URL), 0, 0]},
    "pymavlink": {"mavpackettype": "CAMERA_IMAGE_CAPTURED", **FIELDS},
    "gomavlib": {camel(name, first_is_small=False): value for name, value in FIELDS.items()},
    "node-mavlink": {camel(name, first_is_small=True): value for name, value in FIELDS.items()},
    "MAVSDK": {
        "position": {
            "latitude_deg": 39.2, "longitude_deg": 117.1, "absolute_altitude_m": 46.3, "relative_altitude_m": 41.12,
        },
        "attitude_quaternion": dict(zip("wxyz", DOWN, strict=True)),
        "time_utc_us": 1_781_490_612_000_000, "is_success": True, "index": 41, "file_url": URL,
    },
    "MAVSDK by protobuf": {
        "captureInfo": {
            "position": {
                "latitudeDeg": 39.2, "longitudeDeg": 117.1, "absoluteAltitudeM": 46.3, "relativeAltitudeM": 41.12,
            },
            "attitudeQuaternion": {"w": DOWN[0], "y": DOWN[2]},
            "timeUtcUs": "1781490612000000", "isSuccess": True, "index": 41, "fileUrl": URL,
        },
    },
    "numbers as text": {name: str(value) if isinstance(value, int) else value for name, value in FIELDS.items()},
    "degrees and metres": FIELDS | {"lat": 39.2, "lon": 117.1, "alt": 46.3, "relative_alt": 41.12},
    "q by its axes": FIELDS | {"q": dict(zip("wxyz", map(str, DOWN), strict=True))},
}  # fmt: skip


def read(document: object) -> Decoded:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    message = Message(1, RECEIVED, "greensward/v1/beichen/px4-1/mavlink", payload)
    return decode(message, DecodeContext(site=BEICHEN, model_of={}))


def image(**changed: Any) -> DroneImage:
    return read({name: value for name, value in (FIELDS | changed).items() if value is not None}).images[0]


@pytest.mark.parametrize("bridge", BRIDGES)
def test_a_captured_picture_is_the_same_whichever_bridge_brings_it(bridge: str) -> None:
    found = read(BRIDGES[bridge]).images[0]
    assert (found.drone_id, found.image_id, found.object_uri) == ("px4-1", URL, URL)
    assert found.captured_at == datetime(2026, 6, 15, 2, 30, 12, tzinfo=UTC)
    assert (found.lat, found.lon) == pytest.approx((39.2, 117.1))
    assert (found.height_takeoff_m, found.alt_msl_m, found.height_ground_m) == (41.12, 46.3, None)
    assert (found.pitch_deg, found.yaw_deg) == pytest.approx((-90, 0))
    assert (found.attitude_source, found.time_source, found.quarantine) == ("mavlink", "gnss", None)
    # No message of MAVLink tells the lens.
    assert compute_footprints([found])[0].status == "unknown_camera"


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_deg", "is_cameras"),
    [(45, 0, False), (45, -12, False), (200, 9, False), (45, -29.9, False), (45, -30.1, True), (45, -60, True)],
)
def test_the_attitude_of_an_aircraft_in_flight_is_not_taken_for_the_cameras(
    yaw_deg: float, pitch_deg: float, *, is_cameras: bool
) -> None:
    """PX4 tells its own attitude of every picture, whichever way the camera is mounted."""
    (cy, sy), (cp, sp) = ((math.cos(math.radians(a / 2)), math.sin(math.radians(a / 2))) for a in (yaw_deg, pitch_deg))
    found = image(q=[cp * cy, -sp * sy, sp * cy, cp * sy])
    assert found.pitch_deg == (pytest.approx(pitch_deg) if is_cameras else None)
    assert (found.yaw_deg is not None, found.attitude_source) == ((True, "mavlink") if is_cameras else (False, None))
    assert found.quarantine is None


@pytest.mark.parametrize("q", [None, [0, 0, 0, 0], [1, 0, 0, 0], [2, 0, 0, 0], [None] * 4, ["NaN", 0, 0, 0]])
def test_a_camera_that_knows_no_rotation_has_no_pose(q: object) -> None:
    found = image(q=q)
    assert (found.pitch_deg, found.yaw_deg, found.attitude_source) == (None, None, None)


DEGREES = {"lat": 39.25, "lon": 117.0}


@pytest.mark.parametrize(
    ("sent", "height_m", "altitude_m"),
    [
        ({"relative_alt": 16.1 * 1000, "alt": 46_300.00000000001}, 16.1, 46.3),
        ({"lat": 39.2 * 1e7, "lon": 117.1 * 1e7, "relative_alt": 50}, 0.05, 46.3),
        ({"relative_alt": 50.5, "alt": 55.0}, 50.5, 55.0),
        ({"relative_alt": 50.0, "alt": 55.5}, 50.0, 55.5),
        (DEGREES | {"relative_alt": 50.0, "alt": 55.0}, 50.0, 55.0),
        (DEGREES | {"relative_alt": 50, "alt": None}, 50.0, None),
        (DEGREES | {"lat": 39, "relative_alt": 50, "alt": 55}, 50.0, 55.0),
        (DEGREES | {"relative_alt": 2000, "alt": 2010}, 2000.0, 2010.0),
        (DEGREES | {"relative_alt": 2001, "alt": 2010}, 2.001, 2.01),
        (DEGREES | {"relative_alt": 120.0, "alt": 10_849.0}, 120.0, 10_849.0),
        (DEGREES | {"relative_alt": 1500, "alt": 10_850}, 1.5, 10.85),
        ({"lat": 0, "lon": 0, "relative_alt": 50, "alt": 55}, 0.05, 0.055),
        ({"relative_alt": -1500, "alt": 4}, -1.5, 0.004),
    ],
)
def test_both_heights_of_a_message_are_in_the_unit_that_its_place_and_its_fractions_tell(
    sent: dict[str, Any], height_m: float, altitude_m: float | None
) -> None:
    found = image(**sent)
    assert (found.height_takeoff_m, found.alt_msl_m) == (height_m, altitude_m)


@pytest.mark.parametrize(
    ("lat", "lon", "place"),
    [
        (39, 117, (39.0, 117.0)),
        (-33.5, 180.0, (-33.5, 180.0)),
        (39.2 * 1e7, 1_171_000_000, (39.2, 117.1)),
        (0, 181, (0.0, 1.81e-5)),
        (2_147_483_647, 117.1, (None, 117.1)),
    ],
)
def test_a_place_is_in_degrees_where_it_would_be_nowhere_else(
    lat: float, lon: float, place: tuple[float | None, float | None]
) -> None:
    found = image(lat=lat, lon=lon)
    assert (found.lat, found.lon) == place


@pytest.mark.parametrize("time_utc", [1_781_490_612_000_000, 1_781_490_612_000, 1_781_490_612])
def test_the_time_may_come_in_micro_milli_or_whole_seconds(time_utc: int) -> None:
    assert image(time_utc=time_utc).captured_at == datetime(2026, 6, 15, 2, 30, 12, tzinfo=UTC)


def test_without_a_time_that_of_arrival_stands_in_and_says_so() -> None:
    found = image(time_utc=0)
    assert (found.captured_at, found.time_source) == (RECEIVED, "upload")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"lat": 0, "lon": 0}, "no_fix"),
        ({"lat": 2_147_483_647, "lon": 2_147_483_647}, "no_position"),
        ({"lat": 488_500_000, "lon": 23_500_000}, "out_of_area"),
        ({"relative_alt": 9_000_000}, "impossible_height"),
        ({"q": [0.9238795, 0.0, 0.3826834, 0.0]}, "gimbal_up"),
        ({"lat": 39.2, "lon": 117.1}, None),
    ],
)
def test_a_picture_that_cannot_be_placed_is_kept_with_the_reason(changed: dict[str, Any], reason: str | None) -> None:
    assert image(**changed).quarantine == reason


def test_a_capture_that_failed_is_no_picture() -> None:
    for failed in (0, False, "0"):
        assert (read(FIELDS | {"capture_result": failed}).ignored or "").startswith("capture_failed")


def test_px4_tells_minus_1_of_a_camera_without_feedback_and_of_a_height_it_does_not_know() -> None:
    for unknown in (-1, "-1"):
        found = image(capture_result=unknown, relative_alt=-1000)
        assert (found.image_id, found.height_takeoff_m, found.quarantine) == (URL, None, None)
    assert image(relative_alt=-1001).height_takeoff_m == -1.001


@pytest.mark.parametrize(
    "captured", [BRIDGES["MAVSDK by protobuf"]["captureInfo"], BRIDGES["MAVSDK"] | {"time_utc_us": "1781490612000000"}]
)
def test_protobuf_leaves_out_false_and_0_so_that_a_failure_and_the_first_picture_are_told_by_what_is_missing(
    captured: dict[str, Any],
) -> None:
    told = {name: value for name, value in captured.items() if name.lower().replace("_", "") != "issuccess"}
    assert (read({"captureInfo": told}).ignored or "").startswith("capture_failed")
    unnamed = {name: value for name, value in captured.items() if name not in ("fileUrl", "file_url", "index")}
    assert read({"captureInfo": unnamed}).images[0].image_id == "2026-06-15T02:30:12+00:00/0"


def test_where_no_protobuf_wrote_it_what_is_missing_is_not_known() -> None:
    python = {name: value for name, value in BRIDGES["MAVSDK"].items() if name != "is_success"}
    assert read(python).images[0].image_id == URL
    javascript = {name: value for name, value in BRIDGES["node-mavlink"].items() if name != "captureResult"}
    assert read(javascript).images[0].image_id == URL
    with pytest.raises(PayloadError, match="image_index"):
        read({name: value for name, value in python.items() if name not in ("file_url", "index")})


def test_a_picture_without_a_name_is_called_by_its_time_and_number() -> None:
    assert image(file_url="").image_id == "2026-06-15T02:30:12+00:00/41"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"[]", "wrong_type"),
        ({"mavpackettype": "HEARTBEAT", "type": 2}, "unknown_message"),
        ({"message": {"type": "ATTITUDE"}}, "unknown_message"),
        (FIELDS | {"lat": "north"}, "wrong_type"),
        (FIELDS | {"lat": "nan"}, "wrong_type"),
        (FIELDS | {"relative_alt": "4_1120"}, "wrong_type"),
        (FIELDS | {"relative_alt": " 41120"}, "wrong_type"),
        (FIELDS | {"relative_alt": "４１１２０"}, "wrong_type"),
        (FIELDS | {"relative_alt": "1e999"}, "wrong_type"),
        (FIELDS | {"q": "down"}, "wrong_type"),
        (FIELDS | {"q": [1.0, 0.0, 0.0]}, "wrong_type"),
        (FIELDS | {"q": [1, "north", 0, 0]}, "wrong_type"),
        (FIELDS | {"q": [True, 0, 0, 0]}, "wrong_type"),
        (FIELDS | {"q": {"w": "0_7", "y": 0.7}}, "wrong_type"),
        (FIELDS | {"file_url": None, "image_index": None}, "missing"),
        (FIELDS | {"time_utc": 1_300_000_000}, "before_2015"),
    ],
)
def test_what_cannot_be_read_is_refused(document: object, code: str) -> None:
    with pytest.raises(PayloadError) as refused:
        read(document)
    assert {fault.code for fault in refused.value.faults} == {code}
    assert refused.value.device_id == "px4-1"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*FIELDS, "message", "position", "type"]), JSON)
def test_whatever_stands_in_a_field_is_read_or_refused(name: str, value: object) -> None:
    try:
        compute_footprints(read(FIELDS | {name: value}).images)
    except PayloadError:
        return
