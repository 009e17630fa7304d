"""[send.NAME]: where crews and office are told without asking; which keys there are hangs on the kind."""

from __future__ import annotations

import re
from collections import Counter
from datetime import time
from typing import Annotated, Literal, TypeAlias

import msgspec

from crews.notices.pace import Quiet
from ingest.errors import ConfigError

ALL_CREWS = "*"
SECRETS = ("url", "secret", "password")
"""What no settings file holds: each stands in a file of its own, or in the environment."""

_Crews = Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1)], ...], msgspec.Meta(min_length=1)]
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_Slug = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
_Mail = Annotated[str, msgspec.Meta(pattern=r"^[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\Z", max_length=254)]
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Told(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, tag_field="kind"):
    """What every kind has.

    crews: whose lists: ["一队"]; ["*"] is all, for the office. Only a channel of one crew carries that crew's link
    at: when the digest goes, by the site's clock, at an odd minute, as robots are slow on the full hour; "" is never
    new_from: a new issue from this severity is told at once: 3 severe, 4 extreme; 0 is never
    raised_from: overdue work is told at once when it is raised to this level or a higher one; 0 is never
    quiet: nothing goes between these, by the site's clock; the same twice is no rest
    urgent_at_night: true: what is urgent goes in the quiet hours too
    language: "zh" or "en"
    """

    crews: _Crews
    at: str = "07:13"
    new_from: Annotated[int, msgspec.Meta(ge=0, le=4)] = 3
    raised_from: Annotated[int, msgspec.Meta(ge=0, le=3)] = 1
    quiet: str = "21:00-06:30"
    urgent_at_night: bool = False
    language: Literal["zh", "en"] = "zh"

    def digest_time(self) -> time | None:
        """Return when the digest goes, None for never. Raises: ConfigError."""
        if not self.at:
            return None
        at = _clock(self.at, "at", "07:13")
        if at.minute % 2 == 0:
            raise ConfigError(
                f"at: {self.at!r} is an even minute; write an odd one such as 07:13, since everybody's robots speak on "
                "the full and half hour, and are slow or refused then."
            )
        return at

    def quiet_hours(self) -> Quiet:
        """Return the hours of rest. Raises: ConfigError."""
        begins, _, ends = self.quiet.partition("-")
        return Quiet(_clock(begins, "quiet", "21:00-06:30"), _clock(ends, "quiet", "21:00-06:30"))


class Posted(Told, frozen=True, kw_only=True):
    """What every kind has that is reached by HTTPS.

    url_file: first line is the address of the robot or receiver; mode 0600; or in the environment, as …__URL
    secret_file: first line is what messages are signed with; mode 0600; or in the environment, as …__SECRET
    allow_private: true: the address may lie in a private network, or on this machine
    ca_file: certificate authority of the receiver, where it is none that the system knows
    """

    url_file: str = ""
    secret_file: str = ""
    allow_private: bool = False
    ca_file: str = ""


class WecomSettings(Posted, frozen=True, kw_only=True, tag="wecom"):
    """kind = "wecom": a group robot of WeCom (企业微信).

    format: "text", which WeChat shows too, or "markdown", which it does not
    """

    format: Literal["text", "markdown"] = "text"


class DingtalkSettings(Posted, frozen=True, kw_only=True, tag="dingtalk"):
    """kind = "dingtalk": a group robot of DingTalk (钉钉).

    format: "text" or "markdown"
    keyword: the keyword of its security setting, put into every message; "" where it has none
    """

    format: Literal["text", "markdown"] = "text"
    keyword: Annotated[str, msgspec.Meta(max_length=30)] = ""


class FeishuSettings(Posted, frozen=True, kw_only=True, tag="feishu"):
    """kind = "feishu": a group robot of Feishu (飞书).

    keyword: as for dingtalk
    """

    keyword: Annotated[str, msgspec.Meta(max_length=30)] = ""


class WebhookSettings(Posted, frozen=True, kw_only=True, tag="webhook"):
    """kind = "webhook": any HTTPS receiver; it gets JSON, signed with HMAC-SHA256."""


class EmailSettings(Told, frozen=True, kw_only=True, tag="email"):
    """kind = "email": a mail server.

    host: the mail server
    port: 587 for starttls, 465 for tls
    tls: "starttls", "tls", or "none" for a mail server on this machine
    username: ours there; "" where it asks for none
    password_file: first line is the password; mode 0600; or in the environment, as …__PASSWORD
    ca_file: certificate authority of the mail server, where it is none that the system knows
    sender: the address that it comes from
    to: the addresses that it goes to
    """

    host: Annotated[str, msgspec.Meta(min_length=1)]
    sender: _Mail
    to: Annotated[tuple[_Mail, ...], msgspec.Meta(min_length=1)]
    port: _Port = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""


class MqttSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, tag_field="kind", tag="mqtt"):
    """kind = "mqtt": the crew's list as retained JSON at the broker of [broker], whenever it changes.

    crews: whose list: one crew
    crew_id: on the topic greensward/v1/{district}/crews/{crew_id}/list; the crew's user at the broker
    language: of its sentences
    """

    crews: _Crews
    crew_id: _Slug
    language: Literal["zh", "en"] = "zh"


Channel: TypeAlias = WecomSettings | DingtalkSettings | FeishuSettings | WebhookSettings | EmailSettings | MqttSettings

KINDS: dict[str, type[Channel]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (WecomSettings, DingtalkSettings, FeishuSettings, WebhookSettings, EmailSettings, MqttSettings)
}


def meaning_of(kind: type[msgspec.Struct], key: str) -> str:
    """Return what a key of a channel means, in one line; "" for one that is not there."""
    if key == "kind":
        return (kind.__doc__ or "").partition(": ")[2].partition("\n")[0]
    for one in kind.__mro__:
        said = re.search(rf"^ +{key}: (.+)$", one.__doc__ or "", re.MULTILINE)
        if said:
            return said[1]
    return ""


def _clock(text: str, key: str, example: str) -> time:
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{key}: {text!r} is no time of the day; write for example {example!r}.")
    return time(int(found[1]), int(found[2]))


def channel_faults(channel: Channel) -> list[str]:
    """Return what is wrong with a channel beyond the types of its values, a sentence each."""
    faults = []
    if isinstance(channel, MqttSettings):
        if len(channel.crews) != 1 or ALL_CREWS in channel.crews:
            faults.append(f'crews: {list(channel.crews)} for one topic; write one crew, such as ["一队"].')
        return faults
    for check in (channel.digest_time, channel.quiet_hours):
        try:
            check()
        except ConfigError as error:
            faults.append(str(error))
    if not faults and (at := channel.digest_time()) is not None:
        quiet = channel.quiet_hours()
        if quiet.covers(at):
            faults.append(f"at: {channel.at} lies in the quiet hours {channel.quiet}, in which nothing goes.")
    twice = sorted(crew for crew, times in Counter(channel.crews).items() if times > 1)
    if twice:
        faults.append(f"crews: {', '.join(twice)} stands there twice; write it once.")
    if ALL_CREWS in channel.crews and len(channel.crews) > 1:
        faults.append('crews: "*" is every crew; write it alone.')
    return faults
