"""The journal: what was committed is there after anything, in order, under numbers that only rise."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
import zlib
from typing import Any

import msgspec
import pytest

from bench.flood import packets_of, reading
from ingest.errors import StoreError
from ingest.frames import cut_frames
from ingest.inbox import GROUP_INTERVAL_S, Arrival, Backlog, Inbox, Oldest, waiting_in
from ingest.inbox_mending import mend_inbox
from ingest.lake.layout import DataFolder


def arrival(n: int) -> Arrival:
    return Arrival(1_782_964_800_000_000 + n, f"topic/{n}", b"x" * 100, redelivered=False, retained=False)


def test_messages_come_out_in_order_and_only_whole_groups(folder: DataFolder) -> None:
    with Inbox(folder.inbox) as inbox:
        inbox.append([arrival(1), arrival(2)])
        inbox.append([arrival(3)])
        oldest = inbox.oldest(limit_bytes=150)
        assert [message.topic for message in oldest.messages] == ["topic/1", "topic/2"]
        inbox.remove_through(oldest.last_group)
        oldest = inbox.oldest(limit_bytes=10**6)
        assert [message.topic for message in oldest.messages] == ["topic/3"]
        inbox.remove_through(oldest.last_group)
        assert inbox.oldest(10**6) == Oldest()
        assert inbox.backlog() == Backlog(0, 0, 0)


def test_the_clock_of_arrival_is_kept_to_the_microsecond(folder: DataFolder) -> None:
    with Inbox(folder.inbox) as inbox:
        inbox.append([Arrival(1_782_964_800_123_457, "t", b"", redelivered=True, retained=False)])
        (message,) = inbox.oldest(10**6).messages
    assert message.received_at.isoformat() == "2026-07-02T04:00:00.123457+00:00"
    assert message.redelivered


def test_numbers_rise_also_when_the_inbox_is_empty_or_was_lost(folder: DataFolder) -> None:
    seen = []
    for _ in range(2):
        with Inbox(folder.inbox) as inbox:
            inbox.append([arrival(1), arrival(2)])
            oldest = inbox.oldest(10**6)
            seen += [message.message_seq for message in oldest.messages]
            inbox.remove_through(oldest.last_group)
        time.sleep(2 * GROUP_INTERVAL_S)
        folder.inbox.unlink()
    assert seen == sorted(set(seen))


def test_looking_at_an_inbox_moves_no_number(folder: DataFolder) -> None:
    with Inbox(folder.inbox) as inbox:
        inbox.append([arrival(1)])
        before = inbox.oldest(1).last_group
        time.sleep(2 * GROUP_INTERVAL_S)
        with Inbox(folder.inbox) as another:
            another.backlog()
        inbox.append([arrival(2)])
        assert inbox.oldest(1 << 30).last_group == before + 1


def test_the_file_gives_the_disk_back_what_a_backlog_took(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.inbox._PAGES_KEPT", 100)
    with Inbox(folder.inbox) as inbox:
        for _ in range(16):
            inbox.append([Arrival(1, "t", os.urandom(1_000_000), redelivered=False, retained=False)])
        while (oldest := inbox.oldest(4_000_000)).last_group:
            inbox.remove_through(oldest.last_group)
    Inbox(folder.inbox).close()  # which moves what the log holds into the file
    assert folder.inbox.stat().st_size < 4_000_000


def test_a_group_survives_kill_nine_right_after_its_commit(folder: DataFolder) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from ingest.inbox import Arrival, Inbox\n"
        "inbox = Inbox(Path(sys.argv[1])); inbox.append([Arrival(1, 't', b'kept', False, False)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder.inbox)], check=False)
    with Inbox(folder.inbox) as inbox:
        messages = inbox.oldest(10**6).messages
    assert [message.payload for message in messages] == [b"kept"]


def test_a_commit_returns_only_after_the_disk_has_it(folder: DataFolder) -> None:
    with Inbox(folder.inbox):
        pass
    with sqlite3.connect(folder.inbox) as db:
        assert db.execute("pragma journal_mode").fetchone() == ("wal",)
    with Inbox(folder.inbox) as inbox:
        assert inbox._db.execute("pragma synchronous").fetchone() == (2,), "FULL: fsync at every commit"


def test_a_file_that_is_no_inbox_is_refused_and_left_as_it_is(folder: DataFolder) -> None:
    folder.inbox.parent.mkdir(parents=True)
    folder.inbox.write_bytes(b"this is not a database, it is a letter" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Inbox(folder.inbox)
    assert folder.inbox.read_bytes().startswith(b"this is not")


def test_after_a_failure_the_connection_is_not_used_again(folder: DataFolder) -> None:
    """It may have been an fsync, which says yes the second time on one descriptor, whatever became of the bytes."""
    with Inbox(folder.inbox) as inbox:
        inbox.append([arrival(1)])
        failed = inbox._db
        failed.execute("pragma query_only = on")
        with pytest.raises(StoreError, match="removing"):
            inbox.remove_through(1 << 60)
        inbox.append([arrival(2)])
        assert [message.topic for message in inbox.oldest(10**6).messages] == ["topic/1", "topic/2"]
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            failed.execute("select 1")


def test_an_empty_group_is_a_mistake_of_ours(folder: DataFolder) -> None:
    with Inbox(folder.inbox) as inbox, pytest.raises(ValueError, match="1 to 65535"):
        inbox.append([])


def test_a_flipped_bit_costs_its_group_and_is_never_read_as_something_else(folder: DataFolder) -> None:
    with Inbox(folder.inbox) as inbox:
        for n in range(3):
            inbox.append([Arrival(n, "t", b"value-%d" % n, redelivered=False, retained=False)])
    whole = folder.inbox.read_bytes()
    assert whole.count(b"value-1") == 1
    folder.inbox.write_bytes(whole.replace(b"value-1", b"value-9"))
    assert mend_inbox(folder.inbox, folder.damaged) is None, "SQLite does not see it"
    with Inbox(folder.inbox) as inbox:
        oldest = inbox.oldest(10**6)
    assert [message.payload for message in oldest.messages] == [b"value-0", b"value-2"]
    assert [b"value-9" in packed for packed in oldest.damaged.values()] == [True]


@pytest.mark.parametrize("page", ["of data", "first"])
def test_a_damaged_inbox_is_begun_anew_with_what_can_be_read(folder: DataFolder, page: str) -> None:
    with Inbox(folder.inbox) as inbox:
        inbox.remember("session", "yes")
        for n in range(300):
            inbox.append([Arrival(n, "t", b"%04d" % n + b"x" * 900, redelivered=False, retained=False)])
    whole = bytearray(folder.inbox.read_bytes())
    start = 0 if page == "first" else whole.index(b"0150xxx") // 16_384 * 16_384
    whole[start : start + 16_384] = b"\xff" * 16_384
    folder.inbox.write_bytes(whole)
    aside = mend_inbox(folder.inbox, folder.damaged)
    assert aside is not None
    assert aside.read_bytes()[start : start + 16_384] == b"\xff" * 16_384
    with Inbox(folder.inbox) as inbox:
        kept = [message.payload[:4] for message in inbox.oldest(10**9).messages]
        inbox.append([arrival(1)])
        assert inbox.oldest(10**9).messages[-1].topic == "topic/1"
        if page == "of data":
            assert inbox.recall("session") == "yes"
            assert b"0150" not in kept
            assert 280 <= len(kept) < 300
            assert kept == sorted(kept)
    assert mend_inbox(folder.inbox, folder.damaged) is None


@pytest.mark.parametrize(
    ("written", "damaged"),
    [
        (b"crc32 integer", b"crc3r integer"),
        (b"message_group", b"message_grxup"),
        (b"CREATE TABLE", b"CREATE T\xd4BLE"),
    ],
    ids=["a column's name", "a table's name", "no text"],
)
def test_a_letter_of_the_schema_that_changed_keeps_nobody_from_starting(
    written: bytes, damaged: bytes, folder: DataFolder
) -> None:
    with Inbox(folder.inbox) as inbox:
        inbox.append([arrival(n) for n in range(3)])
    whole = folder.inbox.read_bytes()
    assert written in whole
    folder.inbox.write_bytes(whole.replace(written, damaged))
    aside = mend_inbox(folder.inbox, folder.damaged)
    assert aside is not None
    assert aside.exists()
    with Inbox(folder.inbox) as inbox:
        inbox.append([arrival(9)])
        assert [message.topic for message in inbox.oldest(10**6).messages][-1] == "topic/9"
    assert mend_inbox(folder.inbox, folder.damaged) is None


def test_what_an_earlier_process_left_in_the_log_is_in_the_file_before_anything_new(folder: DataFolder) -> None:
    without_log = folder.root / "copied.sqlite"
    with Inbox(folder.inbox) as first:
        first.append([arrival(1)])
        with Inbox(folder.inbox) as second:
            second.append([arrival(2)])
            shutil.copyfile(folder.inbox, without_log)
            assert waiting_in(without_log).messages == 1


def test_what_was_written_before_a_failure_is_in_the_file_before_anything_new(folder: DataFolder) -> None:
    without_log = folder.root / "copied.sqlite"
    with Inbox(folder.inbox) as inbox, Inbox(folder.inbox):  # the other keeps a close from copying the log
        inbox.append([arrival(1)])
        inbox._db.execute("pragma query_only = on")
        with pytest.raises(StoreError, match="removing"):
            inbox.remove_through(1 << 60)
        inbox.append([arrival(2)])
        shutil.copyfile(folder.inbox, without_log)
        assert waiting_in(without_log).messages == 1


def test_who_only_looks_leaves_the_log_as_it_is_and_needs_nobody_to_have_it_open(folder: DataFolder) -> None:
    with Inbox(folder.inbox) as inbox:
        inbox.append([arrival(1), arrival(2)])
        log = folder.inbox.with_name(folder.inbox.name + "-wal")
        before = folder.inbox.read_bytes(), log.read_bytes()
        assert waiting_in(folder.inbox) == inbox.backlog()
        assert (folder.inbox.read_bytes(), log.read_bytes()) == before
    assert waiting_in(folder.inbox).messages == 2


def test_a_seal_takes_as_much_as_it_may_hold_in_memory_however_small_that_is_on_the_disk(folder: DataFolder) -> None:
    sent = b"".join(packets_of(map(reading, range(1_000))))
    frames, _, _ = cut_frames(sent, 0, is_five=False)
    assert frames is not None
    with Inbox(folder.inbox) as inbox:
        for _ in range(4):
            inbox.append(frames)
        assert 4 * len(sent) < inbox.backlog().size_bytes < 5 * len(sent)
        assert len(inbox.oldest(limit_bytes=5 * len(sent) // 2).messages) == 2_000


@pytest.mark.parametrize(
    "change",
    [
        {1: 1 << 40},
        {1: 1_000},
        {2: b"\xff" * 40},
        {3: 2},
        {3: 1 << 40},
        {4: b""},
        {5: []},
        {5: "x"},
    ],
    ids=str,
)
def test_a_group_whose_sum_is_right_but_cannot_be_unpacked_stops_nobody(
    change: dict[int, Any], folder: DataFolder
) -> None:
    frames, _, _ = cut_frames(b"".join(packets_of(map(reading, range(3)))), 0, is_five=False)
    assert frames is not None
    fields = msgspec.msgpack.decode(frames.packed()[2:])
    for place, value in change.items():
        fields[place] = fields[1] + value if value == 1_000 else value
    spoilt = frames.packed()[:2] + msgspec.msgpack.encode(fields)
    with Inbox(folder.inbox) as inbox:
        inbox.append(frames)
        inbox.append([arrival(1)])
        first = inbox.oldest(1).last_group
        inbox._db.execute(
            "update message_group set messages = ?, crc32 = ? where group_seq = ?", (spoilt, zlib.crc32(spoilt), first)
        )
        oldest = inbox.oldest(10**6)
    assert [message.topic for message in oldest.messages] == ["topic/1"]
    assert oldest.damaged == {first: spoilt}
