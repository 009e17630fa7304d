"""The year as tables: built-in campaigns and seasons, and a district's own, checked before they are used.

A district's row replaces the built-in one of the same campaign_id, and `start_by = off` takes it out; its conditions
replace all built-in conditions of that campaign. Its seasons replace all built-in ones. South of the equator built-in
windows stand half a year later.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import ConfigError
from sql.reference import reference_rows
from sql.seasons import RULES, half_a_year_later, overlapping, within_years

if TYPE_CHECKING:  # as in sql/reference.py
    import duckdb

TABLES = ("campaigns", "campaign_rules", "seasons")
"""The reference tables that a district may write itself."""

CAUSE_PREFIX = "campaign."
"""Cause of a campaign's flags and issues: this and the campaign's id, so that two campaigns never share an issue."""

WORKS = ("water", "replant", "prune", "protect", "other")
QUANTITIES = (
    "air_temperature_mean_c",
    "air_temperature_min_c",
    "air_temperature_max_c",
    "soil_temperature_mean_c",
    "rain_mm",
)
OPERATORS = ("<", "<=", ">", ">=")

_START_BY = ("conditions", "calendar", "off")
_RESTS = ("", "begins", "ends")
_LEAP_YEAR = 2024
_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST_MM = 300.0
_MOST_DAYS = 30
_MOST_CM = 300.0
_TYPES = {
    "campaign_id": "varchar", "name_zh": "varchar", "name_en": "varchar", "work": "varchar",
    "month_day_from": "varchar", "month_day_to": "varchar", "start_by": "varchar", "grades": "varchar",
    "vegetations": "varchar", "planted_after": "date", "planted_within_years": "double", "standard_mm": "double",
    "rest": "varchar", "source": "varchar",
}  # fmt: skip
_RULE_TYPES = {
    "campaign_id": "varchar", "rule_number": "integer", "quantity": "varchar", "depth_from_cm": "double",
    "depth_to_cm": "double", "operator": "varchar", "threshold": "double", "days_running": "integer",
    "source": "varchar",
}  # fmt: skip
_SEASON_TYPES = dict.fromkeys(("season", "month_day_from", "month_day_to", "rule", "source"), "varchar")
_COLUMNS = tuple(_TYPES)
_RULE_COLUMNS = tuple(name for name in _RULE_TYPES if name != "rule_number")
_SEASON_COLUMNS = tuple(_SEASON_TYPES)

Row = Mapping[str, str]
_Check = Callable[[Row], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The campaigns in force, their conditions, and the seasons, every value as written; checked."""

    rows: tuple[Row, ...]
    rules: tuple[Row, ...]
    seasons: tuple[Row, ...] = reference_rows("seasons")

    def row(self, campaign_id: str) -> Row:
        """Return one campaign. Raises: ConfigError, with the nearest id that there is."""
        found = next((row for row in self.rows if row["campaign_id"] == campaign_id), None)
        if found is None:
            known = [row["campaign_id"] for row in self.rows]
            raise ConfigError(f"There is no campaign {campaign_id!r}{_meant(campaign_id, known)}")
        return found


def load_campaigns(
    file: Path | None = None,
    rules_file: Path | None = None,
    seasons_file: Path | None = None,
    *,
    is_southern: bool = False,
) -> Campaigns:
    """Return the built-in campaigns, with those of a district's `file` and the conditions of its `rules_file`.

    seasons_file: the district's seasons, in place of the built-in ones
    is_southern: the district lies south of the equator: built-in windows and seasons stand half a year later
    Raises: ConfigError that names every fault with file, line, column, what was expected and got.
    """
    own, rules = _read(file, _COLUMNS, _row_faults), _read(rules_file, _RULE_COLUMNS, _rule_faults)
    built_in: tuple[Row, ...] = reference_rows("campaigns")
    seasons: tuple[Row, ...] = reference_rows("seasons")
    if is_southern:
        built_in, seasons = half_a_year_later(built_in), half_a_year_later(seasons)
    if seasons_file is not None:
        seasons = tuple(_read(seasons_file, _SEASON_COLUMNS, _season_faults))
    rows: dict[str, Row] = {row["campaign_id"]: row for row in built_in}
    rows |= {row["campaign_id"]: row for row in own}
    rows = {name: row for name, row in rows.items() if row["start_by"] != "off"}
    replaced = {row["campaign_id"] for row in rules}
    kept = [row for row in reference_rows("campaign_rules") if row["campaign_id"] not in replaced]
    campaigns = Campaigns(tuple(rows.values()), (*kept, *rules), within_years(seasons))
    _check_together(campaigns, own, rules, file, rules_file)
    return campaigns


def create_campaigns(connection: duckdb.DuckDBPyConnection, campaigns: Campaigns, kind: str = "temp view") -> None:
    """Make the relations that TABLES names on `connection`, in place of the built-in ones.

    A campaign that starts by the calendar has no conditions, whatever the built-in table has for it.
    """
    by_conditions = {row["campaign_id"] for row in campaigns.rows if row["start_by"] == "conditions"}
    rules = [row for row in campaigns.rules if row["campaign_id"] in by_conditions]
    numbered = [{**row, "rule_number": str(number)} for number, row in enumerate(rules, start=1)]
    for name, rows, types in (
        ("campaigns", campaigns.rows, _TYPES),
        ("campaign_rules", numbered, _RULE_TYPES),
        ("seasons", campaigns.seasons, _SEASON_TYPES),
    ):
        lines = ", ".join(f"({', '.join(_literal(row[column], types[column]) for column in types)})" for row in rows)
        empty = ", ".join(f"cast(null as {kind})" for kind in types.values())
        select = f"select * from (values {lines or f'({empty})'}) as given({', '.join(types)})"
        connection.execute(f"create or replace {kind} {name} as {select} where {next(iter(types))} is not null")


def _literal(value: str, type_name: str) -> str:
    quoted = value.replace("'", "''")
    return f"cast('{quoted}' as {type_name})" if value else f"cast(null as {type_name})"


def _read(file: Path | None, columns: tuple[str, ...], check: _Check) -> list[Row]:
    """Return the rows of a district's table. Raises: ConfigError with every fault of it."""
    if file is None:
        return []
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"{file}: {error.strerror}. It is named in [campaigns]; correct the name, or make it."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    reader = csv.DictReader(io.StringIO(text))
    head = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = head
    faults = [f"unknown column {name!r}{_meant(name, columns)}" for name in head if name not in columns]
    faults += [f"column {name!r} is missing" for name in columns if name not in head and name in _needed(columns)]
    faults += [f"column {name!r} stands twice" for name in sorted({name for name in head if head.count(name) > 1})]
    rows: list[Row] = []
    for cells in () if faults else reader:
        if cells.get(None) is not None:
            faults.append(f"line {reader.line_num}: more cells than columns; put texts with commas in quotation marks")
            continue
        row = {name: (cells.get(name) or "").strip() for name in columns}
        if any(row.values()):
            faults += [f"line {reader.line_num}: {fault}" for fault in check(row)]
            rows.append(row)
    if columns == _COLUMNS:
        ids = [row["campaign_id"] for row in rows]
        faults += [
            f"campaign_id {name!r} stands twice" for name in sorted({name for name in ids if ids.count(name) > 1})
        ]
    if columns == _SEASON_COLUMNS and not faults:
        faults += [f"two seasons of rule {rule!r} share a day" for rule in overlapping(rows)]
    if faults:
        raise ConfigError(f"{file}: " + "; ".join(faults) + ". Nothing of it is used until this is corrected.")
    return rows


def _needed(columns: tuple[str, ...]) -> tuple[str, ...]:
    optional = {"grades", "vegetations", "planted_after", "planted_within_years", "standard_mm", "rest"}
    return tuple(name for name in columns if name not in optional | {"depth_from_cm", "depth_to_cm"})


def _row_faults(row: Row) -> Iterable[str]:
    if not _ID.fullmatch(row["campaign_id"]):
        yield f"campaign_id {row['campaign_id']!r}: small letters, digits and _, a letter first, at most 40"
    for name in ("name_zh", "name_en", "source"):
        if not row[name]:
            yield f"{name} is empty"
    yield from _one_of(row, "work", WORKS)
    yield from _one_of(row, "start_by", _START_BY)
    yield from _one_of(row, "rest", _RESTS)
    yield from _window(row)
    grades = [level["maintenance_grade"] for level in reference_rows("maintenance_grades")]
    yield from _all_of(row, "grades", grades)
    yield from _all_of(row, "vegetations", [kind["vegetation"] for kind in reference_rows("vegetations")])
    if row["planted_after"] and not _is_date(row["planted_after"]):
        yield f"planted_after {row['planted_after']!r} is no day; write YYYY-MM-DD"
    yield from _number(row, "planted_within_years", 0, 100)
    yield from _number(row, "standard_mm", 0, _MOST_MM)
    if row["standard_mm"] and row["work"] != "water":
        yield f"standard_mm is for work 'water', not for {row['work']!r}; leave it empty"


def _rule_faults(row: Row) -> Iterable[str]:
    yield from _one_of(row, "quantity", QUANTITIES)
    yield from _one_of(row, "operator", OPERATORS)
    for name in ("threshold", "days_running", "source"):
        if not row[name]:
            yield f"{name} is empty"
    yield from _number(row, "threshold", -100, 1000)
    yield from _number(row, "days_running", 1, _MOST_DAYS)
    if row["days_running"] and not row["days_running"].isdigit():
        yield f"days_running {row['days_running']!r} is no whole number"
    is_of_soil = row["quantity"].startswith("soil_")
    for name in ("depth_from_cm", "depth_to_cm"):
        yield from _number(row, name, 0, _MOST_CM)
        if bool(row[name]) != is_of_soil:
            yield f"{name} {'is needed for' if is_of_soil else 'must be empty for'} {row['quantity']}"
    depths = [row["depth_from_cm"], row["depth_to_cm"]]
    if all(_is_number(depth) for depth in depths) and float(depths[0]) > float(depths[1]):
        yield f"depth_from_cm {row['depth_from_cm']} is below depth_to_cm {row['depth_to_cm']}"


def _season_faults(row: Row) -> Iterable[str]:
    for name in ("season", "source"):
        if not row[name]:
            yield f"{name} is empty"
    yield from _one_of(row, "rule", RULES)
    yield from _window(row)


def _window(row: Row) -> Iterable[str]:
    for name in ("month_day_from", "month_day_to"):
        if not _is_month_day(row[name]):
            yield f"{name} {row[name]!r} is no day of the year; write MM-DD, for example 11-05"


def _one_of(row: Row, name: str, allowed: Iterable[str]) -> Iterable[str]:
    allowed = tuple(allowed)
    if row[name] not in allowed:
        yield f"{name} {row[name]!r} is unknown{_meant(row[name], [word for word in allowed if word])}"


def _all_of(row: Row, name: str, allowed: list[str]) -> Iterable[str]:
    for word in row[name].split():
        if word not in allowed:
            yield f"{name}: {word!r} is unknown{_meant(word, allowed)}, with a space between several"


def _number(row: Row, name: str, lowest: float, highest: float) -> Iterable[str]:
    if row[name] and not (_is_number(row[name]) and lowest <= float(row[name]) <= highest):
        yield f"{name} {row[name]!r} is no number from {lowest:g} to {highest:g}"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _is_month_day(text: str) -> bool:
    return re.fullmatch(r"\d\d-\d\d", text) is not None and _is_date(f"{_LEAP_YEAR}-{text}")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None


def _meant(word: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"


def _check_together(
    campaigns: Campaigns, own: list[Row], rules: list[Row], file: Path | None, rules_file: Path | None
) -> None:
    """Refuse what only shows when both tables lie side by side. Raises: ConfigError."""
    known = [row["campaign_id"] for row in campaigns.rows]
    for row in rules:
        if row["campaign_id"] not in known:
            raise ConfigError(
                f"{rules_file}: there is no campaign {row['campaign_id']!r}{_meant(row['campaign_id'], known)}"
            )
    ruled = {row["campaign_id"] for row in campaigns.rules}
    for row in campaigns.rows:
        if row["start_by"] == "conditions" and row["campaign_id"] not in ruled:
            raise ConfigError(
                f"{file}: {row['campaign_id']} has start_by 'conditions' but no condition; add rows to rules_file in "
                "[campaigns], or write 'calendar'."
            )
    begins, ends = ([row for row in campaigns.rows if row["rest"] == word] for word in ("begins", "ends"))
    if begins and not ends:
        names = ", ".join(row["campaign_id"] for row in begins)
        raise ConfigError(
            f"{file}: {names} begins the winter rest (rest) and no campaign ends it; write 'ends' for one."
        )
    own_calendar = {row["campaign_id"] for row in own if row["start_by"] == "calendar"}
    for row in rules:
        if row["campaign_id"] in own_calendar:
            raise ConfigError(
                f"{rules_file}: {row['campaign_id']} has conditions, and start_by 'calendar' in {file}; write "
                "'conditions' there, or take the conditions away."
            )
