"""The invented soil and camera obey the physics they claim."""

from __future__ import annotations

import numpy as np
import pytest

from greensward.simulate.flights import FOCAL_PX, HEIGHT_PX, WIDTH_PX, pixel_of
from greensward.simulate.ground import to_lon_lat
from greensward.simulate.soil import (
    VEGETATION,
    SoilFacts,
    depletion_seen,
    read_frozen,
    simulate_water,
    soil_temperature,
)
from greensward.simulate.weather import STEPS_PER_DAY, Weather, invent_weather
from ingest.registers.area import WGS84

LOAM = SoilFacts("loam", field_capacity=0.28, wilting_point=0.14, saturation=0.46)


@pytest.fixture(scope="module")
def weather() -> Weather:
    return invent_weather(np.random.default_rng(1), 21, 66)


def test_march_has_frosty_nights_at_first_and_drinking_weather_at_the_end(weather: Weather) -> None:
    first, last = weather.air_c[: 5 * STEPS_PER_DAY], weather.air_c[-5 * STEPS_PER_DAY :]
    assert first.min() < -4
    assert 4 < last.mean() < 14
    assert 6 < weather.rain_mm.sum() < 13
    per_day = weather.et0_mm.reshape(-1, STEPS_PER_DAY).sum(axis=1)
    assert 0.2 < per_day.min() < per_day.max() < 5


def test_water_lost_is_never_more_than_the_plants_can_take(weather: Weather) -> None:
    plant = VEGETATION["shrubs"]
    state = simulate_water(weather, [LOAM], [plant], np.array([0.2]), np.array([2.0]))
    thickness_mm = np.array([200.0, 250.0, 550.0])
    lost = (state.water[0, 0] - state.water[-1, 0]) @ thickness_mm + weather.rain_mm.sum()
    assert 0 < lost <= plant.kc * weather.et0_mm.sum() + 0.1
    assert state.watered == ()


def test_a_plot_that_is_looked_after_is_watered_and_never_gets_drier_than_the_crew_lets_it(weather: Weather) -> None:
    plant = VEGETATION["cool_turf"]
    state = simulate_water(weather, [LOAM], [plant], np.array([0.2]), np.array([0.25]))
    assert len(state.watered) >= 1
    worst = max(depletion_seen([0.15], [theta], LOAM, plant) for theta in state.water[:, 0, 0])
    assert worst < 0.25 + 0.12


def test_deep_soil_is_slower_and_steadier_than_shallow(weather: Weather) -> None:
    shallow, deep = soil_temperature(weather, 0.10, 0.0), soil_temperature(weather, 0.60, 0.0)
    assert np.ptp(shallow[:STEPS_PER_DAY]) > 5 * np.ptp(deep[:STEPS_PER_DAY])


def test_ice_reads_as_dry_and_thawed_soil_reads_as_it_is() -> None:
    theta = np.array([0.30, 0.30, 0.30])
    read = read_frozen(theta, np.array([2.0, 0.0, -1.5]))
    assert read[0] == read[1] == pytest.approx(0.30)
    assert read[2] < 0.17


def test_depletion_of_two_layers_agrees_with_a_hand_calculation() -> None:
    # z 0.10, 0.40, Zr 0.6: borders 0, 0.25, 0.4 + max(0.10, 0.15) = 0.55; TAW 0.14 * 550 = 77 mm.
    gone = depletion_seen([0.10, 0.40], [0.18, 0.23], LOAM, VEGETATION["shrubs"])
    assert gone == pytest.approx((0.10 * 250 + 0.05 * 300) / 77)


def test_metres_beside_the_canal_are_metres_on_the_ellipsoid() -> None:
    (lon0, lat0), (lon1, lat1) = to_lon_lat((0.0, 0.0)), to_lon_lat((800.0, -150.0))
    assert WGS84.inv(lon0, lat0, lon1, lat1)[2] == pytest.approx(np.hypot(800, 150), abs=0.1)
    azimuth = WGS84.inv(lon0, lat0, *to_lon_lat((500.0, 0.0)))[0]
    assert azimuth % 360 == pytest.approx(128.0, abs=0.05)


def test_straight_down_the_right_of_the_picture_is_right_of_the_flight() -> None:
    east_of_it = pixel_of((10.0, 0.0, -50.0), 0.0, -90.0, 0.0)
    assert east_of_it == pytest.approx((WIDTH_PX / 2 + FOCAL_PX / 5, HEIGHT_PX / 2))
    north_of_it = pixel_of((0.0, 10.0, -50.0), 0.0, -90.0, 0.0)
    assert north_of_it == pytest.approx((WIDTH_PX / 2, HEIGHT_PX / 2 - FOCAL_PX / 5))
    flying_east = pixel_of((10.0, 0.0, -50.0), 90.0, -90.0, 0.0)
    assert flying_east == pytest.approx((WIDTH_PX / 2, HEIGHT_PX / 2 - FOCAL_PX / 5))
