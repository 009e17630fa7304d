"""The register of devices through time: a device added, moved, or described again by a file.

Pure functions: rows in, rows out. A row is a column → value mapping as in schemas/tables/devices.toml.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from ingest.errors import ConfigError
from ingest.registers.validity import Row, content_version, holds_after, same_content


@dataclass(frozen=True, slots=True)
class DeviceChanges:
    """The register after a change, and which devices it touched, by id in alphabetical order."""

    rows: tuple[Row, ...]
    version: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the register stays as it was."""
        return not (self.added or self.changed)


def device_row(
    device_id: str,
    valid_from: datetime,
    *,
    valid_to: datetime | None = None,
    model: str | None = None,
    plot_id: str | None = None,
    depths_cm: Sequence[float] | None = None,
    report_interval_s: float | None = None,
    lon: float | None = None,
    lat: float | None = None,
    wind_height_m: float | None = None,
    elevation_m: float | None = None,
    note: str | None = None,
) -> Row:
    """Return a row of the register with its version; depths in cm in the order of the sensing elements."""
    row: Row = {
        "device_id": device_id,
        "model": model,
        "plot_id": plot_id,
        "depths_cm": [float(depth) for depth in depths_cm] if depths_cm else None,
        "report_interval_s": report_interval_s,
        "lon": lon,
        "lat": lat,
        "wind_height_m": wind_height_m,
        "elevation_m": elevation_m,
        "note": note,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }
    return {**row, "register_version": content_version([row])}


def add(rows: Sequence[Row], new: Row, zone: tzinfo = UTC) -> list[Row]:
    """Return `rows` with a new device. Raises: ConfigError when it is registered already at that time.

    zone: the clock by which the error names instants
    """
    device_id = str(new["device_id"])
    for row in rows:
        if row["device_id"] == device_id and _overlap(row, new):
            raise ConfigError(
                f"{device_id} is registered already, {_period(row, zone)}"
                + (f", in plot {row['plot_id']}" if row["plot_id"] else "")
                + f". To move it: greensward device bind {device_id} PLOT --from DAY."
            )
    return _sorted([*rows, new])


def bind(
    rows: Sequence[Row],
    device_id: str,
    plot_id: str,
    depths_cm: Sequence[float] | None,
    valid_from: datetime,
    position: tuple[float, float] | None = None,
    zone: tzinfo = UTC,
) -> list[Row]:
    """Return `rows` with the device standing in `plot_id` from `valid_from` on; its row of before ends there.

    depths_cm: None keeps the depths it had
    position: lon, lat; without it a device keeps its position only when it stays in its plot
    zone: the clock by which an error names instants
    Raises: ConfigError for a device without a row to continue, and when a row begins after `valid_from`.
    """
    own = sorted((row for row in rows if row["device_id"] == device_id), key=_begin)
    if not own:
        raise ConfigError(
            f"{device_id} is not registered. Add it first: greensward device add {device_id} --plot {plot_id}."
        )
    last = own[-1]
    if _begin(last) > valid_from:
        raise ConfigError(
            f"{device_id} has a row that begins later ({_period(last, zone)}). Give a --from after it; to correct "
            "the past, import a devices file."
        )
    lon, lat = position or ((last["lon"], last["lat"]) if last["plot_id"] == plot_id else (None, None))
    moved: Row = {
        **last,
        "plot_id": plot_id,
        "depths_cm": [float(depth) for depth in depths_cm] if depths_cm else last["depths_cm"],
        "lon": lon,
        "lat": lat,
        "valid_from": valid_from,
        "valid_to": None,
    }
    moved["register_version"] = content_version([moved])
    return _sorted([row for row in rows if row["device_id"] != device_id] + fit(own, moved, zone))


def fit(own: Sequence[Row], new: Row, zone: tzinfo = UTC) -> list[Row]:
    """Return the rows of one device with `new` among them, in the order of time.

    An open row is closed where `new` begins; a row that begins at the same instant is replaced.
    Raises: ConfigError naming the row that `new` would overlap.
    """
    begins = _begin(new)
    kept: list[Row] = []
    for row in own:
        if _begin(row) == begins:
            continue
        if _begin(row) < begins and row["valid_to"] is None:
            kept.append({**row, "valid_to": begins})
        elif _overlap(row, new):
            raise ConfigError(f"the register has {new['device_id']} {_period(row, zone)}")
        else:
            kept.append(row)
    return _sorted([*kept, new])


def merge_devices(existing: Sequence[Row], rows: Iterable[tuple[Row, bool]]) -> DeviceChanges:
    """Return the register with the given rows in force.

    rows: each with whether its valid_from was left to us; such a row changes nothing when the device's last row says
        the same already
    Raises: ConfigError when a row overlaps one of the register (see `fit`).
    """
    by_device: dict[str, list[Row]] = {}
    for row in existing:
        by_device.setdefault(str(row["device_id"]), []).append(row)
    before = {device_id: _sorted(own) for device_id, own in by_device.items()}
    given = sorted(rows, key=lambda pair: (str(pair[0]["device_id"]), _begin(pair[0])))
    version = content_version(row for row, _ in given)
    after = dict(before)
    for row, begins_by_default in given:
        device_id = str(row["device_id"])
        own = after.get(device_id, [])
        if begins_by_default and own and own[-1]["valid_to"] == row["valid_to"] and same_content(own[-1], row):
            continue
        same = [old for old in own if _same_row(old, row)]
        if not same:
            after[device_id] = fit(own, {**row, "register_version": version})
    touched = {str(row["device_id"]) for row, _ in given}
    added = touched - before.keys()
    changed = {device_id for device_id in touched - added if after[device_id] != before[device_id]}
    return DeviceChanges(
        tuple(row for device_id in sorted(after) for row in after[device_id]),
        version,
        tuple(sorted(added)),
        tuple(sorted(changed)),
        tuple(sorted(touched - added - changed)),
    )


def _begin(row: Row) -> datetime:
    begins = row["valid_from"]
    assert isinstance(begins, datetime)
    return begins


def _overlap(one: Row, other: Row) -> bool:
    return holds_after(one, _begin(other)) and holds_after(other, _begin(one))


def _same_row(one: Row, other: Row) -> bool:
    return (
        same_content(one, other) and one["valid_from"] == other["valid_from"] and one["valid_to"] == other["valid_to"]
    )


def _period(row: Row, zone: tzinfo) -> str:
    until = row["valid_to"]
    ends = f"until {_local(until, zone)}" if isinstance(until, datetime) else "still open"
    return f"from {_local(_begin(row), zone)}, {ends}"


def _local(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (str(row["device_id"]), _begin(row)))
