"""`greensward serve`: the crews' pages and the office's page over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape

from crews.exposure import check_exposure
from crews.serving import run_web
from crews.web import create_app
from greensward.commands.list import public_url
from greensward.console import EXIT_OK, Common, a_port, err, examples
from greensward.health import health_routes

app = App(name="serve", help_epilogue=examples("greensward serve --config greensward.toml"))


@app.default
def serve(
    *,
    host: Annotated[str | None, Parameter(help="Address to listen on; overrides [web] host.")] = None,
    port: Annotated[int | None, Parameter(validator=a_port, help="Port to listen on; overrides [web] port.")] = None,
    common: Common | None = None,
) -> int:
    """Serve the crews' pages until Ctrl-C."""
    settings = (common or Common()).settings()
    web = msgspec.structs.replace(settings.web, host=host or settings.web.host, port=port or settings.web.port)
    settings = msgspec.structs.replace(settings, web=web)
    if not settings.data_folder().root.exists():  # an empty one is a volume that ingest is about to begin in
        settings.existing_folder()
    check_exposure(web.host, "", allow_insecure=web.allow_insecure)
    url = public_url(settings)
    app_ = create_app(
        settings.data_folder(),
        settings.place(),
        public_url=url,
        truck_litres=web.truck_litres,
        clock=settings.now,
        office_phone=web.office_phone,
    )
    # Before the pages' own /readyz, which knows only of the ledger and the register.
    app_.router.routes[:0] = health_routes(settings)

    def tell() -> None:
        err.print(f"Pages at {escape(url)} · links to them: greensward list --links · Ctrl-C ends")

    run_web(app_, web.host, web.port, allow_insecure=web.allow_insecure, tell=tell)
    return EXIT_OK
