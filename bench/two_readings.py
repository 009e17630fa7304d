"""What every second reading beside the SQL has in common: models made, values held against each other, the command."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import duckdb

from sql.models import Model, all_models, models_behind

Differences = tuple[Mapping[str, int], list[str]]
"""How many values of each kind one district gave to compare, and a line for each that differs."""

_SHOWN = 30


def models_of(names: Iterable[str]) -> tuple[Model, ...]:
    """Return the models `names` and all that they are made of, in order."""
    needed = {model.name for name in names for model in models_behind(name)}
    return tuple(model for model in all_models() if model.name in needed)


def rows_of(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """Return the answer, a dictionary a row."""
    rows: list[dict[str, Any]] = connection.execute(query).to_arrow_table().to_pylist()
    return rows


def differs(what: object, theirs: Any, own: Any, tolerance: float = 0) -> str:
    """Return a line when the SQL says something else than plain reading, else nothing."""
    if theirs is None or own is None or tolerance == 0 or isinstance(own, bool):
        return "" if theirs == own else f"{what} is {theirs} by SQL, {own} by plain reading"
    return "" if abs(theirs - own) <= tolerance else f"{what} is {theirs:.4f} by SQL, {own:.4f} by plain reading"


def compare_districts(doc: str | None, districts: int, differences: Callable[[int], Differences]) -> int:
    """Be the command: judge `--districts` districts (`districts` when not said) twice; return 1 when one differs.

    differences: of the district of a seed
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--districts", type=int, default=districts)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    compared: Counter[str] = Counter()
    differing = 0
    for seed in range(given.seed, given.seed + given.districts):
        some, lines = differences(seed)
        compared.update(some)
        differing += len(lines)
        print(f"district {seed}: {dict(some)}, {len(lines)} differ", *lines[:_SHOWN], sep="\n  ", flush=True)
    print(f"{given.districts} districts, {compared.total()} values, {differing} differ")
    return 1 if differing else 0
