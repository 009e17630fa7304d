"""Parquet to findings: one DuckDB model a file, and the runner that binds them to a lake."""

from __future__ import annotations
