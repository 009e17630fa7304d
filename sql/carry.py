"""Which plots an evaluation may take over from the one before, because nothing that their rows follow from has changed.

Models that say `Kept as: carried table` follow from the readings of a plot's own devices, from the registers and from
the window: not from the instant within the day, nor from today's weather. Plots that share a device (a probe was moved)
are one group; its fingerprint is made of every row that its carried rows can follow from. What is the same on both
sides is taken over, the rest is judged anew, and all that is built on the carried tables is made in full each time. So
the answer is that of a full run (docs/decisions/0013-what-an-evaluation-carries.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import resources
from pathlib import Path

import duckdb
import pyarrow as pa

from ingest.site import Site
from sql.models import Model, all_models
from sql.reference import limit, reference_names, reference_rows

_MOST_CHANGED = 0.5
"""Share of the groups from which everything is judged anew: carrying the rest would save little."""

_READ_COLUMNS = (
    "device_id, channel, depth_cm, measured_at, volumetric_water_content, soil_temperature_c, bulk_ec_ds_m, "
    "matric_potential_kpa, quarantine, received_at"
)

_DEVICE_DAYS = f"""
select
    device_id,
    date,
    cast(sum(hash({_READ_COLUMNS})) as varchar) as fingerprint,
from lake_soil_readings
where list_contains($days, date) and measured_at <= cast(getvariable('as_of') as timestamptz)
group by device_id, date
"""

_DEVICE_GROUP = "coalesce(device_groups.group_id, concat('device ', {name}.device_id))"

_PARTS = """
with parts as (
    select device_id, null as plot_id, hash('readings', date, fingerprint) as part from device_days
    union all
    select device_id, null as plot_id, hash('battery', date, battery_v) as part from battery_days
    union all
    select
        device_id, null as plot_id,
        hash(
            'device', staged_devices, valid_from <= getvariable('as_of'), valid_until > getvariable('as_of')
        ) as part
    from staged_devices
    union all
    select
        null as device_id, plot_id,
        hash(
            'plot', staged_plots,
            epoch(cast(getvariable('as_of') as timestamptz)) < new_until_s,
            (
                select count(*) from potential_lines
                where
                    (epoch(cast(getvariable('as_of') as timestamptz)) - planted_s) / (365.25 * 86400)
                    >= potential_lines.planted_years_from
            )
        ) as part
    from staged_plots
    union all
    select null as device_id, plot_id, hash('soil', staged_soil_layers) as part from staged_soil_layers
    union all
    select
        null as device_id, plot_id,
        hash('plateau', device_id, channel, depth_cm, wetted_at, plateau_water_content, date) as part
    from soil_plateaus
    where date <= cast(getvariable('window_from') as date)
)

select
    coalesce(plot_groups.group_id, device_groups.group_id, concat('device ', parts.device_id)) as group_id,
    cast(sum(parts.part) as varchar) as fingerprint,
from parts
left join device_groups on parts.device_id = device_groups.device_id
left join plot_groups on parts.plot_id = plot_groups.plot_id
group by 1
"""


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier evaluation left, by files of Parquet.

    key: of everything that all plots share; when it differs nothing is carried
    days: names of the files of soil_readings that each local day had
    device_days: file of the fingerprints of a device's readings on a day
    groups: file of group_id, fingerprint and the generation that holds the group's rows
    generations: per generation the file of each carried table; later ones hold groups that were judged anew
    """

    key: str
    as_of: datetime
    days: Mapping[date, Sequence[str]]
    device_days: Path
    groups: Path
    generations: Sequence[Mapping[str, Path]]


class Carry:
    """One evaluation that takes over what it can from `past`, and says afterwards what the next one may take over."""

    def __init__(self, past: Past | None, days: Mapping[date, Sequence[str]], site: Site, as_of: datetime) -> None:
        """Begin; reads nothing yet.

        past: None when there is nothing
        days: the files of soil_readings by local day, listed before the lake was opened, so that what came between is
            judged again rather than missed
        """
        self.as_of = as_of
        self.days = days
        self.key = ""
        self.groups_judged = 0
        self.groups_carried = 0
        self.past = past
        self._site = site

    def compare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Find what has changed, and let the models that follow read the devices of the changed groups only."""
        self.key = _key(connection, self._site)
        connection.execute("create or replace view lake_soil_readings as select * from memory.main.soil_readings")
        if self.past is not None and self.past.key != self.key:
            self.past = None
        self._group(connection)
        self._fingerprint(connection)
        known = (
            "select null::varchar as group_id, null::varchar as fingerprint, null::integer as generation where false"
        )
        if self.past is not None:
            known = f"select * from read_parquet({_text(self.past.groups)})"
        connection.execute(
            "create or replace table carried_groups as select known.* from fingerprints "
            f"inner join ({known}) as known using (group_id, fingerprint)"
        )
        self._leave_out_what_time_changed(connection)
        ((self.groups_carried, all_groups),) = connection.execute(
            "select (select count(*) from carried_groups), (select count(*) from fingerprints)"
        ).fetchall()
        if all_groups - self.groups_carried > _MOST_CHANGED * all_groups:
            connection.execute("delete from carried_groups")
            self.groups_carried = 0
        self.groups_judged = all_groups - self.groups_carried
        if self.groups_carried:
            connection.execute(
                f"create or replace table judged_devices as select distinct device_id from device_days "
                f"left join device_groups using (device_id) "
                f"where {_DEVICE_GROUP.format(name='device_days')} not in (select group_id from carried_groups)"
            )
            connection.execute(
                "create or replace view soil_readings as select * from memory.main.soil_readings "
                "where device_id in (select device_id from judged_devices)"
            )

    def take_over(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let each carried table show, beside the rows judged anew, those of the groups that have not changed.

        These stay in their files, of which whoever asks reads the columns that it needs: most of them nobody asks.
        """
        if not self.groups_carried or self.past is None:
            return
        connection.execute("drop view evaluated.soil_readings")
        for model in carried_models():
            files = [_text(files[model.name]) for files in self.past.generations]
            connection.execute(f"alter table {model.name} rename to judged_{model.name}")
            connection.execute(
                f"create or replace view {model.name} as select * from judged_{model.name} union all by name "
                f"select * exclude (group_id, filename) from read_parquet([{', '.join(files)}], filename = true) "
                "where (group_id, filename) in "
                f"(select (group_id, [{', '.join(files)}][generation + 1]) from carried_groups)"
            )

    def rows_to_keep(self, model: Model, *, whole: bool) -> str:
        """Return the statement that gives the rows of a carried model with their group.

        whole: of every group; otherwise of those that this evaluation judged anew
        """
        of_device = "device" in model.grain
        key, groups = ("device_id", "device_groups") if of_device else ("plot_id", "plot_groups")
        rows = model.name if whole or not self.groups_carried else f"judged_{model.name}"
        group = _DEVICE_GROUP.format(name="kept") if of_device else "plot_groups.group_id"
        return f"select kept.*, {group} as group_id from {rows} as kept left join {groups} using ({key})"

    def groups_to_keep(self, generation: int, *, whole: bool) -> str:
        """Return the statement that gives every group with its fingerprint and the generation of its rows."""
        known = "null" if whole else "carried_groups.generation"
        return (
            "select group_id, fingerprints.fingerprint, "
            f"cast(coalesce({known}, {generation}) as integer) as generation "
            "from fingerprints left join carried_groups using (group_id)"
        )

    def _group(self, connection: duckdb.DuckDBPyConnection) -> None:
        pairs = connection.execute("select distinct device_id, plot_id from staged_devices").fetchall()
        plots = [plot_id for (plot_id,) in connection.execute("select distinct plot_id from staged_plots").fetchall()]
        device_groups, plot_groups = _connected(pairs, plots)
        for name, column, groups in (
            ("device_groups", "device_id", device_groups), ("plot_groups", "plot_id", plot_groups)
        ):  # fmt: skip
            connection.register(
                f"{name}_found",
                pa.table(
                    {column: list(groups), "group_id": list(groups.values())},
                    schema=pa.schema([(column, pa.string()), ("group_id", pa.string())]),
                ),
            )
            connection.execute(f"create or replace table {name} as select * from {name}_found")
            connection.unregister(f"{name}_found")

    def _fingerprint(self, connection: duckdb.DuckDBPyConnection) -> None:
        today = self._site.local_date(self.as_of)
        window = [day for day in self.days if today - timedelta(days=limit("soil_window_days")) <= day <= today]
        past = self.past
        same = [
            day
            for day in window
            if past is not None
            and list(past.days.get(day, ())) == list(self.days[day])
            and day < min(today, self._site.local_date(past.as_of))
        ]
        connection.execute(
            f"create or replace table device_days as {_DEVICE_DAYS}",
            {"days": [day for day in window if day not in same]},
        )
        if past is not None and same:
            connection.execute(
                f"insert into device_days by name select * from read_parquet({_text(past.device_days)}) "
                "where list_contains($days, date)",
                {"days": same},
            )
        connection.execute(f"create or replace table fingerprints as {_PARTS}")

    def _leave_out_what_time_changed(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Leave out groups of which a plateau has ended since: what it teaches counts from then on."""
        if self.past is None:
            return
        first, last = sorted((self.past.as_of, self.as_of))
        for number, files in enumerate(self.past.generations):
            connection.execute(
                f"delete from carried_groups where generation = {number} and group_id in (select group_id "
                f"from read_parquet({_text(files['plateaus'])}) where over_at > $first and over_at <= $last)",
                {"first": first, "last": last},
            )


def carried_models() -> tuple[Model, ...]:
    """Return the models whose rows a later evaluation may take over, in the order in which they are made."""
    return tuple(model for model in all_models() if model.is_carried)


def in_three_steps(models: Sequence[Model]) -> tuple[list[Model], list[Model], list[Model]]:
    """Return `models` in their order: what no reading decides, what leads to the carried tables, and what follows."""
    by_name = {model.name: model for model in models}
    behind = {model.name for model in models if model.is_carried}
    for model in reversed(models):
        if model.name in behind:
            behind |= {name for name in model.reads if name in by_name}
    from_readings: set[str] = set()
    for model in models:
        if "soil_readings" in model.reads or from_readings & set(model.reads):
            from_readings.add(model.name)
    first = [model for model in models if model.name in behind - from_readings]
    second = [model for model in models if model.name in behind & from_readings]
    return first, second, [model for model in models if model.name not in behind]


def _connected(pairs: Iterable[tuple[str, str | None]], plots: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the group of each device and of each plot; what shares a device or a plot is in one group."""
    parents: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        parents.setdefault(node, node)
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for device_id, plot_id in pairs:
        device = root(("device", device_id))
        if plot_id is not None:
            low, high = sorted((device, root(("plot", plot_id))))
            parents[low] = high
    for plot_id in plots:
        root(("plot", plot_id))
    groups = {node: " ".join(root(node)) for node in list(parents)}
    return (
        {name: group for (kind, name), group in groups.items() if kind == "device"},
        {name: group for (kind, name), group in groups.items() if kind == "plot"},
    )


def _key(connection: duckdb.DuckDBPyConnection, site: Site) -> str:
    """Return a hash of all that every plot depends on: models, thresholds, this code, the window, days of weather."""
    (days,) = connection.execute(
        "select (select cast(sum(hash(date, next_date)) as varchar) from weather_days where has_air_frost), "
        "(select cast(sum(hash(shifts)) as varchar) from depletion_shifts as shifts), "
        "cast(getvariable('window_from') as varchar), cast(getvariable('window_to') as varchar)"
    ).fetchall()
    told = [
        duckdb.__version__,
        resources.files("sql").joinpath("carry.py").read_text(encoding="utf-8"),
        [(model.name, model.select) for model in all_models()],
        [(name, reference_rows(name)) for name in reference_names()],
        [repr(site), *days],
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
