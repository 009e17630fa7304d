"""From the bytes of a GeoJSON file to its features, before anything is known of plots."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from ingest.decode.guard import describe, parse_json
from ingest.errors import Fault, PayloadError
from ingest.registers.findings import Findings

LIMIT_BYTES = 64_000_000
"""About 60,000 plots; a larger file is imported in parts."""

MAX_DEPTH = 16
"""A multipolygon in a collection is 8 deep; properties may nest a little."""

_WGS84_CODES = {"4326", "4490", "CRS84"}
"""EPSG:4490 is CGCS2000 in degrees: within a few decimetres of WGS 84, far below what a plot's border is known to."""


_IN_FEATURE = re.compile(r"/features/(\d+)(?=/|\Z)")


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature as it stands in the file: index from 0, its id member, properties and geometry, unchecked."""

    index: int
    id: object
    properties: Mapping[str, object]
    geometry: object


def read_features(payload: bytes, findings: Findings) -> list[Feature]:
    """Return the features of a GeoJSON FeatureCollection; what is wrong with it or one of them goes to `findings`."""
    file = findings.at(None)
    payload = payload.removeprefix(b"\xef\xbb\xbf")
    export = "Export the layer as GeoJSON (in QGIS: Export, Save Features As, GeoJSON, EPSG:4326, UTF-8)."
    if payload[:4] == b"PK\x03\x04" or payload.lstrip()[:1] == b"<":
        kind = "a ZIP archive (a shapefile or KMZ?)" if payload[:2] == b"PK" else "XML (KML or GML?)"
        file.fault("not_geojson", kind, "a GeoJSON file", export)
        return []
    try:
        document = parse_json(payload, limit_bytes=LIMIT_BYTES, max_depth=MAX_DEPTH)
    except PayloadError as error:
        for fault in error.faults:
            _tell(fault, payload, export, findings)
        return []
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        got = describe(document.get("type")) if isinstance(document, dict) else describe(document)
        file.fault("not_geojson", f"type {got}", 'an object with "type": "FeatureCollection"', export, "/type")
        return []
    _check_crs(document.get("crs"), findings)
    features = document.get("features")
    if not isinstance(features, list) or not features:
        file.fault("no_features", describe(features), "a list with at least one feature", export, "/features")
        return []
    return [read for index, given in enumerate(features) if (read := _feature(index, given, findings)) is not None]


def _tell(fault: Fault, payload: bytes, export: str, findings: Findings) -> None:
    """Add what the gate of messages found, in the words of a file, and at its feature where it has one."""
    got, code = fault.got, fault.code
    advice = {
        "too_large": "Import it in parts.",
        "too_deep": "Take nested objects out of the properties.",
        "duplicate_key": "Keep one of the two.",
        "not_a_number": "Write a number, or null.",
        "number_too_large": "Correct the number.",
        "lone_surrogate": "Write the text again: half of a character is missing.",
    }.get(code, export)
    if code == "malformed_json":
        code = "not_geojson"
    elif code == "not_utf8" and _is_gb18030(payload):
        got = "bytes that look like GB18030 (GBK), as Windows in China saves text"
    inside = _IN_FEATURE.match(fault.pointer)
    place = findings.at(int(inside[1])) if inside else findings.at(None)
    place.fault(code, got, fault.expected, advice, fault.pointer)


def _is_gb18030(payload: bytes) -> bool:
    try:
        payload.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def _feature(index: int, given: object, findings: Findings) -> Feature | None:
    place = findings.at(index, pointer=f"/features/{index}")
    if not isinstance(given, dict) or given.get("type") != "Feature":
        got = f"type {describe(given.get('type'))}" if isinstance(given, dict) else describe(given)
        place.fault("not_a_feature", got, 'an object with "type": "Feature"', "Export the layer again.")
        return None
    properties = given.get("properties")
    if not isinstance(properties, dict):
        place.fault(
            "no_properties", describe(properties), "an object with plot_id, name and so on", "Add them.", "/properties"
        )
        return None
    return Feature(index, given.get("id"), properties, given.get("geometry"))


def _check_crs(crs: object, findings: Findings) -> None:
    """RFC 7946 knows only WGS 84; older files name their system in a "crs" member."""
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    code = re.split(r"[:/]", name)[-1] if isinstance(name, str) else ""
    if code.upper() not in _WGS84_CODES:
        findings.at(None).fault(
            "wrong_crs",
            describe(name if isinstance(name, str) else crs),
            "WGS 84 longitude and latitude (EPSG:4326, CRS84), or CGCS2000 in degrees (EPSG:4490)",
            "Export the layer again with EPSG:4326 as its coordinate system.",
            "/crs",
        )


def is_number(value: object) -> TypeGuard[int | float]:
    """Say whether a JSON value is a number that a double can hold; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def as_number(value: object) -> float | None:
    """Return a JSON value that is a finite number, or a text that says one; None for any other."""
    if not isinstance(value, str) and not is_number(value):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_list(value: object) -> TypeGuard[list[object]]:
    """Say whether a JSON value is a list."""
    return isinstance(value, list)
