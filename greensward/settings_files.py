"""Which `greensward.toml` counts: the one named, else the one that belongs to the data folder, else the usual ones."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

from ingest.errors import ConfigError

NAME = "greensward.toml"
_USUAL = (Path(NAME), Path("/etc/greensward") / NAME)
_USUAL_FOLDER = "greensward-data"
"""[data] folder where the file says none."""


class Found(NamedTuple):
    """The settings file that counts, None for none; and a sentence where that may surprise, "" for none."""

    file: Path | None
    note: str = ""


def places(explicit: Path | None, named: str, data: Path | None) -> list[Path]:
    """Return the files that settings are looked for in, first hit wins; `find` says when another one counts.

    explicit: --config; named: $GREENSWARD_CONFIG, "" for none; data: the folder that -C names
    """
    if explicit is not None:
        return [explicit]
    own = [] if data is None else [data / NAME]
    beside = [] if data is None or named else [_beside(data)]
    return [*own, *([Path(named)] if named else []), *beside, *_USUAL]


def find(explicit: Path | None, named: str, data: Path | None) -> Found:
    """Return the file that counts. Raises: ConfigError where a named one is missing, and where two may be meant."""
    if explicit is not None:
        if not _is_file(explicit):
            raise ConfigError(f"No settings file at {explicit}. Write one with: greensward config --write {explicit}")
        return Found(explicit)
    if data is not None and _is_file(data / NAME):
        return Found(data / NAME)
    if named:
        if not _is_file(Path(named)):
            raise ConfigError(f"$GREENSWARD_CONFIG: no settings file at {named}. Correct it, or unset it.")
        return Found(Path(named))
    usual = next((path for path in _USUAL if _is_file(path)), None)
    return Found(usual) if data is None else _for_folder(data, usual)


def _for_folder(data: Path, usual: Path | None) -> Found:
    """Return the file for a data folder that -C names and that holds none: the one beside it where that names it."""
    beside = _beside(data)
    if not _is_file(beside) or (usual is not None and beside.samefile(usual)):
        return Found(usual)
    folder = _folder_of(beside)
    if not _is_same(folder, data):
        note = f"{beside} is not read, as its [data] folder is {folder}; where it is meant: --config {beside}"
        return Found(usual, note)
    if usual is None:
        return Found(beside, f"set by  {beside}, beside the data folder")
    if _is_same(other := _folder_of(usual), data):
        raise ConfigError(
            f"Two settings files name the data folder {data}: {usual.absolute()} and {beside}. Say with --config which "
            "is meant."
        )
    return Found(beside, f"set by  {beside}, beside the data folder; {usual.absolute()} is for {other}, and not read")


def _beside(data: Path) -> Path:
    """Return the file beside a data folder; of a link with none beside it, the one beside what the link leads to."""
    folder = data.absolute()
    # What ".." leaves can only be told by asking the system; elsewhere a link that is the folder's name stays one.
    own = (folder.resolve() if folder.name == ".." else folder).parent / NAME
    if _is_file(own) or not folder.is_symlink():
        return own
    try:
        target = folder.resolve().parent / NAME
    except (OSError, RuntimeError):  # links that lead in a ring
        return own
    return target if _is_file(target) else own


def _folder_of(file: Path) -> Path:
    """Return the data folder that a settings file names."""
    section = parsed(read(file), file).get("data", {})
    folder = section.get("folder", _USUAL_FOLDER) if isinstance(section, dict) else _USUAL_FOLDER
    return file.absolute().parent / str(folder)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve()
    except (RuntimeError, ValueError):  # links that lead in a ring; a null character
        return False


def read(file: Path) -> str:
    """Return the text of a settings file. Raises: ConfigError."""
    try:
        # Windows' editors put a byte order mark first.
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}.") from error


def parsed(text: str, file: Path | None) -> dict[str, object]:
    """Return what a settings file says. Raises: ConfigError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # a folder on the way that may not be entered
        raise ConfigError(f"{path}: {error.strerror}.") from error
