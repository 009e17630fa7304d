"""A backup taken while everything goes on, and put back: nothing lost or doubled, nothing believed that is damaged."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crews.issue import ActionRefusedError
from crews.ledger import Ledger
from crews.links import link_generation, load_keys, make_token, read_token, revoke
from greensward.backup.create import Copied, backup_of, backups, create
from greensward.backup.restore import restore
from greensward.backup.sums import copy_file
from greensward.checked_ledger import ledger_check
from greensward.cli import run
from greensward.evaluation import export_events
from ingest.errors import ConfigError, InUseError, StoreError
from ingest.inbox import Arrival, Inbox
from ingest.lake.compact import compact_lake
from ingest.lake.damage import scrub
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.read import open_lake
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from tests.crews.preview import made_folder
from tests.faults.disks import memory_disk

_NOON = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """Return a data folder with a ledger, keys of links, and one reading in the lake."""
    folder = made_folder(tmp_path / "data")
    ensure_layout(folder)
    load_keys(folder)
    take(folder, reading(0))
    seal(folder)
    return folder


def take(folder: DataFolder, *bodies: bytes) -> None:
    """Take messages as ingest does when the broker sends them."""
    topic, at_us = "greensward/v1/beichen/gs-01/soil", int(_NOON.timestamp() * 1e6)
    with Inbox(folder.inbox) as inbox:
        inbox.append([Arrival(at_us, topic, body, redelivered=False, retained=False) for body in bodies])


def seal(folder: DataFolder) -> None:
    """Write what waits in the inbox into the lake."""
    sealer = Sealer(folder, BEICHEN, "test")
    with Inbox(folder.inbox) as inbox:
        oldest = inbox.oldest(10_000_000)
        sealer.seal(oldest.messages, RegisterSnapshot({}, frozenset(), ()))
        inbox.remove_through(oldest.last_group)


def reading(minute: int) -> bytes:
    water = {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.2, "unit": "m3/m3"}
    at = _NOON + timedelta(minutes=minute)
    return json.dumps(
        {"schema": "greening.soil_reading/1", "measured_at": at.isoformat(), "readings": [water]}
    ).encode()


def ask(folder: DataFolder, query: str) -> list[tuple[Any, ...]]:
    with open_lake(folder, BEICHEN) as lake:
        return lake.execute(query).fetchall()


def backed_up(folder: DataFolder, shelf: Path, minute: int = 0) -> Path:
    target = backup_of(shelf, _NOON + timedelta(minutes=minute))
    assert list(create(folder, target))
    return target


def until(part: str, copying: Iterator[Copied]) -> None:
    """Go on with a backup until a file of the folder `part` is copied."""
    assert any(copied.name.startswith(part) for copied in copying)


def test_a_backup_taken_under_way_and_put_back_has_lost_nothing_and_doubles_nothing(
    folder: DataFolder, tmp_path: Path
) -> None:
    """Messages: 0 stored long before; 1 waiting at the copy of the inbox; 2 taken and 1, 2 stored before the lake's."""
    with Ledger(folder.ledger, BEICHEN) as ledger:
        export_events(folder, BEICHEN, ledger)
        issues = {issue.issue_id: issue for issue in ledger.open_issues()}
    keys = load_keys(folder)
    take(folder, reading(1))
    target = backup_of(tmp_path / "backups", _NOON)
    copying = create(folder, target)
    until("inbox/", copying)
    take(folder, reading(2), b"{")
    seal(folder)
    until("ledger/", copying)
    assert list(copying)
    events = ask(folder, "select count(*) from issue_events")
    shutil.rmtree(folder.root)
    assert list(restore(target, folder, keeps_links=True))

    seal(folder)
    take(folder, reading(3), b"[")
    seal(folder)
    assert ask(folder, "select count(*), count(distinct measured_at) from soil_readings") == [(4, 4)]
    assert ask(folder, "select count(*), count(distinct message_seq) from raw_messages") == [(6, 6)]
    assert sorted(ask(folder, "select payload from rejected")) == [(b"[",), (b"{",)]
    with Ledger(folder.ledger, BEICHEN) as ledger:
        assert {issue.issue_id: issue for issue in ledger.open_issues()} == issues
        export_events(folder, BEICHEN, ledger)
    assert ask(folder, "select count(*) from issue_events") == events
    assert ledger_check(folder, BEICHEN) == []
    assert load_keys(folder) == keys
    assert folder.secrets.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o77 for path in folder.secrets.iterdir()} == {0}


def test_files_merged_while_they_are_copied_are_in_the_backup_once(folder: DataFolder, tmp_path: Path) -> None:
    """Each table's folder of a day is copied at one moment, before or after it is merged."""
    for minute in range(1, 6):
        take(folder, reading(minute))
        seal(folder)
    target = backup_of(tmp_path / "backups", _NOON)
    copying = create(folder, target)
    until("lake/soil_readings/", copying)
    assert list(compact_lake(folder, _NOON.date() + timedelta(days=9), 1))
    assert list(copying)
    shutil.rmtree(folder.root)
    assert list(restore(target, folder))
    assert ask(folder, "select count(*), count(distinct measured_at) from soil_readings") == [(6, 6)]
    assert ask(folder, "select count(*), count(distinct message_seq) from raw_messages") == [(6, 6)]


def test_a_second_backup_copies_only_what_is_new_and_stands_without_the_first(
    folder: DataFolder, tmp_path: Path
) -> None:
    first = backed_up(folder, tmp_path / "backups")
    take(folder, reading(1))
    seal(folder)
    second = backup_of(tmp_path / "backups", _NOON + timedelta(days=1))
    lake = [copied for copied in create(folder, second) if copied.name.startswith("lake/soil_readings/")]
    assert sorted(copied.size_bytes > 0 for copied in lake) == [False, True]
    assert backups(tmp_path / "backups") == [first, second]
    shutil.rmtree(first)
    shutil.rmtree(folder.root)
    assert list(restore(second, folder))
    assert ask(folder, "select count(*) from soil_readings") == [(2,)]


def test_views_that_name_this_lake_do_not_go_with_a_backup_to_answer_for_another(
    folder: DataFolder, tmp_path: Path
) -> None:
    folder.analyst_database.parent.mkdir()
    folder.analyst_database.write_bytes(b"views")
    folder.data_package.write_bytes(b"{}")
    names = {copied.name for copied in create(folder, backup_of(tmp_path / "backups", _NOON))}
    assert not [name for name in names if name.startswith("lake/analyst/")]
    assert "lake/datapackage.json" in names
    assert [name for name in names if name.startswith("lake/soil_readings/")]


def test_a_full_backup_shares_nothing_with_the_one_before(folder: DataFolder, tmp_path: Path) -> None:
    backed_up(folder, tmp_path / "backups")
    full = backup_of(tmp_path / "backups", _NOON + timedelta(days=1))
    assert all(copied.size_bytes for copied in create(folder, full, is_full=True))
    assert {path.stat().st_nlink for path in full.rglob("*") if path.is_file()} == {1}


def test_sha256sum_finds_a_backup_whole(folder: DataFolder, tmp_path: Path) -> None:
    target = backed_up(folder, tmp_path / "backups")
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=target, check=True)


def test_every_file_that_changed_vanished_or_came_is_named(
    folder: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = backed_up(folder, tmp_path / "backups")
    assert run(["backup", "verify", str(target)]) == 0
    changed = next(target.glob("lake/soil_readings/*/*.parquet"))
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    (target / "VERSION").unlink()
    (target / "notes.txt").write_text("who put me here?")
    capsys.readouterr()
    assert run(["backup", "verify", str(target)]) == 1
    assert capsys.readouterr().out.splitlines()[:-1] == [
        "VERSION is missing",
        f"{changed.relative_to(target)} is not what was copied",
        "notes.txt is no part of the backup",
    ]


def test_a_damaged_backup_is_not_put_back_and_the_folder_stays_empty(folder: DataFolder, tmp_path: Path) -> None:
    target = backed_up(folder, tmp_path / "backups")
    changed = next(target.glob("lake/soil_readings/*/*.parquet"))
    changed.write_bytes(b"PAR1")
    empty = DataFolder(tmp_path / "new")
    with pytest.raises(StoreError, match="is not what was copied"):
        list(restore(target, empty))
    assert list(empty.root.iterdir()) == []


def test_what_was_damaged_before_is_copied_and_named(
    folder: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = next(folder.lake.glob("soil_readings/*/*.parquet"))
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    assert run(["backup", "create", str(tmp_path / "backups"), "-C", str(folder.root)]) == 1
    assert str(changed.relative_to(folder.root)) in capsys.readouterr().err
    assert len(backups(tmp_path / "backups")) == 1


def test_what_was_damaged_and_is_mended_since_is_copied_anew(folder: DataFolder, tmp_path: Path) -> None:
    path = next(folder.lake.glob("soil_readings/*/*.parquet"))
    sound = path.read_bytes()
    path.write_bytes(sound[:-1] + b"?")
    for minute in range(2):
        target = backup_of(tmp_path / "backups", _NOON + timedelta(minutes=minute))
        assert [copied.name for copied in create(folder, target) if not copied.is_as_named], "named each time"
    path.write_bytes(sound)
    target = backed_up(folder, tmp_path / "backups", minute=2)
    assert (target / path.relative_to(folder.root)).read_bytes() == sound


def test_a_folder_that_holds_something_is_not_restored_into(folder: DataFolder, tmp_path: Path) -> None:
    target = backed_up(folder, tmp_path / "backups")
    with pytest.raises(ConfigError, match="holds VERSION, inbox, lake, ledger, secrets: move that away first"):
        list(restore(target, folder))
    assert scrub(folder) == []


def test_half_a_backup_that_was_put_back_is_never_gone_on_with(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk fails, or the power, while the parts get their places."""
    target, half = backed_up(folder, tmp_path / "backups"), DataFolder(tmp_path / "half")
    rename, moved = Path.rename, []

    def fail_at_the_third(path: Path, to: Path) -> Path:
        moved.append(to)
        if len(moved) > 2:
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, to)

    with monkeypatch.context() as failing:
        failing.setattr(Path, "rename", fail_at_the_third)
        assert run(["backup", "restore", str(target), "-C", str(half.root)]) == 1
    for command in (["flag"], ["backup", "restore", str(target)], ["list"], ["lake", "info"]):
        capsys.readouterr()
        assert run([*command, "-C", str(half.root)]) == 2
        assert "move" in capsys.readouterr().err
    for path in moved[:2]:
        path.rename(tmp_path / path.name)
    assert run(["backup", "restore", str(target), "-C", str(half.root)]) == 0
    assert not half.restoring.exists()
    assert ask(half, "select count(*) from soil_readings") == [(1,)]


def test_a_file_that_goes_away_under_way_takes_no_other_out_of_the_backup(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo whose report was refused after all is removed again."""
    folder.photos.mkdir()
    for name in "abc":
        (folder.photos / f"photo-{name}.jpg").write_bytes(name.encode())

    def copy_and_lose(source: Path, copy: Path) -> tuple[str, int]:
        if source.parent == folder.photos:
            (folder.photos / "photo-b.jpg").unlink(missing_ok=True)
        return copy_file(source, copy)

    monkeypatch.setattr("greensward.backup.create.copy_file", copy_and_lose)
    target = backed_up(folder, tmp_path / "backups")
    assert sorted(path.name for path in target.glob("ledger/photos/*")) == ["photo-a.jpg", "photo-c.jpg"]
    assert run(["backup", "verify", str(target)]) == 0


def test_a_backup_with_a_damaged_list_does_not_keep_the_next_from_being_made(
    folder: DataFolder, tmp_path: Path
) -> None:
    first = backed_up(folder, tmp_path / "backups")
    os.truncate(first / "SHA256SUMS", 40)
    second = backed_up(folder, tmp_path / "backups", minute=1)
    assert run(["backup", "verify", str(second)]) == 0
    assert {path.stat().st_nlink for path in second.rglob("*") if path.is_file()} == {1}


def test_settings_may_lie_where_a_backup_is_put_back(folder: DataFolder, tmp_path: Path) -> None:
    target = backed_up(folder, tmp_path / "backups")
    new = tmp_path / "new"
    new.mkdir()
    (new / "greensward.toml").write_text('[site]\ndistrict = "beichen"\n')
    assert run(["backup", "restore", str(target), "-C", str(new)]) == 0
    assert ask(DataFolder(new), "select count(*) from soil_readings") == [(1,)]


@pytest.mark.parametrize("more", [[], ["--keep-links"]])
def test_a_link_that_was_withdrawn_after_the_backup_opens_nothing_when_that_is_put_back(
    more: list[str], folder: DataFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = load_keys(folder)
    before = make_token(keys, "crew", "一队", _NOON)
    target = backed_up(folder, tmp_path / "backups")
    with Ledger(folder.ledger, BEICHEN) as ledger:
        revoke(ledger, "crew", "一队")
        between = make_token(keys, "crew", "一队", _NOON, generation=link_generation(ledger, "crew", "一队"))
        revoke(ledger, "crew", "一队")
        shutil.rmtree(folder.root)
    assert run(["backup", "restore", str(target), *more, "-C", str(folder.root)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    with Ledger(folder.ledger, BEICHEN) as ledger:
        opened = []
        for number, token in enumerate((before, between)):
            with suppress(ActionRefusedError):
                opened.append((number, read_token(load_keys(folder), ledger, token, _NOON).subject))
        assert opened == ([(0, "一队")] if more else [])
        new = make_token(load_keys(folder), "crew", "一队", _NOON)
        assert read_token(load_keys(folder), ledger, new, _NOON).subject == "一队"
    assert ("withdraw them anew" in said, "No link made so far opens anything" in said) == (bool(more), not more)
    assert folder.secrets.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_backup_left_goes_with_the_next(folder: DataFolder, tmp_path: Path) -> None:
    killed = tmp_path / "backups" / "2026-07-01T040000Z.part" / "lake"
    killed.mkdir(parents=True)
    target = backed_up(folder, tmp_path / "backups")
    assert backups(tmp_path / "backups") == [target]
    assert not killed.exists()


def test_of_two_backups_at_once_the_second_is_told_to_wait(folder: DataFolder, tmp_path: Path) -> None:
    shelf = tmp_path / "backups"
    first = create(folder, backup_of(shelf, _NOON))
    next(first)
    with pytest.raises(InUseError, match="Another backup is being made"):
        list(create(folder, backup_of(shelf, _NOON + timedelta(seconds=1))))
    assert list(first)
    assert len(backups(shelf)) == 1


@pytest.mark.parametrize(("size", "said"), [("64k", "full"), ("400k", "No space left")])
def test_a_full_disk_leaves_nothing_behind(size: str, said: str, folder: DataFolder, tmp_path: Path) -> None:
    """Full in the middle of a database, or of a file."""
    (folder.photos).mkdir()
    (folder.photos / "photo.jpg").write_bytes(os.urandom(1_000_000))
    with memory_disk(tmp_path / "disk", f"size={size}") as disk:
        with pytest.raises(StoreError, match=said):
            list(create(folder, backup_of(disk, _NOON)))
        assert [path.name for path in disk.iterdir()] == ["backup.lock"]


def test_a_ledger_that_is_no_database_is_not_backed_up_as_one(folder: DataFolder, tmp_path: Path) -> None:
    folder.ledger.write_bytes(b"SQLite format 3\0" + b"?" * 9_000)
    with pytest.raises(StoreError, match=r"ledger\.sqlite"):
        list(create(folder, backup_of(tmp_path / "backups", _NOON)))
    assert backups(tmp_path / "backups") == []


@pytest.mark.parametrize("wrong", ["no backup", "list cut short", "path out of the backup", "a newer layout"])
def test_a_folder_that_is_no_whole_backup_is_refused(wrong: str, folder: DataFolder, tmp_path: Path) -> None:
    target = backed_up(folder, tmp_path / "backups")
    sums = target / "SHA256SUMS"
    match wrong:
        case "no backup":
            sums.unlink()
        case "list cut short":
            os.truncate(sums, sums.stat().st_size - 80)
        case "path out of the backup":
            sums.write_text(f"{'0' * 64}  ../{folder.root.name}/VERSION\n")
        case _:
            (target / "VERSION").write_text("99\n")
    new = tmp_path / "new"
    assert run(["backup", "restore", str(target), "-C", str(new)]) == 2
    assert not new.exists()


def test_a_backup_into_the_data_folder_itself_is_refused(folder: DataFolder) -> None:
    assert run(["backup", "create", str(folder.root / "backups"), "-C", str(folder.root)]) == 2
