"""A crew's report as it comes from a form, checked, and as an action for the ledger."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from crews.actions import Action
from crews.issue import ActionRefusedError, Photo
from crews.ledger import Ledger
from crews.links import Pass
from crews.photos import LARGEST_BYTES, keep_photo
from ingest.lake.layout import DataFolder

_KINDS = frozenset({"started", "done", "cannot_do", "false_alarm"})
_MOST_FIELDS = 12
_LARGEST_FIELD_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Report:
    """The fields of a report; photos are (role, bytes)."""

    form_token: str
    action_id: str
    kind: str
    language: str
    reason: str | None
    note: str | None
    litres: float | None
    photos: tuple[tuple[str, bytes], ...]

    def action(self, ledger: Ledger, folder: DataFolder, issue_id: str, said: Pass, now: datetime) -> Action:
        """Keep the photos durably and return the action. Raises: ActionRefusedError, StoreError.

        A stranger's issue is refused before any photo is kept.
        """
        if ledger.issue(issue_id).crew != said.subject:
            raise ActionRefusedError("not_yours", f"{issue_id} is not an issue of crew {said.subject}.")
        photos = tuple(Photo(keep_photo(ledger, folder, data, now), role) for role, data in self.photos)
        return Action(
            action_id=self.action_id,
            issue_id=issue_id,
            kind=self.kind,
            actor=said.actor,
            as_crew=said.subject,
            reason=self.reason,
            note=self.note,
            water_used_litres=self.litres,
            photos=photos,
        )


async def read_report(request: Request) -> Report:
    """Return the report in the request's form. Raises: ActionRefusedError."""
    try:
        async with request.form(max_files=2, max_fields=_MOST_FIELDS, max_part_size=_LARGEST_FIELD_BYTES) as form:
            return await _read(form)
    except (HTTPException, ClientDisconnect, KeyError, UnicodeError) as error:
        raise ActionRefusedError("bad_form", "The form cannot be read.") from error


async def _read(form: FormData) -> Report:
    kind = _text(form, "kind") or ""
    if kind not in _KINDS:
        raise ActionRefusedError("unknown_action", f"There is no action {kind!r}.")
    photos = []
    for role in ("before", "after"):
        upload = form.get(f"photo_{role}")
        if isinstance(upload, UploadFile) and upload.size:
            if upload.size > LARGEST_BYTES:
                raise ActionRefusedError("photo_too_large", "A photo is too large.")
            photos.append((role, await upload.read()))
    return Report(
        form_token=_text(form, "form_token") or "",
        action_id=_text(form, "action_id") or "",
        kind=kind,
        language="en" if _text(form, "lang") == "en" else "zh",
        reason=_text(form, "reason"),
        note=_text(form, "note"),
        litres=read_litres(_text(form, "litres")),
        photos=tuple(photos),
    )


def _text(form: FormData, name: str) -> str | None:
    value = form.get(name)
    if not isinstance(value, str) or not value.strip():
        return None
    return "".join(letter for letter in value.strip() if letter == "\n" or unicodedata.category(letter)[0] != "C")


def read_litres(text: str | None) -> float | None:
    """Return litres as people type them: 1200, 1,200, １２００; None for nothing. Raises: ActionRefusedError."""
    if text is None:
        return None
    plain = unicodedata.normalize("NFKC", text).replace(",", "").replace(" ", "").removesuffix("L").removesuffix("升")
    try:
        litres = float(plain) if plain.isascii() and "_" not in plain else math.nan
    except ValueError as error:
        raise ActionRefusedError("bad_litres", f"{text!r} is no number of litres.") from error
    if not math.isfinite(litres):
        raise ActionRefusedError("bad_litres", f"{text!r} is no number of litres.")
    return litres
