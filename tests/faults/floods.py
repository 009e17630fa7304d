"""One device that sends a hundred thousand readings at once, and another that goes on as ever.

    python -m tests.faults.floods --messages 100000

The readings of the other must be in the lake at most `--within` (5 s) later than they are when nobody floods.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.flood import packets_of, send
from ingest.lake.layout import DataFolder
from tests.end_to_end.running import asked, publish, reading, rows_in_lake, soil_topic
from tests.faults.frame import Figures, parser_of, tell
from tests.faults.stream import Forked, Ingest
from tests.mosquitto import Mosquitto
from tests.waiting import PATIENCE_S, wait_until

_USUALLY_S = 10.0
_CALM = "gs-calm"


def main() -> None:
    """Flood, and print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--within", type=float, default=5.0, help="most seconds by which the other may be later")
    options = parser.parse_args()
    tell(lambda workdir: flood(options.messages, options.within, workdir))


def flood(messages: int, within_s: float, workdir: Path) -> Figures:
    """Return the figures. Raises: AssertionError when the other was late, or a reading is missing or doubled."""
    folder = DataFolder(workdir / "data")
    mosquitto = Mosquitto(workdir / "mosquitto")
    mosquitto.start()
    ingest = Ingest(folder, mosquitto.port, workdir / "ingest.log", INGEST__SEAL_EVERY_S="1")
    try:
        ingest.start()
        ingest.wait_until_listening()
        usual = _delays(folder, mosquitto, 0, lambda took_s: took_s < _USUALLY_S)
        began = time.monotonic()
        with _flooding(mosquitto, messages, workdir) as flooding:
            flooded = _delays(folder, mosquitto, len(usual), lambda _: not flooding.has_ended())
            assert flooding.end() == 0, (workdir / "flood.log").read_text()[-2_000:]
            published_s = time.monotonic() - began
        total = messages + len(usual) + len(flooded)
        wait_until(lambda: rows_in_lake(folder) >= total, "all is stored", PATIENCE_S)
        stored_s = time.monotonic() - began
        assert rows_in_lake(folder) == total, "a reading is doubled"
    except AssertionError as error:
        raise AssertionError(f"{error}; ingest said: {ingest.said()}") from error
    finally:
        ingest.end()
        mosquitto.stop()
    late_s = max(flooded) - max(usual)
    assert late_s <= within_s, f"{late_s:.1f} s late; usually {max(usual):.1f} s, now {max(flooded):.1f} s"
    return {
        "messages of one device": messages,
        "until the broker had them, s": round(published_s, 1),
        "until all were in the lake, s": round(stored_s, 1),
        "the other usually in the lake within, s": round(max(usual), 1),
        "the other meanwhile in the lake within, s": round(max(flooded), 1),
    }


def _delays(folder: DataFolder, mosquitto: Mosquitto, first: int, goes_on: Callable[[float], bool]) -> list[float]:
    """Publish readings of another device, one after the other is seen in the lake; return how long each took."""
    began = time.monotonic()
    took_s: list[float] = []
    while not took_s or goes_on(time.monotonic() - began):
        at, number = time.monotonic(), first + len(took_s)
        publish(mosquitto, [(soil_topic(_CALM), reading(number))])
        wait_until(lambda: _stored(folder) > number, f"reading {number} of the other is stored", PATIENCE_S)  # noqa: B023
        took_s.append(time.monotonic() - at)
    return took_s


def _stored(folder: DataFolder) -> int:
    return int(asked(folder, f"select count(*) from soil_readings where device_id = '{_CALM}'")[0][0])


@contextmanager
def _flooding(mosquitto: Mosquitto, messages: int, workdir: Path) -> Iterator[Forked]:
    def run() -> int:
        readings = ((soil_topic("gs-loud"), reading(number)) for number in range(messages))
        send(mosquitto.port, list(packets_of(readings)), None, array("d"))
        return 0

    flooding = Forked(run, workdir / "flood.log")
    try:
        yield flooding
    finally:
        flooding.end()


if __name__ == "__main__":
    main()
