"""From a CSV file to checked rows of devices: every fault with its line and column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from ingest.errors import ConfigError
from ingest.registers.datum import Datum
from ingest.registers.device_cells import read_device
from ingest.registers.device_history import fit
from ingest.registers.device_place import PlotOutlines
from ingest.registers.device_table import read_table
from ingest.registers.findings import Finding, Findings
from ingest.registers.validity import Row, holds_at
from ingest.site import Site


@dataclass(frozen=True, slots=True)
class DeviceFileCheck:
    """What a file of devices holds.

    rows: of devices without any fault, each with whether its valid_from was left to us
    lines: how many lines with a device the file has
    """

    rows: tuple[tuple[Row, bool], ...]
    findings: tuple[Finding, ...]
    lines: int

    @property
    def faults(self) -> int:
        """How many faults were found."""
        return sum(finding.severity == "fault" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    row: Row
    begins_by_default: bool


def check_devices(
    payload: bytes,
    *,
    site: Site,
    default_from: datetime,
    plot_rows: Sequence[Row],
    existing: Sequence[Row],
    datum: Datum = "wgs84",
) -> DeviceFileCheck:
    """Return the devices of a CSV file and everything that is wrong with it.

    default_from: when a line without valid_from begins
    plot_rows, existing: the registers of plots and devices as they are
    datum: what lon and lat are in; stored is WGS 84
    A device with a fault in one of its lines is left out with all of them: half a history is wrong.
    """
    findings = Findings()
    table = read_table(payload, findings)
    outlines = PlotOutlines(plot_rows)
    lines: list[_Line] = []
    for number, cells in table:
        place = findings.at(number)
        row, begins_by_default = read_device(cells, site, default_from, datum, place)
        if "plot_id" in cells:
            outlines.check_plot(cells["plot_id"], place)
        if row is not None:
            outlines.check_position(row, place)
            outlines.check_period(row, default_from, site.timezone, place)
        if row is not None and not place.failed:
            lines.append(_Line(number, row, begins_by_default))
    spoilt = {finding.record_id for finding in findings.all if finding.severity == "fault"}
    by_device: dict[str, list[_Line]] = {}
    for line in lines:
        by_device.setdefault(str(line.row["device_id"]), []).append(line)
    registered: dict[str, list[Row]] = {}
    for row in existing:
        registered.setdefault(str(row["device_id"]), []).append(row)
    rows: list[tuple[Row, bool]] = []
    for device_id, own in by_device.items():
        own.sort(key=lambda line: (line.row["valid_from"], line.number))
        fits = _check_periods(own, site, findings) and _check_register(
            own, registered.get(device_id, []), site, findings
        )
        if fits and device_id not in spoilt:
            rows += [(line.row, line.begins_by_default) for line in own]
    file_is_wrong = any(
        finding.severity == "fault" and (finding.number in {None, 1} or finding.code == "not_csv")
        for finding in findings.all
    )
    ordered = sorted(findings.all, key=lambda finding: finding.number or 0)
    return DeviceFileCheck(() if file_is_wrong else tuple(rows), tuple(ordered), len(table))


def _check_periods(own: Sequence[_Line], site: Site, findings: Findings) -> bool:
    """Say whether the lines of one device, in the order of time, follow each other without overlap."""
    fine = True
    for line, later in pairwise(own):
        ends, begins = line.row["valid_to"], later.row["valid_from"]
        if ends is not None and ends <= begins:
            continue
        fine = False
        same = line.row["valid_from"] == begins
        until = f"ends {_local(ends, site)}" if ends else "never ends"
        findings.at(later.number, line.row["device_id"]).fault(
            "overlapping_validity",
            f"it begins {_local(begins, site)}, while line {line.number} {'begins then too' if same else until}",
            "one row of a device at a time",
            "Keep one of the lines." if same else f"Write this line's valid_from as valid_to in line {line.number}.",
            "valid_from",
        )
    return fine


def _local(at: datetime, site: Site) -> str:
    return at.astimezone(site.timezone).isoformat(" ", "minutes")


def _check_register(own: Sequence[_Line], registered: list[Row], site: Site, findings: Findings) -> bool:
    """Say whether the lines of one device fit between the rows that the register has of it."""
    rows = registered
    for line in own:
        try:
            rows = fit(rows, line.row, site.timezone)
        except ConfigError as error:
            findings.at(line.number, str(line.row["device_id"])).fault(
                "overlapping_validity",
                str(error),
                "a period that the register has not filled",
                "Correct valid_from and valid_to; a line with the register's own valid_from replaces that row.",
                "valid_from",
            )
            return False
    _check_gaps(own, registered, rows, findings)
    return True


def _check_gaps(own: Sequence[_Line], registered: Sequence[Row], after: Sequence[Row], findings: Findings) -> None:
    """Warn where a line with an end cuts off a registration that had none, and nothing follows."""
    for line in own:
        begins, ends = line.row["valid_from"], line.row["valid_to"]
        goes_on = any(row["valid_to"] is None and row["valid_from"] < begins for row in registered)
        if ends is not None and goes_on and not any(holds_at(row, ends) for row in after):
            findings.at(line.number, str(line.row["device_id"])).warn(
                "leaves_a_gap",
                "the register has this device without an end; with this line it ends at valid_to",
                "a line that begins at this line's valid_to",
                "Add the line that says where the device stands afterwards. Nothing, if it was taken away.",
                "valid_to",
            )
