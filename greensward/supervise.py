"""Keeps the parts of `greensward up` running: starts them, starts them again when they die, ends them together."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from greensward.console import EXIT_IN_USE, EXIT_USAGE
from greensward.given_channels import without_channel_secrets

_PR_SET_PDEATHSIG = 1
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 15.0)
STEADY_S = 60.0
_GRACE_S = 100.0
"""Longer than ingest needs to seal what it holds."""

_TURN_S = 0.2


@dataclass(slots=True)
class Part:
    """One child process: `greensward` with `arguments`.

    is_aside: the others go on without it when it is refused for a wrong setting
    has_secrets: it is given the secrets of channels where those stand in the environment
    unless_set: added to the environment where that does not have it
    """

    name: str
    arguments: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    start_at: float = field(default=0.0)
    is_aside: bool = False
    has_secrets: bool = False
    unless_set: Mapping[str, str] = field(default_factory=dict)


class PartRefusedError(RuntimeError):
    """A part ended because of a wrong setting; starting it again would not help. It has said why on stderr."""


def supervise(
    parts: list[Part],
    environment: Mapping[str, str],
    until: Callable[[], bool],
    say: Callable[[str], None],
    look: Callable[[], None],
) -> None:
    """Run `parts` until `until()` is true, starting each again when it dies, a little later each time.

    look: called a few times a second; what it raises ends the parts in order

    Raises: PartRefusedError when a part that is not aside ends with exit code 2, a wrong setting. What another process
    has may be free later: `greensward replay` and `lake compact` end.
    """
    parent = os.getpid()
    try:
        while not until():
            look()
            now = time.monotonic()
            for part in parts:
                if part.process is None and now >= part.start_at:
                    _start(part, environment, parent)
                elif part.process is not None and (code := part.process.poll()) is not None:
                    _note_end(part, code, say)
            time.sleep(_TURN_S)
    finally:
        _end(parts)


def _start(part: Part, environment: Mapping[str, str], parent: int) -> None:
    part.started_at = time.monotonic()
    part.process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "greensward", *part.arguments],
        env={**part.unless_set, **(environment if part.has_secrets else without_channel_secrets(environment))},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509 - two system calls, no allocation
    )


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def _note_end(part: Part, code: int, say: Callable[[str], None]) -> None:
    part.process = None
    if code == EXIT_USAGE and not part.is_aside:
        raise PartRefusedError(part.name)
    lived = time.monotonic() - part.started_at
    part.failures = 1 if lived > STEADY_S else part.failures + 1
    wait = BACKOFF_S[min(part.failures, len(BACKOFF_S)) - 1]
    if code == EXIT_USAGE:
        part.start_at = math.inf
        say(f"{part.name} cannot run with these settings (it says why above); the rest goes on without")
        return
    part.start_at = time.monotonic() + wait
    cause = "found in use what it needs (it says above by whom)" if code == EXIT_IN_USE else f"ended with code {code}"
    say(f"{part.name} {cause} after {lived:.0f} s; starting it again in {wait:g} s")


def _end(parts: list[Part]) -> None:
    running = [part.process for part in parts if part.process is not None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + _GRACE_S
    for process in running:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
