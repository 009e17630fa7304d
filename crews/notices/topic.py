"""A crew's list as the JSON document that is retained at the broker. Pure."""

from __future__ import annotations

from typing import Any

from crews.crew_list import LITRES_PER_TONNE, CrewList
from crews.export import stop_values
from crews.say_stop import say_total
from crews.words import speaker

SCHEMA = "greening.crew_list/1"


def list_topic(district: str, crew_id: str) -> str:
    """Return the topic of a crew's list."""
    return f"greensward/v1/{district}/crews/{crew_id}/list"


def list_document(listed: CrewList, language: str) -> dict[str, Any]:
    """Return the list with the columns of its CSV; no link is in it, as whoever reads it has proven who he is."""

    def local(instant: Any) -> str | None:
        return None if instant is None else instant.astimezone(listed.site.timezone).isoformat(timespec="seconds")

    return {
        "schema": SCHEMA,
        "crew": listed.crew,
        "list_version": listed.version,
        "generated_at": local(listed.generated_at),
        "evaluated_at": local(listed.evaluated_at),
        "expires_at": local(listed.expires_at),
        "summary": say_total(listed, speaker(language)),
        "water_t": round(listed.litres / LITRES_PER_TONNE, 2),
        "trucks": listed.whole_loads,
        "stops": [
            {name: value for name, value in stop_values(listed, stop, language).items() if name not in _OF_LIST}
            for stop in listed.stops
        ],
    }


_OF_LIST = frozenset({"crew", "list_version", "generated_at", "expires_at", "nav_amap", "nav_tencent", "nav_baidu"})
"""Columns that say the same of every stop, and addresses that a program makes of the position itself."""
