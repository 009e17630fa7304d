"""Gimbal poses that the lake holds from the time around some pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from ingest.drone.pose_join import DRC_REACH, OSD_REACH, PLAN_REACH, STILL_REACH
from ingest.errors import StoreError
from ingest.lake.damage import set_aside_damaged
from ingest.lake.files import partition_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import relation_of
from ingest.lake.tables import table
from ingest.observation import DronePose
from ingest.site import Site

_SPARE = timedelta(seconds=1)
REACHES = {
    "drc_osd": DRC_REACH + _SPARE,
    "osd": OSD_REACH + STILL_REACH + _SPARE,
    "flight_plan": PLAN_REACH + _SPARE,
}
"""How far from a picture a pose of each source may count: the join looks 0.5 s or 2 s away, and 5 s around a pose of
the slow kind to see whether the gimbal stood still."""


def stored_poses(
    db: duckdb.DuckDBPyConnection, folder: DataFolder, site: Site, instants: Sequence[datetime]
) -> tuple[list[DronePose], list[str]]:
    """Return the poses near `instants`, and the names of damaged files, which were set aside.

    Read through a filter on time: a day of a dock that pushes ten poses a second holds 860,000, of which a picture
    needs some dozens. Raises: StoreError.
    """
    if not instants:
        return [], []
    spec, widest = table("drone_poses"), max(REACHES.values())
    days = sorted({site.local_date(at + side) for at in instants for side in (-widest, widest)})
    damaged: list[str] = []

    def files() -> list[Path]:
        return [path for day in days for path in partition_files(folder, spec, day)]

    def read() -> list[DronePose]:
        paths = files()
        if not paths:
            return []
        names = ", ".join(f'poses."{name}"' for name in DronePose.__struct_fields__)
        since, until = (f"timestamptz '{at.isoformat()}'" for at in (min(instants) - widest, max(instants) + widest))
        source = relation_of(spec, paths)
        db.register("windows", _windows(instants))
        try:
            rows = db.execute(
                f"select {names} from {source} as poses"
                " inner join windows on poses.source = windows.source"
                " and poses.posed_at between windows.since and windows.until"
                f" where poses.posed_at between {since} and {until} order by poses.message_seq"
            ).to_arrow_table()
        finally:
            db.unregister("windows")
        return [DronePose(**row) for row in rows.to_pylist()]

    try:
        return read(), damaged
    except duckdb.Error as error:
        damaged.extend(set_aside_damaged(folder, files()))
        if not damaged:
            raise StoreError(f"looking for poses of {days[0]} to {days[-1]}: {error}") from error
        return read(), damaged


def _windows(instants: Iterable[datetime]) -> pa.Table:
    """Return the spans of time that count for each source; those of one source do not overlap."""
    rows: list[dict[str, object]] = []
    for source, reach in REACHES.items():
        since = until = None
        for at in sorted(instants):
            if since is None or until is None or at - reach > until:
                if since is not None:
                    rows.append({"source": source, "since": since, "until": until})
                since = at - reach
            until = at + reach
        rows.append({"source": source, "since": since, "until": until})
    instant = pa.timestamp("us", "UTC")
    return pa.Table.from_pylist(
        rows, schema=pa.schema([("source", pa.string()), ("since", instant), ("until", instant)])
    )
