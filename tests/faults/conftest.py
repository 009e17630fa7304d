"""What the tests that kill processes share."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def crash_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or pytest.fail("no C compiler; ./run test installs it, or: apt-get install gcc")
    library = tmp_path_factory.mktemp("crash") / "crash_points.so"
    source = Path(__file__).with_name("crash_points.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", library, source, "-ldl"], check=True)
    return library
