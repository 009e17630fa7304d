"""Named values of devices at instants, whichever envelope they came in: Alink, IoTDA, SenML, Sparkplug B.

What a device measured at one instant is read together: by the field map of its model, or by the cautious rule when
nobody knows the model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ingest.decode.context import DecodeContext
from ingest.decode.device_models import REGISTER_ITS_MODEL
from ingest.decode.guard import describe
from ingest.decode.instants import check_measured_at
from ingest.decode.measurements import Measurements
from ingest.decode.payload_fields import add_fields
from ingest.decode.recognise import recognise
from ingest.decode.spelling import fold, is_setting, respell
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, DeviceStatus, Message, PartFault, SoilReading, WeatherReading
from ingest.stream_units import StreamReader

_AT_ONCE = timedelta()


@dataclass(slots=True)
class _Instant:
    """What one device says of one instant.

    key: identity of values whose instant is that of the arrival; None where the device says the time
    names: what the sender calls the model
    quarantine: why the readings are in doubt; None when they are not
    """

    key: str | None
    seq: int | None
    quarantine: str | None = None
    fields: dict[str, tuple[object, str]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


class PropertyReport:
    """Collects what one message says, then makes rows of it."""

    def __init__(self, message: Message, context: DecodeContext, network: str) -> None:
        """Begin with nothing.

        network: first word of the identity of values without a time of their own
        """
        self._message, self._context, self._network = message, context, network
        self._instants: dict[tuple[str, datetime, str | None], _Instant] = {}
        self._states: list[DeviceStatus] = []
        self._refused: list[PartFault] = []

    @property
    def received_at(self) -> datetime:
        """When the message came."""
        return self._message.received_at

    def add_value(
        self,
        device_id: str,
        name: str,
        value: object,
        pointer: str,
        *,
        measured_at: datetime | None = None,
        after: timedelta = _AT_ONCE,
        names: Iterable[str] = (),
        once: str = "",
        seq: int | None = None,
        quarantine: str | None = None,
    ) -> None:
        """Add one value that a device measured at one instant.

        name: with the groups that it belongs to as levels before it (`10cm/soil_moisture`); the field of a known model
        is the last level
        pointer: to the value
        measured_at: of the device's clock; None: `after` the message came, and the same message is known by `once`
        names: what the sender calls the model, best first
        quarantine: why the instant is in doubt
        """
        instant = measured_at or self._message.received_at + after
        key = None if measured_at else f"{self._network}/{device_id}/{once}@{after.total_seconds():g}"
        at = self._instants.setdefault((device_id, instant, key), _Instant(key, seq))
        at.quarantine = at.quarantine or quarantine
        at.names += [one for one in names if one not in at.names]
        before, _ = at.fields.setdefault(name, (value, pointer))
        if before != value:
            self.refuse(pointer, _twice(name, value, pointer), device_id=device_id)

    def state(self, device_id: str, reported_at: datetime, state: str | None, seq: int | None = None) -> None:
        """Add that a device is online or offline, or (None) only that it sent a message of that number."""
        fault = check_measured_at(reported_at, self._message.latest_at)
        if fault is not None:
            self.refuse("", fault, device_id=device_id)
            return
        row = DeviceStatus(device_id=device_id, reported_at=reported_at, state=state, device_seq=seq)
        self._states.append(row)

    def refuse(self, pointer: str, *faults: Fault, device_id: str | None = None) -> None:
        """Note that a part of the message is not kept; device_id: whose part it is, None where nobody can say."""
        self._refused.append(PartFault(pointer, faults, device_id))

    def decoded(self, device_id: str, pointer: str) -> Decoded:
        """Return everything; device_id: who sent the message, pointer: to its values.

        Raises: PayloadError when nothing of it can be kept: all faults, or no_known_field.
        """
        rows = _Rows(list(self._refused), list(self._states))
        readers: dict[str, StreamReader] = {}
        for (who, instant, _), at in self._instants.items():
            if who not in readers:
                readers[who] = StreamReader(self._context.streams.of_device(who), self._message.message_seq)
            self._read(rows, who, instant, at, readers[who])
        says_something = bool(rows.soil or rows.weather or any(_says_more(row) for row in rows.status))
        if not says_something and rows.refused:
            raise PayloadError(*(fault for part in rows.refused for fault in part.faults))
        if not says_something and not rows.known:
            names = ", ".join(name for at in self._instants.values() for name in at.fields)
            expected, advice = "fields of a model in schemas/devices", REGISTER_ITS_MODEL
            raise PayloadError(Fault(pointer, "no_known_field", describe(names), expected, advice))
        return Decoded(
            soil=tuple(rows.soil),
            weather=tuple(rows.weather),
            status=tuple(rows.status),
            parts_refused=tuple(rows.refused),
            ignored=None if says_something or rows.status else "no_value",
            device_id=device_id,
            streams={who: reader.changes for who, reader in readers.items() if reader.changes},
        )

    def _read(self, rows: _Rows, device_id: str, instant: datetime, at: _Instant, reader: StreamReader) -> None:
        """Add the rows of one device and instant; values that cannot be kept are refused alone."""
        measurable = {name: placed for name, placed in at.fields.items() if not is_setting(name)}
        last_levels: dict[str, tuple[object, str]] = {}
        for name, placed in measurable.items():
            last_levels.setdefault(name.rpartition("/")[2], placed)
        found = recognise(self._context.model_of.get(device_id), at.names, last_levels)
        model, notes = found.model, self._context.notes
        if notes is not None:
            notes.model, notes.why = found
        measured = Measurements()
        spelt = measurable if model is None else respell(last_levels, model)
        known = add_fields(measured, spelt, model, reader, notes)
        rows.known += known
        if not known:
            return
        if model is not None:
            own = {fold(name) for name in model.fields}
            for name, (value, pointer) in measurable.items():
                last = name.rpartition("/")[2]
                if fold(last) in own and last_levels[last][0] != value:
                    rows.refused.append(PartFault(pointer, (_twice(last, value, pointer),), device_id))
        fault = check_measured_at(instant, self._message.latest_at)
        if fault is not None:
            pointer = next(iter(at.fields.values()))[1]
            placed_fault = Fault(pointer, fault.code, fault.got, fault.expected, fault.advice)
            rows.refused.append(PartFault(pointer, (placed_fault,), device_id))
            return
        rows.refused += [replace(part, device_id=device_id) for part in measured.refused]
        source = "arrival" if at.key else "device"
        model_id = model.model_id if model else None
        rows.soil += measured.soil_rows(
            device_id,
            instant,
            source,
            model=model_id,
            quarantine=at.quarantine,
            uplink_key=at.key,
            device_seq=at.seq,
        )
        rows.weather += measured.weather_rows(device_id, instant, source, uplink_key=at.key)
        if measured.status:
            battery_v, battery_pct = (measured.status.get(name) for name in ("battery_v", "battery_pct"))
            status = DeviceStatus(
                device_id=device_id,
                reported_at=instant,
                battery_v=battery_v,
                battery_pct=battery_pct,
                device_seq=at.seq,
            )
            rows.status.append(status)


def _says_more(status: DeviceStatus) -> bool:
    """Say whether a row tells more than that a message came."""
    return any(value is not None for value in (status.state, status.battery_v, status.battery_pct))


def _twice(name: str, value: object, pointer: str) -> Fault:
    got, expected = f"a second {describe(name)}, {describe(value)}", "one value for each name and instant"
    return Fault(pointer, "measured_twice", got, expected, "Give each value its own name or time.")


@dataclass(slots=True)
class _Rows:
    """Rows as they are found; known: how many fields say something that we know."""

    refused: list[PartFault]
    status: list[DeviceStatus]
    soil: list[SoilReading] = field(default_factory=list)
    weather: list[WeatherReading] = field(default_factory=list)
    known: int = 0
