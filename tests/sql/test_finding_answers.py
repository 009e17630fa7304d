"""Up to when people have answered what was seen from the air, and what counts again after that."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake
from tests.sql.test_clear_from_the_air import verdicts
from tests.sql.test_disease import found
from tests.sql.test_vigour import fly, say

Events = list[tuple[str, float]]
"""Kinds of events and how many days ago they happened."""


def tell(lake: MadeLake, events: Events, cause: str = "disease") -> None:
    for kind, days in events:
        say(lake, kind, AS_OF - timedelta(days=days), cause)


@pytest.mark.parametrize("cause", ["disease", "vigour"])
@pytest.mark.parametrize(
    ("events", "answered_days_ago", "visited_days_ago"),
    [
        ([("done", 6)], None, 6),
        ([("false_alarm", 6)], None, 6),
        ([("done", 6), ("closed", 1)], 6, 6),
        ([("done", 6), ("done", 2), ("closed", 1)], 2, 2),
        ([("closed", 1)], 1, None),
        ([("false_alarm", 6), ("void", 1)], 6, 6),
        ([("false_alarm", 6), ("done", 4), ("void", 1)], 1, 4),
        ([("done", 6), ("void", 1)], 1, 6),
        ([("void", 1)], 1, None),
        ([("done", 6), ("closed", 5), ("reopened", 4)], None, None),
        ([("done", 6), ("closed", 5), ("reopened", 4), ("closed", 1)], 1, None),
        ([("done", 6), ("closed", 5), ("reopened", 4), ("done", 3), ("closed", 1)], 3, 3),
        ([("false_alarm", 6), ("void", 5), ("reopened", 4), ("void", 1)], 1, None),
        ([("done", 70), ("closed", 50)], 70, 70),
        ([("done", 181), ("closed", 180)], 180, None),
        ([("closed", 181)], None, None),
    ],
)
def test_an_answer_reaches_up_to_the_visit_and_not_up_to_the_desk(
    lake: MadeLake, cause: str, events: Events, answered_days_ago: float | None, visited_days_ago: float | None
) -> None:
    tell(lake, events, cause)
    connection = lake.connect()
    make_models(connection, models_behind("finding_answers"), as_of=AS_OF, site=BEICHEN)
    rows = connection.execute("select cause, answered_at, visited_at from finding_answers").fetchall()
    days = [(cause, *(at and (AS_OF - at) / timedelta(days=1) for at in instants)) for cause, *instants in rows]
    is_there = answered_days_ago is not None or visited_days_ago is not None or len(events) > 1
    assert days == ([(cause, answered_days_ago, visited_days_ago)] if is_there else [])


def test_an_issue_before_answers_nothing_that_the_next_one_is_about(lake: MadeLake) -> None:
    for issue_id, events in (("BC-0", [("done", 20), ("closed", 19)]), ("BC-1", [("done", 2)])):
        for kind, days in events:
            say(lake, kind, AS_OF - timedelta(days=days), "disease", issue_id)
    say(lake, "closed", AS_OF - timedelta(days=1), "drought", "BC-2")
    connection = lake.connect()
    make_models(connection, models_behind("finding_answers"), as_of=AS_OF, site=BEICHEN)
    rows = connection.execute("select cause, answered_at, visited_at from finding_answers").fetchall()
    assert rows == [("disease", AS_OF - timedelta(days=20), AS_OF - timedelta(days=2))]


def test_work_that_is_sent_back_takes_back_no_answer_of_the_issue_before(lake: MadeLake) -> None:
    """Mildew of day 36 was closed; rust of day 10 is sent back, and stays what the plot is looked at for."""
    for days, class_name in ((36, "powdery_mildew"), (10, "rust")):
        lake.plot()
        lake.flight(class_name, AS_OF - timedelta(days=days))
        for image in "AB":
            found(lake, "P1", f"{days}{image}", class_name, AS_OF - timedelta(days=days), class_name)
        del lake.rows["plots"][1:]
    for issue_id, kind, days in (
        ("BC-0", "done", 35.5), ("BC-0", "closed", 35), ("BC-1", "done", 6), ("BC-1", "reopened", 5),
    ):  # fmt: skip
        say(lake, kind, AS_OF - timedelta(days=days), "disease", issue_id)
    connection = lake.connect()
    make_models(connection, models_behind("disease_findings"), as_of=AS_OF, site=BEICHEN)
    asked = "select state, json_extract_string(inputs_json, '$.class') from disease_findings"
    assert connection.execute(asked).fetchall() == [("probable", "rust")]


@pytest.mark.parametrize(
    ("days_ago", "state"), [(7, "ok"), (6, "ok"), (5.99, "probable"), (3, "probable"), (0.5, "probable")]
)
def test_a_disease_that_a_flight_saw_between_the_visit_and_the_desk_is_not_answered(
    lake: MadeLake, days_ago: float, state: str
) -> None:
    lake.plot()
    at = AS_OF - timedelta(days=days_ago)
    lake.flight("F1", at)
    for image in "AB":
        found(lake, "P1", image, "F1", at)
    tell(lake, [("done", 6), ("closed", 1)])
    assert verdicts(lake, "disease_findings") == {"P1": state}


@pytest.mark.parametrize(("days_ago", "state"), [(6, "ok"), (5.99, "alert")])
def test_low_vigour_that_a_flight_saw_between_the_visit_and_the_desk_is_not_answered(
    lake: MadeLake, days_ago: float, state: str
) -> None:
    fly(lake, {"P1": 0.5}, at=AS_OF - timedelta(days=days_ago))
    tell(lake, [("done", 6), ("closed", 1)], "vigour")
    assert verdicts(lake, "vigour_findings") == {"P1": state}


@pytest.mark.parametrize(("answered", "state"), [(None, "alert"), (6, "alert"), (4, "watch"), (1, "ok")])
def test_a_weak_flight_that_was_answered_makes_no_second_weak_one_an_alert(
    lake: MadeLake, answered: float | None, state: str
) -> None:
    """Both flights stand at about -2.6: weak alone, an alert together."""
    for days in (5, 2):
        fly(lake, {"P1": 0.6}, f"F{days}", AS_OF - timedelta(days=days))
    if answered is not None:
        tell(lake, [("done", answered), ("closed", 0.1)], "vigour")
    assert verdicts(lake, "vigour_findings") == {"P1": state}


def sick(lake: MadeLake) -> None:
    for image in "AB":
        found(lake, "P1", image, "F1", AS_OF - timedelta(days=20))


@pytest.mark.parametrize(
    ("flown_days_ago", "state"),
    [((8, 7), "probable"), ((8, 3), "probable"), ((3, 2), "ok"), ((3, 2.99), "probable")],
)
@pytest.mark.parametrize("cause", ["disease", "vigour"])
def test_what_was_opened_again_is_well_after_flights_of_two_days_since_then(
    lake: MadeLake, cause: str, flown_days_ago: tuple[float, ...], state: str
) -> None:
    fly(lake, {"P1": 0.5 if cause == "vigour" else 0.7}, "F1", AS_OF - timedelta(days=20))
    if cause == "disease":
        sick(lake)
    tell(lake, [("done", 12), ("closed", 10), ("reopened", 5)], cause)
    for days in flown_days_ago:
        fly(lake, {"P1": 0.7}, f"F{days}", AS_OF - timedelta(days=days))
    expected = "alert" if (cause, state) == ("vigour", "probable") else state
    assert verdicts(lake, f"{cause}_findings") == {"P1": expected}


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "reflight"),
        ([("cannot_do", 8)], "reflight"),
        ([("done", 10), ("closed", 8)], "reflight"),
        ([("done", 8)], "flown"),
        ([("done", 8), ("closed", 7.5), ("reopened", 7)], "reflight"),
        ([("closed", 8)], "flown"),
    ],
)
def test_a_doubt_is_answered_by_who_was_there_after_it(lake: MadeLake, events: Events, state: str) -> None:
    lake.plot()
    at = AS_OF - timedelta(days=9)
    lake.flight("F1", at)
    found(lake, "P1", "A", "F1", at)
    tell(lake, events)
    assert verdicts(lake, "coverage_findings") == {"P1": state}


def test_a_crew_that_looked_at_low_vigour_has_seen_the_suspicion_too_and_a_closing_without_a_visit_has_not(
    lake: MadeLake,
) -> None:
    lake.plot()
    at = AS_OF - timedelta(days=9)
    lake.flight("F1", at)
    found(lake, "P1", "A", "F1", at)
    tell(lake, [("closed", 8)], "vigour")
    assert verdicts(lake, "coverage_findings") == {"P1": "reflight"}
    tell(lake, [("done", 7)], "vigour")
    assert verdicts(lake, "coverage_findings") == {"P1": "flown"}


def test_a_crew_confirms_what_stands_and_not_what_comes_after_its_visit(lake: MadeLake) -> None:
    lake.plot()
    for days in (9, 3):
        found(lake, "P1", f"{days}", f"F{days}", AS_OF - timedelta(days=days), centre_lat=39.2 + days / 1000)
    say(lake, "done", AS_OF - timedelta(days=6), "disease")
    lake.rows["issue_events"][-1]["detail_json"] = json.dumps({"inspection": "confirmed"})
    assert verdicts(lake, "disease_findings") == {"P1": "confirmed"}
    say(lake, "closed", AS_OF - timedelta(days=1), "disease")
    assert verdicts(lake, "disease_findings") == {"P1": "suspected"}


def test_two_batteries_of_one_morning_are_one_look(lake: MadeLake) -> None:
    """Weak twice in a morning is a watch; well twice in a morning clears nothing, nor does the second of a bad one."""
    for days, medians in (
        (9.0, {"weak": 0.6, "recovering": 0.5, "torn": 0.69}),
        (5.0, {"weak": 0.7, "recovering": 0.69, "torn": 0.69}),
        (4.99, {"weak": 0.7, "recovering": 0.69, "torn": 0.69}),
        (1.0, {"weak": 0.6, "recovering": 0.5, "torn": 0.5}),
        (0.99, {"weak": 0.6, "recovering": 0.69, "torn": 0.69}),
    ):
        fly(lake, medians, f"F{days}", AS_OF - timedelta(days=days))
    states = verdicts(lake, "vigour_findings")
    assert states == {"weak": "watch", "recovering": "alert", "torn": "alert"}
