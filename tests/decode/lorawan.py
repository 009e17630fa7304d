"""Short ways to write uplinks of both network servers."""

from __future__ import annotations

import base64
from typing import Any

EUI = "a84041000181f0c1"
CHIRPSTACK = f"application/17c82e96/device/{EUI}/event/up"
THINGS_STACK = "v3/parks@beichen/devices/probe-1/up"
HEARD_AT = "2026-07-02T03:50:00.123456789Z"


def chirpstack(fields: dict[str, Any] | None = None, data: bytes = b"", **further: Any) -> dict[str, Any]:
    """Return a ChirpStack v4 uplink event; `profile` names the device profile, `time` and others replace fields."""
    profile = further.pop("profile", "Test device-profile")
    event: dict[str, Any] = {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": HEARD_AT,
        "deviceInfo": {"devEui": EUI, "deviceProfileName": profile},
        "devAddr": "00189440",
        "fPort": 2,
        "data": base64.b64encode(data).decode(),
        "rxInfo": [{"gatewayId": "a", "rssi": -101, "snr": 9.5}, {"gatewayId": "b", "rssi": -87, "snr": 7.25}],
    }
    return event | ({"object": fields} if fields is not None else {}) | further


def things_stack(fields: dict[str, Any] | None = None, data: bytes = b"", **further: Any) -> dict[str, Any]:
    """Return an uplink of The Things Stack; `model` names the version's model, others replace message fields."""
    model = further.pop("model", None)
    uplink: dict[str, Any] = {
        "session_key_id": "AYfqmb0pc/1uRZv9xUydgQ==",
        "f_port": 2,
        "frm_payload": base64.b64encode(data).decode(),
        "rx_metadata": [{"rssi": -42, "snr": 5.8}, {"rssi": -90}, {"gateway_ids": {}}],
        "received_at": HEARD_AT,
    }
    uplink |= {"decoded_payload": fields} if fields is not None else {}
    uplink |= {"version_ids": {"brand_id": model[0], "model_id": model[1], "firmware_version": "1.2"}} if model else {}
    return {
        "end_device_ids": {"device_id": "probe-1", "dev_eui": EUI.upper(), "dev_addr": "260BE6BF"},
        "received_at": "2026-07-02T03:50:01Z",
        "uplink_message": uplink | further,
    }
