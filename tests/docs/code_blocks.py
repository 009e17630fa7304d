"""Fenced blocks, commands and links of the pages at the root and in docs/."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))

_BLOCK = re.compile(r"^```(\w*)[ \t]*([^\n]*)\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4}(?:\$ )?((?:uvx |uv run |\./run )?greensward .*)$", re.MULTILINE)
_STARTS = ("greensward", "uvx greensward", "uv run greensward", "./run")
_SHELL_WORDS = {"|", ">", ">>", "&&", "||", ";", "&"}
_RUN_ITSELF = {"test", "check"}
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: the page's name and line, its language, the words after that, and its text."""

    where: str
    language: str
    note: str
    text: str


def blocks(language: str) -> list[Block]:
    """Return every block in `language`, in order of page and line."""
    return [block for page in PAGES for block in _blocks(page) if block.language == language]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(f"{page.relative_to(ROOT)}:{line}", found[1], found[2].strip(), found[3])


def commands() -> list[tuple[str, list[str]]]:
    """Return where each `greensward …` of the pages stands, and its arguments; `./run demo` is one too."""
    lines = [(block.where, line) for block in blocks("sh") for line in block.text.splitlines()]
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        plain = _BLOCK.sub("", page.read_text(encoding="utf-8"))
        lines += [(name, line) for line in _INDENTED.findall(plain)]
    return [(where, arguments) for where, line in lines if (arguments := _arguments(line)) is not None]


def _arguments(line: str) -> list[str] | None:
    """Return what follows `greensward` in a line of shell, up to a pipe or redirection; None for other programs."""
    words = shlex.split(line.strip().removeprefix("$ "), comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    start = next((start for start in _STARTS if words[: len(start.split())] == start.split()), None)
    if start is None:
        return None
    words = words[len(start.split()) :]
    if start == "./run" and (not words or words[0] in _RUN_ITSELF):
        return None
    end = next((place for place, word in enumerate(words) if word in _SHELL_WORDS), len(words))
    return words[:end]


def links() -> list[tuple[str, str]]:
    """Return page name and target of every link that stays in the repository."""
    found = []
    for page in PAGES:
        text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
        found += [(page.name, target) for target in _LINK.findall(text) if not re.match(r"[a-z]+:", target)]
    return found


def anchors(page: Path) -> set[str]:
    """Return the names by which headings of a page are linked to."""
    headings = _HEADING.findall(_BLOCK.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
