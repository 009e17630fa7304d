"""Why a plot is on the list: a reason code and its parameters, rendered per language; prose is never stored."""

from __future__ import annotations

import csv
import functools
import math
import string
from collections.abc import Mapping
from importlib import resources
from typing import Any

Reasons = Mapping[str, Mapping[str, str]]
"""Code → language (zh, en) → sentence with {parameters}."""


def read_reasons(text: str) -> dict[str, dict[str, str]]:
    """Return the reasons in a CSV text with the columns reason_code, zh, en."""
    return {row["reason_code"]: {"zh": row["zh"], "en": row["en"]} for row in csv.DictReader(text.splitlines())}


@functools.cache
def reasons() -> dict[str, dict[str, str]]:
    """Return the reasons that the rules use (sql/reference/reason_codes.csv)."""
    source = resources.files("sql") / "reference" / "reason_codes.csv"
    return read_reasons(source.read_text(encoding="utf-8"))


class _Sentence(string.Formatter):
    """Fills in names only: no attribute or index access, a missing or empty parameter shows as a question mark."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        del args  # templates have names only
        return kwargs.get(field_name), field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return "?"
        if isinstance(value, float) and not format_spec:
            return f"{round(value, 2):,.10g}"
        try:
            return format(value, format_spec)
        except (TypeError, ValueError):
            return str(value)


def render_reason(code: str, params: Mapping[str, Any], language: str, known: Reasons | None = None) -> str:
    """Return the sentence of `code` in `language` (zh or en).

    known: the sentences to take instead of the rules' own
    A code without a sentence is shown as it is with its parameters, so that nothing is hidden.
    """
    sentences = reasons() if known is None else known
    if code not in sentences:
        said = ", ".join(f"{name} = {value}" for name, value in params.items())
        return f"{code} ({said})" if said else code
    said = _Sentence().vformat(sentences[code][language], (), params)
    return said[:1].upper() + said[1:]  # a sentence may begin with a parameter, such as the name of a pest
