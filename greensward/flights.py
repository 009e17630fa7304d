"""What is wrong with the flights of the last days: pictures that did not come, positions in another datum."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import shapely

from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake, retrying
from ingest.registers.flight_bias import Bias, estimate_bias
from ingest.registers.flight_datum import Shift, shift_by_plots, shift_by_poses
from ingest.registers.landmarks import Landmarks
from ingest.site import Site
from sql.models import analyst_models

FLIGHTS_WITHIN = timedelta(days=7)
LANDMARKS_WITHIN = timedelta(days=28)
_SURE_ENOUGH = 0.6
"""Least confidence of a finding that is taken for a landmark, as of one that is taken for a disease."""
UPLOAD = timedelta(hours=2)
"""A dock needs less than this to upload the files of a flight."""
_POSE_WITHIN_S = 2.0


class Flown(NamedTuple):
    """A flight that its dock counted the files of, and how many of them did not come."""

    flight_id: str
    missing_files: int
    expected_files: int


def flown(folder: DataFolder, site: Site, now: datetime) -> list[Flown]:
    """Return the flights whose dock has had time to upload their files, newest first. Raises: StoreError."""

    def ask() -> list[Flown]:
        with open_lake(folder, site) as lake:
            return flown_in(lake, now)

    return retrying(folder, ask)


def flown_in(lake: duckdb.DuckDBPyConnection, now: datetime) -> list[Flown]:
    """Return the same of an open lake; nothing more is asked where no dock ever counted its files."""
    if lake.execute("select 1 from flight_reports limit 1").fetchone() is None:
        return []
    flights = next(model for model in analyst_models() if model.name == "flights")
    rows = lake.execute(
        f"select flight_id, missing_files, expected_files from ({flights.select})"
        " where last_reported_at between ? and ? and expected_files is not null order by last_reported_at desc",
        (now - FLIGHTS_WITHIN, now - UPLOAD),
    ).fetchall()
    return [Flown(*row) for row in rows]


def shifted_flights(
    folder: DataFolder, site: Site, plots: npt.NDArray[np.object_], now: datetime
) -> list[tuple[str, Shift]]:
    """Return the flights of the last days whose pictures lie as GCJ-02 positions do. Raises: StoreError.

    plots: shapely areas of the register, WGS 84
    """

    def ask() -> list[tuple[str, float, float, float | None, float | None]]:
        with open_lake(folder, site) as lake:
            return lake.execute(
                """
                select
                    coalesce(pictures.flight_id, pictures.drone_id, pictures.gateway_id, '') as flight,
                    pictures.lon, pictures.lat,
                    max_by(poses.lon, -abs(epoch(poses.posed_at) - epoch(pictures.captured_at))),
                    max_by(poses.lat, -abs(epoch(poses.posed_at) - epoch(pictures.captured_at))),
                from drone_images as pictures
                left join drone_poses as poses
                    on coalesce(pictures.gateway_id, pictures.drone_id) = coalesce(poses.gateway_id, poses.drone_id)
                    and poses.lon is not null
                    and poses.date between pictures.date - 1 and pictures.date + 1
                    and abs(epoch(poses.posed_at) - epoch(pictures.captured_at)) <= ?
                where pictures.captured_at between ? and ?
                    and pictures.media_kind = 'image' and pictures.lon is not null
                    and coalesce(pictures.footprint_reason, '') not in ('no_fix', 'invalid_position')
                group by pictures.picture_id, pictures.captured_at, flight, pictures.lon, pictures.lat
                order by flight
                """,
                (_POSE_WITHIN_S, now - FLIGHTS_WITHIN, now),
            ).fetchall()

    by_flight: dict[str, list[tuple[float, float, float | None, float | None]]] = {}
    for flight, lon, lat, pose_lon, pose_lat in retrying(folder, ask):
        by_flight.setdefault(flight, []).append((lon, lat, pose_lon, pose_lat))
    found = []
    for flight, places in by_flight.items():
        posed = np.array([place for place in places if None not in place], dtype=np.float64).reshape(-1, 4)
        here = np.array([place[:2] for place in places], dtype=np.float64)
        shift = shift_by_poses(*posed.T) or shift_by_plots(here[:, 0], here[:, 1], plots)
        if shift is not None:
            found.append((flight, shift))
    return found


def biased_flights(folder: DataFolder, site: Site, landmarks: Landmarks, now: datetime) -> list[tuple[str, Bias]]:
    """Return by how much each flight of the last four weeks that shows enough landmarks is off. Raises: StoreError."""

    def ask() -> list[tuple[str, str, float, float]]:
        with open_lake(folder, site) as lake:
            return lake.execute(
                """
                select
                    coalesce(flight_id, concat_ws('/', drone_id, cast(date as varchar))) as flight,
                    class, centre_lon, centre_lat,
                from image_detections
                where captured_at between ? and ? and centre_lon is not null and confidence >= ?
                    and canopy_height_m is null and lower(class) in (select unnest(?))
                order by flight, picture_id, detection_id
                """,
                (now - LANDMARKS_WITHIN, now, _SURE_ENOUGH, sorted(set(landmarks.class_name))),
            ).fetchall()

    by_flight: dict[str, list[tuple[str, float, float]]] = {}
    for flight, name, lon, lat in retrying(folder, ask):
        by_flight.setdefault(flight, []).append((name, lon, lat))
    found = []
    for flight, findings in by_flight.items():
        places = np.array([place for _, *place in findings], dtype=np.float64)
        bias = estimate_bias(places[:, 0], places[:, 1], [name for name, *_ in findings], landmarks)
        if bias is not None:
            found.append((flight, bias))
    return found


def plot_areas(geometries: list[bytes]) -> npt.NDArray[np.object_]:
    """Return the areas of WKB geometries."""
    return np.asarray(shapely.from_wkb(np.array(geometries, dtype=object)), dtype=object).reshape(-1)
