"""A disk without a byte or an inode left is waited for, and nothing is lost or half there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from greensward.broker import BuiltInBroker, accepts_mqtt
from greensward.broker_disk import FailedWrites
from greensward.broker_keeper import BrokerKeeper
from ingest.errors import StoreError
from tests.faults.disks import memory_disk, without_inodes, without_space
from tests.faults.frame import BUSY_S
from tests.test_broker import client, leave, subscribe, until


def test_a_disk_that_runs_out_of_bytes_and_of_inodes_costs_nothing_once_it_is_freed() -> None:
    command = [sys.executable, "-m", "tests.faults.full_disks", "--cycles", "2", "--within", str(BUSY_S)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert json.loads(done.stdout)["lost"] == 0


_TOPIC = "greensward/v1/beichen/gs-01/soil"


def publish_until_refused(device: mqtt.Client, first: int) -> int:
    """Publish numbers from `first` on; return how many were acknowledged before one was not within two seconds."""
    for number in range(first, first + 2_000):
        sent = device.publish(_TOPIC, b"%06d" % number + bytes(4_000), 1)
        sent.wait_for_publish(2.0)
        if not sent.is_published():
            return number - first
    raise AssertionError("a full disk takes everything")


def is_kept(keeper: BrokerKeeper, condition: Callable[[], bool]) -> bool:
    """Say whether `condition` holds, after one look."""
    keeper.look()
    return condition()


@pytest.mark.parametrize("fill", [without_space, without_inodes])
def test_a_built_in_broker_whose_disk_was_full_goes_on_and_has_all_that_it_acknowledged(
    tmp_path: Path, fill: Callable[[Path], AbstractContextManager[None]]
) -> None:
    said: list[str] = []
    with memory_disk(tmp_path / "disk", "size=48m", "nr_inodes=400") as disk, BuiltInBroker(disk / "broker") as broker:
        keeper = BrokerKeeper(broker, said.append)
        away, _ = client(broker, "away")
        assert subscribe(away, [(_TOPIC, 1)]) == [1]
        leave(away)
        first = broker.pid
        with fill(disk):
            device, _ = client(broker, "device")
            acknowledged = publish_until_refused(device, 0)
            leave(device)
            keeper.look()
            keeper.look()
            assert broker.pid == first, "without room it is not tried again and again"
            assert [line for line in said if "is full, so nothing is acknowledged" in line] == said[:1] != []
        assert until(lambda: is_kept(keeper, lambda: broker.pid != first and accepts_mqtt(broker.host, broker.port)))
        back, got = client(broker, "away")
        late, _ = client(broker, "late", clean=True)
        late.publish(_TOPIC, b"after", 1).wait_for_publish(BUSY_S)
        assert until(lambda: any(message.payload == b"after" for message in got))
        leave(late)
        leave(back)
    came = {message.payload[:6] for message in got}
    assert {b"%06d" % number for number in range(acknowledged)} <= came
    assert "starting it again in 0.5 s" in said[-1]


def test_a_dead_broker_is_not_started_while_its_disk_is_full_and_is_once_it_is_free(tmp_path: Path) -> None:
    said: list[str] = []
    with memory_disk(tmp_path / "disk", "size=48m") as disk, BuiltInBroker(disk / "broker") as broker:
        keeper = BrokerKeeper(broker, said.append)
        assert broker.pid is not None
        with without_space(disk):
            os.kill(broker.pid, signal.SIGKILL)
            assert until(lambda: broker.exit_code() is not None)
            for _ in range(10):
                keeper.look()
            assert len(said) == 1
        assert until(lambda: is_kept(keeper, lambda: broker.exit_code() is None))


def test_a_built_in_broker_that_finds_its_disk_full_says_where_and_what_to_do(tmp_path: Path) -> None:
    with memory_disk(tmp_path / "disk", "size=4m") as disk:
        with pytest.raises(
            StoreError, match=rf"The disk of {disk}/broker is full.* 16 MB\. Free space there, and start"
        ):
            BuiltInBroker(disk / "broker").__enter__()
        assert not (disk / "broker" / "lock").exists()


def test_a_write_that_failed_is_read_in_the_log_also_where_its_line_came_in_two_pieces(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    log.write_text("[1] [INF] Server is ready\n[1] [ERR] Filestore [$MQTT_msgs] Critical wri", encoding="utf-8")
    failed = FailedWrites(tmp_path, log)
    assert failed.found() == ""
    with log.open("a", encoding="utf-8") as more:
        more.write("te error: write /x/1.blk: input/output error\n")
    assert failed.found() == "Critical write error: write /x/1.blk: input/output error"
    assert failed.found() == "Critical write error: write /x/1.blk: input/output error", "until it is started anew"
