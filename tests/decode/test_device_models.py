"""What fields of known and unknown models mean."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.decode.curves import read_curve
from ingest.decode.quantities import ucum
from ingest.decode.recognise import recognise
from ingest.errors import PayloadError
from ingest.observation import Decoded
from tests.decode.conftest import Publish
from tests.decode.lorawan import CHIRPSTACK, EUI, chirpstack


def read(publish: Publish, model: str, fields: dict[str, Any]) -> Decoded:
    return publish(CHIRPSTACK, chirpstack(fields), models={EUI: model})


@pytest.mark.parametrize(
    "fields",
    [
        {"humidity": 57.5, "temperature": 28.1, "conductivity": 240},
        {"moisture": 57.5, "temperature": 28.1, "ec": 240},
        {"soil_moisture": "57.5", "temperature": "28.1", "electricity": "240"},
        {"moisture": "57.5 %", "temperature": "28.1 ℃", "ec": "240 µS/cm"},
    ],
)
def test_a_codec_that_renamed_its_fields_says_the_same(publish: Publish, fields: dict[str, Any]) -> None:
    (row,) = read(publish, "milesight-iot/em500-smtc", fields).soil
    assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0.575, 28.1, 0.24)


def test_history_lands_on_its_own_instants_and_the_uplink_on_the_networks(publish: Publish) -> None:
    fields = {
        "moisture": 20,
        "history": [
            {"timestamp": 1782788400, "moisture": 30.0, "temperature": 18, "ec": 100},
            {"timestamp": 1282788400, "moisture": 31.0},
            {"timestamp": "soon", "moisture": 31.0},
            {"moisture": 31.0},
            "nothing",
            {"timestamp": 1782874800, "moisture": 29.0},
        ],
    }
    decoded = read(publish, "milesight-iot/em500-smtc", fields)
    assert [(row.measured_at.day, row.volumetric_water_content, row.time_source) for row in decoded.soil] == [
        (2, 0.2, "network"),
        (30, 0.3, "device"),
        (1, 0.29, "device"),
    ]
    assert all(row.quarantine is None for row in decoded.soil)
    assert [(part.pointer, part.faults[0].code) for part in decoded.parts_refused] == [
        ("/object/history/1", "before_2015"),
        ("/object/history/2", "bad_instant"),
        ("/object/history/3", "bad_instant"),
        ("/object/history/4", "wrong_type"),
    ]


@pytest.mark.parametrize("mark", ["NoSensor", "nosensor", "", None, 65535, -9999, -99, "N/A", "-9999"])
def test_no_sensor_is_no_value_and_no_fault(publish: Publish, mark: object) -> None:
    decoded = read(publish, "dragino/lse01", {"water_SOIL": mark, "temp_SOIL": 20, "conduct_SOIL": 100})
    assert decoded.soil[0].volumetric_water_content is None
    assert decoded.soil[0].soil_temperature_c == 20
    assert decoded.parts_refused == ()


@pytest.mark.parametrize("top", [327.6, 327.67, 279.9, "327.60 °C", -327.68, 3276.7, -127])
def test_the_top_of_a_word_is_an_absent_probe_not_a_fire(publish: Publish, top: object) -> None:
    decoded = read(publish, "dragino/lse01", {"water_SOIL": 20, "temp_SOIL": top})
    assert decoded.soil[0].soil_temperature_c is None
    assert decoded.parts_refused == ()


@pytest.mark.parametrize("mark", [-0.1, -0.3, "-0.1"])
@pytest.mark.parametrize("beside", [{}, {"moisture_error": "collection error", "ec": 65535}, {"moisture": "NoSensor"}])
def test_milesights_mark_of_a_failed_probe_is_no_frost(publish: Publish, mark: object, beside: dict[str, Any]) -> None:
    decoded = read(publish, "milesight-iot/em500-smtc", {"temperature": mark, "battery": 90} | beside)
    assert (decoded.soil, decoded.parts_refused, decoded.status[0].battery_pct) == ((), (), 90)


@pytest.mark.parametrize("mark", [-0.1, -0.3, "-0.1"])
@pytest.mark.parametrize("beside", [{"moisture": 20}, {"electricity": 240}])
def test_beside_another_value_of_the_probe_minus_0_1_is_soil_that_freezes(
    publish: Publish, mark: object, beside: dict[str, Any]
) -> None:
    (row,) = read(publish, "milesight-iot/em500-smtc", {"temperature": mark} | beside).soil
    assert row.soil_temperature_c == float(str(mark))


@pytest.mark.parametrize(
    ("frame", "temperature_c"),
    [
        ("0367ffff046873057ff000", -0.1),
        ("0367fdff04ca4c1d", -0.3),
        ("0367ffff04caffff057fffff", None),
        ("0367ffff", None),
    ],
)
def test_of_bytes_too_the_mark_is_one_where_the_whole_probe_failed(
    publish: Publish, frame: str, temperature_c: float | None
) -> None:
    event = chirpstack(data=bytes.fromhex(f"01755c{frame}"), fPort=85)
    decoded = publish(CHIRPSTACK, event, models={EUI: "milesight-iot/em500-smtc"})
    assert [row.soil_temperature_c for row in decoded.soil] == ([] if temperature_c is None else [temperature_c])


def test_minus_99_kpa_is_a_dry_soil_and_not_a_mark(publish: Publish) -> None:
    (row,) = read(publish, "decentlab/dl-trs21", {"water_potential": {"value": -99.0, "unit": "kPa"}}).soil
    assert row.matric_potential_kpa == -99


@pytest.mark.parametrize(
    "bad", ["wet", True, [20], {"unit": "%"}, {"value": {"value": 1}}, "20 21", "20,5", "1e999", "٣"]
)
def test_a_field_that_is_no_number_is_refused_alone(publish: Publish, bad: object) -> None:
    decoded = read(publish, "dragino/lse01", {"water_SOIL": bad, "temp_SOIL": 20})
    assert decoded.soil[0].soil_temperature_c == 20
    assert [(part.pointer, part.faults[0].code) for part in decoded.parts_refused] == [
        ("/object/water_SOIL", "value_not_understood")
    ]


def test_a_unit_that_comes_with_the_value_is_believed_before_the_table(publish: Publish) -> None:
    fields = {"water_SOIL": "0.2 m³/m³", "conduct_SOIL": {"value": 0.24, "unit": "mS/cm"}, "temp_SOIL": "68 °F"}
    (row,) = read(publish, "dragino/lse01", fields).soil
    assert (row.volumetric_water_content, row.bulk_ec_ds_m) == (0.2, 0.24)
    assert row.soil_temperature_c == pytest.approx(20)
    assert row.unit_received == "m3/m3"


@pytest.mark.parametrize("unit", ["kHz", "kPa", "counts", "banana"])
def test_a_known_field_in_another_quantitys_unit_is_refused(publish: Publish, unit: str) -> None:
    decoded = read(publish, "dragino/lse01", {"water_SOIL": f"20 {unit}", "temp_SOIL": 20})
    assert decoded.soil[0].volumetric_water_content is None
    assert decoded.parts_refused[0].faults[0].code == "unit_not_allowed"


def test_kilohertz_never_become_water_content(publish: Publish) -> None:
    fields = {"soil_moisture_raw": 1390, "soil_gwc": 0.3, "soil_temp": 18.2, "ambient_temp": 22, "ambient_humidity": 60}
    decoded = read(publish, "tektelic/agriculture-sensor", fields)
    (row,), (weather,) = decoded.soil, decoded.weather
    assert (row.raw_frequency_khz, row.volumetric_water_content, row.soil_temperature_c) == (1390, None, 18.2)
    assert (weather.air_temperature_c, weather.relative_humidity_pct) == (22, 60)


def test_a_tension_becomes_a_negative_potential_of_its_own_channel(publish: Publish) -> None:
    fields = {"watermark1": 35, "watermark2": 0, "temperature1": 17.5}
    decoded = read(publish, "tektelic/agriculture-sensor", fields)
    assert [(row.channel, row.matric_potential_kpa, row.soil_temperature_c) for row in decoded.soil] == [
        (1, -35, 17.5),
        (2, 0, None),
    ]


def test_raw_counts_of_a_dragino_probe_never_become_water_content(publish: Publish) -> None:
    fields = {"Mod": 1, "Raw_water_SOIL": 266, "Raw_conduct_SOIL": 56703, "Soil_dielectric_constant": "88.6"}
    (row,) = publish(CHIRPSTACK, chirpstack(fields)).soil
    assert (row.raw_counts, row.volumetric_water_content, row.bulk_ec_ds_m) == (266, None, None)


def test_a_profile_probe_has_a_channel_for_each_level(publish: Publish) -> None:
    fields = {f"moisture_at_level_{n}": {"value": 10 + n, "unit": "%"} for n in (0, 5, 11)}
    decoded = read(publish, "decentlab/dl-sdd", fields)
    assert [(row.channel, row.volumetric_water_content) for row in decoded.soil] == [(1, 0.1), (6, 0.15), (12, 0.21)]


@pytest.mark.parametrize("nesting", ["a list", "a list in a list"])
def test_identified_measurements_are_read_from_their_list(publish: Publish, nesting: str) -> None:
    messages: list[Any] = [
        {"type": "report_telemetry", "measurementId": 4103, "measurementValue": 45.5},
        {"type": "report_telemetry", "measurementId": "4102", "measurementValue": 23.9},
        {"type": "report_telemetry", "measurementId": 4108, "measurementValue": 0.18},
        {"type": "upload_battery", "battery": 87},
        {"type": "report_telemetry", "measurementId": 4199, "measurementValue": 1},
    ]
    decoded = read(
        publish, "sensecap/s210x", {"err": 0, "messages": [messages] if nesting == "a list in a list" else messages}
    )
    (row,) = decoded.soil
    assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0.455, 23.9, 0.18)
    assert decoded.status[0].battery_pct == 87


@pytest.mark.parametrize(
    ("value", "expected", "unit"),
    [
        (23.5, 0.235, "%"),
        (100, 1.0, "%"),
        (1.01, 0.0101, "%"),
        (1.0, 1.0, "1"),
        (1, 1.0, "1"),
        (0.99, 0.99, "1"),
        (0, 0.0, "1"),
        ("23.5", 0.235, "%"),
        ("0.8 %", 0.008, "%"),
        ({"value": 0.8, "unit": "%"}, 0.008, "%"),
    ],
)
def test_water_content_of_an_unknown_model_follows_the_cautious_rule(
    publish: Publish, value: object, expected: float, unit: str
) -> None:
    (row,) = publish(CHIRPSTACK, chirpstack({"soil_moisture": value})).soil
    assert row.volumetric_water_content == pytest.approx(expected)
    assert (row.unit_received, row.model) == (unit, None)


@pytest.mark.parametrize(
    "value", [100.01, -0.5, -1, 1390, "1390 kHz", "-33 kPa", {"value": 20, "unit": "counts"}, True]
)
def test_what_the_cautious_rule_does_not_cover_is_refused(publish: Publish, value: object) -> None:
    with pytest.raises(PayloadError):
        publish(CHIRPSTACK, chirpstack({"soil_moisture": value}))


@pytest.mark.parametrize(
    "name", ["humidity", "moist", "leaf_wetness", "soil", "soil_moisture_raw_counts", "temperature"]
)
def test_a_field_that_does_not_say_soil_moisture_is_not_taken_for_it(publish: Publish, name: str) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(CHIRPSTACK, chirpstack({name: 23.5}))
    assert caught.value.faults[0].code == "no_known_field"


def test_a_codec_that_renamed_every_field_is_noticed_and_not_taken_for_a_quiet_probe(publish: Publish) -> None:
    with pytest.raises(PayloadError) as caught:
        read(publish, "dragino/lse01", {"feuchte": 20, "waerme": 18})
    assert [(fault.pointer, fault.code) for fault in caught.value.faults] == [("/object", "no_known_field")]
    assert "greensward device models lists them" in caught.value.faults[0].advice


def test_all_water_contents_of_one_message_are_read_in_one_unit(publish: Publish) -> None:
    rows = publish(CHIRPSTACK, chirpstack({"soil_moisture1": 22.5, "soil_moisture2": "0.8"})).soil
    assert [row.volumetric_water_content for row in rows] == [pytest.approx(0.225), pytest.approx(0.008)]


def test_a_name_that_fits_loosely_does_not_hide_what_the_fields_show(publish: Publish) -> None:
    fields = {"water_SOIL": "22.50", "temp_SOIL": "18.00", "conduct_SOIL": 120, "BatV": 3.4}
    (row,) = publish(CHIRPSTACK, chirpstack(fields, profile="Clover meadow probes")).soil
    assert row.model == "dragino/lse01"
    assert row.volumetric_water_content == pytest.approx(0.225)


def test_an_unknown_models_numbered_fields_are_channels(publish: Publish) -> None:
    fields = {"soilMoisture1": 20, "Soil-Moisture_2": 30, "soil_temperature_2": 18, "soil_ec_2": "0.4 dS/m"}
    decoded = publish(CHIRPSTACK, chirpstack(fields))
    assert [(row.channel, row.volumetric_water_content, row.bulk_ec_ds_m) for row in decoded.soil] == [
        (1, 0.2, None),
        (2, 0.3, 0.4),
    ]


def test_conductivity_of_an_unknown_model_needs_its_unit(publish: Publish) -> None:
    decoded = publish(CHIRPSTACK, chirpstack({"soil_moisture": 20, "soil_ec": 240}))
    assert decoded.soil[0].bulk_ec_ds_m is None
    assert decoded.parts_refused[0].faults[0].code == "unit_not_known"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LSE01", "dragino/lse01"),
        ("Dragino LSE01-121 EU868", "dragino/lse01-121"),
        ("decentlab/dl-trs12", "decentlab/dl-trs12"),
        ("milesight-iot/em500-smtc", "milesight-iot/em500-smtc"),
        ("em500-smt", "milesight-iot/em500-smt"),
        ("XLSE01", None),
        ("LSE012", None),
        ("dev-prof-Decentlab", None),
        ("", None),
    ],
)
def test_a_model_is_recognised_only_by_its_whole_name(name: str, expected: str | None) -> None:
    model = recognise(None, [name], ()).model
    assert (model.model_id if model else None) == expected


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("µS⋅cm⁻¹", "uS/cm"),
        ("μS/cm", "uS/cm"),
        ("m³⋅m⁻³", "m3/m3"),
        ("m³ m⁻³", "m3/m3"),
        ("m3.m-3", "m3/m3"),
        ("cm³·cm⁻³", "cm3/cm3"),
        ("vol.%", "%"),
        ("percent", "%"),
        ("dS m⁻¹", "dS/m"),
        ("m⋅s⁻¹", "m/s"),
        ("dS.m-1", "dS/m"),
        ("mmho/cm", "mS/cm"),
        ("centibar", "cbar"),
        ("Kelvin", "K"),
        ("in", "[in_i]"),
        ("L/m²", "mm"),
        ("°C", "Cel"),
        ("℃", "Cel"),
        ("mS/m", "mS/m"),
        ("S/m", "S/m"),
        ("banana", "banana"),
    ],
)
def test_units_are_understood_as_vendors_write_them(written: str, code: str) -> None:
    assert ucum(written) == code


@pytest.mark.parametrize(
    ("fields", "model", "expected"),
    [
        (
            {"moisture_soil": "21.50", "temp_soil": "-1.25", "conduct_soil": 300, "battery": 3.4},
            "dragino/se01",
            [(1, 0.215, -1.25)],
        ),
        (
            {"water_SOIL": "21.5", "temp_SOIL": "18", "conduct_SOIL": 300, "water_SOIL2": "30", "temp_SOIL2": "17"},
            "dragino/se02",
            [(1, 0.215, 18), (2, 0.3, 17)],
        ),
        (
            {"water_SOIL1": "21.5", "temp_SOIL1": "18", "conduct_SOIL1": 300, "water_SOIL4": "30"},
            "dragino/se0x",
            [(1, 0.215, 18), (4, 0.3, None)],
        ),
        ({"Device": "R718PB15A", "Soil_VWC": 25, "Soil_Temp": 12, "Volt": 3.6}, "netvox/r718pb", [(1, 0.25, 12)]),
        ({"vwc": 25, "temp": 12, "e25": 12.5, "leak": 0}, "tinovi/pm-io-5-sm", [(1, 0.25, 12)]),
        ({"sen": 2, "bat": 3.6, "soil_moisture1": 25.5}, "dragino/gro-point-air", [(1, 0.255, None)]),
        ({"soil_moist_55": 25, "temperature_11": 12}, "rakwireless/rak2560", [(1, 0.25, 12)]),
    ],
)
def test_a_model_is_recognised_by_the_most_of_its_fields(
    publish: Publish, fields: dict[str, Any], model: str, expected: list[tuple[int, float, float | None]]
) -> None:
    rows = publish(CHIRPSTACK, chirpstack(fields)).soil
    assert {row.model for row in rows} == {model}
    assert [(row.channel, row.volumetric_water_content, row.soil_temperature_c) for row in rows] == expected


@pytest.mark.parametrize("name", ["teneo-iot/co2-stoplicht", "tektelic/t00061xx-comfort", "sensecap/sensecapt1000"])
def test_another_device_of_a_soil_probes_maker_is_not_taken_for_a_soil_probe(name: str) -> None:
    assert recognise(None, [name], ["temperature", "battery", "ambient_temperature"]).model is None


def test_the_reason_why_a_device_is_taken_for_a_model_is_told() -> None:
    assert recognise("dragino/lse01", [], ()).why == "it is registered as dragino/lse01"
    assert recognise(None, ["EM500-SMTC parks"], ()).why == 'its name "EM500-SMTC parks" holds "em500-smtc"'
    assert recognise(None, [], ["PH1_SOIL"]).why == "no other model has PH1_SOIL"
    assert recognise("acme/probe", ["probe"], ["x"]).model is None


def test_four_layers_and_a_tension_of_sensecap_have_channels_and_signs_of_their_own(publish: Publish) -> None:
    values = {4138: 20, 4141: 30, 4142: 15.5, 4133: -35, 4137: 80, 4199: 1}
    messages = [{"measurementId": number, "measurementValue": value} for number, value in values.items()]
    decoded = read(publish, "sensecap/s210x", {"valid": True, "messages": messages})
    assert {row.channel: row.volumetric_water_content for row in decoded.soil} == {1: 0.2, 4: 0.3}
    assert (decoded.soil[0].matric_potential_kpa, decoded.soil[0].soil_temperature_c) == (-35, 15.5)
    assert decoded.weather[0].leaf_wetness_pct == 80


@pytest.mark.parametrize("valid", [False, 0, "false"])
def test_what_a_device_itself_calls_invalid_is_no_reading(publish: Publish, valid: object) -> None:
    messages = [{"measurementId": 4103, "measurementValue": 0}, {"battery": 50}]
    decoded = read(publish, "sensecap/s210x", {"valid": valid, "messages": messages})
    assert (decoded.soil, decoded.parts_refused, decoded.status[0].battery_pct) == ((), (), 50)


def test_millivolts_of_a_thermistor_become_degrees_and_nothing_else(publish: Publish) -> None:
    # The maker's codec gives 22.6 °C for 725 mV; 0 mV is a torn cable, and -1 has no logarithm.
    model = "tektelic/agriculture-sensor"
    assert read(publish, model, {"input2_voltage": 725}).soil[0].soil_temperature_c == pytest.approx(22.6, abs=0.05)
    assert read(publish, model, {"input2_voltage": 0, "input1_frequency": 1390}).soil[0].soil_temperature_c is None
    refused = read(publish, model, {"input2_voltage": -1, "input1_frequency": 1390}).parts_refused
    assert [part.faults[0].code for part in refused] == ["out_of_range"]


@pytest.mark.parametrize(
    "curve",
    [{}, {"log": [1, 2], "polynomial": [1]}, {"sine": [1]}, {"table": [[1, 2]]}, {"table": [[1, 2], [1, 3]]}],
)
def test_a_curve_that_is_none_is_refused_when_the_tables_are_read(curve: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="schemas/devices"):
        read_curve(curve)
