"""The ledger held against the events that the lake keeps of it."""

from __future__ import annotations

import duckdb

from crews.ledger import Ledger
from crews.ledger_check import EXPORTED, Exported, ledger_faults
from ingest.errors import StoreError
from ingest.lake.layout import DataFolder
from ingest.lake.locks import file_lock
from ingest.lake.read import open_lake, retrying
from ingest.site import Site


def ledger_check(folder: DataFolder, site: Site) -> list[str]:
    """Return a sentence for everything in the ledger that is not as it was written; nothing where there is none.

    Raises: StoreError when the lake's events keep vanishing under the query.
    """
    if not folder.ledger.exists():
        return []

    def events() -> list[Exported]:
        with open_lake(folder, site) as lake:
            return lake.execute(EXPORTED).fetchall()

    try:
        # Nobody exports meanwhile: what the lake has is in the ledger that is opened after it.
        with file_lock(folder.evaluation_lock):
            exported = retrying(folder, events)
        with Ledger(folder.ledger, site) as ledger:
            return list(ledger_faults(ledger, exported))
    except (StoreError, duckdb.Error) as error:
        return [str(error)]
