"""A step of an explanation: what was reckoned, from which numbers, by which formula, and where that comes from."""

from __future__ import annotations

import msgspec

from crews.explain.arithmetic import holds, number


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of reasoning.

    key: stable name; section: the heading it stands under; said: words, where a step is a statement
    formula, numbers: the formula, and the same with the numbers of this plot, as printed
    result, unit: what the rules' own SQL found, not what the numbers come to; digits: decimals that are printed
    holds: whether the printed numbers come to the result; None where there is nothing to reckon
    then: what follows from it, in words; source: publication and equation, or whose proposal it is
    """

    section: str
    key: str
    said: str = ""
    formula: str | None = None
    numbers: str | None = None
    result: float | None = None
    digits: int = 1
    unit: str = ""
    then: str = ""
    source: str = ""
    holds: bool | None = None


def reckoned(
    section: str, key: str, formula: str, numbers: str, result: float, unit: str, *, digits: int = 1, said: str = "",
    then: str = "", source: str = "",
) -> Step:  # fmt: skip
    """Return a step whose printed numbers are held against the result that the SQL found."""
    return Step(
        section=section, key=key, said=said, formula=formula, numbers=numbers, result=result, digits=digits, unit=unit,
        then=then, source=source, holds=holds(numbers, result, digits),
    )  # fmt: skip


def as_line(step: Step) -> str:
    """Return a step as it is printed, without its source: words, formula = numbers = result unit → what follows."""
    parts = [step.said] if step.said else []
    if step.formula is not None and step.result is not None:
        sign = "≠" if step.holds is False else "="
        middle = f" = {step.numbers}" if step.numbers else ""
        parts.append(
            f"{step.formula}{middle} {sign} {number(step.result, step.digits, step.digits)} {step.unit}".rstrip()
        )
    line = "  ".join(parts)
    return f"{line} → {step.then}" if step.then else line
