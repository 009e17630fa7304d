"""What a person of the office asks for on the page of an issue: read from its form, and brought into the ledger."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from starlette.requests import Request

from crews.action import CREW_KINDS, OFFICE_KINDS, Action, Outcome
from crews.issue import ActionRefusedError, Photo
from crews.ledger import Ledger
from crews.links import Pass
from crews.lists import GRADED_KINDS, Plots, crews_of, graded
from crews.perform import keep_refused, perform
from crews.photos import keep_photos, photo_hash
from crews.policy import EXPECTED_DEADLINE, read_deadline
from crews.report_form import FORM_ID, digest_of, opened_form, photos_of, read_water, text_of
from ingest.lake.layout import DataFolder

DESK_KINDS = OFFICE_KINDS | CREW_KINDS - {"started", "amended"}
"""What the page has forms for: the office's own actions, and the reports of a crew that telephoned."""

TYPED = ("crew", "reason", "note", "until", "approved_by", "water", "water_unit", "inspection", "sure")
"""Fields that people fill in; photos aside, which no page can fill in again."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One form of the page.

    action_id: of the page, and of what was decided on it: the same sent again is one decision, anything else another
    typed: what stood in its fields, by name; photos are (role, bytes)
    seen_events: how many events the issue had on that page
    goes_on: whether the next issue to check is to be shown afterwards
    """

    form_token: str
    action_id: str
    kind: str
    typed: Mapping[str, str]
    photos: tuple[tuple[str, bytes], ...]
    seen_events: int
    goes_on: bool

    def take(
        self,
        ledger: Ledger,
        folder: DataFolder,
        issue_id: str,
        said: Pass,
        plots: Plots,
        now: datetime,
        truck_litres: float,
    ) -> Outcome:
        """Bring it into the ledger, signed by who holds the link, and keep its photos: both or neither.

        Raises: ActionRefusedError, and the try is kept, but no photo; StoreError: the same form may be sent again.
        """
        action = Action(
            action_id=self.action_id,
            issue_id=issue_id,
            kind=self.kind,
            actor=said.actor,
            reason=self.typed.get("reason"),
            note=self.typed.get("note"),
            crew=self.typed.get("crew"),
            inspection=self.typed.get("inspection"),
            water_is_sure="sure" in self.typed,
            approved_by=self.typed.get("approved_by"),
            seen_events=self.seen_events,
        )
        try:
            action = self._completed(action, ledger, plots, truck_litres)
        except ActionRefusedError as refusal:
            keep_refused(ledger, action, now, refusal)
            raise

        def keep() -> None:
            keep_photos(ledger, folder, [data for _, data in self.photos], said.subject, now)

        return perform(ledger, action, now, keep)

    def _completed(self, action: Action, ledger: Ledger, plots: Plots, truck_litres: float) -> Action:
        """Return the action with what has to be made out of what was typed. Raises: ActionRefusedError."""
        if action.kind == "assigned" and action.crew not in crews_of(ledger, plots):
            raise ActionRefusedError("unknown_crew", f"There is no crew {action.crew!r}.")
        if action.kind in GRADED_KINDS:
            action = graded(ledger, action, plots)
        until = self.typed.get("until")
        try:
            due_at = None if until is None else read_deadline(until, ledger.site.timezone)
        except ValueError as error:
            raise ActionRefusedError(
                "bad_deadline", f"{until!r} is no deadline: expected {EXPECTED_DEADLINE}."
            ) from error
        water = read_water(self.typed.get("water"), self.typed.get("water_unit") or "t", truck_litres)
        photos = tuple(Photo(photo_hash(data), role) for role, data in self.photos)
        return msgspec.structs.replace(action, due_at=due_at, water_used_litres=water, photos=photos)


async def read_decision(request: Request) -> Decision:
    """Return the decision in the request's form. Raises: ActionRefusedError."""
    async with opened_form(request) as form:
        kind = text_of(form, "kind") or ""
        if kind not in DESK_KINDS:
            raise ActionRefusedError("unknown_action", f"There is no action {kind!r}.")
        events = text_of(form, "events") or ""
        if re.fullmatch(r"[0-9]{1,9}", events) is None:
            raise ActionRefusedError("bad_form", "The form does not say how the issue stood on its page.")
        page_id = text_of(form, "action_id") or ""
        if FORM_ID.fullmatch(page_id) is None:
            raise ActionRefusedError("bad_action_id", "The form has no id that a page of ours gave it.")
        typed = {name: text for name in TYPED if (text := text_of(form, name)) is not None}
        photos = await photos_of(form)
        return Decision(
            form_token=text_of(form, "form_token") or "",
            action_id=f"{page_id}.{digest_of(typed, photos)}",
            kind=kind,
            typed=typed,
            photos=photos,
            seen_events=int(events),
            goes_on=text_of(form, "then") == "next",
        )
