"""Answers of SDI-12 probes (SDI-12 specification 1.4), which loggers pass on as text: "0+1846.16+22.3+1".

A letter or digit, the probe's address, may come first; then each value with its sign. What the values are, only the
probe's manual says: their names stand in the model's table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingest.decode.guard import describe
from ingest.errors import Fault, PayloadError

_ANSWER = re.compile(r"[0-9A-Za-z]?((?:[+-](?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)){1,20})", re.ASCII)
_VALUE = re.compile(r"[+-][0-9.]+")
_LONGEST = 200
_AROUND = " \t\r\n\0"


def read_answer(text: object, names: tuple[str, ...], pointer: str) -> Mapping[str, float]:
    """Return the values of an answer by name; none when the probe did not answer (no text, or its address alone).

    names: of the values, in their order
    Raises: PayloadError (value_not_understood) for anything that is no answer of so many values.
    """
    if text is None:
        return {}
    answer = text.strip(_AROUND) if isinstance(text, str) else None
    if answer is not None and len(answer) <= 1:
        return {}
    found = _ANSWER.fullmatch(answer) if answer is not None and len(answer) <= _LONGEST else None
    values = _VALUE.findall(found[1]) if found else []
    if len(values) != len(names):
        expected = f"an address and {len(names)} values with their signs: {', '.join(names)}"
        advice = "Check which probe hangs at the logger, and which command it is asked by."
        raise PayloadError(Fault(pointer, "value_not_understood", describe(text), expected, advice))
    return {name: float(value) for name, value in zip(names, values, strict=True)}
