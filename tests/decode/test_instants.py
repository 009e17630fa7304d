"""Instants on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from ingest.decode.instants import check_measured_at, parse_clock, parse_instant, parse_unix_s
from ingest.errors import PayloadError

NOON = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-02T05:10:00+08:00", datetime(2026, 7, 1, 21, 10, tzinfo=UTC)),
        ("2026-07-02T05:10:00Z", datetime(2026, 7, 2, 5, 10, tzinfo=UTC)),
        ("2026-07-02t05:10:00z", datetime(2026, 7, 2, 5, 10, tzinfo=UTC)),
        ("2026-07-02T05:10:00-00:00", datetime(2026, 7, 2, 5, 10, tzinfo=UTC)),
        ("2022-07-18T09:34:15.775023999+00:00", datetime(2022, 7, 18, 9, 34, 15, 775023, tzinfo=UTC)),
        ("2022-07-18T09:34:15.7Z", datetime(2022, 7, 18, 9, 34, 15, 700000, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2017-01-01T07:59:60.25+08:00", datetime(2017, 1, 1, 0, 0, 0, 250000, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_an_rfc_3339_instant_is_read_to_the_microsecond(text: str, expected: datetime) -> None:
    read = parse_instant(text)
    assert read == expected
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-02T05:10:00",
        "2026-07-02 05:10:00Z",
        "2026-07-02",
        "2026-W27-4T05:10:00Z",
        "20260702T051000Z",
        "2026-07-02T05:10Z",
        "2026-07-02T24:00:00Z",
        "2026-07-02T05:60:00Z",
        "2026-07-02T05:10:00+0800",
        "2026-07-02T05:10:00+08",
        "2026-07-02T05:10:00+24:00",
        "2026-07-02T05:10:00,5Z",
        "2026-07-02T05:10:00.Z",
        "2026-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2026-07-01T23:59:60Z",
        "2026-06-30T12:00:60Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:60-10:00",
        "２026-07-02T05:10:00Z",
        "2026-07-02T05:10:00Z\n",
        " 2026-07-02T05:10:00Z",
        "1782940200",
        "",
        1782940200,
        None,
        True,
    ],
)
def test_anything_looser_than_rfc_3339_is_refused(text: object) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_instant(text, "/measured_at")
    assert [(fault.pointer, fault.code) for fault in caught.value.faults] == [("/measured_at", "bad_instant")]


@pytest.mark.parametrize("seconds", [True, "1", None, float("nan"), 1e300, -(10**30), [1]])
def test_a_unix_time_that_no_calendar_holds_is_refused(seconds: object) -> None:
    with pytest.raises(PayloadError):
        parse_unix_s(seconds)


def test_a_unix_time_is_an_instant() -> None:
    assert parse_unix_s(1684741625) == datetime(2023, 5, 22, 7, 47, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "code"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), "before_2015"),
        (datetime(2000, 1, 1, tzinfo=UTC), "before_2015"),
        # A GPS week counter of ten bits began anew: 1,024 weeks before a day of July 2026.
        (NOON - timedelta(weeks=1024), "before_2015"),
        (datetime(2014, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), "before_2015"),
        (datetime(2015, 1, 1, tzinfo=UTC), None),
        (NOON - timedelta(days=30), None),
        (NOON + timedelta(minutes=10), None),
        (NOON + timedelta(minutes=10, microseconds=1), "in_the_future"),
        (NOON + timedelta(days=2), "in_the_future"),
        (datetime(2100, 1, 1, tzinfo=UTC), "in_the_future"),
    ],
)
def test_a_clock_that_was_never_set_or_runs_ahead_is_noticed(instant: datetime, code: str | None) -> None:
    fault = check_measured_at(instant, NOON)
    assert (fault.code if fault else None) == code


TEN = NOON - timedelta(hours=2)
TEN_S, THIRTY_DAYS_S = 1782957600, 30 * 86_400


@pytest.mark.parametrize("unit", ["s", "ms"])
@pytest.mark.parametrize("given", [TEN_S, TEN_S * 1000, str(TEN_S), str(TEN_S * 1000), "2026-07-02T10:00:00+08:00"])
def test_a_clock_is_read_however_the_firmware_writes_it(given: object, unit: Literal["s", "ms"]) -> None:
    assert parse_clock(given, unit, NOON) == TEN


def test_a_clock_in_milliseconds_that_was_never_set_does_not_become_a_day_of_long_ago() -> None:
    """Three weeks after it was switched on it says what would be seconds of 2024, or, for 43 minutes, of this month."""
    edge_s = TEN_S + 7200 - THIRTY_DAYS_S
    assert parse_clock(edge_s, "ms", NOON) == NOON - timedelta(days=30)
    assert parse_clock(edge_s - 1, "ms", NOON).year == 1970
    assert parse_clock(TEN_S + 7200 + 601, "ms", NOON).year == 1970


@pytest.mark.parametrize("given", ["10:00", "2026-07-02 10:00:00", "", "-5", True, None, {}, "9" * 21])
def test_what_is_no_time_is_refused(given: object) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_clock(given, "ms", NOON)
    assert caught.value.faults[0].code == "bad_instant"
