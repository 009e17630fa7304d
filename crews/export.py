"""A crew's list as CSV and XLSX (for spreadsheets) and as GeoJSON (RFC 7946)."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import Any

import shapely
import xlsxwriter
from shapely.geometry import MultiPolygon, Polygon, mapping
from shapely.geometry.polygon import orient

from crews.crew_list import LITRES_PER_TONNE, CrewList, Stop
from crews.readable import readable
from crews.reasons import Reasons
from crews.say_stop import say_action, say_reason, say_saline
from crews.words import speaker

_FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
_BOM = "\ufeff"

_LONGEST_CELL = 32_767
"""Characters that a cell of XLSX may have."""

_COLUMN_WIDTHS = {"issue_id": 18, "action": 34, "due_at": 26, "reason_zh": 46, "reason_en": 46, "plot_name": 28}

COLUMNS = (
    "seq",
    "group",
    "issue_id",
    "cause",
    "severity",
    "action",
    "water_t",
    "trucks",
    "water_all_visits_t",
    "visits",
    "due_at",
    "reason_zh",
    "reason_en",
    "rule_id",
    "rule_version",
    "state",
    "newest_state",
    "confidence",
    "caveat",
    "evidence_value",
    "evidence_line",
    "evidence_unit",
    "evidence_days",
    "days_until_dry",
    "days_until_dry_low",
    "days_until_dry_high",
    "data_age_min",
    "trend_7d",
    "photo_url",
    "plot_id",
    "plot_name",
    "plot_type",
    "maintenance_grade",
    "area_m2",
    "plants",
    "grid_id",
    "address_hint",
    "access_note",
    "water_source",
    "lon_wgs84",
    "lat_wgs84",
    "lon_gcj02",
    "lat_gcj02",
    "nav_amap",
    "nav_tencent",
    "nav_baidu",
    "leg_km",
    "responsible_unit",
    "responsible_person",
    "phone",
    "crew",
    "repeat_count",
    "look_back_on",
    "status",
    "done_at",
    "water_used_t",
    "result_code",
    "checker",
    "list_version",
    "generated_at",
    "expires_at",
)
"""Columns of the list, in the specification's order, as far as there is something to fill them with.

water_t and trucks are for this visit; the reasons and data_age_min are those of the newest evaluation.
"""


def defuse(text: str) -> str:
    """Return `text` so that a spreadsheet never takes it for a formula: an apostrophe goes before such a start."""
    start = text.lstrip(" \u3000\u00a0\ufeff")[:1]
    return f"'{text}" if start in _FORMULA_STARTS and start else text


def stop_values(listed: CrewList, stop: Stop, language: str, known: Reasons | None = None) -> dict[str, Any]:
    """Return the columns of the list for one stop, in the specification's order; JSON values, None for unknown."""
    issue, finding, plot, way = stop.issue, stop.finding, stop.plot, stop.navigation
    photo = next((picture.uri or picture.image_id for picture in finding.pictures), None)

    def local(instant: datetime | None) -> str | None:
        return None if instant is None else instant.astimezone(listed.site.timezone).isoformat(timespec="seconds")

    values = {
        "seq": stop.seq,
        "group": stop.group,
        "issue_id": issue.issue_id,
        "cause": issue.cause,
        "severity": issue.severity,
        "action": say_action(stop, speaker(language)),
        "water_t": None if stop.tonnes is None else round(stop.tonnes, 2),
        "trucks": stop.whole_loads,
        "water_all_visits_t": None
        if stop.hold or finding.litres is None
        else round(finding.litres / LITRES_PER_TONNE, 2),
        "visits": None if stop.hold else finding.visits,
        "due_at": local(issue.due_at),
        "reason_zh": say_reason(stop, "zh", known),
        "reason_en": say_reason(stop, "en", known),
        "rule_id": finding.rule_id,
        "rule_version": finding.rule_version,
        "state": finding.state,
        "newest_state": stop.newest_state,
        "confidence": stop.spoken.confidence,
        "caveat": say_saline(stop, speaker(language)),
        "evidence_value": finding.value,
        "evidence_line": finding.line,
        "evidence_unit": finding.unit,
        "evidence_days": stop.days,
        "days_until_dry": _days((stop.drought or stop.spoken).days_until_dry),
        "days_until_dry_low": _days((stop.drought or stop.spoken).days_until_dry_low),
        "days_until_dry_high": _days((stop.drought or stop.spoken).days_until_dry_high),
        "data_age_min": stop.data_age_min,
        "trend_7d": " ".join("?" if value is None else f"{value:g}" for _, value in finding.trend_7d),
        "photo_url": photo,
        "plot_id": issue.plot_id,
        "plot_name": stop.name,
        "plot_type": plot.get("plot_type"),
        "maintenance_grade": plot.get("maintenance_grade"),
        "area_m2": None if plot.get("area_m2") is None else round(plot["area_m2"], 1),
        "plants": plot.get("plants"),
        "grid_id": plot.get("grid_id"),
        "address_hint": plot.get("address_hint"),
        "access_note": plot.get("access_note"),
        "water_source": plot.get("water_source"),
        "lon_wgs84": None if way is None else round(way.lon_wgs84, 6),
        "lat_wgs84": None if way is None else round(way.lat_wgs84, 6),
        "lon_gcj02": None if way is None else way.lon_gcj02,
        "lat_gcj02": None if way is None else way.lat_gcj02,
        "nav_amap": None if way is None else way.amap,
        "nav_tencent": None if way is None else way.tencent,
        "nav_baidu": None if way is None else way.baidu,
        "leg_km": stop.leg_km,
        "responsible_unit": plot.get("responsible_unit"),
        "responsible_person": plot.get("responsible_person"),
        "phone": plot.get("phone"),
        "crew": issue.crew,
        "repeat_count": issue.repeat_count,
        "look_back_on": None if issue.look_back_on is None else issue.look_back_on.isoformat(),
        "status": issue.state,
        "done_at": local(issue.done_at),
        "water_used_t": None
        if issue.water_used_litres is None
        else round(issue.water_used_litres / LITRES_PER_TONNE, 3),
        "result_code": issue.result_code,
        "checker": issue.checker,
        "list_version": listed.version,
        "generated_at": local(listed.generated_at),
        "expires_at": local(listed.expires_at),
    }
    return {name: readable(value) if isinstance(value, str) else value for name, value in values.items()}


def to_csv(lists: list[CrewList], language: str, known: Reasons | None = None) -> str:
    """Return the lists as one CSV with a header, for a spreadsheet: BOM first, CRLF, text cells defused."""
    rows = [stop_values(listed, stop, language, known) for listed in lists for stop in listed.stops]
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            [defuse(value) if isinstance(value, str) else value for value in (row[name] for name in COLUMNS)]
        )
    return _BOM + sink.getvalue()


def to_xlsx(lists: list[CrewList], language: str, known: Reasons | None = None) -> bytes:
    """Return the lists as one sheet of an Excel workbook with the columns of the CSV; numbers are numbers.

    No text becomes a formula, a link or a number; texts that begin like a formula are defused all the same, for the day
    on which somebody saves the sheet as CSV.
    """
    rows = [stop_values(listed, stop, language, known) for listed in lists for stop in listed.stops]
    sink = io.BytesIO()
    # In memory: a workbook of a list is small, and the page's process need not be able to write anywhere.
    with xlsxwriter.Workbook(sink, {"in_memory": True}) as book:
        if lists:
            # The list's own instant, so that the same list is the same file.
            book.set_properties({"created": lists[0].generated_at.replace(tzinfo=None)})
        sheet = book.add_worksheet()
        head = book.add_format({"bold": True})
        for column, name in enumerate(COLUMNS):
            sheet.set_column(column, column, _COLUMN_WIDTHS.get(name, 13))
            sheet.write_string(0, column, name, head)
        for number, row in enumerate(rows, start=1):
            for column, name in enumerate(COLUMNS):
                value = row[name]
                if isinstance(value, str):
                    sheet.write_string(number, column, defuse(value)[:_LONGEST_CELL])
                elif value is not None:
                    sheet.write_number(number, column, value)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(rows), len(COLUMNS) - 1)
    return sink.getvalue()


def to_geojson(lists: list[CrewList], language: str, known: Reasons | None = None) -> str:
    """Return the lists as a FeatureCollection: the plot's outline, else its point, else a null geometry; WGS 84."""
    features = [
        {
            "type": "Feature",
            "id": stop.issue.issue_id,
            "geometry": _geometry(stop),
            "properties": stop_values(listed, stop, language, known),
        }
        for listed in lists
        for stop in listed.stops
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, allow_nan=False)


def _geometry(stop: Stop) -> dict[str, Any] | None:
    outline = stop.plot.get("geometry")
    if outline:
        shape = shapely.from_wkb(outline)
        if isinstance(shape, Polygon):
            shape = orient(shape)
        elif isinstance(shape, MultiPolygon):
            shape = MultiPolygon([orient(part) for part in shape.geoms])
        return dict(mapping(shape))
    return None if stop.position is None else {"type": "Point", "coordinates": list(stop.position)}


def _days(days: float | None) -> float | None:
    return None if days is None else round(days, 1)
