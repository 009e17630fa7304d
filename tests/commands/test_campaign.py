"""`greensward campaign`, from the office's word to the crew's card; and a district's own table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from greensward.cli import run
from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import to_arrow
from sql.campaigns import load_campaigns
from tests.crews.made import PLOTS

HEAD = "campaign_id,name_zh,name_en,work,month_day_from,month_day_to,start_by,grades,vegetations,source\n"
RULE_HEAD = "campaign_id,quantity,depth_from_cm,depth_to_cm,operator,threshold,days_running,source\n"
WATER = "early_water,早春水,early water,water,02-10,03-31,calendar,,,ours\n"
CLOCK = "2026-03-12T12:00:00+08:00"


def district(root: Path, settings: str = "") -> DataFolder:
    """Make a data folder with plots and a clock that stands in March; its settings lie in it."""
    folder = DataFolder(root)
    (folder.table("plots")).mkdir(parents=True)
    folder.version_file.write_text("1", encoding="ascii")
    (root / "greensward.toml").write_text(f'[site]\nclock = "{CLOCK}"\n{settings}', encoding="utf-8")
    import pyarrow.parquet as pq  # noqa: PLC0415

    pq.write_table(to_arrow(table("plots"), PLOTS), folder.table("plots") / "plots-1.parquet")
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    """Run a command with --json and return what it printed."""
    assert run([*words, "--json"]) == code
    text = capsys.readouterr().out
    return json.loads(text) if text.strip() else None


def test_a_campaign_goes_from_proposal_to_start_report_and_close(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    district(root)
    at = ["-C", str(root)]
    before = {row["campaign_id"]: row for row in said(capsys, "campaign", "list", *at)}
    assert before["greenup_water"]["state"] == "ready"
    assert before["greenup_water"]["basis"] == "not_measured"
    assert before["freezeup_water"]["state"] == "not_started"
    started = said(capsys, "campaign", "start", "greenup_water", "--by", "王工", *at)
    assert (started["state"], started["last_actor"]) == ("running", "王工")
    assert run(["campaign", "start", "greenup_water", "--by", "李所", *at]) == 1
    assert "was started by 王工" in capsys.readouterr().err
    said(capsys, "flag", *at)
    lists = {one["crew"]: one for one in said(capsys, "list", *at)}
    assert lists["一队"]["campaigns"] == [{"campaign_id": "greenup_water", "plots": 7, "done": 0}]
    card = lists["一队"]["stops"][0]
    assert (card["cause"], card["rule_id"], card["due_at"]) == (
        "campaign.greenup_water",
        "campaign",
        "2026-04-11T00:00:00+08:00",
    )
    assert card["water_t"] == pytest.approx(40 * 5700 / 1000)
    assert run(["issue", "report", card["issue_id"], "done", "--by", "一队", *at]) == 0
    capsys.readouterr()
    said(capsys, "flag", *at)
    status = said(capsys, "campaign", "status", "greenup_water", *at)
    assert (status["done"], status["plots"]) == (1, 9)
    assert (
        said(capsys, "campaign", "status", "greenup_water", "--as-of", "2026-03-12T11:00:00+08:00", *at)["state"]
        == "ready"
    )
    assert said(capsys, "campaign", "close", "greenup_water", "--by", "王工", *at)["state"] == "over"
    said(capsys, "flag", *at)
    assert all(stop["group"] == "done" for one in said(capsys, "list", *at) for stop in one["stops"])


def test_a_campaign_that_does_not_exist_is_named_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    district(tmp_path / "data")
    assert run(["campaign", "status", "greenup_watr", "-C", str(tmp_path / "data")]) == 2
    assert "did you mean 'greenup_water'?" in " ".join(capsys.readouterr().err.split())


def test_a_district_has_campaigns_of_its_own_beside_the_built_in_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    district(root, '[campaigns]\nfile = "own.csv"\n')
    (root / "own.csv").write_text(
        "\ufeff" + HEAD + WATER + "autumn_prune,修剪,pruning,prune,10-01,10-31,off,,,ours\n", encoding="utf-8"
    )
    names = {row["campaign_id"] for row in said(capsys, "campaign", "list", "-C", str(root))}
    assert "early_water" in names
    assert "greenup_water" in names
    assert "autumn_prune" not in names, "off takes a built-in campaign out"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (WATER.replace("02-10", "02-30"), "line 2: month_day_from '02-30' is no day of the year"),
        (WATER.replace("03-31", "3-31"), "month_day_to '3-31' is no day of the year; write MM-DD"),
        (WATER.replace("calendar,,", "calendar,,tree"), "vegetations: 'tree' is unknown; did you mean 'trees'?"),
        (WATER.replace("calendar,,", "calendar,4,"), "grades: '4' is unknown"),
        (WATER.replace(",water,02", ",watering,02"), "work 'watering' is unknown; did you mean 'water'?"),
        (WATER.replace("early_water", "Early"), "campaign_id 'Early'"),
        (WATER.replace("早春水", ""), "name_zh is empty"),
        (WATER.replace("calendar", "conditions"), "has start_by 'conditions' but no condition"),
        (WATER + WATER, "campaign_id 'early_water' stands twice"),
        (WATER.replace("ours", "ours,more"), "more cells than columns"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line_and_what_to_write(tmp_path: Path, row: str, words: str) -> None:
    file = tmp_path / "own.csv"
    file.write_text(HEAD + row, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_campaigns(file)
    assert words in str(refused.value)
    assert str(file) in str(refused.value)


def test_every_fault_of_a_table_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(HEAD + WATER.replace("02-10", "x").replace(",water,", ",w,") + ",,,,,,,,,\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_campaigns(file)
    assert "month_day_from 'x'" in str(refused.value)
    assert "work 'w'" in str(refused.value)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (HEAD.replace("grades", "grade"), "unknown column 'grade'; did you mean 'grades'?"),
        (HEAD.replace("work,", ""), "column 'work' is missing"),
        (HEAD.replace("grades", "work"), "column 'work' stands twice"),
    ],
)
def test_a_wrong_head_is_refused(tmp_path: Path, head: str, words: str) -> None:
    file = tmp_path / "own.csv"
    file.write_text(head + WATER, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_campaigns(file)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("greenup_water,soil_temperature_mean_c,,,>,0,1,ours", "depth_from_cm is needed for soil_temperature_mean_c"),
        ("greenup_water,rain_mm,5,10,>,0,1,ours", "depth_from_cm must be empty for rain_mm"),
        ("greenup_water,soil_temperature_mean_c,20,10,>,0,1,ours", "depth_from_cm 20 is below depth_to_cm 10"),
        ("greenup_water,rain,,,>,0,1,ours", "quantity 'rain' is unknown; did you mean 'rain_mm'?"),
        ("greenup_water,rain_mm,,,=>,0,1,ours", "operator '=>' is unknown"),
        ("greenup_water,rain_mm,,,>,0,0,ours", "days_running '0' is no number from 1 to 30"),
        ("greenup_water,rain_mm,,,>,0,1.5,ours", "days_running '1.5' is no whole number"),
        ("greenup_water,rain_mm,,,>,much,1,ours", "threshold 'much' is no number"),
        ("greenup,rain_mm,,,>,0,1,ours", "there is no campaign 'greenup'; did you mean 'greenup_water'?"),
    ],
)
def test_a_wrong_condition_is_refused(tmp_path: Path, rule: str, words: str) -> None:
    file = tmp_path / "rules.csv"
    file.write_text(RULE_HEAD + rule + "\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_campaigns(None, file)
    assert words in str(refused.value)


def test_conditions_of_a_district_replace_all_built_in_ones_of_their_campaign(tmp_path: Path) -> None:
    file = tmp_path / "rules.csv"
    file.write_text(RULE_HEAD + "greenup_water,air_temperature_mean_c,,,>=,4,3,ours\n", encoding="utf-8")
    rules = load_campaigns(None, file).rules
    assert [row["threshold"] for row in rules if row["campaign_id"] == "greenup_water"] == ["4"]
    assert sum(row["campaign_id"] == "freezeup_water" for row in rules) == 4


def test_a_rest_that_begins_must_end(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        HEAD.replace("source", "rest,source") + "greenup_water,返青水,green-up,water,02-25,04-10,calendar,,,,ours\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match="begins the winter rest"):
        load_campaigns(file)


def test_a_table_that_is_not_there_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.csv: No such file"):
        load_campaigns(tmp_path / "nowhere.csv")


SEASON_HEAD = "season,month_day_from,month_day_to,rule,source\n"


def test_seasons_of_a_district_replace_all_built_in_ones(tmp_path: Path) -> None:
    file = tmp_path / "seasons.csv"
    file.write_text(SEASON_HEAD + "summer,11-15,03-31,growing,ours\n", encoding="utf-8")
    seasons = load_campaigns(seasons_file=file).seasons
    assert [(row["rule"], row["month_day_from"], row["month_day_to"]) for row in seasons] == [
        ("growing", "11-15", "12-31"),
        ("growing", "01-01", "03-31"),
    ]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("summer,11-31,03-31,growing,ours\n", "line 2: month_day_from '11-31' is no day of the year"),
        ("summer,11-15,03-31,grow,ours\n", "rule 'grow' is unknown; did you mean 'growing'?"),
        ("a,11-15,03-31,growing,ours\nb,03-31,04-30,growing,ours\n", "two seasons of rule 'growing' share a day"),
    ],
)
def test_a_wrong_season_is_refused(tmp_path: Path, rows: str, words: str) -> None:
    file = tmp_path / "seasons.csv"
    file.write_text(SEASON_HEAD + rows, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_campaigns(seasons_file=file)
    assert words in str(refused.value)


def test_built_in_windows_stand_half_a_year_later_south_of_the_equator() -> None:
    campaigns = load_campaigns(is_southern=True)
    assert [campaigns.row("autumn_water")[name] for name in ("month_day_from", "month_day_to")] == ["03-15", "04-30"]
    rests = sorted(
        (row["month_day_from"], row["month_day_to"]) for row in campaigns.seasons if row["rule"] == "suspended"
    )
    assert rests == [("06-05", "06-30"), ("07-01", "09-05")]
