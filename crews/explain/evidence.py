"""What the verdict stands on: the probes and how they are, the gates that spoke, the means of the day or hour."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from crews.explain.arithmetic import number
from crews.explain.steps import Step
from crews.reasons import render_reason
from crews.words import Say
from ingest.site import Site

Row = Mapping[str, Any]

_MOST_PROBES, _MOST_MEANS = 5, 6
_SHARES = ("depletion_share", "depletion_share_low", "depletion_share_high")
_GATE = re.compile(r"is_([a-z]\d+)_(\w+)")


def probe_steps(probes: Sequence[Row], say: Say, language: str, site: Site) -> Iterator[Step]:
    """Yield a step per probe: state, depths, interval, newest reading, usable or why not."""
    if not probes:
        yield Step(section="probes", key="none", said=say("explain.probe.none"))
    worst_first = sorted(probes, key=lambda probe: (bool(probe["can_be_judged"]), probe["device_id"]))
    for probe in worst_first[:_MOST_PROBES]:
        yield Step(
            section="probes", key="probe",
            said=say(
                "explain.probe.row", device=probe["device_id"],
                state=say(f"finding_state.{probe['state']}", otherwise=probe["state"]),
                depths="/".join(number(depth, 1) for depth in probe["depths_cm"] or ())
                or say("explain.probe.no_depth"),
                minutes=number(probe["interval_s"] / 60, 1),
                last=local(probe["last_reading_at"], site) or say("explain.probe.never"),
                why=_why(probe, say, language),
            ),
            source=say("explain.source.glossary"),
        )  # fmt: skip
    if len(probes) > _MOST_PROBES:
        yield Step(section="probes", key="more", said=say("explain.probe.more", n=len(probes) - _MOST_PROBES))


def _why(probe: Row, say: Say, language: str) -> str:
    if probe["is_weather_station"]:
        return say("explain.probe.weather")
    if probe["reason_code"] == "sensor_ok":
        return say("explain.probe.usable")
    if probe["can_be_judged"]:
        return say("explain.probe.part")
    value = probe.get("newest_water_content")
    params = {
        "hours": round(probe["silent_hours"] or probe["unusable_hours"] or 0),
        "value_pct": None if value is None else round(100 * value, 1),
    }
    return say("explain.probe.unusable", why=render_reason(probe["reason_code"], params, language))


def gate_steps(gates: Sequence[Row], readings: Row, limits: Row, say: Say) -> Iterator[Step]:
    """Yield how many readings came and were usable, and which gates spoke how often."""
    source = say("explain.source.gates")
    yield Step(
        section="gates", key="readings",
        said=say("explain.gates.count", days=number(limits["soil_window_days"], 0),
                 readings=f"{readings['readings']:,}", usable=f"{readings['usable']:,}"),
        source=source,
    )  # fmt: skip
    if not gates:
        yield Step(section="gates", key="gates", said=say("explain.gates.silent"))
        return
    often = sorted(gates, key=lambda gate: -gate["readings"])
    named = " · ".join(f"{gate_name(gate['gate'], say)} {gate['readings']:,}" for gate in often)
    yield Step(section="gates", key="gates", said=say("explain.gates.spoke", gates=named))


def gate_name(column: str, say: Say) -> str:
    """Return code and name of a gate from its column: is_d01_frozen is "D01 frozen"."""
    found = _GATE.fullmatch(column)
    name = column.removeprefix("is_")
    if found is None:
        return say(f"explain.gate.{name}", otherwise=name)
    return f"{found[1].upper()} {say(f'explain.gate.{name}', otherwise=found[2].replace('_', ' '))}"


def mean_steps(
    memory: Row | None, means: Sequence[Row], hours: Sequence[Row], limits: Row, say: Say, why: str, site: Site
) -> Iterator[Step]:
    """Yield what is judged, a finished day or an hour, and its means by depth; `why` where there is neither."""
    if memory is None:
        yield Step(section="means", key="none", said=say("explain.means.none", why=why))
        return
    is_day, is_water = memory["span"] == "day", memory["quantity"] == "water_content"
    share = number(100 * limits["daily_completeness"], 0)
    yield Step(
        section="means", key="span",
        said=say("explain.means.day", date=memory["date"], share=share) if is_day
        else say("explain.means.hour", instant=local(memory["starts_at"], site)),
        source=say("explain.source.decision", n=7),
    )  # fmt: skip
    if is_day:
        elements = [one for one in means if one["is_complete" if is_water else "is_potential_complete"]]
    else:
        elements = [one for one in hours if one["usable_readings" if is_water else "usable_potentials"]]
    for element in elements[:_MOST_MEANS]:
        value = element["volumetric_water_content"] if is_water else element["matric_potential_kpa"]
        yield Step(
            section="means", key="mean",
            said=say(
                "explain.means.row", device=element["device_id"], depth=number(element["depth_cm"], 1),
                value=f"{number(value, 5, 4)} m³/m³" if is_water else f"{number(value, 2)} kPa",
                usable=element["usable_readings" if is_water else "usable_potentials"],
                expected=number(element["expected_readings"] if is_day else element["readings"], 1),
            ),
        )  # fmt: skip
    if len(elements) > _MOST_MEANS:
        yield Step(section="means", key="more", said=say("explain.means.more", n=len(elements) - _MOST_MEANS))


def saline_step(ec_ds_m: float, limits: Row, say: Say) -> Step:
    """Return the caveat that water content reads high in saline soil (gate E1)."""
    said = say("explain.means.saline", ec=number(ec_ds_m, 2), limit=number(limits["saline_ec_ds_m"], 2))
    return Step(section="means", key="saline", said=said, source=say("explain.source.gates"))


def estimate_step(estimate: Row, say: Say) -> Step:
    """Return how dry plots of the same kind are, where the plot itself has no probe."""
    share = {name: number(100 * estimate[name], 0) for name in _SHARES}
    said = say(
        "explain.means.estimate", peers=estimate["peers"], dry=estimate["peers_dry"], date=estimate["date"],
        share=share["depletion_share"], low=share["depletion_share_low"], high=share["depletion_share_high"],
        p=number(100 * estimate["p"], 0), state=say(f"finding_state.{estimate['state']}"),
    )  # fmt: skip
    then = say("explain.means.estimate_orders" if estimate["is_ordering"] else "explain.means.estimate_only")
    return Step(section="means", key="estimate", said=said, then=then, source=say("explain.source.decision", n=16))


def local(instant: datetime | None, site: Site) -> str:
    """Return an instant by the site's clock, empty for none."""
    return "" if instant is None else f"{instant.astimezone(site.timezone):%Y-%m-%d %H:%M}"
