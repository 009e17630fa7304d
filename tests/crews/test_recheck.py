"""Water that was reported and that no probe saw is looked after by somebody else."""

from __future__ import annotations

import json
import re

import pytest

from crews.action import Action
from crews.apply import apply_flags
from crews.crew_list import CrewList
from crews.issue import ActionRefusedError, Issue
from crews.issue_page import render_issue
from crews.ledger import Ledger
from crews.lists import list_of, list_of_one
from crews.page import render_list
from crews.perform import perform
from crews.say_stop import say_result
from crews.words import speaker
from tests.crews.made import DAY, HOUR, NOW, flag, plot, report, well

PLOT = plot("P1", "龙门东道绿带", 117.13, 39.22)
LATER = NOW + HOUR + DAY


@pytest.fixture
def issue_id(ledger: Ledger) -> str:
    """Return the issue of a plot for which 一队 reported 6.4 t of water that the probes did not see."""
    apply_flags(ledger, [flag("P1", "drought", NOW)], [PLOT], NOW)
    (issue,) = ledger.open_issues()
    report(ledger, issue.issue_id, "done", NOW + HOUR, litres=6400.0)
    params = {"issue_id": issue.issue_id, "reported_at": (NOW + HOUR).isoformat(), "share_pct": 3}
    unseen = well(
        "P1", "watering", LATER, state="ineffective", reason_code="watering_ineffective", data_at=LATER,
        reason_params_json=json.dumps(params),
    )  # fmt: skip
    apply_flags(ledger, [unseen], [PLOT], LATER)
    return issue.issue_id


def act(ledger: Ledger, issue_id: str, kind: str, by: str, **more: object) -> Issue:
    """Do what somebody asks, and return the issue."""
    action = Action(f"{kind}-{by}-{len(more)}-0", issue_id, kind, by, **more)  # type: ignore[arg-type]
    return perform(ledger, action, LATER + HOUR).issue


def refused(ledger: Ledger, issue_id: str, kind: str, by: str, **more: object) -> str:
    """Return the code with which it is refused."""
    with pytest.raises(ActionRefusedError) as caught:
        act(ledger, issue_id, kind, by, **more)
    return caught.value.code


def page_of(ledger: Ledger, crew: str, language: str) -> str:
    """Return the page of a crew."""
    return render_list(list_of(ledger, crew, {"P1": PLOT}, LATER + HOUR, 8000.0), language)


@pytest.mark.parametrize("kind", ["started", "done", "cannot_do", "false_alarm"])
@pytest.mark.parametrize(("by", "as_crew"), [("crew:一队", "一队"), ("一队", None)])
def test_the_crew_whose_water_no_probe_saw_reports_nothing_of_the_recheck(
    ledger: Ledger, issue_id: str, kind: str, by: str, as_crew: str | None
) -> None:
    assert refused(ledger, issue_id, kind, by, as_crew=as_crew, reason="wet") == "recheck_same_person"


def test_a_report_that_is_sent_again_late_is_still_received_once(ledger: Ledger, issue_id: str) -> None:
    again = Action(f"done-{issue_id}", issue_id, "done", "crew:一队", as_crew="一队", water_used_litres=6400.0)
    assert not perform(ledger, again, LATER + HOUR).is_new


def test_the_office_gives_the_recheck_to_another_crew_which_waters(ledger: Ledger, issue_id: str) -> None:
    assert act(ledger, issue_id, "assigned", "王工", crew="二队").crew == "二队"
    done = act(ledger, issue_id, "done", "crew:二队", as_crew="二队", water_used_litres=6400.0)
    assert (done.state, done.done_by, done.recheck_not_by) == ("done_unchecked", "crew:二队", ())


def test_the_same_crew_is_sent_again_only_when_somebody_has_looked(ledger: Ledger, issue_id: str) -> None:
    assert refused(ledger, issue_id, "assigned", "王工", crew="一队") == "recheck_same_crew"
    assert refused(ledger, issue_id, "assigned", "一队", crew="一队", reason="x") == "recheck_same_person"
    again = act(ledger, issue_id, "assigned", "王工", crew="一队", reason="水从坡上流走了，分两次浇")
    assert (again.crew, again.recheck_not_by, again.note) == ("一队", (), "水从坡上流走了，分两次浇")
    assert act(ledger, issue_id, "done", "crew:一队", as_crew="一队", water_used_litres=6400.0).result_code == "done"


def test_whoever_brought_the_water_does_not_call_its_recheck_a_false_alarm(ledger: Ledger, issue_id: str) -> None:
    assert refused(ledger, issue_id, "void", "一队", reason="x") == "recheck_same_person"
    assert act(ledger, issue_id, "void", "王工", reason="探头坏了").state == "void"


def test_both_crews_and_the_office_read_who_is_to_go_and_who_is_not(ledger: Ledger, issue_id: str) -> None:
    def listed(crew: str | None) -> CrewList:
        return list_of(ledger, crew, {"P1": PLOT}, LATER + HOUR, 8000.0)

    assert [stop.issue.issue_id for stop in listed(None).stops] == [issue_id]
    (unassigned,) = list_of_one(ledger, issue_id, {"P1": PLOT}, LATER + HOUR, 8000.0).stops
    assert "请派别的班组" in str(say_result(unassigned.issue, speaker("zh")))
    act(ledger, issue_id, "assigned", "王工", crew="二队")
    assert listed("一队").stops == ()
    assert "龙门东道绿带：你们报了浇水，探头显示水没到根，由别人复查" in page_of(ledger, "一队", "zh")
    assert "you reported water and the probes saw none of it" in page_of(ledger, "一队", "en")
    assert "复查：一队报了浇水，探头显示水没到根；先看现场再浇" in page_of(ledger, "二队", "zh")
    assert "Recheck: 一队 reported water" in page_of(ledger, "二队", "en")
    assert "由别人复查" not in page_of(ledger, "二队", "zh")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_office_reads_how_to_send_the_same_crew_after_having_looked(
    ledger: Ledger, issue_id: str, language: str
) -> None:
    def commands() -> str:
        listed = list_of_one(ledger, issue_id, {"P1": PLOT}, LATER + HOUR, 8000.0)
        return re.sub("<[^>]+>", "", render_issue(listed, ledger.history(issue_id), {}, language))

    assert f"greensward issue assign {issue_id} 一队 --by … --seen …" in commands()
    act(ledger, issue_id, "assigned", "王工", crew="二队")
    act(ledger, issue_id, "done", "crew:二队", as_crew="二队", water_used_litres=6000.0)
    assert "--seen" not in commands()


def test_events_of_before_this_rule_leave_the_issue_with_its_crew(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("P1", "drought", NOW)], [PLOT], NOW)
    (issue,) = ledger.open_issues()
    report(ledger, issue.issue_id, "done", NOW + HOUR, litres=6400.0)
    with ledger.transaction():
        detail = {"note": "water_did_not_arrive", "due_at": LATER.isoformat(), "recheck": True}
        again = ledger.append(ledger.issue(issue.issue_id), "reopened", LATER, "greensward", detail)
    assert (again.state, again.crew) == ("assigned", "一队")
