"""What was refused of late: how many messages for which fault, and whose they were."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake, retrying
from ingest.site import Site

REFUSED_WITHIN = timedelta(days=1)

_BY_CODE = """
select
    code,
    count(distinct message_seq) as messages,
    coalesce(list_sort(list(distinct device_id) filter (device_id is not null)), []) as device_ids
from rejected
where received_at > ? and received_at <= ?
group by code
order by messages desc, code
"""


class Refused(NamedTuple):
    """Messages with a fault of one code, refused whole or in part, and the devices that they named."""

    code: str
    messages: int
    device_ids: list[str]


def refused_lately(folder: DataFolder, site: Site, now: datetime) -> list[Refused]:
    """Return what was refused within REFUSED_WITHIN and stands so still, the most frequent first.

    Raises: StoreError.
    """
    since = now - REFUSED_WITHIN

    def ask() -> list[Refused]:
        days = {"rejected": (site.local_date(since), site.local_date(now))}
        with open_lake(folder, site, days, names={"rejected"}, for_one_query=True) as lake:
            return [Refused(*row) for row in lake.execute(_BY_CODE, (since, now)).fetchall()]

    return retrying(folder, ask)
