"""Whether an evaluation that takes over and continues says what one says that knows nothing of those before.

`uv run python -m bench.continued_evaluations --rounds 20 --seed 1` makes a lake of invented probes with every fault
that the gates know (drops, zeros, spikes, stillness, saturated and low plateaus, frost, gaps, silence, odd intervals),
then lets hours pass: readings come, late, in parts and corrected, probes move, registers change, clocks step back.
After every step it judges with what was carried and without, part by part and at once, and compares every flag and
every row of every carried and held table. The first difference ends it with the seed that shows it.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from greensward.carried import keep_for_next, load_past, soil_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import table
from ingest.lake.write import by_local_day, replace_register, write_rows
from ingest.site import BEICHEN
from sql.carry import Carry
from sql.evaluate import evaluate
from sql.held import held_models
from sql.models import READINGS_AT_ONCE, carried_models

_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)

_READINGS_AT_ONCE = 5_000
"""At every other step, so that groups judged whole are judged in several parts."""

Row = dict[str, Any]


class Probe:
    """An invented probe: its water content hour by hour, and what befalls it."""

    def __init__(self, device_id: str, rng: random.Random, *, winter: bool) -> None:
        """Draw its character."""
        self.device_id = device_id
        self.rng = rng
        self.winter = winter
        self.trouble = rng.choice([0.05, 0.2, 0.2, 1.0])
        self.interval_s = 3600 if self.trouble < 1 else rng.choice([3600, 3600, 1800, 7200, 14400, 86400])
        self.is_loud = rng.random() < 0.4
        self.resolution = rng.choice([3, 3, 4])
        self.level = rng.uniform(0.1, 0.35)
        self.floor = rng.uniform(0.08, 0.2)
        self.missing = rng.choice([0.0, 0.01, 0.05]) if self.trouble < 1 else 0.3
        self.has_thermometer = rng.random() < 0.8
        self.still_until = 0
        self.stuck_at: float | None = None
        self.silent_until = 0
        self.hold: float | None = None

    def reading(self, at: datetime) -> Row | None:
        """Return what it says at an instant; None when it is silent."""
        rng, hour = self.rng, int(at.timestamp() // 3600)
        self._befall(hour)
        if hour < self.silent_until or rng.random() < self.missing:
            return None
        water: float | None = self.level
        if self.stuck_at is not None and hour < self.still_until:
            water = self.stuck_at
        elif self.is_loud:
            water = self.level + rng.gauss(0, 0.0015)
        chance = rng.random() / (5 * self.trouble)
        if chance < 0.0008:
            water = 0.0
        elif chance < 0.0016:
            water = min((water or 0) * 1.6, 0.7)
        elif chance < 0.002:
            water = None
        cold = 8 * math.sin(hour / 24 * 2 * math.pi) - 3 * math.sin(hour / 400)
        temperature = (1.0 if self.winter else 18.0) + cold * (0.4 if self.winter else 1.0)
        return {
            "device_id": self.device_id,
            "channel": 1,
            "measured_at": at,
            "received_at": at + timedelta(seconds=2),
            "time_source": "device",
            "unit_received": "m3/m3",
            "volumetric_water_content": None if water is None else round(water, self.resolution),
            "soil_temperature_c": round(temperature, 1) if self.has_thermometer else None,
            "bulk_ec_ds_m": round(0.3 + rng.random() * 0.01, 2) if rng.random() < 0.9 else None,
        }

    def _befall(self, hour: int) -> None:
        rng, per_hour = self.rng, self.interval_s / 3600 * self.trouble
        self.level = max(self.level - 0.0004 * self.interval_s / 3600 * rng.random(), self.floor)
        if rng.random() < 0.006 * per_hour:
            self.level = min(self.level + rng.uniform(0.02, 0.2), rng.uniform(0.3, 0.48))
        elif rng.random() < 0.002 * per_hour:
            self.level = max(self.level - rng.uniform(0.02, 0.2), self.floor)
        if rng.random() < 0.004 * per_hour:
            self.still_until = hour + rng.choice([6, 14, 14, 30, 60, 200])
            self.stuck_at = rng.choice([self.level, self.level, max(self.level - 0.08, 0.03), 0.0, 0.015])
        if rng.random() < 0.001 * per_hour:
            self.silent_until = hour + rng.choice([5, 20, 40, 100])


class District:
    """Plots with probes, and a lake in which their readings lie."""

    def __init__(self, folder: DataFolder, rng: random.Random, plots: int) -> None:
        """Register plots and probes, and let `days` of readings come."""
        self.folder, self.rng = folder, rng
        self.files = 0
        winter = rng.random() < 0.4
        self.today = datetime(2026, 1 if winter else 7, 20, tzinfo=BEICHEN.timezone)
        self.plots: list[Row] = []
        self.devices: list[Row] = []
        self.probes: list[Probe] = []
        for number in range(plots):
            self.plots.append(
                {
                    "plot_id": f"P{number}", "name": "", "plot_type": "park", "maintenance_grade": 1,
                    "vegetation": rng.choice(["shrubs", "cool_turf", "trees"]), "irrigation": "sprinkler",
                    "soil_texture": rng.choice(["loam", "clay_loam", "sandy_loam"]), "wetted_fraction": 1.0,
                    "area_m2": 500.0, "lon": 117.1, "lat": 39.2, "valid_from": _SINCE, "register_version": "1",
                    "geometry": b"",
                }
            )  # fmt: skip
            for _ in range(rng.choice([1, 1, 2, 2, 5])):
                probe = Probe(f"D{len(self.probes)}", rng, winter=winter)
                self.probes.append(probe)
                self.devices.append(
                    {
                        "device_id": probe.device_id, "plot_id": f"P{number}",
                        "report_interval_s": None if rng.random() < 0.05 else float(probe.interval_s),
                        "depths_cm": [rng.choice([10.0, 20.0, 20.0, 30.0, 50.0])],
                        "valid_from": self.today - timedelta(days=20) if rng.random() < 0.1 else _SINCE,
                        "valid_to": None, "register_version": "1",
                    }
                )  # fmt: skip
        self.register()
        self.said_until = self.today - timedelta(days=rng.choice([3, 8, 20, 34]))
        self.readings: list[Row] = []
        self.clock = self.today + timedelta(minutes=rng.choice([6, 40, 200, 700]))
        self.pass_time(self.clock)

    def register(self) -> None:
        """Write the registers as they stand."""
        for name, rows in (("plots", self.plots), ("devices", self.devices)):
            replace_register(self.folder, name, pa.Table.from_pylist(rows, schema=table(name).schema))

    def pass_time(self, until: datetime, share: float = 1.0) -> None:
        """Let `share` of the probes report up to an instant; of the others it comes later, or never."""
        rows: list[Row] = []
        for probe in self.probes:
            if self.rng.random() > share:
                continue
            step = timedelta(seconds=probe.interval_s)
            at = self.said_until + timedelta(seconds=7 * len(probe.device_id))
            while at <= until:
                row = probe.reading(at)
                if row is not None:
                    rows.append(row)
                at += step
        self.said_until = until.replace(minute=0, second=0, microsecond=0) + _HOUR
        self.write(rows)
        self.clock = until

    def write(self, rows: Iterable[Row]) -> None:
        """Add readings to the lake."""
        rows = list(rows)
        self.readings = rows or getattr(self, "readings", [])
        spec = table("soil_readings")
        for row in rows:
            row["message_seq"] = self.files
        whole = pa.Table.from_pylist(rows, schema=spec.schema)
        for day, of_day in by_local_day(spec, whole, BEICHEN):
            write_rows(self.folder, spec, day, of_day, f"made-{self.files}")
        self.files += 1

    def surprise(self) -> str:
        """Let something happen; returns what."""
        rng = self.rng
        once = ("some", "late", "yesterday", "parts", "move", "pace", "plot", "high", "still")
        what = rng.choice([*["hour"] * 3, *["nothing"] * 2, *once])
        if what in {"hour", "some"}:
            self.pass_time(self._later(rng.choice([1, 1, 2, 3])), 1.0 if what == "hour" else 0.3)
        elif what in {"late", "yesterday"}:
            back = timedelta(hours=rng.uniform(1, 20) if what == "yesterday" else rng.uniform(24, 24 * 30))
            self.write(self._said(3, back))
        elif what == "parts":
            self.write(
                [
                    row | {"volumetric_water_content": rng.choice([None, 0.01, 0.4]), "soil_temperature_c": -2.0}
                    for row in rng.sample(self.readings, min(len(self.readings), 4))
                ]
            )
        elif what == "nothing":
            self.clock = self._later(rng.choice([0, 1, 4]))
        elif what == "move":
            self._move()
        elif what == "pace":
            self._change_pace()
        elif what == "plot":
            rng.choice(self.plots)["vegetation"] = rng.choice(["trees", "shrubs", "warm_turf"])
            self.register()
        else:
            for probe in rng.sample(self.probes, 6):
                if what == "high":
                    probe.level = rng.uniform(0.3, 0.5)
                else:
                    probe.still_until, probe.stuck_at = 10**9, probe.level
            self.pass_time(self._later(1))
        return what

    def _move(self) -> None:
        """Let a device stand elsewhere since some hours ago, or nowhere."""
        device = self.rng.choice(self.devices)
        if device["valid_to"] is None:
            device["valid_to"] = self.clock - timedelta(hours=self.rng.choice([0.5, 5, 50]))
            if device["valid_to"] > device["valid_from"]:
                other = f"P{self.rng.randrange(len(self.plots))}"
                self.devices.append(device | {"plot_id": other, "valid_from": device["valid_to"], "valid_to": None})
        self.register()

    def _change_pace(self) -> None:
        """Let some probes report at another interval from now on; the register says so, or says it of the past too."""
        for probe in self.rng.sample(self.probes, 4):
            probe.interval_s = self.rng.choice([3600, 14400, 86400])
            since = self.clock - timedelta(hours=self.rng.choice([0.5, 50, 14 * 24]))
            held = [one for one in self.devices if one["device_id"] == probe.device_id and one["valid_to"] is None]
            for device in held:
                if device["valid_from"] < since:
                    device["valid_to"] = since
                    self.devices.append(
                        device | {"report_interval_s": float(probe.interval_s), "valid_from": since, "valid_to": None}
                    )
        self.register()

    def _later(self, hours: int) -> datetime:
        at = self.clock + timedelta(hours=hours)
        if at.astimezone(BEICHEN.timezone).date() != self.clock.astimezone(BEICHEN.timezone).date():
            return at.astimezone(BEICHEN.timezone).replace(hour=0, minute=5)
        return at

    def _said(self, readings: int, back: timedelta) -> list[Row]:
        rows = [probe.reading(self.clock - back) for probe in self.rng.sample(self.probes, readings)]
        return [row for row in rows if row is not None]


def main() -> None:
    """Make districts, let time pass, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--plots", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    seen: Counter[str] = Counter()
    for seed in range(given.seed, given.seed + given.rounds):
        with tempfile.TemporaryDirectory() as temporary:
            seen += compare(DataFolder(Path(temporary)), seed, given.plots, given.steps)
        print(f"seed {seed}: equal; so far {dict(seen)}", flush=True)


def compare(folder: DataFolder, seed: int, plots: int, steps: int) -> Counter[str]:
    """Judge a district step by step, with what was carried and without. Raises: AssertionError when they differ."""
    district = District(folder, random.Random(seed), plots)
    seen: Counter[str] = Counter()
    what = "begin"
    for step in range(steps):
        as_of = district.clock
        if what != "begin" and district.rng.random() < 0.1:
            as_of -= timedelta(hours=2)
        at_once = READINGS_AT_ONCE if step % 2 else _READINGS_AT_ONCE
        carry = Carry(load_past(folder), soil_files(folder), BEICHEN, as_of, at_once)
        where = f"seed {seed}, step {step} ({what}) at {as_of:%m-%d %H:%M}"
        with open_lake(folder, BEICHEN) as carried, open_lake(folder, BEICHEN) as whole:
            flags = evaluate(carried, as_of=as_of, site=BEICHEN, carry=carry)
            expected = evaluate(whole, as_of=as_of, site=BEICHEN, carry=Carry(None, {}, BEICHEN, as_of))
            compare_tables(carried, whole, where)
            assert flags.equals(expected), f"{where}: {_first_difference(flags, expected)}"
            keep_for_next(folder, carried, carry)
            for reason, devices in whole.execute(
                "select reason, count(*) from unsteady_devices group by reason"
            ).fetchall():
                seen[reason] += devices
        seen["judged"] += carry.groups_judged
        seen["carried"] += carry.groups_carried
        seen["continued"] += carry.groups_continued
        seen["held"] += len(carry.holding.holds)
        what = district.surprise()
    return seen


def _first_difference(flags: pa.Table, expected: pa.Table) -> str:
    """Return what the first flag that differs says and should say."""
    for one, other in zip(flags.to_pylist(), expected.to_pylist(), strict=False):
        differing = {name: (one[name], other[name]) for name in one if one[name] != other[name]}
        if differing:
            return f"flag of {one['plot_id']}, {one['cause']}: {differing}"
    return f"{flags.num_rows} flags instead of {expected.num_rows}"


def compare_tables(carried: duckdb.DuckDBPyConnection, whole: duckdb.DuckDBPyConnection, where: str) -> None:
    """Compare every carried and held table. Raises: AssertionError with the first rows that differ."""
    for model in (*carried_models(), *held_models()):
        if model.name == "unsteady_devices":
            continue
        columns = [row[0] for row in whole.execute(f"describe {model.name}").fetchall()]
        names = ", ".join(name for name in columns if name not in {"element_id", "stream_id", "steepest_pct"})
        rows = f"select {names} from {model.name}"
        carried.register("whole_rows", whole.execute(rows).to_arrow_table())
        more, less = (
            carried.execute(f"({one} except all {other}) limit 3").fetchall()
            for one, other in ((rows, "from whole_rows"), ("from whole_rows", rows))
        )
        carried.unregister("whole_rows")
        differing = more or less
        assert not differing, f"{where}: {model.name} ({names})\n{more}\ninstead of\n{less}"


if __name__ == "__main__":
    main()
