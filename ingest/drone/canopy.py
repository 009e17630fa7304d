"""How high above the ground what was found stands.

A sick crown hides the ground behind it: of a crown of the height c, seen by a camera at the height h above ground, the
ray goes on to where it meets the ground, and the crown stands on that way, by the factor 1 - c / h as far from the
point below the camera. Straight below nothing moves; at a depression of 45° it is the crown's whole height.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources

import numpy as np

from ingest.drone.camera import Bools, Floats

_WORD = re.compile(r"[^\W\d_]+")


def shares_of_height(canopy_m: Floats, height_m: Floats, on_ground: Bools) -> Floats:
    """Return c / h, by which a place moves towards the point below the camera, 0 to 1.

    canopy_m: of plots, 0 where unknown; height_m: of the camera above ground; on_ground: what lies on it does not move
    A camera no higher than the canopy looks at trunks, or one of the heights is wrong: the place stays on the ground.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(~on_ground & (canopy_m < height_m), canopy_m / height_m, 0.0)


@functools.lru_cache(maxsize=10_000)
def lies_on_ground(class_name: str) -> bool:
    """Say whether findings of a class lie on the ground, also among trees (schemas/findings/ground.toml)."""
    told, name = _words(), class_name.lower()
    if any(word in name for word in told["of_plants"]):
        return False
    return any(word in name for word in told["on_ground"]) or not set(_WORD.findall(name)).isdisjoint(told["whole"])


@functools.cache
def _words() -> Mapping[str, Sequence[str]]:
    text = (resources.files("schemas") / "findings" / "ground.toml").read_text(encoding="utf-8")
    found: Mapping[str, Sequence[str]] = tomllib.loads(text)
    return found
