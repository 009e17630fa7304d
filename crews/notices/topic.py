"""A crew's list as the JSON document that is retained at the broker. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from crews.crew_list import LITRES_PER_TONNE, CrewList
from crews.export import stop_values
from crews.notices.notice import say_counts, say_nobody

SCHEMA = "greening.crew_list/1"

MOST_BYTES = 256_000
"""With its topic less than the packet that compose/mosquitto allows: some 200 stops."""

_HEAD_BYTES = 4_000
"""Enough for all but the stops."""


def list_topic(district: str, crew_id: str) -> str:
    """Return the topic of a crew's list."""
    return f"greensward/v1/{district}/crews/{crew_id}/list"


def list_document(listed: CrewList, language: str, *, is_known: bool) -> dict[str, Any]:
    """Return the list with the columns of its CSV; no link is in it, as whoever reads it has proven who he is.

    is_known: whether there is a crew of that name; a crew that nobody knows is none without work
    """

    def local(instant: Any) -> str | None:
        return None if instant is None else instant.astimezone(listed.site.timezone).isoformat(timespec="seconds")

    stops = _as_many_as_fit(
        {name: value for name, value in stop_values(listed, stop, language).items() if name not in _OF_LIST}
        for stop in listed.stops
    )
    return {
        "schema": SCHEMA,
        "crew": listed.crew,
        "list_version": listed.version,
        "generated_at": local(listed.generated_at),
        "evaluated_at": local(listed.evaluated_at),
        "expires_at": local(listed.expires_at),
        "summary": say_counts(listed, language) if is_known else say_nobody(listed, language),
        "water_t": round(listed.litres / LITRES_PER_TONNE, 2),
        "trucks": listed.whole_loads,
        "stops": stops,
        "left_out": len(listed.stops) - len(stops),
    }


def _as_many_as_fit(stops: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first stops, which are the most pressing, up to what a broker takes in one message."""
    kept, room = [], MOST_BYTES - _HEAD_BYTES
    for stop in stops:
        room -= len(msgspec.json.encode(stop)) + 1
        if room < 0:
            break
        kept.append(stop)
    return kept


_OF_LIST = frozenset({"crew", "list_version", "generated_at", "expires_at", "nav_amap", "nav_tencent", "nav_baidu"})
"""Columns that say the same of every stop, and addresses that a program makes of the position itself."""
