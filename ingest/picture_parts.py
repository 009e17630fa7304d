"""How the findings of a picture are named, and which of its messages each came in."""

from __future__ import annotations

import re

UNDIVIDED = "all"
"""Name of the part that a message without `part` is."""

_IN_PART = re.compile(r"#([0-9]+)[#:]")


def part_name(part: int | None) -> str:
    """Return the name of a part of a picture's findings, as in drone_images.parts_json."""
    return UNDIVIDED if part is None else str(part)


def detection_id(said: str | None, place: int, part: int | None) -> str:
    """Return the id of a finding, which no other finding of the picture has, whatever ids the sender chooses.

    The sender's own id stays as it is. Ids that begin with # are made here: #4 is the finding at place 4 of a message
    without ids, #2#4 that of part 2, #2:a the one that part 2 calls a; a sender's #4 becomes ##4.
    """
    if part is not None:
        return f"#{part}#{place}" if said is None else f"#{part}:{said}"
    if said is None:
        return f"#{place}"
    return f"#{said}" if said.startswith("#") else said


def part_of(detection_id: str) -> str:
    """Return the name of the part that a finding came in."""
    found = _IN_PART.match(detection_id)
    return found[1] if found else UNDIVIDED
