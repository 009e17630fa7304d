"""A flag's row as the crews' side reads it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from crews.finding import Picture, counted_to, from_json, merge_flags
from ingest.site import BEICHEN
from tests.crews.made import HOUR, NOW, flag, sick, silent, watered, well


def test_the_best_picture_comes_first_with_its_own_address() -> None:
    (finding,) = merge_flags([sick("P1", NOW)])
    assert finding.pictures == (
        Picture("DJI_0032", "https://images.example.org/2026-07-01/DJI_0032.jpg", 0.91),
        Picture("DJI_0031.jpg", "patrol/2026-07-01/DJI_0031.jpg"),
    )
    assert (finding.lon, finding.lat) == (117.1343, 39.2262)


def test_pictures_without_an_address_are_named_by_their_id() -> None:
    inputs = {"best_image_id": "B", "object_uri": None, "image_ids": ["A", "B"], "object_uris": None}
    (finding,) = merge_flags([sick("P1", NOW, inputs_json=json.dumps(inputs))])
    assert finding.pictures == (Picture("B"), Picture("A"))


def test_the_worst_of_several_devices_speaks_and_all_that_need_work_are_named() -> None:
    rows = [silent("P1", "S2", NOW, severity=1), silent("P1", "S1", NOW, severity=3), well("P1", "sensor", NOW)]
    (finding,) = merge_flags(rows)
    assert (finding.severity, finding.device_ids) == (3, ("S1", "S2"))


def test_a_device_that_says_nothing_speaks_before_one_that_is_well() -> None:
    rows = [
        well("P1", "sensor", NOW, device_id="S1"),
        silent("P1", "S2", NOW, state="stale", needs_work=False, severity=0),
    ]
    assert not merge_flags(rows)[0].is_well
    assert not merge_flags(rows[::-1])[0].is_well


def test_of_several_evaluations_the_newest_counts() -> None:
    (finding,) = merge_flags([flag("P1", "drought", NOW), well("P1", "drought", NOW + HOUR)])
    assert finding.is_well


def test_a_finding_survives_the_way_through_the_ledger() -> None:
    for row in (flag("P1", "drought", NOW), sick("P1", NOW), silent("P1", "S1", NOW + timedelta(microseconds=1))):
        (finding,) = merge_flags([row])
        assert from_json(json.loads(json.dumps(finding.as_json()))) == finding


@pytest.mark.parametrize(("later_h", "hours", "days"), [(0, 5, 3), (1, 6, 3), (16, 21, 4), (72, 77, 6)])
def test_a_reasons_hours_and_days_are_counted_to_the_moment_it_is_read(later_h: int, hours: int, days: int) -> None:
    (finding,) = merge_flags([watered("P1", NOW, reason_params_json='{"hours": 5, "days": 3, "rise_pct": 9}')])
    params = counted_to(finding, NOW + later_h * HOUR, BEICHEN).reason_params
    assert (params["hours"], params["days"], params["rise_pct"]) == (hours, days, 9)


def test_a_reasons_hours_agree_with_the_age_of_its_data_where_they_were_rounded() -> None:
    heard = NOW - timedelta(hours=90, minutes=40)
    (finding,) = merge_flags([silent("P1", "S1", NOW, data_at=heard, since=heard)])
    assert counted_to(finding, NOW, BEICHEN).reason_params["hours"] == 90


def test_the_depth_of_a_device_that_needs_work_is_kept() -> None:
    rows = [
        silent("P1", "S1", NOW, inputs_json='{"depths_cm": [10.0, 40.0]}'),
        well("P1", "sensor", NOW, device_id="S2", inputs_json='{"depths_cm": [20.0]}'),
    ]
    (finding,) = merge_flags(rows)
    assert finding.depths_cm == (("S1", (10.0, 40.0)),)


@pytest.mark.parametrize(
    "inputs",
    [
        '{"trend_7d": "x", "probes": "y", "watering": 3, "lon": true}',
        '{"trend_7d": [[1], null, ["a", "b"]], "probes": [1]}',
    ],
)
def test_inputs_of_another_shape_are_left_out_not_believed(inputs: str) -> None:
    (finding,) = merge_flags([flag("P1", "drought", NOW, inputs_json=inputs)])
    assert (finding.device_ids, finding.lon, finding.check_parameters) == ((), None, False)
    assert all(value is None for _, value in finding.trend_7d)


def test_water_out_of_the_usual_range_is_marked() -> None:
    (finding,) = merge_flags([flag("P1", "drought", NOW, inputs_json='{"watering": {"check_parameters": true}}')])
    assert finding.check_parameters
