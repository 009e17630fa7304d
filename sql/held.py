"""Which models hold: they need not be made again, since all that they read is what it was at the evaluation before.

Models that say `Kept as: held table` ask for the day and not for the instant, and go through the days of all plots.
Where the fingerprints of all groups are what they were (sql/fingerprints.py), so are the carried tables; the other
relations that such a model reads are compared by a hash of their rows. Then its rows of before are still right, and
later models read them where they lie (docs/decisions/0034-what-holds.md).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from sql.campaigns import TABLES
from sql.models import Model, all_models
from sql.reference import reference_names

_CARRIED = ("fingerprints", "learned_field_capacities")
"""What all carried tables follow from: a plateau teaches once it is over, whether or not a reading comes."""


@dataclass(frozen=True, slots=True)
class Held:
    """The rows of a held model: the hash of what they follow from, and the file of Parquet."""

    key: str
    file: Path


class Holding:
    """One evaluation's word on its held models.

    keys: by name, the hash of what the rows of each follow from
    holds: names of those of which the rows of before are right
    """

    def __init__(self, run_key: str, past: Mapping[str, Held]) -> None:
        """Begin; reads nothing yet.

        run_key: hash of all that every plot depends on
        past: what an earlier evaluation left
        """
        self._run_key = run_key
        self.keys: dict[str, str] = {}
        self.holds: set[str] = set()
        self._past = past
        self._hashes: dict[str, str] = {}

    def still_right(self, connection: duckdb.DuckDBPyConnection, model: Model) -> str | None:
        """Return the statement that gives the rows of `model` that are right still; None where it is to be made.

        What it reads must stand.
        """
        if not model.is_held:
            return None
        told = [self._run_key, *(self._hash(connection, name) for name in (*_CARRIED, *compared(model)))]
        key = self.keys[model.name] = hashlib.sha256("\n".join(told).encode()).hexdigest()
        held = self._past.get(model.name)
        if held is None or held.key != key:
            return None
        self.holds.add(model.name)
        file = str(held.file).replace("'", "''")
        return f"select * from read_parquet('{file}')"

    def _hash(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        if name not in self._hashes:
            ((rows, hashed),) = connection.execute(f"select count(*), sum(hash({name})) from {name}").fetchall()
            self._hashes[name] = f"{name} {rows} {hashed}"
        return self._hashes[name]


@functools.cache
def held_models() -> tuple[Model, ...]:
    """Return the models of which a later evaluation may take over all rows, in the order in which they are made."""
    return tuple(model for model in all_models() if model.is_held)


@functools.cache
def compared(model: Model) -> tuple[str, ...]:
    """Return the relations by whose rows it is known whether a held model still holds, sorted.

    Not the carried tables that it reads, nor views of them, nor what the key of a run has whole.
    """
    in_the_key = set(reference_names()) - set(TABLES)
    return tuple(sorted(name for name in _read_by(model) if name not in in_the_key))


def _read_by(model: Model) -> Iterator[str]:
    by_name = {one.name: one for one in all_models()}
    for name in model.reads:
        source = by_name.get(name)
        if source is not None and is_of_carried(name):
            yield from () if source.is_carried else _read_by(source)
        else:
            yield name


@functools.cache
def is_of_carried(name: str) -> bool:
    """Say whether a relation is a carried table, or a view of some."""
    model = next((one for one in all_models() if one.name == name), None)
    if model is None or (model.is_table and not model.is_carried):
        return False
    return model.is_carried or any(is_of_carried(source) for source in model.reads)
