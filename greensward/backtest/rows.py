"""A back-test for analysts: one row per evaluation and plot, written as it comes, as Parquet and CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from greensward.backtest.judge import Judged
from ingest.site import Site

SCHEMA = pa.schema(
    [
        ("as_of", pa.timestamp("us", "UTC")),
        ("date", pa.date32()),
        ("plot_id", pa.string()),
        ("state", pa.string()),
        ("needs_work", pa.bool_()),
        ("severity", pa.int16()),
        ("reason_code", pa.string()),
        ("value", pa.float64()),
        ("line", pa.float64()),
        ("unit", pa.string()),
        ("litres", pa.float64()),
        ("judged_date", pa.date32()),
        ("judged_span", pa.string()),
        ("is_frozen", pa.bool_()),
        ("yesterday_water_content", pa.float64()),
        ("yesterday_depletion_share", pa.float64()),
        ("yesterday_depletion_fraction", pa.float64()),
        ("days_median", pa.float64()),
        ("days_low", pa.float64()),
        ("days_high", pa.float64()),
        ("opened", pa.bool_()),
        ("closed", pa.bool_()),
    ]
)
"""Columns of flags and drought_outcomes; date is the local day of as_of; opened and closed say what the ledger did."""


class Rows:
    """Writes backtest.parquet and backtest.csv into a folder; use as a context manager."""

    def __init__(self, folder: Path, site: Site) -> None:
        """Begin both files. Raises: OSError."""
        self._site = site
        self._csv_file = (folder / "backtest.csv").open("w", encoding="utf-8-sig", newline="")
        self._csv = csv.writer(self._csv_file)
        self._csv.writerow(SCHEMA.names)
        self._parquet = pq.ParquetWriter(folder / "backtest.parquet", SCHEMA, compression="zstd")

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End both files."""
        self._parquet.close()
        self._csv_file.close()

    def write(self, judged: Judged) -> None:
        """Add one evaluation. Raises: OSError."""
        rows = [self._row(judged, row) for row in judged.rows]
        self._parquet.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
        for row in rows:
            self._csv.writerow(_as_text(row[name]) for name in SCHEMA.names)

    def _row(self, judged: Judged, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **row,
            "as_of": judged.as_of,
            "date": self._site.local_date(judged.as_of),
            "opened": row["plot_id"] in judged.opened,
            "closed": row["plot_id"] in judged.closed,
        }


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else value
