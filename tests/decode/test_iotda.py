"""Huawei Cloud IoTDA: services with properties, of a device or of a gateway's sub-devices."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ingest.decode.context import DecodeContext
from ingest.decode.route import decode, refusal_reply
from ingest.errors import PayloadError
from ingest.observation import Message
from ingest.site import BEICHEN
from tests.decode.conftest import NOON, Publish

DEVICE = "5f05800b3b5c2a02b4_probe-7"
REPORT = f"$oc/devices/{DEVICE}/sys/properties/report"
GATEWAY = "$oc/devices/gateway-1/sys/gateway/sub_devices/properties/report"


def service(service_id: str = "soil", event_time: object = "20260702T020000Z", **properties: Any) -> dict[str, Any]:
    return {"service_id": service_id, "properties": properties, "event_time": event_time}


def test_a_report_is_a_row_of_its_event_time(publish: Publish) -> None:
    (row,) = publish(REPORT, {"services": [service(soil_moisture=23.6, soil_temperature=20.5)]}).soil
    assert (row.device_id, row.measured_at, row.time_source) == (DEVICE, NOON - timedelta(hours=2), "device")
    assert (row.volumetric_water_content, row.soil_temperature_c) == (0.236, 20.5)


@pytest.mark.parametrize("event_time", ["20260702T020000Z", "2026-07-02T02:00:00.000Z"])
def test_both_documented_forms_of_the_time_are_read(publish: Publish, event_time: str) -> None:
    (row,) = publish(REPORT, {"services": [service(event_time=event_time, soil_moisture=23.6)]}).soil
    assert row.measured_at == NOON - timedelta(hours=2)


def test_a_property_that_is_an_object_is_read_like_its_values(publish: Publish) -> None:
    probe = {"moisture": 23.6, "temperature": 20.5}
    (row,) = publish(REPORT, {"services": [service("field", soil=probe)]}).soil
    assert (row.volumetric_water_content, row.soil_temperature_c) == (0.236, 20.5)
    rows = publish(REPORT, {"services": [service("field", layers=[probe | {"depth_cm": 30}, probe])]}).soil
    assert [(row.depth_cm, row.channel, row.volumetric_water_content) for row in rows] == [
        (30, None, 0.236),
        (None, 2, 0.236),
    ]
    rows = publish(
        REPORT, {"services": [service("field", layers=[probe | {"depth_cm": 0}, probe | {"depth": 20}])]}
    ).soil
    assert [(row.depth_cm, row.channel) for row in rows] == [(0, None), (20, None)], "a probe may lie on the surface"


def test_a_service_named_soil_makes_its_temperature_the_soils(publish: Publish) -> None:
    (row,) = publish(REPORT, {"services": [service("soil", moisture=23.6, temperature=20.5)]}).soil
    assert (row.volumetric_water_content, row.soil_temperature_c) == (0.236, 20.5)
    (other,) = publish(REPORT, {"services": [service("cabinet", soil_moisture=23.6, temperature=45)]}).soil
    assert other.soil_temperature_c is None


def test_services_of_one_instant_are_one_row(publish: Publish) -> None:
    services = [service("moisture", soil_moisture=23.6), service("temperature", soil_temperature=20.5)]
    (row,) = publish(REPORT, {"services": services}).soil
    assert (row.volumetric_water_content, row.soil_temperature_c) == (0.236, 20.5)


def test_a_service_may_be_named_for_its_depth_or_channel(publish: Publish) -> None:
    services = [service("soil_10cm", moisture=23.6), service("30cm", moisture=28.1), service("ch2", moisture=30.0)]
    rows = publish(REPORT, {"services": services}).soil
    assert [(row.depth_cm, row.channel, row.volumetric_water_content) for row in rows] == [
        (10, None, 0.236),
        (30, None, 0.281),
        (None, 2, 0.3),
    ]


def test_two_services_that_nothing_tells_apart_are_not_mixed(publish: Publish) -> None:
    decoded = publish(REPORT, {"services": [service("upper", moisture=23.6), service("lower", moisture=28.1)]})
    assert [row.volumetric_water_content for row in decoded.soil] == [0.236]
    assert [part.faults[0].code for part in decoded.parts_refused] == ["measured_twice"]


def test_without_event_time_the_arrival_counts(publish: Publish) -> None:
    decoded = publish(f"{REPORT}?request_id=42", {"services": [service(event_time=None, soil_moisture=23.6)]})
    (row,) = decoded.soil
    assert (row.measured_at, row.time_source) == (NOON, "arrival")
    assert row.uplink_key is not None
    assert "/42/" in row.uplink_key


def test_a_wrong_time_costs_its_service_only(publish: Publish) -> None:
    services = [service(event_time="20260230T000000Z", soil_moisture=20), service(soil_moisture=23.6)]
    decoded = publish(REPORT, {"services": services})
    assert [part.faults[0].code for part in decoded.parts_refused] == ["bad_instant"]
    assert [row.volumetric_water_content for row in decoded.soil] == [0.236]


def test_a_gateway_reports_for_its_sub_devices(publish: Publish) -> None:
    devices = [
        {"device_id": "sub-1", "services": [service(soil_moisture=23.6)]},
        {"device_id": "sub/2", "services": [service(soil_moisture=23.6)]},
        {"device_id": "sub-3", "services": [service(soil_moisture=28.1), service(event_time="20260230T000000Z")]},
    ]
    decoded = publish(GATEWAY, {"devices": devices})
    assert [row.device_id for row in decoded.soil] == ["sub-1", "sub-3"]
    assert [(part.pointer, part.faults[0].code, part.device_id) for part in decoded.parts_refused] == [
        ("/devices/1", "bad_device_id", None),
        ("/devices/2/services/1", "bad_instant", "sub-3"),
    ]


@pytest.mark.parametrize(
    ("topic", "said", "code"),
    [
        (REPORT, {}, "wrong_type"),
        (REPORT, [], "wrong_type"),
        (REPORT, {"services": [service(Power=1)]}, "no_known_field"),
        (REPORT, {"services": [{"service_id": "soil"}]}, "wrong_type"),
        (REPORT, {"services": [service(event_time="20260704T020000Z", soil_moisture=20)]}, "in_the_future"),
        ("$oc/devices/d/sys/properties/get", {}, "unknown_topic"),
        (f"$oc/devices/{'d' * 65}/sys/properties/report", {}, "bad_device_id"),
    ],
)
def test_what_cannot_be_read_is_refused_and_not_answered_as_the_platform_does_not(
    topic: str, said: object, code: str
) -> None:
    message = Message(1, NOON, topic, json.dumps(said).encode())
    with pytest.raises(PayloadError) as caught:
        decode(message, DecodeContext(BEICHEN, {}))
    assert caught.value.faults[0].code == code
    assert refusal_reply(message, caught.value) is None


def test_of_a_known_model_a_second_value_of_a_field_is_refused_and_never_dropped_in_silence(publish: Publish) -> None:
    services = [service("probe1", water_SOIL=20.0, temp_SOIL=3.0), service("probe2", water_SOIL=30.0, temp_SOIL=3.0)]
    decoded = publish(REPORT, {"services": services}, models={DEVICE: "dragino/lse01"})
    assert [(row.model, row.volumetric_water_content) for row in decoded.soil] == [("dragino/lse01", 0.2)]
    (part,) = decoded.parts_refused
    assert (part.pointer, part.faults[0].code) == ("/services/1/properties/water_SOIL", "measured_twice")


def test_a_dev_eui_in_capitals_is_the_device_of_the_register(publish: Publish) -> None:
    sent = {"devices": [{"device_id": "A84041FFFF123456", "services": [service(soil_moisture=23.6)]}]}
    assert [row.device_id for row in publish(GATEWAY, sent).soil] == ["a84041ffff123456"]
