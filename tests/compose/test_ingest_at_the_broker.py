"""Ingest and doctor as programs, at the shipped broker configuration."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from greensward.canary import canary_topic
from greensward.cli import run
from greensward.commands.doctor import examine
from greensward.settings import BrokerSettings, DataSettings, Settings
from greensward.wiring import broker_of
from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.site import BEICHEN
from ingest.status import read_status, write_status
from tests.compose.clients import device, service
from tests.compose.site import SiteBroker, make_device, running
from tests.compose.test_health import WELL
from tests.waiting import PATIENCE_S, wait_until

SOIL = "greensward/v1/beichen/gs-01/soil"


def reading() -> bytes:
    value = {"quantity": "volumetric_water_content", "depth_cm": 10, "value": 0.2, "unit": "m3/m3"}
    said = {"schema": "greening.soil_reading/1", "measured_at": datetime.now(UTC).isoformat(), "readings": [value]}
    return json.dumps(said).encode()


def environment(broker: SiteBroker, folder: DataFolder) -> dict[str, str]:
    """Return the settings as containers and units give them: by environment, the password by file."""
    given = broker.settings()
    names = ("host", "port", "username", "password_file", "ca_file", "keepalive_s")
    wanted = {f"GREENSWARD__BROKER__{name.upper()}": str(getattr(given, name)) for name in names}
    return dict(os.environ) | wanted | {"GREENSWARD__DATA__FOLDER": str(folder.root)}


@contextmanager
def greensward(*arguments: str, env: dict[str, str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-m", "greensward", *arguments]
    with subprocess.Popen(
        command, env=env | {"PYTHONPATH": root}, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def settings_for(broker: SiteBroker, folder: DataFolder) -> Settings:
    return Settings(broker=broker.settings(), data=DataSettings(folder=str(folder.root)))


def findings(settings: Settings, now: datetime | None = None) -> dict[str, tuple[str, str, str]]:
    return {f.what: (f.state, f.found, f.mend) for f in examine(settings, now or datetime.now(UTC))}


def test_a_device_s_reading_reaches_the_lake_through_tls_and_rights(
    site_broker: SiteBroker, folder: DataFolder, tmp_path: Path
) -> None:
    with greensward("ingest", env=environment(site_broker, folder), cwd=tmp_path) as ingest:

        def is_connected() -> bool:
            status = read_status(folder)
            return status is not None and status.connected

        wait_until(is_connected, "ingest is connected", PATIENCE_S)
        with device(site_broker, "gs-01") as probe:
            probe.publish(SOIL, reading())
        wait_until(lambda: getattr(read_status(folder), "messages", 0) == 1, "the message is taken", PATIENCE_S)
        ingest.send_signal(signal.SIGTERM)
        _, said = ingest.communicate(timeout=PATIENCE_S)
    assert ingest.returncode == 0, said
    with open_lake(folder, BEICHEN) as lake:
        assert lake.execute("select device_id, value_count from (select device_id, count(*) as value_count from "
                            "soil_readings group by device_id)").fetchall() == [("gs-01", 1)]  # fmt: skip
    secret = Path(site_broker.settings().password_file).read_text(encoding="ascii").strip()
    assert secret not in said


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_doctor_s_canary_comes_back_and_leaves_the_worker_alone(
    site_broker: SiteBroker, folder: DataFolder, version: str
) -> None:
    settings = settings_for(site_broker, folder)
    broker = msgspec.structs.replace(settings.broker, mqtt_version=version)
    settings = msgspec.structs.replace(settings, broker=broker)
    with service(site_broker, client_id=settings.broker.client_id, clean=False) as worker:
        worker.subscribe(SOIL)
        found = findings(settings)
        assert found["broker"][0] == "ok"
        assert found["canary"][0] == "ok"
        assert found["certificate"][0] == "ok"
        with device(site_broker, "gs-01") as probe:
            probe.publish(SOIL, b"on")
        wait_until(lambda: (SOIL, b"on") in worker.heard, "the worker still hears")
        assert {topic for topic, _ in worker.heard} == {SOIL}, "it heard no canary"


def test_who_listens_where_the_rules_hide_misspelt_topics_is_told_so(
    site_broker: SiteBroker, folder: DataFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("host", "port", "username", "password_file", "ca_file"):
        monkeypatch.setenv(f"GREENSWARD__BROKER__{name.upper()}", str(getattr(site_broker.settings(), name)))
    run(["doctor", "--listen", "1", "--json", "-C", str(folder.root)])
    told = [finding for finding in json.loads(capsys.readouterr().out) if finding["what"] == "topics"]
    assert [finding["state"] for finding in told] == ["note", "note"]
    assert "outside greensward/v1/beichen/" in told[1]["found"]
    assert "Denied PUBLISH" in told[1]["mend"]


def test_a_certificate_that_ends_soon_is_said_a_month_before(site_broker: SiteBroker, folder: DataFolder) -> None:
    settings = settings_for(site_broker, folder)
    assert findings(settings, datetime.now(UTC) + timedelta(days=690))["certificate"][0] == "ok"
    assert findings(settings, datetime.now(UTC) + timedelta(days=705))["certificate"][0] == "problem"


def test_an_acl_that_grants_and_delivers_nothing_is_found_by_the_canary(own_site: Path, folder: DataFolder) -> None:
    broker = SiteBroker(own_site)
    broker.change_acl("topic read greensward/v1/beichen/#\n", "")
    with running(broker):
        with service(broker) as worker:
            worker.subscribe("greensward/v1/beichen/+/soil")  # granted
        state, said, mend = findings(settings_for(broker, folder))["canary"]
        assert state == "problem"
        assert "did not come back" in said
        assert "topic read greensward/v1/beichen/#" in mend


def test_an_acl_for_another_district_is_found_by_the_canary(own_site: Path, folder: DataFolder) -> None:
    broker = SiteBroker(own_site)
    broker.change_acl("greensward/v1/beichen/", "greensward/v1/wuqing/")
    with running(broker):
        assert findings(settings_for(broker, folder))["canary"][0] == "problem"


def test_messages_that_the_broker_dropped_are_said(own_site: Path, folder: DataFolder) -> None:
    assert make_device(own_site, "gs-01").returncode == 0
    broker = SiteBroker(own_site)
    config = broker._config.read_text(encoding="utf-8")
    config = config.replace("max_queued_messages 216000", "max_queued_messages 5")
    broker._config.write_text(config.replace("sys_interval 10", "sys_interval 1"), encoding="utf-8")
    with running(broker):
        with service(broker, client_id="greensward-ingest-1", clean=False) as worker:
            worker.subscribe(SOIL)
        with device(broker, "gs-01") as probe:
            for _ in range(20):
                probe.publish(SOIL, b"{}")
        settings = settings_for(broker, folder)
        wait_until(lambda: "queue" in findings(settings), "the broker has counted")
        state, said, mend = findings(settings)["queue"]
        assert state == "problem"
        assert said.startswith("the broker has dropped ")
        assert "max_queued_messages" in mend
        assert "If a `device tail` was paused, nothing is lost." in mend


def test_a_wrong_password_is_a_finding_with_its_mend(own_site: Path, folder: DataFolder) -> None:
    broker = SiteBroker(own_site)
    (own_site / "secrets" / "broker-password").write_text("guess\n", encoding="ascii")
    with running(broker):
        state, _, mend = findings(settings_for(broker, folder))["broker"]
        assert state == "problem"
        assert "password_file" in mend


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_a_broker_that_is_away_and_one_with_another_authority_are_out_of_reach(
    site_broker: SiteBroker, own_site: Path, folder: DataFolder
) -> None:
    settings = settings_for(SiteBroker(own_site), folder)
    assert findings(settings)["broker"][0] == "unreachable"
    foreign = BrokerSettings(host="127.0.0.1", port=site_broker.port, ca_file=str(own_site / "ca.crt"))
    state, said, _ = findings(Settings(broker=foreign, data=settings.data))["broker"]
    assert state == "unreachable"
    assert "certificate" in said.lower()


@pytest.mark.parametrize("host", ["broker.example.org", "192.0.2.7", "2001:db8::7", "127.0.0.1.example.org"])
def test_a_broker_off_this_machine_is_not_talked_to_unencrypted(host: str) -> None:
    with pytest.raises(ConfigError, match="unencrypted"):
        broker_of(BrokerSettings(host=host))


def test_a_password_file_that_others_can_read_is_refused(own_site: Path) -> None:
    secret = own_site / "secrets" / "broker-password"
    secret.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        broker_of(BrokerSettings(host="127.0.0.1", password_file=str(secret)))


def test_doctor_says_what_the_broker_must_hold_through_an_outage(folder: DataFolder) -> None:
    now = datetime.now(UTC)
    folder.root.mkdir()
    ran = msgspec.structs.replace(WELL, started_at=now - timedelta(hours=10), written_at=now, messages=30_000)
    write_status(folder, ran)
    settings = Settings(data=DataSettings(folder=str(folder.root)))
    state, said, mend = findings(settings, now)["outage"]
    # 3,000 an hour for 48 hours, and half as much again
    assert (state, said) == ("note", "48 hours without ingest are 144,000 messages at the broker")
    assert mend.endswith("at least 216,000")
    write_status(folder, msgspec.structs.replace(ran, started_at=now - timedelta(minutes=59)))
    assert "outage" not in findings(settings, now)


def test_the_canary_flies_where_no_decoder_reads() -> None:
    assert canary_topic("beichen") == "greensward/v1/beichen/greensward.canary/canary"
