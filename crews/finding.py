"""A flag as the crews' side needs it: the rows of one plot and cause in one evaluation, as one finding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ingest.site import Site

WELL_STATES = frozenset({"ok", "watch", "wet", "flown"})
"""States that say we looked and it is well. No others do: silent, stale, frozen or no data are not recovery.

Nor is just watered: water came, and only the days after show whether it was enough.
"""

_DAY_AND_VALUE = 2
_MOST_PICTURES = 4

PAUSED_STATES = frozenset({"frozen", "suspended"})
"""States in which dryness is not judged for the season; open work waits."""

UNHEARD_STATES = frozenset({"no_data", "stale", "silent", "sensor_fault"})
"""States in which a plot has probes and none of them says how moist its soil is."""

JUDGED_STATES = frozenset({"ok", "watch", "wet", "just_watered", "likely", "dry"})
"""States in which the rule knows how moist the soil is."""

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

FAR_DAYS = 14
"""Days until dry that mean: so many or more; outlook_days of sql/reference/limits.csv."""


class Picture(msgspec.Struct, frozen=True):
    """A drone picture behind a finding; `uri` as its source gave it, stored and never fetched."""

    image_id: str
    uri: str | None = None
    confidence: float | None = None


class Finding(msgspec.Struct, frozen=True):
    """What an evaluation said of one plot and cause; units as in schemas/tables/flags.toml.

    device_ids: devices that need work, for cause sensor; the probes behind the verdict otherwise
    depths_cm: (device id, depths of its elements) as the register has them, for cause sensor
    litres: water in all; visits: over how many visits it is spread, None for one
    trend_7d: (local day as ISO text, value) pairs, oldest first; a value is None where nothing was measured
    days_until_dry, _low, _high: days until the plot wants water if it gets none, and the range; None when unknown
    lon, lat: centre of what was seen, WGS 84, where it is narrower than the plot
    check_parameters: the water is outside of what is usual for such plants
    saline_ec_ds_m: bulk EC of saline soil at the probes, whose water content reads high; None where it is not saline
    """

    plot_id: str
    cause: str
    as_of: datetime
    state: str
    needs_work: bool
    severity: int
    reason_code: str
    reason_params: dict[str, Any]
    rule_id: str
    rule_version: str
    since: datetime | None = None
    value: float | None = None
    line: float | None = None
    unit: str | None = None
    gross_mm: float | None = None
    litres: float | None = None
    visits: int | None = None
    priority: float | None = None
    confidence: str | None = None
    data_at: datetime | None = None
    days_until_dry: float | None = None
    days_until_dry_low: float | None = None
    days_until_dry_high: float | None = None
    device_ids: tuple[str, ...] = ()
    depths_cm: tuple[tuple[str, tuple[float, ...]], ...] = ()
    trend_7d: tuple[tuple[str, float | None], ...] = ()
    pictures: tuple[Picture, ...] = ()
    lon: float | None = None
    lat: float | None = None
    check_parameters: bool = False
    saline_ec_ds_m: float | None = None

    @property
    def is_well(self) -> bool:
        """Say whether the evaluation looked and found nothing to do."""
        return not self.needs_work and self.state in WELL_STATES

    @property
    def may_wait(self) -> bool:
        """Say whether work that was found before may wait: it is well, water has just come, or dryness rests."""
        return self.is_well or self.state == "just_watered" or self.state in PAUSED_STATES

    @property
    def visit_litres(self) -> float | None:
        """Return the water of one visit; None when none is asked for or it cannot be known."""
        return None if self.litres is None else self.litres / max(self.visits or 1, 1)

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON values."""
        values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return values


def from_json(values: Mapping[str, Any]) -> Finding:
    """Return the finding that `Finding.as_json` gave. Raises: msgspec.ValidationError."""
    return msgspec.convert(dict(values), Finding)


def counted_to(finding: Finding, now: datetime, site: Site) -> Finding:
    """Return the finding with the hours and days of its reason counted to `now` instead of to the evaluation.

    Hours run from `since` where they did so at the evaluation (within one, for they are rounded there), so that they
    agree with the age of the data that stands beside them.
    """
    params = dict(finding.reason_params)
    hours, days = _number(params.get("hours")), _number(params.get("days"))
    if hours is not None:
        told_at = finding.as_of - hours * _HOUR
        starts = (start for start in (finding.since, finding.data_at) if start is not None)
        start = next((start for start in starts if abs(start - told_at) <= _HOUR), told_at)
        params["hours"] = max(int((now - start) // _HOUR), 0)
    if days is not None:
        params["days"] = max(int(days) + (site.local_date(now) - site.local_date(finding.as_of)).days, 0)
    passed = max((now - finding.as_of) / _DAY, 0.0)
    return msgspec.structs.replace(
        finding,
        reason_params=params,
        days_until_dry=_less(finding.days_until_dry, passed),
        days_until_dry_low=_less(finding.days_until_dry_low, passed),
        days_until_dry_high=_less(finding.days_until_dry_high, passed),
    )


def _less(days: float | None, passed: float) -> float | None:
    """Return the days that are left; so many or more stay so many or more."""
    return days if days is None or days >= FAR_DAYS else max(days - passed, 0.0)


def merge_flags(flags: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Return one finding per plot and cause, in order of plot and cause.

    Of several rows (one per device) the worst that needs work speaks; where none does, one that is not well speaks
    before one that is, because one silent probe keeps us from calling the plot well. Of several evaluations the newest
    counts.
    """
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for row in flags:
        finding = _from_row(row)
        grouped.setdefault((finding.plot_id, finding.cause), []).append(finding)
    return [_merge(rows) for _, rows in sorted(grouped.items())]


def _merge(rows: list[Finding]) -> Finding:
    newest = max(row.as_of for row in rows)
    current = [row for row in rows if row.as_of == newest]
    current.sort(key=lambda row: (row.needs_work, row.severity, not row.is_well, row.device_ids), reverse=True)
    devices = tuple(sorted({device for row in current if row.needs_work for device in row.device_ids}))
    depths = tuple(sorted({pair for row in current for pair in row.depths_cm if not devices or pair[0] in devices}))
    return msgspec.structs.replace(current[0], device_ids=devices or current[0].device_ids, depths_cm=depths)


def _from_row(row: Mapping[str, Any]) -> Finding:
    inputs = _json_object(row.get("inputs_json"))
    device = row.get("device_id")
    return Finding(
        plot_id=row["plot_id"],
        cause=row["cause"],
        as_of=row["as_of"],
        state=row["state"],
        needs_work=bool(row["needs_work"]),
        severity=int(row["severity"]),
        reason_code=row["reason_code"],
        reason_params=_json_object(row.get("reason_params_json")),
        rule_id=row["rule_id"],
        rule_version=row["rule_version"],
        since=row.get("since"),
        value=row.get("value"),
        line=row.get("line"),
        unit=row.get("unit"),
        gross_mm=row.get("gross_mm"),
        litres=row.get("litres"),
        visits=row.get("visits"),
        priority=row.get("priority"),
        confidence=row.get("confidence"),
        data_at=row.get("data_at"),
        days_until_dry=row.get("days_until_dry"),
        days_until_dry_low=row.get("days_until_dry_low"),
        days_until_dry_high=row.get("days_until_dry_high"),
        device_ids=(device,) if device else _devices(inputs),
        depths_cm=((device, _numbers(inputs.get("depths_cm"))),) if device else (),
        trend_7d=_trend(inputs.get("trend_7d")),
        pictures=_pictures(inputs),
        lon=_number(inputs.get("lon")),
        lat=_number(inputs.get("lat")),
        check_parameters=_needs_check(inputs),
        saline_ec_ds_m=_number(inputs.get("saline_ec_ds_m")),
    )


def _json_object(text: object) -> dict[str, Any]:
    if not isinstance(text, str) or not text:
        return {}
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _numbers(value: object) -> tuple[float, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(number for item in value if (number := _number(item)) is not None)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _trend(value: object) -> tuple[tuple[str, float | None], ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        (str(pair[0]), _number(pair[1])) for pair in value if isinstance(pair, list) and len(pair) == _DAY_AND_VALUE
    )


def _pictures(inputs: Mapping[str, Any]) -> tuple[Picture, ...]:
    """Return the best picture with its address and confidence, then the others.

    The rule's lists of ids and of addresses are sorted each for itself, so an address is never paired with an id by
    its place; the others are named by the end of their address, or by their id where there is no address at all.
    """
    best_id, best_uri = inputs.get("best_image_id"), inputs.get("object_uri")
    best = [Picture(str(best_id), str(best_uri) if best_uri else None, _number(inputs.get("confidence")))]
    uris = [uri for uri in _texts(inputs.get("object_uris")) if uri != best_uri]
    ids = [image_id for image_id in _texts(inputs.get("image_ids")) if image_id != best_id]
    others = [Picture(uri.rstrip("/").rpartition("/")[2] or uri, uri) for uri in uris] or [
        Picture(image_id) for image_id in ids
    ]
    return tuple([*(best if best_id else []), *others][:_MOST_PICTURES])


def _devices(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    probes = inputs.get("probes")
    named = {probe.get("device_id") for probe in probes if isinstance(probe, dict)} if isinstance(probes, list) else ()
    return tuple(sorted(str(device) for device in named if device))


def _needs_check(inputs: Mapping[str, Any]) -> bool:
    watering = inputs.get("watering")
    return isinstance(watering, dict) and watering.get("check_parameters") is True
