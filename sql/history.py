"""Views that judge readings, over all history: made as tables, part by part, so that memory follows a part alone.

A view judges all of its readings whenever it is asked, and holds them all while it does. Those that have a row a day
are small beside what they are made of; and nothing of a group of plots decides over another (sql/parts.py). So some
groups are judged over all days that are asked for, their rows put aside, all else let go, and then the next groups. The
rows are those of the view (docs/decisions/0036-questions-part-by-part.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import duckdb

from sql.fingerprints import READ_OF_WINDOW, make_groups
from sql.models import READINGS_AT_ONCE, Model, models_of_views
from sql.parts import make_parts
from sql.side_by_side import Maker

Progress = Callable[[int, int], None]
"""Called before each part with its number from 1, and how many there are."""

_SCHEMA = "judged"


def judges_readings(name: str) -> bool:
    """Say whether a view of analysts is made of readings with the verdicts of gates."""
    return any("soil_readings" in model.reads for model in models_of_views({name}))


def has_rows_of_days(name: str) -> bool:
    """Say whether a view of analysts has rows of whole days, few beside the readings that they are made of."""
    return any("day" in model.grain for model in models_of_views({name}) if model.name == name)


def make_tables(
    connection: duckdb.DuckDBPyConnection,
    names: Collection[str],
    at_once: int = READINGS_AT_ONCE,
    progress: Progress | None = None,
) -> None:
    """Put tables in the place of views of `create_views` that have a row a day, where many readings are judged.

    names: of the views; element_id, which means nothing outside of one answer, is another than in the view
    at_once: readings of a part; up to so many on the days that are asked for, nothing is done
    """
    if not names or _readings(connection) <= at_once:
        return
    connection.execute(f"create schema {_SCHEMA}")
    connection.execute(f"set search_path = '{_SCHEMA},main'")
    before, judged = _in_two_steps(models_of_views({*names, "staged_devices"}))
    maker = Maker([connection], lambda _: None)
    maker.make(before)
    make_groups(connection, with_bare_plots=False)
    parts = make_parts(connection, "true", at_once)
    for part in parts:
        if progress is not None:
            progress(part.number + 1, len(parts))
        connection.execute(f"create or replace view soil_readings as {READ_OF_WINDOW.format(devices=part.devices())}")
        maker.watch(judged)
        maker.make(judged)
        for name in names:
            _put_aside(connection, name, part.number, len(parts))
        for model in judged:
            if model.is_table and not model.is_passing:
                connection.execute(f"drop table {model.name}")
    connection.execute("set search_path = 'main'")
    connection.execute(f"drop schema {_SCHEMA} cascade")


def _readings(connection: duckdb.DuckDBPyConnection) -> int:
    ((readings,),) = connection.execute(f"select count(*) from ({READ_OF_WINDOW.format(devices='true')})").fetchall()
    return int(readings)


def _put_aside(connection: duckdb.DuckDBPyConnection, name: str, number: int, parts: int) -> None:
    columns = [column for (column, *_) in connection.execute(f"describe {_SCHEMA}.{name}").fetchall()]
    numbered = f"replace (element_id * {parts} + {number} as element_id)" if "element_id" in columns else ""
    rows = f"select * {numbered} from {_SCHEMA}.{name}"
    if number:
        connection.execute(f"insert into main.{name} by name {rows}")
    else:
        connection.execute(f"drop view main.{name}")
        connection.execute(f"create table main.{name} as {rows}")


def _in_two_steps(models: Collection[Model]) -> tuple[list[Model], list[Model]]:
    """Return `models` in their order: those that no reading decides, and those that follow from readings."""
    from_readings: set[str] = {"soil_readings"}
    for model in models:
        if from_readings.intersection(model.reads):
            from_readings.add(model.name)
    return (
        [model for model in models if model.name not in from_readings],
        [model for model in models if model.name in from_readings],
    )
