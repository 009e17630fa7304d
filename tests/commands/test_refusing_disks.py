"""What commands say of a data folder that can only be read, that is somebody else's, or whose disk is full."""

from __future__ import annotations

import errno
import os
import pwd
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from crews.ledger import Ledger
from crews.links import load_keys
from greensward.cli import run
from greensward.console import EXIT_FOUND_PROBLEMS
from ingest.disk_words import said_of, said_of_database
from ingest.inbox import Inbox
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.tables import table
from ingest.lake.write import write_rows
from ingest.site import BEICHEN
from tests.faults.disks import memory_disk
from tests.faults.needs import as_root, needed
from tests.lake.rows import NOON, soil, soil_row

_WITHOUT_ROOTS_RIGHTS = "-dac_override,-dac_read_search,-fowner"


def fill(folder: DataFolder) -> DataFolder:
    """Make what a running installation has."""
    ensure_layout(folder)
    write_rows(folder, table("soil_readings"), NOON.date(), soil(soil_row(0)), "part-1-1")
    Ledger(folder.ledger, BEICHEN).close()
    Inbox(folder.inbox).close()
    load_keys(folder)
    return folder


@pytest.fixture(scope="module")
def only_readable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataFolder]:
    place = tmp_path_factory.mktemp("disks") / "disk"
    with memory_disk(place, "size=16m"):
        folder = fill(DataFolder(place / "data"))
        mount = needed("mount", "mount")
        as_root(mount, "-o", "remount,ro", place, why="a file system that can only be read is needed")
        yield folder


@pytest.mark.parametrize(
    "command",
    [
        "list",
        "list --links",
        "flag",
        "serve",
        "ingest",
        "up",
        "replay",
        "issue show BC-1",
        "lake compact",
        "lake describe",
        "backup create backups",
        "doctor --quick",
    ],
)
def test_a_command_that_must_write_says_of_a_read_only_disk_which_file_it_is_and_what_to_do(
    command: str,
    only_readable: DataFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GREENSWARD__BROKER__HOST", "127.0.0.1")
    assert run([*command.split(), "-C", str(only_readable.root)]) == EXIT_FOUND_PROBLEMS
    said = "".join(capsys.readouterr())
    assert f"({only_readable.root}/" in said
    assert "can only be read: mount it so that it can be written" in said


@pytest.mark.parametrize("command", [["sql", "select count(*) from soil_readings", "--csv"], ["flag", "--dry-run"]])
def test_a_question_is_answered_from_a_read_only_disk(command: list[str], only_readable: DataFolder) -> None:
    assert run([*command, "-C", str(only_readable.root)]) == 0


@pytest.fixture(scope="module")
def nobodys(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    folder = fill(DataFolder(tmp_path_factory.mktemp("theirs") / "data"))
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in (folder.root, *folder.root.rglob("*")):
        os.chown(path, nobody, -1)
    return folder


@pytest.mark.parametrize("command", ["list", "serve", "ingest", "lake describe", "backup create backups"])
def test_a_folder_of_another_user_is_told_with_both_names(command: str, nobodys: DataFolder, tmp_path: Path) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    done = subprocess.run(
        [needed("setpriv", "util-linux"), f"--bounding-set={_WITHOUT_ROOTS_RIGHTS}", sys.executable, "-m", "greensward",
         *command.split(), "-C", str(nobodys.root)],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | {"GREENSWARD__BROKER__HOST": "::1"},
    )  # fmt: skip
    assert done.returncode == EXIT_FOUND_PROBLEMS
    assert f"belongs to nobody, and this runs as {me}: run it as nobody, or give {me} the rights" in done.stderr
    assert f"{nobodys.root}/" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Errno" not in done.stderr


def test_a_full_disk_is_told_with_what_to_do_and_an_unknown_error_as_it_is() -> None:
    full = said_of(OSError(errno.ENOSPC, "No space left on device"))
    assert full == "No space left on device. Free space on that disk; nothing that was acknowledged is lost"
    assert said_of(OSError(errno.EIO, "Input/output error", "/x")) == "Input/output error (/x)"
    assert said_of(OSError("odd")) == "odd"


def test_a_database_that_is_missing_or_damaged_is_not_taken_for_one_without_rights(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database" * 100)
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.DatabaseError) as met:
        db.execute("select 1 from sqlite_master")
    assert said_of_database(met.value, path) == f"file is not a database ({path})"
    path.unlink()
    with pytest.raises(sqlite3.OperationalError) as met_too:
        sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    assert said_of_database(met_too.value, path) == f"unable to open database file ({path})"
