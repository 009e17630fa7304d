"""What says of the lake what it is, and opens it without Greensward: views, how to begin with them, a Data Package.

The files lie in the lake (`lake/analyst/`, `lake/datapackage.json`) and hold nothing of their own: views over globs, so
that they are right from then on. They are made again when what they say has changed: another version, another place,
licence, campaigns or clock, the first file of a table.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
import msgspec

from greensward.settings import Settings
from greensward.wiring import SOFTWARE_VERSION
from ingest.errors import StoreError
from ingest.lake.data_package import data_package
from ingest.lake.durable import store_errors
from ingest.lake.globs import LAKE_VARIABLE, create_table_views, filled_tables
from ingest.lake.layout import DataFolder
from ingest.lake.read import explain_columns
from ingest.lake.tables import all_tables
from ingest.lake.write import replace_beside_tables
from sql.analysts import create_dictionary, create_views, explain_views, view_words
from sql.campaigns import Campaigns
from sql.evaluate import hour_offset_s
from sql.models import analyst_models
from sql.reference import reference_names, reference_rows

_STORAGE_VERSION = "v1.0.0"
"""Of DuckDB's file format: what DuckDB 2 writes by itself is not readable by 1.5, nor by the tools built on it."""

# No semicolon but at the end of a statement: Harlequin splits at each.
_START = """\
-- How a session over Greensward's views begins. Written by Greensward, and again by: greensward lake describe
-- duckdb -init FILE · harlequin --init-path FILE · DBeaver: bootstrap queries of the connection · docs/analysts.md
-- views {fingerprint}
-- Where the lake is elsewhere for you, set variable {lake_variable} = '/where/it/is/lake' besides.
attach if not exists {database} as greensward (read_only);
use greensward;
set timezone = {timezone};
set parquet_metadata_cache = true;
"""


def describe_lake(settings: Settings) -> bool:
    """Write the files that describe the lake, unless they are there and right; say whether they were written.

    Whoever has one of them open keeps what he has. Raises: StoreError; what was there before is there still then.
    """
    folder, campaigns = settings.data_folder(), settings.campaign_tables()
    defaults = _defaults(settings)
    start = _start(folder, settings, _fingerprint(folder, settings, campaigns, defaults))
    if _is_there(folder, start):
        return False
    stated = {"licence": settings.site.data_licence, "licence_url": settings.site.data_licence_url}
    package = data_package(settings.place(), SOFTWARE_VERSION, **stated)
    written = msgspec.json.format(msgspec.json.encode(package), indent=2)
    replace_beside_tables(folder, folder.analyst_database, partial(_build, folder, campaigns, defaults))
    replace_beside_tables(folder, folder.data_package, partial(_fill, written + b"\n"))
    # The last one, as it is looked at to see whether all are right.
    replace_beside_tables(folder, folder.analyst_start, partial(_fill, start.encode()))
    return True


def _defaults(settings: Settings) -> dict[str, str]:
    """Return, as SQL, what `greensward sql` sets its variables to; a clock that stands still is that of a demo."""
    clock = settings.site.clock
    return {
        "timezone": _quoted(settings.place().timezone.key),
        "hour_offset_s": str(hour_offset_s(settings.now(), settings.place())),
        "now": f"timestamptz '{datetime.fromisoformat(clock).isoformat()}'" if clock else "now()",
    }


def _fingerprint(folder: DataFolder, settings: Settings, campaigns: Campaigns, defaults: dict[str, str]) -> str:
    """Return what everything that the files say follows from, as one number."""
    words = (all_tables(), view_words(), [reference_rows(name) for name in reference_names()])
    models = sorted(analyst_models(), key=lambda model: model.name)
    site = settings.site
    stated = (site.district, site.data_licence, site.data_licence_url)
    given = (SOFTWARE_VERSION, str(folder.lake), stated, filled_tables(folder), campaigns, defaults)
    return hashlib.sha256(repr((given, words, models)).encode()).hexdigest()[:32]


def _start(folder: DataFolder, settings: Settings, fingerprint: str) -> str:
    start = _START.format(
        fingerprint=fingerprint,
        lake_variable=LAKE_VARIABLE,
        database=_quoted(str(folder.analyst_database)),
        timezone=_quoted(settings.place().timezone.key),
    )
    # The views know them; the ready questions and whoever writes his own ask for them too.
    return start + "".join(f"set variable {name} = {value};\n" for name, value in _defaults(settings).items())


def _is_there(folder: DataFolder, start: str) -> bool:
    try:
        return (
            folder.analyst_start.read_bytes() == start.encode()
            and folder.analyst_database.is_file()
            and folder.data_package.is_file()
        )
    except OSError:
        return False


def _build(folder: DataFolder, campaigns: Campaigns, defaults: dict[str, str], path: Path) -> None:
    """Make the database of views at `path`. Raises: StoreError."""
    try:
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            connection.execute(f"attach {_quoted(str(path))} as described (storage_version '{_STORAGE_VERSION}')")
            connection.execute("use described")
            create_table_views(connection, folder)
            create_views(connection, campaigns, reference="view", defaults=defaults)
            explain_columns(connection)
            explain_views(connection)
            create_dictionary(connection, "view")
            connection.execute("use memory")
            connection.execute("detach described")
    except duckdb.Error as error:
        _ask_the_system_for(path)
        raise StoreError(f"making the views of {folder.lake}: {error}") from error


def _ask_the_system_for(path: Path) -> None:
    """Make a file, since the system says better than DuckDB whose rights are missing. Raises: StoreError."""
    with store_errors(f"making the views in {path}"):
        path.touch()


def _fill(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
