"""One message as it was heard at the broker, and its line in a file: JSON, readable by people and by `--like`."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated

import msgspec

from ingest.errors import ConfigError


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One message as it came.

    qos: with which it came to us, at most that of the subscription
    retained: it lay at the broker when we subscribed
    """

    received_at: datetime
    topic: str
    payload: bytes
    qos: int = 0
    retained: bool = False
    redelivered: bool = False

    def as_values(self) -> dict[str, object]:
        """Return it for a line of JSON; bytes that are no UTF-8 stand in base64 under `payload_base64`."""
        values: dict[str, object] = {"received_at": self.received_at, "topic": self.topic}
        try:
            values["payload"] = self.payload.decode("utf-8")
        except UnicodeDecodeError:
            values["payload_base64"] = base64.b64encode(self.payload).decode()
        return values | {"qos": self.qos, "retained": self.retained, "redelivered": self.redelivered}


_EXPECTED = 'a message as `greensward device tail --json` prints it: {"received_at", "topic", "payload", …}'


class _Line(msgspec.Struct, kw_only=True):
    received_at: Annotated[datetime, msgspec.Meta(tz=True)]
    topic: str
    payload: str | None = None
    payload_base64: str | None = None
    qos: int = 0
    retained: bool = False
    redelivered: bool = False


def read_heard(line: bytes, where: str) -> Heard:
    """Return the message that `as_values` wrote; further keys do not matter. where: the place, for what is wrong.

    Raises: ConfigError.
    """
    try:
        said = msgspec.json.decode(line, type=_Line)
        payload = base64.b64decode(said.payload_base64 or "", validate=True)
    except (ValueError, binascii.Error) as error:
        raise ConfigError(f"{where}: expected {_EXPECTED}. {error}") from error
    if (said.payload is None) is (said.payload_base64 is None):
        raise ConfigError(f"{where}: expected {_EXPECTED}, with one of payload and payload_base64.")
    return Heard(
        received_at=said.received_at,
        topic=said.topic,
        payload=payload if said.payload is None else said.payload.encode("utf-8", "surrogatepass"),
        qos=said.qos,
        retained=said.retained,
        redelivered=said.redelivered,
    )
