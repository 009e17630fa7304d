"""Damaged files of three kinds by the hundred thousand: Parquet, the journal, the ledger. Never silently wrong.

    python -m tests.faults.mutants --mutants 100000
    python -m tests.faults.mutants --only parquet --mutants 1000 --seed 7

A mutant is a sound file in which bytes were flipped, a page was zeroed, a part was cut out or doubled, or the end is
missing. Parquet: the scrub names every mutant; what reads to write (merging, replay) gets the rows of the sound files
and sets the mutant aside; how often DuckDB alone would have answered wrongly without a word is counted. Journal: what
comes out are messages that went in, and where one is missing something was named. Ledger: it is refused or named by
its own check, or says what it said before. Seeded; each mutant in a process of its own may not take it down.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb

from crews.ledger import Ledger
from crews.ledger_check import Exported, ledger_faults
from ingest.errors import StoreError
from ingest.inbox import Arrival, Inbox
from ingest.inbox_mending import mend_inbox
from ingest.lake.compact import compact_partition
from ingest.lake.damage import damaged_files, read_undamaged
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.read import relation_of
from ingest.lake.tables import table
from ingest.lake.write import write_rows
from ingest.site import BEICHEN
from tests.crews.made import fill
from tests.end_to_end.running import reading, soil_topic
from tests.faults.crashes import in_child, load_before_forking
from tests.faults.frame import Figures, parser_of, tell
from tests.lake.rows import NOON, soil, soil_row

_AT_ONCE = 250
"""Mutants to a child process: one that is taken down by a mutant is seen, and the others go on in the next."""
_MERGED_EVERY = 20
_PAGE_BYTES = 4096

Verdict = str
Judge = Callable[[bytes], Verdict]


def main() -> None:
    """Damage, and print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--only", choices=tuple(_KINDS), action="append")
    parser.add_argument("--mutants", type=int, default=100_000, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    kinds = options.only or list(_KINDS)
    tell(lambda _: {kind: damage(kind, options.mutants // len(kinds), options.seed) for kind in kinds})


def mutant_of(sound: bytes, chance: random.Random) -> bytes:
    """Return other bytes than `sound`."""
    data = bytearray(sound)
    while bytes(data) == sound:
        at = chance.randrange(len(data))
        match chance.randrange(6):
            case 0 | 1:
                data[at] ^= 1 << chance.randrange(8)
            case 2:
                for _ in range(chance.randint(1, 8)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
            case 3:
                start = at // _PAGE_BYTES * _PAGE_BYTES
                length = len(data[start : start + _PAGE_BYTES])
                data[start : start + length] = bytes(length)
            case 4:
                del data[at:]
            case _:
                other, length = chance.randrange(len(data)), chance.randint(1, 600)
                data[at : at + length] = data[other : other + length]
    return bytes(data)


def damage(kind: str, mutants: int, seed: int) -> Figures:
    """Return how many mutants ended how. Raises: AssertionError when one was silently wrong or took a process down."""
    load_before_forking()
    chance = random.Random(seed)
    began = time.monotonic()
    counted: Counter[str] = Counter()
    in_memory = Path("/dev/shm")  # noqa: S108 - a hundred thousand files that nobody needs to outlive anything
    with tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as place:
        made, said, errors = (Path(place) / name for name in ("made", "said", "errors"))
        in_child(lambda: _KINDS[kind][0](made), errors)
        assert not errors.exists(), errors.read_text()
        while (done := counted.total()) < mutants:
            first = chance.getrandbits(60)
            many = min(_AT_ONCE, mutants - done)
            said.write_text("")
            status = in_child(lambda: _judge_many(kind, made, first, many, said), errors)  # noqa: B023 - done at once
            words = said.read_text().split("\n")[:-1]
            assert status == 0, (
                f"{kind}, seed {first}, mutant {len(words)}: "
                f"{errors.read_text()[-2_000:] if errors.exists() else f'the process was ended, wait status {status}'}"
            )
            counted.update(words)
    return {**dict(sorted(counted.items())), "seconds": round(time.monotonic() - began, 1)}


def _judge_many(kind: str, made: Path, seed: int, many: int, said: Path) -> None:
    chance = random.Random(seed)
    judge, sound = _KINDS[kind][1](made)
    with said.open("a", buffering=1) as log:
        for _ in range(many):
            log.write(judge(mutant_of(sound, chance)) + "\n")


def _make_parquet(made: Path) -> None:
    folder = DataFolder(made)
    ensure_layout(folder)
    for part in range(2):
        rows = [
            soil_row(n, device_id=f"gs-{part}-{n % 7}", message_seq=n, volumetric_water_content=(n * 37 % 400) / 1000)
            for n in range(300)
        ]
        write_rows(folder, table("soil_readings"), NOON.date(), soil(*rows), f"part-{part}-{part}")


def _parquet_judge(made: Path) -> tuple[Judge, bytes]:
    folder, spec = DataFolder(made), table("soil_readings")
    sound, victim = sorted(folder.partition(spec.name, NOON.date()).glob("*.parquet"))
    whole, kept = victim.read_bytes(), read_undamaged(folder, spec, [sound])[0]
    question = "select count(*), sum(volumetric_water_content), min(device_id), max(epoch_us(measured_at))"
    place = Path(tempfile.mkdtemp(dir=made.parent))
    number = 0

    lake = duckdb.connect(":memory:", config={"threads": 1})

    def asked(paths: list[Path]) -> object:
        return lake.execute(f"{question} from {relation_of(spec, paths)}").fetchall()

    right = asked([sound, victim])

    def judge(mutant: bytes) -> Verdict:
        nonlocal number
        number += 1
        at = DataFolder(place / str(number))
        partition = at.partition(spec.name, NOON.date())
        partition.mkdir(parents=True)
        os.link(sound, partition / sound.name)
        (partition / victim.name).write_bytes(mutant)
        paths = sorted(partition.iterdir())
        assert list(damaged_files(paths)) == [partition / victim.name], "the scrub names it"
        try:
            alone = "right" if asked(paths) == right else "wrong without a word"
        except (duckdb.Error, UnicodeDecodeError):
            alone = "an error"
        if number % _MERGED_EVERY == 0:
            compact_partition(at, spec, NOON.date(), more_than=1)
            assert not (partition / victim.name).exists(), "merging sets it aside"
        rows, named = read_undamaged(at, spec, sorted(partition.iterdir()))
        assert rows.sort_by("message_seq").equals(kept.sort_by("message_seq")), "the sound rows, and no others"
        aside = [str(path.relative_to(at.damaged)) for path in at.damaged.rglob("*.parquet")]
        assert number % _MERGED_EVERY == 0 or named == aside, f"{named}, {aside}"
        assert [Path(name).name for name in aside] == [victim.name], aside
        shutil.rmtree(at.root)
        return f"named and set aside; DuckDB alone: {alone}"

    return judge, whole


_ACTIONS = "select * from actions order by action_id"
_MESSAGES = 60
_GROUP = 5


def _make_journal(made: Path) -> None:
    made.mkdir()
    with Inbox(made / "inbox.sqlite") as inbox:
        for start in range(0, _MESSAGES, _GROUP):
            inbox.append([_arrival(number) for number in range(start, start + _GROUP)])
        inbox.remember("connected", "yes")


def _arrival(number: int) -> Arrival:
    at_us = int(NOON.timestamp() * 1_000_000) + number
    return Arrival(
        at_us, soil_topic(f"gs-{number:02}"), reading(number) + b" " * 400, redelivered=False, retained=False
    )


def _journal_judge(made: Path) -> tuple[Judge, bytes]:
    sound = made / "inbox.sqlite"
    sent = {(arrival.received_at_us, arrival.topic, arrival.payload) for arrival in map(_arrival, range(_MESSAGES))}
    place = Path(tempfile.mkdtemp(dir=made.parent))
    path, aside = place / "inbox.sqlite", place / "aside"

    def judge(mutant: bytes) -> Verdict:
        path.write_bytes(mutant)
        try:
            named = mend_inbox(path, aside) is not None
            with Inbox(path) as inbox:
                oldest = inbox.oldest(1 << 40)
        except StoreError:
            return _afterwards("refused with an error")
        found = oldest.messages
        came = list(
            zip(found.received_at_us.tolist(), found.topics.to_pylist(), found.payloads.to_pylist(), strict=True)
        )
        assert set(came) <= sent, "a message that nobody sent"
        assert len(came) == len(set(came)), "a message twice"
        missing = len(sent) - len(came)
        assert named or oldest.damaged or not missing, f"{missing} missing without a word"
        return _afterwards("all there" if not missing else "the readable there, the rest named")

    def _afterwards(verdict: Verdict) -> Verdict:
        for entry in place.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        return verdict

    return judge, sound.read_bytes()


def _make_ledger(made: Path) -> None:
    made.mkdir()
    fill(made / "ledger.sqlite")


def _all_said(path: Path, exported: list[Exported]) -> tuple[list[str], object]:
    """Return what the check finds, and all that the ledger says of issues."""
    with Ledger(path, BEICHEN) as ledger:
        faults = list(ledger_faults(ledger, exported))
        return faults, (ledger.all_issues(), ledger.all_events(), [tuple(row) for row in ledger.run(_ACTIONS, ())])


def _difference(says: object, right: object) -> str:
    """Return the first part in which they differ."""
    while isinstance(says, list | tuple) and isinstance(right, list | tuple) and len(says) == len(right):
        unequal = [pair for pair in zip(says, right, strict=True) if pair[0] != pair[1]]
        if not unequal:
            break
        says, right = unequal[0]
    return f"{says!r} instead of {right!r}"


def _ledger_judge(made: Path) -> tuple[Judge, bytes]:
    sound = made / "ledger.sqlite"
    with Ledger(sound, BEICHEN) as ledger:
        exported: list[Exported] = [tuple(row.values()) for row in ledger.events_since(0).to_pylist()]
    faults, right = _all_said(sound, exported)
    assert faults == [], faults
    place = Path(tempfile.mkdtemp(dir=made.parent))
    path = place / "ledger.sqlite"

    def judge(mutant: bytes) -> Verdict:
        path.write_bytes(mutant)
        try:
            faults, says = _all_said(path, exported)
            verdict = "named by the check" if faults else "right"
            assert faults or says == right, f"the check finds nothing, and it says {_difference(says, right)}"
        except StoreError:
            verdict = "refused with an error"
        for entry in place.iterdir():
            entry.unlink()
        return verdict

    return judge, sound.read_bytes()


_KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], tuple[Judge, bytes]]]] = {
    "parquet": (_make_parquet, _parquet_judge),
    "journal": (_make_journal, _journal_judge),
    "ledger": (_make_ledger, _ledger_judge),
}


if __name__ == "__main__":
    main()
