"""Depletion of the Maricopa plots against the published figures: `uv run python -m bench.maricopa ../shared/data/soil`.

Plots with measured field capacity and wilting point per layer go through the register, readings, daily means and root
zone. Prints how far the depletion is off and how many verdicts differ; exit 1 when either is over the bar.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.station_lake import read_samples, register, write_readings
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.site import BEICHEN
from sql.analysts import create_views

BAR_MM = 0.01
_ROOT_ZONE_CM = 100
_LAYER_CM = 20
"""Thickness that a reading of the neutron probe stands for."""
_SOIL_BOTTOMS_CM = (40, 80, 120, 160, 200)
"""The columns of the water limits: SDUL040 is the field capacity down to 40 cm, SDUL080 that from there to 80 cm."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Plot-dates compared, the largest |ΔDr| (mm), |ΔTAW| (mm), and how many verdicts of dryness differ."""

    plot_dates: int
    missing: int
    worst_depletion_mm: float
    worst_available_mm: float
    unlike_verdicts: int

    @property
    def holds(self) -> bool:
        """Whether the bar of spec/soil.md section 6 is met."""
        return not self.missing and self.worst_depletion_mm <= BAR_MM and not self.unlike_verdicts


def compare(data: Path, folder: DataFolder) -> Comparison:
    """Return how the root zone of every plot and date of `data` compares with the published one.

    folder: an empty data folder, which holds the lake afterwards
    """
    with (data / "maricopa2018_waterlimits.csv").open(encoding="utf-8", newline="") as lines:
        waters = {row["PlotID"]: row for row in csv.DictReader(lines)}
    plots = [
        {
            "plot_id": plot_id,
            "name": plot_id,
            "plot_type": "other",
            "maintenance_grade": 1,
            "vegetation": "trees",
            "soil_layers": "; ".join(
                f"{bottom_cm} {row[f'SDUL{bottom_cm:03d}']}/{row[f'SLLL{bottom_cm:03d}']}"
                for bottom_cm in _SOIL_BOTTOMS_CM
            ),
        }
        for plot_id, row in waters.items()
    ]
    register(folder, plots, [(plot_id, plot_id, "10;30;50;70;90", 7 * 86400) for plot_id in waters])
    write_readings(
        folder,
        [
            {
                "device_id": sample.station.removeprefix("Maricopa2018/"),
                "channel": int(sample.depth_cm // _LAYER_CM) + 1,
                "measured_at": sample.measured_at,
                "volumetric_water_content": sample.value,
            }
            for sample in read_samples(data / "maricopa2018_neutron_swc.csv.gz")
            if sample.depth_cm is not None and sample.depth_cm < _ROOT_ZONE_CM
        ],
    )
    with open_lake(folder, BEICHEN) as lake:
        create_views(lake)
        rows = lake.execute(
            "select plot_id, cast(date as varchar), depletion_mm, total_available_water_mm, state = 'dry' "
            "from root_zone_daily"
        ).fetchall()
    found = {(plot_id, day): values for plot_id, day, *values in rows}
    with (data / "maricopa2018_expected_depletion.csv").open(encoding="utf-8", newline="") as lines:
        expected = list(csv.DictReader(lines))
    pairs = [(row, found[row["plot"], row["date"]]) for row in expected if (row["plot"], row["date"]) in found]
    return Comparison(
        len(pairs),
        len(expected) - len(pairs),
        max(abs(float(row["Dr_mm"]) - values[0]) for row, values in pairs),
        max(abs(float(row["TAW_mm"]) - values[1]) for row, values in pairs),
        sum((row["dry"] == "True") is not values[2] for row, values in pairs),
    )


def main() -> int:
    """Compare, print, and return the exit code."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/soil")
    with tempfile.TemporaryDirectory() as temporary:
        result = compare(data, DataFolder(Path(temporary) / "data"))
    print(f"plot-dates compared          {result.plot_dates:8d}, missing {result.missing}")
    print(f"largest |ΔDr|                {result.worst_depletion_mm:8.4f} mm (bar {BAR_MM} mm)")
    print(f"largest |ΔTAW|               {result.worst_available_mm:8.4f} mm")
    print(f"verdicts of dryness unlike   {result.unlike_verdicts:8d}")
    return 0 if result.holds else 1


if __name__ == "__main__":
    sys.exit(main())
