"""What a picture of a plot tells: the JSON of relation plot_stories as values."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from ingest.site import Site


class Day(msgspec.Struct, frozen=True, array_like=True):
    """One finished local day.

    condition: judged, frozen, gated (too few readings were usable) or sparse (too few came)
    value and lines: water content in m³/m³ (upper: field capacity, lowest: wilting point), or potential in kPa
    """

    date: date
    condition: str
    value: float | None = None
    upper: float | None = None
    watch: float | None = None
    refill: float | None = None
    lowest: float | None = None
    state: str | None = None


class Hour(msgspec.Struct, frozen=True, array_like=True):
    """The value of one hour that belongs to no finished day yet."""

    at: datetime
    value: float


class Rain(msgspec.Struct, frozen=True, array_like=True):
    """Rain of one local day, mm."""

    date: date
    mm: float


class Wetting(msgspec.Struct, frozen=True, array_like=True):
    """Water that reached the soil; kind is rain, watering or unplanned, gain_mm what the root zone gained."""

    starts_at: datetime
    kind: str
    gain_mm: float | None = None


class IndexFlight(msgspec.Struct, frozen=True, array_like=True):
    """A vegetation index of the plot in one flight; robust_z among plots of its kind, None where not comparable."""

    date: date
    index_name: str
    index_median: float
    robust_z: float | None = None
    state: str | None = None


class Forecast(msgspec.Struct, frozen=True):
    """Days until the refill line is reached, counted from the evaluation; None where nobody can say."""

    median: float | None = None
    low: float | None = None
    high: float | None = None


class Story(msgspec.Struct, frozen=True):
    """The month of one plot as one evaluation saw it.

    window_to: the local day of the evaluation; days before it are finished, `picture_days` of them are shown
    issue_since: since when the plot is dry, where an issue stands open
    """

    plot_id: str
    plot_name: str
    as_of: datetime
    window_to: date
    picture_days: int
    quantity: str
    state: str
    needs_work: bool
    severity: int
    root_zone_m: float | None = None
    issue_since: datetime | None = None
    reason_code: str | None = None
    reason_params: dict[str, object] = {}
    days: tuple[Day, ...] = ()
    hours: tuple[Hour, ...] = ()
    rain: tuple[Rain, ...] = ()
    wettings: tuple[Wetting, ...] = ()
    indices: tuple[IndexFlight, ...] = ()
    forecast: Forecast | None = None

    @property
    def first_day(self) -> date:
        """The first day that the picture shows."""
        return self.window_to - timedelta(days=self.picture_days)

    @property
    def newest(self) -> float | None:
        """The newest value that may be believed, None where there is none."""
        if self.hours:
            return self.hours[-1].value
        return next((day.value for day in reversed(self.days) if day.condition == "judged"), None)

    def day_of(self, instant: datetime, site: Site) -> float:
        """Return an instant in days since the begin of the picture's first day, by the site's clock."""
        local = instant.astimezone(site.timezone)
        seconds = (local.hour * 60 + local.minute) * 60 + local.second
        return (local.date() - self.first_day).days + seconds / 86_400


def parse_story(text: str) -> Story:
    """Return the story in a value of plot_stories.story_json. Raises: msgspec.ValidationError."""
    return msgspec.json.decode(text, type=Story)


def runs_of(story: Story, conditions: frozenset[str | None]) -> list[tuple[int, int]]:
    """Return stretches of days (index of the first, index after the last) whose condition is one of `conditions`.

    None stands for a day of which nothing came.
    """
    by_day = {(day.date - story.first_day).days: day.condition for day in story.days}
    runs: list[tuple[int, int]] = []
    for index in range(story.picture_days):
        if by_day.get(index) in conditions:
            if runs and runs[-1][1] == index:
                runs[-1] = (runs[-1][0], index + 1)
            else:
                runs.append((index, index + 1))
    return runs
