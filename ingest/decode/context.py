"""What a decoder may know besides the message: the site, and which model a registered device is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.decode.notes import Notes
from ingest.site import Site


@dataclass(frozen=True, slots=True)
class DecodeContext:
    """Facts from the settings and the register, as values; a decoder looks nothing up by itself.

    site: the district that topics must name
    model_of: device id → "vendor/model" as in schemas/devices; a device that is not in it is unknown, not wrong
    notes: where the decoder is to write what became of every field; None when nobody asks
    """

    site: Site
    model_of: Mapping[str, str]
    notes: Notes | None = None
