"""The pictures of README.md and docs from a real demo: `.venv/bin/python -m tests.crews.demo_pictures docs/images`."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from pathlib import Path

from crews.ledger import Ledger
from crews.links import load_keys, make_token
from crews.picture.draw import draw_picture
from crews.picture.stored import find_stories
from greensward.given_settings import load
from ingest.lake.layout import DataFolder
from ingest.site import Site
from tests.crews.browser import Browser
from tests.crews.served import served

_PHONE_PX = 360
_SHOWN_PX = 1480


def take(target: Path) -> None:
    """Run the demo in a throw-away folder and write the pictures of its pages and of two plots into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "demo"
        subprocess.run([sys.executable, "-m", "greensward", "demo", "--dir", str(root), "--no-serve"], check=True)
        settings = load(data=root)
        folder, now = settings.data_folder(), settings.now()
        keys = load_keys(folder)
        with served(folder, now) as url:
            for language, crew in (("zh", "二队"), ("en", "二队")):
                with Browser(_PHONE_PX) as phone:
                    phone.open(f"{url}/c/{make_token(keys, 'crew', crew, now)}?lang={language}")
                    phone.picture(target / f"crew-{language}.png", most_height=_SHOWN_PX)
            take_plots(target, folder, settings.place())
            with Browser(1100, scale=1) as desk:
                desk.open(f"{url}/c/{make_token(keys, 'officer', '王工', now)}")
                desk.picture(target / "office-zh.png")


def take_plots(target: Path, folder: DataFolder, site: Site) -> None:
    """Write plot-dry-zh.png of a dry plot and plot-silent-en.png of one whose probe went silent."""
    with Ledger(folder.ledger, site) as ledger:
        plots = {issue.cause: issue.plot_id for issue in ledger.open_issues() if issue.cause in {"drought", "sensor"}}
    stories = find_stories(folder, set(plots.values()))
    with tempfile.TemporaryDirectory() as temporary, Browser(390) as phone:
        for cause, name, language in (("drought", "dry", "zh"), ("sensor", "silent", "en")):
            drawn = Path(temporary) / f"plot-{name}-{language}.svg"
            text = draw_picture(stories[plots[cause]], language, site)
            drawn.write_text(text, encoding="utf-8")
            page = drawn.with_suffix(".html")
            page.write_text(
                '<!doctype html><meta name="viewport" content="width=device-width"><body style="margin:0">'
                f'<img style="display:block" src="{drawn.name}">',
                encoding="utf-8",
            )
            phone.open(page.as_uri())
            height = float(text.split('height="', 1)[1].split('"', 1)[0])
            phone.picture(target / f"{drawn.stem}.png", most_height=math.ceil(height))


if __name__ == "__main__":
    take(Path(sys.argv[1]))
