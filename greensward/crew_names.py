"""Crews by name: which one was meant, and which of the channels' nobody knows."""

from __future__ import annotations

import difflib
from datetime import datetime

import msgspec

from crews.apply import valid_plots
from crews.ledger import Ledger
from crews.lists import crews_of
from greensward.channel_settings import ALL_CREWS
from greensward.settings import Settings
from ingest.lake.files import read_register


class UnknownCrew(msgspec.Struct, frozen=True):
    """A crew of a channel that is in no register and has no work. meant: which it may be, in words."""

    channel: str
    crew: str
    meant: str


def unknown_crews(settings: Settings, now: datetime) -> list[UnknownCrew]:
    """Return the crews of channels that nobody knows; they may be still to come. None where there is no ledger yet.

    Raises: ConfigError, StoreError.
    """
    folder = settings.data_folder()
    if not settings.send or not folder.ledger.exists():
        return []
    with Ledger(folder.ledger, settings.place()) as ledger:
        known = crews_of(ledger, valid_plots(read_register(folder, "plots"), now))
    return [
        UnknownCrew(name, crew, nearest(crew, known))
        for name, channel in settings.send.items()
        for crew in channel.crews
        if crew != ALL_CREWS and crew not in known
    ]


def nearest(crew: str, known: list[str]) -> str:
    """Return the crew, or person, that was probably meant, and all that are known, in words."""
    near = difflib.get_close_matches(crew, known, n=1, cutoff=0.5)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{meant}Known are: {', '.join(known) or 'none yet'}."
