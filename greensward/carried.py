"""What an evaluation leaves to the next: immutable files of Parquet, and one small file that names them.

Nothing here is needed: where the folder is missing, damaged, or of another version, everything is judged from the lake.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb
import msgspec
import pyarrow.parquet as pq

from ingest.lake.durable import hash_is_right, make_folder, replace_file, store_errors, write_new_file
from ingest.lake.files import Days, partition_days, partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from sql.carry import Carry, Generation, Past
from sql.held import Held, held_models
from sql.models import carried_models

_MOST_GENERATIONS = 16
"""After so many evaluations everything is written again as one: each file costs the next ones about 2 ms."""

_ROWS_AT_ONCE = 100_000


class _Generation(msgspec.Struct, forbid_unknown_fields=True):
    as_of: datetime
    groups: int
    files: dict[str, str]


class _Held(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    file: str


class _Contents(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    as_of: datetime
    days: dict[date, list[str]]
    device_days: str
    device_sums: str
    groups: str
    generations: list[_Generation]
    held: dict[str, _Held]


def soil_files(folder: DataFolder, days: Days | None = None) -> dict[date, list[str]]:
    """Return the names of the files of soil_readings by local day, of `days` or all. Names are never used twice."""
    spec = table("soil_readings")
    return {
        day: sorted(path.name for path in partition_files(folder, spec, day))
        for day in partition_days(folder, spec)
        if days is None or days[0] <= day <= days[1]
    }


def load_past(folder: DataFolder) -> Past | None:
    """Return what the newest evaluation left; None where that is nothing, or not what it wrote."""
    contents = _contents(folder)
    if contents is None:
        return None
    try:
        if not all(hash_is_right(folder.carried / name) for name in _names(contents)):
            return None
    except OSError:
        return None
    return Past(
        contents.key,
        contents.as_of,
        contents.days,
        folder.carried / contents.device_days,
        folder.carried / contents.device_sums,
        folder.carried / contents.groups,
        [
            Generation(one.as_of, one.groups, {name: folder.carried / file for name, file in one.files.items()})
            for one in contents.generations
        ],
        {name: Held(one.key, folder.carried / one.file) for name, one in contents.held.items()},
    )


def keep_for_next(folder: DataFolder, lake: duckdb.DuckDBPyConnection, carry: Carry) -> None:
    """Write what the next evaluation may take over; the caller holds the evaluation lock. Raises: StoreError.

    Where another evaluation has left its own since, that stays.

    lake: the connection on which `evaluate` has run with `carry`
    """
    before = _contents(folder)
    if before is not None and carry.takes_over and not _is_what_was_carried(before, carry):
        _remove_others(folder, before)
        return
    whole = before is None or not carry.takes_over or len(before.generations) >= _MOST_GENERATIONS
    generations = [] if before is None or whole else list(before.generations)
    if whole or carry.groups_judged:
        generations.append(
            _Generation(
                carry.as_of,
                carry.groups if whole else carry.groups_judged,
                {
                    model.name: _write(folder, lake, model.name, carry.rows_to_keep(model, whole=whole))
                    for model in carried_models()
                },
            )
        )
    contents = _Contents(
        carry.key,
        carry.as_of,
        {day: list(names) for day, names in carry.days.items()},
        *_device_days(folder, lake, carry, before),
        _write(folder, lake, "groups", carry.groups_to_keep(len(generations) - 1, whole=whole)),
        generations,
        {model.name: _held(folder, lake, carry, before, model.name) for model in held_models()},
    )
    with store_errors(f"writing {_list_of(folder)}"):
        make_folder(folder.carried)
        replace_file(_list_of(folder), msgspec.json.encode(contents))
    _remove_others(folder, contents)


def _held(
    folder: DataFolder, lake: duckdb.DuckDBPyConnection, carry: Carry, before: _Contents | None, name: str
) -> _Held:
    held, key = _held_before(carry).get(name), carry.holding.keys[name]
    if held is not None and held.key == key and before is not None and before.held.get(name) == held:
        return held
    return _Held(key, _write(folder, lake, name, f"select * from {name}"))


def _held_before(carry: Carry) -> dict[str, _Held]:
    """Return what `carry` could take over of held models, whose files were whole then."""
    return {} if carry.past is None else {name: _Held(one.key, one.file.name) for name, one in carry.past.held.items()}


def _device_days(
    folder: DataFolder, lake: duckdb.DuckDBPyConnection, carry: Carry, before: _Contents | None
) -> tuple[str, str]:
    """Return the names of the files of fingerprints: those of `before` where all of their days are as they were."""
    past = carry.past
    is_known = before is not None and past is not None and before.device_days == past.device_days.name
    if before is not None and is_known and not carry.has_new_days:
        return before.device_days, before.device_sums
    return (
        _write(folder, lake, "device_days", carry.device_days_to_keep()),
        _write(folder, lake, "device_sums", carry.device_sums_to_keep()),
    )


def _is_what_was_carried(contents: _Contents, carry: Carry) -> bool:
    """Say whether `contents` is what `carry` took rows from: another process may have left its own meanwhile."""
    past = carry.past
    return (
        past is not None
        and contents.groups == past.groups.name
        and contents.held == _held_before(carry)
        and contents.generations
        == [
            _Generation(one.as_of, one.groups, {name: path.name for name, path in one.files.items()})
            for one in past.generations
        ]
    )


def _contents(folder: DataFolder) -> _Contents | None:
    try:
        return msgspec.json.decode(_list_of(folder).read_bytes(), type=_Contents)
    except (OSError, msgspec.MsgspecError):
        return None


def _list_of(folder: DataFolder) -> Path:
    return folder.carried / "newest.json"


def _names(contents: _Contents) -> Iterator[str]:
    yield contents.device_days
    yield contents.device_sums
    yield contents.groups
    for one in contents.generations:
        yield from one.files.values()
    for held in contents.held.values():
        yield held.file


def _write(folder: DataFolder, lake: duckdb.DuckDBPyConnection, stem: str, select: str) -> str:
    rows = lake.execute(select).to_arrow_reader(_ROWS_AT_ONCE)

    def fill(sink: object) -> None:
        with pq.ParquetWriter(sink, rows.schema, compression="lz4", write_page_checksum=True) as writer:
            for batch in rows:
                writer.write_batch(batch)

    return write_new_file(folder.staging, folder.carried, stem, ".parquet", fill).name


def _remove_others(folder: DataFolder, contents: _Contents) -> None:
    """Remove what older evaluations left; a reader that still wants it finds nothing and starts again."""
    wanted = {_list_of(folder).name, *_names(contents)}
    with store_errors(f"clearing {folder.carried}"):
        for path in folder.carried.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)
