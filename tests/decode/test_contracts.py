"""The contracts in schemas/ say what the decoders do."""

from __future__ import annotations

import ast
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from paho.mqtt.client import topic_matches_sub

import ingest.decode
from crews.notices.topic import list_topic
from ingest.decode import schema_faults
from ingest.decode.device_models import absent_marks, all_models, unknown_fields
from ingest.decode.fault_codes import FAULT_CODES, IGNORED_CODES, QUARANTINE_CODES
from ingest.decode.quantities import CONVERSIONS, QUANTITIES, units_of
from ingest.decode.route import subscriptions
from ingest.decode.schema_faults import schema
from ingest.observation import DeviceStatus, SoilReading, WeatherReading
from tests.decode.conftest import Publish
from tests.decode.lorawan import EUI

CONTRACTS = ("soil_reading", "device_state", "image_metadata", "device_reply", "weather_forecast")
TOPICS = {"soil_reading": "soil", "device_state": "state", "image_metadata": "image"}


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    text = (resources.files("schemas") / "asyncapi.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_message_schema_is_a_schema_and_its_examples_fit(name: str) -> None:
    contract = schema(name)
    jsonschema_rs.meta.validate(contract)
    for example in contract.get("examples", ()):  # type: ignore[attr-defined]
        assert schema_faults.schema_faults(name, example) == ()


@pytest.mark.parametrize("name", ["soil_reading", "device_state"])
def test_every_example_of_a_schema_is_decoded_without_a_fault(name: str, publish: Publish) -> None:
    for example in schema(name)["examples"]:  # type: ignore[attr-defined]
        decoded = publish(f"greensward/v1/beichen/{example.get('device_id', 'probe-1')}/{TOPICS[name]}", example)
        assert decoded.parts_refused == ()
        assert decoded.soil or decoded.weather or decoded.status


def test_the_image_contract_is_taken_over_as_it_is(shared: Path) -> None:
    ours = (resources.files("schemas") / "messages" / "image_metadata.schema.json").read_bytes()
    assert ours == (shared / "data" / "drone" / "image_metadata.schema.json").read_bytes()


def test_the_soil_schema_takes_the_quantities_and_units_that_the_decoder_takes() -> None:
    reading: dict[str, Any] = schema("soil_reading")["$defs"]["reading"]  # type: ignore[index]
    native = [quantity.name for quantity in QUANTITIES.values() if quantity.kind != "status"]
    assert reading["properties"]["quantity"]["enum"] == native
    units = {
        rule["if"]["properties"]["quantity"]["const"]: tuple(rule["then"]["properties"]["unit"]["enum"])
        for rule in reading["allOf"]
    }
    assert units == {name: units_of(name) for name in native}


def test_every_quantity_has_a_column_of_its_row_class_and_its_own_unit() -> None:
    rows = {"soil": SoilReading, "weather": WeatherReading, "status": DeviceStatus}
    for quantity in QUANTITIES.values():
        assert quantity.column in rows[quantity.kind].__struct_fields__
        assert CONVERSIONS[quantity.name, quantity.unit].apply(0.1) == 0.1


def _resolve(document: dict[str, Any], reference: str) -> object:
    if not reference.startswith("#/"):
        return json.loads((resources.files("schemas") / reference).read_text(encoding="utf-8"))
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [reference for value in part.values() for reference in _references(value)]
    return [reference for value in part for reference in _references(value)] if isinstance(part, list) else []


def test_every_reference_of_the_asyncapi_document_leads_somewhere(asyncapi: dict[str, Any]) -> None:
    assert asyncapi["asyncapi"] == "3.0.0"
    references = _references(asyncapi)
    assert references
    for reference in references:
        assert _resolve(asyncapi, reference)


def test_the_asyncapi_document_has_a_channel_and_an_operation_for_every_topic_of_ours(asyncapi: dict[str, Any]) -> None:
    addresses = {name: channel["address"] for name, channel in asyncapi["channels"].items()}
    native = ("soil", "state", "image", "exif", "mavlink", "plan", "senml", "uplink", "forecast", "reply")
    ours = {kind: f"greensward/v1/{{district}}/{{device_id}}/{kind}" for kind in native}
    ours["crewList"] = list_topic("{district}", "{crew_id}")
    assert {name: address for name, address in addresses.items() if address.startswith("greensward/")} == ours
    actions = {operation["channel"]["$ref"]: operation["action"] for operation in asyncapi["operations"].values()}
    sent = {"reply", "alinkReply", "onenetReply", "sparkplugCommand", "crewList"}
    assert actions == {f"#/channels/{name}": "send" if name in sent else "receive" for name in addresses}
    for channel in asyncapi["channels"].values():
        assert set(channel["parameters"]) == set(re.findall(r"{(\w+)}", channel["address"]))


def test_every_topic_that_the_asyncapi_document_receives_is_subscribed(asyncapi: dict[str, Any]) -> None:
    filters = [topic for topic, _ in subscriptions("beichen")]
    received = [one["channel"]["$ref"] for one in asyncapi["operations"].values() if one["action"] == "receive"]
    for reference in received:
        channel = asyncapi["channels"][reference.rpartition("/")[2]]
        kinds = channel["parameters"].get("kind", {}).get("enum", [""])
        for kind in kinds:
            topic = channel["address"].replace("{district}", "beichen").replace("{kind}", kind)
            assert any(topic_matches_sub(one, topic) for one in filters), topic


def test_a_device_may_write_to_every_native_topic_that_the_asyncapi_document_receives(asyncapi: dict[str, Any]) -> None:
    acl = (Path(__file__).resolve().parents[2] / "compose" / "mosquitto" / "acl.in").read_text(encoding="utf-8")
    channels = [one["channel"]["$ref"] for one in asyncapi["operations"].values() if one["action"] == "receive"]
    addresses = [asyncapi["channels"][one.rpartition("/")[2]]["address"] for one in channels]
    native = [address for address in addresses if address.startswith("greensward/")]
    lines = [f"pattern write {one}".replace("{district}", "@DISTRICT@").replace("{device_id}", "%u") for one in native]
    assert lines
    assert set(lines) <= set(acl.splitlines())


def test_ingests_user_may_write_every_crews_list_and_a_crew_reads_its_own(asyncapi: dict[str, Any]) -> None:
    acl = (Path(__file__).resolve().parents[2] / "compose" / "mosquitto" / "acl.in").read_text(encoding="utf-8")
    address = asyncapi["channels"]["crewList"]["address"].replace("{district}", "@DISTRICT@")
    of_ingest = acl.partition("user greensward\n")[2].partition("\nuser ")[0]
    assert f"topic write {address.replace('{crew_id}', '+')}" in of_ingest.splitlines()
    of_crew = acl.partition("user crew-1\n")[2].partition("\n\n")[0]
    assert f"topic read {address.replace('{crew_id}', 'crew-1')}" in of_crew.splitlines()


def test_every_example_of_the_asyncapi_document_fits_and_is_decoded(asyncapi: dict[str, Any], publish: Publish) -> None:
    tried = 0
    for message in asyncapi["components"]["messages"].values():
        if "schema" not in message["payload"]:
            continue
        name = message["payload"]["schema"]["$ref"].removeprefix("messages/").removesuffix(".schema.json")
        for example in message.get("examples", ()):
            assert schema_faults.schema_faults(name, example["payload"]) == ()
            device = example["payload"].get("drone_id", "probe-0117")
            decoded = publish(f"greensward/v1/beichen/{device}/{TOPICS[name]}", example["payload"])
            assert decoded.soil or decoded.status or decoded.images
            tried += 1
    assert tried == len(TOPICS)


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ("senml", "senmlPack"),
        ("uplink", "serverUplink"),
        ("alink", "alinkProperties"),
        ("onenet", "alinkProperties"),
        ("iotda", "iotdaProperties"),
    ],
)
def test_every_example_of_another_s_format_fits_and_is_decoded(
    asyncapi: dict[str, Any], publish: Publish, channel: str, message: str
) -> None:
    device = EUI if channel == "uplink" else "probe-0117"
    topic = re.sub(r"{(\w+)}", device, asyncapi["channels"][channel]["address"].replace("{district}", "beichen"))
    described = asyncapi["components"]["messages"][message]
    for example in described["examples"]:
        assert jsonschema_rs.is_valid(described["payload"], example["payload"])
        decoded = publish(re.sub("sys/probe-0117(?=/probe)", "sys/a1ILGykZVhP", topic), example["payload"])
        assert decoded.soil
        assert decoded.parts_refused == ()
        if channel in ("alink", "onenet"):
            assert decoded.reply is not None
            answer = asyncapi["components"]["messages"][f"{channel}Answer"]["payload"]
            assert jsonschema_rs.is_valid(answer, json.loads(decoded.reply.payload))


def _codes_in_source() -> set[str]:
    found = set()
    decoders = Path(next(iter(ingest.decode.__path__)))
    sealing = (decoders.parent / "seal" / name for name in ("expired.py", "judged.py"))
    for path in (*decoders.rglob("*.py"), *sealing):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fault":
                given = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "code")]
                found |= {part.value for arg in given for part in ast.walk(arg) if isinstance(part, ast.Constant)}
    return {code for code in found if isinstance(code, str)}


def test_every_code_that_a_decoder_gives_is_listed_and_every_listed_one_is_given() -> None:
    by_schema = {*schema_faults._CODES.values(), *schema_faults._ENUM_CODES.values(), schema_faults.OTHER}
    assert set(FAULT_CODES) == _codes_in_source() | by_schema


@pytest.mark.parametrize("listed", [FAULT_CODES, QUARANTINE_CODES, IGNORED_CODES])
def test_every_code_has_a_sentence_in_both_languages(listed: dict[str, Any]) -> None:
    for code, meaning in listed.items():
        assert code.replace("_", "").isalnum()
        assert meaning.en.endswith(".")
        assert meaning.zh.endswith("。")


def test_every_device_model_can_be_found_by_its_names() -> None:
    aliases = [alias for model in all_models().values() for alias in model.aliases]
    assert len(aliases) == len(set(aliases))
    for model in all_models().values():
        assert model.fields
        assert model.source
        assert model.model_id.partition("/")[2]


def test_marks_for_no_value_belong_to_quantities() -> None:
    assert set(absent_marks().by_quantity) <= set(QUANTITIES)
    fields, units = unknown_fields()
    assert set(fields.values()) <= set(QUANTITIES)
    assert all((quantity, unit) in CONVERSIONS for quantity, unit in units.items())


@pytest.mark.parametrize(
    ("name", "message", "pointer", "expected"),
    [
        ("soil_reading", {"readings": []}, "/readings", "at least 1 item"),
        ("image_metadata", {"image_id": ""}, "/image_id", "at least 1 character"),
        ("image_metadata", {"drone_id": "a" * 65}, "/drone_id", "at most 64 characters"),
    ],
)
def test_a_count_that_is_wrong_is_told_with_what_is_counted(
    name: str, message: dict[str, object], pointer: str, expected: str
) -> None:
    assert expected in {
        fault.expected for fault in schema_faults.schema_faults(name, message) if fault.pointer == pointer
    }
