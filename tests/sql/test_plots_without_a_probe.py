"""A plot without a probe: unknown, with what plots of its kind say beside it; an order only where that was asked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crews.explain.explanation import explain
from ingest.site import BEICHEN
from sql.describe import describe_plot
from sql.evaluate import evaluate, make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake


def kind(lake: MadeLake, *water_contents: float, bare: str = "bare", **bare_fields: Any) -> None:
    """Add a plot without a probe, and one of its kind for each water content of the last three days."""
    for number, water_content in enumerate(water_contents):
        lake.laboratory_plot(f"P{number}")
        lake.device(f"D{number}", f"P{number}")
        lake.soil_days([water_content] * 3, f"D{number}")
    lake.laboratory_plot(bare, **bare_fields)


def judged(lake: MadeLake, plots_without_probe: str, plot_id: str = "bare") -> dict[str, Any]:
    site = replace(BEICHEN, plots_without_probe=plots_without_probe)
    rows = evaluate(lake.connect(), as_of=AS_OF, site=site).to_pylist()
    (row,) = [row for row in rows if row["plot_id"] == plot_id and row["cause"] == "drought"]
    found: dict[str, Any] = row
    return found


def test_three_plots_of_its_kind_tell_how_dry_a_plot_without_a_probe_is_likely_to_be(lake: MadeLake) -> None:
    """0.28 to 0.14 hold the water: 0.182, 0.196, 0.21 lack 70, 60 and 50 %; half of the quartiles' way is 65 and 55."""
    kind(lake, 0.182, 0.196, 0.21)
    flag = lake.flag("drought", "bare")
    assert (flag["state"], flag["needs_work"], flag["litres"]) == ("no_sensor", False, None)
    assert (flag["confidence"], flag["reason_code"]) == ("estimated", "drought_no_sensor_dry")
    assert flag["zh"] == (
        "地块没有土壤探头。按 3 块同类地块估计（3 块缺水）：根区约缺水 60 %（55–65 %），可能缺水，到现场看看"
    )
    assert "estimated by 3 plots of its kind (3 dry)" in flag["en"]
    assert flag["value"] is None
    lake.flags()
    for language, words in (("zh", "估计值"), ("en", "an estimate")):
        (step,) = [
            step
            for step in explain(describe_plot(lake.connection, "bare"), language, BEICHEN, 8000.0).steps
            if step.key == "estimate"
        ]
        assert words in step.said


def test_two_plots_of_its_kind_are_too_few(lake: MadeLake) -> None:
    kind(lake, 0.182, 0.196)
    flag = lake.flag("drought", "bare")
    assert (flag["state"], flag["reason_code"], flag["confidence"]) == ("no_sensor", "drought_no_sensor", None)


@pytest.mark.parametrize(
    "other", [{"vegetation": "trees"}, {"soil_texture": "clay"}, {"irrigation": "drip"}, {"planted_on": AS_OF.date()}]
)
def test_plots_of_another_kind_tell_nothing(lake: MadeLake, other: dict[str, Any]) -> None:
    kind(lake, 0.182, 0.196, 0.21, **other)
    assert lake.flag("drought", "bare")["reason_code"] == "drought_no_sensor"


def test_switched_off_it_says_nothing(lake: MadeLake) -> None:
    kind(lake, 0.182, 0.196, 0.21)
    assert judged(lake, "off")["reason_code"] == "drought_no_sensor"


def test_only_where_the_setting_says_so_it_sends_water_and_is_marked(lake: MadeLake) -> None:
    """Dr 60 % of 84 mm less 10 %: 42 mm, by basin 70 mm, on 100 m2 7,000 L."""
    kind(lake, 0.182, 0.196, 0.21)
    row = judged(lake, "order")
    assert (row["state"], row["needs_work"], row["severity"]) == ("dry", True, 1)
    assert (row["confidence"], row["reason_code"]) == ("estimated", "drought_estimated_dry")
    assert row["litres"] == pytest.approx(7000.0)
    assert row["data_at"] is None


@pytest.mark.parametrize(
    ("water_contents", "state"),
    [((0.182, 0.196, 0.25, 0.25), "watch"), ((0.182, 0.182, 0.196, 0.25), "dry"), ((0.196, 0.25, 0.26), "ok")],
)
def test_more_than_half_of_its_kind_must_be_dry(lake: MadeLake, water_contents: tuple[float, ...], state: str) -> None:
    """Two of four are not; their median depletion of 41 % is near the line of 50 %."""
    kind(lake, *water_contents)
    row = judged(lake, "order")
    assert (row["state"], row["needs_work"]) == (state, state == "dry")


def test_for_a_week_after_its_own_water_nothing_is_estimated(lake: MadeLake) -> None:
    """To the minute: a report of seven days ago is old enough; and work without water is no reason."""
    kind(lake, 0.182, 0.196, 0.21)
    said = [
        ("a week ago", "drought", 0, {"water_used_litres": 5000}), ("just not", "drought", 1, {}),
        ("sprayed", "disease", 1, {}), ("pruned", "campaign.autumn_prune", 1, {}),
    ]  # fmt: skip
    for plot_id, cause, minutes, detail in said:
        lake.laboratory_plot(plot_id)
        lake.add(
            "issue_events", event_id=plot_id, issue_id=plot_id, plot_id=plot_id, cause=cause, kind="done",
            happened_at=AS_OF - timedelta(days=7) + timedelta(minutes=minutes), detail_json=json.dumps(detail),
        )  # fmt: skip
    flags = lake.verdicts("drought")
    estimated = {plot_id: flags[plot_id]["reason_code"] == "drought_no_sensor_dry" for plot_id, *_ in said}
    assert estimated == {"a week ago": True, "just not": False, "sprayed": True, "pruned": True}


@pytest.mark.parametrize(
    ("depth_cm", "temperature_c", "peers"),
    [(30.0, 20.0, [3]), (17.9, 20.0, []), (30.0, -2.0, [])],
    ids=["as the others", "shallow probe", "frozen"],
)
def test_a_shallow_or_a_frozen_plot_is_nobodys_peer(
    lake: MadeLake, depth_cm: float, temperature_c: float, peers: list[int]
) -> None:
    """Two plots of the kind are too few; whether there is a third depends on its probe."""
    kind(lake, 0.2, 0.2)
    lake.laboratory_plot("third")
    lake.device("D3", "third", depths_cm=[depth_cm])
    lake.soil_days([0.2] * 3, "D3", soil_temperature_c=20.0)
    lake.soil_days(
        [0.2], "D3", channel=2, depth_cm=60.0, soil_temperature_c=temperature_c, volumetric_water_content=None
    )
    make_models(lake.connect(), models_behind("peer_estimates"), as_of=AS_OF, site=BEICHEN)
    rows = lake.connection.execute("select peers from peer_estimates where plot_id = 'bare'").fetchall()
    assert [row[0] for row in rows] == peers


def test_a_plot_that_a_crew_watered_tells_nothing_of_one_that_nobody_watered(lake: MadeLake) -> None:
    kind(lake, 0.182, 0.196, 0.21)
    lake.rows["soil_readings"] = [row for row in lake.rows["soil_readings"] if row["device_id"] != "D0"]
    lake.hours([0.18] * 60 + [0.26] * 30, device_id="D0")
    assert lake.flag("drought", "bare")["reason_code"] == "drought_no_sensor_dry"
    lake.add(
        "issue_events",
        event_id="e1",
        issue_id="i1",
        plot_id="P0",
        cause="drought",
        kind="done",
        happened_at=AS_OF - timedelta(hours=28),
        detail_json='{"water_used_litres": 5000}',
    )
    assert lake.flag("drought", "bare")["reason_code"] == "drought_no_sensor"
