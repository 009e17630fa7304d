"""compose/compose.yaml and compose/Dockerfile, held against rules; each rule is seen to catch its breach."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from greensward.given_settings import load
from ingest.heap import SPARING
from tests.compose.rules import breaches
from tests.compose.site import COMPOSE

ROOT = COMPOSE.parent
SHIPPED: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = SHIPPED["services"]


def test_the_shipped_file_breaks_no_rule() -> None:
    assert breaches(SHIPPED) == []
    assert set(SERVICES) == {"mosquitto", "ingest", "flags", "web", "send"}
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["send"]


@pytest.mark.parametrize(
    "change",
    [
        {"image": "eclipse-mosquitto:latest"},
        {"image": "eclipse-mosquitto"},
        {"image": "eclipse-mosquitto:2"},
        {"user": "0:0"},
        {"user": "root"},
        {"user": None},
        {"read_only": False},
        {"cap_drop": []},
        {"cap_add": ["NET_ADMIN"]},
        {"privileged": True},
        {"security_opt": []},
        {"restart": "no"},
        {"mem_limit": None},
        {"healthcheck": {}},
        {"logging": {}},
        {"volumes": ["./site:/mosquitto/site"]},
        {"volumes": ["/var/run/docker.sock:/s:ro"]},
        {"volumes": ["nowhere:/x"]},
        {"secrets": ["unknown"]},
        {"environment": {"BROKER_PASSWORD": "x"}},
    ],
    ids=str,
)
def test_every_rule_catches_its_breach(change: dict[str, Any]) -> None:
    broken = copy.deepcopy(SHIPPED)
    broken["services"]["mosquitto"].update(change)
    assert len(breaches(broken)) == 1


def test_only_the_devices_and_readers_ports_face_the_network() -> None:
    ports = {name: service.get("ports", []) for name, service in SERVICES.items()}
    web = ["127.0.0.1:8080:8080"]
    assert ports == {"mosquitto": ["8883:8883", "8885:8885"], "ingest": [], "flags": [], "web": web, "send": []}
    assert SHIPPED["networks"]["inside"]["internal"] is True
    assert SERVICES["ingest"]["networks"] == ["inside"]


def test_what_is_mounted_is_what_setup_makes(own_site: Path) -> None:
    wanted = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    wanted += [secret["file"] for secret in SHIPPED["secrets"].values()]
    for source in wanted:
        if source.startswith("./site/"):
            assert (own_site / source.removeprefix("./site/")).exists(), source
        elif source.startswith("."):
            assert (COMPOSE / source).exists(), source
    if os.getuid() == 0:  # only root can give files away; for others setup says what to run
        assert (own_site / "secrets" / "broker-password").stat().st_uid == int(SERVICES["ingest"]["user"].split(":")[0])
        assert (own_site / "broker" / "acl").stat().st_uid == int(SERVICES["mosquitto"]["user"].split(":")[0])


def test_ingest_is_started_so_that_it_gives_memory_back() -> None:
    assert SPARING.items() <= SERVICES["ingest"]["environment"].items()


def test_the_settings_in_the_environment_are_settings(own_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            monkeypatch.setenv(variable, re.sub(r"\$\{.*", "https://lists.example.org", value))
    for variable, value in re.findall(r"(GREENSWARD__\w+)=(\S+)", (COMPOSE / "Dockerfile").read_text("utf-8")):
        monkeypatch.setenv(variable, value)
    settings = load(own_site / "greensward.toml")
    assert settings.broker.port == 8884
    assert settings.site.district == "beichen"
    assert str(settings.data_folder().root) == "/var/lib/greensward"
    assert "listener 8884" in (COMPOSE / "mosquitto" / "mosquitto.conf").read_text("utf-8")


def test_the_image_is_built_from_what_exists_and_runs_as_nobody_in_particular() -> None:
    text = (COMPOSE / "Dockerfile").read_text(encoding="utf-8")
    assert "latest" not in text
    assert text.count("FROM ${PYTHON}") == 2
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users == [SERVICES["ingest"]["user"]]
    ignored = (COMPOSE / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored, source


def test_the_commands_are_commands_of_greensward() -> None:
    assert [SERVICES[name]["command"][0] for name in ("ingest", "flags", "web", "send")] == [
        "ingest", "flag", "serve", "send"
    ]  # fmt: skip


def uv() -> str:
    """Return the uv that `./run` uses."""
    own = ROOT / ".boot" / "bin" / "uv"
    found = shutil.which("uv") or (str(own) if own.exists() else None)
    assert found, "uv is needed: ./run test brings it"
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it as the Dockerfile does, and return the folder of the programs."""
    folder = tmp_path_factory.mktemp("image")
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}

    def run(*arguments: str | Path) -> None:
        command = [uv(), *map(str, arguments)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)
        assert done.returncode == 0, done.stderr

    subprocess.run([ROOT / "run", "build", folder / "dist"], check=True, env=environment)
    run("export", "--locked", "--no-dev", "--no-emit-project", "--quiet", "--output-file", folder / "requirements.txt")
    run("venv", "--quiet", "--python", sys.executable, folder / "venv")
    python = folder / "venv" / "bin" / "python"
    run("pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", folder / "requirements.txt")
    run("pip", "install", "--quiet", "--python", python, "--no-deps", next((folder / "dist").glob("*.whl")))
    return folder / "venv" / "bin"


def test_the_wheel_runs_far_from_the_repository(installed: Path, tmp_path: Path) -> None:
    environment = {"PATH": f"{installed}:/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}

    def said(*command: str, code: int = 0) -> str:
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == code, done.stderr
        return done.stdout

    assert "ingest" in said("greensward", "--help")
    assert "[broker]" in said("greensward", "config")
    (tmp_path / "data" / "lake").mkdir(parents=True)
    assert said("greensward", "flag", "--json", "-C", str(tmp_path / "data")).strip() == "[]"
    assert "ingest: never ran here" in said("python", "-m", "greensward.health", code=1)
    where = said("python", "-c", "import greensward, ingest, sql, crews, schemas; print(schemas.__file__)")
    assert str(installed.parent) in where


def test_a_release_lists_all_that_it_brings_and_its_own_sums(installed: Path) -> None:
    dist = installed.parents[1] / "dist"
    bill = json.loads((dist / "greensward-sbom.cdx.json").read_text(encoding="utf-8"))
    listed = {(part["name"], part["version"]) for part in bill["components"]}
    packages = next((installed.parent / "lib").glob("python3*")) / "site-packages"
    brought = {(one.name.lower().replace("_", "-"), one.version) for one in distributions(path=[str(packages)])}
    assert brought - {("greensward", bill["metadata"]["component"]["version"])} <= listed
    assert {part["name"] for part in bill["components"]}.isdisjoint({"pytest", "mypy"}), "nothing of our workshop"
    sums = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], check=True, cwd=dist, capture_output=True, text=True
    )
    assert sorted(line.rpartition(":")[0] for line in sums.stdout.splitlines()) == sorted(
        path.name for path in dist.glob("greensward-*")
    )


def test_the_wheel_holds_every_file_that_is_no_code(installed: Path) -> None:
    packages = next((installed.parent / "lib").glob("python3*")) / "site-packages"
    kinds = {".sql", ".toml", ".json", ".yaml", ".csv", ".html", ".css", ".svg"}
    missing = [
        path.relative_to(ROOT)
        for package in ("greensward", "ingest", "sql", "crews", "schemas")
        for path in (ROOT / package).rglob("*")
        if path.suffix in kinds and not (packages / path.relative_to(ROOT)).exists()
    ]
    assert missing == []
