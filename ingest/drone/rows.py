"""Rows of drone_images, image_detections, index_stats and plot_coverage from decoded pictures."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import numpy as np

from ingest.drone.attribution import Attribution, at_canopy, attribute
from ingest.drone.camera import Floats
from ingest.drone.camera_table import completed
from ingest.drone.coverage import Coverage, coverage
from ingest.drone.detection import GroundDetections, PoseDoubts, locate_detections
from ingest.drone.footprint import Footprint, compute_footprints
from ingest.drone.pictures import Picture, Stamp, picture_id
from ingest.drone.plots_index import PlotShapes
from ingest.drone.pose_join import join_poses, rejoined
from ingest.drone.view import views_of
from ingest.observation import Detection, DroneImage, DronePose, Message
from ingest.site import Site

Row = dict[str, object]

_GROUND = {
    "lon": "centre_lon",
    "lat": "centre_lat",
    "area_m2": "ground_area_m2",
    "min_depression_deg": "min_depression_deg",
    "sigma_radial_m": "sigma_radial_m",
    "sigma_tangential_m": "sigma_tangential_m",
    "sigma_azimuth_deg": "sigma_azimuth_deg",
}
"""What GroundDetections calls the columns of image_detections."""

_SAME_NAME = (
    "image_id",
    "drone_id",
    "gateway_id",
    "flight_id",
    "captured_at",
    "time_source",
    "media_kind",
    "object_uri",
    "sha256",
    "is_original",
    "sensor_kind",
    "camera_model",
    "payload_index",
    "image_width_px",
    "image_height_px",
    "lon",
    "lat",
    "height_takeoff_m",
    "height_ground_m",
    "alt_ellipsoid_m",
    "alt_msl_m",
    "alt_unknown_datum_m",
    "position_fix",
    "position_sigma_m",
    "pitch_deg",
    "roll_deg",
    "attitude_source",
    "model_name",
    "model_version",
    "part_count",
)


def drone_rows(
    images: Sequence[tuple[DroneImage, Message]], poses: Sequence[DronePose], plots: PlotShapes, site: Site
) -> dict[str, list[Row]]:
    """Return the rows of pictures that each came in one message; see `posed_pictures` and `picture_rows`."""
    return picture_rows(posed_pictures(images, poses, site), plots)


def posed_pictures(
    images: Sequence[tuple[DroneImage, Message]], poses: Sequence[DronePose], site: Site
) -> list[Picture]:
    """Return what each message says of its picture, with the pose that is known.

    images: each with the message it came from
    poses: of the time around the pictures, for those that have no pitch of their own
    site: a picture outside its box gets no footprint, whoever decoded it
    """
    posed = join_poses([_inside(image, site) for image, _ in images], poses)
    footprints = compute_footprints([completed(one.image)[0] for one in posed])
    pictures = []
    for one, footprint, (_, message) in zip(posed, footprints, images, strict=True):
        stamp = Stamp.of(message)
        findings, stats = len(one.image.detections or ()), len(one.image.index_stats)
        pictures.append(Picture(one, stamp, footprint.status, (stamp,) * findings, (stamp,) * stats))
    return pictures


def repose(picture: Picture, poses: Sequence[DronePose], received_at: datetime) -> Picture | None:
    """Return the picture with the pose that `poses` give it, None when that is the one it has.

    poses: all of the time around it, also those that came before; the order in which they came makes no difference
    received_at: of the newest of them: before that the ground was not known. The number stays that of the message
    that brought the picture, by which it is judged again when a file is damaged
    """
    posed = rejoined(picture.posed, poses)
    if posed == picture.posed:
        return None
    status = compute_footprints([completed(posed.image)[0]])[0].status
    stamp = Stamp(picture.stamp.message_seq, max(picture.stamp.received_at, received_at))
    return dataclasses.replace(picture, posed=posed, footprint_status=status, stamp=stamp)


def picture_rows(pictures: Sequence[Picture], plots: PlotShapes) -> dict[str, list[Row]]:
    """Return the rows of the four tables that pictures fill, by table name, columns as in schemas/tables.

    plots: all register rows; those that held when a picture was taken count
    """
    images = [picture.posed.image for picture in pictures]
    captured_at = [image.captured_at for image in images]
    whole = [completed(image) for image in images]
    views = views_of([image for image, _ in whole])
    footprints = compute_footprints([image for image, _ in whole], views)
    ground = locate_detections([image for image, _ in whole], footprints, views)
    attributions = attribute(ground, captured_at, plots)
    return {
        "drone_images": [
            _image_row(picture, footprint, camera_id, sigma_m)
            for picture, footprint, (_, camera_id), sigma_m in zip(
                pictures, footprints, whole, _sigmas_m(images, footprints), strict=True
            )
        ],
        "image_detections": _detection_rows(pictures, at_canopy(ground, attributions), attributions, plots),
        "index_stats": [
            _stamped(picture, stamp)
            | {
                "drone_id": picture.posed.image.drone_id,
                "sensor_kind": picture.posed.image.sensor_kind,
                "status": footprint.status,
            }
            | msgspec.structs.asdict(stat)
            for picture, footprint in zip(pictures, footprints, strict=True)
            for stat, stamp in zip(picture.posed.image.index_stats, picture.stat_stamps, strict=True)
        ],
        "plot_coverage": _coverage_rows(pictures, coverage(footprints, captured_at, plots), plots),
    }


@functools.cache
def software_version() -> str:
    """Return the installed version of Greensward, which is kept with every footprint."""
    return importlib.metadata.version("greensward")


def _inside(image: DroneImage, site: Site) -> DroneImage:
    if image.quarantine is not None or image.lon is None or image.lat is None or site.contains(image.lon, image.lat):
        return image
    return msgspec.structs.replace(image, quarantine="out_of_area")


def _stamped(picture: Picture, stamp: Stamp) -> Row:
    """Return the columns that every table about a picture has."""
    image = picture.posed.image
    return {
        "picture_id": picture_id(image),
        "image_id": image.image_id,
        "flight_id": image.flight_id,
        "captured_at": image.captured_at,
        "received_at": stamp.received_at,
        "message_seq": stamp.message_seq,
    }


def _sigmas_m(images: Sequence[DroneImage], footprints: Sequence[Footprint]) -> list[float | None]:
    """Return the standard deviation of the middle of each footprint along its longer axis; None without ground."""
    height = np.array([math.nan if one.height_m is None else one.height_m for one in footprints])
    reach = np.array([math.nan if one.reach_m is None else one.reach_m for one in footprints])
    return _or_none(np.maximum(*PoseDoubts.of(images).ellipses_m(height, reach)))


def _image_row(picture: Picture, footprint: Footprint, camera_id: str | None, sigma_m: float | None) -> Row:
    image = picture.posed.image
    parts = image.said_parts
    return {
        **{name: getattr(image, name) for name in _SAME_NAME},
        **_stamped(picture, picture.stamp),
        "camera_id": camera_id,
        "intrinsics_json": _json(image.intrinsics),
        "yaw_deg": None if image.yaw_deg is None else azimuth_deg(image.yaw_deg),
        "attitude_age_s": picture.posed.attitude_age_s,
        "footprint_status": footprint.status,
        "footprint_reason": footprint.reason,
        "footprint": footprint.polygon,
        "footprint_corners": None if footprint.corners is None else list(footprint.corners),
        "footprint_area_m2": footprint.area_m2,
        "footprint_height_m": footprint.height_m,
        "footprint_method": footprint.method,
        "footprint_sigma_m": sigma_m,
        "is_analysed": image.is_analysed,
        "detection_count": len(image.detections or ()) if parts else None,
        "findings_refused": sum(parts.values()) if parts else None,
        "parts_json": _json(parts) if parts else None,
        "vendor_json": _json(image.vendor),
        "software_version": software_version(),
    }


def _coverage_rows(pictures: Sequence[Picture], seen: Coverage, plots: PlotShapes) -> list[Row]:
    of_picture = [
        _stamped(picture, picture.stamp)
        | {
            "drone_id": picture.posed.image.drone_id,
            "is_analysed": picture.posed.image.is_analysed,
            "plot_register_version": plots.register_version,
        }
        for picture in pictures
    ]
    return [
        of_picture[i] | {"plot_id": plot_id, "covered_fraction": fraction}
        for i, plot_id, fraction in zip(seen.image.tolist(), seen.plot_id, seen.covered_fraction.tolist(), strict=True)
    ]


def _detection_rows(
    pictures: Sequence[Picture],
    ground: GroundDetections,
    attributions: Sequence[Attribution],
    plots: PlotShapes,
) -> list[Row]:
    numbers = [_or_none(getattr(ground, name)) for name in _GROUND]
    rows: list[Row] = []
    for picture in pictures:
        image = picture.posed.image
        of_picture = _stamped(picture, picture.stamp) | {
            "drone_id": image.drone_id,
            "model_name": image.model_name,
            "model_version": image.model_version,
        }
        for finding, stamp in zip(image.detections or (), picture.finding_stamps, strict=True):
            k = len(rows)
            found = attributions[k]
            rows.append(
                of_picture
                | {
                    "received_at": stamp.received_at,
                    "message_seq": stamp.message_seq,
                    "detection_id": finding.detection_id,
                    "class": finding.class_name,
                    "confidence": finding.confidence,
                    "severity": finding.severity,
                    "shape_json": _shape_json(finding),
                    "status": found.status,
                    **{column: values[k] for column, values in zip(_GROUND.values(), numbers, strict=True)},
                    "canopy_height_m": found.canopy_height_m,
                    "plot_id": found.plot_id,
                    "plot_probability": found.probability,
                    "plot_candidates_json": found.candidates_json if found.is_on_ground else None,
                    "plot_register_version": plots.register_version if found.is_on_ground else None,
                }
            )
    return rows


def _or_none(values: Floats) -> list[float | None]:
    return [None if is_unknown else value for is_unknown, value in zip(np.isnan(values), values.tolist(), strict=True)]


def azimuth_deg(yaw_deg: float) -> float:
    """Return a direction as an azimuth of at least 0° and less than 360°, rounded to a millionth of a degree."""
    return round(yaw_deg % 360.0, 6) % 360.0


def _shape_json(finding: Detection) -> str:
    if finding.bbox_px is not None:
        return msgspec.json.encode({"bbox_px": finding.bbox_px}).decode()
    if finding.polygon_px is not None:
        return msgspec.json.encode({"polygon_px": finding.polygon_px}).decode()
    return '{"whole_image":true}'


def _json(facts: Mapping[str, object] | None) -> str | None:
    return None if facts is None else msgspec.json.encode(dict(facts)).decode()
