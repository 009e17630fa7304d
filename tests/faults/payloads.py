"""Messages as large as MQTT can carry, and as large as we take: memory stays small and the others go on.

    python -m tests.faults.payloads

262,144 bytes is the most that ingest takes; 268,435,455 the most that an MQTT packet can hold after its head. With
MQTT 5 ingest tells the broker its limit and never sees the larger; with 3.1.1 it reads and refuses them. In the end
readings come twice, so that what compares them is loaded, too. Two peaks are held against bars: of all that is
resident, pages of libraries included, and of the process's own.
"""

from __future__ import annotations

from pathlib import Path

from ingest.lake.layout import DataFolder
from tests.end_to_end.running import Program, publish, publish_zeros, reading, rows_in_lake, soil_topic
from tests.faults.frame import Figures, parser_of, tell
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until

MOST_MB = 200.0
MOST_OWN_MB = 100.0
"""One copy of the largest message would be 256."""
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
    try:
        with Program(mosquitto, folder, workdir, BROKER__MQTT_VERSION=mqtt_version) as ingest:
            publish(mosquitto, [(soil_topic("gs-02"), reading(0))])
            wait_until(lambda: rows_in_lake(folder) == 1, "one is stored")
            peaks = {"before": ingest.peak_mb()}
            for size in SIZES_BYTES:
                publish_zeros(mosquitto.port, _LOUD, size)
                _store_more(mosquitto, folder, f"the others go on after {size} bytes")
                peaks[f"{size} bytes"] = ingest.peak_mb()
            publish(mosquitto, [(soil_topic("gs-02"), reading(n)) for n in range(_OTHERS)])
            _store_more(mosquitto, folder, "they go on after what was there already")
            peaks["readings again"] = ingest.peak_mb()
        assert max(peak.all for peak in peaks.values()) <= MOST_MB, peaks
        assert max(peak.own for peak in peaks.values()) <= MOST_OWN_MB, peaks
        refused = rows_in_lake(folder, "rejected")
    finally:
        mosquitto.stop()
    return {
        "peak and own, MB": {name: [round(peak.all), round(peak.own)] for name, peak in peaks.items()},
        "refused": refused,
    }


def _store_more(mosquitto: Mosquitto, folder: DataFolder, what: str) -> None:
    stored = rows_in_lake(folder)
    publish(mosquitto, [(soil_topic("gs-02"), reading(n)) for n in range(stored, stored + _OTHERS)])
    wait_until(lambda: rows_in_lake(folder) >= stored + _OTHERS, what)


if __name__ == "__main__":
    main()
