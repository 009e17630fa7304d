"""A disk without a byte or an inode left is waited for, and nothing is lost or half there."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.faults.frame import BUSY_S


def test_a_disk_that_runs_out_of_bytes_and_of_inodes_costs_nothing_once_it_is_freed() -> None:
    command = [sys.executable, "-m", "tests.faults.full_disks", "--cycles", "2", "--within", str(BUSY_S)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert json.loads(done.stdout)["lost"] == 0
