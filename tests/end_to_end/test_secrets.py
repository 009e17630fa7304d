"""A canary in each secret of an installation shows in no log, page, metric, error, list of processes or file."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from crews.links import load_keys, make_token
from ingest.status import read_status
from tests.crews.preview import made_folder
from tests.mosquitto import Mosquitto, free_port
from tests.notices.sending import robot, secret_file
from tests.robots import KEY, SECRET, Vendors, vendors
from tests.waiting import PATIENCE_S, wait_until

PASSWORD, OTHER_PASSWORD = "canary-of-the-broker", "canary-that-is-wrong"
MAIL_PASSWORD = "canary-of-the-mail"  # noqa: S105 - of a mail server that is not there


class Installation:
    """`greensward up` beside a broker that asks for a password, and everything that anybody could read of it."""

    def __init__(self, root: Path, robots: Vendors) -> None:
        """Write settings and secrets of an installation under `root`."""
        self.root = root
        self.robots = robots
        robots.echo, robots.limit = True, 2
        self.folder = made_folder(root / "data")
        passwords = root / "broker-passwords"
        passwords.touch(0o600)
        subprocess.run(["mosquitto_passwd", "-b", passwords, "greensward", PASSWORD], check=True, capture_output=True)
        self.broker = Mosquitto(root / "broker", f"allow_anonymous false\npassword_file {passwords}\n")
        self.web_port = free_port()
        self.config = self._settings("greensward.toml", PASSWORD)
        self.seen: dict[str, str] = {}

    def _settings(self, name: str, password: str) -> Path:
        secret = self.root / f"{name}.password"
        secret.touch(0o600)
        secret.write_text(f"{password}\n", encoding="ascii")
        config = self.root / name
        config.write_text(
            f'[data]\nfolder = "{self.folder.root}"\n[flags]\nevery_minutes = 10\n'
            f'[web]\nport = {self.web_port}\npublic_url = "{self.url}"\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {self.broker.port}\nusername = "greensward"\n'
            f'password_file = "{secret}"\n' + self._channels(),
            encoding="utf-8",
        )
        return config

    def _channels(self) -> str:
        """Return robots that send back all that they hear, and a mail server that is not there."""
        mail = secret_file(self.root / "mail.password", MAIL_PASSWORD)
        soon = 'at = "00:01"\nquiet = "00:00-00:00"\n'
        return (
            '[send.office]\nkind = "email"\ncrews = ["*"]\nhost = "127.0.0.1"\ntls = "none"\nusername = "u"\n'
            f'port = {free_port()}\npassword_file = "{mail}"\nsender = "a@example.org"\nto = ["b@example.org"]\n{soon}'
            + robot(self.root, self.robots, "wecom", "crew_1", more=soon)
            + robot(self.root, self.robots, "dingtalk", "crew_2", '["二队"]', soon)
            + robot(self.root, self.robots, "feishu", "crew_3", '["三队"]', soon)
        )

    @contextmanager
    def up(self) -> Iterator[None]:
        """Run `greensward up`; what it said is seen afterwards."""
        log = self.root / "up.log"
        with self._program("up", self.config, log) as process:
            try:
                yield
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(PATIENCE_S)
                self.seen["what `up` said"] = log.read_text(encoding="utf-8")

    def refused(self) -> None:
        """Let an ingest be refused by the broker; what it said is seen afterwards."""
        log = self.root / "refused.log"
        with self._program("ingest", self._settings("wrong.toml", OTHER_PASSWORD), log) as process:
            wait_until(lambda: "password" in log.read_text(encoding="utf-8"), "the refusal is said")
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)
        self.seen["what a refused `ingest` said"] = log.read_text(encoding="utf-8")

    @contextmanager
    def _program(self, command: str, config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        with (
            log.open("wb") as out,
            subprocess.Popen(
                [sys.executable, "-m", "greensward", command, "--config", config],
                stdout=out,
                stderr=out,
                env=os.environ | {"GREENSWARD_TRACEBACK": "1"},
                # A shell that starts it in the background would have it ignore Ctrl-C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
            ) as process,
        ):
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def is_up(self) -> bool:
        status = read_status(self.folder)
        if status is None or not status.connected:
            return False
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).is_success
        except httpx.TransportError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    def says(self, *arguments: str) -> str:
        """Return what a command prints on both its streams."""
        command = [sys.executable, "-m", "greensward", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
        return done.stdout + done.stderr

    def look_at_pages(self, token: str) -> str:
        """Open a link as a phone does and look at what is behind it; returns the cookie that came."""
        with httpx.Client(base_url=self.url, timeout=PATIENCE_S) as phone:
            opened = phone.get(f"/c/{token}")
            (cookie,) = phone.cookies.values()
            self.seen[f"where {token[-9:]} leads"] = opened.headers["location"]
            for path in ("/list", "/office", "/metrics", "/readyz", "/nothing", "/c/wrong", "/issues/x"):
                answer = phone.get(path)
                told = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
                self.seen[f"{path} of {token[-9:]}"] = f"{told}\n{answer.text}"
        return cookie

    def look_at_processes(self) -> None:
        lines = []
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:  # it has ended meanwhile
                continue
        self.seen["the list of processes"] = "\n".join(lines)

    def look_at_files(self) -> None:
        for file in sorted(self.folder.root.rglob("*")):
            if file.is_file() and self.folder.secrets not in file.parents:
                self.seen[str(file)] = file.read_bytes().decode("latin-1")

    def keys(self) -> list[str]:
        """Return what links are signed with."""
        made = json.loads((self.folder.secrets / "crew-links.json").read_bytes())
        return [key for key in made["keys"].values() if key]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with vendors() as robots:
        made = Installation(tmp_path, robots)
        made.broker.start()
        yield made
        made.broker.stop()


def _links(robots: Vendors) -> set[str]:
    return set(re.findall(r"/c/(\S+)", " ".join(robots.texts())))


def test_no_secret_shows_in_any_log_page_metric_error_process_or_file(installation: Installation) -> None:
    secrets = {PASSWORD, OTHER_PASSWORD, MAIL_PASSWORD, KEY, SECRET, "canary-of-dingtalk", "canary-of-feishu"}
    with installation.up():
        wait_until(installation.is_up, "ingest is connected and pages are served")
        robots = installation.robots
        wait_until(lambda: robots.tries > 2 and len(robots.texts()) == 2, "each robot was spoken to, one in vain")
        keys = load_keys(installation.folder)
        for whose in (("crew", "一队"), ("office", "office"), ("officer", "王工")):
            token = make_token(keys, *whose, datetime.now(UTC))
            secrets |= {token, installation.look_at_pages(token)}
        installation.look_at_processes()
        links = _links(robots)  # two, or one where the robot of the crew that nobody knows was among the first
        secrets |= links
        for arguments in (["config"], ["send", "--test", "crew_1"], ["send", "--test", "office"], ["send"]):
            said = installation.says(*arguments, "--config", str(installation.config))
            installation.seen[f"greensward {' '.join(arguments)}"] = said
        installation.seen["doctor"] = installation.says("doctor", "--config", str(installation.config))
    installation.refused()
    installation.look_at_files()
    secrets |= set(installation.keys())
    assert links
    assert len(secrets) == 11 + len(links)
    shown = [(what, secret) for what, text in installation.seen.items() for secret in secrets if secret in text]
    assert shown == []
