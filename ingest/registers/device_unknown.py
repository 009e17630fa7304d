"""Which devices send without being in the register?"""

from __future__ import annotations

from typing import Any

from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake, retrying
from ingest.site import Site

_UNKNOWN_DEVICES = """
with seen as (
    select
        device_id,
        received_at,
        1 as soil_readings,
        0 as status_reports,
        cast(null as bigint) as rejected_message,
    from soil_readings
    union all
    select device_id, received_at, 0, 1, null from device_status
    union all
    select device_id, received_at, 0, 0, message_seq from rejected
)

select
    seen.device_id,
    min(seen.received_at) as first_seen_at,
    max(seen.received_at) as last_seen_at,
    cast(sum(seen.soil_readings) as bigint) as soil_readings,
    cast(sum(seen.status_reports) as bigint) as status_reports,
    count(distinct seen.rejected_message) as rejected_messages,
from seen
where
    seen.device_id is not null
    and seen.device_id not in (select devices.device_id from devices)
group by seen.device_id
order by last_seen_at desc, seen.device_id
"""


def unknown_devices(folder: DataFolder, site: Site) -> list[dict[str, Any]]:
    """Return a row per device id that was seen and is not in the register, the one seen last first.

    Seen in readings, status reports, or messages that were refused, whole or in part, whatever the fault. A row has
    device_id, first_seen_at and last_seen_at (of receiving), soil_readings, status_reports, rejected_messages (counts).
    Raises: StoreError.
    """
    return retrying(folder, lambda: _query(folder, site))


def _query(folder: DataFolder, site: Site) -> list[dict[str, Any]]:
    connection = open_lake(folder, site)
    try:
        found = connection.execute(_UNKNOWN_DEVICES)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    finally:
        connection.close()
