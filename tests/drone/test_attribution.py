"""Findings on the ground and in plots, against the reference table and against independent sums."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from ingest.drone.attribution import Attribution, area_shares, at_canopy, attribute, decide
from ingest.drone.detection import GroundDetections, locate_detections, position_sigma_m
from ingest.drone.footprint import compute_footprints
from ingest.drone.gaussian import MASS_ERROR, polygon_masses
from ingest.drone.plots_index import PlotShapes, to_micros
from ingest.drone.view import to_lonlat
from ingest.observation import Detection, DroneImage
from ingest.outline import cut_to_picture
from tests.drone.pictures import WHEN, metres_between, picture, reference_picture, rows_of

FIXES = {"gps": "gnss", "rtk": "rtk_fixed"}


def box(x: float, y: float, width: float, height: float, **changed: Any) -> Detection:
    facts: dict[str, Any] = {"detection_id": "1", "class_name": "sick_tree", "confidence": 0.9}
    return Detection(**(facts | {"bbox_px": (x, y, width, height)} | changed))


def square(west_m: float, south_m: float, east_m: float, north_m: float) -> bytes:
    """Return a plot in metres from the test picture's ground point, as WKB."""
    ends = np.array([(west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m)])
    lon, lat = to_lonlat(np.full(4, 117.1), np.full(4, 39.2), ends[:, 0], ends[:, 1])
    return bytes(shapely.to_wkb(shapely.Polygon(np.stack([lon, lat], axis=1))))


def plots_of(**shapes: bytes) -> PlotShapes:
    count = len(shapes)
    return PlotShapes.from_register(list(shapes), list(shapes.values()), [WHEN] * count, [None] * count, "v1")


def place(image: DroneImage) -> GroundDetections:
    return locate_detections([image], compute_footprints([image]))


def attributed(image: DroneImage, plots: PlotShapes) -> Attribution:
    return attribute(place(image), [image.captured_at], plots)[0]


def reference(shared: Path) -> tuple[list[dict[str, str]], list[DroneImage], PlotShapes]:
    data = shared / "data/drone"
    rows = rows_of(data / "detection_reference_give.csv")
    images = [
        reference_picture(
            row,
            position_fix=FIXES[row["position_fix"]],
            detections=tuple(
                box(*(float(found[f"bbox_{name}_px"]) for name in "xywh"), detection_id=found["detection_id"])
                for found in rows
                if found["image_id"] == row["image_id"]
            ),
        )
        for row in rows_of(data / "detection_reference_images.csv")
    ]
    features = json.loads((data / "plots_reference.geojson").read_text())["features"]
    plots = PlotShapes.from_register(
        [feature["properties"]["plot_id"] for feature in features],
        [bytes(shapely.to_wkb(shapely.geometry.shape(feature["geometry"]))) for feature in features],
        [WHEN] * len(features),
        [None] * len(features),
        "v1",
    )
    return rows, images, plots


def test_every_reference_finding_lies_where_the_reference_says_and_as_doubtful(shared: Path) -> None:
    rows, images, plots = reference(shared)
    ground = locate_detections(images, compute_footprints(images))
    found = attribute(ground, [image.captured_at for image in images], plots)
    for k, row in enumerate(rows):
        assert found[k].status == row["status"], row["detection_id"]
        if not row["centre_lon"]:
            continue
        assert metres_between(ground.lon[k], ground.lat[k], float(row["centre_lon"]), float(row["centre_lat"])) <= 0.05
        assert ground.area_m2[k] == pytest.approx(float(row["ground_area_m2"]), rel=0.005)
        assert ground.min_depression_deg[k] == pytest.approx(float(row["min_depression_deg"]), abs=0.001)
        assert ground.sigma_radial_m[k] == pytest.approx(float(row["sigma_radial_m"]), rel=0.02)
        assert ground.sigma_tangential_m[k] == pytest.approx(float(row["sigma_tangential_m"]), rel=0.02)
        said = json.loads(row["probabilities_mc"])
        for plot in said.keys() | found[k].candidates.keys():
            assert found[k].candidates.get(plot, 0.0) == pytest.approx(said.get(plot, 0.0), abs=0.02)


# Four oblique pictures of an H30T around one box of 15 m, and the box's corners by GPS, north west first, clockwise:
# rgdonohue/penguin-detection-pipeline, tests/test_thermal.py at 7628a4f. Of each picture: latitude, longitude, height
# above ground, yaw at a pitch of -45 degrees, and where the four corners are seen, in no order.
CORNERS = (-42.085258, -63.867123), (-42.085273, -63.866958), (-42.085392, -63.866972), (-42.085381, -63.867161)
OBLIQUE = (
    (-42.0852775, -63.8664954, 35.4, -88.4, ((618, 411), (685, 132), (128, 395), (250, 84))),
    (-42.0857238, -63.8670125, 32.2, 1.4, ((654, 43), (619, 348), (68, 303), (261, 11))),
    (-42.0853613, -63.8675492, 34.7, 89.5, ((237, 200), (643, 583), (691, 224), (66, 525))),
    (-42.0849066, -63.8670938, 35.6, -179.3, ((184, 411), (606, 457), (733, 146), (279, 116))),
)


@pytest.mark.parametrize(("lat", "lon", "height_m", "yaw_deg", "seen"), OBLIQUE)
def test_what_is_seen_aslant_from_every_side_lies_where_it_was_surveyed(
    lat: float, lon: float, height_m: float, yaw_deg: float, seen: tuple[tuple[float, float], ...]
) -> None:
    image = picture(
        lat=lat, lon=lon, height_takeoff_m=height_m, yaw_deg=yaw_deg, pitch_deg=-45.0, image_width_px=1280,
        image_height_px=1024, intrinsics={"focal_35mm_mm": 52.0},
        detections=tuple(box(a - 2, b - 2, 4, 4, detection_id=str(i)) for i, (a, b) in enumerate(seen)),
    )  # fmt: skip
    ground, met = place(image), set()
    for k in range(len(seen)):
        away, corner = min((metres_between(ground.lon[k], ground.lat[k], x, y), (x, y)) for y, x in CORNERS)
        met.add(corner)
        # The nearest other corner is 12 m away; 95 % of what an ellipse stands for lie within 2.45 sigma.
        assert away < 4.0
        assert away < 2.45 * max(ground.sigma_radial_m[k], ground.sigma_tangential_m[k])
    assert len(met) == len(CORNERS)


def test_reference_findings_share_their_area_among_plots_as_the_reference_says(shared: Path) -> None:
    rows, _, plots = reference(shared)
    rows = [row for row in rows if row["corners_lonlat"]]
    areas = np.array([shapely.Polygon(json.loads(row["corners_lonlat"])) for row in rows], dtype=object)
    shares: list[dict[str, float]] = [{} for _ in rows]
    for i, plot, share in area_shares(areas, to_micros([WHEN] * len(rows)), plots):
        shares[i][plots.plot_id[plot]] = share
    for row, found in zip(rows, shares, strict=True):
        said = json.loads(row["area_shares"])
        assert all(found[plot] == pytest.approx(share, abs=0.01) for plot, share in said.items())


def masses(*polygons: BaseGeometry) -> list[float]:
    """Return the masses of polygons by the code under test, whatever way round they are drawn."""
    plots = PlotShapes.from_register(
        [str(i) for i in range(len(polygons))],
        [bytes(shapely.to_wkb(polygon)) for polygon in polygons],
        [WHEN] * len(polygons),
        [None] * len(polygons),
        "v1",
    )
    owner = np.repeat(np.arange(len(polygons)), np.diff(plots.edge_offset))
    return list(polygon_masses(plots.edge_start, plots.edge_end, owner, len(polygons)))


def normal(x: float) -> float:
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


numbers = st.floats(-8.0, 8.0, allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(numbers, numbers, st.floats(1e-6, 9.0), st.floats(1e-6, 9.0))
def test_the_mass_in_a_rectangle_is_the_product_of_two_error_functions(
    x: float, y: float, width: float, height: float
) -> None:
    exact = (normal(x + width) - normal(x)) * (normal(y + height) - normal(y))
    assert masses(shapely.box(x, y, x + width, y + height))[0] == pytest.approx(exact, abs=MASS_ERROR)


@settings(max_examples=60, deadline=None)
@example(1.0, 1e-12, 0.0)
@example(1.0, 2e-12, 0.0)
@example(1.0, 1e-9, 0.0)
@given(st.floats(0.0, math.tau), numbers, numbers)
def test_turning_a_plot_and_its_place_together_changes_nothing(turn: float, x: float, y: float) -> None:
    shape = shapely.Polygon([(x, y), (x + 3, y + 0.1), (x + 2, y + 2), (x + 0.5, y + 0.4)])
    cosine, sine = math.cos(turn), math.sin(turn)
    turned = shapely.transform(shape, lambda p: p @ np.array([[cosine, sine], [-sine, cosine]]))
    assert masses(shape)[0] == pytest.approx(masses(turned)[0], abs=2 * MASS_ERROR)


def sideways(height_m: float = 40.0, yaw_deg: float = 90.0, **changed: Any) -> DroneImage:
    """Return a picture that looks 45° down to the east, with one finding on its axis: its ray ends `height_m` away."""
    facts = {"yaw_deg": yaw_deg, "pitch_deg": -45.0, "height_takeoff_m": height_m, "position_fix": "rtk_fixed"}
    return picture(**facts, detections=(box(1950, 1450, 100, 100, **changed),))


def grown(heights: dict[str, float | None], **shapes: bytes) -> PlotShapes:
    count = len(shapes)
    canopy = [heights.get(name) for name in shapes]
    return PlotShapes.from_register(
        list(shapes), list(shapes.values()), [WHEN] * count, [None] * count, "v1", canopy_height_m=canopy
    )


TREES, LAWN = square(24, -15, 36, 15), square(36, -15, 60, 15)
"""A camera 40 m up that looks 45° down sees the ground of the lawn 40 m away; the ray passes 30 m away at 10 m."""


def test_a_sick_crown_is_placed_where_it_stands_and_not_on_the_lawn_behind_it() -> None:
    assert attributed(sideways(), grown({}, trees=TREES, lawn=LAWN)).plot_id == "lawn"
    image, plots = sideways(), grown({"trees": 10.0}, trees=TREES, lawn=LAWN)
    found = attributed(image, plots)
    assert (found.plot_id, found.canopy_height_m) == ("trees", 10.0)
    assert sum(found.candidates.values()) <= 1.0
    ground = place(image)
    stands = at_canopy(ground, [found])
    east, north = to_lonlat(np.array([117.1]), np.array([39.2]), np.array([30.0]), np.array([0.0]))
    assert metres_between(stands.lon[0], stands.lat[0], float(east[0]), float(north[0])) < 0.35
    assert stands.area_m2[0] == pytest.approx(ground.area_m2[0] * 0.75**2)


def test_a_canopy_as_high_as_the_camera_moves_nothing() -> None:
    found = attributed(sideways(), grown({"trees": 40.0}, trees=TREES, lawn=LAWN))
    assert (found.plot_id, found.canopy_height_m) == ("lawn", None)
    assert attributed(sideways(), grown({"lawn": 0.0}, trees=TREES, lawn=LAWN)).plot_id == "lawn"
    for height_m in (40.0, 50.0):  # not even to the point below the camera, nor behind it
        below = square(-20, -15, 12, 15)
        assert attributed(sideways(), grown({"below": height_m}, below=below, lawn=LAWN)).plot_id == "lawn"


@pytest.mark.parametrize(("yaw_deg", "east", "north"), [(90.0, 1, 0), (0.0, 0, 1), (180.0, 0, -1), (225.0, -0.7, -0.7)])
def test_a_tall_crown_is_found_far_before_its_ray_meets_the_ground(yaw_deg: float, east: float, north: float) -> None:
    """The ray ends 40 m away, nine sigmas behind the plot of trees of 30 m that it passes 10 m away."""
    x, y = 10 * east, 10 * north
    image = sideways(yaw_deg=yaw_deg)
    found = attributed(image, grown({"trees": 30.0}, trees=square(x - 6, y - 6, x + 6, y + 6)))
    assert (found.plot_id, found.canopy_height_m) == ("trees", 30.0)


def test_straight_below_the_camera_a_canopy_moves_nothing() -> None:
    plots = plots_of(here=square(-6, -6, 6, 6))
    tall = grown({"here": 20.0}, here=square(-6, -6, 6, 6))
    image = picture(detections=(box(1950, 1450, 100, 100),))
    assert attributed(image, tall).probability == attributed(image, plots).probability


@pytest.mark.parametrize("class_name", ["litter", "dumped_rubble", "建筑垃圾", "plant_gap"])
def test_litter_and_rubble_lie_on_the_ground_whatever_grows_there(class_name: str) -> None:
    plots = grown({"trees": 10.0, "lawn": 2.0}, trees=TREES, lawn=LAWN)
    found = attributed(sideways(class_name=class_name), plots)
    assert (found.plot_id, found.canopy_height_m) == ("lawn", None)


def test_crowns_of_one_height_hide_nothing_of_each_other() -> None:
    halves = {"near": square(24, -15, 30, 15), "far": square(30, -15, 36, 15)}
    found = attributed(sideways(), grown({"near": 10.0, "far": 10.0}, **halves))
    assert found.candidates["near"] == pytest.approx(found.candidates["far"], abs=0.1)
    assert sum(found.candidates.values()) > 0.9


def test_a_hole_takes_its_mass_out_and_an_island_puts_it_back() -> None:
    whole, hole, island = shapely.box(-3, -3, 3, 3), shapely.box(-1, -1, 1, 1), shapely.box(-0.5, -0.5, 0.5, 0.5)
    ring = whole.difference(hole)
    both = ring.union(island)
    of_whole, of_hole, of_island, of_ring, of_both = masses(whole, hole, island, ring, both)
    assert of_ring == pytest.approx(of_whole - of_hole, abs=MASS_ERROR)
    assert of_both == pytest.approx(of_ring + of_island, abs=MASS_ERROR)


@pytest.mark.parametrize("shift", [0.0, 1e-15, -1e-15, 1e-9, -1e-9])
def test_a_centre_on_the_edge_is_half_in(shift: float) -> None:
    assert masses(shapely.box(shift, -50.0, 50.0, 50.0))[0] == pytest.approx(0.5, abs=MASS_ERROR)


def test_a_centre_on_a_corner_is_a_quarter_in() -> None:
    assert masses(shapely.box(0.0, 0.0, 50.0, 50.0))[0] == pytest.approx(0.25, abs=MASS_ERROR)


def test_a_sliver_holds_almost_nothing_and_a_far_plot_nothing() -> None:
    sliver, far = masses(shapely.box(-30, 0.2, 30, 0.2001), shapely.box(20, 20, 30, 30))
    assert sliver == pytest.approx(1e-4 * math.exp(-0.02) / math.sqrt(math.tau), rel=0.02)
    assert far == pytest.approx(0.0, abs=MASS_ERROR)


def test_an_ellipse_reaches_farther_along_the_line_of_sight() -> None:
    # Looking steeply sideways to the east: the radial axis is east, its doubt larger than across.
    ground = place(picture(yaw_deg=90.0, pitch_deg=-45.0, detections=(box(1950, 1450, 100, 100),)))
    assert ground.sigma_azimuth_deg[0] == pytest.approx(90.0)
    assert ground.sigma_radial_m[0] > 1.05 * ground.sigma_tangential_m[0]


@pytest.mark.parametrize("azimuth_deg", [20.0, 45.0, 160.0, 290.0])
def test_the_ellipse_lies_along_the_radial_axis_not_across_it(azimuth_deg: float) -> None:
    image = picture(
        yaw_deg=azimuth_deg, pitch_deg=-30.0, height_takeoff_m=20.0, detections=(box(1950, 1450, 100, 100),)
    )
    ground = place(image)
    azimuth = math.radians(azimuth_deg)
    distance = 20.0 * math.tan(math.radians(60.0))
    strips = {}
    for name, turn in (("along", azimuth), ("across", azimuth + math.pi / 2)):
        ahead, side = np.array([math.sin(turn), math.cos(turn)]), np.array([math.cos(turn), -math.sin(turn)])
        middle = distance * np.array([math.sin(azimuth), math.cos(azimuth)])
        ends = np.array([middle + a * 40 * ahead + b * side for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
        lon, lat = to_lonlat(np.full(4, 117.1), np.full(4, 39.2), ends[:, 0], ends[:, 1])
        strips[name] = bytes(shapely.to_wkb(shapely.Polygon(np.stack([lon, lat], axis=1))))
    found = attribute(ground, [WHEN], plots_of(**strips))[0].candidates
    across, along = ground.sigma_tangential_m[0], ground.sigma_radial_m[0]
    assert found["along"] == pytest.approx(2 * normal(1 / across) - 1, abs=1e-3)
    assert found["across"] == pytest.approx(2 * normal(1 / along) - 1, abs=1e-3)


@pytest.mark.parametrize(
    ("best", "status"),
    [
        (0.8, "assigned"),
        (0.7996, "assigned"),
        (0.7994, "probable"),
        (0.5, "probable"),
        (0.4994, "ambiguous"),
        (0.2, "ambiguous"),
        (0.1994, "outside"),
    ],
)
def test_probabilities_become_words_at_the_thresholds(best: float, status: str) -> None:
    assert decide({"A": best}).status == status


@pytest.mark.parametrize("best", [0.49951, 0.5, 0.79951, 0.8, 0.49949, 0.79949, 0.99999])
def test_the_probability_that_is_kept_says_the_same_as_the_status(best: float) -> None:
    found = decide({"A": best})
    said = found.probability or 0.0
    assert found.status == ("assigned" if said >= 0.8 else "probable" if said >= 0.5 else "ambiguous")
    assert said == pytest.approx(best if found.plot_id else 0.0, abs=0.0005)


def test_little_on_all_plots_together_is_outside_but_little_on_many_is_not() -> None:
    assert decide({"A": 0.1, "B": 0.09}).status == "outside"
    assert decide({"A": 0.1, "B": 0.1}).status == "ambiguous"
    assert decide({}).status == "outside"


def test_only_a_plot_that_is_likely_enough_is_named() -> None:
    assert decide({"A": 0.45, "B": 0.4}) == Attribution("ambiguous", None, None, {"A": 0.45, "B": 0.4})


def test_a_finding_too_near_to_the_horizon_is_rejected() -> None:
    image = picture(pitch_deg=-20.0, detections=(box(1900, 100, 50, 50), box(1900, 2800, 50, 50, detection_id="2")))
    assert place(image).status == ["rejected_horizon", "located"]


def test_a_finding_that_reaches_above_the_horizon_is_rejected_also_when_its_centre_does_not() -> None:
    # 20 degrees down: the line of 15 degrees runs 262 px above the middle; the box ends there, its centre lies lower.
    reaching, below = (place(picture(pitch_deg=-20.0, detections=(box(1900, y, 50, 1000),))) for y in (1230, 1245))
    assert reaching.status == ["rejected_horizon"]
    assert below.status == ["located"]


def test_a_finding_in_a_picture_without_ground_says_why() -> None:
    found = attributed(picture(pitch_deg=None, detections=(box(1, 1, 9, 9),)), plots_of(A=square(-99, -99, 99, 99)))
    assert found == Attribution("unknown_pose")


def test_a_finding_in_the_middle_of_a_large_plot_belongs_to_it() -> None:
    found = attributed(picture(detections=(box(1990, 1490, 20, 20),)), plots_of(A=square(-30, -30, 30, 30)))
    assert (found.status, found.plot_id) == ("assigned", "A")
    assert found.probability == pytest.approx(1.0, abs=1e-5)


def test_a_polygon_counts_by_its_centroid() -> None:
    corner = Detection(
        detection_id="1", class_name="x", confidence=0.9, polygon_px=((2000, 1500), (2300, 1500), (2000, 1800))
    )
    ground = place(picture(detections=(corner,)))
    # Centroid 100 px right and down of the middle, at 0.02 m a pixel.
    assert metres_between(117.1, 39.2, ground.lon[0], ground.lat[0]) == pytest.approx(2.0 * math.sqrt(2.0), rel=1e-4)
    assert ground.area_m2[0] == pytest.approx(18.0)


def test_an_outline_that_is_no_triangle_counts_by_its_centroid_too() -> None:
    # An L of 300 px x 300 px, arms 100 px wide: by hand, 110 px from both outer sides; the mean of its corners is not.
    corners = ((0, 0), (300, 0), (300, 100), (100, 100), (100, 300), (0, 300))
    shape = Detection(
        detection_id="1",
        class_name="x",
        confidence=0.9,
        polygon_px=tuple((2000.0 + x, 1500.0 + y) for x, y in corners),
    )
    ground = place(picture(detections=(shape,)))
    assert metres_between(117.1, 39.2, ground.lon[0], ground.lat[0]) == pytest.approx(2.2 * math.sqrt(2.0), rel=1e-4)
    assert ground.area_m2[0] == pytest.approx(50_000 * 0.02**2)


def test_an_outline_that_crosses_itself_keeps_its_place_within_its_points() -> None:
    crossed = Detection(
        detection_id="1",
        class_name="x",
        confidence=0.9,
        polygon_px=((2000, 1500), (2100, 1600), (2100, 1500), (2000, 1600.001)),
    )
    ground = place(picture(detections=(crossed,)))
    assert metres_between(117.1, 39.2, ground.lon[0], ground.lat[0]) < 3.0


@pytest.mark.parametrize(
    ("shape", "width_px", "height_px"),
    [
        ({"bbox_px": (-20.0, -20.0, 40.0, 40.0)}, 20, 20),
        ({"bbox_px": (3990.0, 1400.0, 4000.0, 400.0)}, 10, 400),
        ({"bbox_px": (-8000.0, -8000.0, 20000.0, 20000.0)}, 4000, 3000),
        ({"bbox_px": (100.0, 2900.0, 50.0, 9000.0)}, 50, 100),
        ({"bbox_px": None, "polygon_px": ((-50.0, 0.0), (50.0, 0.0), (50.0, 100.0), (-50.0, 100.0))}, 50, 100),
    ],
)
def test_what_a_box_shows_beyond_the_picture_is_no_ground(
    shape: dict[str, Any], width_px: float, height_px: float
) -> None:
    ground = place(picture(detections=(box(0, 0, 1, 1, **shape),)))
    assert ground.area_m2[0] == pytest.approx(width_px * height_px * 0.02**2)


def test_the_centre_of_a_box_over_the_edge_is_that_of_its_part_in_the_picture() -> None:
    inside, over = (
        place(picture(detections=(box(*numbers),))) for numbers in ((3900, 1450, 100, 100), (3900, 1450, 5000, 100))
    )
    assert (over.lon[0], over.lat[0]) == (inside.lon[0], inside.lat[0])
    assert over.sigma_radial_m[0] == inside.sigma_radial_m[0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 150), st.floats(-50, 130)), min_size=3, max_size=3))
def test_an_outline_is_cut_like_shapely_cuts_it(points: list[tuple[float, float]]) -> None:
    exact = shapely.Polygon(points).intersection(shapely.box(0, 0, 100, 80)).area
    cut = cut_to_picture(points, 100, 80)
    assert (shapely.Polygon(cut).area if len(cut) > 2 else 0.0) == pytest.approx(exact, abs=1e-6)


def test_a_finding_of_the_whole_picture_may_lie_anywhere_in_it() -> None:
    whole = Detection(detection_id="1", class_name="mildew", confidence=0.7, whole_image=True)
    image = picture(detections=(whole,))
    found = attributed(image, plots_of(west=square(-500, -500, -20, 500), east=square(-20, -500, 500, 500)))
    assert found.status == "probable"
    assert found.candidates == pytest.approx({"east": 0.75, "west": 0.25}, abs=1e-3)


def test_the_plot_that_held_on_the_day_of_the_picture_counts() -> None:
    day = timedelta(days=1)
    plots = PlotShapes.from_register(
        ["old", "new"],
        [square(-50, -50, 50, 50), square(-50, -50, 50, 50)],
        [WHEN - day, WHEN],
        [WHEN, None],
        "v1",
    )
    image = picture(detections=(box(1990, 1490, 20, 20),))
    assert attributed(image, plots).plot_id == "new"
    before = picture(captured_at=WHEN - timedelta(microseconds=1), detections=image.detections)
    assert attributed(before, plots).plot_id == "old"


def test_a_plot_that_was_given_up_takes_no_findings_any_more() -> None:
    gone = PlotShapes.from_register(["old"], [square(-50, -50, 50, 50)], [WHEN - timedelta(days=2)], [WHEN], "v1")
    image = picture(detections=(box(1990, 1490, 20, 20),))
    assert attributed(image, gone).status == "outside"
    whole = picture(detections=(box(0, 0, 1, 1, bbox_px=None, whole_image=True),))
    assert attributed(whole, gone).status == "outside"


def test_without_plots_every_finding_is_outside() -> None:
    assert attributed(picture(detections=(box(1, 1, 9, 9),)), plots_of()).status == "outside"


@pytest.mark.parametrize(
    ("fix", "sent_m", "sigma_m"),
    [("gnss", None, 2.2), ("rtk_fixed", None, 0.05), ("rtk_float", None, 2.2), ("gnss", 0.9, 0.9), ("gnss", 0.0, 0.05)],
)
def test_the_doubt_of_the_position_comes_from_the_message_or_the_kind_of_fix(
    fix: str, sent_m: float | None, sigma_m: float
) -> None:
    assert position_sigma_m(picture(position_fix=fix, position_sigma_m=sent_m)) == sigma_m


@pytest.mark.parametrize(
    ("said", "radial_m", "tangential_m"),
    [
        # 40 m up, 45° down, RTK: by hand from section 3; 2 m of height, 1.2° and 3° unless more is said.
        ({}, math.sqrt(0.05**2 + 2**2 + (80 * math.radians(1.2)) ** 2),
         math.sqrt(0.05**2 + (40 * math.radians(3)) ** 2 + (math.sqrt(3200) * math.radians(1.2)) ** 2)),
        ({"attitude_sigma_deg": 0.1, "v_sigma_m": 0.02}, 2.6096, 2.407),
        ({"attitude_sigma_deg": 5.0}, math.sqrt(0.05**2 + 2**2 + (80 * math.radians(5)) ** 2),
         math.sqrt(0.05**2 + (40 * math.radians(5)) ** 2 + (math.sqrt(3200) * math.radians(5)) ** 2)),
        ({"v_sigma_m": 6.0}, math.sqrt(0.05**2 + 6**2 + (80 * math.radians(1.2)) ** 2), 2.407),
    ],
)  # fmt: skip
def test_a_sender_that_doubts_its_pose_more_than_usual_is_believed(
    said: dict[str, float], radial_m: float, tangential_m: float
) -> None:
    image = msgspec.structs.replace(sideways(), vendor=said)
    ground = place(image)
    assert (ground.sigma_radial_m[0], ground.sigma_tangential_m[0]) == pytest.approx((radial_m, tangential_m), abs=1e-3)


def test_nine_hundred_findings_in_one_picture_are_each_placed() -> None:
    many = tuple(box(4 * i, 3 * i, 10, 10, detection_id=str(i)) for i in range(900))
    image = picture(detections=many)
    found = attribute(place(image), [WHEN], plots_of(A=square(-100, -100, 100, 100)))
    assert {one.status for one in found} == {"assigned"}


def test_many_slivers_that_each_hold_next_to_nothing_are_together_not_outside() -> None:
    # Of 2.53 m a strip of 6 cm holds less than a hundredth; thirty of them side by side with gaps hold a quarter.
    strips = {f"S{i}": square(-1.5 + 0.1 * i, -40, -1.44 + 0.1 * i, 40) for i in range(30)}
    image = picture(detections=(box(1999, 1499, 2, 2),))
    assert attributed(image, plots_of(**strips)) == Attribution("ambiguous")
    assert attributed(image, plots_of(S=strips["S15"])) == Attribution("outside")
