"""A process that runs for months gives memory back; each in a process of its own, as all of one shares the choice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_HEAPS = """
import ctypes, sys, threading
from pathlib import Path
from ingest.lake.layout import DataFolder
from ingest.mqtt.session import Broker
from ingest.site import BEICHEN
from ingest.worker import Pace, Worker

folder, works = Path(sys.argv[1]), sys.argv[2] == "works"
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p

def heaps():
    stream = ctypes.c_void_p(libc.fopen(bytes(folder / "heaps"), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    return (folder / "heaps").read_text().count("<heap nr=")

def take():
    blocks = [ctypes.create_string_buffer(5_000) for _ in range(50)]
    together.wait()
    together.wait()

worker = Worker(DataFolder(folder / "data"), BEICHEN, Broker("127.0.0.1", 1, "w"), Pace(), "test")
if works:
    worker.start()
before, together = heaps(), threading.Barrier(5)
threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads:
    thread.start()
together.wait()
print(heaps() - before)
together.wait()
worker.stop()
"""


def _said(program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_in_a_worker_all_threads_share_one_heap(tmp_path: Path) -> None:
    assert int(_said(_HEAPS, str(tmp_path), "rests")) > 0, "by itself glibc gives each thread its own"
    assert int(_said(_HEAPS, str(tmp_path), "works")) == 0


@pytest.mark.parametrize("first", ["greensward.cli", "ingest.worker", "greensward.evaluation"])
def test_arrow_takes_memory_from_where_it_is_given_back(first: str) -> None:
    said = _said(f"import {first}, pyarrow; print(pyarrow.default_memory_pool().backend_name)")
    assert said == "system"
