"""What every command that breaks something under a stream has in common: broker, ingest, stream, and the count after.

A command breaks things inside `under_a_stream`; when its block ends every published reading must be in the lake once,
and every file of it whole.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.heap import SPARING
from ingest.lake.layout import DataFolder
from ingest.status import IngestStatus, read_status
from tests.end_to_end.running import assert_each_reading_once, assert_files_are_whole
from tests.faults.needs import preloaded
from tests.faults.stream import Ingest, Publisher, wait_until_all_there
from tests.mosquitto import Mosquitto

Figures = dict[str, Any]

BUSY_S = 60
"""Within which ingest must seal again where all other tests run beside it; by itself it is ten seconds."""


@dataclass(slots=True)
class Running:
    """A broker, ingest that listens to it, and a stream; `figures` gets what came of it when the block is over.

    figures: readings (published), lost, doubled
    """

    folder: DataFolder
    mosquitto: Mosquitto
    ingest: Ingest
    publisher: Publisher
    figures: Figures = field(default_factory=dict)

    def status(self) -> IngestStatus:
        """Return what ingest last said of itself."""
        status = read_status(self.folder)
        assert status is not None
        return status

    def end_stream(self) -> int:
        """Stop publishing, and return how many readings were published, all of them acknowledged by the broker."""
        self.figures["readings"] = self.publisher.stop()
        return int(self.figures["readings"])


@contextmanager
def under_a_stream(
    workdir: Path,
    rate_per_s: float,
    *,
    root: Path | None = None,
    broker_extra: str = "",
    first: Callable[[], None] = lambda: None,
    **settings: str,
) -> Iterator[Running]:
    """Yield what runs; afterwards every reading is in the lake once, in whole files.

    root: of the data folder, where it is not to lie in `workdir`
    broker_extra, first, settings: as Mosquitto and Ingest take them
    Raises: AssertionError with the last words of ingest, also when the block raises one.
    """
    folder = DataFolder(root or workdir / "data")
    mosquitto = Mosquitto(workdir / "mosquitto", extra=broker_extra)
    mosquitto.start()
    ingest = Ingest(folder, mosquitto.port, workdir / "ingest.log", first=first, **settings)
    try:
        ingest.start()
        ingest.wait_until_listening()
        running = Running(folder, mosquitto, ingest, Publisher(mosquitto.port, rate_per_s, workdir))
        yield running
        published = running.figures.get("readings") or running.end_stream()
        wait_until_all_there(folder, published)
        assert_each_reading_once(folder, published)
        assert_files_are_whole(folder)
        running.figures |= {"lost": 0, "doubled": 0}
    except AssertionError as error:
        raise AssertionError(f"{error}; ingest said: {ingest.said()}") from error
    finally:
        ingest.end()
        mosquitto.stop()


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the module's docstring."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def tell(figures_in: Callable[[Path], Figures]) -> None:
    """Call it with an empty folder that is removed afterwards, and print the figures as one JSON line."""
    with tempfile.TemporaryDirectory() as workdir:
        sys.stdout.write(json.dumps(figures_in(Path(workdir))) + "\n")


@contextmanager
def preloaded_again(module: str) -> Iterator[None]:
    """Run the block with tests/faults/crash_points.c preloaded: in this process when it is, else this module anew.

    Raises: SystemExit with the other's code after it ran.
    """
    if "crash_points" in os.environ.get("LD_PRELOAD", ""):
        yield
        return
    with tempfile.TemporaryDirectory() as workdir:
        environment = os.environ | {"LD_PRELOAD": str(preloaded("crash_points.c", Path(workdir)))}
        command = [sys.executable, "-m", module, *sys.argv[1:]]
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    yield


def start_sparingly(module: str) -> None:
    """Go on as ingest is started where it runs for months: with the environment of our unit and of `up`.

    What this process forks has that as well. Where it has none yet it becomes `module` anew.
    """
    if SPARING.items() <= os.environ.items():
        return
    again = [sys.executable, "-m", module, *sys.argv[1:]]
    os.execve(sys.executable, again, os.environ | SPARING)  # noqa: S606 - ourselves


def run_command(module: str, *options: str) -> Figures:
    """Run such a command as a test does, and return its figures. Raises: AssertionError with what it said."""
    done = subprocess.run([sys.executable, "-m", module, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures
