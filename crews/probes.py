"""Where the probes of plots stand, as the register of devices has it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from crews.crew_list import CrewList
from crews.drive import Position
from ingest.registers.validity import holds_at

_COLUMNS = ["plot_id", "lon", "lat", "valid_from", "valid_to"]


def plots_to_do(lists: Iterable[CrewList]) -> set[str]:
    """Return the plots that these lists send somebody to."""
    return {stop.issue.plot_id for listed in lists for stop in listed.to_do}


def probe_places(devices: pa.Table, plot_ids: Collection[str], now: datetime) -> Mapping[str, list[Position]]:
    """Return where the probes of these plots stand at `now`, by plot; what has no position is left out.

    devices: rows as in schemas/tables/devices.toml
    """
    here = devices.filter(pc.is_in(devices["plot_id"], pa.array(sorted(plot_ids), pa.string())))
    places: dict[str, list[Position]] = {}
    for row in here.select(_COLUMNS).to_pylist():
        if holds_at(row, now) and row["lon"] is not None and row["lat"] is not None:
            places.setdefault(row["plot_id"], []).append((row["lon"], row["lat"]))
    return places
