"""Between the network and the disk: messages in groups, and memory that a slow disk cannot fill."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest

from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.mqtt import journal as journal_module
from ingest.mqtt.journal import Journal
from ingest.mqtt.session import Ticket
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
            journal.deliver(arrival(number), Ticket(1, number))
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
    assert [ticket.packet_id for ticket in acknowledged] == list(range(20))
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
