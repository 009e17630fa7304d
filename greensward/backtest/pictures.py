"""The pictures of a back-test's report: every plot and day in one, and how far forecasts were off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from markupsafe import escape

from crews.picture import marks
from crews.words import Say
from greensward.backtest.tally import UNKNOWN_STATES, History, Tally

MOST_PLOTS = 200
_NAME, _ROW, _TOP = 190.0, 15.0, 24.0
_FIELD = 720.0
_FILLS = {
    "ok": "#bfe0c3", "watch": "#fbe08a", "likely": "#f3b37a", "dry": "#b3261e", "wet": "#9cc7e6",
    "just_watered": "#5b9fd0", "frozen": "url(#frozen)", "suspended": "#d5d9d6",
}  # fmt: skip
"""Fill per state; all that nobody knows are hatched alike."""

_WIDE_ENOUGH = 6.0
_ERROR_FROM, _ERROR_TO = -10, 10


def heat_map(tally: Tally, names: Mapping[str, str], say: Say) -> str:
    """Return rows of plots, those that need water most first, against the evaluations from left to right."""
    order = sorted(tally.plots.items(), key=lambda item: (*_urgency(tally, item[1]), item[0]))
    order = order[:MOST_PLOTS]
    step = min(_FIELD / max(len(tally.instants), 1), 26.0)
    height = _TOP + _ROW * len(order) + 24
    parts = list(_dates(tally, step))
    for row, (plot_id, history) in enumerate(order):
        y = _TOP + row * _ROW
        name = names.get(plot_id) or plot_id
        parts.append(marks.words(_NAME - 6, y + 11, _fitting(name), size=11, anchor="end"))
        parts += _cells(tally, history, name, y, step, say)
        parts += _events(tally, history, y, step)
    width = _NAME + step * len(tally.instants) + 8
    title = say("backtest.map")
    return marks.svg(width, height, title, f"{title}: {len(order)} × {len(tally.instants)}", parts)


def _urgency(tally: Tally, history: History) -> tuple[int, ...]:
    """Return what sorts the plots that most deserve a look first: dry days, then likely ones, then unknown ones."""
    counts = Counter(tally.state_of(history, index) for index in range(len(history.states)))
    return (-counts["dry"], -counts["likely"], -counts["watch"], -sum(counts[state] for state in UNKNOWN_STATES))


def _fitting(name: str) -> str:
    while marks.text_width(name, 11) > _NAME - 10:
        name = name[:-2] + "…"
    return name


def _cells(tally: Tally, history: History, name: str, y: float, step: float, say: Say) -> list[str]:
    """Return a box per stretch of one state, told apart by fill, pattern and words."""
    parts, index = [], 0
    for state, stretch in groupby(tally.state_of(history, at) for at in range(len(history.states))):
        length = len(list(stretch))
        if state is not None:
            word = say(f"finding_state.{state}", otherwise=state)
            day = tally.site.local_date(tally.instants[index])
            fill = "url(#gated)" if state in UNKNOWN_STATES else _FILLS.get(state, "#ffffff")
            parts.append(
                f"<g><title>{escape(f'{name}: {word}, {day}, {length}')}</title>"
                + marks.box(_NAME + index * step, y, length * step, _ROW - 2, fill)
                + "</g>"
            )
        index += length
    return parts


def _events(tally: Tally, history: History, y: float, step: float) -> list[str]:
    at = {instant: index for index, instant in enumerate(tally.instants)}
    parts = []
    for instants, points in ((history.opened, (0, 0, 7, 0, 3.5, 7)), (history.closed, (0, 7, 7, 7, 3.5, 0))):
        for instant in instants:
            x = _NAME + at[instant] * step + max(step / 2 - 3.5, 0)
            through = " ".join(
                f"{marks.n(x + dx)},{marks.n(y + 3 + dy)}" for dx, dy in zip(points[::2], points[1::2], strict=True)
            )
            parts.append(f'<polygon points="{through}" fill="{marks.INK}" stroke="{marks.PAPER}" stroke-width="1"/>')
    return parts


def _dates(tally: Tally, step: float) -> list[str]:
    parts, taken = [], -1e9
    for index, instant in enumerate(tally.instants):
        day = tally.site.local_date(instant)
        x = _NAME + index * step
        if x - taken >= 44:  # noqa: PLR2004  room for a date
            parts.append(marks.words(x, 15, f"{day.month}-{day.day}", size=11, ink=marks.SOFT))
            taken = x
    return parts


def key(tally: Tally, say: Say) -> str:
    """Return what each fill of the heat map means, of the states that there are."""
    x, y, parts = 4.0, 16.0, []
    known = [state for state in _FILLS if state in tally.states]
    for state in [*known, *(["unknown"] if UNKNOWN_STATES & set(tally.states) else [])]:
        word = say("backtest.unknown_group") if state == "unknown" else say(f"finding_state.{state}", otherwise=state)
        width = 30 + marks.text_width(word, 12)
        if x + width > _NAME + _FIELD:
            x, y = 4.0, y + 20
        edge = f' stroke="{marks.SOFT}" stroke-width="0.8"'
        parts += [marks.box(x, y - 11, 18, 13, _FILLS.get(state, "url(#gated)"), edge), marks.words(x + 23, y, word)]
        x += width + 8
    title = say("backtest.map_key")
    return marks.svg(_NAME + _FIELD, y + 8, title, title, parts)


def histogram(errors: Sequence[float], say: Say) -> str:
    """Return how many forecasts were off by how many days, early on the left; the good ones are dark."""
    counts = Counter(min(max(round(error), _ERROR_FROM), _ERROR_TO) for error in errors)
    most = max(counts.values(), default=1)
    step, base, left = 30.0, 150.0, 20.0
    parts = [marks.line([(left, base), (left + step * 21, base)], marks.SOFT, 1)]
    for bin_ in range(_ERROR_FROM, _ERROR_TO + 1):
        x, n = left + (bin_ - _ERROR_FROM) * step, counts.get(bin_, 0)
        height = 110.0 * n / most
        parts.append(marks.box(x + 3, base - height, step - 6, height, "#0d4a2e" if abs(bin_) <= 2 else "#8fae9a"))  # noqa: PLR2004
        if n:
            parts.append(marks.words(x + step / 2, base - height - 4, str(n), size=11, anchor="middle"))
        edge = {_ERROR_FROM: f"≤{_ERROR_FROM}", _ERROR_TO: f"≥{_ERROR_TO}"}.get(bin_, str(bin_))
        parts.append(marks.words(x + step / 2, base + 15, edge, size=11, anchor="middle", ink=marks.SOFT))
    title = say("backtest.errors_axis")
    parts.append(marks.words(left + step * 10.5, base + 34, title, size=12, anchor="middle"))
    return marks.svg(
        left * 2 + step * 21, base + 44, title, ", ".join(f"{at}: {counts[at]}" for at in sorted(counts)), parts
    )
