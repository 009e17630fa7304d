"""I2: whatever the bytes, every message ends in exactly one place, and none stops the others."""

from __future__ import annotations

import os
import random
from pathlib import Path

from ingest.decode.route import NATIVE_KINDS
from tests.faults.fuzz import fuzz, good_messages, mutants

SECONDS = float(os.environ.get("FUZZ_SECONDS", "8"))
"""How long; the suite's own is short, `FUZZ_SECONDS=120 ./run test tests/faults/test_fuzz.py` is not."""


def test_mutants_of_every_kind_of_message_are_stored_refused_or_left_aside(tmp_path: Path) -> None:
    figures = fuzz(10_000_000, SECONDS, random.randrange(1 << 30), tmp_path)
    assert figures["rejected"] > figures["executions"] // 4, "mutants that are hardly ever wrong find nothing"
    assert figures["stored"] + figures["duplicate"] > figures["executions"] // 20, "nor do those that never get far"


def test_every_kind_that_is_read_is_among_the_messages_that_are_changed() -> None:
    topics = [topic for topic, _ in good_messages()]
    assert {topic.rpartition("/")[2] for topic in topics if topic.startswith("greensward/")} == set(NATIVE_KINDS)
    for start in ("application/", "v3/", "thing/product/", "/sys/", "$oc/", "spBv1.0/"):
        assert any(topic.startswith(start) for topic in topics)


def test_the_same_seed_gives_the_same_mutants() -> None:
    first, second = (mutants(random.Random(5)) for _ in range(2))
    assert [next(first) for _ in range(50)] == [next(second) for _ in range(50)]
