"""The stories behind the pictures, as the newest evaluation left them beside the ledger; made anew by the next one."""

from __future__ import annotations

import io
from collections.abc import Collection
from datetime import datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crews.picture.story import Story, parse_story
from ingest.errors import StoreError
from ingest.lake.durable import make_folder, replace_file, store_errors
from ingest.lake.layout import DataFolder

_AS_OF = b"as_of"
_ROWS_A_GROUP = 256
"""A page asks for a few plots: it decompresses the groups they lie in, not all."""


def keep_stories(folder: DataFolder, stories: pa.Table, as_of: datetime) -> None:
    """Keep the rows of `stories` (plot_id, story_json), unless those of a later evaluation are kept already.

    Raises: StoreError; what was there stays.
    """
    with store_errors(f"writing {folder.plot_stories}"):
        make_folder(folder.plot_stories.parent)
        kept_as_of = _kept_as_of(folder)
        if kept_as_of is not None and kept_as_of > as_of:
            return
        sink = io.BytesIO()
        rows = stories.sort_by("plot_id").replace_schema_metadata({_AS_OF: as_of.isoformat()})
        pq.write_table(rows, sink, compression="zstd", row_group_size=_ROWS_A_GROUP)
        replace_file(folder.plot_stories, sink.getvalue())


def _kept_as_of(folder: DataFolder) -> datetime | None:
    """Return the instant of the evaluation that is kept; None where nothing is, or nothing that can be read."""
    try:
        metadata = pq.read_schema(folder.plot_stories).metadata or {}
        return datetime.fromisoformat(bytes(metadata[_AS_OF]).decode("ascii"))
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None


def find_stories(folder: DataFolder, plot_ids: Collection[str]) -> dict[str, Story]:
    """Return the stories of those of `plot_ids` that have one, by plot.

    A file that is missing or cannot be read is no reason to withhold a list: it holds nothing then.
    """
    wanted = sorted(set(plot_ids))
    if not wanted:
        return {}
    try:
        rows = pq.read_table(
            folder.plot_stories, columns=["plot_id", "story_json"], filters=pc.field("plot_id").isin(wanted)
        )
        return {row["plot_id"]: parse_story(row["story_json"]) for row in rows.to_pylist()}
    except (OSError, pa.ArrowException, StoreError, msgspec.MsgspecError):
        return {}
