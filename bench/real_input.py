"""Everything real there is, through a real broker and the real worker, accounted for to the message.

    python -m bench.real_input ../shared/data                 # the table
    python -m bench.real_input ../shared/data --json --limit 40 --keep /tmp/lake

The first tenth of every source is sent twice. Exit 1 when a message is missing, doubled or has no outcome.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.real_messages import Source, sources
from ingest.decode.route import subscriptions
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import all_tables
from ingest.mqtt.broker import Broker
from ingest.seal.pace import Pace
from ingest.site import BEICHEN
from ingest.worker import Worker
from tests.mosquitto import Mosquitto

OUTCOMES = ("stored", "duplicate", "rejected", "ignored")
_IN_FLIGHT = 2_000
_AGAIN = 10
_REASONS_SHOWN = 5
_START_S, _SEND_S, _SEAL_S = 20.0, 120.0, 600.0
Key = tuple[str, str]


@dataclass(slots=True)
class Account:
    """What became of one source; elsewhere: on topics that ingest does not read; reasons: by outcome and code."""

    published: int = 0
    lacking: int = 0
    elsewhere: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Report:
    """The accounts of all sources, what does not add up, and how fast it went."""

    accounts: dict[str, Account]
    wrong: list[str]
    rows: dict[str, int]
    seconds: float
    peak_rss_mb: float


def main(arguments: list[str] | None = None) -> int:
    """Run, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="folder with soil/ and drone/")
    parser.add_argument("--keep", type=Path, help="keep the data folder here")
    parser.add_argument("--limit", type=int, help="at most this many messages of each source")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        report = run(given.data, given.keep or Path(scratch) / "data", Path(scratch) / "broker", given.limit)
    if given.json:
        print(json.dumps(_as_json(report), ensure_ascii=False))
    else:
        _print(report)
    return 1 if report.wrong else 0


def run(data: Path, keep: Path, broker_folder: Path, limit: int | None = None) -> Report:
    """Publish everything under `data` and return the report; the lake is left in `keep`, a new or empty folder."""
    folder, began = DataFolder(keep), time.monotonic()
    accounts: dict[str, Account] = {}
    source_of: dict[Key, str] = {}
    sent: Counter[Key] = Counter()
    outgoing: list[tuple[str, bytes]] = []
    again: list[tuple[str, bytes]] = []
    for source in sources(data, limit):
        account = accounts[source.name] = Account(lacking=source.lacking)
        read = _read_by_ingest(source, account)
        outgoing += read
        again += read[: max(1, len(read) // _AGAIN)]
        for topic, payload in read:
            source_of.setdefault((topic, hashlib.sha256(payload).hexdigest()), source.name)
    for topic, payload in (*outgoing, *again):
        key = (topic, hashlib.sha256(payload).hexdigest())
        sent[key] += 1
        accounts[source_of[key]].published += 1
    mosquitto = Mosquitto(broker_folder)
    mosquitto.start()
    try:
        _through_the_worker(mosquitto, folder, [outgoing, again])
    finally:
        mosquitto.stop()
    wrong, rows = _account(folder, sent, source_of, accounts)
    peak_rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Report(accounts, wrong, rows, time.monotonic() - began, peak_rss_mb)


def _read_by_ingest(source: Source, account: Account) -> list[tuple[str, bytes]]:
    filters = [topic for topic, _ in subscriptions(BEICHEN.district)]
    read = [
        (topic, payload)
        for topic, payload in source.messages
        if any(mqtt.topic_matches_sub(wanted, topic) for wanted in filters)
    ]
    account.elsewhere = len(source.messages) - len(read)
    return read


def _through_the_worker(mosquitto: Mosquitto, folder: DataFolder, rounds: list[list[tuple[str, bytes]]]) -> None:
    broker = Broker("127.0.0.1", mosquitto.port, "real-input")
    total = sum(len(messages) for messages in rounds)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        sealing = progress.add_task("sealed", total=total)
        pace = Pace(seal_every_s=1.0, min_free_bytes=1)
        with Worker(
            folder, BEICHEN, broker, pace, "bench", lambda sealed: progress.advance(sealing, sealed.messages)
        ) as worker:
            worker.wait_until_subscribed(_START_S)
            for messages in rounds:
                _publish(mosquitto.port, messages)
            deadline = time.monotonic() + _SEAL_S
            worker.run(until=lambda: worker.outcomes.total() >= total or time.monotonic() > deadline)


def _publish(port: int, messages: list[tuple[str, bytes]]) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="publisher", protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(_IN_FLIGHT)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        for info in [client.publish(topic, payload, qos=1) for topic, payload in messages]:
            info.wait_for_publish(_SEND_S)
    finally:
        client.disconnect()
        client.loop_stop()


def _account(
    folder: DataFolder, sent: Counter[Key], source_of: dict[Key, str], accounts: dict[str, Account]
) -> tuple[list[str], dict[str, int]]:
    """Fill in the outcomes; return what does not add up, and the rows of each table."""
    wrong: list[str] = []
    found: Counter[Key] = Counter()
    with open_lake(folder, BEICHEN) as lake:
        for topic, digest, outcome, reason, count in lake.execute(
            "select topic, sha256(payload), outcome, reason, count(*) from raw_messages group by all"
        ).fetchall():
            key = (topic, digest)
            found[key] += count
            if key in source_of:
                account = accounts[source_of[key]]
                account.outcomes[outcome] += count
                account.reasons[f"{outcome}: {reason}" if reason else outcome] += count
        wrong += [f"{topic} {digest[:12]}: {n} published and lost" for (topic, digest), n in (sent - found).items()]
        wrong += [f"{topic} {digest[:12]}: {n} more than published" for (topic, digest), n in (found - sent).items()]
        wrong += _contradictions(lake)
        rows = {
            name: lake.execute(f"select count(*) from {name}").fetchall()[0][0]
            for name, spec in all_tables().items()
            if spec.partition_by
        }
    for name, account in accounts.items():
        if account.published != sum(account.outcomes[outcome] for outcome in OUTCOMES):
            wrong.append(f"{name}: {account.published} published, outcomes {dict(account.outcomes)}")
    return wrong, rows


def _contradictions(lake: duckdb.DuckDBPyConnection) -> list[str]:
    """Return where the tables contradict each other: a row twice, a refusal without bytes, a row out of nothing."""
    wrong = []
    for name, spec in all_tables().items():
        if spec.partition_by is None:
            continue
        key = ", ".join(spec.key)
        doubled = lake.execute(f"select count(*) from (select 1 from {name} group by {key} having count(*) > 1)")
        if number := doubled.fetchall()[0][0]:
            wrong.append(f"{name}: {number} rows are there twice")
        if name != "raw_messages" and any(column.name == "message_seq" for column in spec.columns):
            stray = lake.execute(f"select count(*) from {name} anti join raw_messages using (message_seq)")
            if number := stray.fetchall()[0][0]:
                wrong.append(f"{name}: {number} rows name no message")
    missing = lake.execute(
        "select count(*) from raw_messages anti join rejected using (message_seq) where outcome = 'rejected'"
    ).fetchall()[0][0]
    return [*wrong, f"{missing} refused messages are not in rejected"] if missing else wrong


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "sources": {
            name: {
                "published": account.published,
                **{outcome: account.outcomes[outcome] for outcome in OUTCOMES},
                "lacking": account.lacking,
                "elsewhere": account.elsewhere,
                "reasons": dict(account.reasons),
            }
            for name, account in report.accounts.items()
        },
        "rows": report.rows,
        "seconds": round(report.seconds, 1),
        "peak_rss_mb": round(report.peak_rss_mb),
        "wrong": report.wrong,
    }


def _why(account: Account) -> str:
    """Return the most frequent reasons, and how many messages have others."""
    reasons = [(reason, n) for reason, n in account.reasons.most_common() if ": " in reason]
    others = sum(n for _, n in reasons[_REASONS_SHOWN:])
    shown = " · ".join(f"{reason} {n:,}" for reason, n in reasons[:_REASONS_SHOWN])
    return f"{shown} · others {others:,}" if others else shown


def _print(report: Report) -> None:
    console = Console(width=170)
    table = Table("source", "published", *OUTCOMES, "why", "not sent")
    totals: dict[str, int] = defaultdict(int)
    for name, account in report.accounts.items():
        figures = [account.published, *(account.outcomes[outcome] for outcome in OUTCOMES)]
        for title, figure in zip(("published", *OUTCOMES), figures, strict=True):
            totals[title] += figure
        why = _why(account)
        unsent = f"{account.lacking + account.elsewhere:,}" if account.lacking + account.elsewhere else ""
        table.add_row(name, *(f"{figure:,}" for figure in figures), why, unsent)
    table.add_row("all", *(f"{totals[title]:,}" for title in ("published", *OUTCOMES)), "", "")
    console.print(table)
    console.print("rows: " + " · ".join(f"{name} {count:,}" for name, count in report.rows.items() if count))
    console.print(f"{report.seconds:.1f} s, peak RSS {report.peak_rss_mb:.0f} MB (broker apart)")
    for line in report.wrong:
        console.print(f"WRONG: {line}", markup=False)
    console.print("every message is accounted for" if not report.wrong else f"{len(report.wrong)} things are wrong")


if __name__ == "__main__":
    sys.exit(main())
