"""Settings: what can be set, what it means, and what it is where nobody set it.

Every setting has a default that suits one district on one machine. Where they are given: `greensward.given_settings`.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from greensward.channel_settings import Channel, meaning_of
from ingest.errors import ConfigError
from ingest.lake.expire import FLAGS, PICTURES, READINGS, REJECTED
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import check_layout, check_restored
from ingest.site import BEICHEN, Site
from sql.campaigns import Campaigns, load_campaigns
from sql.models import READINGS_AT_ONCE
from sql.reference import limit

_STARTED = time.monotonic()
_LON_MAX, _LAT_MAX = 180, 90
_Slug = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
_MOST_DAYS = 36_500
_MONTH_DAYS = 30
_EXPIRING = {"readings_days": READINGS, "pictures_days": PICTURES, "rejected_days": REJECTED, "flags_days": FLAGS}
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
    data_licence: licence that the operator gives the lake's data, by its SPDX id, such as "CC-BY-4.0"; "" says none
    data_licence_url: where its text stands, or that of a licence without an SPDX id; "" says none
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
    data_licence: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.-]*\Z", max_length=64)] = ""
    data_licence_url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[!-~]+)?\Z", max_length=2000)] = ""


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
    password_file: first line is the password; mode 0600; a relative path is taken from the settings file's folder
    ca_file: certificate authority of the broker; turns TLS on; its path as password_file
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


class RetentionSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[retention]: for how many local days what is kept by rule is kept; 0: for ever. `greensward lake expire` deletes.

    readings_days: readings of soil and weather, and what devices say of themselves; at least 66
    pictures_days: rows of pictures: where and how they were taken, findings, indices, files counted; at least 301
    rejected_days: refused messages; at least [ingest] raw_days
    flags_days: what each evaluation said of each plot; at least 31
    photos_days: crews' photos, counted from the end of their issue; at least 31

    What evaluations need for longer is never deleted: registers, learned plateaus, which plots were ever flown, events
    of issues and campaigns, forecasts.
    """

    readings_days: Annotated[int, msgspec.Meta(ge=0, le=_MOST_DAYS)] = 0
    pictures_days: Annotated[int, msgspec.Meta(ge=0, le=_MOST_DAYS)] = 0
    rejected_days: Annotated[int, msgspec.Meta(ge=0, le=_MOST_DAYS)] = 0
    flags_days: Annotated[int, msgspec.Meta(ge=0, le=_MOST_DAYS)] = 0
    photos_days: Annotated[int, msgspec.Meta(ge=0, le=_MOST_DAYS)] = 0

    def by_table(self) -> dict[str, int]:
        """Return the days of each table of the lake that a rule is set for."""
        return {name: days for key, names in _EXPIRING.items() if (days := getattr(self, key)) for name in names}

    @staticmethod
    def key_of(name: str) -> str:
        """Return the key that says for how long a table of the lake is kept."""
        return next(key for key, names in _EXPIRING.items() if name in names)


class FlagSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[flags]: how often `up` evaluates the rules, and how much is judged at a time.

    every_minutes: minutes between two evaluations of `up`; /readyz calls one late after twice that and 5 minutes
    readings_at_once: readings judged at a time, by evaluations and questions; less takes less memory and more time
    """

    every_minutes: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    readings_at_once: Annotated[int, msgspec.Meta(ge=100_000)] = READINGS_AT_ONCE


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
    link_days: how long a link works, a crew's or the office's
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
    """All settings, one section each; what a key means is a line of its section's docstring.

    send: a section [send.NAME] for each channel on which crews are told without asking
    """

    site: SiteSettings = SiteSettings()
    data: DataSettings = DataSettings()
    broker: BrokerSettings = BrokerSettings()
    ingest: IngestSettings = IngestSettings()
    flags: FlagSettings = FlagSettings()
    water: WaterSettings = WaterSettings()
    web: WebSettings = WebSettings()
    campaigns: CampaignSettings = CampaignSettings()
    retention: RetentionSettings = RetentionSettings()
    send: dict[str, Channel] = {}

    def least_days(self) -> dict[str, tuple[int, str]]:
        """Return the fewest days that each key of [retention] may name besides 0, and what needs them."""
        looked_back = 1 + _MONTH_DAYS
        readings = int(limit("soil_window_days")) + looked_back
        pictures = int(limit("drone_window_days") + limit("flight_before_days")) + looked_back
        return {
            "readings_days": (readings, f"evaluations, and back-tests of the last {_MONTH_DAYS} days, read so many"),
            "pictures_days": (pictures, "evaluations compare flights with those of the season before"),
            "rejected_days": (self.ingest.raw_days, "for [ingest] raw_days a refused message may be judged again"),
            "flags_days": (looked_back, "the office looks back a month"),
            "photos_days": (looked_back, "the office looks back a month"),
        }

    def campaign_tables(self) -> Campaigns:
        """Return what is in force of campaigns and seasons. Raises: ConfigError with every fault of own tables."""
        given = self.campaigns
        files = (Path(name) if name else None for name in (given.file, given.rules_file, given.seasons_file))
        return load_campaigns(*files, is_southern=self.place().is_southern)

    def meaning(self, section: str, key: str) -> str:
        """Return what a setting means, in one line; a channel's section is send.NAME."""
        if section.startswith("send."):
            return meaning_of(type(self.send[section.removeprefix("send.")]), key)
        said = re.search(rf"^ +{key}: (.+)$", type(getattr(self, section)).__doc__ or "", re.MULTILINE)
        return said[1] if said else ""

    def place(self) -> Site:
        """Return the site. Raises: ConfigError for an unknown time zone or an empty box."""
        try:
            zone = ZoneInfo(self.site.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a name such as "Asia" is a folder
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
        Raises: ConfigError when it is a file or lies under one, may not be entered, holds half a backup, or was made by
        a newer Greensward.
        """
        folder = DataFolder(Path(self.data.folder).absolute())
        try:
            there = next(path for path in (folder.root, *folder.root.parents) if path.exists())
            if not there.is_dir():
                lies = "is a file" if there == folder.root else f"lies under {there}, which is a file"
                raise ConfigError(f"The data folder {folder.root} {lies}; name another with -C.")
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
