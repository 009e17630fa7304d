"""What comes late for a day that was deleted by rule: refused, and kept as any refused message is.

Taken, it would stand alone on its day, as if nothing else had been measured then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.decode.soil_rows import PlainSoil
from ingest.errors import Fault, PayloadError
from ingest.lake.kept import first_kept
from ingest.lake.tables import table
from ingest.messages import Integers
from ingest.observation import PartFault
from ingest.seal.judged import Batch, Judged, rejected_row
from ingest.seal.plain import Plain
from ingest.site import Site

_ADVICE = (
    "Nothing, if it was measured then: the district keeps it for so long only, by [retention] of its settings. "
    "Otherwise set the device's clock."
)


def not_expired(plain: Plain, since: Mapping[str, date], site: Site) -> Plain:
    """Return `plain` without the messages that have a row of a deleted day: those are looked at closely."""
    if not since:
        return plain
    parts = [_not_expired(part, since, site) for part in plain.parts]
    return Plain(np.logical_or.reduce([part.is_plain for part in parts]), parts)


def _not_expired(part: PlainSoil, since: Mapping[str, date], site: Site) -> PlainSoil:
    of_tables = (("soil_readings", part.soil, part.soil_place), ("device_status", part.status, part.status_place))
    late = np.zeros(len(part.is_plain), np.bool_)
    for name, columns, place in of_tables:
        begins = _begins(name, since, site)
        if begins is not None and len(place):
            is_late = pc.less(columns[str(table(name).partition_by)], pa.scalar(begins, pa.timestamp("us", "UTC")))
            late[place[np.asarray(is_late)]] = True
    if not late.any():
        return part
    (soil, soil_place), (status, status_place) = (
        _rows(columns, place, ~late[place]) for _, columns, place in of_tables
    )
    return PlainSoil(part.is_plain & ~late, soil, soil_place, status, status_place)


def _rows(
    columns: Mapping[str, pa.Array], place: Integers, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[Mapping[str, pa.Array], Integers]:
    mask = pa.array(chosen)
    return {name: values.filter(mask) for name, values in columns.items()}, place[chosen]


def refuse_expired(batch: Batch, since: Mapping[str, date], site: Site, software_version: str) -> None:
    """Refuse in `batch` what is of deleted days: messages of which nothing else is left, and rows of the others."""
    late = _take_out(batch, since, site) if since else {}
    if not late:
        return
    left = {row["message_seq"] for name, rows in batch.rows.items() if name != "rejected" for row in rows}
    left |= {message.message_seq for _, message in batch.images}
    whole = late.keys() - left
    refused = batch.rows["rejected"]
    refused[:] = [row for row in refused if row["message_seq"] not in whole]
    for judged in batch.judged:
        seq = judged.message.message_seq
        if seq in whole:
            error = PayloadError(late[seq], device_id=judged.decoded.device_id if judged.decoded else None)
            judged.decoded, judged.error = None, error
            refused.append(rejected_row(judged.message, "", error.faults, error.device_id, "message", software_version))
        elif seq in late:
            refused.append(_refused_part(judged, late[seq], software_version))


def _take_out(batch: Batch, since: Mapping[str, date], site: Site) -> dict[int, Fault]:
    """Take what is of deleted days out of `batch`, and return by message what is wrong with it."""
    late: dict[int, Fault] = {}
    for name, rows in batch.rows.items():
        begins = _begins(name, since, site)
        if begins is None:
            continue
        at = str(table(name).partition_by)
        for row in rows:
            if row[at] < begins:
                late.setdefault(row["message_seq"], _fault(row[at], since[name]))
        rows[:] = [row for row in rows if row[at] >= begins]
    begins = _begins("drone_images", since, site)
    if begins is not None:
        for image, message in batch.images:
            if image.captured_at < begins:
                late.setdefault(message.message_seq, _fault(image.captured_at, since["drone_images"]))
        batch.images[:] = [one for one in batch.images if one[0].captured_at >= begins]
    return late


def _begins(name: str, since: Mapping[str, date], site: Site) -> datetime | None:
    """Return when the first day begins that is kept of a table; None where any is."""
    first = first_kept(table(name), since)
    return None if first is None else datetime.combine(first, time(), site.timezone).astimezone(UTC)


def _fault(at: datetime, first: date) -> Fault:
    return Fault("", "day_expired", at.isoformat(), f"an instant from {first} on, local day", _ADVICE)


def _refused_part(judged: Judged, fault: Fault, software_version: str) -> dict[str, object]:
    """Note in a message that some of its rows were not kept, and return the row of `rejected` that says so."""
    decoded = judged.decoded
    assert decoded is not None, "a message of which rows are left is decoded"
    row = rejected_row(judged.message, "", (fault,), decoded.device_id, "part", software_version)
    if decoded.parts_refused:
        row["payload"] = b""  # stands with the first of them
    parts = (*decoded.parts_refused, PartFault("", (fault,)))
    judged.decoded = msgspec.structs.replace(decoded, parts_refused=parts)
    return row
