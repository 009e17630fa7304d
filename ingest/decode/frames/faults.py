"""What can be wrong with a frame."""

from __future__ import annotations

from ingest.decode.guard import describe
from ingest.errors import Fault, PayloadError


def truncated(data: bytes, expected: str) -> PayloadError:
    """Return the error of a frame that ends too early."""
    return PayloadError(
        Fault("", "frame_truncated", f"{len(data)} bytes: {data[:32].hex()}", expected, "Check the device's firmware.")
    )


def not_this_frame(got: object, expected: str) -> PayloadError:
    """Return the error of bytes that are no frame of the model they are said to come from."""
    return PayloadError(
        Fault("", "frame_not_of_model", describe(got), expected, "Check the device's model in the register.")
    )
