#!/usr/bin/env micropython
"""A probe with Wi-Fi: measures every ten minutes, keeps what it could not send, sends it later as one batch."""

import json
import time

import machine
import network
import ntptime
from umqtt.simple import MQTTClient

HOST, DISTRICT, DEVICE_ID = "broker.example", "beichen", "probe-0117"
WIFI_NAME, WIFI_PASSWORD = "…", "…"
EVERY_S = 600
MOST_KEPT = 144  # a day; 64 KiB hold about 280 samples of this size

TOPIC = "greensward/v1/" + DISTRICT + "/" + DEVICE_ID


def rfc3339(clock: tuple) -> str:
    """Return a UTC clock, as time.gmtime() gives it, as text."""
    return "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}Z".format(*clock[:6])


def sample(clock: tuple, water_content: float, temperature_c: float) -> dict:
    """Return one measurement: water content in m3/m3, temperature in degrees Celsius, at 10 cm."""
    return {
        "measured_at": rfc3339(clock),
        "readings": [
            {"quantity": "volumetric_water_content", "depth_cm": 10, "value": water_content, "unit": "m3/m3"},
            {"quantity": "soil_temperature", "depth_cm": 10, "value": temperature_c, "unit": "Cel"},
        ],
    }


def soil_message(samples: list, seq: int, battery_v: float) -> bytes:
    """Return the bytes to publish for one or more measurements."""
    said = {"schema": "greening.soil_reading/1", "seq": seq, "samples": samples, "battery_v": battery_v}
    return json.dumps(said).encode()


def measure() -> tuple:
    """Return water content, temperature and battery voltage; put your probe here."""
    raw = machine.ADC(machine.Pin(34)).read_u16()
    return round(raw / 65535 * 0.6, 4), 21.4, 3.61


def send(message: bytes) -> None:
    """Publish at QoS 1 and return when the broker has it. Raises OSError when it cannot be reached."""
    client = MQTTClient(DEVICE_ID, HOST, 1883, keepalive=60)
    client.set_last_will(TOPIC + "/state", b"offline", retain=True, qos=1)
    client.connect(clean_session=False)
    client.publish(TOPIC + "/soil", message, qos=1)
    client.disconnect()


def main() -> None:
    """Measure, and send; a clock that was never set sends nothing."""
    wifi = network.WLAN(network.STA_IF)
    wifi.active(1)
    kept, seq, clock_is_set = [], 0, False
    while True:
        if not wifi.isconnected():
            wifi.connect(WIFI_NAME, WIFI_PASSWORD)
            time.sleep(20)
        try:
            if not clock_is_set:
                ntptime.settime()
                clock_is_set = True
            water_content, temperature_c, battery_v = measure()
            kept = [*kept[1 - MOST_KEPT :], sample(time.gmtime(), water_content, temperature_c)]
            send(soil_message(kept, seq, battery_v))
            kept, seq = [], seq + 1
        except OSError:
            pass  # the network is away: the samples stay in `kept`
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
