"""The outbox of what crews are told: tables of the ledger, so that one transaction holds both.

A notice is recorded before it is sent, each try before it goes, and what the other end said after. A kill between the
two sends a message twice; nothing loses one, and what cannot be written down is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from crews.ledger import Ledger, from_us, to_us
from crews.notices.answer import Answer

KEPT_FOR = timedelta(days=90)
"""How long is kept what was sent and what the other end said; what it said to crews is gone once it has ended."""

_AHEAD = timedelta(hours=1)
"""What was made later than that from now was made by a clock that was wrong."""

_BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300, 600, 1800))


class Notice(msgspec.Struct, frozen=True):
    """One thing to be told on one channel.

    notice_id: made of what it is (channel, crew, kind, day or list), so that it is recorded once
    crew: "" where it is on several crews' lists; kind: "digest", "urgent" or "list"
    day: by the site's clock; list_version: number of the ledger's newest event when it was made
    content: as its kind has it, JSON
    """

    notice_id: str
    channel: str
    crew: str
    kind: str
    day: str
    list_version: int
    made_at: datetime
    not_before: datetime
    expires_at: datetime
    content: bytes
    tries: int = 0


LATE = timedelta(minutes=30)
"""A robot that has had enough takes messages again within a quarter of an hour."""


class Untold(msgspec.Struct, frozen=True):
    """A notice that has not reached the other end, and what that said last; "" where it said nothing.

    state: "refused"; "expired": its time was over before it could go; "waiting": it is late
    at: since when
    """

    channel: str
    crew: str
    kind: str
    state: str
    at: datetime
    code: str = ""
    said: str = ""


class Standing(msgspec.Struct, frozen=True):
    """How it stands with the outbox.

    counts: notices by state; those that have ended of the last day only
    late_since: since when the oldest notice waits that may be sent; None when none does
    """

    counts: dict[str, int]
    late_since: datetime | None = None
    last_said: str = ""


ENDS = ("sent", "refused", "expired", "overtaken")


def record(ledger: Ledger, notice: Notice) -> None:
    """Record a notice that is not there yet, inside a transaction."""
    ledger.run(
        "insert into notices (notice_id, channel, crew, kind, day, list_version, made_at, not_before, expires_at,"
        " state, tries, next_try_at, content_json) values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, 0, ?)"
        " on conflict (notice_id) do nothing",
        (
            notice.notice_id, notice.channel, notice.crew, notice.kind, notice.day, notice.list_version,
            to_us(notice.made_at), to_us(notice.not_before), to_us(notice.expires_at), notice.content.decode(),
        ),
    )  # fmt: skip


def due(ledger: Ledger, now: datetime) -> list[Notice]:
    """Return what may be sent now: what is urgent first, then what was tried longest ago or never, as it was made.

    So that many that nobody answers keep none waiting that would be taken. Raises: StoreError.
    """
    rows = ledger.run(
        # A next try that is further away than any wait was set by a clock that was wrong.
        "select * from notices where state = 'waiting' and not_before <= ? and expires_at > ?"
        " and (next_try_at <= ? or next_try_at > ?) order by kind = 'urgent' desc, next_try_at,"
        " made_at, notice_id",
        (to_us(now), to_us(now), to_us(now), to_us(now + _BACKOFF[-1])),
    )
    return [
        Notice(
            row["notice_id"], row["channel"], row["crew"], row["kind"], row["day"], row["list_version"],
            from_us(row["made_at"]), from_us(row["not_before"]), from_us(row["expires_at"]),
            row["content_json"].encode(), row["tries"],
        )
        for row in rows
    ]  # fmt: skip


def rewrite(ledger: Ledger, notice: Notice, content: bytes) -> Notice:
    """Return the notice with another content, which is kept, so that all its parts are of one text."""
    with ledger.transaction():
        ledger.run("update notices set content_json = ? where notice_id = ?", (content.decode(), notice.notice_id))
    return msgspec.structs.replace(notice, content=content)


def settled_parts(ledger: Ledger, notice_id: str) -> set[int]:
    """Return the parts of a notice that the other end has taken, or refused for good. Raises: StoreError."""
    found = ledger.run(
        "select distinct part from notice_receipts where notice_id = ? and outcome in ('sent', 'refused')", (notice_id,)
    )
    return {row["part"] for row in found}


def unknown_tries(ledger: Ledger, notice_id: str) -> int:
    """Return how often a part of a notice went, at most, without anybody knowing that it came. Raises: StoreError."""
    found = ledger.run(
        "select count(*) as tries from notice_receipts where notice_id = ? and outcome = 'unknown'"
        " group by part order by tries desc limit 1",
        (notice_id,),
    )
    return int(found[0]["tries"]) if found else 0


class Try(msgspec.Struct, frozen=True):
    """One try of parts of a notice, as the receipts that are filled in once the other end has answered.

    receipts: one a part; is_last: whether no other part is left
    has_mailboxes: each part is the whole message to one mailbox, so that one that is refused takes none from the others
    """

    receipts: tuple[int, ...]
    notice: Notice
    is_last: bool
    has_mailboxes: bool


def begin_try(
    ledger: Ledger, notice: Notice, parts: Sequence[int], left: int, now: datetime, *, has_mailboxes: bool = False
) -> Try:
    """Write down that parts go now, each with a receipt of which nobody knows the outcome yet; `left` were to go.

    Raises: StoreError: nothing may be sent then, as nobody would know of it and it would go again and again.
    """
    with ledger.transaction():
        found = [
            ledger.run(
                "insert into notice_receipts (notice_id, part, parts, at, outcome, code, said)"
                " values (?, ?, ?, ?, 'unknown', '', '') returning n",
                (notice.notice_id, part, left, to_us(now)),
            )
            for part in parts
        ]
        ledger.run("update notices set tries = ? where notice_id = ?", (notice.tries + 1, notice.notice_id))
    return Try(tuple(rows[0]["n"] for rows in found), notice, len(parts) == left, has_mailboxes)


def receive(ledger: Ledger, tried: Try, answers: Sequence[Answer], now: datetime) -> None:
    """Keep what the other end said to each part of a try, and what follows from it. Raises: StoreError."""
    notice = tried.notice
    with ledger.transaction():
        for receipt, answer in zip(tried.receipts, answers, strict=True):
            ledger.run(
                "update notice_receipts set outcome = ?, code = ?, said = ? where n = ?",
                (answer.outcome, answer.code, answer.said, receipt),
            )
        outcomes: set[str] = {answer.outcome for answer in answers}
        if outcomes & {"later", "unknown"}:
            backoff = _BACKOFF[min(notice.tries, len(_BACKOFF) - 1)]
            wait = max(backoff, *(timedelta(seconds=answer.wait_s) for answer in answers))
            ledger.run("update notices set next_try_at = ? where notice_id = ?", (to_us(now + wait), notice.notice_id))
        elif "refused" in outcomes or tried.is_last:
            end(ledger, [notice.notice_id], _ending(ledger, tried, outcomes), now)
        else:  # the next part has not failed yet
            ledger.run("update notices set tries = 0 where notice_id = ?", (notice.notice_id,))


def _ending(ledger: Ledger, tried: Try, outcomes: set[str]) -> str:
    """Return how a notice ends: one of which a part was refused is told where another mailbox has all of it."""
    has_it = "select 1 from notice_receipts where notice_id = ? and outcome = 'sent'"
    if "refused" in outcomes and not (tried.has_mailboxes and ledger.run(has_it, (tried.notice.notice_id,))):
        return "refused"
    return "sent"


def end(ledger: Ledger, notice_ids: Iterable[str], state: str, now: datetime) -> None:
    """Let notices end, one of ENDS, inside a transaction; what they said is taken out.

    What was under way when its time was over, and was taken, was sent.
    """
    for notice_id in notice_ids:
        ledger.run(
            "update notices set state = ?, ended_at = ?, content_json = null where notice_id = ?"
            " and (state = 'waiting' or state = 'expired' and ? = 'sent')",
            (state, to_us(now), notice_id, state),
        )


def tidy(ledger: Ledger, now: datetime) -> None:
    """Let end whose time is over, mend what a clock that was ahead made, and forget what ended long ago.

    Raises: StoreError.
    """
    long_ago = to_us(now - KEPT_FOR)
    with ledger.transaction():
        _mend_what_is_to_come(ledger, now)
        late = ledger.run("select notice_id from notices where state = 'waiting' and expires_at <= ?", (to_us(now),))
        end(ledger, [row["notice_id"] for row in late], "expired", now)
        ledger.run("delete from notice_receipts where at < ?", (long_ago,))
        ledger.run("delete from notices where state <> 'waiting' and ended_at < ?", (long_ago,))


def _mend_what_is_to_come(ledger: Ledger, now: datetime) -> None:
    """Let go what a clock that was ahead made: a digest is made anew on its day, and the rest may go now."""
    ahead, us = to_us(now + _AHEAD), to_us(now)
    of_digests = "kind = 'digest' and (day > ? or state = 'waiting' and made_at > ?)"
    which = (ledger.site.local_date(now).isoformat(), ahead)
    ledger.run(
        f"delete from notice_receipts where notice_id in (select notice_id from notices where {of_digests})", which
    )
    ledger.run(f"delete from notices where {of_digests}", which)
    ledger.run(
        "update notices set not_before = not_before - made_at + ?, expires_at = expires_at - made_at + ?, made_at = ?"
        " where state = 'waiting' and made_at > ?",
        (us, us, us, ahead),
    )


def standing(ledger: Ledger, now: datetime) -> Standing:
    """Return how it stands. Raises: StoreError."""
    rows = ledger.run(
        "select state, count(*) as n from notices where state = 'waiting' or ended_at > ? group by state",
        (to_us(now - timedelta(days=1)),),
    )
    oldest = ledger.run(
        "select notice_id, not_before from notices where state = 'waiting' and not_before <= ? and expires_at > ?"
        " order by not_before limit 1",
        (to_us(now), to_us(now)),
    )
    if not oldest:
        return Standing({row["state"]: row["n"] for row in rows})
    return Standing(
        {row["state"]: row["n"] for row in rows},
        from_us(oldest[0]["not_before"]),
        " ".join(_said_last(ledger, oldest[0]["notice_id"])).strip(),
    )


def untold(ledger: Ledger, since: datetime, now: datetime) -> list[Untold]:
    """Return what has not reached the other end since then, the newest first, and what is late. Raises: StoreError.

    Of a mail that others have, what was said of each mailbox that has it not.
    """
    mailboxes = ledger.run(
        "select channel, crew, kind, ended_at, code, said from notices inner join notice_receipts using (notice_id)"
        " where state = 'sent' and outcome = 'refused' and ended_at > ? order by n desc",
        (to_us(since),),
    )
    rows = ledger.run(
        "select notice_id, channel, crew, kind, state, coalesce(ended_at, not_before) as at from notices"
        " where state in ('refused', 'expired') and ended_at > ?"
        " or state = 'waiting' and not_before <= ? and expires_at > ? order by at desc, notice_id",
        (to_us(since), to_us(now - LATE), to_us(now)),
    )
    found = [
        *(
            Untold(
                row["channel"], row["crew"], row["kind"], "refused", from_us(row["ended_at"]), row["code"], row["said"]
            )
            for row in mailboxes
        ),
        *(
            Untold(
                row["channel"], row["crew"], row["kind"], row["state"], from_us(row["at"]),
                *_said_last(ledger, row["notice_id"]),
            )
            for row in rows
        ),
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.at, reverse=True)


def last_sent(ledger: Ledger) -> dict[str, datetime]:
    """Return when each channel took a message last, all its mailboxes did. Raises: StoreError."""
    rows = ledger.run(
        "select channel, max(ended_at) as at from notices where state = 'sent' and not exists"
        " (select 1 from notice_receipts as one where one.notice_id = notices.notice_id and one.outcome = 'refused')"
        " group by channel",
        (),
    )
    return {row["channel"]: from_us(row["at"]) for row in rows}


def _said_last(ledger: Ledger, notice_id: str) -> tuple[str, str]:
    """Return code and words of the last answer to a notice that kept it from being told."""
    found = ledger.run(
        "select code, said from notice_receipts where notice_id = ? and code || said <> '' and outcome <> 'sent'"
        " order by n desc limit 1",
        (notice_id,),
    )
    return (found[0]["code"], found[0]["said"]) if found else ("", "")
