"""The office's pages over HTTP: the table, flights, and one issue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from crews.access import Access
from crews.flights.lists import find_lists
from crews.flights.map import draw_map
from crews.flights.page import render_flights, states_of
from crews.flights.stored import find_flight, find_flights
from crews.issue_page import render_issue
from crews.lists import list_of_one, office_view
from crews.notices.outbox import untold
from crews.office import Filters
from crews.page import render_office
from crews.photos import photo_types
from crews.picture.stored import find_stories
from crews.refusals import language_of

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
            self.holder(ledger, request, "office")
            view = office_view(ledger, self.plots(), self.clock(), filters, self.truck_litres)
            missed = untold(ledger, self.clock() - UNTOLD_FOR, self.clock())
        return HTMLResponse(render_office(view, language_of(request), self.site, untold=missed))

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
        """Show the office one issue with its photos and its history."""
        issue_id = request.path_params["issue_id"]
        with self.ledger() as ledger:
            self.holder(ledger, request, "office")
            listed = list_of_one(ledger, issue_id, self.plots(), self.clock(), self.truck_litres)
            history = ledger.history(issue_id)
            named = {photo["sha256"] for event in history for photo in event.detail.get("photos", ())}
            types = photo_types(ledger, self.folder, named)
        stories = find_stories(self.folder, {stop.issue.plot_id for stop in listed.stops})
        return HTMLResponse(render_issue(listed, history, types, language_of(request), stories))
