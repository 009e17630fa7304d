"""What ingest would make of a message that was heard: by its decoders, the registers, and what senders said before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from greensward.overheard.message import Heard
from greensward.settings import Settings
from greensward.wiring import SOFTWARE_VERSION
from ingest.decode.context import DecodeContext
from ingest.decode.sparkplug import read_life_event, read_number
from ingest.decode.sparkplug_births import Births
from ingest.decode.sparkplug_sequence import Sequences
from ingest.decode.topics import ROOT
from ingest.errors import Fault
from ingest.identifiers import normalise_device_id
from ingest.observation import Decoded, Message, Reply
from ingest.registers.snapshot import Registers, RegisterSnapshot
from ingest.seal.expired import refuse_expired
from ingest.seal.judged import judge
from ingest.seal.memory import Memory
from ingest.site import Site
from ingest.stream_units import StreamUnits

_AFTER_ALL = 2**62
"""Number of the first message that is heard: it comes after all that were ever sealed."""


@dataclass(frozen=True, slots=True)
class Told:
    """One message, and what it would become.

    device_ids: whom it is of: the device that the decoder found, those of a gateway's pack, and the one that its topic
    or its payload names
    decoded: rows; empty when the message is refused as a whole
    faults: everything that is wrong with it, of the message as a whole or of parts that would be left out
    reply: what ingest would answer
    is_registered: the first of device_ids is in the register
    """

    heard: Heard
    device_ids: tuple[str, ...]
    decoded: Decoded
    faults: tuple[Fault, ...]
    reply: Reply | None
    is_registered: bool

    @property
    def quarantine(self) -> tuple[str, ...]:
        """Why rows of it would be kept but not believed; each reason once."""
        reasons = [row.quarantine for row in self.decoded.soil] + [image.quarantine for image in self.decoded.images]
        return tuple(dict.fromkeys(reason for reason in reasons if reason))

    def faults_of(self, device_id: str) -> tuple[Fault, ...]:
        """Return what is wrong with it of one of device_ids: of a gateway's pack the parts of that device alone."""
        parts = self.decoded.parts_refused
        if not parts:
            return self.faults
        sender = self.decoded.device_id
        return tuple(fault for part in parts if (part.device_id or sender) == device_id for fault in part.faults)


class Judgement:
    """Judges message after message, in the order they came, as ingest does; writes nothing."""

    def __init__(
        self,
        site: Site,
        registers: Callable[[], RegisterSnapshot],
        streams: StreamUnits | None = None,
        births: Births | None = None,
    ) -> None:
        """Begin with what ingest has learned, or, without it, with nothing learned.

        registers: gives the registers as they are now
        """
        self._site, self._registers = site, registers
        self._streams, self._births, self._sequences = streams or StreamUnits(), births or Births(), Sequences()
        self._number = _AFTER_ALL

    def of(self, heard: Heard) -> Told:
        """Return what becomes of the next message. Raises: StoreError when a register cannot be read."""
        self._number += 1
        message = Message(
            self._number, heard.received_at, heard.topic, heard.payload, heard.redelivered, heard.retained
        )
        known = self._registers()
        self._learn_sparkplug(message)
        context = DecodeContext(self._site, known.model_of, self._streams, self._births, sequences=self._sequences)
        batch = judge([message], context, SOFTWARE_VERSION, self._learn_streams)
        refuse_expired(batch, known.kept_from, self._site, SOFTWARE_VERSION)
        judged = batch.judged[0]
        error = judged.error
        decoded = judged.decoded or Decoded(device_id=error.device_id if error else None)
        faults = error.faults if error else tuple(fault for part in decoded.parts_refused for fault in part.faults)
        ids = _device_ids(heard.topic, decoded, faults)
        return Told(heard, ids, decoded, faults, judged.reply(), bool(ids) and ids[0] in known.known_devices)

    def _learn_sparkplug(self, message: Message) -> None:
        number, event = read_number(message), read_life_event(message)
        self._sequences.hear([number] if number is not None else [])
        if event is not None:
            self._births.learn(event)

    def _learn_streams(self, decoded: Decoded) -> None:
        for device_id, changes in decoded.streams.items():
            self._streams.learn(device_id, changes)


def judgement_by(settings: Settings) -> Judgement:
    """Return one that knows what ingest knows: the registers, also as they change, and its memory.

    Raises: StoreError, ConfigError.
    """
    folder = settings.data_folder()
    memory = Memory(folder)
    return Judgement(settings.place(), Registers(folder).current, memory.streams, memory.births)


def _device_ids(topic: str, decoded: Decoded, faults: tuple[Fault, ...]) -> tuple[str, ...]:
    named = [decoded.device_id, *(row.device_id for row in decoded.status), *(row.device_id for row in decoded.soil)]
    named += [row.device_id for row in decoded.weather] + [part.device_id for part in decoded.parts_refused]
    if topic.startswith(ROOT):
        named.append(topic.removeprefix(ROOT).partition("/")[2].partition("/")[0])
    named += [fault.got.strip('"') for fault in faults if fault.code == "identity_mismatch"]
    return tuple(dict.fromkeys(normalise_device_id(name) for name in named if name))
