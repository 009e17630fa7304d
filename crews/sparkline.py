"""A week of values as a small picture: SVG by attributes only, so that a strict content policy lets it through."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 280, 64
_MARGIN_X, _MARGIN_Y = 6, 8
_FLAT = 1e-9


def sparkline(
    values: Sequence[float | None], line: float | None, said: str, *, ink: str = "#17211b", line_ink: str = "#8a1c12"
) -> Markup:
    """Return an SVG of `values`, oldest first, gaps where a value is None, with a dashed line at `line`.

    said: what the picture shows, for those who do not see it
    """
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    levels = [*known, *([line] if line is not None else [])]
    low, high = min(levels), max(levels)
    if high - low < _FLAT:
        low, high = low - 0.5, high + 0.5
    step = (WIDTH - 2 * _MARGIN_X) / max(len(values) - 1, 1)

    def x(index: int) -> float:
        return round(_MARGIN_X + index * step, 1)

    def y(value: float) -> float:
        return round(_MARGIN_Y + (high - value) / (high - low) * (HEIGHT - 2 * _MARGIN_Y), 1)

    parts = []
    if line is not None:
        parts.append(
            f'<line x1="0" y1="{y(line)}" x2="{WIDTH}" y2="{y(line)}" stroke="{line_ink}" stroke-width="1.5"'
            ' stroke-dasharray="5 4"/>'
        )
    for stretch in _stretches(values):
        points = " ".join(f"{x(index)},{y(value)}" for index, value in stretch)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="2.5" stroke-linejoin="round"'
            ' stroke-linecap="round"/>'
        )
    newest = max(index for index, value in enumerate(values) if value is not None)
    parts.append(f'<circle cx="{x(newest)}" cy="{y(known[-1])}" r="4" fill="{ink}"/>')
    return Markup(  # noqa: S704  numbers and colours of ours; the only text is escaped
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}">'
        + "".join(parts)
        + "</svg>"
    )


def _stretches(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    stretches: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append((index, value))
    return [stretch for stretch in stretches if stretch]
