"""Real stations judged day by day: a frozen one, and a park that is watered.

    python -m bench.stations frozen ../shared/data/soil/ismn_maqu.csv.gz
    python -m bench.stations park ../shared/data/soil/simpact_bicentennial_park_hourly.csv.gz

Readings go through the registers, the lake, every model and the ledger, as in the product. Exit 1 when a bar is missed:
no plot dry while its soil is frozen; at most one opening and one closing an issue from one wetting to the next.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.station_lake import Sample, read_samples, register, write_readings
from crews.ledger import Ledger
from greensward.backtest.judge import Judged, judge_past
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN

_DEPTH_CM = 20.0
"""Where the park's sensors are put: their depth is not stated."""
_HALF_A_YEAR = timedelta(days=182)
"""The park lies in the south; its summer is moved into ours, out of the winter rest."""
_DAY = timedelta(days=1)
_PIECE = timedelta(days=130)
_WETTING = 0.03
"""A rise by three points of volume within a day is a wetting (limits: wetting_rise)."""


def frozen(series: Path, every_days: int = 1) -> int:
    """Judge a station on every `every_days`-th day with frozen hours, and print how often it is dry; 0 when never.

    Frozen is what the station's own thermometer said, which the series tells by flag D01; its temperature itself is
    not in the series, so that a reading is given -1 °C where it is flagged and 5 °C elsewhere. The soil is a clay, on
    which a rule by relative moisture alone is at its worst. Nothing but the frost keeps the plot from being dry: its
    probe is put at 20 cm, where no rule for shallow probes applies, and winter is moved into summer, out of the rest
    of the season. The series is cut into pieces of 130 days, each a station of its own that begins in its own weather.
    """
    samples = [replace(one, measured_at=one.measured_at + _HALF_A_YEAR) for one in read_samples(series)]
    is_frozen = {sample.measured_at: "D01" in sample.flag for sample in samples}
    hours = [sample for sample in samples if is_frozen[sample.measured_at]]
    plain = sum(sample.value < 0.60 * 0.4206 for sample in hours)
    with tempfile.TemporaryDirectory() as temporary:
        folder = DataFolder(Path(temporary) / "data")
        first = min(sample.measured_at for sample in samples)
        rows = [_row(f"D{(sample.measured_at - first) // _PIECE}", sample, sample.value) for sample in samples]
        for row in rows:
            row["soil_temperature_c"] = -1.0 if is_frozen[row["measured_at"]] else 5.0
        names = sorted({row["device_id"] for row in rows})
        plots = [_plot(name, "cool_turf", soil_texture="clay") for name in names]
        register(folder, plots, [(name, name, f"{_DEPTH_CM:g}", 3600) for name in names])
        write_readings(folder, rows)
        days = sorted({BEICHEN.local_date(sample.measured_at) for sample in hours})[::every_days]
        at_noon = (datetime(day.year, day.month, day.day, 12, tzinfo=BEICHEN.timezone) for day in days)
        instants = [noon for noon in at_noon if is_frozen.get(noon.astimezone(UTC))]
        judged = _judge(folder, instants)
    states = Counter(row["state"] for evaluation in judged for row in evaluation.rows)
    opened = sum(len(evaluation.opened) for evaluation in judged)
    print(f"frozen hours               {len(hours):6d}; below R = 60 % (a plain rule): {plain / len(hours):.1%}")
    print(f"evaluations while frozen   {len(instants):6d}; states {dict(states)}; issues opened {opened}")
    return int(states["dry"] > 0 or states["likely"] > 0 or opened > 0 or not instants)


def park(series: Path) -> int:
    """Judge each sensor as a plot, twice a day, and print openings and closings a drydown; 0 when at most one.

    Field capacity is the 95th percentile of a sensor and its wilting point as far below its driest value as a tenth of
    its range, so that the line lies amid the values: the hardest place for flapping. A wetting is a rise by three
    points of volume within a day.
    """
    of_station: dict[str, list[Sample]] = defaultdict(list)
    for sample in read_samples(series):
        of_station[sample.station.rpartition("/")[2]].append(sample)
    plots, devices, rows = [], [], []
    for station, samples in of_station.items():
        values = [sample.value / 100 for sample in samples]
        capacity = quantiles(values, n=20)[-1]
        wilting = max(min(values) - 0.1 * (max(values) - min(values)), 0.02)
        water = {"field_capacity": round(capacity, 4), "wilting_point": round(wilting, 4)}
        plots.append(_plot(station, "cool_turf", **water))
        devices.append((station, station, f"{_DEPTH_CM:g}", 3600.0))
        rows += [_row(station, sample, sample.value / 100, _HALF_A_YEAR) for sample in samples]
    with tempfile.TemporaryDirectory() as temporary:
        folder = DataFolder(Path(temporary) / "data")
        register(folder, plots, devices)
        write_readings(folder, rows)
        first = min(row["measured_at"] for row in rows) + timedelta(days=2)
        days = (max(row["measured_at"] for row in rows) - first).days
        judged = _judge(folder, [first + timedelta(hours=12 * half) for half in range(2 * days + 1)])
    worst = (0, 0)
    for station, samples in of_station.items():
        borders = _wettings([(sample.measured_at + _HALF_A_YEAR, sample.value / 100) for sample in samples], _WETTING)
        opened = Counter(_drydown(borders, one.as_of) for one in judged if station in one.opened)
        closed = Counter(_drydown(borders, one.as_of) for one in judged if station in one.closed)
        worst = max(worst[0], *opened.values(), 0), max(worst[1], *closed.values(), 0)
        print(f"{station}: {len(borders):3d} wettings, opened {sum(opened.values())}, closed {sum(closed.values())}")
    print(f"most openings and closings in one drydown: {worst[0]} and {worst[1]} (bar 1 and 1)")
    return int(max(worst) > 1)


def _plot(plot_id: str, vegetation: str, **soil: object) -> dict[str, object]:
    usual = {"plot_id": plot_id, "name": plot_id, "plot_type": "park", "maintenance_grade": 1}
    return usual | {"vegetation": vegetation} | soil


def _row(device_id: str, sample: Sample, value: float, later: timedelta = timedelta()) -> dict[str, Any]:
    at = sample.measured_at + later
    return {"device_id": device_id, "channel": 1, "measured_at": at, "volumetric_water_content": value}


def _judge(folder: DataFolder, instants: Sequence[datetime]) -> list[Judged]:
    def tell(done: int) -> None:
        print(f"\r{done} of {len(instants)}", end="" if done < len(instants) else "\n", file=sys.stderr)

    with Ledger(folder.ledger, BEICHEN) as ledger:
        return list(judge_past(folder, BEICHEN, tuple(instants), ledger, known_then=False, wanted=None, tell=tell))


def _wettings(values: Sequence[tuple[datetime, float]], rise: float) -> list[datetime]:
    """Return the instants at which water content had risen by `rise` (m³/m³) within a day, once a day at most."""
    found: list[datetime] = []
    for number, (at, value) in enumerate(values):
        before = [earlier for when, earlier in values[max(number - 24, 0) : number] if at - when <= _DAY]
        if before and round(value - min(before) - rise, 9) >= 0 and (not found or at - found[-1] >= _DAY):
            found.append(at)
    return found


def _drydown(borders: Sequence[datetime], at: datetime) -> int:
    return sum(border <= at for border in borders)


_COMMANDS: dict[str, Callable[[Path], int]] = {"frozen": frozen, "park": park}

if __name__ == "__main__":
    sys.exit(_COMMANDS[sys.argv[1]](Path(sys.argv[2])))
