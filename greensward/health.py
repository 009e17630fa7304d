"""Is this installation well? Facts from the data folder, what is wrong with them, and the pages that say so.

Everything is read from files, so that any process may ask, also while ingest or the broker are gone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from crews.flights.lists import find_lists
from crews.ledger import Ledger
from crews.notices.outbox import LATE, Standing, Untold, last_sent, standing, untold
from greensward.given_settings import load
from greensward.metrics import METRICS_TYPE, metrics_page
from greensward.newest import last_arrival, last_evaluation
from greensward.settings import Settings
from ingest.errors import GreenswardError, StoreError
from ingest.lake.durable import store_errors
from ingest.lake.kept import first_kept, kept_from
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.status import IngestStatus, read_status

STATUS_AGE = timedelta(seconds=30)
"""Ingest writes its status every 2 s; one that is older means that nobody writes it any more. Half of the minute within
which a look every 30 s must show it."""

QUIET = timedelta(hours=2)
"""Probes report once an hour or oftener: when all of them are silent for two hours, the way here is broken."""

CERTIFICATE_LEFT = timedelta(days=30)
"""A broker's certificate that ends sooner wants to be made anew; nobody does so overnight."""

_EVALUATION_GRACE = timedelta(minutes=5)

_A_DAY = timedelta(days=1)


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong: what, how it was found, what to do."""

    what: str
    found: str
    mend: str


@dataclass(frozen=True, slots=True)
class Sending:
    """How it stands with what crews are told.

    untold: what was refused or ran out of time within the last day, on channels that have taken nothing since
    is_running: whether a sender runs
    """

    standing: Standing
    untold: tuple[Untold, ...]
    is_running: bool


@dataclass(frozen=True, slots=True)
class Health:
    """What the data folder tells.

    status: what ingest last said, None when it said nothing: it never ran here, was a demo's, or is of a backup
    arrived_at: where it said nothing, when the newest message came that the lake has, UTC; None where it has none
    free_bytes: free on the data folder's disk
    evaluated_at: as_of of the newest evaluation in the lake, UTC, None when there is none
    issues: number of open issues by state
    missing_files: files of the last days' flights that docks counted and that never came, by the newest evaluation;
    None where no dock counted any
    sending: None where no channel is set
    kept_from: the first local day that is kept, of each table of which older days were deleted by rule
    unreadable: one sentence for each thing that could not be read
    """

    status: IngestStatus | None
    free_bytes: int
    evaluated_at: datetime | None
    issues: Counter[str]
    missing_files: int | None = None
    sending: Sending | None = None
    kept_from: Mapping[str, date] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    arrived_at: datetime | None = None


def read_health(settings: Settings) -> Health:
    """Return the facts. Raises: nothing for damaged or missing parts; they are named in `unreadable`."""
    folder = settings.data_folder()
    unreadable: list[str] = []
    status: IngestStatus | None = None
    arrived_at: datetime | None = None
    evaluated_at: datetime | None = None
    issues: Counter[str] = Counter()
    sending: Sending | None = None
    try:
        status = read_status(folder)
        arrived_at = last_arrival(folder) if status is None else None
    except StoreError as error:
        unreadable.append(str(error))
    try:
        evaluated_at = last_evaluation(folder)
    except StoreError as error:
        unreadable.append(str(error))
    kept: Mapping[str, date] = {}
    try:
        kept = kept_from(folder)
    except StoreError as error:
        unreadable.append(str(error))
    try:
        if folder.ledger.exists():
            with Ledger(folder.ledger, settings.place()) as ledger:
                issues = Counter(issue.state for issue in ledger.open_issues())
                sending = _sending(folder, ledger, settings) if settings.send else None
    except StoreError as error:
        unreadable.append(str(error))
    there = next(path for path in (folder.root, *folder.root.parents) if path.exists())
    lists = find_lists(folder)
    missing = None if lists is None else lists.missing_files
    return Health(
        status,
        shutil.disk_usage(there).free,
        evaluated_at,
        issues,
        missing,
        sending,
        kept,
        tuple(unreadable),
        arrived_at,
    )


def _sending(folder: DataFolder, ledger: Ledger, settings: Settings) -> Sending:
    taken, now = last_sent(ledger), settings.now()
    ended = [
        one
        for one in untold(ledger, now - _A_DAY, now)
        if one.state != "waiting" and one.channel in settings.send  # of one that was taken out nothing is to be mended
    ]
    unmended = tuple(one for one in ended if one.channel not in taken or taken[one.channel] < one.at)
    return Sending(standing(ledger, now), unmended, _has_sender(folder))


def _has_sender(folder: DataFolder) -> bool:
    """Say whether somebody holds the sender's lock. Raises: StoreError."""
    with store_errors(f"looking at {folder.sender_lock}"):
        try:
            descriptor = os.open(folder.sender_lock, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


def say_no_ingest(arrived_at: datetime | None, zone: ZoneInfo) -> str:
    """Return what is known where no ingest has said anything of itself."""
    if arrived_at is None:
        return "never ran here"
    return f"not running; the newest message came at {_clock(arrived_at, zone)}"


def problems(health: Health, settings: Settings, now: datetime) -> Iterator[Problem]:
    """Yield what is wrong, gravest first; nothing when all is well."""
    for sentence in health.unreadable:
        yield Problem("unreadable", sentence, "greensward doctor; restore the file from a backup if it is damaged.")
    wanted = settings.ingest.min_free_bytes
    if health.free_bytes < wanted:
        found = f"{health.free_bytes / 1e9:.1f} GB free, {wanted / 1e9:.1f} GB wanted"
        yield Problem("disk", found, "Free space; ingest goes on by itself.")
    zone = settings.place().timezone
    yield from _ingest_problems(health, now, zone)
    allowed = timedelta(minutes=2 * settings.flags.every_minutes) + _EVALUATION_GRACE
    if health.evaluated_at is None:
        yield Problem("evaluation", "never", "greensward flag --every 30; it needs plots: greensward plots import FILE")
    elif now - health.evaluated_at > allowed:
        found = f"the last one is of {_clock(health.evaluated_at, zone)}"
        yield Problem("evaluation", found, "Is `greensward flag --every …` running? What does its log say?")
    yield from _retention_problems(health.kept_from, settings.place().local_date(now))
    if health.sending is not None:
        yield from _sending_problems(health.sending, now, zone)


def _retention_problems(kept: Mapping[str, date], today: date) -> Iterator[Problem]:
    """Yield that tables are kept from a day to come on: a clock that was ahead for long told so, or ours is behind."""
    first = {name: day for name in kept if (day := first_kept(table(name), kept)) is not None and day > today}
    if first:
        found = f"{', '.join(first)}: kept from {max(first.values())} on, a day to come; what is older is refused"
        mend = "Is our clock right? Then: greensward lake expire --take-back, and greensward replay."
        yield Problem("retention", found, mend)


def _sending_problems(sending: Sending, now: datetime, zone: ZoneInfo) -> Iterator[Problem]:
    if not sending.is_running:
        yield Problem("sender", "channels are set, and nobody sends", "greensward up, or greensward send")
    late_since = sending.standing.late_since
    if late_since is not None and now - late_since > LATE:
        said = f"; the last try: {sending.standing.last_said}" if sending.standing.last_said else ""
        found = f"{sending.standing.counts['waiting']} messages wait, the oldest since {_clock(late_since, zone)}{said}"
        yield Problem("sending", found, "greensward send --test NAME; it is tried again by itself.")
    if sending.untold:
        last = sending.untold[0]
        of_all = f"{len(sending.untold)} messages of the last day did not get through, the last"
        found = f"{of_all} on {last.channel}, {last.state} at {_clock(last.at, zone)}: {last.code} {last.said}"
        found = found.rstrip(": ")
        yield Problem("sending", found, "Mend what it says in [send.NAME] or at the robot; greensward send --test NAME")


def _ingest_problems(health: Health, now: datetime, zone: ZoneInfo) -> Iterator[Problem]:
    status = health.status
    if status is None:
        yield Problem("ingest", say_no_ingest(health.arrived_at, zone), "greensward up, or greensward ingest")
        return
    if now - status.written_at > STATUS_AGE:
        yield Problem("ingest", f"silent since {_clock(status.written_at, zone)}", "Start it again; look at its log.")
        return
    if status.paused:
        yield Problem("ingest", status.paused, "Free space; ingest goes on by itself.")
    elif not status.connected:
        mend = "Start it, or mend [broker] host, port, ca_file, username or password_file."
        yield Problem("broker", status.last_problem or "not connected", mend)
    if status.seal_problem:
        found = f"{status.waiting_messages:,} messages wait in the inbox: {status.seal_problem}"
        yield Problem("sealing", found, "Mend the disk; they are safe, and ingest goes on by itself.")
    if status.sessions_lost:
        found = f"the broker had lost our session {status.sessions_lost} times: messages may be gone"
        yield Problem("session", found, "Set persistence true in the broker; see docs/operators.md.")
    if status.damaged_files:
        yield Problem("lake", f"damaged files: {', '.join(status.damaged_files)}", "Check the disk; greensward replay.")
    ends_at = status.certificate_ends_at
    if ends_at is not None and ends_at - now < CERTIFICATE_LEFT:
        mend = "Make a new one (compose/make-certs.sh … server …) and restart the broker."
        yield Problem("certificate", f"the broker's ends on {ends_at.astimezone(zone):%Y-%m-%d}", mend)
    if now - (status.last_message_at or status.started_at) > QUIET:
        since = _clock(status.last_message_at, zone) if status.last_message_at else "the start of ingest"
        mend = "Do devices reach the broker: network, port, clocks, certificates?"
        yield Problem("messages", f"none since {since}", mend)


def _clock(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def health_routes(settings: Settings) -> list[BaseRoute]:
    """Return /readyz (200, or 503 with a JSON list of the kinds of problems) and /metrics (Prometheus text).

    Anybody who reaches the pages may ask: no path, host or error text is in them; `greensward doctor` has those.
    """

    def ready(_request: Request) -> Response:
        found = problems(read_health(settings), settings, settings.now())
        wrong = list(dict.fromkeys(problem.what for problem in found))
        return Response(msgspec.json.encode(wrong), 503 if wrong else 200, media_type="application/json")

    def metrics(_request: Request) -> Response:
        now = settings.now()
        health = read_health(settings)
        wrong = Counter(problem.what for problem in problems(health, settings, now))
        status, issues = health.status, health.issues
        page = metrics_page(
            status,
            health.free_bytes,
            health.evaluated_at,
            issues,
            wrong,
            now,
            missing_files=health.missing_files,
            sending=None if health.sending is None else health.sending.standing.counts,
            wanted_bytes=settings.ingest.min_free_bytes,
        )
        return PlainTextResponse(page, media_type=METRICS_TYPE)

    return [Route("/readyz", ready), Route("/metrics", metrics)]


def main(kinds: list[str]) -> int:
    """Print what is wrong, and return 1 if anything is: what a container's health check runs.

    kinds: the problems that count, as in /readyz; all of them when empty. What cannot be read always counts.
    """
    try:
        settings = load()
        found = list(problems(read_health(settings), settings, settings.now()))
    except GreenswardError as error:
        found = [Problem("unreadable", str(error), "greensward config")]
    wrong = [problem for problem in found if not kinds or problem.what in {*kinds, "unreadable"}]
    for problem in wrong:
        sys.stdout.write(f"{problem.what}: {problem.found} → {problem.mend}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
