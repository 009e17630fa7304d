"""Sensors and drones in, Parquet out: MQTT, inbox, seal, lake."""

from __future__ import annotations

from ingest.heap import take_sparingly

take_sparingly()  # here, since nothing may load Arrow before it
