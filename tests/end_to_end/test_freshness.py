"""How soon a reading can be asked for."""

from __future__ import annotations

import time

from ingest.lake.layout import DataFolder
from ingest.worker import Pace
from tests.end_to_end.running import Watched, publish, reading, rows_in_lake, soil_topic, working
from tests.mosquitto import Mosquitto
from tests.waiting import wait_until


def test_at_the_settings_as_delivered_a_reading_shows_in_sql_within_fifteen_seconds(
    mosquitto: Mosquitto, folder: DataFolder
) -> None:
    with working(mosquitto, folder, Pace()) as worker, Watched(worker):
        began = time.monotonic()
        publish(mosquitto, [(soil_topic("gs-01"), reading(n)) for n in range(10)])
        wait_until(lambda: rows_in_lake(folder) == 10, "all ten rows show", timeout_s=15)
        assert time.monotonic() - began < 15
