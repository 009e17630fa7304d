"""Vigour among peers, and its cause by the soil (spec/drone.md section 4)."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.sql.made_lake import AS_OF, MadeLake

YESTERDAY = AS_OF - timedelta(days=1)


def fly(
    lake: MadeLake, medians: dict[str, float], flight_id: str = "F1", at: datetime = YESTERDAY, **fields: object
) -> None:
    """Add a flight over nine plots of median 0.70 and MAD 0.02, and the plots of `medians` besides."""
    spread = {f"peer{number}": 0.66 + 0.01 * number for number in range(9)}
    for plot_id, median in (spread | medians).items():
        if not any(row["plot_id"] == plot_id for row in lake.rows["plots"]):
            lake.plot(plot_id, vegetation="shrubs")
        lake.add(
            "index_stats",
            **{
                "image_id": f"{flight_id}-{plot_id}",
                "flight_id": flight_id,
                "captured_at": at,
                "plot_id": plot_id,
                "median": median,
            }
            | fields,
        )
    lake.flight(flight_id, at, [*spread, *medians])


def test_the_reference_flights_get_the_reference_states(lake: MadeLake, shared: Path) -> None:
    folder = shared / "data" / "drone"
    vegetation = {"turf": "cool_turf", "tree": "trees", "shrub": "shrubs"}
    with (folder / "vi_flag_input.csv").open(encoding="utf-8") as file:
        given = list(csv.DictReader(file))
    for plot_id, peer_group in sorted({(row["plot_id"], row["peer_group"]) for row in given}):
        lake.plot(plot_id, vegetation=vegetation[peer_group])
    for row in given:
        at = datetime.fromisoformat(row["flight_date"]).replace(hour=4, tzinfo=UTC)
        lake.add(
            "index_stats",
            image_id=f"{row['flight_date']}-{row['plot_id']}",
            flight_id=row["flight_date"],
            captured_at=at,
            plot_id=row["plot_id"],
            index_name=row["index"],
            median=float(row["median"]),
            n_pixels=int(row["n_pixels"]),
            valid_fraction=float(row["valid_fraction"]),
        )
    lake.flags()
    rows = lake.connection.execute("select flight_id, plot_id, state, robust_z from vigour_flights").fetchall()
    got = {(flight, plot): (state, z) for flight, plot, state, z in rows}
    with (folder / "vi_flag_expected_give.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            state, z = got[row["flight_date"], row["plot_id"]]
            assert state == row["state"].replace("normal", "ok"), row
            if row["robust_z"]:
                assert z == pytest.approx(float(row["robust_z"]), abs=0.001)
    assert sum(state == "insufficient_pixels" for state, _ in got.values()) == 1


def test_watch_and_alert_at_their_edges(lake: MadeLake) -> None:
    """The peers have median 0.70 and MAD 0.02."""
    sigma = 1.4826 * 0.02
    for number in range(21):
        lake.plot(f"peer{number}")
        step = (0.70 - 0.02, 0.70, 0.70 + 0.02)[number % 3]
        lake.add(
            "index_stats",
            image_id=f"p{number}",
            flight_id="F1",
            captured_at=YESTERDAY,
            plot_id=f"peer{number}",
            median=step,
        )
    edges = {"ok": -1.99, "watch": -2.0, "still watch": -3.49, "alert": -3.5}
    for plot_id, z in edges.items():
        lake.plot(plot_id)
        lake.add(
            "index_stats",
            image_id=plot_id,
            flight_id="F1",
            captured_at=YESTERDAY,
            plot_id=plot_id,
            median=0.70 + z * sigma,
        )
    verdicts = lake.verdicts("vigour")
    spread = lake.connection.execute("select max(peer_median), max(peer_mad) from vigour_flights").fetchall()
    assert spread == [(pytest.approx(0.70), pytest.approx(0.02))]
    assert {plot: verdicts[plot]["state"] for plot in edges} == {
        "ok": "ok",
        "watch": "watch",
        "still watch": "watch",
        "alert": "alert",
    }


def test_two_weak_flights_running_are_an_alert(lake: MadeLake) -> None:
    fly(lake, {"weak": 0.60, "recovered": 0.60}, "F1", YESTERDAY - timedelta(days=7))
    fly(lake, {"weak": 0.60, "recovered": 0.70}, "F2")
    verdicts = lake.verdicts("vigour")
    assert (verdicts["weak"]["state"], verdicts["recovered"]["state"]) == ("alert", "ok")


def test_a_shift_of_the_whole_flight_raises_nothing(lake: MadeLake) -> None:
    fly(lake, {}, "F1", YESTERDAY - timedelta(days=7))
    for row in lake.rows["index_stats"]:
        row["median"] -= 0.2
    fly(lake, {}, "F2")
    assert {flag["state"] for flag in lake.verdicts("vigour").values()} == {"ok"}


def test_what_cannot_be_compared_says_so(lake: MadeLake) -> None:
    fly(lake, {})
    for plot_id, fields in (
        ("cloudy", {"valid_fraction": 0.49}),
        ("raw", {"calibrated": False}),
        ("unknown", {"calibrated": None}),
    ):
        lake.plot(plot_id)
        lake.flight(f"F-{plot_id}", YESTERDAY, [plot_id])
        lake.add(
            "index_stats",
            image_id=plot_id,
            flight_id="F1",
            captured_at=YESTERDAY,
            plot_id=plot_id,
            median=0.3,
            **fields,
        )
    for number in range(7):
        lake.plot(f"conifer{number}", vegetation="conifers")
        lake.add(
            "index_stats",
            image_id=f"c{number}",
            flight_id="F1",
            captured_at=YESTERDAY,
            plot_id=f"conifer{number}",
            median=0.5,
        )
    verdicts = lake.verdicts("vigour")
    assert verdicts["cloudy"]["state"] == "insufficient_pixels"
    assert verdicts["raw"]["state"] == "not_calibrated"
    assert verdicts["unknown"]["state"] == "not_calibrated"
    assert verdicts["conifer0"]["state"] == "no_peer_group"


def test_eight_plots_make_a_peer_group(lake: MadeLake) -> None:
    for number in range(8):
        lake.plot(f"conifer{number}", vegetation="conifers")
        lake.add(
            "index_stats",
            image_id=f"c{number}",
            flight_id="F1",
            captured_at=YESTERDAY,
            plot_id=f"conifer{number}",
            median=0.5,
        )
    assert {flag["state"] for flag in lake.verdicts("vigour").values()} == {"ok"}


def test_the_soil_tells_the_cause_of_low_vigour(lake: MadeLake) -> None:
    fly(lake, {"thirsty": 0.5, "sick": 0.5, "unknown": 0.5})
    for plot_id, water_content in (("thirsty", 0.15), ("sick", 0.25)):
        lake.device(plot_id, plot_id)
        lake.soil_until_now([water_content] * 3, plot_id)
        for row in lake.rows["plots"]:
            if row["plot_id"] == plot_id:
                row.update(field_capacity=0.28, wilting_point=0.14)
    verdicts = lake.verdicts("vigour")
    assert {
        plot: (verdicts[plot]["reason_code"], verdicts[plot]["needs_work"]) for plot in ("thirsty", "sick", "unknown")
    } == {
        "thirsty": ("vigour_drought", False),
        "sick": ("vigour_inspect", True),
        "unknown": ("vigour_unknown", True),
    }


def test_low_vigour_sends_somebody_wherever_the_water_sends_nobody(lake: MadeLake) -> None:
    """Likely dry is no work of the water's; a shallow probe that is dry does not say how the roots are."""
    fly(lake, {"likely": 0.5, "shallow": 0.5, "shallow and moist": 0.5})
    for plot_id, water_content, depth_cm in (
        ("likely", 0.205, 30.0), ("shallow", 0.12, 10.0), ("shallow and moist", 0.27, 10.0),
    ):  # fmt: skip
        lake.device(plot_id, plot_id, depths_cm=[depth_cm])
        lake.soil_until_now([water_content] * 3, plot_id)
    verdicts = lake.verdicts("vigour")
    assert {
        plot: (verdicts[plot]["reason_code"], verdicts[plot]["needs_work"])
        for plot in ("likely", "shallow", "shallow and moist")
    } == {
        "likely": ("vigour_maybe_dry", True),
        "shallow": ("vigour_shallow", True),
        "shallow and moist": ("vigour_inspect", True),
    }


def test_an_alert_stands_until_two_flights_are_well(lake: MadeLake) -> None:
    fly(lake, {"one": 0.5, "two": 0.5}, "F1", YESTERDAY - timedelta(days=9))
    fly(lake, {"one": 0.69, "two": 0.69}, "F2", YESTERDAY - timedelta(days=6))
    assert lake.verdicts("vigour")["one"]["reason_code"] == "vigour_not_recovered"
    fly(lake, {"one": 0.62, "two": 0.69}, "F3")
    verdicts = lake.verdicts("vigour")
    assert (verdicts["one"]["state"], verdicts["two"]["state"]) == ("alert", "ok")


@pytest.mark.parametrize(("step", "state"), [(0.0, "alert"), (1e-6, "ok")])
def test_clear_begins_above_its_edge(lake: MadeLake, step: float, state: str) -> None:
    fly(lake, {"P1": 0.5}, "F1", YESTERDAY - timedelta(days=9))
    for flight_id, days in (("F2", 6), ("F3", 0)):
        fly(lake, {"P1": 0.6}, flight_id, YESTERDAY - timedelta(days=days))
    lake.verdicts("vigour")
    spread = "select max(peer_median), max(peer_mad) from vigour_flights where flight_id = 'F3'"
    median, mad = lake.connection.execute(spread).fetchall()[0]
    for row in lake.rows["index_stats"]:
        if row["plot_id"] == "P1" and row["flight_id"] != "F1":
            row["median"] = median - 1.5 * 1.4826 * mad + step
    assert lake.flag("vigour")["state"] == state


def say(lake: MadeLake, kind: str, at: datetime, cause: str = "vigour", issue_id: str = "BC-1") -> None:
    """Add an event of an issue of plot P1."""
    lake.rows["issue_events"].append(
        {"event_id": str(len(lake.rows["issue_events"])), "issue_id": issue_id, "happened_at": at, "kind": kind,
         "plot_id": "P1", "cause": cause, "actor": "office", "detail_json": "{}"}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "cause"), [("closed", "vigour"), ("void", "vigour"), ("done", "vigour"), ("closed", "disease")]
)
def test_low_vigour_that_was_answered_and_closed_sends_nobody_again(lake: MadeLake, kind: str, cause: str) -> None:
    fly(lake, {"P1": 0.5})
    assert lake.flag("vigour")["needs_work"]
    say(lake, kind, YESTERDAY, cause)
    flag = lake.flag("vigour")
    is_answered = kind != "done" and cause == "vigour"
    assert (flag["state"], flag["needs_work"], flag["reason_code"]) == (
        ("ok", False, "vigour_answered") if is_answered else ("alert", True, "vigour_unknown")
    )
    if is_answered:
        assert "现场" not in flag["zh"]
        assert "site" not in flag["en"]
        fly(lake, {"P1": 0.5}, "F2", YESTERDAY + timedelta(minutes=1))
        assert lake.flag("vigour")["needs_work"]
