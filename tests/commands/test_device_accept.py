"""`greensward device accept` at a real Mosquitto: from listening to a report that can be made again."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
import paho.mqtt.publish as paho_publish
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.progress import Progress

from greensward.acceptance.record import read_record
from greensward.cli import run
from greensward.commands import device_accept
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE
from greensward.overheard.ear import Ear
from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.observation import Message
from ingest.seal.memory import Memory
from tests.decode.sparkplug import DBIRTH, DDATA, DEVICE_ID, GROUP, NBIRTH
from tests.mosquitto import Mosquitto, free_port
from tests.waiting import PATIENCE_S, wait_until

ROOT = "greensward/v1/beichen/gs-01"
TRIAL = {
    "form": "greensward_acceptance/1", "device_id": "gs-01", "model": None, "interval_s": 600, "minutes": 60,
    "broker": "127.0.0.1:1883", "mqtt_version": "5", "district": "beichen", "timezone": "Asia/Shanghai",
    "software_version": "0.1.0", "started_at": "2026-07-02T01:00:00Z",
}  # fmt: skip


def soil(number: int) -> bytes:
    said = {
        "schema": "greening.soil_reading/1",
        "seq": number,
        "measured_at": datetime.now(UTC).isoformat(),
        "readings": [
            {
                "quantity": "volumetric_water_content",
                "channel": 1,
                "value": round(0.1 + (number % 20) ** 2 / 1000, 3),
                "unit": "1",
            }
        ],
        "battery_pct": 90,
    }
    return json.dumps(said).encode()


@contextmanager
def a_device(port: int, qos: int = 1) -> Iterator[None]:
    """Publish a state, and readings all the time; lie low at the end of the block."""
    is_over = threading.Event()

    def live() -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2, "gs-01")
        client.connect("127.0.0.1", port)
        client.loop_start()
        client.publish(f"{ROOT}/state", b"online", 1, retain=True)
        number = 0
        while not is_over.wait(0.1):
            client.publish(f"{ROOT}/soil", soil(number), qos)
            number += 1
        client.disconnect()
        client.loop_stop()

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def once_it_listens(port: int, record: Path, *messages: tuple[str, bytes, bool]) -> Iterator[None]:
    """Publish topic, payload, retained once the command in this process listens; press Ctrl-C when it has them all."""

    def live() -> None:
        wait_until(record.exists, "the command listens")
        for topic, payload, is_retained in messages:
            paho_publish.single(topic, payload, 1, retain=is_retained, port=port)
        wait_until(lambda: record.read_bytes().count(b'"topic"') == len(messages), "all of them are written")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=live)
    thread.start()
    yield
    thread.join()


@pytest.fixture
def at(mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder to work in, with the broker in the settings."""
    monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(mosquitto.port))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_device_is_accepted_and_its_report_made_again_from_what_came(
    mosquitto: Mosquitto, at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ("-C", str(at / "data"))
    assert run(["device", "add", "gs-01", "--model", "dragino/lse01", "--interval", "1.2", *data]) == EXIT_OK
    capsys.readouterr()
    with a_device(mosquitto.port):
        words = ["device", "accept", "gs-01", "--minutes", "0.04", "--out", "gs-01.md", "--lang", "en", *data]
        assert run(words) == EXIT_OK
    said = capsys.readouterr()
    assert "✓ Arrives by its interval" in said.out
    assert "✓ State topic during the test: " in said.out
    assert "Accepted: passed: " in said.out
    assert said.err.startswith("Listening to gs-01 at 127.0.0.1:")
    assert "Too short for it to be accepted: 6 of its intervals are 1 min." in said.err
    report = (at / "gs-01.md").read_text(encoding="utf-8")
    record = read_record(at / "gs-01.jsonl")
    assert (record.trial.model, record.trial.interval_s, record.ended) == ("dragino/lse01", 1.2, "done")
    assert hashlib.sha256((at / "gs-01.jsonl").read_bytes()).hexdigest() in report
    for fact in ("dragino/lse01", "district beichen", "greening.soil_reading/1", "Greensward 0.1.0", "For the maker"):
        assert fact in report, fact
    page = (at / "gs-01.html").read_text(encoding="utf-8")
    assert 'lang="en"' in page
    assert "<style>" in page
    assert "/static/" not in page
    (at / "gs-01.md").unlink()
    with pytest.MonkeyPatch.context() as away:
        away.setenv("GREENSWARD__BROKER__PORT", str(free_port()))
        assert run(["device", "accept", "--from", "gs-01.jsonl", "--lang", "en", *data]) == EXIT_OK
    assert (at / "gs-01.md").read_text(encoding="utf-8") == report
    assert run(["device", "accept", "--from", "gs-01.jsonl", "--out", "zh", *data, "--json"]) == EXIT_OK
    assert "设备验收报告" in (at / "zh.html").read_text(encoding="utf-8")
    # What came once is evidence: no second test is written over it.
    assert run(words) == EXIT_USAGE
    assert "is there already" in capsys.readouterr().err


def test_a_device_that_fails_is_exit_1_and_each_failure_says_what_was_expected(
    mosquitto: Mosquitto, at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_device(mosquitto.port, qos=0):
        words = [
            "device",
            "accept",
            "gs-01",
            "--minutes",
            "0.02",
            "--interval",
            "0.6",
            "-C",
            str(at / "data"),
            "--json",
        ]
        assert run(words) == EXIT_FOUND_PROBLEMS
    told = json.loads(capsys.readouterr().out)
    states = {line["key"]: line["state"] for line in told["lines"]}
    assert [key for key, state in states.items() if state == "failed"] == ["qos"]
    assert (told["outcome"], told["verdict"], told["needs"]) == ("not_accepted", "未通过验收", [])
    assert len(list(at.glob("acceptance-gs-01-*.jsonl"))) == 1


def test_over_a_slow_link_what_is_retained_is_waited_for_and_answers_are_no_messages_of_the_device(
    mosquitto: Mosquitto, at: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class FarEar(Ear):
        def __enter__(self) -> Self:
            super().__enter__()
            time.sleep(0.6)
            return self

    monkeypatch.setattr(device_accept, "Ear", FarEar)
    monkeypatch.setattr(device_accept, "_RETAINED_S", 0.5)
    monkeypatch.setenv("TERM", "xterm")
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True)
    monkeypatch.setattr(device_accept, "progress", lambda: Progress("{task.description}", console=terminal))

    words = ["device", "accept", "gs-01", "--minutes", "5", "--out", "far", "--json", "-C", str(at / "data")]
    sent = ((f"{ROOT}/state", b"online", True), (f"{ROOT}/reply", b"{}", False))
    with once_it_listens(mosquitto.port, at / "far.jsonl", *sent):
        assert run(words) == EXIT_FOUND_PROBLEMS
    assert "gs-01: 1 messages, 0 faults" in shown.getvalue()
    assert "gs-01: 2 messages" not in shown.getvalue()
    assert len(read_record(at / "far.jsonl").messages) == 3  # the state twice: in the end it lies there
    states = {line["key"]: line["state"] for line in json.loads(capsys.readouterr().out)["lines"]}
    assert states["state"] == "passed"


def test_a_full_disk_ends_the_test_with_a_word_and_what_was_written_can_be_judged(
    mosquitto: Mosquitto, at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No more than some bytes may be written into a file: the last line is cut in two."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    words = [
        "device",
        "accept",
        "gs-01",
        "--minutes",
        "1",
        "--interval",
        "600",
        "--out",
        "full",
        "-C",
        str(at / "data"),
    ]
    try:
        with a_device(mosquitto.port):
            resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
            assert run(words) == EXIT_FOUND_PROBLEMS
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    said = capsys.readouterr().err
    assert "full.jsonl: File too large" in said
    assert "greensward device accept --from full.jsonl" in said
    record = read_record(at / "full.jsonl")
    assert record.ended == "broken_off"
    assert record.messages
    assert run(["device", "accept", "--from", "full.jsonl", "--lang", "en"]) == EXIT_FOUND_PROBLEMS


@pytest.mark.parametrize("born_before", [False, True])
def test_the_births_that_a_sparkplug_device_s_data_is_read_by_are_kept_too(
    mosquitto: Mosquitto, at: Path, capsys: pytest.CaptureFixture[str], *, born_before: bool
) -> None:
    births = [("NBIRTH/gw-1", NBIRTH), ("DBIRTH/gw-1/probe-7", DBIRTH), ("NBIRTH/gw-2", NBIRTH)]
    sent = [("DDATA/gw-1/probe-7", DDATA)]
    if born_before:
        memory = Memory(DataFolder(at / "data"))
        now = datetime.now(UTC)
        memory.learn_sparkplug([Message(n, now, f"{GROUP}/{topic}", said) for n, (topic, said) in enumerate(births, 1)])
        memory.save()
    else:
        sent = [*births, *sent]

    words = ["device", "accept", DEVICE_ID, "--minutes", "5", "--out", "node", "--json", "-C", str(at / "data")]
    messages = ((f"{GROUP}/{topic}", payload, born_before) for topic, payload in sent)
    with once_it_listens(mosquitto.port, at / "node.jsonl", *messages):
        assert run(words) == EXIT_FOUND_PROBLEMS
    states = {line["key"]: line["state"] for line in json.loads(capsys.readouterr().out)["lines"]}
    assert states["refused"] == "passed"
    assert states["retained"] == ("failed" if born_before else "passed")
    record = read_record(at / "node.jsonl")
    assert len(record.messages) == len(sent) + born_before
    assert [event.device_id for event in record.trial.births] == (["", "probe-7"] if born_before else [])


class Accept:
    """The command in a process of its own, once it listens."""

    def __init__(self, folder: Path, *words: str) -> None:
        command = [
            sys.executable,
            "-m",
            "greensward",
            "device",
            "accept",
            "gs-01",
            "--out",
            "test",
            "--lang",
            "en",
            *words,
        ]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [*command, "-C", str(folder / "data")], stdout=pipe, stderr=pipe, text=True, env=os.environ, cwd=folder
        )
        assert self.process.stderr is not None
        assert self.process.stderr.readline().startswith("Listening")

    def waits_for_messages(self, file: Path, count: int) -> None:
        wait_until(lambda: file.exists() and file.read_bytes().count(b'"topic"') >= count, "messages were written")


def test_ctrl_c_makes_the_report_of_what_came_so_far_and_says_so(mosquitto: Mosquitto, at: Path) -> None:
    accept = Accept(at)
    with a_device(mosquitto.port):
        accept.waits_for_messages(at / "test.jsonl", 8)
    accept.process.send_signal(signal.SIGINT)
    said, _ = accept.process.communicate(timeout=PATIENCE_S)
    assert accept.process.returncode == EXIT_FOUND_PROBLEMS
    assert "The test was stopped before its time" in said
    # Nobody said its interval.
    assert "Incomplete: passed: " in said
    assert "→ Say its interval in seconds with --interval" in said
    assert "✓ State topic" in said
    assert read_record(at / "test.jsonl").ended == "stopped"


def test_a_broker_that_goes_away_is_exit_3_and_what_came_is_reported(mosquitto: Mosquitto, at: Path) -> None:
    accept = Accept(at, "--interval", "3600")
    with a_device(mosquitto.port):
        accept.waits_for_messages(at / "test.jsonl", 3)
    mosquitto.kill()
    said, wrong = accept.process.communicate(timeout=PATIENCE_S)
    assert accept.process.returncode == EXIT_UNREACHABLE
    assert "The connection to the broker on 127.0.0.1:" in wrong
    assert "The connection to the broker broke during the test" in said
    assert (at / "test.html").exists()
    assert read_record(at / "test.jsonl").trial.minutes == 6 * 60  # six intervals, as nobody said how long
    # Killed with -9 it has no end, and perhaps half a line.
    whole = (at / "test.jsonl").read_bytes()
    (at / "killed.jsonl").write_bytes(whole[: whole.rindex(b'{"ended_at"') - 20])
    killed = read_record(at / "killed.jsonl")
    assert killed.ended == "broken_off"
    assert killed.ended_at == killed.messages[-1].received_at
    assert len(killed.messages) == len(read_record(at / "test.jsonl").messages) - 1


def test_wrong_use_is_a_sentence(at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (at / "other.jsonl").write_text('{"a": 1}\n', encoding="utf-8")
    for words in ([], ["gs-01", "--from", "other.jsonl"], ["a/b"], ["--from", "none.jsonl"], ["--from", "other.jsonl"]):
        assert run(["device", "accept", *words]) == EXIT_USAGE, words
        assert capsys.readouterr().err.startswith("greensward: ")
    with pytest.raises(ConfigError, match=r"other.jsonl, line 1: expected the test"):
        read_record(at / "other.jsonl")
    for wrong in ({"interval_s": 0}, {"timezone": "Asia"}, {"started_at": "2026-07-02T01:00:00"},
                  {"device_id": "gs-01\n\n# Accepted"}, {"district": "a|b"}):  # fmt: skip
        (at / "other.jsonl").write_text(json.dumps(TRIAL | wrong) + "\n", encoding="utf-8")
        assert run(["device", "accept", "--from", "other.jsonl"]) == EXIT_USAGE, wrong
        assert "other.jsonl, line 1: expected the test" in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as away:
        away.setenv("GREENSWARD__BROKER__PORT", str(free_port()))
        assert run(["device", "accept", "gs-01"]) == EXIT_UNREACHABLE
    assert list(at.glob("acceptance-*")) == []
