"""What the monitoring overlay asks for, and whether an alert is red by a page of /metrics."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import promql_parser as promql
import yaml

from tests.compose.site import COMPOSE

FOLDER = COMPOSE / "monitoring"
_FROM_PROMETHEUS = {"up", "ALERTS"}
"""What Prometheus says itself."""


class Alert(msgspec.Struct, forbid_unknown_fields=True):
    """One rule, as Prometheus reads it."""

    alert: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]
    for_: str | None = msgspec.field(name="for", default=None)


class _Group(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    rules: list[Alert]


class _Rules(msgspec.Struct, forbid_unknown_fields=True):
    groups: list[_Group]


def alerts() -> dict[str, Alert]:
    """Return the shipped rules by name."""
    given = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
    rules = [rule for group in msgspec.convert(given, _Rules).groups for rule in group.rules]
    named = {rule.alert: rule for rule in rules}
    assert len(named) == len(rules), "two alerts of one name"
    return named


def dashboard() -> Any:
    """Return the shipped dashboard."""
    return json.loads((FOLDER / "grafana" / "greensward.json").read_text(encoding="utf-8"))


def selectors(expr: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name and the labels of every series that a query names, but for what Prometheus says itself.

    Raises: ValueError where it is no PromQL.
    """
    found: list[promql.VectorSelector] = []

    def visit(node: object) -> bool:
        if isinstance(node, promql.VectorSelector | promql.MatrixSelector):
            found.append(node if isinstance(node, promql.VectorSelector) else node.vector_selector)
        return True

    promql.walk(promql.parse(expr), visit)
    for one in found:
        if one.name not in _FROM_PROMETHEUS:
            yield str(one.name), {label.name: label.value for label in one.matchers.matchers}


_COMPARED: Mapping[str, Callable[[float, float], bool]] = {"==": operator.eq, ">": operator.gt, "<": operator.lt}


def is_red(rule: Alert, page: Mapping[str, float]) -> bool:
    """Say whether a page of /metrics (values by series) meets the rule's expression at this moment.

    Knows what the rules of problems need: a series, a number, `*`, and a comparison.
    """
    node: Any = promql.parse(rule.expr)
    left, right = _value(node.lhs, page), _value(node.rhs, page)
    return left is not None and right is not None and _COMPARED[str(node.op)](left, right)


def _value(node: Any, page: Mapping[str, float]) -> float | None:
    if isinstance(node, promql.NumberLiteral):
        return float(node.val)
    if isinstance(node, promql.BinaryExpr):
        left, right = _value(node.lhs, page), _value(node.rhs, page)
        assert str(node.op) == "*", node.op
        return None if left is None or right is None else left * right
    labels = [f'{label.name}="{label.value}"' for label in node.matchers.matchers]
    return page.get(f"{node.name}{{{','.join(labels)}}}" if labels else node.name)
