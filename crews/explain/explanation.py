"""The whole explanation of one verdict on dryness, from rows of the models to steps in one language."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from crews.explain.arithmetic import number
from crews.explain.evidence import estimate_step, gate_steps, local, mean_steps, probe_steps, saline_step
from crews.explain.outcome import balance_step, forecast_step, memory_steps, water_steps
from crews.explain.soil import verdict_steps, zone_steps
from crews.explain.steps import Step
from crews.reasons import render_reason
from crews.words import Say, speaker
from ingest.site import Site
from sql.reference import reference_rows

Row = Mapping[str, Any]
Rows = Sequence[Row]

_SOURCE = {"zh": "source_zh", "en": "source"}
"""Column of a reference table that says where its row comes from."""

_NO_BOTTOM_CM = 100_000
"""What staged_soil_layers has as the bottom of the last layer."""


class Explanation(msgspec.Struct, frozen=True):
    """Why a plot is judged as it is at one instant.

    reason: the sentence that crews read; steps: in the order of reasoning
    """

    plot_id: str
    plot_name: str
    as_of: datetime
    state: str
    reason: str
    rule_id: str
    rule_version: str
    steps: tuple[Step, ...]


def explain(rows: Mapping[str, Rows], language: str, site: Site, truck_litres: float) -> Explanation:
    """Return the explanation of the drought verdict in `rows`, as `sql.describe.describe_plot` gives them.

    truck_litres: what the crew's truck holds
    Raises: IndexError when the plot was not judged.
    """
    say = speaker(language)
    flag, plot = rows["flag"][0], rows["plot"][0]
    reason = render_reason(flag["reason_code"], json.loads(flag["reason_params_json"]), language)
    return Explanation(
        plot_id=flag["plot_id"],
        plot_name=plot["plot_name"],
        as_of=flag["as_of"],
        state=flag["state"],
        reason=reason,
        rule_id=flag["rule_id"],
        rule_version=flag["rule_version"],
        steps=tuple(_steps(rows, say, language, reason, site, truck_litres)),
    )


def _steps(
    rows: Mapping[str, Rows], say: Say, language: str, reason: str, site: Site, truck_litres: float
) -> Iterator[Step]:
    plot, limits, finding, flag = (rows[name][0] for name in ("plot", "limits", "finding", "flag"))
    memory = rows["memory"][0] if rows["memory"] else None
    yield from _plot_steps(plot, rows["soil_layers"], say, language)
    yield from probe_steps(rows["probes"], say, language, site)
    yield from gate_steps(rows["gates"], rows["readings"][0], limits, say)
    yield from mean_steps(memory, rows["means"], rows["hours"], limits, say, reason, site)
    inputs = json.loads(flag["inputs_json"])
    if inputs.get("saline_ec_ds_m") is not None:
        yield saline_step(inputs["saline_ec_ds_m"], limits, say)
    if inputs.get("estimate") is not None:
        yield estimate_step(inputs["estimate"], say)
    if rows["zone"]:
        zone = rows["zone"][0]
        vegetation = _row("vegetations", "vegetation", plot["vegetation"])
        words = {
            "vegetation": vegetation.get(f"name_{language}") or str(plot["vegetation"]),
            "vegetation_source": vegetation.get(_SOURCE[language], ""),
        }
        yield from zone_steps(rows["layers"], zone, plot, words, limits, say)
        grade = _row("national_grades", "national_grade", zone["national_grade"]).get(f"name_{language}", "")
        state = say(f"finding_state.{zone['state']}", otherwise=zone["state"])
        yield from verdict_steps(zone, limits, grade, say, state, zone["span"])
    elif rows["potential"]:
        yield _potential_step(rows["potential"][0], say)
    if finding["state"] not in {"dry", "likely", "watch", "ok"} and memory is not None:
        said = say("explain.memory.overruled", why=reason)
        yield Step(section="verdict", key="overruled", said=said, source=say("explain.source.decision", n=7))
    yield from memory_steps(rows, limits, say, site)
    method = _row("irrigation_methods", "irrigation", plot["irrigation"]).get(f"name_{language}", "")
    watering = rows["watering"][0] if rows["watering"] else None
    yield from water_steps(watering, finding, method, truck_litres, say)
    forecast = forecast_step(rows["forecast"][0] if rows["forecast"] else None, finding["state"], say)
    if forecast is not None:
        yield forecast
    if rows["balance"]:
        yield balance_step(rows["balance"][0], say)
    rule = _row("rules", "rule_id", flag["rule_id"])
    yield Step(
        section="rule", key="rule",
        said=say("explain.rule.row", rule=flag["rule_id"], version=flag["rule_version"],
                 title=rule.get(f"title_{language}", ""), source=rule.get(_SOURCE[language], "")),
    )  # fmt: skip


def _plot_steps(plot: Row, layers: Rows, say: Say, language: str) -> Iterator[Step]:
    method = _row("irrigation_methods", "irrigation", plot["irrigation"]).get(f"name_{language}", "")
    vegetation = _row("vegetations", "vegetation", plot["vegetation"]).get(f"name_{language}", "")
    grade = plot[f"grade_{language}"] or "?"
    said = say(
        "explain.plot.row", vegetation=vegetation or plot["vegetation"] or "?", grade=grade,
        texture=say("explain.plot.layered", n=len(layers)) if len(layers) > 1
        else _texture(plot["soil_texture"], say, language),
        area=f"{plot['area_m2']:,.0f}", irrigation=method,
    )  # fmt: skip
    if plot["is_newly_planted"]:
        said += say("explain.plot.new")
    source = say("explain.source.register", version=plot["register_version"])
    yield Step(section="plot", key="plot", said=said, source=source)
    if len(layers) > 1:
        named = say("explain.plot.join").join(_layer(layer, say, language) for layer in layers)
        yield Step(section="plot", key="layers", said=say("explain.plot.layers", layers=named))


def _layer(layer: Row, say: Say, language: str) -> str:
    """Return one registered layer of the soil: its depth, its texture, and where its values come from."""
    top, bottom = 100 * layer["top_m"], 100 * layer["bottom_m"]
    depth = {"top": number(top, 1), "bottom": number(bottom, 1)}
    source = str(layer["soil_source"])
    return say(
        "explain.plot.layer" if bottom < _NO_BOTTOM_CM else "explain.plot.layer_below", **depth,
        texture=f" {_texture(layer['soil_texture'], say, language)}" if layer["soil_texture"] else "",
        source=say(f"explain.soil.source_{source}", otherwise=source),
    )  # fmt: skip


def _texture(texture: object, say: Say, language: str) -> str:
    """Return a texture in words; one that no table has stands as it was registered."""
    if not texture:
        return say("explain.plot.no_texture")
    key = str(texture).strip().lower().replace(" ", "_").replace("-", "_")
    return _row("soil_textures", "texture_key", key).get(f"name_{language}") or str(texture)


def _potential_step(potential: Row, say: Say) -> Step:
    value, line = potential["matric_potential_kpa"], potential["line_kpa"]
    said = say(
        "explain.verdict.potential", depth=f"{potential['depth_cm']:g}", value=f"{value:.1f}", line=f"{line:g}",
        sign="≤" if value <= line else ">",
    )  # fmt: skip
    state = say(f"finding_state.{potential['state']}", otherwise=potential["state"])
    return Step(
        section="potential",
        key="potential",
        said=said,
        then=say(f"explain.verdict.state_{potential['span']}", state=state),
        source=say("explain.source.table", name="potential_lines"),
    )


def _row(name: str, key: str, value: object) -> Mapping[str, str]:
    return next((row for row in reference_rows(name) if row[key] == value), {})


def heading(explanation: Explanation, language: str, site: Site) -> str:
    """Return plot, instant and state in one line."""
    say = speaker(language)
    return say(
        "explain.head", plot=explanation.plot_name, id=explanation.plot_id, instant=local(explanation.as_of, site),
        state=say(f"finding_state.{explanation.state}", otherwise=explanation.state),
    )  # fmt: skip
