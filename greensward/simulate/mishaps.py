"""Messages that are wrong, as they are wrong in practice; each ends in `rejected` with its faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from greensward.simulate import messages
from greensward.simulate.messages import DISTRICT, Radio, native_topic
from greensward.simulate.readings import TimedMessage

UNKNOWN_DEVICE = "gs-77"
"""Sends good messages and stands in no register."""


@dataclass(frozen=True, slots=True)
class Mishaps:
    """whole: refused messages; parts: readings refused while the rest is kept; soil_rows: rows that are kept."""

    whole: int = 9
    parts: int = 1
    soil_rows: int = 1 + 6


def mishap_messages(end: datetime, device_id: str) -> Iterator[TimedMessage]:
    """Yield them in time order, over the last two days. device_id: a good native device that errs now and then."""
    topic = native_topic(device_id)
    at = end - timedelta(days=2, minutes=7)
    water = {
        "quantity": "volumetric_water_content",
        "depth_cm": 15,
        "value": 0.231,
        "unit": "m3/m3",
    }

    def soil(reading: dict[str, object], **other: object) -> bytes:
        return messages.encode(
            {
                "schema": "greening.soil_reading/1",
                "measured_at": messages.local(at),
                "readings": [reading],
                **other,
            }
        )

    good = soil(water)
    radio = Radio(at, 3, 0x1234567890ABCDEF1234567890ABCDEF, -101)
    strange = messages.chirpstack_uplink("70b3d57ed0000077", "unknown probe", 7, b"\x01\x02\x03\x04", None, radio)
    wrong: list[tuple[str, bytes]] = [
        (topic, soil(water | {"unit": "kPa"})),
        (topic, good.replace(b"0.231", b"NaN")),
        (topic, good[:-9]),
        (topic, good.replace(b"+08:00", b"")),
        (topic, soil(water, device_id="gs-99")),
        (
            topic,
            good.replace(messages.local(at).encode(), b"2099-01-01T00:00:00+08:00"),
        ),
        (topic, b"\xff\xfe\x00moisture=23"),
        strange,
        (
            f"greensward/v1/{DISTRICT}/1581F6GS0000DEMO01/image",
            b'{"schema":"greening.image_metadata/1","image_id":"x"}',
        ),
        (topic, _one_of_two_wrong(at)),
    ]
    for number, (where, payload) in enumerate(wrong):
        yield TimedMessage(at + timedelta(minutes=17 * number), where, payload)
    for number in range(6):
        moment = at + timedelta(hours=4 + number)
        readings = messages.native_readings([messages.Measured(15, 0.22 - number * 0.001, 9.0, 0.4)])
        payload = messages.native_message(moment, number, readings, 3.6, -90)
        yield TimedMessage(moment, native_topic(UNKNOWN_DEVICE), payload)


def _one_of_two_wrong(at: datetime) -> bytes:
    return messages.encode(
        {
            "schema": "greening.soil_reading/1",
            "measured_at": messages.local(at + timedelta(seconds=30)),
            "readings": [
                {
                    "quantity": "volumetric_water_content",
                    "depth_cm": 15,
                    "value": 0.232,
                    "unit": "m3/m3",
                },
                {"quantity": "bulk_ec", "depth_cm": 15, "value": 400, "unit": "lux"},
            ],
        }
    )
