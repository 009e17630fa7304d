"""A process that runs for months gives memory back; each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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


def _said(program: str, **environment: str) -> str:
    command = [sys.executable, "-c", program]
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
