"""Settings: one `greensward.toml`, overridden by `GREENSWARD__SECTION__KEY`; the one module that reads the environment.

Searched in this order: --config, $GREENSWARD_CONFIG, ./greensward.toml, /etc/greensward/greensward.toml. No file at
all is fine: every setting has a default that suits one district on one machine.
"""

from __future__ import annotations

import difflib
import os
import re
import time
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import check_layout, check_restored
from ingest.site import BEICHEN, Site
from sql.campaigns import Campaigns, load_campaigns

_PREFIX = "GREENSWARD__"
TRACEBACK = "GREENSWARD_TRACEBACK"
_CALLED_AS = "GREENSWARD_CALLED_AS"
"""Variable that shows where an unforeseen error arose; no setting of an installation."""

_STARTED = time.monotonic()
_LON_MAX, _LAT_MAX = 180, 90
_Slug = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class SiteSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[site]: the district.

    name: what people call the district
    district: the district's name on topics
    timezone: IANA name; a day is a day there
    west: degrees, WGS 84; positions outside the box are set aside
    south: as west
    east: as west
    north: as west
    clock: for demonstrations: the instant (RFC 3339) that counts as now when a command starts; "" is the real clock
    elevation_m: metres above the sea
    wind_height_m: metres above the ground at which the weather stations measure wind
    """

    name: str = "北辰区"
    district: _Slug = BEICHEN.district
    timezone: str = "Asia/Shanghai"
    west: float = BEICHEN.west
    south: float = BEICHEN.south
    east: float = BEICHEN.east
    north: float = BEICHEN.north
    clock: str = ""
    elevation_m: Annotated[float, msgspec.Meta(ge=-450, le=6000)] = BEICHEN.elevation_m
    wind_height_m: Annotated[float, msgspec.Meta(ge=1, le=100)] = BEICHEN.wind_height_m


class WaterSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[water]: what the litres on a list are reckoned with, where the register of plots has nothing of its own.

    water_ec_ds_m: electrical conductivity of the water that is brought, dS/m; 0: unknown, no leaching is added
    soil_ece_ds_m: of the soil's saturation extract that is to be kept, dS/m; 0: unknown
    forecast_rain: what likely rain (5 mm in 48 h with 60 %) does to a dry plot's water: "cancel", "reduce" or "proceed"
    plots_without_probe: dryness of a plot without a probe by plots of its kind: "off", "show" (nobody is sent), "order"

    Rain never cancels the water of a plot whose plants wilt.
    """

    water_ec_ds_m: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    soil_ece_ds_m: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    forecast_rain: Literal["cancel", "reduce", "proceed"] = "reduce"
    plots_without_probe: Literal["off", "show", "order"] = "show"


class DataSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[data]: the data folder.

    folder: where everything is kept; a relative folder is taken from the settings file's folder
    """

    folder: str = "greensward-data"


class BrokerSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[broker]: `host = ""` starts the built-in broker; otherwise an MQTT broker of yours.

    host: "" starts the built-in broker with `up`; otherwise an MQTT broker of yours
    port: its port
    client_id: ours at the broker; its session hangs on it, so it stays the same for ever, and no two workers share one
    mqtt_version: "5" or "3.1.1"
    username: ours at the broker
    password_file: first line is the password; mode 0600
    ca_file: certificate authority of the broker; turns TLS on
    cert_file: our certificate, where the broker asks for one
    key_file: its key; mode 0600
    keepalive_s: a dead connection is noticed within twice this
    session_expiry_s: how long the broker keeps messages for us while we are away
    receive_maximum: messages that may be in flight to us, unacknowledged, 1 to 65,535
    receive: "bulk" reads as many packets at once as have come; "paho" one by one, a tenth as fast
    allow_insecure: true: unencrypted beyond this machine
    """

    host: str = ""
    port: _Port = 1883
    client_id: _Slug = "greensward-ingest-1"
    mqtt_version: Annotated[str, msgspec.Meta(pattern=r"^(5|3\.1\.1)$")] = "5"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    session_expiry_s: Annotated[int, msgspec.Meta(ge=3600)] = 14 * 86_400
    receive_maximum: Annotated[int, msgspec.Meta(ge=20, le=65_535)] = 20_000
    receive: Annotated[str, msgspec.Meta(pattern=r"^(bulk|paho)$")] = "bulk"
    allow_insecure: bool = False


class IngestSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[ingest]: how the journal becomes Parquet.

    seal_every_s: at most this long from a message's arrival to its row in the lake, plus the time of the write
    seal_bytes: sooner when the journal holds this much
    compact_files: merge a partition when it has more files than this
    merge_bytes: bytes of rows held while a day of any size is merged; memory takes some five times as much
    min_free_bytes: below this much free disk nothing more is taken from the broker, until there is more again
    raw_days: how long messages are kept as received, for replay
    """

    seal_every_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 8.0
    seal_bytes: Annotated[int, msgspec.Meta(ge=100_000)] = 10_000_000
    compact_files: Annotated[int, msgspec.Meta(ge=2)] = 24
    merge_bytes: Annotated[int, msgspec.Meta(ge=1_000_000)] = 32_000_000
    min_free_bytes: Annotated[int, msgspec.Meta(ge=1_000_000)] = 500_000_000
    raw_days: Annotated[int, msgspec.Meta(ge=1)] = 30


class FlagSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[flags]: how often `up` evaluates the rules.

    every_minutes: minutes between two evaluations of `up`; /readyz calls one late after twice that and 5 minutes
    """

    every_minutes: Annotated[float, msgspec.Meta(gt=0)] = 30.0


class CampaignSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[campaigns]: the district's own campaigns and seasons of the year, CSV beside the built-in ones; "" is none.

    file: campaigns, as sql/reference/campaigns.csv; a relative path is taken from the settings file's folder
    rules_file: the conditions of their starts, as sql/reference/campaign_rules.csv
    seasons_file: the seasons, as sql/reference/seasons.csv, in place of the built-in ones

    A row of an id that is built in replaces that. South of the equator what is built in stands half a year later.
    """

    file: str = ""
    rules_file: str = ""
    seasons_file: str = ""


class WebSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[web]: the crews' pages.

    host: address to listen on
    port: port to listen on
    public_url: how phones reach this server, for links; "" means http://host:port
    link_days: how long a crew's link works
    truck_litres: what one water truck holds, where the crew has no figure of its own
    office_phone: whom crews can call, on their pages and where a link has ended; "" shows none
    allow_insecure: true: plain HTTP beyond this machine
    """

    host: str = "127.0.0.1"
    port: _Port = 8080
    public_url: str = ""
    link_days: Annotated[int, msgspec.Meta(ge=1, le=7)] = 7
    truck_litres: Annotated[float, msgspec.Meta(gt=0)] = 8000.0
    office_phone: Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[+0-9 ()-]*$")] = ""
    allow_insecure: bool = False


class Settings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """All settings, one section each; what a key means is a line of its section's docstring."""

    site: SiteSettings = SiteSettings()
    data: DataSettings = DataSettings()
    broker: BrokerSettings = BrokerSettings()
    ingest: IngestSettings = IngestSettings()
    flags: FlagSettings = FlagSettings()
    water: WaterSettings = WaterSettings()
    web: WebSettings = WebSettings()
    campaigns: CampaignSettings = CampaignSettings()

    def campaign_tables(self) -> Campaigns:
        """Return what is in force of campaigns and seasons. Raises: ConfigError with every fault of own tables."""
        given = self.campaigns
        files = (Path(name) if name else None for name in (given.file, given.rules_file, given.seasons_file))
        return load_campaigns(*files, is_southern=self.place().is_southern)

    def meaning(self, section: str, key: str) -> str:
        """Return what a setting means, in one line."""
        said = re.search(rf"^ +{key}: (.+)$", type(getattr(self, section)).__doc__ or "", re.MULTILINE)
        return said[1] if said else ""

    def place(self) -> Site:
        """Return the site. Raises: ConfigError for an unknown time zone or an empty box."""
        try:
            zone = ZoneInfo(self.site.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigError(
                f"[site] timezone: {self.site.timezone!r} is not an IANA time zone; write for example 'Asia/Shanghai'."
            ) from error
        box = self.site
        if not (-_LON_MAX <= box.west < box.east <= _LON_MAX and -_LAT_MAX <= box.south < box.north <= _LAT_MAX):
            raise ConfigError(
                f"[site] west, south, east, north: {box.west}, {box.south}, {box.east}, {box.north} is no box; "
                "west must be less than east and south less than north, in degrees."
            )
        return Site(
            box.district,
            zone,
            box.west,
            box.south,
            box.east,
            box.north,
            elevation_m=box.elevation_m,
            wind_height_m=box.wind_height_m,
            water_ec_ds_m=self.water.water_ec_ds_m or None,
            soil_ece_ds_m=self.water.soil_ece_ds_m or None,
            forecast_rain=self.water.forecast_rain,
            plots_without_probe=self.water.plots_without_probe,
        )

    def now(self) -> datetime:
        """Return what counts as now, UTC. Raises: ConfigError when [site] clock is no instant with an offset."""
        if not self.site.clock:
            return datetime.now(UTC)
        try:
            pretended = datetime.fromisoformat(self.site.clock)
        except ValueError:
            pretended = None
        if pretended is None or pretended.tzinfo is None:
            raise ConfigError(
                f"[site] clock: {self.site.clock!r} is no instant; write for example 2026-03-28T07:00:00+08:00, or "
                '"" for the real clock.'
            )
        return pretended.astimezone(UTC) + timedelta(seconds=time.monotonic() - _STARTED)

    def data_folder(self, *, to_restore: bool = False) -> DataFolder:
        """Return the data folder, absolute, there or not yet.

        to_restore: a backup is to be put back into it, so one that was cut short at that will do
        Raises: ConfigError when it is a file, may not be entered, holds half a backup, or was made by a newer
        Greensward.
        """
        folder = DataFolder(Path(self.data.folder).absolute())
        try:
            if folder.root.exists() and not folder.root.is_dir():
                raise ConfigError(f"The data folder {folder.root} is a file; name another with -C.")
            folder.version_file.exists()
        except OSError as error:
            raise ConfigError(f"The data folder {folder.root}: {error.strerror}.") from error
        check_layout(folder)
        if not to_restore:
            check_restored(folder)
        return folder

    def existing_folder(self) -> DataFolder:
        """Return the data folder for a command that only looks at it. Raises: ConfigError when it is not there yet."""
        folder = self.data_folder()
        if not (folder.version_file.is_file() or folder.lake.is_dir()):
            raise ConfigError(
                f"There is no data folder at {folder.root}. Begin one with: greensward up, or greensward plots import; "
                "or name another with -C."
            )
        return folder


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
    found = _find(explicit, data)
    given = {} if found is None else _read(found)
    _refuse_unknown_keys(given, where=str(found))
    given = _with_environment(given, os.environ)
    folder = _section(given, "data")
    if data is not None:
        folder["folder"] = str(data)
    elif found is not None and "folder" in folder:
        folder["folder"] = str(found.absolute().parent / str(folder["folder"]))
    given["data"] = folder
    if found is not None:
        own = _section(given, "campaigns")
        given["campaigns"] = own | {
            key: str(found.absolute().parent / str(value)) for key, value in own.items() if value
        }
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
    return settings


def _find(explicit: Path | None, data: Path | None) -> Path | None:
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


def _read(found: Path) -> dict[str, object]:
    try:
        # Windows' editors put a byte order mark first.
        return tomllib.loads(found.read_bytes().decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{found}: not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{found}: cannot be read: {error.strerror}.") from error


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
    source = f"{found} or ${_PREFIX}…" if found else f"${_PREFIX}…"
    return f"{source}: [{section}] {key}: {what.replace('`', '')}" if key else f"{source}: {error}"


def _section(given: Mapping[str, object], name: str) -> dict[str, object]:
    section = given.get(name, {})
    if not isinstance(section, dict):
        raise ConfigError(f"[{name}] must be a section, got {section!r}.")
    return dict(section)


def _with_environment(given: dict[str, object], environment: Mapping[str, str]) -> dict[str, object]:
    merged = dict(given)
    for variable, text in environment.items():
        if not variable.startswith(_PREFIX):
            continue
        section, _, key = variable.removeprefix(_PREFIX).lower().partition("__")
        fields = Settings.__struct_fields__
        if section not in fields:
            raise ConfigError(f"${variable}: no such setting: unknown section{_did_you_mean(section, list(fields))}")
        if not key:
            raise ConfigError(f"${variable}: no such setting; write {_PREFIX}{section.upper()}__KEY.")
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
