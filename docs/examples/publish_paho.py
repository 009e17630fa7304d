#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["paho-mqtt>=2.1,<3"]
# ///
"""Send one soil reading: publish_paho.py HOST PORT DEVICE_ID [CA_FILE CERT_FILE KEY_FILE]."""

import json
import sys
from datetime import UTC, datetime

from paho.mqtt.client import CallbackAPIVersion, Client

host, port, device_id, *certificates = sys.argv[1:]
topic = f"greensward/v1/beichen/{device_id}"
client = Client(CallbackAPIVersion.VERSION2, client_id=device_id, clean_session=False)
client.will_set(f"{topic}/state", "offline", qos=1, retain=True)
if certificates:
    client.tls_set(*certificates)
client.on_message = lambda _client, _data, reply: sys.stdout.write(reply.payload.decode() + "\n")
client.on_connect = lambda *_: client.subscribe(f"{topic}/reply", qos=1)
client.connect(host, int(port))
client.loop_start()
reading = {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 18.3, "unit": "%"}
message = {"schema": "greening.soil_reading/1", "measured_at": datetime.now(UTC).isoformat(), "readings": [reading]}
sent = client.publish(f"{topic}/soil", json.dumps(message), qos=1)
sent.wait_for_publish(timeout=30)
client.disconnect()
client.loop_stop()
sys.exit(0 if sent.is_published() else 1)
