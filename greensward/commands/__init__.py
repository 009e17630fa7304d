"""One module per command group; each parses its arguments, calls ingest, sql or crews, and prints."""

from __future__ import annotations
