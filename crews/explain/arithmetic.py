"""Sums as they are printed: numbers with just the digits that carry them, and the value that a reader would get."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable

_SIGNS = str.maketrans({"×": "*", "−": "-", "÷": "/", "[": "(", "]": ")"})
_OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {"max": max, "min": min, "sqrt": math.sqrt, "ceil": math.ceil}


def number(value: float, digits: int, least: int = 0) -> str:
    """Return a number with at most `digits` decimals, at least `least`, zeros left out, a true minus sign."""
    text = f"{value:.{digits}f}"
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    text = f"{whole}.{decimals}" if decimals else whole
    text = "0" if text in {"-0", "-0."} else text
    return text.replace("-", "−")


def value_of(printed: str) -> float:
    """Return what a printed sum such as "1000 × (0.28 − 0.14) × 0.6" comes to.

    Raises: ValueError when it is no sum of numbers, + − × ÷, powers, max, min, sqrt and ceil.
    """
    try:
        return _value(ast.parse(printed.translate(_SIGNS), mode="eval").body)
    except (SyntaxError, ZeroDivisionError, TypeError) as error:
        raise ValueError(f"no sum: {printed!r}: {error}") from error


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(left), _value(right))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(argument) for argument in arguments))
    raise ValueError(f"no sum: {ast.unparse(node)}")


def holds(printed: str, result: float, digits: int) -> bool:
    """Say whether a printed sum comes to `result` within one unit of its last printed digit."""
    return abs(value_of(printed) - result) <= 1.001 * 10.0**-digits
