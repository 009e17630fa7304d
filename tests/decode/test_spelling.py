"""Uplinks whose fields are spelled otherwise than the maker's codec does, or lie a level deeper."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.errors import PayloadError
from tests.decode.conftest import Publish
from tests.decode.lorawan import CHIRPSTACK, EUI, THINGS_STACK, chirpstack, things_stack

MOIST = {"volumetric_water_content": 0.214, "soil_temperature_c": 22.5, "bulk_ec_ds_m": 0.35}


def measured(publish: Publish, fields: dict[str, Any], model: str | None) -> list[dict[str, Any]]:
    """Return what an uplink says, without what it does not."""
    decoded = publish(CHIRPSTACK, chirpstack(fields), models={EUI: model} if model else {})
    assert decoded.parts_refused == ()
    return [{name: value for name in MOIST if (value := getattr(row, name)) is not None} for row in decoded.soil]


@pytest.mark.parametrize(
    "fields",
    [
        {"water_SOIL": "21.40", "temp_SOIL": "22.50", "conduct_SOIL": 350},
        {"WATER_SOIL": "21.4 %", "TEMP_SOIL": "22.5 °C", "CONDUCT_SOIL": "350 uS/cm"},
        {"water-soil": 21.4, "temp soil": 22.5, "conductSOIL": 350},
        {"data": {"water_SOIL": 21.4, "temp_SOIL": 22.5, "conduct_SOIL": 350}},
        {"BatV": 3.4, "Payload": {"Water_Soil": "21.4%", "Temp_Soil": 22.5, "Conduct_Soil": "0.35 dS/m"}},
    ],
    ids=["as the maker", "capitals and units", "other signs", "a level deeper", "deeper, beside the battery"],
)
@pytest.mark.parametrize("model", ["dragino/lse01", None], ids=["registered", "recognised"])
def test_a_known_family_is_read_however_its_fields_are_spelled(
    publish: Publish, fields: dict[str, Any], model: str | None
) -> None:
    assert measured(publish, fields, model) == [MOIST]


def test_what_the_model_has_under_its_own_name_goes_first(publish: Publish) -> None:
    fields = {"water_SOIL": 21.4, "WATER_SOIL": 99, "data": {"water_SOIL": 1, "temp_SOIL": 22.5}, "conduct_SOIL": 350}
    assert measured(publish, fields, "dragino/lse01") == [MOIST]


@pytest.mark.parametrize(
    "fields",
    [
        {"conduct_SOIL": 350, "threshold": {"water_SOIL": 30.0}},
        {"conduct_SOIL": 350, "config": {"water_SOIL": 30.0}},
        {"conduct_SOIL": 350, "data": {"water_SOIL": 20.0}, "payload": {"water_SOIL": 30.0}},
    ],
    ids=["a threshold", "a setting", "two say it"],
)
def test_a_limit_or_a_name_in_two_places_is_nobodys_measurement(publish: Publish, fields: dict[str, Any]) -> None:
    assert measured(publish, fields, "dragino/lse01") == [{"bulk_ec_ds_m": 0.35}]


@pytest.mark.parametrize(
    "fields",
    [
        {"soil": {"moisture": "21.4 %", "temperature": "22.5 °C", "ec": "350 uS/cm"}},
        {"data": {"soil_moisture": "21.4 %", "soil_temperature": 22.5, "soil_ec": "0.35 dS/m"}},
    ],
    ids=["in the soil", "in a wrapper"],
)
def test_a_model_that_nobody_knows_is_read_a_level_deeper_too(publish: Publish, fields: dict[str, Any]) -> None:
    decoded = publish(THINGS_STACK, things_stack(fields))
    (row,) = decoded.soil
    assert {name: getattr(row, name) for name in MOIST} == MOIST


def test_limits_of_an_unknown_model_are_no_measurements(publish: Publish) -> None:
    with pytest.raises(PayloadError) as caught:
        publish(CHIRPSTACK, chirpstack({"limits": {"soil_moisture": "30 %"}, "config": {"soil_temperature": 25}}))
    assert caught.value.faults[0].code == "no_known_field"
