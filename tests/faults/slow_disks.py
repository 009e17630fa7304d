"""A disk that takes two seconds for every fsync, for minutes: the connection stays, and memory stays bounded.

    python -m tests.faults.slow_disks --minutes 5

A stream goes on all the time. Ingest must not lose its broker, must not end, must go on taking messages, and must not
hold more memory than the setting lets it; what it has not journalled stays at the broker. Then it is started again on
a disk as fast as this one is, and every reading must be there once.
"""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

from ingest.lake.layout import DataFolder
from tests.faults.frame import Figures, parser_of, preloaded_again, tell, under_a_stream
from tests.faults.soak import sample_of
from tests.waiting import PATIENCE_S

MOST_RSS_MB = 300.0
_FSYNC = 2
_RATE_PER_S = 100
_SAMPLE_S = 0.5


def main() -> None:
    """Slow it down, and print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--fsync-seconds", type=float, default=2)
    options = parser.parse_args()
    with preloaded_again("tests.faults.slow_disks"):
        tell(lambda workdir: slow_down(options.minutes * 60, options.fsync_seconds, workdir))


def slow_down(seconds: float, fsync_s: float, workdir: Path) -> Figures:
    """Return the figures. Raises: AssertionError when the connection or a reading was lost, or memory grew."""
    root = workdir / "data"
    log = workdir / "ingest.log"

    def arm() -> None:
        ctypes.CDLL(None).crash_points_slow(os.fsencode(DataFolder(root).root), _FSYNC, int(fsync_s * 1_000))

    most_bytes = 0
    with under_a_stream(workdir, _RATE_PER_S, first=arm) as running:
        began, pid = time.monotonic(), running.ingest.pid
        # The start has its own slow fsyncs: a short run goes on until something was taken.
        while (ran_s := time.monotonic() - began) < seconds or (ran_s < PATIENCE_S and not running.status().messages):
            assert not running.ingest.has_ended(), "ingest ended"
            most_bytes = max(most_bytes, sample_of(pid).rss_bytes)
            time.sleep(_SAMPLE_S)
        status = running.status()
        assert log.read_text().count("connected to the broker") == 1, "the connection was lost"
        assert status.connected
        assert most_bytes <= MOST_RSS_MB * 1e6, f"{most_bytes / 1e6:.0f} MB"
        running.ingest.start_plain()
        running.ingest.wait_until_listening()
    return running.figures | {
        "seconds": seconds,
        "seconds an fsync": fsync_s,
        "taken meanwhile": status.messages,
        "most RSS, MB": round(most_bytes / 1e6, 1),
        "connections": 1,
    }


if __name__ == "__main__":
    main()
