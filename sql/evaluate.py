"""A lake in, verdicts out: the models run in order, and the rows of `flags` read from the last one."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from ingest.lake.files import Days
from ingest.lake.tables import all_tables, table
from ingest.site import Site
from sql.campaigns import TABLES, Campaigns, create_campaigns, load_campaigns
from sql.carry import Carry
from sql.continued import NO_EARLIER_RUNS, Seam, closed_day
from sql.models import Model, all_models, in_three_steps, models_behind, models_of_one_evaluation
from sql.reference import create_reference, limit
from sql.side_by_side import Begin, Made, Maker, StillRight

Progress = Callable[[str, int, int], None]
"""Called before each model with its name, its number from 1, and how many there are; some are made twice."""


TABLES_OF_THE_WINDOW = ("soil_readings", "weather_readings", "device_status")
"""What grows every day. Each model that reads one of these reads the days of the window alone."""

TABLES_OF_THE_DRONE_WINDOW = ("image_detections",)
"""What grows with every flight. Each model that reads one of these reads the days of drone_window_days alone."""

SCHEMA = "evaluated"
"""Where models and the tables that they ask are made: what stands here goes before the lake's own of the same name."""

_READINGS_FOR_TWO = 2 * 122_880
"""Fewer than two of DuckDB's row groups, the least that it gives a thread, leave a second thread without work."""

_READINGS_AT_ONCE = 2_000_000
"""More are judged one model after the other: two of them at a time would want memory for both."""


def evaluate(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: datetime,
    site: Site,
    progress: Progress | None = None,
    campaigns: Campaigns | None = None,
    carry: Carry | None = None,
) -> pa.Table:
    """Return what the rules say of every plot at `as_of` (aware), with the columns of table `flags`.

    One row per plot and cause (drought, disease, vigour, coverage), per device of a plot (cause sensor) and per plot of
    a campaign that runs (cause campaign.ID), also where nothing is wrong and where we do not know; and one per plot in
    which reported water was looked for, or water came that nobody ordered (cause watering). Sorted by plot, cause and
    device. Only readings measured up to `as_of` count, whenever they arrived, so that the same instant over the same
    lake gives the same rows. The models stay on `connection`, in schema evaluated, for `describe_plot`,
    `campaign_progress` and questions. campaigns: those of the district; the built-in ones where it has none.
    carry: what may be taken over from an evaluation before, for the same rows in less time; readings then holds only
    what was judged anew.
    """
    models = models_of_one_evaluation() if carry is None else all_models()
    make_models(connection, models, as_of=as_of, site=site, campaigns=campaigns, progress=progress, carry=carry)
    schema = table("flags").schema
    names = ", ".join(f'"{name}"' for name in schema.names)
    rows = connection.execute(
        f"select {names} from evaluated_flags order by plot_id, cause, device_id"
    ).to_arrow_table()
    return rows.cast(schema)


def plateaus_to_keep(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the rows of table soil_plateaus that an evaluation adds: those about to leave its window.

    Needs a connection on which `evaluate` has run; it must run at least once in learned_keep_days, or some are lost.
    """
    schema = table("soil_plateaus").schema
    rows = connection.execute(
        "select * from leaving_plateaus order by plot_id, device_id, channel, depth_cm, wetted_at"
    ).to_arrow_table()
    return rows.select(schema.names).cast(schema)


def campaign_rows(
    connection: duckdb.DuckDBPyConnection, *, as_of: datetime, site: Site, campaigns: Campaigns | None = None
) -> list[dict[str, Any]]:
    """Return where each campaign stands at `as_of`, with its counts of plots, making only what that needs.

    Rows are those of model campaign_progress, by the begin of their windows.
    """
    make_models(connection, models_behind("campaign_progress"), as_of=as_of, site=site, campaigns=campaigns)
    return campaign_progress(connection)


def campaign_progress(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the rows of campaign_progress that `evaluate` left on `connection`, by the begin of their windows."""
    rows = connection.execute("select * from campaign_progress order by starts_on, campaign_id").to_arrow_table()
    found: list[dict[str, Any]] = rows.to_pylist()
    return found


def make_models(
    connection: duckdb.DuckDBPyConnection,
    models: tuple[Model, ...],
    *,
    as_of: datetime,
    site: Site,
    campaigns: Campaigns | None = None,
    progress: Progress | None = None,
    carry: Carry | None = None,
) -> None:
    """Make `models` as relations of schema evaluated, which `connection` then looks into first, beside what they ask.

    campaigns: those of the district; the built-in ones where it has none
    """
    connection.execute(f"create schema if not exists {SCHEMA}")
    _prepare(connection, as_of, site)
    create_reference(connection, "table", without=TABLES)
    create_campaigns(connection, campaigns or load_campaigns(is_southern=site.is_southern), "table")
    connection.execute(NO_EARLIER_RUNS)
    begun: set[str] = set()

    def begin(model: Model) -> None:
        begun.add(model.name)
        if progress is not None:
            progress(model.name, len(begun), len(models))

    with _two(connection, as_of, site) as connections:
        readings = functools.cache(functools.partial(_readings_of_window, connection))
        if carry is None:
            _make(connections, models, begin, readings=readings())
            return
        before, judged, after = in_three_steps(models)
        _make(connections, before, begin)
        for seam in carry.passes(connection, readings):
            _continue_after(connections, seam)
            made = functools.partial(carry.show_what_is_near, seam)
            _make(connections, judged, begin, made, readings=readings() * carry.share_read)
        _continue_after(connections, None)
        _make(connections, after, begin, still_right=carry.holding.still_right)


def _make(
    connections: Sequence[duckdb.DuckDBPyConnection],
    models: Sequence[Model],
    begin: Begin,
    made: Made | None = None,
    *,
    readings: float = 0,
    still_right: StillRight = lambda *_: None,
) -> None:
    """Make `models`, which lead from `readings` rows, several at once as long as there are not too many rows.

    A hundred statements over a few rows each are mostly planning, which is done in one thread; a second thread that
    finds nothing to do would cost a fifth of the CPU seconds, so that each is then made in one. With more to read,
    threads share each statement, and one is planned while another runs; with a whole window of a large district,
    memory is for one statement at a time.
    """
    first = connections[0]
    ((threads,),) = first.execute("select current_setting('threads')").fetchall()
    if readings < _READINGS_FOR_TWO:
        first.execute("set threads = 1")
    try:
        maker = Maker(connections if readings < _READINGS_AT_ONCE else connections[:1], begin)
        maker.watch(models)
        maker.make(models, made, still_right)
    finally:
        first.execute(f"set threads = {threads}")  # who asks afterwards has all of them again


def _continue_after(connections: Iterable[duckdb.DuckDBPyConnection], seam: Seam | None) -> None:
    """Set from which day on readings are read where closed days are not judged again; None: from the window's begin."""
    for connection in connections:
        connection.execute(
            f"set variable continued_from = {'null' if seam is None else repr(str(seam.closed_until))}::date"
        )


def _prepare(connection: duckdb.DuckDBPyConnection, as_of: datetime, site: Site) -> None:
    connection.execute(f"set search_path = '{SCHEMA},main'")
    set_variables(connection, as_of=as_of, site=site)


@contextmanager
def _two(
    connection: duckdb.DuckDBPyConnection, as_of: datetime, site: Site
) -> Iterator[list[duckdb.DuckDBPyConnection]]:
    """Lend two connections to one database, which see and ask the same."""
    with connection.cursor() as second:
        second.execute(f"set timezone = '{site.timezone.key}'")
        _prepare(second, as_of, site)
        yield [connection, second]


def _readings_of_window(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many readings the window has: of all devices, also while models see those of some alone."""
    ((readings,),) = connection.execute(
        "select count(*) from memory.main.soil_readings "
        "where date between getvariable('window_from') and getvariable('window_to')"
    ).fetchall()
    return int(readings)


def days_read(as_of: datetime, site: Site) -> dict[str, Days]:
    """Return the local days that an evaluation reads of the tables that grow every day, for `open_lake`.

    Tables that no model reads are in sight for the days of the window: to look at the ends of a year of their files
    takes longer than the evaluation. Those that are not named here are read whole: plot_coverage for the plots never
    flown, drone_images and flight_reports for flights whose pictures came late, index_stats, and what people did.
    """
    window = _window(as_of, site)
    today = window[1]
    return (
        dict.fromkeys(_tables_that_no_model_reads(), window)
        | dict.fromkeys(TABLES_OF_THE_WINDOW, window)
        | dict.fromkeys(TABLES_OF_THE_DRONE_WINDOW, (today - timedelta(days=limit("drone_window_days")), today))
        | {"weather_forecasts": (today - timedelta(days=math.ceil(limit("forecast_max_age_hours") / 24)), today)}
    )


def first_days_needed(as_of: datetime, site: Site) -> dict[str, date]:
    """Return the first local day that an evaluation needs of each table whose old days may be deleted by rule."""
    window_from, today = _window(as_of, site)
    drone_window_from = today - timedelta(days=limit("drone_window_days"))
    return (
        dict.fromkeys(TABLES_OF_THE_WINDOW, window_from)
        | dict.fromkeys(TABLES_OF_THE_DRONE_WINDOW, drone_window_from)
        | dict.fromkeys(
            ("drone_images", "index_stats"), drone_window_from - timedelta(days=limit("flight_before_days"))
        )
    )


@functools.cache
def tables_read() -> frozenset[str]:
    """Return the tables of the lake that an evaluation needs."""
    # flight_reports are asked beside the models, by greensward.flights.
    asked = {"flight_reports", *(name for model in all_models() for name in model.reads)}
    return frozenset(asked.intersection(all_tables()))


def _tables_that_no_model_reads() -> list[str]:
    return [name for name, spec in all_tables().items() if spec.partition_by and name not in tables_read()]


def _window(as_of: datetime, site: Site) -> Days:
    today = site.local_date(as_of)
    return today - timedelta(days=limit("soil_window_days")), today


def hour_offset_s(as_of: datetime, site: Site) -> int:
    """Return by how much hours of the site begin before those of UTC: 0 nearly everywhere, 1800 in India."""
    offset = as_of.astimezone(site.timezone).utcoffset() or timedelta()
    return int(offset.total_seconds()) % 3600


def set_variables(connection: duckdb.DuckDBPyConnection, *, as_of: datetime, site: Site) -> None:
    """Set what the models ask by `getvariable`: the instant, the clock, the days that they need, and the place."""
    window_from, today = _window(as_of, site)
    drone_window_from = today - timedelta(days=limit("drone_window_days"))
    variables = {
        "as_of": f"timestamptz '{as_of.isoformat()}'",
        "timezone": f"'{site.timezone.key}'",
        "hour_offset_s": hour_offset_s(as_of, site),
        "window_from": f"date '{window_from}'",
        "drone_window_from": f"date '{drone_window_from}'",
        "flights_before_from": f"date '{drone_window_from - timedelta(days=limit('flight_before_days'))}'",
        "window_to": f"date '{today}'",
        "today": f"date '{today}'",
        "closed_until": f"date '{closed_day(today)}'",
        "continued_from": "null::date",
        "latitude_deg": site.latitude_deg,
        "longitude_deg": site.longitude_deg,
        "elevation_m": site.elevation_m,
        "wind_height_m": site.wind_height_m,
        "water_ec_ds_m": "null" if site.water_ec_ds_m is None else site.water_ec_ds_m,
        "soil_ece_ds_m": "null" if site.soil_ece_ds_m is None else site.soil_ece_ds_m,
        "forecast_rain": f"'{site.forecast_rain}'",
        "plots_without_probe": f"'{site.plots_without_probe}'",
    }
    for name, value in variables.items():
        connection.execute(f"set variable {name} = {value}")
