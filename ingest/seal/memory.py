"""What senders said before and later messages depend on: units of unknown models, births of Sparkplug nodes.

Both are small registers in the lake, replaced as a whole after the rows of a seal are durable and before its messages
leave the inbox. Sealing the same messages again finds the state after them, and changes nothing by that: a stream that
a message has changed is not changed by it again, and births are told by message number.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ingest.decode.sparkplug import read_life_event, read_number
from ingest.decode.sparkplug_births import Births, BornMetric, Certificate, LifeEvent, Node
from ingest.decode.sparkplug_sequence import Sequences
from ingest.errors import StoreError
from ingest.lake.files import read_register
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import replace_register, to_arrow
from ingest.observation import Decoded, Message
from ingest.stream_units import StreamUnit, StreamUnits

_UNITS, _BIRTHS = "stream_units", "sparkplug_births"
_metrics = msgspec.json.Decoder(tuple[tuple[str, int | None, int | None, str | None], ...])


class Memory:
    """Both registers, in memory; one per process that holds the writer lock."""

    def __init__(self, folder: DataFolder) -> None:
        """Read them. Raises: StoreError."""
        self._folder = folder
        self._changed: set[str] = set()
        self.streams = StreamUnits(
            (
                row["device_id"],
                row["field"],
                StreamUnit(row["unit"], row["level"], row["message_seq"], row["against"], row["is_doubted"]),
            )
            for row in read_register(folder, _UNITS).to_pylist()
        )
        self.births = Births(_events(folder))
        self.sequences = Sequences()

    def learn_sparkplug(self, messages: Sequence[Message]) -> None:
        """Take over births, deaths and numbers of Sparkplug messages, before any of them is decoded.

        All of them first: a message is read by what is known after its batch, also when it is sealed again. Numbers
        only tell whom to ask for a birth; no row depends on them, and they are not kept.
        """
        self.sequences.hear(number for message in messages if (number := read_number(message)) is not None)
        for message in messages:
            event = read_life_event(message)
            if event is not None and self.births.learn(event):
                self._changed.add(_BIRTHS)

    def learn_streams(self, decoded: Decoded) -> None:
        """Take over what a message changed of its device's streams."""
        for device_id, changes in decoded.streams.items():
            self.streams.learn(device_id, changes)
            self._changed.add(_UNITS)

    def save(self) -> None:
        """Make what was learned durable. Raises: StoreError; call it again."""
        if _UNITS in self._changed:
            self._replace(
                _UNITS,
                [
                    {
                        "device_id": device_id,
                        "field": field,
                        "unit": state.unit,
                        "level": state.level,
                        "against": state.against,
                        "is_doubted": state.is_doubted,
                        "message_seq": state.message_seq,
                    }
                    for device_id, field, state in self.streams
                ],
            )
        if _BIRTHS in self._changed:
            self._replace(
                _BIRTHS,
                [
                    {
                        "group_id": event.node.group_id,
                        "node_id": event.node.node_id,
                        "device_id": event.device_id,
                        "message_seq": event.message_seq,
                        "kind": event.kind,
                        "bd_seq": event.bd_seq,
                        "metrics_json": _written(event.certificate),
                    }
                    for event in self.births
                ],
            )

    def _replace(self, name: str, rows: list[dict[str, object]]) -> None:
        replace_register(self._folder, name, to_arrow(table(name), rows))
        self._changed.discard(name)


def _events(folder: DataFolder) -> list[LifeEvent]:
    try:
        return [
            LifeEvent(
                Node(row["group_id"], row["node_id"]),
                row["device_id"],
                row["message_seq"],
                row["kind"],
                row["bd_seq"],
                _read(row["metrics_json"]),
            )
            for row in read_register(folder, _BIRTHS).to_pylist()
        ]
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"{folder.table(_BIRTHS)} cannot be read: {error}. Move it away; nodes are born again."
        ) from error


def _written(certificate: Certificate | None) -> str | None:
    if certificate is None:
        return None
    metrics = [(metric.name, metric.alias, metric.datatype, metric.unit) for metric in certificate.metrics]
    return msgspec.json.encode(metrics).decode()


def _read(text: str | None) -> Certificate | None:
    return None if text is None else Certificate(tuple(BornMetric(*metric) for metric in _metrics.decode(text)))
