"""A process that runs for months gives memory back; each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.heap import SPARING

_HEAPS = """
import ctypes, sys, tempfile, threading
together = threading.Barrier(5)

def take():
    blocks = [ctypes.create_string_buffer(5_000) for _ in range(50)]
    together.wait()
    together.wait()

threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads:
    thread.start()
together.wait()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as said:
    stream = ctypes.c_void_p(libc.fopen(said.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(said.read().count(b"<heap nr="))
together.wait()
"""


def _said(program: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return done.stdout.strip()


def test_all_threads_share_one_heap_whatever_was_loaded() -> None:
    assert int(_said(_HEAPS)) > 1, "by itself glibc gives each thread its own"
    assert _said(f"import ingest.worker\n{_HEAPS}") == "1"
    assert int(_said(f"import ingest.worker\n{_HEAPS}", MALLOC_ARENA_MAX="4")) > 1, "somebody chose otherwise"


@pytest.mark.parametrize("first", ["greensward.cli", "ingest.worker", "greensward.evaluation"])
def test_arrow_takes_memory_from_where_it_is_given_back(first: str) -> None:
    said = _said(f"import {first}, pyarrow; print(pyarrow.default_memory_pool().backend_name)")
    assert said == "system"


_KEPT = """
import ctypes

class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena o s h hd u f used_bytes free_bytes top".split()]

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.mallinfo2.restype = ctypes.c_void_p, Heap
before = libc.mallinfo2().used_bytes
for block in [libc.malloc(1_000) for _ in range(7)]:
    libc.free(ctypes.c_void_p(block))
print(libc.mallinfo2().used_bytes - before)
"""


def test_a_thread_keeps_nothing_of_what_it_freed() -> None:
    assert int(_said(_KEPT, GLIBC_TUNABLES="")) > 7_000, "by itself seven pieces of each size"
    assert int(_said(_KEPT, **SPARING)) < 1_000, "not even one"


_SEAL = """
import sys, greensward.cli, greensward.commands.ingest
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ingest.lake.layout import DataFolder
from ingest.observation import Message
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN

sealer = Sealer(DataFolder(Path(sys.argv[1])), BEICHEN, "test")
at = datetime(2026, 7, 2, tzinfo=UTC)
reading = b'{"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.2, "unit": "m3/m3"}'
said = b'{"schema": "greening.soil_reading/1", "measured_at": "2026-07-02T00:00:00Z", "readings": [%s]}' % reading
for seq in range(int(sys.argv[2])):
    message = Message(seq, at + timedelta(hours=1), "greensward/v1/beichen/gs-01/soil", said)
    sealer.seal([message], RegisterSnapshot({}, frozenset(), ()))
print(*sorted({"duckdb", "shapely", "pyproj"} & sys.modules.keys()))
"""


@pytest.mark.parametrize(("times", "loaded"), [(1, ""), (2, "duckdb")])
def test_what_new_readings_do_without_is_not_loaded(tmp_path: Path, times: int, loaded: str) -> None:
    """40 MB of pages and 10 of the process's own, a third of all."""
    assert _said(_SEAL, str(tmp_path / "data"), str(times)) == loaded
