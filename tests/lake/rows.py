"""Soil rows for tests of the lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from ingest.lake.tables import table
from ingest.lake.write import to_arrow

NOON = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)
"""Noon in Beichen."""


def soil_row(minutes: float = 0, **given: Any) -> dict[str, Any]:
    """Return one row of soil_readings, `minutes` after NOON."""
    at = NOON + timedelta(minutes=minutes)
    return {
        "device_id": "gs-01",
        "depth_cm": 10.0,
        "measured_at": at,
        "received_at": at,
        "volumetric_water_content": 0.2,
        "time_source": "device",
        "message_seq": 1,
    } | given


def soil(*rows: dict[str, Any]) -> pa.Table:
    """Return rows of soil_readings as an Arrow table."""
    return to_arrow(table("soil_readings"), rows)
