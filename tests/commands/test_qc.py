"""`greensward qc`: the gates on series in files."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from greensward.cli import run

BEGIN = datetime(2026, 7, 1, tzinfo=UTC)


def series(path: Path, percents: list[float], *more: str) -> Path:
    """Write an hourly series of one station in percent, and `more` lines, as the reference data does."""
    lines = ["station,depth_from_m,depth_to_m,utc,value,unit,flag"]
    for hour, pct in enumerate(percents):
        lines.append(f"North/S1,0.05,0.05,{BEGIN + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},{pct},%,")
    text = "\n".join([*lines, *more]) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def summary(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """Run qc with --json and return what it printed."""
    assert run(["qc", *arguments, "--json"]) == code
    return list(json.loads(capsys.readouterr().out))


def test_a_spike_in_a_file_is_flagged_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = series(tmp_path / "s.csv.gz", [20.0] * 60 + [26.0] + [20.0] * 20)
    to = tmp_path / "flagged.csv"
    (found,) = summary(capsys, str(file), "--to", str(to))
    assert found["elements"] == [
        {
            "station": "North/S1",
            "depth_cm": 5.0,
            "readings": 81,
            "usable": 80,
            "flags": {"A2": 48, "D06": 1, "G": 32},
        }
    ]
    with to.open(encoding="utf-8") as written:
        rows = {row["measured_at"]: row for row in csv.DictReader(written)}
    assert rows["2026-07-03T12:00:00Z"]["flags"] == "D06"
    assert rows["2026-07-03T12:00:00Z"]["is_usable"] == "false"
    assert rows["2026-07-03T13:00:00Z"]["flags"] == "G"


def test_wrong_lines_are_named_and_the_others_flagged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = series(
        tmp_path / "s.csv",
        [20.0] * 3,
        "North/S1,0.05,0.05,yesterday,20.0,%,",
        "North/S1,0.05,0.05,2026-07-01T04:00:00Z,wet,%,",
        "North/S1,0.05,0.05,2026-07-01T05:00:00Z,1344,kHz,",
        "North/S1,0.05,0.05,2026-07-01T06:00:00Z,,%,",
        "North/S1,0.05,0.05,2026-07-01T02:00:00Z,20.0,%,",
        "North/S1,0.05,0.05,2026-07-01T02:00:00Z,21.0,%,",
    )
    (found,) = summary(capsys, str(file), code=1)
    assert (found["readings"], found["without_value"], found["repeated"]) == (3, 1, 1)
    assert [fault["line"] for fault in found["faults"]] == [5, 6, 7, 10]
    assert "yesterday" in found["faults"][0]["reason"]
    assert "kHz" in found["faults"][2]["reason"]
    assert "line 4" in found["faults"][3]["reason"]


def test_simple_columns_and_fractions_are_read_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "s.csv"
    file.write_text(
        "device,depth_cm,measured_at,value,unit\ngs-1,10,2026-07-01T08:00:00+08:00,0.61,m3/m3\n"
        "gs-1,10,2026-07-01T09:00:00+08:00,0.47,m3/m3\n"
    )
    to = tmp_path / "flagged.parquet"
    (found,) = summary(capsys, str(file), "--texture", "loam", "--to", str(to))
    assert found["elements"][0]["flags"] == {"A2": 2, "C02": 1, "C03": 1}
    assert pq.read_table(to)["measured_at"].to_pylist()[0] == datetime(2026, 7, 1, tzinfo=UTC)


def test_temperature_and_rain_come_from_files_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = series(tmp_path / "s.csv", [20.0] * 60 + [26.0] * 3)
    weather = tmp_path / "weather.csv"
    lines = [f"{BEGIN + timedelta(hours=h):%Y-%m-%d %H:%M:%S},0.0,{-1.0 if h == 5 else 9.0}" for h in range(63)]
    weather.write_text("datetime,prcp,soil_c\n" + "\n".join(lines))
    beside = ["--rain", f"{weather}:prcp", "--soil-temperature", f"{weather}:soil_c"]
    (found,) = summary(capsys, str(file), *beside)
    assert found["elements"][0]["flags"]["D04"] == 1
    assert found["elements"][0]["flags"]["D01"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name at least one"),
        (["{file}", "--saturation", "46"], "0.46"),
        (["{file}", "--texture", "mud"], "loam"),
        (["{file}", "--to", "{folder}/out.xlsx"], ".parquet"),
        (["{folder}/none.csv"], "cannot be read"),
        (["{other}"], "utc"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    file = series(tmp_path / "s.csv", [20.0])
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    given = [argument.format(file=file, folder=tmp_path, other=other) for argument in arguments]
    assert run(["qc", *given]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_the_reference_package_flags_its_own_frame_alike(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared / "data" / "soil"
    to = tmp_path / "flagged.csv"
    # saturation 42.7 % without the slack of 0.02 that our C03 allows
    summary(capsys, str(folder / "flagit_test_input.csv"), "--depth-cm", "9", "--saturation", "0.407", "--to", str(to))
    with to.open(encoding="utf-8") as written, (folder / "flagit_test_expected.csv").open(encoding="utf-8") as given:
        ours = {row["measured_at"]: set(row["flags"].split(",")) for row in csv.DictReader(written)}
        theirs = {row["utc"].replace(" ", "T") + "Z": set(row["qflag"].split(",")) for row in csv.DictReader(given)}
    shown = {"C01", "C02", "C03", "D01", "D04", "D06", "D07", "D08", "D09", "D10"}
    assert {at: flags & shown for at, flags in ours.items()} == {at: flags & shown for at, flags in theirs.items()}
    assert Counter(flag for flags in theirs.values() for flag in flags & shown)["D10"] == 38
