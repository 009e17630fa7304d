"""`greensward doctor` says which messages of the last day were refused, why, and whose they were."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from greensward.cli import run
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.observation import Message
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN

NOW = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)


def test_what_was_refused_within_a_day_is_counted_by_fault_with_its_devices(
    folder: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("greensward.settings.Settings.now", lambda _: NOW)
    ensure_layout(folder)
    sent = [
        (NOW - timedelta(hours=1), "gs-02", b"{"),
        (NOW - timedelta(hours=2), "gs-01", b"{"),
        (NOW - timedelta(hours=3), "gs-01", b'{"'),
        (NOW - timedelta(hours=23), "gs-01", b"[" * 40),
        (NOW - timedelta(hours=25), "gs-09", b"{"),
    ]
    Sealer(folder, BEICHEN, "1").seal(
        [
            Message(number, at, f"greensward/v1/beichen/{device}/soil", payload)
            for number, (at, device, payload) in enumerate(sent, 1)
        ],
        RegisterSnapshot({}, frozenset(), ()),
    )
    run(["doctor", "--json", "-C", str(folder.root)])
    (found,) = [one for one in json.loads(capsys.readouterr().out) if one["what"] == "refused"]
    assert found["state"] == "note"
    assert found["found"] == "messages of the last 24 hours: malformed_json 3 (gs-01, gs-02); too_deep 1 (gs-01)"
    assert "rejected_by_code" in found["mend"]


def test_nothing_is_said_of_refusals_where_there_are_none(
    folder: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_layout(folder)
    run(["doctor", "--json", "-C", str(folder.root)])
    assert "refused" not in {one["what"] for one in json.loads(capsys.readouterr().out)}
