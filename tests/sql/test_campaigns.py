"""Campaigns of the year: when they may start, whose turn it is, how much water (spec/soil.md section 5)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.site import BEICHEN
from sql.campaigns import Campaigns, load_campaigns
from sql.evaluate import campaign_rows, make_models
from sql.models import models_behind
from tests.sql.made_lake import MadeLake, local_midnight

DAY = timedelta(days=1)
HEAD = (
    "campaign_id,name_zh,name_en,work,month_day_from,month_day_to,start_by,planted_after,vegetations,grades,rest,"
    "source\n"
)


def air(lake: MadeLake, first: date, means_c: Sequence[float], swing_c: float = 4.0) -> None:
    """Add days of a weather station, eight times a day, around their means."""
    for number, mean_c in enumerate(means_c):
        for step, share in enumerate((-1.0, -0.6, -0.2, 0.2, 0.6, 1.0, 0.4, -0.4)):
            lake.add(
                "weather_readings",
                device_id="W1",
                measured_at=local_midnight(first + number * DAY) + timedelta(hours=3 * step),
                air_temperature_c=mean_c + share * swing_c,
            )


def ground(
    lake: MadeLake, first: date, temperatures_c: Sequence[float], depth_cm: float, device_id: str = "T1"
) -> None:
    """Add days of a soil thermometer that reports every third hour."""
    lake.device(device_id, None, depths_cm=[depth_cm], report_interval_s=3 * 3600.0)
    for number, temperature_c in enumerate(temperatures_c):
        for hour in range(0, 24, 3):
            at = local_midnight(first + number * DAY) + timedelta(hours=hour)
            lake.soil(at, device_id, soil_temperature_c=temperature_c)


def office(lake: MadeLake, kind: str, campaign_id: str, at: datetime, season: int) -> None:
    """Let the office start or close a campaign."""
    number = len(lake.rows["campaign_events"])
    lake.add(
        "campaign_events",
        event_id=f"{number}",
        campaign_id=campaign_id,
        season=season,
        happened_at=at,
        kind=kind,
        actor="王工",
    )


def report(lake: MadeLake, kind: str, plot_id: str, cause: str, at: datetime, **detail: Any) -> None:
    """Let something happen to a plot's issue."""
    lake.add(
        "issue_events",
        event_id=f"E{len(lake.rows['issue_events'])}",
        issue_id=f"{plot_id}-{cause}",
        happened_at=at,
        kind=kind,
        plot_id=plot_id,
        cause=cause,
        actor="crew:一队",
        detail_json=json.dumps(detail),
    )


def state(lake: MadeLake, campaign_id: str, day: date, campaigns: Campaigns | None = None) -> dict[str, Any]:
    """Return where a campaign stands at noon of a local day."""
    as_of = local_midnight(day) + timedelta(hours=12)
    rows = campaign_rows(lake.connect(), as_of=as_of, site=BEICHEN, campaigns=campaigns)
    (row,) = [row for row in rows if row["campaign_id"] == campaign_id]
    return row


def rows_of(lake: MadeLake, model: str, as_of: datetime, campaigns: Campaigns | None = None) -> list[dict[str, Any]]:
    """Return the rows of one model, making only what it needs."""
    connection = lake.connect()
    make_models(connection, models_behind(model), as_of=as_of, site=BEICHEN, campaigns=campaigns)
    rows: list[dict[str, Any]] = connection.execute(f"select * from {model}").to_arrow_table().to_pylist()
    return rows


def of_campaign(
    lake: MadeLake, campaign_id: str, as_of: datetime, campaigns: Campaigns | None = None
) -> dict[str, dict[str, Any]]:
    """Return the findings of one campaign by plot."""
    rows = rows_of(lake, "campaign_findings", as_of, campaigns)
    return {row["plot_id"]: row for row in rows if row["cause"] == f"campaign.{campaign_id}"}


def own(tmp_path: Path, lines: str, rules: str = "") -> Campaigns:
    """Return the campaigns with a district's own."""
    (tmp_path / "own.csv").write_text(HEAD + lines, encoding="utf-8")
    (tmp_path / "rules.csv").write_text(
        "campaign_id,quantity,depth_from_cm,depth_to_cm,operator,threshold,days_running,source\n" + rules,
        encoding="utf-8",
    )
    return load_campaigns(tmp_path / "own.csv", tmp_path / "rules.csv")


def test_green_up_water_is_proposed_after_five_days_of_three_degrees_over_thawed_soil(lake: MadeLake) -> None:
    air(lake, date(2026, 3, 1), [2.9, *[3.0] * 5])
    ground(lake, date(2026, 3, 1), [0.1] * 6, 15.0)
    before, after = (state(lake, "greenup_water", date(2026, 3, day)) for day in (6, 7))
    assert (before["state"], before["ready_since"]) == ("not_started", None)
    assert (after["state"], after["ready_since"], after["basis"]) == ("ready", date(2026, 3, 6), "measured")
    air_now = json.loads(after["conditions_json"])[0]
    assert (air_now["value"], air_now["days_held"], air_now["days_running"]) == (3.0, 5, 5)


@pytest.mark.parametrize(
    ("means_c", "soil_c", "depth_cm"),
    [
        ([3.0, 3.0, 3.0, 3.0, 2.99, 3.0, 3.0, 3.0, 3.0], 1.0, 15.0),
        ([5.0] * 9, 0.0, 10.0),
        ([5.0] * 9, -0.5, 20.0),
    ],
    ids=["no five days running", "soil at zero", "soil frozen"],
)
def test_green_up_water_waits_for_air_and_soil(
    lake: MadeLake, means_c: list[float], soil_c: float, depth_cm: float
) -> None:
    air(lake, date(2026, 3, 1), means_c)
    ground(lake, date(2026, 3, 1), [soil_c] * 9, depth_cm)
    assert state(lake, "greenup_water", date(2026, 3, 10))["state"] == "not_started"


def test_a_day_that_nobody_measured_begins_the_days_running_anew(lake: MadeLake) -> None:
    air(lake, date(2026, 3, 1), [5.0] * 4)
    air(lake, date(2026, 3, 6), [5.0] * 4)
    ground(lake, date(2026, 3, 1), [1.0] * 9, 15.0)
    assert state(lake, "greenup_water", date(2026, 3, 10))["state"] == "not_started"


@pytest.mark.parametrize(
    ("soil_c", "mean_c", "swing_c", "expected"),
    [
        (3.0, 1.0, 4.0, "ready"),
        (5.0, 1.0, 4.0, "ready"),
        (2.9, 1.0, 4.0, "not_started"),
        (5.1, 1.0, 4.0, "not_started"),
        (4.0, 4.0, 4.0, "not_started"),
        (4.0, -4.0, 4.0, "not_started"),
    ],
    ids=["three degrees", "five degrees", "too cold", "too warm", "no night frost", "no day thaw"],
)
def test_freeze_up_water_is_for_soil_of_three_to_five_degrees_with_night_frost_and_day_thaw(
    lake: MadeLake, soil_c: float, mean_c: float, swing_c: float, expected: str
) -> None:
    air(lake, date(2026, 11, 14), [mean_c], swing_c)
    ground(lake, date(2026, 11, 14), [soil_c], 5.0)
    assert state(lake, "freezeup_water", date(2026, 11, 15))["state"] == expected


def test_conditions_that_held_before_the_window_propose_nothing(lake: MadeLake) -> None:
    air(lake, date(2026, 11, 3), [1.0, 9.0])
    ground(lake, date(2026, 11, 3), [4.0, 9.0], 5.0)
    assert state(lake, "freezeup_water", date(2026, 11, 5))["state"] == "not_started"


def test_without_thermometers_the_calendar_proposes_and_says_that_it_is_the_calendar(lake: MadeLake) -> None:
    lake.plot()
    before, after = (state(lake, "freezeup_water", date(2026, 11, day)) for day in (4, 5))
    assert before["state"] == "not_started"
    assert (after["state"], after["basis"], after["ready_since"]) == ("ready", "not_measured", date(2026, 11, 5))
    ground(lake, date(2026, 11, 8), [4.0], 5.0)
    assert state(lake, "freezeup_water", date(2026, 11, 9))["basis"] == "part_measured"
    assert state(lake, "winter_protect", date(2026, 11, 15))["basis"] == "calendar"


def test_a_campaign_runs_from_its_start_to_its_close_or_the_end_of_its_window(lake: MadeLake) -> None:
    lake.plot()
    office(lake, "started", "freezeup_water", local_midnight(date(2026, 11, 12)), 2026)
    states = [state(lake, "freezeup_water", day)["state"] for day in (date(2026, 11, 11), date(2026, 11, 12))]
    assert states == ["ready", "running"]
    assert state(lake, "freezeup_water", date(2026, 12, 4))["state"] == "running"
    assert state(lake, "freezeup_water", date(2026, 12, 5))["state"] == "over"
    office(lake, "closed", "freezeup_water", local_midnight(date(2026, 11, 20)), 2026)
    assert state(lake, "freezeup_water", date(2026, 11, 19))["state"] == "running"
    assert state(lake, "freezeup_water", date(2026, 11, 20))["state"] == "over"
    office(lake, "started", "freezeup_water", local_midnight(date(2026, 11, 22)), 2026)
    assert state(lake, "freezeup_water", date(2026, 11, 23))["state"] == "running"
    assert state(lake, "freezeup_water", date(2027, 6, 1))["season"] == 2027


def test_a_long_campaign_runs_to_its_end_and_what_was_done_in_its_first_days_stays_done(
    lake: MadeLake, tmp_path: Path
) -> None:
    campaigns = own(tmp_path, "long,养护,upkeep,other,03-01,11-30,calendar,,,,,test\n")
    began = local_midnight(date(2026, 3, 1))
    for plot_id in ("at once", "waiting"):
        lake.plot(plot_id)
    office(lake, "started", "long", began, 2026)
    report(lake, "done", "at once", "campaign.long", began)
    expected = {
        date(2026, 10, 8): ("running", 2026, 1),
        date(2026, 11, 30): ("running", 2026, 1),
        date(2026, 12, 30): ("over", 2026, 1),
        date(2026, 12, 31): ("not_started", 2027, 0),
    }
    found = {day: state(lake, "long", day, campaigns) for day in expected}
    assert {day: (row["state"], row["season"], row["done"]) for day, row in found.items()} == expected


@pytest.mark.parametrize(("days", "is_remembered"), [(220, True), (221, False)])
def test_a_season_is_forgotten_as_a_whole_220_days_after_what_the_office_last_did(
    lake: MadeLake, days: int, *, is_remembered: bool
) -> None:
    """Last year's freeze-up water must not begin this winter's rest."""
    office(lake, "started", "freezeup_water", local_midnight(date(2025, 11, 10)), 2025)
    office(lake, "closed", "freezeup_water", local_midnight(date(2025, 12, 4)), 2025)
    as_of = local_midnight(date(2025, 12, 4) + days * DAY) + timedelta(hours=12)
    rows = rows_of(lake, "campaign_seasons", as_of)
    (row,) = [row for row in rows if (row["campaign_id"], row["season"]) == ("freezeup_water", 2025)]
    assert [row[name] is not None for name in ("started_at", "closed_at", "last_actor")] == [is_remembered] * 3


def test_a_window_may_run_over_new_year_and_end_on_a_leap_day(lake: MadeLake, tmp_path: Path) -> None:
    campaigns = own(tmp_path, "snow,除雪,snow clearing,other,12-01,02-29,calendar,,,,,test\n")
    lake.plot()
    expected = {
        date(2026, 11, 30): ("not_started", 2026),
        date(2026, 12, 1): ("ready", 2026),
        date(2027, 2, 28): ("ready", 2026),
        date(2027, 3, 1): ("over", 2026),
        date(2028, 2, 29): ("ready", 2027),
        date(2028, 3, 1): ("over", 2027),
    }
    found = {day: state(lake, "snow", day, campaigns) for day in expected}
    assert {day: (row["state"], row["season"]) for day, row in found.items()} == expected


def test_the_list_has_the_plots_of_the_right_grade_vegetation_and_age(lake: MadeLake, tmp_path: Path) -> None:
    campaigns = own(tmp_path, "trees,护树,trees,protect,06-01,08-31,calendar,2025-03-01,trees shrubs,1 2,,test\n")
    kinds: dict[str, dict[str, Any]] = {
        "listed": {},
        "planted that day": {"planted_on": date(2025, 3, 1)},
        "planted before": {"planted_on": date(2025, 2, 28)},
        "day unknown": {"planted_on": None},
        "turf": {"vegetation": "cool_turf"},
        "grade 3": {"maintenance_grade": 3},
    }
    for plot_id, fields in kinds.items():
        lake.plot(plot_id, **{"planted_on": date(2026, 1, 1)} | fields)
    office(lake, "started", "trees", local_midnight(date(2026, 7, 1)), 2026)
    as_of = local_midnight(date(2026, 7, 2))
    flags = of_campaign(lake, "trees", as_of, campaigns)
    assert set(flags) == {"listed", "planted that day"}
    assert all(flag["litres"] is None for flag in flags.values())


def test_during_a_campaign_every_plot_on_the_list_is_due_and_dryness_grade_and_age_order_them(lake: MadeLake) -> None:
    lake.dry_down("dry", [0.19] * 3, maintenance_grade=3)
    lake.dry_down("very dry", [0.15] * 3, maintenance_grade=3)
    lake.dry_down("moist", [0.25] * 3, maintenance_grade=3)
    lake.dry_down("moist, grade 1", [0.25] * 3)
    lake.dry_down("moist, grade 1, new", [0.25] * 3, planted_on=date(2026, 4, 1))
    lake.plot("unknown", maintenance_grade=2)
    as_of = local_midnight(date(2026, 7, 10)) + timedelta(hours=8)
    office(lake, "started", "summer_drought", as_of - DAY, 2026)
    flags = {row["plot_id"]: row for row in lake.flags(as_of) if row["cause"] == "campaign.summer_drought"}
    assert all(flag["needs_work"] and flag["state"] == "due" for flag in flags.values())
    severities = {plot: flag["severity"] for plot, flag in flags.items()}
    assert severities["very dry"] > severities["dry"] >= severities["moist"] == severities["unknown"] == 1
    assert {plot: flag["priority"] for plot, flag in flags.items()} == {
        "very dry": severities["very dry"] * 1.0,
        "dry": severities["dry"] * 1.0,
        "moist": 1.0,
        "moist, grade 1": 3.0,
        "moist, grade 1, new": 4.5,
        "unknown": 2.0,
    }


def test_water_is_that_of_dryness_or_the_usual_depth_of_the_campaign(lake: MadeLake) -> None:
    lake.dry_down("moist", [0.25] * 3)
    lake.dry_down("wet", [0.281] * 3)
    lake.plot("unknown", wetted_fraction=0.5)
    as_of = local_midnight(date(2026, 10, 1)) + timedelta(hours=8)
    for plot_id in ("moist", "wet"):
        lake.soil_days([0.25 if plot_id == "moist" else 0.281] * 3, f"D-{plot_id}", last_day=date(2026, 9, 30))
    office(lake, "started", "autumn_water", as_of - DAY, 2026)
    flags = of_campaign(lake, "autumn_water", as_of)
    codes = {plot: flag["reason_code"] for plot, flag in flags.items()}
    assert codes == {
        "moist": "campaign_due_moist",
        "wet": "campaign_due_wet",
        "unknown": "campaign_due_standard",
    }
    # Shrubs on 0.6 m: TAW = 84 mm, Dr = 18 mm; (18 - 8.4) / 0.60 = 16 mm on 100 m2.
    assert flags["moist"]["litres"] == pytest.approx(1600, rel=0.01)
    assert flags["wet"]["litres"] is None
    assert (flags["unknown"]["litres"], flags["unknown"]["gross_mm"]) == (30 * 100 * 0.5, 30)
    drought = {row["plot_id"]: row for row in rows_of(lake, "drought_flags", as_of)}
    assert drought["moist"]["litres"] is None, "water is asked for by the campaign, not by dryness"


@pytest.mark.parametrize(("probability", "code"), [(60.0, "campaign_due_rain"), (59.0, "campaign_due_moist")])
def test_a_campaign_waits_for_likely_rain_and_asks_for_no_water_meanwhile(
    lake: MadeLake, probability: float, code: str
) -> None:
    """16 mm are missing net of losses; 90 mm are forecast for today, of which most is to come."""
    as_of = local_midnight(date(2026, 7, 10)) + timedelta(hours=8)
    lake.dry_down("P1", [0.25] * 3)
    lake.add(
        "weather_forecasts", source="cma", issued_at=as_of - timedelta(hours=3), forecast_date=date(2026, 7, 10),
        rain_mm=90.0, rain_probability_pct=probability,
    )  # fmt: skip
    office(lake, "started", "summer_drought", as_of - DAY, 2026)
    flag = of_campaign(lake, "summer_drought", as_of)["P1"]
    assert (flag["state"], flag["needs_work"], flag["reason_code"]) == ("due", True, code)
    assert (flag["litres"] is None) is (code == "campaign_due_rain")


def test_the_first_visits_of_a_watering_leave_a_plot_due_and_the_last_does_not(lake: MadeLake) -> None:
    began = local_midnight(date(2026, 10, 1))
    office(lake, "started", "autumn_water", began, 2026)
    for plot_id, visit in (("first", 1), ("last", 2)):
        lake.plot(plot_id)
        report(lake, "done", plot_id, "campaign.autumn_water", began + DAY, visit=visit, visits=2)
    flags = of_campaign(lake, "autumn_water", began + 3 * DAY)
    assert {plot: flag["state"] for plot, flag in flags.items()} == {"first": "due", "last": "done"}


def test_work_that_was_reported_is_done_and_counts_and_what_was_sent_back_is_due_again(lake: MadeLake) -> None:
    began = local_midnight(date(2026, 10, 1))
    for plot_id in ("reported", "by drought", "sent back", "excused", "before", "waiting"):
        lake.plot(plot_id)
    office(lake, "started", "autumn_water", began, 2026)
    own_cause = "campaign.autumn_water"
    report(lake, "done", "reported", own_cause, began + DAY)
    report(lake, "done", "by drought", "drought", began + DAY)
    report(lake, "done", "sent back", own_cause, began + DAY)
    report(lake, "reopened", "sent back", own_cause, began + 2 * DAY)
    report(lake, "void", "excused", own_cause, began + DAY, reason="在施工")
    report(lake, "done", "before", "drought", began - DAY)
    as_of = began + 3 * DAY
    flags = of_campaign(lake, "autumn_water", as_of)
    assert {plot: flag["state"] for plot, flag in flags.items()} == {
        "reported": "done",
        "by drought": "done",
        "sent back": "due",
        "excused": "excused",
        "before": "due",
        "waiting": "due",
    }
    row = state(lake, "autumn_water", date(2026, 10, 4))
    assert (row["done"], row["plots"]) == (2, 5)
    earlier = of_campaign(lake, "autumn_water", began + timedelta(hours=1))
    assert {flag["state"] for flag in earlier.values()} == {"due"}, "as of before the reports nothing was done"


def test_a_plot_that_is_added_while_a_campaign_runs_is_due_and_one_that_leaves_the_list_is_said(lake: MadeLake) -> None:
    began = local_midnight(date(2026, 11, 12))
    lake.plot("added", valid_from=began + DAY, vegetation="new_planting")
    lake.plot("changed", vegetation="trees")
    office(lake, "started", "winter_protect", began, 2026)
    report(lake, "opened", "changed", "campaign.winter_protect", began + DAY)
    assert "added" not in of_campaign(lake, "winter_protect", began + timedelta(hours=1))
    states = {plot: flag["state"] for plot, flag in of_campaign(lake, "winter_protect", began + 2 * DAY).items()}
    assert states == {"added": "due", "changed": "not_listed"}


def test_two_campaigns_at_once_ask_each_for_their_own_work(lake: MadeLake) -> None:
    began = local_midnight(date(2026, 10, 20))
    lake.plot("shrubs")
    lake.plot("turf", vegetation="cool_turf")
    office(lake, "started", "autumn_water", began, 2026)
    office(lake, "started", "autumn_prune", began, 2026)
    report(lake, "done", "shrubs", "campaign.autumn_water", began + DAY)
    found = {
        (row["plot_id"], row["cause"]): row["state"] for row in rows_of(lake, "campaign_findings", began + 2 * DAY)
    }
    assert found == {
        ("shrubs", "campaign.autumn_water"): "done",
        ("shrubs", "campaign.autumn_prune"): "due",
        ("turf", "campaign.autumn_water"): "due",
    }


def dry_plots(lake: MadeLake, *plot_ids: str, last_day: date) -> None:
    for plot_id in plot_ids:
        lake.laboratory_plot(plot_id)
        lake.device(f"D-{plot_id}", plot_id)
        lake.soil_days([0.19] * 4, f"D-{plot_id}", last_day=last_day)


def dryness(lake: MadeLake, day: date, campaigns: Campaigns | None = None) -> dict[str, tuple[str, str]]:
    """Return state and what the winter rest went by, per plot, at the beginning of a local day."""
    rows = rows_of(lake, "drought_flags", local_midnight(day), campaigns)
    return {row["plot_id"]: (row["state"], json.loads(row["inputs_json"])["rest"]["basis"]) for row in rows}


def test_dryness_rests_from_the_freeze_up_water_of_the_plot(lake: MadeLake) -> None:
    dry_plots(lake, "watered", "waiting", last_day=date(2026, 11, 20))
    office(lake, "started", "freezeup_water", local_midnight(date(2026, 11, 10)), 2026)
    report(lake, "done", "watered", "campaign.freezeup_water", local_midnight(date(2026, 11, 19)))
    assert dryness(lake, date(2026, 11, 21)) == {
        "watered": ("suspended", "recorded"),
        "waiting": ("dry", "recorded"),
    }
    assert lake.flag("drought", "watered", local_midnight(date(2026, 11, 21)))["reason_code"] == "drought_resting"
    office(lake, "closed", "freezeup_water", local_midnight(date(2026, 11, 20)), 2026)
    assert dryness(lake, date(2026, 11, 21))["waiting"] == ("suspended", "recorded")


def test_where_nothing_is_recorded_the_fixed_dates_hold_and_the_verdict_says_so(lake: MadeLake) -> None:
    dry_plots(lake, "P1", last_day=date(2026, 12, 9))
    assert dryness(lake, date(2026, 12, 10)) == {"P1": ("suspended", "calendar")}
    assert dryness(lake, date(2026, 12, 4))["P1"][1] == "calendar"


def test_recorded_rest_lasts_until_green_up_and_not_until_a_fixed_date(lake: MadeLake) -> None:
    dry_plots(lake, "P1", last_day=date(2027, 3, 14))
    office(lake, "started", "freezeup_water", local_midnight(date(2026, 11, 10)), 2026)
    office(lake, "closed", "freezeup_water", local_midnight(date(2026, 11, 30)), 2026)
    assert dryness(lake, date(2027, 3, 15)) == {"P1": ("suspended", "recorded")}, "past the fixed 5 March"
    air(lake, date(2027, 3, 7), [4.0] * 6)
    ground(lake, date(2027, 3, 7), [2.0] * 6, 15.0)
    # Judged again: at 4 degrees shrubs use so little that what was dry by the table's p is only to be watched.
    assert dryness(lake, date(2027, 3, 15)) == {"P1": ("watch", "recorded")}, "the conditions of green-up have held"


@pytest.mark.parametrize(("day", "expected"), [(date(2027, 4, 10), "suspended"), (date(2027, 4, 11), "dry")])
def test_recorded_rest_ends_with_the_window_of_green_up_at_the_latest(lake: MadeLake, day: date, expected: str) -> None:
    dry_plots(lake, "P1", last_day=day - DAY)
    office(lake, "started", "freezeup_water", local_midnight(date(2026, 11, 10)), 2026)
    report(lake, "done", "P1", "campaign.freezeup_water", local_midnight(date(2026, 11, 19)))
    assert dryness(lake, day) == {"P1": (expected, "recorded")}


def test_a_green_up_campaign_that_was_started_ends_the_rest_of_the_calendar_too(lake: MadeLake) -> None:
    dry_plots(lake, "P1", last_day=date(2027, 3, 1))
    assert dryness(lake, date(2027, 3, 2)) == {"P1": ("suspended", "calendar")}
    office(lake, "started", "greenup_water", local_midnight(date(2027, 3, 1)), 2027)
    assert dryness(lake, date(2027, 3, 2)) == {"P1": ("dry", "recorded")}


def test_a_plot_that_no_freeze_up_water_is_meant_for_follows_the_calendar(lake: MadeLake, tmp_path: Path) -> None:
    row = "freezeup_water,冻水,freeze-up water,water,11-05,12-04,calendar,,trees,,begins,test\n"
    dry_plots(lake, "shrubs", last_day=date(2026, 11, 30))
    office(lake, "started", "freezeup_water", local_midnight(date(2026, 11, 10)), 2026)
    office(lake, "closed", "freezeup_water", local_midnight(date(2026, 11, 20)), 2026)
    assert dryness(lake, date(2026, 12, 1), own(tmp_path, row)) == {"shrubs": ("dry", "calendar")}


def test_the_plots_of_a_closed_campaign_are_said_once_more_when_they_had_a_card(lake: MadeLake) -> None:
    began = local_midnight(date(2026, 10, 1))
    for plot_id in ("had a card", "had none"):
        lake.plot(plot_id)
    office(lake, "started", "autumn_water", began, 2026)
    report(lake, "opened", "had a card", "campaign.autumn_water", began + DAY)
    office(lake, "closed", "autumn_water", began + 2 * DAY, 2026)
    flags = of_campaign(lake, "autumn_water", began + 3 * DAY)
    assert {plot: (flag["state"], flag["needs_work"]) for plot, flag in flags.items()} == {
        "had a card": ("over", False)
    }


def test_water_that_came_with_the_work_is_the_proof_of_it_and_older_water_is_not(lake: MadeLake) -> None:
    began = local_midnight(date(2026, 10, 1))
    as_of = began + 3 * DAY + timedelta(hours=6)
    for plot_id in ("came", "did not"):
        lake.laboratory_plot(plot_id)
        lake.device(f"D-{plot_id}", plot_id)
        lake.soil_days([0.19] * 3, f"D-{plot_id}", last_day=date(2026, 10, 2))
        lake.soil_days([0.26 if plot_id == "came" else 0.19] * 2, f"D-{plot_id}", last_day=date(2026, 10, 4))
        report(lake, "done", plot_id, "campaign.autumn_water", began + 2 * DAY)
    office(lake, "started", "autumn_water", began, 2026)
    flags = of_campaign(lake, "autumn_water", as_of)
    assert {plot: flag["state"] for plot, flag in flags.items()} == {"came": "done", "did not": "done"}
    assert flags["came"]["data_at"] > began + 2 * DAY
    assert flags["did not"]["data_at"] is None
