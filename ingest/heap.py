"""How a process that runs for months takes memory, and gives it back: docs/decisions/0021-memory-is-given-back.md."""

from __future__ import annotations

import ctypes
import os

_ARENA_MAX = -8
"""M_ARENA_MAX of mallopt(3) in glibc."""

_libc = ctypes.CDLL(None)

SPARING = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
"""Environment to start such a process with, since glibc reads it before anything of ours runs.

Without it each thread keeps of each size some pieces that it freed, every one in a page that cannot be given back.
"""


def take_sparingly() -> None:
    """Let Arrow and all threads take memory from one heap of the system; call it before anything loads Arrow.

    Arrow's own heap keeps what its threads gave back. glibc gives threads a heap each, and what one of them has freed
    another cannot use: with the threads of Arrow and DuckDB a dozen heaps fill with holes. A choice that somebody made
    in the environment stays; where the C library is another one, its heap stays as it is.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    chosen = "MALLOC_ARENA_MAX" in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", "")
    if hasattr(_libc, "mallopt") and not chosen:
        _libc.mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Return to the system what is free; a few milliseconds."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
