"""Sensors and drones in, Parquet out: MQTT, inbox, seal, lake."""

from __future__ import annotations

import os

# Arrow decides where it takes memory from when it is loaded, so this comes before it is. What it takes by itself keeps
# what its threads gave back: weeks of small seals let a process grow. Why: docs/decisions/0021-memory-is-given-back.md
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
