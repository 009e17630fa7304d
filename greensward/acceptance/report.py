"""The report of an acceptance test: facts, points, verdict; as Markdown, as a page to print, as values. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from crews.page import render_template
from crews.readable import one_line
from crews.sheet import own_style
from crews.words import Say, speaker
from greensward.acceptance.delivery import delivery_points
from greensward.acceptance.evidence import Evidence, evidence_of
from greensward.acceptance.measuring import measuring_points
from greensward.acceptance.point import Point, Said, seconds
from greensward.acceptance.record import Record
from greensward.overheard.ear import FORMATS
from greensward.wiring import SOFTWARE_VERSION
from ingest.decode.fault_codes import Meaning

MARKS = {"passed": "✓", "failed": "✗", "not_seen": "–"}
_OUTCOME_MARKS = {"accepted": MARKS["passed"], "not_accepted": MARKS["failed"], "incomplete": MARKS["not_seen"]}
_ORDER = ("passed", "failed", "not_seen")

Outcome = Literal["accepted", "not_accepted", "incomplete"]


@dataclass(frozen=True, slots=True)
class Line:
    """One point in one language."""

    key: str
    state: str
    mark: str
    word: str
    name: str
    expected: str
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole in one language.

    outcome: not accepted where a point failed, incomplete where one was not seen without which no device is accepted
    mark, verdict: of the outcome
    needs: what to do so that an incomplete test becomes one that is accepted or not
    facts: name and value of what was tested, when, against what
    ending: why the test did not last as long as planned; "" when it did
    again: the command that makes the report again
    """

    language: str
    device_id: str
    outcome: Outcome
    mark: str
    verdict: str
    summary: str
    needs: tuple[str, ...]
    ending: str
    facts: tuple[tuple[str, str], ...]
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    again: str


def make_report(record: Record, record_name: str, language: str) -> Report:
    """Return the report of a record; record_name: of its file, as the reader has it beside the report."""
    evidence, say = evidence_of(record), speaker(language)
    points = [*measuring_points(evidence), *delivery_points(evidence)]
    points.sort(key=lambda point: _PLACES[point.key])
    counts = {state: sum(point.state == state for point in points) for state in _ORDER}
    needs = [] if counts["failed"] else [said for point in points for said in point.needs]
    outcome: Outcome = "not_accepted" if counts["failed"] else "incomplete" if needs else "accepted"
    return Report(
        language,
        record.trial.device_id,
        outcome,
        _OUTCOME_MARKS[outcome],
        say(f"acceptance.{outcome}"),
        say("acceptance.summary", **counts),
        tuple(dict.fromkeys(say(f"acceptance.needs.{said.key}", **said.params) for said in needs)),
        "" if record.ended == "done" else say(f"acceptance.ended_{record.ended}"),
        tuple(_facts(record, evidence, record_name, say)),
        tuple(say(f"acceptance.head_{name}") for name in ("point", "state", "expected", "found")),
        tuple(_line(point, say, language) for point in points),
        f"greensward device accept --from {shlex.quote(record_name)} --lang {language}",
    )


_PLACES = {
    key: place
    for place, key in enumerate(
        ("arrived", "arrived_unknown", "refused", "identity", "unit", "range", "moving", "steps", "clock", "delay",
         "duplicates", "sequence", "sequence_served", "battery", "qos", "retained", "state", "last_will", "answers")
    )
}  # fmt: skip
"""What is looked at first comes first."""


def _line(point: Point, say: Say, language: str) -> Line:
    return Line(
        point.key,
        point.state,
        MARKS[point.state],
        say(f"acceptance.state.{point.state}"),
        say(f"acceptance.point.{point.key}"),
        say(f"acceptance.expected.{point.key}", **point.expected),
        tuple(_sentence(said, say, language) for said in point.found),
    )


def _sentence(said: Said, say: Say, language: str) -> str:
    params = {
        name: getattr(value, language) if isinstance(value, Meaning) else value for name, value in said.params.items()
    }
    return say(f"acceptance.found.{said.key}", **params)


def _facts(record: Record, evidence: Evidence, record_name: str, say: Say) -> list[tuple[str, str]]:
    trial, zone = record.trial, evidence.zone
    first, last = (f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" for at in (evidence.began_at, evidence.ended_at))
    formats = ", ".join(_formats(evidence)) or say("unknown")
    values = {
        "device": trial.device_id,
        "model": trial.model or say("acceptance.no_model"),
        "broker": say(
            "acceptance.broker_said", broker=trial.broker, version=trial.mqtt_version, district=trial.district
        ),
        "period": say(
            "acceptance.period_said", first=first, last=last, zone=trial.timezone, minutes=f"{trial.minutes:g}"
        ),
        "interval": seconds(trial.interval_s) if trial.interval_s else say("acceptance.no_interval"),
        "messages": say("acceptance.messages_said", n=len(evidence.live), formats=formats),
        "software": say("acceptance.software_said", then=trial.software_version, now=SOFTWARE_VERSION),
        "record": f"{record_name}, SHA-256 {record.sha256}",
    }
    return [(say(f"acceptance.{name}"), value) for name, value in values.items()]


def _formats(evidence: Evidence) -> list[str]:
    """Return what the messages are: the schema that a native one names, else the format of its topic."""
    found = set()
    for came in evidence.live:
        name = next((name for name, start in FORMATS.items() if came.heard.topic.startswith(start)), "?")
        schema = _schema(came.heard.payload) if name == "native" else None
        found.add(schema or name)
    return sorted(found)


def _schema(payload: bytes) -> str | None:
    try:
        said: Any = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return None
    schema = said.get("schema") if isinstance(said, dict) else None
    return schema if isinstance(schema, str) and len(schema) < 64 else None  # noqa: PLR2004 - a name, not a text


def to_markdown(report: Report) -> str:
    """Return the report as Markdown (tables as on GitHub)."""
    say = speaker(report.language)
    table = [report.heads, tuple("---" for _ in report.heads)]
    table += [
        (line.name, f"{line.mark} {line.word}", _cell(line.expected), "<br>".join(map(_cell, line.found)))
        for line in report.lines
    ]
    parts = [
        f"# {say('acceptance.title')}: {report.device_id}",
        f"**{report.mark} {report.verdict}.** {report.summary}.",
        "\n".join(f"- **{need}**" for need in report.needs),
        f"**{report.ending}**" if report.ending else "",
        "\n".join(f"- {name}: {_cell(value)}" for name, value in report.facts),
        "\n".join(f"| {' | '.join(cells)} |" for cells in table),
        say("acceptance.unseen"),
        f"{say('acceptance.again')} `{report.again}`",
        f"## {say('acceptance.signatures')}",
        _signatures(say),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell(text: str) -> str:
    """Return text of a device that can neither end its cell nor be markup."""
    escaped = "".join(f"\\{sign}" if sign in "\\`*[]<>|" else sign for sign in text)
    return one_line(escaped)


def _signatures(say: Say) -> str:
    fields = [say(f"acceptance.{name}") for name in ("name", "signature", "date")]
    rows: Sequence[Sequence[str]] = [
        ("", *fields),
        ("---",) * 4,
        *((say(f"acceptance.{who}"), "", "", "") for who in ("maker", "operator")),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def to_page(report: Report) -> str:
    """Return the report as one HTML page that prints on A4."""
    return render_template("acceptance.html", report.language, "", report=report, style=own_style())
