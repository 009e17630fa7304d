"""What can go wrong, told apart by what the caller does next.

GreenswardError
├── PayloadError   keep the message as rejected, with every fault, and acknowledge it
├── StoreError     do not acknowledge; try again later
└── ConfigError    tell the person who typed it; exit 2
    └── InUseError somebody else has what this needs: it may be free later; exit 4
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a message.

    pointer: JSON pointer (RFC 6901) to the wrong part, "" for the message as a whole
    code: stable snake_case word, the same for the same mistake for ever
    got: what stood there, shortened
    expected: what should stand there
    advice: what the sender is to do
    """

    pointer: str
    code: str
    got: str
    expected: str
    advice: str


class GreenswardError(Exception):
    """Any error that Greensward raises on purpose."""


class PayloadError(GreenswardError):
    """A message that cannot become rows; the bytes are kept as rejected.

    faults: at least one, every one that was found
    """

    def __init__(self, *faults: Fault, device_id: str | None = None) -> None:
        """Raise with all `faults`; `device_id` where the topic or the message names the device."""
        if not faults:
            raise ValueError("a message is refused for a reason: at least one fault")
        super().__init__("; ".join(f"{f.pointer or '/'}: {f.code}: expected {f.expected}, got {f.got}" for f in faults))
        self.faults = faults
        self.device_id = device_id


class StoreError(GreenswardError):
    """The disk would not take or give data; nothing was acknowledged, so it may be tried again."""


class ConfigError(GreenswardError):
    """A setting, file or argument of the person at the keyboard is wrong."""


class InUseError(ConfigError):
    """Another process has what only one may have: the data folder, or the session at the broker."""
