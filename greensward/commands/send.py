"""`greensward send`: tell crews and office, on the channels of [send.NAME]: a digest a day, what is urgent at once."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape

from crews.apply import valid_plots
from crews.ledger import Ledger
from crews.links import load_keys
from crews.lists import Plots, crews_of, list_of
from crews.notices.answer import Answer
from crews.notices.notice import Content
from crews.notices.outbox import Notice
from crews.notices.topic import list_document
from crews.words import speaker
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, EXIT_UNREACHABLE, Common, err, examples, out
from greensward.crew_names import unknown_crews
from greensward.given_channels import did_you_mean
from greensward.sending.channels import outlet_of, outlets_of, shared_channels
from greensward.sending.outlets import Link, Outlet
from greensward.sending.sender import Sender, clean, link_maker
from greensward.settings import Settings
from greensward.stopping import Stop
from ingest.errors import ConfigError, InUseError, StoreError
from ingest.lake.durable import make_folder, store_errors
from ingest.lake.files import read_register
from ingest.lake.layout import DataFolder

app = App(name="send", help_epilogue=examples("greensward send", "greensward send --test crew_1"))

_TURN_S = 1.0
_AGAIN_S = 15.0
_END_S = 10.0
"""Most ends that answer at all answer within that."""

_LOCK_TRIES, _LOCK_PAUSE_S = 5, 0.1


@app.default
def send(
    *,
    test: Annotated[
        str | None, Parameter(help="Send one harmless message on this channel, and print what the other end said.")
    ] = None,
    common: Common | None = None,
) -> int:
    """Send what is due until Ctrl-C; what could not be sent is tried again, and a kill loses none of it.

    With --test exit code 1 says that it was refused, 3 that the other end is out of reach.
    """
    settings = (common or Common()).settings()
    folder = settings.existing_folder()
    settings.place()
    if test is not None:
        return _test(test, settings, folder)
    if not settings.send:
        raise ConfigError(
            "No channel is set, so nobody can be told. Write a section [send.NAME] into greensward.toml, see "
            "docs/operators.md."
        )
    outlets = outlets_of(settings)
    stop = Stop()
    with _alone(folder) as lock, Ledger(folder.ledger, settings.place()) as ledger:
        link = link_maker(settings.web.public_url, load_keys(folder), settings.web.link_days)
        sender = Sender(folder, ledger, outlets, link, settings.web.truck_litres, _say)
        _tell(outlets, settings)
        _tell_unknown_crews(settings)
        while not stop.is_asked():
            _check_folder(folder, lock)
            try:
                sender.turn(settings.now, stop.is_asked)
            except StoreError as error:
                _say(f"send: not now, tried again in {_AGAIN_S:g} s: {error}")
                stop.wait(_AGAIN_S)
            stop.wait(_TURN_S)
        sender.finish(settings.now, _END_S)
    return EXIT_OK


def _say(text: str) -> None:
    err.print(escape(text))


def _tell(outlets: dict[str, Outlet], settings: Settings) -> None:
    _say(f"sends on {', '.join(outlets)} · Ctrl-C ends")
    if not settings.web.public_url:
        _say("[web] public_url is not set, so no message carries a link to a list.")
    together = [name for name in outlets if name in shared_channels(outlets)]
    if together:
        _say(f"{', '.join(together)}: others read the same robot or mailbox, so no links go there.")


def _tell_unknown_crews(settings: Settings, only: str = "") -> None:
    """Say which crews of the channels, or of one, nobody knows."""
    for one in unknown_crews(settings, settings.now()):
        if only in {"", one.channel}:
            _say(f"[send.{one.channel}] crews: there is no crew {one.crew!r}; {one.meant}")


def _plots(folder: DataFolder, now: datetime) -> Plots:
    return valid_plots(read_register(folder, "plots"), now)


@contextmanager
def _alone(folder: DataFolder) -> Iterator[int]:
    """Be the one sender of a data folder; yields the lock's descriptor. Raises: InUseError where there is another."""
    with store_errors(f"locking {folder.sender_lock}"):
        make_folder(folder.sender_lock.parent)
        descriptor = os.open(folder.sender_lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not any(_try_lock(descriptor) for _ in range(_LOCK_TRIES)):
            raise InUseError(f"Another greensward send sends for {folder.root}; one is enough.")
        yield descriptor
    finally:
        os.close(descriptor)


def _check_folder(folder: DataFolder, lock: int) -> None:
    """Raise StoreError where another data folder stands in the place of ours: crews would be told from the old one."""
    try:
        is_ours = os.path.samestat(os.fstat(lock), folder.sender_lock.stat())
    except OSError:
        is_ours = False
    if not is_ours:
        raise StoreError(f"{folder.root} was moved away or replaced; nothing more is sent from it. Start send again.")


def _try_lock(descriptor: int) -> bool:
    """Return whether the lock is ours now; wait a moment if not, for whoever looks for a sender holds it so long."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(_LOCK_PAUSE_S)
        return False
    return True


def _test(name: str, settings: Settings, folder: DataFolder) -> int:
    if name not in settings.send:
        raise ConfigError(f"There is no channel {name!r}{did_you_mean(name, settings.send)}")
    outlet, now = outlet_of(name, settings.send[name], settings), settings.now()
    _tell_unknown_crews(settings, name)
    notice = _test_notice(outlet, settings, folder, now)
    answers = [Answer("sent")]
    parts = [*outlet.parts(notice, Link(), settings.place()).values()]
    for together in [parts] if outlet.has_mailboxes else [[part] for part in parts]:
        answers = [clean(answer, outlet) for answer in outlet.deliver(together)]
        if any(answer.outcome != "sent" for answer in answers):
            break
    words = {"sent": "taken", "later": "not taken now", "unknown": "perhaps taken", "refused": "refused"}
    for answer in dict.fromkeys(answers):
        out.print(escape(f"{name}: {words[answer.outcome]}: {answer.code} {answer.said}".rstrip()))
    failed = [answer for answer in answers if answer.outcome != "sent"]
    if not failed:
        return EXIT_OK
    is_answered = any(answer.outcome == "refused" or answer.code for answer in failed)
    return EXIT_FOUND_PROBLEMS if is_answered else EXIT_UNREACHABLE


def _test_notice(outlet: Outlet, settings: Settings, folder: DataFolder, now: datetime) -> Notice:
    """Return what says that it is a test; on a topic, whose readers read lists, the crew's own list as it is."""
    route = outlet.route
    say = speaker(route.language)
    content: object = Content(say("notice.test_title", site=settings.site.name), (say("notice.test"),))
    if route.has_lists and route.crew is not None:
        with Ledger(folder.ledger, settings.place()) as ledger:
            listed = list_of(ledger, route.crew, _plots(folder, now), now, settings.web.truck_litres)
            is_known = route.crew in crews_of(ledger, _plots(folder, now))
            content = list_document(listed, route.language, is_known=is_known)
    day = settings.place().local_date(now).isoformat()
    return Notice(
        f"test:{route.name}:{now.isoformat()}", route.name, route.crew or "", "test", day, 0, now, now,
        now + timedelta(days=1), msgspec.json.encode(content),
    )  # fmt: skip
