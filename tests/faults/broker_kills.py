"""A broker that is killed with -9 again and again under a stream, and started again.

    python -m tests.faults.broker_kills --kills 50

Mosquitto saves once a second (`autosave_interval 1`): what it acknowledged to a sender and neither saved nor handed on
is lost by it, not by us, and is counted. Ingest must hear its topics again `--within` (5 s) after the broker takes
connections, store nothing twice, end by nothing, and lose nothing that it acknowledged: what is missing in the end was
published within two seconds before a kill.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from ingest.lake.layout import DataFolder
from ingest.status import read_status
from tests.end_to_end.running import asked
from tests.faults.stream import Ingest, Publisher, missing, spans
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

BACK_S = 5.0
RATE_PER_S = 150
WINDOW_S = 2.0
"""A save a second, and the second in which it is due."""
_OURS = "as greensward-ingest-1"
"""What the broker's log says when ingest has connected."""
_AGAIN_S = 1.5
"""Longest pause between two kills."""
_DOWN_S = (0.3, 0.8)
"""How long it is away: one that is there again at the very moment looks like a second client with our id."""


def main() -> None:
    """Kill, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--within", type=float, default=BACK_S, help="most seconds until ingest is back")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as workdir:
        sys.stdout.write(json.dumps(kill_broker(options.kills, options.within, options.seed, Path(workdir))) + "\n")


def kill_broker(kills: int, within_s: float, seed: int, workdir: Path) -> dict[str, object]:
    """Return the figures. Raises: AssertionError when more is lost than the broker may lose, or anything is doubled."""
    chance = random.Random(seed)
    folder = DataFolder(workdir / "data")
    mosquitto = Mosquitto(workdir / "mosquitto")
    mosquitto.start()
    log = workdir / "mosquitto" / "mosquitto.log"
    ingest = Ingest(folder, mosquitto.port, workdir / "ingest.log")
    back_s: list[float] = []
    try:
        ingest.start()
        ingest.wait_until_listening()
        publisher = Publisher(mosquitto.port, RATE_PER_S, workdir)
        for _ in range(kills):
            time.sleep(chance.uniform(0, _AGAIN_S))
            came = log.read_text().count(_OURS)
            mosquitto.kill()
            time.sleep(chance.uniform(*_DOWN_S))
            mosquitto.start()
            began = time.monotonic()
            wait_until(
                lambda: log.read_text().count(_OURS) > came,  # noqa: B023 - waited for at once
                "ingest is back",
                timeout_s=within_s,
            )
            back_s.append(time.monotonic() - began)
        published = publisher.stop()
        lost = _settled(folder, ingest, published)
        status = read_status(folder)
        assert status is not None
        assert not ingest.has_ended()
    except AssertionError as error:
        raise AssertionError(f"{error}; ingest said: {ingest.said()}") from error
    finally:
        ingest.end()
        mosquitto.stop()
    ((rows, distinct),) = asked(
        folder, "select count(*), count(distinct (device_id, depth_cm, measured_at)) from soil_readings"
    )
    assert rows == distinct == published - len(lost), f"{rows} rows, {distinct} of them different, {len(lost)} missing"
    assert len(lost) <= kills * RATE_PER_S * WINDOW_S, f"more than the broker's window: {spans(lost)} of {published}"
    return {
        "kills": kills,
        "readings": published,
        "lost by the broker": len(lost),
        "most in one gap": max((_length(gap) for gap in spans(lost).split(", ") if gap), default=0),
        "doubled": 0,
        "stale acknowledgements dropped": status.stale_acks_dropped,
        "longest until back, s": round(max(back_s, default=0), 1),
    }


def _settled(folder: DataFolder, ingest: Ingest, published: int) -> list[int]:
    """Return what is missing once the newest is there and nothing more comes for ten seconds."""
    deadline = time.monotonic() + PATIENCE_S
    lost, since = missing(folder, published), time.monotonic()
    while lost and time.monotonic() - since < 10 * WINDOW_S / 2:
        assert time.monotonic() < deadline, ingest.said()
        time.sleep(0.2)
        if (now := missing(folder, published)) != lost:
            lost, since = now, time.monotonic()
    return lost


def _length(gap: str) -> int:
    first, _, last = gap.partition(" to ")
    return int(last or first) - int(first) + 1


if __name__ == "__main__":
    main()
