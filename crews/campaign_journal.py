"""What the office did with campaigns, append-only in the ledger, and where they stood at the newest evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
import pyarrow as pa

from crews.campaign import Standing
from crews.issue import ActionRefusedError
from crews.ledger import Ledger, from_us, to_us
from crews.persons import is_among, person
from ingest.lake.tables import table

_LONGEST_NOTE = 500


def start_campaign(ledger: Ledger, standing: Standing, actor: str, now: datetime, note: str | None = None) -> None:
    """Record that `actor` starts the campaign for the season of `standing`.

    Before its conditions have held it may be started, too: the office sees more than thermometers.
    Raises: ActionRefusedError when it runs already or today is outside of its window; StoreError.
    """
    if not standing.starts_on <= standing.day <= standing.ends_on:
        raise ActionRefusedError(
            "outside_window",
            f"{standing.campaign_id}: its window is {standing.starts_on} to {standing.ends_on}, and today is "
            f"{standing.day}. Nothing was started; the window is a row of the table of campaigns.",
        )
    _record(ledger, standing, "started", actor, now, note)


def close_campaign(ledger: Ledger, standing: Standing, actor: str, now: datetime, note: str | None = None) -> None:
    """Record that `actor` closes the campaign. Raises: ActionRefusedError when it does not run, StoreError."""
    _record(ledger, standing, "closed", actor, now, note)


def _record(ledger: Ledger, standing: Standing, kind: str, actor: str, now: datetime, note: str | None) -> None:
    if not person(actor):
        raise ActionRefusedError("no_actor", "Say who does this; an empty name signs nothing.")
    if is_among(actor, ledger.crews()):
        raise ActionRefusedError("crew_checks", f"{actor} is a crew; the office starts and closes campaigns.")
    with ledger.transaction():
        key = (standing.campaign_id, standing.season)
        earlier = ledger.run(
            "select kind, actor, happened_at from campaign_events where campaign_id = ? and season = ? order by n", key
        )
        last = earlier[-1]["kind"] if earlier else "closed"
        if last == kind:
            done = (
                f"was {kind} by {earlier[-1]['actor']} on "
                f"{from_us(earlier[-1]['happened_at']).astimezone(ledger.site.timezone):%Y-%m-%d %H:%M}"
                if earlier
                else "does not run"
            )
            raise ActionRefusedError(
                "wrong_state", f"{standing.campaign_id} {standing.season} {done}. Nothing was changed."
            )
        event_id = f"{standing.campaign_id}-{standing.season}.{len(earlier) + 1}"
        ledger.run(
            "insert into campaign_events (event_id, campaign_id, season, happened_at, kind, actor, note)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            (event_id, *key, to_us(now), kind, actor, note[:_LONGEST_NOTE] if note else None),
        )


def campaign_events(ledger: Ledger) -> pa.Table:
    """Return everything that the office did with campaigns, as rows of the lake's table campaign_events."""
    schema = table("campaign_events").schema
    rows = [
        {**dict(row), "happened_at": from_us(row["happened_at"])}
        for row in ledger.run("select * from campaign_events order by n", ())
    ]
    columns = [pa.array([row[field.name] for row in rows], type=field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def remember_standings(ledger: Ledger, standings: Iterable[Standing], as_of: datetime) -> None:
    """Keep where campaigns stood at an evaluation, in place of what an earlier one said. Raises: StoreError."""
    with ledger.transaction():
        newest = ledger.run("select coalesce(max(as_of), 0) as as_of from campaign_standings", ())[0]["as_of"]
        if newest > to_us(as_of):
            return
        ledger.run("delete from campaign_standings", ())
        for standing in standings:
            ledger.run(
                "insert into campaign_standings (campaign_id, as_of, standing_json) values (?, ?, ?)",
                (standing.campaign_id, to_us(as_of), msgspec.json.encode(standing).decode()),
            )


def standings_of(ledger: Ledger) -> tuple[Standing, ...]:
    """Return where campaigns stood at the newest evaluation, by the begin of their windows. Raises: StoreError."""
    rows = ledger.run("select standing_json from campaign_standings", ())
    found = [msgspec.json.decode(row["standing_json"], type=Standing) for row in rows]
    return tuple(sorted(found, key=lambda one: (one.starts_on, one.campaign_id)))
