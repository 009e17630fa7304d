"""Each point of an acceptance test, seen passing, failing and not seen, over messages as devices send them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crews.words import all_words
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
) -> Record:
    trial = Trial(
        device_id=device_id, model=None, interval_s=interval_s, minutes=120, broker="127.0.0.1:1883",
        mqtt_version="5", district="beichen", timezone="Asia/Shanghai", software_version="0.1.0", started_at=AT,
        births=tuple(births),
    )  # fmt: skip
    return Record(trial, tuple(messages), AT + timedelta(hours=2), ended, "0" * 64)


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
    assert (report.is_accepted, report.verdict, report.ending) == (True, "Accepted", "")
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
    if number == 3:
        said["measured_at"] = (AT + number * TEN_MINUTES - timedelta(hours=1)).isoformat()


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
        (fraction_called_percent, {"unit"}),
        (put("value", "0.2", of=2), {"refused"}),
        (put("value", -0.1, of=2), {"range"}),
        (in_a_cup, {"range"}),
        (stuck, {"moving"}),
        (coarse, {"steps"}),
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
    assert made(good(change)).is_accepted is (not failed)


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
    assert points([], interval_s=None)["arrived_unknown"] == "failed"


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
    wrong = [*good(), state(AT + timedelta(hours=2), '{"state": "on"}', retained=True)]
    assert points(wrong)["state"] == "failed"
    # Where the connection broke nobody looked in the end.
    assert points(never, ended="broker_lost")["state"] == "not_seen"


def test_an_answer_that_does_not_come_fails_and_one_that_was_asked_for_in_the_last_seconds_is_not_waited_for() -> None:
    unanswered = [one for one in good() if not one.topic.endswith("/reply")]
    assert points(unanswered)["answers"] == "failed"
    assert "not answered: 12 of 12" in found(unanswered, "answers")
    assert "median wait: 4 s" in found(good(), "answers")
    last = heard(AT + timedelta(hours=2, seconds=-5), "soil", json.dumps(reading(11) | {"seq": 13}).encode())
    assert points([*good(), last])["answers"] == "passed"
    other = next(one for one in good() if one.topic.endswith("/reply"))
    assert points([*unanswered, other])["answers"] == "failed"


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
    assert {states[key] for key in ("arrived", "refused", "moving", "sequence", "duplicates")} == {"passed"}
    served = {key for key, state in states.items() if state == "not_seen"}
    assert served == {"clock", "delay", "battery", "qos", "retained", "state", "last_will", "answers"}


def test_messages_of_other_devices_are_not_counted() -> None:
    states = points(good(), device_id="gs-09")
    assert states.pop("arrived") == "failed"
    assert set(states.values()) == {"not_seen"}


def test_a_name_from_a_device_can_neither_end_a_cell_nor_be_markup() -> None:
    report = made(good(put("unit", "a|b<script>`", of=2)))
    assert "a\\|b\\<script\\>" in to_markdown(report)
    assert "<script>" not in to_page(report)


def test_every_point_and_sentence_is_there_in_both_languages() -> None:
    words = {key.removeprefix("acceptance.") for key in all_words() if key.startswith("acceptance.")}
    names = {key.partition(".")[2] for key in words if key.startswith("point.")}
    assert names == {key.partition(".")[2] for key in words if key.startswith("expected.")}
    for language in ("zh", "en"):
        keys = {line.key for line in made(good(), language).lines} | {"arrived_unknown"}
        assert keys == names
