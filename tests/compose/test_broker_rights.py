"""The shipped Mosquitto configuration and ACL, tried with a real broker: who can send, hear and be whom."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from greensward.canary import BrokerUnreachableError
from greensward.overheard.ear import Ear, filters_of
from greensward.simulate import TimedMessage
from greensward.simulate.publish import publish
from greensward.wiring import broker_of
from ingest.decode.route import subscriptions
from ingest.mqtt.broker import Broker
from tests.compose.clients import device, service
from tests.compose.site import COMPOSE, SiteBroker, make_device, running
from tests.waiting import PATIENCE_S, wait_until

D = "greensward/v1/beichen"


@pytest.mark.parametrize("kind", ["soil", "state", "image"])
def test_a_device_is_heard_on_its_own_topics_only(site_broker: SiteBroker, kind: str) -> None:
    with service(site_broker) as worker, device(site_broker, "gs-01") as probe:
        worker.subscribe(f"{D}/#")
        for other in (f"{D}/gs-02/{kind}", f"{D}/gs-01/other", f"greensward/v1/other/gs-01/{kind}", "application/1/x"):
            probe.publish(other, b"forged")
        probe.publish(f"{D}/gs-01/{kind}", b"mine")
        wait_until(lambda: bool(worker.heard), "its own message came")
        assert worker.heard == [(f"{D}/gs-01/{kind}", b"mine")]


def test_a_device_hears_its_own_replies_and_nobody_else_s(site_broker: SiteBroker) -> None:
    with service(site_broker) as worker, device(site_broker, "gs-01") as probe:
        probe.subscribe("#")
        worker.publish(f"{D}/gs-02/reply", b"for another")
        worker.publish(f"{D}/gs-01/reply", b"for you")
        wait_until(lambda: bool(probe.heard), "the reply came")
        assert probe.heard == [(f"{D}/gs-01/reply", b"for you")]


def test_who_listens_beside_ingest_as_its_user_hears_every_device_over_tls(site_broker: SiteBroker) -> None:
    broker = broker_of(site_broker.settings())
    came: list[tuple[str, bytes, int]] = []
    with Ear(broker, "beichen", filters_of("beichen"), qos=1) as ear, device(site_broker, "gs-02") as probe:
        assert ear.refused == []
        probe.publish(f"{D}/gs-02/soil", b"mine")
        came += ((heard.topic, heard.payload, heard.qos) for heard in ear.hear(lambda: bool(came)))
    assert came == [(f"{D}/gs-02/soil", b"mine", 1)]


def test_who_simulates_a_device_needs_its_certificate_and_hears_where_it_may_not_write(site_broker: SiteBroker) -> None:
    path = site_broker.site / "ca" / "devices" / "gs-01"
    cert, key = (path.with_suffix(ending) for ending in (".crt", ".key"))
    ca_file = site_broker.site / "ca.crt"
    broker = Broker(
        "127.0.0.1", site_broker.ports["8883"], "gs-01", ca_file=ca_file, cert_file=cert, key_file=key
    )  # fmt: skip
    own, other = (TimedMessage(datetime.now(UTC), f"{D}/{name}/soil", b"x") for name in ("gs-01", "gs-02"))
    with service(site_broker) as worker:
        worker.subscribe(f"{D}/+/soil")
        assert publish([own], broker) == 1
        wait_until(lambda: bool(worker.heard), "its own message came")
        with pytest.raises(BrokerUnreachableError, match="refused 1 of 2 messages: Not authorized"):
            publish([own, other], broker)


def test_a_dock_hears_the_answer_to_its_picture(site_broker: SiteBroker) -> None:
    with service(site_broker) as worker, service(site_broker, "server-docks") as dock:
        dock.subscribe("thing/product/+/events_reply")
        worker.subscribe("thing/product/+/events")
        dock.publish("thing/product/7CTDM5900B3X1B/events", b"a picture")
        wait_until(lambda: bool(worker.heard), "ingest heard of the picture")
        worker.publish("thing/product/7CTDM5900B3X1B/events_reply", b"stored")
        wait_until(lambda: bool(dock.heard), "the dock heard back")
        assert dock.heard == [("thing/product/7CTDM5900B3X1B/events_reply", b"stored")]


_OWN = (
    f"{D}/gs-01/senml",
    f"{D}/gs-01/uplink",
    "/sys/a1ILGykZVhP/gs-01/thing/event/property/post",
    "$sys/l4JQEioAnm/gs-01/thing/property/post",
    "$oc/devices/gs-01/sys/properties/report?request_id=1",
    "spBv1.0/parks/NBIRTH/gs-01",
    "spBv1.0/parks/DDATA/gs-01/probe-7",
)


def test_a_device_of_another_format_is_heard_under_its_own_name_only(site_broker: SiteBroker) -> None:
    with service(site_broker) as worker, device(site_broker, "gs-01") as probe:
        for topic in ("/sys/+/+/thing/event/property/+/post", *(topic for topic, _ in subscriptions("beichen"))):
            worker.subscribe(topic)
        for topic in _OWN:
            probe.publish(topic.replace("gs-01", "gs-02"), b"forged")
        # A gateway speaks for others only where the operator wrote a line for it.
        probe.publish("/sys/a1ILGykZVhP/gs-01/thing/event/property/pack/post", b"forged")
        probe.publish("$oc/devices/gs-01/sys/gateway/sub_devices/properties/report", b"forged")
        for topic in _OWN:
            probe.publish(topic, b"mine")
        wait_until(lambda: len(worker.heard) >= len(_OWN), "its own messages came")
        assert sorted(worker.heard) == sorted((topic, b"mine") for topic in _OWN)


def test_answers_and_commands_reach_the_device_that_they_are_for(site_broker: SiteBroker) -> None:
    answers = (
        "/sys/a1/{}/thing/event/property/post_reply",
        "$sys/l4JQEioAnm/{}/thing/property/post/reply",
        "spBv1.0/parks/NCMD/{}",
    )
    with service(site_broker) as worker, device(site_broker, "gs-01") as probe:
        for topic in ("#", "$sys/#"):
            probe.subscribe(topic)
        for answer in answers:
            worker.publish(answer.format("gs-02"), b"for another")
            worker.publish(answer.format("gs-01"), b"for you")
        wait_until(lambda: len(probe.heard) >= len(answers), "both came")
        assert sorted(probe.heard) == sorted((answer.format("gs-01"), b"for you") for answer in answers)


def test_without_a_certificate_nobody_gets_past_the_handshake(site_broker: SiteBroker) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{site_broker.ports['8883']}", "-tls1_2"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, input="", timeout=PATIENCE_S)
    assert "alert" in said.stderr
    assert said.returncode != 0


def test_a_certificate_of_another_authority_is_refused(site_broker: SiteBroker, tmp_path: Path) -> None:
    for arguments in (["ca"], ["device", "gs-01"]):
        subprocess.run([COMPOSE / "make-certs.sh", tmp_path, *arguments], check=True)
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{site_broker.ports['8883']}", "-tls1_2"]
    command += ["-cert", f"{tmp_path}/devices/gs-01.crt", "-key", f"{tmp_path}/devices/gs-01.key"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, input="", timeout=PATIENCE_S)
    assert "alert" in said.stderr
    assert said.returncode != 0


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_tls_before_1_2_is_refused(site_broker: SiteBroker, version: str) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{site_broker.ports['8884']}", version]
    said = subprocess.run(
        [*command, "-cipher", "ALL:@SECLEVEL=0"],
        check=False,
        capture_output=True,
        text=True,
        input="",
        timeout=PATIENCE_S,
    )
    assert "alert protocol version" in said.stderr


def test_a_device_that_claims_the_worker_s_client_id_takes_nothing_from_it(site_broker: SiteBroker) -> None:
    with service(site_broker, client_id="greensward-ingest-1", clean=False) as worker:
        worker.subscribe(f"{D}/+/soil")
        with device(site_broker, "gs-01", client_id="greensward-ingest-1") as thief:
            assert thief.refusal == ""
            assert not thief.session_present
            thief.publish(f"{D}/gs-01/soil", b"still mine")
            wait_until(lambda: bool(worker.heard), "the worker still hears")
            assert worker.client.is_connected()
        with device(site_broker, "gs-01") as probe:
            probe.publish(f"{D}/gs-01/soil", b"after")
        wait_until(lambda: (f"{D}/gs-01/soil", b"after") in worker.heard, "the worker hears on")


def test_a_crew_cannot_write_as_a_device_although_patterns_hold_for_every_user(site_broker: SiteBroker) -> None:
    with service(site_broker) as worker, service(site_broker, "crew-1", "8885") as crew:
        worker.subscribe(f"{D}/#")
        crew.publish(f"{D}/crew-1/soil", b"forged")
        crew.publish(f"{D}/gs-01/soil", b"forged")
        with device(site_broker, "gs-01") as probe:
            probe.publish(f"{D}/gs-01/soil", b"last")
        wait_until(lambda: bool(worker.heard), "the device's message came")
        assert worker.heard == [(f"{D}/gs-01/soil", b"last")]


def test_a_crew_does_not_hear_readings(site_broker: SiteBroker) -> None:
    with service(site_broker, "crew-1", "8885") as crew, device(site_broker, "gs-01") as probe:
        crew.subscribe("#")
        probe.publish(f"{D}/gs-01/soil", b"private")
        # The broker answers in order: what it had for the crew came before this acknowledgement.
        crew.publish(f"{D}/crew-1/soil", b"refused")
        assert crew.heard == []


def test_a_crew_hears_its_own_list_and_no_other_crews(site_broker: SiteBroker) -> None:
    with service(site_broker) as worker, service(site_broker, "crew-1", "8885") as crew:
        crew.subscribe("#")
        worker.publish(f"{D}/crews/crew-2/list", b"of others")
        worker.publish(f"{D}/crews/crew-1/list", b"yours")
        wait_until(lambda: bool(crew.heard), "its list came")
        assert crew.heard == [(f"{D}/crews/crew-1/list", b"yours")]
        crew.publish(f"{D}/crews/crew-1/list", b"forged")
        with device(site_broker, "gs-01") as probe:
            probe.publish(f"{D}/crews/crew-1/list", b"forged")
        worker.publish(f"{D}/crews/crew-1/list", b"newer")
        wait_until(lambda: len(crew.heard) > 1, "the newer list came")
        assert [payload for _, payload in crew.heard] == [b"yours", b"newer"]


def test_a_wrong_password_and_no_name_are_refused(site_broker: SiteBroker) -> None:
    wrong = ["mosquitto_sub", "-p", str(site_broker.ports["8884"]), "--cafile", str(site_broker.site / "ca.crt")]
    wrong += ["-h", "127.0.0.1", "-t", "#", "-W", "3"]
    for extra in ([], ["-u", "greensward", "-P", "guess"]):
        said = subprocess.run([*wrong, *extra], check=False, capture_output=True, text=True, timeout=PATIENCE_S)
        assert "not authorised" in said.stderr.lower()


def test_what_comes_while_the_worker_and_then_the_broker_are_away_is_kept(own_site: Path) -> None:
    assert make_device(own_site, "gs-01").returncode == 0
    broker = SiteBroker(own_site)
    with running(broker):
        with service(broker, client_id="greensward-ingest-1", clean=False) as worker:
            worker.subscribe(f"{D}/+/soil")
        with device(broker, "gs-01") as probe:
            probe.publish(f"{D}/gs-01/soil", b"before the restart")
    with running(broker):
        with device(broker, "gs-01") as probe:
            probe.publish(f"{D}/gs-01/soil", b"after the restart")
        with service(broker, client_id="greensward-ingest-1", clean=False) as worker:
            wait_until(lambda: len(worker.heard) == 2, "both came")
            assert [payload for _, payload in worker.heard] == [b"before the restart", b"after the restart"]


def test_a_stolen_device_is_silenced_by_two_lines_while_the_broker_runs(own_site: Path) -> None:
    for device_id in ("gs-01", "gs-02"):
        assert make_device(own_site, device_id).returncode == 0
    with (
        running(SiteBroker(own_site)) as broker,
        service(broker) as worker,
        device(broker, "gs-01") as stolen,
        device(broker, "gs-02") as honest,
    ):
        worker.subscribe(f"{D}/#")
        stolen.publish(f"{D}/gs-01/soil", b"before")
        broker.change_acl("# Devices: each", "user gs-01\ntopic deny #\n\n# Devices: each")
        broker.reload()
        tries = 0

        def is_silenced() -> bool:
            nonlocal tries
            tries += 1
            stolen.publish(f"{D}/gs-01/soil", b"stolen %d" % tries)
            honest.publish(f"{D}/gs-02/soil", b"honest %d" % tries)
            mark = (f"{D}/gs-02/soil", b"honest %d" % tries)
            wait_until(lambda: mark in worker.heard, "the honest one came")
            return (f"{D}/gs-01/soil", b"stolen %d" % tries) not in worker.heard

        wait_until(is_silenced, "the broker has read its rights again")
        assert worker.heard[0] == (f"{D}/gs-01/soil", b"before")


def test_the_container_s_health_check_hears_that_the_broker_lives(site_broker: SiteBroker) -> None:
    command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(site_broker.ports["1880"]), "-t", "x", "-W", "3"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    assert "not authori" in (said.stdout + said.stderr).lower()


@pytest.mark.parametrize(
    "device_id", ["greensward", "greensward-ingest-1", "server-docks", "crew-1", "a/b", "#", "+", "-x", "", "a" * 65]
)
def test_no_certificate_is_made_for_a_name_that_would_have_another_s_rights(
    site_broker: SiteBroker, device_id: str
) -> None:
    assert make_device(site_broker.site, device_id).returncode == 2


def test_nothing_that_was_made_is_overwritten(own_site: Path) -> None:
    assert make_device(own_site, "gs-01").returncode == 0
    before = (own_site / "ca" / "devices" / "gs-01.key").read_bytes()
    assert make_device(own_site, "gs-01").returncode == 2
    again = subprocess.run([COMPOSE / "setup.sh", "beichen", "127.0.0.1", own_site], check=False, capture_output=True)
    assert again.returncode == 2
    assert (own_site / "ca" / "devices" / "gs-01.key").read_bytes() == before


@pytest.mark.parametrize("district", ["", "bei chen", "a/b", "+", "#", "../x", "-x"])
def test_a_district_that_is_no_topic_level_makes_no_site(tmp_path: Path, district: str) -> None:
    done = subprocess.run([COMPOSE / "setup.sh", district, "localhost", tmp_path / "site"], check=False)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_a_site_that_cannot_be_finished_is_not_left_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [COMPOSE / "setup.sh", "beichen", "no host name!", tmp_path / "site"], check=False, capture_output=True
    )
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_passwords_are_kept_as_hashes_only_at_the_broker(own_site: Path) -> None:
    kept = (own_site / "broker" / "passwords").read_text(encoding="ascii")
    secrets = [path.read_text(encoding="ascii").strip() for path in (own_site / "secrets").iterdir()]
    assert len(secrets) == len(set(secrets)) == 6
    assert len(kept.splitlines()) == 5, "all but Grafana's"
    assert all(len(secret) == 48 and secret not in kept for secret in secrets)


def test_secrets_are_for_their_owner_only(own_site: Path) -> None:
    secrets = [*own_site.glob("secrets/*"), *own_site.glob("**/*.key"), own_site / "broker" / "passwords"]
    assert len(secrets) >= 7
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
