"""What a flight plan says of a flight's pictures, told to the inbox like any message: kept, and replayable."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from greensward.settings import Settings
from greensward.wiring import SOFTWARE_VERSION
from ingest.decode.native_plan import MOST_POSES, SOURCE
from ingest.decode.topics import ROOT, is_id
from ingest.inbox import Arrival, Inbox
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import AlreadyOwnedError, own
from ingest.lake.read import open_lake, retrying
from ingest.registers.flight_plan import FlightPlan
from ingest.registers.snapshot import Registers
from ingest.seal.sealer import Sealer

_SEALED_BYTES = 6_000_000


@dataclass(frozen=True, slots=True)
class Planned:
    """What became of a flight's pictures: how many have no measured pitch, and of how many the plan says one.

    is_stored: False where another process, or what waits in the inbox, has yet to store it
    """

    pictures: int
    posed: int
    is_stored: bool


def tell_plan(folder: DataFolder, settings: Settings, plan: FlightPlan, flight_id: str) -> Planned:
    """Tell the poses that `plan` has for the pictures of a flight whose pitch nobody measured. Raises: StoreError."""
    site, now = settings.place(), datetime.now(UTC)
    pictures = _lacking(folder, settings, flight_id)
    poses = defaultdict[str, list[tuple[bool, dict[str, object]]]](list)
    for picture in pictures:
        angles = plan.angles_at(picture["lon"], picture["lat"])
        sender = picture["drone_id"] or picture["gateway_id"]
        if angles is not None and is_id(sender):
            pose = {"posed_at": picture["captured_at"].isoformat(), "pitch_deg": angles[0], "roll_deg": angles[1]}
            poses[sender].append((picture["drone_id"] is None, pose))
    posed = sum(map(len, poses.values()))
    arrivals = [
        Arrival(
            int(now.timestamp() * 1e6),
            f"{ROOT}{site.district}/{sender}/plan",
            payload,
            redelivered=False,
            retained=False,
        )
        for sender, told in poses.items()
        for payload in _payloads(sender, told)
    ]
    return Planned(len(pictures), posed, is_stored=not arrivals or _keep(folder, settings, arrivals))


def _lacking(folder: DataFolder, settings: Settings, flight_id: str) -> list[dict[str, Any]]:
    def read() -> list[dict[str, Any]]:
        with open_lake(folder, settings.place()) as lake:
            rows: list[dict[str, Any]] = (
                lake.execute(
                    "select captured_at, drone_id, gateway_id, lon, lat from drone_images where flight_id = ?"
                    " and media_kind = 'image' and time_source is distinct from 'upload' and lon is not null"
                    " and lat is not null and (pitch_deg is null or attitude_source = ?) order by captured_at",
                    (flight_id, SOURCE),
                )
                .to_arrow_table()
                .to_pylist()
            )
            return rows

    return retrying(folder, read)


def _payloads(sender: str, told: Sequence[tuple[bool, dict[str, object]]]) -> Iterator[bytes]:
    """Return messages of one drone, or of one dock whose aircraft is not known and for which its own id stands in."""
    for is_dock in (False, True):
        poses = [pose for by_dock, pose in told if by_dock is is_dock]
        for first in range(0, len(poses), MOST_POSES):
            dock = {"gateway_id": sender} if is_dock else {}
            yield msgspec.json.encode({**dock, "poses": poses[first : first + MOST_POSES]})


def _keep(folder: DataFolder, settings: Settings, arrivals: list[Arrival]) -> bool:
    """Put messages into the inbox; say whether they are stored, too, since nobody else does and nothing waits."""
    try:
        with own(folder), Inbox(folder.inbox) as inbox:
            waited = inbox.backlog().messages
            inbox.append(arrivals)
            if not waited:
                sealer = Sealer(folder, settings.place(), SOFTWARE_VERSION)
                try:
                    while (oldest := inbox.oldest(_SEALED_BYTES)).last_group:
                        sealer.seal(oldest.messages, Registers(folder).current())
                        inbox.remove_through(oldest.last_group)
                finally:
                    sealer.close()
            return not waited
    except AlreadyOwnedError:
        with Inbox(folder.inbox) as inbox:
            inbox.append(arrivals)
        return False
