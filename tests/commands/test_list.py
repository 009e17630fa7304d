"""`greensward list` as a program."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from crews.apply import apply_flags
from crews.ledger import Ledger
from crews.links import load_keys, make_token
from greensward.commands.list import app
from greensward.console import EXIT_USAGE, out
from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import replace_register, to_arrow
from ingest.site import BEICHEN
from tests.crews.made import NOW, PLOTS, flag, plot
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
    for words in ("一队", "二队", "未派遣", "第 1 次/共 2 次：浇 5.6 吨 ≈ 1 车（共 11.2 吨）", "京津路绿带 12 段"):
        assert words in printed


def test_eighty_columns_cut_no_name_number_or_id(
    made: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "width", 80)
    assert run(made, "一队") == 0
    printed = capsys.readouterr().out
    stops = json.loads((run(made, "一队", "--json"), capsys.readouterr().out)[1])[0]["stops"]
    assert stops
    for stop in stops:
        assert f"{stop['plot_name']} · {stop['issue_id']}" in printed
        assert stop["action"] in printed
    assert "…" not in printed


def test_it_prints_one_crews_list_in_english(
    made: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "width", 220)
    assert run(made, "二队", "--lang", "en") == 0
    printed = capsys.readouterr().out
    assert "Water 3 t ≈ 1 truck load" in printed
    assert "一队" not in printed


def test_json_csv_xlsx_and_geojson_hold_the_same_stops(
    made: DataFolder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(made, "一队", "--json") == 0
    stops = json.loads(capsys.readouterr().out)[0]["stops"]
    assert run(made, "一队", "--csv", "--out", str(tmp_path / "list.csv")) == 0
    assert (tmp_path / "list.csv").read_bytes().startswith(b"\xef\xbb\xbfseq,")
    assert run(made, "一队", "--xlsx", "--out", str(tmp_path / "list.xlsx")) == 0
    assert (tmp_path / "list.xlsx").read_bytes().startswith(b"PK\x03\x04")
    assert run(made, "一队", "--geojson", "--out", str(tmp_path / "list.geojson")) == 0
    features = json.loads((tmp_path / "list.geojson").read_text(encoding="utf-8"))["features"]
    assert {stop["issue_id"] for stop in stops} == {feature["id"] for feature in features}


def test_links_open_the_list_and_a_withdrawn_one_does_not(made: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(made, "--links", "--json") == 0
    links = json.loads(capsys.readouterr().out)
    assert [(link["role"], link["subject"]) for link in links] == [
        ("crew", "一队"),
        ("crew", "二队"),
        ("office", "office"),
    ]
    assert run(made, "--links") == 0
    said = capsys.readouterr()
    assert "where phones need another, set [web] public_url." in said.err
    printed = said.out.split()
    paths = [word.removeprefix("http://127.0.0.1:8080") for word in printed if "/c/" in word]
    assert len(paths) == 3
    with served(made, datetime.now(UTC)) as url:
        assert [httpx.get(url + path).status_code for path in paths] == [303, 303, 303]
        assert run(made, "一队", "--revoke-links") == 0
        assert [httpx.get(url + path).status_code for path in paths] == [403, 303, 303]
        assert run(made, "--office", "--revoke-links") == 0
        assert httpx.get(url + paths[2]).status_code == 403
        capsys.readouterr()
        assert run(made, "--office", "--links") == 0
        (office,) = [word for word in capsys.readouterr().out.split() if "/c/" in word]
        assert run(made, "一队", "--links") == 0
        (crew,) = [word for word in capsys.readouterr().out.split() if "/c/" in word]
        for link, page in ((office, "/office"), (crew, "/list")):
            answer = httpx.get(link.replace("http://127.0.0.1:8080", url))
            assert (answer.status_code, answer.headers["location"]) == (303, page)


def test_links_to_an_address_that_was_set_say_nothing_of_another(
    made: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENSWARD__WEB__PUBLIC_URL", "https://lists.example.org")
    assert run(made, "--links") == 0
    said = capsys.readouterr()
    assert said.out.count("https://lists.example.org/c/") == 3
    assert "public_url" not in said.err


def test_a_crew_that_has_left_can_still_be_shut_out(made: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    keys = load_keys(made)
    now = datetime.now(UTC)
    with served(made, now) as url:
        link = f"{url}/c/{make_token(keys, 'crew', '老三队', now)}"
        assert httpx.get(link).status_code == 303
        assert run(made, "老三队", "--revoke-links") == 0
        assert "no crew now" in capsys.readouterr().err
        assert httpx.get(link).status_code == 403


def test_a_crew_called_office_gets_a_crews_link_and_the_office_is_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = DataFolder(tmp_path / "data")
    plots = [plot("P1", "甲", 117.1, 39.2, crew="office")]
    replace_register(folder, "plots", to_arrow(table("plots"), plots))
    with Ledger(folder.ledger, BEICHEN) as ledger:
        apply_flags(ledger, [flag("P1", "drought", NOW)], plots, NOW)
    assert run(folder, "office", "--links", "--json") == 0
    assert [link["role"] for link in json.loads(capsys.readouterr().out)] == ["crew"]
    assert run(folder, "--office", "--links", "--json") == 0
    assert [link["role"] for link in json.loads(capsys.readouterr().out)] == ["office"]
    assert run(folder, "office") == 0
    assert "甲" in capsys.readouterr().out


def test_a_person_of_the_office_gets_a_link_that_acts_and_one_that_is_withdrawn_does_not(
    made: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(made, "--office", "--links", "--by", " 王\u3000工", "--json") == 0
    (link,) = json.loads(capsys.readouterr().out)
    assert (link["role"], link["subject"]) == ("officer", "王 工")
    assert run(made, "--office", "--links", "--by", "赵工") == 0
    printed = capsys.readouterr()
    assert "Office, 赵工\n" in printed.out
    assert "done by 赵工: give it to nobody else" in printed.err
    path = link["url"].removeprefix("http://127.0.0.1:8080")
    with served(made, datetime.now(UTC)) as url:
        assert httpx.get(url + path).headers["location"] == "/office"
        for _ in range(2):  # a slip is kept of nowhere, and so no name of its own the second time
            with pytest.raises(
                ConfigError, match=r"No link was made for '王 公'.* did you mean '王工'\? Known are: 王工, 赵工"
            ):
                run(made, "--office", "--revoke-links", "--by", "王 公")
        assert httpx.get(url + path).status_code == 303
        assert run(made, "--office", "--revoke-links", "--by", "王 工") == 0
        assert httpx.get(url + path).status_code == 403


def test_a_crews_name_and_no_name_get_no_link_that_acts(made: DataFolder) -> None:
    for name, said in (("一队", "is a crew"), ("", "is no name"), ("绿化所", "nobody's own name")):
        with pytest.raises(ConfigError, match=said):
            run(made, "--office", "--links", "--by", name)


def test_the_office_has_no_list_of_its_own(made: DataFolder) -> None:
    with pytest.raises(ConfigError, match="--office --links"):
        run(made, "office")


def test_a_list_that_nothing_was_evaluated_for_does_not_say_that_all_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = DataFolder(tmp_path / "data")
    replace_register(folder, "plots", to_arrow(table("plots"), PLOTS))
    assert run(folder) == 0
    printed = capsys.readouterr().out
    assert "现在不知道有没有待办" in printed
    assert "没有待办\n" not in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ("--csv", "--json"), ("--out", "x.csv"), ("--revoke-links",), ("--office",), ("一队", "--office", "--links"),
        ("--links", "--csv"), ("--by", "王工"), ("--links", "--by", "王工"), ("--office", "--by", "王工"),
        ("一队", "--links", "--by", "王工"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_ends_with_usage(made: DataFolder, arguments: tuple[str, ...]) -> None:
    assert run(made, *arguments) == EXIT_USAGE


def test_the_office_s_option_alone_is_answered_with_what_to_type(
    made: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(made, "--office") == EXIT_USAGE
    said = capsys.readouterr().err
    for typed in ("greensward list --office --links", "greensward list --office --revoke-links", "greensward list\n"):
        assert typed in said


def test_an_unknown_crew_is_answered_with_the_known_ones(made: DataFolder) -> None:
    with pytest.raises(ConfigError, match="一队, 二队"):
        run(made, "三队")


def test_a_folder_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no data folder"):
        app(["-C", str(tmp_path / "nowhere")], result_action="return_value")
    assert not (tmp_path / "nowhere").exists()
