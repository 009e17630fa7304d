"""An evaluation that keeps what the next needs, that a test can kill anywhere: the old is left or the new, whole.

The evaluation stands once, in one thread; what is killed is a child forked from it, which keeps for the next.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from greensward.carried import keep_for_next, load_past, soil_files
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.site import BEICHEN
from sql.carry import Carry, Past
from sql.evaluate import evaluate
from tests.faults.crashes import WATCHED, Judged, Scenario
from tests.sql.made_lake import AS_OF, MadeLake
from tests.sql.stored_lake import store
from tests.sql.test_carry import add, judge

_NEWS_AT = AS_OF + timedelta(minutes=5)
_LATER = AS_OF + timedelta(minutes=10)
_LATE = AS_OF - timedelta(days=3, minutes=7)
"""A reading of a day that is closed: its plot is judged whole."""


class _Keeping:
    """An evaluation of four plots, one of them with a late reading, that is about to leave its own to the next."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        store(_four_plots(), folder)
        judge(folder, AS_OF)
        add(folder, "D1", _LATE, 0.17)
        self._carry = Carry(load_past(folder), soil_files(folder), BEICHEN, _NEWS_AT)
        self._lake = open_lake(folder, BEICHEN)
        evaluate(self._lake, as_of=_NEWS_AT, site=BEICHEN, carry=self._carry)
        # A process with threads cannot be forked in the middle of its work.
        self._lake.execute("set threads = 1")

    def prepare(self, place: Path) -> None:
        """Put there what is there before anything is kept."""
        shutil.copytree(self._folder.root, place / WATCHED)

    def work(self, place: Path) -> None:
        """Keep for the next."""
        keep_for_next(DataFolder(place / WATCHED), self._lake, self._carry)


def _four_plots() -> MadeLake:
    made = MadeLake()
    for number in range(4):
        made.laboratory_plot(f"P{number}")
        made.device(f"D{number}", f"P{number}")
        made.soil_until_now([0.26, 0.24, 0.21, 0.19 + number / 100], f"D{number}")
    return made


def _leftovers(folder: DataFolder, past: Past) -> set[str]:
    named = {past.device_days, past.device_sums, past.groups, *(held.file for held in past.held.values())}
    named |= {path for one in past.generations for path in one.files.values()}
    return {path.name for path in set(folder.carried.iterdir()) - named} - {"newest.json"}


def check_what_is_named(place: Path) -> None:
    """Assert that everything is there, and whole, that the newest list names."""
    assert load_past(DataFolder(place / WATCHED)) is not None, "newest.json names what is not there, or is damaged"


def check_what_the_next_says(place: Path) -> None:
    """Assert that the next judges anew one plot of four from the old and none from the new, and says what is true."""
    folder = DataFolder(place / WATCHED)
    past = load_past(folder)
    assert past is not None, "newest.json names what is not there, or is damaged"
    carry = Carry(past, soil_files(folder), BEICHEN, _LATER)
    with open_lake(folder, BEICHEN) as lake:
        flags = evaluate(lake, as_of=_LATER, site=BEICHEN, carry=carry)
    with open_lake(folder, BEICHEN) as lake:
        whole = evaluate(lake, as_of=_LATER, site=BEICHEN)
    assert flags.equals(whole), "what was carried says something else than judging everything"
    expected = {AS_OF: 1, _NEWS_AT: 0}[past.as_of]
    assert carry.groups_judged == expected, f"{carry.groups_judged} judged anew, not {expected}"


def check(place: Path) -> None:
    """Assert that the new is there, whole, and nothing else."""
    folder = DataFolder(place / WATCHED)
    past = load_past(folder)
    assert past is not None, "newest.json names what is not there, or is damaged"
    assert past.as_of == _NEWS_AT, past.as_of
    assert _leftovers(folder, past) == set(), "left by the one that was killed"


def kept_evaluation() -> Scenario:
    """Return the scenario; its evaluation stands from now on."""
    keeping = _Keeping(DataFolder(Path(tempfile.mkdtemp()) / WATCHED))
    return Scenario(
        "evaluation: what it keeps for the next",
        prepare=keeping.prepare,
        work=keeping.work,
        met=(
            Judged((f"{WATCHED}/carried",), check_what_is_named),
            Judged((f"{WATCHED}/carried/newest.json",), check_what_the_next_says),
        ),
        settled=Judged((f"{WATCHED}/carried",), check),
    )
