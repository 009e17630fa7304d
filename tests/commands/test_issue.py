"""`greensward issue` as a program."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crews.action import Action
from crews.apply import apply_flags
from crews.issue import Photo
from crews.ledger import Ledger
from crews.perform import perform
from greensward.commands.issue import app
from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.made import PLOTS, watered
from tests.crews.preview import made_folder

ISSUE = "BC-20260630-0002"


@pytest.fixture
def made(tmp_path: Path) -> DataFolder:
    """Return a data folder with the made district."""
    return made_folder(tmp_path / "data")


def run(made: DataFolder, *arguments: str) -> int:
    """Run the command on the made district."""
    return int(app([*arguments, "-C", str(made.root)], result_action="return_value"))


def state(made: DataFolder) -> str:
    """Return the state of the issue."""
    with Ledger(made.ledger, BEICHEN) as ledger:
        return ledger.issue(ISSUE).state


def test_it_shows_an_issue_with_its_history(made: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(made, "show", ISSUE) == 0
    printed = capsys.readouterr().out
    for words in ("京津路绿带 12 段", "立案", "新数据", "已到凋萎点附近", "班组 一队", "soil.root_zone_depletion"):
        assert words in printed
    assert run(made, "show", ISSUE, "--lang", "en") == 0
    printed = capsys.readouterr().out
    for words in ("Opened", "New data", "Crew 一队", "near wilting"):
        assert words in printed, printed
    assert run(made, "show", ISSUE, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [event["kind"] for event in shown["events"]] == ["opened", "assigned", "evidence", "escalated"]


@pytest.mark.parametrize("until", ["2026-13-01", "2026-02-30 18:00", "9999-01-01", "明天"])
def test_a_deadline_that_there_is_not_is_refused_with_what_is_expected(made: DataFolder, until: str) -> None:
    with pytest.raises(
        ConfigError, match=f"--until '{until}': expected a day that there is, of the years 1950 to 2099"
    ):
        run(made, "extend", ISSUE, "--until", until, "--by", "王工", "--reason", "停水")


def test_a_deadline_that_is_a_day_lasts_until_its_end(made: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(made, "extend", ISSUE, "--until", "2026-07-05", "--by", "王工", "--reason", "停水") == 0
    capsys.readouterr()
    assert run(made, "show", ISSUE, "--json") == 0
    assert "2026-07-05T16:00:00" in capsys.readouterr().out


def test_nothing_that_turns_lines_around_gets_into_the_ledger(made: DataFolder) -> None:
    turned = "五\u202e队\x1b[31m"
    assert run(made, "assign", ISSUE, turned, "--new-crew", "--by", turned, "--note", turned) == 0
    with Ledger(made.ledger, BEICHEN) as ledger:
        newest = ledger.history(ISSUE)[-1]
        assert (ledger.issue(ISSUE).crew, newest.actor, newest.detail["note"]) == ("五队[31m",) * 3


def test_an_issue_goes_its_way_by_command(made: DataFolder) -> None:
    assert run(made, "assign", ISSUE, "二队", "--by", "王工") == 0
    assert run(made, "extend", ISSUE, "--until", "2026-07-05 18:00", "--by", "王工", "--reason", "停水") == 0
    assert run(made, "defer", ISSUE, "--by", "王工", "--reason", "等配件") == 0
    assert state(made) == "deferred"
    assert run(made, "assign", ISSUE, "一队", "--by", "王工") == 0
    assert run(made, "report", ISSUE, "started", "--by", "一队") == 0
    assert run(made, "report", ISSUE, "false_alarm", "--reason", "wet", "--by", "一队") == 0
    assert run(made, "void", ISSUE, "--by", "二队", "--reason", "看过") == 1
    assert run(made, "void", ISSUE, "--by", "王工", "--reason", "看过") == 0
    assert state(made) == "void"


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "BC-1"), ("assign", "BC-1", "一队", "--by", "x"), ("close", ISSUE, "--by", "王工"),
        ("look-back", ISSUE, "ok", "--by", "王工"), ("report", ISSUE, "cannot_do", "--by", "一队"),
        ("extend", ISSUE, "--until", "2026-01-01", "--by", "王工", "--reason", "x"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_ends_with_1_and_says_why(
    made: DataFolder, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(made, *arguments) == 1
    chinese = capsys.readouterr().err
    assert run(made, *arguments, "--lang", "en") == 1
    english = capsys.readouterr().err.strip()
    assert english
    assert chinese.strip().endswith(english)
    assert re.search(r"[\u4e00-\u9fff]", chinese.removesuffix(english))
    assert state(made) == "assigned"


def test_an_issue_is_given_to_an_unknown_crew_only_when_it_is_meant(made: DataFolder) -> None:
    with pytest.raises(ConfigError, match=r"did you mean '二队'.*--new-crew"):
        run(made, "assign", ISSUE, "二对", "--by", "王工")
    assert run(made, "assign", ISSUE, "应急队", "--by", "王工", "--new-crew") == 0
    assert run(made, "assign", ISSUE, "应急队", "--by", "王工") == 0


def test_it_shows_what_the_newest_evaluation_says_and_where_the_photos_are(
    made: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    with Ledger(made.ledger, BEICHEN) as ledger:
        now = datetime.now(UTC)
        apply_flags(ledger, [watered("JJ-012", now)], PLOTS, now)
        photos = (Photo("ab" * 32, "after"),)
        action = Action("phone-0001", ISSUE, "cannot_do", "crew:一队", reason="no_water", photos=photos)
        perform(ledger, action, now)
    assert run(made, "show", ISSUE) == 0
    printed = capsys.readouterr().out
    for words in ("先不浇：5 小时前刚浇过或下过雨", f"/photos/{'ab' * 32}", f"/office/issues/{ISSUE}", "没有水"):
        assert words in printed
    assert "11.2 吨" not in printed
    assert " · 一队 · " in printed
    assert "crew:" not in printed, "that is how the ledger tells crews from people"


def test_litres_that_were_tonnes_are_asked_back_on_the_telephone_too(made: DataFolder) -> None:
    assert run(made, "report", ISSUE, "done", "--by", "王工", "--litres", "5.6") == 1
    assert state(made) == "assigned"
    assert run(made, "report", ISSUE, "done", "--by", "王工", "--litres", "5.6", "--sure") == 0


@pytest.mark.parametrize("arguments", [("show", ISSUE), ("close", ISSUE, "--by", "王工")])
def test_a_folder_that_does_not_exist_is_not_made(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="no data folder"):
        run(DataFolder(tmp_path / "nowhere"), *arguments)
    assert not (tmp_path / "nowhere").exists()
