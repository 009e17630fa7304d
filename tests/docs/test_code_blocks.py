"""What the pages show works: commands parse, messages decode, queries have answers, settings are settings."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from greensward.acceptance.in_chinese import in_chinese
from greensward.cli import app
from greensward.commands.sql import open_for_questions
from greensward.given_settings import load
from greensward.settings import Settings
from ingest.decode.context import DecodeContext
from ingest.decode.route import decode, refusal_reply
from ingest.decode.schema_faults import schema_faults
from ingest.errors import Fault, PayloadError
from ingest.observation import Message
from ingest.registers.plot_history import standing_plots
from ingest.registers.plots import check_plots
from ingest.site import BEICHEN
from tests.docs.code_blocks import ROOT, Block, anchors, blocks, commands, links

RECEIVED_AT = datetime(2026, 7, 2, 1, 0, tzinfo=UTC)
_NATIVE = {"soil_reading": "soil", "device_state": "state", "image_metadata": "image"}


def _id(value: Block | str | list[str]) -> str:
    if isinstance(value, Block):
        return value.where
    return value if isinstance(value, str) else " ".join(value)


@pytest.mark.parametrize(("where", "arguments"), commands(), ids=_id)
def test_every_command_that_a_page_shows_is_understood(where: str, arguments: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        app.parse_args(arguments, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("block", blocks("sql"), ids=_id)
def test_every_query_that_a_page_shows_has_an_answer(
    block: Block, demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_files = "read_parquet(" in block.text
    monkeypatch.chdir(demo_folder.parent if "greensward-demo/" in block.text else demo_folder)
    settings = load(None, demo_folder)
    with duckdb.connect() if reads_files else open_for_questions(settings) as lake:
        for statement in lake.extract_statements(block.text):
            assert lake.execute(statement).fetchall(), f"{block.where}: no rows"


@pytest.mark.parametrize("block", [block for block in blocks("json") if block.note != "wrong"], ids=_id)
def test_every_message_that_a_page_shows_as_good_decodes(block: Block) -> None:
    said = json.loads(block.text)
    if isinstance(said, dict) and said.get("type") == "FeatureCollection":
        standing = standing_plots([], [], RECEIVED_AT)
        check = check_plots(block.text.encode(), site=BEICHEN, today=RECEIVED_AT.date(), standing=standing)
        assert check.plots
        assert not [finding for finding in check.findings if finding.severity == "fault"]
    elif isinstance(said, dict) and said.get("schema") == "greening.device_reply/1":
        assert not schema_faults("device_reply", said)
    elif (topic := block.note or _topic(said)) is not None:
        decoded = decode(Message(1, RECEIVED_AT, topic, block.text.encode()), DecodeContext(BEICHEN, {}))
        assert not decoded.parts_refused
        assert decoded.soil or decoded.status or decoded.images
        assert all(image.quarantine is None for image in decoded.images)


def test_the_wrong_message_gets_the_answer_that_the_page_prints() -> None:
    shown = blocks("json")
    places = [place for place, block in enumerate(shown) if block.note == "wrong"]
    assert places
    for place in places:
        printed = json.loads(shown[place + 1].text)
        received_at = datetime.fromisoformat(printed["received_at"])
        payload = shown[place].text.rstrip("\n").encode()
        message = Message(1, received_at, "greensward/v1/beichen/probe-0117/soil", payload)
        assert _answer(message) == printed


def _answer(message: Message) -> object:
    context = DecodeContext(BEICHEN, {})
    try:
        reply = decode(message, context).reply
    except PayloadError as error:
        reply = refusal_reply(message, error)
    assert reply is not None
    return json.loads(reply.payload)


def _mistakes() -> list[tuple[str, str, str]]:
    """Return each row of the makers' table of mistakes: what is put in instead, the answer, and what is stored."""
    page = (ROOT / "docs" / "device-makers.md").read_text(encoding="utf-8")
    table = page.partition("| instead | answer | stored |\n")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(.+?)` \| `(\w+)`.* \| (.+?) \|$", table, re.MULTILINE)


@pytest.mark.parametrize(("instead", "answer", "stored"), _mistakes(), ids=str)
def test_each_mistake_of_the_makers_page_gets_the_answer_that_the_page_says(
    instead: str, answer: str, stored: str
) -> None:
    said = json.loads(next(block.text for block in blocks("json") if block.where.startswith("docs/device-makers.md")))
    mistake = json.loads(f"{{{instead}}}")
    (said["readings"][0] if mistake.keys() & {"quantity", "depth_cm", "channel", "value", "unit"} else said).update(
        mistake
    )
    payload = json.dumps(said, ensure_ascii=False).encode()
    message = Message(1, RECEIVED_AT, "greensward/v1/beichen/probe-0117/soil", payload)
    if stored == "nothing":
        with pytest.raises(PayloadError) as refused:
            decode(message, DecodeContext(BEICHEN, {}))
        assert refused.value.faults[0].code == answer
        assert all(_is_told_in_chinese(fault) for fault in refused.value.faults)
        return
    decoded = decode(message, DecodeContext(BEICHEN, {}))
    (fault,) = (fault for part in decoded.parts_refused for fault in part.faults)
    assert fault.code == answer
    assert _is_told_in_chinese(fault)
    (row,) = decoded.soil
    assert row.soil_temperature_c is not None
    assert row.bulk_ec_ds_m is not None
    assert (row.volumetric_water_content is None) == (stored == "the other readings")
    assert (decoded.status[0].battery_v is None) == (stored == "all but the battery")


def _is_told_in_chinese(fault: Fault) -> bool:
    """Say whether a Chinese report says what is expected in Chinese, where it is no data."""
    return fault.expected.startswith('"') or in_chinese(fault.expected) != fault.expected


def _topic(said: dict[str, Any]) -> str | None:
    """Return the topic that a message belongs on; None for what is no message."""
    if "schema" in said:
        kind = _NATIVE[said["schema"].removeprefix("greening.").partition("/")[0]]
        return f"greensward/v1/beichen/{said.get('drone_id', said.get('device_id', 'probe-0117'))}/{kind}"
    if said.get("method") == "file_upload_callback":
        return f"thing/product/{said['gateway']}/events"
    if "deviceInfo" in said:
        return f"application/1/device/{said['deviceInfo']['devEui']}/event/up"
    if "end_device_ids" in said:
        return f"v3/application/devices/{said['end_device_ids']['device_id']}/up"
    return None


@pytest.mark.parametrize("block", blocks("python"), ids=_id)
def test_every_program_that_a_page_shows_runs_where_its_packages_are(
    block: Block, demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block that needs a package which Greensward does not bring (pandas, polars) is only compiled."""
    code = compile(block.text, block.where, "exec")
    if all(importlib.util.find_spec(name) for name in _imported(block.text)):
        monkeypatch.chdir(demo_folder.parent)
        exec(code, {"__name__": "__main__"})  # noqa: S102 - the project's own pages


def _imported(text: str) -> Iterable[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("block", blocks("toml"), ids=_id)
def test_every_setting_that_a_page_shows_is_one(block: Block, tmp_path: Path) -> None:
    given = tomllib.loads(block.text)
    if set(given) & set(Settings.__struct_fields__):
        file = tmp_path / "greensward.toml"
        file.write_text(block.text, encoding="utf-8")
        load(file)


@pytest.mark.parametrize(("page", "target"), sorted(set(links())), ids=str)
def test_every_link_inside_the_repository_leads_somewhere(page: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    here = ROOT if (ROOT / page).exists() else ROOT / "docs"
    file = here / path if path else here / page
    assert file.exists(), f"{page} links to {target}"
    if anchor:
        assert anchor in anchors(file), f"{page} links to {target}; headings are {sorted(anchors(file))}"


def test_the_pages_have_blocks_of_every_kind() -> None:
    """Guards the tests above against finding nothing to test."""
    assert all(blocks(language) for language in ("sh", "sql", "json", "python", "toml"))
    assert len(commands()) > 20
    assert len(_mistakes()) > 10
