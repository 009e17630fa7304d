"""The same reading twice is one row: a batch of rows against what its local day holds already.

Stateless and exact: the few rows that may be the same as others (`ingest.lake.candidates`) are judged in DuckDB
(`ingest.lake.same_rows`), so that cost and memory follow the batch and not the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.lake.candidates import find_candidates, has_second_identity
from ingest.lake.files import partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.spans import Span, files_within
from ingest.lake.tables import Table
from ingest.messages import Flags


@dataclass(frozen=True, slots=True)
class Novelty:
    """What of a batch is new.

    new_rows: rows to write, the table's schema; measured columns that were there already are null in them
    is_duplicate: one per row of the batch, in its order: True when nothing of the row is new
    """

    new_rows: pa.Table
    is_duplicate: Flags


def tell_new_from_known(
    folder: DataFolder,
    spec: Table,
    day: date,
    rows: pa.Table,
    further_days: Sequence[date] = (),
) -> Novelty:
    """Return what of `rows` (all of the local days `day` and `further_days`) is not in the lake yet.

    Rows within `spec.same_within_s` of the batch are compared, also those of the day before and after.
    Two rows are the same when they are equal in `spec.key` (nulls equal), or in `spec.also_same` (nulls equal, but the
    last not null). Of the same row the first to arrive stays. Where `spec.merge` names measured columns, a later row
    still brings those that were null until then. A row whose message_seq equals that of the stored row is what an
    interrupted seal wrote itself: it is not new and not a duplicate.
    Raises: StoreError when a file cannot be read.
    """
    span = _span(spec, rows)
    paths = files_within(compared_files(folder, spec, (day, *further_days)), str(spec.partition_by), span)
    candidates = find_candidates(spec, rows, paths, span, _compared_columns(spec))
    is_duplicate = np.zeros(rows.num_rows, np.bool_)
    if not len(candidates.place):
        return Novelty(rows, is_duplicate)
    place = pa.array(candidates.place)
    batch = rows.take(place).append_column("_row", place)
    # Not before there is something to judge: DuckDB takes a quarter of the memory of a process that seals.
    from ingest.lake.same_rows import judge_rows  # noqa: PLC0415

    judged, new_rows = judge_rows(spec, batch, candidates.known)
    place_judged, is_new, is_own = (judged[name].to_numpy() for name in ("_row", "_is_new", "_is_own"))
    is_duplicate[place_judged] = ~(is_new | is_own)
    surely_new = np.delete(np.arange(rows.num_rows), candidates.place)
    return Novelty(pa.concat_tables([rows.take(pa.array(surely_new)), new_rows]), is_duplicate)


def _span(spec: Table, rows: pa.Table) -> Span:
    """Return when that may lie which a row of the batch may be the same as."""
    span: dict[str, Any] = pc.min_max(rows[spec.partition_by]).as_py()
    at_one_instant = spec.partition_by in spec.key and not has_second_identity(spec, rows)
    slack = timedelta(seconds=0 if at_one_instant else spec.same_within_s)
    return span["min"] - slack, span["max"] + slack


def _compared_columns(spec: Table) -> list[str]:
    """Return the columns of rows in the lake that say what of a batch is new."""
    there = {column.name for column in spec.columns}
    columns = dict.fromkeys((*spec.key, *spec.merge, *spec.also_same, "message_seq"))
    return [name for name in columns if name in there]


def compared_files(folder: DataFolder, spec: Table, days: Sequence[date]) -> list[Path]:
    """Return the files that hold what rows of `days` may be the same as: of these days, or of their neighbours too."""
    around = (-1, 0, 1) if spec.same_within_s else (0,)
    compared = sorted({day + timedelta(days=distance) for day in days for distance in around})
    return [path for day in compared for path in partition_files(folder, spec, day)]
