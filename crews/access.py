"""What stands behind every page: the data, the keys, the clock, and whose link a browser has opened."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from crews.apply import valid_plots
from crews.crew_list import CrewList
from crews.drive import Position
from crews.guard import is_same_origin
from crews.issue import ActionRefusedError
from crews.ledger import Ledger
from crews.links import Keys, Pass, form_token, read_token
from crews.probes import plots_to_do, probe_places
from ingest.errors import StoreError
from ingest.lake.files import read_register
from ingest.lake.layout import DataFolder
from ingest.site import Site


@dataclass(frozen=True, slots=True)
class Access:
    """What the handlers need.

    public_url: how browsers reach us; https there makes the cookies Secure with the `__Host-` prefix
    truck_litres: what a truck holds; clock: the present
    office_phone: whom crews can call; "" shows none
    """

    folder: DataFolder
    site: Site
    keys: Keys
    public_url: str
    truck_litres: float
    clock: Callable[[], datetime]
    office_phone: str

    @property
    def is_https(self) -> bool:
        """Say whether browsers reach us through TLS."""
        return self.public_url.startswith("https://")

    def cookie_name(self, pages: str) -> str:
        """Return the name of the cookie that opens these pages, crew or office.

        The office's link and those of its people share one: of two that a browser has opened the later one counts, so
        that nobody acts in the name of whoever sat there before.
        """
        return f"{'__Host-' if self.is_https else ''}greensward-{pages}"

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the ledger for one request. Raises: StoreError."""
        with Ledger(self.folder.ledger, self.site) as ledger:
            yield ledger

    def plots(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the registered plots that hold now. Raises: StoreError."""
        return valid_plots(read_register(self.folder, "plots"), self.clock())

    def probes(self, *lists: CrewList) -> Mapping[str, Sequence[Position]]:
        """Return by plot where the probes of the plots on these lists stand now.

        None where the register of devices cannot be read: a list is worth more than the points on its map.
        """
        try:
            return probe_places(read_register(self.folder, "devices"), plots_to_do(lists), self.clock())
        except StoreError:
            return {}

    def holder(self, ledger: Ledger, request: Request, *pages: str) -> tuple[Pass, str]:
        """Return who asks, with the token: the first of `pages` whose cookie is good. Raises: ActionRefusedError."""
        refused = ActionRefusedError("no_pass", "There is no cookie; open the link first.")
        for whose in pages:
            token = request.cookies.get(self.cookie_name(whose))
            if token:
                try:
                    said = read_token(self.keys, ledger, token, self.clock())
                except ActionRefusedError as error:
                    refused = error
                    continue
                if said.pages == whose:
                    return said, token
        raise refused

    def sender(self, request: Request, pages: str) -> tuple[Pass, str]:
        """Return who sends a form, with the token; only from a page of ours. Raises: ActionRefusedError."""
        if not is_same_origin(request.headers, self.public_url):
            raise ActionRefusedError("cross_site", "The form came from another site.")
        with self.ledger() as ledger:
            return self.holder(ledger, request, pages)

    def is_form_of(self, token: str, proof: str) -> bool:
        """Say whether the page with the form was made for the holder of `token`."""
        return hmac.compare_digest(proof.encode("utf-8", "replace"), form_token(self.keys, token).encode())
