"""Merging files never changes an answer, not even for a reader in the middle of it."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.lake import durable, write
from ingest.lake.compact import compact_lake, compact_partition
from ingest.lake.durable import write_new_file
from ingest.lake.files import partition_files, read_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake, retrying
from ingest.lake.tables import table
from ingest.lake.write import to_arrow, write_rows
from ingest.site import BEICHEN
from tests.lake.rows import NOON, soil, soil_row

SOIL = table("soil_readings")
DAY = NOON.date()


def fill(folder: DataFolder, files: int) -> None:
    for n in range(files):
        write_rows(folder, SOIL, DAY, soil(soil_row(n, message_seq=n)), f"part-{n}-{n}")


def aged(folder: DataFolder, seconds: float) -> None:
    """Let all files of the day have been written so long ago."""
    for path in partition_files(folder, SOIL, DAY):
        os.utime(path, (time.time() - seconds,) * 2)


def rows_and_instants(folder: DataFolder) -> tuple[int, int]:
    with open_lake(folder, BEICHEN) as lake:
        (counted,) = lake.execute("select count(*), count(distinct measured_at) from soil_readings").fetchall()
    return counted[0], counted[1]


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


def test_a_file_that_goes_while_others_are_looked_at_costs_them_no_round(folder: DataFolder) -> None:
    """As by a seal that sets it aside as damaged between two parts of a merge."""
    fill(folder, 4)
    first = partition_files(folder, SOIL, DAY)[0]
    assert compact_partition(folder, SOIL, DAY, more_than=1, turned=lambda: first.unlink(missing_ok=True)) == 3
    assert rows_and_instants(folder) == (3, 3)


def test_each_file_is_looked_into_once_however_many_there_are(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 1)
    (file,) = partition_files(folder, SOIL, DAY)
    for n in range(600):
        (file.parent / f"part-1-{n}-{file.name.rpartition('-')[2]}").hardlink_to(file)
    looked: list[Path] = []
    read = pq.read_metadata

    def look(path: Path) -> pq.FileMetaData:
        looked.append(path)
        return read(path)

    monkeypatch.setattr(pq, "read_metadata", look)
    for _ in range(2):
        assert compact_partition(folder, SOIL, DAY, more_than=1, min_free_bytes=1 << 60) == 0
    assert sorted(looked) == partition_files(folder, SOIL, DAY)


def test_our_reader_is_right_while_a_day_is_swapped_again_and_again(folder: DataFolder) -> None:
    fill(folder, 6)
    yesterday = soil_row(-24 * 60)
    write_rows(folder, SOIL, DAY - timedelta(days=1), soil(yesterday), "part-1000-1000")
    done = threading.Event()
    seen: list[int] = []

    def churn() -> None:
        n = 6
        while n < 66 or len(seen) <= 5:
            write_rows(folder, SOIL, DAY, soil(soil_row(0, message_seq=n)), f"part-{n}-{n}")
            compact_partition(folder, SOIL, DAY, more_than=1)
            n += 1
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


def test_a_large_file_is_written_again_only_once_nothing_more_comes_for_its_day(folder: DataFolder) -> None:
    many = [soil_row(n / 10, message_seq=n, bulk_ec_ds_m=n / 7) for n in range(5000)]
    write_rows(folder, SOIL, DAY, soil(*many), "part-0-4999")
    (large,) = partition_files(folder, SOIL, DAY)
    for n in range(5000, 5004):
        write_rows(folder, SOIL, DAY, soil(soil_row(n / 10, message_seq=n)), f"part-{n}-{n}")
    later = DAY + timedelta(days=40)
    aged(folder, 601)
    assert list(compact_lake(folder, later, more_than=24, settled_s=600)) == [("soil_readings", DAY, 4)]
    assert large in partition_files(folder, SOIL, DAY)
    assert rows_and_instants(folder) == (5004, 5004)
    aged(folder, 601)
    assert list(compact_lake(folder, later, more_than=24, settled_s=600)) == []
    aged(folder, 86_401)
    assert list(compact_lake(folder, later, more_than=24, settled_s=600)) == [("soil_readings", DAY, 2)]
    assert len(partition_files(folder, SOIL, DAY)) == 1
    assert rows_and_instants(folder) == (5004, 5004)


def test_what_is_merged_at_once_is_measured_before_compression(folder: DataFolder) -> None:
    refused = table("rejected")
    row = {"received_at": NOON, "topic": "t", "scope": "message", "pointer": "", "code": "x", "faults_json": "[]"}
    row |= {"payload_sha256": "0", "software_version": "1"}
    for n in range(6):
        write_rows(
            folder,
            refused,
            DAY,
            to_arrow(refused, [row | {"message_seq": n, "payload": bytes(100_000)}]),
            f"part-{n}-{n}",
        )
    assert all(path.stat().st_size < 10_000 for path in partition_files(folder, refused, DAY))
    assert compact_partition(folder, refused, DAY, more_than=1, merge_bytes=250_000) == 2


def test_a_payload_that_an_earlier_version_wrote_once_weighs_as_often_as_it_is_there(folder: DataFolder) -> None:
    raw = table("raw_messages")
    row = {"received_at": NOON, "topic": "t", "payload": bytes(100_000), "redelivered": False, "retained": False}
    row |= {"outcome": "rejected", "rows_stored": 0, "rows_duplicate": 0, "rows_rejected": 1}
    for n in range(0, 200, 40):
        rows = to_arrow(raw, [row | {"message_seq": n + one} for one in range(40)])

        def as_before(sink: object, rows: pa.Table = rows) -> None:
            pq.write_table(rows, pa.PythonFile(sink, mode="w"))

        write_new_file(folder.staging, folder.partition(raw.name, DAY), f"part-{n}-{n + 39}", ".parquet", as_before)
    assert compact_partition(folder, raw, DAY, more_than=1, merge_bytes=10_000_000) == 2


def test_a_wrong_byte_that_parquet_does_not_notice_never_gets_a_right_hash(folder: DataFolder) -> None:
    fill(folder, 4)
    bad = partition_files(folder, SOIL, DAY)[0]
    whole = bad.read_bytes()
    assert whole.count(b"parquet-cpp") == 1
    bad.write_bytes(whole.replace(b"parquet-cpp", b"parquet-cpq"))
    read_files(SOIL, [bad])
    compact_partition(folder, SOIL, DAY, more_than=1)
    assert [path.name for path in folder.damaged.rglob("*.parquet")] == [bad.name]
    with open_lake(folder, BEICHEN) as lake:
        assert lake.execute("select count(*) from soil_readings").fetchall() == [(3,)]


def test_the_unit_stays_with_the_water_content_and_a_quarantine_with_the_row(folder: DataFolder) -> None:
    warmth = soil_row(0, volumetric_water_content=None, soil_temperature_c=18.5, quarantine="clocks_apart")
    write_rows(folder, SOIL, DAY, soil(warmth), "part-1-1")
    write_rows(folder, SOIL, DAY, soil(soil_row(0, message_seq=2, unit_received="%")), "part-2-2")
    compact_partition(folder, SOIL, DAY, more_than=1)
    with open_lake(folder, BEICHEN) as lake:
        rows = lake.execute("select unit_received, quarantine, message_seq from soil_readings").fetchall()
    assert rows == [("%", "clocks_apart", 1)]


def test_a_swapped_folder_is_on_disk_before_and_its_name_after(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 4)
    done: list[str] = []
    real_fsync, real_swap = os.fsync, durable._libc.renameat2

    def note_fsync(descriptor: int) -> None:
        real_fsync(descriptor)
        done.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink()}")

    class Noting:
        def renameat2(self, at: int, staged: bytes, to: int, target: bytes, flags: int) -> int:
            done.append(f"swap {os.fsdecode(staged)} {flags}")
            return int(real_swap(at, staged, to, target, flags))

    monkeypatch.setattr(os, "fsync", note_fsync)
    assert durable.can_exchange(folder.staging)
    monkeypatch.setattr(durable, "_libc", Noting())
    compact_partition(folder, SOIL, DAY, more_than=1)
    (swap,) = [place for place, what in enumerate(done) if what.startswith("swap")]
    _, staged, flags = done[swap].split()
    assert flags == "2", "an exchange: a reader sees the old folder or the new one"
    assert f"fsync {staged}" in done[:swap]
    assert f"fsync {folder.table('soil_readings')}" in done[swap:]


def test_a_closed_day_to_which_readings_still_come_is_merged_as_seldom_as_an_open_one(folder: DataFolder) -> None:
    fill(folder, 3)
    later = DAY + timedelta(days=40)
    assert list(compact_lake(folder, later, more_than=4, settled_s=600)) == []
    aged(folder, 601)
    assert list(compact_lake(folder, later, more_than=4, settled_s=600)) == [("soil_readings", DAY, 3)]


def test_merged_rows_of_several_row_groups_keep_their_order(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "_ROW_GROUP_ROWS", 3)
    for n in (7, 2, 9, 4, 0, 5, 8, 1, 6, 3):
        write_rows(folder, SOIL, DAY, soil(soil_row(n, message_seq=n)), f"part-{n}-{n}")
    compact_partition(folder, SOIL, DAY, more_than=1)
    (merged,) = partition_files(folder, SOIL, DAY)
    assert pq.read_metadata(merged).num_row_groups == 4
    assert read_files(SOIL, [merged])["message_seq"].to_pylist() == list(range(10))
