"""One past instant after the other through the product's own evaluation and its own ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from crews.applied import Applied
from crews.apply import apply_flags
from crews.ledger import Ledger
from greensward.evaluation import check_is_kept
from ingest.lake.files import read_register
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake, retrying
from ingest.site import Site
from sql.campaigns import Campaigns
from sql.carry import Carry
from sql.evaluate import days_read, evaluate
from sql.models import READINGS_AT_ONCE

_ARRIVING = ("soil_readings", "weather_readings", "device_status")
"""Tables whose rows arrive, perhaps late: each has received_at."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """What one evaluation said of every plot's dryness (rows of drought_outcomes), and what opened and closed by it.

    plot ids stand in opened and closed
    """

    as_of: datetime
    rows: list[Row]
    opened: tuple[str, ...]
    closed: tuple[str, ...]


def judge_past(
    folder: DataFolder,
    site: Site,
    instants: tuple[datetime, ...],
    ledger: Ledger,
    *,
    known_then: bool,
    wanted: frozenset[str] | None,
    tell: Callable[[int], None],
    campaigns: Campaigns | None = None,
    readings_at_once: int = READINGS_AT_ONCE,
) -> Iterator[Judged]:
    """Yield what would have been said at each of `instants`, in order.

    ledger: an empty one, which is brought up to each evaluation as the product's own would be; no crew reports in it
    known_then: only readings count that had been received by the instant
    wanted: plots to tell of, None for all; all are judged in any case
    tell: gets the number of instants done
    campaigns: those of the district, the built-in ones where it has none
    readings_at_once: of more, a district is judged part by part
    Raises: ConfigError when days that an instant needs were deleted by rule; StoreError when files keep vanishing.
    """
    register = read_register(folder, "plots")
    for number, as_of in enumerate(instants, start=1):

        def once(as_of: datetime = as_of) -> tuple[pa.Table, list[Row]]:
            with open_lake(folder, site, days_read(as_of, site)) as lake:
                check_is_kept(folder, site, as_of)
                if known_then:
                    _forget_what_came_later(lake, as_of)
                carry = Carry(None, {}, site, as_of, readings_at_once)  # takes nothing over, but judges part by part
                flags = evaluate(lake, as_of=as_of, site=site, campaigns=campaigns, carry=carry)
                return flags.filter(pc.equal(flags["cause"], "drought")), _outcomes(lake)

        flags, rows = retrying(folder, once)
        applied = apply_flags(ledger, flags, register, as_of)
        yield Judged(
            as_of,
            [row for row in rows if wanted is None or row["plot_id"] in wanted],
            _plots(ledger, applied.opened, wanted),
            _plots(ledger, _ended(applied), wanted),
        )
        tell(number)


def _forget_what_came_later(lake: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    """Hide rows that arrived after `as_of`."""
    for name in _ARRIVING:
        lake.execute(f"alter view {name} rename to all_{name}")
        lake.execute(
            f"create view {name} as select * from all_{name} where received_at <= timestamptz '{as_of.isoformat()}'"
        )


def _outcomes(lake: duckdb.DuckDBPyConnection) -> list[Row]:
    rows: list[Row] = lake.execute("select * from drought_outcomes order by plot_id").to_arrow_table().to_pylist()
    return rows


def _ended(applied: Applied) -> list[str]:
    return [issue_id for issue_id in applied.closed if issue_id not in applied.opened]


def _plots(ledger: Ledger, issue_ids: list[str], wanted: frozenset[str] | None) -> tuple[str, ...]:
    plots = [ledger.issue(issue_id).plot_id for issue_id in issue_ids]
    return tuple(plot for plot in plots if wanted is None or plot in wanted)
