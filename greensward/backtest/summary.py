"""A back-test in numbers."""

from __future__ import annotations

from statistics import median

import msgspec

from greensward.backtest.tally import UNKNOWN_STATES, Tally, forecast_errors, reopened_soon

_DAYS_A_MONTH = 30.4375
_GOOD_DAYS = 2.0
_SECONDS_A_DAY = 86_400


class Flapper(msgspec.Struct, frozen=True):
    """A plot that opened more than once, and how often again within 72 h of closing."""

    plot_id: str
    opened: int
    closed: int
    reopened: int


class Summary(msgspec.Struct, frozen=True):
    """What a back-test found.

    plot_evaluations: plots judged, added up over all evaluations; unknown_share, work_share: of these
    opened_a_month: issues a plot and month; reopened: within 72 h of closing
    frozen_days, frozen_days_flagged: plot-evaluations that rest on a frozen day, and those of them that ask for work
    forecasts: how many were made, checked: how many came true before water came; errors in days, said less came
    """

    first: str
    last: str
    evaluations: int
    plots: int
    plot_evaluations: int
    opened: int
    closed: int
    opened_a_month: float
    reopened: int
    unknown_share: float
    work_share: float
    frozen_days: int
    frozen_days_flagged: int
    forecasts: int
    forecasts_checked: int
    forecast_median_error_d: float | None
    forecast_share_within_2_d: float | None
    flappers: tuple[Flapper, ...]


def summarise(tally: Tally) -> Summary:
    """Return the numbers of a finished back-test."""
    histories = tally.plots.values()
    states = [state for one in histories for index in range(len(one.states)) if (state := tally.state_of(one, index))]
    errors = [error for one in histories for error in forecast_errors(one)]
    opened = sum(len(one.opened) for one in histories)
    months = max((tally.instants[-1] - tally.instants[0]).total_seconds() / _SECONDS_A_DAY, 1.0) / _DAYS_A_MONTH
    flappers = [
        Flapper(plot, len(one.opened), len(one.closed), reopened_soon(one))
        for plot, one in tally.plots.items()
        if len(one.opened) > 1
    ]
    flappers.sort(key=lambda one: (-one.reopened, -one.opened, one.plot_id))
    return Summary(
        first=tally.site.local_date(tally.instants[0]).isoformat(),
        last=tally.site.local_date(tally.instants[-1]).isoformat(),
        evaluations=len(tally.instants),
        plots=len(tally.plots),
        plot_evaluations=len(states),
        opened=opened,
        closed=sum(len(one.closed) for one in histories),
        opened_a_month=round(opened / max(len(tally.plots), 1) / months, 3),
        reopened=sum(reopened_soon(one) for one in histories),
        unknown_share=round(sum(state in UNKNOWN_STATES for state in states) / max(len(states), 1), 4),
        work_share=round(tally.work / max(len(states), 1), 4),
        frozen_days=tally.frozen_days,
        frozen_days_flagged=tally.frozen_days_flagged,
        forecasts=sum(len(one.forecasts) for one in histories),
        forecasts_checked=len(errors),
        forecast_median_error_d=round(median(abs(error) for error in errors), 2) if errors else None,
        forecast_share_within_2_d=round(sum(abs(error) <= _GOOD_DAYS for error in errors) / len(errors), 3)
        if errors
        else None,
        flappers=tuple(flappers),
    )
