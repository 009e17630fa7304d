"""Sparkplug B (Eclipse Sparkplug 3.0.0): spBv1.0/{group}/{N or D}{BIRTH, DATA, DEATH}/{node}, of devices /{device} too.

The device is `{group}.{node}.{device}`, a node's own metrics belong to `{group}.{node}`. Births announce the metrics'
names, types and units, data messages may say aliases only: without its birth a data message is refused as
`birth_unknown`, its node is asked to be born again, and a replay reads it then; so is a node of which messages are
missing. We listen and ask for births; we are no primary host.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from ingest.decode.context import DecodeContext
from ingest.decode.guard import describe
from ingest.decode.instants import check_measured_at, clocks_apart, parse_unix_ms
from ingest.decode.property_report import PropertyReport
from ingest.decode.sparkplug_births import BornMetric, Certificate, LifeEvent, Node
from ingest.decode.sparkplug_payload import BD_SEQ, Metric, Payload, counter, read_payload, rebirth_command, signed
from ingest.decode.sparkplug_sequence import NUMBERS, Numbered
from ingest.decode.topics import is_id, unknown_topic
from ingest.decode.uplink_message import payload_hash
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, Message, Reply

ROOT = "spBv1.0/"
_TOPIC = re.compile(r"spBv1\.0/([^/]+)/(?:N(BIRTH|DATA|DEATH)/([^/]+)|D(BIRTH|DATA|DEATH)/([^/]+)/([^/]+))")
_LONGEST_NAME = 128


def decode_sparkplug(message: Message, context: DecodeContext) -> Decoded:
    """Return readings and states: a birth says that a device is online and what it measured last, a death the end.

    measured_at is the metric's timestamp, otherwise the payload's, otherwise the arrival. In data, a metric whose clock
    and the node's are more than 24 h apart is quarantined unless it is marked historical; a birth says last values.
    Raises: PayloadError with every fault; birth_unknown when no certificate tells what the metrics are.
    """
    kind, node, device = _topic(message.topic)
    device_id = _device_id(node, device)
    try:
        payload = read_payload(message.payload)
        if kind == "DEATH":
            return _decode_death(message, context, _event(message, kind, node, device, payload), payload)
        return _decode_values(message, context, kind, (node, device), payload)
    except PayloadError as error:
        error.device_id = device_id
        raise


def _decode_death(message: Message, context: DecodeContext, event: LifeEvent, payload: Payload) -> Decoded:
    """Return that a device is offline, or a node and all its devices."""
    device_id = _device_id(event.node, event.device_id)
    if context.births.is_stale(event):
        return Decoded(ignored="sparkplug_stale_death", device_id=device_id)
    report = PropertyReport(message, context, "sparkplug")
    # A node's death is its last will, written when it connected: it happened when it came.
    at = _time(payload.timestamp_ms) if event.device_id else None
    below = [] if event.device_id else context.births.devices(event.node, message.message_seq)
    for one in (event.device_id, *below):
        report.state(_device_id(event.node, one), at or message.received_at, "offline", payload.seq)
    return report.decoded(device_id, "/metrics")


def _decode_values(
    message: Message, context: DecodeContext, kind: str, sender: tuple[Node, str], payload: Payload
) -> Decoded:
    device_id = _device_id(*sender)
    report = PropertyReport(message, context, "sparkplug")
    certificate = context.births.find(*sender, message.message_seq)
    if kind == "BIRTH":
        certificate = _certificate(payload)
        report.state(device_id, _time(payload.timestamp_ms) or message.received_at, "online", payload.seq)
    if certificate is None:
        raise PayloadError(_birth_unknown(device_id))
    if kind == "DATA" and payload.seq is not None:
        report.state(device_id, _sent_at(message, payload), None, payload.seq)
    node_ms = payload.timestamp_ms if kind == "DATA" else None
    _add_metrics(
        report, payload, certificate, device_id, once=f"{payload.seq}/{payload_hash(message.payload)}", node_ms=node_ms
    )
    decoded = report.decoded(device_id, "/metrics")
    if not context.sequences.is_after_gap(message.message_seq):
        return decoded
    return msgspec.structs.replace(decoded, reply=_ask_for_birth(sender[0], message))


def _sent_at(message: Message, payload: Payload) -> datetime:
    """Return when a node sent a message, by its clock; the arrival where that says nothing believable."""
    try:
        at = _time(payload.timestamp_ms)
    except PayloadError:
        return message.received_at
    return at if at is not None and check_measured_at(at, message.latest_at) is None else message.received_at


def read_number(message: Message) -> Numbered | None:
    """Return which number a message of a Sparkplug node has; None when it has none, or cannot be read."""
    if not message.topic.startswith(ROOT):
        return None
    try:
        kind, node, device = _topic(message.topic)
        seq = read_payload(message.payload).seq
    except PayloadError:
        return None
    if seq is None or seq >= NUMBERS:
        return None
    return Numbered(message.message_seq, node, seq, starts=kind == "BIRTH" and not device)


def read_life_event(message: Message) -> LifeEvent | None:
    """Return the birth or death that a message announces; None when it announces none, or cannot be read."""
    if not message.topic.startswith(ROOT):
        return None
    try:
        kind, node, device = _topic(message.topic)
        if kind == "DATA":
            return None
        _device_id(node, device)
        return _event(message, kind, node, device, read_payload(message.payload))
    except PayloadError:
        return None


def rebirth_request(message: Message, error: PayloadError) -> Reply | None:
    """Return the command to be born again, for a node whose births we do not know."""
    if not any(fault.code == "birth_unknown" for fault in error.faults):
        return None
    _, node, _ = _topic(message.topic)
    return _ask_for_birth(node, message)


def _ask_for_birth(node: Node, message: Message) -> Reply:
    topic = f"{ROOT}{node.group_id}/NCMD/{node.node_id}"
    return Reply(topic, rebirth_command(message.received_at), is_request=True)


def _topic(topic: str) -> tuple[str, Node, str]:
    """Return BIRTH, DATA or DEATH, the node, and the device ("" for the node itself)."""
    found = _TOPIC.fullmatch(topic)
    if found is None:
        raise PayloadError(unknown_topic(topic))
    return found[2] or found[4], Node(found[1], found[3] or found[5]), found[6] or ""


def _device_id(node: Node, device: str) -> str:
    parts = [node.group_id, node.node_id, *([device] if device else [])]
    device_id = ".".join(parts)
    if is_id(device_id) and not any("." in part for part in parts):
        return device_id
    expected = (
        "group, node and device of A-Z a-z 0-9 _ -, together at most 62, the group beginning with a letter or digit"
    )
    raise PayloadError(Fault("", "bad_device_id", describe(device_id), expected, "Give them such names."))


def _event(message: Message, kind: str, node: Node, device: str, payload: Payload) -> LifeEvent:
    bd_seq = _bd_seq(payload)
    if kind == "DEATH":
        return LifeEvent(node, device, message.message_seq, "death", bd_seq, None)
    return LifeEvent(node, device, message.message_seq, "birth", bd_seq, _certificate(payload))


def _bd_seq(payload: Payload) -> int | None:
    for metric in payload.metrics:
        if metric.name == BD_SEQ:
            return counter(metric.value)
    return None


def _certificate(payload: Payload) -> Certificate:
    return Certificate(
        tuple(
            BornMetric(metric.name, metric.alias, metric.datatype, metric.unit)
            for metric in payload.metrics
            if metric.name and len(metric.name) <= _LONGEST_NAME
        )
    )


def _add_metrics(
    report: PropertyReport,
    payload: Payload,
    certificate: Certificate,
    device_id: str,
    *,
    once: str,
    node_ms: int | None,
) -> None:
    """Add the metrics; transient ones, those without a value and what is no number or text say nothing.

    node_ms: the node's clock, against which metrics that are no history are held; None for no such check
    """
    for place, metric in enumerate(payload.metrics):
        pointer = f"/metrics/{place}"
        born = _born(metric, certificate)
        if born is None:
            got = describe(metric.name if metric.alias is None else metric.alias)
            expected = "a name or alias of the birth certificate"
            fault = Fault(pointer, "alias_unknown", got, expected, "Announce every metric in the birth certificate.")
            report.refuse(pointer, fault)
            continue
        if metric.is_transient or metric.value is None:
            continue
        value: object = signed(metric.value, metric.datatype or born.datatype)
        unit = metric.unit or born.unit
        try:
            measured_at = _time(metric.timestamp_ms or payload.timestamp_ms)
            node_at = None if metric.is_historical else _time(node_ms)
        except PayloadError as error:
            report.refuse(pointer, *error.faults)
            continue
        report.add_value(
            device_id,
            born.name,
            {"value": value, "unit": unit} if unit else value,
            pointer,
            measured_at=measured_at,
            once=once,
            seq=payload.seq,
            quarantine=clocks_apart(measured_at, node_at) if measured_at and node_at else None,
        )


def _born(metric: Metric, certificate: Certificate) -> BornMetric | None:
    if metric.name:
        return certificate.by_name.get(metric.name)
    return certificate.by_alias.get(metric.alias) if metric.alias is not None else None


def _time(timestamp_ms: int | None) -> datetime | None:
    return None if timestamp_ms is None else parse_unix_ms(timestamp_ms, "/timestamp")


def _birth_unknown(device_id: str) -> Fault:
    return Fault(
        "",
        "birth_unknown",
        f"data of {device_id} before its birth certificate",
        "a birth certificate in this session",
        "The node was asked to be born again; greensward replay reads the message then.",
    )
