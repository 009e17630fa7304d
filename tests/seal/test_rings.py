"""What a seal, a merge and a replay took is free when they end, and does not wait for Python's garbage collector.

Objects that hold each other in a ring wait for it, and with them what they hold outside Python, of which it knows
nothing: footers of files came to 10 MB and more before it looked.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from greensward.newest import last_evaluation
from ingest.decode.context import DecodeContext
from ingest.lake.layout import DataFolder
from ingest.observation import Message
from ingest.seal.housekeeping import keep_house
from ingest.seal.judged import judge
from ingest.seal.pace import Pace
from ingest.seal.replay import replay
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from tests.compose.test_health import write_flags
from tests.faults.fuzz import good_messages
from tests.seal.test_sealer import NO_REGISTERS, NOON, closely, message, picture


def test_sealing_and_housekeeping_leave_nothing_to_the_garbage_collector(folder: DataFolder) -> None:
    sealer = Sealer(folder, BEICHEN, "test")

    def play(first: int) -> None:
        for seq in range(first, first + 30, 10):
            again = message(seq + 1, minute=seq)
            several = [message(seq, minute=seq), again, closely(seq + 2, minute=seq + 1), picture(seq + 3)]
            sealer.seal(several, NO_REGISTERS)
        keep_house(folder, BEICHEN, NOON, Pace(compact_files=2))
        replay(folder, sealer, NO_REGISTERS, NOON + timedelta(hours=1))

    play(1)
    with leaving() as rings:
        play(101)
    assert list(folder.table("soil_readings").glob("*/merged-1-*")), "files were merged"
    assert not rings


def test_no_message_leaves_anything_to_the_garbage_collector_also_when_it_is_refused() -> None:
    said = [(topic, whole[:end]) for topic, whole in good_messages() for end in (None, -1, len(whole) // 2)]
    messages = [Message(seq, NOON, topic, payload) for seq, (topic, payload) in enumerate(said)]
    judge(messages, DecodeContext(BEICHEN, {}), "test")
    with leaving() as rings:
        judged = judge(messages, DecodeContext(BEICHEN, {}), "test").judged
        assert 10 < sum(one.error is not None for one in judged) < len(messages) - 10
        del judged
    assert not rings


def test_asking_when_was_last_evaluated_leaves_nothing_to_the_garbage_collector(folder: DataFolder) -> None:
    write_flags(folder, NOON)
    with leaving() as rings:
        assert last_evaluation(folder) == NOON
    assert not rings


@contextmanager
def leaving() -> Iterator[Counter[str]]:
    """Yield what the block left in rings, by type; filled when it is over."""
    rings: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield rings
        gc.collect()
        rings.update(type(one).__name__ for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
