"""Messages as large as MQTT can carry, and as large as we take: memory stays small and the others go on.

    python -m tests.faults.payloads

262,144 bytes is the most that ingest takes; 268,435,455 the most that an MQTT packet can hold after its head. With
MQTT 5 ingest tells the broker its limit and never sees the larger; with 3.1.1 it reads and refuses them. What is held
against the bar is memory of the process's own: code that is mapped from libraries is the page cache's, and the largest
message adds nothing to it. Both are printed.
"""

from __future__ import annotations

from pathlib import Path

from ingest.lake.layout import DataFolder
from tests.end_to_end.running import peak_and_mapped_mb, publish, publish_zeros, reading, rows_in_lake, soil_topic
from tests.faults.frame import Figures, parser_of, tell
from tests.faults.stream import Ingest
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until

MOST_OWN_MB = 120.0
"""One copy of the largest message would be 256; the specification allows 200, libraries included."""
_LOUD = soil_topic("gs-01")
LARGEST_BYTES = 268_435_455 - 4 - len(_LOUD)
SIZES_BYTES = (262_144, 262_145, LARGEST_BYTES)
_OTHERS = 100


def main() -> None:
    """Publish them, and print the figures."""
    parser_of(__doc__).parse_args()
    tell(lambda workdir: {version: publish_large(version, workdir / version) for version in ("5", "3.1.1")})


def publish_large(mqtt_version: str, workdir: Path) -> Figures:
    """Return the figures. Raises: AssertionError when the others were not stored, or memory was not small."""
    workdir.mkdir()
    folder = DataFolder(workdir / "data")
    mosquitto = Mosquitto(workdir / "mosquitto")
    mosquitto.start()
    ingest = Ingest(folder, mosquitto.port, workdir / "ingest.log", BROKER__MQTT_VERSION=mqtt_version)
    try:
        ingest.start()
        ingest.wait_until_listening()
        publish(mosquitto, [(soil_topic("gs-02"), reading(0))])
        wait_until(lambda: rows_in_lake(folder) == 1, "one is stored")
        before, mapped = peak_and_mapped_mb(ingest.pid)
        own_mb = {"before": round(before - mapped, 1)}
        for size in SIZES_BYTES:
            publish_zeros(mosquitto.port, _LOUD, size)
            stored = rows_in_lake(folder)
            publish(mosquitto, [(soil_topic("gs-02"), reading(n)) for n in range(stored, stored + _OTHERS)])
            wait_until(lambda: rows_in_lake(folder) >= stored + _OTHERS, f"the others go on after {size}")  # noqa: B023
            peak, mapped = peak_and_mapped_mb(ingest.pid)
            own_mb[f"{size} bytes"] = round(peak - mapped, 1)
        assert max(own_mb.values()) <= MOST_OWN_MB, own_mb
        assert not ingest.has_ended()
        refused = rows_in_lake(folder, "rejected")
    except AssertionError as error:
        raise AssertionError(f"{error}; ingest said: {ingest.said()}") from error
    finally:
        ingest.end()
        mosquitto.stop()
    return {"peak of its own, MB": own_mb, "peak with libraries, MB": round(peak, 1), "refused": refused}


if __name__ == "__main__":
    main()
