"""Rows of answers are those that DuckDB gives, whichever way they come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import duckdb
import pytest

from sql import rows
from sql.rows import answer

_SUMMER = "timestamptz '2026-07-01 00:00:00.123456+00'"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        opened.execute("set timezone = 'Europe/Berlin'")
        yield opened


@pytest.mark.parametrize(
    "columns",
    [
        "i, null::timestamptz, 'a' || nullif(i, 2), i / 2, i::bigint, i::smallint, i > 2, date '2026-07-01' + i::int",
        "case when i in (1, 4) then null else timestamptz '2026-01-01 00:00:00+00' + to_hours(i * 100) end as at",
        f"{_SUMMER} as at, {_SUMMER} as at, [i, null, 0.5]::double[], ('x' || i)::blob, null::varchar, 'nan'::double",
        f"{_SUMMER}, i::hugeint, sum(i) over (), uuid() is null, interval 1 day, time '12:00', map {{'a': i}}, [i]",
        "timestamptz '1890-01-01 00:00:00+00' + to_years(i * 60)",
        "if(i = 2, timestamptz 'infinity', timestamptz '2026-01-01 00:00:00+00')",
        f"{_SUMMER}, if(i = 2, date 'infinity', date '2026-01-01')",
        "timestamptz '20000-01-01 00:00:00+00'",
        "i, 'x'",
    ],
)
def test_rows_show_as_duckdb_shows_them(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setattr(rows, "_BATCH_ROWS", 2)
    query = f"select {columns} from range(1, 6) as numbers(i) order by i"
    expected = connection.execute(query).fetchall()
    given = answer(connection, query)
    assert [tuple(map(str, row)) for row in given] == [tuple(map(str, row)) for row in expected]
    assert [tuple(map(type, row)) for row in given] == [tuple(map(type, row)) for row in expected]
    assert len(connection.description or ()) == len(expected[0])


def test_an_answer_without_rows_has_none(connection: duckdb.DuckDBPyConnection) -> None:
    assert answer(connection, f"select {_SUMMER} as at where false") == []


def test_instants_of_these_years_are_made_without_the_detour(connection: duckdb.DuckDBPyConnection) -> None:
    (row,) = answer(connection, f"select {_SUMMER}, 'x'")
    assert row == (datetime(2026, 7, 1, 0, 0, 0, 123456, UTC), "x")
    assert isinstance(row[0].tzinfo, ZoneInfo)
