"""The unit of an unknown model's water content: no single value changes it, and a real change is never mixed in."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from ingest.stream_units import VALUES_TO_SWITCH, StreamReader, StreamUnits


class Stream:
    """One field of one device; `send` says how each value was read: m3/m3, or why it is doubted."""

    def __init__(self) -> None:
        self.units = StreamUnits()
        self.seq = 0

    def send(self, *values: float) -> list[float | str]:
        return [self._one(value) for value in values]

    def _one(self, value: float) -> float | str:
        self.seq += 1
        reader = StreamReader(self.units.of_device("d"), self.seq)
        unit, doubt = reader.read({"vwc": value})["vwc"]
        self.units.learn("d", reader.changes)
        return doubt.partition(":")[0] if doubt else round(value / 100 if unit == "%" else value, 9)


DOUBT = "unit_uncertain"


@pytest.mark.parametrize(
    ("first", "read"), [(0.18, 0.18), (1.0, 1.0), (1.0001, 0.010001), (22.5, 0.225), (100.0, 1.0), (0.0, 0.0)]
)
def test_the_first_value_is_a_fraction_up_to_1_and_percent_above(first: float, read: float) -> None:
    assert Stream().send(first) == [read]


def test_one_small_value_in_a_stream_of_percent_is_percent() -> None:
    assert Stream().send(22.5, 0.8, 22.4, 1.0, 22.3) == [0.225, 0.008, 0.224, 0.01, 0.223]


def test_one_large_value_in_a_stream_of_fractions_is_kept_apart() -> None:
    assert Stream().send(0.22, 22.5, 0.21, 1.2, 0.2) == [0.22, DOUBT, 0.21, DOUBT, 0.2]


def test_a_switch_to_fractions_is_quarantined_from_its_first_value_and_never_mixed_in() -> None:
    stream = Stream()
    stream.send(22.5, 22.4)
    assert set(stream.send(*[0.22 + n / 1000 for n in range(200)])) == {DOUBT}
    assert set(stream.send(0.45, 0.6, 0.9)) == {DOUBT}, "also once it rained"
    assert stream.send(23.0, 0.8) == [0.23, 0.008], "until a value above 1 ends the doubt"


def test_small_values_in_a_row_are_doubted_even_where_the_level_does_not_tell() -> None:
    assert Stream().send(22.5, 0.8, 0.8, 0.8, 0.8) == [0.225, 0.008, 0.008, DOUBT, DOUBT]


def test_a_switch_to_percent_is_quarantined_until_it_is_certain() -> None:
    stream = Stream()
    stream.send(0.22, 0.21)
    switched = [20.0 + n / 10 for n in range(VALUES_TO_SWITCH + 2)]
    read = stream.send(*switched)
    assert read[: VALUES_TO_SWITCH - 1] == [DOUBT] * (VALUES_TO_SWITCH - 1)
    assert read[VALUES_TO_SWITCH - 1 :] == [round(value / 100, 9) for value in switched[VALUES_TO_SWITCH - 1 :]]
    assert stream.send(0.8) == [0.008]


def test_fractions_a_little_above_1_never_make_it_percent() -> None:
    stream = Stream()
    stream.send(0.9)
    assert set(stream.send(*[1.5] * 50)) == {DOUBT}
    assert stream.send(0.9) == [0.9]


def test_a_battery_sagging_to_zeros_changes_no_unit() -> None:
    percent, fraction = Stream(), Stream()
    assert percent.send(22.5, 15.0, 8.0, 3.0, 0.0, 0.0, 0.0, 0.0, 22.5) == [0.225, 0.15, 0.08, 0.03, 0, 0, 0, 0, 0.225]
    assert fraction.send(0.22, 0.1, 0.0, 0.0, 0.0, 0.22) == [0.22, 0.1, 0, 0, 0, 0.22]


def test_values_of_one_message_share_a_unit_and_a_new_element_follows_its_device() -> None:
    units = StreamUnits()
    reader = StreamReader(units.of_device("d"), 1)
    assert reader.read({"a": 0.8, "b": 22.5}) == {"a": ("%", None), "b": ("%", None)}
    units.learn("d", reader.changes)
    assert StreamReader(units.of_device("d"), 2).read({"c": 0.8}) == {"c": ("%", None)}
    assert StreamReader(units.of_device("other"), 3).read({"c": 0.8}) == {"c": ("1", None)}


def mixed(seed: int) -> list[float]:
    """Return a stream with dry spells, zeros, glitches and switches of unit."""
    rng = random.Random(seed)
    values: list[float] = []
    for _ in range(rng.randrange(1, 6)):
        scale = rng.choice([1.0, 100.0])
        values += [scale * rng.uniform(0.0, 0.6) for _ in range(rng.randrange(1, 12))]
        values += rng.choices([0.0, 0.8, 1.0, 1.2, 55.0], k=rng.randrange(3))
    return values


@pytest.mark.parametrize("seed", range(40))
def test_batches_and_restarts_change_nothing(seed: int) -> None:
    """A message sealed again after its state was saved, and a state read back from disk, give the same units."""
    values = mixed(seed)
    plain = Stream().send(*values)
    restarted = Stream()
    read: list[float | str] = []
    for value in values:
        restarted.units = StreamUnits(list(restarted.units))
        read += restarted.send(value)
        before = list(restarted.units)
        reader = StreamReader(restarted.units.of_device("d"), restarted.seq)
        reader.read({"vwc": value})
        restarted.units.learn("d", reader.changes)
        assert list(restarted.units) == before
    assert read == plain


def test_a_long_quiet_stream_does_not_change_its_state_with_every_value() -> None:
    stream, rng = Stream(), random.Random(3)
    stream.send(*[22.0 + rng.uniform(-1, 1) for _ in range(500)])
    ((_, _, state),) = stream.units
    assert state.message_seq == 1


def test_the_streams_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.stream_units._MOST_STREAMS", 2)
    units = StreamUnits()
    for seq, device in enumerate("abc"):
        reader = StreamReader({}, seq)
        reader.read({"vwc": 22.5})
        units.learn(device, reader.changes)
    assert _devices(list(units)) == ["c", "b"]
    assert not units.of_device("a"), "nor is it in memory"


def _devices(streams: Sequence[tuple[str, str, object]]) -> list[str]:
    return [device_id for device_id, _, _ in streams]
