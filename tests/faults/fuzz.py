"""Mutants of good messages of every kind through the inbox and the seal: each ends in exactly one place.

    python -m tests.faults.fuzz --executions 10000000
    python -m tests.faults.fuzz --seconds 60 --seed 7

Seeded, so that a run can be had again. Ten million take about an hour of one core; how far it is stands on stderr once
a minute. A mutant has bytes flipped, cut, doubled, spliced from another message, or parts of its JSON replaced by what
is hard to read; some change the topic. It fails when a decoder raises anything but a refusal (outcome rejected, code
decoder_failed), when a table cannot hold what was decoded, when a message has no outcome, or when a batch takes longer
than a minute of one core. Exit 1 then, with topic and payload, and the seed.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cbor2

from ingest.decode.device_models import all_models
from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from tests.decode import test_any_bytes as good
from tests.decode import test_dji, test_exif, test_forecast, test_native_image, test_native_mavlink, test_native_plan
from tests.decode.lorawan import (
    CHIRPSTACK,
    EUI,
    THINGS_STACK,
    UPLINK,
    chirpstack,
    everynet,
    loriot,
    thingpark,
    things_stack,
)
from tests.decode.sparkplug import DBIRTH, DDATA, GROUP, NBIRTH, NDEATH_7
from tests.end_to_end.running import asked

_BATCH = 5_000
"""So many that what a batch costs of itself is shared by many, and so few that many device models get their turn."""
_BATCHES_IN_A_LAKE = 4
_MOST_S_A_BATCH = 60.0
"""CPU seconds."""
_TOLD_EVERY_S = 60.0
RECEIVED_US = 1_783_000_000_000_000
"""When the first batch is received: the afternoon of 2 July 2026, after what the good messages speak of."""

_NATIVE = "greensward/v1/beichen"
_HARD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, -0.0, 1e308, 1e-320, 2**31, 2**63, 2**64, 10**30, "", " ", "0", "nan", "-9999"),
    *("٣", "１２", "\u0000", "\ud800", "🌱" * 9, "x" * 5_000, "2026-07-02T05:10:00+08:00", "1970-01-01T00:00:00Z"),
    *("2026-02-30T00:00:00Z", "2026-07-02", "9999-12-31T23:59:59Z", "=1+1", "../../etc", "'; drop table x; --"),
    *([], {}, [[]], [{}], {"": ""}, [None] * 300, {"value": None}, {"value": 1, "unit": 7}, [[[[[[[[[[[[]]]]]]]]]]]]),
)
_TOKENS = (b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u", b"\xff", b"\x00", b"NaN", b"1e999", b",", b":", b"\xef\xbb\xbf")

Message = tuple[str, bytes]


def good_messages() -> list[Message]:
    """Return topic and payload of well-formed messages of every kind that is read."""
    values: list[tuple[str, Any]] = [
        *((good.SOIL, one) for one in good.GOOD_SOIL),
        *((good.STATE, one) for one in good.GOOD_STATE),
        *((good.SENML, one) for one in good.GOOD_SENML),
        *((good.ALINK, one) for one in good.GOOD_ALINK),
        *((good.IOTDA, one) for one in good.GOOD_IOTDA),
        *((CHIRPSTACK, chirpstack(fields, b"\x02\x02")) for fields in good.FIELDS),
        *((THINGS_STACK, things_stack(fields, b"\x02\x02")) for fields in good.FIELDS),
        *((UPLINK, thingpark(fields, b"\x02\x02")) for fields in good.FIELDS),
        *((UPLINK, one(good.GOOD_FRAMES[0])) for one in (loriot, everynet)),
        *((CHIRPSTACK, chirpstack(data=frame, fPort=port)) for frame in good.GOOD_FRAMES for port in (2, 3, 85)),
        (test_native_image.TOPIC, test_native_image.message_with()),
        (f"{_NATIVE}/drone-1/mavlink", test_native_mavlink.FIELDS),
        *((f"{_NATIVE}/drone-1/mavlink", one) for one in test_native_mavlink.BRIDGES.values()),
        (f"{_NATIVE}/DOCK/plan", {"gateway_id": "DOCK", "poses": [test_native_plan.POSE]}),
        (f"{_NATIVE}/drone-1/exif", test_exif.GROUPED),
        (f"{_NATIVE}/unknown-drone/exif", test_exif.AS_PEOPLE_READ),
        (test_forecast.TOPIC, test_forecast.document()),
        ("thing/product/4TADL1/events", test_dji.callback()),
        ("thing/product/4TADL1/events", test_dji.progress()),
        ("thing/product/4TADL1/osd", test_dji.osd()),
    ]
    binary = [
        (f"{GROUP}/NBIRTH/gw-1", NBIRTH),
        (f"{GROUP}/DBIRTH/gw-1/probe-7", DBIRTH),
        (f"{GROUP}/DDATA/gw-1/probe-7", DDATA),
        (f"{GROUP}/NDEATH/gw-1", NDEATH_7),
        *((good.SENML, cbor2.dumps([_by_number(record) for record in pack])) for pack in good.GOOD_SENML),
    ]
    return [*((topic, json.dumps(value, default=str).encode()) for topic, value in values), *binary]


def _by_number(record: dict[str, Any]) -> dict[int, Any]:
    """Return a SenML record with the labels of RFC 8428, table 6."""
    labels = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "n": 0, "u": 1, "v": 2, "t": 6}
    return {labels[name]: value for name, value in record.items()}


def mutants(chance: random.Random) -> Iterator[Message]:
    """Yield mutants without end."""
    originals = good_messages()
    topics = [topic for topic, _ in originals]
    while True:
        topic, payload = chance.choice(originals)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            payload = chance.choice(CHANGES)(payload, chance, originals)
        if chance.random() < 0.03:
            topic = chance.choice(topics)
        yield topic, payload


def _flip(payload: bytes, chance: random.Random, _: list[Message]) -> bytes:
    data = bytearray(payload or b"\0")
    for _time in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def _cut(payload: bytes, chance: random.Random, _: list[Message]) -> bytes:
    start, end = sorted(chance.choices(range(len(payload) + 1), k=2))
    return payload[:start] + payload[end:] if chance.random() < 0.5 else payload[:end]


def _put(payload: bytes, chance: random.Random, _: list[Message]) -> bytes:
    at = chance.randint(0, len(payload))
    return payload[:at] + chance.choice(_TOKENS) * chance.choice((1, 1, 2, 40)) + payload[at:]


def _splice(payload: bytes, chance: random.Random, originals: list[Message]) -> bytes:
    other = chance.choice(originals)[1]
    at, begin = chance.randint(0, len(payload)), chance.randint(0, len(other))
    return payload[:at] + other[begin : begin + chance.randint(1, 60)] + payload[at + chance.randint(0, 60) :]


def _change_a_part(payload: bytes, chance: random.Random, originals: list[Message]) -> bytes:
    """Replace, remove, double or move a part of the JSON; other payloads have a byte flipped."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return _flip(payload, chance, originals)
    part: Any = document
    holder: Any = None
    key: Any = None
    while isinstance(part, dict | list) and part and (holder is None or chance.random() < 0.8):
        holder, key = part, chance.choice(list(part) if isinstance(part, dict) else range(len(part)))
        part = holder[key]
    if holder is not None:
        how = chance.random()
        if how < 0.7:
            holder[key] = chance.choice(_HARD) if how < 0.3 else _near(part, chance)
        elif how < 0.8:
            del holder[key]
        elif isinstance(holder, list):
            holder.extend([copy.deepcopy(part)] * chance.choice((1, 2, 300)))
        else:
            holder[chance.choice(("value", "unit", "seq", "id", "time", str(key).upper()))] = part
    try:
        return json.dumps(document).encode()
    except (ValueError, RecursionError):
        return _flip(payload, chance, originals)


def _near(part: Any, chance: random.Random) -> Any:
    if isinstance(part, bool) or part is None:
        return not part
    if isinstance(part, int | float):
        return chance.choice((-part, part * 1e6, part + 1, str(part), float(part)))
    if isinstance(part, str) and part:
        at = chance.randrange(len(part))
        return part[:at] + chance.choice(("", "0", "-", ":", "é", part)) + part[at + 1 :]
    return [part]


CHANGES: tuple[Callable[[bytes, random.Random, list[Message]], bytes], ...] = (
    _flip,
    _cut,
    _put,
    _splice,
    *(_change_a_part,) * 9,
)
"""Ways to make a mutant of a payload, given chance and the good messages."""


def fuzz(executions: int, seconds: float, seed: int, workdir: Path) -> dict[str, Any]:
    """Seal mutants until either is reached; return how many, by outcome.

    Raises: AssertionError with the message when one fails.
    """
    chance = random.Random(seed)
    mutant = mutants(chance)
    models = sorted(all_models())
    outcomes: Counter[str] = Counter()
    began, batch = time.monotonic(), 0
    told_at = began
    with _seed_told(seed):
        while outcomes.total() < executions and time.monotonic() - began < seconds:
            with tempfile.TemporaryDirectory(dir=workdir) as place:
                folder = DataFolder(Path(place))
                sealer = Sealer(folder, BEICHEN, "fuzz")
                for _ in range(_BATCHES_IN_A_LAKE):
                    registers = RegisterSnapshot({EUI: chance.choice(models)}, frozenset(), ())
                    size = min(_BATCH, executions - outcomes.total())
                    if not size or time.monotonic() - began >= seconds:
                        break
                    outcomes.update(_seal(folder, sealer, registers, [next(mutant) for _ in range(size)], batch))
                    batch += 1
                _check(folder)
            if time.monotonic() - told_at > _TOLD_EVERY_S:
                told_at = time.monotonic()
                sys.stderr.write(f"{outcomes.total():,} executions, {told_at - began:,.0f} s\n")
    return {"executions": outcomes.total(), **outcomes, "seconds": round(time.monotonic() - began, 1)}


@contextmanager
def _seed_told(seed: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"The same mutants come again with --seed {seed}.")
        raise


def _seal(
    folder: DataFolder, sealer: Sealer, registers: RegisterSnapshot, messages: list[Message], batch: int
) -> dict[str, int]:
    received_us = RECEIVED_US + batch * 1_000_000
    with Inbox(folder.inbox) as inbox:
        inbox.append(
            [Arrival(received_us, topic, payload, redelivered=False, retained=False) for topic, payload in messages]
        )
        oldest = inbox.oldest(1 << 40)
        began = time.process_time()
        sealed = sealer.seal(oldest.messages, registers)
        took_s = time.process_time() - began
        inbox.remove_through(oldest.last_group)
    assert took_s < _MOST_S_A_BATCH, f"batch {batch} took {took_s:.0f} s"
    assert sum(sealed.outcomes.values()) == len(messages), f"batch {batch}: {sealed.outcomes} of {len(messages)}"
    return dict(sealed.outcomes)


def _check(folder: DataFolder) -> None:
    failed = asked(folder, "select topic, payload, faults_json from rejected where code = 'decoder_failed' limit 3")
    told = "\n".join(f"{topic}\n{bytes(payload)!r}\n{faults}" for topic, payload, faults in failed)
    assert not failed, f"our own code failed on:\n{told}"


def main() -> None:
    """Fuzz, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    in_memory = Path("/dev/shm")  # noqa: S108 - a lake for a moment; on a disk it would wait for fsyncs most of the time
    with tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as workdir:
        figures = fuzz(options.executions, options.seconds, options.seed, Path(workdir))
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
