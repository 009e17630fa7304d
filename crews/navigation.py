"""Links that open a map application with the way to a plot, in the datum each application expects.

WGS 84 given to these maps is 520 to 574 m off in Beichen, so positions are shifted to GCJ-02 here, at the edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from ingest.registers.datum import wgs84_to_gcj02

_SOURCE = "greensward"


@dataclass(frozen=True, slots=True)
class Navigation:
    """One place: its position in both datums, degrees, and a link per map application."""

    lon_wgs84: float
    lat_wgs84: float
    lon_gcj02: float
    lat_gcj02: float
    amap: str
    tencent: str
    baidu: str


def navigate_to(lon: float, lat: float, name: str) -> Navigation:
    """Return the links to a WGS 84 position; `name` is what the map shows for it.

    Amap and Tencent document no other datum for these calls; Baidu is told that the position is GCJ-02.
    """
    shifted_lon, shifted_lat = wgs84_to_gcj02(lon, lat)
    east, north, label = f"{shifted_lon:.6f}", f"{shifted_lat:.6f}", quote(name, safe="")
    return Navigation(
        lon_wgs84=lon,
        lat_wgs84=lat,
        lon_gcj02=round(shifted_lon, 6),
        lat_gcj02=round(shifted_lat, 6),
        amap=f"https://uri.amap.com/navigation?to={east},{north},{label}&mode=car&callnative=1&src={_SOURCE}",
        tencent=(
            f"https://apis.map.qq.com/uri/v1/routeplan?type=drive&to={label}&tocoord={north},{east}"
            f"&coord_type=2&referer={_SOURCE}"
        ),
        baidu=(
            f"baidumap://map/direction?destination=name:{label}|latlng:{north},{east}"
            f"&coord_type=gcj02&mode=driving&src={_SOURCE}"
        ),
    )
