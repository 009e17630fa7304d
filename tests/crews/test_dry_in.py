"""When a plot will want water, as the card and the office say it."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from crews.finding import Finding, counted_to, merge_flags
from crews.office import Filters, make_office_view
from crews.page import render_office
from crews.say_stop import say_dry_in
from crews.words import speaker
from ingest.site import BEICHEN
from tests.crews.made import DAY, NOW, flag, plot, well


@pytest.mark.parametrize(
    ("days", "low", "high", "zh"),
    [
        (3.2, 2.4, 4.6, "约 3 天后缺水（2–5 天）"),
        (3.2, 2.4, 14.0, "约 3 天后缺水（最早 2 天）"),
        (0.3, 0.0, 1.2, "今天就要缺水（最晚 2 天）"),
        (14.0, 6.5, 14.0, "14 天内多半不缺水（最早 6 天）"),
        (14.0, 14.0, 14.0, "14 天内不缺水"),
    ],
)
def test_the_days_are_said_with_their_range(days: float, low: float, high: float, zh: str) -> None:
    row = well("P1", "drought", NOW, days_until_dry=days, days_until_dry_low=low, days_until_dry_high=high)
    (finding,) = merge_flags([row])
    assert say_dry_in(finding, speaker("zh")) == zh


def test_nothing_is_said_of_plots_that_are_dry_or_unknown() -> None:
    known = {"days_until_dry": 0.0, "days_until_dry_low": 0.0, "days_until_dry_high": 0.0}
    (dry,) = merge_flags([flag("P1", "drought", NOW, **known)])
    (unknown,) = merge_flags([well("P1", "drought", NOW)])
    assert (
        say_dry_in(dry, speaker("zh")) is say_dry_in(unknown, speaker("zh")) is say_dry_in(None, speaker("zh")) is None
    )


def test_the_days_run_while_the_verdict_ages_but_two_weeks_stay_two_weeks() -> None:
    row = well("P1", "drought", NOW, days_until_dry=3.0, days_until_dry_low=0.5, days_until_dry_high=14.0)
    (finding,) = merge_flags([row])
    later = counted_to(finding, NOW + DAY, BEICHEN)
    assert (later.days_until_dry, later.days_until_dry_low, later.days_until_dry_high) == (2.0, 0.0, 14.0)


def test_the_office_sees_who_is_dry_within_a_week_first_of_all_the_first() -> None:
    def finding(plot_id: str, days: float, **changes: object) -> tuple[tuple[str, str], object]:
        row = well(
            plot_id,
            "drought",
            NOW,
            days_until_dry=days,
            days_until_dry_low=days / 2,
            days_until_dry_high=14.0,
            **changes,
        )
        (found,) = merge_flags([row])
        return (plot_id, "drought"), found

    latest = dict([finding("P1", 7.0), finding("P2", 2.0), finding("P3", 7.1), finding("P4", 1.0, state="frozen")])
    plots = {name: plot(name, f"地块{name}", 117.1, 39.2) for name in ("P1", "P2", "P3", "P4")}
    view = make_office_view([], [], latest, plots, NOW, BEICHEN, Filters(), 8000.0)  # type: ignore[arg-type]
    assert [name for name, _ in view.soon_dry] == ["地块P2", "地块P1"]


def test_the_office_sees_water_that_nobody_ordered_or_that_did_not_arrive_while_it_is_news() -> None:
    def watering(plot_id: str, state: str, at: datetime = NOW) -> tuple[tuple[str, str], Finding]:
        (found,) = merge_flags([well(plot_id, "watering", at, state=state, reason_code=f"watering_{state}")])
        return (plot_id, "watering"), found

    latest = dict(
        [watering("P1", "unplanned"), watering("P2", "verified"), watering("P3", "ineffective", NOW - DAY),
         watering("P4", "partial")]
    )  # fmt: skip
    plots = {name: plot(name, f"地块{name}", 117.1, 39.2) for name in ("P1", "P2", "P3", "P4")}
    view = make_office_view([], [], latest, plots, NOW, BEICHEN, Filters(), 8000.0)
    assert [name for name, _ in view.waterings] == ["地块P1", "地块P4"]


def test_the_office_reads_once_what_unplanned_water_is_and_of_each_plot_only_when_and_how_much() -> None:
    params = json.dumps({"when": "07-09 13:00", "rise_pct": 3.7})
    rows = [well(plot_id, "watering", NOW, state="unplanned", reason_code="watering_unplanned",
                 reason_params_json=params) for plot_id in ("P1", "P2")]  # fmt: skip
    latest = {(found.plot_id, found.cause): found for found in merge_flags(rows)}
    plots = {name: plot(name, f"地块{name}", 117.1, 39.2) for name in ("P1", "P2")}
    view = make_office_view([], [], latest, plots, NOW, BEICHEN, Filters(), 8000.0)
    page = render_office(view, "zh", BEICHEN)
    assert page.count("没人安排浇水") == 1
    assert "地块P2 · 07-09 13:00 起升 3.7 个百分点" in page
    assert "nobody ordered water" in render_office(view, "en", BEICHEN)
