"""Every fault of a refused document, found by its JSON Schema in schemas/messages.

Only refused messages come here: msgspec reads the good ones, and stops at the first fault of the bad ones.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import jsonschema_rs

from ingest.decode.guard import describe, escape
from ingest.decode.quantities import unit_advice
from ingest.errors import Fault

_CODES = {
    "type": "wrong_type",
    "required": "missing",
    "const": "value_not_allowed",
    "enum": "value_not_allowed",
    "minimum": "out_of_range",
    "maximum": "out_of_range",
    "exclusiveMinimum": "out_of_range",
    "exclusiveMaximum": "out_of_range",
    "pattern": "wrong_form",
    "format": "wrong_form",
    "minLength": "wrong_length",
    "maxLength": "wrong_length",
    "minItems": "too_few",
    "maxItems": "too_many",
    "falseSchema": "not_together",
    "not": "not_together",
    "oneOf": "no_form_fits",
    "anyOf": "no_form_fits",
}
_ENUM_CODES = {"unit": "unit_not_allowed", "quantity": "unknown_quantity"}
OTHER = "against_schema"
_FORMS = {"oneOf": "exactly one", "anyOf": "at least one"}


@functools.cache
def schema(name: str) -> dict[str, object]:
    """Return schemas/messages/{name}.schema.json."""
    text = (resources.files("schemas") / "messages" / f"{name}.schema.json").read_text(encoding="utf-8")
    found: dict[str, object] = json.loads(text)
    return found


@functools.cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema(name), validate_formats=False)


def schema_faults(name: str, document: object) -> tuple[Fault, ...]:
    """Return every fault that schemas/messages/{name}.schema.json finds in `document`, none when it fits.

    Each pointer is met once per code; formats (instants) are left to the decoder, which is stricter.
    """
    faults: dict[tuple[str, str, str], Fault] = {}
    for error in _validator(name).iter_errors(document):
        fault = _form_fault(error, schema(name)) if error.kind.name in _FORMS else _translate(error)
        faults.setdefault((fault.pointer, fault.code, fault.expected), fault)
    return tuple(faults.values())


def pointer_to(path: Sequence[str | int]) -> str:
    """Return the JSON pointer of a path of keys and indexes."""
    return "".join(f"/{escape(str(part))}" for part in path)


def _translate(error: jsonschema_rs.ValidationError) -> Fault:
    keyword = error.kind.name
    facts = error.kind.as_dict()
    path = list(error.instance_path)
    code = _CODES.get(keyword, OTHER)
    got = describe(error.instance)
    match keyword:
        case "required":
            path.append(str(facts["property"]))
            return Fault(pointer_to(path), code, "nothing", "a value", f"Send {facts['property']}.")
        case "type":
            expected = " or ".join(_TYPE_WORDS.get(word, word) for word in facts["types"])
            last = str(path[-1]) if path else ""
            return Fault(pointer_to(path), code, got, expected, _type_advice(last, error.instance, expected))
        case "enum":
            options = [str(option) for option in facts["options"]]
            last = str(path[-1]) if path else ""
            advice = unit_advice(error.instance, options) if last == "unit" else "Send one of these words."
            return Fault(pointer_to(path), _ENUM_CODES.get(last, code), got, f"one of {', '.join(options)}", advice)
        case "const":
            expected = describe(facts["expected_value"])
            return Fault(pointer_to(path), code, got, expected, f"Send {expected}.")
        case "falseSchema" | "not":
            return Fault(
                pointer_to(path), code, got, "nothing here", "Leave it out: it cannot stand beside the others."
            )
        case _:
            limit = _limit(keyword, facts, error.message)
            return Fault(pointer_to(path), code, got, limit, _advice(keyword, path, error.instance, limit))


def _form_fault(error: jsonschema_rs.ValidationError, contract: Mapping[str, object]) -> Fault:
    """Return the fault of an object that must have one of several sets of keys, told by those keys."""
    forms: Any = contract
    for step in error.schema_path:
        forms = forms[step]
    keys = [form.get("required", ()) for form in forms]
    pointer, code = pointer_to(error.instance_path), _CODES[error.kind.name]
    if not all(keys) or not isinstance(error.instance, dict):
        return Fault(pointer, code, describe(error.instance), "one of the forms of the message schema", "See there.")
    there = [" with ".join(some) for some in keys if all(key in error.instance for key in some)]
    wanted = f"{_FORMS[error.kind.name]} of: {', '.join(' with '.join(some) for some in keys)}"
    return Fault(pointer, code, " and ".join(there) or "none of them", wanted, f"Send {_FORMS[error.kind.name]}.")


_TYPE_WORDS = {
    "object": "an object",
    "array": "a list",
    "number": "a number",
    "integer": "a whole number",
    "string": "a string",
    "boolean": "true or false",
}
_LIMIT_WORDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}
_COUNT_WORDS = {
    "minItems": ("at least", "item"),
    "maxItems": ("at most", "item"),
    "minLength": ("at least", "character"),
    "maxLength": ("at most", "character"),
}


_MILLI = 1000


def _type_advice(key: str, value: object, expected: str) -> str:
    """Return what to send instead of a value of another type."""
    if key.endswith("_at"):
        return "Send text: RFC 3339 with an offset, for example 2026-07-02T05:10:00+08:00."
    if value is None:
        return f"Send {expected}; where there is none, leave {'the reading' if key == 'value' else 'it'} out."
    return f"Send {expected}{', not as text' if isinstance(value, str) else ''}."


def _advice(keyword: str, path: Sequence[str | int], value: object, limit: str) -> str:
    """Return what to send instead of a value beyond a limit."""
    key = str(path[-1]) if path else ""
    if key == "battery_v" and isinstance(value, (int, float)) and 1 <= value / _MILLI <= _MILLI:
        return f"Volts are due. If it is millivolts, send {value / _MILLI:g}."
    match keyword:
        case "minItems" if key in {"readings", "samples"}:
            return f"Put into {key} what was measured; where nothing was, send no message."
        case "maxItems":
            return "Send the rest in further messages."
        case _ if keyword in _LIMIT_WORDS:
            return f"Send a number of {limit}."
        case _ if keyword in _COUNT_WORDS or keyword == "pattern":
            return f"Send {limit}."
        case _:
            return "See the message schema."


def _limit(keyword: str, facts: dict[str, object], message: str) -> str:
    if keyword in _LIMIT_WORDS:
        return f"{_LIMIT_WORDS[keyword]} {facts['limit']}"
    if keyword in _COUNT_WORDS:
        words, noun = _COUNT_WORDS[keyword]
        return f"{words} {facts['limit']} {noun}{'' if facts['limit'] == 1 else 's'}"
    if keyword == "pattern":
        return f"text of the form {facts['pattern']}"
    return message[:200]
