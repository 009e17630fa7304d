"""The registers as the seal and the drone side use them: in memory, loaded again when a register was replaced."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from ingest.lake.files import read_register
from ingest.lake.kept import RETENTION, kept_from
from ingest.lake.layout import DataFolder


@dataclass(frozen=True, slots=True)
class PlotShape:
    """One row of the register of plots: outline as WKB (WGS 84) and when it holds, valid_to exclusive, None: still.

    canopy_height_m: of its plants above ground, None where unknown
    """

    plot_id: str
    wkb: bytes
    valid_from: datetime
    valid_to: datetime | None
    register_version: str
    canopy_height_m: float | None = None


@dataclass(frozen=True, slots=True)
class RegisterSnapshot:
    """What the registers said when they were read.

    model_of: device_id → "vendor/model", the device's latest; a device without a model is not in it
    known_devices: every device_id of the register
    plots: every row of the register of plots, by plot and time
    kept_from: the first local day that is kept, of each table of which older days were deleted by rule
    """

    model_of: Mapping[str, str]
    known_devices: frozenset[str]
    plots: tuple[PlotShape, ...]
    kept_from: Mapping[str, date] = field(default_factory=dict)


class Registers:
    """Gives the current snapshot; not for use by several threads at once."""

    def __init__(self, folder: DataFolder) -> None:
        """Read nothing yet."""
        self._folder = folder
        self._stamp: tuple[tuple[str, ...], ...] | None = None
        self._snapshot = RegisterSnapshot({}, frozenset(), ())

    def current(self) -> RegisterSnapshot:
        """Return the registers as they are now; the same object as before when none was replaced.

        The check costs three folder listings: a register is one immutable file whose name holds its content's hash.
        Raises: StoreError.
        """
        # Listed before reading: a register replaced in between is read anew the next time.
        stamp = tuple(self._names(name) for name in ("devices", "plots", RETENTION))
        if stamp != self._stamp:
            self._snapshot = load(self._folder)
            self._stamp = stamp
        return self._snapshot

    def _names(self, name: str) -> tuple[str, ...]:
        try:
            with os.scandir(self._folder.table(name)) as entries:
                return tuple(sorted(entry.name for entry in entries))
        except FileNotFoundError:
            return ()


def load(folder: DataFolder) -> RegisterSnapshot:
    """Return the registers as they are. Raises: StoreError."""
    devices = read_register(folder, "devices").select(["device_id", "model", "valid_from"]).to_pylist()
    devices.sort(key=lambda row: row["valid_from"])
    plots = read_register(folder, "plots")
    columns = ("plot_id", "geometry", "valid_from", "valid_to", "register_version", "canopy_height_m")
    values = zip(*(plots[column].to_pylist() for column in columns), strict=True)
    return RegisterSnapshot(
        {row["device_id"]: row["model"] for row in devices if row["model"] is not None},
        frozenset(row["device_id"] for row in devices),
        tuple(PlotShape(*row) for row in values),
        kept_from(folder),
    )
