"""Against a real Mosquitto: acknowledged only when on disk, and never another message than the one meant."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.errors import ConfigError
from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.mqtt.journal import Journal
from ingest.mqtt.session import Broker, MqttSession, Ticket
from ingest.observation import Reply
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until

TOPIC = "greensward/v1/beichen/gs-01/soil"


def broker_of(mosquitto: Mosquitto, version: str = "5") -> Broker:
    return Broker("127.0.0.1", mosquitto.port, "worker-1", mqtt_version=version, keepalive_s=5)


def publish(mosquitto: Mosquitto, payloads: list[bytes], topic: str = TOPIC) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="probe")
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    for info in [client.publish(topic, payload, qos=1) for payload in payloads]:
        info.wait_for_publish(10)
        assert info.is_published()
    client.disconnect()
    client.loop_stop()


class Session:
    """A session in a thread, with everything it delivered."""

    def __init__(self, broker: Broker, deliver: Callable[[Arrival, Ticket | None], None] | None = None) -> None:
        self.got: list[tuple[Arrival, Ticket | None]] = []
        self.error: Exception | None = None
        self.remembered = False
        self.session = MqttSession(
            broker,
            ("greensward/v1/beichen/+/soil",),
            deliver or (lambda arrival, ticket: self.got.append((arrival, ticket))),
            had_session=False,
            remember_session=lambda: setattr(self, "remembered", True),
        )
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.session.run()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def payloads(self) -> list[bytes]:
        return [arrival.payload for arrival, _ in self.got]

    def tickets(self) -> list[Ticket]:
        return [ticket for _, ticket in self.got if ticket is not None]


@contextmanager
def running(session: Session) -> Iterator[Session]:
    session.thread.start()
    wait_until(lambda: session.session.health.connected or session.error is not None, "the session is connected")
    yield session
    session.session.stop()
    session.thread.join(10)
    assert not session.thread.is_alive()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(mosquitto: Mosquitto, version: str) -> None:
    with running(Session(broker_of(mosquitto, version))) as first:
        wait_until(lambda: first.remembered, "the session is made")
        publish(mosquitto, [b"one", b"two"])
        wait_until(lambda: len(first.got) == 2, "both came")
        first.session.acknowledge(first.tickets()[:1])
        wait_until(lambda: not first.session._acks, "the acknowledgement is sent")
        publish(mosquitto, [b"three"])
        wait_until(lambda: len(first.got) == 3, "the third came")
    with running(Session(broker_of(mosquitto, version))) as second:
        wait_until(lambda: len(second.got) >= 2, "the others came again")
        assert second.payloads() == [b"two", b"three"]
        assert second.got[0][0].redelivered


def test_an_acknowledgement_of_an_older_connection_destroys_nothing(mosquitto: Mosquitto) -> None:
    with running(Session(broker_of(mosquitto))) as session:
        publish(mosquitto, [b"old"])
        wait_until(lambda: len(session.got) == 1, "the message came")
        old = session.tickets()
        mosquitto.kill()
        wait_until(lambda: not session.session.health.connected, "the loss is noticed")
        (mosquitto._folder / "mosquitto.db").unlink(missing_ok=True)
        mosquitto.start()
        wait_until(lambda: session.session.health.connected and session.session.health.epoch == 2, "it is back")
        assert session.session.health.sessions_lost == 1
        publish(mosquitto, [b"new"])
        wait_until(lambda: b"new" in session.payloads(), "the new message came")
        new = session.tickets()[-1]
        assert (new.epoch, new.packet_id) == (2, old[0].packet_id), "packet ids start again: that is the danger"
        session.session.acknowledge(old)
        wait_until(lambda: session.session.health.stale_acks_dropped == 1, "the stale one is dropped")
    with running(Session(broker_of(mosquitto))) as after:
        wait_until(lambda: after.payloads() == [b"new"], "the new message is still at the broker")


def test_a_broker_that_restarts_is_found_again_and_keeps_our_messages(mosquitto: Mosquitto) -> None:
    with running(Session(broker_of(mosquitto))) as session:
        mosquitto.stop()
        wait_until(lambda: not session.session.health.connected, "the loss is noticed")
        mosquitto.start()
        wait_until(lambda: session.session.health.connected, "it is back", timeout_s=10)
        assert session.session.health.sessions_lost == 0
        publish(mosquitto, [b"after"])
        wait_until(lambda: session.payloads() == [b"after"], "messages flow")


def test_an_error_while_delivering_ends_the_run_instead_of_the_thread_dying_unseen(mosquitto: Mosquitto) -> None:
    def explode(_arrival: Arrival, _ticket: Ticket | None) -> None:
        raise RuntimeError("no memory")

    with running(Session(broker_of(mosquitto), explode)) as session:
        publish(mosquitto, [b"x"])
        wait_until(lambda: session.error is not None, "the run has ended")
        assert str(session.error) == "no memory"


def test_two_workers_with_one_client_id_do_not_fight_for_ever(mosquitto: Mosquitto) -> None:
    with running(Session(broker_of(mosquitto))) as one, running(Session(broker_of(mosquitto))) as two:
        wait_until(lambda: one.error is not None or two.error is not None, "one of them gives up", timeout_s=30)
        error = one.error or two.error
        assert isinstance(error, ConfigError)
        assert "give each worker its own [broker] client_id" in str(error)


def test_wrong_credentials_are_told_at_once(mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    passwords = mosquitto._folder / "passwords"
    passwords.write_text("")
    passwords.chmod(0o600)
    config = mosquitto._config.read_text().replace("allow_anonymous true", f"password_file {passwords}")
    mosquitto._config.write_text(config)
    mosquitto.start()
    session = Session(broker_of(mosquitto))
    session.thread.start()
    session.thread.join(10)
    assert isinstance(session.error, ConfigError)
    assert "username" in str(session.error)


def test_replies_go_out_and_a_paused_session_leaves_messages_at_the_broker(mosquitto: Mosquitto) -> None:
    heard = Session(Broker("127.0.0.1", mosquitto.port, "listener"))
    with running(heard), running(Session(broker_of(mosquitto))) as session:
        session.session.reply([Reply("greensward/v1/beichen/gs-02/soil", b"thank you")])
        wait_until(lambda: b"thank you" in heard.payloads(), "the reply is heard")
        session.session.acknowledge(session.tickets())
        session.session.pause()
        wait_until(lambda: not session.session.health.connected, "it has left")
        before = len(session.got)
        publish(mosquitto, [b"while away"])
        assert len(session.got) == before
        session.session.resume()
        wait_until(lambda: b"while away" in session.payloads(), "the broker kept it")


def test_a_burst_larger_than_the_brokers_default_window_arrives_complete(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    acknowledged: list[Ticket] = []
    journal = Journal(folder.inbox, lambda tickets: acknowledge(tickets))  # noqa: PLW0108 - defined below
    session = Session(broker_of(mosquitto), journal.deliver)

    def acknowledge(tickets: object) -> None:
        some = list(tickets)  # type: ignore[call-overload]
        with Inbox(folder.inbox) as reader:
            assert reader.backlog().messages >= len(acknowledged) + len(some), "on disk before acknowledged"
        session.session.acknowledge(some)
        acknowledged.extend(some)

    thread = threading.Thread(target=journal.run)
    thread.start()
    with running(session):
        publish(mosquitto, [b"%d" % n for n in range(3000)])
        wait_until(lambda: len(acknowledged) == 3000, "all are on disk and acknowledged")
    journal.stop()
    thread.join(10)
    with Inbox(folder.inbox) as inbox:
        messages = inbox.oldest(10**8).messages
    assert [message.payload for message in messages] == [b"%d" % n for n in range(3000)]
    with running(Session(broker_of(mosquitto))) as later:
        publish(mosquitto, [b"last"])
        wait_until(lambda: len(later.got) > 0, "the next message came")
        assert later.payloads() == [b"last"], "nothing acknowledged comes again"


def test_after_its_end_a_session_writes_into_nobodys_file(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with running(Session(broker_of(mosquitto))) as session:
        publish(mosquitto, [b"x"])
        wait_until(lambda: len(session.got) == 1, "the message came")
    files = [(tmp_path / str(n)).open("wb", buffering=0) for n in range(8)]
    session.session.acknowledge(session.tickets())
    session.session.reply([Reply("t", b"late")])
    session.session.pause()
    for file in files:
        file.close()
    assert [Path(file.name).read_bytes() for file in files] == [b""] * 8


def test_replies_that_cannot_be_sent_do_not_pile_up_without_end(mosquitto: Mosquitto) -> None:
    session = Session(broker_of(mosquitto))
    for _ in range(3):
        session.session.reply([Reply("t", b"%d" % n) for n in range(5_000)])
    assert len(session.session._replies) == 10_000
