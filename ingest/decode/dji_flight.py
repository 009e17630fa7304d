"""How many files a dock's flight made: `flighttask_progress`, and the counts beside each uploaded file."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.decode.dji_fields import name_of, object_at, real_of, text_of, upload_instant
from ingest.errors import Fault, PayloadError
from ingest.observation import Decoded, FlightReport, Message

PROGRESS = "flighttask_progress"

_MOST_FILES = 1_000_000
_LONGEST = 128


def is_progress(document: Mapping[str, object]) -> bool:
    """Say whether an event without a method is the progress of a flight: some forms of the documentation have none."""
    data = document.get("data")
    output = data.get("output") if isinstance(data, dict) else None
    ext = output.get("ext") if isinstance(output, dict) else None
    return isinstance(ext, dict) and "media_count" in ext and "flight_id" in ext


def decode_flight_progress(document: Mapping[str, object], serial: str, message: Message) -> Decoded:
    """Return what a dock says of its flight: how it stands, and how many pictures and videos it made so far.

    serial: of the gateway, from the topic
    Before take-off, and where a task fails, docks leave out ext or all of output: the flight is then the one that
    output or data name, as in flighttask_progress_get. Without any and without a count there is nothing to keep.
    Raises: PayloadError when it counts files of no flight, or the count is none.
    """
    data = object_at(document, "data")
    at = "/data/output"
    output = _optional_object(data, "output", "/data")
    ext = _optional_object(output, "ext", at)
    places = ((ext, f"{at}/ext"), (output, at), (data, "/data"))
    named = (name_of(place.get("flight_id"), f"{where}/flight_id", longest=_LONGEST) for place, where in places)
    flight_id = next(filter(None, named), None)
    if flight_id is None and ext.get("media_count") is None:
        return Decoded(ignored=f"{PROGRESS} of no flight", device_id=serial)
    if flight_id is None:
        raise PayloadError(Fault(f"{at}/ext/flight_id", "missing", "nothing", "the flight's id", "Send flight_id."))
    report = FlightReport(
        flight_id=flight_id,
        gateway_id=serial,
        reported_at=min(upload_instant(document) or message.received_at, message.received_at),
        source=PROGRESS,
        status=text_of(output.get("status"), f"{at}/status", longest=_LONGEST),
        media_count=_count(ext.get("media_count"), f"{at}/ext/media_count"),
    )
    return Decoded(flights=(report,), device_id=serial)


def _optional_object(holder: Mapping[str, object], name: str, pointer: str) -> dict[str, object]:
    return {} if holder.get(name) is None else object_at(holder, name, pointer)


def counts_beside_file(
    data: Mapping[str, object], flight_id: str | None, serial: str, document: Mapping[str, object], message: Message
) -> tuple[FlightReport, ...]:
    """Return the counts that newer docks send with every file; none for files of no flight and older docks.

    Raises: PayloadError for a count that is none.
    """
    task = data.get("flight_task")
    if flight_id is None or not isinstance(task, dict):
        return ()
    expected = _count(task.get("expected_file_count"), "/data/flight_task/expected_file_count")
    if expected is None:
        return ()
    return (
        FlightReport(
            flight_id=flight_id,
            gateway_id=serial,
            reported_at=min(upload_instant(document) or message.received_at, message.received_at),
            source="file_upload_callback",
            media_count=expected,
        ),
    )


def _count(value: object, pointer: str) -> int | None:
    number = real_of(value, pointer, 0, _MOST_FILES)
    return None if number is None else int(number)
