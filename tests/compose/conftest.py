"""The shipped broker configuration, running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.site import SiteBroker, make_device, make_site, running


@pytest.fixture(scope="module")
def site_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteBroker]:
    """Run a site's broker for a module, with certificates for the devices gs-01 and gs-02."""
    site = make_site(tmp_path_factory.mktemp("compose"))
    for device_id in ("gs-01", "gs-02"):
        assert make_device(site, device_id).returncode == 0
    with running(SiteBroker(site)) as broker:
        yield broker


@pytest.fixture
def own_site(tmp_path: Path) -> Path:
    """Return a fresh site for a test that changes it."""
    return make_site(tmp_path)
