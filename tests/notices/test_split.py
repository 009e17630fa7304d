"""Long messages are cut between cards, and never above what the channel counts."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crews.notices.robots import MANNERS, plain
from crews.notices.split import cut, split_message, utf8_bytes

_TEXT = st.text(st.sampled_from('京津路绿带段浇水吨车a1 "\\🌳é'), max_size=400)
_LINK = "打开清单：\nhttps://lists.example.org/c/" + "x" * 300


def json_bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())


@given(
    _TEXT, st.lists(_TEXT, max_size=40), st.sampled_from([(utf8_bytes, 2048), (utf8_bytes, 4096), (json_bytes, 2600)])
)
def test_no_message_counts_more_than_it_may_and_nothing_is_lost_or_moved(
    title: str, cards: list[str], measure: tuple[object, int]
) -> None:
    size, most = measure
    parts = split_message(title, [], cards, size, most, tail=[_LINK])  # type: ignore[arg-type]
    assert all(size(part) <= most for part in parts)  # type: ignore[operator]
    assert sum(_LINK in part for part in parts) == 1
    assert parts[-1].endswith(_LINK)
    head = cut(title, size, most // 4)  # type: ignore[arg-type]
    assert all(part.startswith(head) for part in parts)
    lines = "\n".join(re.sub(rf"^{re.escape(head)}(（\d+/\d+）)?\n?", "", part) for part in parts)
    whole = [card for card in cards if size(card) < most // 2]  # type: ignore[operator]
    at = 0
    for card in whole:
        at = lines.index(card, at) + len(card)


@given(_TEXT, st.integers(3, 300))
def test_what_is_cut_stays_within_its_bytes_and_says_so(text: str, most: int) -> None:
    short = cut(text, utf8_bytes, most)
    assert utf8_bytes(short) <= most
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_a_card_that_fits_is_never_in_two_messages() -> None:
    cards = [f"{number}. 京津路绿带 {number} 段：浇水 6.4 吨 ≈ 1 车" for number in range(100)]
    parts = split_message("一队", [_LINK], cards, utf8_bytes, 2048)
    assert len(parts) > 1
    assert [line for part in parts for line in part.split("\n") if line in cards] == cards
    assert parts[1].startswith(f"一队（2/{len(parts)}）\n")


def test_one_that_fits_into_one_message_has_no_number() -> None:
    assert split_message("一队", [], ["1. 浇水"], utf8_bytes, 2048) == ["一队\n1. 浇水"]


def test_a_link_is_never_cut() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        split_message("一队", ["x" * 2100], [], utf8_bytes, 2048)


@pytest.mark.parametrize("kind", MANNERS)
def test_nothing_in_a_name_calls_people_or_makes_a_link(kind: str) -> None:
    for form in MANNERS[kind].most:
        said = plain('<@all> <at user_id="all">所有人</at> [点](http://evil.example)', form)
        assert "<" not in said
        assert form == "text" or "[" not in said
