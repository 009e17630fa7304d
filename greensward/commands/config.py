"""`greensward config`: which settings hold, where they come from, and a file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import tomli_w
from cyclopts import App, Parameter
from rich.markup import escape

from greensward.console import EXIT_FOUND_PROBLEMS, EXIT_OK, EXIT_USAGE, Common, err, examples, out, show
from greensward.crew_names import unknown_crews
from greensward.given_settings import places, settings_found
from greensward.sending.channels import send_faults
from greensward.settings import Settings
from greensward.wiring import start_faults
from ingest.errors import ConfigError, StoreError

app = App(name="config", help_epilogue=examples("greensward config --write greensward.toml"))


@app.default
def config(
    *,
    write: Annotated[Path | None, Parameter(help="Write the settings in force to this new file.")] = None,
    common: Common | None = None,
) -> int:
    """Print the settings in force; every key can be overridden by GREENSWARD__SECTION__KEY.

    Ends with exit code 2 and every fault where a start with these settings would be refused.
    """
    common = common or Common()
    settings = common.settings()
    text = tomli_w.dumps(msgspec.to_builtins(settings))
    faults = [*start_faults(settings), *send_faults(settings)]
    if write is not None and not faults:
        return _write(write, _explained(text, settings))

    def render() -> None:
        looked = ", ".join(
            f"{path}{'' if path.is_file() else ' (not there)'}" for path in places(common.config, common.data)
        )
        found = settings_found(common.config, common.data).file
        err.print(escape(f"set by  {found.absolute() if found else 'no file'}; looked for {looked}"))
        out.print(escape(text), end="")

    if write is None:
        show(msgspec.to_builtins(settings), as_json=common.json, render=render)
    for fault in faults:
        err.print(f"[red]✗[/] {escape(fault)}")
    if faults:
        meanwhile = "nothing was written" if write is not None else "correct the settings file or the environment"
        err.print(f"A start with these settings is refused; {meanwhile}.")
    else:
        _tell_unknown_crews(settings)
    return EXIT_USAGE if faults else EXIT_OK


def _tell_unknown_crews(settings: Settings) -> None:
    """Say which crews of the channels nobody knows: no fault of the settings, as a crew may be still to come."""
    try:
        for one in unknown_crews(settings, settings.now()):
            err.print(escape(f"[send.{one.channel}] crews: there is no crew {one.crew!r}; {one.meant}"))
    except StoreError as error:
        err.print(escape(f"[send] crews: whether they are known cannot be seen now: {error}"))


def _explained(text: str, settings: Settings) -> str:
    """Return a settings file with the meaning of each key above it."""
    lines, section = ["# Where what a key means is not enough: docs/operators.md"], ""
    for line in text.splitlines():
        section = line.strip("[]") if line.startswith("[") else section
        key, is_setting, _ = line.partition(" = ")
        lines += [f"# {settings.meaning(section, key)}", line] if is_setting else [line]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> int:
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        name = escape(str(path))
        err.print(
            f"{name} is there already and was left as it is: nothing is written over a file. Change it by hand and see "
            f"what then holds with greensward config --config {name}; or move it away and write again; or write to "
            "another name."
        )
        return EXIT_FOUND_PROBLEMS
    except OSError as error:
        raise ConfigError(f"--write {path}: {error.strerror}; name a file in a folder that is there.") from error
    try:
        with file:
            file.write(text)
    except OSError as error:
        path.unlink()  # half a file would be taken for settings, and be in the way of the next try
        raise StoreError(f"--write {path}: {error.strerror}. Nothing was written; make room and try again.") from error
    err.print(f"Wrote {escape(str(path))}. Beside every key stands what it means.")
    return EXIT_OK
