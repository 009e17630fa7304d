"""Which plots an evaluation may take over from the one before, because nothing that their rows follow from has changed.

Models that say `Kept as: carried table` follow from the readings of a plot's own devices, from the registers and from
the window: not from the instant within the day, nor from today's weather. Plots that share a device (a probe was moved)
are one group; its fingerprint is made of every row that its carried rows can follow from. What is the same on both
sides is taken over. Where only today's readings are new, the evaluation continues after the closed days
(sql/continued.py). The rest is judged anew, and all that is built on the carried tables is made in full each time,
unless it holds (sql/held.py). So the answer is that of a full run (docs/decisions/0013-what-an-evaluation-carries.md
and 0020).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from ingest.site import Site
from sql.continued import OPEN_DAYS, Seam, begin, end, seam_before, show_what_is_near, unsteady_groups
from sql.fingerprints import (
    CLOSED_READINGS,
    DEVICE_GROUP,
    READ_OF_WINDOW,
    make_fingerprints,
    make_groups,
    run_key,
    same_days,
    with_group,
)  # fmt: skip
from sql.held import Held, Holding
from sql.models import READINGS_AT_ONCE, Model, carried_models
from sql.parts import in_parts
from sql.reference import limit

_MOST_CHANGED = 0.5
"""Share of the groups from which everything is judged anew: carrying the rest would save little."""

_FEWEST_CONTINUED = 0.05
"""Share of the groups below which none is continued: two rounds of statements cost more than a few whole windows."""

_FEW_JUDGED = 0.05
"""Share of the groups up to which the readings of those that are judged whole are held in memory at once."""

_ORDER_KEPT = {"element_days": "date", "readings_daily": "date", "root_zone": "span, date"}
"""How rows lie in the files of models with many: who asks for days alone, or for the newest, skips the rest."""

_PLATEAUS_OF_JUDGED = (
    "select * from memory.main.soil_plateaus where plot_id in ("
    "select plot_id from plot_groups inner join judged_groups using (group_id))"
)
"""What was written down of soils that are judged: what it teaches of the others is taken over."""

_NOTHING_KNOWN = (
    "select null::varchar as group_id, null::varchar as fingerprint, null::varchar as closed_fingerprint, "
    "null::boolean as is_steady, null::integer as generation where false"
)


@dataclass(frozen=True, slots=True)
class Generation:
    """What one evaluation judged anew: the file of each carried table, and the instant up to which it looked.

    groups: how many there are in the files; in those of the first generation no others are
    """

    as_of: datetime
    groups: int
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier evaluation left, by files of Parquet.

    key: of everything that all plots share; when it differs nothing is carried
    days: names of the files of soil_readings that each local day had
    device_days: file of the fingerprints of a device's readings on a day
    device_sums: file of what all of these add to the fingerprint of its group
    groups: file of group_id, its fingerprints, whether another evaluation may continue after its closed days, and the
        generation that holds the group's rows
    generations: later ones hold groups that were judged anew
    held: rows of held models (sql/held.py)
    """

    key: str
    as_of: datetime
    days: Mapping[date, Sequence[str]]
    device_days: Path
    device_sums: Path
    groups: Path
    generations: Sequence[Generation]
    held: Mapping[str, Held]


class Carry:
    """One evaluation that takes over what it can from `past`, and says afterwards what the next one may take over."""

    def __init__(
        self,
        past: Past | None,
        days: Mapping[date, Sequence[str]],
        site: Site,
        as_of: datetime,
        readings_at_once: int = READINGS_AT_ONCE,
        shown: str | None = None,
    ) -> None:
        """Begin; reads nothing yet.

        past: None when there is nothing
        days: the files of soil_readings by local day, listed before the lake was opened, so that what came between is
            judged again rather than missed
        readings_at_once: of more readings of groups that are judged whole, these are judged part by part
        shown: a plot whose group is judged whole, and last, so that relations such as `readings`, of which the rows of
            a part are let go for those of the next, have its rows in the end
        """
        self.as_of = as_of
        self.days = days
        self.key = ""
        self.groups = 0
        self.groups_judged = 0
        self.groups_carried = 0
        self.groups_continued = 0
        self.has_new_days = True
        """True unless the days before today, and their files, are those of which `past` has the fingerprints."""
        self.share_read = 1.0
        """About how much of the window's readings the pass that was yielded last reads."""
        self.past = past
        self.holding = Holding("", {})
        """Which of the models after the carried tables hold; known after the passes."""
        self._site = site
        self._readings_at_once = readings_at_once
        self._shown = shown
        self._seam = seam_before(site.local_date(as_of), site)

    @property
    def takes_over(self) -> bool:
        """True when rows of an earlier evaluation stand beside those of this one."""
        return self.groups_carried + self.groups_continued > 0

    def passes(self, connection: duckdb.DuckDBPyConnection, readings: Callable[[], int]) -> Iterator[Seam | None]:
        """Yield each time that the models that lead to the carried tables are to be made, and take over the rest.

        A seam: for groups that continue after it, with `continued_from` set. None: for those that are judged whole.
        After each model `show_what_is_near` is to be called.

        readings: says how many the window has; to count them, the ends of its files are looked at
        """
        self._compare(connection)
        if self._seam is not None and self.groups_continued:
            begin(connection, self._seam, self._continued_rows)
            days = min(len(self.days), limit("soil_window_days"))
            self.share_read = self.groups_continued / self.groups * (OPEN_DAYS + 1) / days
            yield self._seam
            unsteady = unsteady_groups(self._seam, self._continued_rows)
            connection.execute(
                "delete from continued_groups where group_id in ("
                f"select coalesce(plot_groups.group_id, {DEVICE_GROUP.format(name='unsteady')}) "
                f"from ({unsteady}) as unsteady left join device_groups using (device_id) "
                "left join plot_groups using (plot_id))"
            )
            end(connection, carried_models())
            self._count(connection)
        if self._judged_any:
            self.share_read = self.groups_judged / max(self.groups, 1)
            connection.execute(f"create or replace view soil_plateaus as {_PLATEAUS_OF_JUDGED}")
            if readings() * self.share_read > self._readings_at_once:
                yield from self._judge_in_parts(connection, readings())
            else:
                yield from self._judge_at_once(connection)
            connection.execute("drop view evaluated.soil_plateaus")
        self._take_over(connection)
        self.holding = Holding(self.key, {} if self.past is None else self.past.held)

    def _judge_at_once(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        if not self.takes_over:
            yield None
            return
        kind, some = "view", _devices_of("judged_groups")
        if self.groups_judged <= _FEW_JUDGED * self.groups:
            # The readings of few are looked for once, by all threads, and not by each model that reads them. Who is
            # named in the statement is told apart while the files are read, and the rest of a row read for them alone.
            named = [_text(device_id) for (device_id,) in connection.execute(some).fetchall()]
            kind, some = "table", ", ".join(sorted(named)) or "null"
        readings = READ_OF_WINDOW.format(devices=f"device_id in ({some})")
        connection.execute(f"create or replace {kind} soil_readings as {readings}")
        yield None
        connection.execute(f"drop {kind} evaluated.soil_readings")
        for model in carried_models():
            connection.execute(f"alter table {model.name} rename to judged_{model.name}")

    def _judge_in_parts(self, connection: duckdb.DuckDBPyConnection, readings: int) -> Iterator[None]:
        some = f"device_id in (select device_id from ({_devices_of('judged_groups')}))" if self.takes_over else "true"
        for part in in_parts(connection, some, self._readings_at_once, self._shown):
            self.share_read = part.readings / readings
            yield None
        if not self.takes_over:
            for model in carried_models():
                connection.execute(f"alter table judged_{model.name} rename to {model.name}")

    def show_what_is_near(self, seam: Seam | None, connection: duckdb.DuckDBPyConnection, model: Model) -> None:
        """Once `model` is made in a pass after `seam`, set the closed rows beside it that later models look back at."""
        if seam is not None:
            show_what_is_near(connection, seam, model, self._continued_rows)

    def _take_over(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let each carried table show, beside the rows judged anew, those of before that still hold.

        These stay in their files, of which whoever asks reads the columns that it needs: most of them nobody asks.
        """
        if not self.takes_over:
            return
        for model in carried_models():
            parts = [] if not self._judged_any else [f"select * from judged_{model.name}"]
            if self.groups_carried:
                parts.append(self._kept_rows(model.name, "carried_groups"))
            if self.groups_continued and self._seam is not None:
                is_open = self._seam.is_open(model.name)
                parts.append(
                    f"select * exclude (group_id) from ({with_group(model, f'continued_{model.name}')}) "
                    f"where {is_open} and group_id in (select group_id from continued_groups)"
                )
                parts.append(f"select * from ({self._continued_rows(model.name)}) where not ({is_open})")
            connection.execute(f"create or replace view {model.name} as {' union all by name '.join(parts)}")

    def rows_to_keep(self, model: Model, *, whole: bool) -> str:
        """Return the statement that gives the rows of a carried model with their group.

        whole: of every group; otherwise of those that this evaluation judged anew
        """
        rows = with_group(model, model.name if whole or not self.takes_over else f"judged_{model.name}")
        return f"{rows} order by {_ORDER_KEPT[model.name]}" if model.name in _ORDER_KEPT else rows

    def device_days_to_keep(self) -> str:
        """Return the statement that gives the fingerprints of days before today, which is never the same again."""
        return f"select * from device_days where date < date '{self._site.local_date(self.as_of)}'"

    def device_sums_to_keep(self) -> str:
        """Return the statement that gives what the readings of these days add to fingerprints."""
        return CLOSED_READINGS

    def groups_to_keep(self, generation: int, *, whole: bool) -> str:
        """Return the statement that gives every group with its fingerprints and the generation of its rows."""
        unsteady = (
            f"select {DEVICE_GROUP.format(name='unsteady')} as group_id "
            f"from {'judged_' if self.takes_over else ''}unsteady_devices as unsteady "
            "left join device_groups using (device_id)"
        )
        if self.takes_over and not self._judged_any:
            unsteady = "select null::varchar as group_id where false"
        judged = (
            "select group_id, fingerprint, closed_fingerprint, "
            f"group_id not in (select group_id from ({unsteady})) as is_steady, {generation} as generation "
            "from fingerprints inner join judged_groups using (group_id)"
        )
        if whole:
            return (
                f"{judged} union all select group_id, fingerprint, closed_fingerprint, "
                f"coalesce(known_groups.is_steady, true), {generation} "
                "from fingerprints left join known_groups using (group_id, fingerprint, closed_fingerprint) "
                "where group_id not in (select group_id from judged_groups)"
            )
        return (
            f"{judged} union all select known_groups.* from known_groups "
            "where group_id in (select group_id from carried_groups) "
            "or group_id in (select group_id from continued_groups)"
        )

    def _compare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Find what has changed, and how much of each group."""
        self.key = run_key(connection, self._site)
        if self.past is not None and (self.past.key != self.key or self.as_of < self.past.as_of):
            self.past = None  # of an instant before, nobody kept what was known then
        past = self.past
        known_days = [] if past is None else same_days(self.days, past.days, past.as_of, self._site)
        today = self._site.local_date(self.as_of)
        closed = {day for day in self.days if day < today}
        self.has_new_days = (
            past is None or closed != set(known_days) or closed != {day for day in past.days if day < today}
        )
        make_groups(connection)
        make_fingerprints(
            connection,
            self.days,
            today,
            None if past is None else f"select * from read_parquet({_text(past.device_days)})",
            known_days,
            None if past is None or self.has_new_days else f"select * from read_parquet({_text(past.device_sums)})",
        )
        known = _NOTHING_KNOWN if past is None else f"select * from read_parquet({_text(past.groups)})"
        connection.execute(f"create or replace table known_groups as {known}")
        connection.execute(
            "create or replace table carried_groups as select known_groups.group_id, known_groups.generation "
            "from fingerprints inner join known_groups using (group_id, fingerprint)"
        )
        self._leave_out_what_time_changed(connection)
        may_continue = past is not None and self._seam is not None
        connection.execute(
            "create or replace table continued_groups as select known_groups.group_id, known_groups.generation "
            "from fingerprints inner join known_groups using (group_id, closed_fingerprint) "
            f"where known_groups.is_steady and {may_continue} and group_id not in (select group_id from carried_groups)"
        )
        for name in ("carried_groups", "continued_groups"):
            connection.execute(
                f"delete from {name} where group_id in (select group_id from plot_groups where plot_id = $shown)",
                {"shown": self._shown},
            )
        ((self.groups,),) = connection.execute("select count(*) from fingerprints").fetchall()
        self._count(connection)
        if self.groups_continued < _FEWEST_CONTINUED * self.groups:
            connection.execute("delete from continued_groups")
            self._count(connection)
        if self.groups_judged > _MOST_CHANGED * self.groups:
            connection.execute("delete from carried_groups")
            connection.execute("delete from continued_groups")
            self._count(connection)
        connection.execute(f"create or replace table continued_devices as {_devices_of('continued_groups')}")

    def _count(self, connection: duckdb.DuckDBPyConnection) -> None:
        ((self.groups_carried, self.groups_continued),) = connection.execute(
            "select (select count(*) from carried_groups), (select count(*) from continued_groups)"
        ).fetchall()
        self.groups_judged = self.groups - self.groups_carried - self.groups_continued
        connection.execute(
            "create or replace table judged_groups as select group_id from fingerprints where group_id not in "
            "(select group_id from carried_groups union all select group_id from continued_groups)"
        )

    @property
    def _judged_any(self) -> bool:
        """True when a pass judges whole groups, be it none of them where nothing is taken over either."""
        return self.groups_judged > 0 or not self.takes_over

    def _leave_out_what_time_changed(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Leave out groups of which a plateau has ended since they were judged: what it teaches counts from then on."""
        if self.past is None:
            return
        for number, generation in enumerate(self.past.generations):
            connection.execute(
                f"delete from carried_groups where generation = {number} and group_id in (select group_id from "
                f"read_parquet({_text(generation.files['plateaus'])}) where over_at > $first and over_at <= $last)",
                {"first": generation.as_of, "last": self.as_of},
            )

    def _continued_rows(self, name: str) -> str:
        return self._kept_rows(name, "continued_groups")

    def _kept_rows(self, name: str, groups: str) -> str:
        """Return the statement that gives the rows of a carried model that `past` has of `groups`."""
        past = () if self.past is None else self.past.generations
        # where each row that was kept still holds, nobody need look for those that do
        are_all = groups == "carried_groups" and len(past) == 1 and self.groups_carried == past[0].groups
        generations: dict[Path, list[str]] = {}  # those with the very same rows share a file
        for number, generation in enumerate(past):
            generations.setdefault(generation.files[name], []).append(str(number))
        return " union all by name ".join(
            f"select * exclude (group_id) from read_parquet({_text(file)}) where "
            + (
                "group_id is not null"
                if are_all
                else f"group_id in (select group_id from {groups} where generation in ({', '.join(numbers)}))"
            )
            for file, numbers in generations.items()
        )


def _devices_of(groups: str) -> str:
    return (
        "select distinct device_id from device_days left join device_groups using (device_id) "
        f"where {DEVICE_GROUP.format(name='device_days')} in (select group_id from {groups})"
    )


def _text(value: Path | str) -> str:
    return "'" + str(value).replace("'", "''") + "'"
