"""`greensward ingest`: from the broker into the lake, until stopped."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from cyclopts import App
from rich.markup import escape

from greensward.console import EXIT_OK, Common, err
from greensward.wiring import worker_of

app = App(name="ingest", help="Take messages from the broker into the lake, until stopped.")


@app.default
def ingest(*, common: Common | None = None) -> int:
    """Take messages from the broker into the lake until Ctrl-C or SIGTERM.

    Everything acknowledged is on disk; stopping seals what has arrived. Exit 1 when a part of it died or got stuck:
    let a supervisor (systemd, compose, `greensward up`) start it again.
    """
    settings = (common or Common()).settings()
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    worker = worker_of(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with worker:
        folder = settings.data_folder().root
        err.print(f"ingest: {settings.broker.host}:{settings.broker.port} → {escape(str(folder))} · Ctrl-C ends")
        worker.run(until=stopping.is_set)
    outcomes = " · ".join(f"{name} {count:,}" for name, count in sorted(worker.outcomes.items()))
    err.print(f"ingest: stopped; {outcomes or 'no messages'}")
    return EXIT_OK
