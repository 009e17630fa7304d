"""Saline soil: water content reads high there, which is said beside the verdict and changes it in nothing."""

from __future__ import annotations

import pytest

from crews.explain.explanation import explain
from ingest.site import BEICHEN
from sql.describe import describe_plot
from tests.sql.made_lake import MadeLake


@pytest.mark.parametrize("ec_ds_m", [4.0, 4.01])
def test_above_four_ds_m_the_flag_says_that_water_content_reads_high_and_judges_as_before(
    lake: MadeLake, ec_ds_m: float
) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_until_now([0.16] * 3, bulk_ec_ds_m=ec_ds_m)
    flag = lake.flag("drought")
    assert (flag["state"], flag["needs_work"]) == ("dry", True)
    assert flag["inputs"]["saline_ec_ds_m"] == (ec_ds_m if ec_ds_m > 4.0 else None)
    assert flag["inputs"]["probes"][0]["bulk_ec_ds_m"] == ec_ds_m
    lake.flags()
    said = {
        language: [
            step.said
            for step in explain(describe_plot(lake.connection, "P1"), language, BEICHEN, 8000.0).steps
            if step.key == "saline"
        ]
        for language in ("zh", "en")
    }
    assert said == (
        {
            "zh": ["含水率可能偏高：土壤盐分高（EC 4.01 > 4 dS/m）"],
            "en": ["water content may read high: saline soil (EC 4.01 > 4 dS/m)"],
        }
        if ec_ds_m > 4.0
        else {"zh": [], "en": []}
    )


def test_a_single_salty_reading_after_fertilising_is_no_saline_soil(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_until_now([0.16] * 3, bulk_ec_ds_m=1.0)
    lake.rows["soil_readings"][50]["bulk_ec_ds_m"] = 9.0
    assert lake.flag("drought")["inputs"]["saline_ec_ds_m"] is None


def test_potentials_do_not_read_high_in_salt(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.soil_until_now([0.16] * 3, volumetric_water_content=None, matric_potential_kpa=-120.0, bulk_ec_ds_m=6.0)
    flag = lake.flag("drought")
    assert (flag["state"], flag["inputs"]["saline_ec_ds_m"]) == ("dry", None)
