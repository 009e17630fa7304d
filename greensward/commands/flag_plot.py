"""`greensward flag --explain PLOT` and `--picture PLOT`: one plot at one instant, for those who ask why."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from rich.markup import escape

from crews.apply import valid_plots
from crews.explain.explanation import Explanation, explain
from crews.explain.page import as_text
from crews.picture.draw import draw_picture
from crews.picture.story import parse_story
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, err, out, show
from greensward.evaluation import Answer, Progress, judge_and_ask
from greensward.settings import Settings
from ingest.errors import ConfigError
from ingest.lake.durable import replace_file
from ingest.lake.files import read_register
from sql.describe import describe_plot

_NAMED = 12


def known_plot(settings: Settings, asked: str, as_of: datetime) -> str:
    """Return the id of the plot that is meant by its id or its whole name. Raises: ConfigError with the nearest."""
    rows = read_register(settings.existing_folder(), "plots").to_pylist()
    return choose_plot(asked, valid_plots(rows, as_of))


def choose_plot(asked: str, plots: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the id in `plots` that `asked` is, or the one plot of that name. Raises: ConfigError with the nearest."""
    if asked in plots:
        return asked
    of_name = [plot_id for plot_id, plot in plots.items() if plot.get("name") == asked]
    if len(of_name) == 1:
        return of_name[0]
    if of_name:
        raise ConfigError(f"{len(of_name)} plots are named {asked!r}; write which: {', '.join(sorted(of_name))}.")
    if not plots:
        raise ConfigError("No plot is in the register for that day. greensward plots import FILE.geojson")
    raise ConfigError(f"There is no plot {asked!r} in the register for that day; {_nearest(asked, plots)}")


def _nearest(asked: str, plots: Mapping[str, Mapping[str, Any]]) -> str:
    names = {str(plot.get("name")): plot_id for plot_id, plot in plots.items() if plot.get("name")}
    lowered = {name.casefold(): plot_id for name, plot_id in [*names.items(), *zip(plots, plots, strict=True)]}
    near = difflib.get_close_matches(asked.casefold(), list(lowered), n=1, cutoff=0.5)
    if near:
        return f"did you mean {lowered[near[0]]!r}?"
    return f"known are {_some(sorted(plots))}."


def _some(plot_ids: Iterable[str]) -> str:
    listed = list(plot_ids)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more


def picture_plot(
    settings: Settings, plot_id: str, as_of: datetime, language: str, out_file: Path | None, progress: Progress
) -> int:
    """Write the picture of a plot to a file or to stdout; exit code 1 where there is nothing to draw.

    Raises: ConfigError when the file cannot be written, StoreError.
    """
    if out_file is not None and not out_file.absolute().parent.is_dir():
        raise ConfigError(f"{out_file}: there is no folder {out_file.parent}. Make it, or name another file with -o.")

    def ask(lake: duckdb.DuckDBPyConnection, _flags: pa.Table) -> list[tuple[str]]:
        return lake.execute("select story_json from plot_stories where plot_id = $plot", {"plot": plot_id}).fetchall()

    found = _ask(settings, plot_id, as_of, ask, progress)
    if not found:
        err.print(
            f"{escape(plot_id)}: nothing to draw: no reading of a probe in this plot in the days before "
            f"{as_of.astimezone(settings.place().timezone):%Y-%m-%d %H:%M}. Why not: greensward flag --explain "
            f"{escape(plot_id)}"
        )
        return EXIT_FOUND_PROBLEMS
    drawn = draw_picture(parse_story(found[0][0]), language, settings.place())
    if out_file is None or str(out_file) == "-":
        sys.stdout.write(drawn)
        sys.stdout.flush()
        return EXIT_OK
    try:
        replace_file(out_file, drawn.encode())
    except OSError as error:
        raise ConfigError(f"{out_file}: {error.strerror}.") from error
    err.print(f"Wrote {escape(str(out_file))}")
    return EXIT_OK


def explain_plot(
    settings: Settings, plot_id: str, as_of: datetime, language: str, progress: Progress, *, as_json: bool
) -> int:
    """Print every number between the readings of a plot and its verdict. Raises: StoreError."""

    def ask(lake: duckdb.DuckDBPyConnection, _flags: pa.Table) -> Explanation:
        return explain(describe_plot(lake, plot_id), language, settings.place(), settings.web.truck_litres)

    explanation = _ask(settings, plot_id, as_of, ask, progress)
    show(
        explanation,
        as_json=as_json,
        render=lambda: out.print(escape(as_text(explanation, language, settings.place())), end=""),
    )
    return EXIT_OK


def _ask(
    settings: Settings,
    plot_id: str,
    as_of: datetime,
    ask: Callable[[duckdb.DuckDBPyConnection, pa.Table], Answer],
    progress: Progress,
) -> Answer:
    return judge_and_ask(
        settings.data_folder(), settings.place(), as_of, plot_id, ask, progress, settings.campaign_tables(),
        settings.flags.readings_at_once,
    )  # fmt: skip
