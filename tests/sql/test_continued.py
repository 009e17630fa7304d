"""Continuing an evaluation after the closed days: for whom, and that every row is that of judging everything."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bench.continued_evaluations import compare, compare_tables
from greensward.carried import keep_for_next, load_past, soil_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import table
from ingest.lake.write import by_local_day, to_arrow, write_rows
from ingest.site import BEICHEN, Site
from sql.carry import Carry
from sql.continued import seam_before
from sql.evaluate import evaluate, make_models
from sql.models import models_behind
from sql.reference import limit
from tests.sql.made_lake import AS_OF, MadeLake
from tests.sql.stored_lake import store

HOUR = timedelta(hours=1)


class Probes:
    """A lake of probes of which each told one story up to AS_OF, and says one thing more an hour later."""

    def __init__(self) -> None:
        """Begin without probes."""
        self.before, self.after = MadeLake(), MadeLake()

    def add(self, name: str, water: Sequence[float | None], last: float, *, every: int = 1, ec: float = 0.3) -> None:
        """Add a plot with a probe that said `water` hour by hour up to AS_OF; None is silence."""
        self.before.plot(name)
        self.say(name, name, water, every=every, ec=ec)
        self.hear(name, last, ec=ec)

    def say(
        self,
        name: str,
        plot: str,
        water: Sequence[float | None],
        *,
        every: int = 1,
        ec: float = 0.3,
        soil_c: float = 20.0,
    ) -> None:
        """Register a probe in `plot`, with what it said up to AS_OF."""
        self.before.device(name, plot, report_interval_s=3600.0 * every)
        for back, value in enumerate(reversed(water)):
            if value is not None:
                self.before.soil(
                    AS_OF - back * every * HOUR,
                    name,
                    volumetric_water_content=value,
                    soil_temperature_c=soil_c,
                    bulk_ec_ds_m=ec,
                )

    def hear(self, name: str, water: float, *, ec: float = 0.3, soil_c: float = 20.0) -> None:
        """Let the probe speak an hour after AS_OF."""
        self.after.soil(AS_OF + HOUR, name, volumetric_water_content=water, soil_temperature_c=soil_c, bulk_ec_ds_m=ec)


def calm(hours: int, level: float = 0.20) -> list[float]:
    """Return soil in which nothing happens but the noise of the probe."""
    return [round(level + 0.001 * offset, 3) for offset, _ in zip(itertools.cycle((0, 1, 0, -1)), range(hours))]


def drying(hours: int, level: float) -> list[float]:
    """Return soil that loses two tenths of a point an hour: no gate speaks, and nothing stands still."""
    return [round(level - 0.002 * hour, 3) for hour in range(hours)]


def _add_what_is_seldom_heard(made: Probes) -> None:
    """Add two probes of which not two hours are beside each other: one with too few, one of which a gate has spoken."""
    made.add("rare", [0.2, 0.21] * 9, 0.2, every=24)  # a reading a day: too few to say that none is beside
    made.add("fell", [], 0.19)
    for back in range(60, 190):
        made.before.soil(AS_OF - back * HOUR, "fell", volumetric_water_content=0.24 if back > 120 else 0.20)
    for back in range(3, 60, 4):  # seldom since, but a gate spoke of the fall
        made.before.soil(AS_OF - back * HOUR, "fell", volumetric_water_content=(0.19, 0.20)[back % 8 > 3])


def _add_what_reported_daily_once(made: Probes) -> None:
    """Add a probe that grew wet while it reported daily, is hourly for a fortnight, and now rises slowly."""
    hourly_from = AS_OF - 14 * 24 * HOUR
    made.before.plot("paced")
    made.before.device("paced", "paced", report_interval_s=86400.0, valid_to=hourly_from)
    made.before.device("paced", "paced", report_interval_s=3600.0, valid_from=hourly_from)
    water = [0.20 + 0.0035 * max(0, 12 - back) for back in range(24 * 14)]
    water += [0.26 if 18 <= back / 24 < 20 else 0.20 for back in range(24 * 14, 24 * 25)]
    for back, value in enumerate(water):
        if back < 24 * 14 or back % 24 == 0:
            made.before.soil(
                AS_OF - back * HOUR, "paced", volumetric_water_content=round(value + 0.0005 * (back % 3), 4)
            )
    made.hear("paced", 0.246)


def _add_what_earlier_days_decide(made: Probes) -> None:
    """Add two plots whose newest days look back at closed ones: for the depths that were there, and for settling."""
    made.add("lacks", calm(190), 0.20)  # of its two depths one is mute, which hours of the newest days still miss
    made.before.device("lacks too", "lacks", report_interval_s=3600.0, depths_cm=[60.0])
    for back in range(60, 190):
        made.before.soil(AS_OF - back * HOUR, "lacks too", volumetric_water_content=0.20 + 0.001 * (back % 3))
    made.before.plot("settled")  # in soil for a fortnight, which a morning of silence does not begin again
    made.before.device("settled", "settled", report_interval_s=3600.0, valid_from=AS_OF - 20 * 24 * HOUR)
    settled: list[float | None] = [
        *[0.45] * 12,
        *[round(0.45 - 0.002 * hour, 3) for hour in range(75)],
        *calm(150, 0.24),
    ]
    settled += [
        *[None] * 13,
        *calm(18, 0.24),
        *[round(0.33 - 0.002 * min(hour, 15) + 0.001 * (hour % 2), 3) for hour in range(50)],
    ]
    for back, value in enumerate(reversed(settled)):
        if value is not None:
            made.before.soil(AS_OF - back * HOUR, "settled", volumetric_water_content=value, bulk_ec_ds_m=0.3)
    made.hear("settled", 0.30)


@pytest.fixture
def probes() -> Probes:
    made = Probes()
    made.add("calm", calm(200), 0.20)
    made.add("dries", [round(0.30 - 0.0005 * hour, 4) for hour in range(200)], 0.2)
    made.add("slow", [0.2, 0.21] * 25, 0.2, every=4)
    _add_what_is_seldom_heard(made)
    for row in made.before.rows["soil_readings"]:
        if row["device_id"] in ("slow", "rare"):
            row["measured_at"] -= 3 * HOUR  # the next of its rhythm is the one that comes
    made.add("stuck", [0.18] * 720, 0.18)  # thirty days are full with the next hour
    made.add("risen", [*calm(60), *[0.40] * 20, *drying(100, 0.39)], 0.45)  # the plateau was near the top until then
    made.add("spiked", [*calm(60), *[0.40] * 20, *drying(80, 0.39), 0.50], 0.22)  # a spike that its hour takes back
    for minutes in (10, 20):
        made.after.soil(AS_OF + timedelta(minutes=minutes), "spiked", volumetric_water_content=0.23, bulk_ec_ds_m=0.3)
    made.add("lower", [*calm(60), 0.30, *[0.40] * 2, *drying(77, 0.39), *[0.32] * 14, *drying(16, 0.315)], 0.29)
    made.add("hidden", [*calm(128), 0.25, *[0.0] * 33], 0.20)  # a rise in the last closed hour that nothing kept
    climbing = [round(0.20 + 0.009 * hour, 3) for hour in range(1, 22)]  # too slow for a jump
    seldom = [0.38, *[None] * 5] * 10  # the next reading is the 24th after the plateau, which is one from then on
    made.add("slowed", [*calm(60), *climbing, *[0.40] * 12, 0.395, 0.39, *[None] * 5, *seldom], 0.38)
    made.add("stands", [*calm(60), *[0.40] * 90], 0.33)
    made.add("dropped", [*[0.30] * 60, *[0.10] * 90], 0.10)
    made.add("gap", [*calm(150), *[None] * 10, *calm(20)], 0.20)
    wettings = [*[0.45] * 12, *[round(0.45 - 0.002 * hour, 3) for hour in range(75)]]  # drained once from far higher
    for _ in range(3):
        wettings += [*[round(0.30 - 0.002 * hour, 3) for hour in range(50)], *calm(10)]
        wettings += [round(0.33 - 0.002 * min(hour, 15), 3) for hour in range(50)]
    made.add("learns", wettings[:-1], wettings[-1])
    _add_what_earlier_days_decide(made)
    _add_what_reported_daily_once(made)
    made.before.plot("unpaced")
    for name in ("unpaced", "stranger"):
        made.say(name, "unpaced", calm(191))
        for row in made.before.rows["soil_readings"]:  # 3,610 s and 3,590 s in turns: one more decides the median
            if row["device_id"] == name and row["measured_at"].hour % 2:
                row["measured_at"] += timedelta(seconds=10)
        made.hear(name, 0.20)
    made.before.rows["devices"] = [row for row in made.before.rows["devices"] if row["device_id"] != "stranger"]
    made.before.rows["devices"][-1]["report_interval_s"] = None
    made.before.plot("cold")
    made.say("cold", "cold", calm(190), soil_c=-1.0)
    made.say("cold too", "cold", [*calm(180), *[None] * 10], soil_c=-1.0)
    made.hear("cold", 0.20, soil_c=-1.0)
    return made


def test_only_what_cannot_reach_back_is_continued_and_every_row_is_that_of_judging_all(
    probes: Probes, folder: DataFolder
) -> None:
    store(probes.before, folder)
    judge(folder, AS_OF)
    spec = table("soil_readings")
    for day, rows in by_local_day(spec, to_arrow(spec, probes.after.rows["soil_readings"]), BEICHEN):
        write_rows(folder, spec, day, rows, "after")
    assert judge(folder, AS_OF + HOUR) == {"calm", "dries", "slow", "stuck", "lower", "lacks", "settled", "paced"}


def test_the_frost_of_a_probe_that_is_silent_today_is_that_of_a_closed_day_too(folder: DataFolder) -> None:
    made = Probes()
    made.add("heard", calm(190), 0.20)
    made.before.device("silent", "heard", report_interval_s=3600.0, depths_cm=[40.0])
    for back in range(12, 190):  # silent since nine in the evening of yesterday, when frost came; no thermometer
        made.before.soil(AS_OF - back * HOUR, "silent", volumetric_water_content=0.2, bulk_ec_ds_m=0.3 + back % 2 / 10)
    for back in range(24 * 8):
        made.before.add(
            "weather_readings",
            device_id="station",
            measured_at=AS_OF - back * HOUR,
            air_temperature_c=-3.0 if 8 <= back < 56 else 5.0,
        )
    store(made.before, folder)
    judge(folder, AS_OF)
    spec = table("soil_readings")
    for day, rows in by_local_day(spec, to_arrow(spec, made.after.rows["soil_readings"]), BEICHEN):
        write_rows(folder, spec, day, rows, "after")
    assert judge(folder, AS_OF + HOUR) == {"heard"}
    with open_lake(folder, BEICHEN) as lake:
        evaluate(lake, as_of=AS_OF + HOUR, site=BEICHEN)
        said = lake.execute("select frozen_share from device_readings where device_id = 'silent'").fetchall()
    assert said == [(21 / 24,)]


def judge(folder: DataFolder, as_of: datetime) -> set[str]:
    """Return the plots that were continued; every carried table and flag is that of judging everything."""
    carry = Carry(load_past(folder), soil_files(folder), BEICHEN, as_of)
    with open_lake(folder, BEICHEN) as lake, open_lake(folder, BEICHEN) as whole:
        flags = evaluate(lake, as_of=as_of, site=BEICHEN, carry=carry)
        expected = evaluate(whole, as_of=as_of, site=BEICHEN, carry=Carry(None, {}, BEICHEN, as_of))
        compare_tables(lake, whole, f"{as_of}")
        assert flags.equals(expected)
        keep_for_next(folder, lake, carry)
        groups = lake.execute("select group_id from continued_groups").fetchall()
    return {group_id.removeprefix("plot ") for (group_id,) in groups}


def test_an_invented_district_is_the_same_step_by_step(folder: DataFolder) -> None:
    assert compare(folder, seed=2, plots=12, steps=3)["continued"] > 0


@pytest.mark.parametrize(
    ("gate", "event"),
    [
        ("is_d06_spike", [0.30, 0.40, 0.30]),
        ("is_d07_drop", [0.30, 0.15, 0.15]),
        ("is_d08_jump", [0.20, 0.35, 0.35]),
        ("is_s1_suspect", [0.24, 0.20, 0.20]),
    ],
)
def test_a_gate_says_the_same_whatever_lies_further_away_than_gates_are_said_to_reach(
    gate: str, event: list[float], lake: MadeLake
) -> None:
    """Beyond the reach one probe is calm, the other at another level, which would tell: a steep step, a wild day."""
    reach, beyond = int(limit("gate_reach_hours")), 30
    before, at, after = event
    shift = 0.2 if after >= before else -0.1
    lake.plot()
    for name, far in (("calm", 0.0), ("other", shift)):
        lake.device(name)
        water = [*[before - far] * beyond, *[before] * reach, at, *[after] * reach, *[after + far] * beyond]
        lake.hours([round(value, 3) for value in water], device_id=name)
    connection = lake.connect()
    make_models(connection, models_behind("hourly_gates"), as_of=AS_OF, site=BEICHEN)
    hour = int((AS_OF - (beyond + reach) * HOUR).timestamp() // 3600)
    said = connection.execute(
        f"select elements.device_id from hourly_gates inner join elements using (element_id) where hour = {hour} "
        f"and {gate} order by all"
    ).fetchall()
    assert said == [("calm",), ("other",)]


def test_days_of_other_than_24_hours_leave_no_seam() -> None:
    berlin = Site("x", ZoneInfo("Europe/Berlin"), 13.0, 52.0, 14.0, 53.0)
    kolkata = Site("x", ZoneInfo("Asia/Kolkata"), 77.0, 28.0, 78.0, 29.0)
    assert seam_before(date(2026, 3, 20), berlin) is not None
    assert seam_before(date(2026, 3, 31), berlin) is None, "29 March has 23 hours"
    assert seam_before(date(2026, 7, 10), kolkata) is None, "half hours of the clock"
    assert seam_before(date(2026, 7, 10), BEICHEN) is not None
