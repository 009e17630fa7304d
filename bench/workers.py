"""What a message costs when several workers share the topics: `python -m bench.workers`.

Each has its own broker, client id and data folder, which is how topics are shared (by district): one worker writes a
lake, and brokers' shared subscriptions lose what a dead worker held. One alone and all at once, in turn; load, brokers
and workers share the machine, so that rates add up only where it has cores for all, and CPU seconds per message are
what must stay the same. Distinct rows are counted in each lake (exit 1 when one is lost or doubled).
"""

from __future__ import annotations

import argparse
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor

from bench.ingest_speed import Figure, Load, measured, of_ingest


def main() -> int:
    """Measure in turn, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000, help="of each worker")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    load = Load(options.messages, None, "native", backlog=False)
    alone: list[Figure] = []
    together: list[list[Figure]] = []
    for _ in range(options.runs):
        alone.append(measured(of_ingest, load))
        with ThreadPoolExecutor(options.workers) as pool:
            together.append(list(pool.map(lambda _: measured(of_ingest, load), range(options.workers))))
    cpu_s = [statistics.mean(one.cpu_s for one in run) for run in together]
    per_s = [sum(one.per_s for one in run) for run in together]
    print(f"{load.messages:,} messages to each worker, {options.runs} runs, medians")
    for name, rates, costs in (
        ("one worker", [one.per_s for one in alone], [one.cpu_s for one in alone]),
        (f"{options.workers} at once", per_s, cpu_s),
    ):
        rate, cost = statistics.median(rates), statistics.median(costs)
        print(f"{name:<12} {rate:>9,.0f} /s together {cost:>7.2f} CPU s per 100,000")
    rate = statistics.median(all_ / one.per_s for all_, one in zip(per_s, alone, strict=True))
    cpu = statistics.median(all_ / one.cpu_s for all_, one in zip(cpu_s, alone, strict=True))
    print(
        f"at once / alone: {rate:.2f} of the rate, {cpu:.2f} of the CPU per message (medians of the runs' own ratios)"
    )
    wrong = sum(one.wrong_rows for one in (*alone, *(one for run in together for one in run)))
    print(f"rows lost or doubled: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
