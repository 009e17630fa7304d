"""Publishes native soil readings as fast as a broker takes them, or at a rate: the load of the ingest benchmarks.

    python -m bench.flood PORT MESSAGES [--rate PER_SECOND] [--envelope native|chirpstack|things_stack] [--times FILE]

MQTT 3.1.1 at QoS 1 over a plain socket, packets encoded beforehand: a client library would be slower than what is
measured. Ends when the broker has acknowledged everything, and prints the seconds that took. Every reading is another
one: 1,000 devices in turn, a minute apart.
`--times` leaves the wall clock's seconds at which each was handed to the socket, as doubles.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import time
from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

DEVICES = 1_000
START = datetime(2026, 7, 1, tzinfo=UTC)
_WINDOW = 20_000
"""Most messages on their way to the broker; packet ids are 16 bits."""
_BATCH = 500
_PUBACK_BYTES = 4


def main() -> None:
    """Publish, and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("messages", type=int)
    parser.add_argument("--rate", type=float, help="messages a second; as fast as may be without it")
    parser.add_argument("--envelope", choices=tuple(ENVELOPES), default="native")
    parser.add_argument("--times", type=Path)
    options = parser.parse_args()
    packets = list(packets_of(map(ENVELOPES[options.envelope], range(options.messages))))
    times = array("d")
    print(f"{send(options.port, packets, options.rate, times):.3f}")
    if options.times is not None:
        options.times.write_bytes(times.tobytes())


def reading(number: int) -> tuple[str, bytes]:
    """Return topic and payload of reading `number` in the native format, 228 bytes or so."""
    device = number % DEVICES
    said = {
        "schema": "greening.soil_reading/1",
        "measured_at": (START + timedelta(minutes=number // DEVICES)).isoformat(),
        "readings": [
            {
                "quantity": "volumetric_water_content",
                "depth_cm": 10,
                "value": 0.15 + number % 97 / 1000,
                "unit": "m3/m3",
            }
        ],
        "battery_v": 3.61,
    }
    return f"greensward/v1/beichen/gs-{device:04d}/soil", json.dumps(said, separators=(",", ":")).encode()


def chirpstack(number: int) -> tuple[str, bytes]:
    """Return topic and payload of reading `number` as a ChirpStack v4 uplink of a Dragino LSE01 (about 900 bytes)."""
    device = number % DEVICES
    eui = f"a84041{device:010x}"
    at = START + timedelta(minutes=number // DEVICES)
    said = {
        "deduplicationId": f"00000000-0000-4000-8000-{number:012d}",
        "time": at.isoformat(),
        "deviceInfo": {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
            "tenantName": "greening",
            "applicationId": "ca739e26-7b67-4f14-b69e-d568c22a5a75",
            "applicationName": "soil",
            "deviceProfileId": "605d08d4-65f5-4d2c-8a5a-3d2457662f79",
            "deviceProfileName": "dragino/lse01",
            "deviceName": f"gs-{device:04d}",
            "devEui": eui,
            "tags": {},
        },
        "devAddr": "00189440",
        "adr": True,
        "dr": 1,
        "fCnt": number // DEVICES,
        "fPort": 2,
        "confirmed": False,
        "data": "DSUAAAAMCxkAFQA=",
        "object": {
            "BatV": 3.365,
            "water_SOIL": f"{15 + number % 97 / 10:.2f}",
            "temp_SOIL": "28.41",
            "conduct_SOIL": 21,
            "Sensor_flag": 1,
        },
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "uplinkId": 4217106255, "rssi": -36, "snr": 10.5}],
        "txInfo": {"frequency": 470_300_000},
    }
    topic = f"application/ca739e26-7b67-4f14-b69e-d568c22a5a75/device/{eui}/event/up"
    return topic, json.dumps(said, separators=(",", ":")).encode()


def things_stack(number: int) -> tuple[str, bytes]:
    """Return topic and payload of reading `number` as an uplink of The Things Stack v3 (about 1,000 bytes)."""
    device = number % DEVICES
    at = (START + timedelta(minutes=number // DEVICES)).isoformat()
    said = {
        "end_device_ids": {
            "device_id": f"gs-{device:04d}",
            "application_ids": {"application_id": "soil"},
            "dev_eui": f"A84041{device:010X}",
            "join_eui": "A840410000000101",
            "dev_addr": "260BE6BF",
        },
        "correlation_ids": [f"gs:uplink:{number:026d}"],
        "received_at": at,
        "uplink_message": {
            "session_key_id": "AYfqmb0pc/1uRZv9xUydgQ==",
            "f_port": 2,
            "f_cnt": number // DEVICES + 1,
            "frm_payload": "DSUAAAAMCxkAFQA=",
            "decoded_payload": {
                "BatV": 3.365,
                "water_SOIL": f"{15 + number % 97 / 10:.2f}",
                "temp_SOIL": "28.41",
                "conduct_SOIL": 21,
                "Sensor_flag": 1,
            },
            "rx_metadata": [
                {
                    "gateway_ids": {"gateway_id": "roof", "eui": "0016C001F153A14C"},
                    "timestamp": number * 1_000,
                    "rssi": -36,
                    "channel_rssi": -36,
                    "snr": 10.5,
                }
            ],
            "settings": {
                "data_rate": {"lora": {"bandwidth": 125_000, "spreading_factor": 7, "coding_rate": "4/5"}},
                "frequency": "470300000",
            },
            "received_at": at,
            "consumed_airtime": "0.061696s",
            "version_ids": {"brand_id": "dragino", "model_id": "lse01", "firmware_version": "1.2"},
        },
    }
    return f"v3/soil@greening/devices/gs-{device:04d}/up", json.dumps(said, separators=(",", ":")).encode()


ENVELOPES = {"native": reading, "chirpstack": chirpstack, "things_stack": things_stack}


def packets_of(messages: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield the PUBLISH packet, QoS 1, of each (topic, payload)."""
    for number, (topic, payload) in enumerate(messages):
        body = struct.pack("!H", len(topic)) + topic.encode() + struct.pack("!H", number % 65_535 + 1) + payload
        yield b"\x32" + _length(len(body)) + body


def _length(number: int) -> bytes:
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(out)


def send(port: int, packets: list[bytes], rate: float | None, times: array[float]) -> float:
    """Send all, note when each was sent, and return the seconds until the last acknowledgement."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connect = b"\x00\x04MQTT\x04\x02\x00\x00\x00\x05flood"
        connection.sendall(b"\x10" + _length(len(connect)) + connect)
        connection.recv(4, socket.MSG_WAITALL)
        connection.settimeout(0)
        began = time.monotonic()
        sent = acknowledged_bytes = 0
        waiting = memoryview(b"")
        while acknowledged_bytes < _PUBACK_BYTES * len(packets):
            if not waiting:
                due = len(packets) if rate is None else int((time.monotonic() - began) * rate)
                end = min(len(packets), due, sent + _BATCH, acknowledged_bytes // _PUBACK_BYTES + _WINDOW)
                waiting = memoryview(b"".join(packets[sent:end]))
                times.extend([time.time()] * (end - sent))
                sent = end
            pause = 0.001 if rate is not None and not waiting else 1.0
            readable, writable, _ = select.select([connection], [connection] if waiting else [], [], pause)
            if writable:
                waiting = waiting[connection.send(waiting) :]
            if readable:
                acknowledged_bytes += len(connection.recv(65_536))
        return time.monotonic() - began


if __name__ == "__main__":
    main()
