"""The same reading twice is one row: a batch of rows against what its local day holds already.

Stateless and exact: an anti-join in DuckDB, bounded by the batch's earliest and latest instant, so that its cost
follows the batch and not the history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.lake.layout import DataFolder
from ingest.lake.read import partition_files, relation_of
from ingest.lake.spans import Span, files_within
from ingest.lake.tables import Table

_MULTIPLIER, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
"""Of the mixing: 2^64 divided by the golden ratio, as in Knuth's multiplicative hashing."""

_COMPARED_ROWS = 400_000
"""Most rows of files that are compared in memory; of more, DuckDB compares within its limit."""


@dataclass(frozen=True, slots=True)
class Novelty:
    """What of a batch is new.

    new_rows: rows to write, the table's schema; measured columns that were there already are null in them
    is_duplicate: one per row of the batch, in its order: True when nothing of the row is new
    """

    new_rows: pa.Table
    is_duplicate: list[bool]


def tell_new_from_known(
    connection: duckdb.DuckDBPyConnection,
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
    """
    span = _span(spec, rows)
    paths = files_within(compared_files(folder, spec, (day, *further_days)), str(spec.partition_by), span)
    if _are_surely_new(spec, rows, paths, span):
        return Novelty(rows, [False] * rows.num_rows)
    batch = rows.append_column("_row", pa.array(np.arange(rows.num_rows)))
    connection.register("batch", batch)
    try:
        connection.execute(f"create or replace temp table known as {_known(spec, paths, span, rows)}")
        if all(connection.execute(question).fetchall() == [(0,)] for question in _meetings(spec, rows)):
            return Novelty(rows, [False] * rows.num_rows)
        judged = connection.execute(_judged(spec)).to_arrow_table()
        known_rows = judged.sort_by("_row")
        is_new = known_rows["_is_new"].combine_chunks()
        is_own = known_rows["_is_own"].to_pylist()
        new_flags = is_new.to_pylist()
        new_rows = _coalesced(connection, spec, known_rows.filter(is_new)) if pc.any(is_new).as_py() else None
    finally:
        connection.unregister("batch")
        connection.execute("drop table if exists known")
    return Novelty(
        new_rows=new_rows if new_rows is not None else spec.schema.empty_table(),
        is_duplicate=[not new and not own for new, own in zip(new_flags, is_own, strict=True)],
    )


def _span(spec: Table, rows: pa.Table) -> Span:
    """Return when that may lie which a row of the batch may be the same as."""
    span: dict[str, Any] = pc.min_max(rows[spec.partition_by]).as_py()
    at_one_instant = spec.partition_by in spec.key and not _has_second_identity(spec, rows)
    slack = timedelta(seconds=0 if at_one_instant else spec.same_within_s)
    return span["min"] - slack, span["max"] + slack


def _has_second_identity(spec: Table, rows: pa.Table) -> bool:
    """Say whether a row of the batch may be the same as one with another key."""
    found: bool = len(spec.also_same) > 0 and rows[spec.also_same[-1]].null_count < rows.num_rows
    return found


def _are_surely_new(spec: Table, rows: pa.Table, paths: Sequence[Path], span: Span) -> bool:
    """Say whether surely no row of the batch is the same as another, or as one of the files; False says nothing.

    This is what nearly every batch is, and far cheaper to find than which row is not.
    """
    partition_by = str(spec.partition_by)
    columns = list(dict.fromkeys((*spec.key, *spec.also_same, partition_by)))
    parts = [rows.select(columns)]
    compared = 0
    try:
        for path in paths:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                compared += file.metadata.num_rows
                if compared > _COMPARED_ROWS:
                    return False
                known = file.read(columns, use_threads=False)
            instants = known[partition_by]
            is_near = pc.and_(pc.greater_equal(instants, span[0]), pc.less_equal(instants, span[1]))
            parts.append(known.select(columns).filter(is_near).cast(parts[0].schema))
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return False  # whoever compares closely meets what is wrong
    everything = pa.concat_tables(parts)
    if not are_different(spec.key, everything):
        return False
    if not _has_second_identity(spec, rows):
        return True
    everything = everything.filter(pc.is_valid(everything[spec.also_same[-1]]))
    return are_different(spec.also_same, everything)


def are_different(key: Sequence[str], rows: pa.Table) -> bool:
    """Say whether surely no two rows are equal in all columns of the key; False says nothing.

    Each row is mixed into one number: rows that are equal have the same, and others hardly ever.
    """
    mixed = np.zeros(rows.num_rows, np.uint64)
    for name in key:
        codes = _codes(rows[name])
        if codes is None:
            return False
        mixed = (mixed ^ mixed >> _SHIFT) * _MULTIPLIER + codes
    mixed.sort()
    return bool(np.all(mixed[1:] != mixed[:-1]))


def _codes(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.uint64]] | None:
    """Return a number for each value, the same for equal ones; None where there is none for NaN."""
    values = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_floating(values.type):
        if pc.any(pc.is_nan(values)).as_py():
            return None
        values = pc.add(values.cast(pa.float64()), 0.0).view(pa.int64())  # -0.0 is 0.0
    elif not (pa.types.is_integer(values.type) or pa.types.is_timestamp(values.type)):
        values = values.dictionary_encode().indices
    numbers = values.cast(pa.int64())
    return np.asarray(pc.fill_null(numbers, -1) if numbers.null_count else numbers).view(np.uint64)


def _known(spec: Table, paths: Sequence[Path], span: Span, rows: pa.Table) -> str:
    wanted = list(dict.fromkeys((*spec.key, *spec.merge, *spec.also_same, "message_seq")))
    if "message_seq" not in rows.column_names:
        wanted.remove("message_seq")
    names = ", ".join(f'"{name}"' for name in wanted)
    if not paths:
        return f"select {names} from batch where false"
    low, high = span
    # With the columns that are newer than the files, or an update would stop the day's partition for ever.
    return (
        f"select {names} from {relation_of(spec, paths)} as kept "
        f"where \"{spec.partition_by}\" between timestamptz '{low.isoformat()}' and timestamptz '{high.isoformat()}'"
    )


def compared_files(folder: DataFolder, spec: Table, days: Sequence[date]) -> list[Path]:
    """Return the files that hold what rows of `days` may be the same as: of these days, or of their neighbours too."""
    around = (-1, 0, 1) if spec.same_within_s else (0,)
    compared = sorted({day + timedelta(days=distance) for day in days for distance in around})
    return [path for day in compared for path in partition_files(folder, spec, day)]


def _meetings(spec: Table, rows: pa.Table) -> Iterator[str]:
    """Yield queries that count rows of the batch that may be the same as one of the lake or of each other.

    Where all say 0 every row is new, which is what nearly every batch is, and far cheaper to find than which is not.
    """
    identities = [(spec.key, "true")]
    if _has_second_identity(spec, rows):
        identities.append((spec.also_same, f'"{spec.also_same[-1]}" is not null'))
    for columns, where in identities:
        key = ", ".join(f'"{name}"' for name in columns)
        yield f"select count(*) from (select 1 from batch where {where} group by {key} having count(*) > 1)"
        same = " and ".join(f'known."{name}" is not distinct from other."{name}"' for name in columns)
        yield f"select count(*) from known inner join (select {key} from batch where {where}) as other on {same}"


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
    if not spec.merge:
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
