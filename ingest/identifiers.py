"""Ids of plots and devices: what is allowed, and one spelling of each."""

from __future__ import annotations

import re

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_DEV_EUI = re.compile(r"[0-9A-Fa-f]{2}([-: ]?)(?:[0-9A-Fa-f]{2}\1){6}[0-9A-Fa-f]{2}", re.ASCII)

EXPECTED_ID = "1 to 64 letters, digits, dots, underscores or hyphens, beginning with a letter or digit"


def is_id(text: str) -> bool:
    """Say whether `text` may be the id of a plot or device."""
    return _ID.fullmatch(text) is not None


def normalise_device_id(text: str) -> str:
    """Return the one spelling of a device's id: a LoRaWAN DevEUI (16 hex digits) in lower case without separators."""
    text = text.strip()
    if _DEV_EUI.fullmatch(text):
        return re.sub(r"[-: ]", "", text).lower()
    return text
