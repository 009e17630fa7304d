"""From the state to what is done: the memory of issues, season and frost, litres, days until dry."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crews.explain.arithmetic import number
from crews.explain.evidence import local
from crews.explain.steps import Step, reckoned
from crews.words import Say
from ingest.site import Site

Row = Mapping[str, Any]
Rows = Sequence[Row]

_KNOWN = frozenset({"ok", "watch", "wet", "just_watered", "frozen", "suspended"})
"""States in which it is known that no water is wanted now."""

_UNKNOWN = frozenset({"no_sensor", "no_data", "sensor_fault", "silent", "stale"})
_NOTHING_NEW = frozenset({"old", "no_water_content"})
"""Why there is no forecast where the state of the plot says it better."""


def memory_steps(rows: Mapping[str, Rows], limits: Row, say: Say, site: Site) -> Iterator[Step]:
    """Yield whether an issue stands open and since when, rain that holds one back, season and frost."""
    memory, evaluation = _first(rows["memory"]), _first(rows["evaluation"])
    if memory is not None:
        said = _memory(memory, evaluation, rows, limits, say, site)
        yield Step(section="memory", key="issue", said=said, source=say("explain.source.decision", n=7))
        if memory["holding_rain_mm"] is not None:
            said = say(
                "explain.memory.rain", days=number(limits["rain_days"], 0), mm=number(memory["holding_rain_mm"], 1),
                limit=number(limits["rain_hold_mm"], 0),
            )  # fmt: skip
            yield Step(section="memory", key="rain", said=said, source=say("explain.source.glossary"))
    seasons = [(row["rule"], _span(row)) for row in rows["season"]] or [("none", {})]
    named = " · ".join(say(f"explain.memory.season_{rule}", otherwise=rule, **span) for rule, span in seasons)
    source = say("explain.source.table", name="seasons")
    yield Step(section="memory", key="season", said=say("explain.memory.season", season=named), source=source)
    frost = rows["frost"]
    if frost:
        said = say("explain.memory.frost", n=len(frost), last=frost[-1]["date"])
    else:
        said = say("explain.memory.no_frost" if rows["readings"][0]["readings"] else "explain.memory.frost_unknown")
    yield Step(section="memory", key="frost", said=said, source=say("explain.source.frost"))


def _memory(memory: Row, evaluation: Row | None, rows: Mapping[str, Rows], limits: Row, say: Say, site: Site) -> str:
    dry, zone = None if evaluation is None else evaluation["dry_evaluations"], _first(rows["zone"])
    if memory["is_open"]:
        since, hours = local(memory["issue_since_at"], site), number(limits["close_hours"], 0)
        if zone is None:
            return say("explain.memory.open_potential", since=since, hours=hours)
        margin, close = limits["close_margin"], zone["depletion_fraction"] - limits["close_margin"]
        key = "open" if dry else "open_between"
        return say(
            f"explain.memory.{key}",
            since=since,
            n=dry,
            margin=number(margin, 2),
            close=number(close, 3, 2),
            hours=hours,
        )
    if not dry:
        return say("explain.memory.closed")
    if (memory["holding_rain_mm"] or 0) >= limits["rain_hold_mm"]:
        return say("explain.memory.dry_held", n=dry)
    if memory["verified_at"] is not None and dry >= limits["open_days"]:
        return say("explain.memory.dry_verified", n=dry, at=local(memory["verified_at"], site))
    rainy = next((_span(row) for row in rows["season"] if row["rule"] == "rain_holds"), None)
    return say(
        "explain.memory.dry_once" if rainy is None else "explain.memory.dry_once_days", n=dry,
        days=number(limits["open_days"], 0), hourly=number(limits["open_hourly"], 0),
        hours=number(limits["open_hours"], 0), **(rainy or {}),
    )  # fmt: skip


def _span(season: Row) -> dict[str, str]:
    """Return the first and the last day of a season, as MM-DD."""
    return {"begin": season["month_day_from"], "end": season["month_day_to"]}


def water_steps(watering: Row | None, finding: Row, irrigation: str, truck_litres: float, say: Say) -> Iterator[Step]:
    """Yield the sum from depletion to litres and truck loads, line by line, as the rules' SQL reckoned it."""
    glossary = say("explain.source.glossary")
    if watering is None:
        potential_only = finding["quantity"] == "matric_potential" and finding["state"] == "dry"
        key = "no_curve" if potential_only else "none" if finding["state"] in _KNOWN else "unknown"
        yield Step(section="water", key=key, said=say(f"explain.water.{key}"), source=glossary)
        return
    if finding["state"] in _KNOWN:
        yield Step(section="water", key="not_now", said=say("explain.water.not_now"), source=glossary)
    depletion, taw = finding["depletion_mm"], finding["total_available_water_mm"]
    refill, ratio = watering["refill_to_share"], finding["root_zone_m"] / finding["covered_m"]
    printed = f"max({number(depletion, 2, 2)} − {number(refill, 2)} × {number(taw, 2, 2)}, 0)"
    formula = "I = max(Dr − r TAW, 0)"
    if round(ratio, 9) != 1:
        printed += f" × {number(finding['root_zone_m'], 3)} ÷ {number(finding['covered_m'], 3)}"
        formula += " Zr / bₙ"
    if watering["counted_rain_mm"] > 0:
        printed = f"max({printed} − {number(watering['counted_rain_mm'], 2, 2)}, 0)"
        formula = f"max({formula.removeprefix('I = ')} − P, 0)"
    if watering["is_put_off"] and watering["forecast_rain"] == "cancel":
        printed = f"0 × ({printed})"
        formula = f"I = 0 × {formula.removeprefix('I = ')}"
    yield reckoned(
        "water", "net", formula, printed, watering["net_mm"], "mm", said=say("explain.water.net"), source=glossary
    )
    leaching = watering["leaching_requirement"]
    yield reckoned(
        "water", "gross", "G = I / (Ea (1 − LR))",
        f"{number(watering['net_mm'], 2, 1)} ÷ ({number(finding['efficiency'], 2)} × (1 − {number(leaching, 4)}))",
        watering["gross_mm"], "mm", said=say("explain.water.gross", irrigation=irrigation),
        source=say("explain.source.efficiency"),
    )  # fmt: skip
    pits = watering["tree_pits"]
    yield reckoned(
        "water", "litres", f"G × Σ π r² ({pits})" if pits else "G × A × f",
        f"{number(watering['gross_mm'], 4, 1)} × {number(watering['watered_m2'], 4)}"
        if pits
        else f"{number(watering['gross_mm'], 4, 1)} × {number(finding['area_m2'], 2)} × "
        f"{number(finding['wetted_fraction'], 3)}",
        watering["litres"], "L", digits=0, said=say("explain.water.litres"), source="1 mm × 1 m² = 1 L",
    )  # fmt: skip
    if finding["visit_max_mm"] is not None:
        most = finding["visit_max_mm"]
        printed = f"max(ceil({number(watering['gross_mm'], 4, 1)} ÷ {number(most, 1)}), 1)"
        said = say("explain.water.visits", most=number(most, 1))
        yield reckoned(
            "water", "visits", "ceil(G / max)", printed, float(watering["visits"]), "", digits=0, said=said,
            source=say("explain.source.table", name="irrigation_methods"),
        )  # fmt: skip
    each = watering["litres"] / max(watering["visits"], 1)
    printed = f"ceil({number(watering['litres'], 1)} ÷ {watering['visits']} ÷ {number(truck_litres, 0)})"
    yield reckoned(
        "water", "loads", "ceil(L / n / V)", printed, float(math.ceil(round(each / truck_litres, 9))), "", digits=0,
        said=say("explain.water.loads", truck=f"{truck_litres:,.0f}"),
    )  # fmt: skip
    if watering["usual_litres_low"] is not None:
        said = say(
            "explain.water.usual_tree" if pits else "explain.water.usual", low=number(watering["usual_litres_low"], 1),
            high=number(watering["usual_litres_high"], 1),
        )  # fmt: skip
        then = say("explain.water.unusual") if watering["is_unusual"] else ""
        yield Step(section="water", key="usual", said=said, then=then, source=say("explain.source.practice"))


def forecast_step(forecast: Row | None, state: str, say: Say) -> Step | None:
    """Return in how many days the line is reached, with range and method, or why nobody can say.

    state: that of the plot; where it is none of knowledge it is the reason, for a broken probe's data is not old
    """
    if forecast is None:
        return None
    if forecast["days_median"] is None:
        code = forecast["reason_code"]
        key = f"finding_state.{state}" if state in _UNKNOWN and code in _NOTHING_NEW else f"explain.forecast.why_{code}"
        said = say("explain.forecast.none", why=say(key, otherwise=str(code)))
        return Step(section="forecast", key="forecast", said=said, source=say("explain.source.glossary"))
    method = say(f"explain.forecast.by_{forecast['method']}", otherwise=str(forecast["method"]))
    median, low, high = (number(forecast[name], 1) for name in ("days_median", "days_low", "days_high"))
    said = say("explain.forecast.days", median=median, low=low, high=high, method=method)
    return Step(
        section="forecast", key="forecast", said=said, result=forecast["days_median"], unit="d",
        then=_methods(forecast, say),
        source=say("explain.source.fao", n=85) if forecast["method"] == "weather" else say("explain.source.glossary"),
    )  # fmt: skip


def balance_step(balance: Row, say: Say) -> Step:
    """Return what the daily water balance says of the depletion beside what the probes say."""
    said = say(
        "explain.forecast.balance", first=balance["first_date"], etc=number(balance["actual_et_mm"], 1),
        rain=number(balance["rain_mm"], 1), brought=number(balance["watering_mm"], 1),
        balance=number(balance["balance_depletion_mm"], 1),
        probe=number(balance["probe_depletion_mm"], 1),
    )  # fmt: skip
    then = say(f"explain.forecast.balance_{balance['state']}", slack=number(balance["slack_mm"], 1))
    return Step(section="forecast", key="balance", said=said, then=then, source="FAO-56 eq. 85")


def _methods(forecast: Row, say: Say) -> str:
    """Return what each way of reckoning gave, where there were several."""
    told = [(name, forecast.get(f"{name}_days")) for name in ("line", "exponential", "long_exponential")]
    return " · ".join(say(f"explain.forecast.{name}", days=number(days, 1)) for name, days in told if days is not None)


def _first(rows: Rows) -> Row | None:
    return rows[0] if rows else None
