"""The broker's side: a session that survives us, and acknowledgements that wait for the disk."""

from __future__ import annotations
