"""What drones saw that no crew is sent for: between plots (to be looked at), and for others to deal with.

Kept beside the ledger by the newest evaluation, made anew by the next one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ingest.errors import StoreError
from ingest.lake.durable import make_folder, replace_file, store_errors
from ingest.lake.layout import DataFolder


class Doubtful(msgspec.Struct, frozen=True):
    """A finding that no plot holds with enough probability; plots: plot → probability, the most probable first."""

    flight_id: str
    finding_class: str
    kind: str
    class_zh: str
    class_en: str
    images: int
    confidence: float
    captured_at: datetime
    centre_lon: float
    centre_lat: float
    best_image_id: str
    sigma_m: float | None = None
    plots: dict[str, float] = {}


class Routed(msgspec.Struct, frozen=True):
    """What was seen in a plot that is no disease; responsible_unit: where the plot's own unit answers for it."""

    plot_id: str
    plot_name: str
    finding_class: str
    route: str
    class_zh: str
    class_en: str
    answers_zh: str
    answers_en: str
    flight_id: str
    objects: int
    images: int
    confidence: float
    first_found_at: datetime
    last_found_at: datetime
    centre_lon: float
    centre_lat: float
    best_image_id: str
    area_m2: float | None = None
    responsible_unit: str | None = None


class FlightLists(msgspec.Struct, frozen=True):
    """Both lists as one evaluation left them, the surest first.

    missing_files: files that docks counted and that never came, of the flights of the last days; None where no dock
    counted any
    """

    as_of: datetime
    doubtful: tuple[Doubtful, ...] = ()
    routed: tuple[Routed, ...] = ()
    missing_files: int | None = None


def make_lists(
    doubtful: Iterable[Mapping[str, Any]],
    routed: Iterable[Mapping[str, Any]],
    as_of: datetime,
    missing_files: int | None = None,
) -> FlightLists:
    """Return the lists of rows of doubtful_findings and routed_findings, with the number of files that never came."""
    return FlightLists(
        as_of,
        tuple(
            msgspec.convert({**row, "plots": json.loads(row["plot_candidates_json"] or "{}")}, Doubtful)
            for row in sorted(doubtful, key=_order)
        ),
        tuple(msgspec.convert(dict(row), Routed) for row in sorted(routed, key=_order)),
        missing_files,
    )


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return -row["confidence"], row["finding_class"], row["flight_id"], row["centre_lon"], row["centre_lat"]


def keep_lists(folder: DataFolder, lists: FlightLists) -> None:
    """Keep the lists, unless those of a later evaluation are kept already. Raises: StoreError; what was there stays."""
    with store_errors(f"writing {folder.flight_lists}"):
        make_folder(folder.flight_lists.parent)
        kept = find_lists(folder)
        if kept is None or kept.as_of <= lists.as_of:
            replace_file(folder.flight_lists, msgspec.json.encode(lists))


def find_lists(folder: DataFolder) -> FlightLists | None:
    """Return the lists of the newest evaluation; None where there was none, or where they cannot be read."""
    try:
        return msgspec.json.decode(folder.flight_lists.read_bytes(), type=FlightLists)
    except (OSError, StoreError, msgspec.MsgspecError):
        return None
