"""Judging a large district part by part: memory follows what is judged at once, not how often probes report.

A part is some groups of plots (sql/carry.py), of which nothing decides over those of another. Groups follow each other
as their devices do in the files of a closed day, so that a part finds its readings in few of their row groups.
(docs/decisions/0032-judging-part-by-part.md and 0036.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from sql.fingerprints import READ_OF_WINDOW, with_group
from sql.models import all_models, carried_models, in_three_steps

_DEVICE_PARTS = """
create or replace table device_parts as
with of_devices as (
    select
        device_id,
        count(*) as readings,
    from ({readings})
    group by device_id
),

of_groups as (
    select
        of_devices.device_id,
        of_devices.readings,
        coalesce(device_groups.group_id, concat('device ', of_devices.device_id)) as group_id,
        min(of_devices.device_id) over (
            partition by coalesce(device_groups.group_id, concat('device ', of_devices.device_id))
        ) as first_device_id,
    from of_devices
    left join device_groups on of_devices.device_id = device_groups.device_id
),

before as (
    select
        group_id,
        sum(sum(readings)) over (
            order by group_id in (select group_id from plot_groups where plot_id = $shown), first_device_id, group_id
            rows between unbounded preceding and current row
        ) - sum(readings) as readings_before,
    from of_groups
    group by group_id, first_device_id
)

select
    of_groups.device_id,
    of_groups.group_id,
    of_groups.readings,
    -- without gaps, which a group larger than a part would leave
    cast(dense_rank() over (order by floor(before.readings_before / {at_once})) as integer) - 1 as part_number,
from of_groups
inner join before on of_groups.group_id = before.group_id
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the groups that are judged: its number, how many readings it has, and between which devices they are."""

    number: int
    readings: int
    first_device_id: str
    last_device_id: str

    def devices(self) -> str:
        """Return the condition on a reading to be of this part; the range leaves out row groups of files."""
        first, last = (name.replace("'", "''") for name in (self.first_device_id, self.last_device_id))
        return (
            f"device_id between '{first}' and '{last}' and device_id in ("
            f"select device_id from device_parts where part_number = {self.number})"
        )


def in_parts(
    connection: duckdb.DuckDBPyConnection, devices: str, at_once: int, shown: str | None = None
) -> Iterator[Part]:
    """Yield each part when the models that lead to the carried tables are to be made of it, as `soil_readings`.

    In the end the rows of all parts are in judged_NAME for each carried model NAME, and all else has been let go that
    was made for them; where a plot is `shown`, what was made for the last part, which has its group, stays.

    devices: condition on a reading to be of a group that is judged
    at_once: readings of a part, which goes beyond by less than those of its last group
    """
    parts = make_parts(connection, devices, at_once, shown)
    for part in parts:
        readings = READ_OF_WINDOW.format(devices=part.devices())
        connection.execute(f"create or replace view soil_readings as {readings}")
        yield part
        _put_aside(connection, part)
        _let_go(connection, but_carried=part is not parts[-1] or shown is None)
    connection.execute("drop view evaluated.soil_readings")


def _put_aside(connection: duckdb.DuckDBPyConnection, part: Part) -> None:
    """Add the rows that carried models have of a part to those of the parts before."""
    for model in carried_models():
        rows = (
            f"select made.* exclude (group_id) from ({with_group(model, model.name)}) as made "
            "left join (select distinct group_id, part_number from device_parts) as parts using (group_id) "
            f"where coalesce(parts.part_number, 0) = {part.number}"  # without readings, a plateau is known of some
        )
        into = f"insert into judged_{model.name} by name" if part.number else f"create table judged_{model.name} as"
        connection.execute(f"{into} {rows}")


def _let_go(connection: duckdb.DuckDBPyConnection, *, but_carried: bool) -> None:
    """Drop the carried tables that were made for a part, and all others too unless told not to."""
    _, made, _ = in_three_steps(all_models())
    for model in made:
        if model.is_carried or (but_carried and model.is_table and not model.is_passing):
            connection.execute(f"drop table {model.name}")


def make_parts(
    connection: duckdb.DuckDBPyConnection, devices: str, at_once: int, shown: str | None = None
) -> list[Part]:
    """Make `device_parts`, which says to which part each device with readings and its group belong; return the parts.

    There is at least one, for what has no readings. The last has the group of plot `shown`, where that has readings.
    """
    readings = READ_OF_WINDOW.format(devices=devices)
    connection.execute(_DEVICE_PARTS.format(readings=readings, at_once=at_once), {"shown": shown})
    rows = connection.execute(
        "select part_number, cast(sum(readings) as bigint), min(device_id), max(device_id) "
        "from device_parts group by part_number order by part_number"
    ).fetchall()
    return [Part(*row) for row in rows] or [Part(0, 0, "", "")]
