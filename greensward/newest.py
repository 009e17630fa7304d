"""When a table of the lake was last written for: from footers, without reading a row."""

from __future__ import annotations

from datetime import datetime

import pyarrow.parquet as pq

from ingest.errors import StoreError
from ingest.lake.durable import store_errors
from ingest.lake.files import partition_days, partition_files
from ingest.lake.footers import column_statistics
from ingest.lake.layout import DataFolder
from ingest.lake.read import retrying
from ingest.lake.tables import table


def last_evaluation(folder: DataFolder) -> datetime | None:
    """Return as_of of the newest evaluation, None where there is none. Raises: StoreError."""
    return _newest(folder, "flags", "as_of")


def last_arrival(folder: DataFolder) -> datetime | None:
    """Return when the newest message came that the lake has, UTC, None where it has none. Raises: StoreError."""
    return _newest(folder, "raw_messages", "received_at")


def _newest(folder: DataFolder, name: str, column: str) -> datetime | None:
    """Return the newest instant of a column, from the statistics in the footers of the table's newest day."""
    spec = table(name)
    days = partition_days(folder, spec)
    if not days:
        return None

    def newest() -> datetime | None:
        instants: list[datetime] = []
        for path in partition_files(folder, spec, days[-1]):
            groups = column_statistics(pq.read_metadata(path), column)
            instants.extend(group.max for group in groups if group is not None and group.has_min_max)
        return max(instants, default=None)

    try:
        with store_errors(f"reading {name}"):
            return retrying(folder, newest)
    except ValueError as error:  # of Arrow's, for what is no Parquet file, or for one without the column
        raise StoreError(f"reading {name} of {days[-1]}: {error}") from error
