"""What crews and office were told to be kept, and whether the ledger, its photos and its backups have all of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from crews.issue import REPORT_KINDS
from crews.ledger import Ledger
from crews.links import link_generation
from greensward.backup.create import backups
from greensward.backup.restore import verify
from greensward.checked_ledger import ledger_check
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.end_to_end.running import asked

CREW, OTHER_CREW = "一队", "二队"

_NAMED_PHOTOS = "select photo.value ->> 'sha256' from events, json_each(events.detail_json, '$.photos') as photo"


class Told:
    """What somebody was told, one line of JSON each, in a file that outlives whoever writes it.

    A kill may cut a line off in its midst: then it was not noted, as if it had come a moment sooner.
    """

    def __init__(self, path: Path) -> None:
        """Use the file at `path`."""
        self.path = path
        path.touch()

    def note(self, **what: Any) -> None:
        """Note it."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, b"\n" + json.dumps(what).encode() + b"\n")
        os.close(descriptor)

    def all(self, kind: str) -> list[Any]:
        """Return what was told of one kind, in order."""
        return [what[kind] for what in self._noted() if kind in what]

    def count(self) -> int:
        """Return how much was told."""
        return sum(1 for _ in self._noted())

    def _noted(self) -> Iterator[dict[str, Any]]:
        for line in self.path.read_text().splitlines():
            with suppress(json.JSONDecodeError):
                yield json.loads(line)


def check(folder: DataFolder, shelf: Path, phone: Told, desk: Told) -> None:
    """Assert that all that was told is there, once and whole, and nothing half; nobody may be at work.

    Raises: AssertionError.
    """
    assert (faults := ledger_check(folder, BEICHEN)) == [], faults
    with Ledger(folder.ledger, BEICHEN) as ledger:
        _check_actions(ledger, phone)
        _check_photos(lambda sql: ledger.run(sql, ()), folder.photos)
        _check_desk(ledger, desk)
        numbers = {row["event_id"]: row["n"] for row in ledger.run("select n, event_id from events", ())}
    exported = [event_id for (event_id,) in asked(folder, "select event_id from issue_events")]
    assert len(exported) == len(set(exported)), "an event stands twice in the lake"
    told = max(desk.all("exported"), default=0)
    missing = [event_id for event_id, n in numbers.items() if n <= told and event_id not in set(exported)]
    assert not missing, f"told to be exported, and not in the lake: {missing}"
    if shelf.is_dir():
        _check_backups(shelf, desk)


def _check_actions(ledger: Ledger, phone: Told) -> None:
    """Assert that each report with a receipt is there with its photos, and that each event has one action."""
    rows = ledger.run(
        "select action_id, events.* from actions inner join events on actions.event_id = events.event_id", ()
    )
    kept = {
        row["action_id"]: [
            row["issue_id"],
            sorted(p["sha256"] for p in json.loads(row["detail_json"]).get("photos", ())),
        ]
        for row in rows
    }
    lost = [action_id for action_id, *said in phone.all("action") if kept.get(action_id) != said]
    assert not lost, f"told to be kept, and not there as sent: {lost}"
    by_people = sum(event.actor != "greensward" for event in ledger.all_events())
    assert by_people == len(kept), f"{by_people} events of people, {len(kept)} actions"


def _check_photos(ask: Callable[[str], Iterable[Any]], folder: Path) -> None:
    """Assert that each photo that an event names is known, and each known one there, whole."""
    named = {sha256 for (sha256,) in ask(_NAMED_PHOTOS)}
    known = dict(map(tuple, ask("select sha256, file_name from photos")))
    assert named == known.keys(), f"photos named in events or known, not both: {named ^ known.keys()}"
    for sha256, name in known.items():
        assert (folder / name).exists(), f"the photo {name} is gone"
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256, f"the photo {name} is another"


def _check_desk(ledger: Ledger, desk: Told) -> None:
    """Assert that each issue told to be open is there, each decision once, and that withdrawn links stay withdrawn."""
    events = ledger.all_events()
    issues = {event.issue_id for event in events}
    lost = [issue_id for ids in desk.all("opened") for issue_id in ids if issue_id not in issues]
    assert not lost, f"told to be open, and not there: {lost}"
    notes = Counter(
        (event.issue_id, event.detail["note"])
        for event in events
        if event.kind not in REPORT_KINDS and "note" in event.detail
    )
    lost = [said for said in map(tuple, desk.all("decided")) if notes[said] != 1]
    assert not lost, f"told to be decided, and not there once: {lost}"
    withdrawn = len(desk.all("withdrawn"))
    assert link_generation(ledger, "crew", OTHER_CREW) >= withdrawn, "a link opens again that was withdrawn"


def _check_backups(shelf: Path, desk: Told) -> None:
    """Assert that the newest backup told to be made is there and whole; remove those before it."""
    told = desk.all("backup")
    made = backups(shelf)
    assert {name for name, _ in told[-1:]} <= {path.name for path in made}, f"the backup {told[-1]} is gone"
    for path in made:
        if told and path.name < told[-1][0]:
            shutil.rmtree(path)
            continue
        wrong = [one for one in verify(path) if one.fault]
        assert not wrong, f"{path.name}: {wrong}"
        copied = DataFolder(path)
        with closing(sqlite3.connect(f"{copied.ledger.as_uri()}?immutable=1", uri=True)) as ledger:
            _check_photos(ledger.execute, copied.photos)
            ((version,),) = ledger.execute("select max(n) from events")
            least = told[-1][1] if told and path.name == told[-1][0] else 0
            assert (version or 0) >= least, f"{path.name} has less than was there before it was begun"
