"""What the messages of an acceptance test say of the device, judged by ingest's decoders. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from greensward.acceptance.record import Ending, Record, Trial
from greensward.overheard.ear import FORMATS, is_answer
from greensward.overheard.judged import Judgement, Told
from greensward.overheard.message import Heard
from ingest.decode.sparkplug_births import Births
from ingest.decode.topics import ROOT
from ingest.errors import Fault
from ingest.identifiers import normalise_device_id
from ingest.observation import DeviceStatus, SoilReading, WeatherReading
from ingest.registers.snapshot import RegisterSnapshot
from ingest.site import BEICHEN

Row = SoilReading | WeatherReading
Key = tuple[object, ...]

_SERVED = (FORMATS["chirpstack"], FORMATS["things-stack"])
"""Formats in which a network server speaks for the device: QoS and what is retained are the server's."""


@dataclass(frozen=True, slots=True)
class Came:
    """One message of the device, with what it would become of this device alone.

    faults: what is wrong with it, of a gateway's pack in this device's own parts
    is_new: a row of it had not been there before
    """

    told: Told
    soil: tuple[SoilReading, ...]
    weather: tuple[WeatherReading, ...]
    status: tuple[DeviceStatus, ...]
    faults: tuple[Fault, ...]
    is_new: bool

    @property
    def heard(self) -> Heard:
        """The message as it came."""
        return self.told.heard

    @property
    def rows(self) -> tuple[Row, ...]:
        """Readings of soil and weather."""
        return (*self.soil, *self.weather)

    @property
    def newest(self) -> Row | None:
        """The reading that was measured last; None without readings."""
        return max(self.rows, key=lambda row: row.measured_at, default=None)

    @property
    def is_served(self) -> bool:
        """Whether a network server published it for the device."""
        return self.heard.topic.startswith(_SERVED)

    @property
    def kind(self) -> str:
        """The last level of a native topic; "" on others."""
        return self.heard.topic.rpartition("/")[2] if self.heard.topic.startswith(ROOT) else ""


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a device was out of reach, as its last will says.

    last_at, back_at: of the last reading before, and the first after
    offline_at: when it was said first
    """

    last_at: datetime
    offline_at: datetime
    back_at: datetime

    @property
    def lasted(self) -> timedelta:
        """From reading to reading."""
        return self.back_at - self.last_at


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the points are judged by.

    lying: what lay at the broker, retained; it says nothing of how the device behaves now
    live: what came during the test, in order
    readings: those of `live` with readings
    repeats, conflicts: readings that came again, without and with another value of the same quantity
    """

    trial: Trial
    began_at: datetime
    ended_at: datetime
    ended: Ending
    lying: tuple[Came, ...]
    live: tuple[Came, ...]
    readings: tuple[Came, ...]
    answers: tuple[Heard, ...]
    repeats: int
    conflicts: int

    @property
    def lasted_s(self) -> float:
        """Seconds from the first to the last."""
        return (self.ended_at - self.began_at).total_seconds()

    @property
    def outage(self) -> Outage | None:
        """The longest outage; None where there was none.

        A device that does not come back is not out: it is gone.
        """
        edges = sorted([self.began_at, *(came.heard.received_at for came in self.readings if came.is_new)])
        offline = (came.heard.received_at for came in self.live if any(row.state == "offline" for row in came.status))
        first = {bisect_right(edges, at): at for at in sorted(offline, reverse=True)}
        outages = (Outage(edges[n - 1], at, edges[n]) for n, at in first.items() if 0 < n < len(edges))
        return max(outages, key=lambda outage: outage.lasted, default=None)

    @property
    def was_finished(self) -> bool:
        """Whether what lies at the broker was looked at in the end."""
        return self.ended in {"done", "stopped"}

    @property
    def zone(self) -> ZoneInfo:
        """The site's clock."""
        return ZoneInfo(self.trial.timezone)


def evidence_of(record: Record) -> Evidence:
    """Return what the record says."""
    trial = record.trial
    device_id = normalise_device_id(trial.device_id)
    judgement = _judgement(trial, device_id)
    known: dict[Key, Row] = {}
    repeats = conflicts = 0
    lying, live = [], []
    for heard in record.messages:
        if is_answer(heard.topic):
            continue
        told = judgement.of(heard)
        if device_id not in told.device_ids:  # a birth, by which a Sparkplug device's data is read
            continue
        came = _came(told, device_id, is_new=True)
        if heard.retained:
            lying.append(came)
            continue
        seen = [(row, known.setdefault(_key(row), row)) for row in came.rows]
        again = [(row, first) for row, first in seen if row is not first]
        conflicts += sum(_contradicts(row, first) for row, first in again)
        repeats += sum(not _contradicts(row, first) for row, first in again)
        live.append(replace(came, is_new=len(again) < len(seen)))
    return Evidence(
        trial,
        trial.started_at,
        record.ended_at,
        record.ended,
        tuple(lying),
        tuple(live),
        tuple(came for came in live if came.rows),
        tuple(heard for heard in record.messages if is_answer(heard.topic)),
        repeats,
        conflicts,
    )


def _judgement(trial: Trial, device_id: str) -> Judgement:
    models = {device_id: trial.model} if trial.model else {}
    register = RegisterSnapshot(models, frozenset({device_id}), ())
    # Of a site only district and clock matter to what is no picture.
    site = replace(BEICHEN, district=trial.district, timezone=ZoneInfo(trial.timezone))
    return Judgement(site, lambda: register, births=Births(trial.births))


def _came(told: Told, device_id: str, *, is_new: bool) -> Came:
    decoded = told.decoded
    return Came(
        told,
        tuple(row for row in decoded.soil if row.device_id == device_id),
        tuple(row for row in decoded.weather if row.device_id == device_id),
        tuple(row for row in decoded.status if row.device_id == device_id),
        told.faults_of(device_id),
        is_new,
    )


def _key(row: Row) -> Key:
    place = (row.depth_cm, row.channel) if isinstance(row, SoilReading) else ()
    return (type(row).__name__, row.measured_at, *place)


def _contradicts(row: Row, first: Row) -> bool:
    """Say whether two readings of the same place and instant have different values of the same quantity."""
    pairs = ((getattr(row, name), getattr(first, name)) for name in row.__struct_fields__ if name not in _NOT_MEASURED)
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)


_NOT_MEASURED = frozenset({"device_seq", "uplink_key", "time_source", "unit_received", "model", "quarantine"})
