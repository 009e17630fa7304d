"""What became of every field of one message, for people who ask; decoders write it only when somebody asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ingest.decode.device_models import Model

Fate = Literal["kept", "no value", "said already", "refused", "ignored"]


@dataclass(frozen=True, slots=True)
class FieldNote:
    """One field of the decoded payload, or of the frame.

    given: what stood there, shortened
    quantity, unit, channel or depth_cm, value: what it became, in the unit it came in; None when it became nothing
    why: why it became nothing, or which curve was applied; "" when there is nothing to say
    """

    pointer: str
    name: str
    given: str
    fate: Fate
    quantity: str | None = None
    value: float | None = None
    unit: str | None = None
    channel: int | None = None
    why: str = ""
    depth_cm: float | None = None


@dataclass(slots=True)
class Notes:
    """Filled by a decoder that is given one.

    model: the model by which the message was read, None when it was read by the rule for unknown ones
    why: why it is taken for that
    read: what was read, in order: "decoded payload", "bytes"
    """

    model: Model | None = None
    why: str = ""
    read: list[str] = field(default_factory=list)
    fields: list[FieldNote] = field(default_factory=list)
