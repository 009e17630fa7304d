"""The same reading twice is one row: a batch of rows against what its local day holds already.

Stateless and exact: the few rows that may be the same as others (`ingest.lake.candidates`) are judged in DuckDB, so
that cost and memory follow the batch and not the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.lake.candidates import find_candidates, has_second_identity
from ingest.lake.layout import DataFolder
from ingest.lake.read import comparing, partition_files
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
    with comparing() as connection:
        connection.register("batch", batch)
        connection.register("known", candidates.known)
        judged = connection.execute(_judged(spec)).to_arrow_table().sort_by("_row")
        new_rows = _coalesced(connection, spec, judged.filter(judged["_is_new"]))
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


def _judged(spec: Table) -> str:
    """One row per batch row: its columns with known measurements nulled, `_is_new`, `_is_own`."""
    has_seq = any(column.name == "message_seq" for column in spec.columns)
    key = ", ".join(f'"{name}"' for name in spec.key)
    earlier = (
        f"over (partition by {key} order by _is_batch, _order, _row rows between unbounded preceding and 1 preceding)"
    )
    seq = "message_seq" if has_seq else "0"
    own_match = " and ".join(f'known."{name}" is not distinct from batch."{name}"' for name in spec.key)
    is_own = (
        f"exists (select 1 from known where known.message_seq = batch.message_seq and {own_match})"
        if has_seq
        else "false"
    )
    columns = [column.name for column in spec.columns]
    everything = list(dict.fromkeys((*spec.key, *spec.merge)))
    both = ", ".join(f'"{name}"' for name in everything)
    taken = ", ".join(f'count("{name}") {earlier} > 0 as "_has_{name}"' for name in spec.merge)
    also = _also_known(spec)
    picked = ", ".join(
        f'case when "_has_{name}" then null else batch."{name}" end as "{name}"'
        if name in spec.merge
        else f'batch."{name}"'
        for name in columns
    )
    brings = " or ".join(f'(batch."{name}" is not null and not "_has_{name}")' for name in spec.merge)
    is_first = "_earlier = 0" + (f" or {brings}" if brings else "")
    return f"""
        with everything as (
            select {both}, false as _is_batch, {seq} as _order, -1 as _row from known
            union all
            select {both}, true, {seq}, _row from batch
        ),
        judged as (
            select _row, _is_batch, count(*) {earlier} as _earlier{", " + taken if taken else ""}
            from everything
        )
        select {picked}, batch._row,
            ({is_first}) and not ({also}) as _is_new,
            {is_own} as _is_own
        from batch inner join judged on judged._is_batch and judged._row = batch._row
    """


def _also_known(spec: Table) -> str:
    if not spec.also_same:
        return "false"
    *others, last = spec.also_same
    # Plain equality on the last: rows without it must not meet each other, or a long backlog costs its square.
    same = " and ".join(f'other."{name}" is not distinct from batch."{name}"' for name in others)
    same += f' and other."{last}" = batch."{last}"'
    differs = " or ".join(f'other."{name}" is distinct from batch."{name}"' for name in spec.key)
    told = ", ".join(f'"{name}"' for name in dict.fromkeys((*spec.also_same, *spec.key, "message_seq")))
    return (
        f'batch."{last}" is not null and exists (select 1 from '
        f"(select {told}, -1 as _row from known union all select {told}, _row from batch) as other "
        "where (other._row < 0 or (other.message_seq, other._row) < (batch.message_seq, batch._row)) "
        f"and ({differs}) and {same})"
    )


def _coalesced(connection: duckdb.DuckDBPyConnection, spec: Table, rows: pa.Table) -> pa.Table:
    """Return `rows` with one row per key: measured columns from whichever row has them, the rest from the first."""
    if not spec.merge or not rows.num_rows:
        return rows.select([column.name for column in spec.columns]).cast(spec.schema)
    return coalesce_by_key(connection, spec, rows)


def coalesce_by_key(connection: duckdb.DuckDBPyConnection, spec: Table, rows: pa.Table) -> pa.Table:
    """Return one row per key of the table: each measured column the first that is not null, the rest of the first row.

    rows: the table's columns (others are left out); first means lowest message_seq
    """
    order = "message_seq" if "message_seq" in rows.column_names else "1"

    beside = dict(spec.beside)

    def pick(name: str) -> str:
        if name in spec.key:
            return f'"{name}"'
        if name in beside:
            return f'arg_min_null("{name}", {order}) filter (where "{beside[name]}" is not null) as "{name}"'
        if name in spec.merge or name in spec.strict:
            return f'arg_min("{name}", {order}) filter (where "{name}" is not null) as "{name}"'
        return f'arg_min_null("{name}", {order}) as "{name}"'

    picked = ", ".join(pick(column.name) for column in spec.columns)
    connection.register("to_coalesce", rows)
    try:
        key = ", ".join(f'"{name}"' for name in spec.key)
        merged = connection.execute(f"select {picked} from to_coalesce group by {key}").to_arrow_table()
    finally:
        connection.unregister("to_coalesce")
    return merged.select([column.name for column in spec.columns]).cast(spec.schema)
