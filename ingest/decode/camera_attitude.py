"""From a camera's orientation in other conventions to yaw, pitch and roll of its optical axis.

Ours: yaw clockwise from true north, pitch 0 at the horizon and -90 straight down, roll positive with the right side
down (drone specification, section 2). Vectors here are north, east, down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Vector = tuple[float, float, float]

_STRAIGHT = 1e-9
_UNIT_WITHIN = 0.01
"""Quaternions sent as float32 are of length one to 1e-7; farther off they are none."""


def from_axes(forward: Vector, right: Vector) -> tuple[float, float, float]:
    """Return yaw (0 to 360), pitch and roll in degrees of a camera that looks along `forward`.

    right: where the right side of its picture points. Straight down or up yaw and roll are one turn; it is the yaw,
    which is the azimuth of the picture's top.
    """
    north, east, down = forward
    flat = math.hypot(north, east)
    pitch = math.atan2(-down, flat)
    if flat < _STRAIGHT:
        # Level right at yaw y is (-sin y, cos y, 0); the picture's right side is that with roll 0.
        return math.degrees(math.atan2(-right[0], right[1])) % 360.0 % 360.0, math.copysign(90.0, -down), 0.0
    yaw = math.atan2(east, north)
    level = (-math.sin(yaw), math.cos(yaw), 0.0)
    up = (-math.sin(pitch) * math.cos(yaw), -math.sin(pitch) * math.sin(yaw), -math.cos(pitch))
    roll = math.atan2(-_dot(right, up), _dot(right, level))
    return math.degrees(yaw) % 360.0 % 360.0, math.degrees(pitch), math.degrees(roll)


def from_quaternion(w: float, x: float, y: float, z: float) -> tuple[float, float, float] | None:
    """Return yaw, pitch, roll of a quaternion from the camera's frame (forward, right, down) to north, east, down.

    None for what is no rotation: MAVLink senders without a gimbal send zeros or NaN.
    """
    length = math.sqrt(w * w + x * x + y * y + z * z)
    if not math.isfinite(length) or abs(length - 1.0) > _UNIT_WITHIN:
        return None
    w, x, y, z = (part / length for part in (w, x, y, z))
    forward = (1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y))
    right = (2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x))
    return from_axes(forward, right)


def from_nadir_mount(yaw_deg: float, pitch_deg: float, roll_deg: float) -> tuple[float, float, float]:
    """Return yaw, pitch, roll of a camera whose own angles are all 0 when it looks straight down, its top northwards.

    Pix4D's XMP tags Camera:Yaw, Pitch, Roll are so: a body (north, east, down; rotations Z, Y, X) that carries the
    camera looking down through its floor, the picture's top towards the nose.
    """
    sy, cy = math.sin(math.radians(yaw_deg)), math.cos(math.radians(yaw_deg))
    sp, cp = math.sin(math.radians(pitch_deg)), math.cos(math.radians(pitch_deg))
    sr, cr = math.sin(math.radians(roll_deg)), math.cos(math.radians(roll_deg))
    right = (cy * sp * sr - sy * cr, sy * sp * sr + cy * cr, cp * sr)
    down = (cy * sp * cr + sy * sr, sy * sp * cr - cy * sr, cp * cr)
    return from_axes(down, right)


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
