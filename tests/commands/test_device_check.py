"""`greensward device models` and `device check`, as somebody with a new probe on the table uses them."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from greensward.commands.check_input import read_hex, split_message
from greensward.commands.device import app
from ingest.errors import ConfigError
from tests.decode.lorawan import CHIRPSTACK, EUI, UPLINK, chirpstack, everynet, loriot, thingpark, things_stack
from tests.decode.test_exif import GROUPED

_LSE01 = bytes.fromhex("0d4e000007a5ff7e006410")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def run(data: Path, *words: object) -> int:
    code: int = app([*(str(word) for word in words), "-C", str(data)], result_action="return_value")
    return code


def said(data: Path, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run(data, *words, "--json")
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, result


def fates(result: dict[str, Any]) -> dict[str, str]:
    return {note["name"]: note["fate"] for note in result["fields"]}


def test_the_known_models_are_listed_and_filtered_by_any_word(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, result = said(data, capsys, "models")
    assert code == 0
    assert len(result["models"]) >= 32
    assert all(facts["source"] and facts["quantities"] for facts in result["models"])
    for word, expected in (
        ("kPa", "cital/lorasoil"),
        ("Milesight", "milesight-iot/em500-smt"),
        ("lse01", "dragino/lse01"),
    ):
        _, result = said(data, capsys, "models", word)
        assert expected in [facts["model"] for facts in result["models"]]
        assert len(result["models"]) < 12
    assert run(data, "models", "em500") == 0
    assert "milesight-iot/em500-smtc" in capsys.readouterr().out


def test_no_word_of_the_models_is_broken_on_a_terminal_of_80_columns(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, result = said(data, capsys, "models")
    assert run(data, "models") == 0
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines() if line[0] in "┏│└") <= 80
    for facts in result["models"]:
        for word in (facts["model"], *facts["name"].split(), *facts["quantities"]):
            assert re.search(rf"[ │]{re.escape(word)}[ │]", shown), word


def test_a_word_that_no_model_has_is_answered_with_the_nearest_one(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "models", "em500-smtx") == 1
    assert "Did you mean em500-smt" in capsys.readouterr().out


def test_a_frame_is_explained_field_by_field(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = "0d4e0000" + "07a5ff7e0064" + "10"
    code, result = said(data, capsys, "check", "--model", "dragino/lse01", "--hex", frame, "--port", 2)
    assert code == 0
    assert (result["model"], result["why"], result["read"]) == ("dragino/lse01", "--model says so", ["bytes"])
    becomes = {note["name"]: (note["quantity"], note["value"], note["unit"]) for note in result["fields"]}
    assert becomes["water_SOIL"] == ("volumetric_water_content", 0.1957, "m3/m3")
    assert becomes["temp_SOIL"] == ("soil_temperature", -1.3, "Cel")
    assert becomes["conduct_SOIL"] == ("bulk_ec", 0.1, "dS/m")
    assert run(data, "check", "--model", "lse01", "--hex", "0D 4E 00 00 07 A5 FF 7E 00 64 10") == 0
    shown = capsys.readouterr().out
    assert "Model: dragino/lse01 · " in shown
    assert "--model lse01 is a name of it." in shown
    assert "0.1957 m3/m3" in shown
    assert "Nothing was stored." in shown


@pytest.mark.parametrize(
    ("frame", "code"), [("0d4e", "frame_truncated"), ("0d4e000007a5ff7e0064100000", "frame_truncated")]
)
def test_a_frame_that_would_be_refused_is_a_problem_and_says_why(
    data: Path, capsys: pytest.CaptureFixture[str], frame: str, code: str
) -> None:
    exit_code, result = said(data, capsys, "check", "--model", "dragino/lse01", "--hex", frame)
    assert exit_code == 1
    assert [fault["code"] for fault in result["refused"]] == [code]
    assert run(data, "check", "--model", "dragino/lse01", "--hex", frame) == 1
    assert "expected 11 bytes" in capsys.readouterr().out


def test_an_uplink_in_a_file_tells_its_model_and_what_is_left_out(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "uplink.json"
    fields = {"water_SOIL": "NoSensor", "temp_SOIL": "wet", "conduct_SOIL": 120, "temp_DS18B20": "1", "extra": 1}
    file.write_text(json.dumps(chirpstack(fields | {"Bat": 3.4, "BatV": 3.4})), encoding="utf-8")
    code, result = said(data, capsys, "check", file)
    assert code == 1
    assert (result["model"], result["device_id"]) == ("dragino/lse01", EUI)
    assert result["why"] == "no other model has conduct_SOIL and water_SOIL"
    assert fates(result) == {
        "water_SOIL": "no value",
        "temp_SOIL": "refused",
        "conduct_SOIL": "kept",
        "Bat": "kept",
        "BatV": "said already",
        "temp_DS18B20": "ignored",
        "extra": "ignored",
    }
    whys = {note["name"]: note["why"] for note in result["fields"]}
    assert whys["temp_DS18B20"] == "a probe on a cable whose place nobody knows"
    assert whys["extra"] == "not in the model's table"
    assert run(data, "check", file) == 1
    assert "value_not_understood" in capsys.readouterr().out


def test_the_register_and_the_option_say_the_model_before_the_name_does(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "uplink.json"
    file.write_text(json.dumps(things_stack(data=bytes.fromhex("0c28"), f_port=1)), encoding="utf-8")
    code, result = said(data, capsys, "check", file)
    assert (code, result["model"], result["refused"][0]["code"]) == (1, None, "undecoded")
    code, result = said(data, capsys, "check", file, "--model", "teneo-iot/soil-moisture-sensor")
    assert (code, result["soil"][0]["volumetric_water_content"]) == (0, 0.4)
    assert result["why"] == "--model says so"
    assert run(data, "add", EUI, "--model", "teneo-iot/soil-moisture-sensor") == 0
    code, result = said(data, capsys, "check", file)
    assert (code, result["model"]) == (0, "teneo-iot/soil-moisture-sensor")


def test_records_of_the_devices_memory_are_shown_one_by_one(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "uplink.json"
    fields = {"moisture": 20, "history": [{"timestamp": 1782788400, "moisture": 30.0}]}
    file.write_text(json.dumps(chirpstack(fields, profile="EM500-SMTC")), encoding="utf-8")
    assert run(data, "check", file) == 0
    shown = capsys.readouterr().out
    assert "history[0].moisture" in shown
    assert "2 soil rows" in shown


def test_an_unknown_models_fields_are_told_too(data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "uplink.json"
    file.write_text(json.dumps(chirpstack({"soil_moisture": 23.5, "humidity": 60})), encoding="utf-8")
    code, result = said(data, capsys, "check", file)
    assert (code, result["model"]) == (0, None)
    assert fates(result) == {"soil_moisture": "kept", "humidity": "ignored"}
    assert run(data, "check", file) == 0
    assert "unknown" in capsys.readouterr().out


def test_a_depth_in_a_fields_name_is_told_as_a_depth(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pack = [{"n": name, "u": "%", "v": 18.3} for name in ("10cm/soil_moisture", "ch2/soil_moisture", "soil_moisture")]
    file = tmp_path / "pack.json"
    file.write_text(json.dumps(pack), encoding="utf-8")
    words = ("check", "--topic", "greensward/v1/beichen/probe-7/senml", file)
    _, result = said(data, capsys, *words)
    assert [(note["depth_cm"], note["channel"]) for note in result["fields"]] == [(10.0, None), (None, 2), (None, 1)]
    run(data, *words)
    shown = capsys.readouterr().out
    assert ("[1]" in shown, "[2]" in shown, " 10 cm" in shown) == (True, True, True)


def test_an_event_that_is_no_reading_is_left_aside_and_said_so(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "join.json"
    file.write_text("{}", encoding="utf-8")
    assert run(data, "check", file, "--topic", CHIRPSTACK.replace("/up", "/join")) == 0
    assert "A ChirpStack event of kind join." in capsys.readouterr().out


def test_a_picture_is_told_with_its_ground_or_why_it_has_none(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A Mavic 3E over the district, and the same from a gimbal that does not know where it looks."""
    file, topic = tmp_path / "exif.json", "greensward/v1/beichen/drone-07/exif"
    file.write_text(json.dumps(GROUPED))
    code, result = said(data, capsys, "check", file, "--topic", topic)
    (picture,) = result["pictures"]
    assert (code, picture["footprint_status"], picture["captured_at"]) == (0, "ok", "2026-06-15T02:30:12Z")
    assert [round(number, 3) for number in picture["footprint_corners"][:2]] == [117.1, 39.2]
    assert run(data, "check", file, "--topic", topic) == 0
    shown = capsys.readouterr().out
    assert "taken 2026-06-15 02:30:12+00:00 by the camera's clock" in shown
    assert "above take-off 41.12 m, above ground unknown, yaw -91.40°, pitch -90.00°, roll 0.00°" in shown
    assert "of ground: ok" in shown
    assert "Would be stored: 1 picture." in shown
    zeros = {f"XMP-drone-dji:Gimbal{name}Degree": "+0.00" for name in ("Yaw", "Pitch", "Roll")}
    file.write_text(json.dumps(GROUPED | zeros))
    assert run(data, "check", file, "--topic", topic) == 0
    assert "no ground by this message: unknown_pose (no_pitch)" in capsys.readouterr().out


def test_findings_poses_and_flights_are_counted_too(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "m.json"
    pose = {"gimbal_yaw": 12.3, "gimbal_pitch": -90, "gimbal_roll": 0}
    file.write_text(json.dumps({"timestamp": 1781490712000, "data": {"99-0-0": pose}}))
    assert run(data, "check", file, "--topic", "thing/product/1581F8HGX/osd") == 0
    assert "Would be stored: 1 gimbal pose." in capsys.readouterr().out
    file.write_text(json.dumps({"timestamp": 1781490712000, "data": {"2-0-0": {}}}))
    assert run(data, "check", file, "--topic", "thing/product/1581F8HGX/osd") == 0
    assert "Would be stored: nothing." in capsys.readouterr().out
    finding = {"class": "litter", "confidence": 0.9, "bbox_px": [10, 10, 50, 50]}
    native = {
        "schema": "greening.image_metadata/1", "image_id": "i1", "drone_id": "d1", "flight_id": "f1",
        "captured_at": "2026-06-15T10:30:12+08:00", "sensor": {"kind": "rgb"},
        "image": {"width_px": 4000, "height_px": 3000, "intrinsics": {"focal_35mm_mm": 24}},
        "position": {"lon": 117.1, "lat": 39.2, "height_takeoff_m": 60},
        "attitude": {"yaw_deg": 10, "pitch_deg": -90, "roll_deg": 0}, "detections": [finding, finding | {"bbox": 1}],
    }  # fmt: skip
    topic = "greensward/v1/beichen/d1/image"
    file.write_text(json.dumps(native))
    assert run(data, "check", file, "--topic", topic) == 0
    assert "    2 findings\n" in capsys.readouterr().out
    file.write_text(json.dumps(native | {"detections": [finding, finding | {"confidence": 87}]}))
    assert run(data, "check", file, "--topic", topic) == 1
    assert "1 finding; counts as not looked at" in capsys.readouterr().out


def test_a_line_of_mosquitto_sub_is_read_from_standard_input(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"{CHIRPSTACK} {json.dumps(chirpstack({'soil_moisture': 20}))}\n".encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line)))
    code, result = said(data, capsys, "check", "-")
    assert (code, result["message"]) == (0, CHIRPSTACK)


def test_native_messages_and_wrapped_ones_tell_their_topic() -> None:
    native = b'{"schema": "greening.soil_reading/1", "device_id": "probe-1"}'
    assert split_message(native, None, "beichen") == ("greensward/v1/beichen/probe-1/soil", native)
    assert split_message(b'{"topic": "a/b", "payload": {"x": 1}}', None, "beichen") == ("a/b", b'{"x": 1}')
    assert split_message(b'{"topic": "a/b", "payload": "x"}', None, "beichen") == ("a/b", b"x")
    assert split_message(b"anything", "a/b", "beichen") == ("a/b", b"anything")


@pytest.mark.parametrize("message", [b"", b"  \n", b"hello", b"[1]", b"{}", b'{"x": 1}', b"\xff\xfe"])
def test_a_message_that_does_not_tell_its_topic_is_asked_for_one(message: bytes) -> None:
    with pytest.raises(ConfigError, match="--topic"):
        split_message(message, None, "beichen")


def test_what_a_decoder_gives_by_itself_is_answered_with_how_to_try_it(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    decoded = {"water_SOIL": "18.30", "temp_SOIL": "21.40", "Bat": 3.61}
    with pytest.raises(ConfigError, match="tried within an uplink") as told:
        split_message(json.dumps(decoded).encode(), None, "beichen")
    written = re.search(r"uplink: (\{.*\}), with --model", str(told.value))
    assert written is not None
    file = tmp_path / "uplink.json"
    file.write_text(written[1].replace("{…}", json.dumps(decoded)), encoding="utf-8")
    code, result = said(data, capsys, "check", file, "--model", "dragino/lse01")
    assert (code, len(result["soil"])) == (0, 1)


def test_hex_is_read_as_people_write_it() -> None:
    assert read_hex("0x0D:4e 00-01") == bytes.fromhex("0d4e0001")
    for bad in ("", "0d4", "zz", "0d 4e g0"):
        with pytest.raises(ConfigError, match="pairs of hex digits"):
            read_hex(bad)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ((), "Name a file"),
        (("--model", "dragino/lse01"), "Name a file"),
        (("--hex", "00"), "--hex stands with --model"),
        (("--model", "dragino/lse01", "--hex", "00", "--topic", "a"), "--hex stands with --model"),
        (("--model", "dragino/lse01", "--hex", "00", "--port", "256"), "0 to 255"),
        (("--model", "dragino/lse02", "--hex", "00"), "Did you mean dragino/"),
        (("--model", "milesight/lse01", "--hex", "00"), "is not known. Did you mean dragino/lse01?"),
        (("--model", "my lse01", "--hex", "00"), "is not known. Did you mean dragino/lse01?"),
        (("/nowhere/at/all.json",), "No such file"),
    ],
)
def test_wrong_use_says_what_to_write_instead(data: Path, words: tuple[str, ...], hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        run(data, "check", *words)


def test_what_no_parser_likes_ends_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="no JSON"):
        split_message(b"[" * 200_000, None, "beichen")
    half_a_character = rb'{"topic": "a/\ud800", "payload": "\ud800"}'
    assert split_message(half_a_character, None, "beichen") == ("a/?", b"\xed\xa0\x80")
    topic, _ = split_message(rb'{"devEUI": "\udfff"}', None, "beichen")
    assert topic == "application/check/device/?/event/up"


@pytest.mark.parametrize("document", [loriot(_LSE01), thingpark(data=_LSE01), everynet(_LSE01)])
def test_a_document_of_a_server_whose_topic_one_chooses_tells_its_topic(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, document: dict[str, Any]
) -> None:
    topic, payload = split_message(json.dumps(document).encode(), None, "beichen")
    assert topic.lower() == UPLINK
    assert json.loads(payload) == document
    file = tmp_path / "uplink.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    code, result = said(data, capsys, "check", "--model", "dragino/lse01", file)
    assert (code, result["read"]) == (0, ["bytes"])
    assert [note["value"] for note in result["fields"] if note["name"] == "water_SOIL"] == [0.1957]
