"""What earlier messages said is remembered over batches, restarts and repeats, on disk and nowhere else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.errors import StoreError
from ingest.lake.layout import DataFolder
from ingest.lake.write import write_rows
from ingest.observation import Message
from ingest.registers.snapshot import RegisterSnapshot
from ingest.seal import sealer as sealer_module
from ingest.seal.replay import replay
from ingest.seal.sealer import Sealer
from ingest.site import BEICHEN
from tests.decode.sparkplug import AT, DBIRTH, DDATA, GROUP, NBIRTH, moisture, payload
from tests.seal.test_sealer import ask

NOON = datetime(2026, 7, 2, 4, 0, tzinfo=UTC)
NO_REGISTERS = RegisterSnapshot({}, frozenset(), ())
POST = "/sys/a1/probe-7/thing/event/property/post"
READ = (
    "select round(volumetric_water_content, 6), split_part(quarantine, ':', 1) from soil_readings order by measured_at"
)


@pytest.fixture
def sealer(folder: DataFolder) -> Sealer:
    return Sealer(folder, BEICHEN, "test")


def alink(seq: int, value: object) -> Message:
    """Return message `seq`, measured `seq` minutes after NOON."""
    time_ms = int((NOON + timedelta(minutes=seq)).timestamp() * 1000)
    said = {"id": str(seq), "params": {"soil_moisture": {"value": value, "time": time_ms}}}
    return Message(seq, NOON + timedelta(hours=3), POST, json.dumps(said).encode())


def seal_each(folder: DataFolder, *batches: list[Message]) -> None:
    """Seal each batch by a process of its own."""
    for batch in batches:
        sealer = Sealer(folder, BEICHEN, "test")
        sealer.seal(batch, NO_REGISTERS)


def test_a_stream_keeps_its_unit_over_batches_and_restarts(folder: DataFolder) -> None:
    seal_each(folder, [alink(1, 22.5)], [alink(2, 0.8)], [alink(3, 0.21), alink(4, 0.22)], [alink(5, 22.0)])
    assert ask(folder, READ) == [
        (0.225, None),
        (0.008, None),
        (0.0021, "unit_uncertain"),
        (0.0022, "unit_uncertain"),
        (0.22, None),
    ]
    assert ask(folder, "select device_id, field, unit, is_doubted from stream_units") == [
        ("a1.probe-7", "soil_moisture", "%", False)
    ]


def test_a_type_that_changes_in_mid_stream_is_the_same_stream(folder: DataFolder) -> None:
    seal_each(folder, [alink(1, 22.5)], [alink(2, "0.8")], [alink(3, "21.4 %")], [alink(4, "NoSensor")])
    assert ask(folder, READ) == [(0.225, None), (0.008, None), (0.214, None)]


def test_an_interrupted_seal_reads_the_same_values_in_the_same_units(
    folder: DataFolder, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up before the rows, then before the account of the messages; then a new process goes on."""
    batch = [alink(1, 0.8), *(alink(seq, 22.0) for seq in range(2, 9)), alink(9, 0.9)]
    whole = [(0.8, None), *[(0.22, "unit_uncertain")] * 5, (0.22, None), (0.22, None), (0.009, None)]
    for full in ("soil_readings", "raw_messages"):

        def write(folder: DataFolder, spec: Any, *rest: Any, full: str = full) -> Any:
            if spec.name == full:
                raise StoreError("no space left on device")
            return write_rows(folder, spec, *rest)

        monkeypatch.setattr(sealer_module, "write_rows", write)
        with pytest.raises(StoreError):
            sealer.seal(batch, NO_REGISTERS)
    monkeypatch.setattr(sealer_module, "write_rows", write_rows)
    seal_each(folder, batch, batch)
    assert ask(folder, READ) == whole
    assert ask(folder, "select outcome, count(*) from raw_messages group by outcome order by 1") == [("stored", 9)]


def test_data_refused_for_want_of_a_birth_is_read_by_a_replay_after_it(folder: DataFolder, sealer: Sealer) -> None:
    data = [Message(seq, AT, f"{GROUP}/DDATA/gw-1/probe-7", DDATA + payload(seq=seq)) for seq in (1, 2)]
    sealed = sealer.seal(data, NO_REGISTERS)
    assert dict(sealed.outcomes) == {"rejected": 2}
    assert [reply.topic for reply in sealed.replies] == [f"{GROUP}/NCMD/gw-1"], "asked once, not once a message"
    births = [
        Message(3, AT, f"{GROUP}/NBIRTH/gw-1", NBIRTH),
        Message(4, AT, f"{GROUP}/DBIRTH/gw-1/probe-7", DBIRTH),
    ]
    seal_each(folder, births)
    again = Sealer(folder, BEICHEN, "test")
    assert dict(replay(folder, again, NO_REGISTERS, NOON).outcomes) == {"stored": 1, "duplicate": 1}
    assert ask(folder, "select count(*) from soil_readings where volumetric_water_content = 0.008") == [(1,)]
    assert ask(folder, "select count(*) from rejected where code = 'birth_unknown'") == [(0,)]


def test_births_are_remembered_by_a_new_process_and_a_birth_in_the_same_batch_counts(folder: DataFolder) -> None:
    first = Message(1, AT, f"{GROUP}/DDATA/gw-1/probe-7", payload(moisture(18.1), at=AT))
    birth = Message(2, AT, f"{GROUP}/DBIRTH/gw-1/probe-7", DBIRTH)
    later = Message(3, AT, f"{GROUP}/DDATA/gw-1/probe-7", payload(moisture(19.1), at=AT - timedelta(minutes=5)))
    seal_each(folder, [first, birth], [later])
    assert ask(folder, "select outcome, count(*) from raw_messages group by outcome") == [("stored", 3)]
    assert ask(folder, "select kind, device_id, message_seq from sparkplug_births") == [("birth", "probe-7", 2)]


def test_counters_beyond_every_table_do_not_stop_ingest(folder: DataFolder, sealer: Sealer) -> None:
    metrics = ({"name": "bdSeq", "long_value": 2**64 - 1}, {"name": "soil_moisture", "double_value": 20.0})
    birth = Message(1, AT, f"{GROUP}/NBIRTH/gw-1", payload(*metrics, seq=2**64 - 1, at=AT))
    assert dict(sealer.seal([birth], NO_REGISTERS).outcomes) == {"stored": 1}
    assert ask(folder, "select volumetric_water_content, device_seq from soil_readings") == [(0.2, None)]
