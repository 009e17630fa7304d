"""The place that one installation looks after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Site:
    """One district: its name on topics, its clock and the box that everything in it lies in.

    west, south, east, north: WGS 84 degrees; positions outside are quarantined
    elevation_m: above the sea, for the air pressure in the reference evapotranspiration
    wind_height_m: at which the weather stations measure wind; 10 m at stations of the weather service
    water_ec_ds_m, soil_ece_ds_m: salinity of the water that is brought, and of the soil's saturation extract that plots
        keep where the register has none of their own, dS/m; None where unknown
    forecast_rain: what likely rain does to the water of a dry plot: "cancel", "reduce" or "proceed"
    plots_without_probe: whether their dryness is estimated by plots of their kind: "off", "show" or "order"
    """

    district: str
    timezone: ZoneInfo
    west: float
    south: float
    east: float
    north: float
    elevation_m: float = 5.0
    wind_height_m: float = 10.0
    water_ec_ds_m: float | None = None
    soil_ece_ds_m: float | None = None
    forecast_rain: str = "reduce"
    plots_without_probe: str = "show"

    @property
    def latitude_deg(self) -> float:
        """Latitude of the middle of the district, for the sun's height."""
        return (self.south + self.north) / 2

    @property
    def longitude_deg(self) -> float:
        """Longitude of the middle of the district, for the sun's hour."""
        return (self.west + self.east) / 2

    @property
    def is_southern(self) -> bool:
        """Whether the seasons of the district are those of the southern hemisphere."""
        return self.latitude_deg < 0

    def local_date(self, instant: datetime) -> date:
        """Return the day that `instant` (aware) falls on by the site's clock."""
        return instant.astimezone(self.timezone).date()

    def contains(self, lon: float, lat: float) -> bool:
        """Say whether a WGS 84 position lies in the site's box."""
        return self.west <= lon <= self.east and self.south <= lat <= self.north


BEICHEN = Site(
    district="beichen", timezone=ZoneInfo("Asia/Shanghai"), west=116.90, south=39.05, east=117.45, north=39.40
)
