"""What a proof needs of the machine; what is missing fails it with one line that says what to install."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_ADMINISTRATORS = ("/usr/sbin", "/sbin")


def needed(tool: str, package: str) -> str:
    """Return the path of `tool`; without it the test fails and names the Debian package."""
    found = shutil.which(tool, path=os.pathsep.join((os.environ.get("PATH", ""), *_ADMINISTRATORS)))
    return found or pytest.fail(f"{tool} is missing; ./run test installs it, or: apt-get install {package}")


def as_root(*command: str | Path, why: str) -> str:
    """Run a command that only root may run and return what it prints; where it may not run, the test fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = " ".join(str(word) for word in command)
        pytest.fail(f"{why}: run the tests as root on a machine that may do this. {words}: {done.stderr.strip()}")
    return done.stdout


def preloaded(source: str, into: Path) -> Path:
    """Compile tests/faults/`source` into a library for LD_PRELOAD in the folder `into`, and return it."""
    library = into / source.replace(".c", ".so")
    code = Path(__file__).with_name(source)
    command: list[str | Path] = [needed("cc", "gcc libc6-dev"), "-shared", "-fPIC", "-O1", "-Wall", "-o", library]
    subprocess.run([*command, code, "-ldl"], check=True)
    return library
