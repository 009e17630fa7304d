"""Judging a large district part by part: memory follows what is judged at once, not how often probes report.

A part is some groups of plots (sql/carry.py), of which nothing decides over those of another. Groups follow each other
as their devices do in the files of a closed day, so that a part finds its readings in few of their row groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

READINGS_AT_ONCE = 3_000_000
"""Readings that a part has, about: some 2 GB of memory. Each part costs a CPU second of planning, however small."""

_DEVICE_PARTS = """
create or replace table device_parts as
with of_devices as (
    select
        device_id,
        count(*) as readings,
    from memory.main.soil_readings
    where
        date between getvariable('window_from') and getvariable('window_to')
        and {devices}
    group by device_id
),

of_groups as (
    select
        of_devices.device_id,
        of_devices.readings,
        coalesce(device_groups.group_id, concat('device ', of_devices.device_id)) as group_id,
        min(of_devices.device_id) over (partition by group_id) as first_device_id,
    from of_devices
    left join device_groups on of_devices.device_id = device_groups.device_id
),

before as (
    select
        group_id,
        sum(sum(readings)) over (
            order by first_device_id, group_id rows between unbounded preceding and current row
        ) - sum(readings) as readings_before,
    from of_groups
    group by group_id, first_device_id
)

select
    of_groups.device_id,
    of_groups.group_id,
    of_groups.readings,
    cast(floor(before.readings_before / {at_once}) as integer) as part_number,
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


def make_parts(connection: duckdb.DuckDBPyConnection, devices: str, at_once: int) -> list[Part]:
    """Make `device_parts`, which says to which part each device with readings and its group belong; return the parts.

    There is at least one, for what has no readings.

    devices: condition on a reading to be of a group that is judged
    at_once: readings of a part, which goes beyond by less than those of its last group
    """
    connection.execute(_DEVICE_PARTS.format(devices=devices, at_once=at_once))
    rows = connection.execute(
        "select part_number, cast(sum(readings) as bigint), min(device_id), max(device_id) "
        "from device_parts group by part_number order by part_number"
    ).fetchall()
    return [Part(*row) for row in rows] or [Part(0, 0, "", "")]
