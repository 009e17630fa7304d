"""Between the network and the disk: messages in groups, and memory that a slow disk cannot fill."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np
import pytest

from ingest.frames import cut_frames
from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.mqtt import journal as journal_module
from ingest.mqtt.journal import Journal
from ingest.mqtt.ticket import Ticket
from tests.mqtt.scripted_broker import packet
from tests.waiting import PATIENCE_S, wait_until


def arrival(number: int) -> Arrival:
    return Arrival(number, "t", b"x" * 599, redelivered=False, retained=False)


def test_a_disk_that_does_not_answer_holds_the_network_thread_back_before_memory_fills(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_WAITING_BYTES", 1_000)
    acknowledged: list[Ticket] = []

    def acknowledge(tickets: Iterable[Ticket]) -> None:
        acknowledged.extend(tickets)

    journal = Journal(folder.inbox, acknowledge)
    delivered: list[int] = []

    def deliver() -> None:
        for number in range(20):
            journal.deliver(arrival(number), Ticket(1, np.array([number])))
            delivered.append(number)

    network = threading.Thread(target=deliver, daemon=True)
    network.start()
    wait_until(lambda: len(delivered) == 2, "two of 600 bytes are taken")
    network.join(0.3)
    assert network.is_alive(), "it waits"
    assert delivered == [0, 1]
    disk = threading.Thread(target=journal.run, daemon=True)
    disk.start()
    wait_until(lambda: len(acknowledged) == 20, "the disk answers and all come through")
    journal.stop()
    disk.join(PATIENCE_S)
    assert not disk.is_alive()
    assert [int(packet_id) for ticket in acknowledged for packet_id in ticket.packet_ids] == list(range(20))
    with Inbox(folder.inbox) as inbox:
        assert inbox.backlog().messages == 20


def test_a_journal_that_is_stopped_lets_nobody_wait_for_room(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_WAITING_BYTES", 1_000)
    journal = Journal(folder.inbox, lambda _tickets: None)

    def deliver() -> None:
        for number in range(5):
            journal.deliver(arrival(number), None)

    network = threading.Thread(target=deliver, daemon=True)
    network.start()
    wait_until(lambda: journal._waiting_bytes > 1_000, "it is full")
    journal.stop()
    network.join(PATIENCE_S)
    assert not network.is_alive()


def test_single_messages_between_runs_of_packets_keep_their_order(folder: DataFolder) -> None:
    acknowledged: list[int] = []
    journal = Journal(
        folder.inbox, lambda tickets: acknowledged.extend(int(n) for ticket in tickets for n in ticket.packet_ids)
    )
    run, _, _ = cut_frames(
        packet(0x32, b"\x00\x01t\x00\x01one") + packet(0x32, b"\x00\x01t\x00\x02two"), 5, is_five=False
    )
    assert run is not None
    journal.deliver(run, Ticket(1, run.packet_ids()))
    journal.deliver(arrival(3), Ticket(1, np.array([3])))
    journal.deliver(run, Ticket(1, run.packet_ids()))
    journal.stop()
    journal.run()
    with Inbox(folder.inbox) as inbox:
        payloads = [message.payload[:3] for message in inbox.oldest(10**6).messages]
    assert payloads == [b"one", b"two", b"xxx", b"one", b"two"]
    assert acknowledged == [1, 2, 3, 1, 2]
    assert journal.messages == 5


def test_a_group_never_has_more_messages_than_it_has_numbers(folder: DataFolder) -> None:
    journal = Journal(folder.inbox, lambda _tickets: None)
    run, _, _ = cut_frames(packet(0x30, b"\x00\x01t") * 40_000, 5, is_five=False)
    assert run is not None

    def deliver() -> None:
        for _ in range(3):
            journal.deliver(run, None)

    network = threading.Thread(target=deliver, daemon=True)
    disk = threading.Thread(target=journal.run, daemon=True)
    network.start()
    disk.start()
    network.join(PATIENCE_S)
    journal.stop()
    disk.join(PATIENCE_S)
    with Inbox(folder.inbox) as inbox:
        numbers = [message.message_seq for message in inbox.oldest(10**9).messages]
    assert len(set(numbers)) == 120_000


def test_many_messages_are_committed_without_waiting_for_more_but_groups_never_outrun_the_clock(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "GROUP_INTERVAL_S", 10 * PATIENCE_S)
    acknowledged: list[int] = []
    journal = Journal(folder.inbox, lambda tickets: acknowledged.extend(len(ticket.packet_ids) for ticket in tickets))
    many, _, _ = cut_frames(packet(0x32, b"\x00\x01t\x00\x01") * 8_192, 5, is_five=False)
    few, _, _ = cut_frames(packet(0x32, b"\x00\x01t\x00\x01") * 8_191, 5, is_five=False)
    assert many is not None
    assert few is not None
    disk = threading.Thread(target=journal.run, daemon=True)
    disk.start()
    journal.deliver(many, Ticket(1, many.packet_ids()))
    wait_until(lambda: acknowledged == [8_192], "as many as that wait for nobody")
    journal.deliver(many, Ticket(1, many.packet_ids()))
    journal.deliver(few, Ticket(1, few.packet_ids()))
    assert not journal._is_full(), "the next group's number would be ahead of the clock"
    with journal._changed:
        journal._began -= 10 * PATIENCE_S
        journal._changed.notify_all()
    wait_until(lambda: acknowledged == [8_192, 8_192, 8_191], "and go on once the clock has caught up")
    journal.stop()
    disk.join(PATIENCE_S)


def test_large_messages_are_committed_as_soon_as_they_fill_a_group_but_no_faster_than_the_clock(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or their numbers would be given again once the inbox was lost and the clock is asked for the next."""
    monkeypatch.setattr(journal_module, "GROUP_INTERVAL_S", 10 * PATIENCE_S)
    monkeypatch.setattr(journal_module, "_WAITING_BYTES", 500)
    journal = Journal(folder.inbox, lambda _tickets: None)
    disk = threading.Thread(target=journal.run, daemon=True)
    disk.start()
    journal.deliver(arrival(0), None)
    wait_until(lambda: journal.messages == 1, "one that leaves no room waits for nobody")
    journal.deliver(arrival(1), None)
    assert not journal._is_full(), "its number would be ahead of the clock"
    with journal._changed:
        journal._began -= 10 * PATIENCE_S
        journal._changed.notify_all()
    wait_until(lambda: journal.messages == 2, "and go on once the clock has caught up")
    journal.stop()
    disk.join(PATIENCE_S)
