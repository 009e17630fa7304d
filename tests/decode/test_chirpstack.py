"""ChirpStack events."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.errors import PayloadError
from tests.decode.conftest import NOON, Publish
from tests.decode.lorawan import CHIRPSTACK, EUI, chirpstack

WET = {"water_SOIL": "19.57", "temp_SOIL": "24.59", "conduct_SOIL": 282, "Bat": 3.6}


def codes(publish: Publish, payload: object, topic: str = CHIRPSTACK) -> list[tuple[str, str]]:
    with pytest.raises(PayloadError) as caught:
        publish(topic, payload)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_a_decoded_uplink_is_a_row_and_a_status(publish: Publish) -> None:
    decoded = publish(CHIRPSTACK, chirpstack(WET, fCnt=20))
    (row,), (status,) = decoded.soil, decoded.status
    assert decoded.device_id == row.device_id == EUI
    assert (row.channel, row.depth_cm, row.model) == (1, None, "dragino/lse01")
    assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0.1957, 24.59, 0.282)
    assert row.measured_at == datetime(2026, 7, 2, 3, 50, 0, 123456, tzinfo=UTC)
    assert (row.time_source, row.unit_received, row.device_seq) == ("network", "%", 20)
    assert row.uplink_key == f"chirpstack/{EUI}/3ac7e3c4-4401-4b8d-9386-a5c902f9202d"
    assert (status.battery_v, status.rssi_dbm, status.snr_db) == (3.6, -87, 7.25)


def test_a_counter_that_is_left_out_is_zero(publish: Publish) -> None:
    assert publish(CHIRPSTACK, chirpstack(WET)).soil[0].device_seq == 0


def test_without_a_deduplication_id_session_counter_and_payload_tell_uplinks_apart(publish: Publish) -> None:
    def key(**further: Any) -> str | None:
        event = chirpstack(WET, **further)
        del event["deduplicationId"]
        return publish(CHIRPSTACK, event).soil[0].uplink_key

    keys = [key(fCnt=1), key(fCnt=2), key(fCnt=1, devAddr="00189441"), key(fCnt=1, data=b"\xaa")]
    assert len(set(keys)) == 4
    assert key(fCnt=1) == keys[0]


def test_the_dev_eui_is_compared_without_regard_to_case(publish: Publish) -> None:
    event = chirpstack(WET, deviceInfo={"devEui": EUI.upper()})
    assert publish(CHIRPSTACK, event).device_id == EUI


@pytest.mark.parametrize("kind", ["join", "ack", "txack", "status", "log", "location", "integration"])
def test_other_events_have_no_rows_and_say_why(publish: Publish, kind: str) -> None:
    decoded = publish(CHIRPSTACK.replace("/up", f"/{kind}"), {})
    assert decoded.ignored == f"chirpstack_{kind}"
    assert decoded.device_id == EUI


def test_an_uplink_without_a_payload_is_ignored(publish: Publish) -> None:
    assert publish(CHIRPSTACK, chirpstack()).ignored == "empty_uplink"


@pytest.mark.parametrize("said", [True, "true"])
def test_a_simulated_uplink_never_becomes_a_reading(publish: Publish, said: object) -> None:
    assert publish(CHIRPSTACK, chirpstack(WET, simulated=said)).ignored == "simulated"
    assert publish(CHIRPSTACK, chirpstack(WET, simulated=False)).soil


def test_bytes_of_an_unknown_model_are_kept_as_undecoded(publish: Publish) -> None:
    assert codes(publish, chirpstack(data=b"\xaa")) == [("/data", "undecoded")]


def test_bytes_of_a_registered_model_are_decoded(publish: Publish) -> None:
    event = chirpstack(data=bytes.fromhex("0210d3000346be813d00000c80"))
    (row,) = publish(CHIRPSTACK, event, models={EUI: "decentlab/dl-trs12"}).soil
    assert row.volumetric_water_content == pytest.approx(0.0068869)


def test_the_device_profile_may_name_the_model(publish: Publish) -> None:
    event = chirpstack(
        data=bytes.fromhex("017564" + "03671901" + "046873" + "057ff000"), profile="Milesight EM500-SMTC"
    )
    (row,) = publish(CHIRPSTACK, event).soil
    assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0.575, 28.1, 0.24)


def test_the_register_outranks_the_device_profile(publish: Publish) -> None:
    event = chirpstack({"moisture": 20, "temperature": 20}, profile="LSE01")
    assert (
        publish(CHIRPSTACK, event, models={EUI: "milesight-iot/em500-smtc"}).soil[0].model == "milesight-iot/em500-smtc"
    )


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (chirpstack(WET, deviceInfo={"devEui": "0101010101010101"}), ("/deviceInfo/devEui", "identity_mismatch")),
        (chirpstack(WET, deviceInfo={}), ("/deviceInfo/devEui", "missing")),
        (chirpstack(WET, deviceInfo={"devEui": "xyz"}), ("/deviceInfo/devEui", "bad_device_id")),
        (chirpstack(WET, deviceInfo=[]), ("/deviceInfo", "wrong_type")),
        (chirpstack(WET, time="yesterday"), ("/time", "bad_instant")),
        (chirpstack(WET, time="2026-07-02T04:11:00Z"), ("", "in_the_future")),
        (chirpstack(WET, time="2009-07-02T04:11:00Z"), ("", "before_2015")),
        (chirpstack(WET, fCnt=-1), ("/fCnt", "wrong_type")),
        (chirpstack(WET, fCnt="2O"), ("/fCnt", "wrong_type")),
        (chirpstack(WET, fPort=True), ("/fPort", "wrong_type")),
        (chirpstack(WET) | {"data": "***"}, ("/data", "bad_base64")),
        (chirpstack(WET) | {"data": 5}, ("/data", "bad_base64")),
        (chirpstack() | {"object": "wet"}, ("/object", "wrong_type")),
    ],
)
def test_a_wrong_envelope_is_refused(publish: Publish, event: object, expected: tuple[str, str]) -> None:
    assert expected in codes(publish, event)


WET_BYTES = bytes.fromhex("0175640367fe00046825057ff000")


@pytest.mark.parametrize(
    "data",
    [
        base64.b64encode(WET_BYTES).decode(),
        base64.b64encode(WET_BYTES).decode().rstrip("="),
        base64.urlsafe_b64encode(WET_BYTES).decode(),
        WET_BYTES.hex(),
        WET_BYTES.hex().upper(),
    ],
    ids=["base64", "without padding", "for addresses", "hex", "hex in capitals"],
)
def test_bytes_are_read_in_base64_and_in_hex(publish: Publish, data: str) -> None:
    event = chirpstack(profile="EM500-SMTC") | {"data": data}
    (row,) = publish(CHIRPSTACK, event).soil
    assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0.185, 25.4, 0.24)


def test_base64_of_a_silent_frame_is_not_taken_for_hex(publish: Publish) -> None:
    """Twelve bytes of zeros are sixteen times A, which would be digits of hex as well."""
    with pytest.raises(PayloadError) as caught:
        publish(CHIRPSTACK, chirpstack(profile="LSE01") | {"data": "A" * 16})
    assert caught.value.faults[0].got.startswith("12 bytes: 000000")


def test_a_counter_may_be_written_as_text(publish: Publish) -> None:
    assert (
        publish(CHIRPSTACK, chirpstack(WET, fCnt="20")).status == publish(CHIRPSTACK, chirpstack(WET, fCnt=20)).status
    )


def test_all_faults_of_an_envelope_are_told(publish: Publish) -> None:
    event = chirpstack(WET, time="now", fCnt="one") | {"data": "*"}
    assert {code for _, code in codes(publish, event)} == {"bad_instant", "wrong_type", "bad_base64"}


@pytest.mark.parametrize("odd", [None, {}, [], [1], [{"rssi": "loud"}], [{"rssi": True, "snr": 9}], [{"rssi": 1e9}]])
def test_an_odd_gateway_does_not_cost_the_reading(publish: Publish, odd: object) -> None:
    decoded = publish(CHIRPSTACK, chirpstack(WET, rxInfo=odd))
    assert len(decoded.soil) == 1
    assert decoded.status[0].rssi_dbm is None


def test_an_uplink_without_any_time_counts_from_its_arrival(publish: Publish) -> None:
    event = chirpstack(WET)
    del event["time"]
    assert publish(CHIRPSTACK, event).soil[0].measured_at == NOON


def test_the_uplink_as_version_3_wrote_it_is_read_too(publish: Publish) -> None:
    event = {
        "devEUI": base64.b64encode(bytes.fromhex(EUI)).decode(),
        "rxInfo": [{"time": "2026-07-02T03:40:00Z", "rssi": -48, "loRaSNR": 9}],
        "fCnt": 10,
        "data": base64.b64encode(bytes.fromhex("02023b0003003702710c60")).decode(),
        "objectJSON": '{"temperatureSensor":25,"humiditySensor":32}',
    }
    decoded = publish(CHIRPSTACK, event, models={EUI: "decentlab/dl-5tm"})
    assert decoded.soil[0].soil_temperature_c == 22.5
    assert decoded.soil[0].measured_at == datetime(2026, 7, 2, 3, 40, tzinfo=UTC)
    assert decoded.status[0].snr_db == 9


@pytest.mark.parametrize(
    "sent",
    [
        {"data": "01756403671901", "data_encode": "hexstring", "timestamp": 1782963600},
        {"data": "AXVkA2cZAQ==", "data_encode": "base64", "timestamp": 1782963600},
        {"data": "AXVkA2cZAQ==", "time": "", "timestamp": "1782963600"},
        {"data": "AXVkA2cZAQ==", "rxInfo": [{"rssi": -58, "loRaSNR": 7.5, "time": "2026-07-02T03:40:00Z"}]},
        {
            "data": "AXVkA2cZAQ==",
            "rxInfo": [
                {"time": "0001-01-01T00:00:00Z", "rssi": -58, "loRaSNR": 7.5},
                {"time": ""},
                {"time": "2026-07-02T03:40:00Z"},
            ],
        },
    ],
    ids=["RAK in hex", "RAK", "as text", "Milesight", "a gateway's clock is not set"],
)
def test_a_gateways_own_network_server_is_read_too(publish: Publish, sent: dict[str, Any]) -> None:
    event = {"devEUI": EUI, "fCnt": 4, "fPort": 85, "rxInfo": [{"rssi": -58, "loRaSNR": 7.5}]} | sent
    models = {EUI: "milesight-iot/em500-smtc"}
    decoded = publish(f"application/parks/device/{EUI}/rx", event, models=models)
    (row,), (status,) = decoded.soil, decoded.status
    assert (row.soil_temperature_c, row.measured_at) == (28.1, datetime(2026, 7, 2, 3, 40, tzinfo=UTC))
    assert (status.battery_pct, status.rssi_dbm, status.snr_db, status.device_seq) == (100, -58, 7.5, 4)


def test_the_time_of_a_gateways_network_server_must_be_one(publish: Publish) -> None:
    event = {"devEUI": EUI, "object": WET, "timestamp": "noon"}
    assert codes(publish, event, f"application/parks/device/{EUI}/rx") == [("/timestamp", "bad_instant")]


def test_bytes_are_read_where_the_codec_gave_no_object(publish: Publish) -> None:
    event = chirpstack(data=bytes.fromhex("0d4e000007a5ff7e006410")) | {"object": "wet"}
    decoded = publish(CHIRPSTACK, event, models={EUI: "dragino/lse01"})
    assert decoded.soil[0].volumetric_water_content == pytest.approx(0.1957)
