"""`python -m greensward` and the command `greensward`."""

from __future__ import annotations

import sys

_EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command in sys.argv and leave with its exit code."""
    try:
        from greensward.cli import run  # noqa: PLC0415 - Ctrl-C while everything loads must be quiet too

        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(_EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
