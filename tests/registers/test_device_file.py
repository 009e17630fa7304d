"""What is wrong with a file of devices, told apart; what a device's history looks like after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.lake.layout import DataFolder
from ingest.registers.device_file import DeviceFileCheck, check_devices
from ingest.registers.store import DeviceImport, import_devices, import_plots, read_rows
from ingest.site import BEICHEN

Make = Callable[..., Any]
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
HEADER = "device_id,model,plot_id,depths_cm,report_interval_s,lon,lat,note,valid_from,valid_to\n"


@pytest.fixture
def folder(tmp_path: Path, collection: Make, plot: Make, square: Make) -> DataFolder:
    """Return a data folder with the plots P-1 and P-2."""
    folder = DataFolder(tmp_path)
    payload = collection(plot("P-1", square()), plot("P-2", square(117.11)))
    assert import_plots(folder, payload, site=BEICHEN, now=JUNE).written
    return folder


@pytest.fixture
def bring(folder: DataFolder) -> Callable[..., DeviceImport]:
    def run(lines: str | bytes, now: datetime = JUNE, **options: Any) -> DeviceImport:
        payload = lines if isinstance(lines, bytes) else (HEADER + lines).encode()
        return import_devices(folder, payload, site=BEICHEN, now=now, **options)

    return run


def told(check: DeviceFileCheck, severity: str = "fault") -> list[tuple[int | None, str, str]]:
    return [(one.number, one.code, one.pointer) for one in check.findings if one.severity == severity]


def test_a_device_is_taken_with_everything_that_the_line_says(folder: DataFolder, bring: Make) -> None:
    done = bring('s1,Dragino/SE02,P-1,"10;30",600,117.1002,39.2002,beside the gate,2026-05-01,\n')
    assert done.check.findings == ()
    (row,) = read_rows(folder, "devices")
    assert (row["model"], row["plot_id"], row["depths_cm"]) == ("dragino/se02", "P-1", [10.0, 30.0])
    assert (row["report_interval_s"], row["lon"], row["note"]) == (600.0, 117.1002, "beside the gate")
    # A day without clock begins at the site's midnight, eight hours before that of UTC.
    assert row["valid_from"] == datetime(2026, 4, 30, 16, tzinfo=UTC)
    assert row["valid_to"] is None


def test_a_weather_station_has_the_height_of_its_wind_and_of_its_ground(folder: DataFolder, bring: Make) -> None:
    assert bring("设备编号,测风高度（m）,海拔\nW-1,3,-2.5\n".encode()).check.findings == ()
    (row,) = read_rows(folder, "devices")
    assert (row["wind_height_m"], row["elevation_m"], row["plot_id"]) == (3.0, -2.5, None)


@pytest.mark.parametrize(
    ("line", "column"),
    [("0.9,", "wind_height_m"), ("100.1,", "wind_height_m"), (",-451", "elevation_m"), (",6001", "elevation_m")],
)
def test_heights_that_no_station_has_are_refused(bring: Make, line: str, column: str) -> None:
    check = bring(f"device_id,wind_height_m,elevation_m\nW-1,{line}\n".encode()).check
    assert told(check) == [(2, "invalid_number", column)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_as_excel_in_china_writes_them_are_read(
    folder: DataFolder, bring: Make, encoding: str, delimiter: str, end: str
) -> None:
    lines = [["设备编号", "地块编号", "埋深", "备注"], ["s1", "P-1", '"10;30"', "北门内侧"]]
    text = end.join(delimiter.join(cells) for cells in lines) + end
    assert bring(text.encode(encoding)).check.findings == ()
    (row,) = read_rows(folder, "devices")
    assert (row["plot_id"], row["depths_cm"], row["note"]) == ("P-1", [10.0, 30.0], "北门内侧")


@pytest.mark.parametrize(
    "written", ["24E124136B502217", "24-E1-24-13-6B-50-22-17", "24:e1:24:13:6b:50:22:17", " 24e124136b502217 "]
)
def test_a_deveui_has_one_spelling(folder: DataFolder, bring: Make, written: str) -> None:
    bring(f"{written},,,,,,,,,\n")
    assert [row["device_id"] for row in read_rows(folder, "devices")] == ["24e124136b502217"]


def test_a_probe_that_moves_is_two_rows_that_adjoin(folder: DataFolder, bring: Make) -> None:
    bring("s1,,P-1,10,,,,,2026-03-01,2026-06-01\ns1,,P-2,20,,,,,2026-06-01,\n")
    first, second = read_rows(folder, "devices")
    assert (first["plot_id"], second["plot_id"]) == ("P-1", "P-2")
    assert first["valid_to"] == second["valid_from"] == datetime(2026, 5, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("s1,,P-1,10,,,,,2026-03-01,\ns1,,P-2,20,,,,,2026-06-01,\n", [(3, "overlapping_validity", "valid_from")]),
        ("s1,,P-1,,,,,,2026-03-01,2026-06-02\ns1,,P-2,,,,,,2026-06-01,\n", [(3, "overlapping_validity", "valid_from")]),
        ("s1,,P-1,,,,,,2026-03-01,\ns1,,P-2,,,,,,2026-03-01,\n", [(3, "overlapping_validity", "valid_from")]),
        ("s1,,P-1,,,,,,2026-06-01,2026-03-01\n", [(2, "wrong_order", "valid_to")]),
        ("s1,,P-9,,,,,,,\n", [(2, "unknown_plot", "plot_id")]),
        ("s1,,P-1,-10,,,,,,\n", [(2, "invalid_depth", "depths_cm")]),
        ("s1,,P-1,300.1,,,,,,\n", [(2, "invalid_depth", "depths_cm")]),
        ("s1,,P-1,10;deep,,,,,,\n", [(2, "invalid_depth", "depths_cm")]),
        ("s1,,P-1,nan,,,,,,\n", [(2, "invalid_depth", "depths_cm")]),
        ("s1,,,,0,,,,,\n", [(2, "invalid_number", "report_interval_s")]),
        ("s1,,,,ten,,,,,\n", [(2, "invalid_number", "report_interval_s")]),
        ("s1,,,,,117.1,,,,\n", [(2, "half_a_position", "lat")]),
        ("s1,,,,,39.2,117.1,,,\n", [(2, "swapped_lon_lat", "lon")]),
        ("s1,,,,,518137.6,4341838.6,,,\n", [(2, "projected_coordinates", "lon")]),
        ("s1,,,,,121.4,31.2,,,\n", [(2, "outside_site", "lon")]),
        ("s1,LSE01,,,,,,,,\n", [(2, "invalid_model", "model")]),
        ("s1,,,,,,,,yesterday,\n", [(2, "not_an_instant", "valid_from")]),
        ("s1,,,,,,,,2026-02-30,\n", [(2, "not_an_instant", "valid_from")]),
        ("s1,,,,,,,,0001-01-01,\n", [(2, "not_an_instant", "valid_from")]),
        (",,P-1,,,,,,,\n", [(2, "missing_id", "device_id")]),
        ("2.4E+125,,,,,,,,,\n", [(2, "excel_number", "device_id")]),
        ("8.64E14,,,,,,,,,\n", [(2, "excel_number", "device_id")]),
        ('"8,64E+14",,,,,,,,,\n', [(2, "excel_number", "device_id")]),
        ("1E15,,,,,,,,,\n", [(2, "excel_number", "device_id")]),
        ("=1+1,,,,,,,,,\n", [(2, "invalid_id", "device_id")]),
        ("s 1,,,,,,,,,\n", [(2, "invalid_id", "device_id")]),
        ("s1,,,,,,,,,,,extra\n", [(2, "too_many_cells", "")]),
        (
            "\n\ns1,x,P-9,-1,no,,,,,\n",
            [
                (4, "invalid_model", "model"),
                (4, "invalid_depth", "depths_cm"),
                (4, "invalid_number", "report_interval_s"),
                (4, "unknown_plot", "plot_id"),
            ],
        ),
    ],
)
def test_every_fault_is_named_with_line_and_column(
    folder: DataFolder, bring: Make, lines: str, expected: list[tuple[int, str, str]]
) -> None:
    done = bring(lines)
    assert told(done.check) == expected
    assert read_rows(folder, "devices") == []


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "empty_file"),
        (b"PK\x03\x04sheet", "not_csv"),
        (b"\xd0\xcf\x11\xe0sheet", "not_csv"),
        (b"\xff\xfe\xff", "not_text"),
        (b"a\0b", "not_text"),
        (b"name,plot\nx,y\n", "missing_column"),
        (b"device_id,device_id\nx,y\n", "column_twice"),
        (b'device_id,note\ns1,"never closed\n', "not_csv"),
    ],
)
def test_a_file_that_is_no_list_of_devices_is_named_as_such(bring: Make, payload: bytes, code: str) -> None:
    done = bring(payload)
    assert code in [found for _, found, _ in told(done.check)]
    assert not done.written


@pytest.mark.parametrize("shallowest", ["0.1", "0"])
def test_the_deepest_and_the_shallowest_depth_are_taken(folder: DataFolder, bring: Make, shallowest: str) -> None:
    done = bring(f"s1,,P-1,300 cm、{shallowest},,,,,,\n")
    assert [code for _, code, _ in told(done.check, "warning")] == ["shallow_depth"]
    assert read_rows(folder, "devices")[0]["depths_cm"] == [300.0, float(shallowest)]


@pytest.mark.parametrize("note", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "＝1"])
def test_a_note_that_a_spreadsheet_would_run_is_made_harmless(folder: DataFolder, bring: Make, note: str) -> None:
    done = bring(f"s1,,,,,,,{note},,\n")
    assert [code for _, code, _ in told(done.check, "warning")] == ["formula_cell"]
    assert read_rows(folder, "devices")[0]["note"] == f"'{note}"


def test_a_position_outside_of_the_plot_is_a_warning_with_the_distance(bring: Make) -> None:
    # P-1 ends at 117.1005° E; 0.001° of longitude at 39.2° N are 86.4 m.
    done = bring("s1,,P-1,,,117.1015,39.2002,,,\n")
    (found,) = done.check.findings
    assert (found.severity, found.code) == ("warning", "outside_plot")
    assert found.got == "86 m from P-1"
    assert done.written


def test_a_position_from_a_chinese_web_map_is_recognised_and_converted_on_request(
    folder: DataFolder, bring: Make
) -> None:
    line = "s1,,P-1,,,117.1064,39.2014,,,\n"
    assert "gcj02" in bring(line).check.findings[0].advice
    assert bring(line, now=JULY, datum="gcj02").check.findings == ()
    assert read_rows(folder, "devices")[-1]["lon"] == pytest.approx(117.10025, abs=3e-4)


def test_a_slip_in_a_models_name_is_pointed_at_and_a_new_maker_is_not(bring: Make) -> None:
    done = bring("s1,dragino/lse1,,,,,,,,\ns2,newmaker/probe-9,,,,,,,,\n")
    (found,) = done.check.findings
    assert (found.code, found.record_id) == ("unknown_model", "s1")
    assert "dragino/lse01" in found.advice
    assert done.written


def test_one_faulty_line_holds_back_the_whole_file_and_then_only_its_device(folder: DataFolder, bring: Make) -> None:
    lines = "s1,,P-1,10,,,,,2026-03-01,2026-04-01\ns1,,P-9,10,,,,,2026-04-01,\ns2,,P-2,10,,,,,,\n"
    assert not bring(lines).written
    assert bring(lines, skip_faulty=True).changes.added == ("s2",)
    assert [row["device_id"] for row in read_rows(folder, "devices")] == ["s2"]


def test_a_line_with_too_many_cells_holds_back_its_whole_device(folder: DataFolder, bring: Make) -> None:
    lines = "s1,,P-1,10,,,,,2026-03-01,2026-04-01\ns1,,P-2,10,,,,,2026-04-01,,extra\ns2,,P-2,10,,,,,,\n"
    done = bring(lines, skip_faulty=True)
    faults = [(one.code, one.record_id) for one in done.check.findings if one.severity == "fault"]
    assert faults == [("too_many_cells", "s1")]
    assert [row["device_id"] for row in read_rows(folder, "devices")] == ["s2"]


def test_a_quotation_mark_that_is_never_closed_holds_back_the_whole_file(folder: DataFolder, bring: Make) -> None:
    lines = 's1,,P-1,10,,,,,2026-03-01,2026-04-01\ns2,,P-2,10,,,,"beside,,\ns1,,P-2,10,,,,,2026-04-01,\n'
    done = bring(lines, skip_faulty=True)
    assert told(done.check) == [(3, "not_csv", "")]
    assert read_rows(folder, "devices") == []


def test_a_line_that_ends_an_open_registration_for_good_is_pointed_at(folder: DataFolder, bring: Make) -> None:
    bring("s1,,P-1,10,,,,,2026-03-01,\n")
    done = bring("s1,,P-2,10,,,,,2026-05-01,2026-06-01\n", now=JULY)
    assert (2, "leaves_a_gap", "valid_to") in told(done.check, "warning")
    bring("s2,,P-1,10,,,,,2026-03-01,\n")
    whole = bring("s2,,P-2,10,,,,,2026-05-01,2026-06-01\ns2,,P-1,10,,,,,2026-06-01,\n", now=JULY)
    assert "leaves_a_gap" not in [one.code for one in whole.check.findings]
    ended = bring("s2,,P-1,10,,,,,2026-06-01,2026-06-20\n", now=JULY)
    assert "leaves_a_gap" not in [one.code for one in ended.check.findings], (
        "the same valid_from says on purpose that it ends"
    )


def test_a_plot_that_is_closed_or_has_not_begun_is_pointed_at(
    folder: DataFolder, bring: Make, collection: Make, plot: Make, square: Make
) -> None:
    assert told(bring("s1,,P-1,10,,,,,,\n", now=JUNE - timedelta(days=1)).check, "warning") == [
        (2, "plot_not_in_force", "plot_id")
    ]
    only_one = collection(plot("P-1", square()))
    assert import_plots(folder, only_one, site=BEICHEN, now=JULY, replace=True).written
    later = JULY + timedelta(days=1)
    assert told(bring("s2,,P-2,10,,,,,,\n", now=later).check, "warning") == [(2, "plot_not_in_force", "plot_id")]
    assert bring("s3,,P-2,10,,,,,2026-06-02,2026-06-09\n", now=later).check.findings == (), "then it was open"


def test_the_same_file_again_changes_nothing_with_or_without_dates(bring: Make) -> None:
    lines = "s1,,P-1,10,,,,,2026-03-01,\ns2,,P-2,10,,,,,,\n"
    bring(lines)
    again = bring(lines, now=JULY)
    assert (again.written, again.changes.unchanged) == (False, ("s1", "s2"))


def test_a_line_without_date_moves_the_device_from_now_on(folder: DataFolder, bring: Make) -> None:
    bring("s1,,P-1,10,,,,,2026-03-01,\n")
    assert bring("s1,,P-2,10,,,,,,\n", now=JULY).changes.changed == ("s1",)
    assert [(row["plot_id"], row["valid_to"]) for row in read_rows(folder, "devices")] == [("P-1", JULY), ("P-2", None)]


def test_a_line_that_the_register_has_other_plans_for_is_refused(folder: DataFolder, bring: Make) -> None:
    bring("s1,,P-1,10,,,,,2026-03-01,2026-05-01\ns1,,P-2,10,,,,,2026-05-01,\n")
    assert told(bring("s1,,P-2,10,,,,,2026-04-01,\n").check) == [(2, "overlapping_validity", "valid_from")]
    corrected = bring("s1,,P-2,30,,,,,2026-03-01,2026-05-01\n")
    assert corrected.changes.changed == ("s1",)
    assert [(row["plot_id"], row["depths_cm"]) for row in read_rows(folder, "devices")] == [
        ("P-2", [30.0]),
        ("P-2", [10.0]),
    ]


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: (HEADER + text).encode("utf-8", "replace")))
def test_any_bytes_give_devices_or_faults(payload: bytes) -> None:
    check = check_devices(payload, site=BEICHEN, default_from=JUNE, plot_rows=[], existing=[])
    assert check.rows or check.findings or check.lines == 0


def test_more_depths_than_the_model_has_elements_are_warned_of_and_taken(folder: DataFolder, bring: Make) -> None:
    lines = "s1,dragino/se02,P-1,10;30,,,,,,\ns2,dragino/se02,P-1,10;30;60,,,,,,\ns3,acme/unknown,P-1,10;30;60,,,,,,\n"
    done = bring(lines)
    (finding,) = done.check.findings
    assert (finding.severity, finding.code, finding.number) == ("warning", "more_depths_than_elements", 3)
    assert (finding.record_id, finding.got) == ("s2", "3 depths of dragino/se02")
    assert finding.expected == "at most 2, as many as the model has sensing elements"
    assert [row["depths_cm"] for row in read_rows(folder, "devices")][1] == [10.0, 30.0, 60.0]
