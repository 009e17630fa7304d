"""`greensward simulate`: an invented district, or a pattern of yours, published to a broker."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from greensward.console import EXIT_OK, EXIT_USAGE, Common, counted, err, examples, out, progress, show
from greensward.settings import Settings
from greensward.simulate import TimedMessage, invent_district, latest_season_end
from greensward.simulate.pattern import vary
from greensward.simulate.publish import at_rate, at_their_times, publish
from ingest.decode.topics import ROOT
from ingest.errors import ConfigError

app = App(name="simulate", help_epilogue=examples("greensward simulate --broker broker.example:1883"))

_LIVE_DAYS = 10
"""How far ahead `--live` invents; it ends after so many days."""

_MOST_DAYS = 400
"""All messages are made before the first is sent; more than a year of them would fill the memory."""


@app.default
def simulate(
    *,
    seed: Annotated[int, Parameter(help="Another seed, another district.")] = 7,
    days: Annotated[int, Parameter(help="Days of readings, at least 10.")] = 21,
    rate: Annotated[float | None, Parameter(help="Messages a second; without it as fast as the broker takes.")] = None,
    speedup: Annotated[float | None, Parameter(help="Play the days so many times faster than they were.")] = None,
    live: Annotated[bool, Parameter(help="From now on, each message at its own time.", negative="")] = False,
    broker: Annotated[str | None, Parameter(help="host:port; without it [broker] of the settings.")] = None,
    like: Annotated[Path | None, Parameter(help="Publish variations of this JSON message instead.")] = None,
    topic: Annotated[str | None, Parameter(help="Topic for --like.")] = None,
    count: Annotated[int, Parameter(help="How many for --like.")] = 12,
    common: Common | None = None,
) -> int:
    """Publish with QoS 1 and wait for every acknowledgement; Ctrl-C ends after the message at hand."""
    common = common or Common()
    if (rate is not None) + (speedup is not None) + live > 1:
        err.print("Choose one of --rate, --speedup, --live.")
        return EXIT_USAGE
    if any(value is not None and value <= 0 for value in (rate, speedup)):
        err.print("--rate and --speedup must be more than 0.")
        return EXIT_USAGE
    host, port = _address(broker, common.settings())
    now = datetime.now(UTC)
    if like is not None:
        pattern = _read(like)
        chosen = list(vary(pattern, count=count, end=now, step=timedelta(minutes=10), seed=seed, topic=topic))
    elif live:
        district = _invent(seed, now + timedelta(days=_LIVE_DAYS), 2 * _LIVE_DAYS)
        chosen = [message for message in district if message.at >= now]
    else:
        chosen = _invent(seed, latest_season_end(now), days)
    return _publish(chosen, host, port, rate, 1.0 if live else speedup, common)


def _publish(
    messages: list[TimedMessage], host: str, port: int, rate: float | None, speedup: float | None, common: Common
) -> int:
    parts = (
        message.topic.removeprefix(ROOT).partition("/")[0] for message in messages if message.topic.startswith(ROOT)
    )
    districts = ", ".join(sorted(set(parts)))
    err.print(
        f"{len(messages):,} invented messages go to {host}:{port}" + (f", district {districts}." if districts else ".")
    )
    stop = threading.Event()
    paced: Iterable[TimedMessage] = messages
    if rate is not None:
        paced = at_rate(messages, rate, stop.wait)
    elif speedup is not None:
        paced = at_their_times(messages, speedup, stop.wait)
    done = 0
    with ExitStack() as stack:
        bar = stack.enter_context(progress())
        task = bar.add_task(f"publish to {host}:{port}", total=len(messages))

        def seen(acknowledged: int) -> None:
            nonlocal done
            done = acknowledged
            bar.update(task, completed=acknowledged)

        try:
            done = publish(paced, host, port, on_acknowledged=seen)
        except KeyboardInterrupt:
            err.print(f"Stopped; the broker has acknowledged at least {done:,} of {len(messages):,} messages.")
            return EXIT_OK
    show(
        {"published": done, "broker": f"{host}:{port}"},
        as_json=common.json,
        render=lambda: out.print(f"Published {counted(done, 'message')} to {host}:{port}, all acknowledged."),
    )
    return EXIT_OK


def _invent(seed: int, end: datetime, days: int) -> list[TimedMessage]:
    if days > _MOST_DAYS:
        raise ConfigError(f"--days: expected at most {_MOST_DAYS}, got {days}.")
    try:
        return list(invent_district(seed, end, days).messages())
    except ValueError as error:
        raise ConfigError(f"--{error}") from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}.") from error


def _address(text: str | None, settings: Settings) -> tuple[str, int]:
    if text is None:
        if not settings.broker.host:
            raise ConfigError("Which broker? Name it with --broker host:port, or set [broker] host.")
        return settings.broker.host, settings.broker.port
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, 1883
    if not host or not port.isdecimal() or not 0 < int(port) <= 65_535:  # noqa: PLR2004 - the largest TCP port
        raise ConfigError(f"--broker: expected host:port, got {text!r}; for example 127.0.0.1:1883.")
    return host.strip("[]"), int(port)
