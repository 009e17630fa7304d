"""What every probe reads and sends over the three weeks, its troubles included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from greensward.simulate import messages
from greensward.simulate.messages import Measured, Radio
from greensward.simulate.plots import Plot
from greensward.simulate.sensors import LSE01, NATIVE, SMTC, STATION, Sensor
from greensward.simulate.soil import SoilState, layer_at, read_frozen, soil_temperature
from greensward.simulate.weather import STEP_S, Series, Weather

SILENT_FOR = timedelta(days=4, hours=14)
PULLED_OUT_FOR = timedelta(days=4, hours=6)
GAP_FROM, GAP_TO = timedelta(days=9), timedelta(days=7)
_BATCH_SAMPLES = 50
"""Samples in one back-filled message: under the contract's 64 KiB."""
_OVERLAP = 4
"""Samples of a back-filled batch that had been sent already."""
_RESENT = 24
"""Uplinks that a network server sends again a day later."""
_SHADE_C = {"conifers": -1.3, "shrubs": -0.9, "trees": -0.4}


class TimedMessage(NamedTuple):
    """A message and when a broker would have got it (aware)."""

    at: datetime
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class World:
    """All that the probes stand in; `midnight` is the instant of step 0, readings lie in [start, end)."""

    seed: int
    midnight: datetime
    start: datetime
    end: datetime
    plots: Sequence[Plot]
    weather: Weather
    soil: SoilState


def report_times(sensor: Sensor, world: World) -> list[datetime]:
    """Return when the device measures and would report, what it keeps back for later included."""
    end = world.end - SILENT_FOR if sensor.story == "silent" else world.end
    first = world.start + timedelta(seconds=sensor.phase_s)
    count = max(0, -(-int((end - first).total_seconds()) // sensor.interval_s))
    return [first + timedelta(seconds=sensor.interval_s * n) for n in range(count)]


def sensor_messages(sensor: Sensor, number: int, world: World) -> Iterator[TimedMessage]:
    """Yield the device's messages in time order. number: of the device, for its own stream of noise."""
    times = report_times(sensor, world)
    rng = np.random.default_rng([world.seed, 1000 + number])
    if sensor.kind == STATION:
        yield from _station_messages(sensor, times, world)
        return
    measured = _measure(sensor, times, world, rng)
    battery = _battery(sensor, len(times))
    rssi = rng.integers(-112, -78, len(times))
    late = rng.uniform(1.0, 8.0, len(times))
    if sensor.kind == NATIVE:
        yield from _native_messages(sensor, times, measured, battery, rssi, late, world)
        return
    radios = []
    for n, at in enumerate(times):
        token = int(rng.integers(0, 2**63)) << 64 | int(rng.integers(0, 2**63))
        radios.append(Radio(at + timedelta(microseconds=int(late[n] * 1e5)), n, token, int(rssi[n])))
    uplinks = (
        TimedMessage(radio.at, *_uplink(sensor, measured[n][0], float(battery[n]), radio))
        for n, radio in enumerate(radios)
    )
    if sensor.story != "sends_twice":
        yield from uplinks
        return
    heard = list(uplinks)
    for n, radio in enumerate(radios):
        copy = replace(radio, rssi_dbm=radio.rssi_dbm - 9, gateway=2)
        second = _uplink(sensor, measured[n][0], float(battery[n]), copy)
        heard.append(TimedMessage(radio.at + timedelta(seconds=1), *second))
    heard += [TimedMessage(m.at + timedelta(days=1), m.topic, m.payload) for m in heard[:_RESENT]]
    yield from sorted(heard)


def _uplink(sensor: Sensor, one: Measured, battery: float, radio: Radio) -> tuple[str, bytes]:
    if sensor.kind == LSE01:
        frame, fields = messages.lse01_frame(one, battery)
        return messages.chirpstack_uplink(
            sensor.device_id,
            "Dragino LSE01",
            2,
            frame,
            fields if sensor.decodes else None,
            radio,
        )
    frame, fields = messages.smtc_frame(one, round(battery / 3.6 * 100))
    return messages.tts_uplink(sensor.device_id, 85, frame, fields if sensor.decodes else None, radio)


def _native_messages(
    sensor: Sensor,
    times: Sequence[datetime],
    measured: Sequence[tuple[Measured, ...]],
    battery: Series,
    rssi: npt.NDArray[np.int64],
    late: Series,
    world: World,
) -> Iterator[TimedMessage]:
    topic = messages.native_topic(sensor.device_id)
    kept: list[tuple[datetime, list[dict[str, object]]]] = []
    sent: list[tuple[datetime, list[dict[str, object]]]] = []
    for n, at in enumerate(times):
        readings = messages.native_readings(measured[n])
        arrived = at + timedelta(seconds=float(late[n]))
        if sensor.story == "back_fills" and world.end - GAP_FROM <= at < world.end - GAP_TO:
            kept.append((at, readings))
            continue
        if kept:
            samples = sent[-_OVERLAP:] + kept
            for place in range(0, len(samples), _BATCH_SAMPLES):
                batch = samples[place : place + _BATCH_SAMPLES]
                yield TimedMessage(
                    arrived - timedelta(seconds=0.5),
                    topic,
                    messages.native_batch(batch, n),
                )
            kept = []
        sent.append((at, readings))
        yield TimedMessage(
            arrived,
            topic,
            messages.native_message(at, n, readings, float(battery[n]), int(rssi[n])),
        )


def _station_messages(sensor: Sensor, times: Sequence[datetime], world: World) -> Iterator[TimedMessage]:
    fallen = np.concatenate([[0.0], np.cumsum(world.weather.rain_mm)])
    steps = _steps(times, world)
    hourly = np.interp(steps, np.arange(fallen.size), fallen) - np.interp(
        steps - sensor.interval_s / STEP_S, np.arange(fallen.size), fallen
    )
    air = _at(world.weather.air_c, steps)
    humidity = _at(world.weather.humidity_pct, steps)
    for n, at in enumerate(times):
        readings: list[dict[str, object]] = [
            {
                "quantity": "air_temperature",
                "value": round(float(air[n]), 1),
                "unit": "Cel",
            },
            {
                "quantity": "relative_humidity",
                "value": round(float(humidity[n]), 0),
                "unit": "%",
            },
            # A tipping bucket of 0.2 mm.
            {
                "quantity": "rain_depth",
                "value": round(round(float(hourly[n]) / 0.2) * 0.2, 1),
                "unit": "mm",
            },
        ]
        payload = messages.native_message(at, n, readings, 12.6, -71)
        yield TimedMessage(at + timedelta(seconds=3), messages.native_topic(sensor.device_id), payload)


def _measure(
    sensor: Sensor, times: Sequence[datetime], world: World, rng: np.random.Generator
) -> list[tuple[Measured, ...]]:
    """Return one tuple of depths per report: true water content, bias and noise of the probe, ice, trouble."""
    if sensor.plot is None:
        raise ValueError(f"{sensor.device_id} stands in no plot")
    plot = world.plots[sensor.plot]
    steps = _steps(times, world)
    salinity = 0.5 + 0.9 * ((sensor.plot * 37) % 100) / 100
    shade = _SHADE_C.get(plot.shape.vegetation, 0.0)
    columns = []
    for depth_cm in sensor.depths_cm:
        warmth_series = soil_temperature(world.weather, depth_cm / 100, shade)
        warmth = _at(warmth_series, steps)
        theta = _at(world.soil.water[:, sensor.plot, layer_at(depth_cm / 100)], steps)
        bias = float(np.clip(rng.normal(0.0, 0.003), -0.006, 0.006)) if sensor.kind != NATIVE else 0.0
        water = read_frozen(theta + bias, warmth) + rng.normal(0.0, 0.0007, steps.size)
        ec = salinity * (0.12 + 2.1 * water) * (1 + 0.019 * (warmth - 25)) + rng.normal(0, 0.004, steps.size)
        if sensor.story == "pulled_out":
            out = np.array([at >= world.end - PULLED_OUT_FOR for at in times])
            water, ec = np.where(out, 0.0, water), np.where(out, 0.0, ec)
            warmth = np.where(out, _at(world.weather.air_c, steps), warmth)
        columns.append((depth_cm, water, warmth, ec.clip(0.0)))
    return [
        tuple(Measured(depth, float(water[n]), float(warmth[n]), float(ec[n])) for depth, water, warmth, ec in columns)
        for n in range(steps.size)
    ]


def _battery(sensor: Sensor, count: int) -> Series:
    """Return volts: a lithium cell that holds, or one that gives out in the last days."""
    age = np.linspace(0.0, 1.0, max(count, 1))
    if sensor.story == "dying_battery":
        return np.asarray(3.42 - 0.12 * age - 0.85 * np.clip(age - 0.6, 0.0, None) ** 1.5 / 0.4**1.5)
    return np.asarray(3.60 - 0.03 * age - (0.04 if sensor.kind == SMTC else 0.0))


def _steps(times: Sequence[datetime], world: World) -> Series:
    return np.array([(at - world.midnight).total_seconds() / STEP_S for at in times])


def _at(series: Series, steps: Series) -> Series:
    return np.asarray(np.interp(steps, np.arange(series.size), series))
