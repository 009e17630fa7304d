"""The tables of the lake, read from schemas/tables/*.toml, the only place where a column is described."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources

import pyarrow as pa

_SOIL_LAYER = pa.struct(
    [
        ("to_cm", pa.float64()),
        ("soil_texture", pa.string()),
        ("field_capacity", pa.float64()),
        ("wilting_point", pa.float64()),
        ("saturation", pa.float64()),
        ("sand_pct", pa.float64()),
        ("clay_pct", pa.float64()),
        ("organic_matter_pct", pa.float64()),
    ]
)
"""A layer of a plot's soil; what each field means stands at the column of the same name of table plots."""

_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "binary": pa.binary(),
    "bool": pa.bool_(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "list<float64>": pa.list_(pa.float64()),
    "list<soil_layer>": pa.list_(_SOIL_LAYER),
}


@dataclass(frozen=True, slots=True)
class Words:
    """What a column means: its unit (UCUM), and a sentence in each language."""

    unit: str | None
    en: str
    zh: str

    @property
    def comment(self) -> str:
        """Return it as "English [unit] / 中文", the form of every comment on a column."""
        return f"{self.en}{f' [{self.unit}]' if self.unit else ''} / {self.zh}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: Arrow type, unit (UCUM; None when dimensionless or text) and a sentence in each language."""

    name: str
    type: pa.DataType
    required: bool
    unit: str | None
    en: str
    zh: str

    @property
    def words(self) -> Words:
        """What it means."""
        return Words(self.unit, self.en, self.zh)


PARTITION_WORDS = Words(None, "The local day at the site: the folder's name.", "场地当地日，即文件夹的名字。")
"""What the column `date` of a table means, which stands in no file."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One table of the lake; there is one object of each.

    key: columns that identify a row; two rows equal in all of them (nulls equal) are the same row
    merge: measured columns; a later row of the same key may add the ones that are still null, never change them
    beside: pairs of a column and the measured column that it belongs to (the unit it came in): from the same row
    strict: columns that count for the whole row as soon as one half has them (why a row is kept out of verdicts)
    also_same: columns of a second identity; rows equal in all of them, the last not null, are the same row too
    same_within_s: how far apart in `partition_by` two rows may lie and still be the same; 0: at the same instant only
    partition_by: timestamp column whose local day is the partition; None for a register
    sort_by: order of rows inside a file
    """

    name: str
    description_en: str
    description_zh: str
    key: tuple[str, ...]
    merge: tuple[str, ...]
    beside: tuple[tuple[str, str], ...]
    strict: tuple[str, ...]
    also_same: tuple[str, ...]
    same_within_s: int
    partition_by: str | None
    sort_by: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema, each field with its unit and descriptions as metadata."""
        return _schema(self)


@functools.cache
def _schema(table: Table) -> pa.Schema:
    return pa.schema(
        [
            pa.field(
                column.name,
                column.type,
                nullable=not column.required,
                metadata={"description": column.en, "description_zh": column.zh}
                | ({"unit": column.unit} if column.unit else {}),
            )
            for column in table.columns
        ],
        metadata={"table": table.name, "description": table.description_en, "description_zh": table.description_zh},
    )


@functools.cache
def all_tables() -> dict[str, Table]:
    """Return every table by name, in alphabetical order."""
    folder = resources.files("schemas") / "tables"
    names = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {name: _read(name) for name in names}


def table(name: str) -> Table:
    """Return the table called `name`. Raises: KeyError when schemas/tables has no such file."""
    return all_tables()[name]


def _read(name: str) -> Table:
    text = (resources.files("schemas") / "tables" / f"{name}.toml").read_text(encoding="utf-8")
    given = tomllib.loads(text)
    columns = tuple(
        Column(
            name=column,
            type=_TYPES[facts["type"]],
            required=facts.get("required", False),
            unit=facts.get("unit"),
            en=facts["en"],
            zh=facts["zh"],
        )
        for column, facts in given["columns"].items()
    )
    return Table(
        name=name,
        description_en=given["description_en"],
        description_zh=given["description_zh"],
        key=tuple(given["key"]),
        merge=tuple(given["merge"]),
        beside=tuple(given.get("beside", {}).items()),
        strict=tuple(given.get("strict", ())),
        also_same=tuple(given.get("also_same", ())),
        same_within_s=given.get("same_within_s", 0),
        partition_by=given.get("partition_by"),
        sort_by=tuple(given["sort_by"]),
        columns=columns,
    )
