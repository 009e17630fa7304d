"""`greensward plots` as a person in an office uses it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from greensward.commands.plots import app
from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout


def square(lon: float, lat: float = 39.2, side_deg: float = 0.0005) -> dict[str, Any]:
    east, north = lon + side_deg, lat + side_deg
    return {"type": "Polygon", "coordinates": [[[lon, lat], [east, lat], [east, north], [lon, north], [lon, lat]]]}


def feature(plot_id: str, geometry: object, **properties: object) -> dict[str, Any]:
    usual = {
        "name": "北运河绿带",
        "plot_type": "滨河绿地",
        "maintenance_grade": "一级",
        "vegetation": "乔木",
        "soil_texture": "壤土",
    }
    return {"type": "Feature", "properties": {"plot_id": plot_id, **usual, **properties}, "geometry": geometry}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plots.geojson"
    write(path, feature("P-1", square(117.10)), feature("P-2", square(117.11)))
    return path


def write(path: Path, *features: dict[str, Any]) -> None:
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), encoding="utf-8"
    )


def run(*words: object) -> int:
    code: int = app([str(word) for word in words], result_action="return_value")
    return code


def test_a_good_file_is_imported_and_listed(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    assert run("import", file, "-C", data, "--valid-from", "2026-03-01") == 0
    said = capsys.readouterr().out
    assert "2 new" in said
    assert "not judged" not in said, "who says from when plots hold knows what is judged"
    assert run("list", "-C", data, "--json") == 0
    plots = json.loads(capsys.readouterr().out)["plots"]
    assert [(plot["plot_id"], plot["plot_type"], plot["valid_from"]) for plot in plots] == [
        ("P-1", "riverside", "2026-02-28T16:00:00Z"),
        ("P-2", "riverside", "2026-02-28T16:00:00Z"),
    ]
    assert run("list", "-C", data) == 0
    assert "北运河绿带" in capsys.readouterr().out


def test_a_faulty_file_exits_1_names_the_fault_and_changes_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(file, feature("P-1", square(117.10)), feature("P-2", square(39.2, 117.11)))
    data = tmp_path / "data"
    assert run("import", file, "-C", data) == 1
    shown = capsys.readouterr().out
    assert "swapped_lon_lat" in shown
    assert "Nothing was changed." in shown
    assert run("import", file, "-C", data, "--skip-faulty", "--json") == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["written"], result["added"], result["faulty"]) == (True, ["P-1"], 1)
    assert result["findings"][0]["pointer"] == "/features/1/geometry/coordinates"


def test_checking_says_what_an_import_would_change_and_changes_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    assert run("check", file, "-C", data) == 0
    assert "would give plots: 2 new" in capsys.readouterr().out
    assert not data.exists()


def test_the_datum_may_be_named(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    assert run("import", file, "-C", data, "--datum", "gcj02") == 0
    capsys.readouterr()
    run("list", "-C", data, "--json")
    west = min(plot["lon"] for plot in json.loads(capsys.readouterr().out)["plots"])
    # GCJ-02 lies about 0.0065° east of WGS 84 here.
    assert 117.10025 - west == pytest.approx(0.0065, abs=3e-4)


def test_an_empty_register_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ensure_layout(DataFolder(tmp_path / "data"))
    assert run("list", "-C", tmp_path / "data") == 0
    assert "plots import" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["import", "nowhere.geojson"], "nowhere.geojson"),
        (["import", "{file}", "--valid-from", "soon"], "--valid-from"),
    ],
)
def test_wrong_words_on_the_command_line_are_told_clearly(
    file: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        run(*[word.format(file=file) for word in words], "-C", tmp_path / "data")


def test_plots_come_from_standard_input_too(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["check", "-"], ["import", "-", "--valid-from", "2026-03-01"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
        assert run(*words, "-C", tmp_path / "data") == 0
        assert "2 new" in capsys.readouterr().out


def test_a_first_import_says_what_is_not_judged_and_the_same_file_can_begin_earlier(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    assert run("import", file, "-C", data) == 0
    assert "--valid-from DAY" in capsys.readouterr().out
    assert run("import", file, "-C", data, "--valid-from", "2026-03-01") == 0
    assert "2 changed" in capsys.readouterr().out
    assert run("list", "-C", data, "--history", "--json") == 0
    plots = json.loads(capsys.readouterr().out)["plots"]
    assert [plot["valid_from"] for plot in plots] == ["2026-02-28T16:00:00Z"] * 2
    assert run("import", file, "-C", data) == 0
    said = capsys.readouterr().out
    assert "Datum not verified" in said
    assert "2 plots lie exactly as before" in said
    assert "--valid-from" not in said


def test_a_demonstrations_clock_says_when_plots_begin_and_which_hold(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("GREENSWARD__SITE__CLOCK", "2026-03-28T07:00:00+08:00")
    assert run("import", file, "-C", data) == 0
    capsys.readouterr()
    assert run("list", "-C", data, "--json") == 0
    plots = json.loads(capsys.readouterr().out)["plots"]
    assert {plot["valid_from"][:13] for plot in plots} == {"2026-03-27T23"}
    monkeypatch.setenv("GREENSWARD__SITE__CLOCK", "2026-03-01T07:00:00+08:00")
    assert run("list", "-C", data) == 0
    assert "No plot holds now; the register has 2 rows" in capsys.readouterr().out


def test_a_laboratory_value_that_the_texture_contradicts_is_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "plots.geojson"
    write(file, feature("P-1", square(117.10), soil_texture="clay", field_capacity=0.28))
    assert run("check", file, "-C", tmp_path / "data") == 1
    assert "wilting_point 0.2979 of clay" in capsys.readouterr().out


def test_a_plot_that_is_moved_far_is_told_with_the_distance(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    assert run("import", file, "-C", data) == 0
    write(file, feature("P-1", square(117.10)), feature("P-2", square(117.15)))
    capsys.readouterr()
    assert run("import", file, "-C", data) == 0
    said = capsys.readouterr().out
    assert "far_from_known" in said
    assert "3,455 m" in said or "3,456 m" in said, "0.04° of longitude, 86.4 m each 0.001°"
    assert "Datum not verified: 0 of 1 plot " in said


def test_an_id_is_shown_whole_in_a_narrow_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plot_id = "BC-north-canal-east-bank-0012"
    file = tmp_path / "plots.geojson"
    write(file, feature(plot_id, square(117.10)))
    assert run("import", file, "-C", tmp_path / "data") == 0
    capsys.readouterr()
    monkeypatch.setattr("greensward.console.out", Console(width=80, force_terminal=True, no_color=True))
    assert run("list", "-C", tmp_path / "data") == 0
    assert plot_id in capsys.readouterr().out
