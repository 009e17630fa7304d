"""Plots known by matric potential: which depth decides, beside or after water content (spec/soil.md section 3)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ingest.site import BEICHEN
from sql.analysts import create_views
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake, local_midnight

HOUR = timedelta(hours=1)


def kilopascals(lake: MadeLake, value: float, device_id: str = "D1", days: int = 4, channel: int = 1) -> None:
    """Add hourly potentials of the last days, up to AS_OF."""
    for hours in range(24 * days):
        lake.soil(AS_OF - hours * HOUR, device_id, channel, matric_potential_kpa=value, soil_temperature_c=20.0)


def test_the_driest_depth_of_the_roots_decides(lake: MadeLake) -> None:
    """40 cm is dry, 30 cm is near the line and no more."""
    lake.laboratory_plot()
    lake.device(depths_cm=[30.0, 40.0])
    kilopascals(lake, -70.0, channel=1)
    kilopascals(lake, -90.0, channel=2)
    flag = lake.flag("drought")
    assert (flag["state"], flag["value"], flag["params"]["depths_cm"]) == ("dry", -90.0, "40")


@pytest.mark.parametrize(("depth_cm", "state"), [(17.9, "watch"), (18.0, "dry")])
def test_a_dry_surface_over_moist_roots_is_watched_only(lake: MadeLake, depth_cm: float, state: str) -> None:
    """The root zone of shrubs is 0.6 m: above 18 cm is shallow."""
    lake.laboratory_plot()
    lake.device(depths_cm=[depth_cm, 30.0])
    kilopascals(lake, -85.0, channel=1)
    kilopascals(lake, -12.0, channel=2)
    flag = lake.flag("drought")
    assert (flag["state"], flag["needs_work"]) == (state, state == "dry")
    if state == "watch":
        assert flag["reason_code"] == "drought_potential_watch_shallow"


@pytest.mark.parametrize(("depth_cm", "state"), [(60.0, "dry"), (61.0, "ok")])
def test_what_lies_below_the_roots_does_not_decide(lake: MadeLake, depth_cm: float, state: str) -> None:
    lake.laboratory_plot()
    lake.device(depths_cm=[30.0, depth_cm])
    kilopascals(lake, -10.0, channel=1)
    kilopascals(lake, -90.0, channel=2)
    assert lake.flag("drought")["state"] == state


@pytest.mark.parametrize(("depth_cm", "line_kpa"), [(30.0, -81.0), (44.9, -81.0), (45.0, -80.0)])
def test_in_the_second_year_the_line_of_30_cm_holds_around_30_cm(
    lake: MadeLake, depth_cm: float, line_kpa: float
) -> None:
    lake.laboratory_plot(planted_on=date(2025, 3, 1))
    lake.device(depths_cm=[depth_cm])
    kilopascals(lake, -80.5)
    flag = lake.flag("drought")
    assert (flag["line"], flag["state"]) == (line_kpa, "dry" if line_kpa == -80.0 else "watch")


@pytest.mark.parametrize(
    ("kpa", "state"), [(-26.3, "ok"), (-26.4, "watch"), (-32.9, "watch"), (-33.0, "dry"), (-33.1, "dry")]
)
def test_a_line_holds_to_its_edge_whatever_the_last_bits_of_a_mean(lake: MadeLake, kpa: float, state: str) -> None:
    """In the first year -33 kPa is dry and eight tenths of it near; hours at -26.4 have a mean a bit above it."""
    lake.laboratory_plot(planted_on=date(2026, 3, 1))
    lake.device()
    kilopascals(lake, kpa)
    assert lake.flag("drought")["state"] == state


def test_what_was_planted_on_29_february_is_a_year_old_on_28_february(lake: MadeLake) -> None:
    """Its years end where the third does, with which it is no longer new: on the last day of February."""
    noon = local_midnight(date(2025, 2, 28)) + 12 * HOUR
    for plot_id, day in (("leap day", date(2024, 2, 29)), ("next day", date(2024, 3, 1))):
        lake.laboratory_plot(plot_id, planted_on=day)
        lake.device(f"D-{plot_id}", plot_id)
        for hours in range(12 + 24):
            lake.soil(noon - hours * HOUR, f"D-{plot_id}", matric_potential_kpa=-50.0, soil_temperature_c=20.0)
    connection = lake.connect()
    asked = "select plot_id, date, line_kpa from potential_daily order by plot_id, date"
    create_views(connection)
    of_days = connection.execute(asked).fetchall()
    make_models(connection, models_behind("potential_daily"), as_of=noon, site=BEICHEN)
    at_noon = connection.execute(asked).fetchall()
    eve, last = date(2025, 2, 27), date(2025, 2, 28)
    young, older = -33.0, -81.0
    assert of_days == [
        ("leap day", eve, young),
        ("leap day", last, older),
        ("next day", eve, young),
        ("next day", last, young),
    ]
    assert at_noon == [("leap day", eve, older), ("next day", eve, young)]


@pytest.mark.parametrize(("kpa_now", "needs_work"), [(-80.0, True), (-79.9, False)])
def test_potentials_open_by_the_hour_too(lake: MadeLake, kpa_now: float, *, needs_work: bool) -> None:
    lake.laboratory_plot()
    lake.device()
    june = AS_OF - timedelta(days=30)
    for hours in range(24 * 4):
        lake.soil(june - hours * HOUR, matric_potential_kpa=kpa_now if hours <= 6 else -30.0)
    flag = lake.flag("drought", as_of=june)
    assert flag["needs_work"] is needs_work
    if needs_work:
        assert flag["zh"] == "30 cm 土壤水势 -80.0 kPa，已到 -80.0 kPa 的浇水线，已 6 小时"


def test_a_dead_water_content_probe_does_not_hide_the_potential_of_its_plot(lake: MadeLake) -> None:
    """The probe of water content died 20 days ago, moist; since then the tensiometer has become dry."""
    lake.laboratory_plot()
    lake.device("V")
    lake.device("T")
    lake.soil_days([0.25] * 3, "V", last_day=date(2026, 6, 20))
    kilopascals(lake, -300.0, "T")
    flag = lake.flag("drought")
    assert (flag["state"], flag["needs_work"], flag["unit"]) == ("dry", True, "kPa")
    assert flag["inputs"]["trend_quantity"] == "matric_potential_kpa"


def test_water_content_goes_before_potential_on_the_days_that_have_both(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device("V")
    lake.device("T")
    lake.soil_until_now([0.25] * 3, "V")
    kilopascals(lake, -300.0, "T")
    assert (lake.flag("drought")["state"], lake.flag("drought")["unit"]) == ("ok", "%")


def test_a_spell_of_one_quantity_is_not_ended_by_the_other(lake: MadeLake) -> None:
    """Dry by potential, then two days on which a new probe of water content is moist: each keeps its own memory."""
    lake.laboratory_plot()
    lake.device("T")
    lake.device("V")
    for hours in range(24 * 6):
        lake.soil(AS_OF - hours * HOUR, "T", matric_potential_kpa=-300.0)
    lake.soil_days([0.25, 0.25], "V", last_day=date(2026, 7, 7))
    assert lake.flag("drought", as_of=local_midnight(date(2026, 7, 8)))["state"] == "ok"
    assert lake.flag("drought")["needs_work"] is True


def test_one_good_reading_of_water_content_makes_no_day_beside_potentials(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    for day in (8, 9):
        for hour in range(24):
            lake.soil(
                local_midnight(date(2026, 7, day)) + hour * HOUR,
                volumetric_water_content={2: None, 3: 0.13}.get(hour, 0.9),
                matric_potential_kpa=-10.0,
            )
    flag = lake.flag("drought")
    assert (flag["state"], flag["unit"]) == ("ok", "kPa")
    rows = lake.connection.execute(
        "select usable_readings, is_complete, usable_potentials, is_potential_complete from readings_daily"
    ).fetchall()
    assert rows == [(1, False, 24, True)] * 2
