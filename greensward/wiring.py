"""Settings into the objects of the lower layers: broker, pace, passwords from files."""

from __future__ import annotations

import stat
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import msgspec

from crews.exposure import check_exposure, is_loopback
from greensward.broker import BuiltInBroker
from greensward.settings import BrokerSettings, Settings
from ingest.errors import ConfigError, GreenswardError
from ingest.lake.ownership import check_ours
from ingest.mqtt.broker import Broker, client_of
from ingest.seal.pace import Pace
from ingest.worker import Worker

SOFTWARE_VERSION = version("greensward")


def broker_of(settings: BrokerSettings) -> Broker:
    """Return how to reach the broker.

    Raises: ConfigError when a password file is missing or readable by others, or when the connection would be
    unencrypted off this machine without [broker] allow_insecure.
    """
    if not settings.host:
        raise ConfigError(
            "[broker] host is empty: no broker is named. `greensward up` brings its own; `greensward ingest` needs "
            'one: set [broker] host = "…" in greensward.toml or GREENSWARD__BROKER__HOST.'
        )
    if not settings.ca_file and not settings.allow_insecure and not is_loopback(settings.host):
        raise ConfigError(
            f"[broker] {settings.host} is not this machine and no ca_file is set: readings and passwords would travel "
            "unencrypted. Set [broker] ca_file, or allow_insecure = true where the network is trusted."
        )
    return Broker(
        host=settings.host,
        port=settings.port,
        client_id=settings.client_id,
        mqtt_version=settings.mqtt_version,
        username=settings.username,
        password=read_secret(settings.password_file),
        ca_file=_readable("ca_file", settings.ca_file),
        cert_file=_readable("cert_file", settings.cert_file),
        key_file=_key_file(settings.key_file),
        keepalive_s=settings.keepalive_s,
        session_expiry_s=settings.session_expiry_s,
        receive_maximum=settings.receive_maximum,
        receive=settings.receive,
    )


def broker_at_hand(settings: BrokerSettings) -> BrokerSettings:
    """Return the settings for the broker that is named, or, where none is, for that of `greensward up`."""
    if settings.host:
        return settings
    return msgspec.structs.replace(
        settings, host=BuiltInBroker.host, mqtt_version=BuiltInBroker.mqtt_version, ca_file=""
    )


def worker_of(settings: Settings) -> Worker:
    """Return the ingest worker that the settings describe; not started. Raises: ConfigError."""
    ingest = settings.ingest
    pace = Pace(
        seal_every_s=ingest.seal_every_s,
        seal_bytes=ingest.seal_bytes,
        compact_files=ingest.compact_files,
        merge_bytes=ingest.merge_bytes,
        min_free_bytes=ingest.min_free_bytes,
        raw_days=ingest.raw_days,
    )
    broker = broker_of(settings.broker)
    return Worker(settings.data_folder(), settings.place(), broker, pace, SOFTWARE_VERSION)


def start_faults(settings: Settings) -> list[str]:
    """Return what would keep `up`, ingest, flags or pages from starting with these settings, a sentence each.

    Reads the files that they name; asks no broker, takes no port and changes nothing.
    """
    checks: list[Callable[[], object]] = [
        settings.place,
        settings.now,
        lambda: check_ours(settings.data_folder()),
        lambda: settings.broker.host and client_of(broker_of(settings.broker)),
        settings.campaign_tables,
        lambda: check_exposure(settings.web.host, "", allow_insecure=settings.web.allow_insecure),
    ]
    faults = []
    for check in checks:
        try:
            check()
        except GreenswardError as error:
            faults.append(str(error))
    return list(dict.fromkeys(faults))  # tables of campaigns hang on the place too


def read_secret(path: str) -> str:
    """Return the first line of [broker] password_file, "" for no path. Raises: ConfigError without the content."""
    if not path:
        return ""
    file = _private("password_file", path)
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"[broker] password_file {file} cannot be read as text: {error}") from error


def _private(key: str, path: str) -> Path:
    file = Path(path)
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise ConfigError(
            f"[broker] {key}: {file}: {error.strerror}. Correct the path, or put the file there, readable by its owner "
            f"alone (chmod 600)."
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"[broker] {key}: {file} can be read by others (mode {mode:04o}); run: chmod 600 {file}")
    return file


def _key_file(path: str) -> Path | None:
    return _private("key_file", path) if path else None


def _readable(key: str, path: str) -> Path | None:
    """Return the file that a setting names; None for "". Raises: ConfigError when it cannot be opened."""
    if not path:
        return None
    try:
        with Path(path).open("rb"):
            return Path(path)
    except OSError as error:
        raise ConfigError(
            f"[broker] {key}: {path}: {error.strerror}. Correct the path, or put the file there; whoever runs the "
            "broker has it."
        ) from error
