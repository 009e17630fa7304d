"""Settings of channels into outlets: secrets are read here, and faults are told by the channel's name."""

from __future__ import annotations

import functools
import ssl
import stat
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from crews.exposure import is_loopback
from crews.notices.pace import Quiet
from crews.notices.plan import Route
from crews.notices.topic import list_topic
from greensward.channel_settings import (
    ALL_CREWS,
    Channel,
    DingtalkSettings,
    EmailSettings,
    FeishuSettings,
    MqttSettings,
    Posted,
    WebhookSettings,
    WecomSettings,
)
from greensward.given_channels import variable
from greensward.given_settings import secret_in_environment
from greensward.sending.mail import MailServer
from greensward.sending.outlets import Mail, Outlet, Robot, Topic, Webhook
from greensward.sending.post import Target, check_url
from greensward.settings import Settings
from greensward.wiring import broker_of
from ingest.errors import ConfigError


def outlets_of(settings: Settings) -> dict[str, Outlet]:
    """Return the outlet of every channel by its name. Raises: ConfigError naming each fault."""
    made: dict[str, Outlet] = {}
    faults = []
    for name, channel in settings.send.items():
        try:
            made[name] = outlet_of(name, channel, settings)
        except ConfigError as error:
            faults.append(str(error))
    if faults:
        raise ConfigError("\n".join(faults))
    return made


def send_faults(settings: Settings) -> list[str]:
    """Return what would keep `greensward send` from starting, a sentence each; a broker may still come with `up`."""
    faults = []
    for name, channel in settings.send.items():
        if isinstance(channel, MqttSettings) and not settings.broker.host:
            continue
        try:
            outlet_of(name, channel, settings)
        except ConfigError as error:
            faults.append(str(error))
    return faults


def shared_channels(outlets: Mapping[str, Outlet]) -> set[str]:
    """Return the channels of one crew that others read too, as they have a robot or a mailbox in common: no links."""
    crews: dict[str, set[str | None]] = defaultdict(set)
    for outlet in outlets.values():
        for reader in outlet.readers:
            crews[reader].add(outlet.route.crew)
    return {
        name
        for name, outlet in outlets.items()
        if outlet.route.crew is not None and any(len(crews[reader]) > 1 for reader in outlet.readers)
    }


def outlet_of(name: str, channel: Channel, settings: Settings) -> Outlet:
    """Return the outlet of one channel. Raises: ConfigError, which holds no secret."""
    route = _route(name, channel)
    if isinstance(channel, MqttSettings):
        if not settings.broker.host:
            raise ConfigError(f"[send.{name}] kind: needs a broker: set [broker] host, or run greensward up.")
        return Topic(route, broker_of(settings.broker), list_topic(settings.site.district, channel.crew_id))
    if isinstance(channel, EmailSettings):
        return _mail(name, channel, route)
    target, secret = _target(name, channel), _secret(name, "secret", channel.secret_file)
    if isinstance(channel, WebhookSettings):
        if not secret:
            raise ConfigError(
                f"[send.{name}] secret_file: a webhook's messages are signed; name the file of a secret that the "
                f"receiver knows too (openssl rand -hex 32), or set ${variable(name, 'secret')}."
            )
        return Webhook(route, target, secret)
    if isinstance(channel, WecomSettings):
        return Robot(route, target, secret, "wecom", channel.format)
    if isinstance(channel, DingtalkSettings):
        return Robot(route, target, secret, "dingtalk", channel.format, channel.keyword)
    assert isinstance(channel, FeishuSettings)
    return Robot(route, target, secret, "feishu", "text", channel.keyword)


def _route(name: str, channel: Channel) -> Route:
    if isinstance(channel, MqttSettings):
        return Route(name, channel.crews, None, 0, 0, Quiet(), True, channel.language, has_lists=True)  # noqa: FBT003
    crews = () if ALL_CREWS in channel.crews else channel.crews
    return Route(
        name, crews, channel.digest_time(), channel.new_from, channel.raised_from, channel.quiet_hours(),
        channel.urgent_at_night, channel.language,
    )  # fmt: skip


def _target(name: str, channel: Posted) -> Target:
    where = f"[send.{name}] url_file"
    url = _secret(name, "url", channel.url_file)
    if not url:
        raise ConfigError(
            f"{where}: no address is given; name the file that holds it, or set ${variable(name, 'url')}."
        )
    check_url(url, where, allow_private=channel.allow_private)
    return Target(url, channel.allow_private, _trust(name, channel.ca_file))


def _mail(name: str, channel: EmailSettings, route: Route) -> Mail:
    if channel.tls == "none" and not is_loopback(channel.host):
        raise ConfigError(f'[send.{name}] tls: "none" is for a mail server on this machine; write "starttls" or "tls".')
    password = _secret(name, "password", channel.password_file)
    if channel.username and not password:
        raise ConfigError(
            f"[send.{name}] password_file: username needs a password; name its file, or set "
            f"${variable(name, 'password')}."
        )
    if not (channel.username + password).isascii():
        raise ConfigError(f"[send.{name}] username, password_file: mail servers take ASCII only; this is none.")
    trust = _trust(name, channel.ca_file)
    server = MailServer(channel.host, channel.port, channel.tls, channel.username, password, trust)
    return Mail(route, server, channel.sender, channel.to)


def _secret(name: str, key: str, path: str) -> str:
    """Return the first line of a file that only we can read, or what the environment has; "" where neither is."""
    if not path:
        return secret_in_environment(name, key).strip()
    where, file = f"[send.{name}] {key}_file", Path(path)
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{where}: {file} can be read by others (mode {mode:04o}); run: chmod 600 {file}")
        # Windows' editors put a byte order mark first.
        return file.read_text(encoding="utf-8-sig").partition("\n")[0].strip()
    except OSError as error:
        # Its path is not quoted: somebody may have written the secret itself there.
        raise ConfigError(f"{where}: {error.strerror}. Correct the path, or put the file there (chmod 600).") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: {file} holds no text.") from None


def _trust(name: str, ca_file: str) -> ssl.SSLContext:
    try:
        return _trusting(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"[send.{name}] ca_file: {ca_file} cannot be read as certificates: {error}") from error


@functools.cache
def _trusting(ca_file: str) -> ssl.SSLContext:
    """Return what trusts a file's authorities, or the system's: one for all channels, as it takes a megabyte."""
    return ssl.create_default_context(cafile=ca_file or None)
