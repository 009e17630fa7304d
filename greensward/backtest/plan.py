"""Which instants a back-test looks from, and whether the lake has anything to say of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ingest.errors import ConfigError
from ingest.lake.files import partition_days
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.site import Site
from sql.reference import limit

_EVERY = re.compile(r"(\d+)([dh])")
_MOST_INSTANTS = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """The instants of a back-test, oldest first, and the local days that they lie on."""

    first: date
    last: date
    every: timedelta
    instants: tuple[datetime, ...]


def make_plan(first: str, last: str, every: str, at: str, now: datetime, site: Site) -> Plan:
    """Return the instants from `first` to `last` (local days), beginning each day's count at `at` by the site's clock.

    Raises: ConfigError naming the option that is wrong.
    """
    begin, end, step = _day("--from", first), _day("--to", last), _step(every)
    if begin > end:
        raise ConfigError(f"--from {begin} is after --to {end}; give the earlier day first.")
    if begin > site.local_date(now):
        raise ConfigError(f"--from {begin} lies ahead: today is {site.local_date(now)}.")
    try:
        clock = time.fromisoformat(at)
    except ValueError as error:
        raise ConfigError(f"--at {at!r}: write a time of day like 07:00.") from error
    instant = datetime.combine(begin, clock, site.timezone)
    instants = []
    while instant.date() <= end and instant <= now:
        instants.append(instant.astimezone(UTC))
        instant = (instant.replace(tzinfo=None) + step).replace(tzinfo=site.timezone)
        if len(instants) > _MOST_INSTANTS:
            raise ConfigError(f"--every {every}: more than {_MOST_INSTANTS:,} evaluations; take a longer step.")
    if not instants:
        raise ConfigError(f"--from {begin} --at {at} lies ahead: it is {now.astimezone(site.timezone):%Y-%m-%d %H:%M}.")
    return Plan(begin, end, step, tuple(instants))


def check_has_data(plan: Plan, folder: DataFolder) -> None:
    """Raise ConfigError, saying what days there are, where no soil reading lies in reach of the window."""
    days = partition_days(folder, table("soil_readings"))
    reach = plan.first - timedelta(days=int(limit("soil_window_days")))
    if any(reach <= day <= plan.last for day in days):
        return
    held = f"it holds {days[0]} to {days[-1]}" if days else "it holds none at all"
    raise ConfigError(f"The lake has no soil reading for {plan.first} to {plan.last}; {held}.")


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text!r}: write a day like 2026-07-02.") from error


def _step(text: str) -> timedelta:
    found = _EVERY.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise ConfigError(f"--every {text!r}: write a number of days or hours like 1d or 6h.")
    return timedelta(days=int(found[1])) if found[2] == "d" else timedelta(hours=int(found[1]))
