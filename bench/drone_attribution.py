"""How long footprints, places and plots of many findings take: `python -m bench.drone_attribution`.

10,000 pictures of one flight over 10,000 plots, 100,000 findings in them, and one picture with 900; from decoded
messages to the rows of the four tables, without disk. Exit 1 above the bars of the drone specification, section 5.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ingest.drone.plots_index import PlotShapes
from ingest.drone.rows import drone_rows
from ingest.drone.view import to_lonlat
from ingest.observation import Detection, DroneImage, Message
from ingest.site import BEICHEN

WHEN = datetime(2026, 7, 2, 2, 0, tzinfo=UTC)
LON, LAT = 117.1, 39.2
BAR_S, ONE_PICTURE_BAR_S = 30.0, 1.0
PLOTS_A_SIDE, PLOT_M = 100, 20.0
WIDTH_PX, HEIGHT_PX, FOCAL_PX = 5280, 3956, 3750.9


def make_plots() -> PlotShapes:
    """Return 10,000 squares side by side; every tenth has a hole and every fifteenth is a sliver beside a gap."""
    shapes = []
    for row in range(PLOTS_A_SIDE):
        for column in range(PLOTS_A_SIDE):
            west, south = (column - PLOTS_A_SIDE / 2) * PLOT_M, (row - PLOTS_A_SIDE / 2) * PLOT_M
            number = row * PLOTS_A_SIDE + column
            shape: BaseGeometry = shapely.box(west, south, west + (2.0 if number % 15 == 0 else PLOT_M), south + PLOT_M)
            if number % 10 == 1:
                shape = shape.difference(shapely.box(west + 6, south + 6, west + 12, south + 12))
            shapes.append(shape)
    points = shapely.get_coordinates(shapes)
    lon, lat = to_lonlat(np.full(len(points), LON), np.full(len(points), LAT), points[:, 0], points[:, 1])
    placed = shapely.set_coordinates(np.array(shapes, dtype=object), np.stack([lon, lat], axis=1))
    count = len(shapes)
    return PlotShapes.from_register(
        [f"P{i:05}" for i in range(count)], list(shapely.to_wkb(placed)), [WHEN] * count, [None] * count, "1"
    )


def make_pictures(pictures: int, findings: int, rng: np.random.Generator) -> list[tuple[DroneImage, Message]]:
    """Return pictures spread over the plots, at all angles down to 45°, each with its share of `findings`."""
    side_m = PLOTS_A_SIDE * PLOT_M / 2 - 60
    east, north = rng.uniform(-side_m, side_m, (2, pictures))
    lon, lat = to_lonlat(np.full(pictures, LON), np.full(pictures, LAT), east, north)
    made = []
    for i in range(pictures):
        count = (i + 1) * findings // pictures - i * findings // pictures
        x, y = rng.uniform(0, WIDTH_PX - 200, count), rng.uniform(0, HEIGHT_PX - 200, count)
        width, height = rng.uniform(40, 200, (2, count))
        image = DroneImage(
            image_id=f"I{i:06}",
            drone_id="D1",
            flight_id="F1",
            captured_at=WHEN + timedelta(seconds=i),
            media_kind="image",
            image_width_px=WIDTH_PX,
            image_height_px=HEIGHT_PX,
            intrinsics={"focal_px": FOCAL_PX},
            lon=float(lon[i]),
            lat=float(lat[i]),
            height_takeoff_m=60.0,
            yaw_deg=float(rng.uniform(0, 360)),
            pitch_deg=float(rng.choice([-90.0, -90.0, -60.0, -45.0])),
            roll_deg=0.0,
            attitude_source="exif_xmp",
            position_fix="gnss",
            parts={"all": 0},
            detections=tuple(
                Detection(
                    detection_id=str(k),
                    class_name="powdery_mildew",
                    confidence=0.9,
                    bbox_px=(float(x[k]), float(y[k]), float(width[k]), float(height[k])),
                )
                for k in range(count)
            ),
        )
        made.append((image, Message(message_seq=i, topic="t", received_at=WHEN, payload=b"")))
    return made


def main() -> int:
    """Measure, print, and return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rng = np.random.default_rng(20260702)
    plots = make_plots()
    measured = {}
    for name, pictures in (
        ("many", make_pictures(asked.pictures, asked.findings, rng)),
        ("one picture of 900", make_pictures(1, 900, rng)),
    ):
        began, cpu = time.perf_counter(), time.process_time()
        rows = drone_rows(pictures, [], plots, BEICHEN)
        measured[name] = {
            "seconds": round(time.perf_counter() - began, 3),
            "cpu_seconds": round(time.process_time() - cpu, 3),
            "pictures": len(rows["drone_images"]),
            "findings": len(rows["image_detections"]),
            "in_a_plot": sum(row["plot_id"] is not None for row in rows["image_detections"]),
            "coverage": len(rows["plot_coverage"]),
        }
    peak_mb = math.ceil(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    if asked.json:
        print(json.dumps(measured | {"peak_mb": peak_mb}))
    else:
        for name, one in measured.items():
            print(f"{name:20} " + "  ".join(f"{key} {value}" for key, value in one.items()))
        print(f"peak memory {peak_mb} MB")
    is_fast = measured["many"]["seconds"] <= BAR_S and measured["one picture of 900"]["seconds"] <= ONE_PICTURE_BAR_S
    return 0 if is_fast else 1


if __name__ == "__main__":
    sys.exit(main())
