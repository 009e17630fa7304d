"""JSON into columns: as strict as the standard, and each text for itself among its neighbours."""

from __future__ import annotations

import json
import random

import numpy as np
import pyarrow as pa
import pytest

from ingest.decode import json_columns
from ingest.decode.json_columns import read_json_columns, read_objects, simple

SHAPE = pa.struct(
    [
        ("a", pa.string()),
        ("v", pa.float64()),
        ("i", pa.int64()),
        ("r", pa.list_(pa.struct([("v", pa.float64()), ("u", pa.string())]))),
    ]
)
GOOD = (b'{"v":7}', b'{"a":"x","r":[{"v":-0.0},{"u":"m"}]}')


def read(texts: list[bytes], *, screened: bool = True) -> dict[int, object]:
    """Return what was read, by the place of its text."""
    column = pa.array(texts, pa.binary())
    fitting = read_json_columns(column, SHAPE, lambda text: not screened or text in GOOD)
    assert list(fitting.place) == sorted(set(fitting.place))
    return dict(zip(fitting.place.tolist(), fitting.values.to_pylist(), strict=True))


WRONG = {
    "a key twice": b'{"a":"x","a":"x"}',
    "a key twice, once in a list": b'{"r":[{"v":1,"v":1}]}',
    "a list twice": b'{"r":[{"v":1}],"r":[]}',
    "a key nobody knows": b'{"a":"x","z":1}',
    "a key without a name": b'{"":1}',
    "a key nobody knows in a list": b'{"r":[{"z":1}]}',
    "two objects": b'{"v":1}{"v":2}',
    "two lines": b'{"v":1}\n{"v":2}',
    "an end that brings a beginning": b'{"v":1}}\n{"m":{"v":2}',
    "an end that brings another key": b'{"v":1},"m":{"v":2}',
    "an end too many": b'{"v":1}}',
    "no end": b'{"v":1',
    "an open text": b'{"a":"x',
    "nothing": b"",
    "white space": b" ",
    "a list": b"[]",
    "a number": b"7",
    "a number too large for a double": b'{"v":1e400}',
    "no number": b'{"v":NaN}',
    "infinity": b'{"v":Infinity}',
    "infinity in a list": b'{"r":[{"u":"m"},{"v":-Inf}]}',
    "a number of 400 digits": b'{"v":' + b"9" * 400 + b"}",
    "a leading zero": b'{"v":01}',
    "a plus": b'{"v":+1}',
    "no digit before the point": b'{"v":.5}',
    "no digit after it": b'{"v":1.}',
    "hexadecimal": b'{"v":0x10}',
    "true for a number": b'{"v":true}',
    "text for a number": b'{"v":"1"}',
    "a number for text": b'{"a":5}',
    "half for a whole number": b'{"i":1.5}',
    "a whole number beyond 64 bits": b'{"i":9223372036854775808}',
    "a comma at the end": b'{"v":1,}',
    "a comma at the end of a list": b'{"r":[{"v":1},]}',
    "no comma": b'{"r":[{"v":1}{"v":2}]}',
    "a comment": b'/* x */{"v":1}',
    "a line end in a text": b'{"a":"x\ny"}',
    "a tab in a text": b'{"a":"x\ty"}',
    "a zero byte": b'{"v":1}\0',
    "single quotes": b"{'a':'x'}",
    "100,000 brackets": b"[" * 100_000,
    "100,000 brackets where a list is due": b'{"r":' + b"[" * 100_000,
}


@pytest.mark.parametrize("before", [6, 600])
@pytest.mark.parametrize("screened", [True, False])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_text_is_left_out_and_its_neighbours_are_not(wrong: str, before: int, *, screened: bool) -> None:
    """Among the first texts, of which it is not known yet which keys they have, and later."""
    texts = [*GOOD * (before // 2), WRONG[wrong], *GOOD * 3]
    found = read(texts, screened=screened)
    expected = set(range(len(texts))) - {before}
    assert found.keys() <= expected, "never the wrong one"
    assert len(found) >= len(expected) - 3, "of its neighbours three at most go its way"
    assert all(value == _padded(json.loads(texts[place])) for place, value in found.items())


def test_a_key_that_hardly_anybody_writes_is_read_wherever_it_stands() -> None:
    texts = [b'{"v":7}'] * 20_000
    rare = {700: b'{"i":1}', 9_000: b'{"r":[]}', 9_001: b'{"a":"x"}', 15_000: b'{"r":[{"v":2}]}', 15_001: b'{"r":[{}]}'}
    for place, text in rare.items():
        texts[place] = text
    found = read(texts)
    assert len(found) == len(texts)
    assert {place: found[place] for place in rare} == {place: _padded(json.loads(text)) for place, text in rare.items()}
    assert all(value == _padded({"v": 7}) for place, value in found.items() if place not in rare)


def test_keys_that_nobody_writes_are_looked_for_in_the_first_texts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, int] = {}

    def noting(texts: pa.BinaryArray, shape: pa.StructType) -> pa.StructArray | None:
        for field in shape:
            asked[field.name] = asked.get(field.name, 0) + len(texts)
        return read_objects(texts, shape)

    monkeypatch.setattr(json_columns, "read_objects", noting)
    assert len(read([b'{"v":7}'] * 20_000)) == 20_000
    assert asked["v"] == 20_000
    assert max(asked[name] for name in "air") < 1_000


def _padded(value: dict[str, object]) -> dict[str, object]:
    readings = value.get("r")
    filled = None if readings is None else [{"v": None, "u": None} | one for one in readings]  # type: ignore[attr-defined]
    return {"a": None, "v": None, "i": None} | value | {"r": filled}


def test_texts_that_together_make_as_many_objects_as_there_are_texts_are_still_told_apart() -> None:
    two, none = b'{"v":1}}\n{"m":{"v":2}', b" "
    assert read([two, none], screened=False) == {}


def test_numbers_are_those_of_the_standard_library_to_the_last_bit() -> None:
    chance = random.Random(7)
    numbers = [repr(np.frombuffer(chance.randbytes(8), np.float64)[0].item()) for _ in range(2_000)]
    numbers += [
        "0.1",
        "-0",
        "1e-400",
        "5e-324",
        "2.2250738585072011e-308",
        "1E5",
        "0.10000000000000000555",
        "123456789012345678901234567890",
    ]
    numbers = [number for number in numbers if number not in ("nan", "inf", "-inf")]
    found = read([f'{{"v":{number}}}'.encode() for number in numbers])
    assert [repr(one["v"]) for one in found.values()] == [repr(float(number)) for number in numbers]  # type: ignore[index]


def test_whatever_fits_says_what_the_standard_library_reads() -> None:
    chance = random.Random(20261125)
    texts = []
    for _ in range(4_000):
        said = {
            name: value
            for name, value in (("a", "x"), ("v", 1.5), ("i", 3), ("r", [{"v": 1, "u": "m"}]))
            if chance.random() < 0.7
        }
        text = bytearray(json.dumps(said).encode())
        for _ in range(chance.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, 2))):
            at = chance.randrange(len(text))
            text[at : at + chance.randrange(2)] = bytes([chance.choice(b'{}[]",:0123456789.eE-+ \nxavirum')])
        texts.append(bytes(text))
    found = read(texts, screened=False)
    assert len(found) > 1_000
    for place, value in found.items():
        assert value == _padded(json.loads(texts[place], object_pairs_hook=_each_key_once)), texts[place]


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def test_what_may_mean_something_else_is_not_simple() -> None:
    texts = [b'{"a":"x"}', b'{"a":"\\u0061"}', '{"a":"é"}'.encode(), b'{"a":null}', b"", b'{"a":"y"}', b"\xff", b"\\"]
    expected = [True, False, True, False, True, True, False, False]
    assert simple(pa.array(texts, pa.binary())).tolist() == expected
    assert simple(pa.array([b"\\", *texts, b"x"], pa.binary()).slice(1, len(texts))).tolist() == expected


def test_a_character_that_two_texts_share_belongs_to_neither() -> None:
    texts = ['{"a":"绿"}'.encode(), b"\xc3", b"\xa9", '{"a":"地"}'.encode()]
    assert simple(pa.array(texts, pa.binary())).tolist() == [True, False, False, True]
