"""Dividing a district into the parts in which it is judged."""

from __future__ import annotations

import duckdb

from sql.fingerprints import READ_COLUMNS
from sql.parts import make_parts


def test_devices_that_nobody_registered_are_judged_in_their_place_among_the_others() -> None:
    """Groups follow each other as their devices do in the files, so that a part finds its readings in few of them."""
    connection = duckdb.connect()
    connection.execute("create table device_groups as select 'B' as device_id, 'plot 1' as group_id")
    connection.execute("create table plot_groups as select 'P1' as plot_id, 'plot 1' as group_id")
    columns = [name.strip() for name in READ_COLUMNS.split(",") if name.strip() != "device_id"]
    connection.execute(
        "create table soil_readings as "
        f"select device_id, date '2026-07-09' as date, null as {', null as '.join(columns)} "
        "from (values ('Z'), ('B'), ('A')) as heard (device_id)"
    )
    parts = make_parts(connection, "true", at_once=1)
    assert [part.first_device_id for part in parts] == ["A", "B", "Z"]
