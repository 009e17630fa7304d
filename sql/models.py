"""Which SQL files there are, what each says of itself, and in which order they are made."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib import resources

from ingest.errors import ConfigError

_FIELD = re.compile(r"^-- (Grain|As of|Reads|Feeds|Kept as): (.+(?:\n-- {2,}.+)*)$", re.MULTILINE)
"""A line of the header; one that goes on is indented further below."""

READINGS_AT_ONCE = 3_000_000
"""How many readings are judged at a time (sql/parts.py), about: some 2 GB of memory. Each part costs a CPU second of
planning, however small. It stands here so that settings, which ingest reads, too, need no DuckDB."""


@dataclass(frozen=True, slots=True)
class Model:
    """One SQL file, which is one relation of the same name.

    meaning: the first sentence of its header
    reads, feeds: names of relations; what it reads may be tables of the lake, reference tables or other models
    is_table: True when the rows are kept for the run, False when the relation is a view
    is_passing: True when a run lets the rows go after the last model that reads them: it keeps memory low
    is_carried: True when the rows of a plot or device follow from its own readings, the registers and the window alone,
        so that a later run may take them over as long as these are the same (see sql/carry.py)
    is_held: True when all rows follow from carried tables and other relations for the day, and not for the instant, so
        that a later run may take over all or none (see sql/held.py)
    select: the statement, header included
    """

    name: str
    meaning: str
    grain: str
    as_of: str
    reads: tuple[str, ...]
    feeds: tuple[str, ...]
    is_table: bool
    is_passing: bool
    is_carried: bool
    is_held: bool
    select: str


def parse_model(name: str, text: str) -> Model:
    """Return the model that the file `name`.sql holds. Raises: ConfigError when its header lacks a line."""
    fields = dict(_FIELD.findall(text))
    missing = [field for field in ("Grain", "As of", "Reads", "Feeds") if field not in fields]
    first, _, _ = text.partition("\n")
    if missing or not first.startswith("-- "):
        wanted = ", ".join(missing) or "one sentence of meaning"
        raise ConfigError(f"sql model {name}: the header lacks {wanted}; see STYLE of sql/staging/readings.sql")
    return Model(
        name=name,
        meaning=first.removeprefix("-- "),
        grain=fields["Grain"],
        as_of=fields["As of"],
        reads=_names(fields["Reads"]),
        feeds=_names(fields["Feeds"]),
        is_table=fields.get("Kept as", "view") in ("table", "passing table", "carried table", "held table"),
        is_passing=fields.get("Kept as") == "passing table",
        is_carried=fields.get("Kept as") == "carried table",
        is_held=fields.get("Kept as") == "held table",
        select=text.strip(),
    )


@functools.cache
def all_models() -> tuple[Model, ...]:
    """Return every model that an evaluation runs, each after all that it reads. Raises: ConfigError on a circle."""
    return in_order([*_models_in("staging"), *_models_in("plots")])


@functools.cache
def models_of_one_evaluation() -> tuple[Model, ...]:
    """Return the models of an evaluation that leaves nothing to later ones: without those that only they read."""
    left_out = {model.name for model in all_models() if model.feeds == ("later evaluations",)}
    for model in reversed(all_models()):
        if model.name not in left_out and left_out.issuperset(model.feeds):
            left_out.add(model.name)
    return tuple(model for model in all_models() if model.name not in left_out)


@functools.cache
def models_behind(name: str) -> tuple[Model, ...]:
    """Return the model `name` and all that it is made of, in order. Raises: KeyError."""
    by_name = {model.name: model for model in all_models()}
    wanted = [name]
    for one in wanted:
        wanted += [source for source in by_name[one].reads if source in by_name and source not in wanted]
    return in_order([by_name[one] for one in wanted])


_FOR_ANALYSTS = (
    "readings",
    "readings_hourly",
    "readings_daily",
    "root_zone_daily",
    "root_zone_layers",
    "potential_daily",
    "staged_index_stats",
    "watering_reports",
    "work_reports",
    "doubtful_findings",
    "routed_findings",
)
"""Models of evaluations that analysts ask too, beside those of sql/views, which nobody else asks."""


@functools.cache
def analyst_views() -> frozenset[str]:
    """Return the names of the relations that analysts ask; the others of `analyst_models` are what these consist of."""
    return frozenset(_FOR_ANALYSTS) | {model.name for model in _models_in("views")}


@functools.cache
def analyst_models() -> tuple[Model, ...]:
    """Return the relations for analysts beside the tables of the lake, and what they are made of, in order.

    Raises: ConfigError on a circle.
    """
    by_name = {model.name: model for model in all_models()}
    wanted = list(_FOR_ANALYSTS)
    for name in wanted:
        wanted += [source for source in by_name[name].reads if source in by_name and source not in wanted]
    return in_order([*(by_name[name] for name in wanted), *_models_in("views")])


def models_of_views(names: Collection[str]) -> tuple[Model, ...]:
    """Return those of `analyst_models` that are called `names`, and all that they are made of, in order."""
    behind = set(names)
    for model in reversed(analyst_models()):
        if model.name in behind:
            behind.update(model.reads)
    return tuple(model for model in analyst_models() if model.name in behind)


def _models_in(folder: str) -> list[Model]:
    entries = sorted((resources.files("sql") / folder).iterdir(), key=lambda entry: entry.name)
    return [
        parse_model(entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8"))
        for entry in entries
        if entry.name.endswith(".sql")
    ]


def in_order(models: list[Model]) -> tuple[Model, ...]:
    """Return `models` so that each stands after the ones it reads. Raises: ConfigError when they read in a circle."""
    by_name = {model.name: model for model in models}
    graph = {model.name: [name for name in model.reads if name in by_name] for model in models}
    try:
        return tuple(by_name[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ConfigError(f"sql models read each other in a circle: {' -> '.join(error.args[1])}") from error


@functools.cache
def carried_models() -> tuple[Model, ...]:
    """Return the models whose rows a later evaluation may take over, in the order in which they are made."""
    return tuple(model for model in all_models() if model.is_carried)


def in_three_steps(models: Sequence[Model]) -> tuple[list[Model], list[Model], list[Model]]:
    """Return `models` in their order: what no reading decides, what leads to the carried tables, and what follows.

    A view that leads there and is read afterwards is in both, because where all is taken over nothing leads there.
    """
    by_name = {model.name: model for model in models}
    behind = {model.name for model in models if model.is_carried}
    for model in reversed(models):
        if model.name in behind:
            behind |= {name for name in model.reads if name in by_name}
    from_readings: set[str] = set()
    for model in models:
        if "soil_readings" in model.reads or from_readings & set(model.reads):
            from_readings.add(model.name)
    first = [model for model in models if model.name in behind - from_readings]
    second = [model for model in models if model.name in behind & from_readings]
    after = {model.name for model in models} - behind
    for model in reversed(models):
        if model.name in after:
            after |= {name for name in model.reads if name in by_name and not by_name[name].is_table} - {
                one.name for one in first
            }
    return first, second, [model for model in models if model.name in after]


def readers_of_passing(models: tuple[Model, ...]) -> dict[str, set[str]]:
    """Return for each passing table of a run the models that must have been made before it may go, itself among them.

    A view reads when it is read itself: what stands behind a view stays as long as the view is read.
    """
    by_name = {model.name: model for model in models}
    readers = {model.name: {model.name} for model in models if model.is_passing}
    for model in models:
        behind = list(model.reads)
        for name in behind:
            if name in readers:
                readers[name].add(model.name)
            if name in by_name and not by_name[name].is_table:
                behind += by_name[name].reads
    return readers


def _names(line: str) -> tuple[str, ...]:
    return tuple(name.strip(" -\n") for name in line.split(","))
