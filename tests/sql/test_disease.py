"""When a plot is taken for diseased, and when nobody looked (spec/drone.md section 4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.sql.made_lake import AS_OF, Flag, MadeLake

YESTERDAY = AS_OF - timedelta(days=1)
METRE_OF_LAT = 1 / 111_194.93
"""Degrees of latitude on the sphere of 6,371 km."""


def found(
    lake: MadeLake,
    place: str,
    image_id: str,
    flight_id: str = "F1",
    at: datetime = YESTERDAY,
    class_name: str = "powdery_mildew",
    **fields: Any,
) -> None:
    """Add one finding in one picture."""
    lake.add(
        "image_detections",
        **{
            "image_id": f"{place}-{image_id}",
            "detection_id": f"{image_id}-{len(lake.rows['image_detections'])}",
            "flight_id": flight_id,
            "captured_at": at,
            "plot_id": place,
            "class": class_name,
        }
        | fields,
    )


def test_one_picture_is_a_suspicion_and_two_are_probable(lake: MadeLake) -> None:
    for plot_id in ("one", "two", "unsure", "unsure where", "apart", "other class", "outside"):
        lake.plot(plot_id)
    lake.flight("F1", YESTERDAY, ["one", "two", "unsure", "unsure where", "apart", "other class", "outside"])
    found(lake, "one", "A", confidence=0.6, plot_probability=0.5)
    found(lake, "two", "A", confidence=0.6)
    found(lake, "two", "B", centre_lat=39.2 + 3.9 * METRE_OF_LAT)
    found(lake, "unsure", "A", confidence=0.599)
    found(lake, "unsure where", "A", plot_probability=0.499)
    found(lake, "apart", "A")
    found(lake, "apart", "B", centre_lat=39.2 + 4.1 * METRE_OF_LAT)
    found(lake, "other class", "A")
    found(lake, "other class", "B", class_name="rust")
    found(lake, "outside", "A", status="ambiguous")
    verdicts = lake.verdicts("disease")
    assert {plot: (flag["state"], flag["needs_work"]) for plot, flag in verdicts.items()} == {
        "one": ("suspected", False),
        "two": ("probable", True),
        "unsure": ("ok", False),
        "unsure where": ("ok", False),
        "apart": ("suspected", False),
        "other class": ("suspected", False),
        "outside": ("ok", False),
    }
    assert verdicts["two"]["zh"] == "无人机 2 张照片、1 次飞行都拍到白粉病，可信度 90 %，到现场看看"


def test_two_flights_that_agree_are_probable(lake: MadeLake) -> None:
    lake.plot()
    found(lake, "P1", "A", "F1", YESTERDAY - timedelta(days=7))
    found(lake, "P1", "B", "F2", YESTERDAY)
    assert lake.flag("disease")["state"] == "probable"


def test_five_percent_of_the_plot_is_probable(lake: MadeLake) -> None:
    lake.plot("five", area_m2=100.0)
    lake.plot("less", area_m2=100.0)
    found(lake, "five", "A", ground_area_m2=5.0)
    found(lake, "less", "A", ground_area_m2=4.99)
    verdicts = lake.verdicts("disease")
    assert (verdicts["five"]["state"], verdicts["less"]["state"]) == ("probable", "suspected")
    assert verdicts["five"]["reason_code"] == "disease_probable_area"


def test_two_clean_flights_clear_a_plot_and_one_does_not(lake: MadeLake) -> None:
    for plot_id, clean_flights in (("one", 1), ("two", 2), ("not analysed", 2)):
        lake.plot(plot_id)
        found(lake, plot_id, "A", at=AS_OF - timedelta(days=9))
        found(lake, plot_id, "B", at=AS_OF - timedelta(days=9))
        for number in range(clean_flights):
            lake.flight(
                f"{plot_id}-{number}",
                AS_OF - timedelta(days=3 - number),
                [plot_id],
                is_analysed=plot_id != "not analysed",
            )
    states = {plot: flag["state"] for plot, flag in lake.verdicts("disease").items()}
    assert states == {"one": "probable", "two": "ok", "not analysed": "probable"}


@pytest.mark.parametrize(("confidence", "state"), [(0.6, "probable"), (0.59, "suspected")])
def test_pictures_agree_when_each_is_sure_enough(lake: MadeLake, confidence: float, state: str) -> None:
    lake.plot()
    found(lake, "P1", "A", confidence=0.61)
    found(lake, "P1", "B", confidence=confidence)
    assert lake.flag("disease")["state"] == state


def glimpse(lake: MadeLake, flight_id: str, days_ago: float, *covered_fractions: float) -> None:
    """Add a flight whose analysed pictures show these shares of the plot."""
    at = AS_OF - timedelta(days=days_ago)
    for number, covered_fraction in enumerate(covered_fractions):
        image_id = f"{flight_id}-{number}"
        lake.add("drone_images", image_id=image_id, flight_id=flight_id, captured_at=at)
        lake.add(
            "plot_coverage",
            image_id=image_id,
            plot_id="P1",
            flight_id=flight_id,
            captured_at=at,
            covered_fraction=covered_fraction,
        )


@pytest.mark.parametrize(
    ("shares", "state"),
    [((0.01,), "probable"), ((0.49,), "probable"), ((0.5,), "ok"), ((0.2,) * 3, "probable"), ((0.2,) * 4, "ok")],
)
def test_flights_that_saw_less_than_half_of_a_plot_clear_nothing(
    lake: MadeLake, shares: tuple[float, ...], state: str
) -> None:
    """Pictures count as if they lay at random: three of a fifth show 49 %, four show 59 %."""
    lake.plot()
    for image_id in "AB":
        found(lake, "P1", image_id, at=AS_OF - timedelta(days=9))
    glimpse(lake, "G1", 5, *shares)
    glimpse(lake, "G2", 3, *shares)
    assert lake.flag("disease")["state"] == state


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, ("ok", "disease_ok")), (0.49, ("not_analysed", "disease_partly_seen"))]
)
def test_a_glimpse_of_a_plot_does_not_make_it_healthy(lake: MadeLake, share: float, expected: tuple[str, str]) -> None:
    lake.plot()
    glimpse(lake, "G1", 3, share)
    flag = lake.flag("disease")
    assert (flag["state"], flag["reason_code"]) == expected
    if share < 0.5:
        assert flag["zh"] == "3 天前飞过，识别过的照片只拍到地块约 49 %，有没有病虫害不知道"


def test_an_old_disease_is_cleared_though_another_one_is_found_since(lake: MadeLake) -> None:
    """Mildew 30 days ago; rust in each of the two flights since then."""
    for plot_id, rust_flights in (("once since", 1), ("twice since", 2)):
        lake.plot(plot_id)
        found(lake, plot_id, "A", "old", AS_OF - timedelta(days=30), confidence=0.99)
        found(lake, plot_id, "B", "old", AS_OF - timedelta(days=30), confidence=0.99)
        for number in range(rust_flights):
            flight_id, at = f"{plot_id}-{number}", AS_OF - timedelta(days=3 - number)
            lake.flight(flight_id, at, [plot_id])
            found(lake, plot_id, f"rust {number}", flight_id, at, "rust", confidence=0.7)
    classes = {plot: flag["inputs"]["class"] for plot, flag in lake.verdicts("disease").items()}
    assert classes == {"once since": "powdery_mildew", "twice since": "rust"}


@pytest.mark.parametrize("class_name", ["litter", "dumped_rubble", "damage", "healthy_tree", "person"])
def test_what_is_no_trouble_of_a_plant_is_no_disease(lake: MadeLake, class_name: str) -> None:
    lake.plot()
    lake.flight("F1", YESTERDAY)
    for image_id in "AB":
        found(lake, "P1", image_id, class_name=class_name)
    assert lake.flag("disease")["state"] == "ok"


def test_a_plot_that_nobody_flew_or_looked_at_is_not_healthy(lake: MadeLake) -> None:
    flown = {"never": None, "long ago": 14.0, "lately": 13.9, "before the window": 61.0}
    for plot_id, days in flown.items():
        lake.plot(plot_id)
        if days is not None:
            lake.flight(plot_id, AS_OF - timedelta(days=days), [plot_id])
    lake.plot("not analysed")
    lake.flight("F9", YESTERDAY, ["not analysed"], is_analysed=False)
    flags = lake.flags()

    def states(cause: str) -> dict[str, str]:
        return {row["plot_id"]: row["state"] for row in flags if row["cause"] == cause}

    assert states("coverage") == {
        "never": "never_flown",
        "long ago": "not_flown",
        "lately": "flown",
        "before the window": "not_flown",
        "not analysed": "flown",
    }
    assert states("disease") == {
        "never": "never_flown",
        "long ago": "not_flown",
        "lately": "ok",
        "before the window": "not_flown",
        "not analysed": "not_analysed",
    }


def test_a_flag_leads_back_to_its_pictures(lake: MadeLake) -> None:
    lake.plot()
    lake.flight("F1", YESTERDAY)
    found(lake, "F1", "1", plot_id="P1", confidence=0.95, centre_lon=117.11)
    found(lake, "F1", "2", plot_id="P1", centre_lon=117.11)
    flag: Flag = lake.flag("disease")
    assert flag["inputs"]["image_ids"] == ["F1-1", "F1-2"]
    assert flag["inputs"]["object_uris"] == ["s3://pictures/F1-1.jpg"]
    assert flag["inputs"]["best_image_id"] == "F1-1"
    assert (flag["inputs"]["lon"], flag["inputs"]["lat"]) == (117.11, 39.2)
    assert flag["data_at"] == YESTERDAY


def test_pictures_of_two_drones_that_share_a_name_are_two_pictures(lake: MadeLake) -> None:
    lake.plot("P1")
    lake.flight("F1", YESTERDAY, ["P1"])
    for drone in ("d1", "d2"):
        found(lake, "P1", "A", picture_id=f"{drone}/A", detection_id="0")
    flag = lake.flag("disease")
    assert (flag["state"], flag["inputs"]["images"], flag["inputs"]["image_ids"]) == ("probable", 2, ["P1-A"])
