"""Uplinks read by columns and one by one: the rows must be the same."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ingest.decode.context import DecodeContext
from ingest.decode.uplink_columns import UplinkColumns
from ingest.lake.tables import table
from ingest.lake.write import to_arrow
from ingest.messages import Messages
from ingest.observation import Message
from ingest.seal.judged import judge
from ingest.seal.plain import plain_tables
from ingest.site import BEICHEN

TABLES = ("soil_readings", "device_status")


def read_both_ways(messages: list[Message], columns: UplinkColumns, model_of: Mapping[str, str]) -> list[bool]:
    """Compare both ways for the messages that are plain; return which are."""
    some = Messages.of(messages)
    plain = columns.read(some, model_of)
    chosen = [message for message, one in zip(messages, plain.is_plain.tolist(), strict=True) if one]
    batch = judge(chosen, DecodeContext(BEICHEN, model_of), "test")
    for judged in batch.judged:
        assert judged.error is None, judged.message.payload
        assert judged.reply() is None, judged.message.payload
        assert judged.decoded is not None
        assert judged.decoded.parts_refused == (), judged.message.payload
        assert judged.decoded.soil, judged.message.payload
        assert judged.decoded.streams == {}, judged.message.payload
    assert set(batch.rows) - {"rejected"} <= set(TABLES)
    found = plain_tables(plain, some)
    for name in TABLES:
        careful = to_arrow(table(name), batch.rows.get(name, []))
        assert _told(found.get(name, table(name).schema.empty_table())) == _told(careful)
    return [bool(one) for one in plain.is_plain]


def _told(rows: pa.Table) -> list[str]:
    """Return the rows as text, which tells 0.0 from -0.0 and one double from the next, in any order."""
    return sorted(repr(row) for row in rows.to_pylist())
