"""Any picture that the native contract allows gives rows: one absurd picture never costs its batch."""

from __future__ import annotations

import math
from typing import Any

import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ingest.drone.rows import drone_rows
from ingest.observation import Detection, DroneImage, Message
from ingest.site import BEICHEN
from tests.drone.pictures import WHEN, picture
from tests.drone.test_attribution import plots_of, square

PLOTS = plots_of(near=square(-30, -30, 30, 30), ring=square(-3000, -3000, 3000, 3000))


def reals(lowest: float, highest: float) -> st.SearchStrategy[float]:
    return st.floats(lowest, highest, allow_nan=False)


anything = st.floats(allow_nan=False, allow_infinity=False)
distortions = st.fixed_dictionaries(
    {"model": st.just("brown"), "k1": reals(-5, 5)},
    optional={"k2": reals(-20, 20), "k3": reals(-50, 50), "p1": reals(-1, 1), "p2": reals(-1, 1)},
)
lenses = st.fixed_dictionaries(
    {},
    optional={
        "focal_px": reals(0, 200_000),
        "focal_y_px": reals(0, 200_000),
        "cx_px": anything,
        "cy_px": anything,
        "hfov_deg": reals(0, 170),
        "focal_mm": reals(0, 2000),
        "sensor_width_mm": reals(0, 100),
        "focal_35mm_mm": reals(0, 5000),
        "distortion": distortions,
    },
)
findings = st.one_of(
    st.tuples(reals(-4000, 40000), reals(-4000, 40000), reals(0, 4000), reals(0, 4000)).map(
        lambda box: Detection(detection_id="b", class_name="x", confidence=0.5, bbox_px=box)
    ),
    st.lists(st.tuples(reals(-4000, 40000), reals(-4000, 40000)), min_size=3, max_size=6).map(
        lambda points: Detection(detection_id="p", class_name="x", confidence=0.5, polygon_px=tuple(points))
    ),
    st.just(Detection(detection_id="w", class_name="x", confidence=0.5, whole_image=True)),
)
pictures = st.builds(
    picture,
    image_width_px=st.integers(16, 65535),
    image_height_px=st.integers(16, 65535),
    intrinsics=lenses,
    height_takeoff_m=reals(-100, 2000),
    height_ground_m=st.none() | reals(1e-300, 2000),
    yaw_deg=reals(-180, 360),
    pitch_deg=st.none() | reals(-180, 90),
    roll_deg=st.none() | reals(-180, 180),
    position_sigma_m=st.none() | reals(0, 1000),
    detections=st.lists(findings, max_size=3).map(tuple),
)


@settings(max_examples=300, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(pictures, min_size=1, max_size=4))
def test_any_picture_of_the_contract_gives_rows_that_make_sense(images: list[DroneImage]) -> None:
    found: dict[str, list[dict[str, Any]]] = drone_rows(
        [(image, Message(1, WHEN, "t", b"")) for image in images], [], PLOTS, BEICHEN
    )
    assert len(found["drone_images"]) == len(images)
    for row in found["drone_images"]:
        has_ground = row["footprint_status"] in ("ok", "clipped")
        assert (row["footprint"] is not None) is has_ground
        if has_ground:
            ground = shapely.from_wkb(row["footprint"])
            assert math.isfinite(row["footprint_area_m2"])
            assert row["footprint_area_m2"] > 0.0
            assert ground is not None
            assert all(map(math.isfinite, ground.bounds))
    for row in found["image_detections"]:
        assert 0.0 <= (row["plot_probability"] or 0.0) <= 1.0
        assert (row["centre_lon"] is None) is (row["status"] not in ("assigned", "probable", "ambiguous", "outside"))
    assert all(0.0 < row["covered_fraction"] <= 1.0 for row in found["plot_coverage"])
