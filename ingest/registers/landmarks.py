"""Landmarks whose place was surveyed and that the recognition knows: what a flight's pictures are held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.registers.findings import Finding, Findings
from ingest.registers.plot_file import Feature, is_list, is_number, read_features
from ingest.registers.position import check_position
from ingest.site import Site

_LON_LAT = 2


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Surveyed points: id and class (in small letters) of each; lon, lat: (N,) degrees, WGS 84."""

    landmark_id: tuple[str, ...]
    class_name: tuple[str, ...]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]


def read_landmarks(payload: bytes, site: Site) -> tuple[Landmarks, tuple[Finding, ...]]:
    """Return the landmarks of a GeoJSON file of points, and what is wrong with it.

    Each feature has a landmark_id (or an id) and the class that the recognition calls it by, for example manhole_cover.
    """
    findings = Findings()
    read = [one for feature in read_features(payload, findings) if (one := _landmark(feature, site, findings))]
    seen: set[str] = set()
    for index, (landmark_id, *_) in enumerate(read):
        if landmark_id in seen:
            place = findings.at(index, landmark_id, f"/features/{index}")
            place.fault("duplicate_id", landmark_id, "each id once", "Give one an id of its own.")
        seen.add(landmark_id)
    landmarks = Landmarks(
        tuple(one[0] for one in read),
        tuple(one[1] for one in read),
        np.array([one[2] for one in read], dtype=np.float64),
        np.array([one[3] for one in read], dtype=np.float64),
    )
    return landmarks, tuple(findings.all)


def _landmark(feature: Feature, site: Site, findings: Findings) -> tuple[str, str, float, float] | None:
    said = feature.properties.get("landmark_id", feature.id)
    landmark_id = str(said).strip() if isinstance(said, str | int) and not isinstance(said, bool) else ""
    place = findings.at(feature.index, landmark_id or None, f"/features/{feature.index}")
    kind = feature.properties.get("class")
    class_name = kind.strip().lower() if isinstance(kind, str) else ""
    if not landmark_id:
        place.fault("missing_id", str(said), "a landmark_id", "Give it an id.", "/properties/landmark_id")
    if not class_name:
        advice = "Write the word that the recognition uses, for example manhole_cover."
        place.fault("missing_property", str(kind), "a class", advice, "/properties/class")
    geometry = feature.geometry if isinstance(feature.geometry, dict) else {}
    at = geometry.get("coordinates")
    numbers = [float(number) for number in at[:_LON_LAT] if is_number(number)] if is_list(at) else []
    if geometry.get("type") != "Point" or len(numbers) != _LON_LAT:
        place.fault("not_a_point", str(geometry.get("type")), "a Point", "Export points.", "/geometry")
        return None
    check_position(np.array([numbers]), site, place)
    return None if place.failed else (landmark_id, class_name, numbers[0], numbers[1])
