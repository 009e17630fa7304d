"""The list of SHA-256 sums by which a backup is known to be whole; `sha256sum --check` reads it too."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

from ingest.errors import ConfigError
from ingest.lake.durable import fsync_folder, replace_file, store_errors

SUMS = "SHA256SUMS"
_LINE = re.compile(r"(?P<sum>[0-9a-f]{64})  (?P<name>[^/\n][^\n]*)")
_CHUNK_BYTES = 1 << 20


def read_sums(backup: Path) -> dict[str, str]:
    """Return the sum of each file of a backup by its name, relative to it.

    Raises: ConfigError when it is no backup, or its list is not as it was written; StoreError.
    """
    path = backup / SUMS
    with store_errors(f"reading {path}"):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ConfigError(f"{backup} is no whole backup, it has no {SUMS}: name the folder of one.") from error
    found = [_LINE.fullmatch(line) for line in text.splitlines()]
    sums = {line["name"]: line["sum"] for line in found if line is not None and ".." not in Path(line["name"]).parts}
    if not sums or len(sums) != len(found):
        raise ConfigError(f"{path} is damaged: a line of it is no SHA-256 sum and name. Use another backup.")
    return sums


def write_sums(backup: Path, sums: dict[str, str]) -> None:
    """Write the list, durably. Raises: OSError."""
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    replace_file(backup / SUMS, text.encode())


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raises: OSError."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def copy_file(source: Path, target: Path) -> tuple[str, int]:
    """Copy a file with its mode and times, durably; return the SHA-256 and the size of what was copied.

    Raises: OSError, FileExistsError where `target` is there already.
    """
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += writer.write(chunk)
        shutil.copystat(source, target)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest(), size


def make_folders_like(source: Path, target: Path, relative: Path) -> None:
    """Make the folder `relative` and its parents in `target`, with the modes they have in `source`. Raises: OSError."""
    for folder in (*reversed(relative.parents), relative):
        if not (target / folder).is_dir():
            (target / folder).mkdir()
            shutil.copymode(source / folder, target / folder)


def fsync_folders(root: Path) -> None:
    """Make the names in `root` and in every folder below it last. Raises: OSError."""
    for folder, _, _ in os.walk(root):
        fsync_folder(Path(folder))
