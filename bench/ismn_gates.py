"""Our quality gates beside ISMN's, flag by flag: `uv run python -m bench.ismn_gates ../shared/data/soil`.

Compares with the published flags of flagit that lie there (Kings Creek 2022, flagit's own frame). With
`--flagit PYTHON`, a Python that has flagit 0.3, pandas 2.1 and numpy < 2, it runs flagit over every other series of the
folder too, on the hourly grid (medians, gaps as gaps) with a saturation of 50 %. Prints per flag how many hours both
flag, only flagit, only we, and the share that is identical; exit 1 below 99.5 % anywhere.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from greensward.commands.qc import Soil, series_tables
from greensward.series_files import Series, read_companion, read_series
from ingest.site import BEICHEN
from sql.quality import flag_series
from sql.reference import limit

GATES = ("C01", "C02", "C03", "D01", "D04", "D06", "D07", "D08", "D09", "D10")
LEAST_IDENTICAL_PCT = 99.5

_FLAGIT = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from flagit import flagit
out = []
for given in json.load(sys.stdin):
    index = pd.to_datetime(given["hours"], unit="h")
    frame = pd.DataFrame({"soil_moisture": given["pct"]}, index=index).resample("H").asfreq()
    flags = flagit.Interface(frame, sat_point=50.0, depth_from=given["depth_m"]).run()["qflag"]
    out.append([sorted(flags[at]) for at in index])
json.dump(out, sys.stdout)
"""

Flags = Mapping[int, frozenset[str]]
"""By hour since 1970."""


@dataclass(frozen=True, slots=True)
class Case:
    """A series and what flagit says of it."""

    name: str
    ours: Flags
    flagits: Flags


def published_cases(folder: Path) -> Iterator[Case]:
    """Yield the series whose flags by flagit lie in the folder of reference data."""
    weather = folder / "kings_creek_hourly_weather.csv.gz"
    expected: dict[float, dict[int, frozenset[str]]] = defaultdict(dict)
    for row in _rows(folder / "kings_creek_flagit_expected.csv.gz"):
        expected[float(row["depth_m"])][_hour(row["utc"])] = frozenset(row["flagit_qflag"].split(","))
    for depth_m, flags in expected.items():
        series = read_series(folder / "kings_creek_hourly.csv.gz")
        temperatures = read_companion(weather, f"soiltemp_{100 * depth_m:.0f}cm")
        tables = series_tables(series, _soil(0.50), temperatures, {}, read_companion(weather, "prcp"))
        ours = _by_element(flag_series(tables, BEICHEN))
        ((_, own),) = [(key, value) for key, value in ours.items() if key[1] == round(100 * depth_m, 6)]
        yield Case(f"Kings Creek 2022, {100 * depth_m:g} cm", own, flags)
    series = read_series(folder / "flagit_test_input.csv", 9.0)
    (own,) = _by_element(flag_series(series_tables(series, _soil(0.427), {}, {}, {}), BEICHEN)).values()
    rows = _rows(folder / "flagit_test_expected.csv")
    yield Case("flagit's own frame", own, {_hour(row["utc"]): frozenset(row["qflag"].split(",")) for row in rows})


def cases_of(folder: Path, python: str) -> Iterator[Case]:
    """Yield every series of the folder with the flags that flagit, run by `python`, gives it."""
    names = ("ismn_*.csv.gz", "kings_creek_hourly.csv.gz", "simpact_*.csv.gz", "openagri_*.csv.gz", "uscrn_*.csv.gz")
    for path in sorted(path for name in (*names, "svs_*daily.csv", "gypsum_*.csv") for path in folder.glob(name)):
        series = read_series(path)
        ours = _by_element(flag_series(series_tables(series, _soil(0.50), {}, {}, {}), BEICHEN))
        grids = _grids(series)
        given = [
            {"hours": list(grid), "pct": list(grid.values()), "depth_m": None if depth is None else depth / 100}
            for (_, depth), grid in grids.items()
        ]
        run = subprocess.run(
            [python, "-c", _FLAGIT], input=json.dumps(given), capture_output=True, text=True, check=True
        )
        for (key, grid), flags in zip(grids.items(), json.loads(run.stdout), strict=True):
            station, depth = key
            theirs = {hour: frozenset(found) for hour, found in zip(grid, flags, strict=True)}
            yield Case(f"{station}{'' if depth is None else f', {depth:g} cm'}", ours[key], theirs)


def compare(case: Case) -> dict[str, tuple[int, int, int, float]]:
    """Return per gate: flagged by both, only by flagit, only by us, and the identical share of all hours in percent."""
    result = {}
    for gate in GATES:
        both = sum(
            gate in flags and gate in case.ours[hour] for hour, flags in case.flagits.items() if hour in case.ours
        )
        theirs = sum(gate in flags for flags in case.flagits.values()) - both
        ours = sum(gate in flags for flags in case.ours.values()) - both
        result[gate] = (both, theirs, ours, 100 * (1 - (theirs + ours) / len(case.flagits)))
    return result


def main() -> int:
    """Compare, print, and say whether all is identical enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--flagit", metavar="PYTHON")
    given = parser.parse_args()
    print(f"{'series':36s}{'hours':>7s}  flag   both  only flagit  only ours  identical")
    least = 100.0
    cases = [*published_cases(given.folder), *(cases_of(given.folder, given.flagit) if given.flagit else ())]
    for case in cases:
        quiet = []
        for gate, (both, theirs, ours, share) in compare(case).items():
            least = min(least, share)
            if both or theirs or ours:
                print(f"{case.name:36s}{len(case.flagits):7d}  {gate}{both:8d}{theirs:13d}{ours:11d}{share:10.3f} %")
            else:
                quiet.append(gate)
        print(f"{case.name:36s}{len(case.flagits):7d}  none by either: {' '.join(quiet)}")
    print(f"{len(cases)} series; least identical share {least:.3f} %")
    return 0 if least >= LEAST_IDENTICAL_PCT else 1


def _soil(saturation: float) -> Soil:
    """Return a soil with the C03 of flagit: above saturation, without the slack that ours allows."""
    return Soil(None, saturation - limit("saturation_slack"), None)


def _by_element(rows: pa.Table) -> dict[tuple[str, float | None], Flags]:
    elements: dict[tuple[str, float | None], dict[int, frozenset[str]]] = defaultdict(dict)
    for row in rows.to_pylist():
        hour = int(row["measured_at"].timestamp() // 3600)
        known = elements[row["device_id"], row["depth_cm"]]
        known[hour] = known.get(hour, frozenset()) | frozenset(row["flags"].split(","))
    return dict(elements)


def _grids(series: Series) -> dict[tuple[str, float | None], dict[int, float]]:
    values: dict[tuple[str, float | None], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    columns = (series.stations, series.depths_cm, series.instants, series.water_contents)
    for station, depth, at, value in sorted(zip(*columns, strict=True), key=lambda row: row[2]):
        values[station, depth][int(at.timestamp() // 3600)].append(100 * value)
    return {key: {hour: statistics.median(found) for hour, found in grid.items()} for key, grid in values.items()}


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _hour(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() // 3600)


if __name__ == "__main__":
    sys.exit(main())
