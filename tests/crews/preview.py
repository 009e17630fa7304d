"""Pictures of the pages from a made district: `.venv/bin/python -m tests.crews.preview docs/images`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from crews.links import load_keys, make_token
from ingest.lake.layout import DataFolder
from ingest.lake.tables import table
from ingest.lake.write import replace_register, to_arrow
from tests.crews.browser import Browser
from tests.crews.made import NOW, PLOTS, fill
from tests.crews.served import served


def made_folder(root: Path) -> DataFolder:
    """Return a data folder under `root` with the made district's plots and ledger."""
    folder = DataFolder(root)
    replace_register(folder, "plots", to_arrow(table("plots"), PLOTS))
    fill(folder.ledger)
    return folder


def take_pictures(target: Path) -> list[Path]:
    """Write crew-list-zh.png, crew-list-en.png, office-zh.png and crew-list-a4.pdf into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as root:
        folder = made_folder(Path(root) / "data")
        keys = load_keys(folder)
        with served(folder, NOW) as url:
            with Browser(360) as phone:
                link = f"{url}/c/{make_token(keys, 'crew', '一队', NOW)}"
                for language in ("zh", "en"):
                    phone.open(f"{link}?lang={language}")
                    phone.picture(target / f"crew-list-{language}.png")
                phone.open(f"{url}/list/print?lang=zh")
                phone.pdf(target / "crew-list-a4.pdf")
            with Browser(1200, scale=1) as desk:
                desk.open(f"{url}/c/{make_token(keys, 'office', 'office', NOW)}")
                desk.picture(target / "office-zh.png")
    return sorted(target.iterdir())


if __name__ == "__main__":
    for picture in take_pictures(Path(sys.argv[1])):
        sys.stdout.write(f"{picture}\n")
