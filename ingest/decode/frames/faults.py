"""What can be wrong with a frame."""

from __future__ import annotations

from ingest.decode.guard import describe
from ingest.errors import Fault, PayloadError

_SHOWN = 32


def truncated(data: bytes, expected: str) -> PayloadError:
    """Return the error of a frame that ends too early, or has a length that no frame of the model has."""
    return PayloadError(cut(data, expected))


def cut(data: bytes, expected: str) -> Fault:
    """Return the fault of a frame that ends too early."""
    got = f"{len(data)} bytes: {data[:_SHOWN].hex()}"
    return Fault("", "frame_truncated", got, expected, "Check the device's firmware.")


def not_this_frame(got: object, expected: str) -> PayloadError:
    """Return the error of bytes that are no frame of the model they are said to come from."""
    return PayloadError(
        Fault("", "frame_not_of_model", describe(got), expected, "Check the device's model in the register.")
    )


def unknown_part(position: int, rest: bytes, expected: str) -> Fault:
    """Return the fault of a part whose meaning, and so whose length, is not known; `rest` begins with it."""
    got = f"{rest[:_SHOWN].hex()} at byte {position}"
    advice = "What stood before it was kept. Check model and firmware, or ask for the newer frame format to be added."
    return Fault("", "frame_part_unknown", got, expected, advice)


def bad_checksum(data: bytes, expected: str) -> PayloadError:
    """Return the error of a frame whose checksum does not fit."""
    got = f"{len(data)} bytes: {data[:_SHOWN].hex()}"
    return PayloadError(Fault("", "frame_checksum", got, expected, "Check the device's model in the register."))
