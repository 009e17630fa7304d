"""Rows of the messages that were read by columns, as tables of the lake."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest.decode.chirpstack_columns import CHIRPSTACK
from ingest.decode.soil_columns import read_plain_soil
from ingest.decode.soil_rows import PlainSoil, nothing_plain
from ingest.decode.things_stack_columns import THINGS_STACK
from ingest.decode.uplink_columns import UplinkColumns
from ingest.lake.tables import table
from ingest.lake.write import columns_to_arrow
from ingest.messages import Flags, Integers, Messages, instants_array
from ingest.seal.judged import our_fault
from ingest.site import Site


@dataclass(frozen=True, slots=True)
class Plain:
    """What plain messages say, of each kind of message by itself.

    is_plain: one per message looked at
    """

    is_plain: Flags
    parts: Sequence[PlainSoil]

    def tables(self, messages: Messages) -> dict[str, pa.Table]:
        """Return the rows by table; tables without rows are left out."""
        found: dict[str, list[pa.Table]] = {}
        for part in self.parts:
            for name, rows in plain_tables(part, messages).items():
                found.setdefault(name, []).append(rows)
        return {name: pa.concat_tables(rows) for name, rows in found.items()}


class PlainReader:
    """Reads plain messages; one per sealer, since it learns what events look like."""

    def __init__(self) -> None:
        """Begin without anything learned."""
        self._uplinks = tuple(UplinkColumns(server) for server in (CHIRPSTACK, THINGS_STACK))

    def read(self, messages: Messages, site: Site, model_of: Mapping[str, str]) -> Plain:
        """Return what plain messages say; where our code fails on a kind of them, none of that kind is plain.

        model_of: as in `DecodeContext`
        """
        parts = [
            _read(lambda: read_plain_soil(messages, site), messages),
            *(_read(functools.partial(uplinks.read, messages, model_of), messages) for uplinks in self._uplinks),
        ]
        return Plain(np.logical_or.reduce([part.is_plain for part in parts]), parts)


def _read(read: Callable[[], PlainSoil], messages: Messages) -> PlainSoil:
    try:
        return read()
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
