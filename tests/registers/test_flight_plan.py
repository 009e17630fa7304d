"""What a flight plan says of a picture: the gimbal as it was to look there, or nothing."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from ingest.errors import ConfigError
from ingest.registers import flight_plan
from ingest.registers.flight_plan import MOST_BYTES, read_flight_plan

METRE_OF_LAT = 1 / 111_017.6
"""On the ellipsoid at 39.2° north: 111,017.6 m to the degree (Vincenty's inverse)."""


def action(what: str, **facts: object) -> str:
    inner = "".join(f"<wpml:{name}>{value}</wpml:{name}>" for name, value in facts.items())
    return (
        f"<wpml:action><wpml:actionId>0</wpml:actionId><wpml:actionActuatorFunc>{what}</wpml:actionActuatorFunc>"
        f"<wpml:actionActuatorFuncParam>{inner}</wpml:actionActuatorFuncParam></wpml:action>"
    )


def gimbal(pitch: float, **facts: object) -> str:
    plain = {"gimbalRotateMode": "absoluteAngle", "gimbalPitchRotateEnable": 1, "gimbalPitchRotateAngle": pitch,
             "gimbalRollRotateEnable": 0, "gimbalRollRotateAngle": 7, "payloadPositionIndex": 0}  # fmt: skip
    return action("gimbalRotate", **plain | facts)


def group(first: int, last: int, *actions: str, trigger: str = "reachPoint") -> str:
    return (
        f"<wpml:actionGroup><wpml:actionGroupId>0</wpml:actionGroupId>"
        f"<wpml:actionGroupStartIndex>{first}</wpml:actionGroupStartIndex>"
        f"<wpml:actionGroupEndIndex>{last}</wpml:actionGroupEndIndex>"
        f"<wpml:actionTrigger><wpml:actionTriggerType>{trigger}</wpml:actionTriggerType></wpml:actionTrigger>"
        f"{''.join(actions)}</wpml:actionGroup>"
    )


PHOTO = action("takePhoto", payloadPositionIndex=0)


def plan(*groups_of_points: str, start: str = "", version: str = "1.0.2") -> bytes:
    """Return a waylines.wpml of waypoints 100 m apart to the north of 39.2° N 117.1° E, in the form of the docs."""
    points = "".join(
        f"<Placemark><Point><coordinates>\n 117.1,{39.2 + 100 * METRE_OF_LAT * number}\n</coordinates></Point>"
        f"<wpml:index>{number}</wpml:index><wpml:executeHeight>60</wpml:executeHeight>{groups}</Placemark>"
        for number, groups in enumerate(groups_of_points)
    )
    first = f"<wpml:startActionGroup>{start}</wpml:startActionGroup>" if start else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2" '
        f'xmlns:wpml="http://www.dji.com/wpmz/{version}"><Document><Folder><wpml:waylineId>0</wpml:waylineId>{first}'
        f"{points}</Folder></Document></kml>"
    ).encode()


def kmz(
    waylines: bytes, packed: int = zipfile.ZIP_DEFLATED, others: Mapping[str, bytes] = MappingProxyType({})
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        archive.writestr("wpmz/template.kml", b"<kml/>")
        archive.writestr("wpmz/waylines.wpml", waylines)
        for name, content in others.items():
            archive.writestr(name, content)
    return file.getvalue()


def angles(payload: bytes, north_m: float, east_m: float = 0.0) -> tuple[float, float | None] | None:
    return read_flight_plan(payload).angles_at(117.1 + east_m * METRE_OF_LAT / 0.7762, 39.2 + north_m * METRE_OF_LAT)


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2", "1.0.6"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_picture_at_a_waypoint_has_the_angle_that_was_set_there(version: str, *, packed: bool) -> None:
    waylines = plan(
        group(0, 0, gimbal(-60), PHOTO), group(1, 1, PHOTO, gimbal(-90)), group(2, 2, PHOTO), version=version
    )
    payload = kmz(waylines) if packed else waylines
    assert angles(payload, 0) == angles(payload, 100) == (-60.0, None)
    assert angles(payload, 200) == (-90.0, None)
    assert angles(payload, 50) is None


@pytest.mark.parametrize(("off_m", "is_planned"), [(9.9, True), (10.1, False)])
def test_a_picture_ten_metres_off_is_none_of_the_plan(off_m: float, *, is_planned: bool) -> None:
    payload = plan(group(0, 0, gimbal(-60), PHOTO))
    assert (angles(payload, -off_m) is not None) is (angles(payload, 0, off_m) is not None) is is_planned


def test_pictures_at_intervals_have_the_angle_of_their_way() -> None:
    every = group(0, 2, PHOTO, trigger="multipleDistance")
    payload = plan(every, "", group(2, 2, gimbal(-30)), "", start=gimbal(-90))
    assert [angles(payload, north_m) for north_m in (3, 50, 150, 195)] == [(-90.0, None)] * 4
    assert angles(payload, 250) is None
    turned = plan(every, group(1, 1, gimbal(-45)), "", start=gimbal(-90))
    assert (angles(turned, 50), angles(turned, 150)) == ((-90.0, None), (-45.0, None))
    assert angles(turned, 95) is None, "the ways before and behind the waypoint differ"


def test_a_gimbal_that_turns_on_the_way_says_nothing_there_and_its_new_angle_behind_it() -> None:
    even = group(0, 1, action("gimbalEvenlyRotate", gimbalPitchRotateAngle=-30), trigger="betweenAdjacentPoints")
    every = group(0, 2, PHOTO, trigger="multipleTiming")
    payload = plan(every + even, "", "", start=gimbal(-90))
    assert (angles(payload, 50), angles(payload, 150)) == (None, (-30.0, None))
    still = plan(every + even, "", "", start=gimbal(-30))
    assert angles(still, 50) == (-30.0, None)
    rolled = plan(every + even, "", "", start=gimbal(-90, gimbalRollRotateEnable=1))
    assert angles(rolled, 150) == (-30.0, 7.0), "only the pitch turns evenly"


def mapping(pitch: float, start: str = "") -> bytes:
    """Return a plan as exported mappings have it: pictures on the way from waypoint 0 to 2, flown on to 3."""
    lock, lapse = action("gimbalAngleLock"), action("startTimeLapse", payloadPositionIndex=0, minShootInterval=2.016)
    on_way = group(0, 2, lock, gimbal(pitch), lapse, trigger="betweenAdjacentPoints")
    again = group(0, 2, gimbal(pitch), trigger="multipleTiming")
    stop = group(2, 2, action("stopTimeLapse", payloadPositionIndex=0), action("gimbalAngleUnlock"))
    return plan(on_way + again, "", stop, "", start=start)


def test_pictures_of_a_mapping_have_the_angle_from_where_they_begin_to_where_they_stop() -> None:
    payload = mapping(-90, start=gimbal(-90))
    assert [angles(payload, north) for north in (0, 50, 150, 200)] == [(-90.0, None)] * 4
    assert angles(payload, 250) is None


@pytest.mark.parametrize("start", ["", gimbal(-45)])
def test_while_the_gimbal_turns_on_the_first_way_of_a_mapping_nothing_is_said(start: str) -> None:
    payload = mapping(-90, start=start)
    assert (angles(payload, 50), angles(payload, 150)) == (None, (-90.0, None))


def test_a_gimbal_that_turns_evenly_from_a_waypoint_on_has_its_angle_at_the_next() -> None:
    even = [action("gimbalEvenlyRotate", gimbalPitchRotateAngle=pitch) for pitch in (-90, -90, -60)]
    payload = plan(*(group(number, number, turn, PHOTO) for number, turn in enumerate(even)), group(3, 3, PHOTO))
    assert [angles(payload, 100 * number) for number in range(4)] == [None, (-90.0, None), (-90.0, None), (-60.0, None)]


def test_a_shot_that_aims_by_itself_has_its_own_angles_and_leaves_none_behind() -> None:
    oriented = action("orientedShoot", gimbalPitchRotateAngle=-20, gimbalRollRotateAngle=0, payloadPositionIndex=0)
    payload = plan(group(0, 0, gimbal(-90), oriented), group(1, 1, PHOTO), group(2, 2, action("panoShot")))
    assert [angles(payload, north_m) for north_m in (0, 100, 200)] == [(-20.0, 0.0), None, None]


@pytest.mark.parametrize(
    "set_before",
    [
        "",
        gimbal(-90, gimbalPitchRotateEnable=0),
        gimbal(-90) + gimbal(10, gimbalRotateMode="relativeAngle"),
        gimbal(-90, payloadPositionIndex=1),
        gimbal(-90, gimbalPitchRotateAngle="down"),
    ],
)
def test_an_angle_that_the_plan_does_not_say_is_never_assumed(set_before: str) -> None:
    assert angles(plan(group(0, 0, set_before, PHOTO)), 0) is None


ROLLED = gimbal(-90, gimbalRollRotateEnable=1)
ROLL_ONLY = {"gimbalPitchRotateEnable": 0, "gimbalRollRotateEnable": 1}


@pytest.mark.parametrize(
    ("turns", "told"),
    [
        (ROLLED, (-90.0, 7.0)),
        (ROLLED + gimbal(-30), (-30.0, 7.0)),
        (ROLLED + gimbal(-30, **ROLL_ONLY, gimbalRollRotateAngle=0), (-90.0, 0.0)),
        (ROLLED + gimbal(-30, **ROLL_ONLY, gimbalRotateMode="relativeAngle"), (-90.0, None)),
        (ROLLED + gimbal(-30, gimbalRotateMode="relativeAngle"), None),
        (gimbal(-30, **ROLL_ONLY), None),
        (gimbal(-90), (-90.0, None)),
    ],
)
def test_pitch_and_roll_turn_each_where_it_is_switched_on_and_stay_else(
    turns: str, told: tuple[float, float | None] | None
) -> None:
    assert angles(plan(group(0, 0, turns, PHOTO)), 0) == told


def test_shots_of_one_place_that_differ_in_roll_say_nothing_and_one_without_roll_leaves_it_unknown() -> None:
    level = gimbal(-90, gimbalRollRotateEnable=1, gimbalRollRotateAngle=0)
    assert angles(plan(group(0, 0, ROLLED, PHOTO, level, PHOTO)), 0) is None
    assert angles(plan(group(0, 0, gimbal(-90), PHOTO, ROLLED, PHOTO)), 0) == (-90.0, None)


@pytest.mark.parametrize("turn", ["gimbalRotate", "orientedShoot"])
@pytest.mark.parametrize(
    ("pitch", "roll", "wrong"),
    [
        (-180, 180, None),
        (90, -180, None),
        (-180.5, 0, "Pitch"),
        (90.5, 0, "Pitch"),
        (0, 180.5, "Roll"),
        (0, -181, "Roll"),
    ],
)
def test_an_angle_that_no_gimbal_has_makes_the_plan_wrong(
    turn: str, pitch: float, roll: float, wrong: str | None
) -> None:
    facts = {"gimbalPitchRotateEnable": 1, "gimbalRollRotateEnable": 1, "payloadPositionIndex": 0}
    turned = action(turn, **facts, gimbalPitchRotateAngle=pitch, gimbalRollRotateAngle=roll)
    payload = plan(group(0, 0, turned, PHOTO if turn == "gimbalRotate" else ""))
    if wrong is None:
        assert angles(payload, 0) == (pitch, roll)
    else:
        with pytest.raises(ConfigError, match=f"gimbal{wrong}RotateAngle of the plan"):
            read_flight_plan(payload)


CENTRAL = b"PK\1\2"
"""The beginning of an entry of a zip's directory, which stands at the end."""

BOMB = b'<!DOCTYPE kml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><kml>&b;</kml>'


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"PK no zip", "no KMZ"),
        (b"", "no KMZ"),
        (kmz(plan(PHOTO))[:-40], "no KMZ"),
        (kmz(BOMB), "document type"),
        (kmz(b"<kml"), "no XML"),
        (kmz(b"\xff\xfe<"), "UTF-8"),
        (kmz(b" " * (MOST_BYTES + 1)), "larger than"),
        (kmz(plan(), others={"other/waylines.wpml": b""}), "2 of them"),
        (kmz(plan(PHOTO), packed=zipfile.ZIP_BZIP2), "expected deflate"),
        (kmz(plan(PHOTO), packed=zipfile.ZIP_LZMA), "expected deflate"),
        (plan(*[group(0, 499, PHOTO)] * 500), "250,000 actions"),
        (kmz(plan()), "no pictures"),
        (kmz(plan(group(0, 0, PHOTO)).replace(b"117.1,", b"east,")), "no place"),
        (kmz(plan(group(0, 0, PHOTO)).replace(b"StartIndex>0<", b"StartIndex>?<")), "at which waypoints"),
    ],
)
def test_what_is_no_plan_says_so_and_what_to_do(payload: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_flight_plan(payload)


def test_a_damaged_archive_is_an_error_that_people_can_read() -> None:
    whole = kmz(plan(*[group(number, number, gimbal(-60), PHOTO) for number in range(9)]))
    refused = 0
    assert whole.count(CENTRAL) == 2
    for place in range(whole.index(CENTRAL), len(whole)):
        for flip in (0xFF, 0x01):
            damaged = whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :]
            try:
                read_flight_plan(damaged)
            except ConfigError:
                refused += 1
    assert refused


def test_a_name_in_no_encoding_is_an_error_that_people_can_read() -> None:
    whole = kmz(plan(PHOTO), others={"\u7530.txt": b""})
    assert whole.count("\u7530".encode()) == 2
    with pytest.raises(ConfigError, match="no KMZ"):
        read_flight_plan(whole.replace("\u7530".encode(), b"\xff\xff\xff"))


def test_a_plan_has_at_most_as_many_waypoints_as_there_are_numbers_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight_plan, "_MOST_WAYPOINTS", 3)
    shot = group(0, 0, PHOTO)
    assert len(read_flight_plan(plan(shot, "", "")).start) == 1
    with pytest.raises(ConfigError, match="4 waypoints"):
        read_flight_plan(plan(shot, "", "", ""))


def lapse(position: object) -> str:
    return action("startTimeLapse", payloadPositionIndex=position)


def test_pictures_on_the_way_are_bounded_however_small_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cameras on three ways: a shot each."""
    payload = plan("", "", "", "", start=lapse(0) + lapse(7))
    monkeypatch.setattr(flight_plan, "_MOST_SHOTS", 6)
    assert len(read_flight_plan(payload).start) == 6
    monkeypatch.setattr(flight_plan, "_MOST_SHOTS", 5)
    with pytest.raises(ConfigError, match="more than 5 places"):
        read_flight_plan(payload)


def test_actions_at_the_start_count_as_those_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight_plan, "_MOST_ACTIONS", 3)
    assert len(read_flight_plan(plan("", "", start=lapse(0) * 3)).start) == 1
    with pytest.raises(ConfigError, match="4 actions"):
        read_flight_plan(plan("", "", start=lapse(0) * 4))


@pytest.mark.parametrize("position", [8, -1, "499", "0.5"])
def test_a_gimbal_that_no_aircraft_has_makes_the_plan_wrong(position: object) -> None:
    with pytest.raises(ConfigError, match="payloadPositionIndex"):
        read_flight_plan(plan("", "", start=lapse(position)))


def test_an_action_that_does_not_say_its_gimbal_concerns_the_first() -> None:
    assert angles(plan(group(0, 0, gimbal(-60), action("takePhoto", payloadPositionIndex=""))), 0) == (-60.0, None)


@pytest.mark.parametrize(("lon", "lat", "is_place"), [(180, -90, True), (180.1, 39, False), (117, 90.1, False)])
def test_a_waypoint_that_is_nowhere_on_earth_makes_the_plan_wrong(lon: float, lat: float, *, is_place: bool) -> None:
    payload = plan(group(0, 0, PHOTO)).replace(b"117.1,39.2", f"{lon},{lat}".encode())
    if is_place:
        assert read_flight_plan(payload).start.tolist() == [[lon, lat]]
    else:
        with pytest.raises(ConfigError, match="waypoint 0 of the plan is at"):
            read_flight_plan(payload)


@pytest.mark.parametrize(("limit", "inside"), [("_MOST_TAGS", "<"), ("_MOST_ATTRIBUTES", "=")])
def test_tags_and_attributes_are_counted_before_anything_is_made_of_them(
    limit: str, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = plan(group(0, 0, PHOTO))
    monkeypatch.setattr(flight_plan, limit, payload.count(inside.encode()))
    assert len(read_flight_plan(payload).start) == 1
    monkeypatch.setattr(flight_plan, limit, payload.count(inside.encode()) - 1)
    monkeypatch.setattr("xml.etree.ElementTree.fromstring", None)
    with pytest.raises(ConfigError, match="tags and"):
        read_flight_plan(payload)


def test_members_are_counted_before_the_directory_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = kmz(plan(group(0, 0, PHOTO)), others={"heights.tif": b""})
    monkeypatch.setattr(flight_plan, "_MOST_MEMBERS", 3)
    assert len(read_flight_plan(payload).start) == 1
    monkeypatch.setattr(flight_plan, "_MOST_MEMBERS", 2)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(ConfigError, match="3 files"):
        read_flight_plan(payload)


def test_folders_within_folders_are_flown_once_and_never_by_themselves() -> None:
    payload = plan(group(0, 0, gimbal(-60), PHOTO))
    deep = payload.replace(b"<Folder>", b"<Folder>" * 2).replace(b"</Folder>", b"</Folder>" * 2)
    with pytest.raises(ConfigError, match="no pictures"):
        read_flight_plan(deep)
    beside = payload.replace(b"</Folder>", b"<Folder><Placemark/></Folder></Folder>")
    assert len(read_flight_plan(beside).start) == 1
