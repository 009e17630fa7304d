"""`greensward doctor --listen`: a device whose topic is misspelt is found, and told what to write."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import paho.mqtt.publish as paho_publish
import pytest

from greensward.cli import run
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_UNREACHABLE, EXIT_USAGE
from greensward.listen import Heard, sort_out
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.status import write_status
from tests.compose.test_health import WELL
from tests.mosquitto import Mosquitto, free_port

ROOT = "greensward/v1"


def sorted_out(*topics: str) -> Heard:
    return sort_out(dict.fromkeys(topics, 2), "beichen", Heard())


def strays(*topics: str) -> list[tuple[str, str, str]]:
    return [(stray.kind, stray.said, stray.meant) for stray in sorted_out(*topics).strays]


def test_what_ingest_reads_is_counted_and_is_no_stray() -> None:
    heard = sorted_out(f"{ROOT}/beichen/gs-01/soil", f"{ROOT}/beichen/gs-01/state", f"{ROOT}/beichen/gs-02/senml")
    assert (heard.messages, heard.devices, heard.strays) == (6, {"gs-01", "gs-02"}, [])


@pytest.mark.parametrize("said", ["beichn", "Beichen", "beichen1", "bei-chen"])
def test_a_district_that_is_nearly_ours_is_taken_for_a_slip(said: str) -> None:
    assert strays(f"{ROOT}/{said}/gs-01/soil") == [("district", said, "beichen")]


def test_a_district_with_another_name_is_another_district() -> None:
    assert strays(f"{ROOT}/wuqing/gs-01/soil") == [("other district", "wuqing", "")]


@pytest.mark.parametrize(("kind", "meant"), [("soill", "soil"), ("Soil", "soil"), ("image", None), ("xyz", "")])
def test_a_last_level_that_nobody_reads_is_told_with_what_was_meant(kind: str, meant: str | None) -> None:
    assert strays(f"{ROOT}/beichen/gs-01/{kind}") == ([] if meant is None else [("topic", kind, meant)])


def test_a_topic_without_device_or_with_a_level_too_many_is_a_stray_too() -> None:
    assert strays(f"{ROOT}/beichen/soil") == [("topic", "", "")]
    assert strays(f"{ROOT}/beichen/gs-01/a/soil") == [("topic", "a/soil", "soil")]


def test_what_greensward_says_itself_is_no_stray() -> None:
    own = ("beichen/gs-01/reply", "beichen/greensward.canary/canary", "beichen/crews/crew-1/list")
    assert strays(*(f"{ROOT}/{topic}" for topic in own)) == []


def test_doctor_finds_the_device_with_the_misspelt_district_and_says_what_to_write(
    mosquitto: Mosquitto, folder: DataFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(mosquitto.port))
    states: list[Any] = [  # retained, as a device's state is: it is there whenever somebody listens
        {"topic": f"{ROOT}/{district}/{device}/state", "payload": "{}", "qos": 1, "retain": True}
        for district, device in (("beichn", "gs-07"), ("wuqing", "wq-01"), ("beichen", "gs-01"))
    ]
    paho_publish.multiple(states, hostname="127.0.0.1", port=mosquitto.port)
    assert run(["doctor", "--listen", "1", "--json", "-C", str(folder.root)]) == EXIT_FOUND_PROBLEMS
    told = [finding for finding in json.loads(capsys.readouterr().out) if finding["what"] == "topics"]
    assert [finding["state"] for finding in told] == ["ok", "problem", "note"]
    assert told[0]["found"].startswith("1 message of 1 device in 1 s")
    assert "gs-07" in told[1]["found"]
    assert "greensward/v1/beichn/" in told[1]["found"]
    assert "publish on greensward/v1/beichen/" in told[1]["mend"]


def test_without_a_broker_of_its_own_the_built_in_one_is_asked_and_one_that_is_away_is_out_of_reach(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(free_port()))
    assert run(["doctor", "--listen", "1", "--json", "-C", str(folder.root)]) == EXIT_UNREACHABLE
    (told,) = [finding for finding in json.loads(capsys.readouterr().out) if finding["what"] == "topics"]
    assert told["found"].startswith("127.0.0.1:")


def test_a_broker_that_is_away_is_said_once(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(free_port()))
    ensure_layout(folder)
    refused = "broker 127.0.0.1:1883: [Errno 111] Connection refused"
    away = msgspec.structs.replace(WELL, written_at=datetime.now(UTC), connected=False, last_problem=refused)
    write_status(folder, away)
    assert run(["doctor", "--listen", "1", "-C", str(folder.root)]) == EXIT_UNREACHABLE
    said = capsys.readouterr().out
    assert said.count("Connection refused") == 1
    assert "✗ ingest       waits for the broker" in said


def test_a_trouble_that_is_over_is_said_as_over(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    ensure_layout(folder)
    over = msgspec.structs.replace(WELL, written_at=datetime.now(UTC), messages=3, last_problem="disconnected")
    write_status(folder, over)
    run(["doctor", "-C", str(folder.root)])
    assert "✓ ingest       3 messages since start; its last trouble: disconnected" in capsys.readouterr().out


def test_listening_wants_a_broker(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--quick", "--listen", "1", "-C", str(folder.root)]) == EXIT_USAGE
    assert "--listen" in capsys.readouterr().err
