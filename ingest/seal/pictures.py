"""Pictures into the lake: all that came of one is replaced together, in four tables.

Safe to interrupt anywhere and to do again: what is to stand there is worked out from what stands there and from the
messages, and writing it a second time changes nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.drone.pictures import (
    SAME_WITHIN,
    Group,
    Picture,
    file_names,
    group_pictures,
    merge,
    picture_id,
    picture_of,
)
from ingest.drone.plots_index import PlotShapes
from ingest.drone.pose_join import PLANNED
from ingest.drone.rows import picture_rows, posed_pictures, repose
from ingest.errors import StoreError
from ingest.lake.damage import read_undamaged, set_aside_damaged
from ingest.lake.durable import can_exchange, store_errors
from ingest.lake.files import partition_files
from ingest.lake.kept import first_kept
from ingest.lake.layout import DataFolder
from ingest.lake.locks import swapping
from ingest.lake.read import relation_of
from ingest.lake.tables import Table, table
from ingest.lake.write import by_local_day, replace_partition, to_arrow, write_rows
from ingest.observation import DroneImage, DronePose, Message
from ingest.picture_names import same_file_sql
from ingest.seal.stored_poses import REACHES
from ingest.seal.tally import Tally
from ingest.site import Site

Row = dict[str, Any]

TABLES = ("image_detections", "index_stats", "plot_coverage", "drone_images")
"""In the order they are written: findings before the coverage without which their plot cannot pass for well, and the
row by which a picture is known last, so that an interrupted seal is taken up again."""

_NEVER_SHOWN = ("footprint", "footprint_corners")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is to stand in the lake of one picture.

    ids: picture_id of now, and those it may have had before
    rows: by table
    """

    group: Group
    ids: frozenset[str]
    captured_at: datetime
    rows: Mapping[str, list[Row]]

    def is_mine(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row of the lake is of this picture."""
        return row["picture_id"] in self.ids and abs(row["captured_at"] - self.captured_at) <= SAME_WITHIN


@dataclass(slots=True)
class Written:
    """What was written: files' partitions, rows by table, and files that were found damaged and set aside."""

    touched: set[tuple[str, date]] = field(default_factory=set)
    rows: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    damaged: list[str] = field(default_factory=list)


@dataclass(slots=True)
class PictureStore:
    """Reads and writes what the lake holds of pictures.

    turned: called when a part of the work is done
    since: first local day that is kept, by table; what is still there of days before is as good as deleted
    """

    folder: DataFolder
    site: Site
    db: duckdb.DuckDBPyConnection
    turned: Callable[[], None]
    since: Mapping[str, date]
    written: Written = field(default_factory=Written)

    def groups(self, images: Sequence[tuple[DroneImage, Message]]) -> list[Group]:
        """Return the messages picture by picture, each with the row that the lake has of it. Raises: StoreError."""
        names = sorted({name for image, _ in images for name in file_names(image)})
        instants = [image.captured_at for image, _ in images]
        known = self._rows(
            table("drone_images"),
            f"{same_file_sql('image_id')} in (select name from wanted)"
            f" or {same_file_sql('object_uri')} in (select name from wanted)",
            names,
            instants,
        )
        return group_pictures(images, known)

    def waiting(self, poses: Sequence[DronePose], groups: Sequence[Group]) -> list[Group]:
        """Return the stored pictures that new `poses` may concern, without those of `groups`.

        They have no pitch of their own that was measured, and were taken so near to a pose that it may count.
        Raises: StoreError.
        """
        told = sorted(pose.posed_at for pose in poses if pose.gimbal_pitch_deg is not None or pose.source == PLANNED)
        if not told:
            return []
        reach = max(REACHES.values())
        known = self._rows(
            table("drone_images"),
            "media_kind = 'image'"
            f" and (pitch_deg is null or attitude_age_s is not null or attitude_source = '{PLANNED}')",
            ["any"],
            told,
            within=reach,
        )
        there = {(group.known["picture_id"], group.known["captured_at"]) for group in groups if group.known}
        return [
            Group.stored(row)
            for row in known
            if (row["picture_id"], row["captured_at"]) not in there and _is_near(row["captured_at"], told, reach)
        ]

    def judge(
        self, groups: Sequence[Group], poses: Sequence[DronePose], plots: PlotShapes, received_at: datetime
    ) -> list[Kept]:
        """Return what is to stand in the lake of each picture that these messages say something new of.

        received_at: of the newest message, since when what the poses say of a picture is known
        """
        flat = posed_pictures([one for group in groups for one in group.incoming], poses, self.site)
        said = iter(flat)
        news = [[next(said) for _ in group.incoming] for group in groups]
        eager = [
            (group, new)
            for group, new in zip(groups, news, strict=True)
            if group.known is None
            or group.is_again
            or not new
            or _fold(picture_of(group.known, (), ()), new) is not None
        ]
        findings, stats = (
            self._details(name, [group for group, _ in eager]) for name in ("image_detections", "index_stats")
        )
        changed: list[tuple[Group, Picture]] = []
        for group, new in eager:
            if group.known is None:
                first = _fold(new[0], new[1:]) or new[0]
                changed.append((group, repose(first, poses, received_at) or first))
                continue
            key = group.known["picture_id"], group.known["captured_at"]
            known = picture_of(group.known, findings[key], stats[key])
            is_short = group.is_again and len(findings[key]) < (group.known["detection_count"] or 0)
            folded = _fold(known, new, is_short=is_short)
            posed = repose(folded or known, poses, received_at)
            if posed is not None or folded is not None or group.is_again:
                changed.append((group, posed or folded or known))
        return _kept(changed, picture_rows([picture for _, picture in changed], plots))

    def write(self, kept: Sequence[Kept], stem: str) -> set[int]:
        """Make the rows durable; return the positions of pictures that could not be replaced on this file system.

        Raises: StoreError; do it again then.
        """
        plans = {name: self._plan(table(name), kept) for name in TABLES}
        stays: set[int] = set()
        if any(old for plan in plans.values() for _, old, _ in plan) and not can_exchange(self.folder.staging):
            stays = {position for plan in plans.values() for position, old, _ in plan if old}
        for name, plan in plans.items():
            self._carry_out(table(name), [one for one in plan if one[0] not in stays], stem)
        return stays

    def _plan(self, spec: Table, kept: Sequence[Kept]) -> list[tuple[int, list[Row], list[Row]]]:
        """Return for each picture that is not as it should be: its position, the rows that go, and those that come."""
        ids = sorted({name for one in kept for name in one.ids})
        stored = self._rows(
            spec, "picture_id in (select name from wanted)", ids, [one.captured_at for one in kept], whole=True
        )
        by_id: defaultdict[str, list[Row]] = defaultdict(list)
        for row in stored:
            by_id[row["picture_id"]].append(row)
        plan = []
        for position, one in enumerate(kept):
            old = [row for name in one.ids for row in by_id[name] if one.is_mine(row)]
            new = one.rows[spec.name]
            if not old and not new:
                continue
            # Through Arrow, so that both have every column and the same types.
            if not old or sorted(old, key=str) != sorted(to_arrow(spec, new).to_pylist(), key=str):
                plan.append((position, old, new))
        return plan

    def _carry_out(self, spec: Table, plan: Sequence[tuple[int, list[Row], list[Row]]], stem: str) -> None:
        gone: defaultdict[date, set[tuple[str, datetime]]] = defaultdict(set)
        for _, old, _ in plan:
            for row in old:
                gone[self.site.local_date(row["captured_at"])].add((row["picture_id"], row["captured_at"]))
        coming = dict(by_local_day(spec, to_arrow(spec, [row for _, _, new in plan for row in new]), self.site))
        # A picture that moves to another day is there twice for a moment, and never missing.
        for day in sorted(set(gone) | set(coming), key=lambda day: (day not in coming, day)):
            rows = coming.get(day, spec.schema.empty_table())
            if day in gone:
                self._exchange(spec, day, gone[day], rows)
            else:
                write_rows(self.folder, spec, day, rows, stem)
            self.written.touched.add((spec.name, day))
            self.written.rows[spec.name] += rows.num_rows
            self.turned()

    def _exchange(self, spec: Table, day: date, gone: set[tuple[str, datetime]], rows: pa.Table) -> None:
        """Put `rows` in the place of the rows `gone` (picture_id and captured_at) of a day, in one step."""
        ids = pa.array(sorted({name for name, _ in gone}), pa.string())
        with swapping(self.folder):
            files = partition_files(self.folder, spec, day)
            touched, parts = [], [rows]
            for path in files:
                with store_errors(f"reading {path}"):
                    names = pq.read_table(path, columns=["picture_id"], partitioning=None)["picture_id"]
                if not pc.any(pc.is_in(names, value_set=ids)).as_py():
                    continue
                stored, damaged = read_undamaged(self.folder, spec, [path])
                self.written.damaged.extend(damaged)
                keys = zip(stored["picture_id"].to_pylist(), stored["captured_at"].to_pylist(), strict=True)
                parts.append(stored.filter(pa.array([key not in gone for key in keys], pa.bool_())))
                touched.append(path)
            merged = pa.concat_tables(parts)
            keep = [path for path in files if path not in touched and path.exists()]
            replace_partition(self.folder, spec, day, merged, _stem_of(merged), keep=keep)

    def _details(self, name: str, groups: Iterable[Group]) -> defaultdict[tuple[str, datetime], list[Row]]:
        known = [group.known for group in groups if group.known is not None]
        rows = self._rows(
            table(name),
            "picture_id in (select name from wanted)",
            sorted({row["picture_id"] for row in known}),
            [row["captured_at"] for row in known],
        )
        found: defaultdict[tuple[str, datetime], list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: row["message_seq"]):
            found[row["picture_id"], row["captured_at"]].append(row)
        return found

    def _rows(
        self,
        spec: Table,
        condition: str,
        names: Sequence[str],
        instants: Sequence[datetime],
        *,
        whole: bool = False,
        within: timedelta = SAME_WITHIN,
    ) -> list[Row]:
        """Return the rows around `instants` that `condition` holds for; `names` are its table `wanted`."""
        if not names:
            return []
        around = {self.site.local_date(at + side) for at in instants for side in (-within, timedelta(), within)}
        first = first_kept(spec, self.since) or date.min
        days = sorted(day for day in around if day >= first)
        since, until = (f"timestamptz '{at.isoformat()}'" for at in (min(instants) - within, max(instants) + within))
        columns = ", ".join(f'"{c.name}"' for c in spec.columns if whole or c.name not in _NEVER_SHOWN)

        def files() -> list[Path]:
            return [path for day in days for path in partition_files(self.folder, spec, day)]

        def read() -> list[Row]:
            paths = files()
            if not paths:
                return []
            source = relation_of(spec, paths)
            query = f"select {columns} from {source} where captured_at between {since} and {until} and ({condition})"
            self.db.register("wanted", pa.table({"name": pa.array(names, pa.string())}))
            try:
                return list(self.db.execute(query).to_arrow_table().to_pylist())
            finally:
                self.db.unregister("wanted")

        self.turned()
        try:
            return read()
        except duckdb.Error as error:
            damaged = set_aside_damaged(self.folder, files())
            if not damaged:
                raise StoreError(f"looking for pictures in {spec.name} of {days[0]} to {days[-1]}: {error}") from error
            self.written.damaged.extend(damaged)
            return read()


def count_pictures(tally: Tally, groups: Iterable[Group], kept: Sequence[Kept], stays: set[int]) -> None:
    """Count what became of the messages of pictures: what stands in the lake under their number, and what was there."""
    written = {id(one.group): one for position, one in enumerate(kept) if position not in stays}
    for group in groups:
        one = written.get(id(group))
        for image, message in group.incoming:
            seq = message.message_seq
            brought = {"drone_images": 1, "image_detections": len(image.detections or ())}
            brought["index_stats"] = len(image.index_stats)
            for name in TABLES:
                mine = sum(row["message_seq"] == seq for row in one.rows[name]) if one else 0
                there = max(brought.get(name, 0) - mine, 0)
                tally.count(name, [seq] * (mine + there), [False] * mine + [True] * there)


def _is_near(at: datetime, told: Sequence[datetime], reach: timedelta) -> bool:
    """Say whether one of the instants `told`, in order, lies within `reach` of `at`."""
    position = bisect_left(told, at - reach)
    return position < len(told) and told[position] <= at + reach


def _fold(known: Picture, news: Sequence[Picture], *, is_short: bool = False) -> Picture | None:
    """Return what `known` and `news` say together; None when that is what was known."""
    folded = known
    for new in news:
        folded = merge(folded, new, is_short=is_short)
    return None if folded is known else folded


def _kept(changed: Sequence[tuple[Group, Picture]], rows: Mapping[str, list[Row]]) -> list[Kept]:
    by_picture: defaultdict[tuple[str, datetime], dict[str, list[Row]]] = defaultdict(
        lambda: {name: [] for name in TABLES}
    )
    for name in TABLES:
        for row in rows[name]:
            by_picture[row["picture_id"], row["captured_at"]][name].append(row)
    kept = []
    for group, picture in changed:
        image = picture.posed.image
        ids = {picture_id(image), *(picture_id(one) for one in group.identities.values())}
        if group.known is not None:
            ids.add(group.known["picture_id"])
        kept.append(Kept(group, frozenset(ids), image.captured_at, by_picture[picture_id(image), image.captured_at]))
    return kept


def _stem_of(rows: pa.Table) -> str:
    """Return the start of a file's name: the first and last message in it, by which lost ones are judged again."""
    if not rows.num_rows:
        return "part-0-0"
    ends = pc.min_max(rows["message_seq"]).as_py()
    return f"part-{ends['min']}-{ends['max']}"
