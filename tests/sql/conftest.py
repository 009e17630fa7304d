"""Fixtures of the SQL tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sql.made_lake import MadeLake


@pytest.fixture
def lake() -> Iterator[MadeLake]:
    """Return an empty made lake."""
    made = MadeLake()
    yield made
    made.connection.close()
