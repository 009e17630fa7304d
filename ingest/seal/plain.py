"""Rows of the messages that were read by columns, as tables of the lake."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ingest.decode.soil_columns import read_plain_soil
from ingest.decode.soil_rows import PlainSoil, nothing_plain
from ingest.lake.tables import table
from ingest.lake.write import columns_to_arrow
from ingest.messages import Integers, Messages, instants_array
from ingest.seal.judged import our_fault
from ingest.site import Site


def read_plain(messages: Messages, site: Site) -> PlainSoil:
    """Return what plain messages say; where our code fails on one of them none is, and each is looked at closely."""
    try:
        return read_plain_soil(messages, site)
    except Exception as error:  # noqa: BLE001 - or the message would stop ingest at every start, for ever
        our_fault(error)  # goes on only where it is a message's
        return nothing_plain(len(messages))


def plain_tables(plain: PlainSoil, messages: Messages) -> dict[str, pa.Table]:
    """Return the rows by table; tables without rows are left out."""
    found = {"soil_readings": (plain.soil, plain.soil_place), "device_status": (plain.status, plain.status_place)}
    return {name: _table(name, columns, place, messages) for name, (columns, place) in found.items() if len(place)}


def _table(name: str, columns: Mapping[str, pa.Array], place: Integers, messages: Messages) -> pa.Table:
    from_message = {
        "received_at": instants_array(messages.received_at_us[place]),
        "message_seq": pa.array(messages.message_seq[place]),
    }
    return columns_to_arrow(table(name), {**columns, **from_message}, len(place))
