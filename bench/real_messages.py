"""Every real reading, uplink, dock message and picture in the reference data, as MQTT messages.

Nothing is improved on the way: units, sentinels (-99, -9999, NaN), missing depths and wrong times stay as they stand,
so that what ingest refuses is what it would refuse in the field. What has no field for a message's required part is
counted as lacking.
"""

from __future__ import annotations

import base64
import csv
import gzip
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = "greensward/v1/beichen"
# fmt: off
SERIES = (
    "ismn_maqu.csv.gz", "ismn_rsmn.csv.gz", "ismn_scan.csv.gz", "ismn_smosmania.csv.gz", "ismn_soilscape.csv.gz",
    "kings_creek_hourly.csv.gz", "simpact_bicentennial_park_hourly.csv.gz", "openagri_2024_hourly.csv.gz",
    "uscrn_ks_manhattan_daily.csv.gz", "svs_landfill_cover_daily.csv", "gypsum_2018_daily.csv",
    "tektelic_clover_15min.csv.gz", "maricopa2018_neutron_swc.csv.gz",
)
# fmt: on
_BATCH_BYTES = 60_000
_BATCH_SAMPLES = 96
_PLACEHOLDERS = {
    "gateway_sn": "7CTDM5900B3X1B",
    "dock_sn": "7CTDM5900B3X1B",
    "device_sn": "1581F6Q8D245P00E",
    "aircraft_sn": "1581F6Q8D245P00E",
    "workspace_id": "e3dea0f5-37f2-4d79-ae58-490af3228069",
}
_WEATHER = {"prcp": ("rain_depth", "mm"), "tavg": ("air_temperature", "Cel"), "rhavg": ("relative_humidity", "%")}
_PLACE = re.compile(r"(\d+(?:\.\d+)?) deg (\d+)' ([\d.]+)\"+ ([NSEW])")


@dataclass(frozen=True, slots=True)
class Source:
    """Messages of one file: topic and payload, in order; lacking counts records that cannot be a message."""

    name: str
    messages: list[tuple[str, bytes]]
    lacking: int = 0


def sources(data: Path, limit: int | None = None) -> Iterator[Source]:
    """Yield the messages of every file under `data` (soil/, drone/), at most `limit` of each. Raises: OSError."""
    soil, drone = data / "soil", data / "drone"
    readers: list[tuple[str, Callable[[], Iterable[tuple[str, bytes] | None]]]] = [
        *((f"soil/{name}", lambda name=name: _soil_series(soil / name)) for name in SERIES),
        ("soil/kings_creek_hourly_weather", lambda: _weather(soil / "kings_creek_hourly_weather.csv.gz")),
        ("soil/chirpstack_v4_docs", lambda: _chirpstack_docs(soil / "envelopes/chirpstack_v4_docs_events.jsonl")),
        ("soil/tts_v3_docs", lambda: _things_stack_docs(soil / "envelopes")),
        ("soil/tts_v3_real", lambda: _things_stack(_lines(soil / "envelopes/tts_v3_real_uplinks.jsonl"))),
        ("soil/thingsboard", lambda: _thingsboard(soil / "envelopes/thingsboard_converters_soil.jsonl")),
        ("soil/lorawan_examples", lambda: _lorawan(soil / "lorawan_examples.jsonl")),
        ("drone/dji_cloud_api", lambda: _dji(drone / "dji_cloud_api_examples.jsonl")),
        ("drone/dji_adapter_cases", lambda: _dji(drone / "dji_adapter_cases_give.jsonl")),
        ("drone/native_message_cases", lambda: _native_cases(drone / "native_message_cases_give.jsonl")),
        ("drone/real_image_metadata", lambda: _pictures(drone / "real_image_metadata.jsonl")),
        ("drone/agung2", lambda: _agung(drone / "agung2_image_metadata.csv")),
        ("drone/agung2_issues", lambda: _agung(drone / "agung2_issue_image_metadata.csv")),
    ]
    for name, read in readers:
        found = list(itertools.islice(read(), limit))
        yield Source(name, [message for message in found if message is not None], found.count(None))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as text:
        for line in text:
            yield json.loads(line)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    yield from csv.DictReader(text.decode().splitlines())


def _id(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:64]


def _number(text: str) -> float | str:
    """Return the number, also NaN, or the words that stand there."""
    try:
        return float(text)
    except ValueError:
        return text


def _soil_series(path: Path) -> Iterator[tuple[str, bytes]]:
    for station, rows in itertools.groupby(_rows(path), key=lambda row: row["station"]):
        yield from _packed(_id(station), _by_instant((row["utc"], _reading(row)) for row in rows))


def _reading(row: Mapping[str, str]) -> dict[str, Any]:
    is_raw = row["unit"] == "kHz"
    reading: dict[str, Any] = {
        "quantity": "raw_frequency" if is_raw else "volumetric_water_content",
        "value": _number(row["value"]),
        "unit": row["unit"],
    }
    if row["depth_from_m"]:
        reading["depth_cm"] = round(50 * (float(row["depth_from_m"]) + float(row["depth_to_m"])), 3)
    return reading


def _by_instant(readings: Iterable[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    samples: dict[str, list[dict[str, Any]]] = {}
    for measured_at, reading in readings:
        samples.setdefault(measured_at, []).append(reading)
    return [{"measured_at": at, "readings": found} for at, found in samples.items()]


def _packed(device_id: str, samples: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Yield a message of one sample, then one of a batch, then one of one sample, and so on."""
    topic, schema, start = f"{ROOT}/{device_id}/soil", "greening.soil_reading/1", 0
    while start < len(samples):
        yield topic, _json({"schema": schema, **samples[start]})
        batch = samples[start + 1 : start + 1 + _BATCH_SAMPLES]
        while len(payload := _json({"schema": schema, "samples": batch})) > _BATCH_BYTES:
            batch = batch[: len(batch) // 2]
        if batch:
            yield topic, payload
        start += 1 + len(batch)


def _weather(path: Path) -> Iterator[tuple[str, bytes]]:
    readings = (
        (row["datetime"].replace(" ", "T") + "Z", {"quantity": quantity, "value": _number(row[name]), "unit": unit})
        for row in _rows(path)
        for name, (quantity, unit) in _WEATHER.items()
    )
    yield from _packed("KSMesonet-KingsCreek-air", _by_instant(readings))


def _chirpstack_docs(path: Path) -> Iterator[tuple[str, bytes]]:
    for line in _lines(path):
        topic = line["topic"].replace("APPLICATION_ID", "17c82e96").replace("DEV_EUI", "0101010101010101")
        yield topic, _json(line["payload"])


def _things_stack(uplinks: Iterable[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    for uplink in uplinks:
        ids = uplink["end_device_ids"]
        kind = "join" if "join_accept" in uplink else "up"
        application = ids["application_ids"]["application_id"]
        yield f"v3/{application}@ttn/devices/{ids['device_id']}/{kind}", _json(uplink)


def _things_stack_docs(folder: Path) -> Iterator[tuple[str, bytes]]:
    for example in _lines(folder / "tts_v3_docs_examples.jsonl"):
        ids = {"end_device_ids": {"device_id": "dev1", "application_ids": {"application_id": "app1"}}}
        ((topic, _),) = _things_stack([ids | example])
        yield topic, _json(example)
    for name in ("tts_v3_docs_uplink_RAW_malformed.txt", "tts_v3_docs_uplink_repaired.json"):
        yield "v3/app1@ttn/devices/dev1/up", (folder / name).read_bytes()


def _thingsboard(path: Path) -> Iterator[tuple[str, bytes]]:
    for line in _lines(path):
        envelope = line["envelope"]
        if line["network_server"] == "ChirpStack":
            info = envelope.get("deviceInfo", {})
            # ChirpStack 3 writes the EUI in base64 in its messages and in hex on its topics.
            eui = info.get("devEui") or base64.b64decode(envelope["devEUI"]).hex()
            yield f"application/{info.get('applicationId', '123')}/device/{eui}/event/up", _json(envelope)
        else:
            yield from _things_stack([envelope])


def _lorawan(path: Path) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(_lines(path)):
        data = base64.b64encode(bytes(line["frm_bytes"])).decode()
        eui, heard_at = f"70b3d57ba0{number:06x}", f"2026-07-02T03:{number:02}:00Z"
        fields, port = line["decoded_payload"], line["f_port"]
        event = {
            "deduplicationId": f"3ac7e3c4-4401-4b8d-9386-{number:012}",
            "time": heard_at,
            "deviceInfo": {"devEui": eui, "deviceProfileName": f"{line['vendor']} {line['device']}"},
            "fPort": port,
            "fCnt": number,
            "data": data,
            "object": fields,
        }
        yield f"application/parks/device/{eui}/event/up", _json(event)
        uplink = {"f_port": port, "f_cnt": number, "frm_payload": data, "decoded_payload": fields}
        uplink |= {"received_at": heard_at, "version_ids": {"brand_id": line["vendor"], "model_id": line["device"]}}
        ids = {"device_id": f"probe-{number}", "dev_eui": eui.upper(), "application_ids": {"application_id": "parks"}}
        yield from _things_stack([{"end_device_ids": ids, "received_at": heard_at, "uplink_message": uplink}])


def _dji(path: Path) -> Iterator[tuple[str, bytes] | None]:
    for line in _lines(path):
        topic = re.sub(r"_?\{(\w+)\}_?", lambda found: _PLACEHOLDERS[found[1]], line["topic"])
        yield None if topic.startswith("HTTP") else (topic, _json(line["message"]))


def _native_cases(path: Path) -> Iterator[tuple[str, bytes]]:
    for line in _lines(path):
        message = line.get("message", {})
        drone = message.get("drone_id") or "1581F6Q8D245P00E"
        yield f"{ROOT}/{drone}/image", line["raw"].encode() if "raw" in line else _json(message)


def _pictures(path: Path) -> Iterator[tuple[str, bytes] | None]:
    for line in _lines(path):
        yield _picture(_id(line["source_repo"].rpartition("/")[2]), line["path"], line["tags"])


def _first(tags: Mapping[str, Any], *names: str) -> float | None:
    for name in names:
        if name in tags:
            value = _number(str(tags[name]))
            return value if isinstance(value, float) else None
    return None


def _picture(drone: str, path: str, tags: Mapping[str, Any]) -> tuple[str, bytes] | None:
    lat = _first(tags, "GPS:GPSLatitude", "XMP-drone-dji:GPSLatitude")
    lon = _first(tags, "GPS:GPSLongitude", "XMP-drone-dji:GPSLongitude", "XMP-drone-dji:GPSLongtitude")
    yaw = _first(tags, "XMP-drone-dji:GimbalYawDegree", "XMP-drone-dji:FlightYawDegree", "XMP-Camera:Yaw", "yaw")
    width = _first(tags, "File:ImageWidth", "IFD0:ImageWidth", "ExifIFD:ExifImageWidth", "width")
    height = _first(tags, "File:ImageHeight", "IFD0:ImageHeight", "ExifIFD:ExifImageHeight", "height")
    taken = tags.get("ExifIFD:DateTimeOriginal") or tags.get("GDAL:EXIF_DateTimeOriginal")
    if None in (lat, lon, yaw, width, height) or not taken:
        return None
    assert lat is not None, path
    assert lon is not None, path
    signed_lat = -abs(lat) if tags.get("GPS:GPSLatitudeRef") == "S" else lat
    signed_lon = -abs(lon) if tags.get("GPS:GPSLongitudeRef") == "W" else lon
    heights = {"height_takeoff_m": _first(tags, "XMP-drone-dji:RelativeAltitude")}
    heights["alt_unknown_datum_m"] = _first(tags, "XMP-drone-dji:AbsoluteAltitude", "GPS:GPSAltitude")
    angles = {"pitch_deg": _first(tags, "XMP-drone-dji:GimbalPitchDegree")}
    angles["roll_deg"] = _first(tags, "XMP-drone-dji:GimbalRollDegree")
    focal = _first(tags, "ExifIFD:FocalLengthIn35mmFormat")
    return _image_message(
        drone,
        path,
        str(taken),
        {"lon": signed_lon, "lat": signed_lat} | _told(heights),
        {"yaw_deg": yaw} | _told(angles),
        {"width_px": width, "height_px": height} | ({"intrinsics": {"focal_35mm_mm": focal}} if focal else {}),
    )


def _told(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _image_message(
    drone: str, path: str, taken: str, position: object, attitude: dict[str, Any], image: object
) -> tuple[str, bytes]:
    day, _, clock = taken.partition(" ")
    message = {
        "schema": "greening.image_metadata/1",
        "image_id": re.sub(r"[^A-Za-z0-9._:/-]+", "-", f"{drone}/{path}")[:128],
        "drone_id": drone,
        "flight_id": drone,
        "captured_at": f"{day.replace(':', '-')}T{clock}Z",
        "time_source": "camera_clock",
        "sensor": {"kind": "rgb"},
        "image": image,
        "position": position,
        "attitude": attitude | {"source": "exif_xmp"},
    }
    return f"{ROOT}/{drone}/image", _json(message)


def _agung(path: Path) -> Iterator[tuple[str, bytes] | None]:
    for row in _rows(path):
        lat, lon = _degrees(row["GPSLatitude"]), _degrees(row["GPSLongitude"])
        yaw, pitch = row["FlightYawDegree"], row["GimbalPitchDegree"]
        if lat is None or lon is None or not yaw or not row["DateTimeOriginal"]:
            yield None
            continue
        altitude = {"alt_unknown_datum_m": float(row["AbsoluteAltitude"])} if row["AbsoluteAltitude"] else {}
        attitude = {"yaw_deg": float(yaw)} | ({"pitch_deg": float(pitch)} if pitch else {})
        image = {"width_px": 4032, "height_px": 3024, "intrinsics": {"focal_35mm_mm": 24}}
        position = {"lon": lon, "lat": lat} | altitude
        yield _image_message("agung-2", row["FileName"], row["DateTimeOriginal"], position, attitude, image)


def _degrees(text: str) -> float | None:
    found = _PLACE.fullmatch(text.strip())
    if not found:
        return None
    value = float(found[1]) + float(found[2]) / 60 + float(found[3]) / 3600
    return -value if found[4] in "SW" else value
