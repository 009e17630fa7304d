"""The command line as a whole: exit codes, messages, and commands that look into an empty or a wrong place."""

from __future__ import annotations

import hashlib
import io
import json
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest
from cyclopts import App
from rich.console import Console

from greensward.cli import app, run
from greensward.commands.sql import open_for_questions
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_IN_USE, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE
from greensward.given_settings import load
from greensward.settings import FlagSettings, SiteSettings
from ingest.lake.layout import LAYOUT_VERSION, DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.tables import table
from ingest.lake.write import replace_register, to_arrow, write_rows
from sql.analysts import all_questions, relations_named
from tests.crews.made import PLOTS
from tests.lake.rows import NOON, soil, soil_row
from tests.mosquitto import Mosquitto, free_port
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


@pytest.fixture
def lake(folder: DataFolder) -> DataFolder:
    write_rows(folder, table("soil_readings"), NOON.date(), soil(soil_row(0), soil_row(20)), "part-1-2")
    return folder


@pytest.mark.parametrize(
    "arguments",
    [["frobnicate"], ["flag", "--as-of", "yesterday"], ["flag", "--as-of", "2026-07-02T08:00:00"], ["ingest"]],
)
def test_wrong_use_exits_with_two_and_says_why(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == EXIT_USAGE
    said = capsys.readouterr()
    assert said.out == "" or "Unknown command" in said.out
    assert "Traceback" not in said.err


def help_of(*command: str) -> str:
    """Return the help of a command on a terminal so wide that nothing wraps."""
    written = io.StringIO()
    app.help_print(list(command), console=Console(width=300, file=written))
    return written.getvalue()


def commands() -> list[str]:
    """Return the names of all commands."""
    return [name for name in app if not name.startswith("-")]


def test_the_help_says_of_every_command_what_it_does() -> None:
    said = dict(re.findall(r"^│ (\w+) +(\w.*\.) +│$", help_of(), re.MULTILINE))
    assert set(said) == set(commands())


@pytest.mark.parametrize("name", commands())
def test_the_help_of_a_command_ends_with_how_it_is_typed_and_its_exit_codes(name: str) -> None:
    said = help_of(name)
    typed = re.findall(rf"^greensward ({name}\b.*?) *$", said, re.MULTILINE)
    assert typed
    for line in typed:
        app.parse_args(shlex.split(line), exit_on_error=False, print_error=False)
    for code in (EXIT_OK, EXIT_FOUND_PROBLEMS, EXIT_USAGE, EXIT_UNREACHABLE, EXIT_IN_USE):
        assert f" {code} " in said.partition("Exit codes:")[2]


@pytest.mark.parametrize("command", ["issue report", "device bind", "campaign start", "flights map"])
def test_the_help_explains_every_argument(command: str) -> None:
    arguments = re.findall(r"^│ [* ]+ [A-Z-]+ --[a-z-]+ +(.*?) +│$", help_of(*command.split()), re.MULTILINE)
    assert arguments
    assert not [said for said in arguments if not re.match(r"[A-Z][^\[]+\.", said)]


def test_a_query_is_answered_from_any_folder(lake: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    query = "select device_id, count(*) as readings from soil_readings group by device_id"
    assert run(["sql", query, "--json", "-C", str(lake.root)]) == EXIT_OK
    assert json.loads(capsys.readouterr().out) == [{"device_id": "gs-01", "readings": 2}]


@pytest.mark.parametrize("query", ["-- how many?\nselect count(*) as n from soil_readings", "--how\nselect 2 as n"])
def test_a_query_may_begin_with_a_comment_and_a_mistyped_option_is_still_told(
    lake: DataFolder, capsys: pytest.CaptureFixture[str], query: str
) -> None:
    assert run(["sql", query, "--json", "-C", str(lake.root)]) == EXIT_OK
    assert json.loads(capsys.readouterr().out) == [{"n": 2}]
    for slip in ("--csvv", "--questoin=driest_plots"):
        assert run(["sql", slip, "-C", str(lake.root)]) == EXIT_USAGE
        assert f"There is no option {slip}" in capsys.readouterr().err


def test_every_ready_question_runs_on_a_nearly_empty_lake(lake: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sql", "--questions", "-C", str(lake.root)]) == EXIT_OK
    names = [line for line in capsys.readouterr().out.splitlines() if line and not line.startswith(" ")]
    ready = all_questions()
    assert len(names) == len(ready) >= 10
    assert run(["sql", "--question", names[0], "--csv", "-C", str(lake.root)]) == EXIT_OK
    # The others on one connection, as at the prompt: to open the lake anew for each takes minutes.
    with open_for_questions(load(data=lake.root)) as asked:
        for one in ready:
            asked.execute(one.select).fetchall()
            assert relations_named(one.select) is not None, one.name


@pytest.mark.parametrize(
    ("query", "needed"),
    [
        ("select count(*) from Soil_Readings", {"soil_readings"}),
        ("with days as (select date from main.flags) select * from days, plots", {"flags", "plots"}),
        ("describe devices_now", {"devices_now", "devices"}),
        (
            "select 1 where exists (from soil_readings); select * from weather_readings",
            {"soil_readings", "weather_readings"},
        ),
        ("show tables", None),
        ("select view_name from duckdb_views(), soil_readings", None),
        ("from information_schema.tables, flags", None),
        ("select * from soil_reading", None),
        ("select * from soil_readings, limits", None),
        ("set variable a = 1; from flags", None),
        ("pivot flags on cause using count(*)", None),
        ("select * form soil_readings", None),
    ],
)
def test_a_query_needs_the_tables_that_it_names_and_all_where_that_cannot_be_told(
    query: str, needed: set[str] | None
) -> None:
    assert relations_named(query) == needed


def test_views_judge_the_readings_of_the_days_that_are_asked_for(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    before, day = (str(NOON.date() - timedelta(days=back)) for back in (1, 0))
    write_rows(lake, table("soil_readings"), date.fromisoformat(before), soil(soil_row(-1440)), "part-0-0")
    query = "select distinct date from readings order by date; select count(*) as stored from soil_readings"
    for days, judged in (([], [before, day]), (["--from", day], [day]), (["--to", before], [before])):
        assert run(["sql", query, "--csv", *days, "-C", str(lake.root)]) == EXIT_OK
        assert capsys.readouterr().out.split() == ["date", *judged, "stored", "3"]
    assert run(["sql", query, "--from", "June", "-C", str(lake.root)]) == EXIT_USAGE
    assert "--from" in capsys.readouterr().err


def test_hours_of_a_district_whose_clock_is_half_an_hour_off_are_those_of_its_clock(lake: DataFolder) -> None:
    settings = msgspec.structs.replace(load(data=lake.root), site=SiteSettings(timezone="Asia/Kolkata"))
    with open_for_questions(settings, query="select * from readings_hourly") as asked:
        hours = asked.execute("select strftime(timezone('Asia/Kolkata', hour_at), '%H:%M') from readings_hourly")
        assert hours.fetchall() == [("09:00",)], "09:30 and 09:50 are one hour"


def test_a_query_gets_the_same_answer_with_what_it_needs_alone(lake: DataFolder) -> None:
    for name in ("readings", "latest_flags", "devices_now", "root_zone_daily"):
        query = f"select * from {name} order by all"
        with (
            open_for_questions(load(data=lake.root), query=query) as narrow,
            open_for_questions(load(data=lake.root)) as whole,
        ):
            assert narrow.execute(query).fetchall() == whole.execute(query).fetchall()
            assert narrow.description == whole.description
            assert len(narrow.execute("show tables").fetchall()) < len(whole.execute("show tables").fetchall())


def test_a_query_over_many_readings_is_answered_part_by_part_and_tells_how_far_it_is(lake: DataFolder) -> None:
    write_rows(lake, table("soil_readings"), NOON.date(), soil(soil_row(0, device_id="gs-02")), "part-3-3")
    told: list[tuple[int, int]] = []
    query = "select device_id, readings from gates_daily order by device_id"
    at_once = msgspec.structs.replace(load(data=lake.root), flags=FlagSettings(readings_at_once=1))
    with open_for_questions(at_once, query=query, tell=lambda number, parts: told.append((number, parts))) as asked:
        assert asked.execute(query).fetchall() == [("gs-01", 2), ("gs-02", 1)]
        assert ("gates_daily",) in asked.execute("select table_name from duckdb_tables()").fetchall()
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(("query", "kept"), [(None, True), ("from soil_readings", False), ("from gates_daily", True)])
def test_what_files_say_of_themselves_is_kept_where_it_is_asked_for_again(
    lake: DataFolder, query: str | None, *, kept: bool
) -> None:
    with open_for_questions(load(data=lake.root), query=query) as asked:
        assert asked.execute("select current_setting('parquet_metadata_cache')").fetchall() == [(kept,)]


@pytest.mark.parametrize(
    "query",
    [
        "copy soil_readings to '/tmp/greensward-stolen.csv'",
        "select * from read_csv('/etc/passwd')",
        "install spatial",
        "set enable_external_access = true",
        "attach '/tmp/greensward-other.duckdb'",
    ],
)
def test_sql_can_neither_write_nor_look_outside_the_lake(
    lake: DataFolder, query: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sql", query, "-C", str(lake.root)]) == EXIT_FOUND_PROBLEMS
    assert "root:" not in capsys.readouterr().out
    assert not Path("/tmp/greensward-stolen.csv").exists()  # noqa: S108 - that it is not there is the point


WRITING = [
    "copy (select 1) to '{lake}/new.parquet'",
    "copy (select 1) to '{file}'",
    "attach '{lake}/other.duckdb'",
    "export database '{lake}/all'",
    "explain analyze copy (select 1) to '{file}'",
    "explain (analyze) copy (select 1) to '{file}'",
    "explain /* /* */ select 1 -- */ analyze copy (select 1) to '{file}'",
    "prepare it as copy (select 1) to '{file}'",
    "execute it",
    "select 1; copy (select 1) to '{file}'",
    "from enable_logging('QueryLog', storage = 'file', storage_config = {{'path': '{lake}/logs'}})",
    "from \"ENABLE_PROFILING\" /* */ (save_location = '{file}')",
    "from query('from enable_' || 'logging(storage = ''file'', storage_path = ''{lake}/logs'')')",
    "create persistent secret s (type s3)",
    "set profiling_output = '{file}'",
]


def test_no_statement_changes_the_lake_from_an_argument_a_file_or_the_prompt(
    lake: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def contents() -> dict[str, str]:
        files = [path for path in lake.root.rglob("*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = contents()
    (file,) = lake.lake.rglob("*.parquet")
    queries = [query.format(lake=lake.lake, file=file) for query in WRITING]
    assert {relations_named(query) for query in queries} == {None}
    assert run(["sql", queries[0], "-C", str(lake.root)]) == EXIT_FOUND_PROBLEMS
    script = tmp_path / "query.sql"
    script.write_text(queries[0], encoding="utf-8")
    assert run(["sql", "--file", str(script), "-C", str(lake.root)]) == EXIT_FOUND_PROBLEMS
    typed = iter([*(f"{query};" for query in queries), ".exit"])
    monkeypatch.setattr("builtins.input", lambda _: next(typed))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert run(["sql", "-C", str(lake.root)]) == EXIT_OK
    assert capsys.readouterr().err.count("is not run") == len(queries) + 2
    assert contents() == before


def test_even_a_statement_that_was_not_looked_at_can_write_no_new_file_into_the_lake(lake: DataFolder) -> None:
    with (
        open_for_questions(load(data=lake.root)) as connection,
        pytest.raises(duckdb.PermissionException),
    ):
        connection.execute(f"copy (select 1) to '{lake.lake}/new.parquet'")


def test_every_result_is_shown_and_what_stays_in_memory_is_allowed(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    query = """
        select 1 as a; select 2 as b;
        create temp table kept as select 7 as c; from kept;
        set variable day = 3; select getvariable('day') as d;
        pivot (select 'x' as k, 1 as v) on k using sum(v);
        -- how many
        select count(*) as e from soil_readings;
    """
    assert run(["sql", query, "--json", "-C", str(lake.root)]) == EXIT_OK
    said, decoder, found = capsys.readouterr().out.strip(), json.JSONDecoder(), []
    while said:
        answer, end = decoder.raw_decode(said)
        found += answer
        said = said[end:].lstrip()
    assert found == [{"a": 1}, {"b": 2}, {"c": 7}, {"d": 3}, {"x": 1}, {"e": 2}]


@pytest.mark.parametrize(
    ("query", "is_told"),
    [
        ("create table kept as select 7 as c", True),
        ("\n-- mine\ncreate or replace view kept as select 7 as c; select c from kept", True),
        ("drop view soil_readings", True),
        ("create temp table kept as select 7 as c", False),
        ("create or replace temporary view kept as select 7 as c", False),
        ("pivot (select 'x' as k, 1 as v) on k using sum(v)", False),
        ("select 'create table'", False),
    ],
)
def test_whoever_makes_a_table_is_told_that_nothing_was_stored_and_how_results_are_kept(
    lake: DataFolder, capsys: pytest.CaptureFixture[str], query: str, *, is_told: bool
) -> None:
    assert run(["sql", query, "-C", str(lake.root)]) == EXIT_OK
    said = capsys.readouterr().err
    for sentence in ("没有存下任何东西", "Nothing was stored", 'greensward sql --csv "select …" > result.csv'):
        assert (sentence in said) is is_told
    assert run(["sql", "from kept", "-C", str(lake.root)]) == EXIT_FOUND_PROBLEMS


def test_an_answer_that_goes_into_a_pipe_is_never_cut(lake: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    wide = "北运河右岸一段新栽海棠园" * 20
    assert run(["sql", f"select '{wide}' as name, 'BC-R1-07' as plot_id, 7 as n", "-C", str(lake.root)]) == EXIT_OK
    row = next(line for line in capsys.readouterr().out.splitlines() if "BC-R1-07" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [wide, "BC-R1-07", "7"]


def test_an_answer_cannot_turn_the_line_around_or_give_the_terminal_orders(
    lake: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sql", "select 'left' || chr(8238) || chr(27) || '[2Jright' as name", "-C", str(lake.root)]) == EXIT_OK
    assert "left[2Jright" in capsys.readouterr().out


def test_an_answer_on_a_narrow_terminal_goes_on_below_and_is_not_cut(
    lake: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("greensward.console.out", Console(width=30, force_terminal=True, no_color=True))
    query = "select '0123456789' || '0123456789' as a, 'ABCDEFGHIJ' || 'KLMNOPQRST' as b"
    assert run(["sql", query, "-C", str(lake.root)]) == EXIT_OK
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert sorted(character for character in shown if character.isupper()) == list("ABCDEFGHIJKLMNOPQRST")


def test_a_query_may_be_explained(lake: DataFolder) -> None:
    query = "explain select 1; explain analyze select 1; explain (select 1); explain (format json) select 1"
    assert run(["sql", query, "-C", str(lake.root)]) == EXIT_OK


def test_the_ready_questions_are_json_when_asked_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sql", "--questions", "--json"]) == EXIT_OK
    assert {"name", "zh", "en"} == json.loads(capsys.readouterr().out)[0].keys()


def test_a_query_file_in_another_encoding_is_told_so(
    lake: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "query.sql"
    script.write_bytes("select '绿地'".encode("gb18030"))
    assert run(["sql", "--file", str(script), "-C", str(lake.root)]) == EXIT_USAGE
    assert "not UTF-8" in capsys.readouterr().err


def test_a_damaged_file_is_named_by_the_check(lake: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lake", "check", "-C", str(lake.root)]) == EXIT_OK
    (file,) = lake.lake.rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-1])
    assert run(["lake", "check", "--json", "-C", str(lake.root)]) == EXIT_FOUND_PROBLEMS
    assert file.name in capsys.readouterr().out


def test_a_damaged_file_that_a_merge_sets_aside_is_named(lake: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = lake.lake.rglob("*.parquet")
    for n in range(2):
        (file.parent / f"part-{n}-{n}-{file.name.rpartition('-')[2]}").hardlink_to(file)
    file.unlink()
    bad = file.with_name(f"part-3-3-{'0' * 32}.parquet")
    bad.write_bytes(b"PAR1 no more")
    assert run(["lake", "compact", "-C", str(lake.root)]) == EXIT_FOUND_PROBLEMS
    said = capsys.readouterr()
    assert bad.name in said.out.replace("\n", "")
    assert "1 partitions compacted" in said.err
    assert run(["lake", "compact", "--json", "-C", str(lake.root)]) == EXIT_OK
    assert json.loads(capsys.readouterr().out) == {"merged": [], "damaged": []}


def test_the_lakes_contents_are_counted(lake: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lake", "info", "--json", "-C", str(lake.root)]) == EXIT_OK
    found = {row["table"]: row["rows"] for row in json.loads(capsys.readouterr().out)}
    assert (found["soil_readings"], found["flags"]) == (2, 0)


def test_a_settings_file_that_a_full_disk_cut_short_does_not_stay_in_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "greensward.toml"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        assert run(["config", "--write", str(file)]) == EXIT_FOUND_PROBLEMS
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "Nothing was written; make room and try again." in capsys.readouterr().err
    assert not file.exists()
    assert run(["config", "--write", str(file)]) == EXIT_OK


def test_a_settings_file_to_begin_with_is_written_once_and_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "greensward.toml"
    assert run(["config", "--write", str(file)]) == EXIT_OK
    assert run(["config", "--write", str(file)]) == EXIT_FOUND_PROBLEMS
    assert run(["config", "--json", "--config", str(file)]) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["site"]["district"] == "beichen"
    assert "\n# how long messages are kept as received, for replay\nraw_days = 30\n" in file.read_text(encoding="utf-8")


WRONG = {
    "time zone": ('[site]\ntimezone = "Asia/Tientsin"\n', "[site] timezone: 'Asia/Tientsin' is not an IANA time zone"),
    "folder of zones": ('[site]\ntimezone = "Asia"\n', "[site] timezone: 'Asia' is not an IANA time zone"),
    "box": ("[site]\nwest = 117.4\neast = 116.9\n", "west must be less than east"),
    "clock": ('[site]\nclock = "noon"\n', "[site] clock: 'noon' is no instant"),
    "password file": (
        '[broker]\nhost = "127.0.0.1"\npassword_file = "secrets/password"\n',
        "[broker] password_file: {folder}/secrets/password: No such file or directory. Correct the path",
    ),
    "authority": (
        '[broker]\nhost = "127.0.0.1"\nca_file = "ca.crt"\n',
        "[broker] ca_file: {folder}/ca.crt: No such file or directory. Correct the path",
    ),
    "no TLS": ('[broker]\nhost = "mqtt.example.org"\n', "unencrypted. Set [broker] ca_file, or allow_insecure = true"),
    "campaigns": ('[campaigns]\nfile = "own.csv"\n', "{folder}/own.csv"),
    "pages": ('[web]\nhost = "0.0.0.0"\n', "over plain HTTP beyond this machine"),
    "under a file": (
        '[data]\nfolder = "greensward.toml/data"\n',
        "lies under {folder}/greensward.toml, which is a file",
    ),
    "other things": ('[data]\nfolder = "."\n', "is no data folder of Greensward's and holds"),
}
"""Settings that can be read and with which nothing starts, and what is said."""


@pytest.mark.parametrize("what", WRONG)
def test_settings_with_which_nothing_would_start_are_shown_and_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    text, said = WRONG[what]
    file = tmp_path / "greensward.toml"
    file.write_text(text, encoding="utf-8")
    (tmp_path / "holiday.jpg").touch()
    assert run(["config", "--json", "--config", str(file)]) == EXIT_USAGE
    captured = capsys.readouterr()
    assert json.loads(captured.out)["web"]["port"] == 8080
    assert captured.err.count("✗") == 1
    assert said.format(folder=tmp_path) in captured.err
    assert "A start with these settings is refused" in captured.err
    assert run(["config", "--config", str(file), "--write", str(tmp_path / "new.toml")]) == EXIT_USAGE
    assert not (tmp_path / "new.toml").exists()


def test_all_that_is_wrong_with_settings_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "greensward.toml"
    file.write_text("".join(WRONG[what][0] for what in ("time zone", "no TLS", "pages")), encoding="utf-8")
    assert run(["config", "--config", str(file)]) == EXIT_USAGE
    assert capsys.readouterr().err.count("✗") == 3


def test_doctor_names_what_is_missing_and_how_to_mend_it(
    folder: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "-C", str(folder.root)]) == EXIT_FOUND_PROBLEMS
    said = capsys.readouterr().out
    assert "greensward plots import FILE.geojson" in said
    assert "greensward device import FILE.csv" in said


@pytest.mark.parametrize("quick", [[], ["--quick"]])
def test_doctor_takes_a_wrong_setting_for_wrong_use_and_for_no_fault_of_the_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quick: list[str]
) -> None:
    file = tmp_path / "greensward.toml"
    file.write_text('[site]\ntimezone = "Asia/Tientsin"\n[data]\nfolder = "data"\n', encoding="utf-8")
    assert run(["doctor", *quick, "--config", str(file)]) == EXIT_USAGE
    answer = capsys.readouterr()
    assert "IANA time zone" in answer.err
    assert "restore a backup" not in answer.out + answer.err


def test_doctor_tells_a_broker_that_is_away_from_one_that_is_there(
    folder: DataFolder, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_layout(folder)
    monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(free_port()))
    assert run(["doctor", "-C", str(folder.root)]) == EXIT_UNREACHABLE
    monkeypatch.setenv("GREENSWARD__BROKER__PORT", str(mosquitto.port))
    assert run(["doctor", "-C", str(folder.root)]) == EXIT_FOUND_PROBLEMS, "only the registers are missing now"


def test_flags_of_an_empty_district_are_no_error(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    ensure_layout(folder)
    assert run(["flag", "--json", "-C", str(folder.root)]) == EXIT_OK
    assert json.loads(capsys.readouterr().out) == []


def test_replay_of_nothing_says_so(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    ensure_layout(folder)
    assert run(["replay", "--json", "-C", str(folder.root)]) == EXIT_OK
    assert json.loads(capsys.readouterr().out) == {"messages": 0, "outcomes": {}}


def test_publishing_to_no_broker_exits_with_three(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--days", "10", "--broker", f"127.0.0.1:{free_port()}"]) == EXIT_UNREACHABLE
    assert "No broker answers" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "demo"])
@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_is_refused_before_any_work(
    command: str, port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--port", port]) == EXIT_USAGE
    assert "--port" in capsys.readouterr().err
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["flag"],
        ["flag", "--every", "30"],
        ["replay"],
        ["plots", "list"],
        ["device", "list", "--unknown"],
        ["lake", "info"],
    ],
)
def test_who_only_looks_makes_no_data_folder(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == EXIT_USAGE
    assert "greensward up" in capsys.readouterr().err
    assert list(Path.cwd().iterdir()) == []
    assert run(["doctor", "--data", str(tmp_path)]) == EXIT_FOUND_PROBLEMS
    assert [entry.name for entry in tmp_path.iterdir()] == ["elsewhere"]


def test_a_folder_with_other_things_in_it_never_becomes_a_data_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "passwd").write_text("", encoding="utf-8")
    assert run(["up", "-C", str(tmp_path)]) == EXIT_USAGE
    assert "passwd" in capsys.readouterr().err
    assert {entry.name for entry in tmp_path.iterdir()} == {"elsewhere", "passwd"}


def test_evaluating_without_a_pause_is_refused(folder: DataFolder) -> None:
    ensure_layout(folder)
    assert run(["flag", "--every", "0", "-C", str(folder.root)]) == EXIT_USAGE


def test_up_names_the_setting_when_the_pages_port_is_taken_and_starts_nothing(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("GREENSWARD__WEB__PORT", str(taken.getsockname()[1]))
        assert run(["up", "-C", str(folder.root)]) == EXIT_IN_USE
    said = capsys.readouterr().err
    assert "[web] port" in said
    assert "Ctrl-C ends" not in said


def test_a_second_signal_while_the_first_is_handled_stops_all_the_same() -> None:
    code = (
        "import os, signal\n"
        "from greensward.stopping import Stop\n"
        "stop = Stop()\n"
        "for _ in range(2000):\n"
        "    os.kill(os.getpid(), signal.SIGTERM); os.kill(os.getpid(), signal.SIGINT)\n"
        "stop.wait(60)\n"
        "print(stop.is_asked())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout == "True\n"


def test_a_newer_data_folder_is_refused_by_every_command_and_left_as_it_is(
    folder: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_layout(folder)
    folder.version_file.write_text(f"{LAYOUT_VERSION + 1}\n", encoding="utf-8")
    before = sorted(folder.root.rglob("*"))
    file = tmp_path / "devices.csv"
    file.write_text("device_id\ns1\n", encoding="utf-8")
    for words in (
        ["device", "add", "s1"],
        ["device", "import", str(file)],
        ["device", "list"],
        ["plots", "list"],
        ["list"],
        ["issue", "show", "BC-20260326-0001"],
        ["sql", "select 1"],
        ["lake", "info"],
    ):
        assert run([*words, "-C", str(folder.root)]) == EXIT_USAGE, words
        assert "newer Greensward" in capsys.readouterr().err, words
    assert run(["doctor", "-C", str(folder.root)]) == EXIT_FOUND_PROBLEMS
    assert "newer Greensward" in capsys.readouterr().out
    assert sorted(folder.root.rglob("*")) == before


def test_doctor_goes_on_where_one_thing_cannot_be_looked_at(
    folder: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_layout(folder)
    folder.table("plots").mkdir(parents=True)
    (folder.table("plots") / "plots-0.parquet").write_bytes(b"PAR1 damaged")
    folder.status_file.write_bytes(b'{"started_at')
    folder.inbox.parent.mkdir()
    folder.inbox.write_bytes(b"no database at all, but long enough to be looked at as one" * 20)
    assert run(["doctor", "--json", "-C", str(folder.root)]) == EXIT_FOUND_PROBLEMS
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)}
    assert {"plots", "devices", "disk", "broker", "ingest", "inbox"} <= found.keys()
    assert [found[what]["state"] for what in ("plots", "ingest", "inbox")] == ["problem"] * 3
    assert "register of plots" in found["plots"]["found"]
    assert run(["doctor", "--quick", "-C", str(folder.root)]) == EXIT_FOUND_PROBLEMS


@pytest.mark.parametrize("words", [["doctor"], ["doctor", "--quick"], ["plots", "list"], ["device", "list"], ["list"]])
def test_a_data_folder_that_is_a_file_is_said_in_a_sentence(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert run([*words, "-C", str(tmp_path / "file")]) in {EXIT_USAGE, EXIT_FOUND_PROBLEMS}
    said = capsys.readouterr()
    assert "is a file" in said.out + said.err


def test_settings_for_a_folder_that_is_not_there_are_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "--write", str(tmp_path / "none" / "greensward.toml")]) == EXIT_USAGE
    assert "--write" in capsys.readouterr().err


def test_an_unforeseen_error_is_one_sentence_and_its_traceback_is_there_on_request(
    lake: DataFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: DataFolder) -> list[str]:
        raise KeyError("surprise")

    monkeypatch.setattr("greensward.commands.lake.scrub", fail)
    assert run(["lake", "check", "-C", str(lake.root)]) == EXIT_FOUND_PROBLEMS
    said = capsys.readouterr().err
    assert "KeyError: 'surprise'" in said
    assert "please report it" in said
    monkeypatch.setenv("GREENSWARD_TRACEBACK", "1")
    with pytest.raises(KeyError):
        run(["lake", "check", "-C", str(lake.root)])


def test_every_command_gives_its_result_as_json_when_asked_so() -> None:
    def leaves(command: App, path: tuple[str, ...]) -> Iterator[tuple[str, set[str]]]:
        names = [name for name in command if not name.startswith("-")]
        if command.default_command is not None:
            options = {option for argument in command.assemble_argument_collection() for option in argument.names}
            yield " ".join(path), options
        for name in names:
            yield from leaves(command[name], (*path, name))

    found = dict(leaves(app, ()))
    assert {"demo", "issue show", "backup create", "sql"} <= set(found)
    assert [name for name, options in found.items() if "--json" not in options] == []


def test_flags_are_made_again_and_again_until_somebody_says_stop(folder: DataFolder) -> None:
    ensure_layout(folder)
    command = [sys.executable, "-m", "greensward", "flag", "--every", "0.01", "-C", str(folder.root)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as flagging:
        assert flagging.stderr is not None
        assert "no plot is in the register" in flagging.stderr.readline()
        flagging.send_signal(signal.SIGTERM)
        flagging.stderr.read()
    assert flagging.returncode == EXIT_OK


class Turns:
    """Stops what goes on for ever after five turns; before the fourth a plot comes into the register."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder, self._turns = folder, 0

    def is_asked(self) -> bool:
        return self._turns == 5

    def wait(self, _seconds: float) -> None:
        self._turns += 1
        if self._turns == 3:
            replace_register(self._folder, "plots", to_arrow(table("plots"), PLOTS))


def test_an_empty_register_is_said_once_and_not_with_every_evaluation(
    folder: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_layout(folder)
    monkeypatch.setattr("greensward.commands.flag.Stop", lambda: Turns(folder))
    assert run(["flag", "--every", "1", "-C", str(folder.root)]) == EXIT_OK
    said = capsys.readouterr().err.splitlines()
    assert ["no plot is in the register" in line for line in said] == [True, False, False]


def test_a_reader_that_has_seen_enough_is_no_broker_out_of_reach(lake: DataFolder) -> None:
    command = [sys.executable, "-m", "greensward", "sql", "--csv", "-C", str(lake.root), "from range(200000)"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        assert asking.stderr is not None
        assert asking.stdout.readline() == b"range\r\n"
        asking.stdout.close()
        said = asking.stderr.read()
    assert (asking.returncode, said) == (EXIT_OK, b"")


def test_ctrl_c_ends_with_one_word_and_code_130(lake: DataFolder) -> None:
    code = (
        "import sys\n"
        "from greensward.commands import lake\n"
        "def interrupt(_):\n"
        "    raise KeyboardInterrupt\n"
        "lake.scrub = interrupt\n"
        "from greensward.__main__ import main\n"
        f"sys.argv = ['greensward', 'lake', 'check', '-C', {str(lake.root)!r}]\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "stopped\n")


def test_more_days_than_fit_the_memory_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--days", "100000", "--broker", "127.0.0.1:1"]) == EXIT_USAGE
    assert "--days" in capsys.readouterr().err


def test_invented_messages_are_announced_with_broker_and_district(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert run(["simulate", "--days", "10", "--broker", f"127.0.0.1:{port}"]) == EXIT_UNREACHABLE
    assert f"invented messages go to 127.0.0.1:{port}, district beichen." in capsys.readouterr().err
