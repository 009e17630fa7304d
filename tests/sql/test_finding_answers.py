"""Up to when people have answered what was seen from the air, and what counts again after that.

Each case is a plot of its own: a lake is made once for all of them.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake
from tests.sql.test_clear_from_the_air import verdicts
from tests.sql.test_disease import found
from tests.sql.test_vigour import fly

Events = list[tuple[str, float]]
"""Kinds of events and how many days ago they happened."""

ANSWERS: list[tuple[Events, float | None, float | None]] = [
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
    ([("done", 271), ("closed", 270)], 270, None),
]
"""What happened to an issue, and how many days ago what is answered ends, and the visit that holds was."""


def tell(lake: MadeLake, plot_id: str, events: Events, cause: str = "disease", issue: str = "", **detail: Any) -> None:
    """Add events of one issue of a plot."""
    for kind, days in events:
        lake.rows["issue_events"].append(
            {"event_id": str(len(lake.rows["issue_events"])), "issue_id": f"{issue}{plot_id}{cause}",
             "happened_at": AS_OF - timedelta(days=days), "kind": kind, "plot_id": plot_id, "cause": cause,
             "actor": "office", "detail_json": json.dumps(detail)}
        )  # fmt: skip


def see(lake: MadeLake, plot_id: str, days_ago: float, class_name: str = "powdery_mildew") -> None:
    """Add a flight that shows all of a plot, and a disease in two of its pictures."""
    at, flight_id = AS_OF - timedelta(days=days_ago), f"{plot_id} {days_ago}"
    lake.flight(flight_id, at, [plot_id])
    for image in "AB":
        found(lake, plot_id, f"{days_ago}{image}", flight_id, at, class_name)


def answers(lake: MadeLake) -> dict[tuple[str, str], list[float | None]]:
    """Return how many days ago what is answered ends, and the visit that holds was, by plot and cause."""
    connection = lake.connect()
    make_models(connection, models_behind("finding_answers"), as_of=AS_OF, site=BEICHEN)
    rows = connection.execute("select plot_id, cause, answered_at, visited_at from finding_answers").fetchall()
    return {
        (plot, cause): [at and (AS_OF - at) / timedelta(days=1) for at in instants] for plot, cause, *instants in rows
    }


def test_an_answer_reaches_up_to_the_visit_and_not_up_to_the_desk(lake: MadeLake) -> None:
    for number, (events, _, _) in enumerate(ANSWERS):
        for cause in ("disease", "vigour"):
            tell(lake, str(number), events, cause)
    tell(lake, "long ago", [("closed", 271)])
    assert answers(lake) == {
        (str(number), cause): [answered, visited]
        for number, (_, answered, visited) in enumerate(ANSWERS)
        for cause in ("disease", "vigour")
    }


def test_an_issue_before_answers_nothing_that_the_next_one_is_about(lake: MadeLake) -> None:
    tell(lake, "P1", [("done", 20), ("closed", 19)], issue="first")
    tell(lake, "P1", [("done", 2)], issue="second")
    tell(lake, "P1", [("closed", 1)], "drought")
    assert answers(lake) == {("P1", "disease"): [20, 2]}


def test_a_disease_that_a_flight_saw_between_the_visit_and_the_desk_is_not_answered(lake: MadeLake) -> None:
    days = {"before": 7, "at the visit": 6, "after": 5.99, "between": 3, "since": 0.5}
    for plot_id, days_ago in days.items():
        lake.plot(plot_id)
        see(lake, plot_id, days_ago)
        tell(lake, plot_id, [("done", 6), ("closed", 1)])
    states = {plot_id: "ok" if days_ago >= 6 else "probable" for plot_id, days_ago in days.items()}
    assert verdicts(lake, "disease_findings") == states


def test_work_that_is_sent_back_takes_back_no_answer_of_the_issue_before(lake: MadeLake) -> None:
    """Mildew of day 36 was closed; rust of day 10 is sent back, and stays what the plot is looked at for."""
    lake.plot()
    see(lake, "P1", 36)
    see(lake, "P1", 10, "rust")
    tell(lake, "P1", [("done", 35.5), ("closed", 35)], issue="first")
    tell(lake, "P1", [("done", 6), ("reopened", 5)], issue="second")
    connection = lake.connect()
    make_models(connection, models_behind("disease_findings"), as_of=AS_OF, site=BEICHEN)
    asked = "select state, json_extract_string(inputs_json, '$.class') from disease_findings"
    assert connection.execute(asked).fetchall() == [("probable", "rust")]


@pytest.mark.parametrize(("days_ago", "state"), [(6, "ok"), (5.99, "alert")])
def test_low_vigour_that_a_flight_saw_between_the_visit_and_the_desk_is_not_answered(
    lake: MadeLake, days_ago: float, state: str
) -> None:
    fly(lake, {"P1": 0.5}, at=AS_OF - timedelta(days=days_ago))
    tell(lake, "P1", [("done", 6), ("closed", 1)], "vigour")
    assert verdicts(lake, "vigour_findings") == {"P1": state}


def test_a_weak_flight_that_was_answered_makes_no_second_weak_one_an_alert(lake: MadeLake) -> None:
    """Both flights stand at about -2.6: weak alone, an alert together."""
    visits = {"never": None, "before both": 6, "between": 4, "after both": 1}
    for days in (5, 2):
        fly(lake, dict.fromkeys(visits, 0.6), f"F{days}", AS_OF - timedelta(days=days))
    # Of so many weak plots the flight's spread widens: more peers keep it.
    for number in range(40):
        for days in (5, 2):
            if days == 5:
                lake.plot(f"peer more {number}")
            lake.add(
                "index_stats", image_id=f"{days}-{number}", flight_id=f"F{days}", plot_id=f"peer more {number}",
                captured_at=AS_OF - timedelta(days=days), median=0.66 + 0.01 * (number % 9),
            )  # fmt: skip
    for plot_id, days_ago in visits.items():
        if days_ago is not None:
            tell(lake, plot_id, [("done", days_ago), ("closed", 0.1)], "vigour")
    states = {"never": "alert", "before both": "alert", "between": "watch", "after both": "ok"}
    assert verdicts(lake, "vigour_findings") == states


@pytest.mark.parametrize("cause", ["disease", "vigour"])
def test_what_was_opened_again_is_well_after_flights_of_two_days_since_then(lake: MadeLake, cause: str) -> None:
    flown = {"before": (8, 7), "one since": (8, 3), "two since": (3, 2), "one day": (3, 2.99)}
    fly(lake, dict.fromkeys(flown, 0.4 if cause == "vigour" else 0.7), "F1", AS_OF - timedelta(days=20))
    for plot_id, days_ago in flown.items():
        if cause == "disease":
            see(lake, plot_id, 20)
        tell(lake, plot_id, [("done", 12), ("closed", 10), ("reopened", 5)], cause)
        for days in days_ago:
            fly(lake, {plot_id: 0.7}, f"{plot_id} {days}", AS_OF - timedelta(days=days))
    doubted = "alert" if cause == "vigour" else "probable"
    states = {plot_id: "ok" if plot_id == "two since" else doubted for plot_id in flown}
    assert verdicts(lake, f"{cause}_findings") == states


def test_a_doubt_is_answered_by_who_was_there_after_it(lake: MadeLake) -> None:
    cases: dict[str, tuple[Events, str]] = {
        "nobody": ([], "reflight"),
        "could not get there": ([("cannot_do", 8)], "reflight"),
        "visited before": ([("done", 10), ("closed", 8)], "reflight"),
        "visited since": ([("done", 8)], "flown"),
        "opened again": ([("done", 8), ("closed", 7.5), ("reopened", 7)], "reflight"),
        "closed at the desk": ([("closed", 8)], "flown"),
        "another issue closed at the desk": ([("closed", 8)], "reflight"),
        "visited for another issue": ([("done", 7)], "flown"),
    }
    for plot_id, (events, _) in cases.items():
        lake.plot(plot_id)
        lake.flight(plot_id, AS_OF - timedelta(days=9), [plot_id])
        found(lake, plot_id, "A", plot_id, AS_OF - timedelta(days=9))
        tell(lake, plot_id, events, "vigour" if "another issue" in plot_id else "disease")
    assert verdicts(lake, "coverage_findings") == {plot_id: state for plot_id, (_, state) in cases.items()}


def test_a_crew_confirms_what_stands_and_not_what_comes_after_its_visit(lake: MadeLake) -> None:
    for plot_id, events in (("open", []), ("closed", [("closed", 1.0)])):
        lake.plot(plot_id)
        for days in (9, 3):
            found(lake, plot_id, f"{days}", f"F{days}", AS_OF - timedelta(days=days), centre_lat=39.2 + days / 1000)
        tell(lake, plot_id, [("done", 6)], inspection="confirmed")
        tell(lake, plot_id, events)
    assert verdicts(lake, "disease_findings") == {"open": "confirmed", "closed": "suspected"}


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
