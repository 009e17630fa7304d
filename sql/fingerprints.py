"""What the rows of a group of plots follow from, as one number: the same number means the same rows.

A group is what shares a probe or a plot. Its fingerprint is a sum of hashes over every row that its carried rows can
follow from, once with today's readings and once without (`closed_fingerprint`). What all groups share is in `run_key`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from importlib import resources
from importlib.resources.abc import Traversable

import duckdb
import pyarrow as pa

from ingest.site import Site
from sql.models import Model, all_models
from sql.reference import limit, reference_names, reference_rows

READ_COLUMNS = (
    "device_id, channel, depth_cm, measured_at, volumetric_water_content, soil_temperature_c, bulk_ec_ds_m, "
    "matric_potential_kpa, quarantine, received_at"
)
"""What models read of soil_readings beside its day; a fingerprint is of all of it."""

READ_OF_WINDOW = (
    f"select {READ_COLUMNS}, date from memory.main.soil_readings "
    "where date between coalesce(getvariable('window_from'), date '0001-01-01') "
    "and coalesce(getvariable('window_to'), date '9999-12-31') and {devices}"
)
"""The readings of some devices in the window, or of all days where none is set."""

DEVICE_GROUP = "coalesce(device_groups.group_id, concat('device ', {name}.device_id))"
"""The group of a row of a device that `device_groups` stands beside; one that is in no register is its own."""

_DEVICE_DAYS = f"""
select
    device_id,
    date,
    cast(sum(hash({READ_COLUMNS})) as varchar) as fingerprint,
from memory.main.soil_readings
where list_contains($days, date) and measured_at <= cast(getvariable('as_of') as timestamptz)
group by device_id, date
"""

CLOSED_READINGS = """
select device_id, cast(sum(hash('readings', date, fingerprint)) as varchar) as part
from device_days
where date < cast(getvariable('window_to') as date)
group by device_id
"""
"""What a device's readings of the days before today add to the fingerprint of its group."""

_PARTS = """
with of_days as (
    select device_id, true as is_closed, cast(part as hugeint) as part from ({closed_readings})
    union all
    select device_id, false as is_closed, hash('readings', date, fingerprint) as part from new_device_days
    where date >= cast(getvariable('window_to') as date)
    union all
    select
        device_id,
        date < cast(getvariable('window_to') as date) as is_closed,
        hash('battery', device_id, date, battery_v) as part
    from battery_days
),

undated as (
    select
        device_id, null as plot_id,
        hash(
            'device', staged_devices, valid_from <= getvariable('as_of'), valid_until > getvariable('as_of')
        ) as part
    from staged_devices
    union all
    select null as device_id, plot_id, hash('plot', staged_plots) as part from staged_plots
    union all
    select null as device_id, plot_id, hash('soil', staged_soil_layers) as part from staged_soil_layers
    union all
    select
        null as device_id, plot_id,
        hash('plateau', device_id, channel, depth_cm, wetted_at, plateau_water_content, date) as part
    from soil_plateaus
    where date <= cast(getvariable('window_from') as date)
),

parts as (
    select
        device_id, null as plot_id, sum(part) as part,
        sum(case when is_closed then part end) as closed_part
    from of_days
    group by device_id
    union all
    select device_id, plot_id, part, part as closed_part from undated
)

select
    coalesce(plot_groups.group_id, device_groups.group_id, concat('device ', parts.device_id)) as group_id,
    cast(sum(parts.part) as varchar) as fingerprint,
    cast(coalesce(sum(parts.closed_part), 0) as varchar) as closed_fingerprint,
from parts
left join device_groups on parts.device_id = device_groups.device_id
left join plot_groups on parts.plot_id = plot_groups.plot_id
group by 1
"""


def with_group(model: Model, rows: str) -> str:
    """Return the statement that gives `rows`, a relation with those of a carried model, with the group of each."""
    of_device = "device" in model.grain
    key, groups = ("device_id", "device_groups") if of_device else ("plot_id", "plot_groups")
    group = DEVICE_GROUP.format(name="kept") if of_device else "plot_groups.group_id"
    return f"select kept.*, {group} as group_id from {rows} as kept left join {groups} using ({key})"


def make_groups(connection: duckdb.DuckDBPyConnection, *, with_bare_plots: bool = True) -> None:
    """Make `device_groups` and `plot_groups`: to which group a registered device or plot belongs.

    with_bare_plots: whether plots in which no device ever stood are of interest, each a group by itself
    """
    pairs = connection.execute("select distinct device_id, plot_id from staged_devices").fetchall()
    plots = "select distinct plot_id from staged_plots" if with_bare_plots else "select null where false"
    device_groups, plot_groups = _connected(pairs, [plot_id for (plot_id,) in connection.execute(plots).fetchall()])
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


def make_fingerprints(
    connection: duckdb.DuckDBPyConnection,
    days: Iterable[date],
    today: date,
    known: str | None,
    known_days: Sequence[date],
    known_sums: str | None,
) -> None:
    """Make `device_days`, of every device on every day of the window, and from it `fingerprints`, of every group.

    days: those that there are
    known: statement that gives the rows of `device_days` of known_days
    known_sums: statement that gives the rows of CLOSED_READINGS, where they are known
    """
    window = [day for day in days if today - timedelta(days=limit("soil_window_days")) <= day <= today]
    same = [day for day in window if known is not None and day in known_days]
    connection.execute(
        f"create or replace table new_device_days as {_DEVICE_DAYS}",
        {"days": [day for day in window if day not in same]},
    )
    parts = ["select * from new_device_days"]
    if same:
        listed = ", ".join(f"date '{day}'" for day in same)
        parts.append(f"select * from ({known}) where date in ({listed})")
    connection.execute(f"create or replace view device_days as {' union all by name '.join(parts)}")
    connection.execute(
        f"create or replace table fingerprints as {_PARTS.format(closed_readings=known_sums or CLOSED_READINGS)}"
    )


def run_key(connection: duckdb.DuckDBPyConnection, site: Site) -> str:
    """Return a hash of all that every plot depends on: models, thresholds, this code, the window, days of weather."""
    (days,) = connection.execute(
        "select (select cast(sum(hash(date, next_date)) as varchar) from weather_days where has_air_frost), "
        "(select cast(sum(hash(shifts)) as varchar) from depletion_shifts as shifts), "
        "cast(getvariable('window_from') as varchar), cast(getvariable('window_to') as varchar)"
    ).fetchall()
    told = [
        duckdb.__version__,
        [entry.read_text(encoding="utf-8") for entry in _code()],
        [(model.name, model.select) for model in all_models()],
        [(name, reference_rows(name)) for name in reference_names()],
        [repr(site), *days],
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _code() -> list[Traversable]:
    entries = [entry for entry in resources.files("sql").iterdir() if entry.name.endswith(".py")]
    return sorted(entries, key=lambda entry: entry.name)


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


def same_days(
    days: Mapping[date, Sequence[str]], days_before: Mapping[date, Sequence[str]], as_of: datetime, site: Site
) -> list[date]:
    """Return the days before the one of `as_of` of which the files are those of `days_before`."""
    until = site.local_date(as_of)
    return [day for day, names in days.items() if day < until and list(days_before.get(day, ())) == list(names)]
