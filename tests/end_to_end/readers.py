"""Readers that count the rows of soil readings while others add and merge files, and know which answers cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from ingest.lake.layout import DataFolder
from tests.end_to_end.running import COUNTS, asked, plain

_TRIES_OF_A_GLOB = 5


class Reader:
    """Asks over and over; `at_once` rows come with each commit, so that a part of one is known.

    answers: how many it got
    failed: for a file that was swapped away before it was opened, which is no wrong answer
    missed: a swap, asked again and right then
    wrong: what was answered that cannot be
    """

    def __init__(self, ask: Callable[[], list[tuple[Any, ...]]], at_once: int, tries: int) -> None:
        """Take what answers with the number of rows and of different ones, and how often it may be asked for one."""
        self.answers = self.failed = self.missed = 0
        self.wrong: list[str] = []
        self._ask, self._at_once, self._tries = ask, at_once, tries
        self._most = 0

    def look(self) -> None:
        """Ask once, and again while rows are missing that were there before. Raises: what asking does."""
        for _ in range(self._tries):
            try:
                ((rows, distinct),) = self._ask()
            except duckdb.IOException:
                self.failed += 1
                return
            self.answers += 1
            if rows != distinct or rows % self._at_once:
                self.wrong.append(f"{rows} rows, {distinct} of them different")
            if rows >= self._most:
                self._most = rows
                return
            self.missed += 1
        self.wrong.append(f"{self._tries} times fewer rows than before: {rows} after {self._most}")


def our_reader(folder: DataFolder, at_once: int) -> Reader:
    """Return one that asks as `greensward sql` does: nothing may be missing, ever."""
    return Reader(lambda: asked(folder, COUNTS + "soil_readings"), at_once, tries=1)


def plain_glob(folder: DataFolder, at_once: int) -> Reader:
    """Return one that asks as somebody without Greensward does.

    DuckDB looks at each name again after listing, and leaves out what a swap took away in between (decision 4): now and
    then it misses files, whole ones, for that moment.
    """
    return Reader(lambda: plain(folder, COUNTS + "lake"), at_once, _TRIES_OF_A_GLOB)
