"""`greensward ingest`: from the broker into the lake, until stopped."""

from __future__ import annotations

from cyclopts import App
from rich.markup import escape

from greensward.console import EXIT_OK, Common, err, examples
from greensward.stopping import Stop
from greensward.wiring import worker_of
from ingest.worker import Worker

app = App(name="ingest", help_epilogue=examples("greensward ingest --config greensward.toml"))


@app.default
def ingest(*, common: Common | None = None) -> int:
    """Take messages from the broker into the lake until Ctrl-C or SIGTERM.

    Everything acknowledged is on disk; stopping seals what has arrived. Exit 1 when a part of it died or got stuck:
    let a supervisor (systemd, compose, `greensward up`) start it again.
    """
    settings = (common or Common()).settings()
    worker = worker_of(settings)
    stop, broker = Stop(), _BrokerNews(worker)
    with worker:
        folder = settings.data_folder().root
        err.print(f"ingest: {settings.broker.host}:{settings.broker.port} → {escape(str(folder))} · Ctrl-C ends")
        worker.run(until=lambda: broker.tell() or stop.is_asked())
    outcomes = " · ".join(f"{name} {count:,}" for name, count in sorted(worker.outcomes.items()))
    err.print(f"ingest: stopped; {outcomes or 'no messages'}")
    return EXIT_OK


class _BrokerNews:
    """Tells the person at the terminal, or the log, when the broker comes and goes."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._told: str | None = None

    def tell(self) -> bool:
        """Say what is new; always False, since news end nothing."""
        news = self._worker.broker_news()
        if news != self._told:
            self._told = news
            err.print(f"ingest: {escape(news)}")
        return False
