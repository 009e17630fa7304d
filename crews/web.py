"""The crews' pages over HTTP: who may see what, and how a report gets from a form into the ledger."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route

from crews.access import Access
from crews.action import Outcome
from crews.card import Form
from crews.crew_list import CrewList
from crews.delivery import HashedFiles, ZippedPages, go_on, keeping, send_worker
from crews.export import to_csv, to_geojson, to_xlsx
from crews.guard import Guard
from crews.issue import LATE_REPORT, ActionRefusedError, newest_report
from crews.ledger import Ledger
from crews.links import Pass, form_token, load_keys, read_token
from crews.lists import all_lists, list_of
from crews.office_web import OfficeWeb
from crews.page import render_list
from crews.photos import find_photo, photos_of_action
from crews.picture.draw import draw_picture
from crews.picture.stored import find_stories
from crews.refusals import Refusals, is_outbox, language_of
from crews.report_form import read_report
from crews.sheet import render_sheets
from ingest.errors import StoreError
from ingest.lake.layout import DataFolder
from ingest.site import Site

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def utc_now() -> datetime:
    """Return the present, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Web(Access):
    """The crews' pages, and what crews and office have in common."""

    def open_link(self, request: Request) -> Response:
        """Take a signed link: set the cookie, and go on to an address without the token. Changes nothing.

        WeChat stays at the link with the list: its reader is to open the map in a browser, and a browser has no cookie.
        """
        token = request.path_params["token"]
        response: Response
        with self.ledger() as ledger:
            said = read_token(self.keys, ledger, token, self.clock())
            if said.pages == "crew" and is_wechat(request):
                response = self._list_page(request, ledger, said, token)
            else:
                language = "?lang=en" if language_of(request) == "en" else ""
                response = go_on(request, ("/office" if said.pages == "office" else "/list") + language)
        response.set_cookie(
            self.cookie_name(said.pages), token, max_age=int((said.ends_at - self.clock()).total_seconds()),
            path="/", secure=self.is_https, httponly=True, samesite="lax",
        )  # fmt: skip
        return response

    def show_list(self, request: Request) -> Response:
        """Show the crew's page; the office is sent to its own, and WeChat to the link."""
        with self.ledger() as ledger:
            said, token = self.holder(ledger, request, "crew", "office")
            if said.pages == "office":
                return go_on(request, f"/office?lang={language_of(request)}")
            if is_wechat(request):
                return go_on(request, f"/c/{token}?{request.url.query}")
            return self._list_page(request, ledger, said, token)

    def _list_page(self, request: Request, ledger: Ledger, said: Pass, token: str) -> Response:
        listed = list_of(ledger, said.subject, self.plots(), self.clock(), self.truck_litres)
        proof = form_token(self.keys, token)

        def form(_issue_id: str) -> Form:
            return Form(proof, uuid.uuid4().hex)

        kind, issue_id = request.query_params.get("received", ""), request.query_params.get("issue", "")
        report = newest_report(ledger.history(issue_id)) if kind else None
        is_taken = report is not None and report.kind in {kind, LATE_REPORT} and report.actor == said.actor
        page = render_list(
            listed,
            language_of(request),
            form=form,
            received=(report.kind, issue_id) if report is not None and is_taken else None,
            in_wechat=is_wechat(request),
            is_ios=is_ios(request),
            proof=proof,
            stories=find_stories(self.folder, {stop.issue.plot_id for stop in listed.stops}),
            probes=self.probes(listed),
            office_phone=self.office_phone,
        )
        return HTMLResponse(page, headers=keeping(said, token, self.clock()))

    def _lists(self, request: Request) -> list[CrewList]:
        roles = ("office",) if request.url.path.startswith("/office/") else ("crew", "office")
        with self.ledger() as ledger:
            said, _ = self.holder(ledger, request, *roles)
            if said.pages == "office":
                return all_lists(ledger, self.plots(), self.clock(), self.truck_litres)
            return [list_of(ledger, said.subject, self.plots(), self.clock(), self.truck_litres)]

    def download_csv(self, request: Request) -> Response:
        """Give the list (the office: all lists) as CSV."""
        lists = self._lists(request)
        return PlainTextResponse(
            to_csv(lists, language_of(request)), media_type="text/csv", headers=self._named(lists, "csv")
        )

    def download_xlsx(self, request: Request) -> Response:
        """Give the list (the office: all lists) as an Excel workbook."""
        lists = self._lists(request)
        return Response(to_xlsx(lists, language_of(request)), media_type=XLSX, headers=self._named(lists, "xlsx"))

    def _named(self, lists: list[CrewList], ending: str) -> dict[str, str]:
        """Return the header that names a file after its crew and day."""
        day = self.site.local_date(self.clock()).isoformat()
        name = f"{lists[0].crew}-{day}" if len(lists) == 1 and lists[0].crew else day
        named = f"filename=\"list-{day}.{ending}\"; filename*=UTF-8''{quote(f'{name}.{ending}', safe='')}"
        return {"content-disposition": f"attachment; {named}"}

    def download_geojson(self, request: Request) -> Response:
        """Give the list (the office: all lists) as GeoJSON."""
        return Response(to_geojson(self._lists(request), language_of(request)), media_type="application/geo+json")

    def show_sheets(self, request: Request) -> Response:
        """Show the list (the office: all lists) as it is printed on A4."""
        lists = self._lists(request)
        return HTMLResponse(
            render_sheets(lists, language_of(request), probes=self.probes(*lists), office_phone=self.office_phone)
        )

    async def take_report(self, request: Request) -> Response:
        """Take what a crew says of an issue: once per action id, only from our own form, only for its own issue."""
        issue_id = request.path_params["issue_id"]
        said, token = await run_in_threadpool(self.sender, request, "crew")
        report = await read_report(request, self.truck_litres)
        if not self.is_form_of(token, report.form_token):
            raise ActionRefusedError("cross_site", "The form was not made for this reader.")

        def act() -> tuple[Outcome, list[dict[str, Any]]]:
            with self.ledger() as ledger:
                outcome = report.take(ledger, self.folder, issue_id, said, self.clock())
                return outcome, photos_of_action(ledger, report.action_id)

        outcome, photos = await run_in_threadpool(act)
        if is_outbox(request):
            return JSONResponse({"action_id": report.action_id, "kind": report.kind, "photos": photos})
        return RedirectResponse(f"/list?lang={report.language}&received={outcome.event_kind}&issue={issue_id}", 303)

    def show_photo(self, request: Request) -> Response:
        """Give a photo to the crew whose issue it belongs to, and to the office."""
        sha256 = request.path_params["sha256"]
        with self.ledger() as ledger:
            said, _ = self.holder(ledger, request, "office", "crew")  # who has both links sees what either may
            found = find_photo(ledger, self.folder, sha256, crew=said.subject if said.pages == "crew" else None)
        if found is None:
            raise HTTPException(404)
        path, media_type = found
        return FileResponse(
            path, media_type=media_type, headers={"content-security-policy": "default-src 'none'; sandbox"}
        )

    def show_picture(self, request: Request) -> Response:
        """Give the picture of an issue's plot to the crew whose issue it is, and to the office."""
        with self.ledger() as ledger:
            said, _ = self.holder(ledger, request, "office", "crew")  # who has both links sees what either may
            issue = ledger.issue(request.path_params["issue_id"])
        if said.pages == "crew" and issue.crew != said.subject:
            raise ActionRefusedError("not_yours", "The issue is another crew's.")
        story = find_stories(self.folder, {issue.plot_id}).get(issue.plot_id)
        if story is None:
            raise HTTPException(404)
        picture = draw_picture(story, language_of(request), self.site)
        return Response(picture, media_type="image/svg+xml", headers={"cache-control": "private, max-age=300"})

    def say_ready(self, _request: Request) -> Response:
        """Say whether the ledger and the register can be read."""
        try:
            with self.ledger() as ledger:
                ledger.version()
            self.plots()
        except StoreError:
            return PlainTextResponse("not ready: the ledger or the register cannot be read\n", 503)
        return PlainTextResponse("ready\n")


def is_wechat(request: Request) -> bool:
    """Say whether WeChat's own browser asks."""
    return "MicroMessenger" in request.headers.get("user-agent", "")


def is_ios(request: Request) -> bool:
    """Say whether an iPhone or iPad asks, as far as it says so: an iPad may call itself a Mac."""
    agent = request.headers.get("user-agent", "")
    return "iPhone" in agent or "iPad" in agent


def _alive(_request: Request) -> Response:
    return PlainTextResponse("alive\n")


def _home(_request: Request) -> Response:
    return RedirectResponse("/list", 303)


def create_app(
    folder: DataFolder,
    site: Site,
    *,
    public_url: str,
    truck_litres: float = 8000.0,
    clock: Callable[[], datetime] = utc_now,
    office_phone: str = "",
) -> Starlette:
    """Return the web application over a data folder; keys and ledger are made on first use.

    public_url: scheme and host under which browsers reach it, for example "https://lists.example.org"
    office_phone: whom crews can call; "" shows none
    Raises: ConfigError, StoreError when keys or ledger cannot be opened.
    """
    access = (folder, site, load_keys(folder), public_url.rstrip("/"), truck_litres, clock, office_phone)
    web, office = Web(*access), OfficeWeb(*access)
    with web.ledger():
        pass
    routes = [
        Route("/", _home),
        Route("/c/{token}", web.open_link),
        Route("/list", web.show_list),
        Route("/issues/{issue_id}/actions", web.take_report, methods=["POST"]),
        Route("/issues/{issue_id}/picture.svg", web.show_picture),
        Route("/photos/{sha256}", web.show_photo),
        Route("/office", office.show_office),
        Route("/office/issues/{issue_id}", office.show_issue),
        Route("/office/issues/{issue_id}/actions", office.take_decision, methods=["POST"]),
        Route("/office/flights", office.show_flights),
        Route("/office/flights/map.svg", office.show_map),
        Route("/healthz", _alive),
        Route("/readyz", web.say_ready),
        Route("/worker.js", send_worker),
        Mount("/static", HashedFiles(packages=[("crews", "static")])),
    ]
    for base in ("/list", "/office/list"):
        routes += [
            Route(f"{base}/print", web.show_sheets),
            Route(f"{base}.csv", web.download_csv),
            Route(f"{base}.xlsx", web.download_xlsx),
            Route(f"{base}.geojson", web.download_geojson),
        ]
    refusals = Refusals(office_phone)
    return Starlette(
        routes=routes,
        exception_handlers=refusals.handlers(),
        middleware=[
            Middleware(Guard, refusal=refusals.early, is_https=web.is_https),
            Middleware(ZippedPages, minimum_size=1024),
        ],
    )
