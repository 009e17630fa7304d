"""What the tests that kill processes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.needs import preloaded


@pytest.fixture(scope="session")
def crash_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return preloaded("crash_points.c", tmp_path_factory.mktemp("crash"))
