"""Findings and index statistics that fit the schema and still cannot be right; each is refused alone."""

from __future__ import annotations

from itertools import pairwise

from ingest.decode.guard import describe
from ingest.decode.image_message import Finding, Image, ImageMessage, Statistic
from ingest.errors import Fault
from ingest.outline import Points, cut_to_picture

Local = dict[str, list[Fault]]

INDEX_RANGES = {
    "NDVI": (-1.0, 1.0),
    "NDRE": (-1.0, 1.0),
    "GNDVI": (-1.0, 1.0),
    "GLI": (-1.0, 1.0),
    # 1.16 (NIR - red) / (NIR + red + 0.16), Rondeaux et al. 1996.
    "OSAVI": (-1.16, 1.16),
    # Ratios whose denominator may come near zero: NIR / red edge - 1 and (green - red) / (green + red - blue).
    "CIRE": (-1.0, 100.0),
    "VARI": (-100.0, 100.0),
    # Land surface temperature in degrees Celsius.
    "LST_C": (-60.0, 100.0),
}
"""Lowest and highest value that an index can have."""

_MOST_PIXELS = 2**53
_BEYOND = 10.0
"""Coordinates farther outside than this many picture sizes are no pixels."""
_SLACK = 1e-6
_LARGEST_SHARE = 1.0
"""A shape whose coordinates all lie within this is given in shares of the picture: no finding is one pixel large."""


def refused_detections(said: ImageMessage, local: Local) -> None:
    """Add to `local` the findings with an id given twice or a shape that the picture does not show.

    Of findings with the same id the first stays; each further one is refused.
    """
    seen: set[str] = set()
    for place, entry in enumerate(said.detections or ()):
        if entry is None:
            continue
        pointer = f"/detections/{place}"
        if entry.id is not None and entry.id in seen:
            local.setdefault(pointer, []).append(
                Fault(f"{pointer}/id", "duplicate_id", describe(entry.id), "an id once per picture", "Number them.")
            )
        if entry.id is not None:
            seen.add(entry.id)
        fault = _shape_fault(entry, said.image, pointer)
        if fault is not None:
            local.setdefault(pointer, []).append(fault)


def refused_index_stats(said: ImageMessage, local: Local) -> None:
    """Add to `local` the statistics out of their index's range, out of order or over too many pixels."""
    for place, entry in enumerate(said.index_stats or ()):
        if entry is not None:
            pointer = f"/index_stats/{place}"
            faults = _statistic_faults(entry, pointer)
            if faults:
                local.setdefault(pointer, []).extend(faults)


def _shape_fault(entry: Finding, image: Image, pointer: str) -> Fault | None:
    if entry.bbox_px is not None:
        x, y, width, height = entry.bbox_px
        if width <= 0.0 or height <= 0.0:
            return Fault(
                f"{pointer}/bbox_px",
                "no_area",
                describe(repr(entry.bbox_px)),
                "x, y, width, height with width and height above 0",
                "Send the upper left corner and the size, not two corners.",
            )
        points: Points = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
        where, said = f"{pointer}/bbox_px", list(entry.bbox_px)
    elif entry.polygon_px is not None:
        points, where = entry.polygon_px, f"{pointer}/polygon_px"
        said = [number for point in points for number in point]
    else:
        return None
    if max(map(abs, said)) <= _LARGEST_SHARE:
        return Fault(
            where,
            "normalised_coordinates",
            f"{min(said):g} to {max(said):g}",
            f"pixels of 0 to {image.width_px:g} and 0 to {image.height_px:g}",
            "Multiply by image.width_px and image.height_px before sending.",
        )
    columns, rows = [a for a, _ in points], [b for _, b in points]
    for low, high, size in (
        (min(columns), max(columns), image.width_px),
        (min(rows), max(rows), image.height_px),
    ):
        far = low < -_BEYOND * size or high > _BEYOND * size
        if far or not cut_to_picture(points, image.width_px, image.height_px) or high <= 0.0 or low >= size:
            return Fault(
                where,
                "outside_image",
                f"{low:g} to {high:g}",
                f"pixels of 0 to {size:g}",
                "Send pixels of the picture that image.width_px and height_px describe.",
            )
    return None


def _statistic_faults(entry: Statistic, pointer: str) -> list[Fault]:
    faults = []
    low, high = INDEX_RANGES[entry.index]
    named = {"min": entry.min, "p10": entry.p10, "median": entry.median, "p90": entry.p90, "max": entry.max}
    for name, value in {**named, "mean": entry.mean}.items():
        if value is not None and not low <= value <= high:
            faults.append(
                Fault(
                    f"{pointer}/{name}",
                    "index_out_of_range",
                    describe(value),
                    f"{low:g} to {high:g} for {entry.index}",
                    "Check the index's formula and the calibration.",
                )
            )
    there = [value for value in named.values() if value is not None]
    if any(upper < lower - _SLACK for lower, upper in pairwise(there)):
        faults.append(
            Fault(
                pointer,
                "not_in_order",
                describe(repr(there)),
                "min, p10, median, p90, max ascending",
                "Check the sums.",
            )
        )
    if entry.n_pixels > _MOST_PIXELS:
        faults.append(
            Fault(f"{pointer}/n_pixels", "out_of_range", describe(entry.n_pixels), f"at most {_MOST_PIXELS}", "Count.")
        )
    return faults
