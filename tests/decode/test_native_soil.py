"""Native soil messages."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.decode.quantities import QUANTITIES, units_of
from ingest.decode.soil_message import read_without_fault
from ingest.errors import PayloadError
from ingest.observation import Decoded
from tests.decode.conftest import NOON, Publish

TOPIC = "greensward/v1/beichen/probe-0117/soil"
AT = "2026-07-02T11:10:00+08:00"
VWC = {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.183, "unit": "m3/m3"}


def single(*readings: object, **further: object) -> dict[str, object]:
    return {"schema": "greening.soil_reading/1", "measured_at": AT, "readings": list(readings), **further}


def reading(quantity: str, value: Any, unit: str, **further: object) -> dict[str, object]:
    return {"quantity": quantity, "value": value, "unit": unit, **further}


def parts(decoded: Decoded) -> list[tuple[str, list[str]]]:
    return [(part.pointer, [fault.code for fault in part.faults]) for part in decoded.parts_refused]


def refused(publish: Publish, payload: object, topic: str = TOPIC) -> PayloadError:
    with pytest.raises(PayloadError) as caught:
        publish(topic, payload)
    return caught.value


def codes(publish: Publish, payload: object, topic: str = TOPIC) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in refused(publish, payload, topic).faults]


def test_three_values_at_one_depth_are_one_row_and_the_battery_another(publish: Publish) -> None:
    decoded = publish(
        TOPIC,
        single(
            VWC,
            reading("soil_temperature", 21.4, "Cel", depth_cm=10),
            reading("bulk_ec", 0.42, "dS/m", depth_cm=10),
            device_id="probe-0117",
            seq=4711,
            battery_v=3.61,
            rssi_dbm=-91,
        ),
    )
    (row,) = decoded.soil
    assert (row.device_id, row.channel, row.depth_cm) == ("probe-0117", None, 10)
    assert row.measured_at == datetime(2026, 7, 2, 3, 10, tzinfo=UTC)
    assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0.183, 21.4, 0.42)
    assert (row.unit_received, row.time_source, row.device_seq) == ("m3/m3", "device", 4711)
    (status,) = decoded.status
    assert (status.battery_v, status.rssi_dbm, status.device_seq) == (3.61, -91, 4711)
    assert decoded.parts_refused == ()
    assert decoded.reply is None


def test_two_depths_are_two_rows(publish: Publish) -> None:
    decoded = publish(TOPIC, single(VWC, VWC | {"depth_cm": 30.5, "value": 0.25}))
    assert [(row.depth_cm, row.volumetric_water_content) for row in decoded.soil] == [(10, 0.183), (30.5, 0.25)]


def test_without_a_depth_the_channel_says_which_element(publish: Publish) -> None:
    decoded = publish(
        TOPIC,
        single(
            reading("volumetric_water_content", 0.2, "m3/m3"),
            reading("volumetric_water_content", 0.3, "m3/m3", channel=2),
        ),
    )
    assert [(row.channel, row.depth_cm) for row in decoded.soil] == [(1, None), (2, None)]


@pytest.mark.parametrize(
    ("quantity", "value", "unit", "column", "expected"),
    [
        ("volumetric_water_content", 18.3, "%", "volumetric_water_content", 0.183),
        ("volumetric_water_content", 57, "%", "volumetric_water_content", 0.57),
        ("volumetric_water_content", 1, "%", "volumetric_water_content", 0.01),
        ("volumetric_water_content", 1, "m3/m3", "volumetric_water_content", 1.0),
        ("volumetric_water_content", -0.02, "m3/m3", "volumetric_water_content", -0.02),
        ("soil_temperature", -3.5, "Cel", "soil_temperature_c", -3.5),
        ("soil_temperature", 14, "[degF]", "soil_temperature_c", -10),
        ("soil_temperature", 273.15, "K", "soil_temperature_c", 0),
        ("bulk_ec", 240, "uS/cm", "bulk_ec_ds_m", 0.24),
        ("bulk_ec", 24, "mS/m", "bulk_ec_ds_m", 0.24),
        ("bulk_ec", 0.024, "S/m", "bulk_ec_ds_m", 0.24),
        ("matric_potential", -33, "kPa", "matric_potential_kpa", -33),
        ("matric_potential", -1.5, "MPa", "matric_potential_kpa", -1500),
        ("matric_potential", -330, "hPa", "matric_potential_kpa", -33),
        ("raw_frequency", 1390, "kHz", "raw_frequency_khz", 1390),
        ("raw_frequency", 1_390_000, "Hz", "raw_frequency_khz", 1390),
        ("raw_counts", 2459, "1", "raw_counts", 2459),
    ],
)
def test_every_unit_comes_into_the_columns_own(
    publish: Publish, quantity: str, value: float, unit: str, column: str, expected: float
) -> None:
    (row,) = publish(TOPIC, single(reading(quantity, value, unit, depth_cm=10))).soil
    assert getattr(row, column) == pytest.approx(expected, abs=1e-12)
    others = {"volumetric_water_content", "soil_temperature_c", "bulk_ec_ds_m", "matric_potential_kpa"} - {column}
    assert all(getattr(row, other) is None for other in others)


@pytest.mark.parametrize(
    ("quantity", "value", "unit", "column", "expected"),
    [
        ("air_temperature", 24.1, "Cel", "air_temperature_c", 24.1),
        ("relative_humidity", 0.55, "1", "relative_humidity_pct", 55),
        ("rain_depth", 0.4, "mm", "rain_depth_mm", 0.4),
        ("rain_depth", 1, "[in_i]", "rain_depth_mm", 25.4),
        ("leaf_wetness", 80, "%", "leaf_wetness_pct", 80),
        ("wind_speed", 36, "km/h", "wind_speed_m_s", 10),
        ("air_pressure", 101325, "Pa", "air_pressure_kpa", 101.325),
        ("air_pressure", 1013.25, "hPa", "air_pressure_kpa", 101.325),
        ("solar_radiation", 800, "W/m2", "solar_radiation_w_m2", 800),
        ("solar_radiation", 2.88, "MJ/(m2.h)", "solar_radiation_w_m2", 800),
        ("solar_radiation", 21.6, "MJ/(m2.d)", "solar_radiation_w_m2", 250),
    ],
)
def test_what_is_above_the_ground_is_weather_and_never_soil(
    publish: Publish, quantity: str, value: float, unit: str, column: str, expected: float
) -> None:
    decoded = publish(TOPIC, single(reading(quantity, value, unit)))
    assert decoded.soil == ()
    assert getattr(decoded.weather[0], column) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("bad", "pointer", "code"),
    [
        (reading("volumetric_water_content", 18.3, "percent", depth_cm=30), "/unit", "unit_not_allowed"),
        (reading("volumetric_water_content", 1390, "kHz", depth_cm=30), "/unit", "unit_not_allowed"),
        (reading("volumetric_water_content", -33, "kPa", depth_cm=30), "/unit", "unit_not_allowed"),
        (reading("soil_temperature", 21, "°C", depth_cm=30), "/unit", "unit_not_allowed"),
        (reading("bulk_ec", 1, "DS/M", depth_cm=30), "/unit", "unit_not_allowed"),
        (reading("volumetric_water_content", 18.3, "m3/m3", depth_cm=30), "/value", "out_of_range"),
        (reading("volumetric_water_content", -99, "%", depth_cm=30), "/value", "out_of_range"),
        (reading("soil_temperature", 327.6, "Cel", depth_cm=30), "/value", "out_of_range"),
        (reading("matric_potential", 33, "kPa", depth_cm=30), "/value", "out_of_range"),
        (reading("relative_humidity", 100.5, "%"), "/value", "out_of_range"),
        (reading("soil_moisture", 0.2, "m3/m3"), "/quantity", "unknown_quantity"),
        (reading("volumetric_water_content", "0.183", "m3/m3", depth_cm=30), "/value", "wrong_type"),
        (VWC | {"value": True, "depth_cm": 30}, "/value", "wrong_type"),
        (reading("volumetric_water_content", None, "m3/m3", depth_cm=30), "/value", "wrong_type"),
        (reading("volumetric_water_content", 0.2, "m3/m3", depth_cm="30"), "/depth_cm", "wrong_type"),
        (reading("volumetric_water_content", 0.2, "m3/m3", depth_cm=-10), "/depth_cm", "out_of_range"),
        (reading("volumetric_water_content", 0.2, "m3/m3", channel=0), "/channel", "out_of_range"),
        (reading("volumetric_water_content", 0.2, "m3/m3", channel=1.5), "/channel", "wrong_type"),
        (reading("volumetric_water_content", 0.2, "m3/m3", channel=1, depth_cm=30), "/channel", "not_together"),
        ({"quantity": "bulk_ec", "unit": "dS/m"}, "/value", "missing"),
        (VWC | {"value": 0.2}, "", "measured_twice"),
        (17, "", "wrong_type"),
        (None, "", "wrong_type"),
        ([], "", "wrong_type"),
    ],
)
def test_a_wrong_reading_is_refused_alone(publish: Publish, bad: object, pointer: str, code: str) -> None:
    decoded = publish(TOPIC, single(VWC, bad, reading("soil_temperature", 21.4, "Cel", depth_cm=10)))
    (row,) = decoded.soil
    assert (row.volumetric_water_content, row.soil_temperature_c) == (0.183, 21.4)
    ((part, found),) = parts(decoded)
    assert (part, found) == ("/readings/1", [code])
    assert decoded.parts_refused[0].faults[0].pointer == f"/readings/1{pointer}"


@pytest.mark.parametrize("word", ["NaN", "nan", "-nan", "Infinity", "-inf", "INF"])
def test_a_reading_that_is_no_number_costs_no_other(publish: Publish, word: str) -> None:
    written = json.dumps(single(VWC, reading("volumetric_water_content", 777, "m3/m3", depth_cm=30), seq=7, note="nan"))
    decoded = publish(TOPIC, written.replace("777", word).encode())
    assert [(row.depth_cm, row.volumetric_water_content, row.device_seq) for row in decoded.soil] == [(10, 0.183, 7)]
    assert parts(decoded) == [("/readings/1", ["not_a_number"])]


def test_a_battery_that_is_no_number_costs_the_battery_alone(publish: Publish) -> None:
    decoded = publish(TOPIC, json.dumps(single(VWC, battery_v=777)).replace("777", "NaN").encode())
    assert (len(decoded.soil), parts(decoded)) == (1, [("/battery_v", ["not_a_number"])])


def test_nan_beside_what_is_no_strict_json_saves_nothing(publish: Publish) -> None:
    written = json.dumps(single(VWC, reading("bulk_ec", 777, "dS/m", depth_cm=30), seq=1)).replace("777", "NaN")
    assert codes(publish, (written[:-1] + ', "seq": 2}').encode()) == [("/seq", "duplicate_key")]
    assert codes(publish, (written[:-1] + ', "a": nano}').encode()) == [("", "not_a_number")]


@pytest.mark.parametrize(
    ("payload", "got", "advice"),
    [
        (gzip.compress(json.dumps(single(VWC)).encode()), "gzip", "Send the text itself, uncompressed."),
        (
            json.dumps(single(VWC)).encode() + b"\0",
            "a zero byte at the end",
            "Leave out the zero byte that ends a text in C.",
        ),
        (single(VWC) | {"measured_at": 1782940200}, "1782940200", "RFC 3339 with an offset, for example 2026"),
        (single(VWC | {"unit": "m³/m³"}), '"m³/m³"', "Write m3/m3."),
        (single(VWC | {"unit": "％"}), '"％"', "Write %."),
        (single(reading("soil_temperature", 21, "°C")), '"°C"', "Write Cel."),
        (single(VWC | {"unit": "furlong"}), '"furlong"', "Write one of these UCUM codes."),
        (single(VWC | {"value": None}), "null", "where there is none, leave the reading out."),
        (single(VWC | {"depth_cm": None}), "null", "where there is none, leave it out."),
    ],
)
def test_a_usual_mistake_is_named_with_its_mend(publish: Publish, payload: object, got: str, advice: str) -> None:
    (fault,) = refused(publish, payload).faults
    assert (fault.got, advice in fault.advice) == (got, True)


@pytest.mark.parametrize(("hours", "asked"), [(8, ["local time"]), (14, ["local time"]), (15, []), (24 * 365, [])])
def test_a_clock_ahead_by_an_offset_is_asked_whether_it_shows_local_time(
    publish: Publish, hours: int, asked: list[str]
) -> None:
    ahead = (NOON + timedelta(hours=hours)).isoformat()
    (fault,) = refused(publish, single(VWC) | {"measured_at": ahead}).faults
    assert fault.code == "in_the_future"
    assert re.findall("local time", fault.advice) == asked


def test_a_range_is_written_in_digits(publish: Publish) -> None:
    (fault,) = refused(publish, single(reading("matric_potential", 33, "kPa"))).faults
    assert fault.expected == "-1,000,000 to 0 kPa"


def test_one_reading_can_have_several_faults_and_all_are_told(publish: Publish) -> None:
    decoded = publish(TOPIC, single(VWC, {"quantity": "bulk_ec", "value": "x", "unit": "?", "depth_cm": -1}))
    ((pointer, found),) = parts(decoded)
    assert (pointer, sorted(found)) == ("/readings/1", ["out_of_range", "unit_not_allowed", "wrong_type"])


def test_the_same_value_twice_is_no_fault(publish: Publish) -> None:
    decoded = publish(TOPIC, single(VWC, VWC))
    assert len(decoded.soil) == 1
    assert decoded.parts_refused == ()


def test_a_message_of_wrong_readings_only_is_refused_with_every_fault(publish: Publish) -> None:
    payload = single(VWC | {"value": 18.3}, VWC | {"unit": "%%"}, VWC | {"value": "x"})
    assert set(codes(publish, payload)) == {
        ("/readings/0/value", "out_of_range"),
        ("/readings/1/unit", "unit_not_allowed"),
        ("/readings/2/value", "wrong_type"),
    }


def test_a_wrong_battery_does_not_cost_the_readings(publish: Publish) -> None:
    decoded = publish(TOPIC, single(VWC, battery_v="3.6 V", rssi_dbm=-91))
    assert parts(decoded) == [("/battery_v", ["wrong_type"])]
    assert (decoded.status[0].battery_v, decoded.status[0].rssi_dbm) == (None, -91)
    assert len(decoded.soil) == 1


WATER = "volumetric_water_content"


@pytest.mark.parametrize(
    ("payload", "advice"),
    [
        (single(VWC, battery_v=3610), "Volts are due. If it is millivolts, send 3.61."),
        (single(VWC, battery_v=101), "Send a number of at most 100."),
        (single(VWC, battery_v=-3.6), "Send a number of at least 0."),
        (single(VWC, battery_pct=361), "Send a number of at most 100."),
        (single(), "Put into readings what was measured; where nothing was, send no message."),
        (single(*[VWC] * 257), "Send the rest in further messages."),
        (single(reading(WATER, 18.3, "m3/m3")), "Is it in %? Then send that unit. Check value, unit and sign"),
        (single(reading("bulk_ec", 420, "dS/m")), "Is it in uS/cm or mS/m? Then send that unit."),
        (single(reading("soil_temperature", 294.5, "Cel")), "Is it in K? Then send that unit."),
        (single(reading(WATER, -9999, "m3/m3")), "Check value, unit and sign; leave the reading out"),
    ],
)  # fmt: skip
def test_advice_says_what_to_send_instead(publish: Publish, payload: object, advice: str) -> None:
    try:
        faults = [fault for part in publish(TOPIC, payload).parts_refused for fault in part.faults]
    except PayloadError as refusal:
        faults = list(refusal.faults)
    assert faults[0].advice.startswith(advice)


def test_a_batch_gives_rows_at_each_instant(publish: Publish) -> None:
    samples = [{"measured_at": f"2026-07-0{day}T08:00:00+08:00", "readings": [VWC]} for day in (1, 2)]
    decoded = publish(TOPIC, {"schema": "greening.soil_reading/1", "samples": samples, "seq": 5})
    assert [row.measured_at.day for row in decoded.soil] == [1, 2]
    assert decoded.status[0].reported_at == datetime(2026, 7, 2, tzinfo=UTC)


def test_a_wrong_sample_never_costs_its_batch(publish: Publish) -> None:
    samples: list[object] = [
        {"measured_at": "2026-07-01T08:00:00+08:00", "readings": [VWC, {"quantity": "bulk_ec"}]},
        {"measured_at": "2026-07-01T08:00:00", "readings": [VWC]},
        {"measured_at": "1970-01-01T00:00:00Z", "readings": [VWC]},
        {"measured_at": "2026-07-04T08:00:00+08:00", "readings": [VWC]},
        {"readings": [VWC]},
        "no sample",
        {"measured_at": "2026-07-02T08:00:00+08:00", "readings": []},
        {"measured_at": "2026-07-02T08:00:00+08:00", "readings": [VWC]},
    ]
    decoded = publish(TOPIC, {"schema": "greening.soil_reading/1", "samples": samples})
    assert [row.measured_at.day for row in decoded.soil] == [1, 2]
    assert dict(parts(decoded)) == {
        "/samples/0/readings/1": ["missing", "missing"],
        "/samples/1": ["bad_instant"],
        "/samples/2": ["before_2015"],
        "/samples/3": ["in_the_future"],
        "/samples/4": ["missing"],
        "/samples/5": ["wrong_type"],
        "/samples/6": ["too_few"],
    }


def test_a_month_old_reading_is_late_and_welcome(publish: Publish) -> None:
    (row,) = publish(TOPIC, single(VWC) | {"measured_at": "2026-06-01T08:00:00+08:00"}).soil
    assert row.quarantine is None


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (single(VWC, device_id="probe-0118"), [("/device_id", "identity_mismatch")]),
        (single(VWC) | {"schema": "greening.soil_reading/2"}, [("/schema", "value_not_allowed")]),
        (single(VWC) | {"measured_at": "2026-07-02T11:10:00"}, [("/measured_at", "bad_instant")]),
        (single(VWC) | {"measured_at": "1999-08-22T00:00:00Z"}, [("/measured_at", "before_2015")]),
        (single(VWC) | {"measured_at": "2026-07-04T12:00:00+08:00"}, [("/measured_at", "in_the_future")]),
        (single(VWC) | {"measured_at": None}, [("/measured_at", "wrong_type")]),
        (single(), [("/readings", "too_few")]),
        (single(VWC, seq=-1), [("/seq", "out_of_range")]),
        (single(VWC, seq=2**63), [("/seq", "out_of_range")]),
        (single(VWC, ack=2), [("/ack", "value_not_allowed")]),
        (single(VWC, ack=True), [("/ack", "value_not_allowed")]),
        ({"schema": "greening.soil_reading/1"}, [("/measured_at", "missing"), ("/readings", "missing")]),
        ([], [("", "wrong_type")]),
        ("text", [("", "wrong_type")]),
        (b'{"schema":1,"schema":2}', [("/schema", "duplicate_key")]),
        (b"\xef\xbb\xbf" + json.dumps(single(VWC)).encode(), [("", "byte_order_mark")]),
        (json.dumps(single(VWC)).encode("utf-16"), [("", "not_utf8")]),
        (json.dumps(single(VWC)).encode() + b" " * 65_536, [("", "too_large")]),
        (json.dumps(single(VWC)).replace("0.183", "NaN").encode(), [("/readings/0/value", "not_a_number")]),
        (json.dumps(single(VWC)).replace("0.183", "1e400").encode(), [("/readings/0/value", "number_too_large")]),
    ],
)
def test_a_message_that_is_wrong_as_a_whole_is_refused(
    publish: Publish, payload: object, expected: list[tuple[str, str]]
) -> None:
    assert codes(publish, payload) == expected


def test_every_fault_of_a_refused_message_is_told_at_once(publish: Publish) -> None:
    payload = single({"quantity": "bulk_ec"}, device_id="other", seq="7") | {"measured_at": "yesterday"}
    assert set(codes(publish, payload)) == {
        ("/seq", "wrong_type"),
        ("/readings/0/value", "missing"),
        ("/readings/0/unit", "missing"),
        ("/device_id", "identity_mismatch"),
        ("/measured_at", "bad_instant"),
    }


def test_what_a_schema_cannot_see_is_told_too_when_the_message_is_refused(publish: Publish) -> None:
    dry, hot = reading("volumetric_water_content", 9, "m3/m3"), reading("soil_temperature", "x", "Cel")
    ahead = {"measured_at": "2026-07-09T11:10:00+08:00"}
    assert set(codes(publish, single(dry, hot, VWC) | ahead)) == {
        ("/measured_at", "in_the_future"),
        ("/readings/0/value", "out_of_range"),
        ("/readings/1/value", "wrong_type"),
    }
    samples = [
        {"measured_at": "nope", "readings": [dry]},
        {"readings": [reading("bulk_ec", 1, "kPa"), VWC]},
        ahead | {"readings": [VWC]},
        7,
    ]
    message = {"schema": "greening.soil_reading/2", "device_id": "other", "samples": samples}
    assert set(codes(publish, message)) == {
        ("/schema", "value_not_allowed"),
        ("/device_id", "identity_mismatch"),
        ("/samples/0/measured_at", "bad_instant"),
        ("/samples/0/readings/0/value", "out_of_range"),
        ("/samples/1/measured_at", "missing"),
        ("/samples/1/readings/0/unit", "unit_not_allowed"),
        ("/samples/2/measured_at", "in_the_future"),
        ("/samples/3", "wrong_type"),
    }


@pytest.mark.parametrize("quantity", sorted(QUANTITIES))
def test_both_ways_of_reading_take_the_same_quantities(publish: Publish, quantity: str) -> None:
    unit = units_of(quantity)[0]
    value = 0.0 if quantity == "matric_potential" else 1.0
    outcomes = []
    for slow in ({}, {"colour": "green"}):
        try:
            decoded = publish(TOPIC, single(reading(quantity, value, unit), VWC | {"depth_cm": 30}, **slow))
            outcomes.append((len(decoded.soil), len(decoded.weather), parts(decoded)))
        except PayloadError as error:
            outcomes.append((0, 0, [(fault.pointer, [fault.code]) for fault in error.faults]))
    assert outcomes[0] == outcomes[1]
    is_status = QUANTITIES[quantity].kind == "status"
    assert (outcomes[0][2] == [("/readings/0", ["unknown_quantity"])]) is is_status
    if is_status:
        assert codes(publish, single(reading(quantity, value, unit))) == [("/readings/0/quantity", "unknown_quantity")]


def test_samples_cannot_stand_beside_readings(publish: Publish) -> None:
    payload = single(VWC, samples=[{"measured_at": AT, "readings": [VWC]}])
    assert set(codes(publish, payload)) == {("/measured_at", "not_together"), ("/readings", "not_together")}


@pytest.mark.parametrize(
    "twice", ['"value":0.183,"value":0.01', '"value":0.183,"value" :0.01', '"v\\u0061lue":0.183,"value":0.01']
)
def test_a_value_given_twice_is_no_value(publish: Publish, twice: str) -> None:
    payload = json.dumps(single(VWC), separators=(",", ":")).replace('"value":0.183', twice)
    assert codes(publish, payload.encode()) == [("/readings/0/value", "duplicate_key")]


def test_keys_that_nobody_described_are_ignored_but_not_their_duplicates(publish: Publish) -> None:
    assert len(publish(TOPIC, single(VWC, colour="green", note='":')).soil) == 1
    assert codes(publish, json.dumps(single(VWC))[:-1].encode() + b',"x":1,"x":2}') == [("/x", "duplicate_key")]
    assert codes(publish, json.dumps(single(VWC))[:-1].encode() + b',"x":1e999}') == [("/x", "number_too_large")]


def test_a_whole_number_may_be_written_with_a_point(publish: Publish) -> None:
    for colour in ({}, {"colour": "green"}):
        decoded = publish(TOPIC, single(VWC | {"depth_cm": 10.0}, seq=5.0, battery_v=3, **colour))
        assert type(decoded.soil[0].device_seq) is type(decoded.status[0].device_seq) is int
        assert type(decoded.soil[0].depth_cm) is float
    (row,) = publish(TOPIC, single(reading("volumetric_water_content", 0.2, "m3/m3", channel=2.0))).soil
    assert type(row.channel) is int


def test_a_good_message_never_needs_the_slow_way() -> None:
    good = single(VWC, device_id="probe-0117", seq=1, battery_v=3.6, battery_pct=80, rssi_dbm=-90, ack=1)
    assert read_without_fault(json.dumps(good).encode()) is not None
    assert read_without_fault(json.dumps(good, indent=2).encode()) is not None
    batch = {"schema": "greening.soil_reading/1", "samples": [{"measured_at": AT, "readings": [VWC, VWC]}] * 3}
    assert read_without_fault(json.dumps(batch).encode()) is not None


def test_who_asks_for_an_answer_gets_one(publish: Publish) -> None:
    reply = publish(TOPIC, single(VWC, ack=1, seq=3)).reply
    assert reply is not None
    assert reply.topic == "greensward/v1/beichen/probe-0117/reply"
    said = json.loads(reply.payload)
    assert (said["accepted"], said["rows"], said["faults"]) == (True, 2, [])


def test_who_sent_something_wrong_gets_every_fault_unasked(publish: Publish) -> None:
    reply = publish(TOPIC, single(VWC, {"quantity": "bulk_ec", "value": 1, "unit": "S"})).reply
    assert reply is not None
    (fault,) = json.loads(reply.payload)["faults"]
    assert (fault["pointer"], fault["code"]) == ("/readings/1/unit", "unit_not_allowed")
    assert "dS/m" in fault["expected"]


def test_a_refused_device_is_still_named(publish: Publish) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(TOPIC, b"{")
    assert caught.value.device_id == "probe-0117"


def test_a_dev_eui_in_capitals_is_the_device_of_the_register(publish: Publish) -> None:
    decoded = publish(TOPIC.replace("probe-0117", "A84041FFFF123456"), single(VWC, ack=1, device_id="A84041FFFF123456"))
    assert decoded.device_id == "a84041ffff123456"
    assert {row.device_id for row in decoded.soil} == {"a84041ffff123456"}
    assert decoded.reply is not None
    assert decoded.reply.topic == "greensward/v1/beichen/A84041FFFF123456/reply"
