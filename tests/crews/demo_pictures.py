"""The pictures of README.md from a real demo: `.venv/bin/python -m tests.crews.demo_pictures docs/images`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from crews.links import load_keys, make_token
from greensward.settings import load
from tests.crews.browser import Browser
from tests.crews.served import served

_PHONE_PX = 360
_SHOWN_PX = 1480


def take(target: Path) -> None:
    """Run the demo in a throw-away folder and write crew-zh.png, crew-en.png and office-zh.png into `target`."""
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
            with Browser(1100, scale=1) as desk:
                desk.open(f"{url}/c/{make_token(keys, 'office', 'office', now)}")
                desk.picture(target / "office-zh.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]))
