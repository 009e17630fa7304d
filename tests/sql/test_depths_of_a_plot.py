"""Probes that stand close together in depth, and depths that the register names and nobody hears."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from ingest.site import BEICHEN
from sql.evaluate import make_models
from sql.models import models_behind
from tests.sql.made_lake import AS_OF, MadeLake

HOUR = timedelta(hours=1)


def probes(lake: MadeLake, *values: tuple[float, float], plot_id: str = "P1", **reading: Any) -> None:
    """Add a plot of measured soil with a probe for each (depth in cm, water content)."""
    lake.laboratory_plot(plot_id)
    for number, (depth_cm, water_content) in enumerate(values):
        lake.device(f"{plot_id}-{number}", plot_id, depths_cm=[depth_cm])
        lake.soil_days([water_content] * 3, f"{plot_id}-{number}", **reading)


def rows(lake: MadeLake, model: str, where: str) -> list[dict[str, Any]]:
    connection = lake.connect()
    make_models(connection, models_behind(model), as_of=AS_OF, site=BEICHEN)
    asked = connection.execute(f"select * from {model} where {where} order by plot_id, depth_cm")
    found: list[dict[str, Any]] = asked.to_arrow_table().to_pylist()
    return found


def test_probes_three_centimetres_apart_are_one_layer_and_four_apart_two(lake: MadeLake) -> None:
    probes(lake, (10.0, 0.25), (13.0, 0.21), plot_id="three")
    probes(lake, (10.0, 0.25), (14.0, 0.21), plot_id="four")
    layers = rows(lake, "root_zone_layers", "span = 'day' and date = date '2026-07-09'")
    three, four = ([row for row in layers if row["plot_id"] == plot_id] for plot_id in ("three", "four"))
    assert [(row["depth_cm"], row["depth_names"]) for row in three] == [(11.5, " 10.0- 13.0")]
    assert three[0]["volumetric_water_content"] == pytest.approx(0.23)
    assert [row["bottom_m"] for row in four] == pytest.approx([0.12, 0.24])


def test_layers_add_up_to_the_same_root_zone_in_whatever_order_threads_bring_them(lake: MadeLake) -> None:
    """Times 0.15, 0.2 and 0.25 m these make 0.1403322935 m, between two last digits; doubles fall to both sides."""
    probes(lake, (10.0, 0.25), (20.0, 0.21), (40.0, 0.21))
    connection = lake.connect()
    behind = models_behind("root_zone")
    make_models(connection, behind, as_of=AS_OF, site=BEICHEN)
    connection.execute("set threads = 1")
    connection.execute("create table layers as select * from root_zone_layers where span = 'day'")
    for depth_cm, water_content, thickness_m in (
        (10.0, 0.1903803, 0.15), (20.0, 0.10930353, 0.2), (40.0, 0.35965817, 0.25)
    ):  # fmt: skip
        connection.execute(
            "update layers set volumetric_water_content = ?, thickness_m = ? where depth_cm = ?",
            [water_content, thickness_m, depth_cm],
        )
    found = set()
    for order in permutations((10, 20, 40)):
        connection.execute(
            "create or replace table root_zone_layers as select * from layers "
            f"order by date, array_position({list(order)}, cast(depth_cm as integer))"
        )
        asked = connection.execute(f"select distinct water_mm from ({behind[-1].select})")
        found |= {water_mm for (water_mm,) in asked.fetchall()}
    assert len(found) == 1


def test_one_bad_probe_among_three_at_about_one_depth_does_not_rule_the_plot(lake: MadeLake) -> None:
    """As three depths the one at 12 cm would stand for all the roots below it, and send a crew."""
    probes(lake, (10.0, 0.26), (11.0, 0.25), (12.0, 0.12))
    probes(lake, (10.0, 0.26), (12.0, 0.12), (12.0, 0.25), plot_id="P2")
    probes(lake, (12.0, 0.12), plot_id="P3")
    verdicts = lake.verdicts()
    assert {plot_id: verdicts[plot_id]["state"] for plot_id in ("P1", "P2")} == {"P1": "ok", "P2": "ok"}
    assert verdicts["P1"]["value"] == pytest.approx(25.0)
    assert "10-12 cm" in verdicts["P1"]["zh"]
    assert verdicts["P3"]["inputs"]["water_content"] == pytest.approx(0.12)


def test_one_bad_tensiometer_among_three_at_about_one_depth_does_not_rule_the_plot(lake: MadeLake) -> None:
    lake.laboratory_plot()
    for number, (depth_cm, kpa) in enumerate(((28.0, -20.0), (30.0, -25.0), (31.0, -400.0))):
        lake.device(f"D{number}", depths_cm=[depth_cm])
        lake.soil_days([0.2] * 3, f"D{number}", volumetric_water_content=None, matric_potential_kpa=kpa)
    flag = lake.flag("drought")
    assert (flag["state"], flag["value"]) == ("ok", pytest.approx(-25.0))


def test_a_tensiometer_beside_two_moisture_probes_stays_at_its_own_depth(lake: MadeLake) -> None:
    probes(lake, (10.0, 0.26), (12.0, 0.24))
    lake.device("T", depths_cm=[10.0])
    lake.soil_days([0.2] * 3, "T", volumetric_water_content=None, matric_potential_kpa=-30.0)
    said = rows(lake, "depth_readings", "span = 'day' and date = date '2026-07-09'")
    assert {(row["quantity"], row["depth_cm"], round(row["value"], 9)) for row in said} == {
        ("water_content", 11.0, 0.25),
        ("matric_potential", 10.0, -30.0),
    }
    assert len(said) == 2


def test_a_depth_named_on_one_day_only_moves_no_other(lake: MadeLake) -> None:
    probes(lake, (14.0, 0.25))
    for hour in range(24):
        lake.soil(AS_OF - (20 + hour % 8) * HOUR, "P1-0", None, depth_cm=15.0, volumetric_water_content=0.1)
    depths = rows(lake, "plot_depths", "quantity = 'water_content'")
    assert [(row["depth_cm"], row["shared_depth_cm"]) for row in depths] == [(14.0, 14.0)]


def test_four_probes_at_about_one_depth_watch_each_other(lake: MadeLake) -> None:
    """S3: one that is off the median of four neighbours by more than 0.08; at three depths nobody would know."""
    probes(lake, (10.0, 0.25), (11.0, 0.25), (12.0, 0.25), (13.0, 0.16))
    connection = lake.connect()
    make_models(connection, models_behind("readings"), as_of=AS_OF, site=BEICHEN)
    outliers = connection.execute("select distinct device_id from readings where is_s3_outlier").fetchall()
    assert outliers == [("P1-3",)]


def test_learned_field_capacities_of_close_depths_are_shared(lake: MadeLake) -> None:
    probes(lake, (10.0, 0.25), (12.0, 0.25))
    for device_id, depth_cm, held in (("P1-0", 10.0, 0.30), ("P1-1", 12.0, 0.32)):
        for day in range(1, 4):
            lake.add(
                "soil_plateaus",
                plot_id="P1",
                device_id=device_id,
                channel=1,
                depth_cm=depth_cm,
                wetted_at=AS_OF - timedelta(days=60 + day),
                peak_water_content=0.4,
                plateau_water_content=held,
                found_at=AS_OF - timedelta(days=30),
            )
    (layer,) = rows(lake, "root_zone_layers", "span = 'day' and date = date '2026-07-09'")
    assert (layer["is_learned"], layer["field_capacity"]) == (True, pytest.approx(0.31))


@pytest.mark.parametrize(("hours", "state"), [(23, "ok"), (24, "sensor_fault")])
def test_a_registered_depth_that_never_sends_is_told_with_device_and_depth(
    lake: MadeLake, hours: int, state: str
) -> None:
    """It gets the day that a silent one gets; the plot is judged by the other depths meanwhile."""
    lake.laboratory_plot()
    lake.device("BC-7", depths_cm=[10.0, 30.0, 50.0])
    for back in range(hours + 1):
        for channel in (1, 2):
            lake.soil(AS_OF - back * HOUR, "BC-7", channel, volumetric_water_content=0.25, soil_temperature_c=20.0)
    flag = lake.flag("sensor")
    assert (flag["state"], flag["needs_work"]) == (state, state != "ok")
    if state != "ok":
        assert (flag["device_id"], flag["severity"], flag["reason_code"]) == ("BC-7", 1, "sensor_depth_missing")
        assert "BC-7" in flag["zh"]
        assert "50 cm" in flag["zh"]
        assert "BC-7" in flag["en"]
        assert "50 cm" in flag["en"]
        assert lake.flag("drought")["state"] != "sensor_fault"


def test_a_probe_whose_only_depth_is_wrong_in_the_register_misses_none_that_sends(lake: MadeLake) -> None:
    """A message that names its depth itself: the register's 20 cm are missing, its 30 cm are there."""
    lake.laboratory_plot()
    lake.device(depths_cm=[20.0, 30.0])
    lake.soil_days([0.25] * 3, channel=None, depth_cm=30.0, last_day=date(2026, 7, 9))
    for hour in range(1, 9):
        lake.soil(AS_OF - (8 - hour) * HOUR, "D1", None, depth_cm=30.0, volumetric_water_content=0.25)
    assert lake.flag("sensor")["params"]["depths_cm"] == "20"
