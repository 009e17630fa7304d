"""Which rows of a batch may be the same as another, of the batch or of the lake: nearly always none.

Every row is told by one number made of what its key says: rows that are equal have the same, and others hardly ever.
Files are read a row group at a time, and of them only rows stay whose number a row of the batch has, so that memory
follows the batch and not the day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.errors import StoreError
from ingest.lake.durable import store_errors
from ingest.lake.files import with_fields
from ingest.lake.spans import Span
from ingest.lake.tables import Table
from ingest.messages import Flags

Numbers = np.ndarray[Any, np.dtype[np.uint64]]
Places = np.ndarray[Any, np.dtype[np.int64]]

_MULTIPLIER, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
"""Of the mixing: 2^64 divided by the golden ratio, as in Knuth's multiplicative hashing."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows that may be the same.

    place: of the batch's rows that may be the same as another of the batch or of `known`, ascending
    known: the rows of the lake, in the columns that were asked for
    """

    place: Places
    known: pa.Table


def find_candidates(
    spec: Table, rows: pa.Table, paths: Sequence[Path], span: Span, columns: Sequence[str]
) -> Candidates:
    """Return which of `rows` may be the same as another, and as which rows of the files.

    span: of the files only rows within it are looked at, edges included
    columns: of the files' rows; those of the table's identities among them
    Raises: StoreError when a file cannot be read.
    """
    identities = [_Identity.of(rows, _leading(spec.partition_by, spec.key))]
    if has_second_identity(spec, rows):
        identities.append(_Identity.of(rows, tuple(reversed(spec.also_same)), all_rows=False))
    known = pa.concat_tables([_fields(spec, columns).empty_table(), *_known(spec, paths, span, identities, columns)])
    place = np.unique(np.concatenate([identity.places_like(known) for identity in identities]))
    return Candidates(place, known)


def has_second_identity(spec: Table, rows: pa.Table) -> bool:
    """Say whether a row of the batch may be the same as one with another key."""
    found: bool = len(spec.also_same) > 0 and rows[spec.also_same[-1]].null_count < rows.num_rows
    return found


def are_different(key: Sequence[str], rows: pa.Table) -> bool:
    """Say whether surely no two rows are equal in all columns of the key; False says nothing."""
    numbers = _Identity.of(rows, key).ascending
    return bool(np.all(numbers[1:] != numbers[:-1]))


@dataclass(frozen=True, slots=True)
class _Identity:
    """What tells the rows of a batch apart.

    columns: in which two rows are equal that are the same, nulls equal; the first tells most of them apart
    values: each different value of these columns in the batch
    place, numbers: the rows that have this identity, and the number of each
    ascending: these numbers, sorted
    """

    columns: Sequence[str]
    values: Sequence[pa.Array]
    place: Places
    numbers: Numbers
    ascending: Numbers

    @classmethod
    def of(cls, rows: pa.Table, columns: Sequence[str], *, all_rows: bool = True) -> Self:
        """Return the identity of the rows; of those only whose first column is not null unless of `all_rows`."""
        place = np.arange(rows.num_rows)
        if not all_rows:
            place = np.flatnonzero(np.asarray(rows[columns[0]].is_valid()))
            rows = rows.take(pa.array(place))
        encoded = [_comparable(rows[name]).dictionary_encode("encode") for name in columns]
        numbers = _mixed([np.asarray(one.indices) for one in encoded], len(place))
        return cls(columns, [one.dictionary for one in encoded], place, numbers, np.sort(numbers))

    def leads_to(self, rows: pa.Table) -> Flags:
        """Say of each row whether the batch has its value of the first column."""
        return np.asarray(pc.is_in(_comparable(rows[self.columns[0]]), value_set=self.values[0]))

    def numbers_of(self, rows: pa.Table) -> tuple[Places, Numbers]:
        """Return the places of those rows whose every value the batch has somewhere, and their numbers."""
        codes = [
            pc.index_in(_comparable(rows[name]), value_set=values)
            for name, values in zip(self.columns, self.values, strict=True)
        ]
        place = np.flatnonzero(np.logical_and.reduce([np.asarray(code.is_valid()) for code in codes]))
        return place, _mixed([np.asarray(code.take(pa.array(place))) for code in codes], len(place))

    def is_in(self, rows: pa.Table) -> Places:
        """Return the places of the rows that a row of the batch may be the same as."""
        place, numbers = self.numbers_of(rows)
        found: Places = place[_are_among(self.ascending, numbers)]
        return found

    def places_like(self, known: pa.Table) -> Places:
        """Return the places of the batch's rows that may be the same as another, or as one of `known`."""
        repeated = self.ascending[1:][self.ascending[1:] == self.ascending[:-1]]
        of_known = self.numbers_of(known)[1] if known.num_rows else repeated[:0]
        if not len(repeated) and not len(of_known):
            return self.place[:0]
        found: Places = self.place[_are_among(np.sort(np.concatenate([repeated, of_known])), self.numbers)]
        return found


def _leading(first: str | None, key: Sequence[str]) -> Sequence[str]:
    """Return the key, with the instant first where it has one: hardly two rows of different days share it."""
    return tuple(sorted(key, key=lambda name: name != first))


def _comparable(column: pa.ChunkedArray) -> pa.Array:
    """Return the values so that those that are equal have the same bits: zeros without a sign, and one NaN."""
    values = column.combine_chunks()
    if not pa.types.is_floating(values.type):
        return values
    values = pc.add(values.cast(pa.float64()), 0.0)
    return pc.if_else(pc.is_nan(values), np.nan, values).view(pa.int64())


def _mixed(codes: Sequence[np.ndarray[Any, Any]], count: int) -> Numbers:
    numbers = np.zeros(count, np.uint64)
    for code in codes:
        numbers = (numbers ^ numbers >> _SHIFT) * _MULTIPLIER + code.astype(np.uint64)
    return numbers


def _are_among(ascending: Numbers, numbers: Numbers) -> Flags:
    """Say of each number whether it is one of those that are sorted."""
    found: Flags = np.searchsorted(ascending, numbers) < np.searchsorted(ascending, numbers, side="right")
    return found


def _known(
    spec: Table, paths: Sequence[Path], span: Span, identities: Sequence[_Identity], columns: Sequence[str]
) -> Iterator[pa.Table]:
    """Yield the rows of the files that a row of the batch may be the same as."""
    partition_by = str(spec.partition_by)
    leading = _fields(spec, [partition_by, *(identity.columns[0] for identity in identities)])
    telling = [_fields(spec, identity.columns) for identity in identities]
    wanted = _fields(spec, columns)
    for path in paths:
        try:
            with (
                store_errors(f"comparing with {path}"),
                pq.ParquetFile(path, page_checksum_verification=True) as file,
            ):
                there = frozenset(file.schema_arrow.names)
                for group in range(file.num_row_groups):
                    rows = _read(file, group, leading, there)
                    near = np.flatnonzero(_is_near(rows[partition_by], span))
                    rows = rows.take(pa.array(near))
                    met = []
                    for identity, fields in zip(identities, telling, strict=True):
                        place = near[identity.leads_to(rows)]
                        if len(place):
                            told = _read(file, group, fields, there).take(pa.array(place))
                            met.extend(place[identity.is_in(told)].tolist())
                    if met:
                        yield _read(file, group, wanted, there).take(pa.array(np.unique(met)))
        except (pa.ArrowException, ValueError) as error:
            raise StoreError(f"comparing with {path}: {error}") from error


def _is_near(instants: pa.ChunkedArray, span: Span) -> Flags:
    near = pc.and_(pc.greater_equal(instants, span[0]), pc.less_equal(instants, span[1]))
    return np.asarray(pc.fill_null(near, fill_value=False))


def _fields(spec: Table, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([spec.schema.field(name) for name in dict.fromkeys(columns)])


def _read(file: pq.ParquetFile, group: int, fields: pa.Schema, there: Collection[str]) -> pa.Table:
    """Return columns of a row group; those that are newer than the file, which has `there`, are null."""
    rows = file.read_row_group(group, [name for name in fields.names if name in there], use_threads=False)
    return with_fields(fields, rows)
