"""I1: what was acknowledged is there after a power cut."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ingest.errors import StoreError
from ingest.lake.layout import DataFolder
from ingest.status import read_status
from tests.faults.disks import FILE_SYSTEMS

_CUTS = 20
_TIMEOUT_S = 900


@pytest.mark.timeout(_TIMEOUT_S)
def test_twenty_power_cuts_on_each_file_system_lose_nothing_and_double_nothing() -> None:
    cutting = {
        kind: subprocess.Popen(
            [sys.executable, "-m", "tests.faults.power_cuts", kind, "--cuts", str(_CUTS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for kind in FILE_SYSTEMS
    }
    said = {kind: cut.communicate(timeout=_TIMEOUT_S) for kind, cut in cutting.items()}
    for kind, cut in cutting.items():
        assert cut.returncode == 0, f"{kind}: {said[kind][1][-3_000:]}"
        figures = json.loads(said[kind][0])
        assert figures["cuts"] == _CUTS
        assert figures["readings"] > _CUTS


@pytest.mark.parametrize("left", [b"", b"\0" * 700], ids=["no bytes", "zeros"])
def test_a_status_that_a_power_cut_emptied_is_no_status(folder: DataFolder, left: bytes) -> None:
    folder.root.mkdir()
    folder.status_file.write_bytes(left)
    assert read_status(folder) is None


def test_a_status_of_other_bytes_is_an_error_that_names_the_file(folder: DataFolder) -> None:
    folder.root.mkdir()
    folder.status_file.write_bytes(b'{"pid": 7')
    with pytest.raises(StoreError, match=r"ingest-status\.json"):
        read_status(folder)
