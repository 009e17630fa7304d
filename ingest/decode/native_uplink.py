"""Uplinks of network servers whose topic the operator chooses: greensward/v1/{district}/{DevEUI}/uplink.

The document is taken as the server writes it, and tells by its shape whose it is:

- LORIOT: https://docs.loriot.io/display/LNS/Uplink+Data+Message (`cmd` rx) and .../Gateway+Information (gw: the same
  uplink again, with every gateway and so somewhat later); as captured: https://pastebin.com/Vbm0g1qh
- Actility ThingPark: https://docs.thingpark.com/thingpark-x/latest/Message/uplink-message; older versions write numbers
  as texts
- Everynet: https://github.com/AdailSilva/DocsEverynet_pt-BR, messages of type uplink
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from ingest.decode.context import DecodeContext
from ingest.decode.envelope import Envelope, dev_eui_of
from ingest.decode.guard import describe, parse_json
from ingest.decode.instants import parse_clock
from ingest.decode.topics import device_of, identity_mismatch
from ingest.decode.uplink import decode_uplink
from ingest.decode.uplink_message import Uplink, payload_hash, read_frame_bytes
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, Message

LIMIT_BYTES = 64 * 1024
_LORIOT_UPLINKS = ("gw", "rx")
_LONGEST_NUMBER = 32
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*", re.ASCII)

Server = Literal["loriot", "thingpark", "everynet"]


def decode_native_uplink(message: Message, context: DecodeContext) -> Decoded:
    """Return the rows of an uplink; a network server's other messages are ignored, with the reason.

    measured_at is the device's where its model sends one, otherwise the network server's receive time.
    Raises: PayloadError with every fault.
    """
    device_id = device_of(message.topic, context.site)
    try:
        document = parse_json(message.payload, limit_bytes=LIMIT_BYTES)
        uplink = _read(document, message, device_id)
        if uplink is None:
            return Decoded(ignored="no_uplink", device_id=device_id)
        return decode_uplink(uplink, message, context)
    except PayloadError as error:
        error.device_id = device_id
        raise


def server_of(document: object) -> Server | None:
    """Return whose network server writes documents of this shape; None where it is none that is read."""
    if not isinstance(document, dict):
        return None
    if any(name.startswith("DevEUI_") for name in document):
        return "thingpark"
    if "cmd" in document and "EUI" in document:
        return "loriot"
    return "everynet" if "type" in document and "meta" in document else None


def device_named(document: object) -> object:
    """Return what stands where such a document names its device; None where it is none that is read."""
    server = server_of(document)
    if server is None or not isinstance(document, dict):
        return None
    if server == "loriot":
        return document["EUI"]
    part, name = ("DevEUI_uplink", "DevEUI") if server == "thingpark" else ("meta", "device")
    holder = document.get(part)
    return holder.get(name) if isinstance(holder, dict) else None


def _read(document: object, message: Message, device_id: str) -> Uplink | None:
    """Return the uplink that the document is; None for another message of a server. Raises: PayloadError."""
    server = server_of(document)
    if server is None or not isinstance(document, dict):
        raise PayloadError(_unknown_shape(document))
    return _READERS[server](Envelope(document), message, device_id) if _is_uplink(server, document) else None


def _is_uplink(server: Server, document: dict[str, object]) -> bool:
    if server == "loriot":
        return document["cmd"] in _LORIOT_UPLINKS
    return "DevEUI_uplink" in document if server == "thingpark" else document["type"] == "uplink"


def _loriot(event: Envelope, message: Message, device_id: str) -> Uplink:
    _check_device(event, "EUI", device_id)
    _check_clear(event, "data", is_encrypted=event.get("data") is None and event.get("encdata") is not None)
    gateways = event.get("gws") if event.get("cmd") == "gw" else [{"rssi": event.get("rssi"), "snr": event.get("snr")}]
    heard_at = _clock(event, "ts", "ms", message)
    return _uplink(
        event,
        # Nothing tells one session from another; but copies are only looked for within minutes (soil_readings.toml).
        ("loriot", device_id, "-"),
        heard_at or message.received_at,
        ("fcnt", "port", "data", None),
        _best(gateways, "rssi", "snr"),
        is_hex=True,
    )


def _thingpark(event: Envelope, message: Message, device_id: str) -> Uplink:
    heard = event.part("DevEUI_uplink", required=True)
    _check_device(heard, "DevEUI", device_id)
    _check_clear(heard, "payload_hex", is_encrypted=heard.get("PayloadEncryption") in (1, "1"))
    module = heard.dispensable().part("DriverCfg").part("mod")
    vendor, model = module.text("pId"), module.text("mId")
    gateways = heard.part("Lrrs").get("Lrr")
    own = [{"LrrRSSI": heard.get("LrrRSSI"), "LrrSNR": heard.get("LrrSNR")}]
    return _uplink(
        heard,
        ("thingpark", device_id, heard.text("DevAddr") or "-"),
        heard.instant("Time") or message.received_at,
        ("FCntUp", "FPort", "payload_hex", "payload"),
        _best(gateways or own, "LrrRSSI", "LrrSNR"),
        is_hex=True,
        names=(f"{vendor or ''}/{model}",) if model else (),
    )


def _everynet(event: Envelope, message: Message, device_id: str) -> Uplink:
    meta, heard = event.part("meta", required=True), event.part("params", required=True)
    _check_device(meta, "device", device_id)
    is_encrypted = heard.get("payload") is None and heard.get("encrypted_payload") is not None
    _check_clear(heard, "payload", is_encrypted=is_encrypted)
    hardware = heard.part("radio").part("hardware")
    return _uplink(
        heard,
        ("everynet", device_id, meta.text("device_addr") or "-"),
        _clock(heard, "rx_time", "s", message) or message.received_at,
        ("counter_up", "port", "payload", None),
        _best([{"rssi": hardware.get("rssi"), "snr": hardware.get("snr")}], "rssi", "snr"),
        is_hex=False,
    )


_READERS: dict[Server, Callable[[Envelope, Message, str], Uplink]] = {
    "loriot": _loriot,
    "thingpark": _thingpark,
    "everynet": _everynet,
}


def _uplink(
    heard: Envelope,
    identity: tuple[str, str, str],
    heard_at: datetime,
    named: tuple[str, str, str, str | None],
    signal: tuple[float | None, float | None],
    *,
    is_hex: bool,
    names: tuple[str, ...] = (),
) -> Uplink:
    """Return the uplink that `heard` describes.

    identity: server, device and session, within which a counter and a payload are one uplink
    named: how the server calls counter, port, frame and decoded payload (None: it sends none)
    Raises: PayloadError with every fault found until now.
    """
    counter, port, frame, decoded = named
    data = b""
    try:
        data = _hex(heard, frame) if is_hex else read_frame_bytes(heard.get(frame), heard.at(frame))
    except PayloadError as error:
        heard.faults += error.faults
    fields = heard.dispensable().fields(decoded) if decoded else None
    seq, f_port = heard.counter(counter), heard.port(port)
    if heard.faults:
        raise PayloadError(*heard.faults)
    server, device_id, session = identity
    return Uplink(
        device_id=device_id,
        heard_at=heard_at,
        key=f"{server}/{device_id}/{session}/{seq}/{payload_hash(data)}",
        names=names,
        fields=fields,
        fields_pointer=heard.at(decoded) if decoded else "",
        data=data,
        data_pointer=heard.at(frame),
        f_port=f_port,
        seq=seq,
        rssi_dbm=signal[0],
        snr_db=signal[1],
        unread=tuple(heard.unread),
    )


def _check_device(holder: Envelope, name: str, device_id: str) -> None:
    """Note where the document names no device, or another than its topic."""
    found = dev_eui_of(holder.get(name))
    if found is None:
        holder.wrong(name, "a DevEUI, 16 hex digits", "bad_device_id")
    elif found != device_id:
        holder.faults.append(identity_mismatch(holder.at(name), holder.get(name), device_id))


def _check_clear(holder: Envelope, name: str, *, is_encrypted: bool) -> None:
    if is_encrypted:
        advice = "Give the network server the device's AppSKey, so that it can decrypt."
        expected = "a payload that the network server has decrypted"
        holder.faults.append(Fault(holder.at(name), "undecoded", "a payload still encrypted", expected, advice))


def _clock(holder: Envelope, name: str, unit: Literal["s", "ms"], message: Message) -> datetime | None:
    """Return the instant of a Unix time; None when it is missing or wrong, which is noted."""
    if holder.get(name) is None:
        return None
    try:
        return parse_clock(holder.get(name), unit, message.received_at, holder.at(name))
    except PayloadError as error:
        holder.faults += error.faults
        return None


def _hex(holder: Envelope, name: str) -> bytes:
    """Return the bytes of a frame in hex; missing and empty text are no bytes. Raises: PayloadError (bad_hex)."""
    text = holder.get(name)
    if text is None:
        return b""
    if isinstance(text, str) and _HEX.fullmatch(text):
        return bytes.fromhex(text)
    advice = "Check the network server's output."
    raise PayloadError(Fault(holder.at(name), "bad_hex", describe(text), "pairs of hex digits", advice))


def _best(gateways: object, rssi: str, snr: str) -> tuple[float | None, float | None]:
    """Return rssi (dBm) and snr (dB) of the gateway that heard the device loudest; numbers may be texts."""
    heard = [
        {"rssi": _number(gateway.get(rssi)), "snr": _number(gateway.get(snr))}
        for gateway in (gateways if isinstance(gateways, list) else [gateways])
        if isinstance(gateway, dict)
    ]
    return Envelope({"heard": heard}).best_gateway("heard", rssi="rssi", snr=("snr",))


def _number(value: object) -> object:
    """Return a number that stands in a text as a number; anything else as it is."""
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return value
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _unknown_shape(document: object) -> Fault:
    got = describe(", ".join(document)) if isinstance(document, dict) else describe(document)
    return Fault(
        "",
        "unknown_format",
        got,
        "an uplink of LORIOT (cmd, EUI, data), ThingPark (DevEUI_uplink) or Everynet (type, meta, params)",
        "Publish the network server's own JSON; for anything else send the native message on …/soil.",
    )
