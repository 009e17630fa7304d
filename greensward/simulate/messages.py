"""Measured values as the bytes that each kind of device and network server sends."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

DISTRICT = "beichen"
CHIRPSTACK_APPLICATION = "6f1c2d80-3b7e-4a55-9d13-5e0a8c7b1f42"
TTS_APPLICATION = "greening-bc@beichen"
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Measured:
    """What one probe measured at one depth: m³/m³, °C, dS/m."""

    depth_cm: float
    water: float
    temperature_c: float
    ec_ds_m: float


def native_topic(device_id: str) -> str:
    """Return the topic of a native device's readings."""
    return f"greensward/v1/{DISTRICT}/{device_id}/soil"


def local(instant: datetime) -> str:
    """Return RFC 3339 in the site's zone, to the second."""
    return instant.astimezone(ZONE).isoformat(timespec="seconds")


def native_readings(measured: Sequence[Measured]) -> list[dict[str, object]]:
    """Return the `readings` of a native message; water to 0.001 m³/m³ as such probes give it."""
    found: list[dict[str, object]] = []
    for one in measured:
        for quantity, value, unit in (
            ("volumetric_water_content", round(one.water, 3), "m3/m3"),
            ("soil_temperature", round(one.temperature_c, 1), "Cel"),
            ("bulk_ec", round(one.ec_ds_m, 2), "dS/m"),
        ):
            found.append(
                {
                    "quantity": quantity,
                    "depth_cm": one.depth_cm,
                    "value": value,
                    "unit": unit,
                }
            )
    return found


def native_message(
    at: datetime,
    seq: int,
    readings: list[dict[str, object]],
    battery_v: float,
    rssi_dbm: int,
) -> bytes:
    """Return a native soil or weather message of one instant."""
    return encode(
        {
            "schema": "greening.soil_reading/1",
            "seq": seq,
            "measured_at": local(at),
            "readings": readings,
            "battery_v": round(battery_v, 2),
            "rssi_dbm": rssi_dbm,
        }
    )


def native_batch(samples: Sequence[tuple[datetime, list[dict[str, object]]]], seq: int) -> bytes:
    """Return a native message that fills a gap."""
    return encode(
        {
            "schema": "greening.soil_reading/1",
            "seq": seq,
            "samples": [{"measured_at": local(at), "readings": readings} for at, readings in samples],
        }
    )


def lse01_frame(one: Measured, battery_v: float) -> tuple[bytes, dict[str, object]]:
    """Return a Dragino LSE01 frame (port 2) and the fields its codec gives; strings, as the real codec does."""
    water, temperature, ec = (
        round(max(0.0, one.water) * 10_000),
        round(one.temperature_c * 100),
        round(one.ec_ds_m * 1000),
    )
    frame = struct.pack(">HhHhHB", round(battery_v * 1000) & 0x3FFF, 0, water, temperature, ec, 0x10)
    fields: dict[str, object] = {
        "Bat": round(battery_v, 3),
        "TempC_DS18B20": "0.00",
        "water_SOIL": f"{water / 100:.2f}",
        "temp_SOIL": f"{temperature / 100:.2f}",
        "conduct_SOIL": ec,
    }
    return frame, fields


def smtc_frame(one: Measured, battery_pct: int) -> tuple[bytes, dict[str, object]]:
    """Return a Milesight EM500-SMTC frame (port 85) and the fields its codec gives; water in steps of 0.5 %."""
    half_pct, tenths, ec = (
        round(max(0.0, one.water) * 200),
        round(one.temperature_c * 10),
        round(one.ec_ds_m * 1000),
    )
    frame = b"\x01\x75" + bytes([battery_pct]) + b"\x03\x67" + struct.pack("<h", tenths)
    frame += b"\x04\x68" + bytes([half_pct]) + b"\x05\x7f" + struct.pack("<H", ec)
    fields: dict[str, object] = {
        "battery": battery_pct,
        "temperature": tenths / 10,
        "moisture": half_pct / 2,
        "ec": ec,
    }
    return frame, fields


@dataclass(frozen=True, slots=True)
class Radio:
    """How an uplink was heard; `token` makes its ids, the same for every copy of it."""

    at: datetime
    counter: int
    token: int
    rssi_dbm: int
    gateway: int = 1


def chirpstack_uplink(
    eui: str,
    profile: str,
    port: int,
    frame: bytes,
    fields: dict[str, object] | None,
    radio: Radio,
) -> tuple[str, bytes]:
    """Return topic and payload of a ChirpStack v4 uplink; `fields` None when it has no codec."""
    heard = _nanoseconds(radio.at)
    body: dict[str, object] = {
        "deduplicationId": f"{radio.token >> 96:08x}-{radio.token >> 80 & 0xFFFF:04x}-4{radio.token >> 68 & 0xFFF:03x}"
        f"-a{radio.token >> 56 & 0xFFF:03x}-{radio.token & 0xFFFFFFFFFFFF:012x}",
        "time": heard,
        "deviceInfo": {
            "tenantId": "0b9c5e6a-41c7-4a0e-8f57-2f2d5a1c9e10",
            "tenantName": "北辰绿化（示例）",
            "applicationId": CHIRPSTACK_APPLICATION,
            "applicationName": "soil",
            "deviceProfileId": "d3a1f6be-7c24-4c08-b6a9-90e4415c2f77",
            "deviceProfileName": profile,
            "deviceName": f"soil-{eui[-4:]}",
            "devEui": eui,
            "tags": {},
        },
        "devAddr": f"01{eui[-6:]}",
        "adr": True,
        "dr": 4,
    }
    if radio.counter:
        body["fCnt"] = radio.counter
    body |= {
        "fPort": port,
        "confirmed": False,
        "data": base64.b64encode(frame).decode(),
    }
    if fields is not None:
        body["object"] = fields
    body["rxInfo"] = [
        {
            "gatewayId": f"24e124fffef00{radio.gateway:03x}",
            "uplinkId": radio.token & 0xFFFFFFFF,
            "nsTime": heard,
            "rssi": radio.rssi_dbm,
            "snr": 7.5,
        }
    ]
    body["txInfo"] = {
        "frequency": 486300000,
        "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 8, "codeRate": "CR_4_5"}},
    }
    return f"application/{CHIRPSTACK_APPLICATION}/device/{eui}/event/up", encode(body)


def tts_uplink(eui: str, port: int, frame: bytes, fields: dict[str, object] | None, radio: Radio) -> tuple[str, bytes]:
    """Return topic and payload of a The Things Stack v3 uplink; `fields` None when it has no payload formatter."""
    heard = _nanoseconds(radio.at)
    uplink: dict[str, object] = {
        "session_key_id": "AYfqmb0pc/1uRZv9xUydgQ==",
        "f_port": port,
    }
    if radio.counter:
        uplink["f_cnt"] = radio.counter
    uplink["frm_payload"] = base64.b64encode(frame).decode()
    if fields is not None:
        uplink["decoded_payload"] = fields
        uplink["version_ids"] = {"brand_id": "milesight-iot", "model_id": "em500-smtc"}
    uplink |= {
        "rx_metadata": [
            {
                "gateway_ids": {"gateway_id": "bc-canal-01"},
                "time": heard,
                "rssi": radio.rssi_dbm,
                "snr": 8.2,
            }
        ],
        "settings": {
            "data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 8}},
            "frequency": "486300000",
        },
        "received_at": heard,
    }
    body = {
        "end_device_ids": {
            "device_id": f"eui-{eui}",
            "application_ids": {"application_id": "greening-bc"},
            "dev_eui": eui.upper(),
            "dev_addr": f"26{eui[-6:].upper()}",
        },
        "correlation_ids": [f"gs:uplink:{radio.token:032x}"],
        "received_at": heard,
        "uplink_message": uplink,
    }
    return f"v3/{TTS_APPLICATION}/devices/eui-{eui}/up", encode(body)


def encode(value: object) -> bytes:
    """Return compact JSON, keys in the order given."""
    return msgspec.json.encode(value)


def _nanoseconds(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond:06d}000Z"
