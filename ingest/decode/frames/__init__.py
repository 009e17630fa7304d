"""From the bytes of a LoRaWAN frame to the fields its vendor's codec would give; one module per family."""

from __future__ import annotations
