"""The marks that pictures are drawn with: SVG by attributes only, so that a strict content policy lets it through."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from markupsafe import escape

INK, SOFT, PAPER, RULE = "#17211b", "#414c45", "#ffffff", "#c9d1c8"
WET, WELL, WATCH, DRY, WILTING = "#dcebf5", "#e3f1e4", "#fdf0c8", "#fadbd2", "#f0b8ab"
DRY_INK, WATER_INK, FROST_INK, FORECAST_INK = "#8a1c12", "#0f4f86", "#2b5f8c", "#553500"
FONTS = "system-ui, -apple-system, 'PingFang SC', 'Noto Sans CJK SC', 'Noto Sans SC', 'Microsoft YaHei', sans-serif"

_WIDE, _NARROW = 1.0, 0.56
"""Width of a Chinese and of a Latin character, in font sizes."""


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is, in the unit of `size`."""
    return size * sum(_WIDE if unicodedata.east_asian_width(mark) in "WF" else _NARROW for mark in text)


def wrap(text: str, size: float, width: float) -> list[str]:
    """Return `text` as the fewest lines that fit, about equally long.

    Chinese breaks anywhere but before punctuation, other words at spaces.
    """
    lines = _fill(text, size, width)
    while len(lines) > 1 and len(narrower := _fill(text, size, width - size)) == len(lines):
        lines, width = narrower, width - size
    return lines


def _fill(text: str, size: float, width: float) -> list[str]:
    lines, line = [], ""
    for piece in _pieces(text):
        if line and text_width(line + piece.rstrip(), size) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for mark in text:
        is_wide = unicodedata.east_asian_width(mark) in "WF"
        breaks = not pieces or pieces[-1].endswith(" ") or is_wide or _is_wide(pieces[-1][-1])
        if breaks and mark not in "，。；：）％、 %" and (not pieces or pieces[-1][-1] != "（"):
            pieces.append(mark)
        elif pieces:
            pieces[-1] += mark
        else:
            pieces.append(mark)
    return pieces


def _is_wide(mark: str) -> bool:
    return unicodedata.east_asian_width(mark) in "WF"


def n(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{round(value, 1):g}"


def words(
    x: float, y: float, text: str, *, size: float = 12, anchor: str = "start", ink: str = INK,
    bold: bool = False, halo: bool = False,
) -> str:  # fmt: skip
    """Return a text; with `halo` it stays legible over lines."""
    around = f' stroke="{PAPER}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"' if halo else ""
    weight = ' font-weight="700"' if bold else ""
    return (
        f'<text x="{n(x)}" y="{n(y)}" font-size="{n(size)}" text-anchor="{anchor}" fill="{ink}"{weight}{around}>'
        f"{escape(text)}</text>"
    )


def box(x: float, y: float, width: float, height: float, fill: str, more: str = "") -> str:
    """Return a rectangle; nothing where it has no area."""
    if width <= 0 or height <= 0:
        return ""
    return f'<rect x="{n(x)}" y="{n(y)}" width="{n(width)}" height="{n(height)}" fill="{fill}"{more}/>'


def line(points: Sequence[tuple[float, float]], ink: str, width: float, more: str = "") -> str:
    """Return a line through points; nothing where there are fewer than two."""
    if len(points) < 2:  # noqa: PLR2004
        return ""
    through = " ".join(f"{n(x)},{n(y)}" for x, y in points)
    return (
        f'<polyline points="{through}" fill="none" stroke="{ink}" stroke-width="{n(width)}" stroke-linejoin="round"'
        f' stroke-linecap="round"{more}/>'
    )


def diamond(x: float, y: float, radius: float, fill: str) -> str:
    """Return a dry day's mark."""
    return (
        f'<path d="M{n(x)} {n(y - radius)}L{n(x + radius)} {n(y)}L{n(x)} {n(y + radius)}L{n(x - radius)} {n(y)}Z"'
        f' fill="{fill}"/>'
    )


def ring(x: float, y: float, radius: float, ink: str) -> str:
    """Return a hollow point."""
    return f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(radius)}" fill="{PAPER}" stroke="{ink}" stroke-width="1.5"/>'


def dot(x: float, y: float, radius: float, ink: str) -> str:
    """Return a full point."""
    return f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(radius)}" fill="{ink}"/>'


def drop(x: float, y: float, ink: str, *, hollow: bool = False) -> str:
    """Return a drop whose foot stands at (x, y): water that somebody brought; a hollow one is rain."""
    fill, edge, width = (PAPER, ink, 1.5) if hollow else (ink, PAPER, 1)
    return (
        f'<path d="M{n(x)} {n(y - 15)}C{n(x + 2)} {n(y - 10.5)} {n(x + 5)} {n(y - 8)} {n(x + 5)} {n(y - 5)}'
        f'A5 5 0 1 1 {n(x - 5)} {n(y - 5)}C{n(x - 5)} {n(y - 8)} {n(x - 2)} {n(y - 10.5)} {n(x)} {n(y - 15)}Z"'
        f' fill="{fill}" stroke="{edge}" stroke-width="{n(width)}"/>'
    )


PATTERNS = (
    "<defs>"
    '<pattern id="gated" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="7" height="7" fill="{PAPER}" fill-opacity="0.8"/>'
    f'<path d="M0 0V7" stroke="{SOFT}" stroke-width="2.2"/></pattern>'
    '<pattern id="frozen" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<rect width="6" height="6" fill="#e6f1fa" fill-opacity="0.85"/>'
    f'<circle cx="3" cy="3" r="0.9" fill="{FROST_INK}"/></pattern>'
    "</defs>"
)
"""Fills that are told apart without colour: slanted lines for readings that cannot be trusted, dots for frost."""


def svg(width: float, height: float, title: str, description: str, parts: Iterable[str]) -> str:
    """Return a whole picture that stands alone, with its words for those who do not see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{n(width)}" height="{n(height)}"'
        f' viewBox="0 0 {n(width)} {n(height)}" role="img" aria-labelledby="title desc" font-family="{FONTS}">'
        f'<title id="title">{escape(title)}</title><desc id="desc">{escape(description)}</desc>'
        f"{PATTERNS}{box(0, 0, width, height, PAPER)}" + "".join(parts) + "</svg>\n"
    )
