"""Which model a device is: what the register says, else its name at the network server, else what its fields show."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import NamedTuple

from ingest.decode.device_models import Model, all_models
from ingest.decode.spelling import fold


class Recognised(NamedTuple):
    """A model, or None, and the reason in one sentence without a full stop."""

    model: Model | None
    why: str


def recognise(registered: str | None, names: Iterable[str], fields: Iterable[str]) -> Recognised:
    """Return the model of a device and why it is taken for that.

    registered: "vendor/model" of the device register; it outranks everything else
    names: what the network server calls the model, best first; an alias must stand in one as a whole word
    fields: names in the decoded payload, for models that are recognised by them
    """
    models = all_models()
    if registered is not None and registered in models:
        return Recognised(models[registered], f"it is registered as {registered}")
    present = set(fields)
    named = next((found for name in (registered or "", *names) if (found := _named(name))), None)
    if named is not None and named.model is not None:
        model = named.model
        own = {fold(name) for name in model.fields.keys() | model.sdi12.keys()}
        if not present or model.measurements is not None or {fold(name) for name in present} & own:
            return named
    # A name that fits loosely ("Clover meadow probes") must not outrank fields that show another model.
    shown = max(
        ((print_, model) for model in models.values() for print_ in model.fingerprints if print_ <= present),
        key=lambda found: len(found[0]),
        default=None,
    )
    if shown is None:
        # The same in other capitals: a gateway's template, another payload codec.
        folded = {fold(name) for name in present}
        shown = max(
            (
                (print_, model)
                for model in models.values()
                for print_ in model.fingerprints
                if {fold(name) for name in print_} <= folded
            ),
            key=lambda found: len(found[0]),
            default=None,
        )
    if shown is not None:
        return Recognised(shown[1], f"no other model has {' and '.join(sorted(shown[0]))}")
    return named or Recognised(None, "no register, name at the network server or field says what it is")


def _named(name: str) -> Recognised | None:
    found = _by_alias(name.lower())
    return Recognised(found[0], f'its name "{name}" holds "{found[1]}"') if found else None


@functools.lru_cache(maxsize=1024)
def _by_alias(name: str) -> tuple[Model, str] | None:
    """Return the model whose longest alias stands in `name`, and the alias: lse01-121 before lse01."""
    best: tuple[Model, str] | None = None
    for model in all_models().values():
        for alias in model.aliases:
            if best is not None and len(alias) <= len(best[1]):
                continue
            if re.search(rf"(?<![a-z0-9]){re.escape(alias)}(?![a-z0-9])", name):
                best = (model, alias)
    return best
