"""Whether a process that takes small seals for hours grows: its own memory, by the hour.

    python -m bench.steady_memory --minutes 10

`greensward ingest` under a steady stream as in tests/faults/soak.py, without faults and ten times as fast: a minute
seals as often as ten minutes do there (every two seconds, 40 readings), and slopes are told by that hour. Memory is
RssAnon, without the pages of programs and files, and of each half minute the median, so that the second that a merge
takes does not count; the most is told apart. Exit 1 when it grows by more than 1 MB an hour.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.frame import Figures, under_a_stream
from tests.faults.soak import SLOPE_MB_PER_H, Sample, of_the_oldest, sample_of

_TIMES = 10
_RATE_PER_S = 20 * _TIMES
_SEAL_EVERY_S = 2 / _TIMES
_SAMPLE_S = 1.0
_MEDIAN_OF = 30
_SLOPE = "slope of its own memory, MB/h"


def main() -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as workdir:
        figures = measured(options.minutes * 60, Path(workdir))
    print(json.dumps(figures))
    return 0 if figures[_SLOPE] <= SLOPE_MB_PER_H else 1


def measured(seconds: float, workdir: Path) -> Figures:
    """Return the figures of a run of `seconds`, whose every reading must be in the lake once in the end."""
    samples: list[Sample] = []
    with under_a_stream(workdir, _RATE_PER_S, INGEST__SEAL_EVERY_S=str(_SEAL_EVERY_S)) as running:
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            samples.append(sample_of(running.ingest.pid))
            time.sleep(_SAMPLE_S)
    parts = (samples[at : at + _MEDIAN_OF] for at in range(0, len(samples), _MEDIAN_OF))
    usual = [sorted(part, key=lambda one: one.own_bytes)[len(part) // 2] for part in parts]
    figures = of_the_oldest(sorted(usual, key=lambda one: one.at_s))
    return (
        running.figures
        | figures
        | {
            _SLOPE: round(figures[_SLOPE] / _TIMES, 2),
            "of every sample, MB/h": round(of_the_oldest(samples)[_SLOPE] / _TIMES, 2),
            "its own memory, MB": [round(one.own_bytes / 1e6, 1) for one in usual],
            "most, MB": round(max(one.own_bytes for one in samples) / 1e6, 1),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
