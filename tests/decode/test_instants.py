"""Instants on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.decode.instants import check_measured_at, parse_instant, parse_unix_s
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
