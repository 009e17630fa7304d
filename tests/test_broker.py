"""The built-in broker, the real program."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from greensward.broker import MAX_PAYLOAD_BYTES, BuiltInBroker, accepts_mqtt
from greensward.simulate import TimedMessage
from greensward.simulate.publish import plain, publish
from ingest.decode.route import subscriptions
from ingest.errors import ConfigError
from tests.commands.test_simulate import END
from tests.mosquitto import free_port
from tests.waiting import PATIENCE_S

CHILD = """
import os, signal, sys
from pathlib import Path
from greensward.broker import BuiltInBroker
with BuiltInBroker(Path(sys.argv[1])) as broker:
    print(broker.pid, broker.port, flush=True)
    sys.stdin.read()
"""


def client(broker: BuiltInBroker, name: str, *, clean: bool = False) -> tuple[paho.Client, list[paho.MQTTMessage]]:
    got: list[paho.MQTTMessage] = []
    up = threading.Event()
    made = paho.Client(CallbackAPIVersion.VERSION2, name, clean_session=clean)
    made.on_connect = lambda *_: up.set()
    made.on_message = lambda _client, _data, message: got.append(message)
    made.connect(broker.host, broker.port)
    made.loop_start()
    assert up.wait(PATIENCE_S)
    return made, got


def subscribe(made: paho.Client, filters: list[tuple[str, int]]) -> list[int]:
    answered = threading.Event()
    codes: list[int] = []

    def on_subscribe(_client: object, _data: object, _mid: int, reasons: list[ReasonCode], *_: object) -> None:
        codes.extend(reason.value for reason in reasons)
        answered.set()

    made.on_subscribe = on_subscribe
    made.subscribe(filters)
    assert answered.wait(PATIENCE_S)
    return codes


def leave(made: paho.Client) -> None:
    made.disconnect()
    made.loop_stop()


def until(condition: object, deadline_s: float = PATIENCE_S) -> bool:
    end = time.monotonic() + deadline_s
    wait = threading.Event()
    while not condition():  # type: ignore[operator]
        if time.monotonic() > end:
            return False
        wait.wait(0.02)
    return True


def test_it_listens_on_this_machine_only_and_is_gone_after_the_block(tmp_path: Path) -> None:
    with BuiltInBroker(tmp_path) as broker:
        assert (broker.host, broker.mqtt_version) == ("127.0.0.1", "3.1.1")
        assert accepts_mqtt(broker.host, broker.port)
        port, pid = broker.port, broker.pid
        listening = Path("/proc/net/tcp").read_text(encoding="ascii").upper()
        assert f" 0100007F:{port:04X} " in listening
        assert f" 00000000:{port:04X} " not in listening
    assert not accepts_mqtt("127.0.0.1", port)
    assert pid is not None
    assert not Path(f"/proc/{pid}").exists()


def test_a_second_broker_on_the_same_folder_is_refused_and_the_holder_named(tmp_path: Path) -> None:
    with BuiltInBroker(tmp_path), pytest.raises(ConfigError, match=f"process {os.getpid()}"), BuiltInBroker(tmp_path):
        pass


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    port = free_port()
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(ConfigError, match=f"Port {port}"),
        BuiltInBroker(tmp_path, port),
    ):
        pass
    with BuiltInBroker(tmp_path, port) as broker:
        assert broker.port == port


def test_where_any_port_will_do_one_that_was_taken_meanwhile_is_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [taken.getsockname()[1], free_port()]
        chosen = iter(ports)
        monkeypatch.setattr(BuiltInBroker, "free_port", staticmethod(lambda: next(chosen)))
        with BuiltInBroker(tmp_path) as broker:
            assert broker.port == ports[1]
            assert accepts_mqtt(broker.host, broker.port)


def test_a_broker_that_cannot_start_says_what_its_log_says(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"(?s)ended at once.*JetStream"), BuiltInBroker(tmp_path):
        pass


def test_messages_for_an_absent_worker_outlive_kill_minus_nine(tmp_path: Path) -> None:
    with BuiltInBroker(tmp_path) as broker:
        away, _ = client(broker, "采集-1")
        subscribe(away, [("greensward/v1/beichen/+/soil", 1)])
        leave(away)
        waiting = [TimedMessage(END, "greensward/v1/beichen/gs-01.a/soil", b"%d" % n) for n in range(1_000)]
        assert publish(waiting, plain(broker.host, broker.port)) == 1_000
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
    with BuiltInBroker(tmp_path) as broker:
        back, got = client(broker, "采集-1")
        assert until(lambda: len(got) >= 1_000)
        leave(back)
    assert [int(message.payload) for message in got] == list(range(1_000))


def test_it_says_how_it_ended_and_starts_again_on_its_port_only_when_that_is_free(tmp_path: Path) -> None:
    with BuiltInBroker(tmp_path) as broker:
        assert broker.exit_code() is None
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        assert until(lambda: broker.exit_code() is not None)
        assert broker.exit_code() == -signal.SIGKILL
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind((broker.host, broker.port))
            holder.listen()
            with pytest.raises(ConfigError, match=f"Port {broker.port}"):
                broker.start_again()
            assert broker.exit_code() == -signal.SIGKILL
        broker.start_again()
        assert until(lambda: accepts_mqtt(broker.host, broker.port))
        assert broker.exit_code() is None


def test_a_retained_state_outlives_kill_minus_nine(tmp_path: Path) -> None:
    with BuiltInBroker(tmp_path) as broker:
        device, _ = client(broker, "device", clean=True)
        device.publish("greensward/v1/beichen/gs-1/state", b"online", 1, retain=True).wait_for_publish(PATIENCE_S)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        device.loop_stop()
    with BuiltInBroker(tmp_path) as broker:
        reader, got = client(broker, "reader", clean=True)
        subscribe(reader, [("greensward/v1/+/+/state", 1)])
        assert until(lambda: got)
        leave(reader)
    assert (got[0].payload, got[0].retain) == (b"online", True)


@pytest.mark.parametrize(
    ("topic", "pattern"),
    [
        ("greensward/v1/beichen/gs-01.a/soil", "greensward/v1/beichen/+/soil"),
        ("v3/app@tenant/devices/x/up", "v3/+/devices/+/up"),
        ("/sys/pk/dn/thing/event/property/post", "/sys/+/+/thing/event/property/post"),
        ("$sys/pk/dn/thing/property/post", "$sys/+/+/thing/property/post"),
        ("$oc/devices/d1/sys/properties/report", "$oc/devices/+/sys/properties/report"),
    ],
)
def test_the_topics_of_every_kind_of_sender_pass_unchanged(tmp_path: Path, topic: str, pattern: str) -> None:
    with BuiltInBroker(tmp_path) as broker:
        reader, got = client(broker, "reader", clean=True)
        assert subscribe(reader, [(pattern, 1)]) == [1]
        publish([TimedMessage(END, topic, b"x")], plain(broker.host, broker.port))
        assert until(lambda: got)
        leave(reader)
    assert got[0].topic == topic


def test_every_subscription_of_ingest_is_granted_in_one_session(tmp_path: Path) -> None:
    with BuiltInBroker(tmp_path) as broker:
        worker, _ = client(broker, "greensward-ingest-1")
        assert set(subscribe(worker, list(subscriptions("beichen")))) == {1}
        leave(worker)


def test_the_largest_message_passes_and_a_larger_one_does_not(tmp_path: Path) -> None:
    with BuiltInBroker(tmp_path) as broker:
        reader, got = client(broker, "reader", clean=True)
        subscribe(reader, [("big/+", 1)])
        publish([TimedMessage(END, "big/1", b"x" * MAX_PAYLOAD_BYTES)], plain(broker.host, broker.port))
        assert until(lambda: got)
        writer, _ = client(broker, "writer", clean=True)
        cut_off = threading.Event()
        writer.on_disconnect = lambda *_: cut_off.set()
        writer.publish("big/2", b"x" * (4 * MAX_PAYLOAD_BYTES), 1)
        assert cut_off.wait(PATIENCE_S)
        writer.loop_stop()
        leave(reader)
    assert [len(message.payload) for message in got] == [MAX_PAYLOAD_BYTES]


def test_the_broker_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid, port = map(int, parent.stdout.readline().split())
    assert accepts_mqtt("127.0.0.1", port)
    parent.kill()
    parent.communicate()
    assert until(lambda: not accepts_mqtt("127.0.0.1", port))
    assert until(lambda: not Path(f"/proc/{pid}").exists())
    with BuiltInBroker(tmp_path) as again:
        assert accepts_mqtt(again.host, again.port)
