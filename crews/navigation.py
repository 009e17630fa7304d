"""Links that open a map application with the way to a plot, or through several, in the datum each application expects.

WGS 84 given to these maps is 520 to 574 m off in Beichen, so positions are shifted to GCJ-02 here, at the edge.
"""

from __future__ import annotations

from collections.abc import Sequence
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


MOST_ROUTED = 16
"""Places of one route: 15 on the way and the last. Amap's pages on its schemes name no number; its JavaScript route
service takes 16 on the way. What the app does with more than it takes is not documented, so it is given no more."""

_LONGEST_NAME = 20
"""Characters of a place's name: sixteen of them, nine bytes each when Chinese, still make an address of 4 kB."""


@dataclass(frozen=True, slots=True)
class Route:
    """The drive through several places in Amap's own app, from where the phone is: an address per system."""

    android: str
    ios: str


def route_through(places: Sequence[tuple[float, float, str]]) -> Route:
    """Return the drive through `places` (lon, lat WGS 84, name), in this order, at least one, at most MOST_ROUTED.

    https://lbs.amap.com/api/amap-mobile/guide/android/route and …/ios/route (October 2025) document the same
    parameters; `dev=0` says that the position is GCJ-02. Names are split at "|", so that none may hold one.
    """
    shifted = [(*wgs84_to_gcj02(lon, lat), name) for lon, lat, name in places]
    east, north = ([f"{place[axis]:.6f}" for place in shifted] for axis in (0, 1))
    names = [quote(name.replace("|", " ")[:_LONGEST_NAME], safe="") for _, _, name in shifted]
    query = (
        f"sourceApplication={_SOURCE}&dlat={north[-1]}&dlon={east[-1]}&dname={names[-1]}&dev=0&t=0"
        f"&vian={len(places) - 1}&vialons={'|'.join(east[:-1])}&vialats={'|'.join(north[:-1])}"
        f"&vianames={'|'.join(names[:-1])}"
    )
    return Route(android=f"amapuri://route/plan/?{query}", ios=f"iosamap://path?{query}")
