"""Damaged files are named, what can be read of the rest is served, and nothing is silently wrong."""

from __future__ import annotations

import random

import pytest

from tests.faults.frame import run_command
from tests.faults.mutants import mutant_of

_MUTANTS = {"parquet": 60, "journal": 120, "ledger": 120}


@pytest.mark.parametrize("kind", _MUTANTS)
def test_mutants_are_named_or_refused_and_never_silently_wrong(kind: str) -> None:
    """The command ends with an error at the first that is."""
    figures = run_command("tests.faults.mutants", "--only", kind, "--mutants", str(_MUTANTS[kind]))[kind]
    seconds = figures.pop("seconds")
    assert sum(figures.values()) == _MUTANTS[kind]
    assert len(figures) > 1, f"all alike, in {seconds} s: {figures}"


def test_a_mutant_is_never_the_file_itself() -> None:
    chance = random.Random(3)
    sound = bytes(9_000) + b"x"
    assert all(mutant_of(sound, chance) != sound for _ in range(300))
