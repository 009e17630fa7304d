"""What may be measured, in which units it may arrive, and the one unit and range it is kept in.

Units are UCUM codes (https://ucum.org), case-sensitive. A quantity and unit that do not stand here are refused:
nothing is guessed, and kHz, kPa, counts or leaf wetness never become water content.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["soil", "weather", "status"]
_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measurable thing.

    column: where it is kept; the row class is `SoilReading`, `WeatherReading` or `DeviceStatus` by `kind`
    unit: UCUM code of the column
    lowest, highest: inclusive bounds in that unit; outside no such sensor can be right. Bounds are wide on purpose:
    the finer gates of soil quality are flags on stored rows, not refusals
    """

    name: str
    kind: Kind
    column: str
    unit: str
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Conversion:
    """value × multiply ÷ divide + add. Two factors, so that 18.3 % is 0.183 to the last bit.

    Sums are rounded far below any sensor's resolution: 294.55 K is 21.4 °C, and no digits of noise go to the lake.
    """

    quantity: Quantity
    multiply: float = 1.0
    divide: float = 1.0
    add: float = 0.0

    def apply(self, value: float) -> float:
        """Return the value in the quantity's own unit."""
        scaled = value * self.multiply / self.divide
        return scaled if self.multiply == self.divide == 1 and not self.add else round(scaled + self.add, _DECIMALS)


_ALL = (
    # Water content a little below zero is what calibrations give in air; it is stored and flagged (gate C01).
    Quantity("volumetric_water_content", "soil", "volumetric_water_content", "m3/m3", -0.2, 1.0),
    # -1 GPa is oven-dry (pF 7); a positive potential is a tension with its sign lost.
    Quantity("matric_potential", "soil", "matric_potential_kpa", "kPa", -1_000_000.0, 0.0),
    Quantity("soil_temperature", "soil", "soil_temperature_c", "Cel", -60.0, 90.0),
    # Sea water is about 50 dS/m.
    Quantity("bulk_ec", "soil", "bulk_ec_ds_m", "dS/m", 0.0, 60.0),
    Quantity("raw_frequency", "soil", "raw_frequency_khz", "kHz", 0.0, 10_000_000.0),
    Quantity("raw_counts", "soil", "raw_counts", "1", -1e9, 1e9),
    Quantity("air_temperature", "weather", "air_temperature_c", "Cel", -60.0, 70.0),
    Quantity("relative_humidity", "weather", "relative_humidity_pct", "%", 0.0, 100.0),
    Quantity("rain_depth", "weather", "rain_depth_mm", "mm", 0.0, 1000.0),
    Quantity("leaf_wetness", "weather", "leaf_wetness_pct", "%", 0.0, 100.0),
    Quantity("wind_speed", "weather", "wind_speed_m_s", "m/s", 0.0, 120.0),
    Quantity("solar_radiation", "weather", "solar_radiation_w_m2", "W/m2", -50.0, 2000.0),
    # At the station, not reduced to the sea: 45 kPa is 6,000 m up.
    Quantity("air_pressure", "weather", "air_pressure_kpa", "kPa", 45.0, 115.0),
    Quantity("battery_voltage", "status", "battery_v", "V", 0.0, 100.0),
    Quantity("battery_level", "status", "battery_pct", "%", 0.0, 100.0),
)

QUANTITIES = MappingProxyType({quantity.name: quantity for quantity in _ALL})
"""Every quantity by its name on the wire."""

_UNITS: dict[str, dict[str, tuple[float, float, float]]] = {
    "volumetric_water_content": {"m3/m3": (1, 1, 0), "cm3/cm3": (1, 1, 0), "1": (1, 1, 0), "%": (1, 100, 0)},
    "matric_potential": {
        "kPa": (1, 1, 0),
        "Pa": (1, 1000, 0),
        "hPa": (1, 10, 0),
        "MPa": (1000, 1, 0),
        "mbar": (1, 10, 0),
        "cbar": (1, 1, 0),
        "bar": (100, 1, 0),
    },
    "soil_temperature": {"Cel": (1, 1, 0), "K": (1, 1, -273.15), "[degF]": (5, 9, -160 / 9)},
    "bulk_ec": {
        "dS/m": (1, 1, 0),
        "mS/cm": (1, 1, 0),
        "uS/cm": (1, 1000, 0),
        "mS/m": (1, 100, 0),
        "S/m": (10, 1, 0),
    },
    "raw_frequency": {"kHz": (1, 1, 0), "Hz": (1, 1000, 0), "MHz": (1000, 1, 0)},
    "raw_counts": {"1": (1, 1, 0)},
    "air_temperature": {"Cel": (1, 1, 0), "K": (1, 1, -273.15), "[degF]": (5, 9, -160 / 9)},
    "relative_humidity": {"%": (1, 1, 0), "1": (100, 1, 0)},
    "rain_depth": {"mm": (1, 1, 0), "cm": (10, 1, 0), "m": (1000, 1, 0), "[in_i]": (25.4, 1, 0)},
    "leaf_wetness": {"%": (1, 1, 0), "1": (100, 1, 0)},
    "wind_speed": {"m/s": (1, 1, 0), "km/h": (1, 3.6, 0)},
    # Sums of an hour or a day, as weather services write them: 86.4 kJ/m2 a day is 1 W/m2.
    "solar_radiation": {
        "W/m2": (1, 1, 0),
        "kW/m2": (1000, 1, 0),
        "MJ/(m2.h)": (1, 0.0036, 0),
        "MJ/(m2.d)": (1, 0.0864, 0),
    },
    "air_pressure": {"kPa": (1, 1, 0), "hPa": (1, 10, 0), "mbar": (1, 10, 0), "Pa": (1, 1000, 0)},
    "battery_voltage": {"V": (1, 1, 0), "mV": (1, 1000, 0)},
    "battery_level": {"%": (1, 1, 0), "1": (100, 1, 0)},
}

CONVERSIONS = MappingProxyType(
    {
        (name, unit): Conversion(QUANTITIES[name], multiply, divide, add)
        for name, units in _UNITS.items()
        for unit, (multiply, divide, add) in units.items()
    }
)
"""How a value of a quantity in a unit comes into the quantity's own unit; every pair that is accepted."""


def units_of(quantity: str) -> tuple[str, ...]:
    """Return the units that `quantity` may arrive in, its own first."""
    return tuple(_UNITS.get(quantity, ()))


# How vendors write units, beside UCUM.
_WRITTEN = {
    "°c": "Cel",
    "℃": "Cel",
    "c": "Cel",
    "degc": "Cel",
    "celsius": "Cel",
    "°f": "[degF]",
    "℉": "[degF]",
    "f": "[degF]",
    "degf": "[degF]",
    "fahrenheit": "[degF]",
    "kelvin": "K",
    "percent": "%",
    "pct": "%",
    "%vwc": "%",
    "vol%": "%",
    "%vol": "%",
    "vol-%": "%",
    "vol.%": "%",
    "%rh": "%",
    "us/cm": "uS/cm",
    "ms/cm": "mS/cm",
    "ds/m": "dS/m",
    "uscm-1": "uS/cm",
    "mscm-1": "mS/cm",
    "dsm-1": "dS/m",
    "mmho/cm": "mS/cm",
    "m3/m3": "m3/m3",
    "cm3/cm3": "cm3/cm3",
    "m3m-3": "m3/m3",
    "cm3cm-3": "cm3/cm3",
    "khz": "kHz",
    "hz": "Hz",
    "kpa": "kPa",
    "cb": "cbar",
    "centibar": "cbar",
    "centibars": "cbar",
    "inch": "[in_i]",
    "in": "[in_i]",
    "l/m2": "mm",
    "v": "V",
    "mv": "mV",
}
_LETTERS = str.maketrans(
    {"µ": "u", "μ": "u", "¹": "1", "²": "2", "³": "3", "⁻": "-", "％": "%", "·": ".", "⋅": ".", " ": None}
)


_PER = (
    (".cm-1", "/cm"),
    (".m-1", "/m"),
    (".m-3", "/m3"),
    (".cm-3", "/cm3"),
    (".m-2", "/m2"),
    (".s-1", "/s"),
)


def unit_advice(written: object, allowed: Iterable[str]) -> str:
    """Return what to write instead of a unit that is none of `allowed`: its UCUM code, where that is one of them."""
    code = ucum(written) if isinstance(written, str) else ""
    return f"Write {code}." if code in allowed else "Write one of these UCUM codes."


def ucum(written: str) -> str:
    """Return the UCUM code of a unit as vendors write it ("µS⋅cm⁻¹", "°C", "m³/m³"); unknown ones come back as sent."""
    plain = written.strip().translate(_LETTERS)
    for per, slash in _PER:
        plain = plain.replace(per, slash)
    # Only a spelling that is not UCUM already is looked up: mS/m and MS/m differ by their first letter alone.
    return plain if any(plain in units for units in _UNITS.values()) else _WRITTEN.get(plain.lower(), plain)
