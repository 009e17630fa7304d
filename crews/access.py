"""What stands behind every page: the data, the keys, the clock, and whose link a browser has opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from crews.apply import valid_plots
from crews.issue import ActionRefusedError
from crews.ledger import Ledger
from crews.links import Keys, Pass, read_token
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

    def cookie_name(self, role: str) -> str:
        """Return the name of the cookie of a role."""
        return f"{'__Host-' if self.is_https else ''}greensward-{role}"

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the ledger for one request. Raises: StoreError."""
        with Ledger(self.folder.ledger, self.site) as ledger:
            yield ledger

    def plots(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the registered plots that hold now. Raises: StoreError."""
        return valid_plots(read_register(self.folder, "plots"), self.clock())

    def holder(self, ledger: Ledger, request: Request, *roles: str) -> tuple[Pass, str]:
        """Return who asks, with the token: the first of `roles` whose cookie is good. Raises: ActionRefusedError."""
        refused = ActionRefusedError("no_pass", "There is no cookie; open the link first.")
        for role in roles:
            token = request.cookies.get(self.cookie_name(role))
            if token:
                try:
                    said = read_token(self.keys, ledger, token, self.clock())
                except ActionRefusedError as error:
                    refused = error
                    continue
                if said.role == role:
                    return said, token
        raise refused
