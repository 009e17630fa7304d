"""A sender over a made district, its robots on this machine, and a clock that the test sets."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from crews.ledger import Ledger
from crews.links import load_keys
from crews.notices.outbox import Standing, standing
from greensward.given_channels import Given, channels_of
from greensward.sending.channels import outlets_of
from greensward.sending.sender import PLAN_S, Sender, link_maker
from greensward.settings import BrokerSettings, Settings, WebSettings
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.robots import KEY, SECRET, Vendors

PUBLIC = "https://lists.example.org"


def secret_file(path: Path, text: str) -> Path:
    """Write a secret as operators are told to."""
    path.touch(0o600)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


def robot(root: Path, robots: Vendors, kind: str, name: str, crews: str = '["一队"]', more: str = "") -> str:
    """Return the section of a robot's channel, its address and secret in files under `root`."""
    path = {"wecom": f"/wecom/send?key={KEY}", "dingtalk": "/dingtalk/send?access_token=canary-of-dingtalk",
            "feishu": "/feishu/hook/canary-of-feishu"}[kind]  # fmt: skip
    url = secret_file(root / f"{name}.url", robots.url + path)
    section = f'[send.{name}]\nkind = "{kind}"\ncrews = {crews}\nallow_private = true\nurl_file = "{url}"\n'
    if kind != "wecom":
        section += f'secret_file = "{secret_file(root / f"{name}.secret", SECRET)}"\n'
    return section + more


class Sending:
    """What `greensward send` does, one turn after another, at the instants that a test says."""

    def __init__(self, folder: DataFolder, toml: str, *, public_url: str = PUBLIC, broker_port: int = 0) -> None:
        """Begin with the channels of `toml`."""
        self.folder = folder
        given = Given(tomllib.loads(toml).get("send", {}), {}, None)
        broker = BrokerSettings(host="127.0.0.1", port=broker_port) if broker_port else BrokerSettings()
        self.settings = Settings(send=channels_of(given), web=WebSettings(public_url=public_url), broker=broker)
        self.said: list[str] = []
        self.seconds = 1000.0
        self.ledger = Ledger(folder.ledger, BEICHEN)
        link = link_maker(public_url, load_keys(folder), 7)
        self.sender = Sender(
            folder, self.ledger, outlets_of(self.settings), link, 8000.0, self.said.append, lambda: self.seconds
        )

    def turn(self, now: datetime, times: int = 1, every: timedelta = timedelta(seconds=PLAN_S)) -> None:
        """Let it look and send, `times` in a row."""
        for number in range(times):
            self.sender.turn(partial(datetime.__add__, now, number * every))
            self.seconds += every.total_seconds()

    def standing(self, now: datetime) -> Standing:
        return standing(self.ledger, now)

    def rows(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self.ledger.run("select * from notices order by made_at, notice_id", ())]

    def receipts(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self.ledger.run("select * from notice_receipts order by n", ())]

    def content(self, row: dict[str, Any]) -> Any:
        return msgspec.json.decode(row["content_json"])

    def close(self) -> None:
        self.ledger.close()
