"""What a forecast document says of the coming days: the same for a message and for a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from ingest.decode.guard import describe
from ingest.decode.instants import check_measured_at, parse_instant
from ingest.decode.schema_faults import schema_faults
from ingest.errors import Fault, PayloadError
from ingest.observation import ForecastDay
from ingest.site import Site

MOST_DAYS_AHEAD = 30
"""No service tells a day's rain further ahead."""


def read_forecast(
    document: object, source: str, received_at: datetime, site: Site
) -> tuple[tuple[ForecastDay, ...], list[Fault]]:
    """Return the days of a document greening.weather_forecast/1 and every fault; with any fault there are no days.

    A forecast is one statement: half of it, with the rainy day left out, would say something else.
    source: who forecasts where the document does not say; received_at: aware, held against `issued_at`
    """
    faults = list(schema_faults("weather_forecast", document))
    if not isinstance(document, dict):
        return (), faults
    issued_at, time_fault = _issued_at(document.get("issued_at"), received_at)
    faults += [time_fault] if time_fault else []
    days: list[ForecastDay] = []
    listed = document.get("days")
    for place, day in enumerate(listed if isinstance(listed, list) else []):
        pointer = f"/days/{place}"
        if not isinstance(day, dict) or issued_at is None or any(f.pointer.startswith(f"{pointer}/") for f in faults):
            continue
        day_faults = _faults_of(day, pointer, site.local_date(issued_at), [known.forecast_date for known in days])
        faults += day_faults
        if not day_faults and "date" in day:
            days.append(_row(day, str(document.get("source") or source), issued_at))
    return (() if faults else tuple(days)), faults


def _issued_at(text: object, received_at: datetime) -> tuple[datetime | None, Fault | None]:
    """Return the instant, or what is wrong with it: days are not counted from a clock that is wrong."""
    if not isinstance(text, str):
        return None, None
    try:
        instant = parse_instant(text, "/issued_at")
    except PayloadError as error:
        return None, error.faults[0]
    fault = check_measured_at(instant, received_at, "/issued_at")
    return (None if fault else instant), fault


def _faults_of(day: Mapping[str, Any], pointer: str, issued_on: date, known: list[date]) -> list[Fault]:
    """Return what the schema cannot say: days that are none, that are told twice or too far off, crossed extremes."""
    if not isinstance(day.get("date"), str):
        return []
    try:
        of_day = date.fromisoformat(day["date"])
    except ValueError:
        expected = "a day of the calendar, year-month-day"
        return [Fault(f"{pointer}/date", "bad_day", describe(day["date"]), expected, "Correct the day.")]
    faults = []
    last = issued_on + timedelta(days=MOST_DAYS_AHEAD)
    if not issued_on <= of_day <= last:
        expected = f"{issued_on} to {last}, from the day of issue on"
        faults.append(Fault(f"{pointer}/date", "out_of_range", str(of_day), expected, "Check date and issued_at."))
    if of_day in known:
        faults.append(Fault(f"{pointer}/date", "measured_twice", str(of_day), "each day once", "Keep one of the two."))
    low, high = day.get("temperature_min_c"), day.get("temperature_max_c")
    if low is not None and high is not None and low > high:
        faults.append(
            Fault(f"{pointer}/temperature_min_c", "out_of_range", describe(low), f"at most {high:g}", "Swap the two.")
        )
    return faults


def _row(day: Mapping[str, Any], source: str, issued_at: datetime) -> ForecastDay:
    def number(name: str) -> float | None:
        return None if day.get(name) is None else float(day[name])

    return ForecastDay(
        source=source,
        issued_at=issued_at,
        forecast_date=date.fromisoformat(day["date"]),
        rain_mm=number("rain_mm"),
        rain_probability_pct=number("rain_probability_pct"),
        temperature_min_c=number("temperature_min_c"),
        temperature_max_c=number("temperature_max_c"),
    )
