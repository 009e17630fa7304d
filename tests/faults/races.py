"""Who may write, and who may be which client: settled for every two that start at the same moment.

    python -m tests.faults.races --lakes 100 --clients 100

Lakes: three processes start at once on one data folder whose last holder was killed; one gets it, the others name that
one. Clients: two `ingest` with one client id start at once on two folders; at least one of them ends by itself, says
why, and what is published afterwards is stored by whoever is left.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from greensward.console import EXIT_IN_USE
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import AlreadyOwnedError, own
from tests.end_to_end.running import publish, rows_in_lake
from tests.faults.stream import Forked, Ingest, message
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

_AT_ONCE = 3
_PROMPT_S = 60.0
"""Longest that two clients may fight: three takeovers, with the pauses between."""


def main() -> None:
    """Race, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lakes", type=int, default=100)
    parser.add_argument("--clients", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as workdir:
        figures = race_for_a_lake(options.lakes, Path(workdir)) | race_for_a_client_id(options.clients, Path(workdir))
    sys.stdout.write(json.dumps(figures) + "\n")


def race_for_a_lake(races: int, workdir: Path) -> dict[str, object]:
    """Return the figures. Raises: AssertionError when two hold one lake, none does, or another holder is named."""
    folder = DataFolder(workdir / "raced")
    for race in range(races):
        start_reader, start_writer = os.pipe()
        told = [workdir / f"race-{number}" for number in range(_AT_ONCE)]
        runners = [Forked(_runner(folder, start_reader, start_writer, path), workdir / "races.log") for path in told]
        os.close(start_reader)
        os.close(start_writer)  # they all read until here
        wait_until(lambda: all(path.exists() for path in told), f"race {race} is settled")  # noqa: B023
        said = [path.read_text() for path in told]
        winners = [runner.pid for runner, words in zip(runners, said, strict=True) if words == "mine"]
        for runner in runners:
            runner.end(signal.SIGKILL)
        for path in told:
            path.unlink()
        assert len(winners) == 1, f"race {race}: {said}"
        others = [words for words in said if words != "mine"]
        assert all(f"process {winners[0]} on" in words for words in others), f"race {race}: {winners[0]}, {others}"
    return {"races for a lake": races}


def _runner(folder: DataFolder, start: int, start_writer: int, told: Path) -> Callable[[], int]:
    def run() -> int:
        os.close(start_writer)
        os.read(start, 1)
        try:
            with own(folder):
                _say(told, "mine")
                signal.pause()
        except AlreadyOwnedError as error:
            _say(told, str(error))
            signal.pause()
        return 0

    return run


def _say(path: Path, words: str) -> None:
    temporary = path.with_suffix(".part")
    temporary.write_text(words)
    temporary.rename(path)


def race_for_a_client_id(races: int, workdir: Path) -> dict[str, object]:
    """Return the figures. Raises: AssertionError when both stay, or what is published afterwards is not stored."""
    slowest_s = 0.0
    mosquitto = Mosquitto(workdir / "mosquitto")
    mosquitto.start()
    number = 0
    try:
        for race in range(races):
            pair = [
                Ingest(DataFolder(workdir / f"{race}-{name}"), mosquitto.port, workdir / f"{race}-{name}.log")
                for name in "ab"
            ]
            began = time.monotonic()
            for ingest in pair:
                ingest.start()
            wait_until(lambda: any(one.has_ended() for one in pair), "one gives way", timeout_s=_PROMPT_S)  # noqa: B023
            slowest_s = max(slowest_s, time.monotonic() - began)
            left = [ingest for ingest in pair if not ingest.has_ended()]
            for ingest in pair:
                if ingest not in left:
                    assert ingest.end() == EXIT_IN_USE, ingest.said()
                    assert "another client connects as 'greensward-ingest-1'" in " ".join(ingest.said().split())
            survivor = left[0] if left else pair[0]
            if not left:
                survivor.start()
            publish(mosquitto, [message(number)])
            number += 1
            folder = DataFolder(workdir / f"{race}-{'ab'[pair.index(survivor)]}")
            wait_until(lambda: rows_in_lake(folder) >= 1, "the one that is left goes on", PATIENCE_S)  # noqa: B023
            survivor.end()
    finally:
        mosquitto.stop()
    return {"races for a client id": races, "longest fight, s": round(slowest_s, 1)}


if __name__ == "__main__":
    main()
