"""Models made on two connections stand as if made one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import cast

import duckdb
import pytest

from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import Model, all_models, in_three_steps, models_behind, parse_model, readers_of_passing
from sql.side_by_side import Maker
from tests.sql.made_lake import AS_OF, MadeLake
from tests.waiting import PATIENCE_S

HEADER = "-- One.\n--\n-- Grain: plot\n-- As of: now\n-- Reads: {reads}\n-- Feeds: x\n-- Kept as: {kept}\n{select}"


@pytest.fixture
def connections() -> Iterator[list[duckdb.DuckDBPyConnection]]:
    with duckdb.connect(":memory:") as first, first.cursor() as second:
        yield [first, second]


def model(name: str, reads: str = "", select: str = "select 1 as c", kept: str = "table") -> Model:
    return parse_model(name, HEADER.format(reads=reads or "nothing", select=select, kept=kept))


ENDLESS = model("endless", select="select count(*) as c from range(1000000) as a cross join range(1000000) as b")
WRONG = model("wrong", select="select * from no_such_table")


def tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}


def test_two_models_that_wait_for_each_other_in_nothing_are_made_at_the_same_time(
    connections: list[duckdb.DuckDBPyConnection],
) -> None:
    met = threading.Barrier(2)

    def meet() -> int:
        met.wait(PATIENCE_S)
        return 1

    connections[0].create_function("meet", meet, [], "integer", side_effects=True)
    Maker(connections, lambda _: None).make(
        [model("a", select="select meet() as c"), model("b", select="select meet() as c")]
    )
    assert tables(connections[0]) == {"a", "b"}


def test_a_model_sees_all_that_it_reads_however_long_that_takes(connections: list[duckdb.DuckDBPyConnection]) -> None:
    slow = "select count(*) as c from range(3000000) as a where hash(range) % 3 = 0"
    models = [
        model("slow", select=slow),
        model("seen", "slow", "select c from slow", "view"),
        model("quick"),
        model("of_two", "seen, quick", "select seen.c + quick.c as c from seen cross join quick"),
    ]
    begun: list[str] = []
    Maker(connections, lambda one: begun.append(one.name)).make(models)
    assert begun[-1] == "of_two"
    assert len(begun) == len(models)
    assert connections[1].execute("select of_two.c - slow.c from of_two cross join slow").fetchall() == [(1,)]


def test_one_connection_alone_makes_models_in_the_order_given(connections: list[duckdb.DuckDBPyConnection]) -> None:
    begun: list[str] = []
    names = ["d", "a", "c", "b"]
    Maker(connections[:1], lambda one: begun.append(one.name)).make([model(name) for name in names])
    assert begun == names


def test_a_passing_table_goes_when_its_last_reader_is_made_also_behind_a_view(
    connections: list[duckdb.DuckDBPyConnection],
) -> None:
    models = (
        model("passing", kept="passing table"),
        model("through", "passing", "select * from passing", "view"),
        model("first", "passing", "select * from passing"),
        model("last", "through, first", "select through.c from through cross join first"),
        model("after", "last", "select * from last"),
    )
    assert readers_of_passing(models) == {"passing": {"passing", "through", "first", "last"}}
    stood: dict[str, bool] = {}
    maker = Maker(connections[:1], lambda one: stood.update({one.name: "passing" in tables(connections[0])}))
    maker.watch(models)
    maker.make(models[:2])
    maker.make(models[2:])
    assert stood == {"passing": False, "through": True, "first": True, "last": True, "after": False}


@pytest.mark.parametrize("step", in_three_steps(all_models()), ids=("before", "judged", "after"))
def test_every_table_that_passes_has_all_its_readers_in_the_step_that_makes_it(step: list[Model]) -> None:
    everywhere = readers_of_passing(all_models())
    for name, readers in readers_of_passing(tuple(step)).items():
        assert readers == everywhere[name]
        assert len(readers) > 1


def test_who_asks_after_an_evaluation_has_as_many_threads_as_before(lake: MadeLake) -> None:
    connection = lake.connect()
    connection.execute("set threads = 3")
    make_models(connection, models_behind("staged_plots"), as_of=AS_OF, site=BEICHEN)
    assert connection.execute("select current_setting('threads')").fetchall() == [(3,)]


def test_the_error_of_a_model_is_told_and_what_runs_beside_it_is_ended(
    connections: list[duckdb.DuckDBPyConnection],
) -> None:
    with pytest.raises(duckdb.CatalogException, match="no_such_table"):
        Maker(connections, lambda _: None).make([ENDLESS, WRONG])
    assert tables(connections[0]) == set()
    assert connections[1].execute("select 1").fetchall() == [(1,)]


class BeginsLate:
    """A connection whose statement begins only after it was first asked to stop."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._was_interrupted = threading.Event()

    def execute(self, statement: str) -> duckdb.DuckDBPyConnection:
        assert self._was_interrupted.wait(PATIENCE_S)
        return self._connection.execute(statement)

    def interrupt(self) -> None:
        self._connection.interrupt()
        self._was_interrupted.set()


def test_what_begins_just_after_the_error_of_another_is_ended_too(connections: list[duckdb.DuckDBPyConnection]) -> None:
    late = cast("duckdb.DuckDBPyConnection", BeginsLate(connections[0]))
    with pytest.raises(duckdb.CatalogException, match="no_such_table"):
        Maker([late, connections[1]], lambda _: None).make([ENDLESS, WRONG])
    assert tables(connections[0]) == set()
