"""`greensward lake`: what lies in it, whether it is still what was written, merging, old days, opening it elsewhere."""

from __future__ import annotations

from cyclopts import App
from rich.markup import escape

from greensward.checked_ledger import ledger_check
from greensward.commands.lake_expire import expire
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, Listing, err, examples, out, print_table, show
from greensward.described import describe_lake
from ingest.lake.compact import compact_lake
from ingest.lake.damage import scrub
from ingest.lake.ownership import own
from ingest.lake.read import open_lake, retrying
from ingest.lake.tables import all_tables

app = App(name="lake", help_epilogue=examples("greensward lake check", "greensward lake expire"))
app.command(expire)


@app.command
def info(*, common: Common | None = None) -> int:
    """Print rows, files, bytes and days of every table."""
    common = common or Common()
    settings = common.settings()
    folder = settings.existing_folder()

    def count_rows() -> dict[str, int]:
        with open_lake(folder, settings.place()) as lake:
            return {name: lake.execute(f"select count(*) from {name}").fetchall()[0][0] for name in all_tables()}

    rows = retrying(folder, count_rows)
    found = []
    for spec in all_tables().values():
        files = [path.stat().st_size for path in folder.table(spec.name).rglob("*.parquet")]
        days = sorted(path.name.removeprefix("date=") for path in folder.table(spec.name).glob("date=*"))
        found.append(
            {
                "table": spec.name,
                "rows": rows[spec.name],
                "files": len(files),
                "bytes": sum(files),
                "first_day": days[0] if days else None,
                "last_day": days[-1] if days else None,
            }
        )

    def render() -> None:
        table = Listing("table", "rows", "files", "bytes", "from", "to")
        for row in found:
            table.add_row(
                str(row["table"]),
                f"{row['rows']:,}",
                f"{row['files']:,}",
                f"{row['bytes']:,}",
                str(row["first_day"] or ""),
                str(row["last_day"] or ""),
            )
        print_table(table)

    show(found, as_json=common.json, render=render)
    return EXIT_OK


@app.command
def describe(*, common: Common | None = None) -> int:
    """Write the files by which other tools open the lake: views for DuckDB, how to begin with them, a Data Package.

    Every evaluation (greensward flag, up) does so too, when what they say has changed: after the data folder was moved
    or restored, they are right again by then. Files that are right stay as they are.
    """
    common = common or Common()
    settings = common.settings()
    folder = settings.existing_folder()
    is_new = describe_lake(settings)
    files = [str(path) for path in (folder.analyst_database, folder.analyst_start, folder.data_package)]

    def render() -> None:
        for file in files:
            out.print(escape(file))
        err.print("written" if is_new else "these were right already")

    show({"files": files, "written": is_new}, as_json=common.json, render=render)
    return EXIT_OK


@app.command(name="check")
def check(*, common: Common | None = None) -> int:
    """Compare every file with the SHA-256 in its name, and the ledger with itself and the lake's copy of its events.

    Exit 1 and a name for each file whose bytes changed and each thing in the ledger that is not as it was written.
    """
    common = common or Common()
    settings = common.settings()
    folder = settings.existing_folder()
    damaged = scrub(folder)
    ledger = ledger_check(folder, settings.place())

    def render() -> None:
        for name in damaged:
            out.print(f"damaged: {escape(name)}")
        for fault in ledger:
            out.print(f"ledger: {escape(fault)}")
        out.print(f"{len(damaged)} damaged files" if damaged else "every file is as it was written")

    show({"damaged": damaged, "ledger": ledger}, as_json=common.json, render=render)
    return EXIT_FOUND_PROBLEMS if damaged or ledger else EXIT_OK


@app.command
def compact(*, common: Common | None = None) -> int:
    """Merge small files now; ingest does this by itself while it runs.

    Exit 1 and a name for each file whose bytes changed, which is moved to damaged/ rather than merged.
    """
    common = common or Common()
    settings = common.settings()
    folder = settings.existing_folder()
    today = settings.place().local_date(settings.now())
    damaged: list[str] = []
    with own(folder, "greensward lake compact"):
        merged = list(
            compact_lake(
                folder,
                today,
                settings.ingest.compact_files,
                merge_bytes=settings.ingest.merge_bytes,
                min_free_bytes=settings.ingest.min_free_bytes,
                set_aside=damaged.extend,
            )
        )
    result = [{"table": name, "day": day.isoformat(), "files_merged": count} for name, day, count in merged]

    def render() -> None:
        for name in damaged:
            out.print(f"damaged: {escape(name)}")
        err.print(f"{len(merged)} partitions compacted")

    show({"merged": result, "damaged": damaged}, as_json=common.json, render=render)
    return EXIT_FOUND_PROBLEMS if damaged else EXIT_OK
