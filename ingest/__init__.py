"""Sensors and drones in, Parquet out: MQTT, inbox, seal, lake."""

from __future__ import annotations
