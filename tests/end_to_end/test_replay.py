"""What was refused because nobody knew the device is stored once it is registered, exactly once, come what may."""

from __future__ import annotations

import pytest

from ingest.lake.layout import DataFolder
from tests.end_to_end.replay_scenario import UPLINKS, check, prepare, register, run_replay, uplink
from tests.end_to_end.running import (
    asked,
    assert_each_reading_once,
    publish,
    reading,
    rows_in_lake,
    soil_topic,
    working,
)
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until


def test_undecoded_uplinks_are_stored_after_the_device_is_registered_and_a_running_worker_does_it(
    mosquitto: Mosquitto, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.seal.loop._HOUSEKEEPING_EVERY_S", 0.2)
    with working(mosquitto, folder) as worker:
        publish(mosquitto, [uplink(n) for n in range(UPLINKS)])
        worker.wait_until_idle(UPLINKS, PATIENCE_S)
        assert asked(folder, "select distinct code from rejected") == [("undecoded",)]
        register(folder)
        folder.replay_request.write_text("", encoding="ascii")
        publish(mosquitto, [(soil_topic("gs-01"), reading(n)) for n in range(5)])
        wait_until(lambda: not folder.replay_request.exists(), "the worker has replayed")
        wait_until(lambda: rows_in_lake(folder) == UPLINKS + 5, "all rows are there")
        worker.check()
    assert_each_reading_once(folder, UPLINKS + 5)
    assert rows_in_lake(folder, "rejected") == 0


def test_a_replay_done_twice_changes_nothing_more(folder: DataFolder) -> None:
    prepare(folder)
    assert run_replay(folder).outcomes["stored"] == UPLINKS
    check(folder)
    files = sorted(path.name for path in folder.lake.rglob("*.parquet"))
    assert run_replay(folder).outcomes["stored"] == 0
    check(folder)
    assert sorted(path.name for path in folder.lake.rglob("*.parquet")) == files
