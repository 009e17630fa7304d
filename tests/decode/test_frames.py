"""Frames of models whose format is public."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import PayloadError
from ingest.observation import Decoded
from tests.decode.conftest import Publish
from tests.decode.lorawan import CHIRPSTACK, EUI, chirpstack

SOIL_VENDORS = ("decentlab", "dragino", "milesight-iot")


def frame(publish: Publish, model: str, data: str, port: int = 2) -> Decoded:
    return publish(CHIRPSTACK, chirpstack(data=bytes.fromhex(data), fPort=port), models={EUI: model})


def test_a_dragino_frame_is_read_with_frost_in_twos_complement(publish: Publish) -> None:
    # Battery 3.406 V, 5 %, -0.01 °C, 100 uS/cm, sensor found.
    decoded = frame(publish, "dragino/lse01", "0d4e000001f4ffff006410")
    (row,) = decoded.soil
    assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0.05, -0.01, 0.1)
    assert row.quarantine is None
    assert decoded.status[0].battery_v == 3.406


def test_a_frame_in_raw_mode_gives_counts_only_and_is_set_aside_where_the_mode_is_not_known(publish: Publish) -> None:
    raw = "cbf60b0d0376010add7fff"
    (row,) = frame(publish, "dragino/lse01-121", raw).soil
    assert (row.raw_counts, row.volumetric_water_content, row.quarantine) == (266, None, None)
    (row,) = frame(publish, "dragino/lse01", raw).soil
    assert row.quarantine == "raw_mode_bit"


def test_milesight_history_and_fine_resolution_are_read(publish: Publish) -> None:
    data = "017564" + "0367f6ff" + "04ca8316" + "057fffff" + "20ce" + "70ff426a" + "f000" + "1901" + "7616"
    decoded = frame(publish, "milesight-iot/em500-smtc", data, port=85)
    assert [(row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) for row in decoded.soil] == [
        (0.5763, -1.0, None),
        (0.575, 28.1, 0.24),
    ]
    assert [row.time_source for row in decoded.soil] == ["network", "device"]
    assert decoded.status[0].battery_pct == 100


def test_a_start_up_report_is_understood_and_measures_nothing(publish: Publish) -> None:
    decoded = frame(publish, "milesight-iot/em500-smtc", "ff0bff" + "ff0101" + "ff166136b10000000000", port=85)
    assert decoded.soil == ()
    assert len(decoded.status) == 1


def test_a_temperature_that_could_not_be_collected_is_not_a_light_frost(publish: Publish) -> None:
    for word in ("ffff", "fdff"):
        assert frame(publish, "milesight-iot/em500-smtc", f"0367{word}04caffff", port=85).soil == ()
    (row,) = frame(publish, "milesight-iot/em500-smtc", "0367feff04ca8316", port=85).soil
    assert row.soil_temperature_c == -0.2


def test_a_milesight_probe_that_answers_a_downlink_is_alive_and_measures_nothing(publish: Publish) -> None:
    decoded = frame(publish, "milesight-iot/em500-smtc", "ff0b01" + "0175" + "5c" + "ff03b004", port=85)
    assert decoded.soil == ()
    assert decoded.status[0].battery_pct == 92


@pytest.mark.parametrize(
    ("model", "data", "port", "code"),
    [
        ("dragino/lse01", "ce2900f107a5099b6e2890", 42, "frame_not_of_model"),
        ("dragino/lse01", "ce2900f107a5099b6e28", 2, "frame_truncated"),
        ("decentlab/dl-trs12", "0210d30003", 1, "frame_truncated"),
        ("decentlab/dl-trs12", "0210", 1, "frame_truncated"),
        ("decentlab/dl-trs12", "0310d3000346be813d00000c80", 1, "frame_not_of_model"),
        ("milesight-iot/em500-smtc", "0b6719010468", 85, "frame_not_of_model"),
        ("sensecap/s210x", "010610", 2, "frame_truncated"),
    ],
)
def test_a_frame_that_is_cut_or_of_another_model_is_refused(
    publish: Publish, model: str, data: str, port: int, code: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        frame(publish, model, data, port)
    assert [(fault.pointer, fault.code) for fault in caught.value.faults] == [("/data", code)]


def _numbers(decoded: Decoded) -> dict[str, list[float]]:
    columns = ("volumetric_water_content", "soil_temperature_c", "matric_potential_kpa", "raw_counts")
    return {
        column: [getattr(row, column) for row in decoded.soil if getattr(row, column) is not None] for column in columns
    }


def test_bytes_and_the_vendors_own_decoding_of_them_say_the_same(shared: Path, publish: Publish) -> None:
    lines = (shared / "data" / "soil" / "lorawan_examples.jsonl").read_text(encoding="utf-8").splitlines()
    compared = 0
    for example in map(json.loads, lines):
        if example["vendor"] not in SOIL_VENDORS or example["decoded_payload"] is None:
            continue
        models = {EUI: f"{example['vendor']}/{example['device']}"}
        event = chirpstack(data=bytes(example["frm_bytes"]), fPort=example["f_port"])
        ours = publish(CHIRPSTACK, event, models=models)
        theirs = publish(CHIRPSTACK, chirpstack(example["decoded_payload"]), models=models)
        for column, values in _numbers(ours).items():
            assert values == pytest.approx(_numbers(theirs)[column], abs=1e-9), (example["device"], column)
        assert ours.status[0].battery_v == theirs.status[0].battery_v
        compared += 1
    assert compared == 15


def test_envelopes_give_the_telemetry_expected_of_them(shared: Path, publish: Publish) -> None:
    names = {"DL-5TM": "decentlab", "DL-SMTP": "decentlab", "DL-TRS12": "decentlab", "EM500-SMTC": "milesight-iot"}
    path = shared / "data" / "soil" / "envelopes" / "thingsboard_converters_soil.jsonl"
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(cases) == 20
    for case in cases:
        envelope = case["envelope"]
        topic, eui = _topic(envelope)
        model = f"{names[case['device']]}/{case['device'].lower()}"
        decoded = publish(topic, envelope, models={eui: model})
        expected = case["expected_thingsboard_result"]["telemetry"][0]["values"]
        status = decoded.status[0]
        assert status.battery_v == expected.get("battery_voltage")
        assert status.battery_pct == expected.get("battery")
        _check_soil(decoded, expected)


def _check_soil(decoded: Decoded, expected: dict[str, Any]) -> None:
    numbers = _numbers(decoded)
    if "volumetric_water_content" in expected:
        assert numbers["volumetric_water_content"] == pytest.approx([expected["volumetric_water_content"]], abs=1e-9)
        assert numbers["soil_temperature_c"] == [expected["soil_temperature"]]
    elif "moisture" in expected:
        # The expectation is cut to whole percent; the vendor's datasheet says half a percent.
        assert int(100 * numbers["volumetric_water_content"][0]) == expected["moisture"]
        assert [row.bulk_ec_ds_m for row in decoded.soil] == [expected["ec"] / 1000]
    elif "soil_temperature_at_depth_0" in expected:
        there = [expected[f"soil_temperature_at_depth_{n}"] for n in range(6)]
        assert numbers["soil_temperature_c"] == pytest.approx(there)
        assert numbers["volumetric_water_content"] == []
    else:
        assert decoded.soil == ()


def _topic(envelope: dict[str, Any]) -> tuple[str, str]:
    if "end_device_ids" in envelope:
        ids = envelope["end_device_ids"]
        return f"v3/parks@ttn/devices/{ids['device_id']}/up", ids["dev_eui"].lower()
    given = envelope.get("deviceInfo", {}).get("devEui")
    eui = given or base64.b64decode(envelope["devEUI"]).hex()
    return f"application/1/device/{eui}/event/up", eui


def test_real_uplinks_are_rows_or_refused_with_a_reason_and_none_is_dropped(shared: Path, publish: Publish) -> None:
    folder = shared / "data" / "soil" / "envelopes"
    outcomes: dict[str, int] = {}
    for line in (folder / "tts_v3_real_uplinks.jsonl").read_bytes().splitlines():
        device = json.loads(line)["end_device_ids"]["device_id"]
        try:
            decoded = publish(f"v3/parks@ttn/devices/{device}/up", line)
            outcome = "in air" if [row.volumetric_water_content for row in decoded.soil] == [0.0] else "odd"
        except PayloadError as error:
            outcome = error.faults[0].code
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert outcomes == {"in air": 2, "undecoded": 55}


def test_a_tracker_that_is_registered_tells_its_battery_and_no_soil(shared: Path, publish: Publish) -> None:
    told = []
    for line in (shared / "data" / "soil" / "envelopes" / "tts_v3_real_uplinks.jsonl").read_bytes().splitlines():
        ids = json.loads(line)["end_device_ids"]
        if "lgt-92" in ids["device_id"]:
            models = {ids["dev_eui"].lower(): "dragino/lgt92"}
            decoded = publish(f"v3/parks@ttn/devices/{ids['device_id']}/up", line, models=models)
            assert (decoded.soil, decoded.weather, decoded.parts_refused) == ((), (), ())
            told.append(decoded.status[0].battery_v)
    assert len(told) == 55
    # 0b57 of the first uplink; a lithium cell, once on its charger.
    assert (told[0], all(volts and 2.5 < volts < 4.2 for volts in told)) == (2.903, True)


def test_a_documented_uplink_with_a_missing_comma_is_refused_and_its_mend_is_read(
    shared: Path, publish: Publish
) -> None:
    folder = shared / "data" / "soil" / "envelopes"
    found = []
    for name in ("tts_v3_docs_uplink_RAW_malformed.txt", "tts_v3_docs_uplink_repaired.json"):
        with pytest.raises(PayloadError) as caught:
            publish("v3/app1@tenant1/devices/dev1/up", (folder / name).read_bytes())
        found.append(caught.value.faults[0].code)
    assert found == ["malformed_json", "no_known_field"]
