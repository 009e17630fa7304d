"""What analysts learn of the crews' work from its events alone, held against the ledger that wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crews.action import Action
from crews.apply import apply_flags
from crews.ledger import Ledger
from crews.office import on_time
from crews.perform import perform
from ingest.site import BEICHEN
from sql.analysts import all_questions, create_views
from tests.crews.made import DAY, HOUR, NOW, PLOTS, flag, report, well
from tests.sql.made_lake import MadeLake

START = NOW - 20 * DAY
"""12 June; drought of severity 2 and grade 1 is due 48 h later."""


def by_office(ledger: Ledger, issue_id: str, kind: str, at: datetime, **more: Any) -> None:
    perform(ledger, Action(f"{kind}-{issue_id}-{at:%d%H}", issue_id, kind, "王工", reason="看过", **more), at)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Return a ledger of work on time, late, late but extended, in vain at first, needless, and never asked."""
    path: Path = tmp_path_factory.mktemp("questions") / "ledger.sqlite"
    with Ledger(path, BEICHEN) as ledger:
        plots = ["JJ-012", "JJ-015", "JJ-021", "JJ-022", "BYH-03", "GY-01"]
        apply_flags(ledger, [flag(plot, "drought", START) for plot in plots], PLOTS, START)
        issues = {issue.plot_id: issue.issue_id for issue in ledger.open_issues()}
        report(ledger, issues["JJ-012"], "done", START + 10 * HOUR, litres=6400.0)
        report(ledger, issues["JJ-015"], "done", START + 53.5 * HOUR, litres=6400.0)
        by_office(ledger, issues["JJ-021"], "extended", START + 40 * HOUR, due_at=START + 80 * HOUR)
        report(ledger, issues["JJ-021"], "done", START + 70 * HOUR, litres=6400.0)
        report(ledger, issues["JJ-022"], "done", START + 20 * HOUR, litres=6400.0)
        report(ledger, issues["BYH-03"], "false_alarm", START + 12 * HOUR, reason="wet")
        by_office(ledger, issues["BYH-03"], "void", START + 13 * HOUR)
        seen = START + 72 * HOUR  # JJ-022 is as dry as before, GY-01 got rain: nobody went
        at = [flag("JJ-022", "drought", seen, data_at=seen)]
        at += [well(plot, "drought", seen, data_at=seen) for plot in ("JJ-012", "JJ-015", "JJ-021", "GY-01")]
        apply_flags(ledger, at, PLOTS, seen)
        perform(
            ledger,
            Action("again-1234", issues["JJ-022"], "done", "crew:一队", as_crew="一队", water_used_litres=6400.0),
            seen + 2 * HOUR,
        )
        apply_flags(ledger, [well("JJ-022", "drought", seen + DAY, data_at=seen + DAY)], PLOTS, seen + DAY)
        yield ledger


def answer(ledger: Ledger, question: str) -> list[tuple[Any, ...]]:
    lake = MadeLake()
    lake.rows["issue_events"] = ledger.events_since(0).to_pylist()
    lake.rows["plots"] = list(PLOTS)
    lake.connection.close()
    lake.connection = duckdb.connect(":memory:")
    lake.connection.execute("set timezone = 'Asia/Shanghai'")
    connection = lake.connect()
    create_views(connection)
    (select,) = [one.select for one in all_questions() if one.name == question]
    with connection:
        return connection.execute(select).fetchall()


def test_work_is_on_time_by_the_deadline_that_held_and_counts_from_the_last_time_it_was_opened(ledger: Ledger) -> None:
    rows = answer(ledger, "on_time_by_unit")
    assert rows == [
        ("北辰区园林养护一所", date(2026, 6, 1), 3, 2, 66.7, 5.5),
        ("北辰区园林养护二所", date(2026, 6, 1), 1, 1, 100.0, 0.0),
    ]
    good, done = on_time(ledger.ended_issues(START))
    assert (sum(row[3] for row in rows), sum(row[2] for row in rows)) == (good, done)


def test_of_deadlines_that_one_evaluation_set_the_last_holds_whatever_order_the_rows_come_in(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite", BEICHEN) as ledger:
        apply_flags(ledger, [flag("JJ-012", "drought", START)], PLOTS, START)
        (issue,) = ledger.open_issues()
        with ledger.transaction():
            for hours in range(60, 48, -1):  # twelve, so that the tenth comes after the ninth
                due_at = (START + hours * HOUR).isoformat()
                issue = ledger.append(issue, "extended", START + HOUR, "王工", {"due_at": due_at})
        report(ledger, issue.issue_id, "done", START + 50 * HOUR, litres=6400.0)
        seen = START + 72 * HOUR
        apply_flags(ledger, [well("JJ-012", "drought", seen, data_at=seen)], PLOTS, seen)
        assert on_time(ledger.ended_issues(START)) == (0, 1)
        (row,) = answer(ledger, "on_time_by_unit")
    assert row[2:] == (1, 0, 0.0, 1.0)


def test_a_visit_that_no_second_one_followed_is_no_work_done(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite", BEICHEN) as ledger:
        apply_flags(ledger, [flag("JJ-012", "drought", START)], PLOTS, START)
        (issue,) = ledger.open_issues()
        visit = {"result_code": "done", "visit": 1, "visits": 2, "due_at": (START + 60 * HOUR).isoformat()}
        with ledger.transaction():
            issue = ledger.append(issue, "done", START + 10 * HOUR, "crew:一队", visit)
            ledger.append(issue, "cannot_do", START + 40 * HOUR, "crew:一队", {"result_code": "no_water"})
        seen = START + 72 * HOUR
        apply_flags(ledger, [well("JJ-012", "drought", seen, data_at=seen)], PLOTS, seen)
        assert on_time(ledger.ended_issues(START)) == (0, 0)
        assert answer(ledger, "on_time_by_unit") == []


def test_a_rule_is_told_how_often_crews_called_it_false(ledger: Ledger) -> None:
    assert answer(ledger, "false_alarms_by_rule") == [
        ("soil.root_zone_depletion", "1", "drought", 6, 5, 1, 1, 20.0),
    ]


def test_what_the_office_voids_before_any_crew_went_is_no_word_on_the_rule(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite", BEICHEN) as ledger:
        apply_flags(ledger, [flag("JJ-012", "drought", START)], PLOTS, START)
        by_office(ledger, ledger.open_issues()[0].issue_id, "void", START + HOUR)
        assert answer(ledger, "false_alarms_by_rule") == [
            ("soil.root_zone_depletion", "1", "drought", 1, 0, 0, 0, None),
        ]
