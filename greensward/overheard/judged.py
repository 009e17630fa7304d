"""What ingest would make of a message that was heard: by its decoders, the registers, and what senders said before."""

from __future__ import annotations

from dataclasses import dataclass

from greensward.overheard.message import Heard
from greensward.settings import Settings
from greensward.wiring import SOFTWARE_VERSION
from ingest.decode.context import DecodeContext
from ingest.decode.topics import ROOT
from ingest.errors import Fault
from ingest.identifiers import normalise_device_id
from ingest.observation import Decoded, Message
from ingest.registers.snapshot import Registers
from ingest.seal.judged import judge
from ingest.seal.memory import Memory

_AFTER_ALL = 2**62
"""Number of the first message that is heard: it comes after all that were ever sealed."""


@dataclass(frozen=True, slots=True)
class Told:
    """One message, and what it would become.

    device_ids: whom it is of: the device that the decoder found, and the one that its topic or its payload names
    decoded: rows; empty when the message is refused as a whole
    faults: everything that is wrong with it, of the message as a whole or of parts that would be left out
    is_registered: the first of device_ids is in the register
    """

    heard: Heard
    device_ids: tuple[str, ...]
    decoded: Decoded
    faults: tuple[Fault, ...]
    is_registered: bool

    @property
    def quarantine(self) -> tuple[str, ...]:
        """Why rows of it would be kept but not believed; each reason once."""
        reasons = [row.quarantine for row in self.decoded.soil] + [image.quarantine for image in self.decoded.images]
        return tuple(dict.fromkeys(reason for reason in reasons if reason))


class Judgement:
    """Judges message after message, in the order they came, as ingest does; writes nothing."""

    def __init__(self, settings: Settings) -> None:
        """Read what ingest has learned. Raises: StoreError, ConfigError."""
        folder = settings.data_folder()
        self._site = settings.place()
        self._registers = Registers(folder)
        self._memory = Memory(folder)
        self._number = _AFTER_ALL

    def of(self, heard: Heard) -> Told:
        """Return what becomes of the next message. Raises: StoreError when a register cannot be read."""
        self._number += 1
        message = Message(
            self._number, heard.received_at, heard.topic, heard.payload, heard.redelivered, heard.retained
        )
        known, memory = self._registers.current(), self._memory
        memory.learn_sparkplug([message])
        context = DecodeContext(self._site, known.model_of, memory.streams, memory.births, sequences=memory.sequences)
        judged = judge([message], context, SOFTWARE_VERSION, memory.learn_streams).judged[0]
        decoded = judged.decoded or Decoded(device_id=judged.error.device_id if judged.error else None)
        faults = (
            judged.error.faults if judged.error else tuple(f for part in decoded.parts_refused for f in part.faults)
        )
        ids = _device_ids(heard.topic, decoded, faults)
        return Told(heard, ids, decoded, faults, bool(ids) and ids[0] in known.known_devices)


def _device_ids(topic: str, decoded: Decoded, faults: tuple[Fault, ...]) -> tuple[str, ...]:
    named = [decoded.device_id, *(row.device_id for row in decoded.status), *(row.device_id for row in decoded.soil)]
    if topic.startswith(ROOT):
        named.append(topic.removeprefix(ROOT).partition("/")[2].partition("/")[0])
    named += [fault.got.strip('"') for fault in faults if fault.code == "identity_mismatch"]
    return tuple(dict.fromkeys(normalise_device_id(name) for name in named if name))
