"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ingest.lake.layout import DataFolder
from tests.mosquitto import Mosquitto

SHARED = Path(__file__).resolve().parents[2] / "shared"
_LONGEST = ("tests/faults/",)

# How long an example takes says how busy the machine is; of one that fails it is told how to play it again.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("busy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first, so that no worker begins them when the others are done."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data beside the project; tests that need it are left out where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("reference data (../shared) is not here")
    return SHARED


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """Return an empty data folder on the real disk."""
    return DataFolder(tmp_path / "data")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Run a real Mosquitto with persistence for one test."""
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    yield broker
    broker.stop()
