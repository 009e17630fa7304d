"""By how much a whole flight is off, told by landmarks that its pictures show.

Without RTK the positions of a flight share an error of 2 to 3 m that hardly changes while it lasts. Findings of
surveyed landmarks show it: the median over landmarks of the median offset of each one's findings, so that neither a
landmark in many pictures nor a wrong one decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.drone.attribution import metres_per_degree
from ingest.registers.landmarks import Landmarks

Floats = npt.NDArray[np.float64]

FEWEST_LANDMARKS = 3
"""Two cannot outvote a third that is wrong."""
REACH_M = 8.0
"""3.5 standard deviations of a position without RTK; a finding that has two landmarks within it tells of neither."""
SURE_SIGMAS = 3.0
"""Chance alone goes further in 8 of 100 flights with three landmarks and in less than 5 with more, by simulation."""
_FINEST_SPREAD_M = 0.3
"""A landmark's middle in a picture is no surer than this; else three that agree by chance would look exact."""
_SIGMA_BY_MAD = 1.4826
_SIGMA_BY_MAD_OF_FEW = {3: 1.495, 4: 1.363, 5: 1.206, 6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}
"""How much too small the median deviation of so few is on average; of more, n / (n - 0.8) (Croux, Rousseeuw 1992)."""
_MEDIAN_BY_MEAN = math.sqrt(math.pi / 2)
"""How much less sure the median of normal numbers is than their mean."""


@dataclass(frozen=True, slots=True)
class Bias:
    """By how much the findings of a flight lie east and north of where the landmarks are, metres.

    sigma_m: standard error of either; landmarks, findings: how many tell
    """

    east_m: float
    north_m: float
    sigma_m: float
    landmarks: int
    findings: int

    @property
    def is_sure(self) -> bool:
        """Whether the flight is off by more than chance explains."""
        return math.hypot(self.east_m, self.north_m) > SURE_SIGMAS * self.sigma_m


def estimate_bias(lon: Floats, lat: Floats, class_name: Sequence[str], landmarks: Landmarks) -> Bias | None:
    """Return by how much a flight is off, None where fewer than FEWEST_LANDMARKS tell.

    lon, lat: (N,) of the flight's findings on the ground, WGS 84 degrees; class_name: of each
    """
    if not len(lon) or not len(landmarks.lon):
        return None
    per_lon, per_lat = metres_per_degree(np.array(float(np.mean(landmarks.lat))))
    east = (lon[:, None] - landmarks.lon[None, :]) * per_lon
    north = (lat[:, None] - landmarks.lat[None, :]) * per_lat
    of_class = np.array([[name.lower() == kind for kind in landmarks.class_name] for name in class_name])
    near = of_class & (np.hypot(east, north) <= REACH_M)
    finding = np.flatnonzero(near.sum(axis=1) == 1)
    landmark = np.argmax(near[finding], axis=1)
    seen = np.unique(landmark)
    if len(seen) < FEWEST_LANDMARKS:
        return None
    off = np.stack([east[finding, landmark], north[finding, landmark]], axis=1)
    medians = np.array([np.median(off[landmark == one], axis=0) for one in seen])
    bias = np.median(medians, axis=0)
    count = len(seen)
    widened = _SIGMA_BY_MAD * _SIGMA_BY_MAD_OF_FEW.get(count, count / (count - 0.8))
    spread = np.maximum(widened * np.median(np.abs(medians - bias), axis=0), _FINEST_SPREAD_M)
    sigma = float(_MEDIAN_BY_MEAN * np.max(spread) / math.sqrt(count))
    return Bias(float(bias[0]), float(bias[1]), sigma, count, len(finding))
