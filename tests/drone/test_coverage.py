"""How much of each plot a picture shows, against another implementation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from ingest.drone.coverage import coverage
from ingest.drone.footprint import compute_footprints
from ingest.drone.plots_index import PlotShapes
from ingest.drone.view import to_lonlat
from tests.drone.pictures import WHEN, picture
from tests.drone.test_attribution import plots_of


def placed(shape: BaseGeometry) -> bytes:
    """Return a shape in metres from the test picture's ground point as WKB of WGS 84."""
    points = shapely.get_coordinates(shape)
    lon, lat = to_lonlat(np.full(len(points), 117.1), np.full(len(points), 39.2), points[:, 0], points[:, 1])
    return bytes(shapely.to_wkb(shapely.set_coordinates(shape, np.stack([lon, lat], axis=1))))


def covered_by_geos(footprint: bytes, plots: PlotShapes) -> list[float]:
    """Return the share of each plot in a footprint by GEOS's own overlay, an implementation independent of ours."""
    area = shapely.from_wkb(footprint)
    return [float(shapely.area(area & plot) / shapely.area(plot)) for plot in plots.shapes]


@pytest.mark.parametrize(
    "pose",
    [
        {},
        {"yaw_deg": 33.0, "pitch_deg": -60.0},
        {"yaw_deg": 200.0, "pitch_deg": -30.0},
        {"roll_deg": 20.0},
        {"intrinsics": {"focal_px": 3000.0, "distortion": {"k1": -0.1}}},
    ],
)
def test_bent_holed_split_and_many_cornered_plots_are_covered_as_another_geometry_says(pose: dict[str, Any]) -> None:
    rng = np.random.default_rng(7)
    holed = shapely.box(-30, -30, 30, 30) - shapely.box(-20, -5, -10, 5) - shapely.box(10, -5, 20, 5)
    spokes = zip(np.linspace(0, 6.2, 41), [30, 9] * 20 + [30], strict=True)
    star = shapely.Polygon([(r * math.cos(a), r * math.sin(a)) for a, r in spokes])
    shapes: list[BaseGeometry] = [
        holed,
        star,
        holed | shapely.box(40, -70, 60, -50),
        shapely.Point(5, 5).buffer(25, quad_segs=90),
    ]
    moved = [shapely.affinity.translate(shape, *rng.uniform(-60, 60, 2)) for shape in shapes for _ in range(25)]
    plots = plots_of(**{f"P{i}": placed(shape) for i, shape in enumerate(moved)})
    (footprint,) = compute_footprints([picture(**pose)])
    assert footprint.polygon is not None
    found = coverage([footprint], [WHEN], plots)
    ours = dict(zip(found.plot_id, found.covered_fraction.tolist(), strict=True))
    theirs = covered_by_geos(footprint.polygon, plots)
    assert sum(0 < share < 0.999 for share in theirs) > 0
    assert [ours.get(f"P{i}", 0.0) for i in range(len(moved))] == pytest.approx(theirs, abs=2e-6)
