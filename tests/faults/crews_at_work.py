"""Crews and the office at work on the ledger, in processes that can be killed.

The server is `greensward serve`. The desk does what the office's machine does: the half of an evaluation that opens
issues and exports events, `greensward issue`, withdrawing links, merging, `greensward backup`. Both die with the power.
The phone does not: it sends a report again, under the id that it made, until it has a receipt. What they were told is
noted on the machine's own disk, after they were told it (`tests.faults.crews_told`).
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx

import greensward.commands.backup
import greensward.commands.issue
import greensward.commands.lake
import greensward.commands.list
import greensward.commands.serve  # noqa: F401 - all of them loaded before forking
from crews.apply import apply_flags
from crews.ledger import Ledger
from crews.links import form_token, load_keys, make_token
from greensward.backup.create import backups
from greensward.cli import run
from greensward.evaluation import export_events
from ingest.errors import StoreError
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import ensure_layout
from ingest.lake.tables import table
from ingest.lake.write import replace_register, to_arrow
from ingest.site import BEICHEN
from tests.crews.made import PLOTS, flag
from tests.faults.crashes import in_child, load_before_forking
from tests.faults.crews_told import CREW, OTHER_CREW, Told, check
from tests.faults.stream import Forked
from tests.mosquitto import free_port
from tests.waiting import wait_until

_PLOTS = [row["plot_id"] for row in PLOTS if row["crew"] == CREW]
_PHOTO_BYTES = (1_000, 1_500, 5_000, 20_000)
_ANSWER_WITHIN_S = 30.0
_AGAIN_AFTER_S = 0.02


class CrewsAtWork:
    """A data folder and the processes at work on it; what the phone and the desk were told.

    folder: on the disk that fails, as is the shelf of its backups
    """

    def __init__(self, disk: Path, workdir: Path) -> None:
        """Make the folder on `disk`, with a register of plots and without an issue; `workdir`: on the machine's own."""
        load_before_forking()
        self.folder, self._shelf = DataFolder(disk / "data"), disk / "shelf"
        self.phone, self.desk = Told(workdir / "told-to-phone"), Told(workdir / "told-to-desk")
        self._log, self._errors = workdir / "log", workdir / "errors"
        self._log.touch()
        self._port = free_port()
        self._running: dict[str, Forked] = {}
        self._do(self._prepare)
        keys = load_keys(self.folder)
        self._link = make_token(keys, "crew", CREW, datetime.now(UTC))
        self._proof = form_token(keys, self._link)

    def _prepare(self) -> None:
        ensure_layout(self.folder)
        replace_register(self.folder, "plots", to_arrow(table("plots"), PLOTS))
        with Ledger(self.folder.ledger, BEICHEN):
            load_keys(self.folder)

    def _do(self, action: Callable[[], None]) -> None:
        """Do it in a child: a process with DuckDB's threads cannot be forked. Raises: AssertionError."""
        self._errors.write_text("")
        assert not in_child(action, self._errors), self._errors.read_text()[-3_000:]

    def start(self, *names: str, first: Callable[[], None] = lambda: None) -> None:
        """Start `server`, `desk` or `phone`; first: done in the new process before anything else."""
        works = {"server": self._serve, "desk": self._sit_at_desk, "phone": self._work_with_phone}
        for name in names:
            self.end(name)
            self._running[name] = Forked(partial(_after, first, works[name]), self._log)

    def kill(self, *names: str) -> None:
        """Kill them all at once, and wait for none."""
        for name in names:
            os.kill(self._running[name].pid, signal.SIGKILL)

    def has_ended(self, name: str) -> bool:
        """Say whether it ended by itself."""
        return self._running[name].has_ended()

    def end(self, *names: str) -> None:
        """Kill them, where they run, and wait until they are gone."""
        for name in names:
            if name in self._running:
                self._running.pop(name).end()

    def said(self) -> str:
        """Return the end of what they printed."""
        return self._log.read_text(errors="replace")[-3_000:]

    def wait_until_at_work(self) -> float:
        """Wait until the phone has a further receipt and the desk a further thing done; return the seconds.

        A server that ended by itself is started again meanwhile, as its supervisor would. Raises: AssertionError.
        """
        began = time.monotonic()
        before = {"action": len(self.phone.all("action")), "exported": len(self.desk.all("exported"))}

        def are_at_work() -> bool:
            for name in filter(self.has_ended, list(self._running)):
                assert name == "server", f"the {name} failed"
                self.start(name)
            told = {"action": len(self.phone.all("action")), "exported": len(self.desk.all("exported"))}
            return all(told[kind] > before[kind] for kind in before)

        wait_until(are_at_work, "crews and office work again")
        return time.monotonic() - began

    def check(self) -> None:
        """Assert that all that was told is there, once and whole; nobody but the phone may be at work."""
        self._do(lambda: check(self.folder, self._shelf, self.phone, self.desk))

    def figures(self) -> dict[str, object]:
        """Return how much was told."""
        receipts = self.phone.all("action")
        return {
            "reports with a receipt": len(receipts),
            "photos": sum(len(hashes) for *_, hashes in receipts),
            "issues opened": sum(map(len, self.desk.all("opened"))),
            "decisions": len(self.desk.all("decided")),
            "exports": len(self.desk.all("exported")),
            "backups": len(self.desk.all("backup")),
        }

    def _set(self) -> None:
        for name in [name for name in os.environ if name.startswith("GREENSWARD")]:
            del os.environ[name]
        os.environ |= {"GREENSWARD__DATA__FOLDER": str(self.folder.root), "GREENSWARD__WEB__PORT": str(self._port)}

    def _serve(self) -> int:
        self._set()
        return run(["serve"])

    def _sit_at_desk(self) -> int:
        self._set()
        chance = random.Random(time.monotonic_ns())
        works = (self._evaluate, self._evaluate, self._decide, self._decide, self._withdraw, self._merge, self._back_up)
        work = self._evaluate
        while True:
            with suppress(StoreError):
                work()
            work = chance.choice(works)

    def _evaluate(self) -> None:
        """Do to ledger and lake what an evaluation does whose flags say that all plots are dry, more or less."""
        now = datetime.now(UTC)
        flags = [flag(plot, "drought", now, severity=1 + (now.microsecond >> n) % 3) for n, plot in enumerate(_PLOTS)]
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            opened = apply_flags(ledger, flags, PLOTS, now).opened
            self.desk.note(opened=opened)
            version = ledger.version()
            export_events(self.folder, BEICHEN, ledger)
            self.desk.note(exported=version)

    def _decide(self) -> None:
        """Close what was reported done; give a crew again what it could not do."""
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            waiting = [issue for issue in ledger.open_issues() if issue.state in {"done_unchecked", "deferred"}]
        for issue in waiting:
            note = uuid.uuid4().hex
            is_done = issue.state == "done_unchecked"
            what = ["close", issue.issue_id] if is_done else ["assign", issue.issue_id, CREW]
            if run(["issue", *what, "--by", "office:值班", "--note", note]) == 0:
                self.desk.note(decided=[issue.issue_id, note])
                self.desk.note(opened=[] if is_done else [issue.issue_id])

    def _withdraw(self) -> None:
        if run(["list", OTHER_CREW, "--revoke-links"]) == 0:
            self.desk.note(withdrawn=OTHER_CREW)

    def _merge(self) -> None:
        run(["lake", "compact"])

    def _back_up(self) -> None:
        before = max(self.desk.all("exported"), default=0)
        if run(["backup", "create", str(self._shelf)]) == 0:
            self.desk.note(backup=[backups(self._shelf)[-1].name, before])

    def _work_with_phone(self) -> int:
        url = f"http://127.0.0.1:{self._port}"
        chance = random.Random(time.monotonic_ns())
        reported, done = 0, ""
        with httpx.Client(base_url=url, headers={"origin": url}, timeout=_ANSWER_WITHIN_S) as phone:
            _until_received(lambda: phone.get(f"/c/{self._link}", follow_redirects=True))
            while True:
                opened = [issue_id for ids in self.desk.all("opened") for issue_id in ids]
                for issue_id in opened[reported:]:
                    if self._report(phone, issue_id, chance):
                        done = issue_id
                if done:
                    self._send(phone, done, {"kind": "amended", "water": "6.4"}, {"after": _photo(chance)})
                reported = len(opened)
                time.sleep(_AGAIN_AFTER_S)

    def _report(self, phone: httpx.Client, issue_id: str, chance: random.Random) -> bool:
        """Begin, and say that it is done, or one time of five that it cannot be; return whether it is done."""
        self._send(phone, issue_id, {"kind": "started"}, {})
        is_done = chance.random() < 4 / 5
        if is_done:
            self._send(phone, issue_id, {"kind": "done"}, {"before": _photo(chance), "after": _photo(chance)})
        else:
            self._send(phone, issue_id, {"kind": "cannot_do", "reason": "no_water"}, {"before": _photo(chance)})
        return is_done

    def _send(self, phone: httpx.Client, issue_id: str, fields: dict[str, str], photos: dict[str, bytes]) -> None:
        """Send a report until there is a receipt, and note that with the hashes of its photos."""
        data = {"form_token": self._proof, "action_id": uuid.uuid4().hex} | fields
        files = {f"photo_{role}": (f"{role}.jpg", photo, "image/jpeg") for role, photo in photos.items()}
        hashes = sorted(hashlib.sha256(photo).hexdigest() for photo in photos.values())
        address, wanted = f"/issues/{issue_id}/actions", {"accept": "application/json"}
        receipt = _until_received(lambda: phone.post(address, data=data, files=files or None, headers=wanted)).json()
        assert sorted(photo["sha256"] for photo in receipt["photos"]) == hashes, f"{receipt} is no receipt of {hashes}"
        self.phone.note(action=[data["action_id"], issue_id, hashes])


def _after(first: Callable[[], None], work: Callable[[], int]) -> int:
    first()
    return work()


def _photo(chance: random.Random) -> bytes:
    return b"\xff\xd8\xff" + chance.randbytes(chance.choice(_PHOTO_BYTES))


def _until_received(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask until the answer is a success; where there is none, or one that says that it could not be stored, again.

    Raises: AssertionError at any other answer.
    """
    while True:
        with suppress(httpx.TransportError):
            answer = ask()
            if answer.is_success:
                return answer
            assert answer.status_code == 503, f"{answer.status_code}: {answer.text[:1_000]}"
        time.sleep(_AGAIN_AFTER_S)
