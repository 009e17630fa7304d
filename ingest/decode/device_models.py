"""Device models as data: schemas/devices/*.toml says what the fields of each model mean (README there)."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ingest.decode.curves import Curve, read_curve
from ingest.decode.quantities import CONVERSIONS

REGISTER_ITS_MODEL = (
    "Register the device with its model. greensward device models lists them; greensward device check --model "
    "tries one."
)
"""What to do about fields that nobody can read without the model."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one payload field says: value × scale is `quantity` in `unit`, of sensing element `channel` (from 1).

    absent: values that mean "no value", beside those of schemas/devices/_absent.toml
    absent_alone: values that mean it where nothing else of the soil was measured, and beside that are what they say
    curve: how the value, as received, becomes the measured one (in `unit`); None when it is the measured one
    given: the only unit that may come with a value that a curve is for; None when none may
    """

    quantity: str
    unit: str
    channel: int = 1
    scale: float = 1.0
    absent: frozenset[float] = frozenset()
    absent_alone: frozenset[float] = frozenset()
    curve: Curve | None = None
    given: str | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a record says its own time; `format` is unix_s, unix_ms or rfc3339."""

    field: str
    format: str


@dataclass(frozen=True, slots=True)
class Model:
    """One device model.

    model_id: "vendor/model", as in the device register
    aliases: words, lower case, by which network servers name it
    fingerprints: sets of fields that together no other model has; empty when there are none
    fields: by payload field, in order of preference
    frame: family and its settings, for bytes; None where the frame format is not known
    history: list of back-filled records and where their time is; None when the model has none
    measurements: list, id key and value key of identified values; None when the payload is plain fields
    time: the current record's own clock, or None
    ignored: fields that are not kept, with the reason
    valid: field that must not say false (or 0) for the measurements to count; None when there is none
    bytes_first: the bytes are read before the decoded payload, as the maker's codec is known to be wrong
    sdi12: names of the values of an SDI-12 probe, by the field that holds its answer as text
    """

    model_id: str
    vendor: str
    name: str
    source: str
    aliases: tuple[str, ...]
    fingerprints: tuple[frozenset[str], ...]
    fields: Mapping[str, Field]
    frame: Mapping[str, object] | None
    history: tuple[str, Clock] | None
    measurements: tuple[str, str, str] | None
    time: Clock | None
    ignored: Mapping[str, str]
    valid: str | None
    bytes_first: bool
    sdi12: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class AbsentMarks:
    """What stands for "no value": words in lower case, numbers, numbers for one quantity only.

    remarks: what may follow a number, in lower case, and says nothing about it
    """

    words: frozenset[str]
    remarks: tuple[str, ...]
    numbers: frozenset[float]
    by_quantity: Mapping[str, frozenset[float]]


@functools.cache
def all_models() -> Mapping[str, Model]:
    """Return every model by "vendor/model"."""
    found: dict[str, Model] = {}
    folder = resources.files("schemas") / "devices"
    for entry in sorted(folder.iterdir(), key=lambda file: file.name):
        if entry.name.endswith(".toml") and entry.name not in ("_absent.toml", "unknown.toml"):
            for model in _vendor(tomllib.loads(entry.read_text(encoding="utf-8"))):
                found[model.model_id] = model
    return found


@functools.cache
def absent_marks() -> AbsentMarks:
    """Return the marks of schemas/devices/_absent.toml."""
    given = tomllib.loads((resources.files("schemas") / "devices" / "_absent.toml").read_text(encoding="utf-8"))
    return AbsentMarks(
        words=frozenset(given["words"]),
        remarks=tuple(given["remarks"]),
        numbers=frozenset(given["numbers"]),
        by_quantity={name: frozenset(numbers) for name, numbers in given["by_quantity"].items()},
    )


@functools.cache
def unknown_fields() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the rule for unknown models: field name → quantity, quantity → unit when none is given."""
    given = tomllib.loads((resources.files("schemas") / "devices" / "unknown.toml").read_text(encoding="utf-8"))
    return given["fields"], given["units"]


def _vendor(given: Mapping[str, Any]) -> list[Model]:
    by_name = {table["model"]: table for table in given["models"]}
    return [_model(given["vendor"], _inherited(by_name, table) | table) for table in given["models"]]


def _inherited(by_name: Mapping[str, Mapping[str, Any]], table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `like` takes over from another model of the file: all but the ways to recognise it."""
    if "like" not in table:
        return {}
    taken = by_name[table["like"]]
    return {key: value for key, value in (_inherited(by_name, taken) | dict(taken)).items() if key != "fingerprint"}


def _model(vendor: str, given: Mapping[str, Any]) -> Model:
    history, measurements, clock = given.get("history"), given.get("measurements"), given.get("time")
    return Model(
        model_id=f"{vendor}/{given['model']}",
        vendor=vendor,
        name=given["name"],
        source=given["source"],
        aliases=tuple(alias.lower() for alias in given["aliases"]),
        fingerprints=_fingerprints(given.get("fingerprint", [])),
        fields=_fields(given["fields"]),
        frame=given.get("frame"),
        history=(history["list"], Clock(history["time"], history["format"])) if history else None,
        measurements=(measurements["list"], measurements["id"], measurements["value"]) if measurements else None,
        time=Clock(clock["field"], clock["format"]) if clock else None,
        ignored=given.get("ignored", {}),
        valid=given.get("valid"),
        bytes_first=given.get("bytes_first", False),
        sdi12=_answers(given.get("sdi12", {})),
    )


def _answers(table: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return the names of an answer's values by its field; {n} counts through both."""
    return {
        field.replace("{n}", str(n)): tuple(name.replace("{n}", str(n)) for name in facts["values"])
        for field, facts in table.items()
        for n in range(facts.get("n", (1, 1))[0], facts.get("n", (1, 1))[1] + 1)
    }


def _fingerprints(given: list[Any]) -> tuple[frozenset[str], ...]:
    """Return the sets of fields; a single one may stand without a list around it."""
    return tuple(frozenset(names) for names in (given if given and isinstance(given[0], list) else [given]) if names)


def _fields(table: Mapping[str, Mapping[str, Any]]) -> dict[str, Field]:
    fields = {}
    for name, facts in table.items():
        first, last = facts.get("n", (1, 1))
        for number in range(first, last + 1):
            if (facts["quantity"], facts["unit"]) not in CONVERSIONS:
                raise ValueError(f"schemas/devices: {name}: {facts['quantity']} in {facts['unit']!r} is not taken")
            fields[name.replace("{n}", str(number))] = Field(
                quantity=facts["quantity"],
                unit=facts["unit"],
                channel=facts["channel"] + number - first if "channel" in facts else number - first + 1,
                scale=float(facts.get("scale", 1.0)),
                absent=frozenset(facts.get("absent", ())),
                absent_alone=frozenset(facts.get("absent_alone", ())),
                curve=read_curve(facts["curve"]) if "curve" in facts else None,
                given=facts.get("given"),
            )
    return fields
