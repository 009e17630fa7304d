"""`greensward replay` while somebody else has the data folder."""

from __future__ import annotations

import json

import pytest

from greensward.cli import run
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import own


@pytest.mark.parametrize(("since", "asked"), [([], b""), (["--since", "2026-07-01"], b"2026-07-01")])
def test_the_owner_is_asked_without_a_claim_that_it_is_ingest(
    folder: DataFolder, capsys: pytest.CaptureFixture[str], since: list[str], asked: bytes
) -> None:
    with own(folder):
        assert run(["replay", "-C", str(folder.root), *since]) == 0
    said = capsys.readouterr().err
    assert "another greensward process owns the data folder; if it is ingest, it does it within a minute" in said
    assert folder.replay_request.read_bytes() == asked


def test_a_program_that_asks_the_owner_gets_an_answer(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with own(folder):
        assert run(["replay", "--json", "-C", str(folder.root)]) == 0
    assert json.loads(capsys.readouterr().out) == {"requested": True}


def test_a_request_is_never_seen_half_written(folder: DataFolder) -> None:
    """The owner may read at any moment: a new request is another file under the name, not a rewritten one."""
    with own(folder):
        run(["replay", "-C", str(folder.root)])
        with folder.replay_request.open("rb") as seen:
            run(["replay", "-C", str(folder.root), "--since", "2026-07-01"])
            assert seen.read() == b""
    assert not list(folder.root.glob("*.part"))
