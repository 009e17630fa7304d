"""The list of planted bugs still fits the code; that the tests notice each of them is shown by a command."""

from __future__ import annotations

import pytest

from bench.planted_bugs import PROJECT, Bug, all_bugs


@pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.name) for bug in all_bugs()])
def test_the_bug_can_still_be_planted_and_its_tests_are_there(bug: Bug) -> None:
    sound = (PROJECT / bug.file).read_text(encoding="utf-8")
    assert bug.planted_in(sound) != sound
    for named in (test for test in bug.tests if test.startswith("tests/")):
        path, _, test = named.partition("::")
        assert f"def {test}" in (PROJECT / path).read_text(encoding="utf-8")


def test_there_are_at_least_twenty_of_them_with_names_of_their_own() -> None:
    assert len({bug.name for bug in all_bugs()}) == len(all_bugs()) >= 20


def test_a_bug_that_fits_no_more_is_said() -> None:
    with pytest.raises(ValueError, match=r"stands 0 times in a\.py"):
        Bug("gone", "a.py", "old", "new", ()).planted_in("something else")
