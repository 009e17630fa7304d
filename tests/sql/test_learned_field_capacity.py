"""Field capacity that a probe shows by itself: where its water settles after heavy wettings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import shapely

from greensward.evaluation import evaluate_and_apply, judge_and_ask
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.read import open_lake
from ingest.lake.tables import table
from ingest.lake.write import by_local_day, to_arrow, write_rows
from ingest.registers.store import write_devices, write_plots
from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import models_behind
from sql.reference import limit
from tests.sql.made_lake import AS_OF, MadeLake

START = datetime(2026, 6, 6, 0, 0, tzinfo=UTC)


def wetting(plateau: float, *, peak: float = 0.40, before: float = 0.20, days: int = 8) -> list[float]:
    """Return hours from one wetting to the next: one of rain, a day of draining, a flat day and a half, then drying."""
    drained = [peak - (peak - plateau) * min(hour / 12, 1) for hour in range(61)]
    drying = [plateau - (plateau - before) * hour / (24 * days - 61) for hour in range(1, 24 * days - 60)]
    return [*drained, *drying]


def wet(lake: MadeLake, plateaus: list[float], device_id: str = "D1", **shape: Any) -> None:
    hours = [shape.get("before", 0.20)] * 24 + [value for plateau in plateaus for value in wetting(plateau, **shape)]
    for hour, water_content in enumerate(hours):
        lake.soil(
            START + timedelta(hours=hour),
            device_id,
            volumetric_water_content=water_content,
            soil_temperature_c=15.0 + hour % 24 / 10,
        )


def learned(lake: MadeLake, as_of: datetime = AS_OF) -> dict[str, dict[str, Any]]:
    make_models(lake.connect(), models_behind("root_zone_layers"), as_of=as_of, site=BEICHEN)
    rows = lake.connection.execute("select * from learned_field_capacities").to_arrow_table().to_pylist()
    return {row["device_id"]: row for row in rows}


def test_three_plateaus_teach_the_field_capacity_and_two_are_too_few(lake: MadeLake) -> None:
    """Loam is 0.2796 by its texture; this one holds 0.30, 0.31, 0.29: median 0.30, standard deviation 0.01."""
    for number, plateaus in enumerate(([0.30, 0.31, 0.29], [0.30, 0.31], [0.302, 0.34, 0.30])):
        lake.plot(f"P{number}")
        lake.device(f"D{number}", f"P{number}")
        wet(lake, plateaus, f"D{number}")
    found = learned(lake)
    assert found["D0"]["field_capacity"] == pytest.approx(0.30)
    assert (found["D0"]["events"], found["D0"]["state"]) == (3, "used")
    assert found["D0"]["sigma_field_capacity"] == pytest.approx(0.01)
    assert (found["D1"]["events"], found["D1"]["state"]) == (2, "too_few_events")
    assert found["D2"]["sigma_field_capacity"] == pytest.approx(0.02253, abs=1e-5)
    used = lake.connection.execute(
        "select distinct plot_id, is_learned, field_capacity, sigma_field_capacity from root_zone_layers order by 1"
    ).fetchall()
    assert [(plot_id, is_learned) for plot_id, is_learned, *_ in used] == [("P0", True), ("P1", False), ("P2", True)]
    assert used[0][2:] == pytest.approx((0.30, 0.01))
    assert used[1][2:] == pytest.approx((0.2796, 0.043))


def test_what_is_learned_goes_before_the_laboratory(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    wet(lake, [0.30, 0.30, 0.30])
    flag = lake.flag("drought", as_of=START + timedelta(days=26))
    assert flag["inputs"]["field_capacity"] == pytest.approx(0.30)
    assert learned(lake)["D1"]["sigma_field_capacity"] == limit("learned_sigma_min")


@pytest.mark.parametrize(
    ("soil", "plateau", "state"),
    [
        ({"soil_texture": "sand"}, 0.2318, "used"),
        ({"soil_texture": "sand"}, 0.2319, "unlike_texture"),
        ({"soil_texture": "silt_loam", "saturation": 0.355}, 0.355, "used"),
        ({"soil_texture": "silt_loam", "saturation": 0.355}, 0.356, "above_saturation"),
        ({"soil_texture": "sandy_loam", "wilting_point": 0.16}, 0.16, "below_wilting_point"),
        ({"soil_texture": None, "field_capacity": 0.20, "wilting_point": 0.10}, 0.330, "unlike_texture"),
    ],
)
def test_what_soil_of_that_texture_cannot_hold_is_not_believed(
    lake: MadeLake, soil: dict[str, Any], plateau: float, state: str
) -> None:
    """0.1028 + 3 x 0.043 is the most for sand."""
    lake.plot(**soil)
    lake.device()
    wet(lake, [plateau] * 3, peak=plateau + 0.015, before=0.05)
    assert learned(lake)["D1"]["state"] == state


def two_peaks(hours_apart: int, second: float) -> list[float]:
    """Return three days of hours: 0.40, a second peak that builds up in four hours, 0.30 a day after the first."""
    first = [0.40 - 0.005 * hour for hour in range(hours_apart - 3)]
    rise = [first[-1] + (second - first[-1]) * step / 4 for step in range(1, 5)]
    draining = 24 - hours_apart
    return [
        *first,
        *rise,
        *(second - (second - 0.30) * hour / draining for hour in range(1, draining + 1)),
        *[0.30] * 60,
    ]


@pytest.mark.parametrize("hours_apart", [12, 18])
def test_two_peaks_of_one_wetting_teach_once(lake: MadeLake, hours_apart: int) -> None:
    """The first peak is at 08:00 local time, the second the same evening or in the night; both plateaus are 0.30."""
    for name, second in (("higher", 0.41), ("lower", 0.39)):
        lake.plot(name)
        lake.device(name, name)
        for hour, water_content in enumerate([0.20] * 24 + two_peaks(hours_apart, second)):
            at = START + timedelta(hours=hour)
            lake.soil(at, name, volumetric_water_content=water_content, soil_temperature_c=15.0 + hour % 24 / 10)
    found = learned(lake, START + timedelta(days=6))
    peak = START + timedelta(hours=24)
    assert {name: (row["events"], row["first_wetted_at"]) for name, row in found.items()} == {
        "higher": (1, peak + timedelta(hours=hours_apart)),
        "lower": (1, peak),
    }


@pytest.mark.parametrize(
    ("at", "value", "events"),
    [(12, 0.281, 3), (12, 0.279, 0), (44, 0.3099, 3), (44, 0.3101, 0)],
    ids=["a dip of 0.019", "a dip of 0.021", "drier than the peak", "wetter than the peak"],
)
def test_soil_that_dipped_or_was_wetter_again_has_not_settled(
    lake: MadeLake, at: int, value: float, events: int
) -> None:
    """Peaks of 0.31 and plateaus of 0.2935 to 0.30: within 0.02, and 0.01 below the peak."""
    lake.plot()
    lake.device()
    wet(lake, [0.30 if at == 12 else 0.2945] * 3, peak=0.40 if at == 12 else 0.31)
    for row in lake.rows["soil_readings"]:
        hour = (row["measured_at"] - START) / timedelta(hours=1) - 24
        if hour % (8 * 24) == at:
            row["volumetric_water_content"] = value
        if at == 12 and hour % (8 * 24) in (10, 11, 13, 14):
            row["volumetric_water_content"] = 0.29  # no lone spike, which a gate would take out
    assert learned(lake).get("D1", {"events": 0})["events"] == events


def test_only_heavy_wettings_that_drain_and_settle_teach(lake: MadeLake) -> None:
    shapes: dict[str, dict[str, Any]] = {
        "heavy": {},
        "a rise of 0.05": {"before": 0.27, "peak": 0.32},
        "a rise of 0.049": {"before": 0.271, "peak": 0.32},
        "drains 0.01": {"peak": 0.31},
        "drains 0.009": {"peak": 0.309},
    }
    for name, shape in shapes.items():
        lake.plot(name)
        lake.device(name, name)
        wet(lake, [0.30] * 3, name, **shape)
    for name, at, value in (("wetted again", 30, 0.33), ("not flat", 40, 0.279)):
        lake.plot(name)
        lake.device(name, name)
        wet(lake, [0.30] * 3, name)
        for row in lake.rows["soil_readings"]:
            hour = (row["measured_at"] - START) / timedelta(hours=1) - 24
            if row["device_id"] == name and hour % (8 * 24) == at:
                row["volumetric_water_content"] = value
    found = {name: row["events"] for name, row in learned(lake).items()}
    assert found == {"heavy": 3, "a rise of 0.05": 3, "drains 0.01": 3}


@pytest.mark.parametrize(("every_hours", "events"), [(8, [3]), (12, [])])
def test_a_plateau_shows_in_three_hours_with_readings_and_not_in_two(
    lake: MadeLake, every_hours: int, events: list[int]
) -> None:
    """More than 24 and up to 48 h after the peak: at 32, 40 and 48 h, or at 36 and 48 h, with all that was promised."""
    lake.plot()
    lake.device(report_interval_s=3600.0 * every_hours)
    wet(lake, [0.30, 0.30, 0.30])
    lake.rows["soil_readings"] = [
        row
        for row in lake.rows["soil_readings"]
        if (row["measured_at"] - START) / timedelta(hours=1) % every_hours == 0
    ]
    assert [row["events"] for row in learned(lake).values()] == events


def test_a_plateau_counts_when_it_is_over(lake: MadeLake) -> None:
    lake.plot()
    lake.device()
    wet(lake, [0.30, 0.30, 0.30])
    third = START + timedelta(days=1 + 16)
    assert learned(lake, third + timedelta(hours=48, minutes=59))["D1"]["events"] == 2
    assert learned(lake, third + timedelta(hours=49))["D1"]["events"] == 3


def test_plateaus_are_remembered_for_a_season(tmp_path: Path) -> None:
    """Plateaus on 7 and 15 June and 17 July: when June has left the window, only what was written down knows it."""
    made = MadeLake()
    made.plot(geometry=shapely.box(117.10, 39.20, 117.11, 39.21).wkb)
    made.device()
    wet(made, [0.30, 0.31])
    later = START + timedelta(days=40)
    for hour, water_content in enumerate([0.20] * 24 + wetting(0.29)):
        made.soil(
            later + timedelta(hours=hour),
            volumetric_water_content=water_content,
            soil_temperature_c=15 + hour % 24 / 10,
        )
    made.connection.close()
    folder = DataFolder(tmp_path / "data")
    ensure_layout(folder)
    write_plots(folder, made.rows["plots"])
    write_devices(folder, made.rows["devices"])
    spec = table("soil_readings")
    for day, rows in by_local_day(spec, to_arrow(spec, made.rows["soil_readings"]), BEICHEN):
        write_rows(folder, spec, day, rows, "made")
    end_of_july = later + timedelta(days=10)

    def capacity(as_of: datetime) -> tuple[int, str]:
        found: list[tuple[int, str]] = []

        def ask(lake: Any, _: Any) -> None:
            found.extend(lake.execute("select events, state from learned_field_capacities").fetchall())

        judge_and_ask(folder, BEICHEN, as_of, "P1", ask)
        return found[0]

    def evaluated(days: int) -> None:
        at = START + timedelta(days=days)
        evaluate_and_apply(folder, BEICHEN, at, at)

    assert capacity(end_of_july) == (1, "too_few_events")
    evaluated(32)
    evaluated(33)
    with open_lake(folder, BEICHEN) as lake:
        kept = lake.execute("select plateau_water_content, found_at from soil_plateaus").fetchall()
    assert kept == [(pytest.approx(0.30), START + timedelta(days=32))], "once, and in its last week in the window"
    assert capacity(end_of_july) == (2, "too_few_events")
    evaluated(40)
    assert capacity(START + timedelta(days=39)) == (2, "too_few_events"), "what lies in the window counts once"
    assert capacity(end_of_july) == (3, "used")
    assert capacity(end_of_july + timedelta(days=300)) == (2, "too_few_events"), "July left the window unwritten"
