"""Files in the lake: complete or absent, never changed, and the same through DuckDB's view and a plain glob."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.errors import ConfigError, StoreError
from ingest.lake import ownership, write
from ingest.lake.compact import compact_partition
from ingest.lake.damage import scrub, set_aside_damaged
from ingest.lake.durable import empty_folder
from ingest.lake.files import _FREE_ATTEMPTS, partition_files, read_files, read_register
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import check_layout, ensure_layout, own
from ingest.lake.read import explain_columns, open_lake, retrying
from ingest.lake.tables import all_tables, table
from ingest.lake.write import by_local_day, replace_register, write_rows
from ingest.registers.store import locked_registers
from ingest.site import BEICHEN
from tests.lake.rows import NOON, soil, soil_row
from tests.waiting import PATIENCE_S

SOIL = table("soil_readings")
DAY = NOON.date()


def test_rows_come_back_as_they_were(folder: DataFolder) -> None:
    rows = soil(soil_row(0), soil_row(20, volumetric_water_content=0.0), soil_row(40, volumetric_water_content=None))
    path = write_rows(folder, SOIL, DAY, rows, "part-1-3")
    assert pq.read_table(path, partitioning=None).equals(rows.sort_by([(name, "ascending") for name in SOIL.sort_by]))


def test_a_column_of_a_row_group_is_one_page(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of Arrow's own 20,000 rows would each cost a start, in bytes and whenever they are read."""
    times = pa.array(range(0, 50_000_000_000, 1_000_000), pa.timestamp("us", "UTC"))
    rows = soil(soil_row(0)).take(pa.array([0] * len(times)))
    rows = rows.set_column(rows.schema.get_field_index("measured_at"), SOIL.schema.field("measured_at"), times)

    def size(stem: str) -> int:
        return write_rows(folder, SOIL, DAY, rows, stem).stat().st_size

    as_written = size("part-1-1")
    for most_rows, pages in ((20_000, 3), (len(times), 1)):
        monkeypatch.setattr(write, "_PAGE_ROWS", most_rows)
        assert (size(f"part-{pages}-9") > as_written) == (pages > 1)


def test_the_day_of_a_partition_is_the_districts_day_and_not_londons() -> None:
    evening_before = datetime(2026, 7, 1, 16, 0, tzinfo=UTC)
    rows = soil(soil_row(0, measured_at=evening_before), soil_row(0, measured_at=evening_before.replace(hour=15)))
    assert [day for day, _ in by_local_day(SOIL, rows, BEICHEN)] == [date(2026, 7, 1), date(2026, 7, 2)]


def test_the_view_and_a_plain_glob_see_the_same_rows(folder: DataFolder) -> None:
    write_rows(folder, SOIL, DAY, soil(soil_row(0), soil_row(20)), "part-1-2")
    with open_lake(folder, BEICHEN) as lake:
        assert lake.execute("select count(*), min(date) from soil_readings").fetchall() == [(2, DAY)]
    plain = duckdb.sql(f"select count(*) from read_parquet('{folder.lake}/soil_readings/*/*.parquet')").fetchall()
    assert plain == [(2,)]


def test_an_empty_lake_has_every_table_with_its_columns(folder: DataFolder) -> None:
    with open_lake(folder, BEICHEN) as lake:
        for spec in all_tables().values():
            assert lake.execute(f"select count(*) from {spec.name}").fetchall() == [(0,)]
            columns = [row[0] for row in lake.execute(f"describe {spec.name}").fetchall()]
            assert columns[: len(spec.columns)] == [column.name for column in spec.columns]


def test_every_column_is_explained_in_both_languages_inside_duckdb(folder: DataFolder) -> None:
    with open_lake(folder, BEICHEN) as lake:
        explain_columns(lake)
        comment = lake.execute(
            "select comment from duckdb_columns() "
            "where table_name = 'soil_readings' and column_name = 'volumetric_water_content'"
        ).fetchall()
    assert comment == [("Volumetric water content, 0 to 1. [m3/m3] / 体积含水率（0–1）。",)]


def test_a_failed_fsync_leaves_nothing_in_the_lake_and_says_so(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(folder, SOIL, DAY, soil(soil_row(0)), "part-1-1")

    def refuse(_descriptor: int) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match="Input/output error"):
        write_rows(folder, SOIL, DAY, soil(soil_row(20)), "part-2-2")
    assert len(partition_files(folder, SOIL, DAY)) == 1
    assert list(folder.staging.iterdir()) == []


def test_a_file_whose_bytes_changed_is_named_and_set_aside_and_the_rest_is_read(folder: DataFolder) -> None:
    bad = write_rows(folder, SOIL, DAY, soil(soil_row(0)), "part-1-1")
    write_rows(folder, SOIL, DAY, soil(soil_row(20)), "part-2-2")
    content = bytearray(bad.read_bytes())
    content[len(content) // 2] ^= 0x01
    bad.write_bytes(content)
    assert scrub(folder) == [str(bad.relative_to(folder.lake))]
    assert set_aside_damaged(folder, partition_files(folder, SOIL, DAY)) == [str(bad.relative_to(folder.lake))]
    with open_lake(folder, BEICHEN) as lake:
        assert lake.execute("select count(*) from soil_readings").fetchall() == [(1,)]


@pytest.mark.parametrize("why", [errno.EACCES, errno.EMFILE, errno.ENOMEM])
def test_a_sound_file_that_cannot_be_opened_just_now_stays_where_it_is(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, why: int
) -> None:
    """As one that was restored by root, for the service's own user; or when too many files are open."""
    for n in range(2):
        write_rows(folder, SOIL, DAY, soil(soil_row(n)), f"part-{n}-{n}")
    sound = partition_files(folder, SOIL, DAY)

    def refuse(path: Path) -> bool:
        raise OSError(why, os.strerror(why), str(path))

    with monkeypatch.context() as refusing:
        refusing.setattr("ingest.lake.damage.hash_is_right", refuse)
        for act in (scrub, lambda of: compact_partition(of, SOIL, DAY, 1), lambda of: set_aside_damaged(of, sound)):
            with pytest.raises(StoreError, match=os.strerror(why)):
                act(folder)
    assert partition_files(folder, SOIL, DAY) == sound
    assert compact_partition(folder, SOIL, DAY, 1) == 2


def test_a_file_that_the_disk_does_not_give_any_more_is_damaged(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = write_rows(folder, SOIL, DAY, soil(soil_row(0)), "part-1-1")

    def fail(path: Path) -> bool:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr("ingest.lake.damage.hash_is_right", fail)
    assert set_aside_damaged(folder, [bad]) == [str(bad.relative_to(folder.lake))]


def test_what_another_process_takes_out_of_staging_stops_no_start(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluation writes there, too, and puts its file in its place while ingest clears what was left over."""
    folder.staging.mkdir(parents=True)
    for name in ("a", "b"):
        (folder.staging / f"{name}.part").write_bytes(b"x")
    (folder.staging / "nowhere").symlink_to("gone")
    iterdir = Path.iterdir

    def one_goes(path: Path) -> list[Path]:
        entries = sorted(iterdir(path))
        if path == folder.staging:
            (folder.staging / "a.part").unlink()
        return entries

    monkeypatch.setattr(Path, "iterdir", one_goes)
    empty_folder(folder.staging)
    assert list(iterdir(folder.staging)) == []


def test_a_register_is_replaced_whole_and_never_doubled(folder: DataFolder) -> None:
    one = version_of_devices(1)
    replace_register(folder, "devices", one)
    replace_register(folder, "devices", one)
    assert read_register(folder, "devices").num_rows == 1
    assert len(list(Path(folder.table("devices")).iterdir())) == 1


def test_a_register_that_is_swapped_while_it_is_read_is_read_again(folder: DataFolder) -> None:
    replace_register(folder, "devices", table("devices").schema.empty_table())
    (file,) = folder.table("devices").iterdir()
    attempts = []

    def read() -> int:
        attempts.append(1)
        return int(
            read_files(table("devices"), [file if len(attempts) > 1 else file.with_name("gone.parquet")]).num_rows
        )

    assert retrying(folder, read) == 0
    assert len(attempts) == 2


def test_a_query_slower_than_the_swaps_has_them_held_off_for_its_last_try(folder: DataFolder) -> None:
    replace_register(folder, "devices", version_of_devices(0))
    swaps: list[threading.Thread] = []

    def read() -> int:
        (file,) = folder.table("devices").iterdir()
        new = version_of_devices(len(swaps) + 1)
        swaps.append(threading.Thread(target=replace_register, args=(folder, "devices", new), daemon=True))
        swaps[-1].start()
        swaps[-1].join(PATIENCE_S if len(swaps) <= _FREE_ATTEMPTS else 0.5)  # the last one waits for us
        return int(read_files(table("devices"), [file]).num_rows)

    assert retrying(folder, read) == 1
    assert len(swaps) == _FREE_ATTEMPTS + 1, "each swap came before its reader"
    swaps[-1].join(PATIENCE_S)
    assert not swaps[-1].is_alive(), "held off, not lost"


def version_of_devices(number: int) -> pa.Table:
    schema = table("devices").schema
    row = {"device_id": ["gs-01"], "valid_from": [NOON], "register_version": [f"v{number}"]}
    return schema.empty_table().from_pydict({name: row.get(name, [None]) for name in schema.names}, schema=schema)


def test_a_folder_that_may_not_be_read_is_not_called_well(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(folder, table("soil_readings"), NOON.date(), soil(soil_row(0)), "part-1-1")
    real = os.scandir

    def refuse(path: Any = ".") -> Any:
        if str(path).endswith("soil_readings"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StoreError, match="Permission denied"):
        scrub(folder)


def test_every_new_folder_is_synced_into_its_parent(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = note_synced_folders(monkeypatch)
    write_rows(folder, SOIL, DAY, soil(soil_row(0)), "part-1-1")
    assert {folder.root, folder.lake, folder.table("soil_readings"), folder.partition("soil_readings", DAY)} <= synced


def test_who_takes_over_syncs_every_name_before_it_removes_anything(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(folder, SOIL, DAY, soil(soil_row(0)), "part-1-1")
    folder.staging.mkdir(exist_ok=True)
    left = folder.staging / "left.part"
    left.write_bytes(b"")
    synced = note_synced_folders(monkeypatch)
    seen: list[set[Path]] = []
    real = Path.unlink

    def note_unlink(path: Path, missing_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - as Path has it
        seen.append(set(synced))
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", note_unlink)
    with own(folder):
        assert not left.exists()
    names = {folder.root, folder.lake, folder.table("soil_readings"), folder.partition("soil_readings", DAY)}
    assert names <= seen[-1]


def test_whoever_writes_takes_an_earlier_layout_over_and_programs_that_know_only_that_refuse_it_then(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.root.mkdir(exist_ok=True)
    folder.version_file.write_text("1\n")
    ensure_layout(folder)
    assert folder.version_file.read_text() == "1\n", "the earlier program may be writing"
    synced = note_synced_folders(monkeypatch)
    with own(folder):
        assert folder.version_file.read_text() == "2\n"
        assert folder.root in synced
    with own(folder):
        check_layout(folder)
    monkeypatch.setattr(ownership, "LAYOUT_VERSION", 1)
    with (
        pytest.raises(ConfigError, match=r"layout version .2.; this Greensward knows up to 1\. Use the newer"),
        own(folder),
    ):
        pass
    assert folder.version_file.read_text() == "2\n"


def note_synced_folders(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Return a set that grows by every folder that is fsynced from now on."""
    synced: set[Path] = set()
    real = os.fsync

    def note(descriptor: int) -> None:
        real(descriptor)
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", note)
    return synced


@pytest.mark.parametrize("old_days", [{0, 1}, {0}, {1}])
def test_a_lake_from_before_a_column_was_there_opens_and_has_it_empty(folder: DataFolder, old_days: set[int]) -> None:
    for day in (0, 1):
        rows = soil(soil_row(1440 * day, uplink_key=f"key-{day}"))
        path = write_rows(folder, SOIL, DAY + timedelta(days=day), rows, "part-1-1")
        if day in old_days:
            old = pq.ParquetFile(path).read().drop_columns(["uplink_key"])
            path.unlink()
            pq.write_table(old, path)
    with open_lake(folder, BEICHEN) as lake:
        rows_found = lake.execute("select date, uplink_key, device_id from soil_readings order by date").fetchall()
    assert rows_found == [
        (DAY + timedelta(days=day), None if day in old_days else f"key-{day}", "gs-01") for day in (0, 1)
    ]


def test_a_file_is_opened_when_its_day_is_asked_for_and_not_before(folder: DataFolder) -> None:
    for day in (0, 1):
        write_rows(folder, SOIL, DAY + timedelta(days=day), soil(soil_row(1440 * day)), "part-1-1")
    (damaged,) = partition_files(folder, SOIL, DAY)
    damaged.write_bytes(b"no Parquet")
    with open_lake(folder, BEICHEN) as lake:
        asked = "select device_id, date from soil_readings where date > ?"
        assert lake.execute(asked, [DAY]).fetchall() == [("gs-01", DAY + timedelta(days=1))]
        with pytest.raises(duckdb.Error, match=damaged.name):
            lake.execute(asked, [DAY - timedelta(days=1)])


def test_columns_are_found_by_name_and_have_the_types_of_the_table(folder: DataFolder) -> None:
    path = write_rows(folder, SOIL, DAY, soil(soil_row(0, channel=3)), "part-1-1")
    rows = pq.ParquetFile(path).read().select(["channel", "depth_cm", "measured_at", "device_id"])
    other = rows.set_column(0, "channel", rows["channel"].cast(pa.int64())).append_column(
        "more", pa.array(["none of ours"])
    )
    pq.write_table(other, path.with_name("by-hand.parquet"))
    with open_lake(folder, BEICHEN) as lake:
        found = lake.execute("select device_id, channel, depth_cm, measured_at, date from soil_readings").fetchall()
        types = dict(lake.execute("select column_name, column_type from (describe soil_readings)").fetchall())
    assert found == [("gs-01", 3, 10.0, NOON, DAY)] * 2
    assert (types["channel"], types["date"]) == ("SMALLINT", "DATE")


def test_a_folder_that_is_not_called_as_days_are_is_none_of_the_lakes(folder: DataFolder) -> None:
    path = write_rows(folder, SOIL, DAY, soil(soil_row(0)), "part-1-1")
    for name in (f"{DAY}", f"date={DAY:%Y%m%d}", "date=yesterday"):
        other = path.parent.with_name(name)
        other.mkdir()
        (other / path.name).hardlink_to(path)
    with open_lake(folder, BEICHEN) as lake:
        assert lake.execute("select count(*) from soil_readings").fetchall() == [(1,)]


def test_counting_readings_looks_at_the_ends_of_files_and_at_no_column(folder: DataFolder) -> None:
    for day in (0, 1):
        write_rows(folder, SOIL, DAY + timedelta(days=day), soil(soil_row(1440 * day)), "part-1-1")
    with open_lake(folder, BEICHEN) as lake:
        ((_, plan),) = lake.execute("explain select count(*) from soil_readings").fetchall()
    assert "READ_PARQUET" in plan
    assert not [word for word in ("UNION", "Projections") if word in plan]


@pytest.mark.parametrize("begin", [own, locked_registers])
def test_a_folder_that_may_not_be_written_is_named_with_what_to_do(
    begin: Callable[[DataFolder], AbstractContextManager[None]],
) -> None:
    nobodys = DataFolder(Path("/sys/greensward"))  # where not even root makes a folder
    with (
        pytest.raises(
            StoreError,
            match=r"the data folder /sys/greensward: .+ Give \w+ the rights to /sys.*another folder with -C\.",
        ),
        begin(nobodys),
    ):
        pass
