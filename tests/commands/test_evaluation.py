"""Flags and events in the lake while somebody else flags, or files are merged, at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from crews.apply import apply_flags
from crews.flights.lists import FlightLists
from crews.ledger import Ledger
from greensward import evaluation
from greensward.evaluation import evaluate_and_apply, export_events
from ingest.lake import dedupe
from ingest.lake.compact import compact_partition
from ingest.lake.files import partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import Table, table
from ingest.lake.write import to_arrow, write_rows
from ingest.site import BEICHEN
from tests.crews.made import HOUR, NOW, flag, plot

PLOTS = [plot("P0", "绿地", 117.1, 39.2), plot("P1", "花园", 117.2, 39.2)]
FLAGS = table("flags")
NO_STORIES = pa.table({"plot_id": pa.array([], pa.string()), "story_json": pa.array([], pa.string())})
NO_PLATEAUS = table("soil_plateaus").schema.empty_table()


def flags_of(*rows: dict[str, Any]) -> pa.Table:
    return to_arrow(FLAGS, rows)


def counts(folder: DataFolder, name: str, key: str) -> tuple[int, int]:
    with open_lake(folder, BEICHEN) as lake:
        rows, different = lake.execute(f"select count(*), count(distinct ({key})) from {name}").fetchall()[0]
    return rows, different


@pytest.fixture
def both_compare_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each of two writers wait, after its comparison, for the other's; where they take turns, in vain."""
    compare, gate = dedupe.tell_new_from_known, threading.Barrier(2)

    def compare_and_wait(*arguments: Any) -> Any:
        compared = compare(*arguments)
        try:
            gate.wait(1)
        except threading.BrokenBarrierError:
            return compared
        return compared

    monkeypatch.setattr(evaluation, "tell_new_from_known", compare_and_wait)


@pytest.mark.usefixtures("both_compare_first")
def test_an_event_is_in_the_lake_once_though_two_export_at_a_time(folder: DataFolder) -> None:
    folder.root.mkdir()
    with Ledger(folder.ledger, BEICHEN) as ledger:
        apply_flags(ledger, [flag("P0", "drought", NOW), flag("P1", "drought", NOW)], PLOTS, NOW)
        events = len(ledger.events_since(0))

    def export() -> None:
        with Ledger(folder.ledger, BEICHEN) as ledger:
            export_events(folder, BEICHEN, ledger)

    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(export), both.submit(export)]:
            done.result()
    assert events > 0
    assert counts(folder, "issue_events", "event_id") == (events, events)


@pytest.mark.usefixtures("both_compare_first")
def test_a_flag_is_in_the_lake_once_though_two_judge_the_same_instant(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        evaluation,
        "judge_to_keep",
        lambda *_: (flags_of(flag("P0", "drought", NOW)), NO_STORIES, NO_PLATEAUS, [], ([], [])),
    )
    # Of the same flag, the second writer's file would have the same name and be one anyway: let the two differ.
    stems = iter(["first", "second"])

    def write(of: DataFolder, spec: Table, day: date, rows: pa.Table, stem: str) -> Path:
        return write_rows(of, spec, day, rows, f"{stem}-{next(stems, 'more')}")

    monkeypatch.setattr(evaluation, "write_rows", write)
    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(evaluate_and_apply, folder, BEICHEN, NOW, NOW) for _ in range(2)]:
            done.result()
    assert counts(folder, "flags", "as_of, plot_id, cause") == (1, 1)


def test_files_merged_under_the_comparison_end_nothing_and_double_nothing(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = BEICHEN.local_date(NOW)
    for earlier in (2, 1):
        write_rows(folder, FLAGS, day, flags_of(flag("P0", "drought", NOW - earlier * HOUR)), f"flags-{earlier}")
    merged: list[int | None] = []

    def list_then_merge(of: DataFolder, spec: Table, on: date) -> list[Path]:
        listed = partition_files(of, spec, on)
        if spec is FLAGS and not merged:
            merged.append(compact_partition(of, spec, on, 1))
        return listed

    monkeypatch.setattr(dedupe, "partition_files", list_then_merge)
    rows = flags_of(flag("P0", "drought", NOW - HOUR), flag("P0", "drought", NOW))
    monkeypatch.setattr(evaluation, "judge_to_keep", lambda *_: (rows, NO_STORIES, NO_PLATEAUS, [], FlightLists(NOW)))
    evaluate_and_apply(folder, BEICHEN, NOW, NOW)
    assert merged == [2]
    assert counts(folder, "flags", "as_of, plot_id, cause") == (3, 3)
