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
from ingest.errors import ConfigError
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
    """What became of a flight's pictures.

    pictures: how many have a place, and no pitch that was measured or is their own message's
    posed: how many of them now have that of the plan; as long as it is not stored, of how many the plan says one
    is_stored: False where another process, or what waits in the inbox, has yet to store it
    """

    pictures: int
    posed: int
    is_stored: bool


def tell_plan(folder: DataFolder, settings: Settings, plan: FlightPlan, flight_id: str) -> Planned:
    """Tell the poses that `plan` has for the pictures of a flight whose pitch nobody measured.

    flight_id: as `crews.flights.flight.flight_name` names it
    Raises: ConfigError when there is no such flight; StoreError.
    """
    site, now = settings.place(), datetime.now(UTC)
    flown = _pictures(folder, settings, flight_id)
    if not flown:
        raise ConfigError(f"there is no flight {flight_id!r}; `greensward flights list` names those of the last weeks")
    pictures = [picture for picture in flown if picture["is_lacking"]]
    planned: dict[str, float] = {}
    poses = defaultdict[str, list[tuple[bool, dict[str, object]]]](list)
    for picture in pictures:
        angles = plan.angles_at(picture["lon"], picture["lat"])
        sender = picture["drone_id"] or picture["gateway_id"]
        # Where this plan says no angle, that of an earlier one is taken back.
        if is_id(sender) and (angles is not None or picture["pitch_deg"] is not None):
            pitch, roll = angles or (None, None)
            pose = {"posed_at": picture["captured_at"].isoformat(), "pitch_deg": pitch, "roll_deg": roll}
            poses[sender].append((picture["drone_id"] is None, pose))
            if pitch is not None:
                planned[picture["picture_id"]] = pitch
    arrivals = [
        Arrival(
            int(now.timestamp() * 1e6),
            f"{ROOT}{site.district}/{sender}/plan",
            payload,
            redelivered=False,
            retained=False,
        )
        for sender, told in poses.items()
        for payload in _payloads(sender, told, now)
    ]
    is_stored = not arrivals or _keep(folder, settings, arrivals)
    if is_stored:
        now_has = {one["picture_id"]: one["pitch_deg"] for one in _pictures(folder, settings, flight_id)}
        planned = {picture_id: pitch for picture_id, pitch in planned.items() if now_has.get(picture_id) == pitch}
    return Planned(len(pictures), len(planned), is_stored=is_stored)


def _pictures(folder: DataFolder, settings: Settings, flight_id: str) -> list[dict[str, Any]]:
    def read() -> list[dict[str, Any]]:
        with open_lake(folder, settings.place()) as lake:
            rows: list[dict[str, Any]] = (
                lake.execute(
                    "select picture_id, captured_at, drone_id, gateway_id, lon, lat, pitch_deg,"
                    " time_source is distinct from 'upload' and lon is not null and lat is not null"
                    " and (pitch_deg is null or (attitude_source = ? and attitude_age_s is not null)) as is_lacking"
                    " from drone_images where media_kind = 'image' and"
                    " coalesce(flight_id, concat_ws('/', drone_id, cast(date as varchar))) = ? order by captured_at",
                    (SOURCE, flight_id),
                )
                .to_arrow_table()
                .to_pylist()
            )
            return rows

    return retrying(folder, read)


def _payloads(sender: str, told: Sequence[tuple[bool, dict[str, object]]], now: datetime) -> Iterator[bytes]:
    """Return messages of one drone, or of one dock whose aircraft is not known and for which its own id stands in."""
    for is_dock in (False, True):
        poses = [pose for by_dock, pose in told if by_dock is is_dock]
        for first in range(0, len(poses), MOST_POSES):
            dock = {"gateway_id": sender} if is_dock else {}
            document = {**dock, "planned_at": now.isoformat(), "poses": poses[first : first + MOST_POSES]}
            yield msgspec.json.encode(document)


def _keep(folder: DataFolder, settings: Settings, arrivals: list[Arrival]) -> bool:
    """Put messages into the inbox; say whether they are stored, too, since nobody else does and nothing waits."""
    try:
        with own(folder, "greensward flights plan"), Inbox(folder.inbox) as inbox:
            waited = inbox.backlog().messages
            inbox.append(arrivals)
            if not waited:
                sealer = Sealer(folder, settings.place(), SOFTWARE_VERSION)
                while (oldest := inbox.oldest(_SEALED_BYTES)).last_group:
                    sealer.seal(oldest.messages, Registers(folder).current())
                    inbox.remove_through(oldest.last_group)
            return not waited
    except AlreadyOwnedError:
        with Inbox(folder.inbox) as inbox:
            inbox.append(arrivals)
        return False
