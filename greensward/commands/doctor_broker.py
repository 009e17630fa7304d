"""What `greensward doctor` finds at the broker: whether it lets us in, and what comes that nobody here reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from greensward import listen as listening
from greensward.canary import BrokerProof, canary_topic, prove
from greensward.commands.doctor_finding import Finding, some_of
from greensward.console import counted, progress
from greensward.health import CERTIFICATE_LEFT
from greensward.settings import Settings
from greensward.wiring import broker_at_hand, broker_of
from ingest.decode.route import NATIVE_KINDS
from ingest.decode.topics import ROOT
from ingest.errors import GreenswardError

_BROKER_TIMEOUT_S = 5.0


def broker_findings(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield whether the broker lets us in, takes and gives back a message, and what it says of itself."""
    if not settings.broker.host:
        yield Finding("broker", "note", "built in: runs as long as `greensward up` runs")
        return
    where = f"{settings.broker.host}:{settings.broker.port}"
    try:
        broker = broker_of(settings.broker)
    except GreenswardError as error:
        yield Finding("broker", "problem", str(error), "Mend [broker] in greensward.toml.")
        return
    try:
        proof = prove(broker, settings.site.district, _BROKER_TIMEOUT_S)
    except (OSError, ValueError) as error:
        mend = "Start it, or mend [broker] host, port and ca_file."
        yield Finding("broker", "unreachable", f"{where}: {error}", mend)
        return
    if proof.refusal is None:
        mend = "Is it an MQTT broker? Does it expect TLS ([broker] ca_file)?"
        yield Finding("broker", "unreachable", f"{where} does not answer", mend)
    elif proof.refusal:
        mend = "Mend [broker] username or password_file."
        yield Finding("broker", "problem", f"{where}: {proof.refusal}", mend)
    else:
        yield Finding("broker", "ok", where)
        yield from _proven(proof, settings, now)


def _proven(proof: BrokerProof, settings: Settings, now: datetime) -> Iterator[Finding]:
    topic = canary_topic(settings.site.district)
    if proof.came_back:
        yield Finding("canary", "ok", "a message of ours came back")
    else:
        yield Finding(
            "canary",
            "problem",
            f"a message on {topic} did not come back: the broker takes the subscription and delivers nothing",
            f"In the broker's ACL, under user {settings.broker.username or '(none)'}: topic read "
            f"{ROOT}{settings.site.district}/#  and  topic write {topic}",
        )
    if proof.dropped_messages:
        yield Finding(
            "queue",
            "problem",
            f"the broker has dropped {proof.dropped_messages:,} messages since its start, of any of its clients",
            "If a `device tail` was paused, nothing is lost. Otherwise raise max_queued_messages in mosquitto.conf: "
            "devices x messages an hour x hours of outage x 1.5. A restart of the broker resets the count.",
        )
    ends_at = proof.certificate_ends_at
    if ends_at is not None:
        zone = settings.place().timezone
        near = ends_at - now < CERTIFICATE_LEFT
        mend = "Make a new one (compose/make-certs.sh … server …) and restart the broker." if near else ""
        yield Finding(
            "certificate",
            "problem" if near else "ok",
            f"the broker's ends on {ends_at.astimezone(zone):%Y-%m-%d}",
            mend,
        )


def topic_findings(settings: Settings, seconds: float) -> Iterator[Finding]:
    """Yield what came under greensward/v1/ while we listened, and what of it nobody here reads."""
    district = settings.site.district
    named = broker_at_hand(settings.broker)
    try:
        with progress() as bar:
            bar.add_task(f"listening for {seconds:g} s", total=None)
            heard = listening.listen(broker_of(named), district, seconds)
    except (OSError, ValueError) as error:
        yield Finding("topics", "unreachable", f"{named.host}:{named.port}: {error}", "Start the broker, then listen.")
        return
    if heard.refusal is None or heard.refusal:
        yield Finding("topics", "unreachable", heard.refusal or "the broker did not answer while we listened")
        return
    devices = counted(len(heard.devices), "device")
    came = f"{counted(heard.messages, 'message')} of {devices} in {seconds:g} s on {ROOT}{district}/…"
    wait = "" if heard.messages else "Listen longer than the devices' report interval, or send a message meanwhile."
    yield Finding("topics", "ok" if heard.messages else "note", came, wait)
    for stray in heard.strays:
        yield _stray(stray, district)
    if not heard.hears_others:
        found = f"the broker's rules (ACL) let nobody hear what is sent outside {ROOT}{district}/…"
        mend = 'A misspelt district or last level shows in the broker\'s log only: log_type debug, "Denied PUBLISH".'
        yield Finding("topics", "note", found, mend)


def _stray(stray: listening.Stray, district: str) -> Finding:
    came = f"{counted(stray.messages, 'message')} of {some_of(sorted(stray.devices))} on "
    if stray.kind == "topic":
        meant = f"{stray.meant!r}" if stray.meant else f"one of {', '.join(NATIVE_KINDS)}"
        found = f"{came}{ROOT}{district}/…/{stray.said}: nobody reads that"
        return Finding("topics", "problem", found, f"Let the device publish on …/{meant} (docs/device-makers.md).")
    found = f"{came}{ROOT}{stray.said}/…: nobody reads that here"
    if stray.kind == "district":
        mend = f"Let the device publish on {ROOT}{district}/…; or, if this district is wrong, set site.district."
        return Finding("topics", "problem", found, mend)
    return Finding("topics", "note", found, "Well, if that district has a Greensward of its own.")
