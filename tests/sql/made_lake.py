"""A small lake made by hand: rows in, verdicts out."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from ingest.lake.tables import all_tables
from ingest.site import BEICHEN, Site
from sql.evaluate import SCHEMA, evaluate, make_models
from sql.models import all_models, models_behind
from sql.reference import reference_rows

AS_OF = datetime(2026, 7, 10, 0, 0, tzinfo=UTC)
"""08:00 on 10 July by the site's clock."""

_FINDINGS = {
    "drought": "drought_flags",
    "disease": "disease_findings",
    "vigour": "vigour_findings",
    "sensor": "sensor_findings",
    "coverage": "coverage_findings",
    "watering": "watering_findings",
}
"""The relation that `findings` takes a cause from."""

_KEPT = {model.name for model in all_models() if model.is_table}

_TEMPLATES = {row["reason_code"]: (row["zh"], row["en"]) for row in reference_rows("reason_codes")}

Flag = dict[str, Any]


class MadeLake:
    """Rows of every table; `flags()` evaluates them on a connection like that of the real lake."""

    def __init__(self, site: Site = BEICHEN) -> None:
        """Begin without rows."""
        self.site = site
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in all_tables()}
        self.connection = duckdb.connect(":memory:")
        self.connection.execute(f"set timezone = '{site.timezone.key}'")
        self._message_seq = 0

    def plot(self, plot_id: str = "P1", **fields: Any) -> None:
        """Add a plot: shrubs on loam, 100 m2, grade 1, drip-free basin watering, unless `fields` say otherwise."""
        self._add(
            "plots",
            **{
                "plot_id": plot_id,
                "name": plot_id,
                "plot_type": "park",
                "maintenance_grade": 1,
                "vegetation": "shrubs",
                "soil_texture": "loam",
                "irrigation": "basin",
                "wetted_fraction": 1.0,
                "area_m2": 100.0,
                "lon": 117.1,
                "lat": 39.2,
                "valid_from": datetime(2020, 1, 1, tzinfo=UTC),
                "register_version": "1",
                "geometry": b"",
            }
            | fields,
        )

    def laboratory_plot(self, plot_id: str = "P1", **fields: Any) -> None:
        """Add a plot whose soil was measured (FC 0.28, WP 0.14), so that no uncertainty blurs its lines."""
        self.plot(plot_id, **{"field_capacity": 0.28, "wilting_point": 0.14, "saturation": 0.46} | fields)

    def device(self, device_id: str = "D1", plot_id: str | None = "P1", **fields: Any) -> None:
        """Add a device with one element at 30 cm that reports hourly."""
        self._add(
            "devices",
            device_id=device_id,
            plot_id=plot_id,
            **{
                "depths_cm": [30.0],
                "report_interval_s": 3600.0,
                "valid_from": datetime(2020, 1, 1, tzinfo=UTC),
                "register_version": "1",
            }
            | fields,
        )

    def soil(self, measured_at: datetime, device_id: str = "D1", channel: int | None = 1, **values: Any) -> None:
        """Add one soil reading."""
        self._add(
            "soil_readings",
            device_id=device_id,
            channel=channel,
            measured_at=measured_at,
            **{"received_at": measured_at, "time_source": "device"} | values,
        )

    def soil_days(
        self,
        water_contents: Sequence[float],
        device_id: str = "D1",
        channel: int | None = 1,
        last_day: date = date(2026, 7, 9),
        wiggle: float = 0.0004,
        every_hours: int = 1,
        **values: Any,
    ) -> None:
        """Add readings of whole local days, the last of them `last_day`; each hour differs by a little.

        The last hour of a day lies halfway to the next one, and the others make up for it: a step at midnight would be
        a drop or a jump to the gates, soil has none.
        """
        for back, water_content in enumerate(reversed(water_contents)):
            midnight = local_midnight(last_day - timedelta(days=back))
            following = water_contents[-back] if back and every_hours == 1 else water_content
            bend = (following - water_content) / 2
            for hour in range(0, 24, every_hours):
                offset = (wiggle if hour % 2 else -wiggle) + (bend if hour == 23 else -bend / 23)
                self.soil(
                    midnight + timedelta(hours=hour),
                    device_id,
                    channel,
                    **{"volumetric_water_content": water_content + offset, "soil_temperature_c": 20.0 + hour / 10}
                    | values,
                )

    def soil_until_now(self, water_contents: Sequence[float], device_id: str = "D1", **values: Any) -> None:
        """Add whole days up to yesterday, and this morning's hours up to AS_OF at the last value."""
        self.soil_days(water_contents, device_id, **values)
        for hour in range(1, 9):
            self.soil(
                local_midnight(date(2026, 7, 10)) + timedelta(hours=hour),
                device_id,
                values.get("channel", 1),
                **{"volumetric_water_content": water_contents[-1], "soil_temperature_c": 20.0}
                | {
                    k: v
                    for k, v in values.items()
                    if k
                    in (
                        "volumetric_water_content",
                        "depth_cm",
                        "matric_potential_kpa",
                        "soil_temperature_c",
                        "bulk_ec_ds_m",
                    )
                },
            )

    def dry_down(
        self,
        plot_id: str,
        water_contents: Sequence[float],
        depth_cm: float = 30.0,
        every_hours: int = 1,
        **plot: Any,
    ) -> None:
        """Add a plot of measured soil with one probe, its daily water contents up to yesterday and this morning.

        every_hours: time between readings; from 7 on, hours are too far apart to be in a row, and only days are judged
        """
        self.laboratory_plot(plot_id, **plot)
        self.device(f"D-{plot_id}", plot_id, depths_cm=[depth_cm], report_interval_s=3600.0 * every_hours)
        if every_hours == 1:
            self.soil_until_now(water_contents, f"D-{plot_id}")
        else:
            self.soil_days(water_contents, f"D-{plot_id}", every_hours=every_hours, wiggle=0.0)

    def hours(
        self, water_contents: Sequence[float], until: datetime = AS_OF, device_id: str = "D1", **values: Any
    ) -> None:
        """Add hourly readings, the last of them at `until`."""
        for back, water_content in enumerate(reversed(water_contents)):
            self.soil(
                until - timedelta(hours=back),
                device_id,
                **{"volumetric_water_content": water_content, "soil_temperature_c": 20.0 + back % 24 / 10} | values,
            )

    def verdicts(self, cause: str = "drought", as_of: datetime = AS_OF) -> dict[str, Flag]:
        """Return the rows of one cause by plot, or by device for cause sensor."""
        return {row["device_id"] or row["plot_id"]: row for row in self._flags_of(cause, as_of)}

    def add(self, table_name: str, /, **fields: Any) -> None:
        """Add a row of any table; what a test does not care about gets a plain value."""
        plain: dict[str, dict[str, Any]] = {
            "drone_images": {
                "media_kind": "image",
                "footprint_status": "ok",
                "is_analysed": True,
                "software_version": "1",
            },
            "flight_reports": {"source": "flighttask_progress"},
            "plot_coverage": {"covered_fraction": 1.0, "is_analysed": True},
            "image_detections": {
                "class": "powdery_mildew",
                "confidence": 0.9,
                "status": "assigned",
                "plot_id": "P1",
                "plot_probability": 0.95,
                "centre_lon": 117.1,
                "centre_lat": 39.2,
                "ground_area_m2": 1.0,
                "sigma_radial_m": 2.0,
                "sigma_tangential_m": 2.0,
            },
            "index_stats": {
                "index_name": "NDVI",
                "scope": "plot",
                "n_pixels": 10000,
                "valid_fraction": 0.9,
                "calibrated": True,
                "sensor_kind": "multispectral",
                "status": "ok",
            },
            "weather_readings": {"time_source": "device"},
            "device_status": {},
        }
        instant = next(
            (fields[name] for name in ("captured_at", "measured_at", "reported_at", "issued_at") if fields.get(name)),
            None,
        )
        self._add(table_name, **{"received_at": instant} | plain.get(table_name, {}) | fields)

    def flight(
        self, flight_id: str, captured_at: datetime, plots: Sequence[str] = ("P1",), *, is_analysed: bool = True
    ) -> None:
        """Add a flight with one picture that shows all of `plots`."""
        image_id = f"{flight_id}-1"
        self.add(
            "drone_images",
            image_id=image_id,
            flight_id=flight_id,
            captured_at=captured_at,
            is_analysed=is_analysed,
            object_uri=f"s3://pictures/{image_id}.jpg",
        )
        for plot_id in plots:
            self.add(
                "plot_coverage",
                image_id=image_id,
                plot_id=plot_id,
                flight_id=flight_id,
                captured_at=captured_at,
                is_analysed=is_analysed,
            )

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return the connection with every table of the lake, partitioned ones with their local day as `date`."""
        self.connection.execute(_tables_without_rows())
        for name, spec in all_tables().items():
            if not self.rows[name]:
                continue
            rows = pa.Table.from_pylist(self.rows[name], schema=spec.schema)
            if spec.partition_by is not None:
                days = [self.site.local_date(row[spec.partition_by]) for row in self.rows[name]]
                rows = rows.append_column("date", pa.array(days, pa.date32()))
            _put(self.connection, f"main.{name}", rows)
        return self.connection

    def flags(self, as_of: datetime = AS_OF) -> list[Flag]:
        """Return the rows of `flags` as dicts, with both JSON columns parsed into `params` and `inputs`."""
        return _with_words(evaluate(self.connect(), as_of=as_of, site=self.site))

    def _flags_of(self, cause: str, as_of: datetime) -> list[Flag]:
        """Return the rows of `flags` of one cause, making only what it needs: findings of other causes are empty."""
        if cause not in _FINDINGS:
            return [row for row in self.flags(as_of) if row["cause"] == cause]
        asked = _FINDINGS[cause]
        needed = {model.name for name in (asked, "staged_plots") for model in models_behind(name)}
        needed |= {"findings", "evaluated_flags"}
        connection = self.connect()
        connection.execute(f"create schema if not exists {SCHEMA}")
        for name, rows in _no_findings().items():
            if name not in needed:
                _put(connection, f"main.no_{name}", rows)
                kind = "table" if name in _KEPT else "view"
                connection.execute(f"create or replace {kind} {SCHEMA}.{name} as select * from main.no_{name}")
        models = tuple(model for model in all_models() if model.name in needed)
        make_models(connection, models, as_of=as_of, site=self.site)
        flags = connection.execute("select * from evaluated_flags order by plot_id, device_id").to_arrow_table()
        return [row for row in _with_words(flags) if row["cause"] == cause]

    def flag(self, cause: str, plot_id: str = "P1", as_of: datetime = AS_OF) -> Flag:
        """Return the one row of a plot and cause."""
        (row,) = [row for row in self._flags_of(cause, as_of) if row["plot_id"] == plot_id]
        return row

    def _add(self, table_name: str, /, **fields: Any) -> None:
        names = set(all_tables()[table_name].schema.names)
        unknown = set(fields) - names - {"received_at"}
        assert not unknown, f"{table_name} has no {unknown}"
        self._message_seq += 1
        row = {"message_seq": self._message_seq, "picture_id": fields.get("image_id")} | fields
        self.rows[table_name].append({name: row.get(name) for name in names})


def _put(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Make `rows` the table `name`, which every connection of the database sees, as a registered one is not."""
    connection.register("given_rows", rows)
    connection.execute(f"create or replace table {name} as select * from given_rows")
    connection.unregister("given_rows")


@functools.cache
def _tables_without_rows() -> str:
    """Return the statements that make every table of the lake anew, empty: cheaper than to plan a query for each."""
    with duckdb.connect(":memory:") as connection:
        for name, spec in all_tables().items():
            partition = [] if spec.partition_by is None else [pa.field("date", pa.date32())]
            _put(connection, f"main.{name}", pa.schema([*spec.schema, *partition]).empty_table())
        statements = connection.execute("select sql from duckdb_tables()").fetchall()
    return "".join(text.replace("CREATE TABLE ", "create or replace table main.", 1) for (text,) in statements)


@functools.cache
def _no_findings() -> dict[str, pa.Table]:
    """Return the relations that `findings` reads, with their columns and without rows."""
    connection = MadeLake().connect()
    evaluate(connection, as_of=AS_OF, site=BEICHEN)
    names = (*_FINDINGS.values(), "campaign_findings")
    return {name: connection.execute(f"select * from {name} limit 0").to_arrow_table() for name in names}


def _with_words(flags: pa.Table) -> list[Flag]:
    rows: list[Flag] = flags.to_pylist()
    for row in rows:
        row["params"] = json.loads(row["reason_params_json"])
        row["inputs"] = json.loads(row["inputs_json"])
        row["zh"], row["en"] = (template.format(**row["params"]) for template in _TEMPLATES[row["reason_code"]])
        assert "None" not in row["zh"] + row["en"], f"a reason with a hole: {row['zh']}"
    return rows


def local_midnight(day: date) -> datetime:
    """Return the instant at which `day` begins by the site's clock."""
    return datetime(day.year, day.month, day.day, tzinfo=BEICHEN.timezone).astimezone(UTC)
