"""[send.NAME] as given: by file or environment, refused with file and line, and never with a secret in it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from greensward.channel_settings import KINDS, SECRETS, Channel, MqttSettings, channel_faults
from ingest.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST_NAME = 32
_VARIABLES = "GREENSWARD__SEND__"
_FILES = ("url_file", "secret_file", "password_file", "ca_file")


class Given(msgspec.Struct, frozen=True):
    """What was given of channels.

    channels: by name, as in the file; environment: by name and key, as text
    file: where the first was read; lines: its text, for the line of a fault
    """

    channels: Mapping[str, Any]
    environment: Mapping[str, Mapping[str, str]]
    file: Path | None
    lines: tuple[str, ...] = ()


def channels_of(given: Given) -> dict[str, Channel]:
    """Return the channels by name. Raises: ConfigError with every fault, each with its file and line."""
    found: dict[str, Channel] = {}
    faults = []
    for name in dict.fromkeys([*given.channels, *given.environment]):
        try:
            found[name] = _channel(name, given)
        except ConfigError as error:
            faults.append(str(error))
    faults += _topics_in_common(found, given)
    if faults:
        raise ConfigError("\n".join(faults))
    return found


def _topics_in_common(channels: Mapping[str, Channel], given: Given) -> Iterator[str]:
    """Yield a fault for each list that would take the place of another, for the other's crew to read."""
    named: dict[str, str] = {}
    for name, channel in channels.items():
        if isinstance(channel, MqttSettings) and (other := named.setdefault(channel.crew_id, name)) != name:
            what = f"{channel.crew_id!r} is that of [send.{other}] too; a topic holds one list, so write another."
            yield str(_fault(given, name, "crew_id", what))


def _channel(name: str, given: Given) -> Channel:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise _fault(given, name, "", "name a channel with small letters, digits and single _, such as [send.crew_1].")
    own = given.channels.get(name, {})
    if not isinstance(own, Mapping):
        raise _fault(given, "", name, f"channels are sections of their own: [send.{name}]")
    values = {**own, **{key: text for key, text in given.environment.get(name, {}).items() if key not in SECRETS}}
    kind = _kind(name, values.pop("kind", None), given)
    for key, value in values.items():
        _check_key(name, key, value, kind, given)
    if given.file is not None:
        for key in _FILES:
            if isinstance(path := own.get(key), str) and path:
                values[key] = str(given.file.absolute().parent / path)
    values |= {
        key: [one.strip() for one in text.split(",")]
        for key, text in given.environment.get(name, {}).items()
        if key in {"crews", "to"}
    }
    try:
        # Text from the environment stands for numbers too; a secret there does not loosen the types of the file.
        is_all_of_file = given.environment.get(name, {}).keys() <= set(SECRETS)
        channel: Channel = msgspec.convert(values, kind, strict=is_all_of_file)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        key = re.split(r"[.\[`]", where)[0]
        raise _fault(given, name, key, _in_words(what, values.get(key))) from None
    wrong = channel_faults(channel)
    if wrong:
        raise ConfigError(
            "\n".join(str(_fault(given, name, text.partition(":")[0], text.partition(": ")[2])) for text in wrong)
        )
    return channel


def _kind(name: str, kind: object, given: Given) -> type[Channel]:
    if kind is None:
        raise _fault(given, name, "", f"say of which kind it is: kind = one of {', '.join(map(repr, KINDS))}.")
    if not isinstance(kind, str) or kind not in KINDS:
        raise _fault(given, name, "kind", f"{kind!r} is none{did_you_mean(str(kind), KINDS)}")
    return KINDS[kind]


def _check_key(name: str, key: str, value: object, kind: type[Channel], given: Given) -> None:
    if key in SECRETS:
        raise _fault(
            given, name, key,
            f"a secret stands in no settings file; write it into a file of its own (mode 0600) and name that as "
            f"{key}_file, or set ${variable(name, key)}.",
        )  # fmt: skip
    known = kind.__struct_fields__
    if key not in known:
        raise _fault(given, name, key, f"unknown key for kind {kind.__struct_config__.tag!r}{did_you_mean(key, known)}")
    if key in _FILES and str(value).lower().startswith(("http:", "https:")):
        raise _fault(given, name, key, "here stands the name of a file, and in that file the address.")
    if any("\0" in one for one in _texts(value)):
        raise _fault(given, name, key, "has a null character; write it without.")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _in_words(what: str, value: object) -> str:
    if "missing required field" in what:
        return f"{what.replace('`', '')}."
    if "regex" in what:
        what = "not written as it must be"
    return f"{what.replace('`', '')}, got {value!r}." if ", got" not in what else f"{what.replace('`', '')}."


def variable(name: str, key: str) -> str:
    """Return the variable of the environment that stands for a key of a channel."""
    return f"{_VARIABLES}{name}__{key}".upper()


def without_channel_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the secrets of channels, for whoever sends nothing."""
    return {
        name: text
        for name, text in environment.items()
        if not (name.upper().startswith(_VARIABLES) and name.rpartition("__")[2].lower() in SECRETS)
    }


def _fault(given: Given, name: str, key: str, what: str) -> ConfigError:
    if key in given.environment.get(name, {}):
        return ConfigError(f"${variable(name, key)}: {what}")
    line = line_of(given.lines, f"send.{name}" if name else "send", key)
    place = "environment" if given.file is None else f"{given.file}:{line}" if line else str(given.file)
    section = f"[send.{name}]" if name else "[send]"
    return ConfigError(f"{place}: {section} {key}: {what}" if key else f"{place}: {section}: {what}")


def line_of(lines: tuple[str, ...], wanted: str, key: str) -> int:
    """Return the line of a key of section `wanted`, that of its section where it is not found, 0 where neither is."""
    section, found = "", 0
    for number, line in enumerate(lines, 1):
        header = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        if header:
            section = re.sub(r"[\s\"']", "", header[1])
            found = number if section == wanted else found
        elif section == wanted and key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return found


def did_you_mean(word: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """Return the word that was probably meant, or all that are known, as the end of a sentence."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}."
