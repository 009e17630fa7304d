"""Rows that may be the same as others, judged in DuckDB: which of them are new, and what those of one key come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from ingest.errors import StoreError
from ingest.lake.read import comparing
from ingest.lake.tables import Table


def judge_rows(spec: Table, batch: pa.Table, known: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return one row per row of `batch`, and of those that bring something new what is to be written.

    batch: rows with their place as `_row`
    known: rows of the lake in the columns that tell, `message_seq` among them
    The first has `_row`, `_is_new` and `_is_own` (an interrupted seal wrote it itself), by `_row`; in the second known
    measurements are null, and rows of one key are one. Raises: StoreError.
    """
    with _store_errors(spec), comparing() as connection:
        connection.register("batch", batch)
        connection.register("known", known)
        judged = connection.execute(_judged(spec)).to_arrow_table().sort_by("_row")
        return judged, _coalesced(connection, spec, judged.filter(judged["_is_new"]))


@contextmanager
def coalescing() -> Iterator[Callable[[Table, pa.Table], pa.Table]]:
    """Yield what makes one row of those of a key, for as many calls as there are parts.

    Each measured column is the first that is not null, the rest is of the first row; what is called raises StoreError.
    """
    with comparing() as connection:

        def coalesce(spec: Table, rows: pa.Table) -> pa.Table:
            with _store_errors(spec):
                return _coalesced_by_key(connection, spec, rows)

        yield coalesce


@contextmanager
def _store_errors(spec: Table) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise StoreError(f"comparing rows of {spec.name}: {error}") from error


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
    return _coalesced_by_key(connection, spec, rows)


def _coalesced_by_key(connection: duckdb.DuckDBPyConnection, spec: Table, rows: pa.Table) -> pa.Table:
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
