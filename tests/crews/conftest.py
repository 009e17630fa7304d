"""A fresh ledger, and a data folder with the made district."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crews.ledger import Ledger
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.preview import made_folder


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return an empty ledger."""
    with Ledger(tmp_path / "ledger" / "ledger.sqlite", BEICHEN) as opened:
        yield opened


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """Return a data folder with the made district, shared by the tests of one file."""
    return made_folder(tmp_path_factory.mktemp("made") / "data")
