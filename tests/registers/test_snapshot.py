"""What the seal and the drone side see of the registers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shapely

from ingest.lake.layout import DataFolder
from ingest.registers.device_history import device_row
from ingest.registers.snapshot import Registers
from ingest.registers.store import import_plots, write_devices
from ingest.site import BEICHEN

MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def test_empty_registers_are_empty_and_not_an_error(tmp_path: Path) -> None:
    snapshot = Registers(DataFolder(tmp_path)).current()
    assert (snapshot.model_of, snapshot.known_devices, snapshot.plots) == ({}, frozenset(), ())


def test_a_device_has_the_model_of_its_latest_row(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    rows = [
        device_row("s1", MAY, valid_to=JUNE, model="a/old"),
        device_row("s1", JUNE, model="a/new"),
        device_row("s2", MAY),
    ]
    write_devices(folder, rows)
    snapshot = Registers(folder).current()
    assert snapshot.model_of == {"s1": "a/new"}
    assert snapshot.known_devices == {"s1", "s2"}


def test_a_changed_register_is_read_again_and_an_unchanged_one_is_not(
    tmp_path: Path, collection: Callable[..., bytes], plot: Callable[..., Any], square: Callable[..., Any]
) -> None:
    folder = DataFolder(tmp_path)
    registers = Registers(folder)
    before = registers.current()
    assert registers.current() is before
    done = import_plots(folder, collection(plot("P-1", square(), canopy_height_m=8)), site=BEICHEN, now=MAY)
    after = registers.current()
    assert after is not before
    assert registers.current() is after
    (shape,) = after.plots
    assert (shape.plot_id, shape.valid_from, shape.valid_to) == ("P-1", MAY, None)
    assert shape.canopy_height_m == 8.0
    assert shape.register_version == done.changes.version  # type: ignore[union-attr]
    assert shapely.from_wkb(shape.wkb).bounds == (117.1, 39.2, 117.1005, 39.2005)
