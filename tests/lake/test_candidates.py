"""Rows that may be the same are found, and no others, however many files and row groups they lie in."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from itertools import combinations
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.errors import StoreError
from ingest.lake.candidates import Candidates, find_candidates
from ingest.lake.files import partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from tests.lake.rows import NOON, soil, soil_row

SOIL = table("soil_readings")
COLUMNS = list(dict.fromkeys((*SOIL.key, *SOIL.also_same, "message_seq")))
SPAN = (NOON, NOON + timedelta(minutes=5))
DAY = NOON.date()


def found(folder: DataFolder, rows: pa.Table) -> Candidates:
    return find_candidates(SOIL, rows, partition_files(folder, SOIL, DAY), SPAN, COLUMNS)


def put(folder: DataFolder, name: str, rows: pa.Table, row_group_size: int) -> None:
    place = folder.partition(SOIL.name, DAY)
    place.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, place / f"{name}.parquet", row_group_size=row_group_size, write_page_checksum=True)


def row(chance: random.Random, seq: int) -> dict[str, Any]:
    """Return one of few readings, so that many are the same by either identity; some lie outside the span."""
    return soil_row(
        chance.randint(-1, 6),
        message_seq=seq,
        device_id=chance.choice(["gs-01", "gs-02"]),
        channel=chance.choice([None, 1]),
        depth_cm=chance.choice([None, 0.0, -0.0, 10.0, math.nan, -math.nan]),
        uplink_key=chance.choice([None, None, *(f"k{n}" for n in range(20))]),
    )


def are_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    def equal(columns: tuple[str, ...]) -> bool:
        pairs = ((one[name], other[name]) for name in columns)
        return all(a == b or (a is not None and b is not None and a != a and b != b) for a, b in pairs)  # noqa: PLR0124

    return equal(SOIL.key) or (one["uplink_key"] is not None and equal(SOIL.also_same))


@pytest.mark.parametrize("seed", range(12))
def test_exactly_the_rows_that_are_the_same_as_another_are_found(folder: DataFolder, seed: int) -> None:
    chance = random.Random(seed)
    there = [row(chance, seq) for seq in range(60)]
    put(folder, "a", soil(*there[:40]), 7)
    put(folder, "b", soil(*there[40:]), 100)
    batch = [row(chance, seq) for seq in range(100, 112)]
    near = [one for one in there if SPAN[0] <= one["measured_at"] <= SPAN[1]]
    same = {n for n, one in enumerate(batch) for other in near if are_same(one, other)}
    same |= {n for pair in combinations(range(len(batch)), 2) if are_same(*(batch[n] for n in pair)) for n in pair}
    wanted = {other["message_seq"] for one in batch for other in near if are_same(one, other)}
    candidates = found(folder, soil(*batch))
    assert set(candidates.place.tolist()) == same
    assert set(candidates.known["message_seq"].to_pylist()) == wanted


def test_a_file_that_is_older_than_a_column_of_the_key_has_null_there(folder: DataFolder) -> None:
    put(folder, "old", soil(soil_row(0, channel=None)).drop_columns(["channel"]), 10)
    candidates = found(folder, soil(soil_row(0, channel=None, message_seq=7), soil_row(0, channel=1, message_seq=8)))
    assert candidates.place.tolist() == [0]


def test_a_file_that_is_no_parquet_is_said_and_not_passed_over(folder: DataFolder) -> None:
    put(folder, "a", soil(soil_row(0)), 10)
    (path,) = partition_files(folder, SOIL, DAY)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreError, match=path.name):
        found(folder, soil(soil_row(0, message_seq=7)))
