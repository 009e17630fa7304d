"""The parts of docs/ that are made from the code's own tables, so that they cannot say anything else than the code.

Two pages are made as a whole, and lists in other pages between `<!-- made: NAME -->` and `<!-- end -->`. After a
change: `python -m tests.docs.made_pages` writes them again; a test fails until that is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from crews.policy import deadlines
from crews.words import all_words
from ingest.decode.device_models import Model, all_models, unknown_fields
from ingest.decode.fault_codes import FAULT_CODES, IGNORED_CODES, QUARANTINE_CODES, Meaning
from ingest.decode.quantities import QUANTITIES, units_of
from ingest.lake.tables import Table, all_tables
from sql.analysts import all_questions
from sql.models import analyst_models, analyst_views
from sql.reference import reference_rows

DOCS = Path(__file__).resolve().parents[2] / "docs"

_PART = re.compile(r"(<!-- made: ([a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)

_DICTIONARY = """\
# Data dictionary · 数据字典

This page is made from schemas/tables by `python -m tests.docs.made_pages`; do not write in it.

Every table of the lake, with its columns. `date` is not in the list: each table with days has it, from the folder name,
and it is the local day of the column named under *day*. Instants are UTC. `*` marks a column that is never null. Units
are UCUM codes. How to open the tables: [analysts.md](analysts.md).

数据湖中每张表的每一列。时刻为 UTC；`date` 为本区当地日期，取自文件夹名。`*` 表示必有值。单位为 UCUM 代码。

"""

_FAULTS = """\
# What can be wrong with a message · 报文错误代码

This page is made from ingest/decode/fault_codes.py by `python -m tests.docs.made_pages`; do not write in it.

A code never changes its meaning and is never used for another. How a reply looks:
[device-makers.md](device-makers.md#the-answer).

## Refused · 拒收

The message, or the named part of it, is in table `rejected`, with its bytes.

{faults}
## Kept, but in no verdict · 隔离

The row is stored; the first word of its column `quarantine` is one of these. Pictures have words of their own, in
`footprint_reason`: [drone-makers.md](drone-makers.md#which-pictures-get-no-ground).

{quarantine}
## Left aside · 不入表

A kind of message that has no rows; it stands in `raw_messages` with outcome `ignored` and the reason. Messages of docks
that are not read say in `reason` what they were.

{ignored}"""


def made_pages() -> dict[str, str]:
    """Return the text of each page that is made as a whole, by file name in docs/."""
    return {"dictionary.md": _dictionary(), "faults.md": _faults()}


def with_made_parts(text: str) -> str:
    """Return a page's text with every marked part made anew. Raises: KeyError for a part that nobody makes."""
    return _PART.sub(lambda part: part[1] + _PARTS[part[2]]() + part[3], text)


def _rows(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def _cell(value: object) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def _dictionary() -> str:
    links = " · ".join(f"[{name}](#{name})" for name in all_tables())
    return _DICTIONARY + links + "\n" + "".join(_table(spec) for spec in all_tables().values())


def _table(spec: Table) -> str:
    day = f"day: `{spec.partition_by}`" if spec.partition_by else "no days: a register, one file"
    again = ""
    if spec.merge:
        again = "\n\nA later message of the same row may bring: " + ", ".join(f"`{name}`" for name in spec.merge) + "."
    if spec.also_same:
        names = ", ".join(f"`{name}`" for name in spec.also_same)
        again += f"\n\nThe same row too, within {spec.same_within_s} s: equal in {names}."
    columns = [
        (f"`{column.name}`" + ("*" if column.required else ""), column.type, column.unit, column.en, column.zh)
        for column in spec.columns
    ]
    key = ", ".join(f"`{name}`" for name in spec.key)
    return (
        f"\n## {spec.name}\n\n{spec.description_en}\n\n{spec.description_zh}\n\n"
        f"One row per {key} · {day}{again}\n\n" + _rows(("column", "type", "unit", "meaning", "含义"), columns)
    )


def _faults() -> str:
    return _FAULTS.format(
        faults=_codes(FAULT_CODES), quarantine=_codes(QUARANTINE_CODES), ignored=_codes(IGNORED_CODES)
    )


def _codes(codes: Mapping[str, Meaning]) -> str:
    return _rows(("code", "meaning", "含义"), ((f"`{code}`", m.en, m.zh) for code, m in sorted(codes.items())))


def _models() -> str:
    rows = [(f"`{model.model_id}`", model.name, _measures(model), _reads(model)) for model in all_models().values()]
    return _rows(("model", "device", "becomes", "from"), rows)


def _measures(model: Model) -> str:
    channels: dict[str, set[int]] = {}
    for field in model.fields.values():
        channels.setdefault(field.quantity, set()).add(field.channel)
    return ", ".join(f"{name} × {len(found)}" if len(found) > 1 else name for name, found in channels.items())


def _reads(model: Model) -> str:
    read = ["decoded payload"] + (["bytes"] if model.frame else []) + (["history"] if model.history else [])
    return ", ".join(read)


def _units() -> str:
    return _rows(
        ("quantity", "units taken", "range", "kept in"),
        ((name, units, between.format(to="to"), column) for name, units, between, column, _ in _quantities()),
    )


def _units_in_chinese() -> str:
    return _rows(
        ("quantity", "是什么", "可用单位", "范围", "存入"),
        ((name, zh, units, between.format(to="至"), column) for name, units, between, column, zh in _quantities()),
    )


def _quantities() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield what readings may be: name, units, range with `{to}` in it, where it is kept, and what it is in Chinese."""
    kinds = {"soil": "soil_readings", "weather": "weather_readings"}
    for q in QUANTITIES.values():
        if q.kind in kinds:
            (column,) = (column for column in all_tables()[kinds[q.kind]].columns if column.name == q.column)
            yield (
                f"`{q.name}`",
                ", ".join(f"`{unit}`" for unit in units_of(q.name)),
                f"{q.lowest:,.10g} {{to}} {q.highest:,.10g} {q.unit}".removesuffix(" 1"),
                f"{kinds[q.kind]}.{q.column}",
                column.zh.removesuffix("。"),
            )


def _unknown() -> str:
    quantities: dict[str, list[str]] = {}
    for name, quantity in unknown_fields()[0].items():
        quantities.setdefault(quantity, []).append(f"`{name}`")
    return _rows(("becomes", "field names"), ((name, ", ".join(fields)) for name, fields in quantities.items()))


def _questions() -> str:
    return _rows(("name", "question", "问题"), ((f"`{q.name}`", q.en, q.zh) for q in all_questions()))


def _views() -> str:
    shown = [model for model in analyst_models() if model.name in analyst_views()]
    rows = [(f"`{m.name}`", m.grain, m.meaning) for m in sorted(shown, key=lambda model: model.name)]
    return _rows(("view", "one row per", "meaning"), rows)


def _deadlines() -> str:
    names = {"summer": "6–8 月 · June to August", "rest_of_year": "其余月份 · rest of the year"}
    found: dict[tuple[str, int], dict[int, float]] = {}
    for row in deadlines():
        season = "summer" if row.from_month_day == "06-01" else "rest_of_year"
        found.setdefault((season, row.severity), {})[row.maintenance_grade] = row.hours
    words = all_words()
    rows = [
        (names[season], " · ".join(words[f"severity.{severity}"].values()), *(f"{hours[g]:g} h" for g in (1, 2, 3)))
        for (season, severity), hours in found.items()
    ]
    return _rows(("季节 · season", "严重程度 · severity", "一级 · grade 1", "二级 · grade 2", "三级 · grade 3"), rows)


def _campaigns() -> str:
    rules = reference_rows("campaign_rules")
    rows = [
        (
            f"{row['name_zh']} · {row['name_en']}",
            f"`{row['campaign_id']}`",
            f"{row['month_day_from']} – {row['month_day_to']}",
            ", ".join(_condition(rule) for rule in rules if rule["campaign_id"] == row["campaign_id"])
            or "只按日历 · calendar only",
            f"{row['standard_mm']} mm" if row["standard_mm"] else "",
        )
        for row in reference_rows("campaigns")
    ]
    return _rows(("行动 · campaign", "id", "窗口 · window", "条件 · conditions", "常用水量 · usual depth"), rows)


def _condition(rule: Mapping[str, str]) -> str:
    depths = f" {rule['depth_from_cm']}–{rule['depth_to_cm']} cm" if rule["depth_from_cm"] else ""
    days = f", {rule['days_running']} d" if rule["days_running"] != "1" else ""
    return f"`{rule['quantity']}`{depths} {rule['operator']} {rule['threshold']}{days}"


def _textures() -> str:
    rows = [
        (row["name_zh"], f"`{row['texture_key']}`", row["field_capacity"], row["wilting_point"], row["saturation"])
        for row in reference_rows("soil_textures")
    ]
    return _rows(("土壤质地", "texture", "field capacity", "wilting point", "saturation"), rows)


def _vegetations() -> str:
    rows = [
        (row["name_zh"], row["name_en"], row["root_zone_m"], row["depletion_fraction"], row["source"])
        for row in reference_rows("vegetations")
    ]
    return _rows(("植被", "vegetation", "root zone, m", "p", "source"), rows)


def _national_grades() -> str:
    rows = [
        (row["name_zh"], row["name_en"], _bound(row["above_pct"]), _bound(row["up_to_pct"]))
        for row in reference_rows("national_grades")
    ]
    return _rows(("等级", "grade", "R above, %", "R up to, %"), rows)


def _agricultural_grades() -> str:
    rows = [
        (row["texture_group"], row["name_zh"], row["national_grade"], _bound(row["from_pct"]), _bound(row["below_pct"]))
        for row in reference_rows("agricultural_grades")
    ]
    return _rows(("质地 · texture", "等级", "grade", "R from, %", "R below, %"), rows)


def _bound(value: object) -> str:
    return "" if abs(float(str(value))) >= 1e6 else f"{float(str(value)):g}"


def _limits() -> str:
    rows = [(f"`{r['name']}`", r["value"], r["unit"], r["meaning"], r["source"]) for r in reference_rows("limits")]
    return _rows(("name", "value", "unit", "meaning", "source"), rows)


_PARTS = {
    "campaigns": _campaigns,
    "models": _models,
    "units": _units,
    "units_zh": _units_in_chinese,
    "unknown": _unknown,
    "questions": _questions,
    "views": _views,
    "deadlines": _deadlines,
    "textures": _textures,
    "vegetations": _vegetations,
    "national_grades": _national_grades,
    "agricultural_grades": _agricultural_grades,
    "limits": _limits,
}


def write() -> None:
    """Write every made page, and every made part of the other pages."""
    for name, text in made_pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
    for page in DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        made = with_made_parts(text)
        if made != text:
            page.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    write()
