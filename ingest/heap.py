"""How a process that runs for months takes memory, and gives it back.

Why: docs/decisions/0021-memory-is-given-back.md. Where Arrow takes its own from is said
in ingest/__init__.py, before anything loads Arrow.
"""

from __future__ import annotations

import ctypes

import pyarrow as pa

_ARENA_MAX = -8
"""M_ARENA_MAX of mallopt(3) in glibc."""


def share_one_heap() -> None:
    """Let all threads take memory from one heap; call it before they begin. Does nothing where the system lacks it.

    glibc gives threads a heap each, and what one thread has freed another cannot use: with those of Arrow and DuckDB a
    dozen heaps fill with holes, which is where 30 MB an hour went.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Return to the system what is free; a few milliseconds."""
    pa.default_memory_pool().release_unused()
