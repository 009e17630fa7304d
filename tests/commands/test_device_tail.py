"""`greensward device tail`, at a real Mosquitto: what is shown, and that ingest and its session are left alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from greensward.broker import BuiltInBroker
from greensward.canary import BrokerUnreachableError
from greensward.cli import run
from greensward.commands import device_tail
from greensward.console import EXIT_OK, EXIT_UNREACHABLE
from greensward.given_settings import load
from greensward.overheard.ear import FORMATS, Ear, filters_of, is_from_greensward
from greensward.overheard.judged import Judgement, Told, judgement_by
from greensward.overheard.lines import line_of, say_lag
from greensward.overheard.message import Heard, read_heard
from ingest.decode.route import subscriptions
from ingest.errors import ConfigError
from ingest.lake.expire import Expiring, delete_expiring
from ingest.lake.layout import DataFolder
from ingest.mqtt.broker import Broker
from ingest.site import BEICHEN
from tests.decode.lorawan import CHIRPSTACK, EUI, chirpstack
from tests.mosquitto import Mosquitto, free_port
from tests.waiting import PATIENCE_S, wait_until

ROOT = "greensward/v1/beichen"
AT = datetime(2026, 7, 2, 1, 0, 2, tzinfo=UTC)
UPLINK_AT = datetime(2026, 7, 2, 3, 50, 1, tzinfo=UTC)


def reading(quantity: str, value: object, unit: str, **where: float) -> dict[str, object]:
    return {"quantity": quantity, "value": value, "unit": unit, **where}


def soil(at: datetime, *readings: dict[str, object], **more: object) -> bytes:
    said = {"schema": "greening.soil_reading/1", "measured_at": at.isoformat(), "readings": list(readings)}
    return json.dumps(said | more).encode()


WATER = reading("volumetric_water_content", 0.183, "m3/m3", depth_cm=10)
WRONG_UNIT = reading("volumetric_water_content", 18.3, "percent", depth_cm=10)
WARM = reading("soil_temperature", 21.4, "Cel", depth_cm=10)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def judgement(tmp_path: Path) -> Judgement:
    return judgement_by(load(None, tmp_path / "data"))


def publish(port: int, *messages: tuple[str, bytes], retain: bool = False) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, "a-device")
    client.connect("127.0.0.1", port)
    client.loop_start()
    for topic, payload in messages:
        client.publish(topic, payload, 1, retain).wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


class Tail:
    """The command in a process of its own, once it listens."""

    def __init__(self, port: int, *words: str, data: Path) -> None:
        settings = {"GREENSWARD__BROKER__HOST": "127.0.0.1", "GREENSWARD__BROKER__PORT": str(port)}
        command = [sys.executable, "-m", "greensward", "device", "tail", *words, "-C", str(data)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=os.environ | settings)
        assert self.process.stderr is not None
        assert self.process.stdout is not None
        self.first = self.process.stderr.readline()
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def end(self) -> tuple[int, str]:
        """Press Ctrl-C, and return the exit code and what stands on stderr after the first line."""
        assert self.process.stderr is not None
        self.process.send_signal(signal.SIGINT)
        said = self.process.stderr.read()
        self._reader.join(PATIENCE_S)
        code = self.process.wait(PATIENCE_S)
        self.process.stderr.close()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code, said


@contextmanager
def tailing(port: int, *words: str, data: Path) -> Iterator[Tail]:
    tail = Tail(port, *words, data=data)
    try:
        yield tail
    finally:
        if tail.process.poll() is None:
            tail.process.kill()


def test_each_message_is_a_line_and_a_refused_one_has_every_fault(broker: Mosquitto, tmp_path: Path) -> None:
    with tailing(broker.port, data=tmp_path) as tail:
        now = datetime.now(UTC)
        assert tail.first.startswith("Listening to every device")
        publish(
            broker.port,
            (f"{ROOT}/gs-01/soil", soil(now - timedelta(minutes=3), WATER, WARM, battery_v=3.61, seq=7)),
            (
                f"{ROOT}/gs-01/soil",
                soil(now, WRONG_UNIT, reading("soil_temperature", "21.4", "Cel", depth_cm=10), WARM),
            ),
            (f"{ROOT}/gs-01/reply", b"{}"),
            ("greensward/v1/beichn/gs-01/soil", b"{}"),
        )
        wait_until(lambda: any("wrong_district" in line for line in tail.lines), "all of it was shown")
        code, said = tail.end()
    assert (code, "3 messages of 1 device" in said, "2 with faults, 1 not registered." in said) == (0, True, True)
    assert "gs-01  10 cm 0.183 m³/m³, 21.4 °C · 3.61 V, seq 7 · 3 min old" in tail.lines[0]
    assert tail.lines[1].strip().startswith("not in the register: greensward device add gs-01 --model")
    shown = "\n".join(tail.lines)
    assert re.search(r"10 cm 21.4 °C · (just measured|\d+ s old) · refused: 2 faults, the rest is kept", shown)
    assert 'refused unit_not_allowed  /readings/0/unit\n    got "percent"; expected one of m3/m3' in shown
    assert "→ Write %." in shown
    assert "refused wrong_type  /readings/1/value" in shown
    assert "nobody reads greensward/v1/beichn/gs-01/soil" in shown
    assert shown.count("not in the register") == 1
    assert "reply" not in shown


def test_one_device_one_format_or_only_what_is_refused_as_json_that_simulate_can_read(
    broker: Mosquitto, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    uplink = json.dumps(chirpstack({"soil_moisture": 23.5})).encode()
    words = [("gs-01", EUI.upper(), "--json"), ("--format", "chirpstack", "--json"), ("--rejected", "--json")]
    tails = [Tail(broker.port, *some, data=tmp_path) for some in words]
    publish(
        broker.port,
        (f"{ROOT}/gs-01/soil", soil(now, WATER)),
        (f"{ROOT}/gs-02/soil", soil(now, WRONG_UNIT)),
        (CHIRPSTACK, uplink),
        (f"{ROOT}/gs-03/soil", soil(now, WATER, device_id="gs-01")),
    )
    wait_until(lambda: [len(tail.lines) for tail in tails] == [3, 1, 2], "each has shown what it was asked for")
    assert [tail.end()[0] for tail in tails] == [0, 0, 0]
    one, format_, rejected = ([json.loads(line) for line in tail.lines] for tail in tails)
    assert [told["device_id"] for told in one] == ["gs-01", EUI, "gs-03"]
    assert one[0]["soil"][0]["volumetric_water_content"] == 0.183
    assert one[2]["refused"][0]["code"] == "identity_mismatch"
    assert [told["topic"] for told in format_] == [CHIRPSTACK]
    assert read_heard(tails[1].lines[0].encode(), "line 1").payload == uplink
    assert [told["refused"][0]["code"] for told in rejected] == ["unit_not_allowed", "identity_mismatch"]


def test_what_lay_at_the_broker_is_marked_and_seconds_end_it(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(broker.port))
    publish(broker.port, (f"{ROOT}/gs-04/state", b"online"), retain=True)
    handler = signal.getsignal(signal.SIGINT)
    assert run(["device", "tail", "gs-04", "--seconds", "0.4", "-C", str(tmp_path)]) == EXIT_OK
    assert signal.getsignal(signal.SIGINT) is handler
    assert "gs-04  retained · left aside: retained_without_time" in capsys.readouterr().out
    assert run(["device", "tail", "nobody", "--seconds", "0.2", "-C", str(tmp_path)]) == EXIT_OK
    nothing = r"0 messages of 0 devices in \d+ s\. Was one to be expected\? `greensward doctor`"
    assert re.search(nothing, capsys.readouterr().err)


def test_the_seconds_begin_when_the_broker_lets_us_listen_however_long_that_takes(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class FarEar(Ear):
        def __enter__(self) -> Self:
            time.sleep(1.1)
            super().__enter__()
            publish(broker.port, *((f"{ROOT}/gs-08/soil", b"%d" % number) for number in range(3)))
            return self

    monkeypatch.setattr(device_tail, "Ear", FarEar)
    monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(broker.port))
    assert run(["device", "tail", "gs-08", "--seconds", "1", "-C", str(tmp_path)]) == EXIT_OK
    assert "3 messages of 1 device in " in capsys.readouterr().err


def test_what_a_device_says_is_one_line_without_orders_to_the_terminal(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(broker.port))
    forged = "1.0\n09:00:00 gs-06  10 cm 0.30 m³/m³ :bomb:\x9b2J"
    state = {"schema": "greening.device_state/1", "state": "online", "reported_at": AT.isoformat(), "firmware": forged}
    said = json.dumps(state, ensure_ascii=False).encode()
    publish(broker.port, (f"{ROOT}/gs-05/state", said), retain=True)
    words = ["device", "tail", "gs-05", "--seconds", "0.4", "-C", str(tmp_path)]
    assert run(words) == EXIT_OK
    line, register, *_ = capsys.readouterr().out.splitlines()
    assert "1.0 09:00:00 gs-06  10 cm 0.30 m³/m³ :bomb:2J" in line
    assert register.strip().startswith("not in the register")
    assert run([*words, "--json"]) == EXIT_OK
    printed = capsys.readouterr().out.rstrip("\n")
    assert "\x9b" not in printed
    # What is no JSON is shown as it came.
    publish(broker.port, (f"{ROOT}/gs-05/state", b"{\n09:00:00 gs-06  10 cm 0.30"), retain=True)
    assert run([word for word in words if word != "--json"]) == EXIT_OK
    assert not [line for line in capsys.readouterr().out.splitlines() if line.startswith("09:00:00 gs-06")]
    assert read_heard(printed.encode(), "line 1").payload == said


def test_what_comes_late_for_a_deleted_day_is_shown_as_refused(judgement: Judgement, tmp_path: Path) -> None:
    delete_expiring(DataFolder(tmp_path / "data"), [Expiring("soil_readings", (), AT.date(), 66, 0, 0, 0)], AT)

    def told(days_ago: int) -> Told:
        payload = soil(AT - timedelta(days=days_ago), WATER)
        return judgement.of(Heard(received_at=AT, topic=f"{ROOT}/gs-01/soil", payload=payload))

    (fault,) = told(days_ago=3).faults
    assert (fault.code, told(days_ago=3).decoded.soil) == ("day_expired", ())
    assert "Otherwise set the device's clock" in fault.advice
    assert told(days_ago=0).faults == ()


def test_no_id_that_a_register_would_refuse_is_put_into_a_command(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(broker.port))
    topic = f"{ROOT}/gs;reboot/state"
    publish(broker.port, (topic, b"online"), retain=True)
    assert run(["device", "tail", "gs;reboot", "--seconds", "0.4", "-C", str(tmp_path)]) == EXIT_OK
    publish(broker.port, (topic, b""), retain=True)
    shown = capsys.readouterr().out
    assert "bad_device_id" in shown
    assert "device add" not in shown


def test_two_who_listen_as_the_same_process_do_not_end_each_other(broker: Mosquitto) -> None:
    ears = [Ear(Broker("127.0.0.1", broker.port, "greensward"), "beichen", filters_of("beichen"), qos=1) for _ in "ab"]
    with ears[0], ears[1]:
        publish(broker.port, (f"{ROOT}/gs-07/soil", b"x"))
        came = [next(one for one in ear.hear(lambda: False) if not one.retained) for ear in ears]
    assert [one.payload for one in came] == [b"x", b"x"]


def test_a_broker_that_is_away_or_goes_away_is_a_sentence(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(free_port()))
    assert run(["device", "tail", "-C", str(tmp_path)]) == EXIT_UNREACHABLE
    assert "greensward: No broker answers on 127.0.0.1:" in capsys.readouterr().err
    with tailing(mosquitto.port, data=tmp_path) as tail:
        mosquitto.kill()
        assert tail.process.wait(PATIENCE_S) == EXIT_UNREACHABLE
        assert "The connection to the broker on 127.0.0.1:" in tail.end()[1]


@contextmanager
def ingest_session(port: int) -> Iterator[list[bytes]]:
    """Connect under ingest's client id with a session that lasts; give what came."""
    worker = paho.Client(CallbackAPIVersion.VERSION2, "greensward", clean_session=False)
    heard: list[bytes] = []
    granted = threading.Event()
    worker.on_message = lambda _client, _data, message: heard.append(bytes(message.payload))
    worker.on_subscribe = lambda *_: granted.set()
    worker.connect("127.0.0.1", port)
    worker.loop_start()
    worker.subscribe(f"{ROOT}/+/soil", 1)
    assert granted.wait(PATIENCE_S)
    yield heard
    worker.disconnect()
    worker.loop_stop()


def test_what_waits_for_ingest_still_waits_and_its_session_lives_on(mosquitto: Mosquitto) -> None:
    with ingest_session(mosquitto.port):
        pass
    came: list[Heard] = []
    with Ear(Broker("127.0.0.1", mosquitto.port, "greensward"), "beichen", filters_of("beichen"), qos=1) as ear:
        publish(mosquitto.port, (f"{ROOT}/gs-01/soil", b"for ingest"))
        came += ear.hear(lambda: bool(came))
    assert [(one.payload, one.qos, one.retained) for one in came] == [(b"for ingest", 1, False)]
    with ingest_session(mosquitto.port) as heard:
        wait_until(lambda: heard == [b"for ingest"], "ingest got its own copy")


def test_the_built_in_broker_is_heard_too(tmp_path: Path) -> None:
    with BuiltInBroker(tmp_path / "broker") as built_in:
        broker = Broker(built_in.host, built_in.port, "greensward", mqtt_version=built_in.mqtt_version)
        for qos in (0, 1):
            came: list[Heard] = []
            with Ear(broker, "beichen", filters_of("beichen"), qos=qos) as ear:
                publish(
                    built_in.port,
                    (f"{ROOT}/gs-01/soil", b"x"),
                    (CHIRPSTACK, b"y"),
                    ("$oc/devices/d/sys/properties/report", b"z"),
                )
                came += ear.hear(lambda: len(came) == 3)  # noqa: B023
            # In whatever order: MQTT keeps that of one topic only.
            assert {(one.payload, one.qos) for one in came} == {(b"x", qos), (b"y", qos), (b"z", qos)}


_DYNSEC = Path("/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so")


@pytest.mark.skipif(not _DYNSEC.exists(), reason="Mosquitto's plugin that refuses subscriptions is not here")
@pytest.mark.parametrize("allowed", ["greensward/v1/beichen/#", "nothing"])
def test_a_broker_that_holds_us_to_our_district_is_heard_there_and_one_that_refuses_all_is_said(
    tmp_path: Path, allowed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    acls = [{"acltype": "subscribePattern", "topic": allowed, "allow": True}]
    acls += [{"acltype": kind, "topic": "#", "allow": True} for kind in ("publishClientSend", "publishClientReceive")]
    rules = tmp_path / "rules.json"
    denied = dict.fromkeys(("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"), False)
    roles: dict[str, Any] = {"roles": [{"rolename": "all", "acls": acls}], "clients": [], "defaultACLAccess": denied}
    roles |= {"groups": [{"groupname": "g", "roles": [{"rolename": "all"}], "clients": []}], "anonymousGroup": "g"}
    rules.write_text(json.dumps(roles), encoding="utf-8")
    refusing = Mosquitto(tmp_path / "mosquitto", f"plugin {_DYNSEC}\nplugin_opt_config_file {rules}\n")
    refusing.start()
    try:
        ear = Ear(Broker("127.0.0.1", refusing.port, "greensward"), "beichen", filters_of("beichen", "native"), qos=0)
        if allowed == "nothing":
            with pytest.raises(BrokerUnreachableError, match="lets us read none of greensward/v1/beichen/#"), ear:
                pass
            return
        with ear:
            publish(refusing.port, (f"{ROOT}/gs-01/soil", b"x"))
            assert next(ear.hear(lambda: False)).payload == b"x"
        monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
        monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(refusing.port))
        monkeypatch.chdir(tmp_path)
        for words in (["tail", "--seconds", "0.1"], ["accept", "gs-01", "--minutes", "0.001"]):
            run(["device", *words, "-C", str(tmp_path / "data")])
            assert "The broker lets us read nothing of application/" in capsys.readouterr().err, words
    finally:
        refusing.stop()


def test_every_topic_that_ingest_reads_is_of_one_format_and_listened_to_once() -> None:
    for topic, _ in subscriptions("beichen"):
        assert sum(topic.startswith(start) for start in FORMATS.values()) == 1, topic
    alone = [topic for name in FORMATS for topic in filters_of("beichen", name)]
    assert sorted(alone) == sorted(filters_of("beichen"))
    read = {topic for topic, _ in subscriptions("beichen") if not topic.startswith("greensward/")}
    assert set(alone) == read | {"greensward/v1/#"}


def test_what_greensward_says_itself_is_no_device_s() -> None:
    own = ("gs-01/reply", "greensward.canary/canary", "crews/crew-1/list")
    assert all(is_from_greensward(f"{ROOT}/{topic}") for topic in own)
    assert not is_from_greensward(f"{ROOT}/gs-01/soil")
    assert not is_from_greensward("application/1/device/2/event/up")


def said(judgement: Judgement, topic: str, payload: bytes, **how: bool) -> str:
    told = judgement.of(Heard(received_at=AT, topic=topic, payload=payload, **how))
    return line_of(told, BEICHEN.timezone)


def test_lines_tell_depth_or_channel_every_unit_and_the_age(judgement: Judgement) -> None:
    every = soil(
        AT - timedelta(seconds=40),
        reading("matric_potential", -45, "kPa", channel=2),
        reading("air_temperature", 30.5, "Cel"),
        reading("relative_humidity", 60, "%"),
        rssi_dbm=-91,
        battery_pct=80,
    )
    line = said(judgement, f"{ROOT}/gs-01/soil", every)
    assert line == "09:00:02 gs-01  ch 2 -45 kPa · air 30.5 °C, humidity 60 % · 80 %, -91 dBm · 40 s old"
    samples = [{"measured_at": (AT - timedelta(hours=n)).isoformat(), "readings": [WATER]} for n in (3, 1, 2)]
    batch = json.dumps({"schema": "greening.soil_reading/1", "samples": samples}).encode()
    line = said(judgement, f"{ROOT}/gs-01/soil", batch, redelivered=True)
    assert line == "09:00:02 gs-01  sent again by the broker · 10 cm 0.183 m³/m³ · and 2 earlier rows · 60 min old"
    assert said(judgement, f"{ROOT}/gs-01/state", b"offline") == "09:00:02 gs-01  offline · just measured"
    assert said(judgement, "v3/x/devices/d/up", b"[[") == "09:00:02 v3/x/devices/d/up  refused: 1 fault"


def test_what_would_be_quarantined_is_said_with_its_reason(judgement: Judgement) -> None:
    uplink = chirpstack({"soil_moisture": 23.5})
    judgement.of(Heard(received_at=UPLINK_AT, topic=CHIRPSTACK, payload=json.dumps(uplink).encode()))
    uplink["object"] = {"soil_moisture": 0.235}
    told = judgement.of(Heard(received_at=UPLINK_AT, topic=CHIRPSTACK, payload=json.dumps(uplink).encode()))
    assert told.quarantine
    assert f"quarantined: {told.quarantine[0]}" in line_of(told, BEICHEN.timezone)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just measured"), (1, "1 s old"), (119, "119 s old"), (120, "2 min old"), (7199, "120 min old"),
     (7200, "2 h old"), (172_800, "2 d old"), (-30, "30 s ahead of our clock"), (-300, "5 min ahead of our clock")],
)  # fmt: skip
def test_ages_are_said_in_the_unit_that_fits(seconds: int, words: str) -> None:
    assert say_lag(timedelta(seconds=seconds)) == words


@given(st.binary(max_size=40), st.text(max_size=20), st.booleans(), st.integers(0, 2))
def test_a_message_comes_back_from_its_line(payload: bytes, topic: str, is_retained: bool, qos: int) -> None:  # noqa: FBT001
    heard = Heard(received_at=AT, topic=topic, payload=payload, retained=is_retained, qos=qos)
    line = json.dumps(heard.as_values(), default=lambda at: at.isoformat()).encode()
    assert read_heard(line, "line 1") == heard


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b'{"topic": "a", "payload": "b"}',
     b'{"received_at": "2026-07-02T01:00:00", "topic": "a", "payload": ""}',
     b'{"received_at": "2026-07-02T01:00:00Z", "topic": "a"}',
     b'{"received_at": "2026-07-02T01:00:00Z", "topic": "a", "payload_base64": "?"}'],
)  # fmt: skip
def test_a_line_that_is_no_message_is_refused_with_its_place(line: bytes) -> None:
    with pytest.raises(ConfigError, match="line 7: expected a message as `greensward device tail --json` prints it"):
        read_heard(line, "line 7")
