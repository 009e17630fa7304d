"""What analysts get: views to ask, and questions with answers."""

from __future__ import annotations

import csv
import functools
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources

import duckdb

from ingest.errors import ConfigError
from ingest.lake.tables import PARTITION_WORDS, Words, all_tables
from sql.campaigns import TABLES, Campaigns, create_campaigns, load_campaigns
from sql.history import has_rows_of_days, judges_readings
from sql.models import Model, analyst_models, analyst_views, models_of_views
from sql.reference import create_reference, reference_names

_LANGUAGE = re.compile(r"^-- (zh|en): (.+)$", re.MULTILINE)
_VARIABLE = re.compile(r"getvariable\('(\w+)'\)")


@dataclass(frozen=True, slots=True)
class Question:
    """A question that an analyst asks, in both languages, and the statement that answers it."""

    name: str
    zh: str
    en: str
    select: str


_ASKS_THE_CATALOGUE = re.compile(r"duckdb_|information_schema|pg_|sqlite_|pragma|\bshow\b", re.IGNORECASE)

_DESCRIBES = re.compile(r"^\s*desc\b|\bdescribe\b", re.IGNORECASE)


def relations_named(query: str) -> frozenset[str] | None:
    """Return the tables of the lake and views of analysts that a query asks, with the tables behind the views.

    None where all may be needed: it is no plain query, asks what there is, or names something that is not known.
    """
    named = _named(query)
    return None if named is None else named.union(*(one.reads for one in models_of_views(named)))


def daily_views_named(query: str) -> frozenset[str]:
    """Return the views that a query asks of those that judge readings and have rows of days.

    None of them where it also asks one that has rows of hours or of readings: these are judged all at once. Nor where
    it wants to know what a view looks like.
    """
    if _DESCRIBES.search(query):
        return frozenset()
    judged = frozenset(name for name in _named(query) or () if judges_readings(name))
    return judged if all(has_rows_of_days(name) for name in judged) else frozenset()


@functools.lru_cache(maxsize=1)
def _named(query: str) -> frozenset[str] | None:
    """Return the tables of the lake and views of analysts that stand in a query; None as in `relations_named`."""
    if _ASKS_THE_CATALOGUE.search(query):
        return None
    named: set[str] = set()
    try:
        with duckdb.connect(":memory:", config={"enable_external_access": "false"}) as connection:
            for statement in connection.extract_statements(query):
                if statement.type != duckdb.StatementType.SELECT:
                    return None
                named |= {name.lower() for name in connection.get_table_names(statement.query)}
    except duckdb.Error:
        return None
    if not named or not named.issubset(analyst_views() | set(all_tables())):
        return None
    return frozenset(named)


def create_views(
    connection: duckdb.DuckDBPyConnection,
    campaigns: Campaigns | None = None,
    names: Collection[str] | None = None,
    *,
    reference: str = "table",
    defaults: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Make the views of analysts on `connection`, which holds the tables of the lake, and return their names.

    Views over all history, beside the reference tables that they ask: those of `analyst_views`. The steps between
    them and the tables are parts of each, and no views: to make those too would take longer than most answers.
    They hold in a database that stays. Variable now (or as_of) says which rows of the registers hold; without either,
    those without an end. Each view carries its meaning as a comment.

    campaigns: those of the district; the built-in ones where it has none
    names: the only views that are needed, of what `relations_named` returned; None for all
    reference: what the reference tables are: "table", or "view", which asks a little longer and holds no data
    defaults: what a variable is, as SQL, where a session has not set it; without one it is null there
    """
    models = analyst_models()
    shown = [model for model in models if model.name in analyst_views() and (names is None or model.name in names)]
    if not shown:
        return ()
    # Best as tables: views of so many values are read anew in each of the hundred places that name them.
    unasked = set() if names is None else {name for name in reference_names() if name not in names}
    create_reference(connection, reference, without=unasked | set(TABLES))
    if not unasked.issuperset(TABLES):
        create_campaigns(connection, campaigns or load_campaigns(), reference)
    for model in shown:
        select = _with_defaults(_whole_select(model), defaults or {})
        connection.execute(f"create or replace view {model.name} as {select}")
        meaning = _literal(f"{model.meaning} Grain: {model.grain}.")
        connection.execute(f"comment on view {model.name} is {meaning}")
    return tuple(model.name for model in shown)


def create_dictionary(connection: duckdb.DuckDBPyConnection, kind: str = "table") -> None:
    """Make the relation `dictionary`: the meaning and unit of each column of the lake's tables and of analysts' views.

    kind: "table" or "view"

    The words are those of sql/views/columns.csv, else those of the table's column of that name.
    Raises: KeyError for a column that has none.
    """
    shown = connection.execute(
        "select table_name, column_name from duckdb_columns() where not internal order by table_name, column_index"
    ).fetchall()
    relations = {*all_tables(), *analyst_views()}
    rows = [
        (relation, column, words.unit, words.en, words.zh)
        for relation, column in shown
        if relation in relations
        for words in (column_words(relation, column),)
    ]
    lines = ", ".join(f"({', '.join(_literal(value) for value in row)})" for row in rows)
    names = "relation, column_name, unit, en, zh"
    connection.execute(f"create or replace {kind} dictionary as select * from (values {lines}) as given({names})")
    connection.execute(f"comment on {kind} dictionary is 'What each column means, with its unit (UCUM).'")


def explain_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Put to each column of the views of `create_views` what the dictionary says of it, as a comment.

    Not part of making them: DuckDB reads a view anew for each, which takes a second. Raises: KeyError.
    """
    shown = connection.execute(
        "select table_name, column_name from duckdb_columns() where not internal and list_contains(?, table_name)",
        [sorted(analyst_views())],
    ).fetchall()
    connection.execute("begin")
    for view, column in shown:
        meaning = _literal(column_words(view, column).comment)
        connection.execute(f"comment on column {view}.{column} is {meaning}")
    connection.execute("commit")


def column_words(relation: str, column: str) -> Words:
    """Return what a column of a table or view means. Raises: KeyError."""
    if relation in all_tables():
        own = {one.name: one.words for one in all_tables()[relation].columns} | {"date": PARTITION_WORDS}
        return own[column]
    known = view_words()
    return known.get((relation, column)) or known["", column]


@functools.cache
def view_words() -> dict[tuple[str, str], Words]:
    """Return what columns of views mean, by view and column; the view is "" where the same holds in every one."""
    of_tables = {("", column.name): column.words for spec in all_tables().values() for column in spec.columns}
    text = (resources.files("sql") / "views" / "columns.csv").read_text(encoding="utf-8")
    return of_tables | {
        (row["view"], row["column"]): Words(row["unit"] or None, row["en"], row["zh"])
        for row in csv.DictReader(io.StringIO(text))
    }


def _whole_select(model: Model) -> str:
    """Return `model` as one statement over the tables of the lake, each model behind it a named part of it.

    A view over views would be put in wherever one is named, a gate on every reading dozens of times; parts that are
    named more than once are worked out once.
    """
    parts = ", ".join(f"{one.name} as (\n{one.select}\n)" for one in models_of_views({model.name}))
    return f"with {parts} select * from {model.name}"


def _with_defaults(select: str, defaults: Mapping[str, str]) -> str:
    """Return `select` with each variable of `defaults` replaced by its value, or by the default where that is null."""
    return _VARIABLE.sub(
        lambda found: f"coalesce({found[0]}, {defaults[found[1]]})" if found[1] in defaults else found[0], select
    )


def _literal(value: str | None) -> str:
    return "null" if value is None else "'" + value.replace("'", "''") + "'"


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
