"""The folder of `greensward demo`: made by it, marked as its own, and the only one it ever removes."""

from __future__ import annotations

import shutil
from pathlib import Path

import tomli_w

from greensward.settings import Settings
from ingest.errors import ConfigError

MARKER = ".greensward-demo"
"""File that says a folder was made by the demo, so that --fresh may remove it."""
_COMPLETE = ".greensward-demo-complete"
"""File that says the demo came to its end; what was interrupted is simply made anew."""


def prepare_folder(root: Path, *, fresh: bool) -> None:
    """Make an empty folder that is the demo's own. Raises: ConfigError when it holds anything that may not go."""
    if root.exists():
        if not root.is_dir():
            raise ConfigError(f"{root} is not a folder; choose another with --dir.")
        if root.is_symlink():
            raise ConfigError(f"{root} is a link; name the folder itself with --dir.")
        is_ours = (root / MARKER).is_file()
        if any(root.iterdir()) and not is_ours:
            raise ConfigError(f"{root} holds files that no demo made; choose another folder with --dir.")
        if is_ours and not fresh and (root / _COMPLETE).is_file():
            raise ConfigError(
                f"{root} holds a demo already. Serve it again: greensward serve -C {root}. "
                f"Or make it anew: greensward demo --fresh --dir {root}"
            )
        shutil.rmtree(root)
    root.mkdir(parents=True)
    (root / MARKER).write_text("Made by `greensward demo`; --fresh removes this folder.\n", encoding="utf-8")


def mark_complete(root: Path) -> None:
    """Say that everything is there."""
    (root / _COMPLETE).write_text("", encoding="utf-8")


def write_settings(root: Path, settings: Settings) -> None:
    """Write greensward.toml, so that every command works with -C on the demo's folder."""
    text = "# Written by `greensward demo`. All settings: greensward config\n" + tomli_w.dumps(
        {
            "site": {"clock": settings.site.clock},
            "data": {"folder": "."},
            "web": {"port": settings.web.port},
        }
    )
    (root / "greensward.toml").write_text(text, encoding="utf-8")
