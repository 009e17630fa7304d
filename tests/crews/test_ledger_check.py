"""A ledger in which the disk has changed a letter is named, though SQLite sees nothing wrong with it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from crews.issue import Event
from crews.ledger import Ledger
from crews.ledger_check import Exported, ledger_faults
from greensward.commands.doctor import app as doctor
from greensward.commands.lake import app as lake
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK
from greensward.evaluation import export_events
from ingest.errors import StoreError
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.made import NOW, fill, report


@pytest.fixture
def filled(folder: DataFolder) -> DataFolder:
    """A ledger with every kind of card, its events exported to the lake."""
    fill(folder.ledger)
    with Ledger(folder.ledger, BEICHEN) as ledger:
        export_events(folder, BEICHEN, ledger)
    return folder


def changed(folder: DataFolder, statement: str) -> None:
    """Change the file as a disk would: past the triggers that forbid it."""
    database = sqlite3.connect(folder.ledger)
    triggers = database.execute("select name, sql from sqlite_master where type = 'trigger'").fetchall()
    for name, _ in triggers:
        database.execute(f"drop trigger {name}")
    assert database.execute(statement).rowcount == 1
    for _, made in triggers:
        database.execute(made)
    database.commit()
    database.close()


def faults(folder: DataFolder) -> list[str]:
    with Ledger(folder.ledger, BEICHEN) as ledger:
        exported: list[Exported] = [tuple(row.values()) for row in _sound_events(folder)]
        return list(ledger_faults(ledger, exported))


def _sound_events(folder: DataFolder) -> list[dict[str, Any]]:
    fill(folder.root / "again.sqlite")
    with Ledger(folder.root / "again.sqlite", BEICHEN) as ledger:
        return list(ledger.events_since(0).to_pylist())


def test_a_sound_ledger_has_no_fault(filled: DataFolder) -> None:
    assert faults(filled) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("update events set detail_json = replace(detail_json, '6200', '6300') where event_id = 'BC-20260630-0003.3'",
         "is another in the lake"),
        ("update events set actor = 'crew:二队' where event_id = 'BC-20260630-0003.3'",
         "is not what its events make of it"),
        ("update issues set issue_json = replace(issue_json, 'JJ-021', 'JJ-022') where plot_id = 'JJ-021'", "plot_id"),
        ("update issues set is_open = 0 where plot_id = 'GY-01' and cause = 'drought'", "other words than its own"),
        ("delete from events where n = 3", "rows are there"),
        ("update actions set action_id = 'dole-BC-20260630-0003' where action_id = 'done-BC-20260630-0003'",
         "stands in one of actions and audit only"),
        ("update actions set kind = 'started' where action_id = 'done-BC-20260630-0003'", "did not lead to"),
    ],
)  # fmt: skip
def test_each_thing_that_is_not_as_it_was_written_is_named(filled: DataFolder, change: str, named: str) -> None:
    changed(filled, change)
    found = faults(filled)
    assert any(named in fault for fault in found), found


def test_a_word_that_is_gone_altogether_is_named(filled: DataFolder) -> None:
    """As a damaged page shows it: empty where nothing may be."""
    database = sqlite3.connect(filled.ledger)
    database.executescript("""
        pragma writable_schema = on;
        update sqlite_master set sql = replace(sql, 'action_id text not null', 'action_id text') where name = 'audit';
    """)
    database.close()
    changed(filled, "update audit set action_id = null where action_id = 'done-BC-20260630-0003'")
    assert any("stands in one of actions and audit only" in fault for fault in faults(filled))


def test_what_is_no_json_any_more_is_an_error_that_says_so_and_not_a_failure_of_ours(filled: DataFolder) -> None:
    changed(filled, "update issues set issue_json = substr(issue_json, 2) where plot_id = 'JJ-021'")
    with Ledger(filled.ledger, BEICHEN) as ledger, pytest.raises(StoreError, match="not what was written"):
        ledger.all_issues()
    assert any("not what was written" in fault for fault in faults(filled))


def test_doctor_and_lake_check_name_a_ledger_that_lost_an_event(
    filled: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["-C", str(filled.root)]
    assert lake(["check", *where], result_action="return_value") == EXIT_OK
    changed(filled, "delete from events where n = (select max(n) from events)")
    assert lake(["check", "--json", *where], result_action="return_value") == EXIT_FOUND_PROBLEMS
    said = json.loads(capsys.readouterr().out.partition("written")[2])
    assert said["damaged"] == []
    assert any("not there; it is in the lake" in fault for fault in said["ledger"])
    doctor(where, result_action="return_value")
    assert "ledger" in capsys.readouterr().out


def test_a_ledger_whose_own_schema_is_no_text_is_refused(filled: DataFolder, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(filled.ledger.read_bytes().replace(b"CREATE TABLE events", b"CREATE TABLE \xd4vents"))
    with pytest.raises(StoreError, match="ledger, opening"):
        Ledger(path, BEICHEN)


def test_what_crews_report_while_the_ledger_is_looked_at_is_no_fault(
    filled: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(filled.ledger, BEICHEN) as looked_at, Ledger(filled.ledger, BEICHEN) as meanwhile:
        read = looked_at.all_events
        (issue_id,) = (issue.issue_id for issue in meanwhile.open_issues() if issue.plot_id == "JJ-012")

        def read_and_be_overtaken() -> list[Event]:
            events = read()
            report(meanwhile, issue_id, "cannot_do", NOW, reason="no_water")
            return events

        monkeypatch.setattr(looked_at, "all_events", read_and_be_overtaken)
        assert list(ledger_faults(looked_at, [])) == []
        assert meanwhile.history(issue_id)[-1].happened_at == NOW, "it was reported meanwhile"
