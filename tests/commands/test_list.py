"""`greensward list` as a program."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from greensward.commands.list import app
from greensward.console import EXIT_USAGE, out
from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from tests.crews.preview import made_folder
from tests.crews.served import served


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """Return a data folder with the made district."""
    return made_folder(tmp_path_factory.mktemp("list") / "data")


def run(made: DataFolder, *arguments: str) -> int:
    """Run the command on the made district."""
    return int(app([*arguments, "-C", str(made.root)], result_action="return_value"))


def test_it_prints_every_crews_list(
    made: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "width", 220)
    assert run(made) == 0
    printed = capsys.readouterr().out
    for words in ("一队", "二队", "未派遣", "浇水 11.2 吨 ≈ 2 车", "京津路绿带 12 段"):
        assert words in printed


def test_it_prints_one_crews_list_in_english(
    made: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "width", 220)
    assert run(made, "二队", "--lang", "en") == 0
    printed = capsys.readouterr().out
    assert "Water 3 t ≈ 1 truck load" in printed
    assert "一队" not in printed


def test_json_csv_and_geojson_hold_the_same_stops(
    made: DataFolder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(made, "一队", "--json") == 0
    stops = json.loads(capsys.readouterr().out)[0]["stops"]
    assert run(made, "一队", "--csv", "--out", str(tmp_path / "list.csv")) == 0
    assert (tmp_path / "list.csv").read_bytes().startswith(b"\xef\xbb\xbfseq,")
    assert run(made, "一队", "--geojson", "--out", str(tmp_path / "list.geojson")) == 0
    features = json.loads((tmp_path / "list.geojson").read_text(encoding="utf-8"))["features"]
    assert {stop["issue_id"] for stop in stops} == {feature["id"] for feature in features}


def test_links_open_the_list_and_a_withdrawn_one_does_not(made: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(made, "--links", "--json") == 2
    assert run(made, "--links") == 0
    printed = capsys.readouterr().out.split()
    paths = [word.removeprefix("http://127.0.0.1:8080") for word in printed if "/c/" in word]
    assert len(paths) == 3
    with served(made, datetime.now(UTC)) as url:
        assert [httpx.get(url + path).status_code for path in paths] == [303, 303, 303]
        assert run(made, "一队", "--revoke-links") == 0
        assert [httpx.get(url + path).status_code for path in paths] == [403, 303, 303]
        assert run(made, "office", "--revoke-links") == 0
        assert httpx.get(url + paths[2]).status_code == 403


@pytest.mark.parametrize("arguments", [("--csv", "--json"), ("--out", "x.csv"), ("--revoke-links",)])
def test_what_cannot_be_meant_ends_with_usage(made: DataFolder, arguments: tuple[str, ...]) -> None:
    assert run(made, *arguments) == EXIT_USAGE


def test_an_unknown_crew_is_answered_with_the_known_ones(made: DataFolder) -> None:
    with pytest.raises(ConfigError, match="一队, 二队"):
        run(made, "三队")


def test_a_folder_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no data folder"):
        app(["-C", str(tmp_path / "nowhere")], result_action="return_value")
    assert not (tmp_path / "nowhere").exists()
