"""The lake: hive-partitioned Parquet, written durably, read whole."""

from __future__ import annotations
