"""What a kill before any call that makes data last leaves behind, and whether work goes on from it as if nothing was.

A process killed with -9 leaves its files as they were at that moment: the kernel has all that it was told. So one run
of the work, which stops before each such call and copies its folder, gives what a kill before each call would leave; a
process for each kill would do the same work hundreds of times. What is equal byte by byte is judged once (nothing that
one sees changes before and after an fsync). Some points are killed for good all the same, to see that the copies tell
the truth. Preloaded with crash_points.c.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy.ma  # noqa: F401 - loaded before forking
import pyarrow.dataset  # noqa: F401 - loaded before forking
import pyproj
import shapely  # noqa: F401 - loaded before forking

from ingest.decode.device_models import all_models
from ingest.lake.tables import all_tables

WATCHED = "data"
"""The folder in a scenario's place whose calls are counted; what lies beside it plays the world outside."""

_library = ctypes.CDLL(None)
_SEES = ctypes.CFUNCTYPE(None, ctypes.c_int)


@dataclass(frozen=True, slots=True)
class Judged:
    """An assertion about a place, and the paths below it that it looks at: where those are equal it holds or fails."""

    paths: tuple[str, ...]
    holds: Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Work that can be killed anywhere and is then done again from its start.

    prepare: makes what is there before, in an empty folder
    work: does the work in that folder, or what is left of it to do
    met: what whoever reads right after the kill must find
    settled: what must be so once the work was done again
    """

    name: str
    prepare: Callable[[Path], None]
    work: Callable[[Path], None]
    met: tuple[Judged, ...]
    settled: Judged


@dataclass(slots=True)
class Figures:
    """How many calls there were before which a kill was played, and what was seen."""

    calls: int = 0
    calls_while_recovering: int = 0
    different_states: int = 0
    judged: int = 0
    killed: int = 0
    failures: list[str] = field(default_factory=list)


def load_before_forking() -> None:
    """Read the tables of the project once, for all children."""
    all_tables()
    all_models()
    pyproj.Geod(ellps="WGS84")


def in_child(action: Callable[[], None], errors: Path) -> int:
    """Run `action` in a forked child and return its wait status; a traceback goes to `errors`."""
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            action()
        except BaseException:  # noqa: BLE001 - the parent sees the code and the file
            errors.write_text(traceback.format_exc())
            code = 1
        os._exit(code)
    return os.waitpid(pid, 0)[1]


class Crashes:
    """Plays kills of a scenario in `workdir`, which had better lie in memory: to a kill the disk has nothing to say."""

    def __init__(self, scenario: Scenario, workdir: Path) -> None:
        """Prepare."""
        load_before_forking()
        self.figures = Figures()
        self._scenario = scenario
        self._start, self._place, self._states = workdir / "start", workdir / "place", workdir / "states"
        self._errors, self._count = workdir / "errors", workdir / "count"
        self._known: set[str] = set()
        self._right: dict[tuple[str, str], str] = {}
        self._start.mkdir(parents=True)
        self._states.mkdir()
        self._must(lambda: scenario.prepare(self._start), "preparing")

    def play(self, inside_every: int = 1, again_every: int = 0, killed_every: int = 0) -> Figures:
        """Kill before every call; return what was seen.

        inside_every: of the states that differ from the one before in the bytes of files alone (a journal that is
            being written), so many apart are judged; those in which names came or went are judged all
        again_every: of the states that are left, so many apart are recovered from with kills before every call; 0: none
        killed_every: calls so many apart are also met by a real kill; 0: none
        """
        calls, left = self._left_by_kills(self._start)
        self.figures.calls += calls
        names_before: set[Path] = set()
        for number, state in enumerate(left):
            names = {path.relative_to(state) for path in state.rglob("*")}
            is_inside, names_before = names == names_before, names
            if is_inside and number % inside_every:
                shutil.rmtree(state)
                continue
            self.figures.judged += 1
            if again_every and number % again_every == again_every // 2:
                more, deeper = self._left_by_kills(state)
                self.figures.calls_while_recovering += more
                for one in deeper:
                    self.figures.judged += 1
                    self._judge(one, f"a kill while recovering from what lies in {state.name}")
            self._judge(state, "a kill")
        for call in range(1, calls + 1, killed_every) if killed_every else ():
            self._kill(call)
        return self.figures

    def _left_by_kills(self, origin: Path) -> tuple[int, list[Path]]:
        """Return how many calls the work makes from `origin` on, and the different places that kills would leave."""
        self._begin_from(origin)
        self._must(self._work_watched, f"the work, watched, from {origin.name}")
        made = [self._states / name for name in self._count.read_text().split()[1:]]
        self._known.update(path.name for path in made)
        self.figures.different_states += len(made)
        return int(self._count.read_text().split()[0]), made

    def _work_watched(self) -> None:
        made: list[str] = []

        def see(call: int) -> None:
            try:
                name = fingerprint(self._place, (".",))
                if name not in self._known:
                    self._known.add(name)
                    shutil.copytree(self._place, self._states / name)
                    made.append(name)
            except BaseException:  # noqa: BLE001 - in a callback of C nobody would see it
                self._errors.write_text(f"before call {call}: {traceback.format_exc()}")
                os._exit(1)

        seen = _SEES(see)
        _library.crash_points_watch(os.fsencode(self._place / WATCHED), seen)
        self._scenario.work(self._place)
        self._count.write_text(" ".join((str(_library.crash_points_count()), *made)))

    def _kill(self, call: int) -> None:
        self._begin_from(self._start)

        def armed() -> None:
            _library.crash_points_arm(os.fsencode(self._place / WATCHED), call)
            self._scenario.work(self._place)

        self.figures.killed += os.WIFSIGNALED(in_child(armed, self._errors))
        self._judge(self._place, f"a real kill before call {call}")

    def _judge(self, state: Path, after: str) -> None:
        """Look at what lies in `state`, do the work to its end there, look again, and remove it."""
        for judged in self._scenario.met:
            self._hold(judged, state, f"after {after}")
        self._do(lambda: self._scenario.work(state), f"the work after {after}")
        self._hold(self._scenario.settled, state, f"after {after} and the work")
        shutil.rmtree(state)

    def _hold(self, judged: Judged, state: Path, when: str) -> None:
        key = (judged.holds.__qualname__, fingerprint(state, judged.paths))
        if key not in self._right:
            self._right[key] = self._do(lambda: judged.holds(state), when)
        elif self._right[key]:
            self.figures.failures.append(f"{when}: {self._right[key]}")

    def _begin_from(self, origin: Path) -> None:
        shutil.rmtree(self._place, ignore_errors=True)
        shutil.copytree(origin, self._place)

    def _must(self, action: Callable[[], None], what: str) -> None:
        if self._do(action, what):
            raise RuntimeError(self.figures.failures[-1])

    def _do(self, action: Callable[[], None], what: str) -> str:
        """Do it in a child and return what went wrong, which is noted, or nothing."""
        self._errors.unlink(missing_ok=True)
        status = in_child(action, self._errors)
        if not status:
            return ""
        said = self._errors.read_text()[-1_500:] if self._errors.exists() else f"wait status {status}"
        self.figures.failures.append(f"{what}: {said}")
        return said


def fingerprint(place: Path, paths: tuple[str, ...]) -> str:
    """Return a hash of all names and bytes at `paths` below `place`; what is not there counts as such."""
    digest = hashlib.sha256()
    for path in sorted(found for name in paths for found in _below(place / name)):
        digest.update(os.fsencode(path.relative_to(place)) + b"\0")
        if path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _below(path: Path) -> list[Path]:
    return [path, *path.rglob("*")] if path.is_dir() else [path]
