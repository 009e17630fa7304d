"""One plot asked about on the command line: its picture and its explanation, also when asked wrongly."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from crews.explain.page import columns_of
from greensward.cli import run
from greensward.commands.flag_plot import explain_plot
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, EXIT_USAGE
from greensward.given_settings import load
from greensward.settings import FlagSettings
from ingest.lake.layout import DataFolder
from tests.sql.made_lake import AS_OF as MADE_AS_OF
from tests.sql.made_lake import MadeLake
from tests.sql.stored_lake import store

AS_OF = ["--as-of", "2026-07-10T08:00:00+08:00"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataFolder]:
    """Return a folder with a dry plot that is watered before, and one without a probe."""
    made = MadeLake()
    made.dry_down("BC-01", [0.26, 0.24, 0.225, 0.21, 0.2, 0.19, 0.18], name="桃花园")
    made.soil_until_now([0.2], "in no register", depth_cm=10.0)
    made.plot("BC-02", name="樱花园")
    made.plot("BC-03", name="樱花园")
    yield store(made, DataFolder(tmp_path_factory.mktemp("flag") / "data"))
    made.connection.close()


def ask(lake: DataFolder, *arguments: str) -> int:
    return run(["flag", "-C", str(lake.root), *AS_OF, *arguments])


def test_a_picture_goes_to_a_file_or_to_stdout(
    lake: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(lake, "--picture", "桃花园", "-o", str(tmp_path / "x.svg"), "--lang", "en") == EXIT_OK
    assert capsys.readouterr().out == ""
    drawn = (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert "refill line 21 %" in drawn
    assert ask(lake, "--picture", "BC-01", "--lang", "en") == EXIT_OK
    assert capsys.readouterr().out == drawn
    ET.fromstring(drawn)  # noqa: S314  drawn here


def test_an_explanation_is_text_for_people_and_json_for_programs(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(lake, "--explain", "BC-01", "--lang", "en") == EXIT_OK
    text = capsys.readouterr().out
    assert "Dr = Σ 1000 (FC − θ) d = 1000 × (0.280 − 0.1800) × 0.60 = 60.00 mm" in text
    assert ask(lake, "--explain", "BC-01", "--lang", "en", "--json") == EXIT_OK
    told = json.loads(capsys.readouterr().out)
    (depletion,) = [step for step in told["steps"] if step["key"] == "depletion"]
    assert (round(depletion["result"], 9), depletion["unit"], depletion["holds"]) == (60.0, "mm", True)
    assert told["reason"] in text


def test_an_explanation_is_made_part_by_part_where_the_settings_want_it(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    def explained(readings_at_once: int) -> tuple[int, str]:
        begun: list[str] = []
        settings = msgspec.structs.replace(load(data=lake.root), flags=FlagSettings(readings_at_once=readings_at_once))
        explain_plot(settings, "BC-01", MADE_AS_OF, "en", lambda name, *_: begun.append(name), as_json=True)
        return begun.count("readings"), capsys.readouterr().out

    once, expected = explained(1_000_000)
    parts, text = explained(1)
    assert (once, parts) == (1, 2)
    assert text == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--picture", "bc-01"], "did you mean 'BC-01'?"),
        (["--picture", "桃花"], "did you mean 'BC-01'?"),
        (["--picture", "樱花园"], "2 plots are named '樱花园'; write which: BC-02, BC-03."),
        (["--picture", "nowhere at all"], "known are BC-01, BC-02, BC-03."),
        (["--picture", "BC-01", "--every", "5"], "--picture does not go with --every"),
        (["--explain", "樱花苑"], "did you mean 'BC-0"),
        (["--explain", "BC-01", "--picture", "BC-01"], "ask for one at a time"),
        (["-o", "x.svg"], "--out needs --picture PLOT"),
        (
            ["--picture", "BC-01", "-o", "/no/such/folder/x.svg"],
            "/no/such/folder/x.svg: there is no folder /no/such/folder",
        ),
    ],
)
def test_asking_wrongly_says_what_was_meant(
    lake: DataFolder, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(lake, *arguments) == EXIT_USAGE
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_a_plot_without_readings_has_no_picture_and_says_so(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(lake, "--picture", "BC-02") == EXIT_FOUND_PROBLEMS
    assert "nothing to draw" in capsys.readouterr().err


def test_without_a_lake_one_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flag", "-C", str(tmp_path / "none"), "--picture", "BC-01"]) == EXIT_USAGE
    assert "There is no data folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("language", "words"), [("zh", ("干旱 缺水", "数据 07-09 23:00")), ("en", ("Drought dry", "also: "))]
)
def test_flags_fit_a_terminal_of_80_columns_with_every_id_word_and_number_whole(
    lake: DataFolder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert ask(lake, "--lang", language) == EXIT_OK
    said = capsys.readouterr().out
    assert max(columns_of(line.rstrip()) for line in said.splitlines()) <= 80
    for word in ("BC-01 · ", "18 %", "21 %", " L · ", *words):
        assert word in said, word
    assert "…" not in said
