"""A second reading of section 4 beside the SQL: `python -m bench.second_reading_of_water --districts 3 --seed 1`.

Invents districts (stations that lack this or that, forecasts of two sources, irrigation of each kind, tree pits, salt,
water that crews report and that comes, half comes or does not) and reckons ET0, rain to come, litres, days until dry,
the daily balance and what became of reported water twice: by the product's models and by `bench.plain_water`. What the
root zone lacks is taken from the product (`bench.second_reading` judges it). Prints what differs; exit 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import fmean, median, median_low, quantiles
from typing import Any

import duckdb

from bench import plain_water as plain
from bench.invented_water import District, Station, invent
from bench.two_readings import Differences, compare_districts, differs, models_of, rows_of
from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.reference import reference_rows

_ZONE = BEICHEN.timezone
_PIECES = 7
_OUTLOOK_DAYS = 17
_HOUR = timedelta(hours=1)
_ASKED = ("water_balance", "watering_needs", "dry_forecasts", "watering_checks", "reference_et0", "rain_outlook")
_LATITUDE_DEG = (BEICHEN.south + BEICHEN.north) / 2
_COEFFICIENTS = {row["vegetation"]: float(row["crop_coefficient"]) for row in reference_rows("crop_coefficients")}


def differences(seed: int) -> Differences:
    """Return how many values of each kind one district gave to compare, and a line for each that differs."""
    district = invent(seed)
    connection = district.lake.connect()
    make_models(connection, models_of(_ASKED), as_of=district.now, site=district.site)
    compared: dict[str, int] = defaultdict(int)
    lines = []
    for kind, line in _all(connection, district):
        compared[kind] += 1
        lines += [f"{kind}: {line}"] if line else []
    district.lake.connection.close()
    return dict(compared), lines


def _all(connection: duckdb.DuckDBPyConnection, district: District) -> Iterator[tuple[str, str]]:
    """Yield each comparison: its kind, and what differs or nothing."""
    et0 = _own_et0(district)
    theirs = {row["date"]: row["et0_mm"] for row in rows_of(connection, "select * from reference_et0")}
    for day in sorted(et0.keys() | theirs.keys()):
        yield "ET0", differs(day, theirs.get(day), et0.get(day), 0.01)
    newest = plain.newest_by_day(district.forecasts, district.now)
    rain_mm, chance_pct = plain.rain_to_come(newest, district.now.astimezone(_ZONE))
    (outlook,) = rows_of(connection, "select * from rain_outlook")
    yield "rain to come", differs("mm", outlook["rain_mm"], rain_mm, 1e-3)
    if outlook["probability_pct"] is not None:
        yield "chance of rain", differs("%", outlook["probability_pct"], chance_pct, 0.1)
    is_likely = chance_pct >= 60 - 1e-9
    yield "rain is likely", differs("", outlook["is_likely"], is_likely, 0)
    yield from _needs(connection, district, rain_mm, is_likely=is_likely)
    yield from _days_until_dry(connection, district, et0, newest)
    yield from _curves(connection, district)
    yield from _balances(connection, et0, _own_rain(district))
    yield from _checks(connection, district, et0)


def _own_et0(district: District) -> dict[date, float]:
    """Return ET0 of the days that are over: the median over the stations of each quantity that a day has."""
    found: dict[date, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for station in district.stations:
        by_day: dict[date, list[tuple[datetime, dict[str, float]]]] = defaultdict(list)
        for at, values in station.readings:
            by_day[at.astimezone(_ZONE).date()].append((at.astimezone(_ZONE), values))
        for day, readings in by_day.items():
            for name, value in _station_day(station, readings).items():
                found[day][name].append(value)
    today = district.now.astimezone(_ZONE).date()
    days = {}
    for day, told in found.items():
        if day >= today or "most_c" not in told:
            continue
        air = {name: median(each) for name, each in told.items()}
        days[day] = plain.reference_et0_mm(
            plain.Air(
                day, air["most_c"], air["least_c"], air.get("vapour_kpa"), air.get("wind_m_s"),
                air.get("radiation_mj"), air.get("pressure_kpa", plain.pressure_kpa(air["elevation_m"])),
                air["elevation_m"],
            ),
            _LATITUDE_DEG,
        )  # fmt: skip
    return days


def _station_day(station: Station, readings: list[tuple[datetime, dict[str, float]]]) -> dict[str, float]:
    """Return what a station says of a day: of each quantity that has a reading in seven of eight pieces.

    Means are those of the hours' means, so that minutes that are missing do not tilt them.
    """

    def told(make: Callable[[dict[str, float]], float], *names: str) -> list[float]:
        by_hour: dict[int, list[float]] = defaultdict(list)
        for at, values in readings:
            if all(name in values for name in names):
                by_hour[at.hour].append(make(values))
        is_whole = len({hour // 3 for hour in by_hour}) >= _PIECES
        return [fmean(by_hour[hour]) for hour in by_hour] if is_whole else []

    said: dict[str, float] = {}
    if told(_temperature, "air_temperature_c"):
        temperatures = [values["air_temperature_c"] for _, values in readings]
        said |= {"most_c": max(temperatures), "least_c": min(temperatures), "elevation_m": station.elevation_m}
    if damp := told(_vapour, "air_temperature_c", "relative_humidity_pct"):
        said["vapour_kpa"] = fmean(damp)
    if winds := told(lambda values: values["wind_speed_m_s"], "wind_speed_m_s"):
        said["wind_m_s"] = plain.wind_at_2_m(fmean(winds), station.wind_height_m)
    if suns := told(lambda values: values["solar_radiation_w_m2"], "solar_radiation_w_m2"):
        said["radiation_mj"] = fmean(suns) * 0.0864
    if pressures := told(lambda values: values["air_pressure_kpa"], "air_pressure_kpa"):
        said["pressure_kpa"] = fmean(pressures)
    return said


def _temperature(values: dict[str, float]) -> float:
    return values["air_temperature_c"]


def _vapour(values: dict[str, float]) -> float:
    return plain.saturation_kpa(values["air_temperature_c"]) * values["relative_humidity_pct"] / 100


def _own_rain(district: District) -> dict[date, float]:
    """Return the rain of each local day: the median over the stations that measure it."""
    days: dict[date, list[float]] = defaultdict(list)
    for station in district.stations:
        sums: dict[date, float] = {}
        for at, values in station.readings:
            if "rain_depth_mm" in values:
                day = at.astimezone(_ZONE).date()
                sums[day] = sums.get(day, 0.0) + values["rain_depth_mm"]
        for day, millimetres in sums.items():
            days[day].append(millimetres)
    return {day: median(each) for day, each in days.items()}


def _needs(
    connection: duckdb.DuckDBPyConnection, district: District, rain_mm: float, *, is_likely: bool
) -> Iterator[tuple[str, str]]:
    plots = {row["plot_id"]: row for row in district.lake.rows["plots"]}
    rows = rows_of(connection, "select n.*, f.depletion_mm, f.total_available_water_mm, f.coverage, f.severity, "
                 "f.state from watering_needs n join drought_findings f using (plot_id)")  # fmt: skip
    for row in rows:
        plot = plots[row["plot_id"]]
        pits = plot["tree_pits"]
        fraction = 1.0 if plot["wetted_fraction"] is None else plot["wetted_fraction"]
        leaching, is_held = plain.leaching_requirement(
            district.site.water_ec_ds_m if plot["water_ec_ds_m"] is None else plot["water_ec_ds_m"],
            district.site.soil_ece_ds_m if plot["soil_ece_ds_m"] is None else plot["soil_ece_ds_m"],
        )
        own = plain.need(
            row["depletion_mm"] / row["coverage"], row["total_available_water_mm"] / row["coverage"],
            plot["irrigation"] or "basin", plot["tree_pit_area_m2"] if pits else plot["area_m2"] * fraction, pits=pits,
            vegetation=plot["vegetation"], leaching=leaching, leaching_is_held=is_held, rain_mm=rain_mm,
            rain_is_likely=is_likely, setting=district.site.forecast_rain, is_severest=row["severity"] == 4,
        )  # fmt: skip
        yield "net", differs(row["plot_id"], row["net_mm"], own.net_mm, 0.01)
        yield "gross", differs(row["plot_id"], row["gross_mm"], own.gross_mm, 0.02)
        yield "litres", differs(row["plot_id"], row["litres"], own.litres, 1e-3 * own.litres + 0.5)
        yield "visits", differs(row["plot_id"], row["visits"], own.visits, 0)
        yield "unusual", differs(row["plot_id"], row["is_unusual"], own.is_unusual, 0)
        yield "put off", differs(row["plot_id"], row["is_put_off"], own.is_put_off, 0)


def _days_until_dry(
    connection: duckdb.DuckDBPyConnection, district: District, et0: Mapping[date, float],
    forecasts: Mapping[date, plain.Forecast],
) -> Iterator[tuple[str, str]]:  # fmt: skip
    now = district.now.astimezone(_ZONE)
    today = now.date()
    rain = _own_rain(district)
    recent = [et0[today - timedelta(days=back)] for back in range(1, 8) if today - timedelta(days=back) in et0]
    usual = fmean(recent) if len(recent) >= 3 else None
    rows = rows_of(connection, "select d.*, r.depletion_mm, r.depletion_fraction, r.total_available_water_mm, "
                 "r.coverage, p.vegetation from dry_forecasts d join root_zone_daily r using (plot_id, date) "
                 "join staged_plots p using (plot_id) where d.method = 'weather'")  # fmt: skip
    for row in rows:
        coefficient = _COEFFICIENTS[row["vegetation"]]
        ways: list[dict[date, float]] = [{}, {}, {}]
        for number in range(-2, 15):
            day = today + timedelta(days=number)
            asked = et0.get(day)
            one = forecasts.get(day)
            if asked is None and one is not None and one.least_c is not None and one.most_c is not None:
                asked = plain.hargreaves_et0_mm(day, one.least_c, one.most_c, _LATITUDE_DEG)
            asked = usual if asked is None else asked
            if asked is None:
                break
            amount = 0.0 if one is None or one.rain_mm is None else one.rain_mm
            chance = 0.0 if one is None or one.rain_pct is None else one.rain_pct / 100
            is_over = day < today
            fell = rain.get(day, 0.0)
            use = coefficient * asked
            for way, (share, drops) in enumerate(((1.0, amount * chance), (1.25, 0.0), (0.75, amount))):
                ways[way][day] = row["coverage"] * (use * share - (fell if is_over else drops))
        noon = datetime(row["date"].year, row["date"].month, row["date"].day, 12, tzinfo=_ZONE)
        line = row["depletion_fraction"] * row["total_available_water_mm"]
        if len(ways[0]) < _OUTLOOK_DAYS:
            yield "days_median", f"{row['plot_id']} is {row['days_median']} by SQL, not known by plain reading"
            continue
        for name, losses in zip(("days_median", "days_low", "days_high"), ways, strict=True):
            own = plain.days_until(now, noon, row["depletion_mm"], line, losses)
            yield name, differs(row["plot_id"], row[name], own, 0.01)


def _curves(connection: duckdb.DuckDBPyConnection, district: District) -> Iterator[tuple[str, str]]:
    """Yield the days until dry by the soil's own curve."""
    means: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows_of(connection, "select * from root_zone_daily order by date"):
        means[row["plot_id"]].append(row)
    for told in rows_of(connection, "select * from dry_forecasts where method = 'drydown'"):
        rows = means[told["plot_id"]]
        start = 0
        for number, (before, after) in enumerate(pairwise(rows), start=1):
            rise = after["volumetric_water_content"] - before["volumetric_water_content"]
            is_gap = after["date"] - before["date"] > 2 * plain.DAY or after["depth_list"] != before["depth_list"]
            start = number if rise > 0.002 + 1e-9 or is_gap or after["is_frozen"] else start
        first = rows[start]["date"] + 2 * plain.DAY
        days = {row["date"]: row["volumetric_water_content"] for row in rows[start:] if row["date"] >= first}
        waters = [row["volumetric_water_content"] for row in rows]
        driest = quantiles(waters, n=100, method="inclusive")[0]
        newest = rows[-1]
        midnight = datetime(newest["date"].year, newest["date"].month, newest["date"].day, tzinfo=_ZONE)
        most = 14 + (district.now - midnight) / plain.DAY - 0.5
        own = plain.curve_days(days, newest["refill_point"], newest["wilting_point"], driest, most)
        for name, value in zip(("line_days", "exponential_days", "long_exponential_days"), own, strict=True):
            yield name, differs(told["plot_id"], told[name], value, 0.02)


def _balances(
    connection: duckdb.DuckDBPyConnection, et0: Mapping[date, float], rain: Mapping[date, float]
) -> Iterator[tuple[str, str]]:
    reports = rows_of(connection, "select r.plot_id, r.date, r.litres, p.efficiency, p.watered_m2 "
                    "from watering_reports r join staged_plots p using (plot_id)")  # fmt: skip
    water: dict[tuple[str, date], float] = defaultdict(float)
    for one in reports:
        if one["litres"] is not None:
            water[one["plot_id"], one["date"]] += one["litres"] * one["efficiency"] / one["watered_m2"]
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows_of(connection, "select b.*, s.start_depletion_mm, s.first_date, s.vegetation, s.usual "
                     "from water_balance b join (select d.*, p.vegetation, p.depletion_fraction as usual "
                     "from balance_days d join staged_plots p using (plot_id)) s using (plot_id, date) "
                     "order by plot_id, date"):  # fmt: skip
        runs[row["plot_id"]].append(row)
    zones = {(row["plot_id"], row["date"]): row for row in rows_of(connection, "select * from root_zone_daily")}
    for plot_id, rows in runs.items():
        first = zones[plot_id, rows[0]["first_date"]]
        start, available = (
            first["depletion_mm"] / first["coverage"],
            first["total_available_water_mm"] / first["coverage"],
        )
        yield "balance start", differs(plot_id, rows[0]["start_depletion_mm"], start, 0.02)
        days = [(et0[row["date"]], rain[row["date"]], water[plot_id, row["date"]]) for row in rows]
        coefficient = _COEFFICIENTS[rows[0]["vegetation"]]
        own = plain.balance(start, available, rows[0]["usual"], coefficient, days)
        for row, (ks, actual, depletion) in zip(rows, own, strict=True):
            what = f"{plot_id} {row['date']}"
            yield "balance Dr", differs(what, row["depletion_mm"], depletion, 0.05)
            yield "balance Ks", differs(what, row["ks"], ks, 0.003)
            yield "balance ETa", differs(what, row["actual_et_mm"], actual, 0.03)


def _checks(
    connection: duckdb.DuckDBPyConnection, district: District, et0: Mapping[date, float]
) -> Iterator[tuple[str, str]]:
    hours: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows_of(connection, "select * from root_zone where span = 'hour' order by starts_at"):
        hours[row["plot_id"]].append(row)
    plots = {row["plot_id"]: row for row in rows_of(connection, "select * from staged_plots")}
    rain = _rain_by_hour(district)
    for row in rows_of(connection, "select * from watering_checks where litres is not null"):
        plot, at = plots[row["plot_id"]], row["reported_at"]
        since = _asked_since(district, row["issue_id"], at)
        before = [one for one in hours[row["plot_id"]] if at - 12 * _HOUR <= one["starts_at"] <= at]
        after = [one for one in hours[row["plot_id"]] if at + 6 * _HOUR <= one["starts_at"] <= at + 48 * _HOUR]
        early = [one for one in hours[row["plot_id"]] if since <= one["starts_at"] <= at - 12 * _HOUR]
        depths = max((one["depths"] for one in before + after), default=0)
        before, after, early = ([one for one in some if one["depths"] == depths] for some in (before, after, early))
        if not before or not after:
            continue
        driest = min(before, key=lambda one: one["water_mm"])
        coefficient = _COEFFICIENTS[plot["vegetation"]]
        looked_at = after[0]["starts_at"] + (after[-1]["starts_at"] - after[0]["starts_at"]) / 2
        used = _use(et0, coefficient, at, looked_at)
        brought_mm = row["litres"] * plot["efficiency"] / plot["watered_m2"]
        margins = plain.came_before(
            brought_mm, driest["depletion_mm"], [one["water_mm"] for one in early],
            _fallen(rain, early[0]["starts_at"], early[-1]["starts_at"] + _HOUR) if early else 0.0,
        )  # fmt: skip
        expected, observed, state = plain.arrived(
            brought_mm, driest["depletion_mm"], used,
            [one["water_mm"] for one in before], [one["water_mm"] for one in after],
            rain_mm=_fallen(rain, at.replace(minute=0) - 11 * _HOUR, after[-1]["starts_at"] + _HOUR),
            may_be_late=margins[0] >= 0 and margins[1] > 0,
        )  # fmt: skip
        what = f"{row['plot_id']} {at.astimezone(_ZONE):%m-%d %H:%M}"
        yield "water expected", differs(what, row["expected_mm"], expected, 0.5)
        yield "water observed", differs(what, row["observed_mm"], observed, 0.05)
        is_near = any(abs(observed - line * expected) < 0.5 for line in (0, 0.2, 0.5)) or expected < 1
        is_near |= abs(margins[0]) < 0.01 or (margins[0] > 0 and abs(margins[1]) < 0.01)
        if not is_near:
            yield f"water {state}", differs(what, row["state"], state, 0)


def _rain_by_hour(district: District) -> dict[datetime, float]:
    """Return the rain of each hour: the most that one station measured, spread over the hours that it usually skips.

    Who never tells of a dry hour skips none, nor who tells of rain before its time: it speaks when it rains.
    """
    most: dict[datetime, float] = defaultdict(float)
    for station in district.stations:
        told: dict[datetime, float] = defaultdict(float)
        for at, values in station.readings:
            told[at.replace(minute=0)] += values.get("rain_depth_mm", 0.0)
        gaps = {after: (after - before) // _HOUR for before, after in pairwise(sorted(told))}
        by_day: dict[date, list[int]] = defaultdict(list)
        for at, gap in gaps.items():
            by_day[at.astimezone(_ZONE).date()].append(gap)
        dry = [gap for at, gap in gaps.items() if told[at] == 0 and gap <= 24]
        rhythm = {gap for gap in dry if 10 * gap * dry.count(gap) >= sum(dry)}
        for at, millimetres in told.items():
            usual = min(median_low(by_day.get(at.astimezone(_ZONE).date(), [1])), 24) if 0 in told.values() else 1
            usual = max([usual, *(gap for gap in rhythm if gap <= gaps.get(at, 0))])
            hours = min(gaps.get(at, usual), usual)
            if millimetres > 0 and gaps.get(at, 24) < min(rhythm, default=0) - 1:
                hours = 1
            for back in range(hours):
                most[at - back * _HOUR] = max(most[at - back * _HOUR], millimetres / hours)
    return most


def _fallen(rain: Mapping[datetime, float], begin: datetime, end: datetime) -> float:
    return sum(millimetres for at, millimetres in rain.items() if begin <= at < end)


def _asked_since(district: District, issue_id: str, at: datetime) -> datetime:
    """Return since when water can be that of a report: three days, the issue, or six hours after the one before it."""
    events = [row for row in district.lake.rows["issue_events"] if row["issue_id"] == issue_id]
    opened: list[datetime] = [
        row["happened_at"] for row in events if row["kind"] == "opened" and row["happened_at"] <= at
    ]
    done: list[datetime] = [row["happened_at"] + 6 * _HOUR for row in events if row["kind"] == "done"]
    return max([at - 72 * _HOUR, *opened, *(since for since in done if since <= at)])


def _use(et0: Mapping[date, float], coefficient: float, begin: datetime, end: datetime) -> float:
    """Return the ETc from `begin` to `end`, each day's spread evenly; a day that is not known is like those around."""
    day = begin.astimezone(_ZONE).date()
    known = [et0[day + number * plain.DAY] for number in range(3) if day + number * plain.DAY in et0]
    known = known or [et0[day - number * plain.DAY] for number in range(1, 8) if day - number * plain.DAY in et0]
    usual = fmean(known) if known else 0.0
    total, at = 0.0, begin.astimezone(_ZONE)
    while at < end:
        midnight = min(at.replace(hour=0, minute=0, second=0, microsecond=0) + plain.DAY, end)
        total += coefficient * et0.get(at.date(), usual) * ((midnight - at) / plain.DAY)
        at = midnight.astimezone(_ZONE)
    return total


def main() -> int:
    """Reckon districts twice and print what differs."""
    return compare_districts(__doc__, 3, differences)


if __name__ == "__main__":
    raise SystemExit(main())
