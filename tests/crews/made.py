"""A made district: plots, flags and a ledger with every kind of card, for tests and for the preview."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import shapely

from crews.action import Action
from crews.apply import apply_flags
from crews.ledger import Ledger
from crews.perform import perform
from ingest.site import BEICHEN

NOW = datetime(2026, 7, 2, 0, 30, tzinfo=UTC)
"""08:30 on 2 July 2026 by the district's clock."""

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def plot(plot_id: str, name: str, lon: float, lat: float, **changes: Any) -> dict[str, Any]:
    """Return a row of the register: a rectangle of about 90 m by 60 m around the position."""
    outline = shapely.box(lon - 0.0005, lat - 0.0003, lon + 0.0005, lat + 0.0003)
    row: dict[str, Any] = {
        "plot_id": plot_id,
        "name": name,
        "plot_type": "road_green_belt",
        "maintenance_grade": 1,
        "vegetation": "shrubs",
        "plants": "大叶黄杨、紫叶小檗",
        "grid_id": "BC-07",
        "responsible_unit": "北辰区园林养护一所",
        "responsible_person": "李师傅",
        "phone": "022-2600 0000",
        "crew": "一队",
        "address_hint": "京津路东侧，龙门东道口往北 200 米",
        "access_note": "从辅路进，树池旁有停车位",
        "water_source": "龙门东道取水点",
        "area_m2": 5700.0,
        "lon": lon,
        "lat": lat,
        "valid_from": datetime(2026, 1, 1, tzinfo=UTC),
        "valid_to": None,
        "register_version": "1",
        "geometry": shapely.to_wkb(outline),
    }
    return row | changes


def flag(plot_id: str, cause: str, as_of: datetime, **changes: Any) -> dict[str, Any]:
    """Return a flag: a dry plot for cause drought, otherwise what `changes` say."""
    trend = [[f"2026-06-{day}", round(0.22 - 0.013 * step, 3)] for step, day in enumerate(range(24, 31))]
    row: dict[str, Any] = {
        "as_of": as_of,
        "plot_id": plot_id,
        "cause": cause,
        "device_id": None,
        "state": "dry",
        "needs_work": True,
        "severity": 2,
        "since": as_of - 3 * DAY,
        "reason_code": "drought_dry",
        "reason_params_json": json.dumps(
            {"depths_cm": "10", "value_pct": 14.2, "grade_zh": "一级", "grade_en": "grade 1", "line_pct": 18, "days": 3}
        ),
        "value": 0.142,
        "line": 0.18,
        "unit": "m3/m3",
        "gross_mm": 17.1,
        "litres": 6400.0,
        "visits": 1,
        "priority": 6.0,
        "confidence": "high",
        "data_at": as_of - timedelta(minutes=35),
        "rule_id": "soil.root_zone_depletion",
        "rule_version": "1",
        "inputs_json": json.dumps({"trend_7d": trend, "probes": [{"device_id": "BC-S-0107"}]}),
    }
    return row | changes


def well(plot_id: str, cause: str, as_of: datetime, **changes: Any) -> dict[str, Any]:
    """Return a flag that says that the plot was looked at and is well."""
    return (
        flag(plot_id, cause, as_of, state="ok", needs_work=False, severity=0, litres=None, reason_code=f"{cause}_ok")
        | changes
    )


def silent(plot_id: str, device_id: str, as_of: datetime, **changes: Any) -> dict[str, Any]:
    """Return the flag of a device that says nothing."""
    return flag(
        plot_id, "sensor", as_of, device_id=device_id, state="silent", severity=2, reason_code="sensor_silent",
        reason_params_json=json.dumps({"hours": 91}), value=None, line=None, unit=None, litres=None, gross_mm=None,
        data_at=as_of - 91 * HOUR, rule_id="sensor.heartbeat", inputs_json="{}",
    ) | changes  # fmt: skip


def watered(plot_id: str, as_of: datetime, hours: int = 5, **changes: Any) -> dict[str, Any]:
    """Return the flag of a plot that water has just reached."""
    params = {"hours": hours, "rise_pct": 9.0}
    return flag(
        plot_id, "drought", as_of, state="just_watered", needs_work=False, severity=0, since=as_of - hours * HOUR,
        reason_code="drought_just_watered", reason_params_json=json.dumps(params), litres=None, gross_mm=None,
    ) | changes  # fmt: skip


def sick(plot_id: str, as_of: datetime, **changes: Any) -> dict[str, Any]:
    """Return the flag of a bed that looks ill from the air."""
    inputs = {
        "best_image_id": "DJI_0032",
        "object_uri": "https://images.example.org/2026-07-01/DJI_0032.jpg",
        "image_ids": ["DJI_0031", "DJI_0032"],
        "object_uris": ["https://images.example.org/2026-07-01/DJI_0032.jpg", "patrol/2026-07-01/DJI_0031.jpg"],
        "confidence": 0.91,
        "lon": 117.1343,
        "lat": 39.2262,
    }
    params = {"images": 2, "flights": 2, "class_zh": "病害", "class_en": "disease", "confidence_pct": 91}
    return flag(
        plot_id, "disease", as_of, state="probable", severity=3, reason_code="disease_probable",
        reason_params_json=json.dumps(params), value=0.91, line=0.6, unit="1", litres=None, gross_mm=None,
        data_at=as_of - 20 * HOUR, rule_id="drone.disease", inputs_json=json.dumps(inputs),
    ) | changes  # fmt: skip


PLOTS = [
    plot("JJ-012", "京津路绿带 12 段", 117.1320, 39.2240),
    plot("JJ-015", "京津路绿带 15 段", 117.1326, 39.2289, address_hint="京津路东侧，果园北道口"),
    plot(
        "BYH-03", "北运河滨河 3 号", 117.1342, 39.2261, plot_type="riverside", maintenance_grade=2, plants="碧桃、垂柳"
    ),
    plot("GY-01", "果园街口袋公园", 117.1281, 39.2312, plot_type="pocket_park", maintenance_grade=2, phone=None),
    plot("LM-07", "龙门东道行道树", 117.1402, 39.2215, plot_type="street_trees", maintenance_grade=3, plants="国槐"),
    plot("JJ-021", "京津路绿带 21 段", 117.1333, 39.2351, maintenance_grade=2),
    plot("JJ-022", "京津路绿带 22 段", 117.1339, 39.2372, maintenance_grade=2, responsible_unit="北辰区园林养护二所"),
    plot("BYH-05", "北运河滨河 5 号", 117.1361, 39.2302, maintenance_grade=2, crew=None),
    plot("SH-02", "双环路分车带 2 段", 117.1450, 39.2250, plot_type="median", crew="二队"),
]


def fill(path: Path) -> None:
    """Write a ledger at `path` that, at NOW, holds every kind of card."""
    with Ledger(path, BEICHEN) as ledger:
        early = NOW - 2 * DAY
        first = [
            flag("JJ-012", "drought", early, severity=3, litres=9000.0, gross_mm=24.0, visits=2),
            flag("JJ-021", "drought", early, maintenance_grade=2),
            flag("JJ-022", "drought", early),
            flag("LM-07", "drought", early, severity=1),
            flag("GY-01", "drought", early, severity=1),
        ]
        apply_flags(ledger, first, PLOTS, early)
        opened = {issue.plot_id: issue.issue_id for issue in ledger.open_issues()}
        report(ledger, opened["JJ-021"], "done", NOW - 30 * HOUR, litres=6200.0)
        report(ledger, opened["JJ-022"], "done", NOW - 5 * HOUR, litres=6400.0)
        report(ledger, opened["LM-07"], "cannot_do", NOW - 20 * HOUR, reason="no_water")
        apply_flags(ledger, [flag("JJ-015", "drought", NOW - 40 * HOUR)], PLOTS, NOW - 40 * HOUR)
        second = [
            flag("JJ-012", "drought", NOW - HOUR, severity=4, litres=11_200.0, gross_mm=29.9, visits=2,
                 reason_code="drought_dry_severe", value=0.118),
            flag("JJ-015", "drought", NOW - HOUR),
            well("JJ-021", "drought", NOW - HOUR),
            flag("GY-01", "drought", NOW - HOUR, state="silent", needs_work=False, severity=0,
                 reason_code="drought_silent", litres=None, data_at=NOW - 91 * HOUR),
            silent("GY-01", "BC-S-0231", NOW - HOUR),
            sick("BYH-03", NOW - HOUR),
            flag("BYH-03", "drought", NOW - HOUR, litres=None, gross_mm=None, confidence="low", severity=1),
            flag("BYH-05", "drought", NOW - HOUR),
            flag("SH-02", "drought", NOW - HOUR, litres=3000.0, gross_mm=12.0),
        ]  # fmt: skip
        apply_flags(ledger, second, PLOTS, NOW - HOUR)


def report(
    ledger: Ledger,
    issue_id: str,
    kind: str,
    at: datetime,
    *,
    reason: str | None = None,
    litres: float | None = None,
    inspection: str | None = None,
) -> None:
    """Let crew 一队 report."""
    action = Action(
        f"{kind}-{issue_id}", issue_id, kind, "crew:一队", as_crew="一队", reason=reason, water_used_litres=litres,
        inspection=inspection,
    )  # fmt: skip
    perform(ledger, action, at)
