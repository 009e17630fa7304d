"""Bytes that reach new lines of the decoders, found by coverage (atheris, libFuzzer): each is read or refused.

    python -m tests.faults.guided_fuzz --executions 10000000
    python -m tests.faults.guided_fuzz --seconds 120 --seed 7
    python -m tests.faults.guided_fuzz --again crash-…

It begins with a good message of every kind and keeps what reaches code that nothing before it reached. An execution
fails when a packet comes out of the inbox's form as another; when a decoder, or the answer to a refusal, raises
anything but PayloadError; when a table cannot hold a row; when plain messages read by columns give other rows than one
by one; when it takes longer than ten seconds or more than 2 GB. Exit 1 then, with topic and
payload, which `--again` plays once more. `tests.faults.fuzz` is the other half: it guides nothing, but takes every
mutant through inbox, seal and tables.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_MOST_S, _MOST_MB, _MOST_BYTES = 10, 2_000, 65_536
_ASIDE_S = 180
"""Most time that instrumenting and reading the corpus take."""


def guided_fuzz(executions: int, seconds: int, seed: int, workdir: Path) -> dict[str, Any]:
    """Fuzz until either is reached; return executions and how many places in the code were reached, before and after.

    seconds: 0 for no limit
    Raises: AssertionError with topic and payload when one fails.
    """
    corpus = workdir / "corpus"
    corpus.mkdir()
    command = [
        *(sys.executable, "-m", __spec__.name if __spec__ else "tests.faults.guided_fuzz", "--inside"),
        *(f"-runs={executions}", f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={_MOST_BYTES}"),
        *(f"-timeout={_MOST_S}", f"-rss_limit_mb={_MOST_MB}", f"-artifact_prefix={workdir}/"),
        *("-print_final_stats=1", "-verbosity=1", str(corpus)),
    ]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=seconds + _ASIDE_S if seconds else None
    )
    failed = sorted(path for path in workdir.iterdir() if path.is_file())
    assert not failed, f"{told(failed[0].read_bytes())}\n{done.stdout[-3_000:]}\n{done.stderr[-1_000:]}"
    assert done.returncode == 0, done.stderr[-3_000:]
    reached = [int(number) for number in re.findall(r"cov: (\d+)", done.stderr)]
    count = re.search(r"stat::number_of_executed_units: *(\d+)", done.stderr)
    assert count is not None, done.stderr[-3_000:]
    return {"executions": int(count[1]), "reached_at_first": reached[0], "reached": reached[-1]}


def told(data: bytes) -> str:
    """Return the topic and payload that an input of the fuzzer stands for."""
    from tests.faults.guided_target import split  # noqa: PLC0415 - not before it is instrumented, in the process inside

    topic, payload = split(data)
    return f"{topic}\n{payload!r}"


def _inside(arguments: list[str]) -> None:
    """Fuzz in this process, which libFuzzer ends."""
    import atheris  # noqa: PLC0415 - what it instruments must be imported after it

    with atheris.instrument_imports(include=["ingest.decode"], enable_loader_override=False):
        from tests.faults import guided_target  # noqa: PLC0415

    def changed(data: bytes, most_bytes: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, most_bytes))
        return guided_target.change(data, chance)[:most_bytes]

    guided_target.fill(Path(arguments[-1]))
    atheris.Setup([sys.argv[0], *arguments], guided_target.play, custom_mutator=changed)
    atheris.Fuzz()


def main() -> None:
    """Fuzz and print the figures, or play one input again."""
    if sys.argv[1:2] == ["--inside"]:
        _inside(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", type=Path)
    options = parser.parse_args()
    if options.again:
        from tests.faults.guided_target import play  # noqa: PLC0415

        sys.stdout.write(f"{told(options.again.read_bytes())}\n")
        play(options.again.read_bytes())
        return
    with tempfile.TemporaryDirectory() as workdir:
        figures = guided_fuzz(options.executions, options.seconds, options.seed, Path(workdir))
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
