"""A crew's list at the broker: retained, versioned, as its schema says, and published again when it has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from crews.action import Action
from crews.issue import WAITING_STATES
from crews.ledger import to_us
from crews.notices.outbox import untold
from crews.perform import perform
from greensward.sending.retained import retain
from greensward.sending.sender import ANEW_S
from ingest.mqtt.broker import Broker
from tests.crews.made import DAY, HOUR, NOW
from tests.mosquitto import Mosquitto, free_port
from tests.notices.sending import Sending
from tests.waiting import wait_until

MINUTE = timedelta(minutes=1)
AT = NOW - timedelta(hours=1, minutes=17)
TOPIC = "greensward/v1/beichen/crews/crew-1/list"
SECTION = '[send.list_1]\nkind = "mqtt"\ncrews = ["一队"]\ncrew_id = "crew-1"\n'
Make = Callable[..., Sending]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path / "broker")
    made.start()
    yield made
    made.stop()


def retained(broker: Mosquitto) -> dict[str, Any]:
    """Return what a reader who comes now is told at once."""
    heard: list[mqtt.MQTTMessage] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="reader", protocol=mqtt.MQTTv5)
    client.on_message = lambda _client, _data, message: heard.append(message)

    def subscribe(*_: Any) -> None:
        client.subscribe("greensward/v1/beichen/crews/+/list", 1)

    client.on_connect = subscribe
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    wait_until(lambda: bool(heard), "the retained list comes")
    client.disconnect()
    client.loop_stop()
    (message,) = heard
    assert (message.retain, message.qos, message.topic) == (True, 1, TOPIC)
    said: dict[str, Any] = json.loads(message.payload)
    return said


def test_whoever_comes_later_has_the_list_and_no_link(broker: Mosquitto, sending: Make) -> None:
    made = sending(SECTION, broker_port=broker.port)
    made.turn(AT)
    said = retained(broker)
    schema = json.loads((resources.files("schemas") / "messages" / "crew_list.schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(schema).validate(said)
    assert (said["schema"], said["crew"]) == ("greening.crew_list/1", "一队")
    assert said["list_version"] == made.ledger.version()
    assert len(said["stops"]) > 3
    assert said["stops"][0]["plot_name"] == "京津路绿带 12 段"
    assert "/c/" not in json.dumps(said)
    (receipt,) = made.receipts()
    assert receipt["outcome"] == "sent"
    assert receipt["code"] in {"0", "16"}, "16: nobody has subscribed yet"


def test_a_list_of_a_crew_that_nobody_knows_is_none_without_work(broker: Mosquitto, sending: Make) -> None:
    sending(SECTION.replace("一队", "一对"), broker_port=broker.port).turn(AT)
    assert "登记里没有“一对”这个班组" in retained(broker)["summary"]


def test_it_is_published_again_only_when_it_says_something_else(broker: Mosquitto, sending: Make) -> None:
    made = sending(SECTION, broker_port=broker.port)
    made.turn(AT, times=10)
    assert len(made.receipts()) == 1
    first = retained(broker)
    open_issue = next(issue for issue in made.ledger.open_issues() if issue.plot_id == "JJ-015")
    perform(made.ledger, Action("done-12345", open_issue.issue_id, "done", "crew:一队", as_crew="一队"), AT + HOUR)
    made.turn(AT + HOUR, times=3)
    assert len(made.receipts()) == 2
    second = retained(broker)
    assert second["list_version"] > first["list_version"]
    made.turn(AT + DAY)
    assert len(made.receipts()) == 3, "a new day, on which other stops are due"


def test_a_clock_that_is_set_back_neither_repeats_a_list_nor_keeps_a_true_one_back(
    broker: Mosquitto, sending: Make
) -> None:
    made = sending(SECTION, broker_port=broker.port)
    made.turn(AT + HOUR)
    made.turn(AT, times=4, every=6 * MINUTE)
    assert len(made.receipts()) == 2, "one of each hour"
    issue = next(one for one in made.ledger.open_issues() if one.plot_id == "JJ-015")
    for crew, versions in (("二队", 2), ("一队", 3)):
        now = AT - versions * MINUTE
        perform(made.ledger, Action(f"move-{versions}2345", issue.issue_id, "assigned", "王工", crew=crew), now)
        made.turn(now)
        ids = [stop["issue_id"] for stop in retained(broker)["stops"]]
        assert (issue.issue_id in ids) == (crew == "一队")
    made.turn(AT, times=4)
    assert len(made.rows()) == 1


def test_a_sender_that_starts_publishes_what_the_broker_may_have_lost_once(broker: Mosquitto, sending: Make) -> None:
    sending(SECTION, broker_port=broker.port).turn(AT)
    made = sending(SECTION, broker_port=broker.port)
    (first,) = made.receipts()
    made.turn(AT + MINUTE, times=3)
    (again,) = made.receipts()
    assert (again["notice_id"], again["outcome"]) == (first["notice_id"], "sent"), "its receipt takes the other's place"
    assert again["n"] > first["n"]


def test_a_list_that_the_broker_lost_is_there_again_within_an_hour(broker: Mosquitto, sending: Make) -> None:
    made = sending(SECTION, broker_port=broker.port)
    made.turn(AT)
    assert retain(Broker("127.0.0.1", broker.port, client_id="loses"), TOPIC, b"").outcome == "sent"
    made.seconds += ANEW_S
    made.turn(AT + MINUTE)
    assert retained(broker)["crew"] == "一队"


def test_lists_that_a_broker_does_not_take_are_late_however_often_they_change(broker: Mosquitto, sending: Make) -> None:
    broker.stop()
    made = sending(SECTION, broker_port=broker.port)
    made.turn(AT)
    waiting = [one for one in made.ledger.open_issues() if one.crew == "一队" and one.state in WAITING_STATES]
    for number, issue in enumerate(waiting[:3], 1):
        now = AT + number * 10 * MINUTE
        perform(made.ledger, Action(f"move-{number}2345", issue.issue_id, "assigned", "王工", crew="二队"), now)
        made.turn(now)
    (row,) = made.rows()
    assert row["made_at"] == to_us(AT + 30 * MINUTE)
    (late,) = untold(made.ledger, AT - DAY, AT + 31 * MINUTE)
    assert (late.state, late.kind, late.at) == ("waiting", "list", AT)


def test_a_broker_that_was_away_gets_the_newest_list_and_no_older_one(broker: Mosquitto, sending: Make) -> None:
    broker.stop()
    made = sending(SECTION, broker_port=broker.port)
    made.turn(AT)
    made.turn(AT + 14 * HOUR)
    broker.start()
    made.turn(AT + DAY, times=3, every=timedelta(minutes=31))
    assert [one["outcome"] for one in made.receipts()][-1] == "sent"
    assert retained(broker)["generated_at"].startswith("2026-07-03")
    assert {row["day"] for row in made.rows() if row["state"] == "sent"} == {"2026-07-03"}


def test_a_list_that_is_too_long_for_a_broker_says_how_much_was_left_out(
    broker: Mosquitto, sending: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crews.notices.topic.MOST_BYTES", 10_000)
    made = sending(SECTION, broker_port=broker.port)
    made.turn(AT)
    said = retained(broker)
    assert len(json.dumps(said, ensure_ascii=False).encode()) < 11_000
    assert [stop["seq"] for stop in said["stops"]] == list(range(1, len(said["stops"]) + 1))
    assert len(said["stops"]) > 2
    assert said["left_out"] > 2


def test_a_certificate_file_that_went_away_is_tried_again_and_named(tmp_path: Path) -> None:
    broker = Broker("127.0.0.1", free_port(), client_id="x", ca_file=tmp_path / "gone.crt")
    answer = retain(broker, TOPIC, b"{}")
    assert (answer.outcome, answer.said.partition(": ")[2]) == ("later", "No such file or directory")


def test_what_the_brokers_rules_forbid_is_a_refusal(tmp_path: Path, sending: Make) -> None:
    (tmp_path / "acl").write_text("topic read #\n", encoding="ascii")
    strict = Mosquitto(tmp_path / "strict", f"acl_file {tmp_path}/acl\n")
    strict.start()
    made = sending(SECTION, broker_port=strict.port)
    made.turn(AT)
    strict.stop()
    assert [(one["outcome"], one["said"]) for one in made.receipts()] == [("refused", "Not authorized")]
