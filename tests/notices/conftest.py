"""Robots on this machine, and a made district to tell of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.lake.layout import DataFolder
from tests.crews.preview import made_folder
from tests.notices.sending import Sending
from tests.robots import Vendors, vendors


@pytest.fixture
def robots() -> Iterator[Vendors]:
    with vendors() as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return made_folder(tmp_path / "data")


@pytest.fixture
def sending(folder: DataFolder) -> Iterator[Callable[..., Sending]]:
    made: list[Sending] = []

    def make(toml: str, **how: object) -> Sending:
        made.append(Sending(folder, toml, **how))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()
