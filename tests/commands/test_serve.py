"""`greensward serve` as a program of its own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from greensward.commands.serve import app
from ingest.errors import ConfigError
from tests.crews.preview import made_folder
from tests.mosquitto import free_port
from tests.waiting import PATIENCE_S, wait_until

_PROGRAM = (
    "import sys; from greensward.commands.serve import app; sys.exit(app(sys.argv[1:], result_action='return_value'))"
)


def _is_alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_it_serves_until_ctrl_c_and_ends_well(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "-C", str(folder.root), "--port", str(port)], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until(lambda: _is_alive(f"http://127.0.0.1:{port}"), "the pages are served")
            assert httpx.get(f"http://127.0.0.1:{port}/list").status_code == 403
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 0
    assert f"Pages at http://127.0.0.1:{port}" in said
    assert "Traceback" not in said


def test_it_does_not_listen_to_the_world_in_plain_text(tmp_path: Path) -> None:
    made_folder(tmp_path / "data")
    with pytest.raises(ConfigError, match="allow_insecure"):
        app(["-C", str(tmp_path / "data"), "--host", "192.168.1.5"], result_action="return_value")


def test_a_mistyped_data_folder_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no data folder"):
        app(["-C", str(tmp_path / "dtaa")], result_action="return_value")
    assert not (tmp_path / "dtaa").exists()


def test_an_empty_volume_is_served_until_ingest_begins_in_it(tmp_path: Path) -> None:
    """The lake is ingest's to make, whichever of the two is started first."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "-C", str(tmp_path), "--port", str(port)], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until(lambda: _is_alive(f"http://127.0.0.1:{port}"), "the pages are served")
            assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 503
            assert not (tmp_path / "lake").exists()
            assert httpx.get(f"http://127.0.0.1:{port}/list").status_code == 403
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_said_with_what_to_do_and_no_address_is_promised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_folder(tmp_path / "data")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(ConfigError, match=r"in use\. .* stop it, or choose another port \(--port, or"):
            app(["-C", str(tmp_path / "data"), "--port", port], result_action="return_value")
    assert "Pages at" not in capsys.readouterr().err


def test_an_address_of_another_machine_is_said_to_be_none_of_this_one(tmp_path: Path) -> None:
    made_folder(tmp_path / "data")
    (tmp_path / "data" / "greensward.toml").write_text("[web]\nallow_insecure = true\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no address of this machine"):
        app(["-C", str(tmp_path / "data"), "--host", "192.0.2.1"], result_action="return_value")
