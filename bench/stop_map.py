"""What the map of stops adds to a crew's page: bytes as they travel, and CPU time. `python -m bench.stop_map`."""

from __future__ import annotations

import gzip
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import shapely

from crews.apply import apply_flags, valid_plots
from crews.card import Form
from crews.crew_list import CrewList
from crews.ledger import Ledger
from crews.lists import list_of
from crews.page import render_list
from crews.stop_map import make_stop_map
from crews.words import speaker
from ingest.site import BEICHEN

_NOW = datetime(2026, 7, 2, 0, 30, tzinfo=UTC)
_SIZES = (1, 6, 20, 60, 200)
_RUNS = 15
_CORNERS = 40
_SPREAD_DEG = 0.03
_MANY_SIDES_M = (20.0, 40.0, 100.0, 300.0)


def main() -> int:
    """Print the table; always 0."""
    sys.stdout.write("stops  page kB  compressed kB  of it the map kB  page CPU ms  of it the map CPU ms\n")
    for stops in _SIZES:
        listed = _list_of(stops)
        page = render_list(listed, "zh", form=lambda issue_id: Form("f" * 43, issue_id))
        drawn = make_stop_map(listed, speaker("zh"))
        bare = page if drawn is None else page.replace(drawn.svg, "")
        whole, rest = (len(gzip.compress(text.encode(), 6)) / 1000 for text in (page, bare))
        page_ms = _cpu_ms(partial(render_list, listed, "zh"))
        map_ms = _cpu_ms(partial(make_stop_map, listed, speaker("zh")))
        sys.stdout.write(
            f"{stops:5}  {len(page.encode()) / 1000:7.0f}  {whole:13.1f}  {whole - rest:16.1f}  {page_ms:11.1f}"
            f"  {map_ms:20.1f}\n"
        )
    return 0


def _cpu_ms(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(_RUNS):
        before = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - before))
    return statistics.median(taken)


def _list_of(stops: int) -> CrewList:
    """Return a list of dry plots of four sizes, scattered over some ten kilometres."""
    chance = random.Random(stops)
    plots = [_plot(number, chance) for number in range(stops)]
    flags = [_flag(plot["plot_id"], 1 + number % 4) for number, plot in enumerate(plots)]
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.sqlite", BEICHEN) as ledger:
        apply_flags(ledger, flags, plots, _NOW)
        return list_of(ledger, "一队", valid_plots(plots, _NOW), _NOW, 8000.0)


def _plot(number: int, chance: random.Random) -> dict[str, Any]:
    lon, lat = chance.gauss(117.13, _SPREAD_DEG), chance.gauss(39.23, _SPREAD_DEG)
    side = chance.choice(_MANY_SIDES_M) / 111_320
    turns = [2 * math.pi * corner / _CORNERS for corner in range(_CORNERS)]
    outline = shapely.Polygon(
        (lon + side * math.cos(turn) * chance.uniform(0.7, 1), lat + side * math.sin(turn) * chance.uniform(0.7, 1))
        for turn in turns
    )
    return {
        "plot_id": f"P-{number:03d}", "name": f"京津路绿带 {number} 段", "crew": "一队", "maintenance_grade": 1,
        "grid_id": "BC-07", "address_hint": f"京津路东侧，{number} 号灯杆往北", "water_source": "龙门东道取水点",
        "lon": lon, "lat": lat, "geometry": shapely.to_wkb(outline),
    }  # fmt: skip


def _flag(plot_id: str, severity: int) -> dict[str, Any]:
    return {
        "as_of": _NOW, "plot_id": plot_id, "cause": "drought", "device_id": None, "state": "dry", "needs_work": True,
        "severity": severity, "since": _NOW - timedelta(days=3), "reason_code": "drought_dry",
        "reason_params_json": '{"depths_cm": "10", "value_pct": 14.2, "grade_zh": "一级", "grade_en": "grade 1",'
        ' "line_pct": 18, "days": 3}',
        "value": 0.142, "line": 0.18, "unit": "m3/m3", "gross_mm": 17.1, "litres": 6400.0, "visits": 1,
        "priority": 6.0, "confidence": "high", "data_at": _NOW, "rule_id": "soil.root_zone_depletion",
        "rule_version": "1", "inputs_json": "{}",
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
