"""`greensward device` as a device maker or a gardener with a probe in the hand uses it."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from greensward.commands.device import app
from greensward.console import Listing, Terminal
from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import to_arrow, write_rows
from ingest.registers.store import import_plots
from ingest.site import BEICHEN

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with the plots P-1 and P-2."""
    features = []
    for plot_id, lon in (("P-1", 117.10), ("P-2", 117.11)):
        ring = [[lon, 39.2], [lon + 5e-4, 39.2], [lon + 5e-4, 39.2005], [lon, 39.2005], [lon, 39.2]]
        facts = {
            "plot_id": plot_id,
            "name": "x",
            "plot_type": "park",
            "maintenance_grade": 1,
            "vegetation": "trees",
            "soil_texture": "loam",
        }
        features.append(
            {"type": "Feature", "properties": facts, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        )
    payload = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    assert import_plots(DataFolder(tmp_path), payload, site=BEICHEN, now=NOON).written
    return tmp_path


def run(data: Path, *words: object) -> int:
    code: int = app([*(str(word) for word in words), "-C", str(data)], result_action="return_value")
    return code


def listed(data: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run(data, "list", "--json", *words) == 0
    (rows,) = json.loads(capsys.readouterr().out).values()
    found: list[dict[str, Any]] = rows
    return found


def test_a_probe_is_added_moved_and_keeps_its_history(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(
            data,
            "add",
            "24E124136B502217",
            "--model",
            "milesight-iot/em500-smtc",
            "--plot",
            "P-1",
            "--depth",
            "10,30",
            "--from",
            "2026-03-01",
        )
        == 0
    )
    assert "24e124136b502217 in plot P-1 at 10, 30 cm, from 2026-03-01 00:00" in capsys.readouterr().out
    assert run(data, "bind", "24E124136B502217", "P-2", "--from", "2026-06-01") == 0
    now = listed(data, capsys)
    assert [(row["plot_id"], row["depths_cm"], row["model"]) for row in now] == [
        ("P-2", [10, 30], "milesight-iot/em500-smtc")
    ]
    history = listed(data, capsys, "--history")
    assert history[0]["valid_to"] == history[1]["valid_from"] == "2026-05-31T16:00:00Z"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "s1", "--depth", "-1"], "--depth"),
        (["add", "s1", "--plot", "P-3"], "the plot: got P-3.*Did you mean"),
        (["add", "s1", "--lon", "39.2", "--lat", "117.1"], "--lon.*Exchange"),
        (["add", "s 1"], "the device's id"),
        (["add", "s1", "--from", "soon"], "--from"),
        (["bind", "s1", "P-1"], "device add s1"),
        (["list", "--unknown", "--history"], "exclude"),
        (["import", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_wrong_words_on_the_command_line_are_told_clearly(data: Path, words: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        run(data, *words)


def test_a_list_from_excel_is_imported_and_its_faults_exit_1(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = data / "设备.csv"
    file.write_bytes("设备编号,地块编号,埋深\ns1,P-1,10;30\ns2,P-8,10\n".encode("gb18030"))
    assert run(data, "import", file) == 1
    shown = capsys.readouterr().out
    assert "line 3 · s2 · plot_id" in shown
    assert "Nothing was changed." in shown
    assert run(data, "import", file, "--skip-faulty", "--dry-run") == 1
    assert listed(data, capsys) == []
    assert run(data, "import", file, "--skip-faulty") == 1
    assert [row["device_id"] for row in listed(data, capsys)] == ["s1"]


def test_devices_that_send_without_being_registered_are_listed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, day = DataFolder(data), date(2026, 7, 1)
    later = datetime(2026, 7, 1, 6, tzinfo=UTC)
    soil = [
        {
            "device_id": device,
            "measured_at": at,
            "received_at": at,
            "time_source": "device",
            "message_seq": 1,
            "depth_cm": 10.0,
        }
        for device, at in (("known", NOON), ("stranger", NOON), ("stranger", later))
    ]
    write_rows(folder, table("soil_readings"), day, to_arrow(table("soil_readings"), soil), "part")
    status = [{"device_id": "stranger", "reported_at": later, "received_at": later, "message_seq": 2}]
    write_rows(folder, table("device_status"), day, to_arrow(table("device_status"), status), "part")
    usual: dict[str, Any] = {
        "topic": "t",
        "scope": "message",
        "pointer": "",
        "faults_json": "[]",
        "payload": b"",
        "payload_sha256": "",
        "software_version": "1",
    }
    rejected = [
        {**usual, "message_seq": 3, "received_at": NOON, "code": "undecoded", "device_id": "a81758fffe01"},
        {**usual, "message_seq": 4, "received_at": NOON, "code": "unknown_device", "device_id": "known"},
        {**usual, "message_seq": 5, "received_at": NOON, "code": "malformed_json", "device_id": "broken"},
        {**usual, "message_seq": 6, "received_at": NOON, "code": "undecoded", "device_id": None},
        {
            **usual,
            "message_seq": 7,
            "received_at": NOON,
            "code": "wrong_type",
            "device_id": "half",
            "pointer": "/readings/0",
        },
        {
            **usual,
            "message_seq": 7,
            "received_at": NOON,
            "code": "wrong_type",
            "device_id": "half",
            "pointer": "/readings/1",
        },
    ]
    write_rows(folder, table("rejected"), day, to_arrow(table("rejected"), rejected), "part")
    run(data, "add", "known")
    first, *others = listed(data, capsys, "--unknown")
    assert (first["device_id"], first["soil_readings"], first["status_reports"], first["rejected_messages"]) == (
        "stranger",
        2,
        1,
        0,
    )
    assert datetime.fromisoformat(first["first_seen_at"]) == NOON
    assert datetime.fromisoformat(first["last_seen_at"]) == later
    assert [(row["device_id"], row["rejected_messages"]) for row in others] == [
        ("a81758fffe01", 1),
        ("broken", 1),
        ("half", 1),
    ], "whatever is wrong with its messages, and a message of two wrong readings is one"
    run(data, "list", "--unknown")
    assert "stranger" in capsys.readouterr().out


def test_devices_come_from_standard_input_too(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"device_id,plot_id\ns1,P-1\n")))
    assert run(data, "import", "-") == 0
    assert [row["device_id"] for row in listed(data, capsys)] == ["s1"]


def test_a_device_that_is_there_already_is_told_by_the_sites_clock(data: Path) -> None:
    assert run(data, "add", "s1", "--plot", "P-1", "--from", "2026-11-01") == 0
    with pytest.raises(ConfigError, match=r"registered already, from 2026-11-01 00:00, still open"):
        run(data, "add", "s1", "--plot", "P-1")


def test_a_register_whose_devices_hold_at_other_times_is_not_called_empty(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENSWARD__SITE__CLOCK", "2026-07-02T07:00:00+08:00")
    assert run(data, "add", "s1", "--plot", "P-1", "--from", "2026-08-01") == 0
    capsys.readouterr()
    assert run(data, "list") == 0
    said = capsys.readouterr().out
    assert "No devices yet" not in said
    assert "--history" in said


def test_a_device_begins_by_a_demonstrations_clock(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENSWARD__SITE__CLOCK", "2026-07-02T07:00:00+08:00")
    assert run(data, "add", "s1", "--plot", "P-1") == 0
    (row,) = listed(data, capsys)
    assert row["valid_from"].startswith("2026-07-01T23")
    assert run(data, "bind", "s1", "P-2") == 0


def test_a_deveui_on_the_command_line_has_one_spelling_too(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, "add", "24-E1-24-13-6B-50-22-17", "--plot", "P-1", "--from", "2026-07-02") == 0
    assert run(data, "bind", "24:e1:24:13:6b:50:22:17", "P-2", "--from", "2026-07-03") == 0
    assert {row["device_id"] for row in listed(data, capsys, "--history")} == {"24e124136b502217"}


LONG = ("24e124136b502217", "milesight-iot/em500-smtc", "P-1", "10, 30", "2026-10-01 00:00", "behind the third gate")


def test_a_list_in_a_pipe_has_a_line_a_device_with_nothing_cut_off(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    device, model, plot, _, day, note = LONG
    words = ("--model", model, "--plot", plot, "--depth", "10,30", "--from", day, "--note", note)
    assert run(data, "add", device, *words) == 0
    capsys.readouterr()
    assert run(data, "list") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if device in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [device, model, plot, "10, 30", day, "", note]


def test_on_a_narrow_terminal_what_is_too_wide_goes_on_below() -> None:
    terminal = Terminal(file=io.StringIO(), force_terminal=True, width=44, _environ={"TERM": "dumb"})
    table = Listing("Device", "Model", "Plot", "Depths cm", "From", "Note")
    table.add_row(*LONG)
    terminal.print(table)
    assert isinstance(terminal.file, io.StringIO)
    printed = terminal.file.getvalue()
    columns = zip(*(line.strip("│").split("│") for line in printed.splitlines() if line.startswith("│")), strict=True)
    assert ["".join(column).replace(" ", "") for column in columns] == [cell.replace(" ", "") for cell in LONG]
