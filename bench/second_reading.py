"""A second reading of the specification beside the SQL: `python -m bench.second_reading --districts 3 --seed 1`.

Invents districts (textures and laboratory values, young and old plants, one to four depths, twins at a depth, gaps,
intervals from five minutes to half a day, registered or not, salt, dry-downs and waterings around the lines) and
judges every plot and day, and whether an issue stands open, twice: by the product's models and by
`bench.plain_reading`. Prints what differs; exit 1.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from statistics import fmean, median
from typing import Any

import duckdb

from bench.plain_reading import CLOSE, Evaluation, Soil, daily_means, is_open, judge
from bench.two_readings import Differences, compare_districts, differs, models_of, rows_of
from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.reference import reference_rows
from tests.sql.made_lake import MadeLake, local_midnight

_ZONE = BEICHEN.timezone
_DAYS = 14
_PLOTS = 24
_ASKED = ("root_zone_daily", "readings", "drought_basis", "drought_evidence", "learned_field_capacities")
_SALINE_DS_M = 4
_TOLERANCES = {
    "total_available_water_mm": 0.02, "depletion_mm": 0.02, "depletion_share": 0.0005, "relative_moisture_pct": 0.02,
    "coverage": 1e-6, "ks": 0.001, "state": 0, "stress_severity": 0, "is_shallow_only": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plot:
    """An invented plot: its roots, soil, and probes as device, depth in cm and seconds between readings."""

    root_zone_m: float
    p: float
    soil: Soil
    probes: tuple[tuple[str, int, int], ...]


def invent(lake: MadeLake, plot_id: str, now: datetime, random: Random) -> Plot:
    """Add a plot with two weeks of readings to `lake` and return what it is."""
    vegetation = random.choice(reference_rows("vegetations"))
    today = now.astimezone(_ZONE).date()
    planted = random.choice([None, today.replace(year=today.year - 3), today - timedelta(days=1094)])
    is_new = planted is not None and planted > today.replace(year=today.year - 3)
    prefix = "new_" if is_new else ""
    texture = random.choice(reference_rows("soil_textures"))
    soil = Soil(float(texture["field_capacity"]), float(texture["wilting_point"]), 0.043)
    given: dict[str, Any] = {"soil_texture": texture["texture_key"]}
    if random.random() < 0.4:
        soil = Soil(round(random.uniform(0.2, 0.42), 3), round(random.uniform(0.06, 0.12), 3), 0.0)
        given = {"field_capacity": soil.field_capacity, "wilting_point": soil.wilting_point, "saturation": 0.6}
    lake.plot(plot_id, **{"vegetation": vegetation["vegetation"], "planted_on": planted, "soil_texture": None} | given)
    interval_s = random.choice([300, 900, 2700, 3600, 3600, 7200, 14400, 21600, 43200])
    is_registered = random.random() < 0.7
    probes = []
    start = local_midnight(today - timedelta(days=_DAYS))
    depleted = random.uniform(0.2, 0.6)
    p = float(vegetation[f"{prefix}depletion_fraction"])
    for depth_cm in sorted(random.sample([5, 10, 20, 30, 40, 60, 80], random.choice([1, 1, 2, 3, 4]))):
        for twin in range(random.choice([1, 1, 2])):
            device_id = f"{plot_id}-{depth_cm}-{twin}"
            lake.device(
                device_id,
                plot_id,
                depths_cm=[float(depth_cm)],
                report_interval_s=float(interval_s) if is_registered else None,
            )
            probes.append((device_id, depth_cm, interval_s))
            share = depleted + random.uniform(-0.1, 0.1)
            has_gaps = is_registered and random.random() < 0.3
            _readings(lake, device_id, soil, start, now, interval_s, share, p, random, has_gaps=has_gaps)
    return Plot(float(vegetation[f"{prefix}root_zone_m"]), p, soil, tuple(probes))


def _readings(
    lake: MadeLake, device_id: str, soil: Soil, start: datetime, now: datetime, interval_s: int, share: float, p: float,
    random: Random, *, has_gaps: bool,
) -> None:  # fmt: skip
    """Let the soil dry and be watered slowly, again and again, around the lines of its plants."""
    salt = random.choice([None, 0.8, 3.9, 4.0, 4.2])
    aim = share
    for number in range(int((now - start).total_seconds() // interval_s) + 1):
        at = start + timedelta(seconds=number * interval_s)
        hours = interval_s / 3600
        if random.random() < 0.03 * hours:
            aim = random.choice([p + 0.3, p + 0.05, p, p - 0.1, p - 0.16, p - 0.3])
        share += max(-0.02 * hours, min(0.01 * hours, aim - share))
        if has_gaps and random.random() < 0.4:
            continue
        value = soil.field_capacity - share * (soil.field_capacity - soil.wilting_point)
        temperature = 15 + 5 * math.sin(number / 9) + random.random()
        salts: dict[str, Any] = (
            {} if salt is None else {"bulk_ec_ds_m": round(salt + random.choice([-0.3, 0, 0, 0.3]), 2)}
        )
        lake.soil(at, device_id, volumetric_water_content=round(value, 5), soil_temperature_c=temperature, **salts)


def differences(seed: int) -> Differences:
    """Return how many plot-days and plots one district gave to compare, and a line for each value that differs."""
    random = Random(seed)
    lake = MadeLake()
    month, hour = random.choice([4, 5, 6, 7, 8, 9]), random.choice([0, 3, 9, 16, 20])
    now = datetime(random.choice([2025, 2026, 2028]), month, random.randint(16, 28), hour, tzinfo=UTC)
    plots = {f"P{number}": invent(lake, f"P{number}", now, random) for number in range(_PLOTS)}
    rain_mm = _rain(lake, now, random) if random.random() < 0.5 else None
    connection = lake.connect()
    make_models(connection, models_of(_ASKED), as_of=now, site=BEICHEN)
    learned = {row["plot_id"] for row in rows_of(connection, "select * from learned_field_capacities where is_used")}
    means = {plot_id: _means(connection, plot) for plot_id, plot in plots.items()}
    compared: Counter[str] = Counter()
    lines = []
    for (plot_id, day), row in _days(connection).items():
        if plot_id not in learned:
            compared["days"] += 1
            lines += _differing(f"{plot_id} {day}", row, plots[plot_id], means[plot_id].get(day, {}))
    for row in rows_of(connection, "select plot_id, is_open from drought_basis where quantity = 'water_content'"):
        compared["issues"] += 1
        ours = is_open(*_evaluations(connection, row["plot_id"]), now.astimezone(_ZONE), rain_mm)
        lines.append(differs(f"{row['plot_id']}: open", row["is_open"], ours))
    for row in rows_of(connection, "select * from drought_evidence inner join drought_memories using (plot_id)"):
        compared["salt"] += 1
        ours_ec = _saline(connection, plots[row["plot_id"]], row["date"], is_day=row["span"] == "day")
        if abs((ours_ec or 0) - (row["saline_ec_ds_m"] or 0)) > CLOSE:
            lines.append(f"{row['plot_id']}: salt is {row['saline_ec_ds_m']} by SQL, {ours_ec} by plain reading")
    ((flagged, saline),) = connection.execute(
        "select count(*) filter (is_e1_saline), count(*) filter (bulk_ec_ds_m > 4) from readings"
    ).fetchall()
    lines += [] if flagged == saline else [f"E1 speaks {flagged} times by SQL, {saline} by plain reading"]
    lake.connection.close()
    return compared, [line for line in lines if line]


def _saline(connection: duckdb.DuckDBPyConnection, plot: Plot, day: date, *, is_day: bool) -> float | None:
    """Return the largest daily mean of bulk EC of a probe that counts for the verdict, dS/m, where it is above 4."""
    means = []
    for device_id, _, interval_s in plot.probes:
        rows = connection.execute(
            "select measured_at, bulk_ec_ds_m from readings where device_id = ? and date = ? and is_evidence",
            [device_id, day],
        ).fetchall()
        is_counted = 2 * len(rows) >= 86400 / interval_s if is_day else bool(rows)
        by_hour: dict[int, list[float]] = defaultdict(list)
        for at, salt in rows:
            if salt is not None:
                by_hour[at.astimezone(_ZONE).hour].append(salt)
        if is_counted and by_hour:
            means.append(fmean(fmean(salts) for salts in by_hour.values()))
    return max((mean for mean in means if mean > _SALINE_DS_M + CLOSE), default=None)


def _rain(lake: MadeLake, now: datetime, random: Random) -> dict[date, float]:
    today = now.astimezone(_ZONE).date()
    rain = {today - timedelta(days=back): random.choice([0.0, 0.0, 4.0, 9.9, 10.0]) for back in range(1, _DAYS)}
    for day, millimetres in rain.items():
        at = local_midnight(day) + timedelta(hours=12)
        lake.add("weather_readings", device_id="W", measured_at=at, air_temperature_c=25.0, rain_depth_mm=millimetres)
    return rain


def _days(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, date], dict[str, Any]]:
    return {(row["plot_id"], row["date"]): row for row in rows_of(connection, "select * from root_zone_daily")}


def _means(connection: duckdb.DuckDBPyConnection, plot: Plot) -> dict[date, dict[float, float]]:
    """Return the water contents of each day by depth in metres: the median of twins.

    Readings are those that the gates let through as evidence (decision 11); bench.ismn_gates judges the gates.
    """
    by_depth: dict[float, list[dict[date, float]]] = defaultdict(list)
    for device_id, depth_cm, interval_s in plot.probes:
        rows = connection.execute(
            "select measured_at, volumetric_water_content from readings where device_id = ? and is_evidence",
            [device_id],
        ).fetchall()
        by_depth[depth_cm / 100].append(daily_means(((at.astimezone(_ZONE), value) for at, value in rows), interval_s))
    days: dict[date, dict[float, float]] = defaultdict(dict)
    for depth, probes in by_depth.items():
        for day in {day for probe in probes for day in probe}:
            days[day][depth] = median(probe[day] for probe in probes if day in probe)
    return days


def _differing(what: str, row: dict[str, Any], plot: Plot, water_contents: dict[float, float]) -> list[str]:
    if not water_contents:
        return [f"{what}: judged by SQL, too few readings by plain reading"]
    verdict = judge(water_contents, plot.root_zone_m, plot.p, plot.soil)
    lines = []
    for name, tolerance in _TOLERANCES.items():
        ours, theirs = getattr(verdict, name), row[name]
        if name == "state" and row["is_wet"]:
            ours = "wet"
        lines.append(differs(f"{what}: {name}", theirs, ours, tolerance))
    return lines


def _evaluations(connection: duckdb.DuckDBPyConnection, plot_id: str) -> tuple[list[Evaluation], list[Evaluation]]:
    """Return the days and the hours of a plot, hours that lack one of its depths left out."""
    found: dict[str, list[Evaluation]] = {"day": [], "hour": []}
    rows = rows_of(connection, f"select * from root_zone where plot_id = '{plot_id}' order by starts_at")
    for row in rows:
        since = row["starts_at"] - timedelta(hours=48)
        around = [one["depths"] for one in rows if since <= one["starts_at"] <= row["starts_at"]]
        if row["span"] == "hour" and row["depths"] < max(around):
            continue
        is_dry = row["state"] == "dry" and row["depletion_share"] >= row["depletion_fraction"] - CLOSE
        is_severest = is_dry and row["stress_severity"] == 4
        at = row["starts_at"].astimezone(_ZONE)
        found[row["span"]].append(Evaluation(at, is_dry, is_severest, row["is_below_close"]))
    return found["day"], found["hour"]


def main() -> int:
    """Judge districts twice and print what differs."""
    return compare_districts(__doc__, 3, differences)


if __name__ == "__main__":
    raise SystemExit(main())
