"""Weather forecasts, by message and by file."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ingest.decode.forecast import read_forecast
from ingest.decode.forecast_file import read_forecast_file
from ingest.errors import PayloadError
from ingest.site import BEICHEN
from tests.decode.conftest import NOON, Publish

TOPIC = "greensward/v1/beichen/tj-meteo/forecast"
ISSUED = "2026-07-02T05:00:00+08:00"


def document(**changes: Any) -> dict[str, Any]:
    day = {"date": "2026-07-02", "rain_mm": 12.5, "rain_probability_pct": 70}
    return {"schema": "greening.weather_forecast/1", "issued_at": ISSUED, "days": [day]} | changes


def test_a_forecast_becomes_a_row_a_day(publish: Publish) -> None:
    days = [{"date": "2026-07-02", "rain_mm": 12.5, "rain_probability_pct": 70}, {"date": "2026-07-03", "rain_mm": 0}]
    first, second = publish(TOPIC, document(days=days)).forecasts
    assert (first.source, first.issued_at) == ("tj-meteo", datetime(2026, 7, 1, 21, 0, tzinfo=UTC))
    assert (first.forecast_date, first.rain_mm, first.rain_probability_pct) == (date(2026, 7, 2), 12.5, 70.0)
    assert (second.rain_mm, second.rain_probability_pct, second.temperature_max_c) == (0.0, None, None)


def test_who_asks_for_an_answer_gets_one(publish: Publish) -> None:
    reply = publish(TOPIC, document(ack=1)).reply
    assert reply is not None
    assert json.loads(reply.payload)["rows"] == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"days": []}, ("/days", "too_few")),
        ({"issued_at": "today"}, ("/issued_at", "bad_instant")),
        ({"issued_at": "2026-07-09T00:00:00Z"}, ("/issued_at", "in_the_future")),
        ({"issued_at": "9999-12-31T23:59:59Z"}, ("/issued_at", "in_the_future")),
        ({"device_id": "other"}, ("/device_id", "identity_mismatch")),
        ({"days": [{"date": "2026-02-30", "rain_mm": 1}]}, ("/days/0/date", "bad_day")),
        ({"days": [{"date": "2026-07-01", "rain_mm": 1}]}, ("/days/0/date", "out_of_range")),
        ({"days": [{"date": "2026-08-02", "rain_mm": 1}]}, ("/days/0/date", "out_of_range")),
        ({"days": [{"date": "2026-07-02", "rain_mm": 1}] * 2}, ("/days/1/date", "measured_twice")),
        ({"days": [{"date": "2026-07-02", "rain_mm": -1}]}, ("/days/0/rain_mm", "out_of_range")),
        (
            {"days": [{"date": "2026-07-02", "rain_probability_pct": 101}]},
            ("/days/0/rain_probability_pct", "out_of_range"),
        ),
        (
            {"days": [{"date": "2026-07-02", "temperature_min_c": 30, "temperature_max_c": 20}]},
            ("/days/0/temperature_min_c", "out_of_range"),
        ),
    ],
)
def test_a_wrong_forecast_is_refused_as_a_whole_with_its_reason(
    publish: Publish, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    with pytest.raises(PayloadError) as refused:
        publish(TOPIC, document(**changes))
    assert expected in [(fault.pointer, fault.code) for fault in refused.value.faults]


def test_a_table_says_the_same_as_a_document() -> None:
    table = "日期,降雨量,降雨概率,tmin,tmax\n2026-07-02,12.5,70%,22,31\n2026-07-03,,,,33\n"
    days, faults = read_forecast(read_forecast_file(table.encode(), ISSUED), "file", NOON, BEICHEN)
    assert not faults
    assert [(day.rain_mm, day.rain_probability_pct, day.temperature_max_c) for day in days] == [
        (12.5, 70.0, 31.0),
        (None, None, 33.0),
    ]
    spoken = json.dumps(document()).encode()
    assert read_forecast(read_forecast_file(spoken, ISSUED), "file", NOON, BEICHEN)[0][0].rain_mm == 12.5


@pytest.mark.parametrize(
    "table",
    [b"", b"date,rein\n2026-07-02,1\n", b"rain_mm\n1\n", b"\xff\xfe", b"date,source\n2026-07-02,a\n2026-07-03,b\n"],
)
def test_what_is_no_forecast_is_refused(table: bytes) -> None:
    with pytest.raises(PayloadError) as refused:
        read_forecast_file(table, ISSUED)
    assert refused.value.faults[0].code == "not_a_forecast"


def test_a_wrong_column_is_answered_with_the_words_that_are_read_in_both_languages() -> None:
    with pytest.raises(PayloadError) as refused:
        read_forecast_file("日期,降雨\n2026-07-02,1\n".encode(), ISSUED)
    assert "date (日期)" in refused.value.faults[0].expected
    assert "rain_mm (降雨量)" in refused.value.faults[0].expected


def test_words_where_numbers_belong_are_named_by_their_day() -> None:
    _, faults = read_forecast(read_forecast_file(b"date,rain_mm\n2026-07-02,much\n", ISSUED), "file", NOON, BEICHEN)
    assert [(fault.pointer, fault.code) for fault in faults] == [("/days/0/rain_mm", "wrong_type")]
