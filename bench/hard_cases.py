"""Six hard cases from the message to the verdict: `python -m bench.hard_cases`.

A reading that comes 30 days late, a probe that moves from plot to plot, a stream that changes its unit, a battery that
sags until the probe reads zero, a clock two days ahead, and a clay at R = 65 %. Each is sent as MQTT messages through
the real sealer into a lake, and judged by the product's evaluation. Prints what was seen; exit 1 when one is wrong.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.station_lake import register
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.observation import Message
from ingest.registers.snapshot import load
from ingest.registers.store import import_devices
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from sql.evaluate import evaluate

_NOW = datetime(2026, 6, 20, 0, 30, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MOVED_AT = _NOW - 3 * _DAY
_LATE_AT = _NOW - 30 * _DAY
_DRY, _MOIST, _CLAY = 0.18, 0.26, 0.65 * 0.4206
_PLOTS = ("late", "before", "after", "unit", "sagging", "ahead")
_LOAM = {"field_capacity": 0.28, "wilting_point": 0.14, "saturation": 0.46}


Verdicts = Mapping[str, Mapping[str, Any]]


def sent(topic: str, body: Mapping[str, Any], at: datetime) -> tuple[datetime, str, bytes]:
    """Return a message that arrives at an instant."""
    return at, f"greensward/v1/beichen/{topic}", json.dumps(body).encode()


def sample(at: datetime, water_content: float) -> dict[str, Any]:
    """Return a sample of native JSON with water content and temperature at 30 cm."""
    values = (("volumetric_water_content", water_content, "m3/m3"), ("soil_temperature", 20 + at.hour / 10, "Cel"))
    readings = [{"quantity": name, "depth_cm": 30, "value": value, "unit": unit} for name, value, unit in values]
    return {"measured_at": at.isoformat(), "readings": readings}


def hours(device_id: str, water_content: float, days: int) -> Iterator[tuple[datetime, str, bytes]]:
    """Yield hourly native messages of so many days up to now, each a little different."""
    for back in range(24 * days):
        at = _NOW - back * _HOUR
        body = {"schema": "greening.soil_reading/1"} | sample(at, water_content + (back % 5) / 10_000)
        yield sent(f"{device_id}/soil", body, at)


def messages() -> list[tuple[datetime, str, bytes]]:
    """Return the messages of all cases but the late one, by arrival."""
    every = [*hours("late", _MOIST, 3), *hours("mover", _DRY, 8), *hours("clay", _CLAY, 3)]
    for back in range(24 * 4):
        at = _NOW - back * _HOUR
        value = round(100 * _MOIST, 1) if back >= 48 else _MOIST  # percent, and fractions from two days ago on
        params = {"soil_moisture": {"value": value, "time": int(at.timestamp() * 1000)}}
        every.append((at, "/sys/pk/unit/thing/event/property/post", json.dumps({"id": "1", "params": params}).encode()))
        sagging = {"battery_v": round(2.4 + back / 80, 2)}
        content = _MOIST + (back % 5) / 10_000 if back >= 48 else 0.0
        body = {"schema": "greening.soil_reading/1"} | sample(at, content) | sagging
        every.append(sent("sagging/soil", body, at))
    ahead = {"schema": "greening.soil_reading/1"} | sample(_NOW + 2 * _DAY, _DRY)
    return sorted([*every, sent("ahead/soil", ahead, _NOW)])


def seal(folder: DataFolder, some: Sequence[tuple[datetime, str, bytes]], first: int) -> None:
    """Put messages through the sealer, numbered from `first`."""
    sealer = Sealer(folder, BEICHEN, "hard cases")
    sealer.seal([Message(seq, *one) for seq, one in enumerate(some, start=first)], load(folder))


def judge(folder: DataFolder, as_of: datetime) -> tuple[dict[str, dict[str, Any]], list[tuple[Any, ...]]]:
    """Return the verdicts on dryness by plot, and of each device how many readings each plot has, usable or not."""
    with open_lake(folder, BEICHEN) as connection:
        flags = evaluate(connection, as_of=as_of, site=BEICHEN).to_pylist()
        rows = connection.execute(
            "select device_id, plot_id, is_usable, quarantine is not null, min(volumetric_water_content), "
            "max(volumetric_water_content), count(*) from readings group by all order by all"
        ).fetchall()
    return {row["plot_id"]: row for row in flags if row["cause"] == "drought"}, rows


def show(name: str, seen: str, *, is_right: bool) -> int:
    """Print a case; return 1 where it is wrong."""
    print(f"{'right' if is_right else 'WRONG':6s} {name:42s} {seen}")
    return 0 if is_right else 1


def main() -> int:
    """Send the six cases and print what became of them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = DataFolder(Path(temporary) / "data")
        usual = {"plot_type": "park", "maintenance_grade": 1, "vegetation": "shrubs"}
        plots: list[dict[str, Any]] = [{"plot_id": name, "name": name} | usual | _LOAM for name in _PLOTS]
        plots.append({"plot_id": "clay", "name": "clay", "soil_texture": "clay"} | usual)
        devices = [(name, name, "30", 3600.0) for name in ("late", "sagging", "ahead", "clay")]
        register(folder, plots, [*devices, ("pk.unit", "unit", "30", 3600.0), ("mover", "before", "30", 3600.0)])
        moved = b"device_id,plot_id,depths_cm,report_interval_s\nmover,after,30,3600"
        import_devices(folder, moved, site=BEICHEN, now=_NOW, valid_from=_MOVED_AT)
        seal(folder, messages(), 1)
        before, _ = judge(folder, _LATE_AT)
        samples = [sample(_LATE_AT - back * _HOUR, _DRY + (back % 5) / 10_000) for back in range(72)]
        seal(folder, [sent("late/soil", {"schema": "greening.soil_reading/1", "samples": samples}, _NOW)], 10_000)
        then, _ = judge(folder, _LATE_AT)
        now, rows = judge(folder, _NOW)
        with open_lake(folder, BEICHEN) as connection:
            refused = connection.execute("select device_id, faults_json from rejected").fetchall()
            stored = connection.execute("select count(*) from soil_readings where device_id = 'ahead'").fetchall()
    return _wrong(before, then, now, rows, refused, stored[0][0])


def _wrong(
    before: Verdicts, then: Verdicts, now: Verdicts, rows: Sequence[tuple[Any, ...]],
    refused: Sequence[tuple[Any, ...]], ahead: int,
) -> int:  # fmt: skip
    """Print each case and return whether any is wrong."""
    late = (before["late"]["state"], then["late"]["state"], now["late"]["state"])
    wrong = show(
        "30 days late: that day before, after; today",
        f"{late}",
        is_right=late[0] == "no_data" and late[1:] == ("dry", "ok"),
    )
    places = {row[1]: row[6] for row in rows if row[0] == "mover"}
    states = (now["before"]["state"], now["after"]["state"])
    is_right = places == {"before": 119, "after": 73} and states == ("no_sensor", "dry")
    wrong += show("a probe moved: readings by plot; states", f"{places} {states}", is_right=is_right)
    unit = [(row[3], row[4], row[5], row[6]) for row in rows if row[0] == "pk.unit"]
    is_right = all(is_kept_apart or low == high == _MOIST for is_kept_apart, low, high, _ in unit)
    is_right &= now["unit"]["state"] not in {"dry", "likely"} and sum(row[3] for row in unit) == 96
    wrong += show("a unit switched: quarantined, least, most", f"{unit} {now['unit']['state']}", is_right=is_right)
    zeros = [row[2] for row in rows if row[0] == "sagging" and row[5] == 0]
    state = now["sagging"]["state"]
    is_right = zeros == [False] and state not in {"dry", "likely", "ok"} and not now["sagging"]["needs_work"]
    wrong += show("a sagging battery: zeros usable; state", f"{zeros} {state}", is_right=is_right)
    faults = [json.loads(text) for device_id, text in refused if device_id == "ahead"]
    wrong += show("two days ahead: stored; faults", f"{ahead} {faults}", is_right=ahead == 0 and len(faults) == 1)
    clay = now["clay"]
    seen = f"R {clay['relative_moisture_pct']:.1f} % {clay['state']} severity {clay['severity']}"
    is_right = clay["state"] == "dry" and abs(clay["relative_moisture_pct"] - 65) < 1 and clay["needs_work"]
    wrong += show("a clay at R = 65 %", seen, is_right=is_right)
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
