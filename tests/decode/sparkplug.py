"""Sparkplug B messages as Eclipse Tahu's definition writes them (made with mqtt-spb-wrapper 2.1.2), and short ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.decode.sparkplug_payload import _message

GROUP = "spBv1.0/parks"
NODE_ID, DEVICE_ID = "parks.gw-1", "parks.gw-1.probe-7"
AT = datetime(2026, 7, 2, 0, 0, tzinfo=UTC)
"""The timestamp of the births; of the data an hour later, and half an hour for the historical value."""
DATA_AT = AT + timedelta(hours=1)

NBIRTH = bytes.fromhex(
    "0880a08081f233120b0a05626453657120085807121a0a144e6f646520436f6e74726f6c2f52656269727468200b70001800"
)
"""bdSeq 7, Node Control/Rebirth."""
DBIRTH = bytes.fromhex(
    "0880a08081f23312360a123130636d2f736f696c5f6d6f69737475726510011880a08081f23320094a100a07656e67556e69741205080c420125"
    "6566669241123c0a153130636d2f736f696c5f74656d706572617475726510021880a08081f23320024a120a07656e67556e69741207080c4203"
    "43656c50fbffffff0f12210a1050726f706572746965732f4d6f64656c10031880a08081f233200c7a025831122c0a073130636d2f656310041880"
    "a08081f233200a38014a140a07656e67556e69741209080c420575532f636d12130a057461626c65100520108a010508011201611801"
)
"""1: 10cm/soil_moisture 18.3 %, Float; 2: 10cm/soil_temperature -5 Cel, Int16; 3: a text; 4: 10cm/ec, null, uS/cm."""
DDATA = bytes.fromhex(
    "0880fddb82f233120e10011880fddb82f23365cdcc4c3f1210100118c08eee81f233280165cdcc9041120f10021880fddb82f23350feffffff0f12"
    "1210041880fddb82f233690000000000407a401802"
)
"""Aliases only: 1: 0.8; 1, historical: 18.1; 2: -2; 4: 420."""
NDEATH_7, NDEATH_6 = bytes.fromhex("120b0a05626453657120085807"), bytes.fromhex("120b0a05626453657120085806")
"""Wills of the session of NBIRTH, and of the one before."""


def payload(*metrics: dict[str, Any], seq: int = 1, at: datetime | None = DATA_AT) -> bytes:
    """Return a payload whose metrics have the fields given."""
    made = _message("Payload")
    made.seq = seq
    if at is not None:
        made.timestamp = int(at.timestamp() * 1000)
    for fields in metrics:
        metric = made.metrics.add()
        for name, value in fields.items():
            setattr(metric, name, value)
    sent: bytes = made.SerializeToString(deterministic=True)
    return sent


def moisture(value: float | None = None, alias: int = 1, **further: Any) -> dict[str, Any]:
    """Return the metric of a water content, by its alias."""
    return {"alias": alias} | ({} if value is None else {"float_value": value}) | further
