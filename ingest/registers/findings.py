"""What a check found in a register file: every fault and warning, each with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SHOWN_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (fault) or was mended or looks odd (warning).

    code: stable snake_case word, the same for the same mistake for ever
    number: index of the feature from 0 in GeoJSON, number of the line from 1 in CSV; None for the file as a whole
    record_id: plot_id or device_id, where it could be read
    pointer: JSON pointer (RFC 6901) in GeoJSON, name of the column in CSV; "" for the file or line as a whole
    got, expected, advice: what stood there, what should stand there, what to do
    """

    severity: Literal["fault", "warning"]
    code: str
    number: int | None
    record_id: str | None
    pointer: str
    got: str
    expected: str
    advice: str


@dataclass(slots=True)
class Findings:
    """Collects the findings of one file, in the order in which they were made."""

    all: list[Finding] = field(default_factory=list)

    def at(self, number: int | None, record_id: str | None = None, pointer: str = "") -> Place:
        """Return a collector for one feature or line (`number`), or for the file as a whole (None)."""
        return Place(self, number, record_id, pointer)


@dataclass(slots=True)
class Place:
    """Adds findings for one feature, line or file.

    pointer: put before the pointer of each finding
    failed: whether a fault was added here
    """

    findings: Findings
    number: int | None
    record_id: str | None
    pointer: str = ""
    failed: bool = False

    def fault(self, code: str, got: str, expected: str, advice: str, pointer: str = "") -> None:
        """Add a fault: the record cannot be taken."""
        self.failed = True
        self._add("fault", code, got, expected, advice, pointer)

    def warn(self, code: str, got: str, expected: str, advice: str, pointer: str = "") -> None:
        """Add a warning: the record is taken as it is, or as it was mended."""
        self._add("warning", code, got, expected, advice, pointer)

    def _add(
        self, severity: Literal["fault", "warning"], code: str, got: str, expected: str, advice: str, pointer: str
    ) -> None:
        self.findings.all.append(
            Finding(severity, code, self.number, self.record_id, self.pointer + pointer, shorten(got), expected, advice)
        )


def shorten(text: str) -> str:
    """Return `text` on one line, without control characters, cut to 160 characters."""
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:400])
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
