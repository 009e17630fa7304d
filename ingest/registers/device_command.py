"""One device, as typed on the command line: checked like a line of a file, then added or bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ingest.errors import ConfigError
from ingest.registers.device_cells import read_device
from ingest.registers.device_history import add, bind
from ingest.registers.device_place import PlotOutlines
from ingest.registers.findings import Finding, Findings
from ingest.registers.validity import Row
from ingest.site import Site

_OPTIONS = {
    "device_id": "the device's id",
    "plot_id": "the plot",
    "model": "--model",
    "depths_cm": "--depth",
    "report_interval_s": "--interval",
    "valid_from": "--from",
    "lon": "--lon",
    "lat": "--lat",
    "wind_height_m": "--wind-height",
    "elevation_m": "--elevation",
}


def added(
    rows: Sequence[Row], plot_rows: Sequence[Row], cells: Mapping[str, str | float | None], site: Site, now: datetime
) -> tuple[list[Row], Row, list[Finding]]:
    """Return the register with a new device, the device's row, and warnings.

    cells: column → what was typed; None where nothing was
    Raises: ConfigError with every fault, or when the device is registered already.
    """
    row, warnings = _read(plot_rows, cells, site, now)
    return add(rows, row, site.timezone), row, warnings


def bound(
    rows: Sequence[Row], plot_rows: Sequence[Row], cells: Mapping[str, str | float | None], site: Site, now: datetime
) -> tuple[list[Row], Row, list[Finding]]:
    """Return the register with a device in another plot (see `device_history.bind`), its new row, and warnings.

    Raises: ConfigError with every fault, or when the device has no row that can go on.
    """
    row, warnings = _read(plot_rows, cells, site, now)
    position = (row["lon"], row["lat"]) if row["lon"] is not None else None
    after = bind(rows, row["device_id"], row["plot_id"], row["depths_cm"], row["valid_from"], position, site.timezone)
    new = next(old for old in after if (old["device_id"], old["valid_from"]) == (row["device_id"], row["valid_from"]))
    return after, new, warnings


def _read(
    plot_rows: Sequence[Row], cells: Mapping[str, str | float | None], site: Site, now: datetime
) -> tuple[Row, list[Finding]]:
    findings = Findings()
    place = findings.at(None)
    typed = {column: str(value).strip() for column, value in cells.items() if value is not None and str(value).strip()}
    row, _ = read_device(typed, site, now, "wgs84", place)
    outlines = PlotOutlines(plot_rows)
    if "plot_id" in typed:
        outlines.check_plot(typed["plot_id"], place)
    if row is not None:
        outlines.check_position(row, place)
        outlines.check_period(row, now, site.timezone, place)
    faults = [finding for finding in findings.all if finding.severity == "fault"]
    if row is None or faults:
        raise ConfigError(
            "\n".join(
                f"{_OPTIONS.get(f.pointer, f.pointer)}: got {f.got}, expected {f.expected}. {f.advice}" for f in faults
            )
        )
    return row, findings.all
