"""Where a feature's numbers lie: in the site, swapped, in metres of a projection, or somewhere else."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import pyproj

from ingest.registers.findings import Place
from ingest.registers.rings import Ring, at_point
from ingest.site import Site

_FAR_FROM_DEGREES = 1000.0
"""Numbers beyond this are no degrees at all, whichever way round."""


def check_position(points: Ring, site: Site, place: Place) -> bool:
    """Say whether all `points` (WGS 84) lie in the site's box; otherwise the reason is a fault at `place`."""
    inside = _in_box(points, site)
    if inside.all():
        return True
    expected = f"longitude {site.west} to {site.east}, latitude {site.south} to {site.north} (the site's box)"
    first = points[~inside][0]
    pointer = "/geometry/coordinates"
    if _in_box(points[:, ::-1], site).all():
        place.fault(
            "swapped_lon_lat", at_point(first), expected, "Write the longitude first, then the latitude.", pointer
        )
    elif np.abs(points).max() > _FAR_FROM_DEGREES:
        named = list(_projections(points, site))
        if not named:
            what, ask = "of an unknown projection", " If it is a local city grid, ask the surveyor for the conversion."
        elif len(named) == 1:
            what, ask = f"they fit {named[0][1]}", ""
        else:
            what = "they fit " + " or ".join(code for code, _ in named)
            ask = " Several systems fit and lie apart: ask who made the file which of them it is."
        place.fault(
            "projected_coordinates",
            f"{at_point(first)}: metres, {what}",
            "degrees, WGS 84",
            f"Export the layer again with EPSG:4326 as its coordinate system.{ask}",
            pointer,
        )
    elif np.abs(points[:, 0]).max() > 180 or np.abs(points[:, 1]).max() > 90:  # noqa: PLR2004
        place.fault("not_degrees", at_point(first), expected, "Write degrees, longitude first.", pointer)
    else:
        share = f"{int((~inside).sum())} of {len(points)} points outside, the first at {at_point(first)}"
        place.fault(
            "outside_site", share, expected, "Correct the border, or the box in [site] of the settings.", pointer
        )
    return False


def _in_box(points: Ring, site: Site) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    lon, lat = points[:, 0], points[:, 1]
    inside: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        (lon >= site.west) & (lon <= site.east) & (lat >= site.south) & (lat <= site.north)
    )
    return inside


def _projections(points: Ring, site: Site) -> Iterator[tuple[str, str]]:
    """Yield code and name of each projection in which the points lie in the site's box.

    Northing may stand before easting. Of systems in which they would lie at the same place only the first.
    """
    seen: set[tuple[float, float]] = set()
    for name, code in _candidates((site.west + site.east) / 2):
        to_degrees = _transformer(code)
        for easting, northing, order in (
            (points[:, 0], points[:, 1], ""),
            (points[:, 1], points[:, 0], ", northing before easting"),
        ):
            lon, lat = to_degrees.transform(easting, northing)
            spot = round(float(lon[0]), 6), round(float(lat[0]), 6)
            if _in_box(np.column_stack([lon, lat]), site).all() and spot not in seen:
                seen.add(spot)
                yield f"EPSG:{code}{order}", f"{name} (EPSG:{code}){order}"


def _candidates(lon: float) -> Iterator[tuple[str, int]]:
    """Yield what surveys in China are delivered in, for a site at longitude `lon`, the usual ones first."""
    narrow, wide = round(lon / 3), int((lon + 180) // 6) + 1
    for zone in (narrow, narrow - 1, narrow + 1):
        if 25 <= zone <= 45:  # noqa: PLR2004
            yield f"CGCS2000 3-degree Gauss-Krüger, central meridian {zone * 3}°E", 4534 + zone - 25
            yield f"CGCS2000 3-degree Gauss-Krüger, zone {zone}", 4513 + zone - 25
    for zone in (wide - 30, wide - 31, wide - 29):
        if 13 <= zone <= 23:  # noqa: PLR2004
            yield f"CGCS2000 6-degree Gauss-Krüger, central meridian {zone * 6 - 3}°E", 4502 + zone - 13
            yield f"CGCS2000 6-degree Gauss-Krüger, zone {zone}", 4491 + zone - 13
    yield "Web Mercator", 3857
    if 1 <= wide <= 60:  # noqa: PLR2004
        yield f"WGS 84 UTM zone {wide}N", 32600 + wide


@functools.cache
def _transformer(code: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(code, 4326, always_xy=True)
