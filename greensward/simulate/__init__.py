"""An invented district beside the North Canal: plots, probes, weather and patrols, the same for the same seed."""

from __future__ import annotations

from greensward.simulate.district import District, Truth, invent_district, latest_season_end
from greensward.simulate.readings import TimedMessage

__all__ = ["District", "TimedMessage", "Truth", "invent_district", "latest_season_end"]
