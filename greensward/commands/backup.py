"""`greensward backup`: copy the whole data folder while everything runs, look whether a copy is whole, put it back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.markup import escape

from greensward.backup.create import backup_of
from greensward.backup.create import create as create_backup
from greensward.backup.restore import restore as restore_backup
from greensward.backup.restore import verify as verify_backup
from greensward.backup.sums import read_sums
from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, Common, counted, err, examples, out, progress, show

app = App(name="backup", help_epilogue=examples("greensward backup create /backup/greensward"))


@app.command
def create(
    shelf: Annotated[Path, Parameter(help="Folder for all backups; on another disk.")],
    /,
    *,
    full: Annotated[
        bool, Parameter(help="Copy every file anew; otherwise those of the newest backup are linked.", negative="")
    ] = False,
    common: Common | None = None,
) -> int:
    """Make a new backup in SHELF, named after the time in UTC. Exit 1 when a file of the lake was damaged already."""
    common = common or Common()
    folder = common.settings().existing_folder()
    target = backup_of(shelf.absolute(), datetime.now(UTC))
    files, size_bytes, damaged = 0, 0, []
    with progress() as bar:
        task = bar.add_task("copying", total=sum(1 for _ in folder.lake.rglob("*.parquet")))
        for copied in create_backup(folder, target, is_full=full):
            files, size_bytes = files + 1, size_bytes + copied.size_bytes
            damaged += [] if copied.is_as_named else [copied.name]
            bar.advance(task)

    def render() -> None:
        for name in damaged:
            err.print(f"damaged before it was copied: {escape(name)}; run: greensward lake check")
        out.print(f"{escape(str(target))}: {counted(files, 'file')}, {size_bytes / 1e6:,.1f} MB copied")

    result = {"backup": str(target), "files": files, "bytes_copied": size_bytes, "damaged": damaged}
    show(result, as_json=common.json, render=render)
    return EXIT_FOUND_PROBLEMS if damaged else EXIT_OK


@app.command
def verify(backup: Annotated[Path, Parameter(help="Folder of one backup.")], /, *, common: Common | None = None) -> int:
    """Read every file of a backup; exit 1 when one is not what was copied, is missing, or is no part of it."""
    common = common or Common()
    with progress() as bar:
        found = list(bar.track(verify_backup(backup), total=len(read_sums(backup)), description="reading"))
    wrong = [file for file in found if file.fault]

    def render() -> None:
        for file in wrong:
            out.print(f"{escape(file.name)} {escape(file.fault)}")
        out.print(f"{counted(len(wrong), 'file')} of {len(found):,} wrong" if wrong else _whole(len(found)))

    result = {"files": len(found), "wrong": [file._asdict() for file in wrong]}
    show(result, as_json=common.json, render=render)
    return EXIT_FOUND_PROBLEMS if wrong else EXIT_OK


def _whole(files: int) -> str:
    return f"{counted(files, 'file')}, each as it was copied"


@app.command
def restore(
    backup: Annotated[Path, Parameter(help="Folder of one backup.")],
    /,
    *,
    keep_links: Annotated[
        bool,
        Parameter(help="Links made so far go on opening, also those withdrawn since the backup.", negative=""),
    ] = False,
    common: Common | None = None,
) -> int:
    """Put a backup into the data folder, which must be empty; stop all programs first.

    No link that was made so far opens anything then, as the backup does not know which were withdrawn since.
    """
    common = common or Common()
    folder = common.settings().data_folder(to_restore=True)
    with progress() as bar:
        task = bar.add_task("putting back", total=len(read_sums(backup)))
        files = 0
        for _ in restore_backup(backup, folder, keeps_links=keep_links):
            files += 1
            bar.advance(task)
    said = f"{counted(files, 'file')} put back into {escape(str(folder.root))}; next: greensward doctor\n" + (
        "Links that were withdrawn since the backup was made open again: withdraw them anew."
        if keep_links
        else "No link made so far opens anything; new ones: greensward list --links"
    )
    result = {"folder": str(folder.root), "files": files, "keeps_links": keep_links}
    show(result, as_json=common.json, render=lambda: out.print(said))
    return EXIT_OK
