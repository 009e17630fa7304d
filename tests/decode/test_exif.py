"""EXIF and XMP as exiftool writes them: where, when and how a camera looked, and what no tag says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode.camera_attitude import from_nadir_mount, from_quaternion
from ingest.decode.context import DecodeContext
from ingest.decode.exif_file import split_exif_file
from ingest.decode.exif_image import image_from_tags
from ingest.decode.native_exif import UNKNOWN_DRONE
from ingest.decode.route import decode
from ingest.drone.camera import cameras_of
from ingest.drone.camera_table import completed
from ingest.drone.footprint import compute_footprints
from ingest.errors import PayloadError
from ingest.observation import DroneImage, Message
from ingest.site import BEICHEN

SHANGHAI = ZoneInfo("Asia/Shanghai")
RECEIVED = datetime(2026, 7, 1, tzinfo=UTC)

# A Mavic 3 Enterprise over Beichen; tags and their forms as in DJI's user manual, "photo metadata".
GROUPED: dict[str, Any] = {
    "SourceFile": "flight/DJI_20260615103012_0042_V.JPG",
    "File:ImageWidth": 5280,
    "File:ImageHeight": 3956,
    "IFD0:Make": "DJI",
    "IFD0:Model": "M3E",
    "ExifIFD:DateTimeOriginal": "2026:06:15 10:30:12",
    "ExifIFD:FocalLength": 12.29,
    "ExifIFD:FocalLengthIn35mmFormat": 24,
    "GPS:GPSLatitudeRef": "N",
    "GPS:GPSLatitude": 39.2,
    "GPS:GPSLongitudeRef": "E",
    "GPS:GPSLongitude": 117.1,
    "GPS:GPSAltitude": 46.3,
    "XMP-drone-dji:AbsoluteAltitude": "+46.31",
    "XMP-drone-dji:RelativeAltitude": "+41.12",
    "XMP-drone-dji:GimbalRollDegree": "+0.00",
    "XMP-drone-dji:GimbalYawDegree": "-91.40",
    "XMP-drone-dji:GimbalPitchDegree": "-90.00",
    "XMP-drone-dji:FlightYawDegree": "+30.00",
    "XMP-drone-dji:RtkFlag": 50,
    "XMP-drone-dji:RtkStdLon": 0.011,
    "XMP-drone-dji:RtkStdLat": 0.012,
    "XMP-drone-dji:DroneSerialNumber": "1581F6Q8D245P00E",
}
AS_PEOPLE_READ: dict[str, Any] = {
    "SourceFile": "flight/DJI_20260615103012_0042_V.JPG",
    "ImageWidth": 5280,
    "ImageHeight": 3956,
    "Make": "DJI",
    "Model": "M3E",
    "DateTimeOriginal": "2026:06:15 10:30:12",
    "FocalLength": "12.3 mm",
    "FocalLengthIn35mmFormat": "24 mm",
    "GPSLatitude": "39 deg 12' 0.00\" N",
    "GPSLongitude": "117 deg 6' 0.00\" E",
    "GPSAltitude": "46.3 m Above Sea Level",
    "AbsoluteAltitude": "+46.31",
    "RelativeAltitude": "+41.12",
    "GimbalRollDegree": "+0.00",
    "GimbalYawDegree": "-91.40",
    "GimbalPitchDegree": "-90.00",
    "FlightYawDegree": "+30.00",
    "RtkFlag": 50,
    "RtkStdLon": 0.011,
    "RtkStdLat": 0.012,
    "DroneSerialNumber": "1581F6Q8D245P00E",
}


def image(tags: Mapping[str, Any] = GROUPED, **changed: Any) -> DroneImage:
    """Return the picture of `tags` with some changed, or left out where None; __ stands for a colon, _ for a hyphen."""
    names = {name.replace("__", ":").replace("XMP_drone_dji", "XMP-drone-dji"): v for name, v in changed.items()}
    return image_from_tags({k: v for k, v in {**tags, **names}.items() if v is not None}, SHANGHAI)


@pytest.mark.parametrize("tags", [GROUPED, AS_PEOPLE_READ])
def test_a_dji_picture_says_where_and_how_it_was_taken_in_every_form_of_exiftool(tags: dict[str, Any]) -> None:
    found = image(tags)
    assert (found.lat, found.lon) == pytest.approx((39.2, 117.1))
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == (-91.4, -90.0, 0.0)
    assert (found.height_takeoff_m, found.height_ground_m, found.alt_unknown_datum_m) == (41.12, None, 46.31)
    assert (found.position_fix, found.position_sigma_m) == ("rtk_fixed", 0.012)
    assert (found.drone_id, found.attitude_source, found.sensor_kind) == ("1581F6Q8D245P00E", "exif_xmp", "rgb")
    assert found.captured_at == datetime(2026, 6, 15, 2, 30, 12, tzinfo=UTC)
    assert (found.intrinsics or {})["focal_35mm_mm"] == 24.0
    assert compute_footprints([found])[0].status == "ok"


@pytest.mark.parametrize("first", {"File": "File", "IFD0": "EXIF", "ExifIFD": "EXIF", "GPS": "EXIF"}.items())
def test_of_several_groups_the_last_counts(first: tuple[str, str]) -> None:
    """The option -G0:1 writes EXIF:GPS:GPSLatitude."""
    group, family = first
    twice = {name.replace(f"{group}:", f"{family}:{group}:", 1): value for name, value in GROUPED.items()}
    assert image_from_tags(twice, SHANGHAI) == image()


def test_the_aircrafts_angles_and_the_absolute_altitude_never_stand_in_for_the_cameras() -> None:
    dropped: dict[str, Any] = dict.fromkeys(("XMP_drone_dji__GimbalPitchDegree", "XMP_drone_dji__RelativeAltitude"))
    found = image(**dropped, XMP_drone_dji__FlightPitchDegree="-2.0")
    assert (found.pitch_deg, found.attitude_source, found.height_takeoff_m) == (None, None, None)


@pytest.mark.parametrize(
    ("lat", "ref", "expected"),
    [
        (8.30395, "S", -8.30395),
        (-8.30395, "S", -8.30395),
        ("8 deg 17' 39.30\" S", None, -(8 + 17 / 60 + 39.3 / 3600)),
        ("8 deg 17' 39.30\"", "South", -(8 + 17 / 60 + 39.3 / 3600)),
        (46.84, "N", 46.84),
        ("+46.8400000", None, 46.84),
        ([8, 17, 39.3], "S", -(8 + 17 / 60 + 39.3 / 3600)),
        (["8/1", "17/1", "393/10"], "S", -(8 + 17 / 60 + 39.3 / 3600)),
        ("8 17 39.3", "S", -(8 + 17 / 60 + 39.3 / 3600)),
        ("8,17.655S", None, -(8 + 17.655 / 60)),
        ("8.30395000 S", None, -8.30395),
        ("8.30395 s", None, -8.30395),
        ("8.30395 m", "N", 8.30395),
        ([8, "x", 39.3], "S", None),
        ([], "S", None),
        ("undef", "N", None),
        ("", None, None),
        ("nan", "N", None),
        ("1e999", "N", None),
    ],
)
def test_a_latitude_is_read_with_its_hemisphere(lat: object, ref: str | None, expected: float | None) -> None:
    found = image(GPS__GPSLatitude=lat, GPS__GPSLatitudeRef=ref).lat
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_place_in_xmp_counts_where_the_other_has_none() -> None:
    xmp = {"XMP-drone-dji:GPSLatitude": "+39.2100000", "XMP-drone-dji:GPSLongtitude": "+117.1200000"}
    found = image({**GROUPED, **xmp}, GPS__GPSLatitude=0, GPS__GPSLongitude=None)
    assert (found.lat, found.lon) == (39.21, 117.12)


CAMERA = "camera_clock"


def gps(day: str, time: str) -> dict[str, Any]:
    return {"GPS:GPSDateStamp": day, "GPS:GPSTimeStamp": time}


@pytest.mark.parametrize(
    ("tags", "at", "source", "zone_min", "drift_s"),
    [
        ({}, "2026-06-15T02:30:12+00:00", CAMERA, None, None),
        ({"ExifIFD:OffsetTimeOriginal": "+02:00"}, "2026-06-15T08:30:12+00:00", "camera_clock", None, None),
        ({"ExifIFD:SubSecTimeOriginal": "587"}, "2026-06-15T02:30:12.587+00:00", "camera_clock", None, None),
        ({"ExifIFD:DateTimeOriginal": "2026:06:15 10:30:12+08:00"}, "2026-06-15T02:30:12+00:00", CAMERA, None, None),
        # GPS time beside a clock that is 34 s behind and has the zone of Shanghai, then of nowhere.
        (gps("2026:06:15", "02:30:46"), "2026-06-15T02:30:46+00:00", "gnss", 480, -34.0),
        (gps("2026:06:15", "10:30:12.25"), "2026-06-15T10:30:12.250+00:00", "gnss", 0, -0.25),
        ({"XMP-drone-dji:UTCAtExposure": "2026-06-15 02:30:11.5"}, "2026-06-15T02:30:11.500+00:00", "gnss", 480, 0.5),
        # XMP tells the same second with its zone (a Mini 4 Pro, an Anafi), or in UTC (Skydio, a Teal 2).
        ({"XMP-xmp:CreateDate": "2026:06:15 10:30:12-04:00"}, "2026-06-15T14:30:12+00:00", CAMERA, None, None),
        ({"XMP-exif:DateTimeOriginal": "2026:06:15 10:30:12.587Z"}, "2026-06-15T10:30:12+00:00", CAMERA, None, None),
        ({"XMP-exif:DateTimeOriginal": "2026:06:15 08:30:12Z"}, "2026-06-15T08:30:12+00:00", CAMERA, None, None),
        ({"XMP-xmp:CreateDate": "2026:06:15 10:30:12Z", "ExifIFD:OffsetTimeOriginal": "+02:00"},
         "2026-06-15T08:30:12+00:00", CAMERA, None, None),
        # What somebody edited weeks or minutes later tells no zone, and FLIR's own time has a zone that is none.
        ({"XMP-xmp:ModifyDate": "2026:06:15 10:30:12-04:00"}, "2026-06-15T02:30:12+00:00", CAMERA, None, None),
        ({"XMP-xmp:CreateDate": "2026:06:15 10:30:15-04:00"}, "2026-06-15T02:30:12+00:00", CAMERA, None, None),
        ({"XMP-xmp:CreateDate": "2026:07:06 10:30:12-04:00"}, "2026-06-15T02:30:12+00:00", CAMERA, None, None),
        ({"FLIR:DateTimeOriginal": "2026:06:15 10:30:12-04:00"}, "2026-06-15T02:30:12+00:00", CAMERA, None, None),
        # MicaSense's clock is in UTC, unless it says another zone.
        ({"IFD0:Make": "MicaSense"}, "2026-06-15T10:30:12+00:00", CAMERA, None, None),
        ({"IFD0:Make": "MicaSense", "ExifIFD:OffsetTimeOriginal": "+02:00"},
         "2026-06-15T08:30:12+00:00", CAMERA, None, None),
        # A receiver that forgot the week, and one that says no day.
        (gps("2006:10:30", "02:30:12"), "2026-06-15T02:30:12+00:00", CAMERA, None, None),
        ({"GPS:GPSTimeStamp": "02:30:46"}, "2026-06-15T02:30:12+00:00", CAMERA, None, None),
    ],
)  # fmt: skip
def test_gps_time_counts_before_a_clock_and_shows_its_zone_and_drift(
    tags: dict[str, Any], at: str, source: str, zone_min: int | None, drift_s: float | None
) -> None:
    found = image_from_tags(GROUPED | tags, SHANGHAI)
    exif: Any = (found.vendor or {})["exif"]
    assert (found.captured_at, found.time_source) == (datetime.fromisoformat(at), source)
    assert (exif.get("camera_zone_min"), exif.get("camera_drift_s")) == (zone_min, drift_s)


def test_a_clock_that_was_never_set_is_no_time() -> None:
    with pytest.raises(PayloadError) as refused:
        image(ExifIFD__DateTimeOriginal="1970:01:01 00:19:28")
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/DateTimeOriginal", "missing")]
    assert "1970:01:01 00:19:28" in refused.value.faults[0].got
    assert image(ExifIFD__DateTimeOriginal="0000:00:00 00:00:00", IFD0__ModifyDate="2026:06:15 10:30:12").captured_at


DEWARP = "2018-09-07;3657.02,3650.62,-4.03,23.1,-0.267098,0.111977,0.000924881,0.0000882056,-0.0331614"


def test_djis_calibration_becomes_lens_centre_and_distortion() -> None:
    said: dict[str, Any] = dict(image(XMP_drone_dji__DewarpData=DEWARP, XMP_drone_dji__DewarpFlag=0).intrinsics or {})
    assert (said["focal_px"], said["focal_y_px"]) == (3657.02, 3650.62)
    assert (said["cx_px"], said["cy_px"]) == (pytest.approx(2640 - 4.03), pytest.approx(1978 + 23.1))
    assert said["distortion"] == {
        "model": "brown", "k1": -0.267098, "k2": 0.111977, "k3": -0.0331614, "p1": 0.000924881, "p2": 0.0000882056,
    }  # fmt: skip
    straight = image(XMP_drone_dji__DewarpData=DEWARP, XMP_drone_dji__DewarpFlag=1).intrinsics or {}
    assert "distortion" not in straight


def test_a_designed_focal_length_stands_in_for_a_calibration() -> None:
    said = image(XMP_drone_dji__CalibratedFocalLength=3725.151, XMP_drone_dji__DewarpData="2018;1,2").intrinsics
    assert (said or {})["focal_px"] == 3725.151


@pytest.mark.parametrize(
    "tags",
    [
        {"File:ImageWidth": 1320, "File:ImageHeight": 989, "ExifIFD:ExifImageWidth": 5280},
        {"File:ImageWidth": 1320, "File:ImageHeight": 989, "IFD0:ImageWidth": 5280},
        {"File:ImageWidth": 1320, "File:ImageHeight": 989, "XMP-drone-dji:CalibratedOpticalCenterX": 2640.0,
         "XMP-drone-dji:CalibratedFocalLength": 3725.151},
    ],
)  # fmt: skip
def test_a_smaller_copy_is_not_the_original_and_has_no_lens_in_pixels(tags: dict[str, Any]) -> None:
    found = image_from_tags(GROUPED | tags, SHANGHAI)
    assert found.is_original is False
    assert "focal_px" not in (found.intrinsics or {})
    assert compute_footprints([found])[0].status == "not_original"


def test_a_raw_files_preview_is_not_the_picture() -> None:
    """A Phantom 4's DNG: directories of a thumbnail, the picture and a preview (metadata-extractor-images, dng)."""
    jpeg = {name: value for name, value in GROUPED.items() if not name.startswith("File:")}
    sizes = {"IFD0": (160, 120), "SubIFD": (4000, 3000), "SubIFD1": (960, 720)}
    raw = {
        f"{group}:Image{side}": size[i] for group, size in sizes.items() for i, side in enumerate(("Width", "Height"))
    }
    found = image_from_tags(jpeg | raw | {"SourceFile": "DJI_0001.DNG"}, SHANGHAI)
    assert (found.image_width_px, found.image_height_px, found.is_original) == (4000, 3000, None)
    assert compute_footprints([found])[0].status == "ok"


@pytest.mark.parametrize(("cut", "applied", "is_original"), [(True, True, False), ("True", "True", False),
                                                             (True, False, None), (False, True, None)])  # fmt: skip
def test_what_camera_raw_cut_is_not_the_original(cut: object, applied: object, is_original: object) -> None:
    tags = GROUPED | {"XMP-crs:HasCrop": cut, "XMP-crs:AlreadyApplied": applied}
    assert image_from_tags(tags, SHANGHAI).is_original is is_original


def test_a_centre_that_was_calibrated_off_the_middle_makes_no_copy() -> None:
    """Skydio X2: 1989 px in a picture of 4056."""
    tags = {"File:ImageWidth": 4056, "File:ImageHeight": 3040, "XMP-drone-skydio:CalibratedOpticalCenterX": 1989.28}
    assert image_from_tags(GROUPED | tags, SHANGHAI).is_original is None


@pytest.mark.parametrize(
    ("tags", "model"),
    [
        ({"ExifIFD:FocalLengthIn35mmFormat": 6}, "fisheye"),  # a Parrot Disco
        ({"XMP-Camera:ModelType": "fisheye"}, "fisheye"),
        ({"XMP-GPano:ProjectionType": "equirectangular"}, "panorama"),
        ({"XMP-GPano:ProjectionType": "cylindrical"}, "panorama"),
        ({"XMP-GPano:ProjectionType": "rectilinear"}, None),
        ({"ExifIFD:DigitalZoomRatio": 1.9}, "digital_zoom"),  # a Mavic 3
    ],
)
def test_a_picture_that_no_pinhole_draws_gets_no_ground(tags: dict[str, Any], model: str | None) -> None:
    found = image_from_tags(GROUPED | tags, SHANGHAI)
    assert (found.intrinsics or {}).get("model") == model
    status = compute_footprints([completed(found)[0]])[0].status
    assert status == ("unknown_camera" if model else "ok")


def test_an_angle_of_view_tells_the_lens_where_nothing_better_does() -> None:
    """A Teal 2's Hadron 640R, whose EXIF has 4.8 mm and no sensor (OpenAthenaIOS, examples)."""
    plain = {name: value for name, value in GROUPED.items() if "FocalLength" not in name}
    tags = plain | {
        "ExifIFD:FocalLength": 4.8,
        "XMP-exif:CameraHorizontalFOV": 67.986198,
        "IFD0:Model": "Hadron 640R EO",
    }
    found, _ = completed(image_from_tags(tags | {"File:ImageWidth": 4624, "File:ImageHeight": 3472}, SHANGHAI))
    lens = cameras_of([found]).focal_x_px[0]
    assert lens == pytest.approx(4624 / 2 / math.tan(math.radians(67.986198 / 2)))


@pytest.mark.parametrize(("tags", "kind"), [
    ({"XMP-drone-skydio:CameraSource": "INFRARED"}, "thermal"), ({"IFD0:Model": "Boson 640"}, "thermal"),
    ({"IFD0:Make": "FLIR"}, "thermal"), ({"IFD0:Make": "Teledyne FLIR", "IFD0:Model": "Hadron 640R EO"}, "rgb"),
])  # fmt: skip
def test_heat_cameras_are_told_by_what_their_makers_call_them(tags: dict[str, Any], kind: str) -> None:
    assert image_from_tags(GROUPED | tags, SHANGHAI).sensor_kind == kind


@pytest.mark.parametrize("said", [3, 6, "8", "Rotate 90 CW", "Mirror vertical"])
def test_a_turned_picture_is_kept_without_ground(said: object) -> None:
    found = image(IFD0__Orientation=said)
    assert found.quarantine == "turned_picture"
    assert compute_footprints([found])[0].polygon is None


@pytest.mark.parametrize("said", [1, "1", 0, 9, "Horizontal (normal)", "Unknown (0)", None])
def test_a_picture_that_stands_as_it_was_taken_is_not_turned(said: object) -> None:
    assert image(IFD0__Orientation=said).quarantine is None


@pytest.mark.parametrize(("ratio", "is_known"), [(2, False), ("1.40", False), (1, True), ("1.00", True), (0, True)])
def test_of_a_digitally_zoomed_picture_no_figure_tells_the_lens(ratio: object, *, is_known: bool) -> None:
    zoomed, _ = completed(image(ExifIFD__DigitalZoomRatio=ratio))
    assert (compute_footprints([zoomed])[0].status == "ok") is is_known


def test_pix4d_names_of_lens_and_pose_are_read() -> None:
    tags: dict[str, Any] = {
        "SourceFile": "IMG_0001_4.tif", "ExifIFD:DateTimeOriginal": "2026:06:15 10:30:12", "IFD0:Make": "MicaSense",
        "IFD0:Model": "RedEdge-M", "IFD0:ImageWidth": 1280, "IFD0:ImageHeight": 960,
        "ExifIFD:FocalPlaneXResolution": 266.666667, "ExifIFD:FocalPlaneResolutionUnit": 4,
        "XMP-Camera:PerspectiveFocalLength": 5.4, "XMP-Camera:PerspectiveFocalLengthUnits": "mm",
        "XMP-Camera:PrincipalPoint": "2.41393,1.69603",
        "XMP-Camera:PerspectiveDistortion": "-0.1,0.14,-0.04,0.001,-0.002",
        "XMP-Camera:Yaw": 30.0, "XMP-Camera:Pitch": 10.0, "XMP-Camera:Roll": 0.0, "XMP-Camera:GPSXYAccuracy": 1.9,
        "XMP-Camera:BandName": "NIR", "XMP-Camera:RigCameraIndex": 3, "XMP-DLS:Yaw": 1.8, "XMP-DLS:Pitch": -0.37,
    }  # fmt: skip
    found = image_from_tags(tags, SHANGHAI)
    said: dict[str, Any] = dict(found.intrinsics or {})
    assert said["focal_px"] == pytest.approx(1440.0)
    assert (said["cx_px"], said["cy_px"]) == (pytest.approx(643.71, abs=0.01), pytest.approx(452.27, abs=0.01))
    assert said["distortion"]["p2"] == -0.002
    # A camera in the floor of a nose that is lifted by 10 degrees looks 10 degrees ahead of straight down.
    assert (found.yaw_deg, found.pitch_deg) == pytest.approx((30, -80))
    assert (found.sensor_kind, found.position_sigma_m) == ("multispectral", 1.9)


@pytest.mark.parametrize(
    "said", [{"XMP_drone_dji__RtkStdLat": 1e308}, {"XMP_drone_dji__RtkFlag": None, "GPS__GPSHPositioningError": 1e308}]
)
def test_no_receiver_doubts_its_place_beyond_what_can_be_reckoned_with(said: dict[str, Any]) -> None:
    found = image(**said)
    assert found.position_sigma_m == 1000.0


def test_a_deviation_below_nothing_is_none_and_makes_no_place_sure() -> None:
    said: dict[str, Any] = {"XMP_drone_dji__RtkStdLon": -2.0, "XMP_drone_dji__RtkStdLat": -1e308}
    assert image(**said).position_sigma_m is None
    assert image(**said, GPS__GPSHPositioningError=1.9).position_sigma_m == 1.9


WITHOUT_ANGLES = {name: value for name, value in GROUPED.items() if "Gimbal" not in name}


@pytest.mark.parametrize(
    "zeros",
    [
        {f"XMP-Camera:{name}": 0 for name in ("Yaw", "Pitch", "Roll")},
        # A Mini 2 that looked straight down (Mobile-SDK-Android issue 1233), a P1 under a Matrice 400 (…-V5 issue 772).
        {f"XMP-drone-dji:Gimbal{name}Degree": "+0.00" for name in ("Yaw", "Pitch", "Roll")},
        {"DJI:GimbalDegree": "0,0,0"},
    ],
)
def test_three_zeros_are_a_camera_that_does_not_know_how_it_looks(zeros: dict[str, Any]) -> None:
    found = image_from_tags(WITHOUT_ANGLES | zeros, SHANGHAI)
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg, found.attitude_source) == (None, None, None, None)
    assert compute_footprints([found])[0].status == "unknown_pose"
    # A camera that looks along the horizon, and not exactly north, says so.
    level = {f"XMP-drone-dji:Gimbal{name}Degree": "+0.00" for name in ("Pitch", "Roll")}
    assert (
        image_from_tags(WITHOUT_ANGLES | level | {"XMP-drone-dji:GimbalYawDegree": "+129.40"}, SHANGHAI).pitch_deg == 0
    )


def test_pix4ds_angles_are_those_that_parrot_tells_of_the_same_camera() -> None:
    """Both attitudes of one Anafi Ai, as Parrot's documentation of its photo metadata gives them."""
    pix4d = {"XMP-Camera:Yaw": "146.781036", "XMP-Camera:Pitch": "38.011101", "XMP-Camera:Roll": "-0.041258"}
    found = image_from_tags(WITHOUT_ANGLES | pix4d, SHANGHAI)
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == pytest.approx(
        (146.848038, -51.988888, -0.052789), abs=1e-4
    )


def test_of_angles_whose_sense_is_in_dispute_none_is_believed() -> None:
    pix4d = {"XMP-Camera:Yaw": 30.0, "XMP-Camera:Pitch": 2.0, "XMP-Camera:Roll": -5.0}
    for make, pitch in (("senseFly", None), ("Parrot", -85)):
        found = image_from_tags(WITHOUT_ANGLES | pix4d | {"IFD0:Make": make}, SHANGHAI).pitch_deg
        assert found == (None if pitch is None else pytest.approx(pitch, abs=1))


@pytest.mark.parametrize(
    ("model", "pitch", "expected"),
    [
        ("XT705", "0.0", -90), ("XT705", "40.0", -50), ("XT705", "-30.0", -60),
        ("XL715", "-90.0", -90), ("XL715", "-60.0", -60), ("XL715", "-10.0", -10),
        # 90 degrees back from straight down would be the horizon behind: it is straight down, by another count.
        ("XT999", "-90.0", None), ("XT999", "-30.1", None),
    ],
)  # fmt: skip
def test_a_pix4d_pitch_that_is_counted_from_the_horizon_is_not_taken_for_a_look_back(
    model: str, pitch: str, expected: float | None
) -> None:
    pix4d = {"XMP-Camera:Yaw": "30.0", "XMP-Camera:Pitch": pitch, "XMP-Camera:Roll": "0.0", "IFD0:Model": model}
    found = image_from_tags(WITHOUT_ANGLES | pix4d, SHANGHAI).pitch_deg
    assert found == (None if expected is None else pytest.approx(expected))


def test_djis_maker_notes_and_parrots_names_tell_the_camera_too() -> None:
    plain = {name: value for name, value in GROUPED.items() if "Gimbal" not in name}
    notes = image_from_tags(plain | {"DJI:GimbalDegree": "-1271,-900,0", "DJI:Yaw": 12}, SHANGHAI)
    assert (notes.yaw_deg, notes.pitch_deg, notes.roll_deg) == (-127.1, -90.0, 0.0)
    parrot = {"XMP-drone-parrot:CameraYawDegree": 20.0, "XMP-drone-parrot:CameraPitchDegree": -75.0}
    assert image_from_tags(plain | parrot, SHANGHAI).pitch_deg == -75.0


def test_the_namespaces_of_other_makers_say_the_same_in_their_spelling() -> None:
    plain = {name: value for name, value in GROUPED.items() if "Gimbal" not in name and "GPS" not in name}
    autel = {
        "XMP-drone:GpsLatitude": "47.64368732", "XMP-drone:GpsLongtitude": "16.47592717", "XMP-drone:RtkFlag": "50",
        "XMP-drone:GimbalYawDegree": "-148.96", "XMP-drone:GimbalPitchDegree": "-89.9",
        "XMP-drone:GimbalRollDegree": "+0.1",
    }  # fmt: skip
    found = image_from_tags(plain | autel, SHANGHAI)
    assert (found.lat, found.lon, found.position_fix) == (47.64368732, 16.47592717, "rtk_fixed")
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == (-148.96, -89.9, 0.1)
    for skydio in (
        {f"CameraOrientationNED{name}": value for name, value in (("Yaw", 10.0), ("Pitch", -80.0), ("Roll", 1.0))},
        {"CameraOrientationNED": {"Yaw": 10.0, "Pitch": -80.0, "Roll": 1.0}},  # exiftool -struct
    ):
        place = {"XMP-drone-skydio:Latitude": 29.785934, "XMP-drone-skydio:Longitude": -95.635417}
        named = {f"XMP-drone-skydio:{name}": value for name, value in skydio.items()}
        found = image_from_tags(plain | place | named, SHANGHAI)
        assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == (10.0, -80.0, 1.0)
        assert (found.lat, found.lon) == (29.785934, -95.635417)


def test_a_length_written_as_a_fraction_is_one() -> None:
    plain = {name: value for name, value in GROUPED.items() if "FocalLength" not in name}
    assert (image_from_tags(plain | {"ExifIFD:FocalLength": "88/10"}, SHANGHAI).intrinsics or {})["focal_mm"] == 8.8
    without = image_from_tags(plain | {"ExifIFD:FocalLength": "88/0"}, SHANGHAI).intrinsics or {}
    assert "focal_mm" not in without


def test_a_quaternion_and_a_camera_in_the_floor_are_turned_into_the_optical_axis() -> None:
    """Straight down is a half quarter turn about the right axis; the others are compared by where they look."""
    down = from_quaternion(math.sqrt(0.5), 0.0, -math.sqrt(0.5), 0.0)
    assert down is not None
    assert down[1] == pytest.approx(-90)
    # Yaw 40, pitch -60, roll 5 in the order Z, Y, X, worked out by hand from the half angles 20, -30 and 2.5.
    (cy, sy), (cp, sp), (cr, sr) = ((math.cos(math.radians(a)), math.sin(math.radians(a))) for a in (20, -30, 2.5))
    q = (
        cr * cp * cy + sr * sp * sy,
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
    )
    assert from_quaternion(*q) == pytest.approx((40, -60, 5))
    assert from_quaternion(*(-part for part in q)) == pytest.approx((40, -60, 5))
    assert from_nadir_mount(30, 0, 0) == pytest.approx((30, -90, 0))
    # The right wing down by 10 degrees: the floor looks to the left.
    assert from_nadir_mount(0, 0, 10)[:2] == pytest.approx((270, -80))
    assert from_quaternion(0, 0, 0, 0) is None
    assert from_quaternion(math.nan, 0, 0, 0) is None


def sent(document: object, drone: str = "PLANE", received_at: datetime = RECEIVED) -> Message:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Message(1, received_at, f"greensward/v1/beichen/{drone}/exif", payload)


CONTEXT = DecodeContext(site=BEICHEN, model_of={})


def test_the_topic_names_the_drone_and_the_tags_where_it_does_not() -> None:
    assert decode(sent(GROUPED), CONTEXT).images[0].drone_id == "PLANE"
    assert decode(sent(GROUPED, UNKNOWN_DRONE), CONTEXT).images[0].drone_id == "1581F6Q8D245P00E"
    nameless = {name: value for name, value in GROUPED.items() if "Serial" not in name}
    assert decode(sent(nameless, UNKNOWN_DRONE), CONTEXT).images[0].drone_id is None


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({}, None),
        ({"GPS:GPSLatitude": 0, "GPS:GPSLongitude": 0}, "no_fix"),
        ({"GPS:GPSLatitude": 8.3, "GPS:GPSLongitude": 115.4}, "out_of_area"),
        ({"GPS:GPSLatitude": 250, "GPS:GPSLongitude": 325}, "invalid_position"),
        ({"GPS:GPSLatitude": "", "GPS:GPSLongitude": ""}, "no_position"),
        ({"XMP-drone-dji:GimbalPitchDegree": "+30.0"}, "gimbal_up"),
        ({"XMP-drone-dji:GpsStatus": "Invalid"}, "no_fix"),
        # DJI's EXIF says void of good places too; its XMP says when there is none.
        ({"GPS:GPSStatus": "V"}, None),
        ({"GPS:GPSStatus": "V", "XMP-drone-dji:GpsStatus": "RTK"}, None),
        ({"GPSStatus": "Measurement Void", "GpsStatus": "Invalid"}, "no_fix"),
        ({"GPS:GPSStatus": "V\x00", "IFD0:Make": "Yuneec"}, "no_fix"),
        ({"GPS:GPSStatus": "Measurement Void", "IFD0:Make": "Parrot"}, "no_fix"),
        ({"ExifIFD:DateTimeOriginal": "2013:06:04 13:37:35"}, "before_2015"),
        ({"IFD0:Orientation": 6}, "turned_picture"),
        ({"XMP-drone-dji:GimbalPitchDegree": "-9999"}, "impossible_attitude"),
        ({"XMP-drone-dji:GimbalYawDegree": "360.1"}, "impossible_attitude"),
        ({"XMP-drone-dji:GimbalRollDegree": "-400"}, "impossible_attitude"),
        ({"ExifIFD:DateTimeOriginal": "2026:07:01 08:05:00"}, None),
        ({"ExifIFD:DateTimeOriginal": "2026:07:01 08:05:01"}, "captured_after_upload"),
    ],
)
def test_a_picture_that_cannot_be_placed_or_dated_is_kept_with_the_reason(tags: dict[str, Any], reason: str) -> None:
    assert decode(sent(GROUPED | tags), CONTEXT).images[0].quarantine == reason


def test_videos_are_recorded_without_ground() -> None:
    found = decode(sent(GROUPED | {"SourceFile": "a/DJI_20260615103012_0042_V.MP4"}), CONTEXT).images[0]
    assert (found.media_kind, found.quarantine) == ("video", None)
    assert compute_footprints([found])[0].status == "not_an_image"


@pytest.mark.parametrize("payload", [b"5", b"[]", b'"x"', b"{", b'{"SourceFile":"a.JPG","x":NaN}', b"{}"])
def test_what_is_no_exiftool_object_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadError):
        decode(sent(payload), CONTEXT)


def test_a_file_is_split_into_its_entries_as_they_stand() -> None:
    text = b'\xef\xbb\xbf [ {"a": 1} ,\n {"b": NaN}, 5 ]\n'
    assert [entry for _, entry in split_exif_file(text)] == [b'{"a": 1}', b'{"b": NaN}', b"5"]
    assert [entry for _, entry in split_exif_file(b'{"a": 1}\n{"b": 2}')] == [b'{"a": 1}', b'{"b": 2}']
    assert list(split_exif_file(b"[]")) == []


@pytest.mark.parametrize(
    ("text", "good", "line"),
    [
        (b"", 0, "line 1"),
        (b"not json", 0, "line 1"),
        (b'[{"a": 1},\n{"b": 2}', 2, "line 2"),
        (b'[{"a": 1},\n{"b"', 1, "line 2"),
        (b'[{"a": 1} {"b": 2}]', 1, "line 1"),
        (b"[" * 100_000, 0, "line 1"),
    ],
)
def test_a_file_that_breaks_off_says_where_and_keeps_what_came_before(text: bytes, good: int, line: str) -> None:
    entries = split_exif_file(text)
    assert len([next(entries) for _ in range(good)]) == good
    with pytest.raises(PayloadError) as broken:
        next(entries)
    assert line in broken.value.faults[0].got


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*sorted(GROUPED), "XMP-drone-dji:DewarpData", "GPS:GPSDateStamp", "ExifIFD:ExifImageWidth"]), JSON
)
def test_whatever_stands_in_a_tag_is_read_or_refused(name: str, value: object) -> None:
    try:
        found = decode(sent(GROUPED | {name: value}), CONTEXT)
    except PayloadError:
        return
    compute_footprints(found.images)


def test_a_picture_taken_long_ago_and_imported_now_is_none_of_the_future() -> None:
    assert decode(sent(GROUPED, received_at=RECEIVED + timedelta(days=900)), CONTEXT).images[0].quarantine is None
