"""Which decoder reads which topic, and what a sender hears when it is refused."""

from __future__ import annotations

from dataclasses import replace

from ingest.decode import alink, iotda, sparkplug
from ingest.decode.alink import alink_refusal_reply, decode_alink
from ingest.decode.chirpstack import decode_chirpstack
from ingest.decode.context import DecodeContext
from ingest.decode.dji import decode_dji, dji_refusal_reply
from ingest.decode.iotda import decode_iotda
from ingest.decode.native_exif import decode_native_exif
from ingest.decode.native_forecast import decode_native_forecast
from ingest.decode.native_image import decode_native_image
from ingest.decode.native_mavlink import decode_native_mavlink
from ingest.decode.native_plan import decode_native_plan
from ingest.decode.native_soil import decode_native_soil
from ingest.decode.native_state import decode_native_state
from ingest.decode.native_uplink import decode_native_uplink
from ingest.decode.replies import reply_to
from ingest.decode.senml import decode_senml
from ingest.decode.sparkplug import decode_sparkplug, rebirth_request
from ingest.decode.things_stack import decode_things_stack
from ingest.decode.topics import ROOT, is_id, reply_topic, unknown_topic
from ingest.errors import PayloadError
from ingest.observation import Decoded, Message, Reply

_NATIVE = {
    "soil": decode_native_soil,
    "state": decode_native_state,
    "forecast": decode_native_forecast,
    "image": decode_native_image,
    "exif": decode_native_exif,
    "mavlink": decode_native_mavlink,
    "plan": decode_native_plan,
    "senml": decode_senml,
    "uplink": decode_native_uplink,
}
NATIVE_KINDS = tuple(sorted(_NATIVE))
"""Last levels of the native topics that are read."""

_OTHERS = (
    ("application/", decode_chirpstack),
    ("v3/", decode_things_stack),
    ("thing/product/", decode_dji),
    (alink.ROOT, decode_alink),
    (alink.ONENET_ROOT, decode_alink),
    (iotda.ROOT, decode_iotda),
    (sparkplug.ROOT, decode_sparkplug),
)


def decode(message: Message, context: DecodeContext) -> Decoded:
    """Return what the message says.

    Raises: PayloadError, and nothing else, whatever the bytes: unknown_topic, wrong_district, or the decoder's faults.
    """
    try:
        return _decode(message, context)
    except PayloadError as error:
        if message.whole is None:
            raise
        got = f"{message.whole.size_bytes} bytes, of which the first {len(message.payload)} are kept"
        faults = (replace(fault, got=got) if fault.code == "too_large" else fault for fault in error.faults)
        raise PayloadError(*faults, device_id=error.device_id) from error


def _decode(message: Message, context: DecodeContext) -> Decoded:
    topic = message.topic
    if topic.startswith(ROOT):
        decoder = _NATIVE.get(topic.rpartition("/")[2])
        if decoder is None:
            raise PayloadError(unknown_topic(topic))
        return decoder(message, context)
    for start, other in _OTHERS:
        if topic.startswith(start):
            return other(message, context)
    raise PayloadError(unknown_topic(topic))


def subscriptions(district: str) -> tuple[tuple[str, int], ...]:
    """Return topic filter and QoS of everything that `decode` reads for a district."""
    filters = (
        f"{ROOT}{district}/+/soil",
        f"{ROOT}{district}/+/state",
        f"{ROOT}{district}/+/image",
        f"{ROOT}{district}/+/exif",
        f"{ROOT}{district}/+/mavlink",
        f"{ROOT}{district}/+/plan",
        f"{ROOT}{district}/+/senml",
        f"{ROOT}{district}/+/forecast",
        f"{ROOT}{district}/+/uplink",
        "application/+/device/+/event/+",
        "application/+/device/+/rx",
        "v3/+/devices/+/up",
        "v3/+/devices/+/join",
        "thing/product/+/events",
        "thing/product/+/osd",
        "thing/product/+/drc/up",
        "/sys/+/+/thing/event/property/post",
        "/sys/+/+/thing/event/property/+/post",
        "$sys/+/+/thing/property/post",
        # The last level may be report?request_id=…
        "$oc/devices/+/sys/properties/+",
        "$oc/devices/+/sys/gateway/sub_devices/properties/+",
        *(f"spBv1.0/+/N{kind}/+" for kind in ("BIRTH", "DATA", "DEATH")),
        *(f"spBv1.0/+/D{kind}/+/+" for kind in ("BIRTH", "DATA", "DEATH")),
    )
    return tuple((topic, 1) for topic in filters)


def refusal_reply(message: Message, error: PayloadError) -> Reply | None:
    """Return what to answer a sender whose message was refused; None where nobody can be addressed.

    Senders on the native topics hear every fault, docks that asked hear that the message is kept, Alink and OneNET
    devices hear the first fault, Sparkplug nodes whose births are missing are asked for them; network servers and IoTDA
    devices do not listen, and a sender on another district's topic is left to that district.
    """
    if message.topic.startswith((alink.ROOT, alink.ONENET_ROOT)):
        return alink_refusal_reply(message, error)
    if message.topic.startswith(sparkplug.ROOT):
        return rebirth_request(message, error)
    if message.topic.startswith("thing/product/"):
        return dji_refusal_reply(message)
    topic, _, kind = message.topic.rpartition("/")
    district, _, device_id = topic.removeprefix(ROOT).partition("/")
    known = topic.startswith(ROOT) and kind in _NATIVE and is_id(district) and is_id(device_id)
    if not known or any(fault.code == "wrong_district" for fault in error.faults):
        return None
    return reply_to(message, reply_topic(message.topic), accepted=False, rows=0, faults=error.faults)
