"""The registers on disk: read, change, replace, one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime

from ingest.errors import ConfigError
from ingest.lake.files import read_register
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout, opening
from ingest.lake.tables import table
from ingest.lake.write import replace_register, to_arrow
from ingest.registers.datum import Datum
from ingest.registers.device_file import DeviceFileCheck, check_devices
from ingest.registers.device_history import DeviceChanges, merge_devices
from ingest.registers.geoparquet import geo_metadata
from ingest.registers.plot_history import PlotChanges, merge_plots, standing_plots
from ingest.registers.plots import PlotCheck, check_plots
from ingest.registers.soil import Textures
from ingest.registers.validity import Row
from ingest.site import Site


@dataclass(frozen=True, slots=True)
class PlotImport:
    """What a file of plots holds and what it changes; `written` says whether the register was replaced."""

    check: PlotCheck
    changes: PlotChanges | None
    written: bool


@dataclass(frozen=True, slots=True)
class DeviceImport:
    """What a file of devices holds and what it changes; `written` says whether the register was replaced."""

    check: DeviceFileCheck
    changes: DeviceChanges | None
    written: bool


@contextmanager
def locked_registers(folder: DataFolder) -> Iterator[None]:
    """Hold the registers of a data folder, made if need be; others that want to change them wait.

    Raises: ConfigError when a newer Greensward made it, or when it holds other things; StoreError.
    """
    with opening(folder):
        folder.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        ensure_layout(folder)
        yield
    finally:
        os.close(descriptor)


def read_rows(folder: DataFolder, name: str) -> list[Row]:
    """Return all rows of the register `name`, "plots" or "devices". Raises: StoreError."""
    rows: list[Row] = read_register(folder, name).to_pylist()
    return rows


def write_plots(folder: DataFolder, rows: Sequence[Row]) -> None:
    """Make `rows` the register of plots, as GeoParquet. Raises: StoreError."""
    geometries = [row["geometry"] for row in rows]
    replace_register(folder, "plots", to_arrow(table("plots"), rows), geo_metadata(geometries))


def write_devices(folder: DataFolder, rows: Sequence[Row]) -> None:
    """Make `rows` the register of devices. Raises: StoreError."""
    replace_register(folder, "devices", to_arrow(table("devices"), rows))


def import_plots(
    folder: DataFolder,
    payload: bytes,
    *,
    site: Site,
    now: datetime,
    valid_from: datetime | None = None,
    datum: Datum | None = None,
    replace: bool = False,
    skip_faulty: bool = False,
    write: bool = True,
    textures: Textures | None = None,
) -> PlotImport:
    """Check a GeoJSON file of plots and, if it may be taken, put it into the register from `valid_from` (or now) on.

    A file with a fault changes nothing, unless `skip_faulty`: then the plots without faults are taken. A file that
    is wrong as a whole (no GeoJSON, wrong datum) never changes anything. `textures` as in `check_plots`.

    Raises: ConfigError when rows begin after `valid_from`, and with `replace` when a faulty feature has no id;
    StoreError.
    """
    begins = valid_from or now
    with locked_registers(folder) if write else nullcontext():
        existing = read_rows(folder, "plots")
        standing = standing_plots(existing, read_rows(folder, "devices"), begins)
        check = check_plots(
            payload,
            site=site,
            today=site.local_date(now),
            standing=standing,
            datum=datum,
            replace=replace,
            textures=textures or {},
        )
        if not check.plots or (check.faults and not skip_faulty):
            return PlotImport(check, None, written=False)
        changes = merge_plots(
            existing, check.plots, valid_from=begins, close_missing=_faulty_ids(check) if replace else None
        )
        if write and not changes.is_empty:
            write_plots(folder, changes.rows)
        return PlotImport(check, changes, written=write and not changes.is_empty)


def _faulty_ids(check: PlotCheck) -> frozenset[str]:
    """Return the ids of features with a fault: their plots are not missing. Raises: ConfigError without such an id."""
    faulty = {finding.record_id for finding in check.findings if finding.severity == "fault"}
    if None in faulty:
        raise ConfigError(
            "--replace closes the plots that the file does not name, and a faulty feature has no plot_id. Give it one, "
            "or import without --replace."
        )
    return frozenset(plot_id for plot_id in faulty if plot_id is not None)


def import_devices(
    folder: DataFolder,
    payload: bytes,
    *,
    site: Site,
    now: datetime,
    valid_from: datetime | None = None,
    datum: Datum = "wgs84",
    skip_faulty: bool = False,
    write: bool = True,
) -> DeviceImport:
    """Check a CSV file of devices and, if it may be taken, put it into the register.

    Lines without valid_from begin at `valid_from` or now. A file with a fault changes nothing, unless `skip_faulty`:
    then the devices without faults are taken.

    Raises: StoreError.
    """
    with locked_registers(folder) if write else nullcontext():
        existing = read_rows(folder, "devices")
        check = check_devices(
            payload,
            site=site,
            default_from=valid_from or now,
            plot_rows=read_rows(folder, "plots"),
            existing=existing,
            datum=datum,
        )
        if not check.rows or (check.faults and not skip_faulty):
            return DeviceImport(check, None, written=False)
        changes = merge_devices(existing, check.rows)
        if write and not changes.is_empty:
            write_devices(folder, changes.rows)
        return DeviceImport(check, changes, written=write and not changes.is_empty)
