"""The register of plots through time: what a new file changes, and from when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import shapely

from ingest.errors import ConfigError
from ingest.registers.area import area_from_wkb
from ingest.registers.datum_check import KnownPosition
from ingest.registers.plots import Plot, Standing
from ingest.registers.validity import Row, content_version, holds_after, holds_at, same_content


@dataclass(frozen=True, slots=True)
class PlotChanges:
    """The register after an import, and which plots it touched, by id in alphabetical order."""

    rows: tuple[Row, ...]
    version: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    closed: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the register stays as it was."""
        return not (self.added or self.changed or self.closed)


def merge_plots(
    existing: Sequence[Row], plots: Sequence[Plot], *, valid_from: datetime, close_missing: frozenset[str] | None = None
) -> PlotChanges:
    """Return the register with `plots` in force from `valid_from` on.

    A changed plot's row is closed at `valid_from` and a new one begins; a row that began at that very instant is
    corrected in place; an unchanged plot keeps its row, and begins earlier when that is all that is asked for.
    `close_missing`: None leaves plots alone that are not in
    `plots`; otherwise those are closed except for the ids it holds.

    Raises: ConfigError when a row begins after `valid_from`: history is not rewritten.
    """
    new = {plot.plot_id: row_of(plot) for plot in plots}
    version = content_version(new.values())
    began = {(str(row["plot_id"]), row["valid_from"]) for row in existing}
    existing = _begun_earlier(existing, new, valid_from)
    touched = {
        str(row["plot_id"])
        for row in existing
        if row["plot_id"] in new or (close_missing is not None and row["plot_id"] not in close_missing)
    }
    late = sorted({str(row["plot_id"]) for row in existing if row["valid_from"] > valid_from} & touched)
    if late:
        raise ConfigError(
            f"--valid-from {valid_from.isoformat()}: rows that begin later stand in the register for {len(late)} of "
            f"these plots ({', '.join(late[:5])}). "
            "Give an instant after them, or leave --valid-from out to begin now."
        )
    rows: list[Row] = []
    kept, unchanged, changed, closed = set[str](), set[str](), set[str](), set[str]()
    for row in existing:
        plot_id = str(row["plot_id"])
        missing = close_missing is not None and plot_id not in new and plot_id not in close_missing
        if not holds_after(row, valid_from) or not (missing or plot_id in new):
            rows.append(row)
        elif not missing and same_content(row, new[plot_id]):
            rows.append(row)
            kept.add(plot_id)
            (unchanged if (plot_id, row["valid_from"]) in began else changed).add(plot_id)
        else:
            (closed if missing else changed).add(plot_id)
            if row["valid_from"] < valid_from:
                rows.append({**row, "valid_to": valid_from})
    rows += [
        {**row, "valid_from": valid_from, "valid_to": None, "register_version": version}
        for plot_id, row in new.items()
        if plot_id not in kept
    ]
    rows.sort(key=lambda row: (row["plot_id"], row["valid_from"]))
    return PlotChanges(
        tuple(rows),
        version,
        tuple(sorted(new.keys() - unchanged - changed)),
        tuple(sorted(changed)),
        tuple(sorted(unchanged)),
        tuple(sorted(closed)),
    )


def _begun_earlier(existing: Sequence[Row], new: Mapping[str, Row], valid_from: datetime) -> list[Row]:
    """Return `existing` with plots that have one open row, as in `new`, in force from `valid_from` on already.

    Before that row there was nothing, so that no history is rewritten.
    """
    rows_of = Counter(row["plot_id"] for row in existing)

    def begins_earlier(row: Row) -> bool:
        only = rows_of[row["plot_id"]] == 1 and row["valid_to"] is None and row["valid_from"] > valid_from
        return only and row["plot_id"] in new and same_content(row, new[row["plot_id"]])

    return [{**row, "valid_from": valid_from} if begins_earlier(row) else row for row in existing]


def row_of(plot: Plot) -> Row:
    """Return the register's row of a plot without validity and version."""
    return {**plot.facts, "geometry": shapely.to_wkb(plot.area)}


def standing_plots(plot_rows: Sequence[Row], device_rows: Sequence[Row], at: datetime) -> Standing:
    """Return what the registers say of `at`: outlines, and positions that a new file can be compared with."""
    current = [row for row in plot_rows if holds_at(row, at)]
    outlines = {str(row["plot_id"]): area_from_wkb(row["geometry"]) for row in current}
    known = [
        KnownPosition(str(row["plot_id"]), float(row["lon"]), float(row["lat"]), is_device=True)
        for row in device_rows
        if row["plot_id"] is not None and row["lon"] is not None and row["lat"] is not None and holds_at(row, at)
    ]
    for plot_id, area in outlines.items():
        centre = shapely.centroid(area)
        known.append(KnownPosition(plot_id, float(centre.x), float(centre.y), is_device=False))
    return Standing(outlines, known)
