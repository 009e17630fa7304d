"""ChirpStack uplinks by columns: what `chirpstack` reads of an event, of many at once."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.decode.chirpstack import LIMIT_BYTES, TOPIC
from ingest.decode.column_values import instants_us, is_true, texts_within
from ingest.decode.envelope import dev_eui_of
from ingest.decode.uplink_columns import Around, Server
from ingest.messages import Flags

_EVENT = pa.struct(
    [
        ("deduplicationId", pa.string()),
        ("time", pa.string()),
        (
            "deviceInfo",
            pa.struct(
                [
                    ("deviceProfileName", pa.string()),
                    ("devEui", pa.string()),
                    ("tags", pa.struct([("model", pa.string())])),
                ]
            ),
        ),
        ("devAddr", pa.string()),
        ("fCnt", pa.int64()),
        ("fPort", pa.int64()),
        ("data", pa.string()),
        ("rxInfo", pa.list_(pa.struct([("rssi", pa.float64()), ("snr", pa.float64())]))),
    ]
)
_RARE = ("devEUI", "objectJSON", "deviceProfileName", "simulated")
"""What version 3 wrote, and what marks an event that is none; `chirpstack` reads these."""
_SNR_OF_VERSION_3 = "loRaSNR"
_BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


@functools.lru_cache(maxsize=32_768)
def _device_on(topic: str) -> str | None:
    found = TOPIC.fullmatch(topic)
    return dev_eui_of(found.group(1)) if found is not None and found.group(2) == "up" else None


def _around(events: pa.StructArray, named: pa.StringArray) -> Around:
    device = events.field("deviceInfo")
    profile, once, data = device.field("deviceProfileName"), events.field("deduplicationId"), events.field("data")
    is_plain = is_true(pc.equal(pc.ascii_lower(device.field("devEui")), named))
    is_plain &= is_true(pc.greater(pc.utf8_length(once), 0))
    is_plain &= texts_within(once, profile, events.field("devAddr"))
    is_plain &= ~_has_gateways_of_version_3(events.field("rxInfo"))
    is_plain &= np.asarray(data.is_null()) | is_true(pc.match_substring_regex(data, _BASE64))
    for name in _RARE:
        if events.type.get_field_index(name) >= 0:
            is_plain &= np.asarray(events.field(name).is_null())
    at = events.type.get_field_index("object")
    return Around(
        is_plain=is_plain,
        device_id=named,
        heard_at_us=instants_us(events.field("time")),
        key=pc.binary_join_element_wise("chirpstack", named, pc.fill_null(once, ""), "/"),
        names=(profile, device.field("tags").field("model")),
        payloads=events.field(at) if at >= 0 else None,
        seq=events.field("fCnt"),
        port=events.field("fPort"),
        gateways=events.field("rxInfo"),
    )


def _has_gateways_of_version_3(gateways: pa.ListArray) -> Flags:
    found = np.zeros(len(gateways), np.bool_)
    each = gateways.flatten()
    if each.type.get_field_index(_SNR_OF_VERSION_3) >= 0:
        message = np.repeat(np.arange(len(gateways)), np.diff(np.asarray(gateways.offsets)))
        found[message[np.asarray(each.field(_SNR_OF_VERSION_3).is_valid())]] = True
    return found


CHIRPSTACK = Server(
    device_on=_device_on,
    limit_bytes=LIMIT_BYTES,
    shape=_EVENT,
    kind=r'"deviceProfileName"\s*:\s*"(?P<kind>[^"]*)"',
    kind_in=lambda events: events.field("deviceInfo").field("deviceProfileName"),
    around=_around,
)
