"""docs/operators.md says what the program does: settings, findings, units, links."""

from __future__ import annotations

import configparser
import json
import re
import tomllib

import msgspec
import pytest

from greensward.channel_settings import KINDS, meaning_of
from greensward.settings import Settings
from ingest.heap import SPARING
from tests.compose.site import COMPOSE

ROOT = COMPOSE.parent
PAGE = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
UNITS = [text for kind, text in BLOCKS if kind == "ini"]


def settings() -> list[tuple[str, str, object]]:
    """Return section, key and default of every setting."""
    everything = Settings()
    return [
        (section, key, getattr(getattr(everything, section), key))
        for section in everything.__struct_fields__
        if section != "send"  # a table of its own
        for key in getattr(everything, section).__struct_fields__
    ]


@pytest.mark.parametrize(("section", "key", "default"), settings())
def test_every_setting_is_in_the_table_with_its_default_and_meaning(section: str, key: str, default: object) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| [{section}] {key} |")]
    assert len(rows) == 1
    _, _, written, meaning, _ = (cell.strip() for cell in rows[0].split("|"))
    assert written == f"`{json.dumps(default, ensure_ascii=False)}`"
    assert meaning
    assert meaning == Settings().meaning(section, key)


def test_no_row_names_a_setting_that_is_none() -> None:
    written = re.findall(r"^\| \[(\w+)\] (\w+) \|", PAGE, re.MULTILINE)
    assert sorted(written) == sorted((section, key) for section, key, _ in settings())


def channel_keys() -> dict[str, tuple[set[str], object, str]]:
    """Return of every key of [send.NAME] the kinds that have it, its default (msgspec.NODEFAULT: none), its meaning."""
    keys: dict[str, tuple[set[str], object, str]] = {}
    for name, kind in KINDS.items():
        for field in msgspec.structs.fields(kind):
            keys.setdefault(field.name, (set(), field.default, meaning_of(kind, field.name)))[0].add(name)
    return keys


@pytest.mark.parametrize("key", sorted(channel_keys()))
def test_every_key_of_a_channel_is_in_its_table_with_its_kinds_default_and_meaning(key: str) -> None:
    kinds, default, meaning = channel_keys()[key]
    table = PAGE.partition("\n| key | of kind |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith(f"| {key} | ")]
    assert len(rows) == 1
    _, _, of, written, said, _ = (cell.strip() for cell in rows[0].split("|"))
    assert of == (
        "all"
        if kinds == set(KINDS)
        else "all but mqtt"
        if kinds == set(KINDS) - {"mqtt"}
        else ", ".join(name for name in KINDS if name in kinds)
    )
    assert written == ("" if default is msgspec.NODEFAULT else f"`{json.dumps(default, ensure_ascii=False)}`")
    assert said == meaning


def test_every_finding_of_doctor_and_readyz_has_its_mend() -> None:
    files = [ROOT / "greensward" / "health.py", *(ROOT / "greensward" / "commands").glob("doctor*.py")]
    source = "".join(file.read_text("utf-8") for file in files)
    kinds = set(re.findall(r'(?:Finding|Problem)\(\s*"([a-z ]+)"', source)) - {"all", "settings"}
    assert {"disk", "canary", "evaluation"} <= kinds
    table = PAGE.partition("find, and the mend")[2].partition("\n## ")[0]
    for kind in kinds | {"plots", "devices"}:
        assert re.search(rf"^\| (?:[a-z, ]*, )?{kind}\b", table, re.MULTILINE), kind


def test_the_settings_file_of_the_units_is_one() -> None:
    text = next(text for kind, text in BLOCKS if kind == "toml")
    given = msgspec.convert(tomllib.loads(text), Settings)
    assert given.data_folder().root.as_posix() == "/var/lib/greensward"
    assert given.broker.ca_file


def test_the_units_end_in_time_and_gain_nothing() -> None:
    assert len(UNITS) == 4
    commands = []
    for text in UNITS:
        unit = configparser.ConfigParser(interpolation=None, strict=True)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(text)
        service = dict(unit["Service"])
        commands.append(service["ExecStart"].removeprefix("/opt/greensward/bin/greensward "))
        assert service["User"] == "greensward"
        assert service["NoNewPrivileges"] == "yes"
        assert service["ProtectSystem"] == "strict"
        assert service["StateDirectory"] == "greensward"
        assert service["RestartPreventExitStatus"] == "2"
        assert unit["Unit"]["StartLimitIntervalSec"] == "0"
        told = [f"{name}={text}" for name, text in SPARING.items() if commands[-1] == "ingest"]
        assert service.get("Environment", "").split() == told
    assert commands == ["ingest", "flag --every 30", "serve", "send"]


def test_every_link_inside_the_page_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([a-z-]+)\)", PAGE)) <= headings


def test_every_file_it_names_is_there() -> None:
    for name in re.findall(r"(?:compose|docs|tests|bench)/[\w./-]*\w", PAGE):
        if not name.startswith("compose/site") and name != "compose/.env":
            assert (ROOT / name).exists(), name
