"""The two programs of docs/examples: one sends to a real broker, the other's message is made and decoded."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingest.decode.context import DecodeContext
from ingest.decode.native_soil import LIMIT_BYTES
from ingest.decode.route import decode
from ingest.lake.layout import DataFolder
from ingest.mqtt.broker import Broker
from ingest.observation import Decoded, Message
from ingest.seal.pace import Pace
from ingest.site import BEICHEN
from ingest.worker import Worker
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
PAHO = EXAMPLES / "publish_paho.py"
MICROPYTHON = EXAMPLES / "publish_micropython.py"
_DEADLINE_S = PATIENCE_S


def test_the_paho_example_brings_a_reading_through_a_real_broker_into_the_lake(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    broker = Broker("127.0.0.1", mosquitto.port, "worker-1")
    with Worker(folder, BEICHEN, broker, Pace(seal_every_s=0.1, min_free_bytes=1_000_000), "0") as worker:
        worker.wait_until_subscribed(_DEADLINE_S)
        ran = subprocess.run(
            [sys.executable, str(PAHO), "127.0.0.1", str(mosquitto.port), "probe-0117"],
            capture_output=True,
            text=True,
            timeout=_DEADLINE_S,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        worker.wait_until_idle(1, _DEADLINE_S)
        assert dict(worker.outcomes) == {"stored": 1}


def test_the_paho_example_says_so_when_there_is_no_broker(mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    ran = subprocess.run(
        [sys.executable, str(PAHO), "127.0.0.1", str(mosquitto.port), "probe-0117"],
        capture_output=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    assert ran.returncode != 0


def test_the_paho_example_is_short() -> None:
    code = [line for line in PAHO.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert len(code) <= 26


def test_what_the_micropython_example_sends_decodes_without_a_fault() -> None:
    made = _functions()
    first = made["sample"]((2026, 7, 2, 5, 0, 0, 3, 183), 0.183, 21.4)
    second = made["sample"]((2026, 7, 2, 5, 10, 0, 3, 183), 0.182, 21.5)
    decoded = _decode(made["soil_message"]([first, second], 7, 3.61))
    assert [(row.depth_cm, row.volumetric_water_content, row.soil_temperature_c) for row in decoded.soil] == [
        (10.0, 0.183, 21.4),
        (10.0, 0.182, 21.5),
    ]
    assert decoded.soil[0].measured_at == datetime(2026, 7, 2, 5, 0, tzinfo=UTC)
    assert [(row.battery_v, row.device_seq) for row in decoded.status] == [(3.61, 7)]
    assert not decoded.parts_refused


def test_a_day_without_a_network_fits_into_one_message_of_the_micropython_example() -> None:
    made = _functions()
    start = datetime(2026, 7, 1, tzinfo=UTC)
    samples = [
        made["sample"]((start + timedelta(minutes=10 * n)).timetuple()[:8], 0.1234, 21.45)
        for n in range(made["MOST_KEPT"])
    ]
    message = made["soil_message"](samples, 7, 3.61)
    assert len(_decode(message).soil) == 144
    assert 270 < LIMIT_BYTES / (len(message) / len(samples)) < 300, "the comment beside MOST_KEPT says about 280"


def test_the_micropython_example_uses_only_what_micropython_has() -> None:
    tree = ast.parse(MICROPYTHON.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"json", "time", "machine", "network", "ntptime"}


def _decode(payload: bytes) -> Decoded:
    topic = "greensward/v1/beichen/probe-0117/soil"
    return decode(Message(1, datetime(2026, 7, 2, 6, 0, tzinfo=UTC), topic, payload), DecodeContext(BEICHEN, {}))


def _functions() -> dict[str, Any]:
    """Return the example's constants and functions, without what it imports from a microcontroller."""
    tree = ast.parse(MICROPYTHON.read_text(encoding="utf-8"))
    kept: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.Assign | ast.FunctionDef)]
    names: dict[str, Any] = {"json": json}
    exec(compile(ast.Module(kept, []), str(MICROPYTHON), "exec"), names)  # noqa: S102 - the project's own example
    return names
