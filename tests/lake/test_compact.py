"""Merging files never changes an answer, not even for a reader in the middle of it."""

from __future__ import annotations

import threading
from datetime import timedelta

from ingest.lake.compact import compact_lake, compact_partition
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake, partition_files, retrying
from ingest.lake.tables import table
from ingest.lake.write import write_rows
from ingest.site import BEICHEN
from tests.lake.rows import NOON, soil, soil_row

SOIL = table("soil_readings")
DAY = NOON.date()


def fill(folder: DataFolder, files: int) -> None:
    for n in range(files):
        write_rows(folder, SOIL, DAY, soil(soil_row(n, message_seq=n)), f"part-{n}-{n}")


def test_many_small_files_become_one_with_the_same_rows(folder: DataFolder) -> None:
    fill(folder, 8)
    assert compact_partition(folder, SOIL, DAY, more_than=4) == 8
    assert len(partition_files(folder, SOIL, DAY)) == 1
    with open_lake(folder, BEICHEN) as lake:
        counted = lake.execute("select count(*), count(distinct measured_at) from soil_readings").fetchall()
    assert counted == [(8, 8)]
    assert list(folder.staging.iterdir()) == []
    assert len(list(folder.trash.iterdir())) == 1, "a reader may still be listing the old folder"


def test_few_files_are_left_alone_today_and_merged_once_the_day_is_closed(folder: DataFolder) -> None:
    fill(folder, 3)
    assert list(compact_lake(folder, DAY, more_than=4)) == []
    assert list(compact_lake(folder, DAY + timedelta(days=2), more_than=4)) == [("soil_readings", DAY, 3)]
    assert list(compact_lake(folder, DAY + timedelta(days=2), more_than=4)) == []


def test_halves_of_a_reading_from_two_files_become_one_row(folder: DataFolder) -> None:
    write_rows(folder, SOIL, DAY, soil(soil_row(0)), "part-1-1")
    warmth = soil_row(0, message_seq=2, volumetric_water_content=None, soil_temperature_c=18.5)
    write_rows(folder, SOIL, DAY, soil(warmth), "part-2-2")
    compact_partition(folder, SOIL, DAY, more_than=1)
    with open_lake(folder, BEICHEN) as lake:
        rows = lake.execute("select volumetric_water_content, soil_temperature_c from soil_readings").fetchall()
    assert rows == [(0.2, 18.5)]


def test_a_damaged_file_does_not_stop_compaction_and_its_neighbours_survive(folder: DataFolder) -> None:
    fill(folder, 4)
    bad = partition_files(folder, SOIL, DAY)[0]
    bad.write_bytes(bad.read_bytes()[:-20])
    assert compact_partition(folder, SOIL, DAY, more_than=2) == 3
    with open_lake(folder, BEICHEN) as lake:
        assert lake.execute("select count(*) from soil_readings").fetchall() == [(3,)]


def test_our_reader_is_right_while_a_day_is_swapped_again_and_again(folder: DataFolder) -> None:
    fill(folder, 6)
    yesterday = soil_row(-24 * 60)
    write_rows(folder, SOIL, DAY - timedelta(days=1), soil(yesterday), "part-1000-1000")
    done = threading.Event()
    seen: list[int] = []

    def churn() -> None:
        for n in range(6, 66):
            write_rows(folder, SOIL, DAY, soil(soil_row(0, message_seq=n)), f"part-{n}-{n}")
            compact_partition(folder, SOIL, DAY, more_than=1)
        done.set()

    writer = threading.Thread(target=churn)
    writer.start()

    def count() -> int:
        with open_lake(folder, BEICHEN) as lake:
            return int(lake.execute("select count(distinct measured_at) from soil_readings").fetchall()[0][0])

    while not done.is_set():
        seen.append(retrying(folder, count))
    writer.join()
    assert set(seen) == {7}
    assert len(seen) > 5
