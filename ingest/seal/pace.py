"""How the inbox becomes Parquet: the settings of [ingest] in greensward.toml."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.lake.compact import MERGE_BYTES


@dataclass(frozen=True, slots=True)
class Pace:
    """How the inbox becomes Parquet; see [ingest] in greensward.toml.

    seal_every_s: most seconds a message waits before it is sealed
    seal_bytes: sealed sooner when the inbox holds this much; also the most that one seal takes into memory
    compact_files: files of an open day before they are merged
    merge_bytes: of the rows that a merge has in memory
    min_free_bytes: free disk below which nothing is taken from the broker
    raw_days: days that raw_messages are kept
    """

    seal_every_s: float = 8.0
    seal_bytes: int = 10_000_000
    compact_files: int = 24
    merge_bytes: int = MERGE_BYTES
    min_free_bytes: int = 500_000_000
    raw_days: int = 30
