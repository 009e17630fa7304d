"""A past window judged again: the opens and closes that a person can derive by hand, and nothing written by halves."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from array import array
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import nan
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from crews.words import speaker
from greensward.backtest import judge
from greensward.backtest.judge import Judged
from greensward.backtest.pictures import histogram
from greensward.backtest.plan import make_plan
from greensward.backtest.summary import summarise
from greensward.backtest.tally import History, Tally, forecast_errors, reopened_soon
from greensward.cli import run
from greensward.console import EXIT_OK, EXIT_USAGE
from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.sql.made_lake import MadeLake
from tests.sql.stored_lake import store

LATER = datetime(2026, 7, 20, tzinfo=UTC)
WINDOW = ["--from", "2026-07-04", "--to", "2026-07-08"]


@pytest.fixture(scope="module")
def made() -> Iterator[MadeLake]:
    """Return plots that report every 8 h, so that days alone are judged.

    dry: a point a day down to the line of 21 % on 4 July, moist from the 7th, by less than the three points that would
    be a watering; frozen: all along; silent: from the evening of 5 July; late: moist, and all received on 20 July.
    """
    lake = MadeLake()
    for plot in ("dry", "frozen", "silent", "late"):
        lake.laboratory_plot(plot, name={"dry": "桃花园"}.get(plot, plot))
        lake.device(f"D-{plot}", plot, report_interval_s=8 * 3600.0)
    down = [*(round(0.27 - 0.01 * step, 3) for step in range(7)), 0.208, 0.206]
    days: dict[str, tuple[list[float], date, dict[str, Any]]] = {
        "dry": ([*down, 0.235, 0.233], date(2026, 7, 8), {}),
        "frozen": ([0.12] * 9, date(2026, 7, 8), {"soil_temperature_c": -2.0}),
        "silent": ([0.26] * 6, date(2026, 7, 5), {}),
        "late": ([0.26] * 9, date(2026, 7, 8), {"received_at": LATER}),
    }
    for plot, (values, last, fields) in days.items():
        lake.soil_days(values, f"D-{plot}", last_day=last, every_hours=8, wiggle=0.0, **fields)
    yield lake
    lake.connection.close()


@pytest.fixture(scope="module")
def folder(made: MadeLake, tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    return store(made, DataFolder(tmp_path_factory.mktemp("backtest") / "data"))


@pytest.fixture(scope="module")
def report(folder: DataFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report over five days, each judged at 07:00."""
    target = tmp_path_factory.mktemp("report") / "july"
    assert run(["backtest", "-C", str(folder.root), *WINDOW, "-o", str(target)]) == EXIT_OK
    return target


def rows_of(report: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (report / "backtest.csv").open(encoding="utf-8-sig", newline="") as file:
        return {(row["date"], row["plot_id"]): row for row in csv.DictReader(file)}


def test_an_issue_opens_on_the_second_dry_morning_and_closes_after_the_first_moist_day(report: Path) -> None:
    rows = rows_of(report)
    assert [day for (day, plot), row in rows.items() if row["opened"] == "true"] == ["2026-07-06"]
    assert [day for (day, plot), row in rows.items() if row["closed"] == "true"] == ["2026-07-08"]
    assert rows["2026-07-06", "dry"]["opened"] == rows["2026-07-08", "dry"]["closed"] == "true"
    assert [rows[f"2026-07-0{day}", "dry"]["state"] for day in (4, 5, 6, 7, 8)] == ["watch", "dry", "dry", "dry", "ok"]
    assert [rows[f"2026-07-0{day}", "dry"]["needs_work"] for day in (5, 6)] == ["false", "true"]


def test_what_is_not_known_is_counted_and_frozen_ground_is_never_flagged(report: Path) -> None:
    rows, summary = rows_of(report), json.loads((report / "summary.json").read_text(encoding="utf-8"))
    assert [rows[f"2026-07-0{day}", "silent"]["state"] for day in (5, 6, 7, 8)] == ["ok", "ok", "stale", "stale"]
    assert summary["unknown_share"] == round(2 / 20, 4)
    assert (summary["opened"], summary["closed"], summary["reopened"]) == (1, 1, 0)
    assert (summary["frozen_days"], summary["frozen_days_flagged"]) == (5, 0)
    assert summary["plot_evaluations"] == 20


def test_parquet_and_csv_hold_the_same_rows(report: Path) -> None:
    table = pq.read_table(report / "backtest.parquet")
    rows = rows_of(report)
    assert table.num_rows == len(rows) == 20
    for row in table.to_pylist():
        assert rows[row["date"].isoformat(), row["plot_id"]]["state"] == row["state"]


def test_it_says_what_the_product_says_at_that_instant(report: Path, made: MadeLake) -> None:
    as_of = datetime(2026, 7, 5, 23, tzinfo=UTC)
    said = {row["plot_id"]: row for row in made.flags(as_of) if row["cause"] == "drought"}
    table = pq.read_table(report / "backtest.parquet", filters=[("as_of", "=", as_of)]).to_pylist()
    assert len(table) == 4
    for row in table:
        for column in ("state", "needs_work", "severity", "reason_code", "value", "line", "litres"):
            assert row[column] == said[row["plot_id"]][column], column


@pytest.mark.parametrize(
    ("name", "words"), [("index.html", "每个地块每一天"), ("index.en.html", "Every plot, every day")]
)
def test_the_report_stands_alone_in_both_languages(report: Path, name: str, words: str) -> None:
    page = (report / name).read_text(encoding="utf-8")
    assert words in page
    assert "桃花园" in page
    assert "<script" not in page
    assert "src=" not in page
    pictures = [part.split("</svg>")[0] for part in page.split("<svg ")[1:]]
    assert len(pictures) >= 2
    for picture in pictures:
        ET.fromstring(f"<svg {picture}</svg>")  # noqa: S314  drawn here
    assert page.count("<polygon ") == 2  # one opened, one closed


def test_known_then_leaves_out_what_arrived_later(folder: DataFolder, report: Path, tmp_path: Path) -> None:
    arguments = ["--from", "2026-07-08", "--to", "2026-07-08", "--plot", "late", "--known-then"]
    assert run(["backtest", "-C", str(folder.root), *arguments, "-o", str(tmp_path / "then")]) == EXIT_OK
    assert rows_of(report)["2026-07-08", "late"]["state"] == "ok"
    assert {key: row["state"] for key, row in rows_of(tmp_path / "then").items()} == {("2026-07-08", "late"): "no_data"}
    assert "--known-then" in (tmp_path / "then" / "index.html").read_text(encoding="utf-8")


def test_ctrl_c_leaves_nothing_behind(folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(judge, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(["backtest", "-C", str(folder.root), *WINDOW, "-o", str(tmp_path / "out")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "2026-07-08", "--to", "2026-07-04"], "--from 2026-07-08 is after --to 2026-07-04"),
        (["--from", "July", "--to", "2026-07-04"], "--from 'July': write a day like 2026-07-02."),
        (["--from", "2020-01-01", "--to", "2020-01-05"], "no soil reading for 2020-01-01 to 2020-01-05; it holds 2026"),
        ([*WINDOW, "--every", "0h"], "--every '0h': write a number of days or hours like 1d or 6h."),
        ([*WINDOW, "--at", "noon"], "--at 'noon': write a time of day like 07:00."),
        ([*WINDOW, "--plot", "drie"], "did you mean 'dry'?"),
        ([*WINDOW, "-o", "FULL"], "the folder is not empty"),
        ([*WINDOW, "-o", "FULL/file"], "is a file"),
        ([*WINDOW, "-o", "FULL/a/b"], "there is no folder"),
    ],
)  # fmt: skip
def test_wrong_use_is_said_before_anything_is_judged(
    folder: DataFolder, arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").write_text("kept", encoding="utf-8")
    named = [one.replace("FULL", str(full)) for one in arguments]
    target = [] if "-o" in named else ["-o", str(tmp_path / "new")]
    assert run(["backtest", "-C", str(folder.root), *named, *target]) == EXIT_USAGE
    assert said in capsys.readouterr().err
    assert (full / "file").read_text(encoding="utf-8") == "kept"


def test_without_a_lake_one_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["backtest", "-C", str(tmp_path / "no"), *WINDOW, "-o", str(tmp_path / "x")]) == EXIT_USAGE
    assert "There is no data folder" in capsys.readouterr().err


def test_evaluations_lie_on_the_sites_clock_and_none_in_the_future() -> None:
    now = datetime(2026, 7, 6, 1, 0, tzinfo=UTC)  # 09:00 by the site's clock
    plan = make_plan("2026-07-05", "2026-07-09", "12h", "07:00", now, BEICHEN)
    assert [f"{instant:%d %H}" for instant in plan.instants] == ["04 23", "05 11", "05 23"]
    with pytest.raises(ConfigError, match="lies ahead"):
        make_plan("2026-07-07", "2026-07-09", "1d", "07:00", now, BEICHEN)


def history(gaps: list[float], water: list[float] | None = None, **fields: Any) -> History:
    return History(bytearray(), array("d", gaps), array("d", water or [0.2 - gap / 10 for gap in gaps]), **fields)


def test_a_forecast_is_held_against_the_noon_line_between_the_days() -> None:
    """Depletion less p at the noons before days 0..4; the line is crossed halfway between the noons 1.5 and 2.5."""
    gaps = [-0.3, -0.2, -0.1, 0.1, 0.2]
    told = history(gaps, forecasts=[(0, 0.25, 3.0)])
    assert forecast_errors(told) == [pytest.approx(3.0 - (2.0 - 0.25))]
    assert forecast_errors(history(gaps, forecasts=[(2, 2.25, 0.0)])) == [0.0]  # crossed before anybody could look


def test_water_a_gap_or_the_end_of_the_window_leaves_a_forecast_unanswered() -> None:
    said = [(0, 0.3, 3.0)]
    dry = [-0.2, -0.1, 0.1]
    assert len(forecast_errors(history(dry, forecasts=said))) == 1
    assert forecast_errors(history(dry, [0.2, 0.21, 0.19], forecasts=said)) == []  # a point of water came
    assert len(forecast_errors(history(dry, [0.2, 0.2099, 0.19], forecasts=said))) == 1
    assert forecast_errors(history([-0.2, nan, 0.1], forecasts=said)) == []
    assert forecast_errors(history([-0.2, -0.1, -0.05], forecasts=said)) == []


def test_opening_again_within_72_hours_of_closing_is_flapping() -> None:
    closed = datetime(2026, 7, 1, tzinfo=UTC)
    for hours, flaps in ((72, 1), (73, 0)):
        told = history([nan], opened=[closed - timedelta(days=9), closed + timedelta(hours=hours)], closed=[closed])
        assert reopened_soon(told) == flaps


def test_a_plot_that_flaps_is_named_and_a_plot_that_comes_later_is_blank_before() -> None:
    tally = Tally(BEICHEN, date(2026, 7, 1), 4)
    row = {
        "state": "ok", "needs_work": False, "is_frozen": False, "yesterday_depletion_share": None, "days_median": None,
    }  # fmt: skip
    for day in range(4):
        rows = [row | {"plot_id": "A"}] + ([row | {"plot_id": "B"}] if day > 1 else [])
        opened, closed = (("A",), ()) if day % 2 == 0 else ((), ("A",))
        tally.add(Judged(datetime(2026, 7, 1 + day, 1, tzinfo=UTC), rows, opened, closed))
    summary = summarise(tally)
    assert [(one.plot_id, one.opened, one.closed, one.reopened) for one in summary.flappers] == [("A", 2, 2, 1)]
    assert [tally.state_of(tally.plots["B"], index) for index in range(4)] == [None, None, "ok", "ok"]
    assert summary.plot_evaluations == 6


def test_errors_beyond_ten_days_stand_at_the_edge() -> None:
    drawn = histogram([-30.0, 0.4, 0.2, 12.0], speaker("en"))
    (desc,) = [one.text for one in ET.fromstring(drawn) if one.tag.endswith("desc")]  # noqa: S314  drawn here
    assert desc == "-10: 1, 0: 2, 10: 1"


def test_the_past_is_judged_by_the_district_s_own_campaigns(tmp_path: Path) -> None:
    """A rest that only the district's own table knows: it began on 3 July, so a dry plot is suspended and not dry."""
    lake = MadeLake()
    lake.laboratory_plot("dry")
    lake.device("D-dry", "dry", report_interval_s=8 * 3600.0)
    lake.soil_days([0.18] * 9, "D-dry", last_day=date(2026, 7, 8), every_hours=8, wiggle=0.0)
    for number, (kind, day) in enumerate((("started", 1), ("closed", 3))):
        lake.add(
            "campaign_events", event_id=f"{number}", campaign_id="early_rest", season=2026, actor="王工", kind=kind,
            happened_at=datetime(2026, 7, day, tzinfo=UTC),
        )  # fmt: skip
    folder = store(lake, DataFolder(tmp_path / "data"))
    lake.connection.close()
    (folder.root / "own.csv").write_text(
        "campaign_id,name_zh,name_en,work,month_day_from,month_day_to,start_by,rest,standard_mm,source\n"
        "early_rest,早冻水,Early rest,water,06-20,07-20,calendar,begins,50,test\n",
        encoding="utf-8",
    )
    states = {}
    for name, settings in (("built_in", ""), ("own", '[campaigns]\nfile = "own.csv"\n')):
        (folder.root / "greensward.toml").write_text(settings, encoding="utf-8")
        target = tmp_path / name
        assert run(["backtest", "-C", str(folder.root), "--from", "2026-07-06", "--to", "2026-07-06",
                    "-o", str(target)]) == EXIT_OK  # fmt: skip
        states[name] = {row["state"] for row in rows_of(target).values()}
    assert states == {"built_in": {"dry"}, "own": {"suspended"}}
