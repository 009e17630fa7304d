"""A made lake on the real disk, for commands that open a data folder."""

from __future__ import annotations

from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.tables import all_tables
from ingest.lake.write import by_local_day, replace_register, to_arrow, write_rows
from ingest.site import BEICHEN
from tests.sql.made_lake import MadeLake


def store(made: MadeLake, folder: DataFolder) -> DataFolder:
    """Write every row of `made` into `folder` as ingest would, and return the folder."""
    ensure_layout(folder)
    for name, spec in all_tables().items():
        rows = made.rows[name]
        if not rows:
            continue
        if spec.partition_by is None:
            replace_register(folder, name, to_arrow(spec, rows))
            continue
        for day, of_day in by_local_day(spec, to_arrow(spec, rows), BEICHEN):
            write_rows(folder, spec, day, of_day, "made")
    return folder
