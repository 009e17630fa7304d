"""What a decoded message says, before it becomes rows.

Every row class has the columns of the table of the same name in schemas/tables that the sender can know; the
seal adds `received_at`, `message_seq` and what it computes. Units are those of the tables. Instants are aware.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from ingest.errors import Fault
from ingest.picture_parts import UNDIVIDED
from ingest.stream_units import StreamUnit


@dataclass(frozen=True, slots=True)
class Whole:
    """What the payload of a message was of which only the beginning is kept, because it was too large.

    sha256: of all its bytes, in hex
    """

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message as it came.

    message_seq: our number for it, increasing in order of arrival
    received_at: aware, UTC
    judged_at: when it is judged again, None the first time: our own clock may have been behind when it came
    whole: what `payload` is the beginning of; None when it is all there
    """

    message_seq: int
    received_at: datetime
    topic: str
    payload: bytes
    redelivered: bool = False
    retained: bool = False
    judged_at: datetime | None = None
    whole: Whole | None = None

    @property
    def latest_at(self) -> datetime:
        """The latest reading of our clock that a sender's clock is held against."""
        return self.received_at if self.judged_at is None else max(self.received_at, self.judged_at)

    def payload_sha256(self) -> str:
        """Return the digest of the payload as it came, in hex."""
        return self.whole.sha256 if self.whole else hashlib.sha256(self.payload).hexdigest()


class SoilReading(msgspec.Struct, frozen=True, kw_only=True):
    """A row of soil_readings; `channel` from 1, or None when `depth_cm` was in the message."""

    device_id: str
    measured_at: datetime
    time_source: str
    channel: int | None = None
    depth_cm: float | None = None
    volumetric_water_content: float | None = None
    soil_temperature_c: float | None = None
    bulk_ec_ds_m: float | None = None
    matric_potential_kpa: float | None = None
    raw_frequency_khz: float | None = None
    raw_counts: float | None = None
    unit_received: str | None = None
    model: str | None = None
    quarantine: str | None = None
    uplink_key: str | None = None
    device_seq: int | None = None


class WeatherReading(msgspec.Struct, frozen=True, kw_only=True):
    """A row of weather_readings."""

    device_id: str
    measured_at: datetime
    time_source: str
    air_temperature_c: float | None = None
    relative_humidity_pct: float | None = None
    rain_depth_mm: float | None = None
    leaf_wetness_pct: float | None = None
    wind_speed_m_s: float | None = None
    solar_radiation_w_m2: float | None = None
    air_pressure_kpa: float | None = None
    uplink_key: str | None = None


class ForecastDay(msgspec.Struct, frozen=True, kw_only=True):
    """A row of weather_forecasts: what one issue of a forecast says of one local day."""

    source: str
    issued_at: datetime
    forecast_date: date
    rain_mm: float | None = None
    rain_probability_pct: float | None = None
    temperature_min_c: float | None = None
    temperature_max_c: float | None = None


class DeviceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A row of device_status."""

    device_id: str
    reported_at: datetime
    state: str | None = None
    battery_v: float | None = None
    battery_pct: float | None = None
    rssi_dbm: float | None = None
    snr_db: float | None = None
    device_seq: int | None = None
    firmware: str | None = None


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """One finding in a picture; one of `bbox_px` (x, y, width, height), `polygon_px` and `whole_image` is given."""

    detection_id: str
    class_name: str
    confidence: float
    severity: float | None = None
    bbox_px: tuple[float, float, float, float] | None = None
    polygon_px: tuple[tuple[float, float], ...] | None = None
    whole_image: bool = False


class IndexStat(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of one vegetation index over a picture or a plot; a row of index_stats."""

    index_name: str
    scope: str
    n_pixels: int
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


ATTITUDE_SIGMA, V_SIGMA = "attitude_sigma_deg", "v_sigma_m"
"""Under which names DroneImage.vendor keeps what a message says of the doubt of its attitude and height."""

TURNED = "turned_picture"
"""Why a picture to be shown turned is in quarantine: nobody says whether its angles are those before or after."""


class DroneImage(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says of one picture, with its findings; the footprint is computed from it later.

    intrinsics: as in the native contract: focal_px, hfov_deg, focal_mm with sensor_width_mm, focal_35mm_mm, distortion
    yaw_deg, pitch_deg, roll_deg: of the optical axis; None when the message does not say, never assumed
    quarantine: reason why the image must not get a footprint, or None
    parts: messages that said what was found, by the part they are, each with how many of its findings were refused;
    None stands for one whole message when there are detections, and for none otherwise
    part_count: how many messages the findings come in, where the sender says so
    """

    image_id: str
    captured_at: datetime
    drone_id: str | None = None
    gateway_id: str | None = None
    flight_id: str | None = None
    time_source: str | None = None
    media_kind: str = "image"
    object_uri: str | None = None
    sha256: str | None = None
    is_original: bool | None = None
    sensor_kind: str | None = None
    camera_model: str | None = None
    payload_index: str | None = None
    image_width_px: int | None = None
    image_height_px: int | None = None
    intrinsics: Mapping[str, object] | None = None
    lon: float | None = None
    lat: float | None = None
    height_takeoff_m: float | None = None
    height_ground_m: float | None = None
    alt_ellipsoid_m: float | None = None
    alt_msl_m: float | None = None
    alt_unknown_datum_m: float | None = None
    position_fix: str | None = None
    position_sigma_m: float | None = None
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    attitude_source: str | None = None
    quarantine: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    detections: tuple[Detection, ...] | None = None
    parts: Mapping[str, int] | None = None
    part_count: int | None = None
    index_stats: tuple[IndexStat, ...] = ()
    vendor: Mapping[str, object] | None = None

    @property
    def said_parts(self) -> Mapping[str, int]:
        """The parts that came, each with how many of its findings were refused; empty when nobody looked."""
        if self.parts is not None:
            return self.parts
        return {} if self.detections is None else {UNDIVIDED: 0}

    @property
    def is_analysed(self) -> bool:
        """Say whether all that was found in the picture is known, so that what is not there was not found.

        Every part came, as far as the sender says how many there are, and none of its findings was refused. Numbered
        parts whose number nobody told may always be followed by one more.
        """
        parts = self.said_parts
        is_whole = UNDIVIDED in parts if self.part_count is None else len(parts) >= self.part_count
        return is_whole and bool(parts) and not any(parts.values())


class DronePose(msgspec.Struct, frozen=True, kw_only=True):
    """A row of drone_poses; planned_at: when a plan was told, so that a later one takes its place; None if measured."""

    drone_id: str
    posed_at: datetime
    source: str
    gateway_id: str | None = None
    payload_index: str | None = None
    lon: float | None = None
    lat: float | None = None
    height_takeoff_m: float | None = None
    gimbal_yaw_deg: float | None = None
    gimbal_pitch_deg: float | None = None
    gimbal_roll_deg: float | None = None
    planned_at: datetime | None = None


class FlightReport(msgspec.Struct, frozen=True, kw_only=True):
    """A row of flight_reports."""

    flight_id: str
    gateway_id: str
    reported_at: datetime
    source: str
    status: str | None = None
    media_count: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a sender asked to hear back; published only after the message's rows are durable.

    is_request: it asks the same each time, so one within a minute is enough for a topic
    """

    topic: str
    payload: bytes
    is_request: bool = False


@dataclass(frozen=True, slots=True)
class PartFault:
    """A part of a message that could not be kept, while the rest was; `faults[0]` says the code.

    device_id: whose part it is, where a message tells of several devices; None: the sender's
    """

    pointer: str
    faults: tuple[Fault, ...]
    device_id: str | None = None


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """All that one message says.

    parts_refused: rows of the message that were not kept, each with its faults
    ignored: why the message has no rows by its kind (an answer, an event we do not keep); None when it should have
    reply: what to answer once the rows are durable
    streams: what the message changed of the device's streams (`ingest.stream_units`), by device and field
    """

    soil: tuple[SoilReading, ...] = ()
    weather: tuple[WeatherReading, ...] = ()
    status: tuple[DeviceStatus, ...] = ()
    images: tuple[DroneImage, ...] = ()
    poses: tuple[DronePose, ...] = ()
    flights: tuple[FlightReport, ...] = ()
    forecasts: tuple[ForecastDay, ...] = ()
    parts_refused: tuple[PartFault, ...] = ()
    ignored: str | None = None
    reply: Reply | None = None
    device_id: str | None = None
    streams: Mapping[str, Mapping[str, StreamUnit]] = msgspec.field(default_factory=dict)
