"""A picture by its EXIF and XMP, as exiftool writes them: what a camera says of where and how it looked.

Only heights above take-off or ground are heights; GPS and absolute altitudes are kept as altitudes. The camera's own
angles count, never the aircraft's. What no tag says stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from ingest.decode.exif_attitude import camera_angles
from ingest.decode.exif_lens import lens_of_tags
from ingest.decode.exif_tags import Tags
from ingest.decode.exif_time import taken
from ingest.decode.guard import describe
from ingest.errors import Fault, PayloadError
from ingest.observation import TURNED, DroneImage
from ingest.picture_names import FROM_EXIF, file_name, lens_of

FLIGHT_TAG = "Greensward:Flight"
"""Tag that the import adds where somebody says which flight the pictures are of."""

_PLACE = ("XMP-drone-dji", "Composite", "GPS", "EXIF", "XMP-exif", "")
_RTK = {50: "rtk_fixed", **dict.fromkeys(range(32, 50), "rtk_float"), 16: "gnss"}
"""DJI's RtkFlag (user manuals of the Mavic 3 and Matrice 4 series, picture metadata)."""
_VOID = frozenset({"v", "void", "measurement void"})
_VOID_ANYWAY = frozenset({"dji", "hasselblad"})
"""Makes whose EXIF says void beside good places (GeoTag issue 91, OpenAthenaIOS issue 17): their XMP says it better."""
_TURNED = frozenset("2345678")
_KEPT = (
    "Make", "Orientation", "RtkFlag", "RtkStdLon", "RtkStdLat", "RtkStdHgt", "SurveyingMode", "GimbalReverse",
    "CamReverse", "DewarpFlag", "ImageSource", "DigitalZoomRatio", "BandName", "CentralWavelength", "CaptureUUID",
)  # fmt: skip
_WORST_SIGMA_M = 1000.0
"""As much doubt of a position as a native message may say; squares of more would overflow."""
_LONGEST = 1024
_LONGEST_ID = 128
_VIDEO = (".mp4", ".mov", ".lrf", ".avi", ".mkv")
_IMAGE = (".jpg", ".jpeg", ".rjpg", ".tif", ".tiff", ".dng", ".png", ".heic", ".raw", ".nef", ".cr2", ".arw")


def image_from_tags(document: Mapping[str, object], zone: tzinfo) -> DroneImage:
    """Return the picture of one exiftool object.

    zone: of cameras whose clock says none
    Raises: PayloadError when no tag says what the file is called, or when the picture was taken.
    """
    tags = Tags(document)
    source = tags.text("SourceFile", "FileName", "OriginalRawFileName")
    when = taken(tags, zone)
    faults = []
    if source is None or len(source) > _LONGEST:
        faults.append(Fault("/SourceFile", "missing", "nothing", "the file's name", "Let exiftool write SourceFile."))
    if when is None:
        advice = "Add the time with exiftool, or leave out files that no camera took, such as maps."
        said = tags.text("DateTimeOriginal", "CreateDate")
        got = "no time" if said is None else f"{describe(said)}, which is no time"
        faults.append(Fault("/DateTimeOriginal", "missing", got, "when the picture was taken", advice))
    if source is None or when is None or faults:
        raise PayloadError(*faults)
    name = file_name(source)
    lens = lens_of_tags(tags)
    yaw, pitch, roll = camera_angles(tags)
    lat = tags.coordinate(("GPSLatitude", "Latitude"), _PLACE)
    lon = tags.coordinate(("GPSLongitude", "GPSLongtitude", "Longitude"), _PLACE)
    clock = {"camera_clock": when.clock, "camera_zone_min": when.zone_min, "camera_drift_s": when.drift_s}
    kept = {name: value for name in _KEPT if (value := tags.text(name)) is not None and len(value) <= _LONGEST}
    return DroneImage(
        image_id=f"{FROM_EXIF}{when.clock or when.at.isoformat()}/{name}",
        captured_at=when.at,
        drone_id=_short(tags.text("DroneSerialNumber")),
        flight_id=_short(tags.text(FLIGHT_TAG.partition(":")[2], "FlightUUID", "FlightId")),
        time_source=when.source,
        media_kind=_media_kind(name),
        object_uri=source,
        is_original=False if lens.is_copy else None,
        sensor_kind=_sensor_kind(tags, name),
        camera_model=_short(tags.text("Model", groups=("IFD0", "EXIF", "", "XMP-tiff"))),
        image_width_px=lens.width_px,
        image_height_px=lens.height_px,
        intrinsics=lens.intrinsics,
        lon=lon,
        lat=lat,
        height_takeoff_m=tags.number("RelativeAltitude"),
        height_ground_m=tags.number("AboveGroundAltitude"),
        alt_ellipsoid_m=tags.number("AltitudeWGS84"),
        alt_msl_m=tags.number("AltitudeAMSL"),
        alt_unknown_datum_m=_altitude(tags),
        position_fix=_fix(tags),
        position_sigma_m=_position_sigma_m(tags),
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
        attitude_source=None if pitch is None else "exif_xmp",
        quarantine=TURNED if _is_turned(tags) else None,
        vendor={"exif": kept | {name: value for name, value in clock.items() if value is not None}},
    )


def _altitude(tags: Tags) -> float | None:
    absolute = tags.number("AbsoluteAltitude")
    if absolute is not None:
        return absolute
    for group, value in tags.values("GPSAltitude", _PLACE):
        number = Tags({"a": value}).number("a")
        if number is not None:
            ref = tags.of(group, "GPSAltitudeRef")
            return -abs(number) if ref in (1, "1", "Below Sea Level") else number
    return None


def _fix(tags: Tags) -> str | None:
    """Return the kind of fix, by EXIF's GPSStatus, DJI's GpsStatus, which is the same name here, and RtkFlag."""
    said = {str(value).strip("\x00 ").lower() for _, value in tags.values("GPSStatus")}
    if "invalid" in said or (said & _VOID and (tags.text("Make") or "").lower() not in _VOID_ANYWAY):
        return "none"
    flag = tags.number("RtkFlag")
    return _RTK.get(int(flag)) if flag is not None and flag == int(flag) else None


def _position_sigma_m(tags: Tags) -> float | None:
    """Return the standard deviation of the horizontal position along one axis, where the receiver says it.

    At most _WORST_SIGMA_M: a receiver that says more says no more by it.
    """
    flag = tags.number("RtkFlag") or 0
    deviations = [-1.0 if number is None else number for number in map(tags.number, ("RtkStdLon", "RtkStdLat"))]
    if flag >= min(_RTK) and min(deviations) >= 0 and any(deviations):
        return min(max(deviations), _WORST_SIGMA_M)
    accuracy = tags.number("GPSXYAccuracy", "GPSHPositioningError")
    return min(accuracy, _WORST_SIGMA_M) if accuracy is not None and accuracy > 0 else None


def _is_turned(tags: Tags) -> bool:
    """Say whether the picture is to be shown turned or mirrored (Orientation 2 to 8, as a number or in words)."""
    text = (tags.text("Orientation", groups=("IFD0", "EXIF", "", "XMP-tiff")) or "").lower()
    return text in _TURNED or text.startswith(("rotate", "mirror"))


def _sensor_kind(tags: Tags, name: str) -> str:
    source, lens = (tags.text("ImageSource", "CameraSource") or "").lower(), lens_of(name)
    make, model = (tags.text("Make") or "").upper(), (tags.text("Model") or "").upper()
    is_thermal = "infrared" in source or lens == "T" or tags.text("BandName") == "LWIR"
    if is_thermal or "FLIR" in (make, model) or model.startswith("BOSON"):
        return "thermal"
    if source.startswith("ms_") or (lens or "").startswith("MS_") or tags.text("RigCameraIndex", "CentralWavelength"):
        return "multispectral"
    return "zoom" if "zoom" in source or lens == "Z" else "rgb"


def _media_kind(name: str) -> str:
    lower = name.lower()
    if lower.endswith(_VIDEO):
        return "video"
    return "image" if lower.endswith(_IMAGE) else "other"


def _short(text: str | None) -> str | None:
    return text if text is not None and len(text) <= _LONGEST_ID else None
