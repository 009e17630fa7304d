"""What a decoder may know besides the message: the site, the register of devices, and what senders said before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.decode.notes import Notes
from ingest.decode.sparkplug_births import Births
from ingest.decode.sparkplug_sequence import Sequences
from ingest.site import Site
from ingest.stream_units import StreamUnits


@dataclass(frozen=True, slots=True)
class DecodeContext:
    """Facts from the settings and the register, as values; a decoder looks nothing up by itself.

    site: the district that topics must name
    model_of: device id → "vendor/model" as in schemas/devices; a device that is not in it is unknown, not wrong
    streams: in which unit unknown models send; whoever decodes message after message lets it learn what each changed
    births: the birth certificates of Sparkplug B, those of the messages at hand included
    sequences: what Sparkplug nodes numbered last, the messages at hand included
    notes: where the decoder is to write what became of every field; None when nobody asks
    """

    site: Site
    model_of: Mapping[str, str]
    streams: StreamUnits = field(default_factory=StreamUnits)
    births: Births = field(default_factory=Births)
    notes: Notes | None = None
    sequences: Sequences = field(default_factory=Sequences)
