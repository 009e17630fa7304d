"""The lake as other tools open it: views, how a session over them begins, and a Data Package; all from one source."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import jsonschema_rs
import msgspec
import pyarrow.parquet as pq
import pytest

from greensward.cli import run
from greensward.commands import flag as flag_command
from greensward.commands import sql as sql_command
from greensward.commands.sql import open_for_questions
from greensward.console import EXIT_OK
from greensward.described import describe_lake
from greensward.given_settings import load
from greensward.settings import DataSettings, Settings, SiteSettings
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import all_tables, table
from ingest.lake.write import to_arrow, write_rows
from ingest.site import BEICHEN
from sql.analysts import all_questions
from sql.models import analyst_views
from tests.lake.rows import NOON, soil, soil_row

SCHEMA = Path(__file__).parents[1] / "lake" / "datapackage-2.0.schema.json"
"""https://datapackage.org/profiles/2.0/datapackage.json (public domain) without its titles, texts and examples."""

SINCE = date(2026, 3, 26)
RELATIONS = sorted({*all_tables(), *analyst_views(), "dictionary"})
COLUMNS = (
    "select table_name, column_name, data_type, comment from duckdb_columns() "
    "where not internal and list_contains(?, table_name) order by table_name, column_index"
)
_ASK_ALL = """
import duckdb, json, sys
file, names, since = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
views = duckdb.connect(file, read_only=True, config={"threads": 1})
views.execute("set enable_progress_bar = false")  # a program from -c counts as a person at a prompt
views.execute(f"set timezone = 'America/New_York'; set variable window_from = date '{since}'")
ask = "select count(*), cast(sum(hash(row_of)) as varchar) from {0} as row_of"
print(json.dumps({name: views.execute(ask.format(name)).fetchall()[0] for name in names}))
"""
"""What a program of somebody else's does, in its own folder and time zone; one thread, so that sums round the same."""


def settings_of(folder: DataFolder) -> Settings:
    return Settings(data=DataSettings(folder=str(folder.root)))


def count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    ((rows,),) = connection.execute(f"select count(*) from {relation}").fetchall()
    return int(rows)


def open_views(folder: DataFolder) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(folder.analyst_database), read_only=True)


@pytest.fixture
def lake(folder: DataFolder) -> DataFolder:
    """Return a folder with two readings, and what describes its lake."""
    return described(folder)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """Return another one, that nobody changes."""
    return described(DataFolder(tmp_path_factory.mktemp("standing")))


def described(folder: DataFolder) -> DataFolder:
    write_rows(folder, table("soil_readings"), NOON.date(), soil(soil_row(0), soil_row(20)), "part-1-2")
    assert describe_lake(settings_of(folder))
    return folder


def test_another_process_gets_from_the_views_what_greensward_sql_gives(
    demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_with_one_thread(*arguments: Any, **named: Any) -> duckdb.DuckDBPyConnection:
        connection = open_lake(*arguments, **named)
        connection.execute("set threads = 1")
        return connection

    monkeypatch.setattr(sql_command, "open_lake", open_with_one_thread)
    settings = load(None, demo_folder)
    database = str(settings.data_folder().analyst_database)
    asked = [sys.executable, "-c", _ASK_ALL, database, json.dumps(RELATIONS), SINCE.isoformat()]
    answers = json.loads(subprocess.run(asked, cwd="/", check=True, capture_output=True).stdout)
    days = {"window_from": SINCE}
    with (
        open_for_questions(settings, days, with_comments=True) as ours,
        open_views(settings.data_folder()) as theirs,
    ):
        for name in RELATIONS:
            ask = f"select count(*), cast(sum(hash(row_of)) as varchar) from {name} as row_of"
            assert tuple(answers[name]) == ours.execute(ask).fetchall()[0], name
        described = theirs.execute(COLUMNS, [RELATIONS]).fetchall()
        assert described == ours.execute(COLUMNS, [RELATIONS]).fetchall()
    assert answers["readings"][0] > 1_000
    assert answers["weather_forecasts"][0] == 0
    assert all(comment for name, _, _, comment in described if name != "dictionary")


def test_the_file_holds_views_and_no_rows_and_is_of_the_format_that_every_duckdb_reads(demo_folder: Path) -> None:
    folder = load(None, demo_folder).data_folder()
    with open_views(folder) as views:
        assert views.execute("from duckdb_tables()").fetchall() == []
    magic_and_version = folder.analyst_database.read_bytes()[8:20]
    assert magic_and_version == b"DUCK" + (64).to_bytes(8, "little")


def test_a_session_that_begins_with_the_statements_gives_the_answers_of_greensward_sql(
    demo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(None, demo_folder)
    folder = settings.data_folder()
    monkeypatch.chdir(tmp_path)
    asked = [one.select for one in all_questions() if "getvariable" in one.select or one.name == "driest_plots"]
    assert len(asked) > 1
    with duckdb.connect() as anywhere, open_for_questions(settings) as ours:
        for statement in anywhere.extract_statements(folder.analyst_start.read_text(encoding="utf-8")):
            anywhere.execute(statement)
        for select in asked:
            assert anywhere.execute(select).fetchall() == ours.execute(select).fetchall()


def test_the_statements_do_in_a_tool_that_has_opened_the_file_itself(standing: DataFolder) -> None:
    with open_views(standing) as views:
        for _ in range(2):  # as with a connection that is taken up again
            for statement in standing.analyst_start.read_text(encoding="utf-8").split(";"):  # as Harlequin does
                assert not statement.strip() or views.execute(statement).fetchall() is not None
        assert count(views, "soil_readings") == 2
        assert views.execute("select current_setting('timezone')").fetchall() == [("Asia/Shanghai",)]


def test_a_later_day_is_in_the_views_at_once_and_the_first_file_of_a_table_when_they_are_made_again(
    lake: DataFolder,
) -> None:
    with open_views(lake) as views:
        assert count(views, "flight_reports") == 0
        later = datetime(2026, 7, 3, 4, 0, tzinfo=UTC)
        write_rows(lake, table("soil_readings"), date(2026, 7, 3), soil(soil_row(0, measured_at=later)), "part-3-3")
        days = views.execute("select date, count(*) from soil_readings group by date order by date").fetchall()
        assert days == [(NOON.date(), 2), (date(2026, 7, 3), 1)]
        assert not describe_lake(settings_of(lake))
        spec = table("flight_reports")
        facts = {"flight_id": "F1", "gateway_id": "D", "media_count": 4, "source": "dji", "message_seq": 1}
        reported = to_arrow(spec, [facts | {"reported_at": later, "received_at": later}])
        write_rows(lake, spec, date(2026, 7, 3), reported, "part-1-1")
        assert describe_lake(settings_of(lake))
        assert count(views, "readings") == 3, "whoever has the file open keeps it"
    with open_views(lake) as views:
        assert views.execute("select flight_id, date from flight_reports").fetchall() == [("F1", date(2026, 7, 3))]


def test_a_polygon_is_its_wkb_in_the_views_and_in_greensward_sql(demo_folder: Path) -> None:
    settings = load(None, demo_folder)
    (file,) = settings.data_folder().table("plots").glob("*.parquet")
    written = pq.read_table(file, columns=["plot_id", "geometry"]).to_pylist()
    for connection in (open_for_questions(settings), open_views(settings.data_folder())):
        with connection:
            read = connection.execute("select plot_id, geometry from plots").to_arrow_table().to_pylist()
        assert sorted(read, key=str) == sorted(written, key=str)


def test_a_folder_that_was_moved_is_right_again_by_the_next_evaluation_and_before_by_a_variable(
    lake: DataFolder, tmp_path: Path
) -> None:
    moved = DataFolder(tmp_path / "elsewhere")
    lake.root.rename(moved.root)
    with open_views(moved) as views:
        with pytest.raises(duckdb.IOException, match="No files found"):
            count(views, "soil_readings")
        views.execute(f"set variable lake = '{moved.lake}'")
        assert count(views, "readings") == 2
    again = DataFolder(tmp_path / "it's [over] there")
    moved.root.rename(again.root)
    flag_command._describe(settings_of(again))
    with open_views(again) as views:
        assert count(views, "readings") == 2
    with duckdb.connect() as anywhere:
        anywhere.execute(again.analyst_start.read_text(encoding="utf-8"))
        assert count(anywhere, "soil_readings") == 2


def test_who_asks_the_folder_by_globs_finds_tables_and_nothing_else(standing: DataFolder) -> None:
    plain = f"select parse_path(file)[-3] from glob('{standing.lake}/**/*.parquet')"
    assert duckdb.sql(plain).fetchall() == [("soil_readings",)]
    written = {path.name: path for path in standing.lake.rglob("*") if path.is_file() and path.suffix != ".parquet"}
    assert set(written) == {"greensward.duckdb", "init.sql", "datapackage.json"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in written.values())
    assert list(standing.staging.iterdir()) == []


def test_a_file_that_is_missing_or_another_is_made_again(lake: DataFolder) -> None:
    lake.data_package.unlink()
    assert run(["lake", "describe", "--data", str(lake.root)]) == EXIT_OK
    assert lake.data_package.is_file()
    lake.analyst_start.unlink()
    lake.analyst_start.write_text("-- by hand", encoding="utf-8")
    assert describe_lake(settings_of(lake))
    assert not describe_lake(settings_of(lake))


@pytest.mark.parametrize(
    ("stated", "licences"),
    [
        ({}, None),
        ({"data_licence": "CC-BY-4.0"}, [{"name": "CC-BY-4.0"}]),
        ({"data_licence_url": "https://data.example.org/licence"}, [{"path": "https://data.example.org/licence"}]),
        (
            {"data_licence": "ODbL-1.0", "data_licence_url": "https://opendatacommons.org/licenses/odbl/1-0/"},
            [{"name": "ODbL-1.0", "path": "https://opendatacommons.org/licenses/odbl/1-0/"}],
        ),
    ],
)
def test_a_licence_is_in_the_data_package_when_the_operator_states_one_and_no_other_is(
    lake: DataFolder, stated: dict[str, str], licences: list[dict[str, str]] | None
) -> None:
    settings = msgspec.structs.replace(settings_of(lake), site=msgspec.convert(stated, SiteSettings))
    assert describe_lake(settings) == bool(stated)
    package = json.loads(lake.data_package.read_text(encoding="utf-8"))
    jsonschema_rs.validate(json.loads(SCHEMA.read_text(encoding="utf-8")), package)
    assert package.get("licenses") == licences


def test_views_that_cannot_be_written_do_not_keep_the_crews_from_their_lists(
    folder: DataFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.lake.mkdir(parents=True)
    folder.analyst_database.parent.write_bytes(b"in the way")
    flag_command._describe(settings_of(folder))
    assert "tried again by the next evaluation" in capsys.readouterr().err
    assert folder.analyst_database.parent.read_bytes() == b"in the way"
    assert list(folder.staging.iterdir()) == []


def test_the_data_package_is_one_and_says_of_every_file_what_is_in_it(demo_folder: Path) -> None:
    folder = load(None, demo_folder).data_folder()
    package: dict[str, Any] = json.loads(folder.data_package.read_text(encoding="utf-8"))
    jsonschema_rs.validate(json.loads(SCHEMA.read_text(encoding="utf-8")), package)
    assert [resource["name"] for resource in package["resources"]] == list(all_tables())
    assert package["name"] == f"greensward-{BEICHEN.district}"
    seen = 0
    with open_views(folder) as views:
        words = views.execute("select relation, column_name, unit, en, zh from dictionary").fetchall()
    for resource in package["resources"]:
        fields = resource["schema"]["fields"]
        said = {(resource["name"], f["name"], f.get("unit"), f["description"], f["description_zh"]) for f in fields}
        assert said == {row for row in words if row[0] == resource["name"] and row[1] != "date"}
        files = [file for file in folder.lake.glob(resource["path"]) if file.suffix == ".parquet"]
        assert files or not any(folder.table(resource["name"]).rglob("*.parquet"))
        for file in files:
            schema = pq.read_schema(file)
            assert [field["name"] for field in fields] == schema.names
            nullable = {field["name"] for field in fields if not field.get("constraints", {}).get("required")}
            assert nullable == {name for name in schema.names if schema.field(name).nullable}
            seen += 1
    assert seen > 20


def test_every_column_has_the_type_of_the_standard(demo_folder: Path) -> None:
    package = json.loads(load(None, demo_folder).data_folder().data_package.read_text(encoding="utf-8"))
    fields = {(r["name"], f["name"]): f for r in package["resources"] for f in r["schema"]["fields"]}
    types = {key: (field["type"], field.get("format")) for key, field in fields.items()}
    assert types["soil_readings", "measured_at"] == ("datetime", None)
    assert types["soil_readings", "volumetric_water_content"] == ("number", None)
    assert types["soil_readings", "channel"] == ("integer", None)
    assert types["plots", "geometry"] == ("string", "binary")
    assert types["devices", "depths_cm"] == ("array", None)
    assert types["flags", "needs_work"] == ("boolean", None)
    assert types["flags", "needs_work"][0] != types["plots", "plot_id"][0] == "string"
