"""A flight that is off as a whole shows it by surveyed landmarks, and by too few of them it does not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ingest.drone.view import to_lonlat
from ingest.registers.flight_bias import Bias, estimate_bias
from ingest.registers.landmarks import Landmarks, read_landmarks
from ingest.site import BEICHEN

PLACES = [(0.0, 0.0), (40.0, 0.0), (80.0, 10.0), (120.0, -20.0), (160.0, 5.0)]
"""Of manhole covers, metres east and north of 117.1, 39.2."""


def at(places: list[tuple[float, float]]) -> tuple[Any, Any]:
    count = len(places)
    east, north = np.array(places, dtype=np.float64).reshape(-1, 2).T
    return to_lonlat(np.full(count, 117.1), np.full(count, 39.2), east, north)


def landmarks(places: list[tuple[float, float]] = PLACES, class_name: str = "manhole_cover") -> Landmarks:
    names = tuple(f"L{i}" for i in range(len(places)))
    return Landmarks(names, (class_name,) * len(places), *at(places))


def bias_of(seen: list[tuple[float, float]], known: Landmarks, class_name: str = "manhole_cover") -> Bias | None:
    return estimate_bias(*at(seen), [class_name] * len(seen), known)


def moved(east_m: float, north_m: float, places: list[tuple[float, float]] = PLACES) -> list[tuple[float, float]]:
    return [(east + east_m, north + north_m) for east, north in places]


def test_a_flight_that_is_off_by_two_metres_is_told_so() -> None:
    found = bias_of(moved(1.8, -1.2), landmarks())
    assert found is not None
    assert (found.east_m, found.north_m) == pytest.approx((1.8, -1.2), abs=0.01)
    assert (found.landmarks, found.findings, found.is_sure) == (5, 5, True)
    # Median of five that scatter by 0.3 m, the least: 0.3 * sqrt(pi / 2) / sqrt(5).
    assert found.sigma_m == pytest.approx(0.168, abs=0.001)


def test_one_landmark_that_is_wrong_or_in_every_picture_does_not_decide() -> None:
    seen = moved(1.8, -1.2, PLACES[1:]) + [(-5.0, 5.0)] * 30
    found = bias_of(seen, landmarks())
    assert found is not None
    assert (found.east_m, found.north_m) == pytest.approx((1.8, -1.2), abs=0.01)
    assert (found.landmarks, found.findings) == (5, 34)


def test_one_picture_that_shows_every_landmark_in_the_wrong_place_does_not_decide() -> None:
    found = bias_of(moved(1.8, -1.2) * 2 + moved(7.0, 0.0), landmarks())
    assert found is not None
    assert (found.east_m, found.north_m) == pytest.approx((1.8, -1.2), abs=0.01)


def test_two_landmarks_are_too_few_however_often_they_are_seen() -> None:
    assert bias_of(moved(1.8, -1.2, PLACES[:2]) * 9, landmarks()) is None
    assert bias_of(moved(1.8, -1.2, PLACES[:3]), landmarks()) is not None


@pytest.mark.parametrize(("off_m", "is_told"), [(7.9, True), (8.1, False)])
def test_what_lies_farther_than_eight_metres_from_a_landmark_is_another_thing(off_m: float, *, is_told: bool) -> None:
    assert (bias_of(moved(off_m, 0.0), landmarks()) is not None) is is_told


def test_a_finding_with_two_landmarks_near_it_tells_of_neither() -> None:
    twins = [(0.0, 0.0), (6.0, 0.0), (40.0, 0.0), (80.0, 0.0), (120.0, 0.0)]
    found = bias_of(moved(1.0, 0.0, twins), landmarks(twins))
    assert found is not None
    assert found.landmarks == 3
    assert found.east_m == pytest.approx(1.0, abs=0.01)


def test_only_findings_of_the_landmarks_class_count() -> None:
    assert bias_of(moved(1.0, 0.0), landmarks(), "litter") is None
    assert bias_of(moved(1.0, 0.0), landmarks(), "Manhole_Cover") is not None


def test_a_flight_whose_landmarks_scatter_is_off_by_nothing_that_anybody_could_tell() -> None:
    scattered = [(e + de, n + dn) for (e, n), (de, dn) in zip(PLACES, [(3, 0), (-3, 1), (0, 3), (1, -3), (0, 0)])]  # noqa: B905
    found = bias_of(scattered, landmarks())
    assert found is not None
    assert not found.is_sure


def test_without_findings_or_landmarks_nothing_is_told() -> None:
    assert bias_of([], landmarks()) is None
    assert bias_of(moved(1, 0), landmarks([])) is None


def feature(**changed: Any) -> dict[str, Any]:
    given = {"landmark_id": "L1", "class": "manhole_cover"} | changed.pop("properties", {})
    geometry = {"type": "Point", "coordinates": [117.1, 39.2]}
    return {"type": "Feature", "properties": given, "geometry": geometry} | changed


def read(*features: dict[str, Any]) -> tuple[Landmarks, list[str]]:
    payload = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    found, findings = read_landmarks(payload, BEICHEN)
    return found, [finding.code for finding in findings if finding.severity == "fault"]


def test_a_file_of_points_is_read() -> None:
    found, faults = read(feature(), feature(properties={"landmark_id": 7, "class": " Bench_Mark "}))
    assert not faults
    assert (found.landmark_id, found.class_name) == (("L1", "7"), ("manhole_cover", "bench_mark"))
    assert (found.lon[0], found.lat[0]) == (117.1, 39.2)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"properties": {"class": None}}, "missing_property"),
        ({"properties": {"landmark_id": ""}}, "missing_id"),
        ({"geometry": {"type": "LineString", "coordinates": [[117.1, 39.2], [117.2, 39.2]]}}, "not_a_point"),
        ({"geometry": {"type": "Point", "coordinates": ["117.1", 39.2]}}, "not_a_point"),
        ({"geometry": None}, "not_a_point"),
    ],
)
def test_a_landmark_that_cannot_be_used_says_why(wrong: dict[str, Any], code: str) -> None:
    found, faults = read(feature(), feature(properties={"landmark_id": "L2"}) | wrong
                         if "properties" not in wrong else feature(**wrong))  # fmt: skip
    assert code in faults
    assert found.landmark_id == ("L1",)


def test_a_landmark_outside_the_district_and_a_second_one_of_the_same_id_are_faults() -> None:
    abroad = {"type": "Point", "coordinates": [2.35, 48.85]}
    assert read(feature(), feature(properties={"landmark_id": "L2"}, geometry=abroad))[1]
    assert read(feature(), feature())[1] == ["duplicate_id"]


@pytest.mark.parametrize(("count", "most"), [(3, 0.10), (5, 0.06), (8, 0.04)])
def test_chance_alone_is_seldom_told_as_a_flight_that_is_off(count: int, most: float) -> None:
    chance = np.random.default_rng(7)
    places = [(60.0 * place, 0.0) for place in range(count)]
    known = landmarks(places)
    told = 0
    for _ in range(400):
        off = chance.normal(size=(count, 2))
        found = bias_of([(east + e, north + n) for (east, north), (e, n) in zip(places, off, strict=True)], known)
        told += found is not None and found.is_sure
    assert told / 400 <= most
