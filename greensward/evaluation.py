"""One evaluation: the lake is judged, the flags are written to it, and the ledger follows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from crews.applied import Applied
from crews.apply import apply_flags
from crews.campaign import Standing, standing_from_row
from crews.campaign_journal import campaign_events, remember_standings
from crews.flights.lists import FlightLists, keep_lists, make_lists
from crews.ledger import Ledger
from crews.picture.stored import keep_stories
from greensward.carried import keep_for_next, load_past, soil_files
from greensward.flights import flown_in
from greensward.settled import keep_copies, list_with_copies
from ingest.errors import ConfigError
from ingest.lake.dedupe import tell_new_from_known
from ingest.lake.durable import replace_file, store_errors
from ingest.lake.files import read_register
from ingest.lake.kept import kept_from
from ingest.lake.layout import DataFolder
from ingest.lake.locks import file_lock
from ingest.lake.ownership import ensure_layout
from ingest.lake.read import open_lake, retrying
from ingest.lake.tables import table
from ingest.lake.write import by_local_day, write_rows
from ingest.site import Site
from sql.campaigns import Campaigns
from sql.carry import Carry
from sql.evaluate import (
    campaign_progress,
    campaign_rows,
    days_read,
    evaluate,
    first_days_needed,
    plateaus_to_keep,
    tables_read,
)
from sql.models import READINGS_AT_ONCE

Progress = Callable[[str, int, int], None]
Row = dict[str, Any]
Answer = TypeVar("Answer")
ToKeep = tuple[pa.Table, pa.Table, pa.Table, list[Standing], FlightLists]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluation said (rows of `flags`) and what it did to the ledger."""

    flags: pa.Table
    applied: Applied


def check_is_kept(folder: DataFolder, site: Site, as_of: datetime) -> None:
    """Refuse an instant of which an evaluation would need days that were deleted by rule: it would say what never was.

    Asked after the lake's files were listed, since the register is told before a day goes.
    Raises: ConfigError; StoreError.
    """
    kept, today = kept_from(folder), site.local_date(as_of)
    for name, first in first_days_needed(as_of, site).items():
        if name in kept and first < kept[name]:
            raise ConfigError(
                f"What was so on {today} needs {name} from {first} on, and what lay before {kept[name]} was deleted by "
                f"[retention]. Ask for {kept[name] + (today - first)} or later."
            )


def judge_lake(
    folder: DataFolder,
    site: Site,
    as_of: datetime,
    progress: Progress | None = None,
    campaigns: Campaigns | None = None,
    readings_at_once: int = READINGS_AT_ONCE,
) -> pa.Table:
    """Return the flags at `as_of`; writes nothing. Raises: StoreError when files keep vanishing under the query."""

    def once() -> pa.Table:
        carry = Carry(None, {}, site, as_of, readings_at_once)  # takes nothing over, but judges part by part
        with open_lake(folder, site, days_read(as_of, site)) as lake:
            check_is_kept(folder, site, as_of)
            return evaluate(lake, as_of=as_of, site=site, progress=progress, campaigns=campaigns, carry=carry)

    return retrying(folder, once)


def judge_and_ask(
    folder: DataFolder,
    site: Site,
    as_of: datetime,
    plot_id: str,
    ask: Callable[[duckdb.DuckDBPyConnection, pa.Table], Answer],
    progress: Progress | None = None,
    campaigns: Campaigns | None = None,
    readings_at_once: int = READINGS_AT_ONCE,
) -> Answer:
    """Return what `ask` answers about a plot of the lake as it was judged at `as_of`; writes nothing.

    Takes over from the newest evaluation what has not changed since, but for the plot and what shares probes with it.

    ask: gets the connection, on which every model stands, `readings` and `readings_hourly` at least with the rows of
        the plot, and the flags; may be called more than once
    campaigns: those of the district, the built-in ones where it has none; here and wherever they are asked for
    Raises: StoreError when files keep vanishing under the query.
    """

    def once() -> Answer:
        days = days_read(as_of, site)
        past = load_past(folder)
        files = {} if past is None else soil_files(folder, days["soil_readings"])
        carry = Carry(past, files, site, as_of, readings_at_once, shown=plot_id)
        with open_lake(folder, site, days) as lake:
            check_is_kept(folder, site, as_of)
            flags = evaluate(lake, as_of=as_of, site=site, progress=progress, campaigns=campaigns, carry=carry)
            return ask(lake, flags)

    return retrying(folder, once)


def judge_to_keep(
    folder: DataFolder,
    site: Site,
    as_of: datetime,
    progress: Progress | None = None,
    campaigns: Campaigns | None = None,
    readings_at_once: int = READINGS_AT_ONCE,
) -> ToKeep:
    """Return the flags, stories and plateaus at `as_of`, and where campaigns stand: what an evaluation writes.

    Takes over from the evaluation before what has not changed since, and leaves its own to the next; writes nothing
    else. Raises: StoreError when files keep vanishing under the query.
    """

    def once() -> ToKeep:
        days = days_read(as_of, site)
        files = soil_files(folder, days["soil_readings"])  # before the lake is opened: what comes after is new
        carry = Carry(load_past(folder), files, site, as_of, readings_at_once)
        listed = list_with_copies(folder, days)
        with open_lake(folder, site, days, listed, tables_read()) as lake:
            check_is_kept(folder, site, as_of)
            flags = evaluate(lake, as_of=as_of, site=site, progress=progress, campaigns=campaigns, carry=carry)
            kept = _all_to_keep(lake, flags, as_of)
            with file_lock(folder.evaluation_lock):
                keep_for_next(folder, lake, carry)  # removes files of before, which views were read from until here
                keep_copies(folder, listed, site.local_date(as_of))
            return kept

    return retrying(folder, once)


def _all_to_keep(lake: duckdb.DuckDBPyConnection, flags: pa.Table, as_of: datetime) -> ToKeep:
    lake.execute("set variable pictured_plots = (select coalesce(list(plot_id), []) from pictured_plots)")
    stories = lake.execute("select plot_id, story_json from plot_stories").to_arrow_table()
    standings = [standing_from_row(row) for row in campaign_progress(lake)]
    doubtful, routed = (
        lake.execute(f"select * from {name}").to_arrow_table().to_pylist()
        for name in ("doubtful_findings", "routed_findings")
    )
    counted = flown_in(lake, as_of)
    missing = sum(flight.missing_files for flight in counted) if counted else None
    return flags, stories, plateaus_to_keep(lake), standings, make_lists(doubtful, routed, as_of, missing)


def standings_at(folder: DataFolder, site: Site, as_of: datetime, campaigns: Campaigns | None = None) -> list[Standing]:
    """Return where each campaign stands at `as_of`; makes only what that needs, writes nothing. Raises: StoreError."""

    def once() -> list[Standing]:
        with open_lake(folder, site, days_read(as_of, site)) as lake:
            check_is_kept(folder, site, as_of)
            rows = campaign_rows(lake, as_of=as_of, site=site, campaigns=campaigns)
        return [standing_from_row(row) for row in rows]

    return retrying(folder, once)


def evaluate_and_apply(
    folder: DataFolder,
    site: Site,
    as_of: datetime,
    now: datetime,
    progress: Progress | None = None,
    campaigns: Campaigns | None = None,
    readings_at_once: int = READINGS_AT_ONCE,
) -> Evaluation:
    """Judge the lake at `as_of`, keep the flags and what pictures and soils show, and open, add to or close issues.

    Several processes may do so at a time; each flag and event is written once.

    Raises: StoreError; run it again then, the same instant adds nothing twice.
    """
    ensure_layout(folder)
    if (first := kept_from(folder).get("flags")) is not None and site.local_date(as_of) < first:
        raise ConfigError(f"Flags before {first} were deleted by [retention]; ask for that day or a later one.")
    with Ledger(folder.ledger, site) as ledger:
        export_events(folder, site, ledger)  # what crews and office reported since counts in this evaluation
    kept = judge_to_keep(folder, site, as_of, progress, campaigns, readings_at_once)
    flags, stories, plateaus, standings, lists = kept
    with file_lock(folder.evaluation_lock):
        keep_stories(folder, stories, as_of)
        keep_lists(folder, lists)
        _add_new(folder, site, "flags", flags, f"flags-{as_of:%Y%m%dT%H%M%S}")
        _add_new(folder, site, "soil_plateaus", plateaus, f"plateaus-{as_of:%Y%m%dT%H%M%S}")
    with Ledger(folder.ledger, site) as ledger:
        applied = apply_flags(ledger, flags, read_register(folder, "plots"), now)
        remember_standings(ledger, standings, as_of)
        export_events(folder, site, ledger)
    return Evaluation(flags, applied)


def export_events(folder: DataFolder, site: Site, ledger: Ledger) -> None:
    """Add the ledger's events that the lake does not have yet to issue_events and campaign_events. Raises: StoreError.

    How far the export has come is kept beside the ledger; lost, everything is compared again and nothing doubled.
    """
    with file_lock(folder.evaluation_lock):
        _add_new(folder, site, "campaign_events", campaign_events(ledger), "campaigns")
        newest = ledger.version()
        try:
            exported = int(folder.exported_events.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            exported = 0
        if newest == exported:
            return
        _add_new(folder, site, "issue_events", ledger.events_since(exported), f"events-{newest}")
        with store_errors(f"writing {folder.exported_events}"):
            replace_file(folder.exported_events, str(newest).encode())


def add_forecast(folder: DataFolder, site: Site, rows: pa.Table) -> None:
    """Add rows of weather_forecasts that the lake does not have yet. Raises: StoreError."""
    ensure_layout(folder)
    with file_lock(folder.evaluation_lock):
        _add_new(folder, site, "weather_forecasts", rows, f"forecast-{rows['received_at'][0].as_py():%Y%m%dT%H%M%S%f}")


def _add_new(folder: DataFolder, site: Site, name: str, rows: pa.Table, stem: str) -> None:
    """Write what the lake lacks of `rows`; the caller holds the evaluation lock, or two would write the same."""
    spec = table(name)
    for day, of_day in by_local_day(spec, rows, site):
        new = retrying(folder, partial(tell_new_from_known, folder, spec, day, of_day)).new_rows
        if new.num_rows:
            write_rows(folder, spec, day, new, stem)
