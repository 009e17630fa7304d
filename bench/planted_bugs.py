"""Plants bugs that matter, one at a time, into a copy of the project, and sees the tests turn red.

    python -m bench.planted_bugs            every bug of bench/planted_bugs.toml
    python -m bench.planted_bugs WORDS      those whose name holds these words

A test suite that stays green with a planted bug has a hole. First the same tests must be green without any; then each
bug's tests must fail. Prints a line a bug; exit 1 when one survived, or no longer fits the code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
_TIMEOUT_S = 600
_PATIENCE = ("tests/waiting.py", "PATIENCE_S = 180.0", "PATIENCE_S = 60.0")
"""A test that turns red by waiting in vain waits no longer than that; without any bug all are green with it too."""
_GREEN = 0
_RED = 1
"""pytest's exit code when tests failed; others say that it could not run them."""


@dataclass(frozen=True, slots=True)
class Bug:
    """What is planted, and who must notice.

    file: from the project's root
    old, new: text that stands in it exactly once, and what takes its place
    tests: arguments for pytest
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def planted_in(self, text: str) -> str:
        """Return the file's text with the bug. Raises: ValueError when it does not fit any more."""
        times = text.count(self.old)
        if times != 1:
            raise ValueError(f"{self.name}: its text stands {times} times in {self.file}; follow the code in the list")
        return text.replace(self.old, self.new)


def all_bugs() -> list[Bug]:
    """Return the list."""
    listed = tomllib.loads((PROJECT / "bench" / "planted_bugs.toml").read_text(encoding="utf-8"))["bug"]
    return [Bug(**one | {"tests": tuple(one["tests"])}) for one in listed]


def main() -> int:
    """Plant them."""
    words = " ".join(sys.argv[1:])
    bugs = [bug for bug in all_bugs() if words in bug.name]
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "project"
        _copy(copy)
        sound = sorted({bug.tests for bug in bugs})
        for tests in sound:
            if (code := _code_of(copy, tests)) != _GREEN:
                print(f"without any bug {' '.join(tests)} must be green, pytest ended with {code}")
                return 1
        survivors = [bug for bug in bugs if not _is_noticed(copy, bug)]
    print(f"{len(bugs)} planted, {len(bugs) - len(survivors)} noticed, {len(survivors)} survived")
    return 1 if survivors or not bugs else 0


def _copy(target: Path) -> None:
    """Copy what git knows of, as it is now, with less patience. Raises: ValueError when that cannot be changed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout
    for name in os.fsdecode(listed).split("\0"):
        if name and (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name)
    name, long, short = _PATIENCE
    waiting = (PROJECT / name).read_text(encoding="utf-8")
    if long not in waiting:
        raise ValueError(f"{name} no longer says {long}")
    (target / name).write_text(waiting.replace(long, short), encoding="utf-8")


def _is_noticed(copy: Path, bug: Bug) -> bool:
    began = time.monotonic()
    with _planted(copy, bug):
        code = _code_of(copy, bug.tests)
    said = "noticed" if code == _RED else f"SURVIVED (pytest ended with {code})"
    print(f"{said:<10} {time.monotonic() - began:5.1f} s  {bug.name}", flush=True)
    return code == _RED


@contextmanager
def _planted(copy: Path, bug: Bug) -> Iterator[None]:
    path = copy / bug.file
    sound = path.read_text(encoding="utf-8")
    path.write_text(bug.planted_in(sound), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(sound, encoding="utf-8")


def _code_of(copy: Path, tests: tuple[str, ...]) -> int:
    """Run tests in the copy, up to the first that fails, and return pytest's exit code."""
    quiet = ["-n", "0", "-q", "-x", "--no-header", "-p", "no:cacheprovider", "--timeout", str(_TIMEOUT_S)]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *quiet, *tests]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
