"""Which probes stand where, what each of them measures, and which of them have a story to tell."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from greensward.simulate.ground import to_lon_lat
from greensward.simulate.plots import Plot

NATIVE, LSE01, SMTC, STATION = (
    "native",
    "dragino/lse01",
    "milesight-iot/em500-smtc",
    "weather",
)

_NATIVE_DEPTHS_CM = {
    "cool_turf": (10.0, 20.0),
    "warm_turf": (10.0, 30.0),
    "shrubs": (10.0, 40.0),
    "trees": (30.0, 60.0),
    "conifers": (30.0, 60.0),
    "new_planting": (10.0, 40.0),
}
_SINGLE_DEPTH_CM = {
    "cool_turf": 15.0,
    "warm_turf": 20.0,
    "shrubs": 20.0,
    "trees": 40.0,
    "conifers": 40.0,
    "new_planting": 20.0,
}
_COUNTS = {NATIVE: 20, LSE01: 20, SMTC: 19}
_INTERVALS_S = {
    NATIVE: (1200,) * 6 + (1800,) * 14,
    LSE01: (1200,) * 8 + (1800,) * 8 + (3600,) * 4,
    SMTC: (1200,) * 8 + (1800,) * 7 + (3600,) * 4,
}


@dataclass(frozen=True, slots=True)
class Sensor:
    """One device. plot: index into the list of plots, None for the weather station.

    phase_s: when in its interval it reports
    decodes: whether its network server sends decoded fields beside the bytes
    story: "", "silent", "pulled_out", "dying_battery", "sends_twice" or "back_fills"
    """

    device_id: str
    kind: str
    plot: int | None
    depths_cm: tuple[float, ...]
    interval_s: int
    phase_s: int
    decodes: bool
    story: str = ""


@dataclass(frozen=True, slots=True)
class Roles:
    """Indices of the plots with a story; every other plot is looked after."""

    dry_mild: int
    dry_severe: tuple[int, int]
    sick: int
    silent: int
    pulled_out: int

    @property
    def dry(self) -> tuple[int, ...]:
        """All plots that nobody waters."""
        return (self.dry_mild, *self.dry_severe)


def cast_roles(plots: Sequence[Plot], rng: random.Random) -> Roles:
    """Return which plot plays which part; all lie where the patrol flies."""

    def pick(key: str, crew: str, vegetation: str | None = None) -> int:
        fitting = [
            number
            for number, plot in enumerate(plots)
            if plot.shape.key == key
            and plot.crew == crew
            and (vegetation is None or plot.shape.vegetation == vegetation)
            and not plot.plot_id.startswith("BC-R3")
        ]
        return rng.choice(fitting)

    return Roles(
        dry_mild=pick("hedge2", "一队"),
        dry_severe=(pick("row", "一队"), pick("bed", "二队", "new_planting")),
        sick=pick("hedge1", "一队"),
        silent=pick("belt", "二队"),
        pulled_out=pick("hedge1", "二队"),
    )


def place_sensors(plots: Sequence[Plot], roles: Roles, rng: random.Random) -> list[Sensor]:
    """Return 60 devices: 59 probes and a weather station. Plots with a part to play have a two-depth probe."""
    with_part = [*roles.dry, roles.sick]
    others = [number for number in range(len(plots)) if number not in with_part]
    rng.shuffle(others)
    single = [roles.silent, roles.pulled_out]
    # Three plots have no probe at all, as everywhere.
    bare = [number for number in others if number not in single][-3:]
    others = [number for number in others if number not in single and number not in bare]
    native = [*with_part, *others[: _COUNTS[NATIVE] - len(with_part)]]
    rest = [*single, *others[_COUNTS[NATIVE] - len(with_part) :]]
    second = [number for number in others if number not in rest]
    lorawan = (rest + second + others)[: _COUNTS[LSE01] + _COUNTS[SMTC]]
    sensors = [_sensor(f"gs-{n + 1:02d}", NATIVE, plots, plot, n, rng, decodes=False) for n, plot in enumerate(native)]
    for n, plot in enumerate(lorawan):
        kind = LSE01 if n % 2 == 0 or n // 2 >= _COUNTS[SMTC] else SMTC
        place = n // 2
        eui = f"a84041{0x01D0F100 + place:010x}" if kind == LSE01 else f"24e124{0x126B402A00 + place:010x}"
        sensors.append(_sensor(eui, kind, plots, plot, place, rng, decodes=place % 2 == 0))
    return [
        *_with_stories(sensors, roles),
        Sensor("wx-01", STATION, None, (), 3600, 45, decodes=False),
    ]


def devices_csv(
    sensors: Sequence[Sensor],
    plots: Sequence[Plot],
    since: datetime,
    rng: random.Random,
) -> str:
    """Return the register of devices as `greensward device import` takes it."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        [
            "device_id",
            "model",
            "plot_id",
            "depths_cm",
            "report_interval_s",
            "lon",
            "lat",
            "note",
            "valid_from",
        ]
    )
    for sensor in sensors:
        along, across = plots[sensor.plot].centre if sensor.plot is not None else (400.0, 30.0)
        lon, lat = to_lon_lat((along + rng.uniform(-1, 1), across + rng.uniform(-1, 1)))
        rows.writerow(
            [
                sensor.device_id,
                sensor.kind if "/" in sensor.kind else "",
                plots[sensor.plot].plot_id if sensor.plot is not None else "",
                ";".join(f"{depth:g}" for depth in sensor.depths_cm),
                sensor.interval_s,
                lon,
                lat,
                "气象站" if sensor.kind == STATION else "",
                since.isoformat(),
            ]
        )
    return text.getvalue()


def _sensor(
    device_id: str,
    kind: str,
    plots: Sequence[Plot],
    plot: int,
    number: int,
    rng: random.Random,
    *,
    decodes: bool,
) -> Sensor:
    vegetation = plots[plot].shape.vegetation
    depths = _NATIVE_DEPTHS_CM[vegetation] if kind == NATIVE else (_SINGLE_DEPTH_CM[vegetation],)
    interval = _INTERVALS_S[kind][number % len(_INTERVALS_S[kind])]
    return Sensor(device_id, kind, plot, depths, interval, rng.randrange(5, interval - 5), decodes)


def _with_stories(sensors: list[Sensor], roles: Roles) -> list[Sensor]:
    """Return the sensors with their stories; none of the plots with a part loses a probe it needs."""
    wanted: dict[str, Callable[[Sensor], bool]] = {
        "silent": lambda s: s.plot == roles.silent and s.kind != NATIVE,
        "pulled_out": lambda s: s.plot == roles.pulled_out and s.kind != NATIVE,
        "dying_battery": lambda s: s.kind == NATIVE and s.plot not in (*roles.dry, roles.sick),
        "back_fills": lambda s: (
            s.kind == NATIVE and s.plot not in (*roles.dry, roles.sick) and s.interval_s == _INTERVALS_S[NATIVE][-1]
        ),
        "sends_twice": lambda s: s.kind == LSE01 and s.plot not in (roles.silent, roles.pulled_out),
    }
    told = list(sensors)
    for story, fits in wanted.items():
        number = next(n for n, sensor in enumerate(told) if not sensor.story and fits(sensor))
        sensor = told[number]
        told[number] = Sensor(
            sensor.device_id,
            sensor.kind,
            sensor.plot,
            sensor.depths_cm,
            sensor.interval_s,
            sensor.phase_s,
            sensor.decodes,
            story,
        )
    return told
