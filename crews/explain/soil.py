"""The root zone step by step: layers, TAW, Dr, fDr, R (FAO-56 equations 82 to 84); or the potential."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crews.explain.arithmetic import number
from crews.explain.steps import Step, reckoned
from crews.words import Say

Row = Mapping[str, Any]

_MOST_LAYERS = 6
_FLAT = 1e-9


def zone_steps(
    layers: Sequence[Row], zone: Row, plot: Row, words: Mapping[str, str], limits: Row, say: Say
) -> Iterator[Step]:
    """Yield the steps from layers to depletion; `words` has the vegetation and its source in the reader's language."""
    section = "soil"
    yield Step(
        section=section, key="root_zone",
        said=say("explain.soil.zone", zr=number(zone["root_zone_m"], 2, 2), p=number(zone["depletion_fraction"], 3, 2),
                 vegetation=words["vegetation"]),
        source=words["vegetation_source"],
    )  # fmt: skip
    if zone["recent_etc_mm"] is not None:
        usual, etc = zone["usual_depletion_fraction"], zone["recent_etc_mm"]
        shift = f"{number(usual, 3, 2)} + {number(limits['p_per_etc_mm'], 3)} × ({number(limits['p_at_etc_mm'], 1)} − "
        yield reckoned(
            section, "p", "p = min(max(p₀ + 0.04 (5 − ETc), 0.1), 0.8)",
            f"min(max({shift}{number(etc, 3)}), {number(limits['p_min'], 2)}), {number(limits['p_max'], 2)})",
            zone["depletion_fraction"], "", digits=3,
            said=say("explain.soil.p", etc=number(etc, 1)), source="FAO-56 table 22",
        )  # fmt: skip
    counted = [layer for layer in layers if layer["thickness_m"] > _FLAT]
    for layer in counted[:_MOST_LAYERS]:
        fc, wp = soil_of(layer, zone)
        yield Step(
            section=section, key="layer",
            said=say(
                "explain.soil.layer", top=number(layer["top_m"], 3, 2), bottom=number(layer["bottom_m"], 3, 2),
                depth=layer["depth_names"].replace(" ", "").replace(".0", ""),
                theta=number(layer["volumetric_water_content"], 5, 4),
                fc=number(fc, 5, 3), wp=number(wp, 5, 3), d=number(layer["thickness_m"], 4, 2),
                source=say(f"explain.soil.source_{source_of(layer, plot)}", otherwise=source_of(layer, plot)),
            ),
        )  # fmt: skip
    if len(counted) > _MOST_LAYERS:
        yield Step(section=section, key="more", said=say("explain.soil.more", n=len(counted) - _MOST_LAYERS))
    yield from _sums(counted, zone, say)
    yield Step(
        section=section, key="coverage",
        said=say("explain.soil.cover", covered=number(zone["covered_m"], 3, 2),
                 share=number(100 * zone["coverage"], 0), confidence=say(f"explain.soil.{zone['confidence']}")),
        source=say("explain.source.glossary"),
    )  # fmt: skip


def soil_of(layer: Row, zone: Row) -> tuple[float, float]:
    """Return field capacity and wilting point of a layer: its own, or those of the whole zone."""
    fc, wp = layer.get("field_capacity"), layer.get("wilting_point")
    return (zone["field_capacity"] if fc is None else fc, zone["wilting_point"] if wp is None else wp)


def source_of(layer: Row, plot: Row) -> str:
    """Return where a layer's soil values come from: learned, laboratory or texture."""
    return str(layer.get("soil_source") or plot["soil_source"])


def _sums(layers: Sequence[Row], zone: Row, say: Say) -> Iterator[Step]:
    terms = [(*soil_of(layer, zone), layer["volumetric_water_content"], layer["thickness_m"]) for layer in layers]
    taw, depletion = zone["total_available_water_mm"], zone["depletion_mm"]
    yield reckoned(
        "soil", "taw", "TAW = Σ 1000 (FC − WP) d",
        f"1000 × {_sum(f'({number(fc, 5, 3)} − {number(wp, 5, 3)}) × {number(d, 4, 2)}' for fc, wp, _, d in terms)}",
        taw, "mm", digits=2, source=say("explain.source.fao", n=82),
    )  # fmt: skip
    raw = 1000 * sum((fc - theta) * d for fc, _, theta, d in terms)
    printed = (
        f"1000 × {_sum(f'({number(fc, 5, 3)} − {number(th, 5, 4)}) × {number(d, 4, 2)}' for fc, _, th, d in terms)}"
    )
    then = ""
    if raw < -_FLAT or raw > taw + _FLAT:
        printed, then = f"min(max({printed}, 0), {number(taw, 2, 2)})", say("explain.soil.clamped")
    yield reckoned(
        "soil",
        "depletion",
        "Dr = Σ 1000 (FC − θ) d",
        printed,
        depletion,
        "mm",
        digits=2,
        then=then,
        source=say("explain.source.fao", n=87),
    )
    yield reckoned(
        "soil", "depletion_share", "fDr = Dr / TAW", f"{number(depletion, 3, 2)} ÷ {number(taw, 3, 2)}",
        zone["depletion_share"], "", digits=3, source=say("explain.source.fao", n=84),
    )  # fmt: skip
    water = _sum(f"{number(theta, 5, 4)} × {number(d, 4, 2)}" for _, _, theta, d in terms)
    full = _sum(f"{number(fc, 5, 3)} × {number(d, 4, 2)}" for fc, _, _, d in terms)
    yield reckoned(
        "soil", "relative_moisture", "R = 100 Σθd / ΣFCd", f"100 × {water} ÷ {full}", zone["relative_moisture_pct"],
        "%", digits=1, source="GB/T 32136-2015",
    )  # fmt: skip


def _sum(terms: Any) -> str:
    listed = list(terms)
    if len(listed) == 1:
        return listed[0] if listed[0].startswith("(") else f"({listed[0]})"
    return "[" + " + ".join(listed) + "]"


def verdict_steps(zone: Row, limits: Row, grade: str, say: Say, state: str, span: str) -> Iterator[Step]:
    """Yield the steps from depletion to state and severity."""
    p, share = zone["depletion_fraction"], zone["depletion_share"]
    glossary = say("explain.source.glossary")
    watch = limits["watch_share"] * p
    yield reckoned(
        "verdict", "watch_line", say("explain.verdict.watch_line"),
        f"{number(limits['watch_share'], 2)} × {number(p, 3, 2)}", watch, "", digits=3, source=glossary,
    )  # fmt: skip
    if zone["is_wet"]:
        said = say("explain.verdict.wet", limit=number(limits["wet_above_pct"], 0))
    elif round(share - p, 9) >= 0:
        said = say("explain.verdict.dry", f=number(share, 3, 3), p=number(p, 3, 3))
    elif round(share - watch, 9) >= 0:
        said = say("explain.verdict.watch", watch=number(watch, 3, 3), f=number(share, 3, 3), p=number(p, 3, 3))
    else:
        said = say("explain.verdict.ok", f=number(share, 3, 3), watch=number(watch, 3, 3))
    yield Step(section="verdict", key="comparison", said=said, source=say("explain.source.fao", n=83))
    ks = f"(1 − {number(share, 4, 3)}) ÷ (1 − {number(p, 3, 2)})"
    yield reckoned(
        "verdict", "ks", "Ks = (1 − fDr) / (1 − p)", ks if zone["ks"] < 1 else f"min({ks}, 1)", zone["ks"], "",
        digits=3, source=say("explain.source.fao", n=84),
    )  # fmt: skip
    if zone["is_shallow_only"]:
        yield Step(section="verdict", key="shallow", said=say("explain.verdict.shallow"), source=glossary)
    if round(share - p, 9) >= 0:
        yield Step(
            section="verdict", key="severity",
            said=say("explain.verdict.severity", n=zone["stress_severity"], mild=number(limits["ks_mild"], 2),
                     moderate=number(limits["ks_moderate"], 2), severe=number(limits["ks_severe"], 2)),
        )  # fmt: skip
    pct = number(100 * zone["dry_probability"], 0)
    sure = zone["dry_probability"] in {0.0, 1.0}
    yield Step(
        section="verdict", key="probability",
        said=say("explain.verdict.certain", pct=pct) if sure else say(
            "explain.verdict.likely", pct=pct, **{"from": number(100 * limits["likely_from"], 0)},
            to=number(100 * limits["likely_to"], 0)),
        source=glossary if sure else "Abramowitz & Stegun 7.1.26",
    )  # fmt: skip
    yield Step(
        section="verdict", key="state",
        said=say(f"explain.verdict.state_{span}", state=state),
        then=say("explain.verdict.grade", grade=grade), source="GB/T 20481",
    )  # fmt: skip
