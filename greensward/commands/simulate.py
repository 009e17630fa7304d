"""`greensward simulate`: an invented district, or a pattern of yours, published to a broker."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.markup import escape

from greensward.commands.check_input import split_message
from greensward.commands.register_output import read_file
from greensward.console import EXIT_OK, EXIT_USAGE, Common, counted, err, examples, out, progress, show
from greensward.settings import Settings
from greensward.simulate import TimedMessage, invent_district, latest_season_end
from greensward.simulate.pattern import vary
from greensward.simulate.publish import at_rate, at_their_times, plain, publish
from greensward.simulate.recording import bring, read_recording
from greensward.wiring import broker_of
from ingest.decode.topics import ROOT
from ingest.errors import ConfigError
from ingest.mqtt.broker import Broker

app = App(
    name="simulate",
    help_epilogue=examples(
        "greensward simulate --broker broker.example:1883",
        "greensward simulate --like gs-01.jsonl --speedup 60",
        "greensward simulate --like reading.json --live --interval 60",
    ),
)

_LIVE_DAYS = 10
"""How far ahead `--live` invents; it ends after so many days."""

_VARIATIONS, _INTERVAL_S = 12, 600.0
"""Of --like's message: two hours of a probe that reports every ten minutes."""

_MOST_DAYS = 400
"""All messages are made before the first is sent; more than a year of them would fill the memory."""


@app.default
def simulate(
    *,
    seed: Annotated[int, Parameter(help="Another seed, another district.")] = 7,
    days: Annotated[int, Parameter(help="Days of readings, at least 10.")] = 21,
    rate: Annotated[float | None, Parameter(help="Messages a second; without it as fast as the broker takes.")] = None,
    speedup: Annotated[
        float | None, Parameter(help="Play the days, or a recording, so many times faster than they were.")
    ] = None,
    live: Annotated[bool, Parameter(help="From now on, each message at its own time.", negative="")] = False,
    broker: Annotated[str | None, Parameter(help="host:port; without it [broker] of the settings, with TLS.")] = None,
    like: Annotated[
        Path | None, Parameter(help="Publish what this recording has, or variations of this one message, instead.")
    ] = None,
    topic: Annotated[str | None, Parameter(help="Topic of --like's message, when it does not tell it.")] = None,
    count: Annotated[int | None, Parameter(help="How many variations of --like's message; 12 without it.")] = None,
    interval: Annotated[float | None, Parameter(help="Seconds between these variations; 600 without it.")] = None,
    common: Common | None = None,
) -> int:
    """Publish with QoS 1 and wait for every acknowledgement; Ctrl-C ends after the message at hand.

    --like takes a recording (what `device tail --json` printed, the .jsonl of `device accept`, or CSV with received_at,
    topic and payload), or one message of any format that ingest reads, as `device check` does. Its times are moved so
    that the last is now, or with --live the first.
    """
    common = common or Common()
    if (rate is not None) + (speedup is not None) + live > 1:
        err.print("Choose one of --rate, --speedup, --live.")
        return EXIT_USAGE
    if any(value is not None and value <= 0 for value in (rate, speedup, count, interval)):
        err.print("--rate, --speedup, --count and --interval must be more than 0.")
        return EXIT_USAGE
    if like is None and (topic, count, interval) != (None, None, None):
        err.print("--topic, --count and --interval go with --like.")
        return EXIT_USAGE
    settings = common.settings()
    where = _broker(broker, settings)
    now = datetime.now(UTC)
    if like is not None:
        step = timedelta(seconds=interval or _INTERVAL_S)
        chosen = _like(_Sample(like, topic, count, step, seed), settings, now, live=live)
    elif live:
        district = _invent(seed, now + timedelta(days=_LIVE_DAYS), 2 * _LIVE_DAYS)
        chosen = [message for message in district if message.at >= now]
    else:
        chosen = _invent(seed, latest_season_end(now), days)
    return _publish(chosen, where, rate, 1.0 if live else speedup, common, kind="invented" if like is None else "")


@dataclass(frozen=True, slots=True)
class _Sample:
    """What --like and its options say."""

    file: Path
    topic: str | None
    count: int | None
    step: timedelta
    seed: int


def _like(sample: _Sample, settings: Settings, now: datetime, *, live: bool) -> list[TimedMessage]:
    """Return the messages, the last of them now or, with `live`, the first. Raises: ConfigError."""
    content = read_file(sample.file)
    recording = None if sample.topic else read_recording(content, sample.file.name)
    if recording is not None:
        if sample.count is not None:
            raise ConfigError(f"--count: {sample.file} is a recording, whose messages go out as they are.")
        return bring(recording, first=now) if live else bring(recording, last=now)
    topic, payload = split_message(content, sample.topic, settings.site.district)
    count = sample.count or _VARIATIONS
    end = now + sample.step * (count - 1) if live else now
    return list(vary(topic, payload, count=count, end=end, step=sample.step, seed=sample.seed))


def _publish(
    messages: list[TimedMessage],
    broker: Broker,
    rate: float | None,
    speedup: float | None,
    common: Common,
    *,
    kind: str,
) -> int:
    where = f"{broker.host}:{broker.port}"
    parts = (
        message.topic.removeprefix(ROOT).partition("/")[0] for message in messages if message.topic.startswith(ROOT)
    )
    districts = ", ".join(sorted(set(parts)))
    go = f"{counted(len(messages), f'{kind} message'.strip())} {'goes' if len(messages) == 1 else 'go'} to {where}"
    err.print(go + (f", district {escape(districts)}." if districts else "."))
    stop = threading.Event()
    paced: Iterable[TimedMessage] = messages
    if rate is not None:
        paced = at_rate(messages, rate, stop.wait)
    elif speedup is not None:
        paced = at_their_times(messages, speedup, stop.wait)
    done = 0
    with ExitStack() as stack:
        bar = stack.enter_context(progress())
        task = bar.add_task(f"publish to {where}", total=len(messages))

        def seen(acknowledged: int) -> None:
            nonlocal done
            done = acknowledged
            bar.update(task, completed=acknowledged)

        try:
            done = publish(paced, broker, on_acknowledged=seen)
        except KeyboardInterrupt:
            err.print(f"Stopped; the broker has acknowledged at least {done:,} of {len(messages):,} messages.")
            return EXIT_OK
    show(
        {"published": done, "broker": where},
        as_json=common.json,
        render=lambda: out.print(f"Published {counted(done, 'message')} to {where}, all acknowledged."),
    )
    return EXIT_OK


def _invent(seed: int, end: datetime, days: int) -> list[TimedMessage]:
    if days > _MOST_DAYS:
        raise ConfigError(f"--days: expected at most {_MOST_DAYS}, got {days}.")
    try:
        return list(invent_district(seed, end, days).messages())
    except ValueError as error:
        raise ConfigError(f"--{error}") from error


def _broker(text: str | None, settings: Settings) -> Broker:
    """Return what --broker says, without user or TLS, or the broker of the settings. Raises: ConfigError."""
    if text is None:
        if not settings.broker.host:
            raise ConfigError("Which broker? Name it with --broker host:port, or set [broker] host.")
        named = broker_of(settings.broker)
        return replace(named, client_id=f"{named.client_id}-simulate")
    host, colon, port = text.rpartition(":")
    if not colon:
        return plain(text, 1883)
    if not host or not port.isdecimal() or not 0 < int(port) <= 65_535:  # noqa: PLR2004 - the largest TCP port
        raise ConfigError(f"--broker: expected host:port, got {text!r}; for example 127.0.0.1:1883.")
    return plain(host.strip("[]"), int(port))
