"""Files are merged in the table's order, in as much memory as the setting says, whatever the size of the day."""

from __future__ import annotations

import errno
import gc
import hashlib
import io
import math
import os
import random
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ingest.errors import StoreError
from ingest.lake import compact, durable, merge, spans
from ingest.lake.compact import _chosen, _File, compact_partition
from ingest.lake.files import partition_files, read_files
from ingest.lake.layout import DataFolder
from ingest.lake.merge import rows_in_order
from ingest.lake.spans import files_within
from ingest.lake.tables import table
from ingest.lake.write import columns_to_arrow, to_arrow, write_rows
from tests.lake.rows import NOON, soil, soil_row

SOIL = table("soil_readings")
RAW = table("raw_messages")
DAY = NOON.date()
ROUNDS = 144


def probes(count: int, rounds: range, first_seq: int = 0) -> pa.Table:
    """Return readings of two depths every ten minutes, with the resolution and the delays of real ones."""
    chance = np.random.default_rng(rounds.start)
    device, at_round = (part.ravel() for part in np.meshgrid(np.arange(count), np.array(rounds), indexing="ij"))
    noon_us = int(NOON.timestamp()) * 1_000_000
    measured = noon_us + (at_round * 600 + device % 600 + chance.integers(-5, 6, device.size)) * 1_000_000
    received = measured + chance.integers(500_000, 5_000_000, device.size)
    seq = first_seq + np.argsort(np.argsort(received))
    both, depth = np.repeat(np.arange(device.size), 2), np.tile([10.0, 30.0], device.size)
    water = np.round(0.18 + device[both] % 90 / 1_000 + chance.normal(0, 0.002, both.size), 3)
    columns = {
        "device_id": pa.array([f"gs-{number:05}" for number in device[both]]),
        "depth_cm": pa.array(depth),
        "measured_at": pa.array(measured[both], pa.timestamp("us", "UTC")),
        "received_at": pa.array(received[both], pa.timestamp("us", "UTC")),
        "volumetric_water_content": pa.array(water),
        "soil_temperature_c": pa.array(np.round(22 + chance.normal(0, 0.15, both.size), 1)),
        "bulk_ec_ds_m": pa.array(np.round(0.2 + water / 2 + chance.normal(0, 0.01, both.size), 2)),
        "time_source": pa.array(["device"] * both.size),
        "message_seq": pa.array(seq[both]),
    }
    return columns_to_arrow(SOIL, columns, both.size)


def fill(folder: DataFolder, devices: int, files: int) -> int:
    """Write a day in so many files; return its rows."""
    rows = 0
    for begin in range(0, ROUNDS, ROUNDS // files):
        some = probes(devices, range(begin, begin + ROUNDS // files), rows)
        write_rows(folder, SOIL, DAY, some, f"part-{rows}-{rows + some.num_rows}")
        rows += some.num_rows
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_any_files_are_merged_as_if_all_had_been_sorted_at_once(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Against Arrow's own sorting: nulls, NaN, halves of readings, columns and whole files that are not there."""
    monkeypatch.setattr(merge, "_LEAST_ROWS", 2)
    chance = random.Random(seed)
    halves = ({"volumetric_water_content": None, "soil_temperature_c": 18.5}, {"soil_temperature_c": None})
    seq = 0
    expected = set()
    for _ in range(chance.randint(2, 6)):
        rows = []
        for _ in range(chance.choice([1, 3, 40, 150])):
            seq += 1
            key = {
                "device_id": chance.choice(["gs-1", "gs-2", "gs-\u6d4b", "gs-\U0001f331"]),
                "channel": chance.choice([None, 1, 2]),
                "depth_cm": chance.choice([None, math.nan, -0.0, 0.0, 10.0]),
            }
            row = soil_row(chance.randrange(60), **key, **chance.choice(halves), message_seq=seq)
            told = tuple(str(0.0 if row[name] == 0 else row[name]) for name in SOIL.key)
            if (told, row["soil_temperature_c"]) not in expected:
                expected.add((told, row["soil_temperature_c"]))
                rows.append(row)
        if rows:
            write_rows(folder, SOIL, DAY, soil(*rows), f"part-{seq}-{seq}")
    paths = partition_files(folder, SOIL, DAY)
    merged = pa.concat_tables(rows_in_order(SOIL, paths, 1))
    assert merged.schema.equals(SOIL.schema)
    order = pc.sort_indices(merged, [(name, "ascending") for name in SOIL.sort_by])
    assert order.to_pylist() == list(range(merged.num_rows))
    assert merged.num_rows == len({key for key, _ in expected}), "halves are one row"
    for name, held in (("volumetric_water_content", 0.2), ("soil_temperature_c", 18.5)):
        brought = {key for key, warmth in expected if (warmth is None) == (name == "volumetric_water_content")}
        assert pc.sum(pc.equal(merged[name], held)).as_py() == len(brought)


@contextmanager
def measured() -> Iterator[pa.MemoryPool]:
    """Yield what says how much memory Arrow takes inside the block."""
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    try:
        yield pool
    finally:
        pa.set_memory_pool(before)


def stuck(number: int) -> pa.Table:
    """Return the messages of a gateway that sends a payload of 100 kB again and again, 2 MB in all."""
    row = {"received_at": NOON, "topic": "t", "redelivered": False, "retained": False, "outcome": "stored"}
    row |= {"rows_stored": 1, "rows_duplicate": 0, "rows_rejected": 0, "payload": random.Random(1).randbytes(100_000)}
    return to_arrow(RAW, [row | {"message_seq": seq} for seq in range(20 * number, 20 * number + 20)])


def test_a_payload_that_is_repeated_counts_as_often_as_it_is_there(folder: DataFolder) -> None:
    """A file that held it once looked like 100 kB, and a day of it like nothing: its merge took gigabytes."""
    merge_bytes = 8_000_000
    for number in range(24):
        write_rows(folder, RAW, DAY, stuck(number), f"part-{20 * number}-{20 * number + 19}")
    with measured() as pool:
        while compact_partition(folder, RAW, DAY, more_than=1, merge_bytes=merge_bytes):
            pass
    files = partition_files(folder, RAW, DAY)
    assert all(read_files(RAW, [path]).nbytes < 1.1 * merge_bytes for path in files)
    assert pool.max_memory() < 4 * merge_bytes
    assert sum(pq.read_metadata(path).num_rows for path in files) == 480


def test_a_long_text_that_a_file_holds_once_is_not_in_memory_for_all_its_rows(tmp_path: Path) -> None:
    """As files of earlier versions hold payloads, and any file the topics of a sender who sends long ones."""
    in_order = pq.SortingColumn.from_ordering(RAW.schema, [(name, "ascending") for name in RAW.sort_by])
    paths = [tmp_path / f"{number}.parquet" for number in range(24)]
    for number, path in enumerate(paths):
        pq.write_table(stuck(number), path, sorting_columns=in_order)
    rows_bytes = 2_000_000
    with measured() as pool:
        seen = [seq for part in rows_in_order(RAW, paths, rows_bytes) for seq in part["message_seq"].to_pylist()]
    assert seen == list(range(480))
    assert pool.max_memory() < 8 * rows_bytes, "some of 48 MB"


def test_a_day_of_any_size_becomes_one_file_in_order_within_the_memory_of_the_setting(folder: DataFolder) -> None:
    """Twice the rows take no more memory, and both are many times what the setting allows."""
    merge_bytes = 1_000_000
    taken = []
    for devices in (300, 600):
        rows = fill(folder, devices, files=2)
        size = read_files(SOIL, partition_files(folder, SOIL, DAY)).nbytes
        with measured() as pool:
            assert compact_partition(folder, SOIL, DAY, more_than=1, merge_bytes=merge_bytes) == 2
        taken.append(pool.max_memory())
        (merged,) = partition_files(folder, SOIL, DAY)
        told = read_files(SOIL, [merged])
        assert told.num_rows == rows
        assert told.equals(merge.sorted_rows(SOIL, told))
        shutil.rmtree(merged.parent)
        assert size > 10 * merge_bytes
    assert max(taken) < 3 * merge_bytes
    assert taken[1] < 1.2 * taken[0]


def test_a_reading_takes_less_than_six_bytes_once_its_day_is_one_file(folder: DataFolder) -> None:
    rows = fill(folder, 150, files=8)
    compact_partition(folder, SOIL, DAY, more_than=1)
    (merged,) = partition_files(folder, SOIL, DAY)
    assert merged.stat().st_size / rows < 6


def test_files_of_an_earlier_version_are_merged_while_they_are_small(folder: DataFolder) -> None:
    """They do not say whether they are in order, and must be read whole."""
    partition = folder.partition("soil_readings", DAY)
    partition.mkdir(parents=True)
    rows = probes(40, range(50))
    for part in range(2):
        unsorted = rows.slice(part * 2_000, 2_000).take(pa.array(np.random.default_rng(1).permutation(2_000)))
        pq.write_table(unsorted, _named(partition, f"part-{part}-{part}", unsorted))
    large = probes(300, range(100))
    pq.write_table(large, _named(partition, "part-9-9", large))
    assert compact_partition(folder, SOIL, DAY, more_than=1, merge_bytes=1_000_000) == 2
    assert compact_partition(folder, SOIL, DAY, more_than=1, merge_bytes=1_000_000) == 0
    merged, left = partition_files(folder, SOIL, DAY)
    assert left.name.startswith("part-9-9")
    assert read_files(SOIL, [merged]).equals(merge.sorted_rows(SOIL, rows))


def test_a_file_of_no_rows_is_merged_away(folder: DataFolder) -> None:
    """As an export of nothing is."""
    partition = folder.partition("soil_readings", DAY)
    partition.mkdir(parents=True)
    empty = SOIL.schema.empty_table()
    pq.write_table(empty, _named(partition, "part-0-0", empty))
    rows = fill(folder, 3, files=2)
    assert compact_partition(folder, SOIL, DAY, more_than=1) == 3
    (merged,) = partition_files(folder, SOIL, DAY)
    assert pq.read_metadata(merged).num_rows == rows


def _named(partition: Path, stem: str, rows: pa.Table) -> Path:
    """Return the name that the file of these rows has in a lake."""
    written = io.BytesIO()
    pq.write_table(rows, written)
    return partition / f"{stem}-{hashlib.sha256(written.getvalue()).hexdigest()[:32]}.parquet"


@pytest.mark.parametrize("uneven", [0, 40, 990])
def test_a_row_is_written_again_no_more_often_than_its_file_can_grow_by_half(uneven: int) -> None:
    """A thousand seals of `uneven` thousandths more or less than usual, by the choice alone."""
    chance = random.Random(1)
    files: dict[str, int] = {}
    written, sealed, more_than, smallest = 0, 0, 8, 1_000 - uneven
    for n in range(1_000):
        sealed += (size := chance.randint(1_000 - uneven, 1_000 + uneven))
        files[f"part-{n}"] = size
        known = [_File(name, size, size, is_in_order=True) for name, size in files.items()]
        chosen = _chosen(SOIL, known, more_than, 1 << 40, 1 << 40, is_at_rest=False)
        if chosen:
            files[f"merged-{n}"] = (merged := sum(files.pop(name) for name in chosen))
            written += merged
        assert len(files) <= more_than + 4
    assert written <= sealed * math.log(sealed / smallest, 1.5)
    assert sum(files.values()) == sealed


def test_what_is_kept_of_each_file_of_a_day_takes_half_a_kilobyte_and_goes_with_it(folder: DataFolder) -> None:
    """Of a seal every two seconds files come to hundreds: what they span and what they weigh."""
    fill(folder, 3, files=1)
    (first,) = partition_files(folder, SOIL, DAY)
    keep_what_is_known_of(folder)
    names = [f"part-{number:012}-{number + 39:012}-{number:032x}.parquet" for number in range(200)]
    for name in names:
        first.with_name(name).hardlink_to(first)
    tracemalloc.start()
    try:
        kept_bytes = keep_what_is_known_of(folder)
        for name in names:
            first.with_name(name).unlink()
        left_bytes = keep_what_is_known_of(folder)
    finally:
        tracemalloc.stop()
    assert kept_bytes < len(names) * 600
    assert left_bytes < kept_bytes / 2, "the tables of names stay as large as they were"


def test_of_files_that_were_merged_nothing_is_kept_even_where_nobody_looks_at_their_day_again(
    folder: DataFolder,
) -> None:
    fill(folder, 3, files=12)
    paths = partition_files(folder, SOIL, DAY)
    keep_what_is_known_of(folder)
    assert compact_partition(folder, SOIL, DAY, more_than=1) == len(paths)
    partition = str(paths[0].parent)
    assert not compact._known(partition)
    assert not spans._known(partition, "measured_at")


def test_a_day_whose_files_others_take_away_one_after_the_other_is_left_for_another_time(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And put others there, so that there are always some to be merged."""
    fill(folder, 3, files=12)
    taken: list[Path] = []

    def take_one(_: DataFolder, paths: list[Path]) -> list[str]:
        assert len(taken) < 300, "it goes on for ever"
        if paths[0].exists():
            paths[0].rename(paths[0].with_name(f"part-0-0-{len(taken):032x}.parquet"))
            taken.append(paths[0])
        return []

    monkeypatch.setattr(compact, "set_aside_damaged", take_one)
    assert compact_partition(folder, SOIL, DAY, more_than=1) == 0
    assert len(partition_files(folder, SOIL, DAY)) == 12
    assert taken


def keep_what_is_known_of(folder: DataFolder) -> int:
    """Let the files be looked at as a seal and a merge do; return how many bytes are taken since tracing began."""
    files = partition_files(folder, SOIL, DAY)
    files_within(files, "measured_at", (NOON, NOON))
    compact._weighed(SOIL, files)
    del files
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_messages_of_an_open_day_are_merged_although_not_all_of_its_files_fit_one_merge(folder: DataFolder) -> None:
    """Whoever replays a message reads its file as a whole, so that these stay small."""
    row = {"received_at": NOON, "topic": "t", "redelivered": False, "retained": False, "outcome": "stored"}
    row |= {"rows_stored": 1, "rows_duplicate": 0, "rows_rejected": 0}
    noise = random.Random(1)
    for n in range(12):
        rows = [row | {"message_seq": n, "payload": noise.randbytes(750_000), "software_version": "1"}]
        write_rows(folder, RAW, DAY, to_arrow(RAW, rows), f"part-{n}-{n}")
    merged = []
    while found := compact_partition(folder, RAW, DAY, more_than=4, merge_bytes=3_000_000, is_at_rest=False):
        merged.append(found)
    assert merged == [2, 2, 2, 2]
    assert len(partition_files(folder, RAW, DAY)) == 8


def test_what_somebody_else_replaced_while_it_was_merged_does_not_come_back(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 3, files=4)
    theirs = partition_files(folder, SOIL, DAY)[0]

    def replaced_meanwhile(*given: Any) -> Iterator[pa.Table]:
        for part in rows_in_order(*given):
            theirs.unlink(missing_ok=True)
            yield part

    monkeypatch.setattr(compact, "rows_in_order", replaced_meanwhile)
    before = partition_files(folder, SOIL, DAY)
    assert compact_partition(folder, SOIL, DAY, more_than=1) == 0
    assert partition_files(folder, SOIL, DAY) == before[1:]
    assert list(folder.staging.iterdir()) == []


def test_a_reading_that_comes_while_its_day_is_merged_is_there_afterwards(folder: DataFolder) -> None:
    rows = fill(folder, 3, files=4)
    came: list[Path] = []

    def meanwhile() -> None:
        if not came:
            came.append(write_rows(folder, SOIL, DAY, soil(soil_row(5, message_seq=9_999)), "part-9999-9999"))

    assert compact_partition(folder, SOIL, DAY, more_than=1, turned=meanwhile) == 4
    assert came[0] in partition_files(folder, SOIL, DAY)
    assert read_files(SOIL, partition_files(folder, SOIL, DAY)).num_rows == rows + 1


def test_a_merge_that_fails_leaves_nothing_behind(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder, 3, files=4)
    before = partition_files(folder, SOIL, DAY)

    def broken(*_: object) -> None:
        raise pa.ArrowInvalid("a page is wrong")

    monkeypatch.setattr(merge, "sorted_rows", broken)
    with pytest.raises(StoreError, match="soil_readings: a page is wrong"):
        compact_partition(folder, SOIL, DAY, more_than=1)
    assert partition_files(folder, SOIL, DAY) == before
    assert list(folder.staging.iterdir()) == []


def _linking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a kept file belongs to somebody else."""

    def refused(path: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path), None, str(target))

    monkeypatch.setattr(Path, "hardlink_to", refused)


def _linking_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fills up meanwhile."""
    tried: list[Path] = []
    real = Path.hardlink_to

    def full(path: Path, target: Path) -> None:
        tried.append(path)
        if len(tried) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        real(path, target)

    monkeypatch.setattr(Path, "hardlink_to", full)


def _swapping(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(one: Path, other: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(one), None, str(other))

    monkeypatch.setattr(durable, "_exchange", broken)


@pytest.mark.parametrize("break_by", [_linking, _linking_in_the_end, _swapping])
def test_a_merge_that_fails_at_the_swap_leaves_nothing_behind(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, break_by: Callable[[pytest.MonkeyPatch], None]
) -> None:
    fill(folder, 3, files=4)
    write_rows(folder, SOIL, DAY, probes(60, range(ROUNDS)), "part-9-9")
    before = partition_files(folder, SOIL, DAY)
    assert durable.can_exchange(folder.staging)
    break_by(monkeypatch)
    with pytest.raises(StoreError):
        compact_partition(folder, SOIL, DAY, more_than=1, is_at_rest=False)
    assert partition_files(folder, SOIL, DAY) == before
    assert list(folder.staging.iterdir()) == []


def test_the_old_files_stay_where_it_is_not_sure_that_the_swap_lasts(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut the partition may be the old folder."""
    fill(folder, 3, files=4)
    before = {path.name for path in partition_files(folder, SOIL, DAY)}
    assert durable.can_exchange(folder.staging)
    real = durable.fsync_folder

    def broken(synced: Path) -> None:
        if synced == folder.table("soil_readings"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(synced))
        real(synced)

    monkeypatch.setattr(durable, "fsync_folder", broken)
    with pytest.raises(StoreError, match="swapping"):
        compact_partition(folder, SOIL, DAY, more_than=1)
    (old,) = folder.staging.iterdir()
    assert {path.name for path in old.iterdir()} == before
