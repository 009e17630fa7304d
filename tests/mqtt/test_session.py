"""Against a real Mosquitto: acknowledged only when on disk, and never another message than the one meant."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.errors import ConfigError, InUseError
from ingest.frames import Frames
from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.mqtt.broker import Broker
from ingest.mqtt.journal import Journal
from ingest.mqtt.ticket import Ticket
from ingest.observation import Reply
from tests.mosquitto import Mosquitto
from tests.mqtt.scripted_broker import CONNECT, ScriptedBroker, packet
from tests.mqtt.sessions import Session, broker_of, publish, running
from tests.waiting import PATIENCE_S, wait_until


@pytest.mark.parametrize(("version", "receive"), [("5", "bulk"), ("3.1.1", "bulk"), ("5", "paho")])
def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(
    mosquitto: Mosquitto, version: str, receive: str
) -> None:
    with running(Session(broker_of(mosquitto, version, receive))) as first:
        wait_until(lambda: first.remembered, "the session is made")
        publish(mosquitto, [b"one", b"two"])
        wait_until(lambda: len(first.got) == 2, "both came")
        first.session.acknowledge(first.tickets()[:1])
        wait_until(lambda: not first.session._acks, "the acknowledgement is sent")
        publish(mosquitto, [b"three"])
        wait_until(lambda: len(first.got) == 3, "the third came")
    with running(Session(broker_of(mosquitto, version, receive))) as second:
        wait_until(lambda: len(second.got) >= 2, "the others came again")
        assert second.payloads() == [b"two", b"three"]
        assert second.got[0][0].redelivered


@pytest.mark.parametrize("receive", ["bulk", "paho"])
def test_an_acknowledgement_of_an_older_connection_destroys_nothing(mosquitto: Mosquitto, receive: str) -> None:
    with running(Session(broker_of(mosquitto, receive=receive))) as session:
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
        assert (new.epoch, *new.packet_ids) == (2, *old[0].packet_ids), "packet ids start again: that is the danger"
        session.session.acknowledge(old)
        wait_until(lambda: session.session.health.stale_acks_dropped == 1, "the stale one is dropped")
    with running(Session(broker_of(mosquitto))) as after:
        wait_until(lambda: after.payloads() == [b"new"], "the new message is still at the broker")


def test_a_broker_that_restarts_is_found_again_and_keeps_our_messages(mosquitto: Mosquitto) -> None:
    with running(Session(broker_of(mosquitto))) as session:
        mosquitto.stop()
        wait_until(lambda: not session.session.health.connected, "the loss is noticed")
        mosquitto.start()
        wait_until(lambda: session.session.health.connected, "it is back")
        assert session.session.health.sessions_lost == 0
        publish(mosquitto, [b"after"])
        wait_until(lambda: session.payloads() == [b"after"], "messages flow")


def test_an_error_while_delivering_ends_the_run_instead_of_the_thread_dying_unseen(mosquitto: Mosquitto) -> None:
    def explode(_arrived: Arrival | Frames, _ticket: Ticket | None) -> None:
        raise RuntimeError("no memory")

    with running(Session(broker_of(mosquitto), explode)) as session:
        publish(mosquitto, [b"x"])
        wait_until(lambda: session.error is not None, "the run has ended")
        assert str(session.error) == "no memory"


def test_two_workers_with_one_client_id_do_not_fight_for_ever(mosquitto: Mosquitto) -> None:
    with running(Session(broker_of(mosquitto))) as one, running(Session(broker_of(mosquitto))) as two:
        wait_until(lambda: one.error is not None or two.error is not None, "one of them gives up")
        error = one.error or two.error
        assert isinstance(error, ConfigError)
        assert "give each worker its own [broker] client_id" in str(error)


def test_a_broker_that_says_that_our_session_was_taken_over_is_believed() -> None:
    def answer(kind: int, _body: bytes) -> bytes:
        return packet(0x20, b"\x01\x00\x00") + packet(0xE0, b"\x8e\x00") if kind == CONNECT else b""

    with ScriptedBroker(answer) as broker, running(Session(Broker("127.0.0.1", broker.port, "worker-1"))) as session:
        wait_until(lambda: session.error is not None, "it gives up")
        assert isinstance(session.error, InUseError)
        assert broker.connections == 3
        assert "another client connects as 'worker-1'" in str(session.error)


def test_a_session_listens_only_once_its_subscription_is_granted() -> None:
    granted = threading.Event()

    def answer(kind: int, body: bytes) -> bytes:
        if kind == CONNECT:
            return packet(0x20, b"\x00\x00\x00")
        return packet(0x90, body[:2] + b"\x00\x01") if granted.is_set() else packet(0xD0, b"")

    with ScriptedBroker(answer) as broker:
        with running(Session(Broker("127.0.0.1", broker.port, "worker-1")), granted=False) as unheard:
            assert unheard.session.health.connected
            assert not unheard.session.health.is_listening
        granted.set()
        with running(Session(Broker("127.0.0.1", broker.port, "worker-1"))) as heard:
            assert heard.session.health.is_listening


@pytest.mark.parametrize(
    ("accepted", "subscribed"),
    [
        pytest.param(b"\x00\x00\x00", b"", id="has no session of ours each time, so it was started anew"),
        pytest.param(b"\x01\x00\x00", b"\xf0\x00", id="sends what is no packet"),
        pytest.param(b"\x01\x00\x00", b"\xe0\x01\x8b", id="says that it shuts down"),
    ],
)
def test_a_broker_that_ends_short_connections_for_another_reason_is_not_taken_for_a_second_client(
    accepted: bytes, subscribed: bytes
) -> None:
    def answer(kind: int, _body: bytes) -> bytes:
        return packet(0x20, accepted) if kind == CONNECT else subscribed

    with (
        ScriptedBroker(answer) as broker,
        running(Session(Broker("127.0.0.1", broker.port, "worker-1")), granted=False) as session,
    ):
        wait_until(lambda: broker.connections > 5 or session.error is not None, "it tries again and again")
        assert session.error is None


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("end", [Mosquitto.kill, Mosquitto.stop])
def test_a_broker_that_ends_right_after_each_reconnection_is_not_taken_for_a_second_client(
    mosquitto: Mosquitto, end: Callable[[Mosquitto], None], version: str
) -> None:
    with running(Session(broker_of(mosquitto, version))) as session:
        for epoch in range(2, 7):
            end(mosquitto)
            mosquitto.start()
            wait_until(lambda: session.session.health.epoch == epoch or session.error is not None, "it is back")  # noqa: B023
            assert session.error is None
        publish(mosquitto, [b"after"])
        wait_until(lambda: session.payloads() == [b"after"], "messages flow")


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
    session.thread.join(PATIENCE_S)
    assert isinstance(session.error, ConfigError)
    assert "username" in str(session.error)


def test_leaving_waits_for_the_disk_and_then_no_longer(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.mqtt.session._LEAVE_S", 10 * PATIENCE_S)
    with running(Session(broker_of(mosquitto))) as session:
        publish(mosquitto, [b"one", b"two", b"three"])
        wait_until(lambda: len(session.got) == 3, "all came")
        session.session.acknowledge(session.tickets()[:2])
        session.session.stop()
        publish(mosquitto, [b"too late"])
        assert session.thread.is_alive(), "it waits for the third"
        session.session.acknowledge(session.tickets()[2:3])
        session.thread.join(PATIENCE_S)
        assert not session.thread.is_alive()
        assert session.session.health.stale_acks_dropped == 0
    with running(Session(broker_of(mosquitto))) as later:
        wait_until(lambda: len(later.got) > 0, "the next message came")
        assert later.payloads() == [b"too late"]


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
    acknowledged: list[int] = []
    journal = Journal(folder.inbox, lambda tickets: acknowledge(tickets))  # noqa: PLW0108 - defined below
    session = Session(broker_of(mosquitto), journal.deliver)

    def acknowledge(tickets: object) -> None:
        some: list[Ticket] = list(tickets)  # type: ignore[call-overload]
        ids = [int(packet_id) for ticket in some for packet_id in ticket.packet_ids]
        with Inbox(folder.inbox) as reader:
            assert reader.backlog().messages >= len(acknowledged) + len(ids), "on disk before acknowledged"
        session.session.acknowledge(some)
        acknowledged.extend(ids)

    thread = threading.Thread(target=journal.run, daemon=True)
    thread.start()
    with running(session):
        publish(mosquitto, [b"%d" % n for n in range(3000)])
        wait_until(lambda: len(acknowledged) == 3000, "all are on disk and acknowledged")
    journal.stop()
    thread.join(PATIENCE_S)
    with Inbox(folder.inbox) as inbox:
        messages = inbox.oldest(10**8).messages
    assert [message.payload for message in messages] == [b"%d" % n for n in range(3000)]
    with running(Session(broker_of(mosquitto))) as later:
        publish(mosquitto, [b"last"])
        wait_until(lambda: len(later.got) > 0, "the next message came")
        assert later.payloads() == [b"last"], "nothing acknowledged comes again"


def test_as_many_messages_as_we_ask_for_are_in_flight_and_no_more(tmp_path: Path) -> None:
    # Mosquitto's own default is 20 for a client that does not say how many it takes.
    mosquitto = Mosquitto(tmp_path / "mosquitto", "max_inflight_messages 20\n")
    mosquitto.start()
    try:
        with running(Session(broker_of(mosquitto))) as many:
            publish(mosquitto, [b"%d" % n for n in range(100)])
            wait_until(lambda: len(many.got) == 100, "a hundred came, none acknowledged")
        few = Session(Broker("127.0.0.1", mosquitto.port, "few", receive_maximum=5))
        with running(few):
            publish(mosquitto, [b"%d" % n for n in range(12)])
            wait_until(lambda: len(few.got) == 5, "five came")
            publish(mosquitto, [b"passes"], qos=0)
            wait_until(lambda: b"passes" in few.payloads(), "what needs no acknowledgement passes the others")
            assert few.payloads() == [b"0", b"1", b"2", b"3", b"4", b"passes"]
    finally:
        mosquitto.stop()


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
