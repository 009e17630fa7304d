"""The order that a power cut depends on, and that no kill can show: the kernel keeps what a killed process wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.mqtt.session import MqttSession
from tests.end_to_end.running import publish, reading, soil_topic, working
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S


def test_names_and_bytes_are_on_disk_before_the_journal_lets_go_and_commits_before_the_broker_is_told(
    mosquitto: Mosquitto, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, str]] = []
    fsync, rename = os.fsync, Path.rename
    append, remove, acknowledge = Inbox.append, Inbox.remove_through, MqttSession.acknowledge

    def note_fsync(descriptor: int) -> None:
        fsync(descriptor)
        done.append(("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))

    def note_rename(self: Path, target: Path) -> Path:
        done.append(("rename", f"{self} {target.parent}"))
        return rename(self, target)

    def note_append(self: Inbox, arrivals: list[Arrival]) -> None:
        append(self, arrivals)
        done.append(("commit", ""))

    def note_acknowledge(self: MqttSession, tickets: list[object]) -> None:
        done.append(("acknowledge", ""))
        acknowledge(self, tickets)  # type: ignore[arg-type]

    def note_remove(self: Inbox, group_seq: int) -> None:
        done.append(("let go", ""))
        remove(self, group_seq)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", note_rename)
    monkeypatch.setattr(Inbox, "append", note_append)
    monkeypatch.setattr(Inbox, "remove_through", note_remove)
    monkeypatch.setattr(MqttSession, "acknowledge", note_acknowledge)
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [(soil_topic("gs-01"), reading(n * 300)) for n in range(12)])
        worker.wait_until_idle(12, PATIENCE_S)
    steps = [what for what, _ in done]
    assert steps.count("let go") >= 1
    for sealed in _between_releases(done):
        tables = [where.rpartition("/lake/")[2].partition("/")[0] for what, where in sealed if what == "rename"]
        assert tables[-1] == "raw_messages", "what became of a message is said when its rows are there"
        assert "soil_readings" in tables[:-1]
    for place, (what, where) in enumerate(done):
        if what == "acknowledge":
            assert steps[:place].count("commit") >= steps[: place + 1].count("acknowledge")
        if what == "rename" and where.endswith(tuple(f"date=2026-07-0{day}" for day in range(2, 6))):
            source, _, target = where.partition(" ")
            assert ("fsync", source) in done[:place], "the bytes before the name"
            assert "/lake/" not in source, "nothing half-written lies where readers look"
            released = steps.index("let go", place)
            assert ("fsync", target) in done[place:released], "the name before the journal lets go"


def _between_releases(done: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield what was done before each time the journal let messages go."""
    sealed: list[tuple[str, str]] = []
    for what, where in done:
        if what == "let go":
            yield sealed
            sealed = []
        elif what != "rename" or "/lake/" in where:
            sealed.append((what, where))
