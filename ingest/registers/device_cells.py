"""From the cells of one line to a row of the register of devices."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime

from ingest.decode.device_models import all_models
from ingest.decode.quantities import QUANTITIES
from ingest.identifiers import EXPECTED_ID, is_id, normalise_device_id
from ingest.registers.datum import Datum, to_wgs84
from ingest.registers.device_history import device_row
from ingest.registers.findings import Place
from ingest.registers.instants import EXPECTED_INSTANT, parse_instant
from ingest.registers.validity import Row
from ingest.registers.words import did_you_mean
from ingest.site import Site

DEEPEST_CM = 300.0
MOST_DEPTHS = 32
LONGEST_INTERVAL_S = 7 * 86_400.0
WIND_HEIGHTS_M = (1.0, 100.0)
"""As for the site's: below a metre the profile of wind over grass (FAO-56 equation 47) says nothing."""
ELEVATIONS_M = (-450.0, 6000.0)
_LONGEST_TEXT = 500
_EXCEL_NUMBER = re.compile(r"\d(?:[.,]\d+)?E(?:\+\d+|\d{2,3})", re.IGNORECASE)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*/[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)
_FORMULA_STARTS = "=+-@＝＋－＠\t\r"
_DEPTH_SEPARATORS = re.compile(r"[;；/、,，\s]+")


def read_device(
    cells: Mapping[str, str], site: Site, default_from: datetime, datum: Datum, place: Place
) -> tuple[Row | None, bool]:
    """Return the row of one line, and whether its valid_from was left to us; None where it has a fault.

    The device's id is put into `place`, so that later findings name it.
    """
    device_id = _device_id(cells.get("device_id", ""), place)
    model = _model(cells, place)
    plot_id = cells.get("plot_id")
    if plot_id is not None and not is_id(plot_id):
        place.fault("invalid_id", plot_id, EXPECTED_ID, "Write the plot's id.", "plot_id")
    depths = read_depths(cells.get("depths_cm", ""), place)
    _check_elements(model, depths, place)
    interval = _number(cells, "report_interval_s", 1.0, LONGEST_INTERVAL_S, "seconds, 1 to 604800 (a week)", place)
    position = _position(cells, site, datum, place)
    wind_height = _number(cells, "wind_height_m", *WIND_HEIGHTS_M, "metres above the ground, 1 to 100", place)
    elevation = _number(cells, "elevation_m", *ELEVATIONS_M, "metres above the sea, -450 to 6000", place)
    begins = _instant(cells, "valid_from", site, place) or default_from
    ends = _instant(cells, "valid_to", site, place)
    if ends is not None and ends <= begins:
        place.fault(
            "wrong_order",
            f"{begins.isoformat()} to {ends.isoformat()}",
            "valid_from before valid_to",
            "Check both.",
            "valid_to",
        )
    if place.failed:
        return None, False
    row = device_row(
        device_id,
        begins,
        valid_to=ends,
        model=model,
        plot_id=plot_id,
        depths_cm=depths,
        report_interval_s=interval,
        lon=position[0] if position else None,
        lat=position[1] if position else None,
        wind_height_m=wind_height,
        elevation_m=elevation,
        note=_note(cells, place),
    )
    return row, "valid_from" not in cells


def read_depths(text: str, place: Place) -> list[float] | None:
    """Return depths in cm from a text such as "10;30", in that order; None when empty or wrong (faults at `place`)."""
    parts = [part for part in _DEPTH_SEPARATORS.split(text.lower().replace("cm", " ").replace("厘米", " ")) if part]
    depths: list[float] = []
    for part in parts:
        try:
            depth = float(part)
        except ValueError:
            depth = math.nan
        if not 0 <= depth <= DEEPEST_CM:
            place.fault(
                "invalid_depth",
                part,
                f"centimetres, 0 or more, at most {DEEPEST_CM:g}, such as 10;30",
                "Write the depth below the surface of each sensing element, in the order of the elements.",
                "depths_cm",
            )
        elif depth < 1:
            place.warn(
                "shallow_depth",
                f"{part} cm",
                "centimetres",
                f"If metres are meant, write {depth * 100:g}." if depth else "If nobody knows, leave the cell empty.",
                "depths_cm",
            )
        depths.append(depth)
    if len(depths) > MOST_DEPTHS:
        place.fault("invalid_depth", f"{len(depths)} depths", f"at most {MOST_DEPTHS}", "Check the cell.", "depths_cm")
    return depths or None


def _check_elements(model_id: str | None, depths: list[float] | None, place: Place) -> None:
    """Warn where more depths are given than a known model has sensing elements in the soil."""
    model = all_models().get(model_id or "")
    if model is None or depths is None:
        return
    soil = {field.channel for field in model.fields.values() if QUANTITIES[field.quantity].kind == "soil"}
    if len(depths) > len(soil):
        place.warn(
            "more_depths_than_elements",
            f"{len(depths)} depths of {model.model_id}",
            f"at most {len(soil)}, as many as the model has sensing elements",
            "Check model and depths; no reading comes of the depths beyond the last element.",
            "depths_cm",
        )


def _device_id(text: str, place: Place) -> str:
    device_id = normalise_device_id(text)
    place.record_id = device_id or None
    if not device_id:
        place.fault("missing_id", "nothing", EXPECTED_ID, "Write the device's id.", "device_id")
    elif _EXCEL_NUMBER.fullmatch(device_id):
        place.fault(
            "excel_number",
            device_id,
            "the device's id",
            "Excel made a number of it: format the column as text, write it again.",
            "device_id",
        )
    elif not is_id(device_id):
        place.fault("invalid_id", device_id, EXPECTED_ID, "Write the id as on the device.", "device_id")
    return device_id


def _model(cells: Mapping[str, str], place: Place) -> str | None:
    """Return the model in lower case; one that looks like a slip for a known model is warned of, others are taken."""
    if "model" not in cells:
        return None
    model = cells["model"].lower()
    if not _MODEL.fullmatch(model):
        place.fault(
            "invalid_model", cells["model"], "vendor/model, as in schemas/devices", "Write dragino/lse01, say.", "model"
        )
    elif model not in all_models() and (hint := did_you_mean(model, all_models(), "")):
        place.warn("unknown_model", model, "a model of schemas/devices", f"It was taken as it is. {hint}", "model")
    return model


def _number(
    cells: Mapping[str, str], column: str, low: float, high: float, expected: str, place: Place
) -> float | None:
    if column not in cells:
        return None
    try:
        number = float(cells[column])
    except ValueError:
        number = math.nan
    if low <= number <= high:
        return number
    place.fault("invalid_number", cells[column], expected, "Write a number.", column)
    return None


def _position(cells: Mapping[str, str], site: Site, datum: Datum, place: Place) -> tuple[float, float] | None:
    if not {"lon", "lat"} & cells.keys():
        return None
    missing = "lon" if "lon" not in cells else "lat" if "lat" not in cells else None
    if missing:
        place.fault("half_a_position", "nothing", "lon and lat, or neither", f"Write {missing} too.", missing)
        return None
    lon = _number(cells, "lon", -1e9, 1e9, "degrees", place)
    lat = _number(cells, "lat", -1e9, 1e9, "degrees", place)
    if lon is None or lat is None:
        return None
    got = f"{lon:g}, {lat:g}"
    expected = f"longitude {site.west} to {site.east}, latitude {site.south} to {site.north} (the site's box)"
    found = to_wgs84(lon, lat, datum)
    if site.contains(*found):
        return round(found[0], 9), round(found[1], 9)
    if site.contains(*to_wgs84(lat, lon, datum)):
        place.fault("swapped_lon_lat", got, expected, "Exchange lon and lat.", "lon")
    elif abs(lon) > 360 or abs(lat) > 360:  # noqa: PLR2004
        place.fault("projected_coordinates", got, expected, "Write degrees (WGS 84), not metres of a map grid.", "lon")
    else:
        place.fault("outside_site", got, expected, "Correct the position.", "lon")
    return None


def _instant(cells: Mapping[str, str], column: str, site: Site, place: Place) -> datetime | None:
    if column not in cells:
        return None
    try:
        return parse_instant(cells[column], site.timezone)
    except ValueError:
        place.fault(
            "not_an_instant", cells[column], EXPECTED_INSTANT, "Write it so; without offset it is local time.", column
        )
        return None


def _note(cells: Mapping[str, str], place: Place) -> str | None:
    """Return the note; one that a spreadsheet would run as a formula gets an apostrophe before it."""
    if "note" not in cells:
        return None
    note = "".join(character if character.isprintable() else " " for character in cells["note"]).strip()
    if len(note) > _LONGEST_TEXT:
        place.warn(
            "note_cut", f"{len(note)} characters", f"at most {_LONGEST_TEXT}", "Nothing: the rest was left out.", "note"
        )
        note = note[:_LONGEST_TEXT]
    if note[:1] and note[0] in _FORMULA_STARTS:
        place.warn("formula_cell", note, "a text", "Nothing: an apostrophe was put before it.", "note")
        return f"'{note}"
    return note or None
