"""A message that was heard, as one line for people: who, where, values with units, how old. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from crews.readable import one_line
from greensward.console import counted
from greensward.overheard.judged import Told
from ingest.decode.fault_codes import IGNORED_CODES
from ingest.observation import DeviceStatus, SoilReading, WeatherReading

_SOIL = (
    ("volumetric_water_content", "m³/m³"),
    ("soil_temperature_c", "°C"),
    ("bulk_ec_ds_m", "dS/m"),
    ("matric_potential_kpa", "kPa"),
    ("raw_frequency_khz", "kHz"),
    ("raw_counts", "counts"),
)
_WEATHER = (
    ("air_temperature_c", "air", "°C"),
    ("relative_humidity_pct", "humidity", "%"),
    ("rain_depth_mm", "rain", "mm"),
    ("leaf_wetness_pct", "leaf", "%"),
    ("wind_speed_m_s", "wind", "m/s"),
    ("solar_radiation_w_m2", "sun", "W/m²"),
    ("air_pressure_kpa", "pressure", "kPa"),
)
_STATUS = (("battery_v", "V"), ("battery_pct", "%"), ("rssi_dbm", "dBm"), ("snr_db", "dB"))
_UNREAD = frozenset({"unknown_topic", "wrong_district"})
"""Ingest does not subscribe to these topics: what comes there is not even kept as refused."""

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_TWICE = 2
"""A larger unit begins at two of it, so that no more than half of a number is rounded away."""


def line_of(told: Told, zone: ZoneInfo) -> str:
    """Return the line: the site's clock, the device, and what comes of the message."""
    who = told.device_ids[0] if told.device_ids else told.heard.topic
    parts = [*_marks(told), *_what(told, zone)]
    line = f"{told.heard.received_at.astimezone(zone):%H:%M:%S} {who}  {' · '.join(parts)}"
    return one_line(line)  # a name or a firmware with a line feed is no second message


def say_lag(lag: timedelta) -> str:
    """Return how much later something came than it was measured, or how far ahead its clock is."""
    seconds = lag.total_seconds()
    word = "old" if seconds >= 0 else "ahead of our clock"
    for size, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if abs(seconds) >= _TWICE * size:
            return f"{abs(seconds) / size:.0f} {unit} {word}"
    return f"{abs(seconds):.0f} s {word}" if abs(seconds) >= 1 else "just measured"


def _marks(told: Told) -> Iterator[str]:
    if told.heard.retained:
        yield "retained"
    if told.heard.redelivered:
        yield "sent again by the broker"


def _what(told: Told, zone: ZoneInfo) -> Iterator[str]:
    decoded = told.decoded
    instants = [row.measured_at for row in decoded.soil] + [row.measured_at for row in decoded.weather]
    newest = max(instants, default=None)
    soil = [row for row in decoded.soil if row.measured_at == newest]
    weather = [row for row in decoded.weather if row.measured_at == newest]
    yield from map(_soil, soil)
    yield from map(_weather, weather)
    if older := len(instants) - len(soil) - len(weather):
        yield f"and {counted(older, 'earlier row')}"
    yield from (text for row in decoded.status[-1:] if (text := _status(row)))
    others = (
        (decoded.images, "picture"),
        (decoded.poses, "pose"),
        (decoded.flights, "flight report"),
        (decoded.forecasts, "forecast day"),
    )
    yield from (counted(len(rows), name) for rows, name in others if rows)
    if decoded.ignored is not None:
        meaning = IGNORED_CODES.get(decoded.ignored)
        yield f"left aside: {decoded.ignored}" + (f" ({meaning.en.rstrip('.')})" if meaning else "")
    at = newest or max((row.reported_at for row in decoded.status), default=None)
    if at is not None:
        yield _age(at, told.heard.received_at, zone)
    yield from (f"quarantined: {reason}" for reason in told.quarantine)
    if any(fault.code in _UNREAD for fault in told.faults):
        yield f"nobody reads {told.heard.topic}"
    elif told.faults:
        yield f"refused: {counted(len(told.faults), 'fault')}" + (", the rest is kept" if decoded.soil else "")


def _age(at: datetime, received_at: datetime, zone: ZoneInfo) -> str:
    lag = received_at - at
    return say_lag(lag) + (f" ({at.astimezone(zone):%Y-%m-%d %H:%M})" if abs(lag) > timedelta(days=1) else "")


def _soil(row: SoilReading) -> str:
    where = f"ch {row.channel}" if row.depth_cm is None else f"{row.depth_cm:g} cm"
    return f"{where} {_values((getattr(row, name), '', unit) for name, unit in _SOIL)}"


def _weather(row: WeatherReading) -> str:
    return _values((getattr(row, name), f"{word} ", unit) for name, word, unit in _WEATHER)


def _values(values: Iterable[tuple[float | None, str, str]]) -> str:
    return ", ".join(f"{word}{value:.6g} {unit}" for value, word, unit in values if value is not None)


def _status(row: DeviceStatus) -> str:
    said = [row.state or "", _values((getattr(row, name), "", unit) for name, unit in _STATUS)]
    said += [f"seq {row.device_seq}" if row.device_seq is not None else "", row.firmware or ""]
    return ", ".join(part for part in said if part)
