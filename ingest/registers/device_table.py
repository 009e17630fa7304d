"""From the bytes of a CSV file, as people and Excel write it, to named cells with line numbers."""

from __future__ import annotations

import csv
import io

from ingest.identifiers import normalise_device_id
from ingest.registers.findings import Findings, Place
from ingest.registers.words import DEVICE_COLUMNS, canonical_names, did_you_mean, plain

LIMIT_BYTES = 16_000_000
"""About 150,000 devices."""

_NAMES = canonical_names(DEVICE_COLUMNS)
_SAVE_AGAIN = "Save it as CSV UTF-8 (in Excel: Save As, CSV UTF-8)."


def read_table(payload: bytes, findings: Findings) -> list[tuple[int, dict[str, str]]]:
    """Return (line number from 1, column → cell) of every line that has a device; empty cells are left out.

    UTF-8 with or without byte order mark, UTF-16 with one, or GB18030; cells apart by comma, semicolon or tab,
    whichever finds the most known columns in the first line. What is wrong goes to `findings`.
    """
    file = findings.at(None)
    text = _decode(payload, file)
    if text is None:
        return []
    first = text.split("\n", 1)[0]
    delimiter = max(
        ",;\t",
        key=lambda mark: (sum(plain(cell.strip('"')) in _NAMES for cell in first.split(mark)), first.count(mark)),
    )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for cells in reader:
            rows.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error as error:
        findings.at(begins).fault("not_csv", str(error), "CSV", "Look for a quotation mark that is never closed.")
    if not rows:
        return []
    columns = _columns(rows[0][1], findings.at(1))
    if "device_id" not in columns:
        findings.at(1).fault(
            "missing_column", "; ".join(rows[0][1]), "a first line with device_id", "Add the column.", "device_id"
        )
        return []
    return [read for number, cells in rows[1:] if (read := _line(cells, columns, findings.at(number)))]


def _decode(payload: bytes, file: Place) -> str | None:
    if len(payload) > LIMIT_BYTES:
        file.fault("too_large", f"{len(payload)} bytes", f"at most {LIMIT_BYTES}", "Import it in parts.")
        return None
    if payload[:4] == b"PK\x03\x04" or payload[:4] == b"\xd0\xcf\x11\xe0":
        file.fault("not_csv", "an Excel workbook", "a CSV file", _SAVE_AGAIN)
        return None
    encodings = ["utf-16"] if payload[:2] in {b"\xff\xfe", b"\xfe\xff"} else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = payload.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        if text.strip():
            return text
        file.fault("empty_file", "nothing", "a line of column names and a line per device", "Write them.")
        return None
    file.fault("not_text", "bytes that are neither UTF-8 nor GB18030", "a CSV file", _SAVE_AGAIN)
    return None


def _columns(header: list[str], place: Place) -> list[str | None]:
    columns: list[str | None] = []
    for cell in header:
        column = _NAMES.get(plain(cell))
        if column is not None and column in columns:
            place.fault("column_twice", cell, f"{column} once", "Keep one of the columns.", column)
        elif column is None and cell.strip():
            hint = did_you_mean(plain(cell), DEVICE_COLUMNS, f"Known are {', '.join(DEVICE_COLUMNS)}.")
            place.warn("unknown_column", cell, "a known column", f"It was left out. {hint}", cell.strip())
        columns.append(column)
    return columns


def _line(cells: list[str], columns: list[str | None], place: Place) -> tuple[int, dict[str, str]] | None:
    if not any(cell.strip() for cell in cells):
        return None
    assert place.number is not None
    named = zip(columns, cells, strict=False)
    kept = {column: cell.strip() for column, cell in named if column is not None and cell.strip()}
    place.record_id = normalise_device_id(kept.get("device_id", "")) or None
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        place.fault(
            "too_many_cells",
            f"{len(cells)} cells",
            f"{len(columns)}, as the first line",
            'Put cells that hold a separator in "quotation marks".',
        )
        return None
    return place.number, kept
