"""Frames of every maker: against the makers' own examples, below zero, in parts, on every port.

codec_examples.jsonl holds examples of public codecs, each with its source: TheThingsNetwork/lorawan-devices and
thingsboard/data-converters are Apache-2.0, chirpstack/chirpstack-device-profiles is MIT.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.decode.device_models import all_models
from ingest.errors import PayloadError
from ingest.observation import Decoded
from tests.decode.conftest import Publish
from tests.decode.lorawan import CHIRPSTACK, EUI, chirpstack

EXAMPLES = [
    json.loads(line)
    for line in (Path(__file__).parent / "codec_examples.jsonl").read_text(encoding="utf-8").splitlines()
]
COLUMNS = (
    "volumetric_water_content",
    "soil_temperature_c",
    "bulk_ec_ds_m",
    "matric_potential_kpa",
    "raw_frequency_khz",
    "raw_counts",
)


def frame(publish: Publish, model: str, data: str, port: int | None = 2) -> Decoded:
    return publish(CHIRPSTACK, chirpstack(data=bytes.fromhex(data), fPort=port), models={EUI: model})


def soil(decoded: Decoded) -> dict[tuple[int | None, str], float]:
    """Return every measured number of the soil rows by channel and column."""
    return {
        (row.channel, column): number
        for row in decoded.soil
        for column in COLUMNS
        if (number := getattr(row, column)) is not None
    }


def codes(decoded: Decoded) -> list[str]:
    return [part.faults[0].code for part in decoded.parts_refused]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example['model']} {example['hex'][:12]}")
def test_the_bytes_say_what_the_makers_own_example_says(publish: Publish, example: dict[str, Any]) -> None:
    ours = frame(publish, example["model"], example["hex"], example["port"])
    theirs = publish(CHIRPSTACK, chirpstack(example["decoded"]), models={EUI: example["model"]})
    assert soil(ours).keys() == soil(theirs).keys()
    # An example rounds to a tenth of a degree.
    assert soil(ours) == pytest.approx(soil(theirs), abs=0.05 if "voltage_to_temp" in str(example) else 1e-9)
    for row in theirs.weather:
        assert ours.weather[0].air_temperature_c == row.air_temperature_c
        assert row.relative_humidity_pct in (None, ours.weather[0].relative_humidity_pct)
    assert (ours.status[0].battery_v, ours.status[0].battery_pct) == (
        theirs.status[0].battery_v,
        theirs.status[0].battery_pct,
    )
    assert ours.parts_refused == theirs.parts_refused == ()


@pytest.mark.parametrize(
    ("model", "port", "data", "celsius"),
    [
        # LSE01 manual: FF7E, which it calls -1.29 °C, as it takes 65,535 for 65,536.
        ("dragino/lse01", 2, "0b450000" + "05dcff7e00c8" + "10", -1.30),
        ("dragino/se02", 2, "0b450000" + "05dcff7e00c8" + "05dc000000c8" + "10", -1.30),
        ("dragino/se0x", 2, "0b45000008" + "05dcff7e00c8" + "00" * 18, -1.30),
        ("dragino/lsph01", 2, "0b4500000283" + "fff6" + "00" + "0001", -1.0),
        ("dragino/gro-point-air", 2, "0e1032" + "fff6000000000000" + "00960096", -1.0),
        # R718A manual: FF39 is -1.99 °C.
        ("netvox/r718pb", 6, "01580a24" + "0bb8ff39000005", -1.99),
        ("netvox/r718pa", 6, "01571024" + "0bb8ff39006400", -1.99),
        ("milesight-iot/em500-smtc", 85, "0367f6ff", -1.0),
        ("sensecap/s210x", 1, "010610" + "18fcffff" + "0000", -1.0),
        ("tinovi/pm-io-5-sm", 1, "013f" + "07d00064ff9c0019", -1.0),
        ("teneo-iot/soil-moisture-sensor", 1, "0c28ff9c043f", -1.0),
        ("teneo-iot/soil-moisture-sensor", 1, "0c28ff", -1.0),
        ("cital/lorasoil", 152, "ff38" + "22a864" + "0a2f" + "00cb" + "172a" + "00" * 8 + "0205", -2.0),
        ("decentlab/dl-trs21", 1, "02019200030075" + "7ff6" + "0c25", -1.0),
        ("decentlab/dl-5te", 1, "02031c000300370186000a0c60", -1.0),
        ("tektelic/agriculture-sensor", 10, "0367fff6", -1.0),
        ("rakwireless/rak2560", 2, "0b67fff6", -1.0),
        ("netvox/ra07", 6, "01091024" + "0bb8ff39000005", -1.99),
        ("netvox/r900pb02", 22, "0301070124" + "0bb8ff3900640000", -1.99),
        ("mcci/catena4450", 1, "1540" + "ff00" + "80", -1.0),
        ("dragino/sdi-12-teros-12", 2, "0d4e01" + b"0+2500.0-1.0+120".hex(), -1.0),
        ("makerfabs/soil-monitor", 2, "00012201" + "012cfff60064004600000e10", -1.0),
    ],
)
def test_frost_is_read_with_its_sign(publish: Publish, model: str, port: int, data: str, celsius: float) -> None:
    decoded = frame(publish, model, data, port)
    assert next(t for row in decoded.soil if (t := row.soil_temperature_c) is not None) == pytest.approx(celsius)
    assert {row.quarantine for row in decoded.soil} == {None}


def test_a_dragino_probe_pair_is_two_elements(publish: Publish) -> None:
    decoded = frame(publish, "dragino/se02", "0d4e0000" + "07a5099b0064" + "0bb8ffff00c8" + "10")
    assert soil(decoded) == {
        (1, "volumetric_water_content"): 0.1957,
        (1, "soil_temperature_c"): 24.59,
        (1, "bulk_ec_ds_m"): 0.1,
        (2, "volumetric_water_content"): 0.3,
        (2, "soil_temperature_c"): -0.01,
        (2, "bulk_ec_ds_m"): 0.2,
    }


def test_a_dragino_slot_without_a_probe_measures_nothing(publish: Publish) -> None:
    decoded = frame(
        publish, "dragino/se0x", "0d4e0000" + "05" + "111111111111" + "07a5099b0064" + "2222" * 3 + "0bb8ffff00c8"
    )
    assert {channel for channel, _ in soil(decoded)} == {2, 4}
    assert soil(decoded)[4, "volumetric_water_content"] == 0.3


@pytest.mark.parametrize("model", ["dragino/lse01-121", "dragino/se01"])
def test_raw_mode_of_a_dragino_probe_gives_counts_and_no_water(publish: Publish, model: str) -> None:
    assert soil(frame(publish, model, "cbf60b0d0376010add7f90")) == {(1, "raw_counts"): 266}


def test_raw_mode_of_several_probes_gives_counts_of_each(publish: Publish) -> None:
    pair = frame(publish, "dragino/se02", "0d4e0000" + "0376010add7f" + "0376010bdd7f" + "90")
    slots = frame(publish, "dragino/se0x", "0d4e0000" + "8a" + "0376010add7f" + "00" * 6 + "0376010bdd7f" + "00" * 6)
    assert soil(pair) == {(1, "raw_counts"): 266, (2, "raw_counts"): 267}
    assert soil(slots) == {(1, "raw_counts"): 266, (3, "raw_counts"): 267}


@pytest.mark.parametrize("flags_and_words", [("00", "000000000000"), ("10", "ffffffffffff")])
def test_a_dragino_probe_that_does_not_answer_is_no_dry_soil(
    publish: Publish, flags_and_words: tuple[str, str]
) -> None:
    flags, words = flags_and_words
    decoded = frame(publish, "dragino/se01", "0d4e0000" + words + flags)
    assert decoded.soil == ()
    assert decoded.status[0].battery_v == 3.406


def test_a_dragino_probe_in_air_measures_no_water_at_its_temperature(publish: Publish) -> None:
    assert soil(frame(publish, "dragino/lse01", "0d380000" + "00000bc30000" + "00")) == {
        (1, "volumetric_water_content"): 0,
        (1, "soil_temperature_c"): 30.11,
        (1, "bulk_ec_ds_m"): 0,
    }


def test_the_data_log_of_a_dragino_probe_is_history_with_its_own_times(publish: Publish) -> None:
    first, second = (int(datetime(2026, 6, day, tzinfo=UTC).timestamp()).to_bytes(4, "big").hex() for day in (1, 2))
    records = "07a5ff7e0064" + "40" + first + "00" * 11 + "0bb8099b0064" + "40" + second
    decoded = frame(publish, "dragino/se01", records, port=3)
    assert [(row.measured_at.day, row.volumetric_water_content, row.soil_temperature_c) for row in decoded.soil] == [
        (1, 0.1957, -1.30),
        (2, 0.3, 24.59),
    ]
    assert {(row.time_source, row.quarantine, row.bulk_ec_ds_m) for row in decoded.soil} == {("device", None, None)}
    (pair,) = {row.measured_at for row in frame(publish, "dragino/se02", "07a5ff7e0064" * 2 + "40" + first, 3).soil}
    assert pair.day == 1


@pytest.mark.parametrize(("model", "words"), [("dragino/se01", 1), ("dragino/se02", 2)])
def test_a_dragino_probe_that_counts_pulses_measures_the_same(publish: Publish, model: str, words: int) -> None:
    probes = "07a5ff7e0064" * words
    counting = frame(publish, model, "0d4e0000" + probes + "50" + "00000090")
    assert soil(counting) == soil(frame(publish, model, "0d4e0000" + probes + "10"))
    assert soil(frame(publish, model, "0d4e0000" + "0376010add7f" * words + "d0" + "00000010"))[1, "raw_counts"] == 266
    with pytest.raises(PayloadError):
        frame(publish, "dragino/lse01", "0d4e0000" + "07a5ff7e0064" + "10" + "00000090")


def test_the_data_logs_of_ph_and_leaf_probes_are_history(publish: Publish) -> None:
    first, second = (int(datetime(2026, 6, day, tzinfo=UTC).timestamp()).to_bytes(4, "big").hex() for day in (1, 2))
    acid = frame(publish, "dragino/lsph01", "0046fff6000040" + first + "00" * 11 + "004600d2000040" + second, port=3)
    assert [(row.measured_at.day, row.soil_temperature_c, row.time_source) for row in acid.soil] == [
        (1, -1.0, "device"),
        (2, 21.0, "device"),
    ]
    assert acid.parts_refused == ()
    leaf = frame(publish, "dragino/llms01", "01b300c8000040" + first, port=3)
    assert (leaf.soil, [(row.measured_at.day, row.leaf_wetness_pct) for row in leaf.weather]) == ((), [(1, 43.5)])
    with pytest.raises(PayloadError) as caught:
        frame(publish, "dragino/llms01", "01b300c8000040" + first[:-2], port=3)
    assert caught.value.faults[0].code == "frame_truncated"


def test_a_codec_that_writes_the_data_log_as_text_does_not_hide_the_bytes(publish: Publish) -> None:
    at = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()).to_bytes(4, "big").hex()
    event = chirpstack(
        {"DATALOG": "[19.57,-1.3,10,2026-06-01 08:00:00],", "PNACKMD": "False", "Node_type": "SE01-LB"},
        data=bytes.fromhex("07a5ff7e006440" + at),
        fPort=3,
    )
    (row,) = publish(CHIRPSTACK, event, models={EUI: "dragino/se01"}).soil
    assert (row.volumetric_water_content, row.measured_at) == (0.1957, datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("dragino/se01", "26010001ff0d4e"),
        ("dragino/se02", "f1010001ff0d4e"),
        ("dragino/se0x", "f9010001ff0d4e"),
        ("dragino/lsph01", "2c010001ff0d4e"),
    ],
)
def test_the_state_of_a_dragino_device_tells_its_battery(publish: Publish, model: str, data: str) -> None:
    decoded = frame(publish, model, data, port=5)
    assert decoded.soil == ()
    assert decoded.status[0].battery_v == 3.406


@pytest.mark.parametrize("valid", [False, "FALSE", "false ", 0, "0"])
def test_what_a_probe_itself_calls_invalid_is_not_measured(publish: Publish, valid: object) -> None:
    fields = {"valid": valid, "moisture": 40, "temperature": 20, "battery": 3.1}
    decoded = publish(CHIRPSTACK, chirpstack(fields), models={EUI: "teneo-iot/soil-moisture-sensor"})
    assert (decoded.soil, decoded.status[0].battery_v) == ((), 3.1)


def test_a_second_value_of_one_measurement_is_refused_and_not_dropped(publish: Publish) -> None:
    said = [[{"measurementId": 4103, "measurementValue": value}] for value in (22, 31, 22)]
    decoded = publish(CHIRPSTACK, chirpstack({"messages": said}), models={EUI: "sensecap/s210x"})
    assert soil(decoded) == {(1, "volumetric_water_content"): 0.22}
    assert [(part.pointer, part.faults[0].code) for part in decoded.parts_refused] == [
        ("/object/messages/1/0/measurementValue", "measured_twice")
    ]


def test_acid_soil_is_not_wet_soil(publish: Publish) -> None:
    decoded = frame(publish, "dragino/lsph01", "0b45000002bc00d2000001")
    assert soil(decoded) == {(1, "soil_temperature_c"): 21.0}
    fields = {"Bat": 2.9, "PH1_SOIL": "7.00", "TEMP_SOIL": "21.00", "TempC_DS18B20": "0.00"}
    assert soil(publish(CHIRPSTACK, chirpstack(fields))) == {(1, "soil_temperature_c"): 21.0}


def test_a_wet_leaf_is_not_wet_soil(publish: Publish) -> None:
    decoded = frame(publish, "dragino/llms01", "0b45000001f400d2000001")
    assert decoded.soil == ()
    assert decoded.weather[0].leaf_wetness_pct == 50


def test_a_profile_probes_temperatures_are_not_those_of_its_segments(publish: Publish) -> None:
    temperatures = "".join(f"{10 * celsius:04x}" for celsius in (20, 19, 18, 17))
    decoded = frame(publish, "dragino/gro-point-air", "0e1032" + temperatures + "00960102")
    assert soil(decoded) == {
        (1, "volumetric_water_content"): 0.15,
        (2, "volumetric_water_content"): 0.258,
        (9, "soil_temperature_c"): 20,
        (10, "soil_temperature_c"): 19,
        (11, "soil_temperature_c"): 18,
        (12, "soil_temperature_c"): 17,
    }
    assert soil(frame(publish, "dragino/gro-point-air", "0e103200960102")).keys() == {
        (1, "volumetric_water_content"),
        (2, "volumetric_water_content"),
    }
    silent = frame(publish, "dragino/gro-point-air", "0e1032" + "7fff")
    assert (silent.soil, silent.status[0].battery_v) == ((), 3.6)


@pytest.mark.parametrize(("hertz", "kilopascals"), [(100, -200), (293, -200), (485, -100), (6430, 0), (9000, 0)])
def test_a_watermarks_hertz_become_a_potential_by_the_makers_table(
    publish: Publish, hertz: int, kilopascals: float
) -> None:
    decoded = frame(publish, "tektelic/agriculture-sensor", f"0504{hertz:04x}" + f"0604{hertz:04x}", 10)
    assert soil(decoded) == {(1, "matric_potential_kpa"): kilopascals, (2, "matric_potential_kpa"): kilopascals}


def test_a_watermark_between_two_points_of_the_table_lies_between_them(publish: Publish) -> None:
    # The maker's formula: 100 - (542.5 - 485) × 0.2174 = 87.5 kPa.
    decoded = publish(CHIRPSTACK, chirpstack({"input5_frequency": 542.5}), models={EUI: "tektelic/agriculture-sensor"})
    assert decoded.soil[0].matric_potential_kpa == pytest.approx(-87.5, abs=0.01)


def test_a_watermark_that_is_not_there_is_not_bone_dry_soil(publish: Publish) -> None:
    assert frame(publish, "tektelic/agriculture-sensor", "05040000" + "03020000" + "00d35a", 10).soil == ()


def test_kilohertz_are_kept_as_they_are_whatever_a_codec_makes_of_them(publish: Publish) -> None:
    fields = {"input1_frequency": 1401, "input1_frequency_to_moisture": 0.1, "input2_voltage_to_temp": 22.6}
    assert soil(publish(CHIRPSTACK, chirpstack(fields), models={EUI: "tektelic/agriculture-sensor"})) == {
        (1, "raw_frequency_khz"): 1401,
        (1, "soil_temperature_c"): 22.6,
    }


@pytest.mark.parametrize(
    ("given", "celsius", "faults"), [("860 mV", 17.03, []), (860, 17.03, []), ("860 %", None, ["unit_not_allowed"])]
)
def test_a_curve_takes_what_its_element_gives_and_no_other_unit(
    publish: Publish, given: object, celsius: float | None, faults: list[str]
) -> None:
    fields = {"input2_voltage": given, "input1_frequency": 1390}
    decoded = publish(CHIRPSTACK, chirpstack(fields), models={EUI: "tektelic/agriculture-sensor"})
    # The maker's formula: -32.46 × ln 860 + 236.36.
    assert decoded.soil[0].soil_temperature_c == (celsius and pytest.approx(celsius, abs=0.01))
    assert codes(decoded) == faults


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("makerfabs/soil-moisture", "0001035c2200000e1000"),
        ("makerfabs/soil-air-ec-th-pro", "0001220834035c00002710010e02580000003c00"),
    ],
)
def test_counts_of_a_capacitive_element_never_become_water(publish: Publish, model: str, data: str) -> None:
    decoded = frame(publish, model, data)
    assert soil(decoded)[1, "raw_counts"] == 0x035C
    assert (1, "volumetric_water_content") not in soil(decoded)
    assert decoded.status[0].battery_v == 3.4


@pytest.mark.parametrize("frame_of", ["0d7a05dc", "000d7a05dc"])
def test_millivolts_of_senzemo_become_water_by_the_makers_cubic(publish: Publish, frame_of: str) -> None:
    # The codec: 2.8432 × 1.5³ - 9.1993 × 1.5² + 20.2553 × 1.5 - 4.1882 = 15.09, which it rounds to 15 %.
    decoded = frame(publish, "senzemo/ssm40", frame_of, 2)
    assert decoded.soil[0].volumetric_water_content == pytest.approx(0.1509, abs=1e-4)
    assert decoded.status[0].battery_v == 3.45
    fields = {"BatteryVoltage": 3450, "SensorVoltage": 1500, "SoilMoisture": 51, "VWC": 15}
    (row,) = publish(CHIRPSTACK, chirpstack(fields)).soil
    assert (row.model, row.volumetric_water_content) == ("senzemo/ssm40", 0.15)


def test_senzemo_with_climate_tells_water_by_volume_and_no_share_of_its_span(publish: Publish) -> None:
    decoded = frame(publish, "senzemo/ssm30", "00" + "ff9c" + "157c" + "2792" + "c8" + "05dc", 2)
    assert decoded.soil[0].volumetric_water_content == pytest.approx(0.1509, abs=1e-4)
    (weather,) = decoded.weather
    assert (weather.air_temperature_c, weather.relative_humidity_pct, weather.air_pressure_kpa) == (-1, 55, 101.3)
    assert decoded.status[0].battery_v == 3
    fields = {"Temperature": 22, "Humidity": 55, "AirPressure": 1013, "BatteryLevel": 3}
    fields |= {"SoilMoistureRaw": 1500, "SoilMoisture": 51, "VWC": 15}
    (row,) = publish(CHIRPSTACK, chirpstack(fields)).soil
    assert (row.model, row.volumetric_water_content, row.raw_frequency_khz) == ("senzemo/ssm30", 0.15, None)


def test_a_makerfabs_probe_that_did_not_answer_measures_nothing(publish: Publish) -> None:
    decoded = frame(publish, "makerfabs/soil-monitor", "00012200" + "012cfff60064004600000e10")
    assert (decoded.soil, decoded.status[0].battery_v) == ((), 3.4)


def test_a_netvox_codecs_lost_sign_is_found_again_in_the_bytes(publish: Publish) -> None:
    fields = {"Device": "R718PB15A", "Volt": "2.4(low battery)", "Soil_VWC": 30, "Soil_Temperature": 653.37}
    event = chirpstack(fields, data=bytes.fromhex("01581098" + "0bb8ff39006400"), fPort=6)
    decoded = publish(CHIRPSTACK, event, models={EUI: "netvox/r718pb"})
    assert soil(decoded)[1, "soil_temperature_c"] == -1.99
    assert (decoded.status[0].battery_v, decoded.parts_refused) == (2.4, ())
    only_fields = publish(CHIRPSTACK, chirpstack(fields), models={EUI: "netvox/r718pb"})
    assert only_fields.status[0].battery_v == 2.4
    assert codes(only_fields) == ["out_of_range"]


def test_mains_and_an_absent_probe_of_netvox_are_no_values(publish: Publish) -> None:
    # The R718PA10 manual's example: mains, 200 NTU, 25.3 °C of the solution, no soil probe.
    decoded = frame(publish, "netvox/r718pa", "0157090007d009e2ffff00", 6)
    assert (decoded.soil, decoded.weather, decoded.status[0].battery_v) == ((), (), None)


@pytest.mark.parametrize(
    ("model", "data", "port"),
    [
        ("netvox/r718pb", "8158000000000000000000", 7),
        ("netvox/r718pb", "0158000a0120210101000000", 6),
        ("tektelic/agriculture-sensor", "2010", 100),
        ("teneo-iot/soil-moisture-sensor", "0c", 3),
        ("milesight-iot/em500-smtc", "fe03b004", 85),
        ("senzemo/ssm40", "01", 1),
        ("sensecap/gen1", "0000000101000100070064003c00012001000000002890", 1),
    ],
)
def test_a_frame_that_measures_nothing_is_a_sign_of_life(publish: Publish, model: str, data: str, port: int) -> None:
    decoded = frame(publish, model, data, port)
    assert (decoded.soil, decoded.parts_refused, len(decoded.status)) == ((), (), 1)


def test_a_probe_that_is_being_charged_does_not_report_dry_soil(publish: Publish) -> None:
    fields = {"sensorType": "moisture", "settingsAllowed": True, "moisture": 0, "charging": True, "battery": 3.3}
    decoded = publish(CHIRPSTACK, chirpstack(fields | {"valid": False}))
    assert (decoded.soil, decoded.status[0].battery_v) == ((), 3.3)
    assert publish(CHIRPSTACK, chirpstack(fields | {"valid": True})).soil[0].model == "teneo-iot/soil-moisture-sensor"


def test_a_tensiometers_moisture_is_a_potential_at_the_devices_own_time(publish: Publish) -> None:
    # 2607, 0203, 5930: 2 July 2026, 03:59:30.
    sent = "0834" + "22a8" + "64" + "0a2f" + "00cb" + "172a" + "00" * 8 + "0205"
    (row,) = frame(publish, "cital/lorasoil", sent, 152).soil
    assert (row.matric_potential_kpa, row.soil_temperature_c, row.volumetric_water_content) == (-88.72, 21.0, None)
    assert (row.measured_at, row.time_source) == (datetime(2026, 7, 2, 3, 59, 30, tzinfo=UTC), "device")
    fields = {"soil_moisture": -88.72, "soil_resistance": 10360, "ambient_pressure": 1014, "time_stamp": 1782964770000}
    (row,) = publish(CHIRPSTACK, chirpstack(fields)).soil
    assert (row.matric_potential_kpa, row.measured_at) == (-88.72, datetime(2026, 7, 2, 3, 59, 30, tzinfo=UTC))


def test_an_unset_date_of_a_tensiometer_costs_the_date_and_not_the_reading(publish: Publish) -> None:
    decoded = frame(publish, "cital/lorasoil", "0834" + "22a8" + "64" + "000000000000" + "00" * 8 + "0205", 152)
    assert (decoded.soil[0].matric_potential_kpa, decoded.soil[0].time_source) == (-88.72, "network")
    assert codes(decoded) == ["bad_instant"]


def test_two_probes_and_the_air_of_tinovi_are_told_apart(publish: Publish) -> None:
    first, second, air = "07d0006408340019", "07d000c80898001e", "0a8c1770c350"
    decoded = frame(publish, "tinovi/pm-io-5-sm", "0b3f" + first + air + second, 1)
    assert soil(decoded) == {
        (1, "volumetric_water_content"): 0.25,
        (1, "soil_temperature_c"): 21.0,
        (1, "bulk_ec_ds_m"): 0.1,
        (2, "volumetric_water_content"): 0.3,
        (2, "soil_temperature_c"): 22.0,
        (2, "bulk_ec_ds_m"): 0.2,
    }
    assert (decoded.weather[0].air_temperature_c, decoded.weather[0].relative_humidity_pct) == (27.0, 60.0)


def test_rak_keeps_percent_of_volume_and_not_percent_of_a_calibration(publish: Publish) -> None:
    hub = frame(
        publish, "rakwireless/rak2560", "37bc00fa" + "38c000f0" + "0b6700d2" + "0174019a" + "0367fff6" + "026878", 2
    )
    assert (hub.weather[0].air_temperature_c, hub.weather[0].relative_humidity_pct) == (-1.0, 60.0)
    assert soil(hub) == {
        (1, "volumetric_water_content"): 0.25,
        (1, "bulk_ec_ds_m"): 0.24,
        (1, "soil_temperature_c"): 21.0,
    }
    assert hub.status[0].battery_v == 4.1
    block = frame(publish, "rakwireless/rak2560", "0c6864" + "0d020190" + "0e6601", 2)
    assert soil(block) == {(1, "raw_counts"): 4.0}


UC501 = "08db02612b312e362b302b32352e370d0a" + "00" * 22
"""The example of the UC501 README: "a+1.6+0+25.7" at the third SDI-12 channel. No water content is 1.6 m³/m³."""


def test_an_sdi_12_answer_is_read_by_the_probe_that_hangs_there(publish: Publish) -> None:
    teros = b"0+1846.16+22.3+1\r\n".ljust(36, b"\0").hex()
    # METER's curve for mineral soil: 3.879e-4 × 1846.16 - 0.6956.
    assert soil(frame(publish, "milesight-iot/uc50x-teros-12", "01755c" + "08db04" + teros, 85)) == {
        (5, "volumetric_water_content"): pytest.approx(0.0205, abs=1e-4),
        (5, "soil_temperature_c"): 22.3,
        (5, "bulk_ec_ds_m"): 0.001,
    }
    assert soil(
        frame(publish, "milesight-iot/uc50x-teros-21", "08db00" + b"1-33.5+18.2".ljust(36, b"\0").hex(), 85)
    ) == {
        (1, "matric_potential_kpa"): -33.5,
        (1, "soil_temperature_c"): 18.2,
    }
    # TEROS 11 has no EC: at 2,500 counts 3.879e-4 × 2500 - 0.6956.
    for model, data, port in (
        ("milesight-iot/uc50x-teros-11", "08db00" + b"0+2500.00+22.3\r\n".ljust(36, b"\0").hex(), 85),
        ("dragino/sdi-12-teros-11", "0d4e01" + b"0+2500.00+22.3".hex(), 2),
    ):
        assert soil(frame(publish, model, data, port)) == {
            (1, "volumetric_water_content"): pytest.approx(0.27415),
            (1, "soil_temperature_c"): 22.3,
        }
    fields = {"BatV": 3.4, "Payver": 1, "data_sum": "0+0.215+1.02+19.4\r\n"}
    assert soil(publish(CHIRPSTACK, chirpstack(fields), models={EUI: "dragino/sdi-12-cs650"})) == {
        (1, "volumetric_water_content"): 0.215,
        (1, "bulk_ec_ds_m"): 1.02,
        (1, "soil_temperature_c"): 19.4,
    }
    # The Topp equation at a permittivity of 10.
    assert soil(frame(publish, "dragino/sdi-12-5tm", "0d4e01" + b"0+10.0+15.5".hex(), 2)) == {
        (1, "volumetric_water_content"): pytest.approx(0.1883),
        (1, "soil_temperature_c"): 15.5,
    }


def test_answers_that_a_logger_kept_are_rows_of_their_own_time(publish: Publish) -> None:
    """README and decoder of the UC501: 20e0, time, a bit a channel (here the first and the third), 36 bytes of each."""
    earlier = int(datetime(2026, 7, 2, 2, 0, tzinfo=UTC).timestamp())
    head = "20e0" + earlier.to_bytes(4, "little").hex() + "0500"
    first, third = (text.ljust(36, b"\0").hex() for text in (b"0+0.215+1.02+19.4\r\n", b"2+0.301+0.80+17.0"))
    decoded = frame(publish, "milesight-iot/uc50x-cs650", "01755c" + head + first + third, 85)
    assert {(row.channel, row.volumetric_water_content, row.soil_temperature_c) for row in decoded.soil} == {
        (1, 0.215, 19.4),
        (3, 0.301, 17.0),
    }
    assert {(row.measured_at, row.time_source) for row in decoded.soil} == {
        (datetime.fromtimestamp(earlier, UTC), "device")
    }
    cut = frame(publish, "milesight-iot/uc50x-cs650", "01755c" + head + first + third[:-2], 85)
    assert (cut.soil, codes(cut)) == ((), ["frame_truncated"])


def test_what_a_logger_passes_on_stands_in_the_channel_that_it_names(publish: Publish) -> None:
    decoded = frame(publish, "milesight-iot/uc50x-cs650", UC501, 85)
    assert soil(decoded) == {(3, "bulk_ec_ds_m"): 0.0, (3, "soil_temperature_c"): 25.7}
    assert codes(decoded) == ["out_of_range"]


@pytest.mark.parametrize("answer", ["", "0", "\r\n", None])
def test_a_probe_that_did_not_answer_its_logger_measures_nothing(publish: Publish, answer: str | None) -> None:
    decoded = publish(
        CHIRPSTACK, chirpstack({"BatV": 3.4, "data_sum": answer}), models={EUI: "dragino/sdi-12-teros-12"}
    )
    assert (decoded.soil, decoded.parts_refused, decoded.status[0].battery_v) == ((), (), 3.4)


@pytest.mark.parametrize(
    "answer", ["0+1846.16+22.3", "0+1+2+3+4", "NaN", "0+1e9+2+3", "0+1++2+3", "0+1.2.3+2+3", 17, ["0+1+2+3"]]
)
def test_an_answer_of_another_probe_is_refused_and_no_guess_is_made(publish: Publish, answer: object) -> None:
    decoded = publish(
        CHIRPSTACK, chirpstack({"BatV": 3.4, "data_sum": answer}), models={EUI: "dragino/sdi-12-teros-12"}
    )
    assert (decoded.soil, decoded.status[0].battery_v) == ((), 3.4)
    assert codes(decoded) == ["value_not_understood"]


def test_a_dry_watermark_of_sensefarm_is_a_potential_below_zero(publish: Publish) -> None:
    sent = "b006b800013009079800005457a800959900000013084118000009410c2773"
    decoded = frame(publish, "sensefarm/cube02", sent + "a90014", 1)
    assert soil(decoded) == {(1, "matric_potential_kpa"): -149, (2, "matric_potential_kpa"): -20}
    assert decoded.status[0].battery_v == 2.311


def test_humidity_of_the_air_in_the_soil_is_no_water_content(publish: Publish) -> None:
    fields = {"tSoil": 20.27, "rhSoil": 89.06, "tempC": 21.6, "rh": 76.2, "vBat": 4.27}
    decoded = publish(CHIRPSTACK, chirpstack(fields))
    assert soil(decoded) == {(1, "soil_temperature_c"): 20.27}
    assert decoded.weather[0].air_temperature_c == 21.6


def test_a_trackers_codec_does_not_hide_what_a_sensecap_probe_sent(publish: Publish) -> None:
    # What ChirpStack's profile of the S2105 makes of 24.5 %: nothing, or settings.
    data = "010610" + "28230000" + "010710" + "b45f0000" + "0000"
    for messages in ([], [[{"measurementId": "3000", "type": "Battery", "measurementValue": 1}]]):
        event = chirpstack(
            {"valid": True, "err": 0, "messages": messages}, data=bytes.fromhex(data), profile="SenseCAP S2105"
        )
        assert soil(publish(CHIRPSTACK, event)) == {
            (1, "soil_temperature_c"): 9.0,
            (1, "volumetric_water_content"): 0.245,
        }


def test_the_data_log_of_a_probe_pair_has_the_ec_of_both(publish: Publish) -> None:
    at = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()).to_bytes(4, "big").hex()
    rows = frame(publish, "dragino/se02", "07a5ff7e0064" + "07a5ff7e00c8" + "40" + at, 3).soil
    assert [(row.channel, row.bulk_ec_ds_m) for row in rows] == [(1, 0.1), (2, 0.2)]


TRS21 = {"matric_potential_kpa": -11.7, "soil_temperature_c": 16.1}
ONE_TINOVI = {"volumetric_water_content": 0.25, "soil_temperature_c": 21.0, "bulk_ec_ds_m": 0.1}


@pytest.mark.parametrize(
    ("model", "data", "port", "kept", "code"),
    [
        ("milesight-iot/em500-smtc", "0468730367", 85, {"volumetric_water_content": 0.575}, "frame_truncated"),
        ("milesight-iot/em500-smtc", "046873aabb01", 85, {"volumetric_water_content": 0.575}, "frame_part_unknown"),
        ("milesight-iot/em500-smtc", "04687303", 85, {"volumetric_water_content": 0.575}, "frame_part_unknown"),
        ("tektelic/agriculture-sensor", "0104056e0202", 10, {"raw_frequency_khz": 1390}, "frame_truncated"),
        ("tektelic/agriculture-sensor", "0104056eeeee", 10, {"raw_frequency_khz": 1390}, "frame_part_unknown"),
        ("decentlab/dl-trs21", "0201920003007580a1", 1, TRS21, "frame_truncated"),
        ("decentlab/dl-trs21", "0201920007007580a10c250000", 1, TRS21, "frame_part_unknown"),
        ("decentlab/dl-trs21", "0201920003007580a10c25ff", 1, TRS21, "frame_part_unknown"),
        ("rakwireless/rak2560", "37bc00fa38c0", 2, {"volumetric_water_content": 0.25}, "frame_truncated"),
        ("rakwireless/rak2560", "37bc00fa38ff00", 2, {"volumetric_water_content": 0.25}, "frame_part_unknown"),
        ("tinovi/pm-io-5-sm", "093f07d00064083400190000", 1, ONE_TINOVI, "frame_truncated"),
        ("sensefarm/cube02", "a8000cf800", 1, {"matric_potential_kpa": -12}, "frame_part_unknown"),
        ("sensefarm/cube02", "a8000c0841", 1, {"matric_potential_kpa": -12}, "frame_truncated"),
    ],
)  # fmt: skip
def test_a_frame_that_is_readable_in_part_keeps_that_part_and_says_what_is_missing(
    publish: Publish, model: str, data: str, port: int, kept: dict[str, float], code: str
) -> None:
    decoded = frame(publish, model, data, port)
    assert soil(decoded) == {(1, column): pytest.approx(number) for column, number in kept.items()}
    assert codes(decoded) == [code]
    assert {part.pointer for part in decoded.parts_refused} == {"/data"}


@pytest.mark.parametrize(
    ("model", "data", "port", "code"),
    [
        ("dragino/lse01", "0d4e000007a5099b00640bb8099b006410", 2, "frame_truncated"),
        ("dragino/se02", "0d4e000007a5099b006410", 2, "frame_truncated"),
        ("dragino/se0x", "0d4e000007a5099b006410", 2, "frame_truncated"),
        ("dragino/se01", "07a5ff7e00644000", 3, "frame_truncated"),
        ("dragino/lse01", "07a5ff7e0064406a1cb180", 3, "frame_not_of_model"),
        ("dragino/se0x", "07a5ff7e0064406a1cb180", 3, "frame_not_of_model"),
        ("dragino/se01", "f1010001ff0d4e", 5, "frame_not_of_model"),
        ("dragino/se01", "26010001ff0d", 5, "frame_truncated"),
        ("dragino/se01", "00", 6, "frame_not_of_model"),
        ("dragino/gro-point-air", "0e1039", 2, "frame_not_of_model"),
        ("dragino/gro-point-air", "0e103200", 2, "frame_truncated"),
        ("dragino/gro-point-air", "0e", 2, "frame_truncated"),
        ("dragino/lsph01", "0b45000002bc00d20000", 2, "frame_truncated"),
        ("dragino/lsph01", "0b45000002bc00d2000001", 9, "frame_not_of_model"),
        ("netvox/r718pb", "02580a240bb8ff39000005", 6, "frame_not_of_model"),
        ("netvox/r718pb", "01580a240bb8ff390000", 6, "frame_truncated"),
        ("netvox/r718pb", "01580a240bb8ff39000005", 5, "frame_not_of_model"),
        ("tektelic/agriculture-sensor", "0104056e", 11, "frame_not_of_model"),
        ("tektelic/agriculture-sensor", "0104", 10, "frame_truncated"),
        ("sensecap/gen1", "01011098530000010210a87a0000af52", 1, "frame_checksum"),
        ("sensecap/gen1", "01011098530000010210a87a00af51", 1, "frame_truncated"),
        ("sensecap/gen1", "af51", 1, "frame_truncated"),
        ("teneo-iot/soil-moisture-sensor", "0c28ff9c", 1, "frame_truncated"),
        ("teneo-iot/soil-moisture-sensor", "0c28", 2, "frame_not_of_model"),
        ("cital/lorasoil", "01" * 22, 152, "frame_truncated"),
        ("cital/lorasoil", "01" * 21, 42, "frame_not_of_model"),
        ("tinovi/pm-io-5-sm", "01", 1, "frame_truncated"),
        ("rakwireless/rak2560", "37ff", 1, "frame_not_of_model"),
        ("rakwireless/rak2560", "37", 1, "frame_not_of_model"),
        ("rakwireless/rak2560", "37bc00", 1, "frame_truncated"),
        ("decentlab/dl-trs21", "020192000800", 1, "frame_part_unknown"),
        ("makerfabs/soil-moisture", "0001035c2200", 1, "frame_truncated"),
        ("mcci/catena4450", "167d4460", 1, "frame_not_of_model"),
        ("mcci/catena4450", "15", 1, "frame_truncated"),
        ("sensefarm/cube02", "f80001", 1, "frame_not_of_model"),
        ("sensefarm/cube02", "a800", 1, "frame_truncated"),
        ("netvox/ra07", "01570a240bb8ff39000005", 6, "frame_not_of_model"),
        ("dragino/lgt92", "06765ff2960a4b4504", 2, "frame_truncated"),
        ("milesight-iot/uc50x-teros-12", "08db10", 85, "frame_not_of_model"),
    ],
)
def test_bytes_that_no_such_device_sends_are_refused_and_the_fault_says_why(
    publish: Publish, model: str, data: str, port: int, code: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        frame(publish, model, data, port)
    (fault,) = caught.value.faults
    assert (fault.pointer, fault.code) == ("/data", code)
    assert fault.got
    assert fault.expected


def test_every_field_that_a_frame_can_have_is_in_the_models_table() -> None:
    for model in all_models().values():
        assert model.frame is not None, model.model_id
        known = model.fields.keys() | model.sdi12.keys() | {"timestamp", "history"} | _suffixed(model.fields)
        assert _names(model.frame) <= known, model.model_id


def _names(settings: object) -> set[str]:
    """Return every `name` in a model's frame settings."""
    if isinstance(settings, dict):
        own = {settings["name"]} if isinstance(settings.get("name"), str) else set()
        return own.union(*(_names(part) for part in settings.values()))
    return set().union(*(_names(part) for part in settings)) if isinstance(settings, list) else set()


def _suffixed(fields: Any) -> set[str]:
    """Return the field names without the channel that Cayenne LPP adds."""
    return {name.rpartition("_")[0] for name in fields} | {"humidity", "humidity_prec"}
