"""The invented district as a whole: registers, every message of three weeks, and what should be found in them."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from operator import attrgetter

import numpy as np

from greensward.simulate import dock_flight, flights, messages, mishaps
from greensward.simulate.plots import Plot, invent_plots
from greensward.simulate.plots import plots_geojson as geojson
from greensward.simulate.readings import (
    TimedMessage,
    World,
    report_times,
    sensor_messages,
)
from greensward.simulate.sensors import (
    NATIVE,
    STATION,
    Roles,
    Sensor,
    cast_roles,
    devices_csv,
    place_sensors,
)
from greensward.simulate.soil import (
    VEGETATION,
    SoilState,
    depletion_seen,
    layer_at,
    simulate_water,
)
from greensward.simulate.weather import STEP_S, STEPS_PER_DAY, Weather, invent_weather
from sql.reference import limit, reference_rows

_ZONE = messages.ZONE
NEVER = 2.0
_WATERED_AT = 0.62
"""Crews of plots that are looked after come at this share of p."""
_TARGET_STRESS = (0.62, 0.40, 0.40)
"""Ks (FAO-56 eq. 84) that the three neglected plots end with: severity 2, 3 and 3 of soil.md, section 3."""
_WINTERS = 99
_ET0_DAYS = int(limit("p_etc_days"))
_FEWEST_DAYS = 10
_SEVERITY_BORDERS = (0.75, 0.50, 0.25)
"""Ks at and above which a dry plot is S1, S2, S3 (soil.md, section 3)."""


@dataclass(frozen=True)
class Truth:
    """What is so, in the invented world; a test holds the flags against it.

    dry_plots: plot id → severity 1 to 4 at the end; every other plot is not dry
    sick_plot: diseased and of low vigour, its soil moist; rubble_plot: where rubble was dumped
    silent_device, silent_plot, pulled_out_device, pulled_out_plot, dying_device: sensors in trouble
    unflown_plots: no patrol picture shows them; unprobed_plots: no sensor stands there
    watered_plots: watered at least once
    soil_rows, weather_rows, images: distinct rows that all messages together mean
    rejected_messages, rejected_parts: refused whole, and refused parts of kept messages
    """

    dry_plots: Mapping[str, int]
    sick_plot: str
    rubble_plot: str
    silent_device: str
    silent_plot: str
    pulled_out_device: str
    pulled_out_plot: str
    dying_device: str
    unflown_plots: frozenset[str]
    unprobed_plots: frozenset[str]
    watered_plots: frozenset[str]
    soil_rows: int
    weather_rows: int
    images: int
    rejected_messages: int
    rejected_parts: int


@dataclass(frozen=True)
class District:
    """An invented district; `plots_geojson` and `devices_csv` are what the registers import."""

    seed: int
    start: datetime
    end: datetime
    plots_geojson: dict[str, object]
    devices_csv: str
    truth: Truth
    sensors: tuple[Sensor, ...]
    _world: World
    _roles: Roles

    def messages(self) -> Iterator[TimedMessage]:
        """Yield every message in time order; the same bytes for the same seed, end and days."""
        plots, world = self._world.plots, self._world
        rng = _dice(f"flights {self.seed}")
        sick = plots[self._roles.sick]
        seen = flights.findings(sick, _rubble(plots), rng)
        streams: list[Iterator[TimedMessage]] = [
            sensor_messages(sensor, number, world) for number, sensor in enumerate(self.sensors)
        ]
        for number, begins in enumerate(_patrols(self.end), start=1):
            streams.append(
                flights.patrol_messages(
                    number,
                    begins,
                    plots,
                    sick,
                    seen,
                    _dice(f"flight {self.seed} {number}"),
                )
            )
        streams.append(dock_flight.dock_messages(_dock_time(self.end), plots, _dice(f"dock {self.seed}")))
        errs = next(
            s.device_id for s in self.sensors if s.kind == NATIVE and not s.story and s.plot not in self._roles.dry
        )
        streams.append(mishaps.mishap_messages(self.end, errs))
        for message in heapq.merge(*streams, key=attrgetter("at", "topic")):
            if message.at < self.end:
                yield message


def latest_season_end(now: datetime) -> datetime:
    """Return the newest 28 March 07:00 in Beichen before `now`: when every story of the district fits the season."""
    local = now.astimezone(_ZONE)
    this_year = datetime(local.year, 3, 28, 7, 0, tzinfo=_ZONE)
    return this_year if this_year < local else this_year.replace(year=local.year - 1)


def invent_district(seed: int, end: datetime, days: int = 21) -> District:
    """Return the district of `seed` whose readings end at `end` (aware), at least 10 days of them."""
    if days < _FEWEST_DAYS:
        raise ValueError(f"days: expected at least {_FEWEST_DAYS}, so that every story has room; got {days}")
    start = end - timedelta(days=days)
    midnight = datetime.combine(start.astimezone(_ZONE).date(), time(0), tzinfo=_ZONE)
    whole_days = -(-int((end - midnight).total_seconds()) // 86_400)
    plots = invent_plots(_dice(f"plots {seed}"))
    roles = cast_roles(plots, _dice(f"roles {seed}"))
    sensors = place_sensors(plots, roles, _dice(f"sensors {seed}"))
    weather = invent_weather(np.random.default_rng([seed, 1]), whole_days, midnight.timetuple().tm_yday)
    last_step = int((end - midnight).total_seconds()) // STEP_S - 1
    soil, stress = _grow(seed, plots, roles, sensors, weather, last_step)
    world = World(seed, midnight, start, end, plots, weather, soil)
    return District(
        seed=seed,
        start=start,
        end=end,
        plots_geojson=geojson(plots),
        devices_csv=devices_csv(
            sensors,
            plots,
            start - timedelta(days=30),
            _dice(f"register {seed}"),
        ),
        truth=_truth(world, roles, sensors, stress),
        sensors=tuple(sensors),
        _world=world,
        _roles=roles,
    )


def _grow(
    seed: int,
    plots: list[Plot],
    roles: Roles,
    sensors: list[Sensor],
    weather: Weather,
    last_step: int,
) -> tuple[SoilState, dict[int, float]]:
    """Return the water of all plots, and Ks at the end of the neglected ones.

    How dry a neglected plot came out of the winter is found by trying, so that it ends where its part wants it.
    """
    rng = np.random.default_rng([seed, 2])
    plants = [VEGETATION[plot.shape.vegetation] for plot in plots]
    soils = [plot.soil for plot in plots]
    depletion = rng.uniform(0.05, 0.28, len(plots))
    watered_at = np.array([_WATERED_AT * plant.p for plant in plants])
    dry = list(roles.dry)
    watered_at[dry] = NEVER
    watered_at[roles.sick] = 0.45 * plants[roles.sick].p
    depths = {s.plot: [d / 100 for d in s.depths_cm] for s in reversed(sensors) if s.plot in dry and s.kind == NATIVE}

    columns = np.repeat(dry, _WINTERS)
    winters = np.tile(np.linspace(0.0, 0.98, _WINTERS), len(dry))
    tried = simulate_water(
        weather, [soils[n] for n in columns], [plants[n] for n in columns], winters, watered_at[columns]
    )
    stress: dict[int, float] = {}
    recent_et0_mm = weather.et0_mm[last_step + 1 - _ET0_DAYS * STEPS_PER_DAY : last_step + 1].sum() / _ET0_DAYS
    for place, (number, target) in enumerate(zip(dry, _TARGET_STRESS, strict=True)):
        p = _depletion_fraction(plots[number].shape.vegetation, recent_et0_mm)
        ends = []
        for column in range(place * _WINTERS, (place + 1) * _WINTERS):
            theta = [tried.water[last_step, column, layer_at(depth)] for depth in depths[number]]
            gone = depletion_seen(depths[number], theta, soils[number], plants[number])
            ends.append(min(1.0, (1 - gone) / (1 - p)))
        nearest = int(np.argmin(np.abs(np.array(ends) - target)))
        depletion[number], stress[number] = winters[nearest], ends[nearest]
    return simulate_water(weather, soils, plants, depletion, watered_at), stress


def _depletion_fraction(vegetation: str, et0_mm: float) -> float:
    """Return p as the rules take it: that of the table, moved by what the plants use (FAO-56 table 22, note 2)."""
    rows = reference_rows("crop_coefficients")
    (kc,) = [float(row["crop_coefficient"]) for row in rows if row["vegetation"] == vegetation]
    p = VEGETATION[vegetation].p + limit("p_per_etc_mm") * (limit("p_at_etc_mm") - kc * et0_mm)
    return min(max(p, limit("p_min")), limit("p_max"))


def _truth(world: World, roles: Roles, sensors: list[Sensor], stress: Mapping[int, float]) -> Truth:
    plots = world.plots
    told = {sensor.story: sensor for sensor in sensors if sensor.story}
    probed = {sensor.plot for sensor in sensors}
    soil = sum(len(report_times(s, world)) * len(s.depths_cm) for s in sensors)
    station = sum(len(report_times(s, world)) for s in sensors if s.kind == STATION)
    return Truth(
        dry_plots={plots[n].plot_id: _severity(ks) for n, ks in stress.items()},
        sick_plot=plots[roles.sick].plot_id,
        rubble_plot=_rubble(plots).plot_id,
        silent_device=told["silent"].device_id,
        silent_plot=plots[roles.silent].plot_id,
        pulled_out_device=told["pulled_out"].device_id,
        pulled_out_plot=plots[roles.pulled_out].plot_id,
        dying_device=told["dying_battery"].device_id,
        unflown_plots=frozenset(plot.plot_id for plot in plots if not flights.flown(plot)),
        unprobed_plots=frozenset(plot.plot_id for n, plot in enumerate(plots) if n not in probed),
        watered_plots=frozenset(plots[n].plot_id for step, n in world.soil.watered),
        soil_rows=soil + mishaps.Mishaps().soil_rows,
        weather_rows=station,
        images=2 * flights.count_pictures() + dock_flight.PHOTOS,
        rejected_messages=mishaps.Mishaps().whole,
        rejected_parts=mishaps.Mishaps().parts,
    )


def _dice(name: str) -> random.Random:
    return random.Random(name)  # noqa: S311 - an invented world, not a secret


def _severity(stress: float) -> int:
    return 1 + sum(bool(stress < border) for border in _SEVERITY_BORDERS)


def _rubble(plots: Sequence[Plot]) -> Plot:
    return next(plot for plot in plots if plot.plot_id == "BC-L2-01")


def _patrols(end: datetime) -> tuple[datetime, datetime]:
    """Return when the two patrols take off: 10:10, eight days and one day before the last."""
    day = end.astimezone(_ZONE).date()
    first, second = (datetime.combine(day - timedelta(days=ago), time(10, 10), tzinfo=_ZONE) for ago in (8, 1))
    return first, second


def _dock_time(end: datetime) -> datetime:
    return datetime.combine(end.astimezone(_ZONE).date() - timedelta(days=2), time(14, 5), tzinfo=_ZONE)
