"""Uplinks of The Things Stack."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.errors import PayloadError
from tests.decode.conftest import Publish
from tests.decode.lorawan import EUI, THINGS_STACK, chirpstack, things_stack

IN_AIR = {
    "Bat": "3.384 V",
    "TempC_DS18B20": "0.00 °C",
    "conduct_SOIL": "0 uS/cm",
    "temp_SOIL": "30.11 °C",
    "water_SOIL": "0.00 %",
}


@pytest.mark.parametrize("topic", [THINGS_STACK, THINGS_STACK.replace("@beichen", "")])
def test_values_with_units_in_text_are_read_with_and_without_a_tenant(publish: Publish, topic: str) -> None:
    decoded = publish(topic, things_stack(IN_AIR, model=("dragino", "lse01")))
    (row,), (status,) = decoded.soil, decoded.status
    assert row.device_id == EUI
    assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0, 30.11, 0)
    assert row.measured_at == datetime(2026, 7, 2, 3, 50, 0, 123456, tzinfo=UTC)
    assert (row.device_seq, row.time_source) == (0, "network")
    assert (status.battery_v, status.rssi_dbm, status.snr_db, status.firmware) == (3.384, -42, 5.8, "1.2")


def test_session_and_counter_make_the_uplinks_identity(publish: Publish) -> None:
    def key(**further: Any) -> str | None:
        return publish(THINGS_STACK, things_stack(IN_AIR, **further)).soil[0].uplink_key

    assert key(f_cnt=1) == key(f_cnt=1)
    assert len({key(f_cnt=1), key(f_cnt=2), key(f_cnt=1, session_key_id="x"), key(f_cnt=1, frm_payload="qg==")}) == 4


def test_a_simulated_uplink_never_becomes_a_reading(publish: Publish) -> None:
    decoded = publish(THINGS_STACK, things_stack(IN_AIR) | {"simulated": True})
    assert decoded.soil == ()
    assert decoded.ignored == "simulated"
    assert publish(THINGS_STACK, things_stack(IN_AIR) | {"simulated": "true"}).ignored == "simulated"
    assert publish(THINGS_STACK, things_stack(IN_AIR, simulated=True)).ignored == "simulated"
    assert publish(THINGS_STACK, things_stack(IN_AIR) | {"simulated": False}).soil
    nobody = things_stack(IN_AIR) | {"simulated": True, "end_device_ids": {"device_id": "probe-1"}}
    assert publish(THINGS_STACK, nobody).ignored == "simulated"


def test_a_device_without_a_dev_eui_goes_by_the_network_servers_id(publish: Publish) -> None:
    decoded = publish(THINGS_STACK, things_stack(IN_AIR) | {"end_device_ids": {"device_id": "probe-1"}})
    assert decoded.soil[0].device_id == "probe-1"


def test_the_normalised_payload_is_not_relied_upon(publish: Publish) -> None:
    uplink = things_stack(data=b"\xaa", normalized_payload=[{"soil": {"moisture": 20}}])
    with pytest.raises(PayloadError) as caught:
        publish(THINGS_STACK, uplink)
    assert [fault.code for fault in caught.value.faults] == ["undecoded"]


@pytest.mark.parametrize("kind", ["join", "down/queued", "down/sent", "down/ack", "down/failed", "service/data"])
def test_other_messages_have_no_rows_and_say_why(publish: Publish, kind: str) -> None:
    decoded = publish(THINGS_STACK.removesuffix("up") + kind, {})
    assert decoded.ignored == f"things_stack_{kind.replace('/', '_')}"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"end_device_ids": {"device_id": "other", "dev_eui": EUI}},
            ("/end_device_ids/device_id", "identity_mismatch"),
        ),
        (
            {"end_device_ids": {"device_id": "probe-1", "dev_eui": "١" * 16}},
            ("/end_device_ids/dev_eui", "bad_device_id"),
        ),
        ({"end_device_ids": None}, ("/end_device_ids", "wrong_type")),
        ({"uplink_message": None}, ("/uplink_message", "wrong_type")),
        ({"uplink_message": {"frm_payload": "a"}}, ("/uplink_message/frm_payload", "bad_base64")),
        ({"uplink_message": {"received_at": "x"}}, ("/uplink_message/received_at", "bad_instant")),
        ({"uplink_message": {"f_cnt": 2**32}}, ("/uplink_message/f_cnt", "wrong_type")),
        ({"uplink_message": {"decoded_payload": []}}, ("/uplink_message/decoded_payload", "wrong_type")),
        ({"uplink_message": {"session_key_id": "x" * 257}}, ("/uplink_message/session_key_id", "wrong_type")),
    ],
)
def test_a_wrong_envelope_is_refused(publish: Publish, change: dict[str, object], expected: tuple[str, str]) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(THINGS_STACK, things_stack(IN_AIR) | change)
    assert expected in [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_an_uplink_of_the_other_network_server_is_refused(publish: Publish) -> None:
    with pytest.raises(PayloadError):
        publish(THINGS_STACK, chirpstack(IN_AIR))
