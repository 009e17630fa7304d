"""Uplinks whose fields are spelled otherwise than the maker's codec does, or lie a level deeper."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.errors import PayloadError
from ingest.observation import Decoded
from tests.decode.conftest import Publish
from tests.decode.lorawan import CHIRPSTACK, EUI, THINGS_STACK, chirpstack, things_stack

MOIST = {"volumetric_water_content": 0.214, "soil_temperature_c": 22.5, "bulk_ec_ds_m": 0.35}


def measured(publish: Publish, fields: dict[str, Any], model: str | None) -> list[dict[str, Any]]:
    """Return what an uplink says, without what it does not."""
    decoded = publish(CHIRPSTACK, chirpstack(fields), models={EUI: model} if model else {})
    assert decoded.parts_refused == ()
    return [{name: value for name in MOIST if (value := getattr(row, name)) is not None} for row in decoded.soil]


@pytest.mark.parametrize(
    "fields",
    [
        {"water_SOIL": "21.40", "temp_SOIL": "22.50", "conduct_SOIL": 350},
        {"WATER_SOIL": "21.4 %", "TEMP_SOIL": "22.5 °C", "CONDUCT_SOIL": "350 uS/cm"},
        {"water-soil": 21.4, "temp soil": 22.5, "conductSOIL": 350},
        {"data": {"water_SOIL": 21.4, "temp_SOIL": 22.5, "conduct_SOIL": 350}},
        {"BatV": 3.4, "Payload": {"Water_Soil": "21.4%", "Temp_Soil": 22.5, "Conduct_Soil": "0.35 dS/m"}},
    ],
    ids=["as the maker", "capitals and units", "other signs", "a level deeper", "deeper, beside the battery"],
)
@pytest.mark.parametrize("model", ["dragino/lse01", None], ids=["registered", "recognised"])
def test_a_known_family_is_read_however_its_fields_are_spelled(
    publish: Publish, fields: dict[str, Any], model: str | None
) -> None:
    assert measured(publish, fields, model) == [MOIST]


def test_what_the_model_has_under_its_own_name_goes_first(publish: Publish) -> None:
    fields = {"water_SOIL": 21.4, "WATER_SOIL": 99, "data": {"water_SOIL": 1, "temp_SOIL": 22.5}, "conduct_SOIL": 350}
    assert measured(publish, fields, "dragino/lse01") == [MOIST]


@pytest.mark.parametrize(
    "fields",
    [
        {"conduct_SOIL": 350, "threshold": {"water_SOIL": 30.0}},
        {"conduct_SOIL": 350, "config": {"water_SOIL": 30.0}},
        {"conduct_SOIL": 350, "data": {"water_SOIL": 20.0}, "payload": {"water_SOIL": 30.0}},
    ],
    ids=["a threshold", "a setting", "two say it"],
)
def test_a_limit_or_a_name_in_two_places_is_nobodys_measurement(publish: Publish, fields: dict[str, Any]) -> None:
    assert measured(publish, fields, "dragino/lse01") == [{"bulk_ec_ds_m": 0.35}]


@pytest.mark.parametrize(
    "fields",
    [
        {"soil": {"moisture": "21.4 %", "temperature": "22.5 °C", "ec": "350 uS/cm"}},
        {"data": {"soil_moisture": "21.4 %", "soil_temperature": 22.5, "soil_ec": "0.35 dS/m"}},
    ],
    ids=["in the soil", "in a wrapper"],
)
def test_a_model_that_nobody_knows_is_read_a_level_deeper_too(publish: Publish, fields: dict[str, Any]) -> None:
    decoded = publish(THINGS_STACK, things_stack(fields))
    (row,) = decoded.soil
    assert {name: getattr(row, name) for name in MOIST} == MOIST


@pytest.mark.parametrize("wrapper", [None, "data"])
def test_layers_of_a_list_lie_as_deep_as_they_say(publish: Publish, wrapper: str | None) -> None:
    layers = {"layers": [{"depth": 10, "moisture": 21.4}, {"depth": "20 cm", "moisture": 30, "temperature": -1.5}]}
    decoded = publish(CHIRPSTACK, chirpstack({wrapper: layers} if wrapper else layers))
    assert [(row.depth_cm, row.volumetric_water_content, row.soil_temperature_c) for row in decoded.soil] == [
        (10, 0.214, None),
        (20, 0.3, -1.5),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"log": [{"depth": 10, "time": "2026-07-01T00:00:00Z", "soil_moisture": 21.4}]},
        {"limits": [{"depth": 10, "soil_moisture": 21.4}]},
        {"layers": [{"soil_moisture": 21.4}, {"soil_moisture": 30}]},
    ],
    ids=["of another time", "limits", "nobody knows how deep"],
)
def test_other_lists_are_no_layers(publish: Publish, fields: dict[str, Any]) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(CHIRPSTACK, chirpstack(fields))
    assert caught.value.faults[0].code == "no_known_field"


PROBE_ON_ALINK, PROBE_ON_IOTDA = "a1ILGykZVhP.probe-7", "probe-7"
ALINK = "/sys/a1ILGykZVhP/probe-7/thing/event/property/post"
IOTDA = "$oc/devices/probe-7/sys/properties/report"


def reported(publish: Publish, topic: str, fields: dict[str, Any]) -> Decoded:
    if topic == ALINK:
        return publish(topic, {"id": "1", "params": fields}, models={PROBE_ON_ALINK: "dragino/lse01"})
    services = [{"service_id": "Probe", "properties": fields}]
    return publish(topic, {"services": services}, models={PROBE_ON_IOTDA: "dragino/lse01"})


@pytest.mark.parametrize("topic", [ALINK, IOTDA])
@pytest.mark.parametrize(
    "fields",
    [
        {"WaterSoil": 21.4, "TempSoil": "22.5 °C", "ConductSoil": "350"},
        {"data": {"WATER_SOIL": "21.4 %", "TEMP_SOIL": 22.5, "CONDUCT_SOIL": 350}, "config": {"water_SOIL": 40}},
    ],
    ids=["other capitals", "a level deeper, beside a limit"],
)
def test_platforms_in_china_may_spell_the_fields_as_well(publish: Publish, topic: str, fields: dict[str, Any]) -> None:
    (row,) = reported(publish, topic, fields).soil
    assert {name: getattr(row, name) for name in MOIST} == MOIST


def test_a_second_service_that_says_the_same_otherwise_is_refused_and_not_dropped(publish: Publish) -> None:
    services = [{"service_id": name, "properties": {"Water_Soil": value}} for name, value in (("A", 21.4), ("B", 30))]
    decoded = publish(IOTDA, {"services": services}, models={PROBE_ON_IOTDA: "dragino/lse01"})
    assert [row.volumetric_water_content for row in decoded.soil] == [0.214]
    assert [(part.pointer, part.faults[0].code) for part in decoded.parts_refused] == [
        ("/services/1/properties/Water_Soil", "measured_twice")
    ]


@pytest.mark.parametrize("topic", [ALINK, IOTDA])
def test_a_limit_that_a_platform_reports_is_nobodys_measurement(publish: Publish, topic: str) -> None:
    with pytest.raises(PayloadError) as caught:
        reported(publish, topic, {"Threshold": {"water_SOIL": 30}, "settings": {"temp_SOIL": 25}})
    assert caught.value.faults[0].code == "no_known_field"


@pytest.mark.parametrize("topic", [ALINK, IOTDA])
def test_records_with_times_are_not_taken_for_sensing_elements(publish: Publish, topic: str) -> None:
    records = [{"timestamp": 1782960000000, "soil_moisture": 18.2}, {"timestamp": 1782963600000, "soil_moisture": 19}]
    decoded = reported(publish, topic, {"records": records, "water_SOIL": 21.4})
    assert [row.volumetric_water_content for row in decoded.soil] == [0.214]
    assert [part.faults[0].code for part in decoded.parts_refused] == ["value_not_understood"]


def test_limits_of_an_unknown_model_are_no_measurements(publish: Publish) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(CHIRPSTACK, chirpstack({"limits": {"soil_moisture": "30 %"}, "config": {"soil_temperature": 25}}))
    assert caught.value.faults[0].code == "no_known_field"
