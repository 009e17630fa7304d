"""A small day's work with issues, that a test can kill anywhere: flags, lists' links, reports with photos, the export.

Whoever reports sends the same action again when no answer came, as a telephone does; an evaluation that did not end
is done again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from crews.action import Action
from crews.apply import apply_flags
from crews.ledger import Ledger
from crews.links import Pass, load_keys, make_token, read_token
from crews.perform import perform
from crews.report_form import Report
from greensward.evaluation import export_events
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.made import DAY, HOUR, NOW, PLOTS, flag, sick, well
from tests.end_to_end.running import asked, plain
from tests.faults.crashes import WATCHED, Judged, Scenario

_CREW = "一队"
_EARLY = NOW - 2 * DAY
_LITRES = {"JJ-021": 6200.0, "JJ-012": 8800.0}
_ACTIONS = ("started-JJ-021", "done-JJ-021-1", "done-JJ-012-1", "cannot-LM-07-1", "closed-JJ-012", "extended-LM-07")
_PHOTOS = tuple(b"\xff\xd8\xff" + bytes([number]) * 3_000 for number in range(3))


def work(place: Path) -> None:
    """Do the day."""
    folder, link = DataFolder(place / WATCHED), place / "link"
    with Ledger(folder.ledger, BEICHEN) as ledger:
        first = [flag(plot_id, "drought", _EARLY) for plot_id in ("JJ-012", "JJ-021", "LM-07")]
        apply_flags(ledger, [*first, sick("BYH-03", _EARLY)], PLOTS, _EARLY)
        if not link.exists():
            link.write_text(make_token(load_keys(folder), "crew", _CREW, _EARLY))
        said = read_token(load_keys(folder), ledger, link.read_text(), NOW)
        export_events(folder, BEICHEN, ledger)
        ids = {issue.plot_id: issue.issue_id for issue in [*ledger.open_issues(), *ledger.ended_issues(_EARLY)]}
        perform(ledger, Action("started-JJ-021", ids["JJ-021"], "started", said.actor, as_crew=_CREW), NOW - 40 * HOUR)
        _report(ledger, folder, said, "JJ-021", ids, _PHOTOS[:1])
        _report(ledger, folder, said, "JJ-012", ids, _PHOTOS[1:])
        _report(ledger, folder, said, "LM-07", ids, ())
        export_events(folder, BEICHEN, ledger)
        second = [well("JJ-021", "drought", NOW - HOUR), flag("LM-07", "drought", NOW - HOUR)]
        apply_flags(ledger, second, PLOTS, NOW - HOUR)
        perform(ledger, Action("closed-JJ-012", ids["JJ-012"], "closed", "office:王芳"), NOW)
        later = Action("extended-LM-07", ids["LM-07"], "extended", "office:王芳", reason="x", due_at=NOW + 20 * DAY)
        perform(ledger, later, NOW)
        export_events(folder, BEICHEN, ledger)


def _report(
    ledger: Ledger, folder: DataFolder, said: Pass, plot_id: str, ids: dict[str, str], photos: tuple[bytes, ...]
) -> None:
    done = plot_id in _LITRES
    report = Report(
        form_token="",
        action_id=f"{'done' if done else 'cannot'}-{plot_id}-1",
        kind="done" if done else "cannot_do",
        language="zh",
        reason=None if done else "no_water",
        note=None,
        inspection=None,
        litres=_LITRES.get(plot_id),
        photos=tuple(zip(("before", "after")[-len(photos) :], photos, strict=True)) if photos else (),
    )
    report.take(ledger, folder, ids[plot_id], said, NOW - 30 * HOUR)


def check_what_a_reader_meets(place: Path) -> None:
    """Assert that every event is whole and in the lake at most once, and that every photo that is named is there."""
    folder = DataFolder(place / WATCHED)
    if folder.lake.is_dir():
        exported = asked(folder, "select event_id from issue_events")
        assert len(exported) == len(set(exported)), "an event stands twice"
    if not folder.ledger.exists():
        return
    with Ledger(folder.ledger, BEICHEN) as ledger:
        before = [*ledger.open_issues(), *ledger.ended_issues(_EARLY)]
        ledger.rebuild()
        assert [*ledger.open_issues(), *ledger.ended_issues(_EARLY)] == before, "an issue is not what its events say"
        for row in ledger.run("select sha256, file_name from photos", ()):
            kept = (folder.photos / row["file_name"]).read_bytes()
            assert hashlib.sha256(kept).hexdigest() == row["sha256"], row["file_name"]


def check(place: Path) -> None:
    """Assert that every action counted once and that the lake has each event once."""
    check_what_a_reader_meets(place)
    folder = DataFolder(place / WATCHED)
    with Ledger(folder.ledger, BEICHEN) as ledger:
        counted = [row["action_id"] for row in ledger.run("select action_id from actions order by event_id", ())]
        assert sorted(counted) == sorted(_ACTIONS), counted
        events = [row["event_id"] for row in ledger.run("select event_id from events", ())]
        states = {issue.plot_id: issue.state for issue in [*ledger.open_issues(), *ledger.ended_issues(_EARLY)]}
        assert states == {"JJ-012": "closed", "JJ-021": "closed", "LM-07": "deferred", "BYH-03": "assigned"}, states
        assert len(ledger.run("select 1 from photos", ())) == len(_PHOTOS)
        read_token(load_keys(folder), ledger, (place / "link").read_text(), NOW)
    exported = [event_id for (event_id,) in asked(folder, "select event_id from issue_events")]
    assert sorted(exported) == sorted(events), "the view of issue_events"
    (globbed,) = plain(folder, "select count(*), count(distinct event_id) from lake", "issue_events")
    assert globbed == (len(events), len(events)), "the plain glob of issue_events"
    details = [json.loads(said) for (said,) in asked(folder, "select detail_json from issue_events")]
    litres = sum(detail.get("water_used_litres") or 0.0 for detail in details)
    assert litres == sum(_LITRES.values()), f"{litres} litres"


DAY_OF_CREWS = Scenario(
    "crews: flags, links, reports with photos, export",
    prepare=lambda _: None,
    work=work,
    met=(Judged((WATCHED,), check_what_a_reader_meets),),
    settled=Judged((WATCHED,), check),
)
