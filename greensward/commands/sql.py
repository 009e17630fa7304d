"""`greensward sql`: a DuckDB prompt, or one query, over everything in the lake; nothing can be changed from here."""

from __future__ import annotations

import csv as csv_format
import sys
from pathlib import Path
from typing import Annotated, Any

import duckdb
import msgspec
from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, err, out
from greensward.settings import Settings
from ingest.errors import ConfigError
from ingest.lake.read import open_lake, retrying
from sql.analysts import all_questions, create_views

_ROWS_SHOWN = 200

app = App(name="sql", help="Ask the lake: SQL over every table, read only.")


@app.default
def sql(
    query: Annotated[str | None, Parameter(help="One query; none: a prompt, or the query from a pipe.")] = None,
    *,
    file: Annotated[Path | None, Parameter(help="Read the query from a file.")] = None,
    csv: Annotated[bool, Parameter(help="Print as CSV, every row.", negative="")] = False,
    question: Annotated[str | None, Parameter(help="Answer one of the ready questions, by name.")] = None,
    questions: Annotated[bool, Parameter(help="List the ready questions.", negative="")] = False,
    common: Common | None = None,
) -> int:
    """Run a query, or open a prompt. Tables and views: `show tables`; columns: `describe NAME`."""
    common = common or Common()
    settings = common.settings()
    if questions:
        for ready in all_questions():
            out.print(f"[bold]{ready.name}[/]\n    {escape(ready.zh)}\n    {escape(ready.en)}")
        return EXIT_OK
    if question is not None:
        query = _ready(question)
    if file is not None:
        try:
            query = file.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from error
    if query is None and not sys.stdin.isatty():
        query = sys.stdin.read()
    if query is None:
        return _prompt(settings)
    as_text = _csv if csv else _json if common.json else _table
    return retrying(settings.data_folder(), lambda: _run(settings, query, as_text))


def _ready(name: str) -> str:
    known = {ready.name: ready.select for ready in all_questions()}
    if name not in known:
        raise ConfigError(f"There is no question {name!r}; see: greensward sql --questions")
    return known[name]


def open_for_questions(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Return a connection over the lake that can neither write nor reach anything outside the data folder."""
    folder = settings.data_folder()
    lake = open_lake(folder, settings.place())
    lake.execute(f"set variable timezone = '{settings.place().timezone.key}'")
    lake.execute(f"set variable now = timestamptz '{settings.now().isoformat()}'")
    create_views(lake)
    allowed = str(folder.lake).replace("'", "''")
    lake.execute(f"set allowed_directories = ['{allowed}/']")
    lake.execute("set enable_external_access = false")
    lake.execute("set lock_configuration = true")
    return lake


def _run(settings: Settings, query: str, show: Any) -> int:
    with open_for_questions(settings) as lake:
        return _ask(lake, query, show)


def _ask(lake: duckdb.DuckDBPyConnection, query: str, show: Any) -> int:
    try:
        lake.execute(query)
        if lake.description is None:
            return EXIT_OK
        names = [column[0] for column in lake.description]
        show(names, lake.fetchall())
    except duckdb.IOException:
        raise
    except duckdb.Error as error:
        err.print(escape(str(error)))
        return EXIT_FOUND_PROBLEMS
    return EXIT_OK


def _prompt(settings: Settings) -> int:
    err.print(
        "Tables: show tables; · columns: describe soil_readings; · units: docs/dictionary.md · end with .exit or Ctrl-D"
    )
    with open_for_questions(settings) as lake:
        lines: list[str] = []
        while True:
            try:
                line = input("   ... " if lines else "greensward> ")
            except EOFError:
                return EXIT_OK
            if line.strip() in {".exit", ".quit", "exit", "quit"}:
                return EXIT_OK
            lines.append(line)
            if line.rstrip().endswith(";"):
                query, lines = "\n".join(lines), []
                try:
                    _ask(lake, query, _table)
                except duckdb.IOException as error:
                    err.print(f"{escape(str(error))}\nFiles were merged meanwhile; ask once more.")


def _table(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    table = Table(*(escape(name) for name in names))
    for row in rows[:_ROWS_SHOWN]:
        table.add_row(*("" if value is None else escape(_short(value)) for value in row))
    out.print(table)
    if len(rows) > _ROWS_SHOWN:
        err.print(f"{_ROWS_SHOWN} of {len(rows):,} rows shown; all of them with --csv")


def _short(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _csv(names: list[str], rows: list[tuple[Any, ...]]) -> None:

    writer = csv_format.writer(sys.stdout)
    writer.writerow(names)
    writer.writerows(rows)


def _json(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    records = [dict(zip(names, row, strict=True)) for row in rows]
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(records), indent=2).decode() + "\n")
