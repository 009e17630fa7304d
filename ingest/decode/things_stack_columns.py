"""Uplinks of The Things Stack by columns: what `things_stack` reads of them, of many at once."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.decode.column_values import instants_us, is_true, texts_within
from ingest.decode.things_stack import LIMIT_BYTES, TOPIC
from ingest.decode.topics import is_id
from ingest.decode.uplink_columns import Around, Server
from ingest.decode.uplink_message import payload_hash, read_frame_bytes
from ingest.errors import PayloadError

_UPLINK = pa.struct(
    [
        (
            "end_device_ids",
            pa.struct([("device_id", pa.string()), ("dev_eui", pa.string()), ("dev_addr", pa.string())]),
        ),
        ("received_at", pa.string()),
        (
            "uplink_message",
            pa.struct(
                [
                    ("session_key_id", pa.string()),
                    ("f_port", pa.int64()),
                    ("f_cnt", pa.int64()),
                    ("frm_payload", pa.string()),
                    ("rx_metadata", pa.list_(pa.struct([("rssi", pa.float64()), ("snr", pa.float64())]))),
                    ("received_at", pa.string()),
                    (
                        "version_ids",
                        pa.struct(
                            [
                                ("brand_id", pa.string()),
                                ("model_id", pa.string()),
                                ("firmware_version", pa.string()),
                            ]
                        ),
                    ),
                ]
            ),
        ),
    ]
)
_DEV_EUI = r"^[0-9a-fA-F]{16}$"
_SIMULATED = "simulated"


@functools.lru_cache(maxsize=32_768)
def _device_on(topic: str) -> str | None:
    found = TOPIC.fullmatch(topic)
    return found.group(1) if found is not None and found.group(2) == "up" and is_id(found.group(1)) else None


def _around(uplinks: pa.StructArray, named: pa.StringArray) -> Around:
    ids, heard = uplinks.field("end_device_ids"), uplinks.field("uplink_message")
    eui, address, session = ids.field("dev_eui"), ids.field("dev_addr"), heard.field("session_key_id")
    version = heard.field("version_ids")
    brand, model, firmware = (version.field(name) for name in ("brand_id", "model_id", "firmware_version"))
    is_plain = is_true(pc.equal(ids.field("device_id"), named))
    is_plain &= np.asarray(eui.is_null()) | is_true(pc.match_substring_regex(eui, _DEV_EUI))
    is_plain &= texts_within(session, address, brand, model, firmware)
    for holder in (uplinks, heard):
        if holder.type.get_field_index(_SIMULATED) >= 0:
            is_plain &= np.asarray(holder.field(_SIMULATED).is_null())
    hashes = _hashes(heard.field("frm_payload"))
    is_plain &= np.asarray(hashes.is_valid())
    device_id = pc.coalesce(pc.ascii_lower(eui), named)
    counter = pc.fill_null(heard.field("f_cnt"), 0).cast(pa.string())
    at = heard.type.get_field_index("decoded_payload")
    return Around(
        is_plain=is_plain,
        device_id=device_id,
        heard_at_us=instants_us(pc.coalesce(heard.field("received_at"), uplinks.field("received_at"))),
        key=pc.binary_join_element_wise(
            "things_stack", device_id, pc.coalesce(_said(session), _said(address), "-"), counter, hashes, "/"
        ),
        names=(pc.binary_join_element_wise(pc.fill_null(brand, ""), _said(model), "/"),),
        payloads=heard.field(at) if at >= 0 else None,
        seq=heard.field("f_cnt"),
        port=heard.field("f_port"),
        gateways=heard.field("rx_metadata"),
        status={"firmware": firmware},
    )


def _said(texts: pa.StringArray) -> pa.StringArray:
    """Return the texts, none where they are empty."""
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _hashes(frames: pa.StringArray) -> pa.StringArray:
    """Return the hash of each frame's bytes; none where the text is no frame."""
    different = pc.fill_null(frames, "").dictionary_encode()
    return pa.array([_hash(text) for text in different.dictionary.to_pylist()], pa.string()).take(different.indices)


def _hash(text: str) -> str | None:
    try:
        return payload_hash(read_frame_bytes(text, ""))
    except PayloadError:
        return None


THINGS_STACK = Server(
    device_on=_device_on,
    limit_bytes=LIMIT_BYTES,
    shape=_UPLINK,
    kind=r'"model_id"\s*:\s*"(?P<kind>[^"]*)"',
    kind_in=lambda uplinks: uplinks.field("uplink_message").field("version_ids").field("model_id"),
    around=_around,
)
