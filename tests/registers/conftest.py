"""Plots drawn for the tests: squares of about 43 × 55 m near Beichen, in GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest

from ingest.registers.datum import Datum
from ingest.registers.datum_check import KnownPosition
from ingest.registers.plots import PlotCheck, Standing, check_plots
from ingest.site import BEICHEN

Check = Callable[..., PlotCheck]


@pytest.fixture
def square() -> Callable[..., dict[str, Any]]:
    """Return a function that draws a square polygon with its south-west corner at lon, lat."""

    def draw(lon: float = 117.10, lat: float = 39.20, side_deg: float = 0.0005) -> dict[str, Any]:
        east, north = lon + side_deg, lat + side_deg
        return {"type": "Polygon", "coordinates": [[[lon, lat], [east, lat], [east, north], [lon, north], [lon, lat]]]}

    return draw


@pytest.fixture
def plot() -> Callable[..., dict[str, Any]]:
    """Return a function that makes the feature of a plot; a property given as None is left out."""

    def make(plot_id: str, geometry: object, /, **properties: object) -> dict[str, Any]:
        usual = {
            "plot_id": plot_id,
            "name": f"地块 {plot_id}",
            "plot_type": "park",
            "maintenance_grade": 1,
            "vegetation": "cool_turf",
            "soil_texture": "loam",
        }
        kept = {name: value for name, value in (usual | properties).items() if value is not None}
        return {"type": "Feature", "properties": kept, "geometry": geometry}

    return make


@pytest.fixture
def collection() -> Callable[..., bytes]:
    """Return a function that makes the bytes of a file of features."""

    def make(*features: dict[str, Any], **members: object) -> bytes:
        return json.dumps(
            {"type": "FeatureCollection", "features": list(features), **members}, ensure_ascii=False
        ).encode()

    return make


@pytest.fixture
def checked(collection: Callable[..., bytes]) -> Check:
    """Return a function that checks features (or bytes) against an empty register, or one that `known` describes."""

    def check(
        *features: Any,
        datum: Datum | None = None,
        known: Sequence[KnownPosition] = (),
        outlines: dict[str, Any] | None = None,
        replace: bool = False,
    ) -> PlotCheck:
        payload = features[0] if isinstance(features[0], bytes) else collection(*features)
        return check_plots(
            payload,
            site=BEICHEN,
            today=date(2026, 7, 1),
            standing=Standing(outlines or {}, known),
            datum=datum,
            replace=replace,
        )

    return check
