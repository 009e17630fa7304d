"""Pictures as STAC 1.1 items (stacspec.org): one JSON file each, and a collection that lists them."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import shapely

STAC_VERSION = "1.1.0"

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 80
_MEDIA_TYPES = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "tif": "image/tiff", "tiff": "image/tiff",
    "heic": "image/heic",
}  # fmt: skip
_OURS = ("yaw_deg", "pitch_deg", "roll_deg", "attitude_source", "footprint_status", "is_analysed", "detection_count")


def write_stac(
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    district: str,
    seen: Callable[[int], None],
    *,
    licence: str = "",
    licence_url: str = "",
) -> int:
    """Write an item for each row of drone_images that has ground, and the collection; return the number of items.

    licence, licence_url: SPDX id and address of the licence that the operator states; "" says nothing
    """
    (folder / "items").mkdir()
    links: list[dict[str, str]] = []
    boxes: list[tuple[float, ...]] = []
    instants: list[datetime] = []
    for row in rows:
        item = stac_item(row, district)
        name = f"{item['id']}.json"
        (folder / "items" / name).write_bytes(msgspec.json.format(msgspec.json.encode(item), indent=1))
        links.append({"rel": "item", "href": f"./items/{name}", "type": "application/geo+json"})
        boxes.append(tuple(item["bbox"]))
        instants.append(row["captured_at"])
        seen(1)
    collection = _collection(district, links, boxes, instants)
    # "other" is STAC's word for what has no SPDX id; the field may not be left out.
    collection["license"] = licence or "other"
    if licence_url:
        collection["links"].append({"rel": "license", "href": licence_url})
    (folder / "collection.json").write_bytes(msgspec.json.format(msgspec.json.encode(collection), indent=1))
    return len(links)


def stac_item(row: Mapping[str, Any], district: str) -> dict[str, Any]:
    """Return the item of a picture; its asset is where the picture lies, which nobody here has looked at."""
    ground = shapely.from_wkb(row["footprint"])
    uri = row["object_uri"]
    properties: dict[str, Any] = {
        "datetime": _instant(row["captured_at"]),
        "title": row["image_id"],
        "platform": row["drone_id"] or row["gateway_id"],
        "instruments": [row["camera_model"]] if row["camera_model"] else None,
        "mission": row["flight_id"],
        "gsd": _gsd_m(row),
        "created": _instant(row["received_at"]),
    }
    properties |= {f"greensward:{name}": row[name] for name in _OURS}
    assets: dict[str, Any] = {}
    if uri:
        assets["image"] = {"href": uri, "title": row["image_id"], "roles": ["data"]}
        media_type = _MEDIA_TYPES.get(uri.rpartition(".")[2].lower())
        if media_type:
            assets["image"]["type"] = media_type
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": item_id(row["picture_id"]),
        "collection": _collection_id(district),
        "geometry": shapely.geometry.mapping(ground),
        "bbox": list(ground.bounds),
        "properties": {name: value for name, value in properties.items() if value is not None},
        "links": [
            {"rel": rel, "href": "../collection.json", "type": "application/json"}
            for rel in ("collection", "parent", "root")
        ],
        "assets": assets,
    }


def item_id(picture_id: str) -> str:
    """Return a name for a picture that any file system takes, and that no other picture has."""
    plain = _UNSAFE.sub("-", picture_id).strip("-.")[-_LONGEST_NAME:]
    return f"{plain}-{hashlib.sha256(picture_id.encode()).hexdigest()[:8]}"


def _gsd_m(row: Mapping[str, Any]) -> float | None:
    """Return the mean side of a pixel on the ground, metres."""
    pixels = (row["image_width_px"] or 0) * (row["image_height_px"] or 0)
    area = row["footprint_area_m2"]
    return round(math.sqrt(area / pixels), 5) if pixels and area and row["footprint_status"] == "ok" else None


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _collection_id(district: str) -> str:
    return f"greensward-{district}"


def _collection(
    district: str, links: list[dict[str, str]], boxes: list[tuple[float, ...]], instants: list[datetime]
) -> dict[str, Any]:
    west, south, east, north = zip(*boxes, strict=True) if boxes else ((-180.0,), (-90.0,), (180.0,), (90.0,))
    interval = [_instant(min(instants)), _instant(max(instants))] if instants else [None, None]
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": _collection_id(district),
        "title": f"Drone pictures of {district}",
        "description": "Pictures of green plots taken by drones, with the ground that each shows.",
        "extent": {
            "spatial": {"bbox": [[min(west), min(south), max(east), max(north)]]},
            "temporal": {"interval": [interval]},
        },
        "links": [{"rel": "root", "href": "./collection.json", "type": "application/json"}, *links],
    }
