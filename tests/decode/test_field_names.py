"""What field names of an unknown model say, and which of two is believed."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.decode.field_names import read_name
from ingest.errors import PayloadError
from tests.decode.conftest import Publish
from tests.decode.lorawan import CHIRPSTACK, chirpstack

WATER, TEMPERATURE, EC = "volumetric_water_content", "soil_temperature", "bulk_ec"


@pytest.mark.parametrize(
    ("name", "quantity", "unit"),
    [
        ("soil_moisture_pct", WATER, "%"),
        ("soilMoisturePercent", WATER, "%"),
        ("Soil Moisture (%)", WATER, "%"),
        ("soil_moisture_m3_m3", WATER, "m3/m3"),
        ("vwc_fraction", WATER, "m3/m3"),
        ("VWC (m³/m³)", WATER, "m3/m3"),
        ("soil_temperature_c", TEMPERATURE, "Cel"),
        ("soilTempF", TEMPERATURE, "[degF]"),
        ("Soil Temperature [°C]", TEMPERATURE, "Cel"),
        ("soil_ec_us_cm", EC, "uS/cm"),
        ("Soil EC (uS/cm)", EC, "uS/cm"),
        ("土壤水分", WATER, None),
        ("土壤含水率(%)", WATER, "%"),
        ("土壤温度（℃）", TEMPERATURE, "Cel"),
        ("土壤电导率(μS/cm)", EC, "uS/cm"),
        ("soil.moisture", WATER, None),
        ("soil/humidity", WATER, None),
        ("土壤/温度", TEMPERATURE, None),
        ("air_temperature_c", "air_temperature", "Cel"),
    ],
)
def test_a_unit_may_stand_in_a_name(name: str, quantity: str, unit: str | None) -> None:
    named = read_name(name)
    assert named is not None
    assert (named.quantity, named.unit, named.depth_cm, named.channel) == (quantity, unit, None, None)


@pytest.mark.parametrize(
    ("name", "depth_cm", "channel"),
    [
        ("soil_moisture_10cm", 10, None),
        ("10cm_soil_moisture", 10, None),
        ("soil_10cm_moisture", 10, None),
        ("soilMoisture7.5cm", 7.5, None),
        ("soil_moisture_10cm_pct", 10, None),
        ("soil_moisture (20 cm)", 20, None),
        ("土壤水分20cm", 20, None),
        ("20厘米土壤湿度", 20, None),
        ("30cm/soil_moisture_10cm", 10, None),
        ("soil_moisture_2_pct", None, 2),
        ("soil2_moisture", None, 2),
        ("土壤水分(2)", None, 2),
        ("soil_moisture_01", None, 1),
    ],
)
def test_a_depth_or_channel_may_stand_in_a_name(name: str, depth_cm: float | None, channel: int | None) -> None:
    named = read_name(name)
    assert named is not None
    assert (named.quantity, named.depth_cm, named.channel) == (WATER, depth_cm, channel)


@pytest.mark.parametrize(
    "name",
    [
        "soil_moisture_mv",
        "soil_moisture_raw",
        "soil_moisture (mV)",
        "soil_moisture (raw)",
        "soil_moisture_c",
        "soil_moisture_0",
        "soil_moisture_100",
        "10cm_soil_moisture_20cm",
        "soil_moisture (%) (%)",
        "soil_temperature_pct",
        "土壤相对湿度",
        "空气湿度",
        "humidity_pct",
        "ch2/humidity",
        "soil_moisture_10cm_raw",
    ],
)
def test_a_name_that_says_something_else_says_nothing(name: str) -> None:
    assert read_name(name) is None


def values(publish: Publish, fields: dict[str, Any]) -> list[tuple[float | None, int | None, float | None]]:
    decoded = publish(CHIRPSTACK, chirpstack(fields))
    assert decoded.parts_refused == ()
    return [(row.depth_cm, row.channel, row.volumetric_water_content) for row in decoded.soil]


@pytest.mark.parametrize(
    "fields",
    [
        {"soil_moisture_pct": 0.8},
        {"soil_moisture": {"value": 0.8, "units": "%"}},
        {"soil_moisture": 0.8, "soil_moisture_unit": "%"},
        {"soilMoisture": 0.8, "soilMoistureUnit": "%"},
        {"soil_moisture_pct": {"value": 0.008, "unit": "m3/m3"}},
        {"土壤水分": "０.８％"},
    ],
    ids=["in the name", "units", "a field beside", "in capitals", "that of the value goes first", "wide figures"],
)
def test_eight_tenths_of_a_percent_are_not_eighty_percent(publish: Publish, fields: dict[str, Any]) -> None:
    assert values(publish, fields) == [(None, 1, 0.008)]


@pytest.mark.parametrize("turned", [False, True], ids=["first", "last"])
@pytest.mark.parametrize(
    ("fields", "water"),
    [
        ({"VWC": 15, "SoilMoisture": 51}, 0.15),
        ({"VWC": 0.15, "SoilMoisture": 51}, 0.15),
        ({"soil_moisture": 22.5, "moisture": 60}, 0.225),
        ({"土壤含水率": 22.5, "土壤湿度": 60}, 0.225),
    ],
)
def test_water_by_volume_is_believed_before_a_moisture_in_whatever_order(
    publish: Publish, fields: dict[str, Any], water: float, *, turned: bool
) -> None:
    surer, other = fields
    decoded = publish(CHIRPSTACK, chirpstack({name: fields[name] for name in ([other, surer] if turned else fields)}))
    assert [row.volumetric_water_content for row in decoded.soil] == [water]
    assert [(part.pointer, part.faults[0].code) for part in decoded.parts_refused] == [
        (f"/object/{other}", "measured_twice")
    ]


def test_a_moisture_is_read_where_the_water_by_volume_has_no_value(publish: Publish) -> None:
    assert values(publish, {"VWC": None, "soil_moisture": 22.5}) == [(None, 1, 0.225)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"payload": {"data": {"soil": {"moisture": 18.2}}}}, [(None, 1, 0.182)]),
        ({"data": [{"soil_moisture": 18.2}]}, [(None, 1, 0.182)]),
        ({"soil_10cm": {"moisture": 18.2}, "soil_20cm": {"moisture": 20}}, [(10, None, 0.182), (20, None, 0.2)]),
        (
            {
                "sensors": [
                    {"type": "soil_moisture", "value": 18.2, "unit": "%", "depth": 10},
                    {"type": "soil_moisture", "value": "20", "unit": "%", "depth": "20 cm"},
                ]
            },
            [(10, None, 0.182), (20, None, 0.2)],
        ),
        (
            {"sensors": [{"type": "soil_moisture", "value": 18.2}, {"type": "soil_moisture", "value": 20}]},
            [(None, 1, 0.182), (None, 2, 0.2)],
        ),
        ({"sensors": [{"type": "soil_moisture", "value": 18.2, "channel": 3}]}, [(None, 3, 0.182)]),
        ({"data": [{"name": "土壤水分", "value": "0.8", "unit": "%"}]}, [(None, 1, 0.008)]),
        ({"soil_moisture": [18.2, "20 %"]}, [(None, 1, 0.182), (None, 2, 0.2)]),
        ({"土壤水分(%)": [0.9, 20]}, [(None, 1, 0.009), (None, 2, 0.2)]),
        ({"data": {"soil": {"moisture": [18.2, None, 20]}}}, [(None, 1, 0.182), (None, 3, 0.2)]),
        ({"depths": [10, 30], "soil_moisture": [18.2, 20]}, [(10, None, 0.182), (30, None, 0.2)]),
        ({"depths": [10], "soil_moisture": [18.2, 20]}, [(None, 1, 0.182), (None, 2, 0.2)]),
        ({"list": [{"flag": "SOILHUMI8", "value": 45.6}, {"flag": "TEMP8", "value": 28.8}]}, [(None, 8, 0.456)]),
    ],
    ids=[
        "four levels",
        "a list of one",
        "places",
        "types with depths",
        "types alone",
        "with a channel",
        "names",
        "a list",
        "a list with its unit",
        "a list that lies deeper",
        "with depths",
        "with other depths",
        "flags",
    ],
)
def test_values_that_lie_deeper_are_found(
    publish: Publish, fields: dict[str, Any], expected: list[tuple[float | None, int | None, float]]
) -> None:
    assert values(publish, fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"soil_threshold": {"moisture": 30}},
        {"soilAlarm": {"moisture": 30}},
        {"alarms": [{"type": "soil_moisture", "value": 30}]},
        {"data": {"soil_limits": {"moisture": 30}}},
        {"data": [{"soil_moisture": 20}, {"soil_moisture": 30}]},
        {"data": {"soil_moisture": 20}, "payload": {"soil_moisture": 30}},
        {"layers": [{"depth": 0.1, "moisture": 20}, {"depth": 0.3, "moisture": 30}]},
        {"log": [{"type": "soil_moisture", "value": 30, "time": "2026-07-01T00:00:00Z"}]},
    ],
    ids=[
        "a threshold",
        "an alarm",
        "a list of alarms",
        "limits in a wrapper",
        "records",
        "two wrappers",
        "metres",
        "of another time",
    ],
)
def test_what_nobody_measured_now_is_no_reading(publish: Publish, fields: dict[str, Any]) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(CHIRPSTACK, chirpstack(fields))
    assert {fault.code for fault in caught.value.faults} == {"no_known_field"}


@pytest.mark.parametrize(
    ("fields", "water"),
    [
        ({"soil_moisture_raw": 1500, "soil_moisture": 0.23}, 0.23),
        ({"soil_vwc": 0.23, "soil_temp": 18, "volt": 3.6}, 0.23),
        ({"soil_vwc": 0.23, "soil_temp": 18, "soil_ec": "0.3 dS/m"}, 0.23),
        ({"sensorVoltage": 1500, "vwc": 0.23}, 0.23),
        ({"soil_moisture": 23, "soil_resistance": 5000}, 0.23),
    ],
    ids=["TEKTELIC", "Netvox R718PB", "Netvox RA07", "Senzemo", "Cital"],
)
def test_common_words_are_not_taken_for_a_makers_own(publish: Publish, fields: dict[str, Any], water: float) -> None:
    (row,) = publish(CHIRPSTACK, chirpstack(fields)).soil
    assert (row.model, row.volumetric_water_content) == (None, water)
    assert (row.raw_frequency_khz, row.matric_potential_kpa) == (None, None)
