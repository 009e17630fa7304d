"""A second reading of soils beside the SQL: `python -m bench.second_reading_of_soils --districts 3 --seed 1`.

Invents districts (plots of fill over other soil, tensiometers only at any depth and age, probes that are watered to the
full again and again, plots without a probe among plots of their kind) and says twice what the root zone lacks, how dry
potentials are, what field capacity a probe has learned, and what peers say: by the product's models and by
`bench.plain_soils`. Prints what differs; exit 1.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from statistics import median
from typing import Any

import duckdb

from bench import plain_soils as plain
from bench.plain_reading import Soil, daily_means
from bench.two_readings import Differences, compare_districts, differs, models_of, rows_of
from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.reference import reference_rows
from tests.sql.made_lake import MadeLake, local_midnight

_ZONE = BEICHEN.timezone
_HOUR = timedelta(hours=1)
_SIGMA, _DAYS, _WET_DAYS, _PEERS = 0.043, 8, 33, 3
_VEGETATIONS = {row["vegetation"]: row for row in reference_rows("vegetations")}
_TEXTURES = {row["texture_key"]: row for row in reference_rows("soil_textures")}
_ASKED = (
    "root_zone_daily",
    "potential_daily",
    "learned_field_capacities",
    "peer_estimates",
    "readings",
    "drought_basis",
)


@dataclass(slots=True)
class District:
    """All that was invented: plots of each kind by id."""

    now: datetime
    lake: MadeLake = field(default_factory=MadeLake)
    layered: dict[str, tuple[float, float, list[tuple[float, Soil]]]] = field(default_factory=dict)
    tensions: dict[str, tuple[float, date | None]] = field(default_factory=dict)
    wetted: dict[str, datetime | None] = field(default_factory=dict)
    probes: dict[str, list[tuple[str, float, int]]] = field(default_factory=lambda: defaultdict(list))


def invent(seed: int) -> District:
    """Return a district of a random day of spring or autumn, when hours and days count alike."""
    random = Random(seed)
    now = datetime(random.choice([2025, 2026, 2028]), random.choice([5, 6, 9]), random.randint(1, 28), tzinfo=UTC)
    district = District(now + timedelta(hours=random.choice([0, 5, 9, 17, 22])))
    for number in range(12):
        _layered(district, f"L{number}", random)
    for number in range(12):
        _tension(district, f"T{number}", random)
    for number in range(6):
        _wetted(district, f"W{number}", random)
    for number in range(9):
        _alike(district, f"A{number}", random, has_probe=number > 1)
    return district


def _layered(district: District, plot_id: str, random: Random) -> None:
    vegetation = random.choice(list(_VEGETATIONS.values()))
    soils, layers = [], []
    bottoms = sorted(random.sample([10, 15, 25, 40, 55, 80], random.choice([1, 2, 3])))
    for bottom in [*bottoms, None]:
        if random.random() < 0.4:
            soil = Soil(round(random.uniform(0.2, 0.4), 3), round(random.uniform(0.05, 0.15), 3), 0.0)
            given: dict[str, Any] = {"field_capacity": soil.field_capacity, "wilting_point": soil.wilting_point,
                                     "saturation": 0.55}  # fmt: skip
        else:
            texture = random.choice(list(_TEXTURES.values()))
            soil = Soil(float(texture["field_capacity"]), float(texture["wilting_point"]), _SIGMA)
            given = {"soil_texture": texture["texture_key"]}
        soils.append((math.inf if bottom is None else bottom / 100, soil))
        layers.append({"to_cm": bottom} | given)
    district.lake.plot(plot_id, vegetation=vegetation["vegetation"], soil_texture=None, soil_layers=layers)
    district.layered[plot_id] = (float(vegetation["root_zone_m"]), float(vegetation["depletion_fraction"]), soils)
    for depth in random.sample([5, 10, 20, 30, 50, 70], random.choice([1, 2, 3])):
        water = random.uniform(0.08, 0.36)
        _probe(district, plot_id, depth, [water + random.uniform(-0.01, 0.01) for _ in range(_DAYS)], random)


def _probe(
    district: District, plot_id: str, depth: int, means: list[float], random: Random,
    name: str = "volumetric_water_content",
) -> None:  # fmt: skip
    """Add a probe whose readings pass from one day's mean to the next, up to now."""
    device_id = f"{plot_id}-{depth}-{len(district.probes[plot_id])}"
    district.lake.device(device_id, plot_id, depths_cm=[float(depth)], report_interval_s=3600.0)
    district.probes[plot_id].append((device_id, float(depth), 3600))
    today = district.now.astimezone(_ZONE).date()
    start = local_midnight(today - timedelta(days=len(means) - 1))
    for hour in range(int((district.now - start) / _HOUR) + 1):
        day, share = divmod(hour, 24)
        after = means[min(day + 1, len(means) - 1)]
        value = means[min(day, len(means) - 1)] * (1 - share / 24) + after * share / 24
        values: dict[str, Any] = {name: value, "soil_temperature_c": 15 + 4 * math.sin(hour / 4) + random.random()}
        district.lake.soil(start + hour * _HOUR, device_id, **values)


def _tension(district: District, plot_id: str, random: Random) -> None:
    vegetation = random.choice(["cool_turf", "warm_turf", "shrubs", "trees", "conifers"])
    today = district.now.astimezone(_ZONE).date()
    planted = random.choice(
        [None, *(today - timedelta(days=days) for days in (100, 364, 366, 700, 729, 731, 900, 1200))]
    )
    district.lake.plot(plot_id, vegetation=vegetation, planted_on=planted)
    is_new = planted is not None and planted > today.replace(year=today.year - 3)
    row = _VEGETATIONS[vegetation]
    district.tensions[plot_id] = (float(row["new_root_zone_m" if is_new else "root_zone_m"]), planted)
    for depth in random.sample(
        [5, 10, random.choice([14, 15]), 20, 30, random.choice([44, 45]), 60, 90], random.choice([1, 2])
    ):
        kpa = random.choice([-10, -26, -26.4, -27, -33, -34, -60, -64, -64.8, -65, -79, -80, -81, -82])
        _probe(district, plot_id, depth, [kpa + 0.0] * _DAYS, random, "matric_potential_kpa")


def _wetted(district: District, plot_id: str, random: Random) -> None:
    """Add a probe, old or new in its place, that is watered to the full now and then, drains, and dries."""
    district.lake.plot(plot_id, field_capacity=0.30, wilting_point=0.12, saturation=0.6, soil_texture=None)
    device_id = f"{plot_id}-30"
    start = local_midnight(district.now.astimezone(_ZONE).date() - timedelta(days=_WET_DAYS))
    put_in_at = random.choice([start, None])
    since = {} if put_in_at is None else {"valid_from": put_in_at}
    district.lake.device(device_id, plot_id, depths_cm=[30.0], report_interval_s=3600.0, **since)
    district.wetted[device_id] = put_in_at
    water, held, base = 0.2, 0.29, 0.29
    for hour in range(int((district.now - start) / _HOUR) + 1):
        if random.random() < 0.012:
            base = held + random.uniform(-0.01, 0.01)
            water = max(water, base + random.choice([0.005, 0.02, 0.06, 0.09]))
        water = base + (water - base) * 0.9 if water > base else water - 0.0006
        district.lake.soil(start + hour * _HOUR, device_id, volumetric_water_content=round(max(water, 0.14), 5),
                           soil_temperature_c=15 + 4 * math.sin(hour / 4) + random.random())  # fmt: skip


def _alike(district: District, plot_id: str, random: Random, *, has_probe: bool) -> None:
    vegetation = random.choice(["shrubs", "shrubs", "shrubs", "trees"])
    district.lake.plot(plot_id, vegetation=vegetation, soil_texture="silt_loam", irrigation="drip")
    if has_probe:
        water = random.uniform(0.16, 0.28)
        _probe(district, plot_id, 30, [water - 0.001 * day for day in range(_DAYS)], random)


def differences(seed: int) -> Differences:
    """Return how many values of each kind one district gave to compare, and a line for each that differs."""
    district = invent(seed)
    connection = district.lake.connect()
    make_models(connection, models_of(_ASKED), as_of=district.now, site=BEICHEN)
    compared: dict[str, int] = defaultdict(int)
    lines = []
    for part in (_layers, _tensions, _learned, _peers):
        for kind, line in part(connection, district):
            compared[kind] += 1
            lines += [f"{kind}: {line}"] if line else []
    district.lake.connection.close()
    return dict(compared), lines


def _daily(
    connection: duckdb.DuckDBPyConnection, district: District, plot_id: str, name: str
) -> dict[date, dict[float, float]]:
    """Return the daily means of the readings that count, by depth in cm; depths within 3 cm do not occur."""
    days: dict[date, dict[float, float]] = defaultdict(dict)
    for device_id, depth, interval_s in district.probes[plot_id]:
        gate = "is_evidence" if name == "volumetric_water_content" else "is_potential_usable"
        rows = connection.execute(
            f"select measured_at, {name} from readings where device_id = ? and {gate}", [device_id]
        ).fetchall()
        means = daily_means(((at.astimezone(_ZONE), value) for at, value in rows if value is not None), interval_s)
        for day, mean in means.items():
            days[day][depth] = mean
    return days


def _layers(connection: duckdb.DuckDBPyConnection, district: District) -> Iterator[tuple[str, str]]:
    for plot_id, (root_zone_m, p, soils) in district.layered.items():
        days = _daily(connection, district, plot_id, "volumetric_water_content")
        for row in rows_of(connection, f"select * from root_zone_daily where plot_id = '{plot_id}'"):
            waters = {depth / 100: value for depth, value in days[row["date"]].items()}
            own = plain.judge_layers(waters, root_zone_m, p, soils)
            what = f"{plot_id} {row['date']}"
            for name in ("total_available_water_mm", "depletion_mm", "relative_moisture_pct"):
                yield f"layers {name}", differs(what, row[name], getattr(own, name), 0.02)
            state = "wet" if row["is_wet"] else own.state
            yield "layers state", differs(what, row["state"], state, 0)


def _tensions(connection: duckdb.DuckDBPyConnection, district: District) -> Iterator[tuple[str, str]]:
    today = district.now.astimezone(_ZONE).date()
    for plot_id, (root_zone_m, planted) in district.tensions.items():
        days = _daily(connection, district, plot_id, "matric_potential_kpa")
        years = None if planted is None else _years(planted, today)
        for row in rows_of(connection, f"select * from potential_daily where plot_id = '{plot_id}'"):
            own = plain.judge_potentials(days[row["date"]], years, root_zone_m)
            what = f"{plot_id} {row['date']} {days[row['date']]} kPa, {years} years, {root_zone_m} m"
            yield "potential", differs(what, row["state"], own, 0)


def _years(planted: date, today: date) -> int:
    return today.year - planted.year - ((today.month, today.day) < (planted.month, planted.day))


def _learned(connection: duckdb.DuckDBPyConnection, district: District) -> Iterator[tuple[str, str]]:
    rows = {row["device_id"]: row for row in rows_of(connection, "select * from learned_field_capacities")}
    for device_id, put_in_at in district.wetted.items():
        readings = connection.execute(
            "select measured_at, volumetric_water_content from readings where device_id = ? and is_usable",
            [device_id],
        ).fetchall()
        by_hour: dict[datetime, list[float]] = defaultdict(list)
        for at, value in readings:
            by_hour[at.astimezone(_ZONE).replace(minute=0)].append(value)
        hours = {at: median(values) for at, values in by_hour.items()}
        events, value, _ = plain.learned_field_capacity(hours, put_in_at, district.now)
        theirs = rows.get(device_id)
        yield "plateaus", differs(device_id, theirs["events"] if theirs else 0, events, 0)
        if theirs and events:
            yield "learned field capacity", differs(device_id, theirs["field_capacity"], value, 0.0005)


def _peers(connection: duckdb.DuckDBPyConnection, district: District) -> Iterator[tuple[str, str]]:
    vegetations = {row["plot_id"]: row["vegetation"] for row in district.lake.rows["plots"] if row["plot_id"][0] == "A"}
    bases = {row["plot_id"]: row for row in rows_of(connection, "select * from drought_basis")}
    rows = {row["plot_id"]: row for row in rows_of(connection, "select * from peer_estimates")}
    for plot_id in ("A0", "A1"):
        shares = [
            bases[other]["depletion_share"]
            for other in vegetations
            if other in bases and vegetations[other] == vegetations[plot_id]
        ]
        theirs = rows.get(plot_id)
        yield "estimates", differs(plot_id, theirs is not None, len(shares) >= _PEERS, 0)
        if theirs is not None:
            names = ("depletion_share", "depletion_share_low", "depletion_share_high")
            for name, own in zip(names, plain.estimate(shares), strict=True):
                yield "estimate", differs(f"{plot_id} {name}", theirs[name], own, 0.001)


def main() -> int:
    """Judge districts twice and print what differs."""
    return compare_districts(__doc__, 3, differences)


if __name__ == "__main__":
    raise SystemExit(main())
