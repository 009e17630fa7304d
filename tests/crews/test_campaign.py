"""Campaigns in the ledger and on the lists: one card a plot, the driest first, and how many are done."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from crews.action import Action
from crews.apply import apply_flags, valid_plots
from crews.campaign import Condition, Standing
from crews.campaign_journal import (
    campaign_events,
    close_campaign,
    remember_standings,
    standings_of,
    start_campaign,
)
from crews.crew_list import CrewList
from crews.issue import ActionRefusedError
from crews.ledger import Ledger
from crews.lists import list_of, office_view
from crews.office import Filters
from crews.page import render_list, render_office
from crews.perform import perform
from crews.say_campaign import say_standing
from crews.say_stop import say_action
from crews.words import speaker
from ingest.site import BEICHEN
from tests.crews.made import DAY, HOUR, PLOTS, flag, well

NOON = datetime(2026, 3, 12, 4, 0, tzinfo=UTC)
"""12:00 on 12 March by the district's clock."""

CAUSE = "campaign.greenup_water"
END = datetime(2026, 4, 10, 16, 0, tzinfo=UTC)
"""The end of 10 April by the district's clock: the last day of the window."""


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    with Ledger(tmp_path / "ledger.sqlite", BEICHEN) as opened:
        yield opened


def standing(**changes: Any) -> Standing:
    plain: dict[str, Any] = {
        "campaign_id": "greenup_water",
        "name_zh": "返青水",
        "name_en": "spring green-up water",
        "work": "water",
        "day": date(2026, 3, 12),
        "season": 2026,
        "starts_on": date(2026, 2, 25),
        "ends_on": date(2026, 4, 10),
        "state": "running",
        "basis": "measured",
        "ready_since": date(2026, 3, 8),
        "started_at": NOON - DAY,
    }
    return Standing(**plain | changes)


def due(plot_id: str, as_of: datetime = NOON, code: str = "campaign_due_moist", **changes: Any) -> dict[str, Any]:
    params = {
        "campaign_zh": "返青水", "campaign_en": "spring green-up water", "work": "water", "ends_on": "2026-04-10",
        "depths_cm": "10", "value_pct": 24.0, "line_pct": 20.0, "depletion_pct": 20, "is_closed": False,
        "done_on": "2026-03-12", "standard_mm": 40,
    }  # fmt: skip
    params |= changes.pop("params", {})
    return flag(
        plot_id, CAUSE, as_of, state="due", severity=1, priority=3.0, reason_code=code, rule_id="campaign",
        reason_params_json=json.dumps(params), since=NOON - DAY, inputs_json="{}",
    ) | changes  # fmt: skip


def ended(plot_id: str, state: str, as_of: datetime, **changes: Any) -> dict[str, Any]:
    plain = {"state": state, "needs_work": False, "severity": 0, "litres": None, "data_at": None}
    return due(plot_id, as_of, f"campaign_{state}", **plain | changes)


def listed(ledger: Ledger, now: datetime = NOON) -> CrewList:
    return list_of(ledger, "一队", valid_plots(PLOTS, now), now, 8000.0)


def report(ledger: Ledger, plot_id: str, at: datetime, litres: float | None = None) -> str:
    (issue,) = [issue for issue in ledger.open_issues() if issue.plot_id == plot_id]
    action = Action(
        f"{plot_id}-{at:%H%M%S}", issue.issue_id, "done", "crew:一队", as_crew="一队", water_used_litres=litres
    )
    perform(ledger, action, at)
    return issue.issue_id


def test_a_plot_of_a_campaign_is_one_card_with_its_name_and_the_window_as_deadline(ledger: Ledger) -> None:
    remember_standings(ledger, [standing()], NOON)
    apply_flags(ledger, [due("JJ-012")], PLOTS, NOON)
    (stop,) = listed(ledger).stops
    assert say_action(stop, speaker("zh")) == "返青水：浇水 6.4 吨 ≈ 1 车"
    assert say_action(stop, speaker("en")) == "spring green-up water: Water 6.4 t ≈ 1 truck load"
    assert "按计划" in render_list(listed(ledger), "zh")
    assert (stop.issue.due_at, stop.group, stop.issue.crew) == (END, "later", "一队")


def test_a_dry_plot_of_a_campaign_cannot_wait_for_the_end_of_the_window(ledger: Ledger) -> None:
    apply_flags(ledger, [due("JJ-012", code="campaign_due_dry", severity=3)], PLOTS, NOON)
    (issue,) = ledger.open_issues()
    assert issue.due_at == NOON + 24 * HOUR  # grade 1, severity 3, outside of summer: deadlines.csv


@pytest.mark.parametrize("first", ["campaign", "drought"])
def test_dryness_and_a_watering_campaign_send_the_crew_with_one_card(ledger: Ledger, first: str) -> None:
    remember_standings(ledger, [standing()], NOON)
    flags = {"campaign": due("JJ-012"), "drought": flag("JJ-012", "drought", NOON)}
    apply_flags(ledger, [flags[first]], PLOTS, NOON)
    apply_flags(ledger, [{**row, "as_of": NOON + HOUR} for row in flags.values()], PLOTS, NOON + HOUR)
    (stop,) = listed(ledger, NOON + HOUR).stops
    assert stop.issue.cause == (CAUSE if first == "campaign" else "drought")
    assert say_action(stop, speaker("zh")).startswith("返青水：浇水")


def test_dryness_opens_an_issue_of_its_own_once_the_campaigns_water_was_reported(ledger: Ledger) -> None:
    apply_flags(ledger, [due("JJ-012")], PLOTS, NOON)
    report(ledger, "JJ-012", NOON + HOUR)
    later = NOON + 3 * DAY
    apply_flags(ledger, [flag("JJ-012", "drought", later), ended("JJ-012", "done", later)], PLOTS, later)
    assert {issue.cause for issue in ledger.open_issues()} == {CAUSE, "drought"}


def test_work_that_waters_nothing_leaves_dryness_its_card(ledger: Ledger) -> None:
    pruning = due("JJ-012", code="campaign_due_work", params={"work": "prune", "campaign_zh": "秋季修剪"}, litres=None)
    apply_flags(ledger, [pruning, flag("JJ-012", "drought", NOON)], PLOTS, NOON)
    actions = {stop.issue.cause: say_action(stop, speaker("zh")) for stop in listed(ledger).stops}
    assert actions == {CAUSE: "秋季修剪", "drought": "浇水 6.4 吨 ≈ 1 车"}


def test_the_plots_of_a_campaign_stand_by_priority_behind_what_is_due_sooner(ledger: Ledger) -> None:
    remember_standings(ledger, [standing()], NOON)
    flags = [
        due("JJ-012", priority=1.0),
        due("JJ-015", priority=9.0),
        due("BYH-03", priority=4.5),
        due("GY-01", priority=9.0),
        flag("LM-07", "drought", NOON, severity=1, priority=1.0),
    ]
    apply_flags(ledger, flags, PLOTS, NOON)
    order = [stop.issue.plot_id for stop in listed(ledger).group("later")]
    assert order[0] == "LM-07"
    assert set(order[1:3]) == {"JJ-015", "GY-01"}
    assert order[3:] == ["BYH-03", "JJ-012"]
    assert [stop.seq for stop in listed(ledger).stops] == [1, 2, 3, 4, 5]
    rows = office_view(ledger, valid_plots(PLOTS, NOON), NOON, Filters(), 8000.0).rows
    assert [row.finding.priority for row in rows if row.issue.cause == CAUSE] == [9.0, 9.0, 4.5, 1.0]


def test_the_list_says_how_many_plots_of_the_crew_are_done_and_counts_a_report_at_once(ledger: Ledger) -> None:
    remember_standings(ledger, [standing()], NOON)
    flags = [due("JJ-012"), due("JJ-015"), ended("BYH-03", "done", NOON), due("SH-02"), due("gone")]
    apply_flags(ledger, flags, PLOTS, NOON)
    assert [(one.done, one.plots) for one in listed(ledger).campaigns] == [(1, 3)]
    report(ledger, "JJ-015", NOON + HOUR, 6000.0)
    after = listed(ledger, NOON + HOUR)
    assert "返青水 · 已完成 2/3 处" in render_list(after, "zh")
    assert "spring green-up water · 2 of 3 plots done" in render_list(after, "en")


def test_water_seen_in_the_soil_closes_what_was_reported_and_nothing_else_does(ledger: Ledger) -> None:
    apply_flags(ledger, [due("JJ-012"), due("JJ-015")], PLOTS, NOON)
    for plot_id in ("JJ-012", "JJ-015"):
        report(ledger, plot_id, NOON + HOUR)
    later = NOON + DAY
    apply_flags(ledger, [ended("JJ-012", "done", later, data_at=later), ended("JJ-015", "done", later)], PLOTS, later)
    assert [issue.plot_id for issue in ledger.open_issues()] == ["JJ-015"]


def test_closing_a_campaign_ends_its_cards_and_a_window_that_is_past_checks_no_work(ledger: Ledger) -> None:
    apply_flags(ledger, [due(plot_id) for plot_id in ("JJ-012", "JJ-015", "BYH-03")], PLOTS, NOON)
    report(ledger, "JJ-012", NOON + HOUR)
    past = [ended("JJ-012", "done", END), ended("JJ-015", "over", END)]
    apply_flags(ledger, past, PLOTS, END)
    assert {issue.plot_id: issue.state for issue in ledger.open_issues()} == {
        "JJ-012": "done_unchecked",
        "BYH-03": "assigned",
    }
    later = END + HOUR
    closed = {"params": {"is_closed": True}}
    apply_flags(
        ledger, [ended("JJ-012", "done", later, **closed), ended("BYH-03", "over", later, **closed)], PLOTS, later
    )
    states = {issue.plot_id: (issue.state, issue.closed_reason) for issue in ledger.ended_issues(NOON)}
    assert states == {
        "JJ-012": ("closed", "campaign_over"),
        "JJ-015": ("void", "campaign_over"),
        "BYH-03": ("void", "campaign_over"),
    }


def test_a_plot_that_was_watered_with_its_issue_of_drought_needs_no_second_visit(ledger: Ledger) -> None:
    apply_flags(ledger, [due("JJ-012")], PLOTS, NOON)
    apply_flags(ledger, [ended("JJ-012", "done", NOON + HOUR)], PLOTS, NOON + HOUR)
    assert ledger.open_issues() == []


def test_starting_and_closing_are_kept_with_who_and_when_for_ever(ledger: Ledger) -> None:
    start_campaign(ledger, standing(state="ready"), "王工", NOON, "各区同时")
    with pytest.raises(ActionRefusedError, match=r"was started by 王工 on 2026-03-12 12:00\."):
        start_campaign(ledger, standing(), "李所", NOON + HOUR)
    close_campaign(ledger, standing(), "李所", NOON + 2 * HOUR)
    with pytest.raises(ActionRefusedError, match="was closed by 李所"):
        close_campaign(ledger, standing(), "李所", NOON + 3 * HOUR)
    rows = campaign_events(ledger).to_pylist()
    assert [(row["kind"], row["actor"], row["happened_at"], row["note"]) for row in rows] == [
        ("started", "王工", NOON, "各区同时"),
        ("closed", "李所", NOON + 2 * HOUR, None),
    ]
    with pytest.raises(Exception, match="never"):
        ledger.run("update campaign_events set actor = 'x'", ())
    with pytest.raises(Exception, match="never"):
        ledger.run("delete from campaign_events", ())


def test_nobody_a_crew_and_a_day_outside_of_the_window_start_nothing(ledger: Ledger) -> None:
    apply_flags(ledger, [due("JJ-012")], PLOTS, NOON)
    for actor in ("", " ", "crew:一队", "一队"):
        with pytest.raises(ActionRefusedError):
            start_campaign(ledger, standing(), actor, NOON)
    for day in (date(2026, 2, 24), date(2026, 4, 11)):
        with pytest.raises(ActionRefusedError, match="2026-02-25 to 2026-04-10"):
            start_campaign(ledger, standing(day=day), "王工", NOON)
    for day in (date(2026, 2, 25), date(2026, 4, 10)):
        start_campaign(ledger, standing(day=day, season=day.month), "王工", NOON)
    with pytest.raises(ActionRefusedError, match="does not run"):
        close_campaign(ledger, standing(season=2025), "王工", NOON)


def test_what_an_older_evaluation_says_replaces_nothing(ledger: Ledger) -> None:
    remember_standings(ledger, [standing()], NOON)
    remember_standings(ledger, [standing(state="ready")], NOON - HOUR)
    assert [one.state for one in standings_of(ledger)] == ["running"]


def test_the_office_is_asked_to_start_with_the_day_and_the_numbers(ledger: Ledger) -> None:
    soil = Condition(
        2, "soil_temperature_mean_c", ">", 0.0, 1, 4, is_complete=True, is_measured=True, depth_from_cm=10,
        depth_to_cm=20, measured_on="2026-03-11", value=1.25,
    )  # fmt: skip
    remember_standings(ledger, [standing(state="ready", conditions=(soil,))], NOON)
    page = render_office(office_view(ledger, {}, NOON, Filters(), 8000.0), "zh", BEICHEN)
    assert "返青水：03-08 起条件已满足，启动吗？" in page
    assert "10–20 cm 日平均地温 &gt; 0 °C · 03-11 为 1.25 °C，已连续 4 天" in page
    assert "greensward campaign start greenup_water --by" in page


@pytest.mark.parametrize(
    ("basis", "words"),
    [
        ("measured", "conditions met since 03-08: start?"),
        ("not_measured", "By the calendar alone: nobody measures its conditions"),
        ("calendar", "(calendar only)"),
    ],
)
def test_a_proposal_says_what_it_rests_on(basis: str, words: str) -> None:
    assert words in say_standing(standing(state="ready", basis=basis), speaker("en"))


def test_every_standing_has_its_sentence_in_both_languages() -> None:
    for state in ("not_started", "ready", "running", "over"):
        for basis in ("measured", "part_measured", "not_measured", "calendar"):
            for closed_at in (None, NOON):
                one = standing(state=state, basis=basis, closed_at=closed_at, last_actor="王工")
                assert "返青水" in say_standing(one, speaker("zh"))
                assert "green-up" in say_standing(one, speaker("en"))


@pytest.mark.parametrize(
    ("started_at", "zh", "en"),
    [
        (None, "窗口期 04-10 已过，没有启动", "its window ended on 04-10, and it was not started"),
        (NOON - DAY, "窗口期 04-10 已过，完成 0/0 处", "its window ended on 04-10, 0 of 0 plots done"),
    ],
)
def test_a_campaign_that_nobody_started_is_not_said_to_have_done_none_of_no_plots(
    started_at: datetime | None, zh: str, en: str
) -> None:
    one = standing(state="over", started_at=started_at)
    assert (zh in say_standing(one, speaker("zh")), en in say_standing(one, speaker("en"))) == (True, True)


def test_a_ledger_of_the_layout_before_learns_of_campaigns_and_keeps_its_issues(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path, BEICHEN) as before:
        apply_flags(before, [flag("JJ-012", "drought", NOON), well("JJ-015", "drought", NOON)], PLOTS, NOON)
    with sqlite3.connect(path) as older:
        older.executescript("drop table campaign_events; drop table campaign_standings; pragma user_version = 2;")
    older.close()
    with Ledger(path, BEICHEN) as after:
        start_campaign(after, standing(), "王工", NOON)
        assert [issue.plot_id for issue in after.open_issues()] == ["JJ-012"]
        with pytest.raises(Exception, match="never"):
            after.run("delete from campaign_events", ())
