"""Whose clock counts when the device sends its own time with a reading."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from ingest.decode.device_models import Clock, Model, all_models
from ingest.decode.uplink import decode_uplink_of
from ingest.decode.uplink_message import Uplink
from ingest.observation import Decoded

HEARD_AT = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)


def with_clock(kind: str) -> Model:
    return dataclasses.replace(all_models()["milesight-iot/em500-smtc"], time=Clock("at", kind))


def decoded_at(at: object, kind: str = "rfc3339") -> Decoded:
    uplink = Uplink(
        device_id="a84041000181f0c1",
        heard_at=HEARD_AT,
        key="k",
        names=(),
        fields={"moisture": 20, "at": at},
        fields_pointer="/object",
        data=b"",
        data_pointer="/data",
        f_port=85,
        seq=1,
    )
    return decode_uplink_of(uplink, with_clock(kind), HEARD_AT + timedelta(seconds=1))


@pytest.mark.parametrize("kind", ["rfc3339", "unix_s"])
def test_the_devices_own_time_comes_before_the_networks(kind: str) -> None:
    measured_at = HEARD_AT - timedelta(hours=3)
    at: object = measured_at.isoformat() if kind == "rfc3339" else int(measured_at.timestamp())
    decoded = decoded_at(at, kind)
    (row,) = decoded.soil
    assert (row.measured_at, row.time_source, row.quarantine) == (measured_at, "device", None)
    assert decoded.status[0].reported_at == HEARD_AT


@pytest.mark.parametrize(("hours", "apart"), [(24, False), (24.001, True), (720, True)])
def test_clocks_more_than_a_day_apart_set_the_reading_aside(hours: float, apart: object) -> None:
    (row,) = decoded_at((HEARD_AT - timedelta(hours=hours)).isoformat()).soil
    assert (row.quarantine is not None) is apart
    if row.quarantine is not None:
        assert row.quarantine.startswith("clocks_apart: ")


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("1970-01-01T00:00:00Z", "before_2015"),
        ("2026-07-04T04:00:00Z", "in_the_future"),
        ("2026-07-02T04:00:00", "bad_instant"),
        ("", "bad_instant"),
    ],
)
def test_an_impossible_device_time_costs_the_reading_and_says_so(at: object, code: str) -> None:
    decoded = decoded_at(at)
    assert decoded.soil == ()
    assert [(part.pointer, part.faults[0].pointer, part.faults[0].code) for part in decoded.parts_refused] == [
        ("/object", "/object/at", code)
    ]


def test_a_device_that_says_no_time_counts_from_the_networks() -> None:
    (row,) = decoded_at(None).soil
    assert (row.measured_at, row.time_source) == (HEARD_AT, "network")
