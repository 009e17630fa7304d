"""What analysts get: views to ask, and questions with answers."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import duckdb

from ingest.errors import ConfigError
from sql.models import Model, analyst_models, analyst_views
from sql.reference import create_reference

_LANGUAGE = re.compile(r"^-- (zh|en): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question that an analyst asks, in both languages, and the statement that answers it."""

    name: str
    zh: str
    en: str
    select: str


def create_views(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Make the views of analysts on `connection`, which holds the tables of the lake, and return their names.

    Views over all history, beside the reference tables that they ask: those of `analyst_views`. The steps between
    them and the tables are parts of each, and no views: to make those too would take longer than most answers.
    They hold in a database that stays. Variable now (or as_of) says which rows of the registers hold; without either,
    those without an end. Each view carries its meaning as a comment.
    """
    # As tables: views of so many values would be read anew in each of the hundred places that name them.
    create_reference(connection, "table")
    models = analyst_models()
    shown = [model for model in models if model.name in analyst_views()]
    for model in shown:
        connection.execute(f"create or replace view {model.name} as {_whole_select(model, models)}")
        meaning = f"{model.meaning} Grain: {model.grain}.".replace("'", "''")
        connection.execute(f"comment on view {model.name} is '{meaning}'")
    return tuple(model.name for model in shown)


def _whole_select(model: Model, models: Sequence[Model]) -> str:
    """Return `model` as one statement over the tables of the lake, each model behind it a named part of it.

    A view over views would be put in wherever one is named, a gate on every reading dozens of times; parts that are
    named more than once are worked out once.
    """
    behind = {model.name}
    for earlier in reversed(models):
        if any(earlier.name in one.reads for one in models if one.name in behind):
            behind.add(earlier.name)
    parts = ", ".join(f"{one.name} as (\n{one.select}\n)" for one in models if one.name in behind)
    return f"with {parts} select * from {model.name}"


@functools.cache
def all_questions() -> tuple[Question, ...]:
    """Return the questions of sql/analyst, by name. Raises: ConfigError when a file lacks one of the languages."""
    entries = sorted((resources.files("sql") / "analyst").iterdir(), key=lambda entry: entry.name)
    return tuple(
        _question(entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8"))
        for entry in entries
        if entry.name.endswith(".sql")
    )


def _question(name: str, text: str) -> Question:
    asked = dict(_LANGUAGE.findall(text))
    if set(asked) != {"zh", "en"}:
        raise ConfigError(f"sql/analyst/{name}.sql: the question must stand in its header as `-- zh:` and `-- en:`")
    return Question(name=name, zh=asked["zh"], en=asked["en"], select=text.strip())
