"""`greensward device models`: which models are known, what they measure, and whether their bytes can be read."""

from __future__ import annotations

import textwrap
from typing import Annotated, Any

from cyclopts import Parameter
from rich.markup import escape
from rich.table import Column

from greensward.commands.register_output import id_column, say
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, Listing, print_table, show
from ingest.decode.device_models import Model, all_models
from ingest.decode.quantities import QUANTITIES
from ingest.registers.words import did_you_mean

_DEVICE_CHARACTERS = 26
"""Of a line of a device's name; beside it, ids and quantities stay whole on a terminal of 80 columns."""


def models(
    text: Annotated[
        str, Parameter(help="Only models with this in id, maker, name or quantities, such as milesight or kPa.")
    ] = "",
    *,
    common: Common | None = None,
) -> int:
    """List the device models that are known: what their fields become, and whether their bytes are read too."""
    common = common or Common()
    found = [facts for model in all_models().values() if _fits(facts := _facts(model), text)]
    show({"models": found}, as_json=common.json, render=lambda: _print(found, text))
    return EXIT_OK if found else EXIT_FOUND_PROBLEMS


def _facts(model: Model) -> dict[str, Any]:
    elements: dict[str, set[int]] = {}
    for field in model.fields.values():
        elements.setdefault(field.quantity, set()).add(field.channel)
    return {
        "model": model.model_id,
        "vendor": model.vendor,
        "name": model.name,
        "quantities": {quantity: len(channels) for quantity, channels in elements.items()},
        "units_received": {name: field.unit for name, field in model.fields.items()},
        "reads_bytes": model.frame is not None,
        "has_history": model.history is not None,
        "recognised_by_name": list(model.aliases),
        "recognised_by_fields": [sorted(names) for names in model.fingerprints],
        "ignored": dict(model.ignored),
        "source": model.source,
    }


def _fits(facts: dict[str, Any], text: str) -> bool:
    words = (facts["model"], facts["name"], *facts["quantities"], *facts["recognised_by_name"])
    units = (QUANTITIES[quantity].unit for quantity in facts["quantities"])
    return text.lower() in " ".join((*words, *units)).lower()


def _print(found: list[dict[str, Any]], text: str) -> None:
    if not found:
        ids = [*all_models(), *(model_id.partition("/")[2] for model_id in all_models())]
        say(f"No model has {text!r}. {did_you_mean(text.lower(), ids, 'greensward device models lists them all.')}")
        say("A model is a table, no code: schemas/devices/README.md says how to write one.")
        return
    table = Listing(id_column("Model", found, "model"), Column("Becomes", no_wrap=True), "From", show_lines=True)
    for facts in found:
        device = textwrap.fill(facts["name"], max(len(facts["model"]), _DEVICE_CHARACTERS))
        becomes = (name if count == 1 else f"{name} × {count}" for name, count in facts["quantities"].items())
        read = ["fields"] + ["bytes"] * facts["reads_bytes"] + ["history"] * facts["has_history"]
        cells = (f"{facts['model']}\n{device}", "\n".join(becomes), "\n".join(read))
        table.add_row(*(escape(cell) for cell in cells))
    print_table(table)
    say(f"{len(found)} models. Try one: greensward device check --model VENDOR/MODEL --hex BYTES --port N.")
