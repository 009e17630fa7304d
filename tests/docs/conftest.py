"""A lake for the examples of the docs: the demo's district, evaluated on three mornings."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from greensward.commands.demo import import_registers
from greensward.commands.demo_folder import write_settings
from greensward.described import describe_lake
from greensward.evaluation import evaluate_and_apply
from greensward.settings import DataSettings, Settings, SiteSettings
from greensward.simulate import invent_district
from ingest.lake.ownership import ensure_layout
from ingest.observation import Message
from ingest.registers.snapshot import Registers
from ingest.seal.sealer import Sealer

END = datetime.fromisoformat("2026-03-28T07:00:00+08:00")
DEMO_SEED = 7
WORKED_PROBE = "gs-03"
"""The probe of the plot that docs/crews.md reckons with; all of its three weeks are there, frost included."""

_DAYS = timedelta(days=9)
_MORNINGS = 3


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder as `greensward demo` leaves it, the early days of all probes but one left out for speed."""
    root = tmp_path_factory.mktemp("docs") / "greensward-demo"
    root.mkdir()
    settings = Settings(site=SiteSettings(clock=END.isoformat()), data=DataSettings(folder=str(root)))
    folder, site = settings.data_folder(), settings.place()
    ensure_layout(folder)
    write_settings(root, settings)
    district = invent_district(DEMO_SEED, END)
    import_registers(folder, settings, district)
    sent = [said for said in district.messages() if said.at > END - _DAYS or WORKED_PROBE in said.topic]
    sealer = Sealer(folder, site, "0")
    sealer.seal(
        [
            Message(number, said.at + timedelta(seconds=1), said.topic, said.payload)
            for number, said in enumerate(sent, start=1)
        ],
        Registers(folder).current(),
    )
    for ago in reversed(range(_MORNINGS)):
        as_of = END - timedelta(days=ago)
        evaluate_and_apply(folder, site, as_of, as_of)
    describe_lake(settings)
    return root
