"""Which files of a flight came, against those that its dock counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from greensward.flights import flown_in
from sql.analysts import create_views
from tests.sql.made_lake import AS_OF, MadeLake


def flights(lake: MadeLake, columns: str) -> list[tuple[Any, ...]]:
    connection = lake.connect()
    create_views(connection)
    return connection.execute(f"select {columns} from flights order by flight_id").fetchall()


def picture(lake: MadeLake, number: int, **changed: Any) -> None:
    told: dict[str, Any] = {"flight_id": "F1", "gateway_id": "DOCK", "captured_at": AS_OF - timedelta(minutes=number)}
    lake.add("drone_images", image_id=f"P{number}", **(told | changed))


@pytest.mark.parametrize(("came", "missing"), [(0, 3), (1, 2), (3, 0), (4, 0)])
def test_what_the_dock_counted_and_did_not_tell_of_is_missing(lake: MadeLake, came: int, missing: int) -> None:
    for number in range(came):
        picture(lake, number)
    for hours, files in ((2, 1), (1, 3)):
        lake.add(
            "flight_reports",
            flight_id="F1",
            gateway_id="DOCK",
            reported_at=AS_OF - timedelta(hours=hours),
            media_count=files,
            status="ok" if files == 3 else "in_progress",
        )
    assert flights(lake, "files, expected_files, missing_files, status") == [(came, 3, missing, "ok")]


def test_videos_count_as_files_and_pictures_without_ground_do_not_count_as_ground(lake: MadeLake) -> None:
    picture(lake, 1)
    picture(lake, 2, footprint_status="unknown_pose")
    picture(lake, 3, media_kind="video", footprint_status="not_an_image")
    lake.add("flight_reports", flight_id="F1", gateway_id="DOCK", reported_at=AS_OF, media_count=3)
    assert flights(lake, "images, images_with_ground, files, missing_files") == [(2, 1, 3, 0)]


def test_ground_that_is_cut_at_fifteen_degrees_is_ground(lake: MadeLake) -> None:
    for number, status in enumerate(("ok", "clipped", "rejected_horizon", "too_low")):
        picture(lake, number, footprint_status=status)
    assert flights(lake, "images, images_with_ground") == [(4, 2)]


def test_a_flight_that_nobody_counted_lacks_nothing_that_we_know_of(lake: MadeLake) -> None:
    picture(lake, 1, gateway_id=None)
    assert flights(lake, "files, expected_files, missing_files") == [(1, None, None)]


def test_a_picture_that_names_no_dock_counts_for_the_only_one_of_its_flight(lake: MadeLake) -> None:
    picture(lake, 1, gateway_id=None)
    picture(lake, 2)
    lake.add("flight_reports", flight_id="F1", gateway_id="DOCK", reported_at=AS_OF, media_count=3)
    assert flights(lake, "gateway_id, files, missing_files") == [("DOCK", 2, 1)]


def test_two_docks_may_call_their_flights_alike(lake: MadeLake) -> None:
    picture(lake, 1)
    for dock in ("DOCK", "OTHER"):
        lake.add("flight_reports", flight_id="F1", gateway_id=dock, reported_at=AS_OF, media_count=1)
    assert sorted(flights(lake, "gateway_id, missing_files")) == [("DOCK", 0), ("OTHER", 1)]


def test_files_are_missed_once_the_dock_had_two_hours_and_for_seven_days(lake: MadeLake) -> None:
    for flight, hours in (("uploading", 1.9), ("lost", 2.1), ("last week", 7 * 24 + 0.1), ("complete", 3.0)):
        reported_at = AS_OF - timedelta(hours=hours)
        lake.add("flight_reports", flight_id=flight, gateway_id="DOCK", reported_at=reported_at, media_count=2)
    picture(lake, 1, flight_id="complete")
    picture(lake, 2, flight_id="complete")
    assert flown_in(lake.connect(), AS_OF) == [("lost", 2, 2), ("complete", 0, 2)]


def test_where_no_dock_counts_its_files_none_is_missed(lake: MadeLake) -> None:
    picture(lake, 1)
    assert flown_in(lake.connect(), AS_OF) == []
