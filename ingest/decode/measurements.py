"""From single values to wide rows: convert, hold against the range, group by sensing element."""

from __future__ import annotations

from datetime import datetime

from ingest.decode.guard import describe
from ingest.decode.quantities import CONVERSIONS, QUANTITIES, Quantity, unit_advice, units_of
from ingest.errors import Fault
from ingest.observation import PartFault, SoilReading, WeatherReading


class Measurements:
    """What one device measured at one instant; values that cannot be kept are in `refused`.

    refused: a part fault for each
    status: columns of `DeviceStatus` that came among the values (battery)
    """

    __slots__ = ("_doubts", "_is_native", "_soil", "_weather", "refused", "status")

    def __init__(self, *, native: bool = False) -> None:
        """Start with nothing.

        native: the parts are objects with quantity, value and unit, so a fault points into them; the battery is no
        quantity there, it has a place of its own in the message
        """
        self._is_native = native
        self._soil: dict[tuple[float | None, int | None], dict[str, object]] = {}
        self._doubts: dict[tuple[float | None, int | None], str] = {}
        self._weather: dict[str, object] = {}
        self.status: dict[str, float] = {}
        self.refused: list[PartFault] = []

    @property
    def has_soil(self) -> bool:
        """Say whether anything of the soil was measured until now."""
        return bool(self._soil)

    def add(
        self,
        quantity: str,
        unit: str,
        value: float,
        pointer: str,
        depth_cm: float | None = None,
        channel: int | None = None,
    ) -> None:
        """Keep `value` in the quantity's own unit, or note why not.

        A second value for the same element is refused unless it is the same value.
        channel: from 1, which is also meant when neither depth nor channel is given; only for soil quantities
        """
        conversion = CONVERSIONS.get((quantity, unit))
        if conversion is None or (self._is_native and conversion.quantity.kind == "status"):
            self.refuse(self._unknown(quantity, unit, pointer), pointer)
            return
        known = conversion.quantity
        kept = conversion.apply(value)
        if not known.lowest <= kept <= known.highest:
            self.refuse(_outside(known, value, unit, f"{pointer}/value" if self._is_native else pointer), pointer)
            return
        row: dict[str, object]
        if known.kind == "soil":
            row = self._soil.setdefault(_element(depth_cm, channel), {})
            if known.column == "volumetric_water_content":
                row.setdefault("unit_received", unit)
        elif known.kind == "weather":
            row = self._weather
        else:
            self.status.setdefault(known.column, kept)
            return
        if row.setdefault(known.column, kept) != kept:
            self.refuse(_twice(known, value, pointer), pointer)

    def doubt(self, reason: str, depth_cm: float | None, channel: int | None) -> None:
        """Keep what one element measured out of every verdict; `reason` begins with a code of `QUARANTINE_CODES`."""
        self._doubts[_element(depth_cm, channel)] = reason

    def refuse(self, fault: Fault, pointer: str) -> None:
        """Note that the part at `pointer` is not kept."""
        self.refused.append(PartFault(pointer, (fault,)))

    def _unknown(self, quantity: str, unit: str, pointer: str) -> Fault:
        allowed = [name for name, known in QUANTITIES.items() if known.kind != "status" or not self._is_native]
        if quantity not in allowed:
            place = f"{pointer}/quantity" if self._is_native else pointer
            expected = f"one of {', '.join(allowed)}"
            return Fault(place, "unknown_quantity", describe(quantity), expected, "Send one of these words.")
        place = f"{pointer}/unit" if self._is_native else pointer
        units = units_of(quantity)
        return Fault(place, "unit_not_allowed", describe(unit), f"one of {', '.join(units)}", unit_advice(unit, units))

    def soil_rows(
        self,
        device_id: str,
        measured_at: datetime,
        time_source: str,
        *,
        model: str | None = None,
        quarantine: str | None = None,
        uplink_key: str | None = None,
        device_seq: int | None = None,
    ) -> list[SoilReading]:
        """Return one row per depth or channel; `uplink_key` tells copies of a message, and here its depths, apart."""
        return [
            SoilReading(
                device_id=device_id,
                measured_at=measured_at,
                time_source=time_source,
                channel=channel,
                depth_cm=depth_cm,
                model=model,
                quarantine=quarantine or self._doubts.get((depth_cm, channel)),
                uplink_key=uplink_key if uplink_key is None or depth_cm is None else f"{uplink_key}/{depth_cm:g}cm",
                device_seq=device_seq,
                **columns,  # type: ignore[arg-type]
            )
            for (depth_cm, channel), columns in self._soil.items()
        ]

    def weather_rows(
        self, device_id: str, measured_at: datetime, time_source: str, *, uplink_key: str | None = None
    ) -> list[WeatherReading]:
        """Return one row when anything above the ground was measured, otherwise none."""
        if not self._weather:
            return []
        row = WeatherReading(
            device_id=device_id,
            measured_at=measured_at,
            time_source=time_source,
            uplink_key=uplink_key,
            **self._weather,  # type: ignore[arg-type]
        )
        return [row]


def _element(depth_cm: float | None, channel: int | None) -> tuple[float | None, int | None]:
    return (depth_cm, None) if depth_cm is not None else (None, channel or 1)


def _outside(quantity: Quantity, value: float, unit: str, pointer: str) -> Fault:
    return Fault(
        pointer,
        "out_of_range",
        f"{describe(value)} {unit}",
        f"{quantity.lowest:,.12g} to {quantity.highest:,.12g} {quantity.unit}",
        f"{_perhaps_in(quantity, value)}Check value, unit and sign; leave the reading out when the sensor is absent.",
    )


def _perhaps_in(quantity: Quantity, value: float) -> str:
    """Return a question whether the units were meant in which the value could be; "" where there are none."""
    values = {unit: CONVERSIONS[quantity.name, unit].apply(value) for unit in units_of(quantity.name)}
    possible = [unit for unit, kept in values.items() if quantity.lowest <= kept <= quantity.highest]
    return f"Is it in {' or '.join(possible)}? Then send that unit. " if possible else ""


def _twice(quantity: Quantity, value: float, pointer: str) -> Fault:
    return Fault(
        pointer,
        "measured_twice",
        f"a second {quantity.name}, {describe(value)}",
        "one value per quantity and depth or channel",
        "Give the second element its own depth or channel.",
    )
