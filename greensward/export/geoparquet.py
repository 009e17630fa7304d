"""GeoParquet 1.1: batches of rows with WKB become a file that QGIS, GeoPandas and DuckDB open as a map layer.

Specification: geoparquet.org, version 1.1.0: a WKB column, its bounding boxes as a struct column that readers prune row
groups by ("covering"), and the metadata entry "geo" with the CRS as PROJJSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

GEOMETRY, BBOX = "geometry", "bbox"

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_BBOX_TYPE = pa.struct([(side, pa.float64()) for side in _SIDES])


def write_geoparquet(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], seen: Callable[[int], None]
) -> int:
    """Write batches with a WKB column `geometry`, WGS 84 longitude and latitude, and return the number of rows.

    seen: called with the rows of each batch that is written
    """
    rows, types, total = 0, set[str](), np.array([np.inf, np.inf, -np.inf, -np.inf])
    # Metadata of the columns stays: unit and meaning of each, in both languages.
    full = schema.append(pa.field(BBOX, _BBOX_TYPE))
    with pq.ParquetWriter(path, full, compression="zstd", write_page_checksum=True) as writer:
        for batch in batches:
            shapes = shapely.from_wkb(np.array(batch[GEOMETRY].to_pylist(), dtype=object))
            bounds = shapely.bounds(shapes)
            boxes = pa.StructArray.from_arrays([pa.array(bounds[:, i]) for i in range(4)], fields=list(_BBOX_TYPE))
            writer.write_batch(pa.RecordBatch.from_arrays([*batch.columns, boxes], schema=full))
            if len(shapes):
                types |= {shape.geom_type for shape in shapes}
                total = np.concatenate([np.minimum(total[:2], bounds[:, :2].min(axis=0)),
                                        np.maximum(total[2:], bounds[:, 2:].max(axis=0))])  # fmt: skip
            rows += batch.num_rows
            seen(batch.num_rows)
        writer.add_key_value_metadata({"geo": geo(sorted(types), total.tolist() if rows else None)})
    return rows


def geo(types: list[str], bounds: list[float] | None) -> bytes:
    """Return the metadata entry "geo" of a file whose geometries are of these types and lie within `bounds`."""
    column: dict[str, object] = {
        "encoding": "WKB",
        "geometry_types": types,
        "crs": pyproj.CRS.from_user_input("OGC:CRS84").to_json_dict(),
        "orientation": "counterclockwise",
        "edges": "planar",
        "covering": {"bbox": {side: [BBOX, side] for side in _SIDES}},
    }
    if bounds is not None:
        column["bbox"] = bounds
    return msgspec.json.encode({"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}})
