"""Rows of one uplink: what its fields or its bytes say, now and in its history, at which instants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from ingest.decode.device_models import Clock, Model
from ingest.decode.frames.families import FAMILIES
from ingest.decode.guard import describe
from ingest.decode.instants import check_measured_at, clocks_apart, parse_clock
from ingest.decode.measurements import Measurements
from ingest.decode.notes import Notes
from ingest.decode.payload_fields import read_fields
from ingest.decode.uplink_message import Uplink
from ingest.errors import Fault, PayloadError
from ingest.observation import PartFault, SoilReading, WeatherReading
from ingest.stream_units import StreamReader


class UplinkRows:
    """Rows of one uplink of `model` (None: nobody knows it), as they are found.

    status: battery columns of `DeviceStatus`
    """

    def __init__(
        self, uplink: Uplink, model: Model | None, received_at: datetime, reader: StreamReader, notes: Notes | None
    ) -> None:
        """Begin with nothing."""
        self._uplink, self._model, self._received_at = uplink, model, received_at
        self._reader, self._notes = reader, notes
        self.soil: list[SoilReading] = []
        self.weather: list[WeatherReading] = []
        self.refused: list[PartFault] = []
        self.status: dict[str, float] = {}

    def read(self, fields: Mapping[str, object], pointer: str, quarantine: str | None = None) -> int:
        """Add the rows that `fields` give, history included; return how many fields are known."""
        model = self._model
        measured, known = read_fields(fields, model, pointer, self._reader, self._notes)
        self.status |= measured.status
        measured_at, time_source = self._uplink.heard_at, "network"
        if model is not None and model.time is not None and fields.get(model.time.field) is not None:
            try:
                measured_at = self._instant(fields, model.time, pointer)
            except PayloadError as error:
                self.refused.append(PartFault(pointer, error.faults))
                return known + 1
            time_source = "device"
            quarantine = clocks_apart(measured_at, self._uplink.heard_at) or quarantine
        self._add(measured, measured_at, time_source, quarantine)
        if model is not None and model.history is not None:
            name, clock = model.history
            known += self._read_history(fields.get(name), clock, f"{pointer}/{name}")
        return known

    def read_bytes(self) -> int:
        """Add the rows that the frame gives, and what could not be read of it.

        Returns more than 0: a frame of the model that measures nothing (a start-up report) is understood all the same;
        0 where there are no bytes, or nobody knows how to read them.
        Raises: PayloadError when nothing of the frame can be read.
        """
        uplink = self._uplink
        if self._model is None or self._model.frame is None or not uplink.data:
            return 0
        settings = self._model.frame
        try:
            frame = FAMILIES[str(settings["family"])](uplink.data, uplink.f_port, settings)
        except PayloadError as error:
            raise PayloadError(*(self._placed(fault) for fault in error.faults)) from error
        if self._notes is not None:
            self._notes.read.append("bytes")
        self.refused += [PartFault(uplink.data_pointer, (self._placed(fault),)) for fault in frame.unread]
        return 1 + self.read(frame.fields, uplink.data_pointer, frame.quarantine)

    def _placed(self, fault: Fault) -> Fault:
        return replace(fault, pointer=self._uplink.data_pointer)

    def _read_history(self, records: object, clock: Clock, pointer: str) -> int:
        if not isinstance(records, list):
            return 0
        for place, record in enumerate(records):
            here = f"{pointer}/{place}"
            if not isinstance(record, dict):
                fault = Fault(here, "wrong_type", describe(record), "an object", "Check the payload codec.")
                self.refused.append(PartFault(here, (fault,)))
                continue
            try:
                measured_at = self._instant(record, clock, here)
            except PayloadError as error:
                self.refused.append(PartFault(here, error.faults))
                continue
            measured, _ = read_fields(record, self._model, here, self._reader, self._notes)
            self._add(measured, measured_at, "device", None)
        return len(records)

    def _instant(self, fields: Mapping[str, object], clock: Clock, pointer: str) -> datetime:
        pointer = f"{pointer}/{clock.field}"
        unit: Literal["s", "ms"] = "ms" if clock.format == "unix_ms" else "s"
        instant = parse_clock(fields.get(clock.field), unit, self._received_at, pointer)
        fault = check_measured_at(instant, self._received_at, pointer)
        if fault is not None:
            raise PayloadError(fault)
        return instant

    def _add(self, measured: Measurements, measured_at: datetime, time_source: str, quarantine: str | None) -> None:
        # One uplink brings many instants of the device's own clock: each is told by its instant, not by the uplink.
        uplink = self._uplink
        key = uplink.key if time_source == "network" else f"{uplink.key}@{measured_at:%Y%m%dT%H%M%S}"
        self.soil += measured.soil_rows(
            uplink.device_id,
            measured_at,
            time_source,
            model=self._model.model_id if self._model else None,
            quarantine=quarantine,
            uplink_key=key,
            device_seq=uplink.seq,
        )
        self.weather += measured.weather_rows(uplink.device_id, measured_at, time_source, uplink_key=key)
        self.refused += measured.refused
