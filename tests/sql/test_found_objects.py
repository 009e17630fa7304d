"""What several pictures show of one thing on the ground is one object, and what is no plant's goes elsewhere."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest

from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake

YESTERDAY = AS_OF - timedelta(days=1)
METRE_OF_LAT = math.degrees(1 / 6_371_000)
METRE_OF_LON = METRE_OF_LAT / math.cos(math.radians(39.2))


def seen(lake: MadeLake, picture: str, number: int, east_m: float, north_m: float, **fields: Any) -> None:
    lake.add(
        "image_detections",
        image_id=picture,
        detection_id=str(number),
        **{
            "captured_at": YESTERDAY,
            "flight_id": "F1",
            "centre_lon": 117.1 + east_m * METRE_OF_LON,
            "centre_lat": 39.2 + north_m * METRE_OF_LAT,
        }
        | fields,
    )


def ask(lake: MadeLake, name: str, query: str) -> list[tuple[Any, ...]]:
    """Make only the relation `name` and what it reads, and ask it."""
    connection: duckdb.DuckDBPyConnection = lake.connect()
    make_models(connection, models_behind(name), as_of=AS_OF, site=BEICHEN)
    return connection.execute(query).fetchall()


def objects(lake: MadeLake) -> list[tuple[Any, ...]]:
    return ask(lake, "found_objects", "select images, confidence from found_objects order by confidence desc")


def test_one_object_has_the_highest_confidence_and_counts_its_pictures(lake: MadeLake) -> None:
    for number, confidence in enumerate((0.7, 0.9, 0.8)):
        seen(lake, f"I{number}", 0, number * 1.5, 0.0, confidence=confidence)
    seen(lake, "I0", 1, 60.0, 0.0, confidence=0.65)
    assert objects(lake) == [(3, 0.9), (1, 0.65)]


@pytest.mark.parametrize("angle_deg", [0, 45, 90, 200])
@pytest.mark.parametrize(("distance_m", "expected"), [(3.95, 1), (4.05, 2)])
def test_nearer_than_two_sigma_is_one_object_in_every_direction(
    lake: MadeLake, angle_deg: float, distance_m: float, expected: int
) -> None:
    # Sigma 2 m: two sigma are 4 m. Across the edges of cells too, wherever the group's corner lies.
    east, north = (distance_m * turn(math.radians(angle_deg)) for turn in (math.sin, math.cos))
    seen(lake, "A", 0, 3.9, 3.9, confidence=0.9)
    seen(lake, "B", 0, 3.9 + east, 3.9 + north, confidence=0.8)
    assert len(objects(lake)) == expected


def test_the_less_certain_place_decides_what_is_near(lake: MadeLake) -> None:
    seen(lake, "A", 0, 0.0, 0.0)
    seen(lake, "B", 0, 9.0, 0.0, sigma_radial_m=5.0)
    assert objects(lake) == [(2, 0.9)]


@pytest.mark.parametrize("what", ["class", "flight_id", "plot_id"])
def test_another_class_flight_or_plot_is_another_object(lake: MadeLake, what: str) -> None:
    seen(lake, "A", 0, 0.0, 0.0)
    seen(lake, "B", 0, 0.0, 0.0, **{what: "rust"})
    assert len(objects(lake)) == 2


@pytest.mark.parametrize("what", ["class", "flight_id", "plot_id"])
def test_what_lies_between_two_things_and_is_another_does_not_make_them_one(lake: MadeLake, what: str) -> None:
    # Sigma 2 m: six metres apart they are two; a surer finding three metres from both would join them.
    seen(lake, "A", 0, 0.0, 0.0, confidence=0.8)
    seen(lake, "B", 0, 6.0, 0.0, confidence=0.7)
    seen(lake, "C", 0, 3.0, 0.0, confidence=0.95, **{what: "rust"})
    seen(lake, "C", 1, 0.0, 0.0, confidence=0.65, **{what: "rust"})  # places are counted from a group's own corner
    assert len(objects(lake)) == 3


def test_a_row_of_sick_trees_stays_several_objects(lake: MadeLake) -> None:
    # Ten trees, three metres apart, each seen by three pictures: every one is near the next (4 m).
    for tree in range(10):
        for number in range(3):
            seen(lake, f"I{tree}-{number}", 0, 3.0 * tree + 0.3 * number, 0.0, confidence=0.7 + (tree % 3) / 10)
    found = objects(lake)
    assert 3 <= len(found) <= 5
    assert sum(images for images, _ in found) == 30


def test_parts_of_a_thing_in_one_picture_add_up_and_other_pictures_do_not(lake: MadeLake) -> None:
    seen(lake, "A", 0, 0.0, 0.0, ground_area_m2=2.0, confidence=0.95)
    seen(lake, "A", 1, 1.0, 0.0, ground_area_m2=3.0)
    seen(lake, "B", 0, 0.5, 0.0, ground_area_m2=4.0)
    assert ask(lake, "found_objects", "select ground_area_m2, images from found_objects") == [(5.0, 2)]


def climbed(east: Any, north: Any, reach: Any) -> list[int]:
    """Return the top that each finding climbs to, by comparing all with all; findings are in the order of trust."""
    near = np.hypot(east[:, None] - east, north[:, None] - north) < np.maximum(reach[:, None], reach)
    top = np.array([max(np.flatnonzero(row).max(), i) for i, row in enumerate(near)])
    for _ in range(3):
        top = top[top]
    return [int(one) for one in top]


@pytest.mark.parametrize("seed", range(4))
def test_looking_only_into_the_cells_around_finds_the_same_objects_as_comparing_all(lake: MadeLake, seed: int) -> None:
    rng = np.random.default_rng(seed)
    east, north = rng.uniform(0, 40, (2, 150))
    sigma = rng.uniform(0.2, 3.0, 150)
    for i in range(150):
        seen(lake, f"I{i:03}", 0, east[i], north[i], confidence=0.6 + i / 1000, sigma_radial_m=sigma[i],
             sigma_tangential_m=0.1)  # fmt: skip
    query = (
        "select m.picture_id, t.picture_id from object_members m inner join staged_detections t"
        " on m.object_rank = cast(substr(t.picture_id, 2) as bigint) + 1 order by 1"
    )
    found = ask(lake, "object_members", query)
    assert [int(top[1:]) for _, top in found] == climbed(east, north, 2 * sigma)


def test_nine_hundred_findings_of_one_picture_are_few_objects_and_none_is_lost(lake: MadeLake) -> None:
    for i in range(900):
        seen(lake, "I1", i, 0.02 * (i % 30), 0.02 * (i // 30))
    assert ask(
        lake, "found_objects", "select count(*), max(images), round(max(ground_area_m2)) from found_objects"
    ) == [(1, 1, 900.0)]


def test_rubble_and_gaps_go_to_those_who_answer_for_them(lake: MadeLake) -> None:
    lake.plot(name="中心公园", responsible_unit="园林一所")
    for class_name in ("dumped_rubble", "litter", "bare_gap", "powdery_mildew", "person"):
        seen(lake, "A", len(class_name), 0.0, 0.0, **{"class": class_name})
    rows = ask(
        lake,
        "routed_findings",
        "select finding_class, route, responsible_unit, plot_name from routed_findings order by 1",
    )
    assert rows == [
        ("bare_gap", "replanting", "园林一所", "中心公园"),
        ("dumped_rubble", "enforcement", None, "中心公园"),
        ("litter", "cleaning", None, "中心公园"),
    ]


@pytest.mark.parametrize(("clean_flights", "is_there"), [(1, True), (2, False)])
def test_rubble_that_two_flights_no_longer_see_is_gone(lake: MadeLake, clean_flights: int, *, is_there: bool) -> None:
    lake.plot()
    seen(lake, "A", 0, 0.0, 0.0, **{"class": "rubble"})
    for number in range(clean_flights):
        lake.flight(f"C{number}", YESTERDAY + timedelta(hours=10 + 10 * number))
    assert bool(ask(lake, "routed_findings", "select 1 from routed_findings")) is is_there


@pytest.mark.parametrize(
    ("fields", "is_listed"),
    [
        ({}, True),
        ({"confidence": 0.6}, True),
        ({"confidence": 0.599}, False),
        ({"class": "person"}, False),
        ({"status": "outside"}, False),
        ({"status": "rejected_horizon"}, False),
        ({"captured_at": AS_OF + timedelta(seconds=1)}, False),
    ],
)
def test_what_lies_on_a_border_is_listed_to_be_looked_at(
    lake: MadeLake, fields: dict[str, Any], *, is_listed: bool
) -> None:
    doubtful = {"status": "ambiguous", "plot_id": None, "plot_candidates_json": '{"A":0.45,"B":0.4}'} | fields
    lake.add("image_detections", image_id="I1", detection_id="1", **{"captured_at": YESTERDAY} | doubtful)
    rows = ask(lake, "doubtful_findings", "select plot_candidates_json, images from doubtful_findings")
    assert rows == ([('{"A":0.45,"B":0.4}', 1)] if is_listed else [])


def test_the_same_doubtful_thing_in_two_pictures_is_listed_once(lake: MadeLake) -> None:
    for image_id, confidence in (("I1", 0.7), ("I2", 0.8)):
        lake.add(
            "image_detections", image_id=image_id, detection_id="1", captured_at=YESTERDAY, flight_id="F1",
            status="ambiguous", plot_id=None, confidence=confidence, plot_candidates_json="{}",
        )  # fmt: skip
    query = "select images, confidence, best_image_id from doubtful_findings"
    assert ask(lake, "doubtful_findings", query) == [(2, 0.8, "I2")]


def test_a_doubt_that_nobody_answers_for_a_week_asks_for_another_flight(lake: MadeLake) -> None:
    cases: dict[str, tuple[float, float | None, str | None, str]] = {
        "a week": (7.0, None, None, "reflight"),
        "less": (6.9, None, None, "flown"),
        "flown a week ago": (20.0, 7.0, None, "reflight"),
        "flown since": (20.0, 6.9, None, "flown"),
        "an issue alone": (8.0, None, "opened", "reflight"),
        "a false alarm": (8.0, None, "false_alarm", "flown"),
        "a visit": (8.0, None, "done", "flown"),
    }
    for plot_id, (days_ago, flown_days_ago, event, _) in cases.items():
        lake.plot(plot_id)
        at = AS_OF - timedelta(days=days_ago)
        lake.flight(plot_id, at, [plot_id])
        seen(lake, f"{plot_id}-1", 0, 0.0, 0.0, captured_at=at, plot_id=plot_id, flight_id=plot_id)
        if flown_days_ago is not None:
            lake.flight(f"{plot_id} again", AS_OF - timedelta(days=flown_days_ago), [plot_id], is_analysed=False)
        if event:
            lake.rows["issue_events"].append(
                {"event_id": plot_id, "issue_id": plot_id, "happened_at": at + timedelta(days=1), "kind": event,
                 "plot_id": plot_id, "cause": "disease", "actor": "crew", "detail_json": "{}"}
            )  # fmt: skip
    states = ask(lake, "coverage_findings", "select plot_id, state from coverage_findings")
    assert dict(states) == {plot_id: state for plot_id, (*_, state) in cases.items()}


def answer(lake: MadeLake, kind: str, at: datetime, detail: str = "{}") -> None:
    lake.rows["issue_events"].append(
        {"event_id": f"{kind}{at}", "issue_id": "BC-1", "happened_at": at, "kind": kind, "plot_id": "P1",
         "cause": "disease", "actor": "crew:1", "detail_json": detail}
    )  # fmt: skip


def verdict(lake: MadeLake) -> tuple[Any, ...]:
    query = "select state, needs_work, reason_code from disease_findings"
    return ask(lake, "disease_findings", query)[0]


@pytest.mark.parametrize(
    ("inspection", "hours", "state"),
    [
        ("confirmed", 0, "confirmed"),
        ("confirmed", -1, "suspected"),
        ("nothing", 1, "suspected"),
        ("unsure", 1, "suspected"),
    ],
)
def test_only_a_crew_that_found_it_on_site_confirms_a_disease(
    lake: MadeLake, inspection: str, hours: int, state: str
) -> None:
    lake.plot()
    lake.flight("F1", YESTERDAY)
    seen(lake, "F1-1", 0, 0.0, 0.0)
    answer(lake, "done", YESTERDAY + timedelta(hours=hours), json.dumps({"inspection": inspection}))
    assert verdict(lake)[:2] == (state, state == "confirmed")


def test_a_crews_word_that_nobody_checked_closes_nothing(lake: MadeLake) -> None:
    lake.plot()
    lake.flight("F1", YESTERDAY)
    for picture in ("A", "B"):
        seen(lake, picture, 0, 0.0, 0.0)
    answer(lake, "false_alarm", YESTERDAY + timedelta(hours=1))
    assert verdict(lake)[0] == "probable"
