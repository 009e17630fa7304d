"""Which gimbal report gives a picture its pitch, and when none does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ingest.drone.pose_join import PosedImage, join_poses
from ingest.observation import DroneImage, DronePose
from tests.drone.pictures import WHEN, picture


def callback(**changed: Any) -> DroneImage:
    facts: dict[str, Any] = {"drone_id": None, "gateway_id": "DOCK", "pitch_deg": None, "roll_deg": None}
    return picture(**(facts | {"yaw_deg": -91.4, "time_source": "camera_clock"} | changed))


def pose(after_s: float, **changed: Any) -> DronePose:
    facts: dict[str, Any] = {
        "drone_id": "PLANE",
        "gateway_id": "DOCK",
        "posed_at": WHEN + timedelta(seconds=after_s),
        "source": "osd",
        "payload_index": "80-0-0",
        "gimbal_yaw_deg": -91.0,
        "gimbal_pitch_deg": -60.0,
        "gimbal_roll_deg": 0.5,
    }
    return DronePose(**(facts | changed))


def push(after_s: float, **changed: Any) -> DronePose:
    return pose(after_s, **({"drone_id": "DOCK", "source": "drc_osd", "payload_index": None} | changed))


def joined(image: DroneImage, *poses: DronePose) -> PosedImage:
    return join_poses([image], poses)[0]


def test_a_picture_takes_pitch_and_roll_of_a_still_gimbal_and_keeps_its_own_yaw() -> None:
    found = joined(callback(), pose(-1.2), pose(0.8), pose(2.8))
    image = found.image
    assert (image.yaw_deg, image.pitch_deg, image.roll_deg) == (-91.4, -60.0, 0.5)
    assert (image.attitude_source, found.attitude_age_s) == ("osd", 0.8)


def test_a_picture_without_a_yaw_takes_the_gimbals() -> None:
    assert joined(callback(yaw_deg=None), pose(-1.0), pose(1.0)).image.yaw_deg == -91.0


@pytest.mark.parametrize(("after_s", "is_joined"), [(2.0, True), (2.001, False), (-2.0, True)])
def test_a_report_more_than_two_seconds_away_says_nothing(after_s: float, *, is_joined: bool) -> None:
    beyond = after_s + (2.0 if after_s > 0 else -2.0)
    found = joined(callback(), pose(after_s), pose(beyond))
    assert (found.image.pitch_deg == -60.0) is is_joined


@pytest.mark.parametrize(("after_s", "is_joined"), [(0.5, True), (0.501, False)])
def test_a_push_counts_up_to_half_a_second_even_from_a_moving_gimbal(after_s: float, *, is_joined: bool) -> None:
    found = joined(callback(), push(after_s), push(after_s + 0.1, gimbal_pitch_deg=-30.0))
    assert (found.image.attitude_source == "drc_osd") is is_joined


@pytest.mark.parametrize(("after_s", "is_joined"), [(0.5, True), (0.501, False)])
def test_a_planned_pose_counts_for_its_instant_with_its_age(after_s: float, *, is_joined: bool) -> None:
    found = joined(callback(), pose(after_s, source="flight_plan", gimbal_yaw_deg=None))
    assert (found.image.attitude_source, found.attitude_age_s) == (("flight_plan", 0.5) if is_joined else (None, None))


OWN_PLAN = callback(pitch_deg=-80.0, roll_deg=0.0, attitude_source="flight_plan")
"""A picture whose own message has its pitch from the plan."""


@pytest.mark.parametrize("image", [callback(), OWN_PLAN], ids=["without a pitch", "with a planned one"])
@pytest.mark.parametrize("measured", [[push(0.5)], [pose(-1.9), pose(1.0)]])
def test_whatever_was_measured_counts_before_what_was_planned(measured: list[DronePose], image: DroneImage) -> None:
    planned = pose(0.0, source="flight_plan", gimbal_pitch_deg=-90.0)
    found = joined(image, planned, *measured).image
    assert (found.pitch_deg, found.roll_deg, found.attitude_source) == (-60.0, 0.5, measured[0].source)


def test_the_plan_of_the_pictures_own_message_stays_where_nothing_was_measured() -> None:
    planned = pose(0.0, source="flight_plan", gimbal_pitch_deg=-90.0)
    assert joined(OWN_PLAN, planned, pose(2.001), pose(3.0), push(0.501)) == PosedImage(OWN_PLAN)
    late = callback(pitch_deg=-80.0, attitude_source="flight_plan", time_source="upload")
    assert joined(late, push(0.0)) == PosedImage(late)


@pytest.mark.parametrize(
    "measured",
    [
        [pose(-1.0, gimbal_pitch_deg=-40.0), pose(0.2, gimbal_pitch_deg=-45.0), pose(1.5, gimbal_pitch_deg=-50.0)],
        [pose(2.0)],
        [pose(s, drone_id=drone) for s in (-1, 1) for drone in ("PLANE", "OTHER PLANE")],
        [push(0.1), push(0.1, payload_index="53-0-1")],
    ],
    ids=["a moving gimbal", "one report alone", "two aircraft", "two payloads"],
)
def test_a_plan_does_not_answer_where_what_was_measured_is_no_answer(measured: list[DronePose]) -> None:
    planned = pose(0.0, source="flight_plan", gimbal_pitch_deg=-90.0)
    for image in (callback(), OWN_PLAN):
        found = joined(image, planned, *measured)
        assert (found.image.pitch_deg, found.image.roll_deg, found.attitude_age_s) == (None, None, None)


def test_a_measured_pose_out_of_reach_leaves_the_answer_to_the_plan() -> None:
    planned = pose(0.0, source="flight_plan", gimbal_pitch_deg=-90.0)
    assert joined(callback(), planned, pose(2.001), pose(3.0)).image.pitch_deg == -90.0


def plan(told_hours: float | None, pitch_deg: float | None, **changed: Any) -> DronePose:
    planned_at = None if told_hours is None else WHEN + timedelta(hours=told_hours)
    return pose(0.0, **{"source": "flight_plan", "gimbal_pitch_deg": pitch_deg, "planned_at": planned_at} | changed)


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("of_dock", [{}, {"drone_id": "DOCK"}])
@pytest.mark.parametrize("second", [-45.0, None])
def test_a_plan_that_is_told_again_counts_as_it_was_told_last(
    second: float | None, of_dock: dict[str, Any], *, is_turned: bool
) -> None:
    """In whichever order the two arrive, and by whichever name of the same aircraft."""
    told = [plan(1, -90.0), plan(2, second, **of_dock)]
    found = joined(callback(), *(told[::-1] if is_turned else told))
    assert (found.image.pitch_deg, found.image.attitude_source) == (second, "flight_plan" if second else None)


def test_of_plans_that_do_not_say_when_they_were_told_the_first_stays() -> None:
    assert joined(callback(), plan(None, -90.0), plan(None, -45.0)).image.pitch_deg == -90.0
    assert joined(callback(), plan(None, -90.0), plan(1, -45.0)).image.pitch_deg == -45.0


def test_plans_of_two_aircraft_are_no_answer() -> None:
    assert joined(callback(), plan(1, -90.0), plan(2, -45.0, drone_id="OTHER")) == PosedImage(callback())


def test_a_near_push_counts_before_a_nearer_report() -> None:
    found = joined(callback(), pose(-0.1), pose(0.1), push(0.4, gimbal_pitch_deg=-45.0))
    assert (found.image.attitude_source, found.image.pitch_deg) == ("drc_osd", -45.0)


@pytest.mark.parametrize(("moved_deg", "is_joined"), [(0.99, True), (1.0, False), (-8.0, False)])
@pytest.mark.parametrize("angle", ["gimbal_pitch_deg", "gimbal_roll_deg", "gimbal_yaw_deg"])
def test_a_gimbal_that_moved_a_degree_between_reports_was_not_still(
    angle: str, moved_deg: float, *, is_joined: bool
) -> None:
    first = pose(-1.0)
    found = joined(callback(), first, pose(1.0, **{angle: getattr(first, angle) + moved_deg}))
    assert (found.image.pitch_deg is not None) is is_joined


def test_one_report_alone_does_not_show_that_the_gimbal_was_still() -> None:
    assert joined(callback(), pose(0.1)) == PosedImage(callback())


def test_the_same_report_twice_does_not_show_that_the_gimbal_was_still() -> None:
    assert joined(callback(), pose(-1.0), pose(-1.0)) == PosedImage(callback())


def test_a_report_that_came_twice_hides_no_movement() -> None:
    moving = [pose(-3.0, gimbal_pitch_deg=-30.0), pose(-1.0), pose(-1.0), pose(1.5, gimbal_pitch_deg=-30.0)]
    assert joined(callback(), *moving).image.pitch_deg is None


def test_a_gimbal_that_does_not_say_its_roll_leaves_it_unknown() -> None:
    image = joined(callback(), pose(-1.0, gimbal_roll_deg=None), pose(1.0, gimbal_roll_deg=None)).image
    assert (image.pitch_deg, image.roll_deg) == (-60.0, None)


def test_a_turn_through_north_is_no_movement() -> None:
    found = joined(callback(), pose(-1.0, gimbal_yaw_deg=179.9), pose(1.0, gimbal_yaw_deg=-179.9))
    assert found.image.pitch_deg == -60.0


def test_without_reports_a_pitch_is_never_assumed() -> None:
    assert joined(callback()).image.pitch_deg is None


@pytest.mark.parametrize(
    "changed",
    [
        {"gateway_id": "OTHER"},
        {"gateway_id": None},
        {"payload_index": "81-0"},
        {"time_source": "upload"},
        {"drone_id": "ANOTHER PLANE"},
        {"media_kind": "video"},
    ],
)
def test_reports_of_another_drone_camera_or_clock_are_not_used(changed: dict[str, Any]) -> None:
    assert joined(callback(**changed), pose(-1.0), pose(1.0)).attitude_age_s is None


def test_reports_of_the_same_camera_type_are_used() -> None:
    assert joined(callback(payload_index="80-0"), pose(-1.0), pose(1.0)).attitude_age_s == 1.0


def test_two_cameras_on_one_drone_are_told_apart_or_not_used_at_all() -> None:
    both = [pose(s, payload_index=p, gimbal_pitch_deg=a) for s in (-1, 1) for p, a in (("80-0-0", -60), ("53-0-1", -9))]
    assert joined(callback(), *both).image.pitch_deg is None
    assert joined(callback(payload_index="53-0"), *both).image.pitch_deg == -9


def test_a_push_for_the_gateway_serves_a_picture_that_names_its_drone() -> None:
    assert joined(callback(drone_id="PLANE"), push(0.2)).attitude_age_s == pytest.approx(0.2)


def test_a_pitch_of_the_pictures_own_stays() -> None:
    image = callback(pitch_deg=-90.0)
    assert joined(image, push(0.0)) == PosedImage(image)


def test_a_gimbal_report_written_upside_down_is_turned_to_the_pictures_own_yaw() -> None:
    turned = {"gimbal_yaw_deg": 88.6, "gimbal_pitch_deg": -90.0, "gimbal_roll_deg": 180.0}
    image = joined(callback(), pose(-1.0, **turned), pose(1.0, **turned)).image
    assert (image.yaw_deg, image.pitch_deg, image.roll_deg) == (-91.4, -90.0, 0.0)
