"""On what an issue was opened, reported, checked and looked back at: the same numbers for ever, wherever they stand."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from crews.action import Action
from crews.apply import apply_flags, valid_plots
from crews.crew_list import Stop
from crews.export import stop_values, to_csv
from crews.issue import Event, Photo
from crews.issue_page import render_issue, say_judged_on
from crews.ledger import Ledger
from crews.lists import list_of, list_of_one
from crews.page import render_list
from crews.perform import perform
from crews.say_stop import say_reason
from crews.words import speaker
from ingest.site import BEICHEN
from tests.crews.made import DAY, HOUR, NOW, PLOTS, flag, well

PLOT = "BYH-03"


def thin(as_of: datetime, ndvi: float, **changes: Any) -> dict[str, Any]:
    """Return the flag of a bed whose vegetation index is low."""
    params = {"index_name": "NDVI", "value": ndvi, "peer_median": 0.55}
    return flag(
        PLOT, "vigour", as_of, state="low", reason_code="vigour_inspect", reason_params_json=json.dumps(params),
        value=ndvi, line=0.4, unit="1", litres=None, gross_mm=None, rule_id="drone.vigour",
    ) | changes  # fmt: skip


def evaluate(ledger: Ledger, row: dict[str, Any]) -> None:
    """Bring one evaluation into the ledger at its own instant."""
    apply_flags(ledger, [row], PLOTS, row["as_of"])


def stop_of(ledger: Ledger, issue_id: str, now: datetime) -> Stop:
    """Return the issue as the office sees it."""
    return list_of_one(ledger, issue_id, valid_plots(PLOTS, now), now, 8000.0).stops[0]


@pytest.fixture
def closed(ledger: Ledger) -> str:
    """Return an issue opened on 0.32, reported on 0.34, closed by a look at its photo on 0.35, well since, then bad."""
    evaluate(ledger, thin(NOW, 0.32))
    (issue,) = ledger.open_issues()
    evaluate(ledger, thin(NOW + DAY, 0.34))
    photo = (Photo("ab" * 32, "after"),)
    done = Action("phone-001", issue.issue_id, "done", "crew:一队", as_crew="一队", inspection="nothing", photos=photo)
    perform(ledger, done, NOW + DAY + HOUR)
    evaluate(ledger, thin(NOW + 2 * DAY, 0.35))
    perform(ledger, Action("office-01", issue.issue_id, "closed", "王工"), NOW + 2 * DAY + HOUR)
    evaluate(ledger, well(PLOT, "vigour", NOW + 3 * DAY, value=0.61))
    evaluate(ledger, thin(NOW + 4 * DAY, 0.21))
    return issue.issue_id


def findings(events: list[Event]) -> dict[str, float]:
    """Return the value that each kind of event was made on."""
    return {event.kind: event.detail["finding"]["value"] for event in events if "finding" in event.detail}


def test_each_step_keeps_the_value_it_was_made_on(ledger: Ledger, closed: str) -> None:
    perform(ledger, Action("office-02", closed, "looked_back", "赵工"), NOW + 9 * DAY)
    kept = findings(ledger.history(closed))
    assert kept == {"opened": 0.32, "done": 0.34, "closed": 0.35, "looked_back": 0.21}
    rows = [row for row in ledger.events_since(0).to_pylist() if row["issue_id"] == closed]
    exported = {row["kind"]: json.loads(row["detail_json"]).get("finding") for row in rows}
    assert {kind: found["value"] for kind, found in exported.items() if found} == kept
    assert stop_of(ledger, closed, NOW + 10 * DAY).finding.value == 0.35, "a look-back is of another time"


def test_a_closed_issue_tells_the_number_of_its_check_on_every_page_and_for_ever(
    ledger: Ledger, closed: str, tmp_path: Path
) -> None:
    before = stop_of(ledger, closed, NOW + 2 * DAY + 2 * HOUR)
    now = NOW + 4 * DAY + HOUR
    assert (before.finding.value, before.newest) == (0.35, None)
    stop = stop_of(ledger, closed, now)
    assert (stop.finding, stop.newest, stop.days) == (before.finding, None, before.days)
    assert "0.35" in say_reason(stop, "zh")
    listed = list_of(ledger, "一队", valid_plots(PLOTS, now), now, 8000.0)
    (ended,) = [one for one in listed.stops if one.issue.issue_id == closed]
    assert stop_values(listed, ended, "zh")["evidence_value"] == 0.35
    assert "0.35" in to_csv([listed], "zh")
    one = list_of_one(ledger, closed, valid_plots(PLOTS, now), now, 8000.0)
    for page in (render_list(listed, "en"), render_issue(one, ledger.history(closed), {}, "en")):
        assert "When it ended: " in page
        assert "0.35" in page
    ledger.rebuild()
    with Ledger(tmp_path / "ledger" / "ledger.sqlite", BEICHEN) as again:
        assert stop_of(again, closed, now) == stop


def test_the_history_says_on_what_each_step_was_judged_and_of_when_that_was(ledger: Ledger, closed: str) -> None:
    said = {event.kind: say_judged_on(event, BEICHEN, speaker("zh"), "zh") for event in ledger.history(closed)}
    for kind, number in {"opened": "0.32", "done": "0.34", "closed": "0.35"}.items():
        assert number in str(said[kind])
    assert said["assigned"] is None
    assert "数据截至 7月4日 07:55" in str(said["closed"])


def test_what_recovered_keeps_the_well_number_that_closed_it_and_the_dry_one_that_was_worked_on(ledger: Ledger) -> None:
    evaluate(ledger, flag(PLOT, "drought", NOW))
    (issue,) = ledger.open_issues()
    evaluate(ledger, flag(PLOT, "drought", NOW + HOUR, value=0.131))
    done = Action("phone-001", issue.issue_id, "done", "crew:一队", as_crew="一队", water_used_litres=6400.0)
    perform(ledger, done, NOW + 2 * HOUR)
    evaluate(ledger, well(PLOT, "drought", NOW + 2 * DAY, value=0.29))
    evaluate(ledger, well(PLOT, "drought", NOW + 3 * DAY, value=0.27))
    stop = stop_of(ledger, issue.issue_id, NOW + 3 * DAY)
    assert (stop.issue.state, stop.finding.value) == ("closed", 0.131)
    assert stop.newest is not None
    assert stop.newest.value == 0.29
    evaluate(ledger, flag(PLOT, "drought", NOW + 3 * DAY + HOUR, value=0.11))
    looked = perform(ledger, Action("office-00", issue.issue_id, "looked_back", "赵工"), NOW + 3 * DAY + HOUR).issue
    assert looked.finding["value"] == 0.131, "the dryness of another issue is no part of it"
    (other,) = ledger.open_issues()
    perform(ledger, Action("office-09", other.issue_id, "void", "赵工", reason="测错"), NOW + 3 * DAY + HOUR)
    evaluate(ledger, well(PLOT, "drought", NOW + 4 * DAY, value=0.27))
    reopened = perform(ledger, Action("office-01", issue.issue_id, "reopened", "王工", reason="干"), NOW + 4 * DAY)
    assert reopened.issue.ended_on is None
    assert stop_of(ledger, issue.issue_id, NOW + 4 * DAY).newest.value == 0.27  # type: ignore[union-attr]


def test_what_was_closed_before_findings_were_kept_shows_the_one_it_has(ledger: Ledger) -> None:
    evaluate(ledger, flag(PLOT, "drought", NOW))
    (issue,) = ledger.open_issues()
    ledger.run("drop trigger events_never_change", ())
    evaluate(ledger, well(PLOT, "drought", NOW + DAY))
    ledger.run("update events set detail_json = json_remove(detail_json, '$.finding') where kind = 'closed'", ())
    ledger.rebuild()
    stop = stop_of(ledger, issue.issue_id, NOW + 2 * DAY)
    assert (stop.issue.ended_on, stop.newest, stop.finding.value) == (None, None, 0.142)
