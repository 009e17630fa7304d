"""The card and the arithmetic that docs/crews.md and docs/crews.zh.md explain are those of the demo."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from crews.apply import valid_plots
from crews.card import Card, make_card
from crews.ledger import Ledger
from crews.lists import all_lists
from crews.words import speaker
from greensward.commands.sql import open_for_questions
from greensward.given_settings import load
from ingest.lake.files import read_register
from tests.docs.conftest import END, WORKED_PROBE
from tests.docs.made_pages import DOCS

PLOT = "BC-R1-07"


def card(root: Path, language: str) -> Card:
    """Return the drought card of the worked plot."""
    settings = load(None, root)
    folder, site = settings.data_folder(), settings.place()
    with Ledger(folder.ledger, site) as ledger:
        plots = valid_plots(read_register(folder, "plots"), END)
        lists = all_lists(ledger, plots, END, settings.web.truck_litres)
    (found,) = [
        make_card(listed, stop, speaker(language), language, None, None)
        for listed in lists
        for stop in listed.stops
        if stop.issue.plot_id == PLOT and stop.issue.cause == "drought"
    ]
    return found


def page(language: str) -> str:
    """Return the page that explains the card in a language."""
    return (DOCS / ("crews.zh.md" if language == "zh" else "crews.md")).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_card_in_the_crews_page_is_the_demo_s_card(demo_folder: Path, language: str) -> None:
    text = re.sub(r"\s+", " ", page(language))
    shown = card(demo_folder, language)
    assert shown.arithmetic is not None
    said = [shown.action, shown.why, shown.arithmetic, f"{shown.severity_word} · {shown.cause}", shown.name]
    if language == "en":
        said.pop()  # the plot's name is Chinese, and said once
    assert [sentence for sentence in said if sentence not in text] == []


def test_the_steps_to_the_litres_in_the_crews_page_are_those_of_the_flag(demo_folder: Path) -> None:
    with open_for_questions(load(None, demo_folder)) as lake:
        (found,) = lake.execute(
            "select inputs_json from latest_flags where plot_id = ? and cause = 'drought'", [PLOT]
        ).fetchall()
    inputs: dict[str, Any] = json.loads(found[0])
    assert {probe["device_id"] for probe in inputs["probes"]} == {WORKED_PROBE}
    by_depth = {probe["depth_cm"]: probe["water_content"] for probe in inputs["probes"]}
    capacity, wilting, p = inputs["field_capacity"], inputs["wilting_point"], inputs["p"]
    covered, root_zone = inputs["covered_m"], inputs["root_zone_m"]
    assert (capacity, wilting, covered, root_zone) == (0.345, 0.2, 0.55, 0.6)
    assert round(p, 3) == 0.534
    assert by_depth == {10.0: 0.2538, 40.0: 0.2045}

    line = capacity - p * (capacity - wilting)
    available = 1000 * (capacity - wilting) * covered
    depletion = 1000 * ((capacity - 0.2538) * 0.25 + (capacity - 0.2045) * 0.30)
    net = (depletion - 0.10 * available) * root_zone / covered
    gross = net / 0.90
    watering = inputs["watering"]
    litres = gross * watering["area_m2"] * watering["wetted_fraction"]
    assert math.isclose(inputs["refill_point"], line, abs_tol=1e-5)
    assert math.isclose(inputs["total_available_water_mm"], available, abs_tol=0.001)
    assert math.isclose(inputs["depletion_mm"], depletion, abs_tol=0.05)
    assert math.isclose(watering["net_mm"], net, abs_tol=0.05)
    assert math.isclose(watering["gross_mm"], gross, abs_tol=0.05)
    assert math.isclose(watering["litres"], litres, abs_tol=2)

    results = [f"{100 * line:.1f} %", f"{available:.2f} mm", f"{inputs['depletion_mm']:.1f} mm"]
    results += [f"{watering['net_mm']:.1f} mm", f"{watering['gross_mm']:.1f} mm", f"{watering['litres']:,.0f} L"]
    for language in ("zh", "en"):
        assert [result for result in results if f"| {result} |" not in page(language)] == []
