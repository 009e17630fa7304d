"""Each point of an acceptance test, seen passing, failing and not seen, over messages as devices send them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import pytest

from crews.words import all_words
from greensward.acceptance.delivery import delivery_points
from greensward.acceptance.evidence import evidence_of
from greensward.acceptance.in_chinese import in_chinese
from greensward.acceptance.record import Ending, Record, Trial
from greensward.acceptance.report import Report, make_report, to_markdown, to_page
from greensward.overheard.message import Heard
from ingest.decode.sparkplug import read_life_event
from ingest.decode.sparkplug_births import LifeEvent
from ingest.observation import Message
from tests.decode.lorawan import CHIRPSTACK, EUI, chirpstack
from tests.decode.sparkplug import DATA_AT, DBIRTH, DDATA, GROUP, NBIRTH
from tests.decode.sparkplug import DEVICE_ID as SPARKPLUG_DEVICE

AT = datetime(2026, 7, 2, 1, 0, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
ROOT = "greensward/v1/beichen"

Payload = dict[str, Any]


def record(
    messages: Sequence[Heard],
    device_id: str = "gs-01",
    interval_s: float | None = 600.0,
    ended: Ending = "done",
    births: Sequence[LifeEvent] = (),
    minutes: float = 120,
) -> Record:
    trial = Trial(
        device_id=device_id, model=None, interval_s=interval_s, minutes=minutes, broker="127.0.0.1:1883",
        mqtt_version="5", district="beichen", timezone="Asia/Shanghai", software_version="0.1.0", started_at=AT,
        births=tuple(births),
    )  # fmt: skip
    return Record(trial, tuple(messages), AT + timedelta(minutes=minutes), ended, "0" * 64)


def points(messages: Sequence[Heard], **how: Any) -> dict[str, str]:
    """Return the state of each point."""
    report = made(messages, **how)
    return {line.key: line.state for line in report.lines}


def made(messages: Sequence[Heard], language: str = "en", **how: Any) -> Report:
    return make_report(record(messages, **how), "gs-01.jsonl", language)


def found(messages: Sequence[Heard], key: str, **how: Any) -> str:
    (line,) = (line for line in made(messages, **how).lines if line.key == key)
    return "; ".join(line.found)


def reading(number: int) -> Payload:
    """Return the n-th message of a device that does everything right, with whom it is put right in the ground."""
    return {
        "schema": "greening.soil_reading/1",
        "seq": number + 1,
        "measured_at": (AT + number * TEN_MINUTES).isoformat(),
        "readings": [
            {"quantity": "volumetric_water_content", "depth_cm": 10, "value": round(0.1 + number**2 / 1000, 3),
             "unit": "m3/m3"},
            {"quantity": "soil_temperature", "depth_cm": 10, "value": 20 + number / 10, "unit": "Cel"},
        ],
        "battery_v": 3.61,
        "ack": 1,
    }  # fmt: skip


def heard(at: datetime, kind: str, payload: bytes, *, qos: int = 1, retained: bool = False) -> Heard:
    return Heard(received_at=at, topic=f"{ROOT}/gs-01/{kind}", payload=payload, qos=qos, retained=retained)


def state(at: datetime, word: str, *, retained: bool = False) -> Heard:
    return heard(at, "state", word.encode(), retained=retained)


def answer(to: Heard) -> Heard:
    said = {"schema": "greening.device_reply/1", "payload_sha256": hashlib.sha256(to.payload).hexdigest()}
    return heard(to.received_at + timedelta(seconds=4), "reply", json.dumps(said).encode())


def good(change: Callable[[int, Payload], None] = lambda _, __: None, **how: Any) -> list[Heard]:
    """Return two hours of a good device, each reading changed by `change`; one cut of its power, all answered."""
    came = [
        state(AT, "offline"),
        state(
            AT + timedelta(seconds=30),
            '{"schema": "greening.device_state/1", "state": "online", "reported_at": "2026-07-02T01:00:30Z"}',
        ),
    ]
    for number in range(12):
        said = reading(number)
        change(number, said)
        at = AT + number * TEN_MINUTES + timedelta(seconds=2)
        came.append(heard(at, how.get("kind", "soil"), json.dumps(said).encode(), qos=how.get("qos", 1)))
        came.append(answer(came[-1]))
    return [*came, state(AT + timedelta(hours=2), "online", retained=True)]


def test_a_device_that_does_everything_right_passes_every_point() -> None:
    assert set(points(good()).values()) == {"passed"}
    report = made(good())
    assert (report.outcome, report.verdict, report.needs, report.ending) == ("accepted", "Accepted", (), "")
    assert report.summary == "passed: 17, failed: 0, not seen: 0"


def put(key: str, value: object, of: int | None = None) -> Callable[[int, Payload], None]:
    """Return a change of the message, or of its first reading."""

    def change(number: int, said: Payload) -> None:
        if of is None or number == of:
            (said["readings"][0] if key in {"value", "unit"} else said)[key] = value

    return change


def late_clock(number: int, said: Payload) -> None:
    said["measured_at"] = (AT + number * TEN_MINUTES - timedelta(minutes=5)).isoformat()


def slow_way(number: int, said: Payload) -> None:
    if number >= 3:
        said["measured_at"] = (AT + number * TEN_MINUTES - timedelta(minutes=11)).isoformat()


def stuck(_: int, said: Payload) -> None:
    for one, value in zip(said["readings"], (0.2, 20), strict=True):
        one["value"] = value


def coarse(number: int, said: Payload) -> None:
    said["readings"][0]["value"] = round(0.05 + 0.04 * number, 2)


def in_a_cup(number: int, said: Payload) -> None:
    said["readings"][0]["value"] = round(0.7 + 0.01 * number**2 / 10, 3)


def fraction_called_percent(number: int, said: Payload) -> None:
    said["readings"][0] |= {"unit": "%", "value": round(0.1 + 0.001 * number**2, 3)}


def no_battery(_: int, said: Payload) -> None:
    said.pop("battery_v")


def gap(number: int, said: Payload) -> None:
    said["seq"] += 4 if number > 5 else 0


def counted_anew(number: int, said: Payload) -> None:
    said["seq"] = number % 6 + 1


def no_seq(_: int, said: Payload) -> None:
    said.pop("seq")


def same_instant(number: int, said: Payload) -> None:
    said["measured_at"] = (AT + number // 2 * 2 * TEN_MINUTES).isoformat()


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        (late_clock, {"clock"}),
        (put("measured_at", "2014-12-31T00:00:00Z", of=4), {"refused", "clock"}),
        (slow_way, {"delay"}),
        (put("unit", "percent", of=2), {"refused", "unit"}),
        (put("value", 18.3, of=2), {"refused", "unit"}),
        (put("value", -0.3, of=2), {"refused"}),
        (put("value", 7280, of=2), {"refused"}),
        (put("value", 0.6, of=2), set()),
        (put("value", 0.61, of=2), {"range"}),
        (fraction_called_percent, {"unit"}),
        (put("value", "0.2", of=2), {"refused"}),
        (put("value", -0.06, of=2), set()),
        (in_a_cup, {"range"}),
        (stuck, {"moving"}),
        (coarse, {"steps"}),
        (put("seq", 7), {"sequence"}),
        (put("battery_v", 3610), {"refused", "battery"}),
        (put("battery_v", 0.1), {"battery"}),
        (gap, {"sequence"}),
        (counted_anew, set()),
        (put("device_id", "gs-02", of=1), {"refused", "identity"}),
        (same_instant, {"duplicates", "arrived"}),
    ],
)  # fmt: skip
def test_a_device_that_is_wrong_in_one_respect_fails_in_that(
    change: Callable[[int, Payload], None], failed: set[str]
) -> None:
    states = points(good(change))
    assert {key for key, state in states.items() if state == "failed"} == failed
    assert made(good(change)).outcome == ("not_accepted" if failed else "accepted")


@pytest.mark.parametrize(
    ("change", "key"), [(no_battery, "battery"), (no_seq, "sequence"), (put("ack", 0), "answers")]
)  # fmt: skip
def test_what_a_device_does_not_say_is_not_seen_and_no_fault(change: Callable[[int, Payload], None], key: str) -> None:
    assert {name for name, state in points(good(change)).items() if state != "passed"} == {key}
    assert points(good(change))[key] == "not_seen"


def test_a_silent_device_is_not_accepted_and_nothing_else_is_held_against_it() -> None:
    states = points([])
    assert states.pop("arrived") == "failed"
    assert set(states.values()) == {"not_seen"}
    assert made([]).outcome == "not_accepted"


def test_what_a_short_test_did_not_see_is_lacking_and_said_in_words() -> None:
    def outcome(messages: Sequence[Heard], **how: Any) -> tuple[str, tuple[str, ...]]:
        report = made(messages, **how)
        return report.outcome, report.needs

    # Between two hourly reports nothing need come in 90 minutes.
    short = {"interval_s": 3600.0, "minutes": 90}
    assert points([], **short)["arrived"] == "not_seen"
    six_hours = "Run it for at least 360 min, 6 of its intervals."
    assert outcome([], **short) == ("incomplete", (six_hours,))
    assert points([], interval_s=2700.0, minutes=90)["arrived"] == "failed"
    assert outcome([*good()[:4], good()[-1]], **short) == ("incomplete", (six_hours,))
    # Four instants in half an hour do not tell whether it moves.
    began = [one for one in good() if one.retained or one.received_at < AT + timedelta(minutes=31)]
    states = points(began, minutes=35)
    assert {key for key, state in states.items() if state != "passed"} == {"moving"}
    assert outcome(began, minutes=35) == ("incomplete", ("Run it for at least 60 min, 6 of its intervals.",))
    nobody_says = (
        "Say its interval in seconds with --interval, or register it.",
        "Run it for at least 6 of its intervals.",
    )
    assert outcome(good(), interval_s=None) == ("incomplete", nobody_says)

    def dry(number: int, said: Payload) -> None:
        said["readings"] = [said["readings"][0] | {"value": 0.1 + 0.1 * (number % 3)}]

    (need,) = made(good(dry), "zh").needs
    assert need == "请把探头先后放入干湿不同的土壤，直到含水率出现 5 个不同的数值。"

    def ever_deeper(number: int, said: Payload) -> None:
        for one in said["readings"]:
            one["depth_cm"] = 10 * number

    assert outcome(good(ever_deeper))[1] == ("Too few readings came: run it for at least 240 min.",)
    said = to_markdown(made(good(dry)))
    assert "**– Incomplete.** passed: 16, failed: 0, not seen: 1.\n\n- **Put the probe into soils" in said
    assert 'class="verdict incomplete">– Incomplete' in to_page(made(good(dry)))


def test_a_weather_station_is_accepted_without_soil() -> None:
    def air(number: int, said: Payload) -> None:
        said["readings"] = [{"quantity": "air_temperature", "value": 20 + number / 10, "unit": "Cel"}]

    assert {key for key, state in points(good(air)).items() if state != "passed"} == {"moving", "steps"}
    assert made(good(air)).outcome == "accepted"


def test_one_lost_report_is_a_pause_and_an_interval_that_nobody_says_is_not_judged() -> None:
    lost = [one for one in good() if not AT + 4 * TEN_MINUTES < one.received_at < AT + 6 * TEN_MINUTES]
    assert points(lost)["arrived"] == "failed"
    assert "messages with new readings: 10; longest pause: 30 min" in found(lost, "arrived")
    assert points(good(), interval_s=None)["arrived_unknown"] == "not_seen"
    twice_as_slow = points(good(), interval_s=300.0)
    assert twice_as_slow["arrived"] == "failed"


def test_a_long_pause_fails_although_enough_came_and_a_part_that_rests_is_told() -> None:
    twice_as_often = [*_shifted(good(), 0), *_shifted(good(), 5)]
    silent = [one for one in twice_as_often if not timedelta(minutes=40) < one.received_at - AT < timedelta(minutes=75)]
    assert points(sorted(twice_as_often, key=lambda one: one.received_at))["arrived"] == "passed"
    came = sorted(silent, key=lambda one: one.received_at)
    assert points(came)["arrived"] == "failed"
    assert "messages with new readings: 17; longest pause: 40 min" in found(came, "arrived")

    def cold(_: int, said: Payload) -> None:
        said["readings"][1]["value"] = 20

    assert points(good(cold))["moving"] == "passed"
    assert found(good(cold), "moving") == "it moves; not moving: soil_temperature 10 cm"


def test_a_pause_in_which_its_power_was_cut_is_excused_once_and_only_when_it_comes_back() -> None:
    def heard_at(*minutes: int) -> list[Heard]:
        """Return readings measured every ten minutes that arrive at these; the power is cut after 31."""
        came = [
            heard(AT + timedelta(minutes=at), "soil", json.dumps(reading(n)).encode()) for n, at in enumerate(minutes)
        ]
        return sorted([*came, state(AT + timedelta(minutes=31), "offline")], key=lambda one: one.received_at)

    kept = heard_at(0, 10, 20, 30, 60, 60, 60, 70, 80, 90, 100, 110)
    states = points(kept)
    assert (states["arrived"], states["delay"]) == ("passed", "passed")
    assert found(kept, "arrived") == (
        "messages with new readings: 12; longest pause: 10 min; not counted, as its power was cut: 30 min"
    )
    no_will = points([one for one in kept if one.payload != b"offline"])
    assert (no_will["arrived"], no_will["delay"]) == ("failed", "failed")
    assert points([one for one in kept if one.received_at < AT + 4 * TEN_MINUTES])["arrived"] == "failed"
    again = [*kept[:-2], state(AT + timedelta(minutes=91), "offline"), heard_at(*[0] * 11, 119)[-1]]
    assert points(again)["arrived"] == "failed"
    # Away for most of the test: nobody knows whether for want of power.
    long = heard_at(0, 10, 20, 30, 80, 80, 80, 80, 80, 90, 100, 110)
    assert points(long)["arrived"] == "not_seen"
    assert points(long[:-2])["arrived"] == "failed"
    (need,) = made([*long, state(AT + timedelta(hours=2), "offline", retained=True), *map(answer, long)]).needs
    assert need == "Give its power back at once: within 30 min of its last will it must send again."


def test_what_was_kept_and_comes_after_newer_readings_is_no_delay() -> None:
    came = [one for one in good() if one.topic.endswith("/soil")]
    kept = [heard(came[9].received_at, "soil", one.payload) for one in reversed(came[4:10])]
    backwards = [*came[:4], *kept, *came[10:]]
    assert points(backwards)["delay"] == "passed"
    assert "messages: 7" in found(backwards, "clock")


@pytest.mark.parametrize(("behind", "failed"), [(0, set()), (5, {"clock"}), (87, {"clock", "delay"})])
def test_a_clock_that_is_wrong_after_its_power_was_cut_fails(behind: int, failed: set[str]) -> None:
    def restarted(number: int, said: Payload) -> None:
        if number >= 6:
            said["measured_at"] = (AT + number * TEN_MINUTES - timedelta(minutes=behind)).isoformat()

    cut = AT + timedelta(minutes=31)
    came = [one for one in good(restarted) if not cut < one.received_at < cut + timedelta(minutes=25)]
    came.append(state(cut, "offline"))
    states = points(sorted(came, key=lambda one: one.received_at))
    assert {key for key in ("clock", "delay") if states[key] == "failed"} == failed


def test_a_clock_of_which_nothing_is_known_since_its_power_was_cut_is_not_seen() -> None:
    def restarted(number: int, said: Payload) -> None:
        if number >= 6:  # it goes on where it stopped, half an hour ago, and so till the end
            said["measured_at"] = (AT + (number - 3) * TEN_MINUTES + timedelta(minutes=2)).isoformat()

    cut = AT + timedelta(minutes=31)
    came = [one for one in good(restarted) if not cut < one.received_at < cut + timedelta(minutes=25)]
    came = [one for one in came if one.received_at < AT + timedelta(minutes=71)]
    report = made(sorted([*came, state(cut, "offline")], key=lambda one: one.received_at), minutes=75)
    (line,) = (line for line in report.lines if line.key == "clock")
    assert (line.state, line.found) == ("not_seen", ("nothing that was measured since its power was cut",))


def test_a_reading_from_before_the_cut_that_comes_after_it_is_no_delay() -> None:
    cut = AT + timedelta(minutes=31)
    came = [one for one in good() if one.topic.endswith("/soil") and not cut < one.received_at < cut + 2 * TEN_MINUTES]
    late = heard(cut + timedelta(minutes=25), "soil", came.pop(2).payload)
    states = points(sorted([*came, state(cut, "offline"), late], key=lambda one: one.received_at))
    assert (states["clock"], states["delay"]) == ("passed", "passed")


def test_data_of_a_sparkplug_device_is_read_by_the_birth_in_the_record() -> None:
    births = [("NBIRTH/gw-1", NBIRTH), ("DBIRTH/gw-1/probe-7", DBIRTH), ("DDATA/gw-1/probe-7", DDATA)]
    at = DATA_AT + timedelta(seconds=1)
    came = []
    for topic, payload in births:
        came.append(Heard(received_at=at, topic=f"{GROUP}/{topic}", payload=payload, qos=1))
    assert points(came, device_id=SPARKPLUG_DEVICE)["refused"] == "passed"
    assert found(came, "refused", device_id=SPARKPLUG_DEVICE) == "messages taken: 2"  # the node's birth is not its own
    assert points(came[2:], device_id=SPARKPLUG_DEVICE)["refused"] == "failed"
    # Born before the test: by what ingest knew when it began.
    events = (read_life_event(Message(seq, at, one.topic, one.payload)) for seq, one in enumerate(came[:2], 1))
    known = [event for event in events if event is not None]
    assert points(came[2:], device_id=SPARKPLUG_DEVICE, births=known)["refused"] == "passed"
    # The node's messages are numbered, whichever of its devices they are of.
    assert points(came, device_id=SPARKPLUG_DEVICE)["sequence"] == "not_seen"
    assert "those of the whole Sparkplug node" in found(came, "sequence", device_id=SPARKPLUG_DEVICE)


_HOT = {"service_id": "soil", "properties": {"soil_temperature": 900}}


@pytest.mark.parametrize(
    "other", [{"device_id": "sub/3"}, {"services": [{"service_id": "soil"}]}, {"services": 5}, {"services": [_HOT]}]
)
def test_of_a_gateway_s_pack_only_the_device_s_own_part_is_judged(other: Payload) -> None:
    def parts(number: int) -> list[Payload]:
        at = f"{AT + number * TEN_MINUTES:%Y%m%dT%H%M%SZ}"
        properties = {"soil_moisture": 20 + number / 3}
        good = {"device_id": "sub-1", "services": [{"service_id": "soil", "properties": properties, "event_time": at}]}
        return [good, good | {"device_id": "sub-2"} | other]

    topic = "$oc/devices/gateway-1/sys/gateway/sub_devices/properties/report"
    came = []
    for number in range(12):
        payload = json.dumps({"devices": parts(number)}).encode()
        came.append(Heard(received_at=AT + number * TEN_MINUTES, topic=topic, payload=payload, qos=1))
    states = points(came, device_id="sub-1")
    assert {states[key] for key in ("arrived", "refused", "identity", "unit", "moving", "clock")} == {"passed"}
    assert "failed" not in states.values()
    assert points(came, device_id="gateway-1" if "device_id" in other else "sub-2")["refused"] == "failed"


def test_a_misspelt_topic_is_told_with_what_came_on_it() -> None:
    states = points(good(kind="soill"))
    assert {key for key, state in states.items() if state == "failed"} == {"arrived", "refused", "identity"}
    assert found(good(kind="soill"), "identity") == f'{ROOT}/gs-01/soill: 12 ×, got "{ROOT}/gs-01/soill"'


def test_each_wrong_topic_is_told_with_what_came_on_it() -> None:
    other = [heard(AT, kind, b"{}") for kind in ("Soil", "status")]
    said = found([*good(), *other], "identity")
    assert said == "; ".join(f'{one.topic}: 1 ×, got "{one.topic}"' for one in other)


def test_qos_0_and_a_retained_reading_fail() -> None:
    assert {key for key, state in points(good(qos=0)).items() if state == "failed"} == {"qos"}
    lying = [*good(), heard(AT, "soil", json.dumps(reading(1)).encode(), retained=True)]
    assert {key for key, state in points(lying).items() if state == "failed"} == {"retained"}


def test_a_state_that_is_not_retained_fails_and_a_will_that_is_not_too() -> None:
    never = [one for one in good() if not one.retained]
    assert {key for key, state in points(never).items() if state == "failed"} == {"state"}
    off = [*good()[:-1], state(AT + timedelta(hours=1, minutes=59), "offline")]
    assert points([*off, state(AT + timedelta(hours=2), "offline", retained=True)])["last_will"] == "passed"
    assert points([*off, state(AT + timedelta(hours=2), "online", retained=True)])["last_will"] == "failed"
    assert points([one for one in good() if one.payload != b"offline"])["last_will"] == "not_seen"
    assert points([one for one in good() if not one.topic.endswith("/state")])["state"] == "not_seen"
    # Its will lies there, and what it said after coming back was not retained.
    stale = [*good()[:-1], state(AT + timedelta(hours=2), "offline", retained=True)]
    assert {key for key, state in points(stale).items() if state == "failed"} == {"state"}
    assert found(stale, "state") == "retained: offline, although the last that came was online"
    assert points(stale, ended="broker_lost")["state"] == "passed"
    wrong = [*good(), state(AT + timedelta(hours=2), '{"state": "on"}', retained=True)]
    assert points(wrong)["state"] == "failed"
    # What an earlier firmware left proves nothing of this one.
    told = '{"schema": "greening.device_state/1", "state": "online", "reported_at": "2026-07-02T00:59:59Z"}'
    left = [*good()[:-1], state(AT + timedelta(hours=2), told, retained=True)]
    assert points(left)["state"] == "failed"
    assert found(left, "state") == "retained: an older online, not the last that came"
    again = [*good()[:-1], state(AT + timedelta(hours=2), told.replace("00:59:59", "01:00:30"), retained=True)]
    assert points(again)["state"] == "passed"
    # What it has replaced is none of its faults.
    assert points([state(AT, '{"state": "on"}', retained=True), *good()])["state"] == "passed"
    # Where the connection broke nobody looked in the end.
    lost = made(never, ended="broker_lost")
    assert {line.key for line in lost.lines if line.state != "passed"} == {"state", "retained"}
    assert (lost.outcome, lost.needs) == (
        "incomplete",
        ("Run it again to its end: what is retained was not looked at.",),
    )


def test_an_answer_that_does_not_come_is_no_fault_of_the_device_and_the_test_is_incomplete() -> None:
    unanswered = [one for one in good() if not one.topic.endswith("/reply")]
    assert points(unanswered)["answers"] == "not_seen"
    assert (made(unanswered).outcome, len(made(unanswered).needs)) == ("incomplete", 1)
    assert "not answered: 12 of 12" in found(unanswered, "answers")
    assert "median wait: 4 s" in found(good(), "answers")
    last = heard(AT + timedelta(hours=2, seconds=-5), "soil", json.dumps(reading(11) | {"seq": 13}).encode())
    assert points([*good(), last])["answers"] == "passed"
    other = next(one for one in good() if one.topic.endswith("/reply"))
    assert points([*unanswered, other])["answers"] == "not_seen"


def test_twice_the_messages_are_twice_the_work() -> None:
    def lines_run(number: int) -> int:
        """Return how many lines of Python judge so many answered messages, every other one lost."""
        messages = []
        for n in range(number):
            said = json.dumps(reading(n) | {"seq": 2 * n}).encode()
            messages += [heard(AT + n * timedelta(seconds=9), "soil", said)]
            messages += [answer(messages[-1])]
        evidence, lines = evidence_of(record(messages)), 0

        def count(_frame: FrameType, event: str, _arg: object) -> Any:
            nonlocal lines
            lines += event == "line"
            return count

        before = sys.gettrace()
        sys.settrace(count)
        try:
            states = {point.key: point.state for point in delivery_points(evidence)}
        finally:
            sys.settrace(before)
        assert (states["answers"], states["sequence"]) == ("passed", "failed")
        return lines

    assert lines_run(100) < 2.1 * lines_run(50)


def test_the_same_reading_again_is_harmless_now_and_then_and_another_value_never() -> None:
    again = heard(AT + timedelta(minutes=1), "soil", good()[2].payload)
    assert points([*good(), again, answer(again)])["duplicates"] == "failed"  # one of 13 is more than 5 %
    many = [one for number in range(4) for one in _shifted(good(), number)]
    assert points([*many, again, answer(again)], interval_s=None)["duplicates"] == "passed"
    other = reading(0)
    other["readings"][0]["value"] = 0.3
    changed = heard(AT + timedelta(minutes=1), "soil", json.dumps(other).encode())
    assert points([*many, changed, answer(changed)], interval_s=None)["duplicates"] == "failed"
    assert "with another value: 1" in found([*many, changed], "duplicates", interval_s=None)
    # A later message may add what was missing.
    first, more = reading(0), reading(0)
    first["readings"], more["readings"] = first["readings"][:1], more["readings"][1:]
    both = [heard(AT, "soil", json.dumps(one).encode()) for one in (first, more)]
    assert "with another value: 0" in found(both, "duplicates")


def _shifted(messages: Sequence[Heard], minutes: int) -> list[Heard]:
    shifted = []
    for one in messages:
        if one.topic.endswith("/soil"):
            said = json.loads(one.payload)
            at = datetime.fromisoformat(said["measured_at"]) + timedelta(minutes=minutes)
            payload = json.dumps(said | {"measured_at": at.isoformat()}).encode()
            shifted.append(heard(one.received_at + timedelta(minutes=minutes), "soil", payload))
    return shifted


def test_sequence_numbers_that_come_in_another_order_are_not_missing() -> None:
    def swapped(number: int, said: Payload) -> None:
        said["seq"] = {4: 6, 5: 5}.get(number, number + 1)

    assert found(good(swapped), "sequence") == "1 to 12; missing: 0; counted anew: 1 ×"
    assert found(good(gap), "sequence") == "1 to 16; missing: 4; counted anew: 0 ×"


def test_of_a_device_behind_a_network_server_only_what_is_its_own_is_judged() -> None:
    came = []
    for number in range(12):
        at = AT + number * TEN_MINUTES
        uplink = chirpstack({"soil_moisture": 20 + number / 3}, time=at.isoformat(), fCnt=number)
        came.append(Heard(received_at=at, topic=CHIRPSTACK, payload=json.dumps(uplink).encode()))
    states = points(came, device_id=EUI)
    assert {states[key] for key in ("arrived", "refused", "moving", "sequence_served", "duplicates")} == {"passed"}
    assert made(came, device_id=EUI).outcome == "accepted"
    # What is lost on the air is no fault of the device, as long as enough comes.
    assert points(came[:4] + came[5:], device_id=EUI)["sequence_served"] == "passed"
    assert points(came[:4] + came[6:], device_id=EUI)["sequence_served"] == "failed"
    served = {key for key, state in states.items() if state == "not_seen"}
    assert served == {"clock", "delay", "battery", "qos", "retained", "state", "last_will", "answers"}


def test_messages_of_other_devices_are_not_counted() -> None:
    states = points(good(), device_id="gs-09")
    assert states.pop("arrived") == "failed"
    assert set(states.values()) == {"not_seen"}


def test_a_part_that_is_as_wet_in_soil_as_in_air_is_not_accepted_because_its_temperature_moves() -> None:
    def water(*values: float) -> Callable[[int, Payload], None]:
        return lambda number, said: said["readings"][0].update(value=values[number % len(values)])

    rests = made(good(water(0.2)))
    assert rests.outcome == "incomplete"
    assert rests.needs[0] == "Put the probe from air into wet soil: its water content has not moved."
    (line,) = (line for line in rests.lines if line.key == "moving")
    assert (line.state, line.found) == ("not_seen", ("not moving: volumetric_water_content 10 cm",))
    coarse = made(good(water(0.1, 0.2, 0.3)))
    (line,) = (line for line in coarse.lines if line.key == "steps")
    assert (coarse.outcome, line.state) == ("incomplete", "not_seen")
    assert line.found[-1] == "no water content with 5 different values"
    assert "until its water content has had 5 different values" in coarse.needs[0]
    # Two values that lie near each other show as much as five.
    assert made(good(water(0.0, 0.31, 0.32))).outcome == "accepted"


def test_a_name_from_a_device_can_neither_end_a_cell_nor_be_markup() -> None:
    report = made(good(put("unit", "a|b<script>`", of=2)))
    assert "a\\|b\\<script\\>" in to_markdown(report)
    assert "<script>" not in to_page(report)
    broken = to_markdown(made([*good(), heard(AT, "soil", b"{\r\xe2\x80\xa8\nUnits passed")]))
    assert all(line.endswith("|") for line in broken.splitlines() if line.startswith("|"))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("nothing", "空缺"), ("a list of 0", "0 项的列表"), ("an object with 3 keys", "含 3 个键的对象"),
        ("a number or a whole number", "数字 或 整数"), ("at least 1 item", "至少 1 项"), ("at most 100", "不大于 100"),
        ("-0.2 to 1 m3/m3", "-0.2 至 1 m3/m3"), ("one of m3/m3, %", "下列之一：m3/m3, %"), ('"gs-02"', '"gs-02"'),
        ("exactly one of: measured_at with readings, samples", "下列之中恰好一个：measured_at with readings, samples"),
        ("an instant from 2026-07-02 on, local day", "2026-07-02 起的时间"), ("never said", "never said"),
    ],
)  # fmt: skip
def test_what_a_decoder_says_is_told_in_chinese(said: str, words: str) -> None:
    assert in_chinese(said) == words


def test_a_chinese_report_says_in_chinese_what_was_got_and_expected() -> None:
    (line,) = (line for line in made(good(put("measured_at", 5, of=2)), "zh").lines if line.key == "refused")
    assert line.found == ("wrong_type × 1，位置 /measured_at：JSON 类型不正确。收到：5。要求：字符串。",)


def test_every_point_and_sentence_is_there_in_both_languages() -> None:
    words = {key.removeprefix("acceptance.") for key in all_words() if key.startswith("acceptance.")}
    names = {key.partition(".")[2] for key in words if key.startswith("point.")}
    assert names == {key.partition(".")[2] for key in words if key.startswith("expected.")}
    for language in ("zh", "en"):
        keys = {line.key for line in made(good(), language).lines} | {"arrived_unknown", "sequence_served"}
        assert keys == names
