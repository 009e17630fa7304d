"""What /readyz, /metrics and the container's health check say, from data folders on the real disk."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from crews.flights.lists import keep_lists, make_lists
from crews.notices.outbox import Standing, Untold
from greensward.health import Health, Sending, health_routes, problems, read_health
from greensward.metrics import metrics_page
from greensward.newest import last_evaluation
from greensward.settings import DataSettings, IngestSettings, Settings
from ingest.lake.compact import compact_lake
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import own
from ingest.lake.tables import table
from ingest.lake.write import by_local_day, to_arrow, write_rows
from ingest.site import BEICHEN
from ingest.status import IngestStatus, write_status
from tests.crews.preview import made_folder
from tests.mosquitto import free_port
from tests.waiting import PATIENCE_S, wait_until

NOW = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)
WELL = IngestStatus(
    pid=1,
    started_at=NOW - timedelta(hours=5),
    written_at=NOW - timedelta(seconds=2),
    broker="127.0.0.1:8884",
    connected=True,
    sessions_lost=0,
    stale_acks_dropped=3,
    messages=120,
    outcomes={"soil_readings": 118, "rejected": 2},
    waiting_messages=4,
    waiting_bytes=900,
    last_message_at=NOW - timedelta(minutes=9),
    last_seal_at=NOW - timedelta(minutes=8),
    paused="",
    last_problem="",
    seal_problem="",
    damaged_files=[],
)


def health(status: IngestStatus | None = WELL, **changes: object) -> Health:
    facts: dict[str, object] = {"free_bytes": 10**12, "evaluated_at": NOW, "issues": Counter()} | changes
    return Health(status=status, **facts)  # type: ignore[arg-type]


def wrong(looked_at: Health) -> list[str]:
    return [problem.what for problem in problems(looked_at, Settings(), NOW)]


IDLE = Standing({})


def sends(stands: Standing = IDLE, untold: tuple[Untold, ...] = (), *, is_running: bool = True) -> Health:
    return health(sending=Sending(stands, untold, is_running))


def changed(**changes: object) -> Health:
    return health(msgspec.structs.replace(WELL, **changes))


def test_nothing_is_wrong_with_a_running_installation() -> None:
    assert wrong(health()) == []


@pytest.mark.parametrize(
    ("looked_at", "expected"),
    [
        (health(None), ["ingest"]),
        (changed(written_at=NOW - timedelta(seconds=30)), []),
        (changed(written_at=NOW - timedelta(seconds=31)), ["ingest"]),
        (changed(connected=False), ["broker"]),
        (sends(), []),
        (sends(is_running=False), ["sender"]),
        (sends(Standing({"waiting": 1}, NOW - timedelta(minutes=30))), []),
        (sends(Standing({"waiting": 1}, NOW - timedelta(minutes=31))), ["sending"]),
        (sends(untold=(Untold("crew_1", "一队", "digest", "refused", NOW, "93000", "bad url"),)), ["sending"]),
        (changed(connected=False, paused="disk low"), ["ingest"]),
        (changed(sessions_lost=1), ["session"]),
        (changed(damaged_files=["x.parquet"]), ["lake"]),
        (changed(last_message_at=NOW - timedelta(hours=2)), []),
        (changed(last_message_at=NOW - timedelta(hours=2, seconds=1)), ["messages"]),
        (changed(last_message_at=None, started_at=NOW - timedelta(minutes=5)), []),
        (changed(last_message_at=None), ["messages"]),
        (health(free_bytes=500_000_000), []),
        (health(free_bytes=499_999_999), ["disk"]),
        (health(evaluated_at=None), ["evaluation"]),
        (health(evaluated_at=NOW - timedelta(minutes=65)), []),
        (health(evaluated_at=NOW - timedelta(minutes=66)), ["evaluation"]),
        (health(unreadable=("the ledger is damaged",)), ["unreadable"]),
        (health(kept_from={"soil_readings": BEICHEN.local_date(NOW)}), []),
        (health(kept_from={"soil_readings": BEICHEN.local_date(NOW) + timedelta(days=1)}), ["retention"]),
        (health(kept_from={"rejected": BEICHEN.local_date(NOW) + timedelta(days=1)}), []),  # by our clock: none is late
    ],
)
def test_each_trouble_is_named_on_its_own_side_of_the_line(looked_at: Health, expected: list[str]) -> None:
    assert wrong(looked_at) == expected


def test_every_problem_says_what_to_do() -> None:
    bad = health(
        msgspec.structs.replace(
            WELL, connected=False, sessions_lost=2, damaged_files=["a"], last_message_at=NOW - timedelta(days=1)
        ),
        free_bytes=0,
        evaluated_at=None,
        unreadable=("x",),
    )
    found = list(problems(bad, Settings(), NOW))
    assert len(found) == 7
    assert all(problem.found and problem.mend for problem in found)
    told = [problem.mend for problem in found if problem.what in {"broker", "messages"}]
    assert not any("doctor" in mend for mend in told), "it is doctor --quick that says so"


def write_flags(folder: DataFolder, as_of: datetime) -> None:
    spec = table("flags")
    row = {column.name: None for column in spec.columns} | {
        "as_of": as_of, "plot_id": "P1", "cause": "drought", "state": "ok", "needs_work": False, "severity": 0,
        "reason_code": "ok", "reason_params_json": "{}", "rule_id": "r", "rule_version": "1", "inputs_json": "{}",
    }  # fmt: skip
    for day, rows in by_local_day(spec, to_arrow(spec, [row]), BEICHEN):
        write_rows(folder, spec, day, rows, f"flags-{as_of:%H%M%S}")


def test_the_newest_evaluation_is_found_also_after_its_files_were_merged(folder: DataFolder) -> None:
    assert last_evaluation(folder) is None
    for hour in (1, 4, 3):
        write_flags(folder, NOW.replace(hour=hour))
    write_flags(folder, NOW - timedelta(days=1))
    assert last_evaluation(folder) == NOW
    with own(folder):
        assert list(compact_lake(folder, BEICHEN.local_date(NOW), 2))
    assert last_evaluation(folder) == NOW


def test_damaged_files_are_named_and_do_not_stop_the_page(folder: DataFolder) -> None:
    write_flags(folder, NOW)
    next(folder.table("flags").glob("*/*.parquet")).write_bytes(b"PAR1 is not all of it")
    folder.status_file.write_bytes(b"{")
    folder.ledger.parent.mkdir()
    folder.ledger.write_bytes(b"no database at all" * 100)
    found = read_health(Settings(data=DataSettings(folder=str(folder.root))))
    assert len(found.unreadable) == 3


def get(folder: DataFolder, path: str) -> httpx.Response:
    settings = Settings(data=DataSettings(folder=str(folder.root)), ingest=IngestSettings(min_free_bytes=1_000_000))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=health_routes(settings)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
            return await asking.get(path)

    return asyncio.run(ask())


def test_readyz_lists_what_is_wrong_and_turns_green_when_it_is_mended(folder: DataFolder) -> None:
    answer = get(folder, "/readyz")
    assert answer.status_code == 503
    assert answer.json() == ["ingest", "evaluation"]
    now = datetime.now(UTC)
    write_flags(folder, now)
    write_status(folder, msgspec.structs.replace(WELL, written_at=now, last_message_at=now))
    answer = get(folder, "/readyz")
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_stranger_learns_no_path_host_or_error_from_them(folder: DataFolder) -> None:
    now = datetime.now(UTC)
    troubled = msgspec.structs.replace(
        WELL,
        written_at=now,
        last_message_at=now,
        connected=False,
        broker="broker.internal:8884",
        last_problem="broker.internal:8884 refused the password of greensward-ingest-1",
        damaged_files=["lake/soil_readings/date=2026-07-01/part-1.parquet"],
    )
    write_flags(folder, now)
    write_status(folder, troubled)
    next(folder.table("flags").glob("*/*.parquet")).write_bytes(b"PAR1 is not all of it")
    folder.ledger.parent.mkdir()
    folder.ledger.write_bytes(b"no database at all" * 100)
    answer = get(folder, "/readyz")
    assert answer.json() == ["unreadable", "broker", "lake", "evaluation"]
    for said in (answer.text, get(folder, "/metrics").text):
        for secret in (str(folder.root), "broker.internal", "8884", "password", ".parquet", ".sqlite"):
            assert secret not in said


def test_serve_answers_them_beside_the_pages(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    port = free_port()
    command = [sys.executable, "-m", "greensward", "serve", "-C", str(folder.root), "--port", str(port)]
    root = str(Path(__file__).resolve().parents[2])
    with subprocess.Popen(
        command, env=dict(os.environ) | {"PYTHONPATH": root}, cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as process:
        try:

            def is_alive() -> bool:
                try:
                    return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
                except httpx.TransportError:
                    return False

            wait_until(is_alive, "the pages are served", PATIENCE_S)
            answer = httpx.get(f"http://127.0.0.1:{port}/readyz")
            assert answer.status_code == 503
            assert answer.json()[0] == "ingest"
            assert "greensward_issues" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
        finally:
            process.terminate()


SAMPLE = re.compile(r'greensward_[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"\})? -?[0-9.e+-]+')


def values(page: str) -> dict[str, float]:
    """Read the text format by its grammar: HELP, TYPE, samples; one TYPE a name; ends with a line end."""
    assert page.endswith("\n")
    types: set[str] = set()
    found: dict[str, float] = {}
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split(" ")
            assert kind in {"gauge", "counter"}
            assert name not in types
            assert name.endswith("_total") == (kind == "counter")
            types.add(name)
        elif not line.startswith("# HELP "):
            assert SAMPLE.fullmatch(line), line
            name, _, number = line.rpartition(" ")
            assert name.partition("{")[0] in types
            found[name] = float(number)
    return found


def test_metrics_tell_what_ingest_and_the_ledger_know(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    now = datetime.now(UTC)
    write_status(folder, msgspec.structs.replace(WELL, written_at=now))
    answer = get(folder, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = values(answer.text)
    assert found['greensward_messages_total{outcome="soil_readings"}'] == 118
    assert found['greensward_messages_total{outcome="rejected"}'] == 2
    assert found["greensward_stale_acks_dropped_total"] == 3
    assert found["greensward_connected"] == 1
    assert found["greensward_waiting_messages"] == 4
    assert found["greensward_disk_free_bytes"] > 0
    assert sum(number for name, number in found.items() if name.startswith("greensward_issues{")) > 0
    assert found['greensward_problems{what="evaluation"}'] == 1
    assert "greensward_last_evaluation_age_seconds" not in found, "never evaluated is not age 0"


def test_ages_are_seconds() -> None:
    found = values(metrics_page(WELL, 1, NOW - timedelta(minutes=3), {}, {}, NOW, wanted_bytes=1))
    assert found["greensward_last_message_age_seconds"] == 540
    assert found["greensward_last_seal_age_seconds"] == 480
    assert found["greensward_last_evaluation_age_seconds"] == 180
    assert found["greensward_status_age_seconds"] == 2
    assert found['greensward_issues{state="opened"}'] == 0


def test_files_of_flights_that_never_came_are_a_number_where_a_dock_counted_and_nothing_where_none_did(
    folder: DataFolder,
) -> None:
    folder.root.mkdir()
    assert "missing_drone_files" not in get(folder, "/metrics").text
    keep_lists(folder, make_lists([], [], NOW, missing_files=4))
    assert values(get(folder, "/metrics").text)["greensward_missing_drone_files"] == 4


def test_labels_are_escaped() -> None:
    hostile = 'a"b\\c\nd'
    page = metrics_page(None, 1, None, {}, {hostile: 2}, NOW, wanted_bytes=1)
    assert 'greensward_problems{what="a\\"b\\\\c\\nd"} 2.0' in page.splitlines()
    values(page)


@pytest.mark.parametrize(("kinds", "code"), [([], 1), (["ingest", "broker", "disk"], 0), (["evaluation"], 1)])
def test_the_container_s_check_counts_only_what_the_container_does(
    folder: DataFolder, kinds: list[str], code: int
) -> None:
    folder.root.mkdir()
    now = datetime.now(UTC)
    write_status(folder, msgspec.structs.replace(WELL, written_at=now, last_message_at=now))
    environment = dict(os.environ) | {
        "GREENSWARD__DATA__FOLDER": str(folder.root),
        "GREENSWARD__INGEST__MIN_FREE_BYTES": "1000000",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    said = subprocess.run(
        [sys.executable, "-m", "greensward.health", *kinds],
        check=False, capture_output=True, text=True, env=environment, cwd=folder.root,
    )  # fmt: skip
    assert said.returncode == code, said
    assert said.stderr == ""
    assert ("evaluation: never" in said.stdout) == (code == 1)
