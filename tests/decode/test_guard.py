"""The gate before every decoder."""

from __future__ import annotations

import pytest

from ingest.decode.guard import describe, parse_json
from ingest.errors import PayloadError

LIMIT_BYTES = 64 * 1024


def refused(payload: bytes) -> list[tuple[str, str]]:
    with pytest.raises(PayloadError) as caught:
        parse_json(payload, limit_bytes=LIMIT_BYTES)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\xef\xbb\xbf{}", "byte_order_mark"),
        ('{"a": 1}'.encode("utf-16"), "not_utf8"),
        ('{"a": 1}'.encode("utf-16-le") + b"\xff", "not_utf8"),
        (b'{"a": "\xff"}', "not_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "not_utf8"),
        (rb'{"a": "\ud800"}', "lone_surrogate"),
        (rb'{"a": "\ud800\u0041"}', "lone_surrogate"),
        (rb'{"a": "\udc00"}', "lone_surrogate"),
        (rb'{"\ud800": 1}', "lone_surrogate"),
        (b'{"a": 1} {}', "malformed_json"),
        (b'{"a": 1,}', "malformed_json"),
        (b"{'a': 1}", "malformed_json"),
        (b'{"a": 01}', "malformed_json"),
        (b'{"a": "\x01"}', "malformed_json"),
        (b"", "malformed_json"),
        (b" \n", "malformed_json"),
        (b"\x00{}", "malformed_json"),
        (b"x" * (LIMIT_BYTES + 1), "too_large"),
    ],
)
def test_bytes_that_are_not_strict_json_are_refused_by_name(payload: bytes, code: str) -> None:
    assert refused(payload) == [("", code)]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (b"NaN", "not_a_number"),
        (b"-Infinity", "not_a_number"),
        (b"1e400", "number_too_large"),
        (b"-1e400", "number_too_large"),
        (b"9" * 400, "number_too_large"),
        (b"-" + b"9" * 5000, "number_too_large"),
    ],
)
def test_a_number_that_is_none_is_named_by_its_place(number: bytes, code: str) -> None:
    assert refused(b'{"a": ' + number + b"}") == [("/a", code)]
    assert refused(b'{"a~/b": [0, {"c": ' + number + b'}], "d": ' + number + b"}") == [
        ("/a~0~1b/1/c", code),
        ("/d", code),
    ]
    # Beside half a character the place can still be written down and sent back.
    assert refused(rb'{"\ud800udc00": ' + number + b"}") == [("/\N{REPLACEMENT CHARACTER}udc00", code)]


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse_json(rb'"\ud83c\udf33"', limit_bytes=LIMIT_BYTES) == "🌳"


def test_every_key_that_stands_twice_is_named() -> None:
    payload = rb'{"a":1, "a" : 2, "b/c":{"d":[{"x":1,"\u0078":2}]}}'
    assert refused(payload) == [("/a", "duplicate_key"), ("/b~1c/d/0/x", "duplicate_key")]


def test_the_same_key_in_two_objects_and_colons_in_texts_are_no_duplicates() -> None:
    payload = rb'{"a": {"x": 1}, "b": {"x": "\"x\": 1, \"x\": 2"}, "c": ":", "d": "x\":"}'
    assert parse_json(payload, limit_bytes=LIMIT_BYTES) == {
        "a": {"x": 1},
        "b": {"x": '"x": 1, "x": 2'},
        "c": ":",
        "d": 'x":',
    }


def test_sixteen_levels_are_read_and_seventeen_are_not() -> None:
    assert parse_json(b"[" * 16 + b"]" * 16, limit_bytes=LIMIT_BYTES)
    assert refused(b"[" * 17 + b"]" * 17) == [("", "too_deep")]
    assert refused(b'{"a":' * 8 + b"[" * 9 + b"]" * 9 + b"}" * 8) == [("", "too_deep")]


def test_brackets_within_a_text_do_not_nest() -> None:
    assert parse_json(b'{"a": "' + b"[" * 1000 + rb"\"[[[[" + b'"}', limit_bytes=LIMIT_BYTES)


def test_a_closing_bracket_in_a_text_does_not_hide_depth() -> None:
    assert refused(b'["]",' * 17 + b"1" + b"]" * 17) == [("", "too_deep")]


def test_a_hundred_thousand_brackets_never_reach_a_parser() -> None:
    with pytest.raises(PayloadError) as caught:
        parse_json(b"[" * 107_000, limit_bytes=256 * 1024)
    assert caught.value.faults[0].code == "too_deep"


@pytest.mark.parametrize(
    "value", [None, True, 1.5, "x" * 500, b"\xff" * 500, [1] * 500, {"a": 1}, 10**4000, "\ud800", b"\xf0\x9f"]
)
def test_what_was_got_is_said_shortly_and_can_be_written_down(value: object) -> None:
    said = describe(value)
    assert 0 < len(said) <= 80
    assert said.encode("utf-8")
