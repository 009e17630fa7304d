"""When a doubt from the air is over: two flights that are well in both respects (spec/drone.md section 4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake
from tests.sql.test_disease import found
from tests.sql.test_vigour import fly

SIGMA = 1.4826 * 0.025
"""Robust deviation of the nine peers of `fly` and one plot below them all, about a median of 0.695."""


def verdicts(lake: MadeLake, relation: str) -> dict[str, str]:
    """Make only what the verdict reads, and return the state of each plot."""
    connection = lake.connect()
    make_models(connection, models_behind(relation), as_of=AS_OF, site=BEICHEN)
    rows = connection.execute(f"select plot_id, state from {relation}").fetchall()
    return {plot_id: state for plot_id, state in rows if not plot_id.startswith("peer")}


def test_low_vigour_is_over_after_two_well_flights_of_which_neither_shows_a_disease(lake: MadeLake) -> None:
    """What is too unsure to be a disease is none."""
    sick_flights = {"never": (), "first": (1,), "second": (2,), "third": (3,), "unsure": (1, 2, 3)}
    for number, median in ((1, 0.4), (2, 0.69), (3, 0.69)):
        at = AS_OF - timedelta(days=10 - 3 * number)
        fly(lake, dict.fromkeys(sick_flights, median), f"F{number}", at)
        for plot_id, flights in sick_flights.items():
            if number in flights:
                found(lake, plot_id, f"{number}", f"F{number}", at, confidence=0.59 if plot_id == "unsure" else 0.6)
    states = {"never": "ok", "first": "ok", "second": "alert", "third": "alert", "unsure": "ok"}
    assert verdicts(lake, "vigour_findings") == states


@pytest.mark.parametrize(("z", "state"), [(-1.4, "ok"), (-1.6, "probable")])
def test_a_disease_is_over_after_two_flights_without_it_whose_index_is_well_too(
    lake: MadeLake, z: float, state: str
) -> None:
    fly(lake, {"P1": 0.70}, "F1", AS_OF - timedelta(days=9))
    for image in "AB":
        found(lake, "P1", image, "F1", AS_OF - timedelta(days=9))
    fly(lake, {"P1": 0.70}, "F2", AS_OF - timedelta(days=6))
    fly(lake, {"P1": 0.695 + z * SIGMA}, "F3", AS_OF - timedelta(days=1))
    assert verdicts(lake, "disease_findings") == {"P1": state}


def test_the_flight_that_found_a_disease_is_no_flight_without_it(lake: MadeLake) -> None:
    lake.plot()
    found_at = AS_OF - timedelta(days=9)
    for image in "AB":
        found(lake, "P1", image, "F1", found_at)
    # The flight began before that picture and went on after it.
    lake.flight("F1", found_at - timedelta(minutes=5), ["P1"])
    lake.flight("F1", found_at + timedelta(minutes=5), ["P1"])
    lake.flight("F2", AS_OF - timedelta(days=1), ["P1"])
    assert verdicts(lake, "disease_findings") == {"P1": "probable"}
