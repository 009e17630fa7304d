"""I2: whatever the bytes, every message ends in exactly one place, and none stops the others."""

from __future__ import annotations

import contextlib
import os
import platform
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.decode.context import DecodeContext
from ingest.decode.device_models import all_models
from ingest.decode.route import NATIVE_KINDS, decode
from ingest.decode.sparkplug_births import Births
from ingest.errors import PayloadError
from ingest.observation import Message
from ingest.site import BEICHEN
from tests.decode.lorawan import EUI
from tests.faults.fuzz import RECEIVED_US, fuzz, good_messages, mutants
from tests.faults.guided_fuzz import guided_fuzz
from tests.faults.guided_target import born

SECONDS = float(os.environ.get("FUZZ_SECONDS", "30"))
"""How long: two minutes with the guided one; `FUZZ_SECONDS=5 ./run test tests/faults/test_fuzz.py` is soon over."""

GUIDED_SECONDS = float(os.environ.get("FUZZ_SECONDS", "90"))


def test_mutants_of_every_kind_of_message_are_stored_refused_or_left_aside(tmp_path: Path) -> None:
    figures = fuzz(10_000_000, SECONDS, random.randrange(1 << 30), tmp_path)
    assert figures["rejected"] > figures["executions"] // 4, "mutants that are hardly ever wrong find nothing"
    assert figures["stored"] + figures["duplicate"] > figures["executions"] // 20, "nor do those that never get far"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="atheris has wheels for x86-64 only")
def test_bytes_that_reach_new_code_are_read_or_refused_and_by_columns_as_one_by_one(tmp_path: Path) -> None:
    figures = guided_fuzz(10_000_000, max(1, round(GUIDED_SECONDS)), random.randrange(1 << 30), tmp_path)
    assert figures["reached"] > figures["reached_at_first"] > 1_000, "it looks into the decoders, and finds its way"


def test_every_kind_that_is_read_is_among_the_messages_that_are_changed() -> None:
    topics = [topic for topic, _ in good_messages()]
    assert {topic.rpartition("/")[2] for topic in topics if topic.startswith("greensward/")} == set(NATIVE_KINDS)
    for start in ("application/", "v3/", "thing/product/", "/sys/", "$oc/", "spBv1.0/"):
        assert any(topic.startswith(start) for topic in topics)


@pytest.mark.parametrize(("topic", "payload"), dict.fromkeys(good_messages()))
def test_what_is_changed_is_good_before(topic: str, payload: bytes) -> None:
    """Or mutants are refused at the door for what is wrong in all of them, and nothing behind it is met."""
    message = Message(1, datetime.fromtimestamp(RECEIVED_US / 1e6, UTC), topic, payload)
    births = Births()
    births.learn(born())
    found: list[object] = []
    for model in ("", *all_models()):
        with contextlib.suppress(PayloadError):
            decoded = decode(message, DecodeContext(BEICHEN, {EUI: model} if model else {}, births=births))
            found += [*decoded.soil, *decoded.weather, *decoded.status, *decoded.images]
            found += [*decoded.poses, *decoded.flights, *decoded.forecasts]
    assert found


def test_the_same_seed_gives_the_same_mutants() -> None:
    first, second = (mutants(random.Random(5)) for _ in range(2))
    assert [next(first) for _ in range(50)] == [next(second) for _ in range(50)]
