"""A stock paho subscriber that keeps nothing: `python -m bench.paho_subscriber PORT MESSAGES`; 0: only subscribe."""

from __future__ import annotations

import sys
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Receive so many messages at QoS 1, acknowledged by paho as they come, and end."""
    port, messages = int(sys.argv[1]), int(sys.argv[2])
    received = 0
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="paho", clean_session=False)

    def count(_client: mqtt.Client, _data: Any, _message: mqtt.MQTTMessage) -> None:
        nonlocal received
        received += 1
        if received == messages:
            client.disconnect()

    def subscribed(*_: Any) -> None:
        if not messages:
            client.disconnect()

    def connected(*_: Any) -> None:
        client.subscribe("#", 1)

    client.on_connect = connected
    client.on_subscribe = subscribed
    client.on_message = count
    client.connect("127.0.0.1", port)
    client.loop_forever()


if __name__ == "__main__":
    main()
