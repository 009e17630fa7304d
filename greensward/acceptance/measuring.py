"""Points on what is measured: clock, delay, units, range, whether values move and in which steps, battery. Pure."""

from __future__ import annotations

import collections
import functools
import math
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from greensward.acceptance.evidence import Evidence
from greensward.acceptance.in_chinese import in_both
from greensward.acceptance.needs import FEWEST, longer
from greensward.acceptance.point import Point, Said, lacking, passes, point, said, seconds
from ingest.decode.quantities import QUANTITIES
from ingest.observation import SoilReading
from sql.reference import limit

_CLOCK_S = 120
"""How far a clock may be off. Verdicts are made of hourly medians; two minutes are a thirtieth of an hour."""

_DELAY_S = 600
"""How long a reading may be on its way where nobody says the interval; otherwise one interval."""

_RANGES = {"soil_temperature_c": (-40.0, 60.0), "air_temperature_c": (-50.0, 50.0), "battery_v": (0.5, 60.0)}
"""What there is in soil and air, °C, and of batteries, V; all else is held against the contract's own bounds."""

_STEPS = {"volumetric_water_content": 0.01, "soil_temperature_c": 0.5, "matric_potential_kpa": 1.0, "bulk_ec_ds_m": 0.1}
"""Largest step of a value that is fine enough: a maintenance line lies one or two percent of water from the next."""

_WATER = "volumetric_water_content"
"""What verdicts are made of: another quantity that moves proves nothing of it."""

_FRACTION = 0.01
"""m³/m³; water that stays below, sent in %, is a fraction that was called percent: 0.183 % for 0.183 m³/m³."""

_PERCENT = re.compile(r"(\d+(?:\.\d+)?) (?:m3/m3|cm3/cm3|1)")
"""What a value was that was refused as water content, with its unit."""

_MICRO = 1_000_000
_TIME_CODES = frozenset({"bad_instant", "before_2015", "after_2099", "in_the_future"})
_UNIT_CODES = frozenset({"unit_not_allowed", "unknown_quantity"})
_BATTERY = ("/battery_v", "/battery_pct")
_SHARE_LATE = 0.99
_NEVER = datetime.min.replace(tzinfo=UTC)

_COLUMNS = {quantity.column: quantity for quantity in QUANTITIES.values()}


@dataclass(frozen=True, slots=True)
class _Series:
    """The values of one quantity of one sensing element, in order of time; place: "10 cm", "ch 2", or ""."""

    place: str
    column: str
    values: tuple[float, ...]

    @property
    def name(self) -> str:
        """How people find it again."""
        return f"{_COLUMNS[self.column].name} {self.place}".strip()

    @property
    def step(self) -> float:
        """The largest step of which all differences are multiples, to a millionth; 0 where nothing differs."""
        whole = sorted({round(value * _MICRO) for value in self.values})
        return math.gcd(*(after - whole[0] for after in whole[1:])) / _MICRO

    @property
    def stands_still(self) -> bool:
        """Whether it has had one value only."""
        return len(set(self.values)) == 1


def measuring_points(evidence: Evidence) -> Iterator[Point]:
    """Yield the points."""
    series = _series(evidence)
    yield _clock(evidence)
    yield _delay(evidence)
    yield _unit(evidence)
    yield _range(evidence, series)
    yield _moving(evidence, series)
    yield _steps(evidence, series)
    yield _battery(evidence)


_Lags = list[float]


def _measured(evidence: Evidence) -> list[tuple[datetime, datetime]]:
    """Return when each message's newest reading was measured, by the device's own clock, and when it came.

    Without what was kept in the outage: it was not on its way all that time.
    """
    outage = evidence.outage
    newest = ((came.newest, came.heard.received_at) for came in evidence.readings if came.is_new)
    return [
        (row.measured_at, at)
        for row, at in newest
        if row is not None and row.time_source == "device"
        if outage is None or not outage.last_at < row.measured_at < outage.back_at
    ]


def _lags(evidence: Evidence) -> tuple[_Lags, _Lags]:
    """Return the seconds from measuring to arriving, before and after the outage: a clock may lose its time in it.

    What comes after newer readings was kept, and tells nothing.
    """
    back = evidence.outage.back_at if evidence.outage else _NEVER
    parts: tuple[_Lags, _Lags] = [], []
    latest = [_NEVER, _NEVER]
    for measured_at, came_at in _measured(evidence):
        part = came_at >= back
        if measured_at > latest[part]:
            latest[part] = measured_at
            parts[part].append((came_at - measured_at).total_seconds())
    return parts


def _delays(evidence: Evidence) -> _Lags:
    """Return the seconds from measuring to arriving; of what was kept, how long nothing newer has come.

    So a device is held neither against what it sends again, nor excused where all that it sends is old.
    """
    back = evidence.outage.back_at if evidence.outage else _NEVER
    delays, latest = _Lags(), _NEVER
    for measured_at, came_at in _measured(evidence):
        known = max(latest, back) if came_at >= back else latest
        delays.append((came_at - (measured_at if measured_at > latest else known)).total_seconds())
        latest = max(latest, measured_at)
    return delays


def _clock(evidence: Evidence) -> Point:
    limits = {"most": seconds(_CLOCK_S)}
    wrong = [came for came in evidence.live if any(fault.code in _TIME_CODES for fault in came.faults)]
    if wrong:
        got = next(fault for fault in wrong[0].faults if fault.code in _TIME_CODES)
        return point(
            "clock", "failed", said("clock_refused", n=len(wrong), code=got.code, got=in_both(got.got)), **limits
        )
    before, after = _lags(evidence)
    if not evidence.readings:
        return lacking("clock", [longer(evidence)], said("no_reading"), **limits)
    if not before and not after:
        return point("clock", "not_seen", said("no_clock"), **limits)
    if not after:
        return lacking("clock", [said("since_cut")], said("not_since_cut"), **limits)
    # What is on its way for no time at all shows the clock alone: the shortest lag is nearest to that.
    offset_s, lags = max((min(part) for part in (before, after) if part), key=abs), before + after
    found = said("clock", offset=seconds(offset_s), spread=seconds(max(lags) - min(lags)), n=len(lags))
    return point("clock", passes(abs(offset_s) <= _CLOCK_S), found, **limits)


def _delay(evidence: Evidence) -> Point:
    longest_s = max(evidence.trial.interval_s or _DELAY_S, _CLOCK_S)  # a clock within its limit is no delay
    limits = {"most": seconds(longest_s)}
    delays = sorted(_delays(evidence))
    if not delays:
        return point("delay", "not_seen", said("no_clock" if evidence.readings else "no_reading"), **limits)
    late_s = delays[math.ceil(_SHARE_LATE * len(delays)) - 1]
    found = said("delay", median=seconds(statistics.median(delays)), late=seconds(late_s), n=len(delays))
    return point("delay", passes(late_s <= longest_s), found, **limits)


def _unit(evidence: Evidence) -> Point:
    wrong = [fault for came in evidence.live for fault in came.faults if fault.code in _UNIT_CODES]
    if wrong:
        counts = collections.Counter(fault.got for fault in wrong)
        return point(
            "unit", "failed", *(said("unit_refused", got=in_both(got), n=n) for got, n in counts.most_common(5))
        )
    soil = [row for came in evidence.readings for row in came.soil]
    water = [(row.volumetric_water_content, row.unit_received) for row in soil if row.volumetric_water_content]
    positive = [value for value, _ in water if value > 0]
    percent = _percent_called_fraction(evidence)
    if percent:
        return point("unit", "failed", said("percent_as_fraction", n=percent))
    if len(positive) >= FEWEST and max(positive) < _FRACTION and {unit for _, unit in water} == {"%"}:
        return point("unit", "failed", said("fraction_as_percent", highest=f"{100 * max(positive):g}"))
    if not evidence.readings:
        return lacking("unit", [longer(evidence)], said("no_reading"))
    units = sorted({row.unit_received for row in soil if row.unit_received})
    return point("unit", "passed", said("units", units=", ".join(units)) if units else said("units_fit"))


def _percent_called_fraction(evidence: Evidence) -> int:
    """Return how many values were refused that are water in percent, called m3/m3."""
    faults = (fault for came in evidence.live for fault in came.faults)
    refused = (_PERCENT.fullmatch(fault.got) for fault in faults if fault.expected.endswith("m3/m3"))
    return sum(found is not None and 1 < float(found[1]) <= 100 for found in refused)  # noqa: PLR2004 - percent


def _range(evidence: Evidence, series: Sequence[_Series]) -> Point:
    limits = {"highest": f"{limit('water_content_max'):g}"}
    reasons = collections.Counter(
        row.quarantine for came in evidence.readings for row in came.soil if row.quarantine is not None
    )
    told = [said("quarantined", n=n, reason=reason) for reason, n in reasons.most_common(3)]
    for one in series:
        lowest, highest = _bounds(one.column)
        outside = [value for value in one.values if not lowest <= value <= highest]
        if outside:
            worst = max(outside, key=lambda value: max(lowest - value, value - highest))
            told.append(
                said("outside", name=one.name, n=len(outside), of=len(one.values), value=_with_unit(one, worst))
            )
    if told:
        return point("range", "failed", *told, **limits)
    within = [
        said("within", name=one.name, low=f"{min(one.values):g}", high=_with_unit(one, max(one.values)))
        for one in series
    ]
    return point("range", "passed" if within else "not_seen", *(within or [said("no_reading")]), **limits)


def _bounds(column: str) -> tuple[float, float]:
    if column == _WATER:
        return _COLUMNS[column].lowest, limit("water_content_max")
    return _RANGES.get(column, (_COLUMNS[column].lowest, _COLUMNS[column].highest))


def _with_unit(series: _Series, value: float) -> str:
    unit = {"1": "", "Cel": "°C", "m3/m3": "m³/m³"}.get(_COLUMNS[series.column].unit, _COLUMNS[series.column].unit)
    return f"{value:g} {unit}".strip()


def _moving(evidence: Evidence, series: Sequence[_Series]) -> Point:
    elements = collections.defaultdict(list)
    for one in series:
        if one.place and len(one.values) >= FEWEST:
            elements[one.place].append(one)
    if not elements:
        is_weather = bool(series) and not any(one.place for one in series)
        return lacking("moving", [] if is_weather else [longer(evidence)], said("too_few", n=FEWEST))
    still = {place for place, some in elements.items() if all(one.stands_still for one in some)}
    told = [
        said("still", place=place, values=", ".join(_with_unit(one, one.values[0]) for one in elements[place]))
        for place in sorted(still)
    ]
    if told:
        return point("moving", "failed", *told)
    resting = [one for some in elements.values() for one in some if one.stands_still]
    names = ", ".join(one.name for one in resting)
    if any(one.column == _WATER for one in resting):
        return lacking("moving", [said("water")], said("resting", names=names))
    return point("moving", "passed", said("moving_but", names=names) if resting else said("moving"))


def _steps(evidence: Evidence, series: Sequence[_Series]) -> Point:
    limits = {"steps": _wanted_steps()}
    told, is_coarse, sure = [], False, set()
    for one in series:
        most = _STEPS.get(one.column)
        if most is None or not one.step:
            continue
        is_known, is_fine = len(set(one.values)) >= FEWEST, one.step <= most
        if is_known or is_fine:
            sure.add(one.column)
        is_coarse = is_coarse or (is_known and not is_fine)
        told.append(said("step" if is_known else "step_at_most", name=one.name, step=_with_unit(one, one.step)))
    has_water = any(one.column == _WATER for one in series)
    if is_coarse or (_WATER in sure if has_water else sure):
        return point("steps", passes(not is_coarse), *told, **limits)
    told.append(said("too_few_of_water" if has_water else "too_few_values", n=FEWEST))
    return lacking("steps", _steps_need(evidence, series), *told, **limits)


def _steps_need(evidence: Evidence, series: Sequence[_Series]) -> list[Said]:
    """Return what shows the steps, of water content where it is measured; nothing where none are asked of anything."""
    counts = {one.column: len(one.values) for one in series if one.column in _STEPS}
    if series and not counts:
        return []
    if max(counts.values(), default=0) < FEWEST:
        return [longer(evidence)]
    return [said("differ_water" if _WATER in counts else "differ", n=FEWEST)]


@functools.cache
def _wanted_steps() -> str:
    return ", ".join(_with_unit(_Series("", column, ()), step) for column, step in _STEPS.items())


def _battery(evidence: Evidence) -> Point:
    wrong = [f for came in evidence.live for f in came.faults if f.pointer.endswith(_BATTERY)]
    if wrong:
        return point("battery", "failed", said("battery_refused", got=in_both(wrong[0].got), n=len(wrong)))
    rows = [row for came in evidence.live for row in came.status]
    volts = [row.battery_v for row in rows if row.battery_v is not None]
    percent = [row.battery_pct for row in rows if row.battery_pct is not None]
    if not volts and not percent:
        return point("battery", "not_seen", said("no_battery"))
    lowest, highest = _RANGES["battery_v"]
    told = [
        said("battery", low=f"{min(some):g}", high=f"{max(some):g} {unit}")
        for some, unit in ((volts, "V"), (percent, "%"))
        if some
    ]
    return point("battery", passes(all(lowest <= volt <= highest for volt in volts)), *told)


def _series(evidence: Evidence) -> list[_Series]:
    values: dict[tuple[str, str], dict[Any, float]] = collections.defaultdict(dict)
    for came in evidence.readings:
        for row in came.rows:
            place = _place(row)
            for column in _COLUMNS:
                value = getattr(row, column, None)
                if value is not None:
                    values[place, column].setdefault(row.measured_at, value)
    return [
        _Series(place, column, tuple(value for _, value in sorted(some.items())))
        for (place, column), some in sorted(values.items())
    ]


def _place(row: Any) -> str:
    if not isinstance(row, SoilReading):
        return ""
    return f"ch {row.channel}" if row.depth_cm is None else f"{row.depth_cm:g} cm"
