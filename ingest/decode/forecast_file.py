"""Forecast files as services and people export them, CSV or JSON, to the document that a message carries."""

from __future__ import annotations

import csv
import io

from ingest.decode.guard import describe, parse_json
from ingest.errors import Fault, PayloadError

LARGEST_FILE_BYTES = 1_000_000

_COLUMNS = {
    "date": ("date", "day", "日期", "预报日期"),
    "rain_mm": ("rain_mm", "rain", "precip", "precipitation_mm", "降雨量", "降水量", "雨量"),
    "rain_probability_pct": ("rain_probability_pct", "probability", "probability_pct", "pop", "降雨概率", "降水概率"),
    "temperature_min_c": ("temperature_min_c", "tmin", "tmin_c", "最低气温"),
    "temperature_max_c": ("temperature_max_c", "tmax", "tmax_c", "最高气温"),
    "issued_at": ("issued_at", "发布时刻", "发布时间"),
    "source": ("source", "来源"),
}
_NAMES = {written: name for name, spellings in _COLUMNS.items() for written in spellings}
_TEXTS = frozenset({"date", "issued_at", "source"})


def read_forecast_file(payload: bytes, issued_at: str) -> object:
    """Return a document greening.weather_forecast/1, to be looked at by `read_forecast`.

    issued_at: RFC 3339, for files that do not say when they were issued
    Raises: PayloadError when it is neither JSON nor a table with the columns of a forecast.
    """
    text = payload.removeprefix(b"\xef\xbb\xbf")
    if text.lstrip()[:1] in (b"{", b"["):
        return parse_json(text, limit_bytes=LARGEST_FILE_BYTES)
    if len(payload) > LARGEST_FILE_BYTES:
        raise _no_table(f"{len(payload)} bytes", f"at most {LARGEST_FILE_BYTES} bytes")
    try:
        rows = list(csv.DictReader(io.StringIO(text.decode("utf-8"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _no_table(describe(str(error)), "CSV in UTF-8, or JSON") from error
    columns = {column: _NAMES.get((column or "").strip().lower()) for column in (rows[0] if rows else {})}
    unknown = [column for column, name in columns.items() if name is None]
    if not rows or "date" not in columns.values() or unknown:
        got = describe(", ".join(str(column) for column in unknown) or ", ".join(str(column) for column in columns))
        raise _no_table(got, f"columns {_said('date')} and some of {', '.join(_said(n) for n in list(_COLUMNS)[1:])}")
    days = [
        {name: _value(name, row[column]) for column, name in columns.items() if name and (row[column] or "").strip()}
        for row in rows
    ]
    said = {name: {day.pop(name, None) for day in days} - {None} for name in ("issued_at", "source")}
    for name, values in said.items():
        if len(values) > 1:
            raise _no_table(f"{len(values)} values of {name}", "one issue of one source in a file")
    return (
        {"schema": "greening.weather_forecast/1", "issued_at": issued_at}
        | {name: next(iter(values)) for name, values in said.items() if values}
        | {"days": days}
    )


def _said(name: str) -> str:
    """Return a column's name and the first Chinese word for it."""
    return f"{name} ({next(word for word in _COLUMNS[name] if not word.isascii())})"


def _value(name: str, text: str) -> object:
    """Return a number where one must be; what is none stays text, and the schema names it."""
    bare = text.strip().removesuffix("%").strip()
    if name in _TEXTS:
        return text.strip()
    try:
        return float(bare)
    except ValueError:
        return text


def _no_table(got: str, expected: str) -> PayloadError:
    return PayloadError(Fault("", "not_a_forecast", got, expected, "Correct the file; nothing was stored."))
