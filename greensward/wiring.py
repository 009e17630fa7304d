"""Settings into the objects of the lower layers: broker, pace, passwords from files."""

from __future__ import annotations

import stat
from importlib.metadata import version
from pathlib import Path

from crews.exposure import is_loopback
from greensward.settings import BrokerSettings, Settings
from ingest.errors import ConfigError
from ingest.mqtt.broker import Broker
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
        ca_file=_file(settings.ca_file),
        cert_file=_file(settings.cert_file),
        key_file=_key_file(settings.key_file),
        keepalive_s=settings.keepalive_s,
        session_expiry_s=settings.session_expiry_s,
        receive_maximum=settings.receive_maximum,
        receive=settings.receive,
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


def read_secret(path: str) -> str:
    """Return the first line of a secret file, "" for no path. Raises: ConfigError; it never names the content."""
    if not path:
        return ""
    file = Path(path)
    _refuse_open_to_others(file)
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"[broker] password_file {file} cannot be read as text: {error}") from error


def _refuse_open_to_others(file: Path) -> None:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise ConfigError(f"[broker] {file}: {error.strerror}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{file} can be read by others (mode {mode:04o}); run: chmod 600 {file}")


def _key_file(path: str) -> Path | None:
    if not path:
        return None
    _refuse_open_to_others(Path(path))
    return Path(path)


def _file(path: str) -> Path | None:
    return Path(path) if path else None
