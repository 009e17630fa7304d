"""The native picture message as types; what is allowed in it says image_metadata.schema.json, checked before.

Whole numbers are read as float, because JSON Schema takes 640.0 for a whole number too.
"""

from __future__ import annotations

import msgspec

from ingest.observation import IndexStat


class Sensor(msgspec.Struct, frozen=True):
    """The camera."""

    kind: str
    model: str | None = None
    payload_index: str | None = None
    bands: list[str] | None = None


class Image(msgspec.Struct, frozen=True):
    """The picture's size in pixels and its lens."""

    width_px: float
    height_px: float
    intrinsics: dict[str, object] | None = None


class Position(msgspec.Struct, frozen=True):
    """The camera's place: WGS 84 degrees, metres."""

    lon: float
    lat: float
    height_takeoff_m: float | None = None
    height_ground_m: float | None = None
    alt_ellipsoid_m: float | None = None
    alt_msl_m: float | None = None
    alt_unknown_datum_m: float | None = None
    fix: str | None = None
    h_sigma_m: float | None = None
    v_sigma_m: float | None = None


class Attitude(msgspec.Struct, frozen=True):
    """The direction of the optical axis, degrees."""

    yaw_deg: float
    pitch_deg: float | None = None
    roll_deg: float | None = None
    source: str | None = None
    sigma_deg: float | None = None


class Model(msgspec.Struct, frozen=True):
    """The recognition model."""

    name: str
    version: str


class Finding(msgspec.Struct, frozen=True, rename={"class_name": "class"}):
    """One detection; exactly one of the three shapes is there."""

    class_name: str
    confidence: float
    id: str | None = None
    bbox_px: tuple[float, float, float, float] | None = None
    polygon_px: tuple[tuple[float, float], ...] | None = None
    whole_image: bool = False
    severity: float | None = None


class Statistic(msgspec.Struct, frozen=True):
    """Statistics of one vegetation index."""

    index: str
    scope: str
    n_pixels: float
    median: float
    plot_id: str | None = None
    valid_fraction: float | None = None
    calibrated: bool | None = None
    min: float | None = None
    p10: float | None = None
    mean: float | None = None
    p90: float | None = None
    max: float | None = None
    std: float | None = None

    def as_index_stat(self) -> IndexStat:
        """Return the row of index_stats."""
        return IndexStat(
            index_name=self.index,
            scope=self.scope,
            n_pixels=int(self.n_pixels),
            median=self.median,
            plot_id=self.plot_id if self.scope == "plot" else None,
            valid_fraction=self.valid_fraction,
            calibrated=self.calibrated,
            min=self.min,
            p10=self.p10,
            mean=self.mean,
            p90=self.p90,
            max=self.max,
            std=self.std,
        )


class ImageMessage(msgspec.Struct, frozen=True):
    """The whole message; None in a list stands for an entry that was refused."""

    image_id: str
    drone_id: str
    flight_id: str
    sensor: Sensor
    image: Image
    position: Position
    attitude: Attitude
    gateway_id: str | None = None
    time_source: str | None = None
    object_uri: str | None = None
    sha256: str | None = None
    is_original: bool | None = None
    model: Model | None = None
    detections: list[Finding | None] | None = None
    index_stats: list[Statistic | None] | None = None
