"""Adding and moving devices, as pure functions of rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingest.errors import ConfigError
from ingest.registers.device_history import add, bind, device_row

MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)


def test_a_device_is_added_once() -> None:
    rows = add([], device_row("s1", MAY, plot_id="P-1"))
    with pytest.raises(ConfigError, match="bind s1"):
        add(rows, device_row("s1", JULY, plot_id="P-2"))


def test_a_device_that_was_taken_away_may_be_added_again_later() -> None:
    rows = add([device_row("s1", MAY, valid_to=JUNE)], device_row("s1", JUNE))
    assert [(row["valid_from"], row["valid_to"]) for row in rows] == [(MAY, JUNE), (JUNE, None)]


def test_a_moved_probe_keeps_model_depths_and_interval_but_not_its_position() -> None:
    first = device_row(
        "s1", MAY, model="a/b", plot_id="P-1", depths_cm=[10, 30], report_interval_s=600, lon=117.1, lat=39.2
    )
    before, after = bind([first], "s1", "P-2", None, JUNE)
    assert (before["plot_id"], before["valid_to"], before["lon"]) == ("P-1", JUNE, 117.1)
    assert (after["plot_id"], after["valid_from"], after["valid_to"]) == ("P-2", JUNE, None)
    assert (after["model"], after["depths_cm"], after["report_interval_s"]) == ("a/b", [10.0, 30.0], 600)
    assert (after["lon"], after["lat"]) == (None, None)


def test_a_probe_set_deeper_in_its_plot_keeps_its_position() -> None:
    first = device_row("s1", MAY, plot_id="P-1", depths_cm=[10], lon=117.1, lat=39.2)
    _, after = bind([first], "s1", "P-1", [20], JUNE)
    assert (after["depths_cm"], after["lon"]) == ([20.0], 117.1)


def test_binding_from_the_same_instant_corrects_the_row() -> None:
    (row,) = bind([device_row("s1", MAY, plot_id="P-1")], "s1", "P-2", None, MAY)
    assert (row["plot_id"], row["valid_from"]) == ("P-2", MAY)


def test_the_past_of_a_device_is_not_rewritten() -> None:
    with pytest.raises(ConfigError, match="later"):
        bind([device_row("s1", JUNE, plot_id="P-1")], "s1", "P-2", None, MAY)


def test_a_device_that_nobody_added_cannot_be_bound() -> None:
    with pytest.raises(ConfigError, match="device add s1"):
        bind([], "s1", "P-1", None, MAY)


def test_other_devices_are_left_as_they_are() -> None:
    other = device_row("s2", MAY, plot_id="P-1")
    assert other in bind([other, device_row("s1", MAY)], "s1", "P-1", None, JUNE)
