"""What the verdicts read of pictures: whose, how many, and which count for nothing."""

from __future__ import annotations

import csv
import re
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import pytest

from ingest.drone.canopy import lies_on_ground
from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import all_models, models_behind
from tests.sql.made_lake import AS_OF, MadeLake

YESTERDAY = AS_OF - timedelta(days=1)


def ask(lake: MadeLake, query: str, as_of: datetime = AS_OF) -> list[tuple[Any, ...]]:
    names = [model.name for model in all_models() if re.search(rf"\b{model.name}\b", query)]
    wanted = {model.name for name in names for model in models_behind(name)}
    make_models(lake.connect(), tuple(one for one in all_models() if one.name in wanted), as_of=as_of, site=BEICHEN)
    return lake.connection.execute(query).fetchall()


def stat(lake: MadeLake, plot_id: str | None, median: float, at: datetime = YESTERDAY, **fields: Any) -> None:
    lake.add("index_stats", image_id="q", flight_id="F1", captured_at=at, plot_id=plot_id, median=median, **fields)


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("ok", True),
        ("clipped", True),
        ("unknown_pose", True),
        ("unknown_camera", True),
        ("quarantined", False),
        ("not_original", False),
    ],
)
def test_statistics_of_a_picture_that_cannot_be_right_raise_no_alert(
    lake: MadeLake, status: str, *, counts: bool
) -> None:
    for number in range(10):
        lake.plot(f"P{number}")
        stat(lake, f"P{number}", 0.4 if number == 0 else 0.7, status=status)
    assert (lake.verdicts("vigour")["P0"]["state"] == "alert") is counts
    assert ask(lake, "select count(*) from staged_index_stats") == [(10 if counts else 0,)]


def test_what_is_no_trouble_of_a_plant_lies_on_the_ground_for_the_geometry_too() -> None:
    with (resources.files("sql") / "reference" / "finding_classes.csv").open(encoding="utf-8") as file:
        kinds = [(row["class_pattern"].replace("%", ""), row["kind"]) for row in csv.DictReader(file)]
    # What is healthy stands as high as what is sick; drought is a state of plants, whoever answers for it.
    of_plants = {word for word, kind in kinds if kind == "disease"} | {"healthy", "drought", "water_stress"}
    assert {word for word, _ in kinds if not lies_on_ground(word)} == of_plants


@pytest.mark.parametrize(
    ("class_name", "lies"),
    [
        ("insect_damage", False), ("frost_damage", False), ("leaf_scar", False), ("carpet_grass_rust", False),
        ("bare_branches", False), ("冻害", False), ("bare_soil", True), ("bench damage", True), ("Car", True),
        ("missing_tree", True), ("manhole_cover", True), ("井盖", True),
    ],
)  # fmt: skip
def test_a_word_within_another_decides_nothing_about_where_a_finding_lies(class_name: str, *, lies: bool) -> None:
    assert lies_on_ground(class_name) is lies


def test_pixels_weigh_the_statistics_of_a_plot_and_unknown_validity_is_none(lake: MadeLake) -> None:
    lake.plot()
    stat(lake, "P1", 0.2, n_pixels=1000, valid_fraction=1.0)
    stat(lake, "P1", 0.6, n_pixels=3000, valid_fraction=None)
    rows = ask(lake, "select index_median, valid_fraction, n_pixels from staged_index_stats")
    assert rows == [(0.5, 0.25, 4000)]


def test_a_statistic_of_no_pixels_weighs_nothing(lake: MadeLake) -> None:
    lake.plot()
    stat(lake, "P1", 0.6, n_pixels=1000)
    lake.add("index_stats", image_id="r", flight_id="F1", captured_at=YESTERDAY, plot_id="P1", median=-9999.0,
             n_pixels=0)  # fmt: skip
    assert ask(lake, "select index_median, n_pixels from staged_index_stats") == [(0.6, 1000)]


@pytest.mark.parametrize(
    ("covered_fraction", "own", "told"),
    [
        (0.04, None, [("P1", 0.6)]),
        (0.0399, None, []),
        (0.04, (0.5, 1), [("P1", 0.5)]),
        (0.04, (-9999.0, 0), [("P1", 0.6)]),
        (0.0399, (0.5, 0), [("P1", 0.5)]),
    ],
)
def test_the_index_of_a_picture_is_that_of_the_plot_which_fills_most_of_it(
    lake: MadeLake, covered_fraction: float, own: tuple[float, int] | None, told: list[tuple[str, float]]
) -> None:
    lake.plot("P1", area_m2=1000.0)
    lake.plot("P2", area_m2=1000.0)
    picture = {"image_id": "q", "flight_id": "F1", "captured_at": YESTERDAY}
    lake.add("drone_images", footprint_area_m2=50.0, **picture)
    for plot_id, share in (("P1", covered_fraction), ("P2", 0.01)):
        lake.add("plot_coverage", plot_id=plot_id, covered_fraction=share, **picture)
    stat(lake, None, 0.6, scope="image")
    if own is not None:
        stat(lake, "P1", own[0], n_pixels=own[1], calibrated=own[1] > 0)
    rows = ask(lake, "select plot_id, index_median from staged_index_stats where is_calibrated or n_pixels = 0")
    assert rows == told


@pytest.mark.parametrize(("other", "calibrated"), [(True, True), (False, False), (None, False)])
def test_one_statistic_without_calibration_spoils_those_of_its_plot_and_flight(
    lake: MadeLake, other: object, *, calibrated: bool
) -> None:
    lake.plot()
    stat(lake, "P1", 0.6, calibrated=True)
    lake.add("index_stats", image_id="r", flight_id="F1", captured_at=YESTERDAY, plot_id="P1", median=0.6,
             calibrated=other)  # fmt: skip
    assert ask(lake, "select is_calibrated from staged_index_stats") == [(calibrated,)]


def test_pictures_of_two_drones_with_the_same_id_are_two(lake: MadeLake) -> None:
    lake.plot()
    for drone, is_analysed in (("d1", True), ("d2", False)):
        picture = {"picture_id": f"{drone}/1", "image_id": "1", "drone_id": drone, "captured_at": YESTERDAY}
        lake.add("plot_coverage", plot_id="P1", flight_id="F1", is_analysed=is_analysed, **picture)
        lake.add("image_detections", detection_id="#0", flight_id="F1", **picture)
    assert ask(lake, "select images, analysed_images from staged_coverage") == [(2, 1)]
    assert ask(lake, "select picture_id, trust from staged_detections order by 1") == [
        ("d1/1", "00.900000000 d1/1 #0"),
        ("d2/1", "00.900000000 d2/1 #0"),
    ]


def test_pictures_without_a_flight_belong_to_their_drones_day(lake: MadeLake) -> None:
    lake.plot()
    for drone, hours in (("d1", 0), ("d1", 1), ("d2", 0), ("d1", 24)):
        at = YESTERDAY - timedelta(hours=hours)
        picture = {"image_id": f"{drone}-{hours}", "drone_id": drone, "flight_id": None, "captured_at": at}
        lake.add("plot_coverage", plot_id="P1", **{name: picture[name] for name in picture})
        lake.add("image_detections", detection_id="1", **picture)
        lake.rows["plot_coverage"][-1]["date"] = None
    flights = "select count(distinct flight_id) from"
    assert ask(lake, f"{flights} staged_coverage") == ask(lake, f"{flights} staged_detections") == [(3,)]


@pytest.mark.parametrize("name", ["staged_coverage", "staged_detections", "staged_index_stats"])
def test_what_was_taken_after_the_instant_asked_for_is_not_there(lake: MadeLake, name: str) -> None:
    lake.plot()
    for at in (YESTERDAY, AS_OF, AS_OF + timedelta(seconds=1)):
        lake.flight(f"F{at:%H%M%S}", at)
        fields = {"flight_id": f"F{at:%d%H%M%S}", "captured_at": at}
        lake.add("image_detections", image_id=f"{at}", detection_id="1", **fields)
        lake.add("index_stats", image_id=f"{at}", plot_id="P1", median=0.6, **fields)
    instant = "max(last_at)" if name == "staged_coverage" else "max(captured_at)"
    assert ask(lake, f"select {instant} = getvariable('as_of') from {name}") == [(True,)]
