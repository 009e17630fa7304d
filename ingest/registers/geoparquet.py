"""GeoParquet 1.1 metadata, so that QGIS, GeoPandas and DuckDB's spatial extension open the register of plots."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import shapely


def geo_metadata(geometries: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the Parquet metadata entry "geo" for a WKB column called `geometry`, WGS 84 longitude and latitude.

    The specification (geoparquet.org, 1.1.0): without "crs" it is OGC:CRS84; an empty list of types is not known.
    """
    column: dict[str, object] = {
        "encoding": "WKB",
        "geometry_types": [],
        "orientation": "counterclockwise",
        "edges": "planar",
    }
    if geometries:
        shapes = shapely.from_wkb(np.array(geometries, dtype=object))
        column["geometry_types"] = sorted({shape.geom_type for shape in shapes})
        column["bbox"] = [float(number) for number in shapely.total_bounds(shapes)]
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    return {b"geo": msgspec.json.encode(geo)}
