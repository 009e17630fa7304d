"""`greensward lake expire`: says what would go and why, and deletes it when asked to."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crews.ledger import Ledger
from greensward.cli import run
from greensward.console import EXIT_OK, EXIT_USAGE
from greensward.evaluation import check_is_kept, judge_and_ask, judge_lake, judge_to_keep, standings_at
from greensward.given_settings import load
from ingest.errors import ConfigError
from ingest.lake.expire import Expiring, delete_expiring, find_expiring
from ingest.lake.files import partition_days
from ingest.lake.kept import kept_from
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.tables import table
from ingest.lake.write import write_rows
from ingest.site import BEICHEN
from sql.evaluate import first_days_needed
from tests.lake.rows import NOON, soil, soil_row

SOIL = table("soil_readings")
DAYS = 70


@pytest.fixture
def lake(folder: DataFolder) -> DataFolder:
    """Return a lake with a reading of today and of each of the 70 days before, of which 66 are to be kept."""
    ensure_layout(folder)
    for day in range(DAYS + 1):
        rows = soil(soil_row(-1440 * day, message_seq=day))
        write_rows(folder, SOIL, NOON.date() - timedelta(days=day), rows, f"part-{day}-{day}")
    settle(folder, "readings_days = 66")
    return folder


def settle(folder: DataFolder, retention: str, clock: datetime = NOON) -> None:
    text = f'[site]\nclock = "{clock.isoformat()}"\n[retention]\n{retention}\n'
    (folder.root / "greensward.toml").write_text(text, encoding="utf-8")


def expire(folder: DataFolder, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    capsys.readouterr()
    assert run(["lake", "expire", "--json", "-C", str(folder.root), *options]) == EXIT_OK
    return json.loads(capsys.readouterr().out)


def test_it_lists_what_would_go_and_why_and_deletes_nothing_unless_told_to(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [path for path in sorted(lake.table(SOIL.name).rglob("*.parquet")) if path.parent.name < "date=2026-04-27"]
    row = {
        "table": SOIL.name,
        "first_day": "2026-04-23",
        "last_day": "2026-04-26",
        "files": 4,
        "rows": 4,
        "bytes": sum(path.stat().st_size for path in files),
        "why": "[retention] readings_days = 66",
    }
    assert expire(lake, capsys) == {"deleted": False, "going": [row], "left": []}
    assert run(["lake", "expire", "-C", str(lake.root)]) == EXIT_OK
    printed = capsys.readouterr()
    assert "2026-04-26" in printed.out
    assert "= 66" in printed.out
    assert "4 files" in printed.err
    assert "would go" in printed.err
    assert len(partition_days(lake, SOIL)) == DAYS + 1
    assert expire(lake, capsys, "--delete") == {"deleted": True, "going": [row], "left": []}
    assert partition_days(lake, SOIL)[0] == NOON.date() - timedelta(days=66)
    assert expire(lake, capsys) == {"deleted": False, "going": [], "left": []}
    assert run(["lake", "expire", "-C", str(lake.root)]) == EXIT_OK
    assert "Nothing is older than [retention] allows." in capsys.readouterr().err
    assert ["select", "*", "from", "retention"][-1] in (lake.lake / "datapackage.json").read_text(encoding="utf-8")


def test_without_a_rule_nothing_is_old(lake: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    settle(lake, "")
    assert expire(lake, capsys, "--delete")["going"] == []
    assert len(partition_days(lake, SOIL)) == DAYS + 1


def test_what_a_run_told_and_another_rule_keeps_is_said_and_taken_back(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    first = NOON.date() - timedelta(days=66)
    (found,) = find_expiring(lake, {SOIL.name: 66}, NOON.date())
    delete_expiring(lake, [dataclasses.replace(found, days=found.days[:1])], NOON)  # killed after a day
    settle(lake, "readings_days = 1100")
    row = {"table": SOIL.name, "first_day": "2026-04-24", "last_day": "2026-04-26", "days": 3}
    told = expire(lake, capsys, "--delete")
    assert (told["going"], told["left"]) == ([], [row | {"kept_from": f"{first}", "told_at": "2026-07-02T04:00:00Z"}])
    assert run(["lake", "expire", "-C", str(lake.root)]) == EXIT_OK
    said = f"soil_readings: told on 2026-07-02 that days before {first} go. 3 days from 2026-04-24 on are there"
    assert said in capsys.readouterr().err
    assert run(["lake", "expire", "--delete", "--take-back", "-C", str(lake.root)]) == EXIT_USAGE
    assert expire(lake, capsys, "--take-back") == {"deleted": False, "going": [], "left": []}
    assert kept_from(lake)[SOIL.name] == NOON.date() - timedelta(days=69)


def test_a_register_that_tells_of_days_to_come_is_a_finding_until_it_is_taken_back(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    ahead = NOON.date() + timedelta(days=40)
    delete_expiring(lake, [Expiring(SOIL.name, (), ahead, 66, 0, 0, 0)], NOON)

    def doctor() -> list[dict[str, str]]:
        capsys.readouterr()
        run(["doctor", "--json", "-C", str(lake.root)])
        return [one for one in json.loads(capsys.readouterr().out) if one["what"] == "retention"]

    (finding,) = doctor()
    assert finding["state"] == "problem"
    assert f"soil_readings, weather_readings: kept from {ahead} on, a day to come" in finding["found"]
    assert "greensward lake expire --take-back" in finding["mend"]
    assert run(["lake", "expire", "-C", str(lake.root)]) == EXIT_OK
    said = "Where 2026-07-02 is today: greensward lake expire --take-back"
    assert said in capsys.readouterr().err, "whose clock is behind must not take back"
    assert run(["lake", "expire", "--take-back", "-C", str(lake.root)]) == EXIT_OK
    first = NOON.date() - timedelta(days=DAYS)
    assert f"soil_readings: kept from {first} on again, no longer from {ahead} on." in capsys.readouterr().err
    assert doctor() == []
    assert run(["lake", "expire", "--take-back", "-C", str(lake.root)]) == EXIT_OK
    assert "Nothing is to be taken back." in capsys.readouterr().err


def test_a_clock_that_is_behind_takes_nothing_back_unless_somebody_says_that_it_is_right(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    told = NOON + timedelta(days=40)  # a clock that was ahead then, or is behind now
    delete_expiring(lake, [Expiring(SOIL.name, (), told.date(), 66, 0, 0, 0)], told)
    before = kept_from(lake)
    take_back = ["lake", "expire", "--take-back", "-C", str(lake.root)]
    assert run(take_back) == EXIT_USAGE
    said = " ".join(capsys.readouterr().err.split())
    assert "it is 2026-07-02, and " in said
    assert f"was told on {told:%Y-%m-%d} that days before {told:%Y-%m-%d} go" in said
    assert "Nothing was taken back." in said
    for wrong in ("2026-07-03", "today", ""):
        assert run([*take_back, "--today", wrong]) == EXIT_USAGE
    assert run(["lake", "expire", "--today", "2026-07-02", "-C", str(lake.root)]) == EXIT_USAGE
    assert kept_from(lake) == before
    capsys.readouterr()
    assert run(["lake", "expire", "-C", str(lake.root)]) == EXIT_OK
    assert "greensward lake expire --take-back --today 2026-07-02" in capsys.readouterr().err
    assert run([*take_back, "--today", "2026-07-02"]) == EXIT_OK
    assert kept_from(lake)[SOIL.name] == NOON.date() - timedelta(days=DAYS)
    assert run(take_back) == EXIT_OK, "told later still, but of no day to come: there is nothing to ask about"


def test_a_photo_that_is_half_written_is_listed_and_goes(
    lake: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger(lake.ledger, BEICHEN).close()
    monkeypatch.setattr("crews.old_photos._HALF_WRITTEN_S", 0.0)
    settle(lake, "")
    staging = lake.photos / ".staging"
    staging.mkdir(parents=True)
    (staging / "0.part").write_bytes(b"half")
    row = {"table": "photos", "first_day": None, "last_day": None, "files": 1, "rows": None, "bytes": 4}
    assert expire(lake, capsys, "--delete")["going"] == [row | {"why": "no report names them"}]
    assert list(staging.iterdir()) == []


def test_no_photo_is_old_because_a_clock_jumped_ahead(lake: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    Ledger(lake.ledger, BEICHEN).close()
    lake.photos.mkdir(parents=True)
    (lake.photos / f"photo-{'0' * 32}.jpg").write_bytes(b"of no report")  # put there now, by the system's clock
    ahead = NOON + timedelta(days=5_000)
    write_rows(lake, SOIL, ahead.date(), soil(soil_row(5_000 * 1440)), "part-99-99")
    settle(lake, "readings_days = 66\nphotos_days = 31", ahead)
    (row,) = expire(lake, capsys, "--delete")["going"]
    assert (row["table"], row["last_day"], row["files"]) == (SOIL.name, "2026-04-27", 5), "a day more than is right"


def test_an_evaluation_of_now_never_needs_what_goes_and_one_of_long_ago_is_refused(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    expire(lake, capsys, "--delete")
    for days_ago in (0, 30):  # as a back-test of the last month asks
        check_is_kept(lake, BEICHEN, NOON - timedelta(days=days_ago))
    for judge in (check_is_kept, judge_lake, judge_to_keep, standings_at):
        with pytest.raises(ConfigError, match="Ask for 2026-06-01 or later"):
            judge(lake, BEICHEN, NOON - timedelta(days=32))
    with pytest.raises(ConfigError, match="Ask for 2026-06-01 or later"):
        judge_and_ask(lake, BEICHEN, NOON - timedelta(days=32), "P1", lambda _lake, flags: flags)
    command = ["flag", "-C", str(lake.root), "--as-of", (NOON - timedelta(days=40)).isoformat()]
    capsys.readouterr()
    assert run(command) == EXIT_USAGE
    assert "was deleted by" in capsys.readouterr().err


def test_the_shortest_rules_leave_what_evaluations_of_the_last_month_need(tmp_path: Path) -> None:
    file = tmp_path / "greensward.toml"
    file.write_text("[retention]\nreadings_days = 66\npictures_days = 301\n", encoding="utf-8")
    by_table = load(file).retention.by_table()
    month_ago = NOON - timedelta(days=30)
    for name, first in first_days_needed(month_ago, BEICHEN).items():
        assert first > BEICHEN.local_date(NOON) - timedelta(days=by_table[name]), name
