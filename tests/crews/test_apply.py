"""From flags to issues."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from crews.action import Action
from crews.applied import Applied
from crews.apply import apply_flags
from crews.issue import Issue
from crews.ledger import Ledger
from crews.perform import perform
from crews.words import all_words
from ingest.lake.tables import table
from ingest.lake.write import to_arrow
from tests.crews.made import DAY, HOUR, NOW, PLOTS, flag, plot, report, sick, silent, well

GRADE_ONE = [plot("P1", "一号", 117.13, 39.22)]


def only(ledger: Ledger) -> Issue:
    """Return the one open issue."""
    (issue,) = ledger.open_issues()
    return issue


def test_a_dry_plot_becomes_one_issue_given_to_its_crew(ledger: Ledger) -> None:
    applied = apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    issue = only(ledger)
    assert applied.opened == [issue.issue_id] == ["BC-20260702-0001"]
    assert (issue.state, issue.crew, issue.severity) == ("assigned", "一队", 2)
    assert issue.due_at == NOW + 48 * HOUR


def test_flags_and_plots_may_come_as_arrow_tables(ledger: Ledger) -> None:
    flags = to_arrow(table("flags"), [flag("P1", "drought", NOW)])
    apply_flags(ledger, flags, to_arrow(table("plots"), GRADE_ONE), NOW)
    assert only(ledger).finding["litres"] == 6400.0


def test_a_flag_that_persists_never_makes_a_second_issue(ledger: Ledger) -> None:
    for hours in range(0, 60, 6):
        at = NOW + hours * HOUR
        apply_flags(ledger, [flag("P1", "drought", at)], GRADE_ONE, at)
    assert [event.kind for event in ledger.history(only(ledger).issue_id)] == ["opened", "assigned", "escalated"]


def levels(ledger: Ledger) -> list[int]:
    """Return the levels that the only issue was raised to, in turn."""
    return [event.detail["level"] for event in ledger.history(only(ledger).issue_id) if event.kind == "escalated"]


def apply_dry(ledger: Ledger, *hours: float, state: str = "dry") -> None:
    """Bring in an evaluation that finds the plot dry, or `state` without need of work, at each of `hours` from NOW."""
    for at in (NOW + one * HOUR for one in hours):
        changes = {} if state == "dry" else {"state": state, "needs_work": False, "severity": 0}
        apply_flags(ledger, [flag("P1", "drought", at, **changes)], GRADE_ONE, at)


def test_overdue_work_is_raised_to_the_next_level_once_to_each(ledger: Ledger) -> None:
    apply_dry(ledger, 0, 48)
    assert levels(ledger) == []  # due at that instant
    apply_dry(ledger, 49, 60, 72)
    assert levels(ledger) == [1]
    apply_dry(ledger, 73, 119, 120)
    assert levels(ledger) == [1, 2]
    apply_dry(ledger, 121, 200, 300)
    assert levels(ledger) == [1, 2, 3]
    assert only(ledger).escalated_to == 3


def test_work_that_nobody_evaluated_for_days_goes_to_its_level_at_once(ledger: Ledger) -> None:
    apply_dry(ledger, 0, 130)
    assert levels(ledger) == [3]


def test_work_that_is_reported_put_off_or_not_needed_now_is_not_late(ledger: Ledger) -> None:
    apply_dry(ledger, 0)
    apply_dry(ledger, 60, state="just_watered")
    assert levels(ledger) == []
    perform(ledger, Action("put-off-1", only(ledger).issue_id, "deferred", "王工", reason="等水车"), NOW + 61 * HOUR)
    apply_dry(ledger, 70)
    assert levels(ledger) == []
    perform(ledger, Action("again-12", only(ledger).issue_id, "assigned", "王工", crew="一队"), NOW + 71 * HOUR)
    apply_dry(ledger, 72, 120)  # whoever takes it up again has the usual time for it
    assert levels(ledger) == [1]
    report(ledger, only(ledger).issue_id, "done", NOW + 121 * HOUR, litres=6400.0)
    apply_dry(ledger, 160)
    assert levels(ledger) == [1]


def test_a_deadline_that_moves_on_begins_from_below_again(ledger: Ledger) -> None:
    apply_dry(ledger, 0, 80)
    assert levels(ledger) == [2]
    later = Action("later-12", only(ledger).issue_id, "extended", "李所", reason="等水车", due_at=NOW + 100 * HOUR)
    perform(ledger, later, NOW + 81 * HOUR)
    assert only(ledger).escalated_to == 0
    apply_dry(ledger, 101)
    assert levels(ledger) == [2, 1]
    assert ledger.rebuild() == 1
    assert only(ledger).escalated_to == 1


def test_the_same_evaluation_twice_changes_nothing(ledger: Ledger) -> None:
    flags = [flag("P1", "drought", NOW), silent("P1", "S1", NOW)]
    apply_flags(ledger, flags, GRADE_ONE, NOW)
    before = ledger.version()
    apply_flags(ledger, flags, GRADE_ONE, NOW + HOUR)
    assert ledger.version() == before


def test_an_older_evaluation_that_comes_late_changes_nothing(ledger: Ledger) -> None:
    apply_flags(ledger, [well("P1", "drought", NOW)], GRADE_ONE, NOW)
    apply_flags(ledger, [flag("P1", "drought", NOW - HOUR)], GRADE_ONE, NOW)
    assert ledger.open_issues() == []


def test_what_a_clock_ahead_of_its_time_said_does_not_hold_up_what_is_said_now(ledger: Ledger) -> None:
    ahead = NOW + 400 * DAY
    apply_flags(ledger, [well("P1", "drought", ahead)], GRADE_ONE, ahead)
    assert len(apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW).opened) == 1
    before = ledger.version()
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    apply_flags(ledger, [well("P1", "drought", NOW - HOUR)], GRADE_ONE, NOW)
    assert ledger.version() == before


def test_an_evaluation_ahead_of_the_clock_counts_once(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW + HOUR, severity=1)], GRADE_ONE, NOW)
    before = ledger.version()
    apply_flags(ledger, [flag("P1", "drought", NOW + HOUR, severity=4)], GRADE_ONE, NOW)
    assert ledger.version() == before


def test_it_is_told_again_when_it_gets_worse_and_the_deadline_comes_nearer(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW, severity=1)], GRADE_ONE, NOW)
    later = NOW + 6 * HOUR
    applied = apply_flags(ledger, [flag("P1", "drought", later, severity=4)], GRADE_ONE, later)
    issue = only(ledger)
    assert applied.told_again == [issue.issue_id]
    assert (issue.severity, issue.told_at, issue.due_at) == (4, later, later + 12 * HOUR)


def test_it_is_not_told_again_when_it_gets_milder_but_the_list_knows(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW, severity=3)], GRADE_ONE, NOW)
    later = NOW + 6 * HOUR
    applied = apply_flags(ledger, [flag("P1", "drought", later, severity=2)], GRADE_ONE, later)
    assert applied.told_again == []
    assert (only(ledger).severity, only(ledger).due_at) == (2, NOW + 24 * HOUR)


def test_a_severity_that_swings_about_an_edge_is_told_once(ledger: Ledger) -> None:
    told = []
    for hours, severity in enumerate((2, 1, 2, 1, 2, 3, 2, 3)):
        at = NOW + hours * HOUR
        applied = apply_flags(ledger, [flag("P1", "drought", at, severity=severity)], GRADE_ONE, at)
        told.append(len(applied.opened) + len(applied.told_again))
    assert told == [1, 0, 0, 0, 0, 1, 0, 0]
    assert only(ledger).severity == 3


@pytest.mark.parametrize(("hours", "told"), [(71, 0), (72, 1)])
def test_an_unchanged_issue_is_told_again_after_72_hours(ledger: Ledger, hours: int, told: int) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    later = NOW + hours * HOUR
    assert len(apply_flags(ledger, [flag("P1", "drought", later)], GRADE_ONE, later).told_again) == told


def test_rain_closes_what_nobody_has_worked_on(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    issue_id = only(ledger).issue_id
    apply_flags(ledger, [well("P1", "drought", NOW + DAY)], GRADE_ONE, NOW + DAY)
    issue = ledger.issue(issue_id)
    assert (issue.state, issue.closed_reason) == ("closed", "recovered")


@pytest.mark.parametrize("state", ["silent", "stale", "no_data", "sensor_fault", "no_sensor", "a_state_made_tomorrow"])
def test_not_knowing_never_closes_an_issue(ledger: Ledger, state: str) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    unknown = flag("P1", "drought", NOW + DAY, state=state, needs_work=False, severity=0, reason_code="drought_silent")
    apply_flags(ledger, [unknown], GRADE_ONE, NOW + DAY)
    assert only(ledger).state == "assigned"


@pytest.mark.parametrize("after", ["ok", "watch", "wet"])
def test_water_that_has_just_come_closes_nothing_until_the_days_after_show_that_it_was_enough(
    ledger: Ledger, after: str
) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    for at in (NOW + DAY, NOW + 4 * DAY):
        watered = well("P1", "drought", at, state="just_watered", reason_code="drought_just_watered")
        assert apply_flags(ledger, [watered], GRADE_ONE, at) == Applied()
        assert only(ledger).state == "assigned"
    later = NOW + 5 * DAY
    applied = apply_flags(ledger, [well("P1", "drought", later, state=after)], GRADE_ONE, later)
    assert (len(applied.closed), ledger.open_issues()) == (1, [])


def test_one_probe_that_recovers_does_not_close_while_another_is_silent(ledger: Ledger) -> None:
    apply_flags(ledger, [silent("P1", "S1", NOW), silent("P1", "S2", NOW)], GRADE_ONE, NOW)
    assert only(ledger).finding["device_ids"] == ["S1", "S2"]
    later = NOW + DAY
    apply_flags(ledger, [well("P1", "sensor", later, device_id="S1"), silent("P1", "S2", later)], GRADE_ONE, later)
    assert ledger.latest_findings()["P1", "sensor"].device_ids == ("S2",)
    assert only(ledger).state == "assigned"
    end = later + DAY
    both = [well("P1", "sensor", end, device_id="S1"), well("P1", "sensor", end, device_id="S2")]
    apply_flags(ledger, both, GRADE_ONE, end)
    assert ledger.open_issues() == []


def test_the_crews_word_closes_only_with_data_younger_than_the_work(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    issue_id = only(ledger).issue_id
    done = NOW + 6 * HOUR
    report(ledger, issue_id, "done", done, litres=6400.0)
    at = done + HOUR
    apply_flags(ledger, [well("P1", "drought", at, data_at=done)], GRADE_ONE, at)
    assert only(ledger).state == "done_unchecked"
    at = done + 2 * HOUR
    apply_flags(ledger, [well("P1", "drought", at, data_at=done + HOUR)], GRADE_ONE, at)
    issue = ledger.issue(issue_id)
    assert (issue.state, issue.closed_reason, issue.water_used_litres) == ("closed", "recovered_after_work", 6400.0)


@pytest.mark.parametrize(("hours", "state"), [(None, "assigned"), (0.0, "assigned"), (0.1, "closed")])
@pytest.mark.parametrize("cause", ["drought", "disease"])
def test_what_somebody_opened_again_closes_only_with_data_younger_than_that(
    ledger: Ledger, cause: str, hours: float | None, state: str
) -> None:
    apply_flags(ledger, [flag("P1", cause, NOW)], GRADE_ONE, NOW)
    issue_id = only(ledger).issue_id
    report(ledger, issue_id, "done", NOW + HOUR, inspection="confirmed" if cause == "disease" else None)
    again = NOW + 2 * DAY
    perform(ledger, Action("office-01", issue_id, "reopened", "王工", reason="看过了，还不行"), again)
    at = again + DAY
    data_at = None if hours is None else again + hours * HOUR
    apply_flags(ledger, [well("P1", cause, at, data_at=data_at)], GRADE_ONE, at)
    assert ledger.issue(issue_id).state == state


@pytest.mark.parametrize(("hours", "state"), [(47.9, "done_unchecked"), (48, "assigned")])
def test_work_that_did_not_help_within_48_hours_is_opened_again(ledger: Ledger, hours: float, state: str) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    report(ledger, only(ledger).issue_id, "done", NOW + HOUR)
    seen = NOW + HOUR + hours * HOUR
    apply_flags(ledger, [flag("P1", "drought", seen + HOUR, data_at=seen)], GRADE_ONE, seen + HOUR)
    assert only(ledger).state == state
    assert only(ledger).repeat_count == (state == "assigned")


def test_a_picture_older_than_the_cure_does_not_reopen_a_disease(ledger: Ledger) -> None:
    apply_flags(ledger, [sick("P1", NOW)], GRADE_ONE, NOW)
    report(ledger, only(ledger).issue_id, "done", NOW + HOUR, inspection="confirmed")
    late = NOW + 5 * DAY
    apply_flags(ledger, [sick("P1", late, data_at=late)], GRADE_ONE, late)
    assert only(ledger).state == "done_unchecked"


def test_a_false_alarm_is_not_opened_again_for_72_hours_unless_it_gets_worse(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    issue_id = only(ledger).issue_id
    report(ledger, issue_id, "false_alarm", NOW + HOUR, reason="wet")
    assert ledger.issue(issue_id).state == "done_unchecked"
    perform(ledger, Action("office-01", issue_id, "void", "王工", reason="看过了，是湿的"), NOW + 2 * HOUR)
    at = NOW + DAY
    assert apply_flags(ledger, [flag("P1", "drought", at)], GRADE_ONE, at).opened == []
    at += HOUR
    assert len(apply_flags(ledger, [flag("P1", "drought", at, severity=3)], GRADE_ONE, at).opened) == 1


def test_a_false_alarm_is_opened_again_after_72_hours(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    perform(ledger, Action("office-01", only(ledger).issue_id, "void", "王工", reason="湿"), NOW + HOUR)
    at = NOW + 74 * HOUR
    assert len(apply_flags(ledger, [flag("P1", "drought", at)], GRADE_ONE, at).opened) == 1


def test_the_same_trouble_again_counts_as_a_repeat_and_is_looked_back_at(ledger: Ledger) -> None:
    for round_ in range(2):
        at = NOW + 10 * round_ * DAY
        apply_flags(ledger, [flag("P1", "drought", at)], GRADE_ONE, at)
        issue_id = only(ledger).issue_id
        report(ledger, issue_id, "done", at + HOUR)
        apply_flags(ledger, [well("P1", "drought", at + DAY, data_at=at + DAY)], GRADE_ONE, at + DAY)
    issue = ledger.issue(issue_id)
    assert issue.repeat_count == 1
    assert issue.look_back_on == (NOW + 11 * DAY + timedelta(days=7)).date()


def test_frost_puts_open_work_off_and_the_thaw_takes_it_up_with_a_new_deadline(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    frozen = flag(
        "P1", "drought", NOW + DAY, state="frozen", needs_work=False, severity=0, reason_code="drought_frozen"
    )
    assert apply_flags(ledger, [frozen], GRADE_ONE, NOW + DAY).deferred == [only(ledger).issue_id]
    assert only(ledger).state == "deferred"
    thaw = NOW + 90 * DAY
    apply_flags(ledger, [flag("P1", "drought", thaw)], GRADE_ONE, thaw)
    assert (only(ledger).state, only(ledger).due_at > thaw) == ("assigned", True)


def test_a_plot_that_nobody_registered_still_becomes_an_issue_without_a_crew(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("NOWHERE", "drought", NOW)], PLOTS, NOW)
    assert (only(ledger).state, only(ledger).crew) == ("opened", None)


def test_a_plot_row_that_no_longer_holds_gives_no_crew(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], [plot("P1", "旧", 117.1, 39.2, valid_to=NOW)], NOW)
    assert only(ledger).crew is None


def test_work_in_a_plot_that_left_the_register_is_void(ledger: Ledger) -> None:
    both = [*GRADE_ONE, plot("P2", "二号", 117.13, 39.22)]
    first = [flag("P1", "drought", NOW), silent("P1", "S1", NOW), flag("P2", "drought", NOW)]
    issue_id, *_ = apply_flags(ledger, first, both, NOW).opened
    later = NOW + DAY
    register = [both[0] | {"valid_to": NOW + HOUR}, both[1]]
    applied = apply_flags(ledger, [flag("P2", "drought", later)], register, later)
    assert (len(applied.closed), only(ledger).plot_id) == (2, "P2")
    issue = ledger.issue(issue_id)
    assert (issue.state, issue.closed_reason, issue.checker) == ("void", "plot_closed", "greensward")
    assert f"closed.{issue.closed_reason}" in all_words()


def test_a_plot_with_new_facts_or_missing_from_a_broken_register_keeps_its_work(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    changed = [GRADE_ONE[0] | {"valid_to": NOW + HOUR}, GRADE_ONE[0] | {"valid_from": NOW + HOUR, "name": "新一号"}]
    apply_flags(ledger, [], changed, NOW + DAY)
    apply_flags(ledger, [], [], NOW + DAY)
    assert only(ledger).state == "assigned"


def test_a_plot_that_comes_back_dry_is_work_at_once(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    apply_flags(ledger, [], [GRADE_ONE[0] | {"valid_to": NOW + HOUR}], NOW + 2 * HOUR)
    again = NOW + DAY
    assert len(apply_flags(ledger, [flag("P1", "drought", again)], GRADE_ONE, again).opened) == 1


def test_inputs_that_are_no_json_object_do_not_stop_an_issue(ledger: Ledger) -> None:
    rows = [flag("P1", "drought", NOW, inputs_json=json.dumps([1, 2]), reason_params_json="null")]
    apply_flags(ledger, rows, GRADE_ONE, NOW)
    assert only(ledger).finding["trend_7d"] == []


def check(ledger: Ledger, issue: Issue, state: str, after: timedelta = DAY, **changes: object) -> Applied:
    """Apply what the probes show of the issue's reported water, `after` it: a day."""
    assert issue.done_at is not None
    params: dict[str, object] = {"issue_id": issue.issue_id, "reported_at": issue.done_at.isoformat(), "share_pct": 60}
    now = issue.done_at + after
    data_at = changes.pop("data_at", now)
    params |= changes
    row = well(
        "P1", "watering", now, state=state, data_at=data_at, reason_code=f"watering_{state}",
        reason_params_json=json.dumps(params),
    )  # fmt: skip
    return apply_flags(ledger, [row], GRADE_ONE, now)


def reported(ledger: Ledger) -> Issue:
    """Return the issue of a dry plot whose crew said an hour later that it had watered."""
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    report(ledger, only(ledger).issue_id, "done", NOW + HOUR, litres=6400.0)
    return only(ledger)


def test_water_that_the_probes_show_at_the_roots_closes_the_issue(ledger: Ledger) -> None:
    issue = reported(ledger)
    assert check(ledger, issue, "verified").closed == [issue.issue_id]
    assert ledger.issue(issue.issue_id).closed_reason == "watering_verified"


def test_water_that_did_not_arrive_is_rechecked_by_others_than_the_crew_that_reported_it(ledger: Ledger) -> None:
    issue = reported(ledger)
    assert check(ledger, issue, "ineffective").reopened == [issue.issue_id]
    again = only(ledger)
    assert (again.state, again.crew, again.note) == ("opened", None, "water_did_not_arrive")
    assert (again.recheck_not_by, again.due_at > NOW + DAY) == (("一队",), True)
    assert check(ledger, issue, "ineffective").reopened == []


def test_a_recheck_is_barred_to_whoever_reported_by_telephone_as_well(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    issue_id = only(ledger).issue_id
    perform(ledger, Action("telephone-1", issue_id, "done", "李四", water_used_litres=6400.0), NOW + HOUR)
    check(ledger, only(ledger), "ineffective")
    assert only(ledger).recheck_not_by == ("一队", "李四")


@pytest.mark.parametrize(
    ("state", "then", "note"),
    [
        ("partial", "assigned", "water_came_in_part"),
        ("ineffective", "opened", "water_did_not_arrive"),
        ("reported_late", "assigned", "water_came_before"),
    ],
)
@pytest.mark.parametrize(("hours", "is_looked_at"), [(23.9, False), (24.0, True)])
def test_water_that_is_not_all_seen_is_looked_at_again_once_it_has_had_a_day_to_sink(
    ledger: Ledger, state: str, then: str, note: str, hours: float, *, is_looked_at: bool
) -> None:
    issue = reported(ledger)
    assert issue.done_at is not None
    applied = check(ledger, issue, state, data_at=issue.done_at + timedelta(hours=hours))
    assert applied.reopened == ([issue.issue_id] if is_looked_at else [])
    again = only(ledger)
    if is_looked_at:
        assert (again.state, again.note, again.due_at > NOW + DAY) == (then, note, True)
    else:
        assert again.state == "done_unchecked"


@pytest.mark.parametrize("state", ["partial", "ineffective", "reported_late"])
@pytest.mark.parametrize(("hours", "is_looked_at"), [(47.9, False), (48.0, True)])
def test_water_whose_probe_fell_silent_is_looked_at_after_two_days_and_nobody_is_blamed(
    ledger: Ledger, state: str, hours: float, *, is_looked_at: bool
) -> None:
    issue = reported(ledger)
    assert issue.done_at is not None
    last_heard = issue.done_at + timedelta(hours=23.9)
    applied = check(ledger, issue, state, after=timedelta(hours=hours), data_at=last_heard)
    assert applied.reopened == ([issue.issue_id] if is_looked_at else [])
    again = only(ledger)
    if is_looked_at:
        assert (again.state, again.crew, again.note, again.recheck_not_by) == ("assigned", "一队", "water_unknown", ())


SILENT_AFTER = {False: timedelta(hours=7), True: DAY}
"""How long after a report its probe was still heard: too short to say anything of the water, or long enough."""


@pytest.mark.parametrize("is_known", [False, True])
def test_water_that_late_data_show_ends_the_recheck_on_which_nobody_has_gone(ledger: Ledger, *, is_known: bool) -> None:
    issue = reported(ledger)
    assert issue.done_at is not None
    check(ledger, issue, "ineffective", after=2 * DAY, data_at=issue.done_at + SILENT_AFTER[is_known])
    assert only(ledger).recheck_not_by == (("一队",) if is_known else ())
    assert check(ledger, issue, "ineffective", after=2.4 * DAY) == Applied()
    assert check(ledger, issue, "verified", after=2.5 * DAY).closed == [issue.issue_id]
    assert ledger.issue(issue.issue_id).closed_reason == "watering_verified"


UNHEARD = ["no_data", "stale", "silent", "sensor_fault"]


def unheard(ledger: Ledger, issue: Issue, state: str, hours: float, heard_h: float | None) -> Applied:
    """Apply a verdict of dryness so long after a report, whose probe was last heard `heard_h` after the report."""
    assert issue.done_at is not None
    now = issue.done_at + timedelta(hours=hours)
    heard_at = None if heard_h is None else issue.done_at + timedelta(hours=heard_h)
    row = well("P1", "drought", now, state=state, reason_code=f"drought_{state}", data_at=heard_at)
    return apply_flags(ledger, [row], GRADE_ONE, now)


@pytest.mark.parametrize(
    ("state", "hours", "heard_h", "is_looked_at"),
    [
        *((state, 48.0, 3.0, True) for state in UNHEARD),
        ("silent", 47.9, 3.0, False),
        ("no_data", 48.0, None, True),
        ("silent", 48.0, -5.0, True),
        ("frozen", 48.0, 3.0, False),
        ("stale", 48.0, 23.9, True),
        ("stale", 48.0, 24.0, False),
        ("silent", 71.9, 24.0, False),
        ("silent", 72.0, 24.0, True),
    ],
)
def test_water_of_which_the_probes_said_nothing_at_all_is_looked_at_once_two_days_are_over(
    ledger: Ledger, state: str, hours: float, heard_h: float | None, *, is_looked_at: bool
) -> None:
    issue = reported(ledger)
    applied = unheard(ledger, issue, state, hours, heard_h)
    assert applied == Applied(reopened=[issue.issue_id] if is_looked_at else [])
    again = only(ledger)
    if is_looked_at:
        assert (again.state, again.crew, again.note, again.recheck_not_by) == ("assigned", "一队", "water_unknown", ())
        assert again.due_at > NOW + timedelta(hours=hours)
    else:
        assert again.state == "done_unchecked"


def test_what_the_crew_reports_of_its_look_where_no_probe_is_heard_is_for_the_office_to_check(ledger: Ledger) -> None:
    issue = reported(ledger)
    assert unheard(ledger, issue, "silent", 48, 3).reopened == [issue.issue_id]
    perform(ledger, Action("look-00001", issue.issue_id, "done", "crew:一队", as_crew="一队"), NOW + 3 * DAY)
    assert unheard(ledger, only(ledger), "silent", 100, -70) == Applied()
    assert only(ledger).state == "done_unchecked"


def test_late_data_that_show_the_water_end_the_look_where_the_probes_had_said_nothing(ledger: Ledger) -> None:
    issue = reported(ledger)
    assert unheard(ledger, issue, "silent", 48, 3).reopened == [issue.issue_id]
    assert check(ledger, issue, "verified", after=2.5 * DAY).closed == [issue.issue_id]


def test_what_the_probes_did_see_counts_before_that_they_are_silent_now(ledger: Ledger) -> None:
    issue = reported(ledger)
    assert issue.done_at is not None
    now = issue.done_at + 4 * DAY
    params = {"issue_id": issue.issue_id, "reported_at": issue.done_at.isoformat(), "share_pct": 3}
    heard_at = issue.done_at + DAY
    rows = [
        well("P1", "drought", now, state="silent", reason_code="drought_silent", data_at=heard_at),
        well("P1", "watering", now, state="ineffective", data_at=heard_at, reason_params_json=json.dumps(params)),
    ]
    apply_flags(ledger, rows, GRADE_ONE, now)
    assert (only(ledger).note, only(ledger).recheck_not_by) == ("water_did_not_arrive", ("一队",))


@pytest.mark.parametrize(
    ("work", "heard_h", "is_looked_at"),
    [("water", 0.0, True), ("water", -0.1, False), ("water", None, False), ("protect", 3.0, False)],
)
def test_a_campaigns_water_is_looked_at_where_its_probe_fell_silent_and_not_where_there_was_none(
    ledger: Ledger, work: str, heard_h: float | None, *, is_looked_at: bool
) -> None:
    """Else every plot with a broken probe would be driven to twice in a campaign."""
    params = json.dumps({"work": work, "ends_on": "2026-07-31"})
    due = flag("P1", "campaign.x", NOW, state="due", reason_code="campaign_due_dry", reason_params_json=params)
    apply_flags(ledger, [due], GRADE_ONE, NOW)
    report(ledger, only(ledger).issue_id, "done", NOW + HOUR, litres=6400.0)
    assert bool(unheard(ledger, only(ledger), "silent", 48, heard_h).reopened) is is_looked_at


def test_a_false_alarm_is_no_water_that_anybody_looks_after(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], GRADE_ONE, NOW)
    report(ledger, only(ledger).issue_id, "false_alarm", NOW + HOUR, reason="wet")
    assert unheard(ledger, only(ledger), "silent", 48, 3) == Applied()


GONE = ["done", "false_alarm", "started", "cannot_do", "started, then given to others", "seen"]


@pytest.mark.parametrize("then", [*GONE, "by a person", "another report"])
def test_a_recheck_on_which_somebody_has_gone_is_ended_by_no_late_data(ledger: Ledger, then: str) -> None:
    issue = reported(ledger)
    assert issue.done_at is not None
    is_seen = then == "seen"
    if then == "by a person":
        perform(ledger, Action("again-0001", issue.issue_id, "reopened", "王工", reason="还是干"), NOW + DAY)
    else:
        check(ledger, issue, "ineffective", after=2 * DAY, data_at=issue.done_at + SILENT_AFTER[is_seen])
    soon = NOW + 2 * DAY + 2 * HOUR
    if is_seen:
        perform(ledger, Action("seen-00001", issue.issue_id, "assigned", "王工", crew="一队", reason="没浇到"), soon)
    elif then in GONE:
        kind, *others = then.split(", then given to ")
        reason = "no_water" if kind == "cannot_do" else "wet"
        acted = Action(f"{kind}-00001", issue.issue_id, kind, "crew:一队", as_crew="一队", reason=reason)
        perform(ledger, acted, soon)
        if others:
            perform(ledger, Action("others-001", issue.issue_id, "assigned", "王工", crew="二队"), soon)
    at = NOW if then == "another report" else issue.done_at
    before = only(ledger)
    assert check(ledger, issue, "verified", after=2.5 * DAY, reported_at=at.isoformat()) == Applied()
    assert only(ledger) == before


@pytest.mark.parametrize("state", ["verified", "ineffective"])
def test_water_that_was_brought_with_other_work_neither_closes_nor_reopens_it(ledger: Ledger, state: str) -> None:
    """A lawn that looks weak was watered, too: whether it is well the next flight shows."""
    apply_flags(ledger, [flag("P1", "vigour", NOW, litres=None)], GRADE_ONE, NOW)
    report(ledger, only(ledger).issue_id, "done", NOW + HOUR, litres=6400.0, inspection="confirmed")
    assert check(ledger, only(ledger), state) == Applied()
    assert only(ledger).state == "done_unchecked"


@pytest.mark.parametrize("state", ["rained", "unplanned"])
def test_what_proves_neither_leaves_the_report_as_it_is(ledger: Ledger, state: str) -> None:
    issue = reported(ledger)
    assert check(ledger, issue, state) == Applied()
    assert only(ledger).state == "done_unchecked"


def test_a_check_of_another_report_or_of_an_unknown_issue_changes_nothing(ledger: Ledger) -> None:
    issue = reported(ledger)
    assert check(ledger, issue, "verified", reported_at=NOW.isoformat()) == Applied()
    assert check(ledger, issue, "verified", issue_id="BC-20200101-0001") == Applied()
    assert only(ledger).state == "done_unchecked"
