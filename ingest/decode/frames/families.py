"""Every family of frames by the name that schemas/devices gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ingest.decode.frames import (
    cital,
    decentlab,
    dragino_soil,
    fixed,
    flagged,
    gropoint,
    numbered,
    sensecap,
    tagged,
)
from ingest.decode.frames.frame import Frame

FAMILIES: Mapping[str, Callable[[bytes, int | None, Mapping[str, object]], Frame]] = MappingProxyType(
    {
        "cital": cital.decode_frame,
        "decentlab": decentlab.decode_frame,
        "dragino_soil": dragino_soil.decode_frame,
        "fixed": fixed.decode_frame,
        "flagged": flagged.decode_frame,
        "gropoint": gropoint.decode_frame,
        "numbered": numbered.decode_frame,
        "sensecap": sensecap.decode_frame,
        "tagged": tagged.decode_frame,
    }
)
"""Each takes the bytes, the port (None when the envelope names none) and the model's `frame` settings.

It returns what could be read. Raises: PayloadError when nothing can; the pointer of its faults is empty.
"""
