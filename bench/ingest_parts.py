"""What the parts of ingest cost without a broker beside them: `python -m bench.ingest_parts`.

Cuts the packets that `bench.flood` would send, as if the socket brought them, commits them in groups as the journal
does, then seals until nothing waits, in one thread, so that little of what else the machine does is in it. Prints CPU
seconds of each part per 100,000 messages, of these the system's, and the most memory of the process; exit 1 when not
every message was stored. To compare two versions run each in turn, several times. `--messages N`,
`--envelope native|chirpstack|things_stack`.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.flood import ENVELOPES, packets_of
from ingest.frames import READ_BYTES, Frames, cut_frames
from ingest.heap import give_back
from ingest.inbox import Inbox
from ingest.lake.layout import DataFolder
from ingest.registers.snapshot import Registers
from ingest.seal.pace import Pace
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN

_GROUP_MESSAGES = 8_192
"""Of a backlog's groups, as `ingest.mqtt.journal` commits them without waiting for more."""


class _Costs:
    """CPU seconds of each part, and of these the system's."""

    def __init__(self) -> None:
        self.of: dict[str, tuple[float, float]] = {}

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add what the block costs."""
        before = resource.getrusage(resource.RUSAGE_SELF)
        yield
        after = resource.getrusage(resource.RUSAGE_SELF)
        system_s = after.ru_stime - before.ru_stime
        total, system = self.of.get(name, (0.0, 0.0))
        self.of[name] = (total + after.ru_utime - before.ru_utime + system_s, system + system_s)


def main() -> int:
    """Measure once, and print a line for each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--envelope", choices=tuple(ENVELOPES), default="native")
    options = parser.parse_args()
    costs = _Costs()
    with tempfile.TemporaryDirectory() as temporary:
        folder, came = DataFolder(Path(temporary) / "data"), Path(temporary) / "came"
        with came.open("wb") as sink:
            sink.writelines(packets_of(map(ENVELOPES[options.envelope], range(options.messages))))
        with Inbox(folder.inbox) as inbox:
            _receive(came, inbox, costs)
            stored = _seal(folder, inbox, costs)
    parts = {**costs.of, "together": tuple(map(sum, zip(*costs.of.values(), strict=True)))}
    print(f"{options.messages:,} messages, {options.envelope}; CPU s per 100,000, of these the system's")
    for name, (total, system) in parts.items():
        print(f"{name:<32} {total * 100_000 / options.messages:.3f} {system * 100_000 / options.messages:.3f}")
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB; stored {stored:,}")
    return 0 if stored == options.messages else 1


def _receive(came: Path, inbox: Inbox, costs: _Costs) -> None:
    """Commit all packets of the file."""
    ahead, runs = b"", list[Frames]()
    with came.open("rb") as socket:
        while piece := socket.read(READ_BYTES):
            with costs.part("cutting packets from what came"):
                frames, ahead, _ = cut_frames(ahead + piece, time.time_ns() // 1000, is_five=False)
            runs += [] if frames is None else [frames]
            if sum(map(len, runs)) >= _GROUP_MESSAGES or socket.tell() == came.stat().st_size:
                with costs.part("joining, compressing, committing"):
                    inbox.append(Frames.joined(runs))
                runs = []


def _seal(folder: DataFolder, inbox: Inbox, costs: _Costs) -> int:
    """Seal all that waits; return how many messages were stored."""
    stored = 0
    sealer, registers = Sealer(folder, BEICHEN, "bench"), Registers(folder)
    while inbox.backlog().groups:
        with costs.part("reading the inbox"):
            oldest = inbox.oldest(Pace().seal_bytes)
        with costs.part("sealing"):
            stored += sealer.seal(oldest.messages, registers.current()).outcomes["stored"]
        with costs.part("removing, giving memory back"):
            inbox.remove_through(oldest.last_group)
    with costs.part("removing, giving memory back"):
        give_back()
    return stored


if __name__ == "__main__":
    sys.exit(main())
