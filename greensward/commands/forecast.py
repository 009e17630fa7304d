"""`greensward forecast`: the weather that a service expects, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from cyclopts import App, Parameter
from msgspec.structs import asdict
from rich.markup import escape

from greensward.commands.register_output import instant, local, read_file
from greensward.console import (
    EXIT_FOUND_PROBLEMS,
    EXIT_OK,
    Common,
    Listing,
    counted,
    err,
    examples,
    out,
    print_table,
    show,
)
from greensward.evaluation import add_forecast
from ingest.decode.forecast import read_forecast
from ingest.decode.forecast_file import read_forecast_file
from ingest.errors import Fault, PayloadError
from ingest.lake.tables import table

app = App(name="forecast", help_epilogue=examples("greensward forecast import forecast.csv"))


@app.command(name="import")
def import_(
    file: Annotated[Path, Parameter(help="CSV or JSON; - reads standard input.", allow_leading_hyphen=True)],
    *,
    issued_at: Annotated[str | None, Parameter(help="When it was issued, if the file does not say; now.")] = None,
    source: Annotated[str, Parameter(help="Who forecasts, if the file does not say.")] = "file",
    common: Common | None = None,
) -> int:
    """Store one issue of a forecast; with any fault in it nothing is stored.

    CSV columns: date, rain_mm, rain_probability_pct, temperature_min_c, temperature_max_c, issued_at, source, or the
    Chinese words for them. JSON: schemas/messages/weather_forecast.schema.json.
    """
    common = common or Common()
    settings = common.settings()
    site, now = settings.place(), settings.now()
    issued = instant(issued_at, "--issued-at", site.timezone) or now
    try:
        document = read_forecast_file(read_file(file), issued.isoformat(timespec="seconds"))
        days, faults = read_forecast(document, source, now, site)
    except PayloadError as error:
        days, faults = (), list(error.faults)
    if faults:
        show({"stored": 0, "faults": faults}, as_json=common.json, render=lambda: _print_faults(faults))
        return EXIT_FOUND_PROBLEMS
    rows = [asdict(day) | {"received_at": now, "message_seq": None} for day in days]
    add_forecast(settings.data_folder(), site, pa.Table.from_pylist(rows, schema=table("weather_forecasts").schema))

    def render() -> None:
        listed = Listing("day", "rain mm", "probability %", "min °C", "max °C")
        for row in rows:
            listed.add_row(str(row["forecast_date"]), *(_number(row[name]) for name in _SHOWN))
        print_table(listed)
        err.print(
            f"{escape(days[0].source)}, issued {local(days[0].issued_at, site.timezone)}: "
            f"{counted(len(rows), 'day')} stored"
        )

    show({"stored": len(rows), "faults": []}, as_json=common.json, render=render)
    return EXIT_OK


_SHOWN = ("rain_mm", "rain_probability_pct", "temperature_min_c", "temperature_max_c")


def _number(value: Any) -> str:
    return "" if value is None else f"{value:g}"


def _print_faults(faults: list[Fault]) -> None:
    for fault in faults:
        out.print(f"[red]fault[/] [bold]{fault.code}[/]  {escape(fault.pointer)}")
        out.print(f"    got {escape(fault.got)}; expected {escape(fault.expected)}")
        out.print(f"    → {escape(fault.advice)}")
