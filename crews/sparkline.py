"""A week of values as a small picture: SVG by attributes only, so that a strict content policy lets it through."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 300, 84
_MARGIN_X, _MARGIN_Y = 8, 10
_FLAT = 1e-9
_FEWEST_VALUES = 3
_WORD_PX = 13

INK, LINE_INK, DRY, PAPER = "#17211b", "#8a1c12", "#f4dcd7", "#f3f5ef"


def sparkline(
    values: Sequence[float | None], line: float | None, said: str, *, line_word: str, dry_word: str
) -> Markup:
    """Return an SVG of `values`, oldest first, gaps where a value is None, with a dashed line at `line`.

    said: what the picture shows, for those who do not see it; line_word stands at the line, dry_word below it
    Empty where a picture says nothing: fewer than three values, or no line to hold them against.
    """
    known = [value for value in values if value is not None]
    if len(known) < _FEWEST_VALUES or line is None:
        return Markup("")
    low, high = min(*known, line), max(*known, line)
    if high - low < _FLAT:
        low, high = low - 0.5, high + 0.5
    step = (WIDTH - 2 * _MARGIN_X) / max(len(values) - 1, 1)

    def x(index: int) -> float:
        return round(_MARGIN_X + index * step, 1)

    def y(value: float) -> float:
        return round(_MARGIN_Y + (high - value) / (high - low) * (HEIGHT - 2 * _MARGIN_Y), 1)

    edge = y(line)
    parts = [
        f'<rect x="0" y="{edge}" width="{WIDTH}" height="{round(HEIGHT - edge, 1)}" fill="{DRY}"/>',
        f'<path d="M0 {edge}H{WIDTH}" stroke="{LINE_INK}" stroke-width="1.5" stroke-dasharray="5 4"/>',
    ]
    for stretch in _stretches(values):
        points = " ".join(f"{x(index)},{y(value)}" for index, value in stretch)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{INK}" stroke-width="2.5" stroke-linejoin="round"'
            ' stroke-linecap="round"/>'
        )
    newest = max(index for index, value in enumerate(values) if value is not None)
    parts.append(f'<circle cx="{x(newest)}" cy="{y(known[-1])}" r="4" fill="{INK}"/>')
    above = edge - 5 if edge > _WORD_PX + 4 else edge + _WORD_PX + 1
    parts.append(_word(_MARGIN_X, above, line_word, "start"))
    if HEIGHT - edge > 2 * _WORD_PX:
        parts.append(_word(WIDTH / 2, min(edge + (HEIGHT - edge) / 2 + 5, HEIGHT - 5), dry_word, "middle"))
    return Markup(  # noqa: S704  numbers and colours of ours; the only texts are escaped
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}">'
        + "".join(parts)
        + "</svg>"
    )


def _word(x: float, y: float, text: str, anchor: str) -> str:
    """Return a word that stays legible where the week's line runs through it."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{_WORD_PX}" text-anchor="{anchor}" fill="{LINE_INK}" stroke="{PAPER}"'
        f' stroke-width="3" stroke-linejoin="round" paint-order="stroke">{escape(text)}</text>'
    )


def _stretches(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    stretches: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append((index, value))
    return [stretch for stretch in stretches if stretch]
