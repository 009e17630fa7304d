"""Whether a backup is still what was copied, and putting it back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from greensward.backup.create import Copied
from greensward.backup.sums import SUMS, copy_file, digest_of, fsync_folders, make_folders_like, read_sums
from ingest.errors import ConfigError, StoreError
from ingest.lake.durable import fsync_folder, make_folder, store_errors
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import check_layout


class Verified(NamedTuple):
    """One file of a backup and what is the matter with it.

    fault: nothing, or the end of a sentence that begins with the name
    """

    name: str
    fault: str = ""


def verify(backup: Path) -> Iterator[Verified]:
    """Read every file of a backup and yield how it is; also the files that lie in it and are no part of it.

    Raises: ConfigError when it is no whole backup; StoreError.
    """
    sums = read_sums(backup)
    for name, expected in sums.items():
        try:
            fault = "" if digest_of(backup / name) == expected else "is not what was copied"
        except FileNotFoundError:
            fault = "is missing"
        except OSError as error:
            fault = f"cannot be read: {error.strerror or error}"
        yield Verified(name, fault)
    with store_errors(f"looking through {backup}"):
        for folder, _, names in os.walk(backup):
            for path in (Path(folder, name).relative_to(backup).as_posix() for name in sorted(names)):
                if path not in sums and path != SUMS:
                    yield Verified(path, "is no part of the backup")


def restore(backup: Path, folder: DataFolder, *, keeps_links: bool = False) -> Iterator[Copied]:
    """Put a backup into a data folder that holds nothing yet but settings, and yield each file when it is there.

    keeps_links: the keys of links are put back too; otherwise new ones are made, and no link made so far opens
        anything: the older ledger does not know which were withdrawn since

    No program may run on that folder. Nothing has its place in it before every file was found to be what was copied.

    Raises: ConfigError when it is no whole backup, was made by a newer Greensward, or the folder holds a part of one;
    StoreError, also at the first wrong file. The folder is as it was then; only where the disk fails while the parts
    get their places some stay, and every command but this one refuses the folder.
    """
    sums = read_sums(backup)
    check_layout(DataFolder(backup))
    with store_errors(f"restoring to {folder.root}"):
        make_folder(folder.root)
        taken = sorted({Path(name).parts[0] for name in sums} & {path.name for path in folder.root.iterdir()})
        if taken:
            raise ConfigError(
                f"{folder.root} holds {', '.join(taken)}: move that away first, or name an empty folder with -C."
            )
        shutil.rmtree(folder.restoring, ignore_errors=True)  # of a run that was killed before anything had its place
        try:
            folder.restoring.mkdir(mode=0o700)
            yield from _copied(backup, sums, folder.restoring)
            if not keeps_links:
                DataFolder(folder.restoring).link_keys.unlink(missing_ok=True)
            fsync_folders(folder.restoring)
            fsync_folder(folder.root)
        except BaseException:
            shutil.rmtree(folder.restoring, ignore_errors=True)
            raise
        # While `restoring` is there every command keeps out: half a backup must never be gone on with.
        for path in folder.restoring.iterdir():
            path.rename(folder.root / path.name)
        fsync_folder(folder.root)
        folder.restoring.rmdir()
        fsync_folder(folder.root)


def _copied(backup: Path, sums: dict[str, str], target: Path) -> Iterator[Copied]:
    for name, expected in sums.items():
        make_folders_like(backup, target, Path(name).parent)
        digest, size = copy_file(backup / name, target / name)
        if digest != expected:
            raise StoreError(f"{backup / name} is not what was copied; run: greensward backup verify {backup}")
        yield Copied(name, size)
