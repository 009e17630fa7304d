"""The Prometheus text format (version 0.0.4) of what an installation knows of itself; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from crews.issue import OPEN_STATES
from crews.notices.outbox import ENDS
from ingest.status import IngestStatus

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Samples = Mapping[str, float]
"""Values by label value; the one key "" for a metric without label."""


def metrics_page(
    status: IngestStatus | None,
    free_bytes: int,
    evaluated_at: datetime | None,
    issues: Mapping[str, int],
    problems: Mapping[str, int],
    now: datetime,
    *,
    wanted_bytes: int,
    missing_files: int | None = None,
    sending: Mapping[str, int] | None = None,
) -> str:
    """Return the whole page. What is not known is left out, never 0: an absent series can be alerted on.

    issues: open issues by state; problems: number of problems by kind, as /readyz lists them
    wanted_bytes: of the disk, below which ingest leaves the broker
    missing_files: files of flights that docks counted and that never came
    sending: messages to crews by state; None where no channel is set
    """
    states = {state: issues.get(state, 0) for state in sorted(OPEN_STATES)}
    parts = [
        _metric("disk_free_bytes", "gauge", "Free bytes on the data folder's disk.", {"": free_bytes}),
        _metric("disk_wanted_bytes", "gauge", "Free bytes below which ingest leaves the broker.", {"": wanted_bytes}),
        _metric("issues", "gauge", "Open issues by state.", states, "state"),
        _metric("problems", "gauge", "Problems by kind, as /readyz lists them.", problems, "what"),
    ]
    if evaluated_at is not None:
        age = {"": (now - evaluated_at).total_seconds()}
        parts.append(_metric("last_evaluation_age_seconds", "gauge", "Age of the newest evaluation.", age))
    if missing_files is not None:
        meaning = "Files of the last 7 days' flights that docks counted and that never came, by the last evaluation."
        parts.append(_metric("missing_drone_files", "gauge", meaning, {"": missing_files}))
    if sending is not None:
        meaning = "Messages to crews and office by state; those that have ended, of the last day."
        counts = {state: sending.get(state, 0) for state in ("waiting", *ENDS)}
        parts.append(_metric("crew_messages", "gauge", meaning, counts, "state"))
    if status is not None:
        parts.extend(_of_ingest(status, now))
    return "".join(parts)


def _of_ingest(status: IngestStatus, now: datetime) -> list[str]:
    parts = [
        _metric("status_age_seconds", "gauge", "Age of what ingest last said of itself.",
                {"": (now - status.written_at).total_seconds()}),
        _metric("ingest_start_time_seconds", "gauge", "Unix time at which ingest started.",
                {"": status.started_at.timestamp()}),
        _metric("received_total", "counter", "Messages journalled since ingest started.", {"": status.messages}),
        _metric("messages_total", "counter", "Messages sealed since ingest started, by outcome.",
                status.outcomes, "outcome"),
        _metric("waiting_messages", "gauge", "Journalled messages that wait to be sealed.",
                {"": status.waiting_messages}),
        _metric("waiting_bytes", "gauge", "Bytes of them.", {"": status.waiting_bytes}),
        _metric("connected", "gauge", "1 while ingest is connected to the broker and subscribed.",
                {"": float(status.connected)}),
        _metric("paused", "gauge", "1 while ingest takes nothing for want of disk.", {"": float(bool(status.paused))}),
        _metric("sessions_lost_total", "counter", "Times the broker had lost our session.",
                {"": status.sessions_lost}),
        _metric("stale_acks_dropped_total", "counter", "Acknowledgements of an older connection, not sent.",
                {"": status.stale_acks_dropped}),
        _metric("damaged_files", "gauge", "Files set aside as damaged since ingest started.",
                {"": len(status.damaged_files)}),
    ]  # fmt: skip
    if status.certificate_ends_at is not None:
        left = {"": (status.certificate_ends_at - now).total_seconds()}
        parts.append(_metric("broker_certificate_left_seconds", "gauge", "Until the broker's certificate ends.", left))
    if status.last_message_at is not None:
        age = {"": (now - status.last_message_at).total_seconds()}
        parts.append(_metric("last_message_age_seconds", "gauge", "Age of the newest sealed message.", age))
    if status.last_seal_at is not None:
        age = {"": (now - status.last_seal_at).total_seconds()}
        parts.append(_metric("last_seal_age_seconds", "gauge", "Age of the last write to the lake.", age))
    return parts


def _metric(name: str, kind: str, meaning: str, samples: Samples, label: str = "") -> str:
    full = f"greensward_{name}"
    lines = [f"# HELP {full} {_escape_help(meaning)}", f"# TYPE {full} {kind}"]
    for value, number in sorted(samples.items()):
        braces = f'{{{label}="{_escape_label(value)}"}}' if label else ""
        lines.append(f"{full}{braces} {float(number)!r}")
    return "\n".join(lines) + "\n"


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _escape_label(text: str) -> str:
    return _escape_help(text).replace('"', '\\"')
