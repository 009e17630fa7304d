"""Continuing an evaluation after the days that are closed, instead of judging the whole window again.

The last closed day is the one before yesterday. Where of a group of plots nothing but today's readings is new, only the
readings from that day on are judged, and of what comes out only what lies after it is taken: the rest is as it was. A
gate that reaches further than that finds what it needs in the rows that are carried (`_NEAR`), or the model
unsteady_devices and `unsteady_groups` find that it could, and the group is judged whole. Decision 20 has the reasoning
gate by gate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import duckdb

from ingest.site import Site
from sql.models import Model
from sql.reference import limit

OPEN_DAYS = 2
"""Today and yesterday are not closed: a gate looks up to a day ahead."""


@dataclass(frozen=True, slots=True)
class Seam:
    """Where the closed days end.

    closed_until: the last closed local day; what is read begins with it
    opens_at: the first instant after it
    """

    closed_until: date
    opens_at: datetime

    @property
    def opens_at_hour(self) -> int:
        """Hours since 1970 of the first hour after the closed days."""
        return int(self.opens_at.timestamp() // 3600)

    def is_open(self, name: str) -> str:
        """Return the condition on a row of the carried model `name` to lie after the closed days."""
        return _OPEN[name].format(day=self.closed_until, hour=self.opens_at_hour, at=self.opens_at.isoformat())

    def are_near(self, name: str) -> list[str]:
        """Return the conditions on closed rows of `name` that models need that continue: no row meets two of them."""
        depth_days = math.ceil(limit("hourly_depth_hours") / 24)
        return [
            near.format(day=self.closed_until, hour=self.opens_at_hour, depth_days=depth_days)
            for near in _NEAR.get(name, ())
        ]


_AFTER = "date > date '{day}'"

_OPEN = {
    "closing_hours": "false",
    "device_cadences": "false",
    "device_reading_parts": "not is_closed",
    "drought_runs": _AFTER,
    "element_days": "date >= date '{day}'",
    "element_spans": "not is_closed",
    "element_reading_parts": "not is_closed",
    "element_tops": "part >= 0",
    "layer_thicknesses": _AFTER,
    "learned_field_capacities": "true",
    "plateaus": "date >= date '{day}'",
    "plot_depths": "false",
    "potentials": _AFTER,
    "readings_daily": _AFTER,
    "rise_hours": "hour_at >= timestamptz '{at}'",
    "root_zone": _AFTER,
    "spoken_gates": "hour >= {hour}",
    "story_days": "not is_closed",
    "unsteady_devices": "true",
}
"""Which rows of a carried model are made anew where an evaluation continues; a plateau needs the two days after it."""

_NEAR = {
    "element_days": (  # the day beside; S2 and settling look back over the window where they have reason to
        "date = date '{day}' - 1",
        (
            "date < date '{day}' - 1 and device_id in (select newest.device_id "
            "from element_days as newest where newest.water_content_min is not distinct from newest.water_content_max "
            "or coalesce(newest.bound_at >= cast(getvariable('window_from') as timestamptz), true))"
        ),
    ),
    "element_spans": ("is_closed",),
    "element_tops": ("part < 0",),
    "spoken_gates": ("hour < {hour}",),
    "plateaus": ("date < date '{day}'",),
    "readings_daily": ("date between date '{day}' - 7 and date '{day}'",),  # three days of thaw, two of a plateau
    "root_zone": ("date > date '{day}' - {depth_days} and date <= date '{day}'",),  # whether a depth was there
    "potentials": ("date > date '{day}' - {depth_days} and date <= date '{day}'",),
}

_SAME_ELEMENT = (
    "kept.device_id = elements.device_id and kept.channel = elements.channel "
    "and kept.depth_cm is not distinct from elements.depth_cm and kept.plot_id is not distinct from elements.plot_id"
)

_LAST_RUNS = """
create or replace table earlier_runs as
with closed_runs as (select * from ({closed}) where date <= date '{day}'),

last_runs as (
    select plot_id, quantity, span, max(starts_at) as starts_at from closed_runs group by plot_id, quantity, span
)

select closed_runs.* from closed_runs inner join last_runs using (plot_id, quantity, span, starts_at)
"""

NO_EARLIER_RUNS = """
create or replace table earlier_runs (
    plot_id varchar, quantity varchar, span varchar, date date, starts_at timestamptz, ends_at timestamptz,
    interval_days double, is_dry boolean, dryness integer, is_below_close boolean, dry_since_at timestamptz,
    dry_evaluations bigint, same_since_at timestamptz, same_evaluations bigint, moist_since_at timestamptz
)
"""
"""What drought_runs reads where nothing is continued."""

Kept = Callable[[str], str]
"""Gives for the name of a carried model the statement of the rows that the groups to continue have of it."""


def seam_before(today: date, site: Site) -> Seam | None:
    """Return the seam for evaluations of `today`; None where days or hours of the clock are uneven around it."""
    midnights = [datetime.combine(today + timedelta(days=days), time(), tzinfo=site.timezone) for days in range(-4, 3)]
    offsets = {midnight.utcoffset() for midnight in midnights}
    if len(offsets) > 1 or any((offset or timedelta()).total_seconds() % 3600 for offset in offsets):
        return None
    closed_until = closed_day(today)
    return Seam(closed_until, datetime.combine(closed_until + timedelta(days=1), time(), tzinfo=site.timezone))


def closed_day(today: date) -> date:
    """Return the last closed local day."""
    return today - timedelta(days=OPEN_DAYS)


def begin(connection: duckdb.DuckDBPyConnection, seam: Seam, kept: Kept) -> None:
    """Let the models that follow read the devices `continued_devices` from the seam on."""
    connection.execute(
        "create or replace view soil_readings as select * from memory.main.soil_readings "
        f"where date >= date '{seam.closed_until}' and device_id in (select device_id from continued_devices)"
    )
    connection.execute(_LAST_RUNS.format(closed=kept("drought_runs"), day=seam.closed_until))


def show_what_is_near(connection: duckdb.DuckDBPyConnection, seam: Seam, model: Model, kept: Kept) -> None:
    """Once `model` is made, set its closed rows beside it, where models that follow look back at them."""
    if model.name == "readings_hourly":
        is_open, closed = _AFTER.format(day=seam.closed_until), kept("closing_hours")
    elif nears := seam.are_near(model.name):
        is_open = seam.is_open(model.name)
        closed = " union all by name ".join(f"select * from ({kept(model.name)}) where {near}" for near in nears)
    else:
        return
    columns = _columns(connection, model.name)
    if "element_id" in columns:  # looked up once, for all that look back
        numbers = [name for name in ("element_id", "stream_id") if name in columns]
        kept_columns = "*" if model.name == "readings_hourly" else f"* exclude ({', '.join(numbers)})"
        connection.execute(
            f"create or replace table near_{model.name} as "
            f"select kept.{kept_columns}, {', '.join(f'elements.{name}' for name in numbers)} from ({closed}) as kept "
            f"left join elements on {_SAME_ELEMENT}"
        )
        closed = f"select * from near_{model.name}"
    connection.execute(f"alter table {model.name} rename to continued_{model.name}")
    connection.execute(
        f"create or replace view {model.name} as select * from continued_{model.name} where {is_open} "
        f"union all by name {closed}"
    )


def unsteady_groups(seam: Seam, kept: Kept) -> str:
    """Return the statement that gives the devices and plots of which closed rows may have changed.

    A device that unsteady_devices names; a gate that spoke otherwise on the last closed day, from where on it had seen
    enough; a plot whose depths or learned field capacities are others than before.
    """
    element = "device_id, channel, depth_cm, plot_id"
    gates = (
        f"{element}, hour, is_d06_spike, is_d07_drop, is_d08_jump, is_d09_low_plateau, is_d10_high_plateau, "
        "is_s1_suspect, is_s1_fall"
    )
    seen_from = seam.opens_at_hour - (24 - int(limit("gate_reach_hours")))
    seen = f"hour >= {seen_from} and hour < {seam.opens_at_hour}"
    depths = "plot_id, quantity, depth_cm, shared_depth_cm"
    learned = f"{element}, field_capacity, sigma_field_capacity, is_used"
    spoken = _differing("continued_spoken_gates", kept("spoken_gates"), gates, seen)
    return f"""
        select device_id, null as plot_id from unsteady_devices
        union all
        select device_id, null as plot_id from ({spoken})
        union all
        select null as device_id, plot_id from ({_differing("plot_depths", kept("plot_depths"), depths)})
        union all
        select null as device_id, plot_id from (
            {_differing("learned_field_capacities", kept("learned_field_capacities"), learned, "is_used")}
        )
    """


def end(connection: duckdb.DuckDBPyConnection, carried: tuple[Model, ...]) -> None:
    """Put aside what was made as continued_NAME, and let the models that follow read everything again."""
    tables = _tables(connection)
    for name in (*(model.name for model in carried), "readings_hourly"):
        if name in tables:
            connection.execute(f"alter table {name} rename to continued_{name}")
        else:
            connection.execute(f"drop view evaluated.{name}")
            connection.execute(f"drop table if exists evaluated.near_{name}")
    connection.execute(NO_EARLIER_RUNS)
    connection.execute("drop view evaluated.soil_readings")


def _differing(one: str, other: str, columns: str, where: str = "true") -> str:
    """Return the statement of rows that only one of two relations has."""
    return (
        f"(select {columns} from {one} where {where} except select {columns} from ({other}) where {where}) union all "
        f"(select {columns} from ({other}) where {where} except select {columns} from {one} where {where})"
    )


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> set[str]:
    return {row[0] for row in connection.execute(f"describe {name}").fetchall()}


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    named = "select table_name from duckdb_tables() where schema_name = 'evaluated'"
    return {name for (name,) in connection.execute(named).fetchall()}
