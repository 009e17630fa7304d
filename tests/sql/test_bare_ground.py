"""Bare ground: when an NDVI below the line is believed, what ends it, and what an old flight has to do with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake
from tests.sql.test_clear_from_the_air import verdicts
from tests.sql.test_disease import found
from tests.sql.test_vigour import say

DAY = timedelta(days=1)


def fly_over(lake: MadeLake, medians: dict[str, float], flight_id: str, at: datetime, **fields: object) -> None:
    """Add a flight over the plots of `medians` alone; those that stand in no register yet are shrubs."""
    known = {row["plot_id"] for row in lake.rows["plots"]}
    for plot_id, median in medians.items():
        if plot_id not in known:
            lake.plot(plot_id)
        row = {"image_id": f"{flight_id}-{plot_id}", "flight_id": flight_id, "captured_at": at, "plot_id": plot_id}
        lake.add("index_stats", **row | {"median": median} | fields)


def made(lake: MadeLake, as_of: datetime = AS_OF) -> duckdb.DuckDBPyConnection:
    """Make only what the verdict of each sensor reads."""
    connection = lake.connect()
    make_models(connection, models_behind("vigour_verdicts"), as_of=as_of, site=BEICHEN)
    return connection


def flown(lake: MadeLake, flight_id: str = "F2", as_of: datetime = AS_OF) -> dict[str, str]:
    """Return what a flight says of each plot."""
    rows = made(lake, as_of).execute("select plot_id, state from vigour_flights where flight_id = ?", (flight_id,))
    return dict(rows.fetchall())


def standing(lake: MadeLake, as_of: datetime = AS_OF) -> dict[str, str]:
    """Return what stands of each plot by the only sensor that flew."""
    rows = made(lake, as_of).execute("select plot_id, verdict from vigour_verdicts").fetchall()
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def green(plots: int, name: str = "P") -> dict[str, float]:
    """Return plots a hundredth of NDVI apart, from 0.66."""
    return {f"{name}{number}": 0.66 + 0.01 * number for number in range(plots)}


def fallen(medians: dict[str, float], by: float = 0.42) -> dict[str, float]:
    """Return the plots as a flight shows them that reads too low."""
    return {plot_id: median - by for plot_id, median in medians.items()}


def test_bare_ground_in_the_growing_season_needs_no_peers(lake: MadeLake) -> None:
    fly_over(lake, {"bare": 0.329, "at the line": 0.33}, "F2", AS_OF - DAY)
    assert flown(lake) == {"bare": "alert", "at the line": "no_peer_group"}
    in_winter = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
    fly_over(lake, {"bare": 0.2}, "winter", in_winter)
    assert flown(lake, "winter", in_winter + DAY) == {"bare": "no_peer_group"}


@pytest.mark.parametrize("plots", [9, 3])
def test_a_district_that_turns_bare_at_once_is_believed_by_a_flight_of_another_day(lake: MadeLake, plots: int) -> None:
    bare = fallen(green(plots))
    fly_over(lake, green(plots), "F1", AS_OF - 14 * DAY)
    fly_over(lake, bare, "F2", AS_OF - 7 * DAY)
    fly_over(lake, bare, "second battery", AS_OF - 7 * DAY + timedelta(minutes=30))
    flag = lake.flag("vigour", "P0")
    assert (flag["state"], flag["needs_work"], flag["reason_code"]) == ("unconfirmed", False, "vigour_unconfirmed")
    assert "0.42" in flag["zh"]
    assert "0.42" in flag["en"]
    fly_over(lake, bare, "F3", AS_OF - 6 * DAY)
    assert set(standing(lake).values()) == {"alert"}


def test_the_parts_of_a_district_that_are_flown_in_turn_are_compared_with_themselves(lake: MadeLake) -> None:
    parts = {"north": green(9, "north"), "south": fallen(green(9, "south"), 0.45)}
    for flight, part in enumerate(("north", "south", "north", "south")):
        fly_over(lake, parts[part], f"F{flight}", AS_OF - (8 - 2 * flight) * DAY)
    assert standing(lake) == {
        plot_id: "ok" if part == "north" else "alert" for part, plots in parts.items() for plot_id in plots
    }


@pytest.mark.parametrize(
    ("before", "after", "states"),
    [
        ({"A": 0.7, "B": 0.7}, {"A": 0.2, "B": 0.2}, {"A": "alert", "B": "alert"}),
        (
            {"A": 0.7, "B": 0.7, "C": 0.7},
            {"A": 0.2, "B": 0.2, "C": 0.7, "never seen before": 0.2},
            {"A": "unconfirmed", "B": "unconfirmed", "C": "no_peer_group", "never seen before": "unconfirmed"},
        ),
        (
            {"A": 0.7, "B": 0.7, "C": 0.7, "D": 0.7, "E": 0.7},
            {"A": 0.2, "B": 0.2, "C": 0.7, "D": 0.7, "E": 0.7},
            {"A": "alert", "B": "alert", "C": "no_peer_group", "D": "no_peer_group", "E": "no_peer_group"},
        ),
        (
            {"A": 0.7, "B": 0.7, "C": 0.7, "shifted": 0.33, "dying": 0.6},
            {"A": 0.5, "B": 0.5, "C": 0.5, "shifted": 0.13, "dying": 0.129},
            {"A": "no_peer_group", "B": "no_peer_group", "C": "no_peer_group"}
            | {"shifted": "unconfirmed", "dying": "alert"},
        ),
        (dict.fromkeys("ABC", 0.335), dict.fromkeys("ABC", 0.325), dict.fromkeys("ABC", "unconfirmed")),
        (dict.fromkeys("ABC", 0.335), dict.fromkeys("ABC", 0.326), dict.fromkeys("ABC", "alert")),
    ],
    ids=[
        "two plots are no whole flight",
        "most of a flight fell",
        "less than half of a flight fell",
        "one falls further than its flight",
        "a hundredth",
        "less than a hundredth, which tells nothing among peers either",
    ],
)
def test_what_is_bare_only_by_the_shift_of_its_whole_flight_is_not_believed(
    lake: MadeLake, before: dict[str, float], after: dict[str, float], states: dict[str, str]
) -> None:
    fly_over(lake, before, "F1", AS_OF - 8 * DAY)
    fly_over(lake, after, "F2", AS_OF - DAY)
    assert flown(lake) == states


def test_the_only_plot_of_its_kind_that_dies_among_well_plots_of_others_is_an_alert(lake: MadeLake) -> None:
    turf = green(20, "turf")
    for plot_id in turf:
        lake.plot(plot_id, vegetation="cool_turf")
    fly_over(lake, turf | {"shrub": 0.7}, "F1", AS_OF - 8 * DAY)
    fly_over(lake, turf | {"shrub": 0.12}, "F2", AS_OF - DAY)
    assert flown(lake) == dict.fromkeys(turf, "ok") | {"shrub": "alert"}


def test_a_flight_that_was_not_believed_stays_so_when_the_one_before_it_has_left_the_window(lake: MadeLake) -> None:
    """With peers and without; the window ends at 60 days, and flights before it speak for themselves no more."""
    parts = {"many": green(9, "many"), "few": green(3, "few")}
    for part, plots in parts.items():
        fly_over(lake, plots, f"F1 {part}", AS_OF - 60 * DAY)
        fly_over(lake, fallen(plots), f"F2 {part}", AS_OF - 53 * DAY)
    asked = "select distinct flight_id, state from vigour_flights order by 1"
    believed, not_believed = [("F1 few", "no_peer_group"), ("F1 many", "ok")], [("F2 few", "unconfirmed")]
    not_believed.append(("F2 many", "unconfirmed"))
    assert made(lake).execute(asked).fetchall() == believed + not_believed
    assert made(lake, AS_OF + DAY).execute(asked).fetchall() == not_believed
    for part, plots in parts.items():
        fly_over(lake, plots, f"F3 {part}", AS_OF - 5 * DAY)
    assert (
        standing(lake)
        == standing(lake, AS_OF + DAY)
        == dict.fromkeys(parts["many"], "ok") | dict.fromkeys(parts["few"], "no_peer_group")
    )


def test_the_flight_before_the_winter_is_still_the_one_before(lake: MadeLake) -> None:
    first = datetime(2026, 5, 14, 4, 0, tzinfo=UTC)
    for days in (210, 211):
        plots = green(3, f"{days} ")
        fly_over(lake, plots, f"autumn {days}", first - days * DAY)
        fly_over(lake, fallen(plots), f"spring {days}", first)
    assert standing(lake, first + DAY) == {
        f"{days} {number}": state for days, state in ((210, "unconfirmed"), (211, "alert")) for number in range(3)
    }


def test_two_weak_flights_running_stay_an_alert_when_the_first_is_old(lake: MadeLake) -> None:
    """All stand at about -2.6."""
    for days in (210, 211):
        for flight_id, at in (("F1", AS_OF - (days + 1) * DAY), ("F2", AS_OF - DAY)):
            fly_over(lake, green(9, f"{days} ") | {f"weak {days}": 0.6}, f"{flight_id} {days}", at)
    stands = standing(lake)
    assert (stands["weak 210"], stands["weak 211"]) == ("alert", "watch")


def test_a_bare_plot_without_peers_is_well_after_two_days_running_that_show_it_green(lake: MadeLake) -> None:
    stories: dict[str, list[tuple[float, float]]] = {
        "one green day": [(9, 0.2), (7, 0.7)],
        "two batteries of one morning": [(9, 0.2), (7, 0.7), (6.98, 0.7)],
        "two green days": [(9, 0.2), (7, 0.7), (5, 0.7)],
        "two days at the line": [(9, 0.2), (7, 0.33), (5, 0.33)],
        "bare again": [(9, 0.2), (7, 0.7), (5, 0.7), (3, 0.329)],
        "bare in between": [(9, 0.2), (7, 0.7), (5, 0.329), (3, 0.7)],
        "green and sick": [(9, 0.2), (7, 0.7), (5, 0.7)],
    }
    for plot_id, flights in stories.items():
        for days, median in flights:
            fly_over(lake, {plot_id: median}, f"{plot_id} {days}", AS_OF - days * DAY)
    found(lake, "green and sick", "A", "green and sick 5", AS_OF - 5 * DAY)
    well = {"two green days", "two days at the line"}
    assert standing(lake) == {plot_id: "no_peer_group" if plot_id in well else "alert" for plot_id in stories}


@pytest.mark.parametrize(("reopened", "state"), [(8, "no_peer_group"), (6, "alert"), (1, "alert")])
def test_bare_ground_that_was_opened_again_ends_by_green_days_since_then(
    lake: MadeLake, reopened: int, state: str
) -> None:
    for days, median in ((12, 0.2), (7, 0.7), (5, 0.7)):
        fly_over(lake, {"P1": median}, f"F{days}", AS_OF - days * DAY)
    for kind, days in (("done", 11), ("closed", 10), ("reopened", reopened)):
        say(lake, kind, AS_OF - days * DAY)
    assert standing(lake) == {"P1": state}


def test_a_bare_plot_that_comes_back_among_peers_is_compared_with_them(lake: MadeLake) -> None:
    """The peers have median 0.70 and MAD 0.02."""
    peers = {f"peer{number}": 0.68 + 0.02 * (number % 3) for number in range(21)}
    z = {"still weak": -1.51, "well": -1.49}
    fly_over(lake, peers | dict.fromkeys(z, 0.2), "F0", AS_OF - 9 * DAY)
    for number in (1, 2):
        back = {plot_id: 0.7 + value * 1.4826 * 0.02 for plot_id, value in z.items()}
        fly_over(lake, peers | back, f"F{number}", AS_OF - (9 - 2 * number) * DAY)
    stands = standing(lake)
    assert (stands["still weak"], stands["well"]) == ("alert", "ok")


def test_another_sensor_speaks_against_bare_ground_and_not_for_the_place_among_peers(lake: MadeLake) -> None:
    at = AS_OF - 3 * DAY
    shifted, peers = green(3, "shifted") | {"seen green before": 0.7}, green(9, "peer")
    for medians, flight_id, flown_at in (
        (shifted | {"not looked at again": 0.7}, "F0 shifted", at - 5 * DAY),
        (fallen(shifted) | {"not looked at again": 0.28}, "F1 shifted", at),
        ({"bare": 0.2, "bare, one look": 0.2}, "F1 bare", at),
        (peers | {"poor": 0.4}, "F1 poor", at),
    ):
        fly_over(lake, medians, flight_id, flown_at)
    fly_over(lake, {"seen green before": 0.7}, "G0", at - DAY, sensor_kind="rgbn")
    fly_over(lake, green(3, "shifted") | {"bare": 0.7, "poor": 0.7}, "G1", AS_OF - 1.2 * DAY, sensor_kind="rgbn")
    fly_over(lake, {"bare": 0.7, "poor": 0.7, "bare, one look": 0.7}, "G2", AS_OF - 0.2 * DAY, sensor_kind="rgbn")
    found_states = verdicts(lake, "vigour_findings")
    assert {plot_id: state for plot_id, state in found_states.items() if plot_id not in peers} == {
        "shifted0": "no_peer_group",
        "shifted1": "no_peer_group",
        "shifted2": "no_peer_group",
        "seen green before": "unconfirmed",
        "not looked at again": "unconfirmed",
        "bare": "no_peer_group",
        "bare, one look": "alert",
        "poor": "alert",
    }


def test_what_was_answered_by_one_index_hides_no_newer_verdict_of_another(lake: MadeLake) -> None:
    """A weak NDVI was answered; of NDRE, flown since, one plot is weak (about -2.6 both times) and the other well."""
    plots = green(9, "peer")
    fly_over(lake, plots | {"P1": 0.6}, "F1", AS_OF - 12 * DAY)
    for days in (8, 1):
        fly_over(lake, plots, f"peers {days}", AS_OF - days * DAY)
    say(lake, "closed", AS_OF - 10 * DAY)
    flag = lake.flag("vigour")
    assert (flag["state"], flag["reason_code"]) == ("ok", "vigour_answered")
    fly_over(lake, plots | {"P1": 0.7}, "well", AS_OF - 2 * DAY, index_name="NDRE")
    flag = lake.flag("vigour")
    assert (flag["state"], flag["inputs"]["index_name"], flag["reason_code"]) == ("ok", "NDRE", "vigour_ok")
    fly_over(lake, plots | {"P1": 0.6}, "weak", AS_OF - DAY, index_name="NDRE")
    flag = lake.flag("vigour")
    assert (flag["state"], flag["data_at"], flag["reason_code"]) == ("watch", AS_OF - DAY, "vigour_watch")
