"""Whether a process that takes small seals for hours grows: its own memory, by the hour.

    python -m bench.steady_memory --minutes 10

`greensward ingest` under a steady stream as in tests/faults/soak.py, without faults and ten times as fast: a minute
seals as often as ten minutes do there (every two seconds, 40 readings), its house is kept every three seconds instead
of 30, and a closed day settles in a minute instead of ten. Memory is told as there, by the hour of that pace, from two
minutes after the start, which are 20 there: twice what a day takes to settle. Exit 1 when it grows by more than 1 MB an
hour. `--fault restart` or `--fault nonsense` also plays one of the soak's faults every six seconds, as often in seven
minutes as the soak does in an hour and a half: what each of them fills memory up to.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ingest.seal import housekeeping, loop
from tests.faults.frame import Figures, Running, start_sparingly, under_a_stream
from tests.faults.soak import (
    SLOPE_MB_PER_H,
    WARM_S,
    Sample,
    of_the_oldest,
    restart_broker,
    sample_of,
    send_nonsense_and_again,
)

_TIMES = 10
_RATE_PER_S = 20 * _TIMES
_SEAL_EVERY_S = 2 / _TIMES
_SAMPLE_S = 1.0
_FAULTS: dict[str, Callable[[Running], None]] = {
    "none": lambda _: None,
    "restart": restart_broker,
    "nonsense": send_nonsense_and_again,
}
_FAULT_EVERY_S = 6.0
"""More often, and ingest takes a broker that restarts for another client that takes its session."""
_SLOPE = "slope of its own memory, MB/h"


def main() -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--fault", choices=tuple(_FAULTS), default="none")
    options = parser.parse_args()
    start_sparingly("bench.steady_memory")
    with tempfile.TemporaryDirectory() as workdir:
        figures = measured(options.minutes * 60, Path(workdir), _FAULTS[options.fault])
    print(json.dumps(figures))
    return 0 if figures[_SLOPE][0] <= SLOPE_MB_PER_H else 1


def measured(seconds: float, workdir: Path, fault: Callable[[Running], None]) -> Figures:
    """Return the figures of a run of `seconds`, whose every reading must be in the lake once in the end."""
    samples: list[Sample] = []
    with under_a_stream(workdir, _RATE_PER_S, first=_hurry, INGEST__SEAL_EVERY_S=str(_SEAL_EVERY_S)) as running:
        began = faulted = time.monotonic()
        while time.monotonic() - began < seconds:
            samples.append(sample_of(running.ingest.pid))
            time.sleep(_SAMPLE_S)
            if time.monotonic() - faulted > _FAULT_EVERY_S:
                fault(running)
                faulted = time.monotonic()
    figures = of_the_oldest(samples, 2 * WARM_S / _TIMES, _TIMES)
    return running.figures | figures | {"most, MB": round(max(one.own_bytes for one in samples) / 1e6, 1)}


def _hurry() -> None:
    housekeeping._SETTLED_S /= _TIMES  # noqa: SLF001 - nobody needs a setting of it but who measures
    loop._HOUSEKEEPING_EVERY_S /= _TIMES  # noqa: SLF001 - as above


if __name__ == "__main__":
    sys.exit(main())
