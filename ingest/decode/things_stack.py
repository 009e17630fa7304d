"""The Things Stack v3, JSON: v3/{application}@{tenant}/devices/{device}/{up, join, …}, also without @tenant."""

from __future__ import annotations

import re

from ingest.decode.context import DecodeContext
from ingest.decode.envelope import Envelope, dev_eui_of
from ingest.decode.guard import parse_json
from ingest.decode.topics import identity_mismatch, is_id, unknown_topic
from ingest.decode.uplink import decode_uplink
from ingest.decode.uplink_message import Uplink, payload_hash, read_frame_bytes
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, Message

LIMIT_BYTES = 64 * 1024
TOPIC = re.compile(r"v3/[^/@]{1,64}(?:@[^/@]{1,64})?/devices/([^/]{1,64})/([a-z]+(?:/[a-z]+)?)")
_OTHER_EVENTS = (
    "join",
    "down/queued",
    "down/sent",
    "down/ack",
    "down/nack",
    "down/failed",
    "service/data",
    "location/solved",
)


def decode_things_stack(message: Message, context: DecodeContext) -> Decoded:
    """Return the rows of an uplink; other events and simulated uplinks are ignored, with the reason.

    The device id is the DevEUI in lower case, or the network server's own id where the device has none. measured_at is
    the device's where its model sends one, otherwise the network server's receive time.
    Raises: PayloadError with every fault.
    """
    topic = TOPIC.fullmatch(message.topic)
    if topic is None or topic.group(2) not in ("up", *_OTHER_EVENTS):
        raise PayloadError(unknown_topic(message.topic))
    if topic.group(2) != "up":
        return Decoded(ignored=f"things_stack_{topic.group(2).replace('/', '_')}")
    document = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
    if not isinstance(document, dict):
        raise PayloadError(Fault("", "wrong_type", "no object", "an uplink", "Publish The Things Stack's JSON format."))
    event = Envelope(document)
    end_device = event.part("end_device_ids", required=True)
    device_id = dev_eui_of(end_device.get("dev_eui"))
    if device_id is None and end_device.get("dev_eui") is None and is_id(topic.group(1)):
        device_id = topic.group(1)  # a device activated by personalisation may have no DevEUI
    if any(
        said in (True, "true", "True")
        for said in (event.get("simulated"), event.part("uplink_message").get("simulated"))
    ):
        return Decoded(ignored="simulated", device_id=device_id)
    try:
        if device_id is None:
            end_device.wrong("dev_eui", "a DevEUI, 16 hex digits", "bad_device_id")
        if end_device.get("device_id") != topic.group(1):
            event.faults.append(
                identity_mismatch("/end_device_ids/device_id", end_device.get("device_id"), topic.group(1))
            )
        return decode_uplink(_uplink(message, event, end_device, device_id or ""), message, context)
    except PayloadError as error:
        error.device_id = device_id
        raise


def _uplink(message: Message, event: Envelope, end_device: Envelope, device_id: str) -> Uplink:
    heard = event.part("uplink_message", required=True)
    data = b""
    try:
        data = read_frame_bytes(heard.get("frm_payload"), heard.at("frm_payload"))
    except PayloadError as error:
        event.faults += error.faults
    fields = heard.dispensable().fields("decoded_payload")
    heard_at = heard.instant("received_at") or event.instant("received_at") or message.received_at
    rssi_dbm, snr_db = heard.best_gateway("rx_metadata", rssi="rssi", snr=("snr",))
    seq, port = heard.counter("f_cnt"), heard.port("f_port")
    session = heard.text("session_key_id") or end_device.text("dev_addr") or "-"
    version = heard.dispensable().part("version_ids")
    brand, model = version.text("brand_id"), version.text("model_id")
    firmware = version.text("firmware_version")
    if event.faults:
        raise PayloadError(*event.faults)
    return Uplink(
        device_id=device_id,
        heard_at=heard_at,
        key=f"things_stack/{device_id}/{session}/{seq}/{payload_hash(data)}",
        names=(f"{brand or ''}/{model}",) if model else (),
        fields=fields,
        fields_pointer=heard.at("decoded_payload"),
        data=data,
        data_pointer=heard.at("frm_payload"),
        f_port=port,
        seq=seq,
        rssi_dbm=rssi_dbm,
        snr_db=snr_db,
        firmware=firmware,
        unread=tuple(event.unread),
    )
