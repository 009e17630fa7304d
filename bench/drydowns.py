"""How well the days until dry are told: the SQL of the product over real drydowns.

Each event becomes a plot: its first five daily means, a refill point at its threshold, a wilting point that gives the
asymptote of the record it came from (its first percentile less 0.005). The models drydowns and dry_forecasts are run
as they are, at noon of the fifth day, and its days are held against the day on which the soil really crossed the
threshold.

    python -m bench.drydowns ../shared/data/soil/drydown_hindcast_events.csv
"""

from __future__ import annotations

import csv
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from ingest.site import BEICHEN
from sql.evaluate import set_variables
from sql.models import all_models
from sql.reference import create_reference

BELOW_DRIEST = 0.005
"""m³/m³, as limits.drydown_below_driest: the events state the percentile, the model takes the asymptote."""

_LAST_DAY = date(2026, 7, 9)


@dataclass(frozen=True, slots=True)
class Score:
    """How the forecasts of a file of drydowns did; days.

    told: events for which days were told; covered: share whose day lay between low and high
    """

    events: int
    told: int
    median_error_days: float
    within_two_days: float
    covered: float


def forecast(events: Sequence[dict[str, str]]) -> list[tuple[float, float, float] | None]:
    """Return days_median, days_low and days_high for each event, None where no days are told."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("set timezone = 'UTC'")
        noon = datetime(_LAST_DAY.year, _LAST_DAY.month, _LAST_DAY.day, 12, tzinfo=BEICHEN.timezone).astimezone(UTC)
        set_variables(connection, as_of=noon, site=BEICHEN)
        create_reference(connection)
        rows = []
        for number, event in enumerate(events):
            means = [float(mean) for mean in event["theta_obs5"].split(";")]
            for back, mean in enumerate(reversed(means)):
                asymptote = float(event["theta_p01"]) - BELOW_DRIEST
                rows.append(
                    (f"E{number}", _LAST_DAY - timedelta(days=back), mean, float(event["threshold"]), asymptote)
                )
        connection.execute(
            "create temp table root_zone_daily (plot_id varchar, date date, volumetric_water_content double, "
            "refill_point double, wilting_point double, depletion_mm double, total_available_water_mm double, "
            "depletion_fraction double, coverage double, depth_list varchar, is_frozen boolean)"
        )
        connection.executemany(
            "insert into root_zone_daily values (?, ?, ?, ?, ?, null, null, null, 1, '5.0', false)", rows
        )
        connection.execute(
            "create temp table staged_plots as select distinct plot_id, 'shrubs' as vegetation from root_zone_daily"
        )
        connection.execute(
            "create temp table weather_outlook (date date, et0_mm double, rain_expected_mm double, "
            "rain_at_least_mm double, rain_at_most_mm double)"
        )
        for model in all_models():
            if model.name in ("drydowns", "dry_forecasts"):
                connection.execute(f"create temp table {model.name} as {model.select}")
        told = connection.execute(
            "select plot_id, days_median, days_low, days_high from dry_forecasts where days_median is not null"
        ).fetchall()
    by_plot = {plot_id: (median, low, high) for plot_id, median, low, high in told}
    return [by_plot.get(f"E{number}") for number in range(len(events))]


def score(events: Sequence[dict[str, str]]) -> Score:
    """Return how the forecasts of `events` (rows of drydown_hindcast_events.csv) did."""
    pairs = [
        (days, float(event["actual_days"]))
        for days, event in zip(forecast(events), events, strict=True)
        if days is not None
    ]
    errors = [abs(median - actual) for (median, _, _), actual in pairs]
    return Score(
        events=len(events),
        told=len(pairs),
        median_error_days=round(statistics.median(errors), 3),
        within_two_days=round(sum(error <= 2 for error in errors) / len(errors), 3),
        covered=round(sum(low <= actual <= high for (_, low, high), actual in pairs) / len(pairs), 3),
    )


def read_events(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file of drydowns."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    print(json.dumps(asdict(score(read_events(Path(sys.argv[1])))), indent=2))
