"""A crew's report as it comes from a form, checked, and into the ledger with its photos."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from crews.action import CREW_KINDS, Action, Outcome
from crews.issue import ActionRefusedError, Photo
from crews.ledger import Ledger
from crews.links import Pass
from crews.perform import perform
from crews.photos import MOST_PHOTOS, keep_photos, photo_hash
from crews.refusals import is_outbox
from ingest.lake.layout import DataFolder

_MOST_FIELDS = 14
_LARGEST_FIELD_BYTES = 8_192

FORM_ID = re.compile(r"[0-9a-f]{32}-[a-z_]+")
"""What a page of ours calls one of its forms."""

_DIGEST_LETTERS = 16
_TYPED = ("reason", "inspection", "note", "water", "water_unit")

_LONGEST_WAIT_S = 72 * 3600
"""On a phone without a signal; what is said to have waited longer is dated by a clock that was set meanwhile."""

_LITRES_IN = {
    "t": 1000.0, "吨": 1000.0, "吨水": 1000.0, "方": 1000.0, "立方": 1000.0, "立方米": 1000.0, "m3": 1000.0,
    "l": 1.0, "升": 1.0, "公升": 1.0,
}  # fmt: skip
"""What people write behind a number of water; a load depends on the truck."""

_LOADS = frozenset({"车", "load", "loads", "truckload", "truckloads"})
_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)([^\d.,]*)")


@dataclass(frozen=True, slots=True)
class Report:
    """The fields of a report; photos are (role, bytes).

    action_id: of one answer on a phone; of a page that was sent without its script, of its form and what stood in it:
        the same sent again is one report, anything else another
    waited_s: how long it waited on the phone, as that says; None where it does not, or where that cannot be
    form_id: the form of the page, None for an answer on a phone
    """

    form_token: str
    action_id: str
    kind: str
    language: str
    reason: str | None
    inspection: str | None
    note: str | None
    litres: float | None
    photos: tuple[tuple[str, bytes], ...]
    waited_s: int | None = None
    form_id: str | None = None

    def take(self, ledger: Ledger, folder: DataFolder, issue_id: str, said: Pass, now: datetime) -> Outcome:
        """Bring the report into the ledger and keep its photos: both or neither.

        Raises: ActionRefusedError, and no photo is kept; StoreError: the same report may be sent again.
        """
        action = Action(
            action_id=self.action_id,
            issue_id=issue_id,
            kind=self.kind,
            actor=said.actor,
            as_crew=said.subject,
            reason=self.reason,
            note=self.note,
            water_used_litres=self.litres,
            # Asked back once, when it was reported: what is said after that holds.
            water_is_sure=self.kind == "amended",
            inspection=self.inspection,
            photos=tuple(Photo(photo_hash(data), role) for role, data in self.photos),
            said_at=None if self.waited_s is None else now - timedelta(seconds=self.waited_s),
            form_id=self.form_id,
        )

        def keep() -> None:
            keep_photos(ledger, folder, [data for _, data in self.photos], said.subject, now)

        return perform(ledger, action, now, keep)


async def read_report(request: Request, truck_litres: float) -> Report:
    """Return the report in the request's form. Raises: ActionRefusedError."""
    async with opened_form(request) as form:
        kind = text_of(form, "kind") or ""
        if kind not in CREW_KINDS:
            raise ActionRefusedError("unknown_action", f"There is no action {kind!r}.")
        action_id = text_of(form, "action_id") or ""
        form_id = None if is_outbox(request) or FORM_ID.fullmatch(action_id) is None else action_id
        typed = {name: text for name in _TYPED if (text := text_of(form, name)) is not None}
        photos = await photos_of(form)
        return Report(
            form_token=text_of(form, "form_token") or "",
            action_id=action_id if form_id is None else f"{form_id}.{digest_of(typed, photos)}",
            kind=kind,
            language="en" if text_of(form, "lang") == "en" else "zh",
            reason=typed.get("reason"),
            inspection=typed.get("inspection"),
            note=typed.get("note"),
            litres=read_water(typed.get("water"), typed.get("water_unit") or "t", truck_litres),
            photos=photos,
            form_id=form_id,
            waited_s=_waited_s(text_of(form, "waited_s")),
        )


@asynccontextmanager
async def opened_form(request: Request) -> AsyncIterator[FormData]:
    """Yield the form in a request, within limits. Raises: ActionRefusedError when it is empty or cannot be read."""
    try:
        async with request.form(
            max_files=MOST_PHOTOS, max_fields=_MOST_FIELDS, max_part_size=_LARGEST_FIELD_BYTES
        ) as form:
            if not form:
                raise ActionRefusedError("empty_form", "The form was empty.")
            yield form
    except (HTTPException, ClientDisconnect, KeyError, UnicodeError) as error:
        raise ActionRefusedError("bad_form", "The form cannot be read.") from error


async def photos_of(form: FormData) -> tuple[tuple[str, bytes], ...]:
    """Return role and bytes of each photo in a form; together they are no larger than the guard lets a form be."""
    photos = []
    for role in ("before", "after"):
        upload = form.get(f"photo_{role}")
        if isinstance(upload, UploadFile) and upload.size:
            photos.append((role, await upload.read()))
    return tuple(photos)


def digest_of(typed: Mapping[str, str], photos: tuple[tuple[str, bytes], ...]) -> str:
    """Return letters that differ for whatever differs in what was typed and which photos came with it."""
    said = [*sorted(typed.items()), *((role, hashlib.sha256(data).hexdigest()) for role, data in photos)]
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LETTERS]


def _waited_s(text: str | None) -> int | None:
    """Return the seconds that a report waited, None where none are told, or more than can be."""
    if text is None or re.fullmatch(r"[0-9]{1,6}", text) is None:
        return None
    return int(text) if int(text) <= _LONGEST_WAIT_S else None


def text_of(form: FormData, name: str) -> str | None:
    """Return what stands in a field, without what nobody sees; None where nothing does."""
    value = form.get(name)
    if not isinstance(value, str) or not value.strip():
        return None
    return "".join(letter for letter in value.strip() if letter == "\n" or unicodedata.category(letter)[0] != "C")


def read_water(text: str | None, unit: str, truck_litres: float) -> float | None:
    """Return litres of water as people type it: 10.6, 10.6吨, １２００ 升, 1,200 L, 2 车; None for nothing.

    unit: t, L or loads: what a bare number means; a unit that was typed counts more
    Raises: ActionRefusedError.
    """
    if text is None:
        return None
    plain = "".join(unicodedata.normalize("NFKC", text).split()).casefold()
    found = _AMOUNT.fullmatch(plain)
    written = (found[2] if found else "") or unit.casefold()
    factor = truck_litres if written in _LOADS else _LITRES_IN.get(written)
    if found is None or factor is None:
        raise ActionRefusedError("bad_litres", f"{text!r} is no amount of water.")
    litres = float(found[1].replace(",", "")) * factor
    if not math.isfinite(litres):
        raise ActionRefusedError("bad_litres", f"{text!r} is no amount of water.")
    return round(litres, 3)
