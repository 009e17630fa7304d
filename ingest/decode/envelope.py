"""Reading a network server's JSON envelope: each field by its type, every fault collected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from ingest.decode.guard import describe, escape
from ingest.decode.instants import parse_instant
from ingest.errors import Fault, PayloadError

_DEV_EUI = re.compile(r"[0-9a-fA-F]{16}")
LARGEST_COUNTER = 2**32 - 1
LARGEST_PORT = 255
LONGEST_TEXT = 256
_COUNTER = re.compile(r"[0-9]{1,10}", re.ASCII)


class Envelope:
    """One JSON object of an envelope, and the faults found in it and in the objects it holds.

    faults: shared by all the objects of one message, in the order of reading
    unread: likewise, faults of what is only one of several ways to the values; they count where no other gives any
    """

    __slots__ = ("_given", "_pointer", "faults", "unread")

    def __init__(
        self,
        given: Mapping[str, object],
        pointer: str = "",
        faults: list[Fault] | None = None,
        unread: list[Fault] | None = None,
    ) -> None:
        """Read `given`, which stands at `pointer`."""
        self._given = given
        self._pointer = pointer
        self.faults: list[Fault] = [] if faults is None else faults
        self.unread: list[Fault] = [] if unread is None else unread

    def dispensable(self) -> Envelope:
        """Return the same object, what is wrong in it being noted in `unread`: decoded payload, name of the model."""
        return Envelope(self._given, self._pointer, self.unread, self.unread)

    def at(self, name: str) -> str:
        """Return the pointer to a field."""
        return f"{self._pointer}/{escape(name)}"

    def get(self, name: str) -> object:
        """Return a field as it is; None when it is missing."""
        return self._given.get(name)

    def wrong(self, name: str, expected: str, code: str = "wrong_type") -> None:
        """Note that a field is not what it should be."""
        got = self._given.get(name)
        missing = name not in self._given
        self.faults.append(
            Fault(
                self.at(name),
                "missing" if missing else code,
                "nothing" if missing else describe(got),
                expected,
                "Check the network server's MQTT integration.",
            )
        )

    def part(self, name: str, *, required: bool = False) -> Envelope:
        """Return an object of the envelope; an empty one when it is missing or none."""
        got = self._given.get(name)
        if isinstance(got, dict):
            return Envelope(got, self.at(name), self.faults, self.unread)
        if got is not None or required:
            self.wrong(name, "an object")
        return Envelope({}, self.at(name), self.faults, self.unread)

    def fields(self, name: str) -> dict[str, object] | None:
        """Return a decoded payload; None when it is missing."""
        got = self._given.get(name)
        if got is None or isinstance(got, dict):
            return got
        self.wrong(name, "an object")
        return None

    def text(self, name: str) -> str | None:
        """Return a text of at most 256 characters; None when it is missing."""
        got = self._given.get(name)
        if got is None:
            return None
        if isinstance(got, str) and len(got) <= LONGEST_TEXT:
            return got
        self.wrong(name, f"a text of at most {LONGEST_TEXT} characters")
        return None

    def instant(self, name: str) -> datetime | None:
        """Return an RFC 3339 instant; None when it is missing, or an empty text."""
        got = self._given.get(name)
        if got is None or got == "":
            return None
        try:
            return parse_instant(got, self.at(name))
        except PayloadError as error:
            self.faults += error.faults
            return None

    def counter(self, name: str) -> int:
        """Return a frame counter; both servers leave out a 0."""
        return self._whole(name, LARGEST_COUNTER, "a frame counter, 0 to 4,294,967,295") or 0

    def port(self, name: str) -> int | None:
        """Return a LoRaWAN port; None when it is missing."""
        return self._whole(name, LARGEST_PORT, "a port, 0 to 255")

    def _whole(self, name: str, largest: int, expected: str) -> int | None:
        got = self._given.get(name)
        if got is None:
            return None
        number = int(got) if isinstance(got, str) and _COUNTER.fullmatch(got) else got
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= largest:
            return number
        self.wrong(name, expected)
        return None

    def best_gateway(self, name: str, *, rssi: str, snr: tuple[str, ...]) -> tuple[float | None, float | None]:
        """Return rssi (dBm) and snr (dB) of the gateway that heard the device loudest; what is odd is left out."""
        gateways = self._given.get(name)
        heard: list[tuple[float, float | None]] = []
        for gateway in gateways if isinstance(gateways, list) else ():
            if isinstance(gateway, dict) and (loud := _within(gateway.get(rssi), -200, 50)) is not None:
                clear = next((value for key in snr if (value := _within(gateway.get(key), -50, 50)) is not None), None)
                heard.append((loud, clear))
        return max(heard, key=lambda pair: pair[0]) if heard else (None, None)


def dev_eui_of(text: object) -> str | None:
    """Return a DevEUI in lower case; None when `text` is none."""
    return text.lower() if isinstance(text, str) and _DEV_EUI.fullmatch(text) else None


def _within(value: object, lowest: float, highest: float) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest:
        return float(value) + 0.0  # a zero without sign, as by columns
    return None
