"""Short ways to write uplinks of the network servers."""

from __future__ import annotations

import base64
from typing import Any

EUI = "a84041000181f0c1"
CHIRPSTACK = f"application/17c82e96/device/{EUI}/event/up"
THINGS_STACK = "v3/parks@beichen/devices/probe-1/up"
UPLINK = f"greensward/v1/beichen/{EUI}/uplink"
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


def loriot(data: bytes = b"", **further: Any) -> dict[str, Any]:
    """Return an uplink as LORIOT writes it with every gateway; `further` replaces fields."""
    return {
        "cmd": "gw",
        "seqno": 86102809,
        "EUI": EUI.upper(),
        "ts": 1782964200123,
        "fcnt": 796,
        "port": 2,
        "freq": 868300000,
        "dr": "SF7 BW125 4/5",
        "ack": False,
        "gws": [{"rssi": -110, "snr": -2.5, "gweui": "B827EBFFFF5B4D98"}, {"rssi": -87, "snr": 7.25}],
        "bat": 254,
        "data": data.hex(),
    } | further


def thingpark(fields: dict[str, Any] | None = None, data: bytes = b"", **further: Any) -> dict[str, Any]:
    """Return an uplink as ThingPark writes it, with numbers as texts; `further` replaces fields."""
    uplink: dict[str, Any] = {
        "Time": "2026-07-02T11:50:00.123+08:00",
        "DevEUI": EUI.upper(),
        "FPort": "2",
        "FCntUp": "796",
        "payload_hex": data.hex(),
        "LrrRSSI": "-110.000000",
        "LrrSNR": "-2.500000",
        "Lrrs": {"Lrr": [{"LrrRSSI": "-110.000000", "LrrSNR": "-2.500000"}, {"LrrRSSI": -87.0, "LrrSNR": 7.25}]},
        "DriverCfg": {"mod": {"pId": "dragino", "mId": "lse01", "ver": "1"}},
        "DevAddr": "04D2848E",
        "PayloadEncryption": 0,
    }
    uplink |= {"payload": fields} if fields is not None else {}
    return {"DevEUI_uplink": uplink | further}


def everynet(data: bytes = b"", **further: Any) -> dict[str, Any]:
    """Return an uplink as Everynet writes it; `further` replaces fields of its params."""
    params: dict[str, Any] = {
        "rx_time": 1782964200.123,
        "port": 2,
        "radio": {"hardware": {"status": 1, "snr": 7.25, "rssi": -87.0, "channel": 0}, "freq": 868.1},
        "counter_up": 796,
        "payload": base64.b64encode(data).decode(),
        "encrypted_payload": "aiN3/x3Z7wz7NMPq+qoWf/17pq2J3Cx/p1kjvarfLEE=",
    }
    meta = {"network": "75697b95", "device_addr": "36c365b4", "time": 1782964200.2, "device": EUI}
    return {"meta": meta, "params": params | further, "type": "uplink"}
