"""The backup of docs/operators.md, taken while ingest goes on, and put back: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crews.ledger import Ledger
from crews.links import load_keys
from greensward.checked_ledger import ledger_check
from greensward.evaluation import export_events
from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.read import open_lake
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from tests.crews.preview import made_folder

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"
_NOON = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)


def script(folder: DataFolder, target: Path) -> list[str]:
    """Return the lines of the page's backup, for `folder` and a day's folder `target`."""
    section = _PAGE.read_text(encoding="utf-8").partition("## Backup and restore")[2].partition("\n## ")[0]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    shown = "cd /var/lib/greensward; d=/backup/greensward/$(date +%F)"
    assert shown in lines[0]
    return [lines[0].replace(shown, f"cd {folder.root}; d={target}"), *lines[1:]]


def run(lines: list[str]) -> None:
    subprocess.run(["sh", "-c", "\n".join(lines)], check=True)


def take(folder: DataFolder, *bodies: bytes) -> None:
    """Take messages as ingest does when the broker sends them."""
    topic, at_us = "greensward/v1/beichen/gs-01/soil", int(_NOON.timestamp() * 1e6)
    with Inbox(folder.inbox) as inbox:
        inbox.append([Arrival(at_us, topic, body, redelivered=False, retained=False) for body in bodies])


def seal(folder: DataFolder) -> None:
    """Write what waits in the inbox into the lake."""
    sealer = Sealer(folder, BEICHEN, "test")
    with Inbox(folder.inbox) as inbox:
        oldest = inbox.oldest(10_000_000)
        sealer.seal(oldest.messages, RegisterSnapshot({}, frozenset(), ()))
        inbox.remove_through(oldest.last_group)
    sealer.close()


def reading(minute: int) -> bytes:
    water = {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.2, "unit": "m3/m3"}
    at = _NOON + timedelta(minutes=minute)
    return json.dumps(
        {"schema": "greening.soil_reading/1", "measured_at": at.isoformat(), "readings": [water]}
    ).encode()


def ask(folder: DataFolder, query: str) -> list[tuple[Any, ...]]:
    with open_lake(folder, BEICHEN) as lake:
        return lake.execute(query).fetchall()


def test_a_backup_taken_under_way_and_put_back_has_lost_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Messages: 0 stored long before; 1 waiting at the copy of the inbox; 2 taken and 1, 2 stored before the lake's."""
    folder, target = made_folder(tmp_path / "data"), tmp_path / "2026-07-02"
    ensure_layout(folder)
    keys = load_keys(folder)
    with Ledger(folder.ledger, BEICHEN) as ledger:
        export_events(folder, BEICHEN, ledger)
        issues = {issue.issue_id: issue for issue in ledger.open_issues()}
    take(folder, reading(0))
    seal(folder)
    take(folder, reading(1))
    lines = script(folder, target)
    until = next(number for number, line in enumerate(lines) if line.startswith("copy inbox/")) + 1
    run(lines[:until])
    take(folder, reading(2), b"{")
    seal(folder)
    head = lines[0], next(line for line in lines if line.startswith("copy()"))
    run([*head, *lines[until:]])
    events = ask(folder, "select count(*) from issue_events")
    shutil.rmtree(folder.root)
    run([f"cp -a {target} {folder.root}"])

    seal(folder)
    take(folder, reading(3), b"[")
    seal(folder)
    assert ask(folder, "select count(*), count(distinct measured_at) from soil_readings") == [(4, 4)]
    assert ask(folder, "select count(*), count(distinct message_seq) from raw_messages") == [(6, 6)]
    assert sorted(ask(folder, "select payload from rejected")) == [(b"[",), (b"{",)]
    with Ledger(folder.ledger, BEICHEN) as ledger:
        assert {issue.issue_id: issue for issue in ledger.open_issues()} == issues
        export_events(folder, BEICHEN, ledger)
    assert ask(folder, "select count(*) from issue_events") == events
    assert ledger_check(folder, BEICHEN) == []
    assert load_keys(folder) == keys
    assert folder.secrets.stat().st_mode & 0o777 == 0o700


def test_a_backup_of_the_same_day_is_left_as_it_is(tmp_path: Path) -> None:
    folder, target = made_folder(tmp_path / "data"), tmp_path / "2026-07-02"
    ensure_layout(folder)
    take(folder, reading(0))
    target.mkdir()
    ended = subprocess.run(["sh", "-c", "\n".join(script(folder, target))], check=False)
    assert ended.returncode != 0
    assert list(target.iterdir()) == []
