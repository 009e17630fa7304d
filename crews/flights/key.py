"""The key of a flight's map: every mark that it shows, with its words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from crews.picture import marks
from crews.words import Say

CONDITIONS = ("work", "watch", "well", "unknown")
"""States of plots as a map tells them apart."""

FILLS = {"work": marks.DRY, "watch": marks.WATCH, "well": marks.WELL, "unknown": "url(#gated)"}

_ROW, _SIGN, _SIZE, _LEFT = 19.0, 24.0, 12.0, 8.0
_SEEN = "#e7edf2"
"""WATER_INK at a tenth over paper: the ground that pictures show."""

Mark = Callable[[float, float], str]
"""Draws a sign at the left end (x) of a line of text whose foot is at y."""


def draw_key(signs: Iterable[str], notes: Iterable[str], top: float, width: float, say: Say) -> tuple[list[str], float]:
    """Return the key to `signs` (keys of SIGNS) and the `notes` from `top` on, and where the picture ends."""
    x, y, parts = _LEFT, top + 22, []
    for name in signs:
        said = say(f"flights.key_{name}")
        needed = _SIGN + marks.text_width(said, _SIZE) + 12
        if x > _LEFT and x + needed > width:
            x, y = _LEFT, y + _ROW
        parts += [SIGNS[name](x, y), marks.words(x + _SIGN, y, said, size=_SIZE)]
        x += needed
    for note in notes:
        for row in marks.wrap(note, _SIZE, width - 2 * _LEFT):
            y += _ROW
            parts.append(marks.words(_LEFT, y, row, size=_SIZE, ink=marks.SOFT))
    return parts, y + 10


def _box(fill: str, ink: str = marks.SOFT) -> Mark:
    return lambda x, y: marks.box(x + 1, y - 10, 18, 12, fill, f' stroke="{ink}" stroke-width="1"')


def _ellipse(x: float, y: float) -> str:
    return (
        f'<ellipse cx="{marks.n(x + 10)}" cy="{marks.n(y - 4)}" rx="9" ry="5" fill="none" stroke="{marks.DRY_INK}"'
        ' stroke-width="1"/>'
    )


SIGNS: dict[str, Mark] = {
    **{f"state_{name}": _box(FILLS[name]) for name in CONDITIONS},
    "footprint": _box(_SEEN, marks.WATER_INK),
    "disease": lambda x, y: marks.diamond(x + 10, y - 4, 4.5, marks.DRY_INK),
    "other": lambda x, y: marks.dot(x + 10, y - 4, 3.2, marks.FORECAST_INK),
    "ambiguous": lambda x, y: marks.ring(x + 10, y - 4, 3.6, marks.DRY_INK),
    "outside": lambda x, y: marks.words(x + 10, y, "×", size=13, anchor="middle", ink=marks.SOFT),
    "ellipse": _ellipse,
}
