"""The settings as given: one `greensward.toml`, overridden by `GREENSWARD__SECTION__KEY`.

The one module that reads the environment. Files are searched in this order: --config, the one in the folder that -C
names, $GREENSWARD_CONFIG, the one beside that folder where it names it, ./greensward.toml,
/etc/greensward/greensward.toml. No file at all is fine.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from greensward import settings_files
from greensward.given_channels import Given, channels_of, line_of, variable
from greensward.settings import Settings
from greensward.settings_files import Found, find, parsed, read
from ingest.errors import ConfigError

_PREFIX = "GREENSWARD__"
TRACEBACK = "GREENSWARD_TRACEBACK"
"""Variable that shows where an unforeseen error arose; no setting of an installation."""

Place = Callable[[str, str], str]
"""From section and key to where that was given."""

_CALLED_AS = "GREENSWARD_CALLED_AS"
_FILES = {
    "broker": ("password_file", "ca_file", "cert_file", "key_file"),
    "campaigns": ("file", "rules_file", "seasons_file"),
}
"""Settings that name files: a relative path is taken from the settings file's folder."""


def called_as() -> str:
    """Return what people type for `greensward`: from a clone ./run, which says so."""
    return os.environ.get(_CALLED_AS, "") or "greensward"


def wants_traceback() -> bool:
    """Say whether somebody who looks for a fault of ours wants to see where it arose."""
    return os.environ.get(TRACEBACK, "") not in {"", "0"}


def places(explicit: Path | None, data: Path | None = None) -> list[Path]:
    """Return the files that settings are looked for in, first hit wins."""
    return settings_files.places(explicit, os.environ.get("GREENSWARD_CONFIG", ""), data)


def load(explicit: Path | None = None, data: Path | None = None) -> Settings:
    """Return the settings from file and environment; `data` overrides [data] folder.

    Raises: ConfigError naming the file, the line, the key, what was expected, and the nearest key that exists.
    """
    return load_from(settings_found(explicit, data).file, data)


def load_from(found: Path | None, data: Path | None = None) -> Settings:
    """Return the settings from this file and the environment, as `load`. Raises: ConfigError."""
    text = "" if found is None else read(found)
    given = parsed(text, found)
    lines = tuple(text.splitlines())

    def place(section: str, key: str) -> str:
        return _place(found, lines, section, key)

    channels = channels_of(Given(_section(given, "send"), _channels_in(os.environ), found, lines))
    given.pop("send", None)
    _refuse_unknown_keys(given, place)
    given = _with_environment(given, os.environ)
    _refuse_null_characters(given, place)
    folder = _section(given, "data")
    if data is not None:
        folder["folder"] = str(data)
    elif found is not None and isinstance(path := folder.get("folder"), str):
        folder["folder"] = str(found.absolute().parent / path)
    given["data"] = folder
    if found is not None:
        for section, keys in _FILES.items():
            own = _section(given, section)
            paths = {key: path for key in keys if isinstance(path := own.get(key), str) and path}
            given[section] = own | {key: str(found.absolute().parent / path) for key, path in paths.items()}
    _refuse_unknown_keys(given, lambda _section, _key: "environment")
    try:
        settings = msgspec.convert(given, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(_in_words(error, place, given)) from error
    if (settings.broker.cert_file or settings.broker.key_file) and not settings.broker.ca_file:
        key = "cert_file" if settings.broker.cert_file else "key_file"
        raise ConfigError(
            f"{place('broker', key)}: [broker] {key}: without ca_file the connection would not be encrypted at "
            "all. Set ca_file to the certificate authority of the broker."
        )
    if settings.web.public_url and not settings.web.public_url.startswith(("http://", "https://")):
        raise ConfigError(
            f"{place('web', 'public_url')}: [web] public_url: {settings.web.public_url!r} must begin with https:// (or "
            "http://)."
        )
    _refuse_short_retention(settings, place)
    return msgspec.structs.replace(settings, send=channels)


def _refuse_short_retention(settings: Settings, place: Place) -> None:
    """Refuse to delete what is still needed."""
    for key, (least, why) in settings.least_days().items():
        days = getattr(settings.retention, key)
        if 0 < days < least:
            raise ConfigError(
                f"{place('retention', key)}: [retention] {key}: {days} days are too few: {why}. Write at least "
                f"{least}, or 0."
            )


def settings_found(explicit: Path | None = None, data: Path | None = None) -> Found:
    """Return the file that `load` reads settings from, and what is to be said of it. Raises: ConfigError."""
    return find(explicit, os.environ.get("GREENSWARD_CONFIG", ""), data)


def secret_in_environment(name: str, key: str) -> str:
    """Return a secret of a channel, "" where the environment has none; it becomes no setting, which could be shown."""
    return os.environ.get(variable(name, key), "")


def _place(found: Path | None, lines: tuple[str, ...], section: str, key: str) -> str:
    """Return where a setting was given: the variable, or the file and its line."""
    wanted = f"{_PREFIX}{section}__{key}".upper()
    named = next((name for name in os.environ if key and name.upper() == wanted), None)
    if named is not None or found is None:
        return f"${named or wanted}"
    line = line_of(lines, section, key)
    return f"{found}:{line}" if line else str(found)


def _refuse_null_characters(given: Mapping[str, object], place: Place) -> None:
    """Refuse what no path, name or address can hold, before the system does so without a word on where."""
    for section, values in given.items():
        for key, value in values.items() if isinstance(values, Mapping) else ():
            if isinstance(value, str) and "\0" in value:
                raise ConfigError(
                    f"{place(section, key)}: [{section}] {key}: {value!r} has a null character; write it without."
                )


def _in_words(error: msgspec.ValidationError, place: Place, given: Mapping[str, object]) -> str:
    """Return msgspec's "Expected `int` <= 65535 - at `$.broker.port`" with the setting as in the file and its value."""
    what, _, where = str(error).partition(" - at `$.")
    section, _, key = where.rstrip("`").partition(".")
    if "regex" in what:
        said = Settings().meaning(section, key)
        is_id = key in {"district", "client_id"}
        what = "use letters, digits, dots, hyphens and underscores" if is_id else f"not written as it must be ({said})"
    section_given = given.get(section)
    if ", got" not in what and isinstance(section_given, Mapping) and key in section_given:
        what += f", got {section_given[key]!r}"
    where = place(section, key)
    return f"{where}: [{section}] {key}: {what.replace('`', '')}" if key else f"{where}: {error}"


def _section(given: Mapping[str, object], name: str) -> dict[str, object]:
    section = given.get(name, {})
    if not isinstance(section, dict):
        raise ConfigError(f"[{name}] must be a section, got {section!r}.")
    return dict(section)


def _channels_in(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return what the environment says of channels: name → key → text."""
    channels: dict[str, dict[str, str]] = {}
    for name, text in environment.items():
        section, _, rest = name.removeprefix(_PREFIX).lower().partition("__")
        channel, _, key = rest.partition("__")
        if name.startswith(_PREFIX) and section == "send":
            if not channel or not key:
                raise ConfigError(f"${name}: no such setting; write {_PREFIX}SEND__NAME__KEY.")
            channels.setdefault(channel, {})[key] = text
    return channels


def _with_environment(given: dict[str, object], environment: Mapping[str, str]) -> dict[str, object]:
    merged = dict(given)
    for name, text in environment.items():
        if not name.startswith(_PREFIX):
            continue
        section, _, key = name.removeprefix(_PREFIX).lower().partition("__")
        if section == "send":
            continue
        fields = Settings.__struct_fields__
        if section not in fields:
            raise ConfigError(f"${name}: no such setting: unknown section{_did_you_mean(section, list(fields))}")
        if not key:
            raise ConfigError(f"${name}: no such setting; write {_PREFIX}{section.upper()}__KEY.")
        merged[section] = {**_section(merged, section), key: _from_text(section, key, text)}
    return merged


def _from_text(section: str, key: str, text: str) -> object:
    kind = type(getattr(getattr(Settings(), section), key, ""))
    if kind is bool:
        lowered = text.strip().lower()
        if lowered not in {"true", "false", "1", "0"}:
            raise ConfigError(f"${_PREFIX}{section.upper()}__{key.upper()}: expected true or false, got {text!r}.")
        return lowered in {"true", "1"}
    if kind in {int, float}:
        try:
            return kind(text)
        except ValueError as error:
            raise ConfigError(
                f"${_PREFIX}{section.upper()}__{key.upper()}: expected a number, got {text!r}."
            ) from error
    return text


def _refuse_unknown_keys(given: Mapping[str, object], place: Place) -> None:
    sections = {field: getattr(Settings(), field) for field in Settings.__struct_fields__}
    for section, content in given.items():
        if section not in sections:
            raise ConfigError(
                f"{place(section, '')}: unknown section [{section}]{_did_you_mean(section, list(sections))}"
            )
        keys = list(type(sections[section]).__struct_fields__)
        for key in content if isinstance(content, dict) else ():
            if key not in keys:
                raise ConfigError(
                    f"{place(section, key)}: unknown key {key!r} in [{section}]{_did_you_mean(key, keys)}"
                )


def _did_you_mean(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}."
