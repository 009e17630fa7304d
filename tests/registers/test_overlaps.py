"""Plots that share ground."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import shapely

from ingest.registers.plots import PlotCheck

Make = Callable[..., Any]
Check = Callable[..., PlotCheck]


def faults(check: PlotCheck) -> list[tuple[int | None, str]]:
    return [(finding.number, finding.code) for finding in check.findings if finding.severity == "fault"]


def ids(check: PlotCheck) -> list[str]:
    return [plot.plot_id for plot in check.plots]


def test_neighbours_with_a_common_border_are_fine(checked: Check, plot: Make, square: Make) -> None:
    grid = [plot(f"P-{i}{j}", square(117.1 + i * 0.0005, 39.2 + j * 0.0005)) for i in range(3) for j in range(3)]
    check = checked(*grid)
    assert (check.findings, len(check.plots)) == ((), 9)


def test_the_second_of_two_overlapping_plots_is_refused_with_area_and_share(
    checked: Check, plot: Make, square: Make
) -> None:
    check = checked(plot("P-1", square()), plot("P-2", square(117.10025, 39.2)))
    assert faults(check) == [(1, "overlap")]
    # Half of a plot of 2,398 m².
    assert float(check.findings[0].got.split()[0]) == pytest.approx(1199, rel=1e-3)
    assert "50.0%" in check.findings[0].got
    assert "P-1 (feature 0)" in check.findings[0].got
    assert ids(check) == ["P-1"]


def test_one_outline_drawn_over_ten_plots_is_the_wrong_one_wherever_it_stands(
    checked: Check, plot: Make, square: Make
) -> None:
    small = [plot(f"P-{i}", square(117.1 + i * 0.0005)) for i in range(10)]
    check = checked(plot("PARK", square(117.099, 39.199, 0.007)), *small)
    assert {number for number, _ in faults(check)} == {0}
    assert len(faults(check)) == 6
    assert check.findings[-1].got == "5 more plots"
    assert len(check.plots) == 10


def test_a_sliver_of_a_border_drawn_twice_is_only_a_warning(checked: Check, plot: Make, square: Make) -> None:
    # 0.00001° of longitude is 0.86 m: narrower than 1 m, though 2 % of the area; 0.00002° is 1.7 m and 4 %.
    thin = checked(plot("P-1", square()), plot("P-2", square(117.10049)))
    assert [finding.code for finding in thin.findings] == ["overlap_sliver"]
    assert ids(thin) == ["P-1", "P-2"]
    thick = checked(plot("P-1", square()), plot("P-2", square(117.10048)))
    assert faults(thick) == [(1, "overlap")]


def test_less_than_a_hundredth_of_the_smaller_plot_is_only_a_warning(checked: Check, plot: Make, square: Make) -> None:
    # 2.2 m of 430 m is 0.5 %; wider than 1 m.
    check = checked(plot("P-1", square(117.1, 39.2, 0.005)), plot("P-2", square(117.104975, 39.2, 0.005)))
    assert [finding.code for finding in check.findings] == ["overlap_sliver"]


def test_a_whole_verge_narrower_than_a_metre_inside_a_plot_is_no_sliver(
    checked: Check, plot: Make, square: Make
) -> None:
    verge = {
        "type": "Polygon",
        "coordinates": [
            [
                [117.1001, 39.2001],
                [117.1004, 39.2001],
                [117.1004, 39.200105],
                [117.1001, 39.200105],
                [117.1001, 39.2001],
            ]
        ],
    }
    check = checked(plot("P-1", square()), plot("P-2", verge))
    assert faults(check) == [(1, "overlap")]
    assert "100.0%" in check.findings[0].got


def test_a_plot_does_not_overlap_a_faulty_one(checked: Check, plot: Make, square: Make) -> None:
    check = checked(plot("P-1", square(), vegetation="moss"), plot("P-2", square(117.10025)))
    assert faults(check) == [(0, "unknown_vegetation")]
    assert ids(check) == ["P-2"]


def test_a_plot_of_the_register_stays_unless_the_file_redraws_or_closes_it(
    checked: Check, plot: Make, square: Make
) -> None:
    standing = {"OLD": shapely.box(117.1, 39.2, 117.1005, 39.2005)}
    new = plot("NEW", square(117.1002))
    refused = checked(new, outlines=standing)
    assert (faults(refused), ids(refused)) == ([(0, "overlap")], [])
    assert "OLD (in the register)" in refused.findings[0].got
    redrawn = checked(new, plot("OLD", square(117.0997)), outlines=standing)
    assert (redrawn.findings, ids(redrawn)) == ((), ["NEW", "OLD"])
    closed = checked(new, outlines=standing, replace=True)
    assert (closed.findings, ids(closed)) == ((), ["NEW"])


def test_where_a_redrawn_plot_is_faulty_its_old_outline_still_counts(checked: Check, plot: Make, square: Make) -> None:
    standing = {"OLD": shapely.box(117.1, 39.2, 117.1005, 39.2005)}
    check = checked(
        plot("NEW", square(117.1002)), plot("OLD", square(117.0997), name=None), outlines=standing, replace=True
    )
    assert faults(check) == [(0, "overlap"), (1, "missing_property")]
    assert ids(check) == []


@pytest.mark.parametrize("count", [40])
def test_a_layer_imported_twice_under_two_names_leaves_one_of_each(
    checked: Check, plot: Make, square: Make, count: int
) -> None:
    both = [plot(f"{name}-{i}", square(117.1 + i * 0.001)) for name in "AB" for i in range(count)]
    check = checked(*both)
    assert ids(check) == [f"A-{i}" for i in range(count)]
