"""Real readings, uplinks, dock messages and pictures go through broker and worker, and every one is accounted for."""

from __future__ import annotations

from pathlib import Path

from bench.real_input import run

_MESSAGES_OF_EACH = 6


def test_every_real_message_ends_in_exactly_one_place(shared: Path, tmp_path: Path) -> None:
    report = run(shared / "data", tmp_path / "data", tmp_path / "broker", _MESSAGES_OF_EACH)
    assert report.wrong == []
    accounts = report.accounts
    assert sum(account.published for account in accounts.values()) > 120
    assert accounts["soil/kings_creek_hourly.csv.gz"].outcomes == {"stored": 6, "duplicate": 1}
    assert accounts["soil/tektelic_clover_15min.csv.gz"].outcomes == {"stored": 6, "duplicate": 1}
    assert accounts["soil/tts_v3_real"].reasons["rejected: undecoded"] == 4
    assert report.rows["soil_readings"] > 4_000
    assert report.rows["rejected"] > 30
