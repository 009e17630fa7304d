"""Uplinks of LORIOT, ThingPark and Everynet, on the topic that the operator gave them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.decode.route import refusal_reply
from ingest.errors import PayloadError
from ingest.observation import Message
from tests.decode.conftest import NOON, Publish
from tests.decode.lorawan import EUI, UPLINK, everynet, loriot, thingpark

FRAME = bytes.fromhex("0d4e000007a5ff7e006410")
"""Of the LSE01's manual: 19.57 % of water, -1.3 °C, 100 uS/cm."""
MODEL = {EUI: "dragino/lse01"}
SERVERS = {"loriot": loriot(FRAME), "thingpark": thingpark(data=FRAME), "everynet": everynet(FRAME)}

# As published: https://pastebin.com/Vbm0g1qh
LORIOT_CAPTURED = {
    "cmd": "gw", "seqno": 86090808, "EUI": "4786C58B0056003B", "ts": 1556112212562, "fcnt": 795, "port": 8,
    "freq": 867100000, "toa": 61, "dr": "SF7 BW125 4/5", "ack": False,
    "gws": [
        {"rssi": -109, "snr": 7.5, "ts": 1556112212567, "time": "2019-04-24T13:23:32.562588Z",
         "gweui": "B827EBFFFF5B4D98", "lat": 49.39321466670888, "lon": 15.576342104803416},
        {"rssi": -122, "snr": -9, "ts": 1556112212562, "time": "2019-04-24T13:23:31.519839Z",
         "gweui": "F03D29FFFF00000D", "lat": 49.4340425, "lon": 15.5789133},
    ],
    "bat": 254, "data": "80ff02000000030024050614",
}  # fmt: skip
# https://docs.thingpark.com/thingpark-x/latest/Message/uplink-message
THINGPARK_PUBLISHED = {
    "DevEUI_uplink": {
        "Time": "2018-10-03T15:38:46.882+02:00", "DevEUI": "0018B20000000B20", "FPort": "1", "FCntUp": "1174",
        "ADRbit": "1", "MType": "4", "FCntDn": "1229", "payload_hex": "9e1c4852512000220020e3831071",
        "mic_hex": "cfffc70f", "Lrcid": "00000206", "LrrRSSI": "-80.000000", "LrrSNR": "7.000000", "SpFact": "7",
        "SubBand": "G2", "Channel": "LC6", "DevLrrCnt": "1", "Lrrid": "004A18E3", "Late": "0",
        "Lrrs": {"Lrr": [{"Lrrid": "004A18E3", "Chain": "0", "LrrRSSI": "-80.000000", "LrrSNR": "7.000000"}]},
        "CustomerID": "1100000077",
        "CustomerData": {"alr": {"pro": "ADRF/DEMO", "ver": "2"}, "tags": ["site=Paris"], "name": "My Demo Device"},
        "ModelCfg": "1:TemperatureService, 2:SwissPostDevice", "InstantPER": 0.0, "MeanPER": 0.0,
        "DevAddr": "04D2848E", "AckRequested": 1, "TxPower": 2.0, "NbTrans": 1, "Frequency": 868.1,
    }
}  # fmt: skip
# https://github.com/AdailSilva/DocsEverynet_pt-BR
EVERYNET_PUBLISHED = {
    "meta": {
        "network": "75697b95", "packet_hash": "79f664df2c2073af798fa87497305d8d", "application": "70b3d54b17db0106",
        "device_addr": "36c365b4", "time": 1504806731.256388, "device": "faa73111a2aead2c",
        "packet_id": "fdbb09021c4523d9f28bb815ca872c70", "gateway": "7c95bd79864622a4",
    },
    "params": {
        "rx_time": 1504806731.249041, "port": 27, "counter_up": 120,
        "radio": {
            "modulation": {"bandwidth": 125000, "type": 0, "spreading": 12, "coderate": "4/7"},
            "hardware": {"status": 1, "chain": 0, "tmst": 514586002, "snr": 5.0, "rssi": -100.0, "channel": 0},
            "freq": 868.1, "datarate": 0, "time": 1504806731.249041,
        },
        "payload": "ZGEwOTg3MmI4NmU4NGI4MDg4YzZmMWU4ZjM5NmViODU=",
        "encrypted_payload": "aiN3/x3Z7wz7NMPq+qoWf/17pq2J3Cx/p1kjvarfLEE=",
    },
    "type": "uplink",
}  # fmt: skip


def codes(publish: Publish, payload: object, topic: str = UPLINK) -> list[tuple[str, str]]:
    with pytest.raises(PayloadError) as caught:
        publish(topic, payload)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


@pytest.mark.parametrize("server", SERVERS)
def test_a_frame_is_read_by_the_registered_model(publish: Publish, server: str) -> None:
    decoded = publish(UPLINK, SERVERS[server], models=MODEL)
    (row,) = decoded.soil
    assert (row.device_id, row.model, row.time_source) == (EUI, "dragino/lse01", "network")
    assert row.volumetric_water_content == pytest.approx(0.1957)
    assert row.measured_at == datetime(2026, 7, 2, 3, 50, 0, 123000, tzinfo=UTC)
    (status,) = decoded.status
    assert (status.device_seq, status.rssi_dbm, status.snr_db) == (796, -87.0, 7.25)
    assert row.uplink_key is not None
    assert row.uplink_key.startswith(f"{server}/{EUI}/")


@pytest.mark.parametrize(
    ("document", "device", "said"),
    [
        (LORIOT_CAPTURED, "4786c58b0056003b", "12 bytes on port 8: 80ff0200"),
        (THINGPARK_PUBLISHED, "0018B20000000B20", "14 bytes on port 1: 9e1c4852"),
        (EVERYNET_PUBLISHED, "faa73111a2aead2c", "32 bytes on port 27: 64613039"),
    ],
)
def test_what_the_servers_publish_is_understood_up_to_the_unknown_model(
    publish: Publish, document: object, device: str, said: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(UPLINK.replace(EUI, device), document)
    (fault,) = caught.value.faults
    assert fault.code == "undecoded"
    assert fault.got.startswith(said)
    assert caught.value.device_id == device.lower()


def test_thingparks_decoded_payload_comes_first_and_its_driver_names_the_model(publish: Publish) -> None:
    (row,) = publish(UPLINK, thingpark({"water_SOIL": 24.36, "temp_SOIL": 22.93}, FRAME)).soil
    assert row.model == "dragino/lse01"
    assert row.volumetric_water_content == pytest.approx(0.2436)


ODD_HELP = [{"DriverCfg": "dragino"}, {"DriverCfg": {"mod": {"pId": 1, "mId": ["lse01"]}}}, {"payload": [19.57, -1.3]}]


@pytest.mark.parametrize("odd", ODD_HELP)
def test_bytes_are_read_whatever_stands_where_thingparks_driver_should(publish: Publish, odd: dict[str, Any]) -> None:
    decoded = publish(UPLINK, thingpark(data=FRAME, **odd), models=MODEL)
    assert decoded.soil[0].volumetric_water_content == pytest.approx(0.1957)
    assert not decoded.parts_refused


def test_an_odd_driver_is_told_where_nothing_else_says_what_the_bytes_are(publish: Publish) -> None:
    found = codes(publish, thingpark(data=FRAME, DriverCfg="dragino", payload=[19.57]))
    assert found == [
        ("/DevEUI_uplink/DriverCfg", "wrong_type"),
        ("/DevEUI_uplink/payload", "wrong_type"),
        ("/DevEUI_uplink/payload_hex", "undecoded"),
    ]


def test_the_same_uplink_again_has_the_same_key_and_the_next_one_another(publish: Publish) -> None:
    def key(document: dict[str, Any]) -> str | None:
        return publish(UPLINK, document, models=MODEL).soil[0].uplink_key

    # The list of gateways comes after the uplink itself, and with a time of its own.
    assert key(loriot(FRAME)) == key(loriot(FRAME, seqno=7, cmd="rx", ts=1782964199911, rssi=-90, snr=3))
    assert key(loriot(FRAME)) != key(loriot(FRAME, fcnt=797))
    assert key(thingpark(data=FRAME)) == key(thingpark(data=FRAME, Lrrs={}))
    assert key(thingpark(data=FRAME)) != key(thingpark(data=FRAME, DevAddr="04D2848F"))
    assert key(everynet(FRAME)) == key(everynet(FRAME, duplicate=True, rx_time=1782964200.5))
    assert key(everynet(FRAME)) != key(everynet(FRAME, counter_up=797))


@pytest.mark.parametrize(
    "document",
    [loriot(cmd="txd"), {"DevEUI_downlink_Sent": {"DevEUI": EUI}}, everynet() | {"type": "downlink_request"}],
)
def test_other_messages_of_a_server_have_no_rows_and_say_why(publish: Publish, document: object) -> None:
    assert publish(UPLINK, document).ignored == "no_uplink"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (loriot(FRAME, EUI="0000000000000001"), ("/EUI", "identity_mismatch")),
        (loriot(FRAME, EUI=f"\uff21{EUI[1:]}"), ("/EUI", "bad_device_id")),
        (loriot(FRAME) | {"data": "0d4"}, ("/data", "bad_hex")),
        (loriot(FRAME) | {"data": "0d 4e"}, ("/data", "bad_hex")),
        (loriot(FRAME) | {"data": [13]}, ("/data", "bad_hex")),
        (loriot(FRAME, ts="yesterday"), ("/ts", "bad_instant")),
        (loriot(FRAME, ts=10**30), ("/ts", "bad_instant")),
        (loriot(FRAME, ts=1000), ("", "before_2015")),
        (loriot(FRAME, fcnt=-1), ("/fcnt", "wrong_type")),
        (loriot(FRAME, port=256), ("/port", "wrong_type")),
        (loriot(FRAME, encdata="0d4e") | {"data": None}, ("/data", "undecoded")),
        (thingpark(data=FRAME, DevEUI=None), ("/DevEUI_uplink/DevEUI", "bad_device_id")),
        (thingpark(data=FRAME, FCntUp="many"), ("/DevEUI_uplink/FCntUp", "wrong_type")),
        (thingpark(data=FRAME, Time="2026-07-02 11:50"), ("/DevEUI_uplink/Time", "bad_instant")),
        (thingpark(data=FRAME, PayloadEncryption="1"), ("/DevEUI_uplink/payload_hex", "undecoded")),
        (thingpark(data=FRAME, Lrrs=7), ("/DevEUI_uplink/Lrrs", "wrong_type")),
        ({"DevEUI_uplink": [1]}, ("/DevEUI_uplink", "wrong_type")),
        (everynet(FRAME, payload="***"), ("/params/payload", "bad_base64")),
        (everynet(FRAME, payload=None), ("/params/payload", "undecoded")),
        (everynet(FRAME) | {"meta": {"device": 7}}, ("/meta/device", "bad_device_id")),
        (everynet(FRAME) | {"params": None}, ("/params", "wrong_type")),
        ({"payload": "0d4e"}, ("", "unknown_format")),
        ([loriot(FRAME)], ("", "unknown_format")),
        (b"{", ("", "malformed_json")),
    ],
)
def test_a_wrong_envelope_is_refused(publish: Publish, document: object, expected: tuple[str, str]) -> None:
    assert expected in codes(publish, document)


def test_every_fault_of_an_envelope_is_told_at_once(publish: Publish) -> None:
    found = codes(publish, loriot(EUI="x", ts="x", fcnt="x", port="x") | {"data": "x"})
    assert [pointer for pointer, _ in found] == ["/EUI", "/ts", "/data", "/fcnt", "/port"]


@pytest.mark.parametrize("odd", ["nan", "1e999", "9" * 40, 10**300, None, [], True, -201])
def test_an_odd_signal_is_left_out_and_costs_nothing_else(publish: Publish, odd: object) -> None:
    lrrs = {"Lrr": [{"LrrRSSI": odd, "LrrSNR": odd}, {"LrrRSSI": "-87", "LrrSNR": odd}, odd]}
    decoded = publish(UPLINK, thingpark(data=FRAME, Lrrs=lrrs), models=MODEL)
    assert decoded.soil
    assert (decoded.status[0].rssi_dbm, decoded.status[0].snr_db) == (-87.0, None)


def test_a_shape_that_nobody_knows_is_told_which_ones_are_read(publish: Publish) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(UPLINK, {"IMEI": "868508065601703"})
    (fault,) = caught.value.faults
    assert (fault.got, "LORIOT" in fault.expected, "ThingPark" in fault.expected, "Everynet" in fault.expected) == (
        '"IMEI"', True, True, True,
    )  # fmt: skip
    reply = refusal_reply(Message(1, NOON, UPLINK, b"{}"), caught.value)
    assert reply is not None
    assert reply.topic == UPLINK.replace("/uplink", "/reply")


def test_another_districts_uplink_is_left_to_it(publish: Publish) -> None:
    assert codes(publish, loriot(FRAME), UPLINK.replace("beichen", "nankai")) == [("", "wrong_district")]
