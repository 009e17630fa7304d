"""The place that one installation looks after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Site:
    """One district: its name on topics, its clock and the box that everything in it lies in.

    west, south, east, north: WGS 84 degrees; positions outside are quarantined
    """

    district: str
    timezone: ZoneInfo
    west: float
    south: float
    east: float
    north: float

    def local_date(self, instant: datetime) -> date:
        """Return the day that `instant` (aware) falls on by the site's clock."""
        return instant.astimezone(self.timezone).date()

    def contains(self, lon: float, lat: float) -> bool:
        """Say whether a WGS 84 position lies in the site's box."""
        return self.west <= lon <= self.east and self.south <= lat <= self.north


BEICHEN = Site(
    district="beichen", timezone=ZoneInfo("Asia/Shanghai"), west=116.90, south=39.05, east=117.45, north=39.40
)
