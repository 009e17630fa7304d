"""Making models on several connections at a time, each as soon as all that it reads has been made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

import duckdb

from sql.models import Model, readers_of_passing

Begin = Callable[[Model], None]
"""Called with each model when its turn has come."""

_AGAIN_S = 0.05

Made = Callable[[duckdb.DuckDBPyConnection, Model], None]
"""Called with each model that has been made, and a connection that does nothing else meanwhile, in the thread of it."""

StillRight = Callable[[duckdb.DuckDBPyConnection, Model], str | None]
"""Gives the statement of the rows of a model that are right still, None for one to be made; called as Made is."""


class Maker:
    """Makes models as relations of the schema that comes first on every one of its connections.

    Half of what a small evaluation costs is the planning of a hundred statements, which DuckDB does in one thread: two
    connections of one database plan two statements at a time. What must be made one after the other (because memory
    is short, say) is given to a Maker of a single connection.
    """

    def __init__(self, connections: Sequence[duckdb.DuckDBPyConnection], begin: Begin) -> None:
        """Begin; makes nothing yet.

        connections: of one database, each with the same variables and search path; with one alone, models are made in
            the order given, otherwise those first that most others wait for
        """
        self._idle = list(connections)
        self._connections = tuple(connections)
        self._begin = begin
        self._readers: dict[str, set[str]] = {}

    def watch(self, models: Iterable[Model]) -> None:
        """Let go the passing tables among `models` once each of their readers among these is made, each time anew."""
        self._readers |= readers_of_passing(tuple(models))

    def make(
        self, models: Sequence[Model], made: Made | None = None, still_right: StillRight = lambda *_: None
    ) -> None:
        """Make `models`; what they read of others must stand. Raises: duckdb.Error of the first that fails.

        made: called for each model once it stands, before those that read it begin
        still_right: called for each model when all that it reads stands
        """
        by_name = {model.name: model for model in models}
        waiting = TopologicalSorter({model.name: [name for name in model.reads if name in by_name] for model in models})
        waiting.prepare()
        rank = _urgency(models) if len(self._connections) > 1 else _from_the_last(models)
        ready: list[str] = []
        running: dict[Future[None], tuple[str, duckdb.DuckDBPyConnection]] = {}
        with ThreadPoolExecutor(len(self._connections), "greensward-models") as pool:
            try:
                while waiting.is_active():
                    ready = sorted([*ready, *waiting.get_ready()], key=rank.__getitem__)
                    while ready and self._idle:
                        model, connection = by_name[ready.pop()], self._idle.pop()
                        self._begin(model)
                        running[pool.submit(_make, connection, model, made, still_right)] = model.name, connection
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        name, connection = running.pop(future)
                        self._idle.append(connection)
                        future.result()
                        waiting.done(name)
                        self._let_go(name, connection)
            except BaseException:
                self._end(running)
                raise
            finally:
                self._idle = list(self._connections)

    def _end(self, running: Iterable[Future[None]]) -> None:
        """Interrupt what is running until it has ended: a statement that has not begun yet does not heed it."""
        while True:
            for connection in self._connections:
                connection.interrupt()
            if not wait(running, _AGAIN_S).not_done:
                return

    def _let_go(self, made: str, connection: duckdb.DuckDBPyConnection) -> None:
        for name, readers in self._readers.items():
            if made in readers:
                readers.remove(made)
                if not readers:
                    connection.execute(f"drop table {name}")


def _make(connection: duckdb.DuckDBPyConnection, model: Model, made: Made | None, still_right: StillRight) -> None:
    kept = still_right(connection, model)
    kind = "table" if model.is_table and kept is None else "view"
    connection.execute(f"create or replace {kind} {model.name} as {kept or model.select}")
    if made is not None:
        made(connection, model)


def _urgency(models: Sequence[Model]) -> dict[str, int]:
    """Return how many tables stand one behind the other on the longest way from each of `models` to the last."""
    urgency = {model.name: 0 for model in models}
    for model in reversed(models):
        behind = urgency[model.name] + model.is_table
        for name in model.reads:
            if name in urgency:
                urgency[name] = max(urgency[name], behind)
    return urgency


def _from_the_last(models: Sequence[Model]) -> dict[str, int]:
    return {model.name: -number for number, model in enumerate(models)}
