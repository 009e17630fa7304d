"""One flight of a DJI dock: poses while it flies, `file_upload_callback` for each photo after it has landed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from greensward.simulate import messages
from greensward.simulate.ground import to_lon_lat
from greensward.simulate.plots import Plot
from greensward.simulate.readings import TimedMessage

GATEWAY_SN = "7CTDGS0000DEMO1"
PHOTOS = 12
WITHOUT_POSE = 2
"""The last photos of the flight have no pose message: their footprint stays unknown."""
_HEIGHT_M = 50.0


def dock_messages(begins: datetime, plots: Sequence[Plot], rng: random.Random) -> Iterator[TimedMessage]:
    """Yield poses, then callbacks, over the last grid of the right bank, in time order."""
    lawn = next(plot for plot in plots if plot.plot_id.startswith("BC-R3") and plot.shape.key == "lawn")
    flight_id = f"dock-{begins:%Y%m%d}"
    shots = [
        (
            begins + timedelta(seconds=6 * number),
            to_lon_lat((lawn.centre[0] - 55 + 10 * number, lawn.centre[1])),
            round(-52.0 + rng.gauss(0, 0.4), 1),
        )
        for number in range(PHOTOS)
    ]
    for number, (at, (lon, lat), yaw) in enumerate(shots):
        if number < PHOTOS - WITHOUT_POSE:
            moment = at + timedelta(milliseconds=180)
            yield TimedMessage(
                moment,
                f"thing/product/{GATEWAY_SN}/drc/up",
                _pose(moment, lon, lat, yaw, number),
            )
    landed = begins + timedelta(minutes=9)
    for number, (at, (lon, lat), yaw) in enumerate(shots):
        moment = landed + timedelta(seconds=2 * number)
        body = _callback(flight_id, number, at, moment, (lon, lat), yaw)
        yield TimedMessage(moment, f"thing/product/{GATEWAY_SN}/events", body)


def _pose(at: datetime, lon: float, lat: float, yaw: float, seq: int) -> bytes:
    return messages.encode(
        {
            "method": "osd_info_push",
            "timestamp": round(at.timestamp() * 1000),
            "seq": seq,
            "data": {
                "attitude_head": yaw + 3.0,
                "gimbal_pitch": -90.0,
                "gimbal_roll": 0.0,
                "gimbal_yaw": yaw,
                "height": 41.3,
                "elevation": _HEIGHT_M,
                "latitude": lat,
                "longitude": lon,
                "speed_x": 0.1,
                "speed_y": 0.0,
                "speed_z": 0.0,
            },
        }
    )


def _callback(
    flight_id: str,
    number: int,
    at: datetime,
    sent: datetime,
    position: tuple[float, float],
    yaw: float,
) -> bytes:
    name = f"DJI_{messages.local(at)[:19].replace('-', '').replace('T', '').replace(':', '')}_{number + 1:04d}_W.jpeg"
    return messages.encode(
        {
            "tid": f"t-{flight_id}-{number:04d}",
            "bid": f"b-{flight_id}",
            "timestamp": round(sent.timestamp() * 1000),
            "gateway": GATEWAY_SN,
            "method": "file_upload_callback",
            "need_reply": 1,
            "data": {
                "file": {
                    "cloud_to_cloud_id": "DEFAULT",
                    "ext": {
                        "drone_model_key": "0-91-0",
                        "flight_id": flight_id,
                        "is_original": True,
                        "payload_model_key": "1-80-0",
                    },
                    "metadata": {
                        "absolute_altitude": 41.3,
                        "create_time": messages.local(at)[:19].replace("T", " "),
                        "gimbal_yaw_degree": str(yaw),
                        "relative_altitude": _HEIGHT_M,
                        "shoot_position": {"lat": position[1], "lng": position[0]},
                    },
                    "name": name,
                    "object_key": f"dock/{flight_id}/{name}",
                    "path": flight_id,
                },
                "flight_task": {
                    "expected_file_count": PHOTOS,
                    "flight_type": 0,
                    "uploaded_file_count": number + 1,
                },
            },
        }
    )
