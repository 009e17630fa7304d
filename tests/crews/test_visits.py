"""A watering of several visits: each is reported by itself, and only the last is the work done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crews.action import Action
from crews.apply import apply_flags, valid_plots
from crews.issue import Issue
from crews.ledger import Ledger
from crews.lists import list_of
from crews.perform import perform
from crews.say_stop import say_action
from crews.transitions import rebuild
from crews.words import speaker
from tests.crews.made import DAY, HOUR, NOW, flag, plot, well

GRADE_ONE = [plot("P1", "一号", 117.13, 39.22)]


def only(ledger: Ledger) -> Issue:
    (issue,) = ledger.open_issues()
    return issue


def three_visits(ledger: Ledger, visits: int = 3) -> Issue:
    apply_flags(ledger, [flag("P1", "drought", NOW, litres=9000.0, visits=visits)], GRADE_ONE, NOW)
    return only(ledger)


def say_done(ledger: Ledger, number: int, hours: float) -> Issue:
    issue = only(ledger)
    action = Action(f"visit-number-{number}", issue.issue_id, "done", "crew:一队", water_used_litres=3000.0)
    perform(ledger, action, NOW + hours * HOUR)
    return ledger.issue(issue.issue_id)


def test_the_issue_is_done_with_the_last_of_three_visits_and_each_report_is_kept(ledger: Ledger) -> None:
    three_visits(ledger)
    first = say_done(ledger, 1, 2)
    assert (first.state, first.visit, first.visits, first.result_code) == ("assigned", 1, 3, None)
    second = say_done(ledger, 2, 30)
    assert (second.state, second.visit) == ("assigned", 2)
    last = say_done(ledger, 3, 60)
    assert (last.state, last.visit, last.result_code) == ("done_unchecked", 3, "done")
    events = ledger.history(last.issue_id)
    assert [event.detail["visit"] for event in events if event.kind == "done"] == [1, 2, 3]
    assert rebuild(events) == last


def test_a_second_different_report_from_one_form_is_no_second_visit(ledger: Ledger) -> None:
    issue_id = three_visits(ledger).issue_id
    for number, litres in ((1, 3000.0), (2, 2500.0)):
        action = Action(
            f"form-done.{number}", issue_id, "done", "crew:一队", water_used_litres=litres, form_id="form-done"
        )
        perform(ledger, action, NOW + 2 * HOUR)
    assert (only(ledger).visit, only(ledger).water_used_litres) == (1, 2500.0)


def test_the_next_visit_is_due_a_day_later_so_that_the_water_sinks_in(ledger: Ledger) -> None:
    due = three_visits(ledger).due_at
    assert say_done(ledger, 1, 2).due_at == max(due, NOW + 26 * HOUR)
    assert say_done(ledger, 2, 100).due_at == NOW + 124 * HOUR


@pytest.mark.parametrize(("litres", "state", "visit"), [(8900.0, "done_unchecked", 3), (6100.0, "assigned", 2)])
def test_a_crew_that_brought_the_water_of_several_visits_at_once_reports_them_at_once(
    ledger: Ledger, litres: float, state: str, visit: int
) -> None:
    issue = three_visits(ledger)
    perform(ledger, Action("at-once-1", issue.issue_id, "done", "crew:一队", water_used_litres=litres), NOW + HOUR)
    found = ledger.issue(issue.issue_id)
    assert (found.state, found.visit) == (state, visit)


def test_the_amount_of_a_visit_can_be_put_right_before_the_next(ledger: Ledger) -> None:
    issue = three_visits(ledger)
    say_done(ledger, 1, 2)
    perform(ledger, Action("put-right", issue.issue_id, "amended", "crew:一队", water_used_litres=2500.0), NOW + DAY)
    put_right = only(ledger)
    assert (put_right.state, put_right.visit, put_right.water_used_litres) == ("assigned", 1, 2500.0)


def test_a_watering_of_one_visit_is_done_with_its_report(ledger: Ledger) -> None:
    three_visits(ledger, visits=1)
    done = say_done(ledger, 1, 2)
    assert (done.state, done.visit, done.visits) == ("done_unchecked", 0, 1)


@pytest.mark.parametrize(("left", "states"), [(1, ["done_unchecked"]), (2, ["assigned", "done_unchecked"])])
def test_how_many_visits_are_left_is_what_the_newest_evaluation_says(
    ledger: Ledger, left: int, states: list[str]
) -> None:
    three_visits(ledger)
    say_done(ledger, 1, 2)
    later = NOW + 2 * DAY
    apply_flags(ledger, [flag("P1", "drought", later, litres=3000.0 * left, visits=left)], GRADE_ONE, later)
    assert [say_done(ledger, 2 + number, 60 + 30 * number).state for number in range(left)] == states


def test_probes_that_show_enough_after_the_first_visit_close_the_issue(ledger: Ledger) -> None:
    issue = three_visits(ledger)
    say_done(ledger, 1, 2)
    later = NOW + 2 * DAY
    row = well("P1", "drought", later, data_at=later - timedelta(minutes=5))
    assert apply_flags(ledger, [row], GRADE_ONE, later).closed == [issue.issue_id]
    assert ledger.issue(issue.issue_id).closed_reason == "recovered_after_work"


def test_a_watering_that_is_sent_back_begins_again_with_its_first_visit(ledger: Ledger) -> None:
    issue = three_visits(ledger, visits=2)
    say_done(ledger, 1, 2)
    say_done(ledger, 2, 30)
    action = Action("sent-back", issue.issue_id, "reopened", "王工", reason="没浇透")
    perform(ledger, action, NOW + 40 * HOUR)
    assert (only(ledger).state, only(ledger).visit) == ("assigned", 0)


@pytest.mark.parametrize(
    ("litres", "said"), [(8900.0, "第 3 次/共 3 次"), (6100.0, "第 3 次/共 3 次"), (3000.0, "第 2 次/共 3 次")]
)
def test_a_card_speaks_of_the_next_visit_and_of_the_last_once_all_are_reported(
    ledger: Ledger, litres: float, said: str
) -> None:
    issue = three_visits(ledger)
    perform(ledger, Action("at-once-2", issue.issue_id, "done", "crew:一队", water_used_litres=litres), NOW + HOUR)
    (stop,) = list_of(ledger, "一队", valid_plots(GRADE_ONE, NOW), NOW + HOUR, 8000.0).stops
    assert say_action(stop, speaker("zh")).startswith(said)
