"""The ledger as a store: append-only, rebuilt from events, several processes, damage."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crews.action import Action
from crews.apply import apply_flags
from crews.issue import ActionRefusedError, Photo
from crews.ledger import Ledger, issue_prefix
from crews.links import link_generation
from crews.perform import perform
from ingest.errors import StoreError
from ingest.lake.tables import table
from ingest.site import BEICHEN
from tests.crews.made import HOUR, NOW, PLOTS, fill, flag
from tests.waiting import PATIENCE_S


def test_events_and_audit_can_neither_be_changed_nor_removed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    fill(path)
    database = sqlite3.connect(path)
    statements = (
        "update events set actor = 'x'", "delete from events", "update audit set outcome = 'x'", "delete from audit",
    )  # fmt: skip
    for statement in statements:
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            database.execute(statement)
    database.close()


def test_the_events_alone_rebuild_every_issue(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    fill(path)
    with Ledger(path, BEICHEN) as ledger:
        before = [*ledger.open_issues(), *ledger.ended_issues(NOW - 1000 * HOUR)]
        assert ledger.rebuild() == len(before) == 11
        assert [*ledger.open_issues(), *ledger.ended_issues(NOW - 1000 * HOUR)] == before


def test_exported_events_fit_the_lake_and_go_on_from_a_number(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    fill(path)
    with Ledger(path, BEICHEN) as ledger:
        rows = ledger.events_since(0)
        assert rows.schema.equals(table("issue_events").schema)
        assert rows.num_rows == ledger.version() == len(set(rows["event_id"].to_pylist()))
        assert ledger.events_since(5).num_rows == rows.num_rows - 5
        assert ledger.events_since(ledger.version()).num_rows == 0


def test_what_an_earlier_process_left_in_the_log_is_in_the_file_before_anything_new(tmp_path: Path) -> None:
    """No change lies behind a page of the log that a failed fsync left in memory only."""
    path, without_log = tmp_path / "ledger.sqlite", tmp_path / "copied.sqlite"
    with Ledger(path, BEICHEN) as first:
        apply_flags(first, [flag("JJ-012", "drought", NOW)], PLOTS, NOW)
        with Ledger(path, BEICHEN) as second:
            apply_flags(second, [flag("JJ-021", "drought", NOW)], PLOTS, NOW)
            shutil.copyfile(path, without_log)
            with Ledger(without_log, BEICHEN) as copied:
                assert [issue.plot_id for issue in copied.open_issues()] == ["JJ-012"]


def test_a_change_that_fails_half_way_leaves_nothing(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("JJ-012", "drought", NOW)], PLOTS, NOW)
    version = ledger.version()
    issue = ledger.open_issues()[0]

    def fail_half_way() -> None:
        with ledger.transaction():
            ledger.append(issue, "deferred", NOW, "somebody", {"reason": "x"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert (ledger.version(), ledger.open_issues()[0].state) == (version, "assigned")


def test_a_plot_has_at_most_one_open_issue_of_a_cause(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("JJ-012", "drought", NOW)], PLOTS, NOW)
    finding = ledger.open_issues()[0].finding
    detail = {"severity": 1, "due_at": NOW.isoformat(), "finding": finding}
    with pytest.raises(ActionRefusedError, match="open issue"), ledger.transaction():
        ledger.open_issue("JJ-012", "drought", NOW, "somebody", detail)


def test_it_is_durable_by_its_settings(ledger: Ledger) -> None:
    assert ledger.run("pragma journal_mode", ())[0][0] == "wal"
    assert ledger.run("pragma synchronous", ())[0][0] == 2


def test_a_damaged_ledger_is_named_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"this is no database, it is a letter to the office" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Ledger(path, BEICHEN)


def test_a_ledger_of_a_newer_greensward_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger(path, BEICHEN).close()
    database = sqlite3.connect(path)
    database.execute("pragma user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="layout 99"):
        Ledger(path, BEICHEN)


def test_a_ledger_of_the_first_layout_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path, BEICHEN) as ledger:
        apply_flags(ledger, [flag("JJ-012", "drought", NOW)], PLOTS, NOW)
        issue_id = ledger.open_issues()[0].issue_id
        photo = (Photo("ab" * 32, "before"),)
        perform(ledger, Action("a-0000001", issue_id, "cannot_do", "一队", reason="no_water", photos=photo), NOW)
        perform(ledger, Action("a-0000002", issue_id, "done", "一队"), NOW)
        with ledger.transaction():  # as the first layout had it: links by clock, photos of all reports together
            ledger.run("update issues set issue_json = json_set(issue_json, '$.photos', json(?))",
                       (json.dumps([{"sha256": "ab" * 32, "role": "before"}]),))  # fmt: skip
            for table_name in ("photo_bytes", "link_generations", "campaign_events", "campaign_standings", "notices",
                               "notice_receipts", "notice_cursors"):  # fmt: skip
                ledger.run(f"drop table {table_name}", ())
            ledger.run("create table revocations (role text, subject text, before integer)", ())
            ledger.run("insert into revocations values ('crew', '一队', 1)", ())
            ledger.run("pragma user_version = 1", ())
    for _ in range(2):
        with Ledger(path, BEICHEN) as ledger:
            assert ledger.issue(issue_id).photos == ()
            assert [link_generation(ledger, "crew", crew) for crew in ("一队", "二队")] == [1, 0]
            assert ledger.run("pragma user_version", ())[0][0] == 4
            brought = _schema(ledger)
    with Ledger(tmp_path / "new.sqlite", BEICHEN) as ledger:
        assert brought == _schema(ledger)


def _schema(ledger: Ledger) -> list[tuple[str, str]]:
    return [tuple(row) for row in ledger.run("select name, sql from sqlite_master order by name", ())]


_WRITER = """
import sys
from pathlib import Path
from crews.apply import apply_flags
from crews.ledger import Ledger
from ingest.site import BEICHEN
from tests.crews.made import NOW, PLOTS, HOUR, flag
for n in range(10):
    with Ledger(Path(sys.argv[1]), BEICHEN) as ledger:
        apply_flags(ledger, [flag(f"{sys.argv[2]}-{n}", "drought", NOW)], PLOTS, NOW)
"""


def test_several_processes_write_at_once_and_every_issue_has_its_own_number(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path), name]) for name in "AB"]
    assert [writer.wait(timeout=PATIENCE_S) for writer in writers] == [0, 0]
    with Ledger(path, BEICHEN) as ledger:
        assert [issue.issue_id for issue in ledger.open_issues()] == [f"BC-20260702-{n:04d}" for n in range(1, 21)]


def test_the_same_report_sent_by_eight_threads_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path, BEICHEN) as ledger:
        apply_flags(ledger, [flag("JJ-012", "drought", NOW)], PLOTS, NOW)
    new = []

    def send() -> None:
        with Ledger(path, BEICHEN) as mine:
            action = Action("one-and-the-same", "BC-20260702-0001", "done", "crew:一队", as_crew="一队")
            new.append(perform(mine, action, NOW + HOUR).is_new)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [False] * 7 + [True]


@pytest.mark.parametrize(("district", "prefix"), [("beichen", "BC"), ("a", "AX"), ("wuqing", "WQ"), ("7", "XX")])
def test_issue_numbers_begin_with_the_districts_letters(district: str, prefix: str) -> None:
    assert issue_prefix(district) == prefix
