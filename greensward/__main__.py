"""`python -m greensward`: the same as the command `greensward`."""

from __future__ import annotations

from greensward.cli import main

if __name__ == "__main__":
    main()
