"""SenML, RFC 8428: base fields, relative times, units, and what a name says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ingest.decode.context import DecodeContext
from ingest.decode.route import decode, refusal_reply
from ingest.errors import PayloadError
from ingest.observation import Decoded, Message
from ingest.site import BEICHEN
from tests.decode.conftest import NOON, Publish

TOPIC = "greensward/v1/beichen/probe-7/senml"
NOON_S = int(NOON.timestamp())
MOISTURE = "10cm/soil_moisture"


def answered(decoded: Decoded) -> list[str]:
    assert decoded.reply is not None
    return [fault["code"] for fault in json.loads(decoded.reply.payload)["faults"]]


def test_base_name_time_and_unit_hold_for_the_records_after_them(publish: Publish) -> None:
    pack = [
        {"bn": "probe-7/", "bt": NOON_S - 3600, "bu": "%"},
        {"n": "10cm/soil_moisture", "v": 18.3},
        {"n": "30cm/soil_moisture", "v": 22.9, "t": 60},
        {"n": "10cm/soil_temperature", "u": "Cel", "v": 21.4},
    ]
    rows = publish(TOPIC, pack).soil
    assert [(row.depth_cm, row.volumetric_water_content, row.soil_temperature_c) for row in rows] == [
        (10, 0.183, 21.4),
        (30, 0.229, None),
    ]
    assert [NOON - row.measured_at for row in rows] == [timedelta(hours=1), timedelta(minutes=59)]
    assert {row.time_source for row in rows} == {"device"}


def test_a_base_value_is_added(publish: Publish) -> None:
    pack = [{"n": "10cm/soil_temperature", "u": "Cel", "bv": 20.0, "v": 1.5, "bt": NOON_S}]
    assert [row.soil_temperature_c for row in publish(TOPIC, pack).soil] == [21.5]


def test_where_the_value_is_missing_the_base_value_is_the_value(publish: Publish) -> None:
    """RFC 8428, section 4.5.4: of value and base value the missing one is zero."""
    pack = [
        {"bn": "probe-7/", "bt": NOON_S, "bu": "%", "bv": 20},
        {"n": "10cm/soil_moisture"},
        {"n": "30cm/soil_moisture", "v": 2},
        {"n": "60cm/soil_moisture", "bv": 0},
    ]
    rows = publish(TOPIC, pack).soil
    assert [row.volumetric_water_content for row in rows] == [0.2, 0.22, 0]


@pytest.mark.parametrize(
    ("time_s", "before"),
    [(0, timedelta()), (-600, timedelta(minutes=10)), (NOON_S - 2**28, None), (NOON_S, timedelta())],
)
def test_small_times_count_from_the_arrival(publish: Publish, time_s: int, before: timedelta | None) -> None:
    (row,) = publish(TOPIC, [{"n": MOISTURE, "u": "%", "v": 18.3, "t": time_s}]).soil
    if before is None:
        assert row.measured_at == NOON - timedelta(seconds=2**28)
    else:
        assert NOON - row.measured_at == before
    assert row.time_source == ("device" if time_s >= 2**28 else "arrival")


def test_just_below_2_to_the_28_is_relative_and_so_in_the_future(publish: Publish) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(TOPIC, [{"n": MOISTURE, "u": "%", "v": 18.3, "t": 2**28 - 1}])
    assert caught.value.faults[0].code == "in_the_future"
    with pytest.raises(PayloadError) as caught:
        publish(TOPIC, [{"n": MOISTURE, "u": "%", "v": 18.3, "t": 2**28}])
    assert caught.value.faults[0].code == "before_2015"


@pytest.mark.parametrize(
    ("name", "unit", "value", "column", "kept"),
    [
        ("soil_moisture", "/", 0.183, "volumetric_water_content", 0.183),
        ("vwc", "/100", 18.3, "volumetric_water_content", 0.183),
        ("10cm/volumetric_water_content", "m3/m3", 0.183, "volumetric_water_content", 0.183),
        ("10cm/temperature", "K", 294.55, "soil_temperature_c", 21.4),
        ("bulk_ec", "S/m", 0.042, "bulk_ec_ds_m", 0.42),
        ("10cm/ec", "mS/m", 42, "bulk_ec_ds_m", 0.42),
        ("matric_potential", "Pa", -33000, "matric_potential_kpa", -33.0),
        ("raw_frequency", "Hz", 1_400_000, "raw_frequency_khz", 1400.0),
    ],
)
def test_soil_in_the_units_of_senml(
    publish: Publish, name: str, unit: str, value: float, column: str, kept: float
) -> None:
    (row,) = publish(TOPIC, [{"n": name, "u": unit, "v": value, "bt": NOON_S}]).soil
    assert getattr(row, column) == kept


def test_weather_and_battery_in_the_units_of_senml(publish: Publish) -> None:
    pack = [
        {"bt": NOON_S, "n": "air_temperature", "u": "Cel", "v": 31.0},
        {"n": "relative_humidity", "u": "%RH", "v": 62.0},
        {"n": "rain_depth", "u": "mm", "v": 0.4},
        {"n": "battery_voltage", "u": "V", "v": 3.61},
        {"n": "battery_level", "u": "%EL", "v": 88},
    ]
    decoded = publish(TOPIC, pack)
    (weather,), (status,) = decoded.weather, decoded.status
    assert (weather.air_temperature_c, weather.relative_humidity_pct, weather.rain_depth_mm) == (31.0, 62.0, 0.4)
    assert (status.battery_v, status.battery_pct) == (3.61, 88)


def test_fields_of_a_registered_model_are_names_too(publish: Publish) -> None:
    pack = [
        {"bn": "probe-7/", "bt": NOON_S},
        {"n": "moisture", "u": "%", "v": 18.3},
        {"n": "temperature", "u": "Cel", "v": -2},
        {"n": "EC", "u": "uS/cm", "v": 183},
    ]
    (row,) = publish(TOPIC, pack, models={"probe-7": "milesight-iot/em500-smtc"}).soil
    assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0.183, -2, 0.183)
    assert [part.pointer for part in publish(TOPIC, pack).parts_refused] == ["/2", "/3"]


def test_relative_humidity_never_becomes_water_content(publish: Publish) -> None:
    pack = [{"n": MOISTURE, "u": "%RH", "v": 18.3}, {"n": "30cm/soil_moisture", "u": "%", "v": 20}]
    decoded = publish(TOPIC, pack)
    assert [row.depth_cm for row in decoded.soil] == [30]
    assert answered(decoded) == ["unit_not_allowed"]


@pytest.mark.parametrize(
    "name",
    [
        "soil_moisture",
        "probe-7/soil_moisture",
        "probe-7:soil_moisture",
        "urn:dev:ops:probe-7:soil_moisture",
        "urn:dev:ops:probe-7_soil_moisture",
    ],
)
def test_a_name_may_begin_with_the_device(publish: Publish, name: str) -> None:
    decoded = publish(TOPIC, [{"n": name, "u": "%", "v": 18.3}])
    assert [row.volumetric_water_content for row in decoded.soil] == [0.183]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("probe-8/soil_moisture", "identity_mismatch"),
        ("probe-77/10cm/soil_moisture", "identity_mismatch"),
        ("urn:dev:mac:0024befffe804ff1:soil_moisture", "identity_mismatch"),
        ("10cm/happiness", "unknown_quantity"),
        ("", "wrong_form"),
        ("/soil_moisture", "wrong_form"),
        ("土壤湿度", "wrong_form"),
    ],
)
def test_another_device_s_or_unknown_names_are_refused(publish: Publish, name: str, code: str) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(TOPIC, [{"n": name, "u": "%", "v": 18.3}])
    assert [fault.code for fault in caught.value.faults] == [code]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"u": "%", "v": "18.3"}, "wrong_type"),
        ({"u": "%", "vb": True}, "value_not_understood"),
        ({"u": "%", "s": 18.3}, "value_not_understood"),
        ({"u": "%", "s": 18.3, "bv": 18.3}, "value_not_understood"),
        ({"u": "%"}, "missing"),
        ({"u": "%", "v": 1, "vs": "1"}, "not_together"),
        ({"u": "lx", "v": 18.3}, "unit_not_allowed"),
        ({"u": "%", "v": 18.3, "secret_": 1}, "value_not_allowed"),
        ({"u": "%", "v": 18.3, "t": 1e300}, "bad_instant"),
        ({"u": "%", "v": 18.3, "t": -1e300}, "bad_instant"),
        ({"u": "%", "v": 180.3}, "out_of_range"),
        ({"n": "rain_depth", "v": 1}, "unit_not_known"),
    ],
)
def test_a_wrong_record_is_refused_alone_and_its_sender_hears_why(
    publish: Publish, record: dict[str, Any], code: str
) -> None:
    good = {"n": "30cm/soil_moisture", "u": "%", "v": 22.0}
    decoded = publish(TOPIC, [good, {"n": MOISTURE} | record])
    assert [row.depth_cm for row in decoded.soil] == [30]
    assert answered(decoded) == [code]
    assert decoded.parts_refused[0].pointer.startswith("/1")


# RFC 8428, section 6: a pack is an array, labels are whole numbers (table 6); written here by hand, as RFC 8949 says.
NAME = "00" + "6d" + b"soil_moisture".hex()
PERCENT = "01" + "6125"


def cbor(publish: Publish, sent: str) -> Decoded:
    return publish(TOPIC, bytes.fromhex(sent))


def test_a_pack_in_cbor_says_what_the_same_pack_in_json_says(publish: Publish) -> None:
    # [{-2: "probe-7/", -3: 1782946800, -4: "%"}, {0: "10cm/soil_moisture", 2: 18.5}, {0: "30cm/soil_moisture", 6: 60,
    # 2: 23}, {0: "10cm/soil_temperature", 1: "Cel", -5: 20, 2: 1.25}]
    sent = (
        ("84" + "a3" + "21" + "68" + b"probe-7/".hex() + "22" + "1a6a459bf0" + "23" + "6125")
        + ("a2" + "00" + "72" + b"10cm/soil_moisture".hex() + "02" + "f94ca0")
        + ("a3" + "00" + "72" + b"30cm/soil_moisture".hex() + "06" + "183c" + "02" + "17")
        + ("a4" + "00" + "75" + b"10cm/soil_temperature".hex() + "01" + "6343656c" + "24" + "14" + "02" + "f93d00")
    )
    pack = [
        {"bn": "probe-7/", "bt": 1782946800, "bu": "%"},
        {"n": "10cm/soil_moisture", "v": 18.5},
        {"n": "30cm/soil_moisture", "t": 60, "v": 23},
        {"n": "10cm/soil_temperature", "u": "Cel", "bv": 20, "v": 1.25},
    ]
    decoded = cbor(publish, sent)
    assert decoded.soil == publish(TOPIC, pack).soil
    assert [(row.depth_cm, row.volumetric_water_content, row.soil_temperature_c) for row in decoded.soil] == [
        (10, 0.185, 21.25),
        (30, 0.23, None),
    ]


def test_labels_of_cbor_may_be_written_out_and_lists_may_be_open(publish: Publish) -> None:
    sent = "9f" + "bf" + "616e" + "6d" + b"soil_moisture".hex() + "6175" + "6125" + "6176" + "1817" + "ff" + "ff"
    assert [row.volumetric_water_content for row in cbor(publish, sent).soil] == [0.23]


def test_a_decimal_fraction_is_the_number_it_says(publish: Publish) -> None:
    assert [row.volumetric_water_content for row in cbor(publish, "81a3" + NAME + PERCENT + "02c4822018b7").soil] == [
        0.183
    ]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("81a3" + NAME + PERCENT + "02", "malformed_cbor"),
        ("81a3" + NAME + PERCENT + "021817" + "00", "malformed_cbor"),
        ("81a3" + NAME + PERCENT + "02c11817", "malformed_cbor"),  # an instant
        ("81a3" + NAME + PERCENT + "02f7", "malformed_cbor"),
        ("81a4" + NAME + PERCENT + "021817" + "021818", "malformed_cbor"),
        ("81" * 17 + "80", "malformed_cbor"),
        ("9bffffffffffffffff", "malformed_cbor"),
        ("82d81c81" + "01" + "d81d00", "malformed_cbor"),  # a reference to what came before
        ("81a3" + NAME + PERCENT + "02f97e00", "not_a_number"),
        ("81a3" + NAME + PERCENT + "02f97c00", "number_too_large"),
        ("81a3" + NAME + PERCENT + "09" + "1817", "wrong_type"),
        ("81a4" + NAME + PERCENT + "021817" + "6176" + "1818", "wrong_type"),
        ("81a3" + NAME + PERCENT + "024117", "wrong_type"),  # a byte string
        ("8117", "wrong_type"),
        ("80", "no_known_field"),
    ],
)
def test_bad_cbor_is_refused_and_its_sender_hears_why(sent: str, code: str) -> None:
    message = Message(1, NOON, TOPIC, bytes.fromhex(sent))
    with pytest.raises(PayloadError) as caught:
        decode(message, DecodeContext(BEICHEN, {}))
    assert caught.value.faults[0].code == code
    reply = refusal_reply(message, caught.value)
    assert reply is not None
    assert reply.topic == "greensward/v1/beichen/probe-7/reply"


def test_a_pack_in_cbor_is_no_longer_than_one_in_json_may_be() -> None:
    with pytest.raises(PayloadError) as caught:
        decode(Message(1, NOON, TOPIC, b"\x81" + b"\x60" * 65536), DecodeContext(BEICHEN, {}))
    assert caught.value.faults[0].code == "too_large"


def test_every_instant_of_a_pack_without_absolute_time_is_told_by_itself(publish: Publish) -> None:
    pack = [{"n": MOISTURE, "u": "%", "v": 18.3, "t": -t} for t in (0, 60)] + [{"n": "30cm/vwc", "u": "%", "v": 20}]
    keys = [row.uplink_key for row in publish(TOPIC, pack).soil]
    assert None not in keys
    assert len(set(keys)) == 3


def test_a_refused_record_still_sets_the_base_of_those_after_it(publish: Publish) -> None:
    first = {"bn": "probe-7/", "bt": NOON_S - 3600, "bu": "%", "n": MOISTURE, "v": "18.3"}
    decoded = publish(TOPIC, [first, {"n": "30cm/soil_moisture", "v": 22.9, "t": -60}])
    assert [row.measured_at for row in decoded.soil] == [NOON - timedelta(minutes=61)]
    assert answered(decoded) == ["wrong_type"]


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ({"bt": str(NOON_S)}, "wrong_type"),
        ({"bn": 7}, "wrong_type"),
        ({"bver": 11}, "value_not_allowed"),
    ],
)
def test_a_wrong_base_refuses_the_pack_since_later_records_need_it(base: dict[str, Any], code: str) -> None:
    pack = [base, {"n": MOISTURE, "u": "%", "v": 18.3}]
    with pytest.raises(PayloadError) as caught:
        decode(Message(1, NOON, TOPIC, json.dumps(pack).encode()), DecodeContext(BEICHEN, {}))
    assert [fault.code for fault in caught.value.faults] == [code]


@pytest.mark.parametrize("version", [5, 10, 26])
def test_older_versions_and_the_one_with_secondary_units_are_read(publish: Publish, version: int) -> None:
    (row,) = publish(TOPIC, [{"bver": version, "n": "10cm/soil_ec", "u": "mS/m", "v": 42}]).soil
    assert row.bulk_ec_ds_m == 0.42


def test_a_dev_eui_in_capitals_is_the_device_of_the_register(publish: Publish) -> None:
    decoded = publish(
        TOPIC.replace("probe-7", "A84041FFFF123456"), [{"n": f"A84041ffff123456/{MOISTURE}", "v": 18.3}, 5]
    )
    assert [row.device_id for row in decoded.soil] == ["a84041ffff123456"]
    assert decoded.reply is not None
    assert decoded.reply.topic == "greensward/v1/beichen/A84041FFFF123456/reply", "where the sender listens"
