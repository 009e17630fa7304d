"""`greensward sql`: a DuckDB prompt, or one query, over everything in the lake; nothing can be changed from here."""

from __future__ import annotations

import csv as csv_format
import re
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import duckdb
import msgspec
from cyclopts import App, Parameter
from rich.markup import escape

from greensward.console import (
    EXIT_FOUND_PROBLEMS,
    EXIT_OK,
    Common,
    Listing,
    err,
    examples,
    out,
    print_table,
    progress,
    show,
)
from greensward.settings import Settings
from ingest.errors import ConfigError
from ingest.lake.read import explain_columns, open_lake, retrying
from sql.analysts import (
    all_questions,
    create_dictionary,
    create_views,
    daily_views_named,
    explain_views,
    relations_named,
)  # fmt: skip
from sql.evaluate import hour_offset_s
from sql.history import Progress, make_tables
from sql.rows import answer

_NOTHING_STORED = """\
没有存下任何东西：CREATE 和 DROP 只作用于内存，命令结束就没了，数据湖不变。
Nothing was stored: CREATE and DROP act in memory, until this command ends, and the lake is as it was.
要留下结果 · To keep results: greensward sql --csv "select …" > result.csv"""
_ROWS_SHOWN = 200
_LINE_COMMENTS = r"\A(?:\s+|--[^\n]*\n)*"
_STAYS_IN_MEMORY = re.compile(
    _LINE_COMMENTS
    + r"(?:create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?|drop\s+)(?:table|view|macro|function|type)\b",
    re.IGNORECASE,
)
_TEMPORARY = re.compile(_LINE_COMMENTS + r"create\s+(?:or\s+replace\s+)?temp", re.IGNORECASE)
_OPTION = re.compile(r"--?\w[\w-]*(?:=.*)?")
_PARQUET = re.compile(r"'(?:[^']|'')*\.parquet'")
_WRITING_FUNCTIONS = {"enable_logging", "enable_profiling", "query"}
"""Table functions that write a file of the caller's choice, or run text that nobody has looked at."""
_VARIABLE = re.compile(_LINE_COMMENTS + r"(?:re)?set\s+variable\b", re.IGNORECASE)
_EXPLAINED = re.compile(_LINE_COMMENTS + r"explain\b(?P<options>\s*analyze\b|\s*\([^()]*\))?", re.IGNORECASE)

Days = Mapping[str, date | None]

app = App(
    name="sql",
    help_epilogue=examples(
        'greensward sql "select outcome, count(*) from raw_messages group by outcome"',
        "greensward sql --question driest_plots",
    ),
)


@app.default
def sql(
    query: Annotated[
        str | None, Parameter(help="One query; none: a prompt, or the query from a pipe.", allow_leading_hyphen=True)
    ] = None,
    *,
    file: Annotated[Path | None, Parameter(help="Read the query from a file.")] = None,
    csv: Annotated[bool, Parameter(help="Print as CSV, every row.", negative="")] = False,
    question: Annotated[str | None, Parameter(help="Answer one of the ready questions, by name.")] = None,
    questions: Annotated[bool, Parameter(help="List the ready questions.", negative="")] = False,
    from_: Annotated[
        str | None, Parameter(name="--from", help="First local day (2026-06-01) of the readings that views judge.")
    ] = None,
    to: Annotated[str | None, Parameter(help="Their last local day, included.")] = None,
    common: Common | None = None,
) -> int:
    """Run a query, or open a prompt. Tables and views: `show tables`; columns: `describe NAME`.

    A view that judges readings (readings, readings_daily, root_zone_daily and those on them) judges all of history
    unless --from says where to begin: a year takes long, and of readings and readings_hourly much memory too. Gates
    that look back then see nothing before that day; begin a month earlier where that matters. Tables are whole.
    """
    common = common or Common()
    if query is not None and _OPTION.fullmatch(query):  # and no comment, with which a query may begin
        raise ConfigError(f"There is no option {query}; see greensward sql --help.")
    settings = common.settings()
    days = {"window_from": _day(from_, "--from"), "window_to": _day(to, "--to")}
    if questions:
        ready = [{"name": one.name, "zh": one.zh, "en": one.en} for one in all_questions()]
        show(ready, as_json=common.json, render=lambda: _print_questions(ready))
        return EXIT_OK
    if question is not None:
        query = _ready(question)
    if file is not None:
        try:
            query = _as_text(file.read_bytes(), str(file))
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}.") from error
    if query is None and not sys.stdin.isatty():
        query = _as_text(sys.stdin.buffer.read(), "standard input")
    if query is None:
        return _prompt(settings, days)
    as_text = _csv if csv else _json if common.json else _table
    try:
        return retrying(settings.existing_folder(), lambda: _run(settings, query, days, as_text))
    except duckdb.IOException as error:
        err.print(escape(str(error)))
        return EXIT_FOUND_PROBLEMS


def _as_text(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source}: not UTF-8 (byte 0x{content[error.start]:02x} at {error.start}).") from error


def _print_questions(ready: list[dict[str, str]]) -> None:
    for one in ready:
        out.print(f"[bold]{one['name']}[/]\n    {escape(one['zh'])}\n    {escape(one['en'])}")


def _ready(name: str) -> str:
    known = {ready.name: ready.select for ready in all_questions()}
    if name not in known:
        raise ConfigError(f"There is no question {name!r}; see: greensward sql --questions")
    return known[name]


def open_for_questions(
    settings: Settings,
    days: Days | None = None,
    *,
    query: str | None = None,
    with_comments: bool = False,
    tell: Progress | None = None,
) -> duckdb.DuckDBPyConnection:
    """Return a connection over the lake that can neither write nor reach anything outside the data folder.

    days: the local days of the readings that views judge, as variables window_from and window_to; None for all
    query: what will be asked, so that only the tables and views that it names need be there; None for all of them
    tell: called while the readings of a long time are judged for the query, part by part
    with_comments: on the columns of views too, which takes a second; those of tables are there where all tables are
    """
    folder = settings.data_folder()
    names = None if query is None else relations_named(query)
    judged = daily_views_named(query or "")
    lake = open_lake(folder, settings.place(), names=names, for_one_query=names is not None and not judged)
    lake.execute(f"set variable timezone = '{settings.place().timezone.key}'")
    lake.execute(f"set variable now = timestamptz '{settings.now().isoformat()}'")
    lake.execute(f"set variable hour_offset_s = {hour_offset_s(settings.now(), settings.place())}")
    for name, day in (days or {}).items():
        lake.execute(f"set variable {name} = {'null' if day is None else repr(day.isoformat())}::date")
    create_views(lake, settings.campaign_tables(), names)
    make_tables(lake, judged, settings.flags.readings_at_once, progress=tell)
    if names is None:
        explain_columns(lake)
        create_dictionary(lake)
        if with_comments:
            explain_views(lake)
    # File by file: in an allowed directory DuckDB would let a query make new files.
    views = lake.execute("select sql from duckdb_views() where not internal").fetchall()
    files = sorted({file for (text,) in views for file in _PARQUET.findall(text)})
    lake.execute(f"set allowed_paths = [{', '.join(files)}]")
    lake.execute("set enable_external_access = false")
    lake.execute("set lock_configuration = true")
    return lake


def _day(text: str | None, option: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {text!r} is no day such as 2026-06-01.") from error


def _run(settings: Settings, query: str, days: Days, present: Any) -> int:
    with_comments = "comment" in query.lower()
    with progress() as bar:
        task = bar.add_task("judging readings", total=None)

        def tell(number: int, parts: int) -> None:
            bar.update(task, completed=number - 1, total=parts)

        lake = open_for_questions(settings, days, query=query, with_comments=with_comments, tell=tell)
    with lake:
        return _ask(lake, query, present)


def _ask(lake: duckdb.DuckDBPyConnection, query: str, present: Any) -> int:
    """Run every statement of `query` and show each result; nothing runs when one of them could change the lake."""
    try:
        statements = lake.extract_statements(query)
        seems_to_store = any(map(_seems_to_store, statements))
        refused = _writing_function(query) or next(
            (one.type.name.replace("_", " ") for one in statements if not _only_reads(lake, one)), None
        )
    except duckdb.Error as error:
        err.print(escape(str(error)))
        return EXIT_FOUND_PROBLEMS
    if refused is not None:
        err.print(
            f"{refused} is not run: from here the lake can be asked and not changed. Understood are SELECT, EXPLAIN of "
            "a SELECT, temporary tables and views, and SET VARIABLE; results leave with --csv or --json."
        )
        return EXIT_FOUND_PROBLEMS
    try:
        results = []
        for statement in statements:
            if statement.type.name not in {"SELECT", "EXPLAIN"}:
                lake.execute(statement)
                continue
            rows = answer(lake, statement)
            if lake.description is not None:
                results.append(([column[0] for column in lake.description], rows))
    except duckdb.IOException:
        raise
    except duckdb.Error as error:
        err.print(escape(str(error)))
        return EXIT_FOUND_PROBLEMS
    for names, rows in results:
        present(names, rows)
    if seems_to_store:
        err.print(escape(_NOTHING_STORED))
    return EXIT_OK


def _seems_to_store(statement: duckdb.Statement) -> bool:
    """Say whether whoever wrote it may believe that something is kept, or gone: TEMP says itself that nothing is."""
    if statement.type.name not in {"CREATE", "DROP"}:
        return False  # and not asked for its text, which that of a PIVOT has not
    return statement.query != "" and not _TEMPORARY.match(statement.query)


def _writing_function(query: str) -> str | None:
    """Return the name of a function in `query` that could write a file, or None."""
    tokens = duckdb.tokenize(query)
    for number, (begin, kind) in enumerate(tokens):
        end = tokens[number + 1][0] if number + 1 < len(tokens) else len(query.encode())
        if kind == duckdb.token_type.operator:
            continue
        word = re.match(rb'"?(\w+)"?', query.encode()[begin:end])
        name = word[1].decode("utf-8", "replace").lower() if word else ""
        if name in _WRITING_FUNCTIONS and query.encode()[end : end + 1] == b"(":
            return name
    return None


def _only_reads(lake: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> bool:
    """Say whether a statement leaves every file as it is: DuckDB lets queries write wherever it lets them read."""
    kind = statement.type.name
    if kind in {"CREATE", "DROP"}:
        # A PIVOT is two statements without text: the type that it makes, and the query.
        return not statement.query or _STAYS_IN_MEMORY.match(statement.query) is not None
    if kind == "SET":
        return _VARIABLE.match(statement.query) is not None
    return kind == "SELECT" or (kind == "EXPLAIN" and _explains_a_select(lake, statement.query))


def _explains_a_select(lake: duckdb.DuckDBPyConnection, query: str) -> bool:
    found = _EXPLAINED.match(query)
    # Parentheses may hold options, or be those of the query itself.
    for end in {found.end(), found.start("options")} - {-1} if found else ():
        try:
            inner = lake.extract_statements(query[end:])
        except duckdb.Error:
            continue
        if [one.type.name for one in inner] == ["SELECT"]:
            return True
    return False


def _prompt(settings: Settings, days: Days) -> int:
    err.print(
        "Tables: show tables; · columns: from dictionary where relation = 'soil_readings'; · end with .exit or Ctrl-D"
    )
    settings.existing_folder()
    with open_for_questions(settings, days, with_comments=True) as lake:
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
                    err.print(f"{escape(str(error))}\nFiles were merged meanwhile: leave with .exit, and ask again.")


def _table(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    table = Listing()
    for name in names:
        table.add_column(escape(name))
    for row in rows[:_ROWS_SHOWN]:
        table.add_row(*("" if value is None else escape(_short(value)) for value in row))
    print_table(table)
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
