"""The office's pages over HTTP: the table, flights, and one issue with what a person of the office decides of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from crews.access import Access
from crews.desk import checks_for, next_check, offers_of
from crews.desk_page import Desk, Refused, say_receipt
from crews.flights.lists import find_lists
from crews.flights.map import draw_map
from crews.flights.page import render_flights, states_of
from crews.flights.stored import find_flight, find_flights
from crews.issue import ActionRefusedError
from crews.issue_page import render_issue
from crews.ledger import Ledger
from crews.links import Pass, form_token
from crews.lists import crews_of, list_of_one, office_view
from crews.notices.outbox import untold
from crews.office import Filters
from crews.office_form import Decision, read_decision
from crews.page import render_office
from crews.photos import photo_types
from crews.picture.stored import find_stories
from crews.refusals import language_of, status_of
from crews.words import speaker

UNTOLD_FOR = timedelta(days=3)
"""How long the office is shown what did not reach a crew."""


@dataclass(frozen=True, slots=True)
class OfficeWeb(Access):
    """The pages that the office's links open."""

    def show_office(self, request: Request) -> Response:
        """Show the office's table."""
        asked = request.query_params
        grade = asked.get("grade", "")
        filters = Filters(
            asked.get("unit") or None, int(grade) if grade in {"1", "2", "3"} else None, asked.get("state") or None
        )
        with self.ledger() as ledger:
            said, _ = self.holder(ledger, request, "office")
            view = office_view(ledger, self.plots(), self.clock(), filters, self.truck_litres)
            missed = untold(ledger, self.clock() - UNTOLD_FOR, self.clock())
            receipt = self._receipt(ledger, request, said)
        page = render_office(
            view, language_of(request), self.site, untold=missed, officer=said.officer, receipt=receipt
        )
        return HTMLResponse(page)

    def show_flights(self, request: Request) -> Response:
        """Show the office a flight (the newest with ground, or the one asked for) and what no crew is sent for."""
        with self.ledger() as ledger:
            self.holder(ledger, request, "office")
            latest = ledger.latest_findings()
        flights = find_flights(self.folder, self.site, self.clock())
        asked = request.query_params.get("flight")
        shown = [one for one in flights if one.on_ground] or flights
        flight = next((one for one in (shown if asked is None else flights) if asked in {None, one.flight_id}), None)
        if asked is not None and flight is None:
            raise HTTPException(404)
        view = None if flight is None else find_flight(self.folder, self.site, flight)
        return HTMLResponse(
            render_flights(
                flights, view, find_lists(self.folder), latest, self.plots(), language_of(request), self.site
            )
        )

    def show_map(self, request: Request) -> Response:
        """Give the office the map of a flight."""
        with self.ledger() as ledger:
            self.holder(ledger, request, "office")
            latest = ledger.latest_findings()
        asked = request.query_params.get("flight")
        flights = find_flights(self.folder, self.site, self.clock())
        flight = next((one for one in flights if one.flight_id == asked), None)
        if flight is None:
            raise HTTPException(404)
        drawn = draw_map(find_flight(self.folder, self.site, flight), states_of(latest), language_of(request))
        return Response(drawn, media_type="image/svg+xml", headers={"cache-control": "private, max-age=300"})

    def show_issue(self, request: Request) -> Response:
        """Show the office one issue with its photos and its history; a person of it, with what can be done."""
        with self.ledger() as ledger:
            said, token = self.holder(ledger, request, "office")
            return HTMLResponse(self._issue_page(ledger, request, said, token))

    async def take_decision(self, request: Request) -> Response:
        """Take what a person of the office decides: once per action id, only from our own form made for that person."""
        said, token = await run_in_threadpool(self.sender, request, "office")
        if said.officer is None:
            raise ActionRefusedError("read_only", "This link of the office is for reading.")
        decision = await read_decision(request)
        if not self.is_form_of(token, decision.form_token):
            raise ActionRefusedError("other_link", "The page was made for another link of the office.")
        return await run_in_threadpool(self._act, request, said, token, decision)

    def _act(self, request: Request, said: Pass, token: str, decision: Decision) -> Response:
        """Do it and go on, or show the page as the issue stands now, with why not and what was typed."""
        issue_id = request.path_params["issue_id"]
        with self.ledger() as ledger:
            try:
                outcome = decision.take(
                    ledger, self.folder, issue_id, said, self.plots(), self.clock(), self.truck_litres
                )
            except ActionRefusedError as refusal:
                if refusal.code == "unknown_issue":
                    raise
                page = self._issue_page(ledger, request, said, token, refused=Refused(decision, refusal.code))
                return HTMLResponse(page, status_of(refusal.code), {"greensward-refused": refusal.code})
            shown = next_check(checks_for(ledger.open_issues(), said.actor), outcome.issue)
        path = f"/office/issues/{issue_id}"
        if decision.goes_on:
            path = "/office" if shown is None else f"/office/issues/{shown.issue_id}"
        return RedirectResponse(f"{path}?lang={language_of(request)}&did={decision.kind}&of={issue_id}", 303)

    def _issue_page(
        self, ledger: Ledger, request: Request, said: Pass, token: str, *, refused: Refused | None = None
    ) -> str:
        issue_id, now, plots = request.path_params["issue_id"], self.clock(), self.plots()
        listed = list_of_one(ledger, issue_id, plots, now, self.truck_litres)
        history = ledger.history(issue_id)
        named = {photo["sha256"] for event in history for photo in event.detail.get("photos", ())}
        desk = None
        if said.officer is not None:
            issue = listed.stops[0].issue
            desk = Desk(
                officer=said.officer,
                proof=form_token(self.keys, token),
                action_id=uuid.uuid4().hex,
                offers=offers_of(ledger, issue, said.officer, now),
                crews=tuple(crews_of(ledger, plots)),
                checks=tuple(checks_for(ledger.open_issues(), said.officer)),
                refused=refused,
            )
        return render_issue(
            listed,
            history,
            photo_types(ledger, self.folder, named),
            language_of(request),
            find_stories(self.folder, {stop.issue.plot_id for stop in listed.stops}),
            desk=desk,
            receipt=self._receipt(ledger, request, said),
        )

    def _receipt(self, ledger: Ledger, request: Request, said: Pass) -> str | None:
        """Return the receipt of what the reader did last to the issue that the address names."""
        kind, issue_id = request.query_params.get("did", ""), request.query_params.get("of", "")
        done = [event for event in ledger.history(issue_id) if event.actor == said.actor] if kind else []
        if said.officer is None or not done or done[-1].kind != kind:
            return None
        return say_receipt(ledger.issue(issue_id), kind, speaker(language_of(request)))
