"""A file or folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.errors import ConfigError
from ingest.lake.durable import fsync_folder, store_errors


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Yield a path to write; it takes the place of `target` once it is complete, and is gone when it is not.

    Raises: ConfigError where the folder is not there; StoreError where the disk does not take it.
    """
    if not target.parent.is_dir():
        raise ConfigError(f"{target.parent} is no folder; make it first.")
    if target.is_dir():
        raise ConfigError(f"{target} is a folder; name a file.")
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    with store_errors(f"writing {target}"):
        try:
            yield part
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.replace(target)
            fsync_folder(target.parent)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it becomes `target`, which may not be there yet, once it is complete.

    Raises: ConfigError where `target` is there already or its parent is not; StoreError where the disk fails.
    """
    if target.exists():
        raise ConfigError(f"{target} is there already; name a new folder.")
    if not target.parent.is_dir():
        raise ConfigError(f"{target.parent} is no folder; make it first.")
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    with store_errors(f"writing {target}"):
        part.mkdir()
        try:
            yield part
            part.rename(target)
            fsync_folder(target.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)
