"""`greensward send` as a program of its own: killed at the worst moment, started twice, stopped, and tried out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from crews.ledger import Ledger
from crews.links import load_keys, make_token
from greensward.cli import run
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_IN_USE, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE
from greensward.given_settings import load
from greensward.health import health_routes
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.preview import made_folder
from tests.crews.served import served
from tests.mosquitto import free_port
from tests.notices.sending import robot
from tests.robots import Vendors, vendors
from tests.waiting import PATIENCE_S, wait_until


@pytest.fixture
def robots() -> Iterator[Vendors]:
    with vendors() as served:
        yield served


class Installation:
    """A made district whose clock begins at 07:13, and settings with one robot."""

    def __init__(self, root: Path, robots: Vendors) -> None:
        """Write them under `root`."""
        self.folder: DataFolder = made_folder(root / "data")
        self.config = root / "greensward.toml"
        self.log = root / "send.log"
        self.config.write_text(
            f'[site]\nclock = "2026-07-02T07:13:00+08:00"\n[data]\nfolder = "{self.folder.root}"\n'
            '[web]\npublic_url = "https://lists.example.org"\n' + robot(root, robots, "wecom", "crew_1"),
            encoding="utf-8",
        )

    @contextmanager
    def sending(self) -> Iterator[subprocess.Popen[bytes]]:
        with (
            self.log.open("ab") as log,
            subprocess.Popen(
                [sys.executable, "-m", "greensward", "send", "--config", self.config], stdout=log, stderr=log
            ) as process,
        ):
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def states(self) -> list[str]:
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            return [row["state"] for row in ledger.run("select state from notices order by notice_id", ())]


@pytest.fixture
def installation(tmp_path: Path, robots: Vendors) -> Installation:
    return Installation(tmp_path, robots)


def test_a_kill_between_record_and_receipt_sends_it_again_and_loses_nothing(
    installation: Installation, robots: Vendors
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        go_on.wait(PATIENCE_S)

    robots.instead = hang
    with installation.sending() as process:
        assert asked.wait(PATIENCE_S)
        assert installation.states() == ["waiting"]
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_S)
    go_on.set()
    wait_until(lambda: len(robots.texts()) == 1, "the robot has taken what we do not know of")
    robots.instead = lambda: None
    with installation.sending() as process:
        wait_until(lambda: installation.states() == ["sent"], "it is sent and its receipt kept")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == EXIT_OK
    assert len(robots.texts()) == 2
    assert robots.texts()[0].split("\n")[0] == robots.texts()[1].split("\n")[0]
    assert "Traceback" not in installation.log.read_text(encoding="utf-8")


def test_it_ends_in_time_while_an_end_hangs_and_tries_that_one_again(
    installation: Installation, robots: Vendors
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        go_on.wait(PATIENCE_S)

    robots.instead = hang
    quick = "from greensward.commands import send; send._END_S = 0.3; from greensward.__main__ import main; main()"
    command = [sys.executable, "-c", quick, "send", "--config", str(installation.config)]
    with installation.log.open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        assert asked.wait(PATIENCE_S)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == EXIT_OK
    with Ledger(installation.folder.ledger, BEICHEN) as ledger:
        tries = [tuple(row) for row in ledger.run("select outcome, said from notice_receipts", ())]
    assert tries == [("unknown", "")], "it ended before the try did"
    assert installation.states() == ["waiting"]
    go_on.set()
    robots.instead = lambda: None
    with installation.sending():
        wait_until(lambda: installation.states() == ["sent"], "it is sent when it runs again")
    assert "Traceback" not in installation.log.read_text(encoding="utf-8")


def test_a_second_sender_is_told_that_there_is_one(
    installation: Installation, robots: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    with installation.sending():
        wait_until(lambda: len(robots.texts()) == 1, "the first one sends")
        assert run(["send", "--config", str(installation.config)]) == EXIT_IN_USE
        assert "Another greensward send" in capsys.readouterr().err
    assert len(robots.texts()) == 1


def test_nothing_is_sent_from_a_data_folder_in_whose_place_another_was_put(
    installation: Installation, robots: Vendors
) -> None:
    root = installation.folder.root
    with installation.sending() as process:
        wait_until(lambda: installation.states() == ["sent"], "it sends")
        root.rename(root.with_name("lost"))
        made_folder(root)
        assert process.wait(PATIENCE_S) == EXIT_FOUND_PROBLEMS
    assert "was moved away or replaced" in installation.log.read_text(encoding="utf-8")
    assert len(robots.texts()) == 1


def test_without_a_channel_it_says_how_to_set_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made_folder(tmp_path / "data")
    assert run(["send", "-C", str(folder.root)]) == EXIT_USAGE
    assert "[send.NAME]" in capsys.readouterr().err


def test_a_test_message_is_harmless_and_says_what_the_other_end_said(
    installation: Installation, robots: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["send", "--config", str(installation.config), "--test"]
    assert run([*command, "crew_1"]) == EXIT_OK
    assert "crew_1: taken: 0 ok" in capsys.readouterr().out
    (text,) = robots.texts()
    assert "测试消息" in text
    assert "/c/" not in text
    assert installation.states() == []
    robots.limit = 0
    assert run([*command, "crew_1"]) == EXIT_FOUND_PROBLEMS
    assert "not taken now: 45009 api freq out of limit" in capsys.readouterr().out
    assert run([*command, "crew_2"]) == EXIT_USAGE
    assert "there is no crew" not in capsys.readouterr().err
    text = installation.config.read_text(encoding="utf-8").replace("一队", "一对")
    (installation.config.parent / "slip.toml").write_text(text, encoding="utf-8")
    run(["send", "--config", str(installation.config.parent / "slip.toml"), "--test", "crew_1"])
    assert "there is no crew '一对'; did you mean '一队'?" in capsys.readouterr().err
    for file, is_named in (("greensward.toml", False), ("slip.toml", True)):
        assert run(["config", "--config", str(installation.config.parent / file)]) == EXIT_OK
        assert ("there is no crew '一对'; did you mean '一队'?" in capsys.readouterr().err) == is_named
        run(["doctor", "--json", "--config", str(installation.config.parent / file)])
        named = [one for one in json.loads(capsys.readouterr().out) if one["what"] == "channels"]
        assert [(one["state"], "did you mean '一队'?" in one["mend"]) for one in named] == [
            ("problem", True)
        ] * is_named
    assert run([*command, "crew_2"]) == EXIT_USAGE
    assert "did you mean 'crew_1'" in capsys.readouterr().err
    url = installation.config.parent / "crew_1.url"
    url.write_text(f"http://127.0.0.1:{free_port()}/wecom/send?key=canary\n", encoding="utf-8")
    assert run([*command, "crew_1"]) == EXIT_UNREACHABLE
    said = "".join(capsys.readouterr())
    assert "Connection refused" in said
    assert "canary" not in said


def _page(config: Path, path: str) -> str:
    """Return what the server says of its health."""

    async def ask() -> str:
        transport = httpx.ASGITransport(app=Starlette(routes=health_routes(load(config))))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.get(path)).text

    return asyncio.run(ask())


def test_doctor_metrics_and_the_office_tell_of_what_was_refused_and_that_nobody_sends(
    installation: Installation, robots: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    (installation.config.parent / "crew_1.url").write_text(f"{robots.url}/wecom/send?key=canary\n", encoding="utf-8")
    doctor = ["doctor", "--quick", "--config", str(installation.config)]
    assert run(doctor) == EXIT_FOUND_PROBLEMS
    assert "channels are set, and nobody sends" in capsys.readouterr().out
    with installation.sending() as process:
        wait_until(lambda: installation.states() == ["refused"], "the robot refuses it")
        run(doctor)
        said = capsys.readouterr().out
        assert "nobody sends" not in said
        assert "1 messages of the last day did not get through, the last on crew_1, refused at" in said
        assert "93000 invalid webhook url" in said
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == EXIT_OK
    page = _page(installation.config, "/metrics")
    assert 'greensward_crew_messages{state="refused"} 1.0' in page
    assert 'greensward_problems{what="sender"} 1.0' in page
    assert {"sender", "sending"} <= set(json.loads(_page(installation.config, "/readyz")))
    another = installation.config.with_name("another.toml")
    another.write_text(installation.config.read_text("utf-8").replace("[send.crew_1]", "[send.crew_9]"), "utf-8")
    assert "sending" not in json.loads(_page(another, "/readyz")), "of a channel that was taken out"
    now = datetime(2026, 7, 2, 0, 0, tzinfo=UTC)
    with served(installation.folder, now) as url, httpx.Client(base_url=url) as office:
        token = make_token(load_keys(installation.folder), "office", "office", now)
        for language, heading in (("zh", "没有送达的消息"), ("en", "Messages that did not reach crews")):
            page = office.get(f"/c/{token}?lang={language}", follow_redirects=True).text
            assert heading in page
            assert "一队" in page
            assert "93000 invalid webhook url" in page
    # What was mended, and took a message since, is no trouble any more.
    with Ledger(installation.folder.ledger, BEICHEN) as ledger:
        for after_s, is_mended in ((-1, False), (1, True)):
            ledger.run(
                "insert or replace into notices select 'later', channel, crew, kind, day, list_version, made_at,"
                " not_before, expires_at, 'sent', 1, 0, ended_at + ?, null from notices where state = 'refused'",
                (after_s * 1_000_000,),
            )
            assert ("sending" not in json.loads(_page(installation.config, "/readyz"))) == is_mended


def _children_of(parent: int) -> dict[int, tuple[list[bytes], bytes]]:
    """Return words and environment of what `greensward up` started, by process."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if f"PPid:\t{parent}\n" in (process / "status").read_text(encoding="utf-8"):
                words = (process / "cmdline").read_bytes().split(b"\0")
                found[int(process.name)] = words, (process / "environ").read_bytes()
    return found


def _sender_of(parent: int) -> int:
    """Return the process of `greensward send` that `greensward up` started."""
    (sender,) = [number for number, (words, _) in _children_of(parent).items() if b"send" in words]
    return sender


def test_up_refuses_a_channel_that_cannot_be_sent_on_before_it_starts_anything(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    (installation.config.parent / "crew_1.url").unlink()
    assert run(["up", "--config", str(installation.config)]) == EXIT_USAGE
    assert "[send.crew_1] url_file" in capsys.readouterr().err


def test_up_sends_where_a_channel_is_set(installation: Installation, robots: Vendors) -> None:
    text = installation.config.read_text(encoding="utf-8")
    installation.config.write_text(f"{text}[broker]\nport = {free_port()}\n", encoding="utf-8")
    environment = os.environ | {"GREENSWARD__WEB__PORT": str(free_port()), "GREENSWARD__SEND__CREW_1__SECRET": "canary"}
    with (
        installation.log.open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "greensward", "up", "--config", installation.config],
            stdout=log, stderr=log, env=environment,
        ) as process,
    ):  # fmt: skip
        try:
            wait_until(lambda: len(robots.texts()) == 1, "the digest came")
            wait_until(lambda: installation.states() == ["sent"], "its receipt is kept")
            knowing = [words for words, environ in _children_of(process.pid).values() if b"canary" in environ]
            assert [b"send" in words for words in knowing] == [True], "what serves pages has no secret of a channel"
            # A secret that goes away, and a sender that is started again, are no reason to end ingest and pages.
            (installation.config.parent / "crew_1.url").unlink()
            os.kill(_sender_of(process.pid), signal.SIGKILL)
            wait_until(lambda: "the rest goes on without" in installation.log.read_text(), "it says so")
            assert process.poll() is None
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)
    said = installation.log.read_text(encoding="utf-8")
    assert "sends   crew_1" in said
    assert "Traceback" not in said
