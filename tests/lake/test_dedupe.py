"""The same reading twice is one row; a reading that adds something is not lost."""

from __future__ import annotations

import ctypes
import gc
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from ingest.lake.dedupe import Novelty, tell_new_from_known
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import to_arrow, write_rows
from tests.lake.rows import NOON, soil, soil_row

DAY = NOON.date()
SOIL = table("soil_readings")


def tell(folder: DataFolder, rows: pa.Table) -> Novelty:
    return tell_new_from_known(folder, SOIL, DAY, rows)


def test_everything_is_new_to_an_empty_lake(folder: DataFolder) -> None:
    novelty = tell(folder, soil(soil_row(0), soil_row(20, message_seq=2)))
    assert novelty.new_rows.num_rows == 2
    assert novelty.is_duplicate.tolist() == [False, False]
    assert novelty.new_rows.schema.equals(SOIL.schema)


def test_a_reading_sent_again_is_a_duplicate(folder: DataFolder) -> None:
    write_rows(folder, SOIL, DAY, soil(soil_row(0)), "part-1-1")
    novelty = tell(folder, soil(soil_row(0, message_seq=9), soil_row(20, message_seq=10)))
    assert novelty.is_duplicate.tolist() == [True, False]
    assert novelty.new_rows["message_seq"].to_pylist() == [10]


def test_twice_in_one_batch_the_first_stays(folder: DataFolder) -> None:
    novelty = tell(folder, soil(soil_row(0, message_seq=3), soil_row(0, message_seq=4)))
    assert novelty.is_duplicate.tolist() == [False, True]
    assert novelty.new_rows["message_seq"].to_pylist() == [3]


def test_a_null_channel_equals_a_null_channel_and_no_other(folder: DataFolder) -> None:
    write_rows(folder, SOIL, DAY, soil(soil_row(0, channel=None)), "part-1-1")
    novelty = tell(folder, soil(soil_row(0, message_seq=2), soil_row(0, channel=1, message_seq=3)))
    assert novelty.is_duplicate.tolist() == [True, False]


def test_temperature_that_comes_later_joins_the_water_content_and_changes_nothing(folder: DataFolder) -> None:
    write_rows(folder, SOIL, DAY, soil(soil_row(0)), "part-1-1")
    later = soil_row(0, message_seq=2, volumetric_water_content=0.99, soil_temperature_c=18.5)
    novelty = tell(folder, soil(later))
    assert novelty.is_duplicate.tolist() == [False]
    assert novelty.new_rows["soil_temperature_c"].to_pylist() == [18.5]
    assert novelty.new_rows["volumetric_water_content"].to_pylist() == [None]


def test_two_halves_of_a_reading_in_one_batch_become_one_row(folder: DataFolder) -> None:
    water = soil_row(0, message_seq=1)
    warmth = soil_row(0, message_seq=2, volumetric_water_content=None, soil_temperature_c=18.5)
    novelty = tell(folder, soil(water, warmth))
    assert novelty.new_rows.num_rows == 1
    assert novelty.new_rows.to_pylist()[0]["soil_temperature_c"] == 18.5
    assert novelty.new_rows.to_pylist()[0]["volumetric_water_content"] == 0.2


@pytest.mark.parametrize("place", [{"channel": 1, "depth_cm": None}, {"channel": None, "depth_cm": 10.0}])
def test_an_uplink_heard_by_a_second_network_server_a_second_later_is_the_same_reading(
    folder: DataFolder, place: dict[str, Any]
) -> None:
    first = soil_row(0, uplink_key="lora:1:20:ab", **place)
    again = soil_row(0.02, uplink_key="lora:1:20:ab", message_seq=2, **place)
    other = soil_row(0.04, uplink_key="lora:1:21:cd", message_seq=3, **place)
    assert tell(folder, soil(first, again, other)).is_duplicate.tolist() == [False, True, False]
    write_rows(folder, SOIL, DAY, soil(first), "part-1-1")
    assert tell(folder, soil(again)).is_duplicate.tolist() == [True]
    assert tell(folder, soil(other)).is_duplicate.tolist() == [False]


def test_of_an_uplink_heard_twice_the_first_to_arrive_stays_wherever_its_row_stands(folder: DataFolder) -> None:
    late, early = (soil_row(at, uplink_key="k", message_seq=seq) for at, seq in ((0.02, 9), (0, 5)))
    novelty = tell(folder, soil(late, early))
    assert novelty.is_duplicate.tolist() == [True, False]
    assert novelty.new_rows["message_seq"].to_pylist() == [5]


def test_what_an_interrupted_seal_wrote_is_neither_new_nor_a_duplicate(folder: DataFolder) -> None:
    write_rows(folder, SOIL, DAY, soil(soil_row(0, message_seq=7)), "part-7-7")
    novelty = tell(folder, soil(soil_row(0, message_seq=7)))
    assert novelty.new_rows.num_rows == 0
    assert novelty.is_duplicate.tolist() == [False]


def test_zero_is_a_value_and_not_an_absence(folder: DataFolder) -> None:
    write_rows(folder, SOIL, DAY, soil(soil_row(0, volumetric_water_content=0.0)), "part-1-1")
    assert tell(folder, soil(soil_row(0, message_seq=2))).is_duplicate.tolist() == [True]


def test_the_same_refused_bytes_within_a_day_are_kept_once(folder: DataFolder) -> None:
    spec = table("rejected")
    row = {
        "message_seq": 1, "received_at": NOON, "topic": "t", "scope": "message", "pointer": "", "code": "not_json",
        "faults_json": "[]", "payload": b"{", "payload_sha256": "ab", "software_version": "0",
    }  # fmt: skip
    write_rows(folder, spec, DAY, to_arrow(spec, [row]), "part-1-1")
    again, other = row | {"message_seq": 2}, row | {"message_seq": 3, "payload_sha256": "cd"}
    novelty = tell_new_from_known(folder, spec, DAY, to_arrow(spec, [again, other]))
    assert novelty.is_duplicate.tolist() == [True, False]


@pytest.mark.parametrize("at", [0, 20])
def test_the_first_and_the_last_instant_of_a_batch_are_compared_too(folder: DataFolder, at: int) -> None:
    write_rows(folder, STATUS, DAY, status(at, 1), "part-1-1")
    batch = pa.concat_tables([status(0, 2), status(20, 3)])
    known = tell_new_from_known(folder, STATUS, DAY, batch).is_duplicate.tolist()
    assert known == [at == 0, at == 20]


def test_each_of_several_days_is_compared(folder: DataFolder) -> None:
    days = [DAY + timedelta(days=n) for n in range(3)]
    for n, day in enumerate(days):
        write_rows(folder, STATUS, day, status(n * 24 * 60, n), f"part-{n}-{n}")
    batch = pa.concat_tables([status(n * 24 * 60, 10 + n) for n in range(3)])
    assert tell_new_from_known(folder, STATUS, days[0], batch, days[1:]).is_duplicate.tolist() == [True] * 3


STATUS = table("device_status")


def status(minutes: int, seq: int) -> pa.Table:
    at = NOON + timedelta(minutes=minutes)
    row = {"device_id": "gs-01", "reported_at": at, "received_at": at, "battery_v": 3.6, "message_seq": seq}
    return to_arrow(STATUS, [row])


def test_a_depth_of_minus_zero_is_a_depth_of_zero(folder: DataFolder) -> None:
    novelty = tell(folder, soil(soil_row(0, depth_cm=0.0, message_seq=3), soil_row(0, depth_cm=-0.0, message_seq=4)))
    assert novelty.is_duplicate.tolist() == [False, True]


def test_a_comparison_leaves_nothing_behind_in_memory(folder: DataFolder) -> None:
    """A connection that is kept holds on to 8 to 24 KB of every comparison, of which a bad network makes thousands."""
    write_rows(folder, SOIL, DAY, soil(soil_row(0)), "part-1-1")
    again = soil(soil_row(0, message_seq=9))

    def compare(times: int) -> int:
        for _ in range(times):
            assert tell(folder, again).is_duplicate.tolist() == [True]
        return used_bytes()

    assert -compare(15) + compare(30) < 30 * 4_000


class Heap(ctypes.Structure):
    """What mallinfo2(3) says of glibc's heap."""

    _names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = tuple((name, ctypes.c_size_t) for name in _names.split())


def used_bytes() -> int:
    gc.collect()
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = Heap
    return int(libc.mallinfo2().uordblks)
