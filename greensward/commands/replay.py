"""`greensward replay`: refused and ignored messages judged again, after a device was registered or a decoder mended."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from cyclopts import App, Parameter
from rich.markup import escape

from greensward.console import EXIT_OK, Common, counted, err, examples, show
from greensward.wiring import SOFTWARE_VERSION
from ingest.errors import ConfigError
from ingest.lake.durable import replace_file, store_errors
from ingest.lake.ownership import AlreadyOwnedError, own
from ingest.registers.snapshot import Registers
from ingest.seal.replay import Replayed, replay
from ingest.seal.sealer import Sealer

app = App(name="replay", help_epilogue=examples("greensward replay --since 2026-07-01"))


@app.default
def run_replay(
    *,
    since: Annotated[str | None, Parameter(help="First day of arrival, YYYY-MM-DD; none: all kept days.")] = None,
    common: Common | None = None,
) -> int:
    """Judge refused and ignored messages again; where ingest is running, it is asked to, and does within a minute."""
    common = common or Common()
    settings = common.settings()
    folder, site = settings.existing_folder(), settings.place()
    day = _day(since)
    try:
        with own(folder, "greensward replay"):
            sealer = Sealer(folder, site, SOFTWARE_VERSION)
            replayed = replay(folder, sealer, Registers(folder).current(), datetime.now(UTC), day)
    except AlreadyOwnedError:
        with store_errors(f"writing {folder.replay_request}"):
            replace_file(folder.replay_request, day.isoformat().encode() if day else b"")
        said = "another greensward process owns the data folder; if it is ingest, it does it within a minute."
        show({"requested": True}, as_json=common.json, render=lambda: err.print(said))
        return EXIT_OK
    result = {"messages": replayed.messages, "outcomes": dict(replayed.outcomes)}
    show(result, as_json=common.json, render=lambda: _print(replayed))
    return EXIT_OK


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--since {escape(text)!r}: write a day like 2026-07-02.") from error


def _print(replayed: Replayed) -> None:
    stored = replayed.outcomes["stored"]
    err.print(f"{counted(replayed.messages, 'message')} judged again: {stored:,} stored now, the others as before.")
