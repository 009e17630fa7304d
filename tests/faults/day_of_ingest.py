"""A small day's work of ingest, that a test can kill anywhere: journal, acknowledge, seal, compact, refuse.

What a broker would do is played by a file outside the data folder: it names the messages that were acknowledged; all
others are sent again the next time.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from bench.flood import packets_of
from ingest.frames import Frames, cut_frames
from ingest.inbox import Arrival, Inbox
from ingest.lake.compact import compact_lake
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import own
from ingest.lake.read import open_lake
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal.sealer import Sealer
from ingest.site import Site
from tests.end_to_end.running import assert_files_are_whole
from tests.faults.crashes import WATCHED, Judged, Scenario

SITE = Site("beichen", ZoneInfo("Asia/Shanghai"), 116.9, 39.05, 117.45, 39.4)
TOPIC = "greensward/v1/beichen/gs-01/soil"
READINGS = 24
REFUSED = 3
GROUP = 7
NOON = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)


def payloads() -> list[bytes]:
    """Return the messages: readings around local midnight, so that two partitions are written, and three refused."""
    good = [
        json.dumps(
            {
                "schema": "greening.soil_reading/1",
                "seq": n,
                "measured_at": (NOON + timedelta(hours=n)).isoformat(),
                "readings": [{"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.2, "unit": "m3/m3"}],
            }
        ).encode()
        for n in range(READINGS)
    ]
    return [*good[:10], b"{", *good[10:20], b'{"schema":', b"\xff", *good[20:]]


def work(place: Path) -> None:
    """Take what is not acknowledged, group by group; seal after every other group; compact."""
    folder, acknowledged = DataFolder(place / WATCHED), place / "acknowledged"
    done = set(acknowledged.read_text().split()) if acknowledged.exists() else set()
    pending = [(n, payload) for n, payload in enumerate(payloads()) if str(n) not in done]
    arrived_us = int((NOON + timedelta(days=2)).timestamp() * 1_000_000)
    groups = [pending[start : start + GROUP] for start in range(0, len(pending), GROUP)]
    with own(folder), Inbox(folder.inbox) as inbox:
        sealer = Sealer(folder, SITE, "test")
        for number, group in enumerate(groups):
            inbox.append(_arrived(arrived_us, [payload for _, payload in group], as_run=number % 2 == 0))
            with acknowledged.open("a") as log:
                log.write("".join(f"{n}\n" for n, _ in group))
            if number % 2:
                seal(inbox, sealer)
        seal(inbox, sealer)
        for _ in compact_lake(folder, SITE.local_date(NOON) + timedelta(days=9), 1):
            pass


def _arrived(at_us: int, payloads: list[bytes], *, as_run: bool) -> list[Arrival] | Frames:
    """Return the payloads as a run of packets, as they come from a broker, or as messages one by one."""
    if not as_run:
        return [Arrival(at_us, TOPIC, payload, redelivered=False, retained=False) for payload in payloads]
    frames, _, _ = cut_frames(b"".join(packets_of((TOPIC, payload) for payload in payloads)), at_us, is_five=False)
    assert frames is not None
    return frames


def seal(inbox: Inbox, sealer: Sealer) -> None:
    """Seal everything in the inbox, as the worker does."""
    while True:
        oldest = inbox.oldest(10_000_000)
        if not oldest.last_group:
            return
        sealer.seal(oldest.messages, RegisterSnapshot({}, frozenset(), ()))
        inbox.remove_through(oldest.last_group)


def check_what_a_reader_meets(place: Path) -> None:
    """Assert that whoever asks right now finds no reading twice and no half-written file."""
    folder = DataFolder(place / WATCHED)
    if not folder.lake.is_dir():
        return
    assert_files_are_whole(folder)
    with open_lake(folder, SITE) as lake:
        for table, identity in (("soil_readings", "measured_at"), ("rejected", "payload_sha256")):
            ((rows, distinct),) = lake.execute(f"select count(*), count(distinct {identity}) from {table}").fetchall()
            assert rows == distinct, f"{table}: {rows} rows, {distinct} of them different"


def check(place: Path) -> None:
    """Assert that nothing is lost or doubled: through the view, and through a plain glob."""
    folder = DataFolder(place / WATCHED)
    expected = [(READINGS, READINGS)]
    with open_lake(folder, SITE) as lake:
        count = "select count(*), count(distinct measured_at) from soil_readings"
        assert lake.execute(count).fetchall() == expected, "the view"
        refused = lake.execute("select count(*), count(distinct payload_sha256) from rejected").fetchall()
        assert refused == [(REFUSED, REFUSED)], "the refused"
        stray = lake.execute("select count(*) from soil_readings anti join raw_messages using (message_seq)").fetchall()
        assert stray == [(0,)], "every row names the message it came from"
    plain = f"read_parquet('{folder.lake}/soil_readings/*/*.parquet')"
    with duckdb.connect(":memory:") as db:
        rows = db.execute(f"select count(*), count(distinct measured_at) from {plain}").fetchall()
        assert rows == expected, "the plain glob"


DAY_OF_INGEST = Scenario(
    "ingest: journal, seal, merging, refusal",
    prepare=lambda _: None,
    work=work,
    met=(Judged((f"{WATCHED}/lake",), check_what_a_reader_meets),),
    settled=Judged((f"{WATCHED}/lake",), check),
)
