"""`greensward up` as an operator runs it: everything by one command, mended when a part dies, ended by Ctrl-C."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from greensward.broker import accepts_mqtt
from greensward.commands.up import app
from greensward.console import EXIT_IN_USE
from greensward.given_settings import load
from ingest.errors import InUseError
from ingest.heap import SPARING
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import AlreadyOwnedError, check_not_owned_by, ensure_layout, own, run_everything
from ingest.lake.read import open_lake, retrying
from ingest.status import read_status
from tests.mosquitto import Mosquitto, free_port
from tests.waiting import PATIENCE_S, wait_until

_START_S = PATIENCE_S


class Running:
    """One `greensward up` and where it listens."""

    def __init__(self, root: Path, mosquitto: Mosquitto | None = None) -> None:
        """Start it with the built-in broker, or with a Mosquitto as an installation's own broker."""
        self.mqtt_port, self.web_port = mosquitto.port if mosquitto else free_port(), free_port()
        host = 'host = "127.0.0.1"\n' if mosquitto else ""
        self.log = root / "up.log"
        config = root / "greensward.toml"
        config.write_text(
            f'[data]\nfolder = "data"\n[broker]\n{host}port = {self.mqtt_port}\n[web]\nport = {self.web_port}\n'
            "[flags]\nevery_minutes = 0.05\n[ingest]\nseal_every_s = 1.0\n",
            encoding="utf-8",
        )
        self.folder = DataFolder(root / "data")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "greensward", "up", "--config", str(config)],
                stdout=log,
                stderr=log,
                cwd=root,
                # A shell that starts it in the background would have it ignore Ctrl-C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
            )
        self.settings = load(config)

    def ingest_pid(self) -> int | None:
        status = read_status(self.folder)
        return status.pid if status and status.connected else None

    def hears(self) -> bool:
        """Whether ingest has said last that it is subscribed: what is sent before may be sent to nobody."""
        said = [line for line in self.log.read_text().splitlines() if line.startswith("ingest")]
        return bool(said) and said[-1] == "ingest: connected to the broker"

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.web_port}/healthz", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def publish(self, minute: int) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="probe")
        client.connect("127.0.0.1", self.mqtt_port)
        client.loop_start()
        at = datetime.now(UTC).replace(minute=minute, second=0, microsecond=0, hour=0)
        reading = {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.2, "unit": "m3/m3"}
        message = {"schema": "greening.soil_reading/1", "measured_at": at.isoformat(), "readings": [reading]}
        client.publish("greensward/v1/beichen/gs-01/soil", json.dumps(message), qos=1).wait_for_publish(_START_S)
        client.disconnect()
        client.loop_stop()

    def readings(self) -> int:
        def count() -> int:
            with open_lake(self.folder, self.settings.place()) as lake:
                return int(lake.execute("select count(*) from soil_readings").fetchall()[0][0])

        return retrying(self.folder, count)

    def broker_pid(self) -> int | None:
        """Return the process of the built-in broker: the child of `up` by that program's name."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = stat.read_text(encoding="utf-8").partition("(")[2].rpartition(")")
            except OSError:
                continue
            state, parent = rest.split()[:2]
            if name == "nats-server" and int(parent) == self.process.pid and state != "Z":
                return int(stat.parent.name)
        return None

    def kill_broker(self) -> int:
        """Kill it as a crash would; returns the process that was killed."""
        killed = self.broker_pid()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        return killed


@contextmanager
def ended(running: Running) -> Iterator[Running]:
    """End it after the test, whatever came of it."""
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Running]:
    with ended(Running(tmp_path)) as running:
        yield running


def test_one_command_takes_messages_serves_pages_survives_a_death_and_ends_in_order(up: Running) -> None:
    wait_until(lambda: up.hears() and up.ingest_pid() is not None, "ingest is subscribed", _START_S)
    wait_until(up.answers, "the pages are served", _START_S)
    up.publish(0)
    wait_until(lambda: up.readings() == 1, "the first reading is in SQL", _START_S)
    _assert_a_second_is_refused_at_once(up)
    first = up.ingest_pid()
    assert first is not None
    given = Path(f"/proc/{first}/environ").read_text(encoding="utf-8").split("\0")
    assert {f"{name}={os.environ.get(name, text)}" for name, text in SPARING.items()} <= set(given)
    os.kill(first, signal.SIGKILL)
    up.publish(1)
    wait_until(lambda: up.readings() == 2, "the reading of the gap came too", _START_S)
    assert up.ingest_pid() != first
    wait_until(lambda: "flags:" in up.log.read_text(), "plots are judged", _START_S)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(_START_S) == 0
    assert not up.answers()
    assert "Traceback" not in up.log.read_text()
    assert "starting it again" in up.log.read_text()


def _assert_a_second_is_refused_at_once(up: Running) -> None:
    """On the same ports and on others: before a word on what would be started, by one sentence with the holder."""
    others = {"GREENSWARD__WEB__PORT": str(free_port()), "GREENSWARD__BROKER__PORT": str(free_port())}
    for ports in ({}, others):
        second = subprocess.run(
            [sys.executable, "-m", "greensward", "up", "--config", str(up.folder.root.parent / "greensward.toml")],
            capture_output=True,
            text=True,
            check=False,
            timeout=_START_S,
            env=os.environ | ports,
        )
        assert second.returncode == EXIT_IN_USE
        said = second.stderr.splitlines()
        assert len(said) == 1, said
        assert f"{up.folder.root} is in use by greensward up, process {up.process.pid} on " in said[0]
        assert " since 20" in said[0]
        assert "Stop that one first, or name another data folder with -C." in said[0]


def test_beside_an_ingest_that_runs_alone_it_ends_at_once_and_says_whose_folder_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = DataFolder(tmp_path / "data")
    with (
        own(folder, "greensward ingest"),
        pytest.raises(AlreadyOwnedError, match=rf"in use by greensward ingest, process {os.getpid()} on .* Stop that"),
    ):
        app(["-C", "data"], result_action="return_value")
    assert capsys.readouterr().err == ""


def test_whoever_finds_the_lake_in_use_is_told_of_the_up_that_would_start_its_ingest_again(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    holder = rf"process {os.getpid()} on \S+ since \S+"
    with (
        run_everything(folder),
        own(folder, "greensward ingest"),
        pytest.raises(AlreadyOwnedError, match=rf"ingest, {holder}\. greensward up, {holder}, keeps it running: stop"),
        own(folder),
    ):
        pass


def test_what_a_killed_up_left_in_its_lock_holds_nobody_up(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with subprocess.Popen([sys.executable, "-c", ""]) as ended_by_now:
        pass
    folder.root.mkdir()
    for lock in (folder.up_lock, folder.writer_lock):
        lock.write_text(f"greensward ingest, process {ended_by_now.pid} on {socket.gethostname()} since 2026-07-01\n")
    with run_everything(folder):
        check_not_owned_by(folder, "greensward ingest")
        assert f"greensward up, process {os.getpid()} on" in folder.up_lock.read_text()


def test_a_full_disk_keeps_nobody_from_the_lock_and_costs_only_the_holders_name(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    ensure_layout(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with (
            run_everything(folder),
            own(folder, "greensward ingest"),
            pytest.raises(AlreadyOwnedError, match="in use by an unknown process"),
            run_everything(folder),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_killed_broker_is_started_again_with_what_it_held_and_readings_flow_again(up: Running) -> None:
    wait_until(lambda: up.hears() and up.ingest_pid() is not None, "ingest is subscribed", _START_S)
    first = up.ingest_pid()
    assert first is not None
    up.publish(0)
    wait_until(lambda: up.readings() == 1, "ingest has subscribed and takes readings", _START_S)
    os.kill(first, signal.SIGSTOP)
    up.publish(1)
    os.kill(first, signal.SIGKILL)
    killed = up.kill_broker()
    wait_until(lambda: up.broker_pid() not in {None, killed}, "another broker runs", _START_S)
    assert "broker ended with code -9" in up.log.read_text()
    wait_until(lambda: up.readings() == 2, "the reading that only the killed broker held is in SQL", _START_S)
    wait_until(lambda: accepts_mqtt("127.0.0.1", up.mqtt_port), "it is on the same port")
    again = up.kill_broker()
    wait_until(lambda: up.broker_pid() not in {None, again}, "a third broker runs", _START_S)
    wait_until(lambda: accepts_mqtt("127.0.0.1", up.mqtt_port), "it takes messages")
    up.publish(2)
    wait_until(lambda: up.readings() == 3, "readings flow again, through the ingest that stayed", _START_S)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(_START_S) == 0
    assert "Traceback" not in up.log.read_text()


def test_a_broker_that_cannot_be_started_again_ends_everything_with_a_reason(up: Running) -> None:
    wait_until(lambda: up.hears() and up.ingest_pid() is not None, "ingest is subscribed", _START_S)
    wait_until(up.answers, "the pages are served", _START_S)
    store = up.folder.root / "broker" / "store"
    up.kill_broker()
    store.rename(store.with_name("moved"))
    store.write_text("a file where the folder should be", encoding="utf-8")
    assert up.process.wait(_START_S) == 3
    said = up.log.read_text()
    assert "cannot be kept up" in said
    assert "JetStream" in said, "the broker's own reason"
    assert "Traceback" not in said
    assert not up.answers()


def test_while_another_process_has_the_data_folder_the_pages_are_served_and_ingest_comes_when_it_is_free(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    folder = DataFolder(tmp_path / "data")
    with own(folder), ended(Running(tmp_path, mosquitto)) as up:
        wait_until(lambda: up.log.read_text().count("ingest found in use") >= 2, "ingest is started again", _START_S)
        wait_until(up.answers, "the pages are served all the same", _START_S)
        assert f"in use by process {os.getpid()}" in up.log.read_text(), "the holder is named"
        assert up.process.poll() is None
    with ended(Running(tmp_path, mosquitto)) as up:
        with own(folder):
            wait_until(lambda: "ingest found in use" in up.log.read_text(), "ingest waits", _START_S)
        wait_until(up.hears, "the folder is free and ingest is subscribed", _START_S)
        up.publish(0)
        wait_until(lambda: up.readings() == 1, "readings flow", _START_S)


def test_another_client_that_takes_the_session_ends_nothing_but_ingest_which_comes_again(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    over = threading.Event()

    def fight() -> None:
        rival = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="greensward-ingest-1", clean_session=False)
        while not over.is_set():
            rival.connect("127.0.0.1", mosquitto.port)
            while rival.loop(0.1) == mqtt.MQTT_ERR_SUCCESS and not over.is_set():
                pass
        rival.disconnect()

    with ended(Running(tmp_path, mosquitto)) as up:
        wait_until(lambda: up.hears() and up.ingest_pid() is not None, "ingest is subscribed", _START_S)
        rival = threading.Thread(target=fight, daemon=True)
        rival.start()
        wait_until(lambda: "ingest found in use" in up.log.read_text(), "ingest has given up", _START_S)
        assert "another client connects as 'greensward-ingest-1'" in up.log.read_text()
        over.set()
        rival.join(_START_S)
        wait_until(up.answers, "the pages are served", _START_S)
        up.publish(0)
        wait_until(lambda: up.readings() == 1, "ingest came again and readings flow", _START_S)
        assert up.process.poll() is None


def test_a_wrong_setting_ends_it_at_once_with_two(tmp_path: Path) -> None:
    config = tmp_path / "greensward.toml"
    config.write_text(f'[broker]\nhost = "mqtt.example.org"\n[web]\nport = {free_port()}\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "greensward", "up", "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_START_S,
    )
    assert done.returncode == 2
    assert "unencrypted" in done.stderr


@pytest.mark.parametrize("files", [[], ["greensward.toml"]])
def test_it_says_first_where_its_settings_come_from_as_in_another_folder_they_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], files: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in files:
        Path(name).write_text('[site]\nname = "x"\n', encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("GREENSWARD__WEB__PORT", str(taken.getsockname()[1]))
        with pytest.raises(InUseError, match="already in use"):
            app([], result_action="return_value")
    from_nowhere = "no file; looked for greensward.toml, /etc/greensward/greensward.toml"
    assert capsys.readouterr().err == f"set by  {tmp_path / files[0] if files else from_nowhere}\n"
