"""A network that falls silent or loses a fifth of its packets under ingest.

    python -m tests.faults.broken_networks --silences 30 --loss-seconds 60

Silence: every packet is dropped, and nobody is told. Ingest must notice within two keepalives, and be back within five
seconds once packets pass again; it may take `--turn` (1 s) more to say so. Loss: 20 % of the packets in each direction.
A stream of readings runs all the time; in the end every one is in the lake once.
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
from tests.end_to_end.running import assert_each_reading_once
from tests.faults.networks import network
from tests.faults.stream import Ingest, Publisher, wait_until_all_there
from tests.mosquitto import Mosquitto, free_port
from tests.waiting import wait_until

KEEPALIVE_S = 5
NOTICED_S = 2 * KEEPALIVE_S
BACK_S = 5.0
LOSS = 0.2
_RATE_PER_S = 100


def main() -> None:
    """Break the network, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--silences", type=int, default=30)
    parser.add_argument("--longest", type=float, default=20, help="most seconds that a silence goes on once noticed")
    parser.add_argument("--loss-seconds", type=float, default=60)
    parser.add_argument("--turn", type=float, default=1, help="most seconds that ingest takes to say what it noticed")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as workdir:
        figures = break_network(
            options.silences, options.longest, options.loss_seconds, options.turn, options.seed, Path(workdir)
        )
    sys.stdout.write(json.dumps(figures) + "\n")


def break_network(
    silences: int, longest_s: float, loss_s: float, turn_s: float, seed: int, workdir: Path
) -> dict[str, object]:
    """Return the figures.

    longest_s: a silence lasts up to this long after it was noticed
    turn_s: in which ingest says what it has noticed
    Raises: AssertionError when anything is late, lost or doubled.
    """
    chance = random.Random(seed)
    noticed_s: list[float] = []
    back_s: list[float] = []
    folder = DataFolder(workdir / "data")
    with network() as cable:
        port = free_port()
        mosquitto = Mosquitto(workdir / "mosquitto", extra=f"listener {port} {cable.broker_host}\n")
        mosquitto.start()
        ingest = Ingest(
            folder,
            port,
            workdir / "ingest.log",
            first=cable.enter,
            BROKER__HOST=cable.broker_host,
            BROKER__KEEPALIVE_S=str(KEEPALIVE_S),
            BROKER__ALLOW_INSECURE="true",
        )
        try:
            ingest.start()
            ingest.wait_until_listening()
            publisher = Publisher(mosquitto.port, _RATE_PER_S, workdir)
            for _ in range(silences):
                told = ingest.said().count("no broker yet")
                with cable.silent():
                    began = time.monotonic()
                    wait_until(
                        lambda: ingest.said().count("no broker yet") > told,  # noqa: B023 - waited for at once
                        "the silence is noticed",
                        timeout_s=NOTICED_S + turn_s,
                    )
                    noticed_s.append(time.monotonic() - began)
                    time.sleep(chance.uniform(0, longest_s))
                began = time.monotonic()
                connected = ingest.said().count("connected to the broker")
                wait_until(
                    lambda: ingest.said().count("connected to the broker") > connected,  # noqa: B023
                    "ingest is back",
                    timeout_s=BACK_S + turn_s,
                )
                back_s.append(time.monotonic() - began)
            with cable.losing(LOSS):
                time.sleep(loss_s)
            published = publisher.stop()
            wait_until_all_there(folder, published)
            assert_each_reading_once(folder, published)
            assert not ingest.has_ended()
        except AssertionError as error:
            raise AssertionError(f"{error}; ingest said: {ingest.said()}") from error
        finally:
            ingest.end()
            mosquitto.stop()
    return {
        "silences": silences,
        "longest until noticed, s": round(max(noticed_s, default=0), 1),
        "longest until back, s": round(max(back_s, default=0), 1),
        "seconds with 20 % loss": loss_s,
        "readings": published,
        "lost": 0,
        "doubled": 0,
    }


if __name__ == "__main__":
    main()
