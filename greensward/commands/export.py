"""`greensward export`: footprints and findings as map layers, pictures as a STAC catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import shapely
from cyclopts import App, Parameter

from greensward.commands.register_output import instant
from greensward.console import EXIT_OK, Common, err, examples, progress, show
from greensward.export.files import whole_file, whole_folder
from greensward.export.geoparquet import GEOMETRY, write_geoparquet
from greensward.export.stac import write_stac
from ingest.lake.read import open_lake, retrying
from ingest.lake.tables import table

app = App(name="export", help_epilogue=examples("greensward export footprints footprints.parquet --since 2026-07-01"))

_ROWS_AT_ONCE = 10_000
_NOT_SHOWN = frozenset({"footprint", "vendor_json", "parts_json"})

_Since = Annotated[str | None, Parameter(help="Pictures taken from then on: a day, or a day and time.")]
_Until = Annotated[str | None, Parameter(help="Pictures taken before then.")]
_Flight = Annotated[str | None, Parameter(help="Pictures of this flight only.")]


@app.command
def footprints(
    file: Annotated[Path, Parameter(help="Such as footprints.parquet.")],
    *,
    since: _Since = None,
    until: _Until = None,
    flight: _Flight = None,
    common: Common | None = None,
) -> int:
    """Write the ground of every picture that has any as GeoParquet 1.1: polygons, WGS 84, with all columns."""
    columns = [column.name for column in table("drone_images").columns if column.name not in _NOT_SHOWN]
    select = f"select {', '.join(columns)}, footprint as {GEOMETRY} from drone_images where footprint is not null"
    return _layer("drone_images", select, file, since, until, flight, common or Common())


@app.command
def detections(
    file: Annotated[Path, Parameter(help="Such as detections.parquet.")],
    *,
    since: _Since = None,
    until: _Until = None,
    flight: _Flight = None,
    common: Common | None = None,
) -> int:
    """Write every finding that lies on the ground as GeoParquet 1.1: points, WGS 84, with plot and probability."""
    columns = [column.name for column in table("image_detections").columns]
    select = f"select {', '.join(columns)}, null::blob as {GEOMETRY} from image_detections where centre_lon is not null"
    return _layer("image_detections", select, file, since, until, flight, common or Common())


@app.command
def stac(
    folder: Annotated[Path, Parameter(help="A new folder; collection.json and items/ come into it.")],
    *,
    since: _Since = None,
    until: _Until = None,
    flight: _Flight = None,
    common: Common | None = None,
) -> int:
    """Write every picture that has ground as a STAC 1.1 item, and the collection of them."""
    common = common or Common()
    settings = common.settings()
    site, data = settings.place(), settings.existing_folder()
    chosen = _chosen(since, until, flight, site.timezone)

    def write() -> int:
        with open_lake(data, site) as lake, whole_folder(folder) as part, progress() as bar:
            select = f"select * from drone_images where footprint is not null{chosen.condition} order by captured_at"
            task = bar.add_task("pictures", total=_count(lake, select, chosen.values))
            rows = (row for batch in _batches(lake, select, chosen.values) for row in batch.to_pylist())
            return write_stac(
                part, rows, site.district, lambda n: bar.advance(task, n),
                licence=settings.site.data_licence, licence_url=settings.site.data_licence_url,
            )  # fmt: skip

    written = retrying(data, write)
    show({"items": written, "folder": str(folder)}, as_json=common.json, render=lambda: _said(written, "items", folder))
    return EXIT_OK


class _Chosen:
    """The part of the lake that somebody asked for: a condition to append, and its values."""

    def __init__(self, since: datetime | None, until: datetime | None, flight: str | None) -> None:
        named = (("captured_at >= ?", since), ("captured_at < ?", until), ("flight_id = ?", flight))
        self.condition = "".join(f" and {text}" for text, value in named if value is not None)
        self.values: list[object] = [value for _, value in named if value is not None]


def _chosen(since: str | None, until: str | None, flight: str | None, zone: ZoneInfo) -> _Chosen:
    return _Chosen(instant(since, "--since", zone), instant(until, "--until", zone), flight)


def _layer(
    name: str, select: str, file: Path, since: str | None, until: str | None, flight: str | None, common: Common
) -> int:
    settings = common.settings()
    site, data = settings.place(), settings.existing_folder()
    chosen = _chosen(since, until, flight, site.timezone)
    query = f"{select}{chosen.condition} order by captured_at, picture_id"
    fields = {field.name: field for field in table(name).schema}

    def write() -> int:
        with open_lake(data, site) as lake, whole_file(file) as part, progress() as bar:
            task = bar.add_task(name, total=_count(lake, query, chosen.values))
            batches = _batches(lake, query, chosen.values)
            first = lake.execute(f"{query} limit 0", chosen.values).to_arrow_table().schema
            schema = pa.schema(
                [fields.get(field.name, pa.field(field.name, pa.binary(), nullable=False)) for field in first]
            )
            return write_geoparquet(
                part, schema, (_as(schema, batch) for batch in batches), lambda n: bar.advance(task, n)
            )

    written = retrying(data, write)
    show({"rows": written, "file": str(file)}, as_json=common.json, render=lambda: _said(written, "rows", file))
    return EXIT_OK


def _as(schema: pa.Schema, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch in the types of the lake's own table, with points where the geometry is not there yet."""
    columns = {name: batch.column(name) for name in batch.schema.names}
    if columns[GEOMETRY].null_count:
        points = shapely.points(columns["centre_lon"].to_numpy(), columns["centre_lat"].to_numpy())
        columns[GEOMETRY] = pa.array(shapely.to_wkb(points), pa.binary())
    return pa.RecordBatch.from_arrays([columns[field.name].cast(field.type) for field in schema], schema=schema)


def _count(lake: duckdb.DuckDBPyConnection, query: str, values: list[object]) -> int:
    return int(lake.execute(f"select count(*) from ({query})", values).fetchall()[0][0])


def _batches(lake: duckdb.DuckDBPyConnection, query: str, values: list[object]) -> Iterator[pa.RecordBatch]:
    reader = lake.cursor().execute(query, values).to_arrow_reader(_ROWS_AT_ONCE)
    yield from reader


def _said(written: int, what: str, where: Path) -> None:
    err.print(f"{written:,} {what} in {where}")
