"""Days and instants as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ingest.registers.instants import parse_day, parse_instant

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-01", datetime(2026, 5, 31, 16, tzinfo=UTC)),
        ("2026/6/1", datetime(2026, 5, 31, 16, tzinfo=UTC)),
        ("2026年6月1日", datetime(2026, 5, 31, 16, tzinfo=UTC)),
        ("2026-06-01 08:30", datetime(2026, 6, 1, 0, 30, tzinfo=UTC)),
        ("2026-06-01T08:30:00+08:00", datetime(2026, 6, 1, 0, 30, tzinfo=UTC)),
        ("2026-06-01T08:30:00.25Z", datetime(2026, 6, 1, 8, 30, 0, 250_000, tzinfo=UTC)),
        ("2026-06-01T08:30:00-03:30", datetime(2026, 6, 1, 12, 0, tzinfo=UTC)),
    ],
)
def test_what_people_write_is_read_by_the_clock_of_the_site(text: str, expected: datetime) -> None:
    assert parse_instant(text, SHANGHAI) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-W23-1",
        "20260601",
        "2026-13-01",
        "2026-02-29",
        "2026-06-01 25:00",
        "2026-06-01T08:30+99:99",
        "1026-06-01",
        "2026-06-01 08:30 Uhr",
        "２０２６-06-01",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_instant(text, SHANGHAI)


def test_a_day_may_carry_midnight_and_no_other_clock() -> None:
    assert parse_day("2024-03-05T00:00:00") == date(2024, 3, 5)
    with pytest.raises(ValueError, match="2026-06-01"):
        parse_day("2024-03-05 10:00")
