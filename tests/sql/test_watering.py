"""The water that crews say they brought."""

from __future__ import annotations

from datetime import timedelta

from sql.analysts import create_views
from tests.sql.made_lake import AS_OF, MadeLake


def test_a_corrected_amount_takes_the_place_of_the_reported_one_in_its_own_round_only(lake: MadeLake) -> None:
    said = [("done", 6400.0), ("amended", 640.0), ("reopened", None), ("done", 3000.0), ("done", None)]
    for number, (kind, litres) in enumerate(said):
        lake.rows["issue_events"].append(
            {
                "event_id": f"e{number}",
                "issue_id": "I1",
                "happened_at": AS_OF + timedelta(minutes=number),
                "kind": kind,
                "plot_id": "P1",
                "cause": "drought",
                "actor": "一队",
                "detail_json": "{}" if litres is None else f'{{"water_used_litres": {litres}}}',
            }
        )
    connection = lake.connect()
    create_views(connection)
    rows = connection.execute(
        "select round_number, actor, litres from watering_reports order by reported_at"
    ).fetchall()
    assert rows == [(1, "一队", 640.0), (2, "一队", 3000.0), (3, "一队", None)]
