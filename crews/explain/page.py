"""An explanation as text for one screen: about fifty lines of at most a hundred columns."""

from __future__ import annotations

import unicodedata
from itertools import groupby

from crews.explain.explanation import Explanation, heading
from crews.explain.steps import as_line
from crews.words import speaker
from ingest.site import Site

COLUMNS = 100
_TITLE = 14
_INDENT = "  "


def columns_of(text: str) -> int:
    """Return how many columns a terminal gives a text: two for a Chinese character."""
    return sum(0 if unicodedata.combining(mark) else 1 + (unicodedata.east_asian_width(mark) in "WF") for mark in text)


def as_text(explanation: Explanation, language: str, site: Site) -> str:
    """Return the explanation, a heading per kind of step, the source of each at the right where it fits."""
    say = speaker(language)
    lines = [heading(explanation, language, site), *_wrapped(explanation.reason, "", "")]
    for section, steps in groupby(explanation.steps, key=lambda step: step.section):
        title = say(f"explain.section.{section}")
        for at, step in enumerate(steps):
            lead = f"{title}{_pad(title)}" if at == 0 else " " * _TITLE
            lines += _wrapped(as_line(step), lead, f"[{step.source}]" if step.source else "")
    lines += _wrapped(say("explain.sources"), "", "")
    return "\n".join(lines) + "\n"


def _pad(title: str) -> str:
    return " " * max(_TITLE - columns_of(title), 1)


def _wrapped(text: str, lead: str, source: str) -> list[str]:
    """Return `text` behind `lead`, broken at spaces and between Chinese characters, with `source` at the end."""
    rows, row = [], lead
    for piece in _pieces(text):
        if columns_of(row) + columns_of(piece.rstrip()) > COLUMNS:
            rows.append(row.rstrip())
            row = " " * columns_of(lead) + _INDENT + piece.lstrip()
        else:
            row += piece
    rows.append(row.rstrip())
    if source:
        room = COLUMNS - columns_of(rows[-1]) - columns_of(source)
        if room >= 1:
            rows[-1] += " " * room + source
        else:
            rows.append(" " * (COLUMNS - columns_of(source)) + source)
    return rows


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for mark in text:
        wide = unicodedata.east_asian_width(mark) in "WF"
        if not pieces or pieces[-1].endswith(" ") or (wide and mark not in "，。；：）、％" and pieces[-1][-1] != "（"):
            pieces.append(mark)
        else:
            pieces[-1] += mark
    return pieces
