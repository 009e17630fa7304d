"""Names of people: when two writings are one person, and which name a link that may act can carry."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from ingest.errors import ConfigError

LONGEST_NAME = 40
NOBODY = frozenset({"greensward", "office", "绿化所"})
"""Names of no one person: the program's, and the office's as a whole."""

_UNSEEN = frozenset(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), 0x2800))
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
"""Letters and marks that show nothing: the default ignorable ones (Unicode 15, DerivedCoreProperties) that are no
control or format characters, such as fillers and variation selectors, and the blank of Braille."""


def person(actor: str) -> str:
    """Return an actor's name in the form in which two writings of it are equal: no role, no width, no case, no space.

    Lists of names write 王　伟 so that two characters are as wide as three.
    """
    name = "".join(_plain(actor).casefold().split())
    for role in ("crew:", "office:"):
        name = name.removeprefix(role)
    return name


def is_among(name: str, names: Iterable[str]) -> bool:
    """Say whether `name` is one of `names`, however they are written."""
    return person(name) in {person(one) for one in names}


def name_to_sign(written: str, crews: Iterable[str]) -> str:
    """Return a person's name as a link carries it and events say it: one width, single spaces, nothing unseen.

    crews: the names that are crews'; what a crew's name signs would check the crew's own work
    Raises: ConfigError for what is no one person's name.
    """
    name = _plain(written)
    if not any(letter.isalnum() for letter in name):
        raise ConfigError(f"--by {written!r} is no name. Write the person's own: --by 王工")
    if len(name) > LONGEST_NAME or ":" in name:
        raise ConfigError(f"--by {written!r}: a name has at most {LONGEST_NAME} letters, and no colon.")
    if person(name) in NOBODY:
        raise ConfigError(f"--by {written!r} is nobody's own name; a link that may act belongs to one person.")
    if is_among(name, crews):
        raise ConfigError(
            f"--by {written!r} is a crew, and the office checks what crews report. A crew's own link: "
            f"greensward list {written} --links"
        )
    return name


def _plain(text: str) -> str:
    seen = (letter for letter in unicodedata.normalize("NFKC", text) if not _is_unseen(letter))
    return " ".join("".join(seen).split())


def _is_unseen(letter: str) -> bool:
    return letter in _UNSEEN or unicodedata.category(letter)[0] == "C"
