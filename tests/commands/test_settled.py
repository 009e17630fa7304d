"""Old days copied into one file a table: what is read stays what the lake has, whatever happens to its files."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from greensward import settled
from greensward.evaluation import judge_to_keep
from greensward.settled import keep_copies, list_with_copies
from ingest.lake.compact import compact_partition
from ingest.lake.files import partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import Listed, open_lake
from ingest.lake.tables import all_tables, table
from ingest.lake.write import to_arrow, write_rows
from ingest.site import BEICHEN
from tests.sql.made_lake import AS_OF, MadeLake
from tests.sql.stored_lake import store

TODAY = BEICHEN.local_date(AS_OF)
NAME = "issue_events"
_ALL_OTHERS = {name for name in all_tables() if name != NAME}


def put(folder: DataFolder, days_ago: int, event_id: str) -> Path:
    at = AS_OF - timedelta(days=days_ago)
    row = {
        "event_id": event_id,
        "issue_id": "I",
        "plot_id": "P",
        "cause": "drought",
        "kind": "done",
        "detail_json": "{}",
    }
    rows = to_arrow(table(NAME), [row | {"happened_at": at, "actor": "a"}])
    return write_rows(folder, table(NAME), BEICHEN.local_date(at), rows, "events")


def rows(folder: DataFolder, listed: dict[str, Listed] | None) -> list[tuple[Any, ...]]:
    with open_lake(folder, BEICHEN, listed=listed) as lake:
        return lake.execute(f"select * from {NAME} order by event_id, date").fetchall()


def seen(folder: DataFolder) -> Listed:
    """Return what the table is read from, having seen that its rows are those of the files of the lake."""
    listed = list_with_copies(folder, _ALL_OTHERS)
    assert rows(folder, listed) == rows(folder, None)
    return listed[NAME]


@pytest.fixture
def history(folder: DataFolder) -> DataFolder:
    """Twenty days with a file each, of which seventeen are old, and a copy of these."""
    for days_ago in range(20):
        put(folder, days_ago, f"{days_ago:02d}")
    assert seen(folder).copy is None
    keep_copies(folder, list_with_copies(folder, _ALL_OTHERS), TODAY)
    return folder


def test_old_days_are_read_from_one_file_and_new_days_from_their_own(history: DataFolder) -> None:
    listed = seen(history)
    assert listed.copy is not None
    assert (len(listed.copied), len(listed.files)) == (17, 3)
    with open_lake(history, BEICHEN, listed={NAME: listed}) as lake:
        found = lake.execute(f"select event_id from {NAME} where date = ?", [TODAY - timedelta(days=10)]).fetchall()
    assert found == [("10",)]


def test_what_comes_late_is_seen_and_what_is_taken_away_is_not(history: DataFolder) -> None:
    late = put(history, 12, "late")
    listed = seen(history)
    assert listed.copy is not None
    assert str(late) in listed.files
    late.unlink()
    copied = min(listed.copied)
    Path(copied).unlink()
    assert seen(history).copy is None
    assert len(rows(history, None)) == 19


def test_days_that_are_merged_are_copied_again(history: DataFolder) -> None:
    put(history, 12, "late")
    compact_partition(history, table(NAME), TODAY - timedelta(days=12), 1)
    assert seen(history).copy is None
    keep_copies(history, list_with_copies(history, _ALL_OTHERS), TODAY)
    assert seen(history).copy is not None
    assert len(list(history.settled.iterdir())) == 1


def test_a_copy_grows_by_a_week_at_a_time(history: DataFolder) -> None:
    first = seen(history).copy
    for days_later in range(1, 9):
        put(history, -days_later, f"later {days_later}")
    for later, copies_again in ((7, False), (8, True)):
        keep_copies(history, list_with_copies(history, _ALL_OTHERS), TODAY + timedelta(days=later))
        assert (seen(history).copy != first) == copies_again


@pytest.mark.parametrize("damage", ["a byte", "the end", "everything"])
def test_a_copy_that_was_changed_is_not_used(history: DataFolder, damage: str) -> None:
    (copy,) = history.settled.iterdir()
    content = bytearray(copy.read_bytes())
    content[40] ^= 1  # in the first page: the footer looks well
    copy.write_bytes({"a byte": bytes(content), "the end": copy.read_bytes()[:-9], "everything": b""}[damage])
    assert seen(history).copy is None
    keep_copies(history, list_with_copies(history, _ALL_OTHERS), TODAY)
    assert seen(history).copy is not None


def test_a_copy_of_a_version_with_other_columns_is_not_used(
    history: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = table(NAME)
    more = dataclasses.replace(spec.columns[0], name="newer", required=False)
    tables = all_tables() | {NAME: dataclasses.replace(spec, columns=(*spec.columns, more))}
    monkeypatch.setattr(settled, "all_tables", lambda: tables)
    assert list_with_copies(history, _ALL_OTHERS)[NAME].copy is None


def test_a_file_under_a_name_of_its_own_is_read_itself_for_it_may_change(history: DataFolder) -> None:
    by_hand = history.partition(NAME, TODAY - timedelta(days=15)) / "by-hand.parquet"
    (of_day,) = partition_files(history, table(NAME), TODAY - timedelta(days=15))
    of_another = pq.read_table(of_day, partitioning=None)
    for event_id in ("by hand", "changed"):
        pq.write_table(of_another.set_column(0, "event_id", pa.array([event_id])), by_hand)
        for copy in history.settled.iterdir():
            copy.unlink()
        keep_copies(history, list_with_copies(history, _ALL_OTHERS), TODAY)
        assert str(by_hand) in seen(history).files
        assert event_id in {row[0] for row in rows(history, list_with_copies(history, _ALL_OTHERS))}


def test_a_file_that_cannot_be_read_leaves_the_table_without_a_copy(history: DataFolder) -> None:
    for copy in history.settled.iterdir():
        copy.unlink()
    (damaged,) = partition_files(history, table(NAME), TODAY - timedelta(days=9))
    damaged.write_bytes(b"PAR1 no more")
    keep_copies(history, list_with_copies(history, _ALL_OTHERS), TODAY)
    assert list(history.settled.glob("*")) == []


def test_an_evaluation_leaves_copies_and_the_next_opens_them(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = MadeLake()
    made.dry_down("dry", [0.22, 0.20, 0.19])
    store(made, folder)
    for days_ago in range(1, 40):
        put(folder, days_ago, f"{days_ago:02d}")
    before = judge_to_keep(folder, BEICHEN, AS_OF)
    asked: list[dict[str, Listed]] = []

    def open_and_tell(of: DataFolder, site: Any, days: Any, listed: dict[str, Listed], names: Any) -> Any:
        asked.append(listed)
        return open_lake(of, site, days, listed, names)

    monkeypatch.setattr("greensward.evaluation.open_lake", open_and_tell)
    assert judge_to_keep(folder, BEICHEN, AS_OF)[0] == before[0]
    assert len(asked[0][NAME].files) == 2
    assert asked[0][NAME].copy is not None
    assert "soil_readings" not in asked[0], "what an evaluation reads of a window has no copy"
