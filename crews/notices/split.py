"""A long message in several, cut between cards and by the bytes that the channel counts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_COUNTER = "（99/99）"
_MOST_PARTS = 99


def utf8_bytes(text: str) -> int:
    """Return the bytes of a text as it is sent."""
    return len(text.encode("utf-8", "replace"))


def split_message(
    title: str,
    head: Sequence[str],
    cards: Sequence[str],
    size: Callable[[str], int],
    most: int,
    *,
    tail: Sequence[str] = (),
) -> list[str]:
    """Return the texts of the messages: each begins with `title`, numbered where there are several.

    head, tail: lines that are never cut, such as a link; cards: lines that are cut only where one alone is too long
    size: what a text counts for; of two texts together never more than of both
    most: the most that one message may count
    Raises: ValueError when a line of head or tail does not fit, or when more than 99 messages would be needed.
    """
    title = cut(title, size, most // 4)
    room = most - size(f"{title}{_COUNTER}\n")
    for line in (*head, *tail):
        if size(line) > room:
            raise ValueError(f"a line of {size(line)} does not fit into the {room} that are left of {most}")
    parts: list[list[str]] = [[]]
    for line in [*head, *(cut(card, size, room) for card in cards), *tail]:
        if parts[-1] and size("\n".join([*parts[-1], line])) > room:
            parts.append([])
        parts[-1].append(line)
    if len(parts) > _MOST_PARTS:
        raise ValueError(f"{len(parts)} messages would be needed")
    if len(parts) == 1:
        return ["\n".join([title, *parts[0]])]
    return ["\n".join([f"{title}（{number}/{len(parts)}）", *part]) for number, part in enumerate(parts, 1)]


def cut(text: str, size: Callable[[str], int], most: int) -> str:
    """Return `text`, or its beginning and … where it counts for more than `most`."""
    if size(text) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(f"{text[:middle]}…") <= most else (low, middle - 1)
    return f"{text[:low]}…"
