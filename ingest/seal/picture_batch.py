"""The pictures of a seal: judged with the poses around them and made durable, however one of them may be."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime

from ingest.drone.plots_index import PlotShapes
from ingest.drone.pose_join import yields_to_poses
from ingest.lake.layout import DataFolder
from ingest.lake.read import comparing
from ingest.registers.snapshot import PlotShape, RegisterSnapshot
from ingest.seal.judged import Batch, our_fault
from ingest.seal.pictures import PictureStore, Written, count_pictures
from ingest.seal.stored_poses import stored_poses
from ingest.seal.tally import Tally
from ingest.site import Site


def store_pictures(
    folder: DataFolder,
    site: Site,
    batch: Batch,
    registers: RegisterSnapshot,
    received_at: datetime,
    stem: str,
    tally: Tally,
    software_version: str,
    turned: Callable[[], None],
) -> Written:
    """Make all pictures durable, and those of the lake that new poses concern; return what was written.

    When our code fails on a picture, that one's messages are refused in `batch` and no others.
    received_at: of the newest message
    stem: start of the files' names
    turned: called when a part of the work is done
    Raises: StoreError.
    """
    with comparing() as db:
        store = PictureStore(folder, site, db, turned, registers.kept_from)
        groups = store.groups(batch.images)
        groups += store.waiting(batch.poses, groups)
        lacking = [image.captured_at for image, _ in batch.images if yields_to_poses(image)]
        lacking += [group.known["captured_at"] for group in groups if group.known is not None]
        around, damaged = stored_poses(db, folder, site, lacking)
        store.written.damaged.extend(damaged)
        poses = [*around, *batch.poses]
        shapes = _shapes(registers.plots)
        try:
            kept = store.judge(groups, poses, shapes, received_at)
        except Exception as error:  # noqa: BLE001 - or one picture would stop ingest at every start, for ever
            our_fault(error)
            kept = []
            for group in list(groups):
                try:
                    kept.extend(store.judge([group], poses, shapes, received_at))
                except Exception as error:  # noqa: BLE001 - as above
                    groups.remove(group)
                    for _, message in group.incoming:
                        batch.refuse(message.message_seq, our_fault(error), software_version)
        stays = store.write(kept, stem)
        count_pictures(tally, groups, kept, stays)
    return store.written


@functools.lru_cache(maxsize=1)
def _shapes(plots: tuple[PlotShape, ...]) -> PlotShapes:
    """Return the register's plots ready to be asked; kept until it is replaced."""
    return PlotShapes.from_register(
        plot_id=[plot.plot_id for plot in plots],
        geometry=[plot.wkb for plot in plots],
        valid_from=[plot.valid_from for plot in plots],
        valid_to=[plot.valid_to for plot in plots],
        register_version=plots[-1].register_version if plots else "",
        canopy_height_m=[plot.canopy_height_m for plot in plots],
    )
