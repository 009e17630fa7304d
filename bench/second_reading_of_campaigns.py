"""A second reading of section 5 beside the SQL: `python -m bench.second_reading_of_campaigns --districts 20 --seed 1`.

Invents districts on a day of some year (campaigns of their own beside the built-in ones, windows over New Year, plants
set around the years that count, weather and soil around the conditions with days that nobody measured, campaigns that
the office starts and closes, plots that crews report) and says where each campaign stands and which plots wait twice:
by the product's models and in plain Python, written from the specification and decision 9. Prints what differs; exit 1.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from bench.two_readings import Differences, compare_districts, differs, rows_of
from ingest.site import BEICHEN
from sql.campaigns import Campaigns, load_campaigns
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import MadeLake, local_midnight

_ZONE = BEICHEN.timezone
_DAY = timedelta(days=1)
_WINDOW, _SILENT, _OVER, _MEMORY = 35, 7, 30, 220
_OWN_COLUMNS = (
    "campaign_id,name_zh,name_en,work,month_day_from,month_day_to,start_by,grades,vegetations,planted_after,"
    "planted_within_years,standard_mm,rest,source\n"
)
_OWN = (
    "new_year,跨年,New Year,other,12-20,01-15,calendar,,,,2,,,own\n"
    "leap,闰日,leap,other,02-29,03-20,calendar,1 2,,,1,,,own\n"
    "young,新植,young,water,{young},09-20,calendar,,trees shrubs,,3,25,,own\n"
    "after,之后,after,other,05-01,06-15,calendar,,,2024-05-02,,,,own\n"
)


@dataclass(slots=True)
class District:
    """All that was invented; days are daily values of what a condition may ask for."""

    now: datetime
    campaigns: Campaigns
    lake: MadeLake = field(default_factory=MadeLake)
    days: dict[date, dict[str, float]] = field(default_factory=dict)
    depth_cm: float = 5.0
    events: list[tuple[str, int, str, datetime]] = field(default_factory=list)
    reports: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    plots: dict[str, dict[str, Any]] = field(default_factory=dict)


def invent(seed: int) -> District:
    """Return a district of a random day."""
    random = Random(seed)
    year = random.choice([2024, 2025, 2026, 2028])
    near = [(1, 10), (1, 20), (2, 26), (2, 28), (3, 1), (3, 20), (4, 11), (5, 20), (6, 10), (7, 30), (9, 10), (9, 11)]
    month, day = random.choice([*near, (10, 5), (10, 31), (11, 4), (11, 5), (11, 20), (12, 4), (12, 22), (12, 31)])
    now = local_midnight(date(year, month, day)) + timedelta(hours=random.choice([0, 8, 23]))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.csv"
        file.write_text(_OWN_COLUMNS + _OWN.format(young=random.choice(["03-01", "02-28", "07-15"])), encoding="utf-8")
        district = District(now, load_campaigns(file))
    _weather(district, random)
    for number in range(14):
        _plot(district, f"P{number}", random)
    _records(district, random)
    return district


def _weather(district: District, random: Random) -> None:
    """Let a station and a soil thermometer measure around the conditions, some days not at all."""
    today = district.now.astimezone(_ZONE).date()
    district.depth_cm = random.choice([5.0, 10.0, 15.0, 2.4, 2.5, 7.5, 20.0, 20.1])
    air = random.choice([-1.0, 2.5, 3.5, 8.0, 25.0])
    soil = random.choice([-0.5, 0.5, 2.9, 3.5, 4.5, 5.2, 15.0])
    silent = random.choice([0, 0, 6, 7, 8])
    has_air, has_soil = random.random() < 0.8, random.random() < 0.8
    district.lake.device("T", None, depths_cm=[district.depth_cm], report_interval_s=10800.0)
    for back in range(silent, 20):
        day = today - (back + 1) * _DAY
        if random.random() < 0.08:
            continue
        means = (round(air + random.choice([-0.5, 0, 0.5]), 1), round(soil + random.choice([-0.3, 0, 0.3]), 1))
        rain = random.choice([0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 2.1])
        swings = [share * 4 for share in (-1.0, -0.6, -0.2, 0.2, 0.6, 1.0, 0.4, -0.4)]
        values: dict[str, float] = {}
        for number, swing in enumerate(swings):
            at = local_midnight(day) + timedelta(hours=3 * number)
            if has_air:
                fell = rain if number == 0 else 0.0
                district.lake.add(
                    "weather_readings", device_id="W", measured_at=at, air_temperature_c=means[0] + swing,
                    rain_depth_mm=fell,
                )  # fmt: skip
            if has_soil:
                district.lake.soil(at, "T", soil_temperature_c=means[1])
        if has_air:
            values |= {
                "air_temperature_mean_c": fmean(means[0] + swing for swing in swings),
                "air_temperature_min_c": means[0] - 4,
                "air_temperature_max_c": means[0] + 4,
                "rain_mm": rain,
            }
        if has_soil:
            values["soil_temperature_mean_c"] = means[1]
        district.days[day] = values


def _plot(district: District, plot_id: str, random: Random) -> None:
    today = district.now.astimezone(_ZONE).date()
    years = random.choice([1, 2, 3])
    edges = [_anniversary(date(today.year, 3, 1), -years), _anniversary(date(today.year, 2, 28), -years)]
    edges += [date(today.year - years, *given) for given in ((12, 20), (7, 15), (12, 19), (11, 10))]
    edges += [date(2024, 2, 29), date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 3)]
    planted = random.choice([None, *(edge + random.choice([-1, 0, 1]) * _DAY for edge in edges)])
    fields = {
        "planted_on": planted,
        "vegetation": random.choice(["cool_turf", "shrubs", "trees", "conifers", "new_planting"]),
        "maintenance_grade": random.choice([1, 2, 3]),
    }
    district.plots[plot_id] = fields
    district.lake.plot(plot_id, **fields)


def _records(district: District, random: Random) -> None:
    """Let the office start and close campaigns, and crews report plots, now and in the year before."""
    for row in district.campaigns.rows:
        for season in (district.now.year - 1, district.now.year):
            _office(district, row, season, random)
    for number, (campaign_id, season, kind, at) in enumerate(district.events):
        district.lake.add(
            "campaign_events", event_id=f"{number:04}", campaign_id=campaign_id, season=season, happened_at=at,
            kind=kind, actor="office",
        )  # fmt: skip
        for plot_id in random.sample(sorted(district.plots), 4) if kind == "started" else ():
            cause = random.choice([f"campaign.{campaign_id}", f"campaign.{campaign_id}", "drought"])
            _crew(district, plot_id, cause, at, random)
    for number, (plot_id, cause, kind, at) in enumerate(district.reports):
        district.lake.add(
            "issue_events", event_id=f"E{number:04}", issue_id=f"{plot_id}-{cause}", happened_at=at, kind=kind,
            plot_id=plot_id, cause=cause, actor="crew", detail_json="{}",
        )  # fmt: skip


def _office(district: District, row: Mapping[str, str], season: int, random: Random) -> None:
    begin, end = _window(row, season)
    at = local_midnight(begin)
    kinds = random.choice([(), ("started",), ("started",), ("started", "closed"), ("started", "closed", "started")])
    for kind in kinds:
        at += random.randint(0, 12) * _DAY + timedelta(hours=random.randint(1, 9))
        if at < local_midnight(end + _DAY):
            district.events.append((row["campaign_id"], season, kind, at))


def _crew(district: District, plot_id: str, cause: str, at: datetime, random: Random) -> None:
    for kind in random.choice([("done",), ("done",), ("done", "reopened"), ("void",), ("opened",)]):
        at += timedelta(hours=random.randint(1, 60))
        if not any(one[0] == plot_id and one[1] == cause and one[3] >= at for one in district.reports):
            district.reports.append((plot_id, cause, kind, at))


def _day_of_year(text: str, year: int, *, is_end: bool) -> date:
    month, day = (int(part) for part in text.split("-"))
    try:
        return date(year, month, day)
    except ValueError:  # 29 February of a common year
        return date(year, 2, 28) if is_end else date(year, 3, 1)


def _window(row: Mapping[str, str], season: int) -> tuple[date, date]:
    is_over_new_year = row["month_day_to"] < row["month_day_from"]
    begin = _day_of_year(row["month_day_from"], season, is_end=False)
    return begin, _day_of_year(row["month_day_to"], season + is_over_new_year, is_end=True)


def _anniversary(day: date, years: int) -> date:
    """Return a day so many years later; that of 29 February is the last day of February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 2, 28)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a campaign stands, by plain reading."""

    season: int
    begin: date
    end: date
    state: str
    ready_since: date | None


def standing(district: District, row: Mapping[str, str]) -> Standing:
    """Return where a campaign stands."""
    today = district.now.astimezone(_ZONE).date()
    windows = {season: _window(row, season) for season in range(today.year - 2, today.year + 2)}
    inside = [season for season, (begin, end) in windows.items() if begin <= today <= end]
    past = [season for season, (_, end) in windows.items() if end < today <= end + _OVER * _DAY]
    coming = [season for season, (begin, _) in windows.items() if begin > today]
    season = max(inside or past) if inside or past else min(coming)
    begin, end = windows[season]
    kinds = [
        kind
        for _, campaign_season, kind, _ in sorted(
            (one for one in district.events if one[0] == row["campaign_id"] and one[3] <= district.now),
            key=lambda one: one[3],
        )
        if campaign_season == season
    ]
    if today > end or (kinds and kinds[-1] == "closed"):
        return Standing(season, begin, end, "over", None)
    if kinds:
        return Standing(season, begin, end, "running", None)
    if today < begin:
        return Standing(season, begin, end, "not_started", None)
    ready = _ready_since(district, row, begin, today)
    return Standing(season, begin, end, "ready" if ready else "not_started", ready)


def _ready_since(district: District, row: Mapping[str, str], begin: date, today: date) -> date | None:
    rules = [rule for rule in district.campaigns.rules if rule["campaign_id"] == row["campaign_id"]]
    rules = rules if row["start_by"] == "conditions" else []
    measured = [
        rule
        for rule in rules
        if any(_value(district, rule, today - n * _DAY) is not None for n in range(1, _SILENT + 1))
    ]
    if not measured:
        return begin
    day = max(begin, today - _WINDOW * _DAY)
    while day < today:
        if all(_has_held(district, rule, day) for rule in measured):
            return day
        day += _DAY
    return None


def _value(district: District, rule: Mapping[str, str], day: date) -> float | None:
    is_of_soil = rule["quantity"].startswith("soil")
    if is_of_soil and not float(rule["depth_from_cm"]) <= district.depth_cm <= float(rule["depth_to_cm"]):
        return None
    return district.days.get(day, {}).get(rule["quantity"])


def _has_held(district: District, rule: Mapping[str, str], day: date) -> bool:
    line = float(rule["threshold"])
    for back in range(int(rule["days_running"])):
        value = _value(district, rule, day - back * _DAY)
        if value is None:
            return False
        value = round(value, 9)
        if not {"<": value < line, "<=": value <= line, ">": value > line, ">=": value >= line}[rule["operator"]]:
            return False
    return True


def is_listed(row: Mapping[str, str], plot: Mapping[str, Any], begin: date) -> bool:
    """Say whether a plot is of those that a campaign is for."""
    if row["grades"] and str(plot["maintenance_grade"]) not in row["grades"].split():
        return False
    is_new = plot["vegetation"] == "new_planting"
    if row["vegetations"] and plot["vegetation"] not in row["vegetations"].split():
        return False
    planted = plot["planted_on"]
    if row["planted_after"] and (planted is None or planted < date.fromisoformat(row["planted_after"])):
        return False
    if row["planted_within_years"] and not is_new:
        return planted is not None and _anniversary(planted, int(row["planted_within_years"])) > begin
    return True


def waits(district: District, row: Mapping[str, str], where: Standing, plot_id: str) -> bool:
    """Say whether a plot of a running campaign is still to be done."""
    if where.state != "running" or not is_listed(row, district.plots[plot_id], where.begin):
        return False
    starts = [at for one, season, kind, at in district.events
              if one == row["campaign_id"] and season == where.season and kind == "started"]  # fmt: skip
    causes = {f"campaign.{row['campaign_id']}"} | ({"drought"} if row["work"] == "water" else set())
    for cause in causes:
        said = [
            (at, kind)
            for one, about, kind, at in district.reports
            if one == plot_id and about == cause and min(starts) <= at <= district.now and kind != "opened"
        ]
        last = max(said)[1] if said else ""
        if last == "done" or (last == "void" and cause != "drought"):
            return False
    return True


def differences(seed: int) -> Differences:
    """Return how many values one district gave to compare, and a line for each that differs."""
    district = invent(seed)
    connection = district.lake.connect()
    make_models(connection, models_behind("campaign_plots"), as_of=district.now, site=BEICHEN,
                campaigns=district.campaigns)  # fmt: skip
    states = {row["campaign_id"]: row for row in rows_of(connection, "select * from campaign_states")}
    due = {
        (row["campaign_id"], row["plot_id"]) for row in rows_of(connection, "select * from campaign_plots where is_due")
    }
    now = f"{district.now.astimezone(_ZONE):%Y-%m-%d %H:%M}"
    found = [differs(f"{now} {kind}", theirs, own) for kind, theirs, own in _all(district, states, due)]
    district.lake.connection.close()
    return {"values": len(found)}, [line for line in found if line]


def _all(
    district: District, states: Mapping[str, Mapping[str, Any]], due: set[tuple[str, str]]
) -> Iterator[tuple[str, object, object]]:
    for row in district.campaigns.rows:
        name, where = row["campaign_id"], standing(district, row)
        theirs = states[name]
        yield f"{name}: season", (theirs["season"], theirs["starts_on"], theirs["ends_on"]), (
            where.season, where.begin, where.end)  # fmt: skip
        yield f"{name}: state", theirs["state"], where.state
        if where.state == "ready":
            yield f"{name}: ready since", theirs["ready_since"], where.ready_since
        for plot_id, plot in district.plots.items():
            what = f"{name}, {plot['vegetation']} planted {plot['planted_on']}: waits"
            yield what, (name, plot_id) in due, waits(district, row, where, plot_id)


def main() -> int:
    """Judge districts twice and print what differs."""
    return compare_districts(__doc__, 20, differences)


if __name__ == "__main__":
    raise SystemExit(main())
