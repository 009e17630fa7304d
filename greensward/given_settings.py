"""The settings as given: one `greensward.toml`, overridden by `GREENSWARD__SECTION__KEY`.

The one module that reads the environment. Files are searched in this order: --config, $GREENSWARD_CONFIG,
./greensward.toml, /etc/greensward/greensward.toml. No file at all is fine.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from greensward.given_channels import Given, channels_of, variable
from greensward.settings import Settings
from ingest.errors import ConfigError

_PREFIX = "GREENSWARD__"
TRACEBACK = "GREENSWARD_TRACEBACK"
"""Variable that shows where an unforeseen error arose; no setting of an installation."""

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


def places(explicit: Path | None) -> list[Path]:
    """Return the files that settings are looked for in, first hit wins."""
    if explicit is not None:
        return [explicit]
    named = os.environ.get("GREENSWARD_CONFIG")
    return ([Path(named)] if named else []) + [Path("greensward.toml"), Path("/etc/greensward/greensward.toml")]


def load(explicit: Path | None = None, data: Path | None = None) -> Settings:
    """Return the settings from file and environment; `data` overrides [data] folder.

    A data folder that holds a `greensward.toml` of its own (as the demo's does) is read when none is named.
    Raises: ConfigError naming the file, the key, what was expected, and the nearest key that exists.
    """
    found = settings_file(explicit, data)
    text = "" if found is None else _read(found)
    given = _parsed(text, found)
    channels = channels_of(Given(_section(given, "send"), _channels_in(os.environ), found, tuple(text.splitlines())))
    given.pop("send", None)
    _refuse_unknown_keys(given, where=str(found))
    given = _with_environment(given, os.environ)
    _refuse_null_characters(given, _source(found))
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
    _refuse_unknown_keys(given, where="environment")
    try:
        settings = msgspec.convert(given, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(_in_words(error, found, given)) from error
    if (settings.broker.cert_file or settings.broker.key_file) and not settings.broker.ca_file:
        raise ConfigError(
            "[broker] cert_file, key_file: without ca_file the connection would not be encrypted at all. Set ca_file "
            "to the certificate authority of the broker."
        )
    if settings.web.public_url and not settings.web.public_url.startswith(("http://", "https://")):
        raise ConfigError(f"[web] public_url: {settings.web.public_url!r} must begin with https:// (or http://).")
    _refuse_short_retention(settings, _source(found))
    return msgspec.structs.replace(settings, send=channels)


def _refuse_short_retention(settings: Settings, source: str) -> None:
    """Refuse to delete what is still needed."""
    for key, (least, why) in settings.least_days().items():
        days = getattr(settings.retention, key)
        if 0 < days < least:
            raise ConfigError(
                f"{source}: [retention] {key}: {days} days are too few: {why}. Write at least {least}, or 0."
            )


def settings_file(explicit: Path | None = None, data: Path | None = None) -> Path | None:
    """Return the file that `load` reads settings from, None where there is none. Raises: ConfigError."""
    candidates = places(explicit)
    named = os.environ.get("GREENSWARD_CONFIG")
    if data is not None and explicit is None and _is_file(data / "greensward.toml"):
        candidates = [data / "greensward.toml"]
    elif explicit is None and named and not _is_file(Path(named)):
        raise ConfigError(f"$GREENSWARD_CONFIG: no settings file at {named}. Correct it, or unset it.")
    found = next((path for path in candidates if _is_file(path)), None)
    if found is None and explicit is not None:
        raise ConfigError(f"No settings file at {explicit}. Write one with: greensward config --write {explicit}")
    return found


def secret_in_environment(name: str, key: str) -> str:
    """Return a secret of a channel, "" where the environment has none; it becomes no setting, which could be shown."""
    return os.environ.get(variable(name, key), "")


def _parsed(text: str, found: Path | None) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{found}: not valid TOML: {error}") from error


def _read(found: Path) -> str:
    try:
        # Windows' editors put a byte order mark first.
        return found.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{found}: not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{found}: cannot be read: {error.strerror}.") from error


def _source(found: Path | None) -> str:
    """Return where a setting may have come from."""
    return f"{found} or ${_PREFIX}…" if found else f"${_PREFIX}…"


def _refuse_null_characters(given: Mapping[str, object], source: str) -> None:
    """Refuse what no path, name or address can hold, before the system does so without a word on where."""
    for section, values in given.items():
        for key, value in values.items() if isinstance(values, Mapping) else ():
            if isinstance(value, str) and "\0" in value:
                raise ConfigError(f"{source}: [{section}] {key}: {value!r} has a null character; write it without.")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # a folder on the way that may not be entered
        raise ConfigError(f"{path}: {error.strerror}.") from error


def _in_words(error: msgspec.ValidationError, found: Path | None, given: Mapping[str, object]) -> str:
    """Return msgspec's "Expected `int` <= 65535 - at `$.broker.port`" with the setting as in the file and its value."""
    what, _, where = str(error).partition(" - at `$.")
    section, _, key = where.rstrip("`").partition(".")
    if "regex" in what:
        what = "use letters, digits, dots, hyphens and underscores" if key in {"district", "client_id"} else what
    section_given = given.get(section)
    if ", got" not in what and isinstance(section_given, Mapping) and key in section_given:
        what += f", got {section_given[key]!r}"
    source = _source(found)
    return f"{source}: [{section}] {key}: {what.replace('`', '')}" if key else f"{source}: {error}"


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


def _refuse_unknown_keys(given: Mapping[str, object], where: str) -> None:
    sections = {field: getattr(Settings(), field) for field in Settings.__struct_fields__}
    for section, content in given.items():
        if section not in sections:
            raise ConfigError(f"{where}: unknown section [{section}]{_did_you_mean(section, list(sections))}")
        keys = list(type(sections[section]).__struct_fields__)
        for key in content if isinstance(content, dict) else ():
            if key not in keys:
                raise ConfigError(f"{where}: unknown key {key!r} in [{section}]{_did_you_mean(key, keys)}")


def _did_you_mean(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}."
